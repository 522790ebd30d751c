//! Linting: AWS's own rules with the feature `lint`, otherwise `cfn-lint`.

use crate::demo;
use crate::sandbox::Sandbox;

/// A template with five faults: an invalid value, a missing property, a retired runtime, an
/// undefined reference, and permissions for everything.
const FAULTY: &str = r#"Resources:
  Files:
    Type: AWS::S3::Bucket
    Properties:
      VersioningConfiguration:
        Status: Enabledd
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.6
      Handler: app.handler
      Role: !GetAtt Role.Arn
      Code: { S3Bucket: code, S3Key: key }
      Environment:
        Variables:
          TABLE: !Ref Tabel
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" }
      Policies:
        - PolicyName: all
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - { Effect: Allow, Action: "*", Resource: "*" }
"#;

fn faulty() -> Sandbox {
    demo::files()
        .file("manifest.toml", demo::manifest_without_variables())
        .file("stack.yaml.j2", FAULTY)
}

/// A template with a misspelled property.
const MISSPELLED: &str =
    "Resources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketNme: demo\n";

#[test]
fn misspelled_property_is_reported_once_and_can_be_ignored() {
    let sandbox = demo::files().file("stack.yaml.j2", MISSPELLED);
    let ignored = "lint.ignore=[\"unknown-property\", \"F3002\", \"E3002\"]";
    for command in ["validate", "plan --offline"] {
        let command: Vec<&str> = command.split(' ').collect();
        let finished = sandbox.run(&command);
        let reported = finished.stderr.matches("BucketNme").count();
        // The message and the quoted line.
        assert_eq!(reported, 2, "{finished}");
        finished.expect_stderr("BucketName");
        let quiet = sandbox
            .run(&[&command[..], &["--set", ignored]].concat())
            .expect_code(0);
        assert!(!quiet.stderr.contains("BucketNme"), "{quiet}");
    }
}

#[cfg(not(feature = "lint"))]
#[test]
fn misspelled_property_is_a_warning_in_plan_and_apply() {
    let cloud = crate::cloud::Cloud::start();
    let sandbox = demo::files()
        .file("manifest.toml", demo::manifest_without_variables())
        .file("stack.yaml.j2", MISSPELLED)
        .cloud(&cloud);
    for command in [&["plan"][..], &["plan", "--offline"], &["validate"]] {
        let finished = sandbox.run(command).expect_code(0);
        finished.expect_stderr(
            "warning[unknown-property]: `AWS::S3::Bucket` has no property `BucketNme`",
        );
        finished.expect_stderr("help: did you mean `BucketName`?");
    }
    let finished = sandbox.run(&["validate"]);
    finished.expect_stderr("1 resource, 1 warning");
}

/// Checks that a finding is on the line of each fault.
#[cfg(feature = "lint")]
#[test]
fn linter_finds_five_faults_on_their_lines() {
    let finished = faulty()
        .run(&["validate", "--format", "json"])
        .expect_code(1);
    let found: serde_json::Value = serde_json::from_str(&finished.stdout).unwrap();
    let lines: Vec<u64> = found["findings"]
        .as_array()
        .unwrap()
        .iter()
        .map(|finding| finding["places"][0]["line"].as_u64().unwrap())
        .collect();
    for (fault, line) in [
        ("the bad value", 6),
        ("the retired runtime", 10),
        ("the reference to nothing", 16),
        ("the missing property", 19),
        ("the permissions", 33),
    ] {
        assert!(lines.contains(&line), "{fault} on line {line}: {finished}");
    }
    assert!(
        finished
            .stderr
            .contains("Linted by cloudformation-validate ")
    );
}

#[cfg(feature = "lint")]
#[test]
fn guard_policies_are_checked() {
    let policy = "rule buckets_are_named {\n    \
                  Resources.*[ Type == 'AWS::S3::Bucket' ].Properties.BucketName exists\n}\n";
    let sandbox = demo::files()
        .file(
            "stack.yaml.j2",
            "Resources:\n  B:\n    Type: AWS::S3::Bucket\n",
        )
        .file("policies/names.guard", policy);
    let finished = sandbox.run(&["validate"]).expect_code(1);
    finished.expect_stderr("buckets_are_named");
    let finished = sandbox.run(&["validate", "--set", "lint.ignore=[\"buckets_are_named\"]"]);
    finished.expect_code(0);
    let broken = sandbox.file("policies/broken.guard", "rule {{{");
    let finished = broken.run(&["validate"]).expect_code(1);
    finished.expect_stderr("policies/broken.guard");
}

#[cfg(feature = "lint")]
#[test]
fn plan_stops_at_linter_errors() {
    let template = FAULTY.replace("Tabel", "Table");
    let cloud = crate::cloud::Cloud::start();
    let sandbox = demo::files().file("stack.yaml.j2", &template).cloud(&cloud);
    for command in [&["plan"][..], &["plan", "--offline"], &["apply", "--yes"]] {
        let finished = sandbox.run(command).expect_code(1);
        finished.expect_stderr("[E2533]");
        finished.expect_stderr("[lint] ignore = ");
    }
    let operations = cloud.operations();
    assert!(
        !operations.iter().any(|it| it == "CreateChangeSet"),
        "{operations:?}"
    );
}

