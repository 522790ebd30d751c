#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use super::*;
use crate::config::ambient::Ambient;
use crate::config::manifest;
use crate::config::manifest::keys::{KEYS, Key, Kind};
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::present::diagnostic::render;

const SMALLEST: &str = r#"project = "file-metadata"
environment = "dev"
allowed_ssh_cidr = "203.0.113.7/32"
key_pair = "ops"
"#;

/// One run: a manifest, the command line and the variables around it.
struct Run<'a> {
    manifest: String,
    overrides: Overrides,
    variables: Vec<(&'a str, &'a str)>,
}

/// Returns a run with the smallest manifest and `more` behind it.
fn smallest<'a>(more: &str) -> Run<'a> {
    Run {
        manifest: format!("{SMALLEST}{more}"),
        overrides: Overrides::default(),
        variables: Vec::new(),
    }
}

impl<'a> Run<'a> {
    fn env(mut self, name: &str) -> Self {
        self.overrides.environment = Some(name.to_owned());
        self
    }

    fn set(mut self, argument: &str) -> Self {
        self.overrides.set.push(argument.to_owned());
        self
    }

    fn variable(mut self, name: &'a str, value: &'a str) -> Self {
        self.variables.push((name, value));
        self
    }

    fn resolve(self) -> Result<Settings> {
        let variables = self.variables.iter();
        let ambient = Ambient::new(
            variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
            PathBuf::from("/"),
        );
        let manifest = manifest::parse(&SourceFile::new("manifest.toml", self.manifest));
        super::resolve(&manifest, &self.overrides, &ambient)
    }

    fn settings(self) -> Settings {
        self.resolve()
            .map_err(|error| render(error.diagnostics(), 80, false))
            .unwrap()
    }

    fn error(self) -> Error {
        self.resolve().unwrap_err()
    }

    /// Returns what the user reads about the places in question.
    fn errors(self) -> String {
        render(self.error().diagnostics(), 80, false)
    }

    /// Returns a value with its origin, as `config show` has them.
    fn row(self, key: &str) -> String {
        let settings = self.settings();
        let rows = show(&settings).unwrap();
        let row = rows.iter().find(|row| row.key == key).unwrap();
        let value = row.value.as_deref().unwrap_or("unset");
        format!("{value} ({})", row.origin)
    }
}

#[test]
fn the_smallest_manifest_is_enough() {
    let settings = smallest("").settings();
    assert_eq!(settings.stack_name, "file-metadata-dev");
    assert_eq!(settings.template, PathBuf::from("templates/stack.yaml.j2"));
    assert_eq!(settings.artifacts["handler"].path, PathBuf::from("handler"));
    assert_eq!(settings.vars["test_instance"], toml::Value::Boolean(true));
    assert_eq!(settings.tags["stackctl:project"], "file-metadata");
    assert_eq!(settings.tags["stackctl:environment"], "dev");
    assert_eq!(settings.verify, None);
    assert!(!settings.emulator);
}

#[test]
fn the_shipped_manifest_is_right_in_each_of_its_environments() {
    let text = include_str!("../../../manifest.toml");
    let shipped = manifest::parse(&SourceFile::new("manifest.toml", text));
    for (environment, emulator) in [("dev", false), ("prod", false), ("local", true)] {
        let overrides = Overrides {
            environment: Some(environment.to_owned()),
            ..Overrides::default()
        };
        let settings = super::resolve(&shipped, &overrides, &Ambient::default())
            .map_err(|error| render(error.diagnostics(), 80, false))
            .unwrap();
        assert_eq!(settings.stack_name, format!("file-metadata-{environment}"));
        assert_eq!(settings.emulator, emulator);
        assert!(settings.verify.is_some());
    }
}

#[test]
fn each_layer_overrides_the_one_below() {
    const MANIFEST: &str = "region = \"eu-west-1\"\n[environments.prod]\nregion = \"eu-west-2\"\n";
    let run = || smallest(MANIFEST);
    let prod = || run().env("prod");
    let variable = || prod().variable("STACKCTL_REGION", "eu-west-3");
    let set = || variable().set("region=eu-north-1");
    let mut flag = set();
    flag.overrides.region = Some("us-east-1".to_owned());
    assert_eq!(smallest("").row("region"), "unset (default)");
    assert_eq!(run().row("region"), "eu-west-1 (manifest.toml:5)");
    assert_eq!(
        prod().row("region"),
        "eu-west-2 (manifest.toml:7 [environments.prod])"
    );
    assert_eq!(variable().row("region"), "eu-west-3 (STACKCTL_REGION)");
    assert_eq!(set().row("region"), "eu-north-1 (--set)");
    assert_eq!(flag.row("region"), "us-east-1 (--region)");
}

