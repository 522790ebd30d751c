#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use crate::config::settings::tests::smallest;
use crate::present::diagnostic::render;

#[test]
fn variables_take_the_type_of_what_they_override() {
    const MORE: &str = r#"
[vars]
count = 1
ratio = 1.5
flag = true
name = "x"
disk-size = 20
list = ["a"]
[artifacts.my-handler]
[parameters]
DbName = "x"
"#;
    for (variable, value, key, expected) in [
        ("STACKCTL_VARS__DISK_SIZE", "30", "vars.disk-size", "30"),
        ("STACKCTL_VARS__COUNT", "2", "vars.count", "2"),
        ("STACKCTL_VARS__NAME", "2", "vars.name", "2"),
        ("STACKCTL_VARS__RATIO", "2", "vars.ratio", "2.0"),
        ("STACKCTL_VARS__LIST", "b, c", "vars.list", r#"["b", "c"]"#),
        ("STACKCTL_VARS__LIST", "[1]", "vars.list", "[1]"),
        ("STACKCTL_VARS__FLAG", "false", "vars.flag", "false"),
        ("STACKCTL_VARS__NEW", "007", "vars.new", "007"),
        (
            "STACKCTL_ACCOUNT",
            "012345678901",
            "account",
            "012345678901",
        ),
        ("STACKCTL_ALLOW_ENDPOINT", "true", "allow_endpoint", "true"),
        (
            "STACKCTL_ALLOWED_SSH_CIDR",
            "10.0.0.0/8",
            "allowed_ssh_cidr",
            "10.0.0.0/8",
        ),
        (
            "STACKCTL_ALLOWED_SSH_CIDR",
            "10.0.0.0/8,::1/128",
            "allowed_ssh_cidr",
            "10.0.0.0/8, ::1/128",
        ),
        (
            "STACKCTL_STACK__TIMEOUT_MINUTES",
            "30",
            "stack.timeout_minutes",
            "30",
        ),
        (
            "STACKCTL_STACK__CAPABILITIES",
            "CAPABILITY_IAM",
            "stack.capabilities",
            "CAPABILITY_IAM",
        ),
        ("STACKCTL_TAGS__OWNER", "1", "tags.owner", "1"),
        ("STACKCTL_PARAMETERS__DBNAME", "1", "parameters.DbName", "1"),
        (
            "STACKCTL_PARAMETERS__DB_NAME",
            "1",
            "parameters.DbName",
            "1",
        ),
        (
            "STACKCTL_ARTIFACTS__MY_HANDLER__PATH",
            "src",
            "artifacts.my-handler.path",
            "src",
        ),
        ("STACKCTL_ENVIRONMENT", "dev", "environment", "dev"),
    ] {
        let row = smallest(MORE).variable(variable, value).row(key);
        assert_eq!(
            row,
            format!("{expected} ({variable})"),
            "{variable}={value}"
        );
    }
}

#[test]
fn a_value_inside_a_free_table_can_be_set() {
    const MORE: &str = "[vars]\nnested = { one = 1, two = 2 }\n";
    let row = |argument: &str| smallest(MORE).set(argument).row("vars.nested");
    assert_eq!(
        row("vars.nested.two=3"),
        "{ one = 1, two = 3 } (manifest.toml:6)"
    );
    let errors = smallest(MORE).set("vars.nested.two=many").errors();
    assert!(
        errors.contains("`vars.nested.two` must be an integer"),
        "{errors}"
    );
}

#[test]
fn a_quoted_part_of_a_key_may_hold_dots_and_equal_signs() {
    for (argument, key, value) in [
        ("tags.\"a.b\"=c", "tags.a.b", "c"),
        ("tags . 'a=b' = c", "tags.a=b", " c"),
        ("vars.x=\"a.b\"", "vars.x", "\"a.b\""),
    ] {
        let row = smallest("").set(argument).row(key);
        assert_eq!(row, format!("{value} (--set)"), "{argument}");
    }
    for argument in ["tags.\"a.b=c", "=x", "vars"] {
        let error = smallest("").set(argument).resolve().unwrap_err();
        assert_eq!(error.diagnostics()[0].rule, "bad-set", "{argument}");
    }
}

#[test]
fn variables_of_the_program_itself_set_nothing() {
    smallest("")
        .variable("STACKCTL_CACHE_DIR", "/tmp")
        .variable("STACKCTL_CORPUS", "x")
        .variable("STACKCTL_ENV", "dev")
        .variable("STACKCTL_MANIFEST", "x")
        .settings();
}

#[test]
fn wrong_variables_and_flags_are_quoted() {
    insta::assert_snapshot!(
        smallest("[vars]\ncount = 1\n")
            .variable("STACKCTL_ALLOWED_SSH_CIDR", "10.0.0.0/8, 10.0.0.1/8")
            .variable("STACKCTL_EMULATOR", "true")
            .variable("STACKCTL_VARS__COUNT", "many")
            .set("account=1")
            .set("parameters.Plain=x")
            .set("stack.termination_protection=maybe")
            .set("vars")
            .set("verify.upload=file")
            .errors(),
        @r#"
    error[bad-set]: this is not `KEY=VALUE`
     --> --set:1:1
      |
    1 | vars
      | ^^^^
      |
      = help: write a dotted key and its value: `--set vars.size=large`

    error[wrong-type]: `vars.count` must be an integer
     --> STACKCTL_VARS__COUNT:1:1
      |
    1 | many
      | ^^^^
      |
     ::: manifest.toml:6:9
      |
    6 | count = 1
      |         - the value that it overrides

    error[bad-account]: `account` is not an AWS account id
     --> --set:1:9
      |
    1 | account=1
      |         ^
      |
      = help: an account id has 12 digits; here are 1

    error[bad-cidr]: `allowed_ssh_cidr` has host bits set behind its prefix of 8
     --> STACKCTL_ALLOWED_SSH_CIDR:1:13
      |
    1 | 10.0.0.0/8, 10.0.0.1/8
      |             ^^^^^^^^^^
      |
      = help: the network is `10.0.0.0/8`; for the one address write
              `10.0.0.1/32`

    error[wrong-type]: `stack.termination_protection` must be a boolean, not a string
     --> --set:1:30
      |
    1 | stack.termination_protection=maybe
      |                              ^^^^^
      |
      = help: write `true` or `false`

    error[wrong-type]: `verify.upload` must be a table, not a string
     --> --set:1:15
      |
    1 | verify.upload=file
      |               ^^^^

    error[misplaced-key]: `emulator` has no meaning here
     --> STACKCTL_EMULATOR:1:1
      |
    1 | true
      | ^^^^
      |
      = help: `emulator` belongs in an `[environments.NAME]` table of the
              manifest

    error[missing-key]: `verify.upload` is missing
     --> --set:1:15
      |
    1 | verify.upload=file
      |               ^^^^
      |
      = help: write `upload = { bucket = "BucketName", file =
              "tests/data/pixel.png" }`

    error[missing-key]: `verify.expect` is missing
     --> --set:1:15
      |
    1 | verify.upload=file
      |               ^^^^
      |
      = help: write `expect = { table = "TableName", key = "fileName" }`
    "#
    );
}

#[test]
fn variables_that_set_no_key_are_warnings() {
    let run = || {
        smallest("")
            .variable("STACKCTL_REGON", "eu-west-1")
            .variable("STACKCTL_STACK__TIMEOUT", "5")
            .variable("STACKCTL_VERSION", "0.1.0")
    };
    insta::assert_snapshot!(render(&run().settings().warnings, 80, false), @"
    warning[unknown-variable]: STACKCTL_REGON has no effect: there is no key `regon`
     --> STACKCTL_REGON:1:1
      |
    1 | eu-west-1
      | ^^^^^^^^^
      |
      = help: did you mean `STACKCTL_REGION`?

    warning[unknown-variable]: STACKCTL_STACK__TIMEOUT has no effect: there is no key `stack.timeout`
     --> STACKCTL_STACK__TIMEOUT:1:1
      |
    1 | 5
      | ^
      |
      = help: did you mean `STACKCTL_STACK__TIMEOUT_MINUTES`?

    warning[unknown-variable]: STACKCTL_VERSION has no effect: there is no key `version`
     --> STACKCTL_VERSION:1:1
      |
    1 | 0.1.0
      | ^^^^^
      |
      = help: did you mean `STACKCTL_VERIFY`?
    ");
    let errors = run().set("vars").errors();
    assert!(
        errors.contains("bad-set") && errors.contains("STACKCTL_REGON"),
        "{errors}"
    );
}
