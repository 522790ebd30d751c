//! `diff`: two templates without a project, and the output formats.

use std::collections::BTreeSet;

use crate::demo;
use crate::sandbox::Sandbox;

const OLD: &str = r#"Parameters:
  Size: { Type: String, Default: small }
Mappings:
  Memory: { small: { MB: 128 } }
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: one
      Tags: [{ Key: owner, Value: me }]
  Name:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Ref Topic, Type: String, Value: x }
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      MemorySize: !FindInMap [Memory, !Ref Size, MB]
      Description: a description that is long enough to be too wide for one line beside another
  Machine:
    Type: AWS::StepFunctions::StateMachine
    Properties:
      DefinitionString: '{"StartAt": "A", "States": {"A": {"Type": "Pass", "End": true}}}'
  Server:
    Type: AWS::EC2::Instance
    Properties:
      UserData: !Base64 |
        #!/bin/sh
        one
        two
        three
        four
  Gone:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
"#;

fn new() -> String {
    let gone = OLD.find("  Gone:").unwrap();
    OLD[..gone]
        .replace("TopicName: one", "TopicName: two")
        .replace("Value: me", "Value: you")
        .replace("MB: 128", "MB: 256")
        .replace("long enough", "longer than it has to be")
        .replace("\"End\": true", "\"Next\": \"B\"")
        .replace("        three", "        3")
}

fn files() -> Sandbox {
    Sandbox::far_from_any_project()
        .file("old.yaml", OLD)
        .file("new.yaml", new())
}