#[test]
fn an_unknown_environment_lists_the_known_ones() {
    insta::assert_snapshot!(smallest("[environments.prod]\n").env("prd").errors(), @r"
    error[unknown-environment]: the manifest has no environment `prd`
     --> --env:1:1
      |
    1 | prd
      | ^^^
      |
      = help: did you mean `prod`?
      = help: the environments are `dev`, `prod`; a new one needs a table
              `[environments.prd]`
    ");
}

#[test]
fn a_required_version_that_does_not_match_refuses_before_anything_else() {
    let error = smallest("required_version = \">=99\"\nfrom_the_future = true\n").error();
    assert_eq!(error.kind(), ErrorKind::Refused);
    insta::assert_snapshot!(render(error.diagnostics(), 80, false), @r#"
    error[required-version]: this is stackctl 0.1.0, which `>=99` does not admit
     --> manifest.toml:5:20
      |
    5 | required_version = ">=99"
      |                    ^^^^^^
    "#);
}

#[test]
fn tables_merge_and_everything_else_is_replaced() {
    let settings = smallest(
        r#"
[tags]
owner = "media"
cost = "1"
[artifacts.handler]
exclude = ["a", "b"]
[vars]
nested = { one = 1, two = 2 }
[parameters]
Password = { from_env = "PASSWORD" }

[environments.prod]
allowed_ssh_cidr = ["2001:db8::/64", "10.0.0.0/8"]
tags = { owner = "ops" }
artifacts.handler.exclude = ["c"]
vars.nested.two = 3
parameters.Password = "in the open"
"#,
    )
    .env("prod")
    .settings();
    let cidrs: Vec<String> = settings
        .allowed_ssh_cidrs
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(cidrs, ["2001:db8::/64", "10.0.0.0/8"]);
    assert_eq!(
        (
            settings.tags["owner"].as_str(),
            settings.tags["cost"].as_str()
        ),
        ("ops", "1")
    );
    assert_eq!(settings.artifacts["handler"].exclude, ["c"]);
    assert_eq!(settings.vars["nested"].to_string(), "{ one = 1, two = 3 }");
    let plain = ParameterValue::Plain("in the open".to_owned());
    assert_eq!(settings.parameters["Password"], plain);
    assert_eq!(settings.stack_name, "file-metadata-prod");
}

#[test]
fn variables_take_the_type_of_what_they_override() {
    const MORE: &str = r#"
[vars]
count = 1
ratio = 1.5
name = "x"
list = ["a"]
[artifacts.my-handler]
[parameters]
DbName = "x"
"#;
    for (variable, value, key, expected) in [
        (
            "STACKCTL_VARS__INSTANCE_TYPE",
            "t3.micro",
            "vars.instance_type",
            "t3.micro",
        ),
        ("STACKCTL_VARS__COUNT", "2", "vars.count", "2"),
        ("STACKCTL_VARS__NAME", "2", "vars.name", "2"),
        ("STACKCTL_VARS__RATIO", "2", "vars.ratio", "2.0"),
        ("STACKCTL_VARS__LIST", "b, c", "vars.list", r#"["b", "c"]"#),
        ("STACKCTL_VARS__LIST", "[1]", "vars.list", "[1]"),
        (
            "STACKCTL_VARS__TEST_INSTANCE",
            "false",
            "vars.test_instance",
            "false",
        ),
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
fn each_default_is_toml_and_right() {
    fn count(keys: &[Key]) -> usize {
        keys.iter()
            .map(|key| match &key.kind {
                Kind::Table(keys) => count(keys),
                _ => usize::from(key.default.is_some()),
            })
            .sum()
    }
    fn leaves(values: &toml::Table, keys: &[Key]) -> usize {
        let leaf = |key: &Key| match (&key.kind, values.get(key.name)) {
            (Kind::Table(keys), Some(toml::Value::Table(inner))) => leaves(inner, keys),
            (_, value) => usize::from(value.is_some()),
        };
        keys.iter().map(leaf).sum()
    }
    let defaults = resolve::defaults(KEYS);
    let (values, problems) = manifest::read_layer(&defaults, manifest::Scope::Merged, &[]);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(leaves(&values, KEYS), count(KEYS));
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
fn an_environment_chosen_by_the_variable_names_the_variable() {
    let chosen = |variable| {
        let mut run = smallest("[environments.x]\n").variable("STACKCTL_ENV", variable);
        run.overrides.environment = Some("x".to_owned());
        run.row("environment")
    };
    assert_eq!(chosen("x"), "x (STACKCTL_ENV)");
    assert_eq!(chosen("dev"), "x (--env)");
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
            .variable("STACKCTL_REGON", "eu-west-1")
            .variable("STACKCTL_STACK__TIMEOUT", "5")
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
      = help: write a dotted key and its value: `--set
              vars.instance_type=t3.micro`

    error[unknown-key]: there is no key `regon` to set
     --> STACKCTL_REGON:1:1
      |
    1 | eu-west-1
      | ^^^^^^^^^
      |
      = help: did you mean `STACKCTL_REGION`?

    error[unknown-key]: there is no key `stack.timeout` to set
     --> STACKCTL_STACK__TIMEOUT:1:1
      |
    1 | 5
      | ^
      |
      = help: did you mean `STACKCTL_STACK__TIMEOUT_MINUTES`?

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
fn a_secret_is_read_from_its_variable_and_never_shown() {
    const MORE: &str = "[parameters]\nPassword = { from_env = \"DB_PASSWORD\" }\n";
    let settings = smallest(MORE).variable("DB_PASSWORD", "hunter2").settings();
    assert!(!format!("{settings:?}{:?}", show(&settings).unwrap()).contains("hunter2"));
    let ParameterValue::FromEnvironment { value, .. } = &settings.parameters["Password"] else {
        panic!("not a secret");
    };
    assert_eq!(value.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(
        smallest(MORE)
            .variable("DB_PASSWORD", "hunter2")
            .row("parameters.Password"),
        "(secret, from DB_PASSWORD) (manifest.toml:6)"
    );
    assert_eq!(
        smallest(MORE).row("parameters.Password"),
        "(secret, from DB_PASSWORD, which is not set) (manifest.toml:6)"
    );
    for run in [
        smallest(MORE).variable("STACKCTL_PARAMETERS__PASSWORD", "hunter2"),
        smallest(MORE).set("parameters.Password=hunter2"),
        smallest(MORE).set("parameters={ Password = \"hunter2\" }"),
    ] {
        let errors = run.errors();
        assert!(errors.contains("secret-override"), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn the_emulator_ignores_profile_and_account() {
    let settings = smallest(
        "profile = \"sso\"\naccount = \"123456789012\"\n[environments.local]\nemulator = true\n",
    )
    .env("local")
    .settings();
    assert!(settings.emulator);
    assert_eq!((settings.profile, settings.account), (None, None));
}

#[test]
fn without_the_test_instance_nobody_needs_ssh() {
    let manifest = "project = \"p\"\nenvironment = \"dev\"\nvars.test_instance = false\n";
    let run = Run {
        manifest: manifest.to_owned(),
        ..smallest("")
    };
    let settings = run.settings();
    assert_eq!(settings.allowed_ssh_cidrs, []);
    assert_eq!(settings.key_pair, None);
}

#[test]
fn ssh_is_opened_to_the_world_only_where_that_is_written() {
    let open = |run: Run<'_>| match run.resolve() {
        Ok(settings) => settings.allow_world_ssh,
        Err(error) => {
            assert_eq!(error.diagnostics()[0].rule, "world-ssh");
            assert_eq!(error.diagnostics().len(), 1);
            false
        }
    };
    let world = || smallest("").set("allowed_ssh_cidr=0.0.0.0/0");
    assert!(!open(world()));
    assert!(open(world().set("allow_world_ssh=true")));
    assert!(!open(world().set("allow_world_ssh=false")));
    assert!(!open(
        smallest("[environments.x]\nallowed_ssh_cidr = \"::/0\"\n").set("allow_world_ssh=true")
    ));
}

#[test]
fn a_stack_name_is_measured_when_it_is_complete() {
    let long = "a".repeat(125);
    let error = smallest("").set(&format!("project={long}")).error();
    let problem = &error.diagnostics()[0];
    assert_eq!(problem.rule, "bad-stack-name");
    assert!(
        problem.message.ends_with("has 129 characters"),
        "{}",
        problem.message
    );
}

#[test]
fn every_key_of_the_manifest_is_shown() {
    fn leaves(schema: &serde_json::Value, path: &str, keys: &mut Vec<String>) {
        match schema.get("properties").and_then(|it| it.as_object()) {
            Some(properties) => {
                for (key, inner) in properties {
                    leaves(inner, &format!("{path}.{key}"), keys);
                }
            }
            None => keys.push(path.trim_start_matches('.').to_owned()),
        }
    }
    let settings = smallest("").settings();
    let rows = show(&settings).unwrap();
    let mut keys = Vec::new();
    leaves(
        &manifest::layer_schema(manifest::Scope::Merged),
        "",
        &mut keys,
    );
    assert!(keys.len() > 30, "{keys:?}");
    for key in keys {
        let below = format!("{key}.");
        assert!(
            rows.iter()
                .any(|row| row.key == key || row.key.starts_with(&below)),
            "{key}"
        );
    }
    for row in rows.iter().filter(|row| row.value.is_none()) {
        assert_eq!(row.origin, "default", "{}", row.key);
    }
}