#[cfg(not(feature = "lint"))]
mod with_cfn_lint {
    use super::{demo, faulty};

    /// Prints a finding as cfn-lint does and checks its own arguments and input.
    const CFN_LINT: &str = r#"#!/bin/sh
read -r first
case "$*" in "--format json --config-file "*" --regions eu-west-1") ;; *) echo "unexpected: $*" >&2; exit 1;; esac
[ "$first" = "Resources:" ] || { echo "no template on the input" >&2; exit 1; }
printf '[{"Level": "Warning", "Message": "Prefer the linter", "Rule": {"Id": "W1", "Source": ""},'
printf ' "Location": {"Start": {"LineNumber": 3, "ColumnNumber": 5}, "End": {"LineNumber": 3, "ColumnNumber": 9}}}]'
exit 4
"#;

    #[test]
    fn findings_are_shown_at_template_lines() {
        let sandbox = demo::files()
            .file("manifest.toml", demo::manifest_without_variables())
            .file(
                "stack.yaml.j2",
                "{# #}Resources:\n  {% if true %}\n  B:\n    {% endif %}Type: AWS::S3::Bucket\n",
            )
            .program("cfn-lint", CFN_LINT);
        insta::assert_snapshot!(sandbox.run(&["validate"]), @r"
        --- stderr
        Linted by cfn-lint.
        warning[W1]: Prefer the linter
         --> stack.yaml.j2:3:3
          |
        3 |   B:
          |   ^^

        `stack.yaml.j2` is valid for `dev`: 1 resource, 1 warning, 45 bytes.
        --- exit 0
        ");
        let finished = sandbox.run(&["validate", "--set", "lint.severity=error"]);
        finished.expect_stderr("0 warnings");
        let finished = sandbox.run(&["validate", "--set", "lint.ignore=[\"W1\"]"]);
        finished.expect_stderr("0 warnings");
    }

    /// Prints its folder, its files, its configuration and its variables, and finds nothing.
    const CURIOUS: &str = r#"#!/bin/sh
{ pwd; ls -A; echo "config:"; cat "$4" 2>/dev/null; env; } > OUT
echo '[]'
"#;

    #[test]
    fn the_linter_runs_in_an_empty_folder_with_a_clean_environment() {
        let sandbox = demo::files()
            .file(".cfnlintrc", "append_rules: [rules]\n")
            .credentials()
            .env("PYTHONPATH", ".")
            .env("PYTHONSTARTUP", "x.py")
            .env("CFN_LINT_ANYTHING", "x")
            .env("AWS_PROFILE", "x");
        let out = sandbox.path("out.txt");
        let script = CURIOUS.replace("OUT", out.to_str().unwrap());
        let sandbox = sandbox.program("cfn-lint", &script);
        let path = sandbox.cache().with_file_name("bin").display().to_string();
        let sandbox = sandbox.env("PATH", &format!("{path}:/usr/bin:/bin"));
        let seen = |arguments: &[&str]| {
            sandbox.run(arguments).expect_code(0);
            std::fs::read_to_string(&out).unwrap()
        };
        let text = seen(&["validate"]);
        let (folder, rest) = text.split_once('\n').unwrap();
        assert!(!folder.contains("project"), "{text}");
        assert!(
            rest.starts_with("config:\n{}\n"),
            "the folder is empty: {text}"
        );
        let expected = [
            "ASDF_DATA_DIR",
            "HOME",
            "LANG",
            "PATH",
            "PWD",
            "PYENV_ROOT",
            "PYTHONUSERBASE",
            "TMPDIR",
            "XDG_CONFIG_HOME",
            "XDG_DATA_HOME",
            "XDG_STATE_HOME",
        ];
        let mut names: Vec<&str> = rest
            .lines()
            .filter_map(|it| it.split_once('='))
            .map(|it| it.0)
            .collect();
        names.retain(|name| !["_", "SHLVL", "OLDPWD"].contains(name));
        names.sort_unstable();
        assert_eq!(names, expected, "{text}");
        assert!(rest.contains(&format!("HOME={folder}\n")), "{text}");
        assert!(!std::path::Path::new(folder).exists(), "it is removed");

        let allowed = seen(&["validate", "--set", "lint.rc=true"]);
        let project = sandbox.path("").canonicalize().unwrap();
        assert!(allowed.starts_with(project.to_str().unwrap()), "{allowed}");
        assert!(allowed.contains(".cfnlintrc\n"), "{allowed}");
        assert!(
            !allowed.contains("AWS_") && !allowed.contains("PYTHONPATH"),
            "{allowed}"
        );
    }

    #[test]
    fn oversized_template_is_not_linted() {
        let large = format!("{}# {}\n", demo::TEMPLATE, "x".repeat(1 << 20));
        let sandbox = demo::files()
            .file("stack.yaml.j2", large)
            .program("cfn-lint", "#!/bin/sh\nexit 1\n");
        let finished = sandbox.run(&["validate"]).expect_code(1);
        let message = "Not linted: the template is larger than CloudFormation accepts.\n";
        assert!(finished.stderr.starts_with(message), "{finished}");
    }

    #[test]
    fn failed_linter_is_an_error() {
        let sandbox = demo::files().program("cfn-lint", "#!/bin/sh\necho broken >&2\nexit 1\n");
        insta::assert_snapshot!(sandbox.run(&["validate"]), @r"
        --- stderr
        error: cfn-lint failed (exit status: 1)
          caused by: broken
        hint: run `cfn-lint --version` to check the installation
        --- exit 1
        ");
    }

    #[test]
    fn own_errors_are_shown_if_the_linter_fails() {
        let sandbox = demo::files()
            .file(
                "stack.yaml.j2",
                "Resources:\n  A: {Type: AWS::SNS::Topic, Metadata: text}\n",
            )
            .program("cfn-lint", "#!/bin/sh\nexit 1\n");
        insta::assert_snapshot!(sandbox.run(&["validate"]), @r#"
        --- stderr
        warning: cfn-lint failed (exit status: 1)
        error[wrong-shape]: `Metadata` must be a map, but is a string
         --> stack.yaml.j2:2:40
          |
        2 |   A: {Type: AWS::SNS::Topic, Metadata: text}
          |                                        ^^^^

        warning[unread-variable]: no template reads `vars.description`
          --> manifest.toml:12:15
           |
        12 | description = "first"
           |               ^^^^^^^

        error: `stack.yaml.j2` is not a valid CloudFormation template
        --- exit 1
        "#);
    }

    #[test]
    fn built_in_checks_run_without_a_linter() {
        let sandbox = faulty().file("policies/names.guard", "rule x {}\n");
        insta::assert_snapshot!(sandbox.run(&["validate"]), @r#"
        --- stderr
        warning: the Guard policies are not checked: only a stackctl with the feature `lint` can
        Not linted: cfn-lint is not installed.
        error[undefined-reference]: there is no parameter or resource `Tabel`
          --> stack.yaml.j2:16:23
           |
        16 |           TABLE: !Ref Tabel
           |                       ^^^^^
           |
           = help: did you mean `Table`?

        warning[wide-open-permissions]: `Role` may do everything on every resource in the account
          --> stack.yaml.j2:33:42
           |
        33 |               - { Effect: Allow, Action: "*", Resource: "*" }
           |                                          ^^^
           |
           = help: allow only the actions and resources that are needed

        error: `stack.yaml.j2` is not a valid CloudFormation template
        --- exit 1
        "#);
    }
}

#[cfg(not(feature = "lint"))]
#[test]
fn findings_are_printed_as_sarif() {
    let manifest = demo::manifest_without_variables();
    let sandbox = demo::files().file("manifest.toml", manifest).file(
        "stack.yaml.j2",
        "Resources:\n  B:\n    Type: 12\n    Typ: x\n",
    );
    insta::assert_snapshot!(sandbox.run(&["validate", "--format", "sarif"]), @r#"
    --- stdout
    {
      "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
      "version": "2.1.0",
      "runs": [
        {
          "tool": {
            "driver": {
              "name": "stackctl",
              "version": "0.1.0",
              "rules": [
                {
                  "id": "invalid-type"
                },
                {
                  "id": "unknown-resource-attribute"
                }
              ]
            }
          },
          "columnKind": "unicodeCodePoints",
          "results": [
            {
              "ruleId": "invalid-type",
              "level": "error",
              "message": {
                "text": "the type of `B` must be a name such as `AWS::S3::Bucket`"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "stack.yaml.j2"
                    },
                    "region": {
                      "startLine": 3,
                      "startColumn": 11,
                      "endLine": 3,
                      "endColumn": 13
                    }
                  }
                }
              ],
              "relatedLocations": []
            },
            {
              "ruleId": "unknown-resource-attribute",
              "level": "error",
              "message": {
                "text": "a resource has no attribute `Typ`\ndid you mean `Type`?"
              },
              "locations": [
                {
                  "physicalLocation": {
                    "artifactLocation": {
                      "uri": "stack.yaml.j2"
                    },
                    "region": {
                      "startLine": 4,
                      "startColumn": 5,
                      "endLine": 4,
                      "endColumn": 8
                    }
                  }
                }
              ],
              "relatedLocations": []
            }
          ]
        }
      ]
    }
    --- stderr
    Not linted: cfn-lint is not installed.
    error: `stack.yaml.j2` is not a valid CloudFormation template
    --- exit 1
    "#);
}