#[test]
fn diff_compares_two_templates_without_a_project() {
    let sandbox = files().env("COLUMNS", "80");
    insta::assert_snapshot!(sandbox.run(&["diff", "old.yaml", "new.yaml", "--exit-code"]), @r#"
    --- stdout
    --- old.yaml
    +++ new.yaml

      ~ Memory  Mappings # changes `Handler` (line 4)
          ~ small.MB: "128" → "256" (line 4)

      - Gone  AWS::S3::Bucket # policy Retain (old line 32)

      ~ Handler  AWS::Lambda::Function (line 14)
          ~ Description (line 18)
              - "a description that is long enough to be too wide for one line
                beside another"
              + "a description that is longer than it has to be to be too wide for
                one line beside another"
          ~ MemorySize: "128" → "256" # because mapping `Memory` changed

      ~ Machine  AWS::StepFunctions::StateMachine (line 19)
          ~ DefinitionString (line 22)
              - States.A.End: "true"
              + States.A.Next: "B"

      ~ Server  AWS::EC2::Instance # may be replaced (line 23)
          ~ UserData.Fn::Base64
              # may force replacement, create-only in some cases
              (line 26)
                one
                two
              - three
              + 3
                four

    -/+ Topic  AWS::SNS::Topic # is replaced (line 6)
          ~ Tags.owner: "me" → "you" (line 10)
          ~ TopicName: "one" → "two"
              # forces replacement, create-only property
              (line 9)

    -/+ Name  AWS::SSM::Parameter # is replaced (line 11)
          ~ Name # forces replacement, because `Topic` is replaced

    Diff: 6 differences; 1 more resource is affected.
    --- exit 2
    "#);
    let topic = [
        "diff",
        "old.yaml",
        "-",
        "--only",
        "Topic,Name",
        "--format",
        "unified",
    ];
    insta::assert_snapshot!(sandbox.run_with_stdin(&topic, &new()), @r"
    --- stdout
    --- old.yaml
    +++ stdin
    @@ -2,10 +2,10 @@
       Topic:
         Type: AWS::SNS::Topic
         Properties:
    -      TopicName: one
    +      TopicName: two
           Tags:
             - Key: owner
    -          Value: me
    +          Value: you
       Name:
         Type: AWS::SSM::Parameter
         Properties:
    --- exit 0
    ");
    let json = serde_json::json!({ "Resources": { "R": { "Type": "AWS::SNS::Topic" } } });
    sandbox.write("a.json", json.to_string());
    sandbox.write(
        "b.yaml",
        "# The same.\nResources: {R: {'Type': 'AWS::SNS::Topic', Properties: {}}}\n",
    );
    insta::assert_snapshot!(sandbox.run(&["diff", "a.json", "b.yaml", "--exit-code"]), @r"
    --- stdout
    No differences: a.json and b.yaml are equivalent.
    --- exit 0
    ");
    let unified = ["diff", "a.json", "b.yaml", "--format", "unified"];
    assert_eq!(sandbox.run(&unified).stdout, "");
}

#[test]
fn diff_fits_the_terminal() {
    for columns in ["60", "80", "120"] {
        let sandbox = files().env("COLUMNS", columns);
        let shown = sandbox.run(&["diff", "old.yaml", "new.yaml"]);
        shown.expect_stdout("Diff: 6 differences");
        let width: usize = columns.parse().unwrap();
        let lines = shown.stdout.lines();
        let wide: Vec<_> = lines.filter(|line| line.chars().count() > width).collect();
        assert_eq!(wide, [""; 0], "at {columns} columns");
    }
}

#[test]
fn context_sets_the_number_of_unchanged_lines() {
    let sandbox = files();
    let lines = |context: &str, format: &str| {
        let only = ["--only", "Server", "--context", context, "--format", format];
        let shown = sandbox.run(&[&["diff", "old.yaml", "new.yaml"][..], &only].concat());
        let lines = shown.stdout.lines().map(str::trim);
        lines
            .filter(|line| ["one", "two", "four"].contains(line))
            .count()
    };
    for format in ["human", "unified"] {
        assert_eq!(lines("0", format), 0, "{format}");
        assert_eq!(lines("1", format), 2, "{format}");
        assert_eq!(lines("9", format), 3, "{format}");
    }
}

#[test]
fn diff_reports_templates_that_it_cannot_compare() {
    let sandbox = files();
    sandbox.write("broken.yaml", "a: [\n");
    let run = |arguments: &[&str]| sandbox.run(&[&["diff"][..], arguments].concat());
    insta::assert_snapshot!(run(&["old.yaml", "missing.yaml"]), @r"
    --- stderr
    error: the template `missing.yaml` does not exist
    --- exit 1
    ");
    insta::assert_snapshot!(run(&["old.yaml", "broken.yaml"]), @r"
    --- stderr
    error[yaml-syntax]: this is not YAML: this `[` is never closed
     --> broken.yaml:1:4
      |
    1 | a: [
      |    ^

    error: the templates cannot be compared
    --- exit 1
    ");
    insta::assert_snapshot!(run(&["-", "-"]), @r"
    --- stderr
    error: only one of the two templates can come from stdin
    --- exit 1
    ");
    insta::assert_snapshot!(run(&["old.yaml", "new.yaml", "--only", "Topc"]), @r"
    --- stderr
    error: neither template has anything called `Topc`
    hint: did you mean `Topic`?
    --- exit 1
    ");
    run(&["old.yaml"]).expect_code(64);
}

#[test]
fn the_last_of_duplicate_keys_is_compared() {
    let sandbox = files();
    let template = |names: &str| {
        format!("Resources: {{T: {{Type: AWS::SNS::Topic, Properties: {{{names}}}}}}}\n")
    };
    sandbox.write("twice.yaml", template("TopicName: a, TopicName: b"));
    sandbox.write("once.yaml", template("TopicName: b"));
    insta::assert_snapshot!(sandbox.run(&["diff", "twice.yaml", "once.yaml", "--exit-code"]), @"
    --- stdout
    No differences: twice.yaml and once.yaml are equivalent.
    --- stderr
    warning[duplicate-key]: the map has the key `TopicName` twice
     --> twice.yaml:1:67
      |
    1 | Resources: {T: {Type: AWS::SNS::Topic, Properties: {TopicName: a, TopicName: b}}}
      |                                                     ---------     ^^^^^^^^^ repeated here
      |                                                     |
      |                                                     first used here
      |
      = help: CloudFormation reads the last of the two values

    --- exit 0
    ");
}

#[test]
fn tags_of_other_programs_are_compared_as_they_are() {
    let sandbox = files();
    let template = |name: &str| {
        format!(
            "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: {name}\n"
        )
    };
    sandbox.write("one.yaml", template("!Rain::Embed one.txt"));
    sandbox.write("two.yaml", template("!Rain::Embed two.txt"));
    sandbox.write("three.yaml", template("!Custom one.txt"));
    insta::assert_snapshot!(sandbox.run(&["diff", "one.yaml", "two.yaml"]), @r#"
    --- stdout
    --- one.yaml
    +++ two.yaml

      ~ T  AWS::SNS::Topic (line 2)
          ~ DisplayName.!Rain::Embed: "one.txt" → "two.txt" (line 5)

    Diff: 1 difference.
    --- stderr
    warning[unknown-tag]: `!Rain::Embed` is not a CloudFormation function
     --> one.yaml:5:20
      |
    5 |       DisplayName: !Rain::Embed one.txt
      |                    ^^^^^^^^^^^^
      |
      = help: the tag is compared as it is

    warning[unknown-tag]: `!Rain::Embed` is not a CloudFormation function
     --> two.yaml:5:20
      |
    5 |       DisplayName: !Rain::Embed two.txt
      |                    ^^^^^^^^^^^^
      |
      = help: the tag is compared as it is

    --- exit 0
    "#);
    let run = |new: &str| sandbox.run(&["diff", "one.yaml", new, "--exit-code"]);
    run("one.yaml").expect_code(0);
    run("three.yaml").expect_code(2);
}

#[test]
fn only_shows_a_resource_that_changes_because_of_others() {
    let sandbox = files();
    let only = |name: &str| sandbox.run(&["diff", "old.yaml", "new.yaml", "--only", name]);
    let affected = only("Name").expect_code(0).stdout;
    assert!(
        affected.contains(" Name  AWS::SSM::Parameter"),
        "{affected}"
    );
    assert!(affected.ends_with("Diff: 0 differences; 1 more resource is affected.\n"));
    insta::assert_snapshot!(only("Size"), @r"
    --- stdout
    No differences in Size.
    --- exit 0
    ");
}

#[test]
fn markdown_fits_a_comment_and_starts_with_its_marker() {
    let sandbox = files();
    let form = ["diff", "old.yaml", "new.yaml", "--format", "markdown"];
    let shown = sandbox.run(&[&form[..], &["--only", "Topic,Memory,Name"]].concat());
    insta::assert_snapshot!(shown, @r"
    --- stdout
    <!-- stackctl:diff files -->
    <b>2 differences.</b>

    <code>old.yaml</code> → <code>new.yaml</code>

    <details><summary><code>&#126;</code> <b>Memory</b> Mappings, changes Handler <sub>new.yaml:4</sub></summary>

    ```diff
    - small.MB: 128
    + small.MB: 256
    ```

    </details>

    <details open><summary><code>-/+</code> <b>Topic</b> AWS::SNS::Topic, is replaced <sub>new.yaml:6</sub></summary>

    ```diff
    - Tags.owner: me
    + Tags.owner: you
    - TopicName: one
    + TopicName: two
    # forces replacement
    # create-only property
    ```

    </details>

    <details open><summary><code>-/+</code> <b>Name</b> AWS::SSM::Parameter, is replaced <sub>new.yaml:11</sub></summary>

    ```diff
    ! Name
    # forces replacement
    # because `Topic` is replaced
    ```

    </details>
    --- exit 0
    ");
    let mut many = String::new();
    for number in 0..3_000 {
        let properties = "Properties: { DisplayName: x }";
        many += &format!("  T{number}: {{ Type: AWS::SNS::Topic, {properties} }}\n");
    }
    sandbox.write("old.yaml", format!("Resources:\n{many}"));
    sandbox.write(
        "new.yaml",
        format!("Resources:\n{}", many.replace(": x", ": y")),
    );
    let shown = sandbox.run(&form).stdout;
    assert!(
        shown.starts_with("<!-- stackctl:diff files -->\n"),
        "{shown}"
    );
    assert!(shown.chars().count() <= 65_536, "{}", shown.chars().count());
    assert!(
        shown.trim_end().ends_with("to see everything.**"),
        "{shown}"
    );
    let (open, closed) = (
        shown.matches("<details").count(),
        shown.matches("</details>").count(),
    );
    assert_eq!(open, closed);
}

#[test]
fn secret_default_is_masked() {
    let sandbox = files();
    let template = |secret: &str| {
        format!(
            "Parameters: {{P: {{Type: String, NoEcho: true, Default: {secret}}}}}\nResources: {{R: {{Type: 'AWS::SNS::Topic', Properties: {{DisplayName: !Ref P}}}}}}\n"
        )
    };
    sandbox.write("a.yaml", template("hunter22"));
    sandbox.write("b.yaml", template("swordfish"));
    for format in ["human", "unified", "json", "markdown"] {
        let shown = sandbox.run(&["diff", "a.yaml", "b.yaml", "--format", format]);
        let all = format!("{shown}");
        assert!(all.contains("Default"), "{all}");
        assert!(
            !all.contains("hunter22") && !all.contains("swordfish"),
            "{all}"
        );
    }
}

#[test]
fn json_document_names_the_effect_of_each_difference() {
    let (sandbox, _cloud) = demo::changed();
    insta::assert_snapshot!(sandbox.run(&["diff", "--format", "json"]), @r#"
    --- stdout
    {
      "schema": "stackctl.diff/1",
      "stack": "demo-dev",
      "before": "the deployed template",
      "after": "stack.yaml.j2",
      "has_differences": true,
      "moved": [],
      "entries": [
        {
          "section": "Resources",
          "name": "Role",
          "type": "AWS::IAM::Role",
          "status": "modified",
          "effect": "update",
          "cause": null,
          "touches": [],
          "dangling": [],
          "changes": [
            {
              "path": "Properties.Description",
              "status": "modified",
              "effect": "update",
              "cause": null,
              "before": "first",
              "after": "second",
              "before_at": {
                "file": "the deployed template",
                "line": 9,
                "manifest_key": null
              },
              "after_at": {
                "file": "stack.yaml.j2",
                "line": 9,
                "manifest_key": "vars.description"
              },
              "inside": null
            }
          ],
          "before": null,
          "after": null,
          "before_at": {
            "file": "the deployed template",
            "line": 6,
            "manifest_key": null
          },
          "after_at": {
            "file": "stack.yaml.j2",
            "line": 6,
            "manifest_key": null
          }
        },
        {
          "section": "Resources",
          "name": "Handler",
          "type": "AWS::Lambda::Function",
          "status": "same",
          "effect": "may_change",
          "cause": null,
          "touches": [],
          "dangling": [],
          "changes": [
            {
              "path": "Properties.Role",
              "status": "modified",
              "effect": "may_change",
              "cause": "because `Role.Arn` may change",
              "before": null,
              "after": null,
              "before_at": null,
              "after_at": null,
              "inside": null
            }
          ],
          "before": null,
          "after": null,
          "before_at": null,
          "after_at": {
            "file": "stack.yaml.j2",
            "line": 16,
            "manifest_key": null
          }
        }
      ],
      "limits": [],
      "code": [],
      "parameters": [],
      "tags": [],
      "settings": [],
      "live": null
    }
    --- exit 0
    "#);
}

#[test]
fn every_json_field_is_documented() {
    let (sandbox, _cloud) = demo::changed();
    demo::change_code(&sandbox);
    let with_files = files();
    let documents = [
        sandbox.json(&["diff"]),
        with_files.json(&["diff", "old.yaml", "new.yaml"]),
    ];
    let mut names = BTreeSet::new();
    for mut document in documents {
        // The documentation of the plan describes the code, and whole entries belong to the
        // template.
        document["code"].take();
        collect(&document, &mut names);
    }
    assert!(names.len() > 20, "{names:?}");
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/diff.md")).unwrap();
    for name in names {
        let is_described = [format!("`{name}`"), format!("`{name}[]`")];
        assert!(is_described.iter().any(|it| page.contains(it)), "{name}");
    }
}

/// Collects the names of the document's own members, without those of template values.
fn collect(value: &serde_json::Value, names: &mut BTreeSet<String>) {
    match value {
        serde_json::Value::Object(members) => {
            for (name, value) in members {
                names.insert(name.clone());
                if !(matches!(name.as_str(), "before" | "after") && value.is_object()) {
                    collect(value, names);
                }
            }
        }
        serde_json::Value::Array(list) => list.iter().for_each(|value| collect(value, names)),
        _ => {}
    }
}
