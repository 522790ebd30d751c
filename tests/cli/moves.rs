//! Renamed resources: what `plan`, `apply` and `diff` show of `[moved]`, and when they suggest it.

use serde_json::json;

use crate::demo::{self, rename_bucket, renamed};
use crate::drift::drifted;

/// Returns what is below the facts of a plan.
fn body(plan: &str) -> &str {
    plan.split_once("CAPABILITY_IAM\n").unwrap().1
}

#[test]
fn a_pending_rename_comes_first_and_makes_no_change_set() {
    let (sandbox, cloud) = renamed();
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(2);
    insta::assert_snapshot!(body(&plan.stdout), @"

    Renamed first
      → Bucket → Files  AWS::S3::Bucket  demo-data

    Nothing else changes.

    Plan: 1 to rename, then 0 to add, 0 to change, 0 to replace, 0 to destroy.
    This is a prediction. Run `refactor` first; then `plan` asks CloudFormation.
    ");
    insta::assert_snapshot!(plan.stderr, @"hint: `stackctl refactor -e dev` renames the resources in the stack; no change set was made");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());

    let plan = sandbox
        .run(&["plan", "--format", "json"])
        .expect_code(0)
        .json();
    let moved = json!([{
        "from": "Bucket",
        "to": "Files",
        "type": "AWS::S3::Bucket",
        "physical_id": "demo-data",
    }]);
    assert_eq!(plan["moved"], moved);
    assert_eq!(plan["changes"], json!([]));
    assert_eq!(plan["has_changes"], json!(true));
    assert_eq!(plan["suggested_moves"], json!([]));

    let plan = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    insta::assert_snapshot!(plan.stdout, @"
    <!-- stackctl:plan demo-dev -->
    <b>Plan: 1 to rename, then 0 to add, 0 to change, 0 to replace, 0 to destroy.</b>

    Stack <code>demo-dev</code>, environment <code>dev</code>, account <code>123456789012</code>, region <code>eu-west-1</code>

    A prediction: compared with the deployed template and its new logical ids; the renames come first.

    Nothing else changes.

    Renamed first, by <code>stackctl refactor</code>:

    - <code>→</code> <b>Bucket</b> → <b>Files</b> AWS::S3::Bucket, demo-data
    ");
}

#[test]
fn what_else_changes_is_compared_after_the_rename() {
    let (sandbox, _cloud) = renamed();
    demo::change_description(&sandbox);
    sandbox.edit(
        "stack.yaml.j2",
        "BucketName: demo-data",
        "BucketName: demo-data\n      Tags: [{Key: a, Value: b}]",
    );
    let plan = sandbox.run(&["plan"]).expect_code(0);
    insta::assert_snapshot!(body(&plan.stdout), @r#"

    Renamed first
      → Bucket → Files  AWS::S3::Bucket  demo-data

      ~ Files  AWS::S3::Bucket
          + Tags
              + - Key: a
              +   Value: b

      ~ Role   AWS::IAM::Role
          ~ Description: "first" → "second"

    May change, depending on other resources (not counted):
      ? Handler  AWS::Lambda::Function
          because `Role.Arn` may change

    Plan: 1 to rename, then 0 to add, 2 to change, 0 to replace, 0 to destroy (1 more may change).
    This is a prediction. Run `refactor` first; then `plan` asks CloudFormation.
    "#);
    let offline = sandbox.run(&["plan", "--offline"]).expect_code(0);
    insta::assert_snapshot!(body(&offline.stdout), @r#"

    Renamed first
      → Bucket → Files  AWS::S3::Bucket

      ~ Files  AWS::S3::Bucket
          + Tags
              + - Key: a
              +   Value: b

      ~ Role   AWS::IAM::Role
          ~ Description: "first" → "second"

    May change, depending on other resources (not counted):
      ? Handler  AWS::Lambda::Function
          because `Role.Arn` may change

    Plan: 1 to rename, then 0 to add, 2 to change, 0 to replace, 0 to destroy (1 more may change).
    This is a prediction. Run `refactor` first; then `plan` asks CloudFormation.
    "#);
    insta::assert_snapshot!(offline.stderr, @"hint: `stackctl refactor -e dev` renames the resources in the stack; no change set was made");
}

#[test]
fn apply_refuses_a_pending_rename() {
    let (sandbox, cloud) = renamed();
    for arguments in [&["apply"][..], &["apply", "--yes"]] {
        let apply = sandbox.run(arguments).expect_code(4);
        assert!(apply.stdout.contains("→ Bucket → Files"), "{apply}");
        insta::allow_duplicates! {
            insta::assert_snapshot!(apply.stderr, @"
            error: not applied: `Bucket` must be renamed first
            hint: run `stackctl refactor -e dev`
            ");
        }
    }
    let saved = sandbox.run(&["plan", "--out", "p.plan"]).expect_code(4);
    insta::assert_snapshot!(saved.stderr, @"
    error: a plan with renames cannot be saved: it has no change set
    hint: run `stackctl refactor -e dev` first
    ");
    assert!(!sandbox.path("p.plan").exists());
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn a_saved_plan_is_refused_if_a_rename_was_added_since() {
    let (sandbox, cloud) = demo::deployed();
    rename_bucket(&sandbox);
    sandbox.run(&["plan", "--out", "p.plan"]).expect_code(0);
    sandbox.append("manifest.toml", demo::MOVED);
    let apply = sandbox.run(&["apply", "p.plan", "--yes", "--allow-delete", "Bucket"]);
    apply.expect_code(4);
    assert!(cloud.calls_of("ExecuteChangeSet").len() < 2);
}

#[test]
fn a_rename_that_is_done_or_never_was_needed_changes_nothing() {
    let (sandbox, cloud) = renamed();
    cloud.edit_deployed("  Bucket:", "  Files:");
    cloud.edit_deployed("!Ref Bucket", "!Ref Files");
    let plan = sandbox.run(&["plan", "-v"]).expect_code(0);
    plan.expect_stdout("No changes.");
    plan.expect_stderr(
        "`moved.Bucket` has no effect: the stack has the new id, and the line may go",
    );
    let plan = sandbox.run(&["plan"]).expect_code(0);
    assert!(!plan.stderr.contains("moved"), "{plan}");

    // The first deployment of another environment has nothing to rename.
    let (sandbox, _cloud) = demo::in_cloud();
    rename_bucket(&sandbox);
    sandbox.append("manifest.toml", demo::MOVED);
    let plan = sandbox.run(&["plan"]).expect_code(0);
    assert!(
        !plan.stdout.contains('→') && plan.stderr.is_empty(),
        "{plan}"
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn what_cannot_be_renamed_is_an_error_at_its_place() {
    let (sandbox, cloud) = demo::deployed();
    sandbox.append(
        "manifest.toml",
        "\n[moved]\nBucket = \"Files\"\nRole = \"Rolle\"\nTable = \"Items\"\n",
    );
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[moved-resource-kept]: `moved` renames `Bucket` to `Files`, but the template has `Bucket`
      --> manifest.toml:15:10
       |
    15 | Bucket = "Files"
       |          ^^^^^^^
       |
      ::: stack.yaml.j2:2:3
       |
     2 |   Bucket:
       |   ------ declared here
       |
       = help: call it `Files` in the template, or remove the line in `[moved]`

    error[moved-resource-kept]: `moved` renames `Role` to `Rolle`, but the template has `Role`
      --> manifest.toml:16:8
       |
    16 | Role = "Rolle"
       |        ^^^^^^^
       |
      ::: stack.yaml.j2:6:3
       |
     6 |   Role:
       |   ---- declared here
       |
       = help: call it `Rolle` in the template, or remove the line in `[moved]`

    error[unknown-resource]: `moved` renames `Table` to `Items`, which the template does not have
      --> manifest.toml:17:9
       |
    17 | Table = "Items"
       |         ^^^^^^^
       |
       = help: add the resource to the template; if only some environments have it, write the line in
               `[environments.NAME.moved]`

    error: `stack.yaml.j2` is not a valid CloudFormation template
    --- exit 1
    "#);
    rename_bucket(&sandbox);
    let template = demo::TEMPLATE.replace(
        "  Bucket:\n",
        "  Items: {Type: AWS::SQS::Queue}\n  Files:\n",
    );
    sandbox.write(
        "stack.yaml.j2",
        template.replace("!Ref Bucket", "!Ref Files"),
    );
    sandbox.edit(
        "manifest.toml",
        "Bucket = \"Files\"\nRole = \"Rolle\"\nTable = \"Items\"\n",
        "Bucket = \"Items\"\nBuket = \"Files\"\n",
    );
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[move-type]: `Bucket` cannot become `Items`: its type is AWS::S3::Bucket, and `Items` is AWS::SQS::Queue
      --> manifest.toml:15:10
       |
    15 | Bucket = "Items"
       |          ^^^^^^^
       |
       = help: a rename keeps the type: remove the line, or correct an id

    error: the resources cannot be renamed
    --- exit 1
    "#);
    sandbox.edit("manifest.toml", "Bucket = \"Items\"\nBuket", "Bucket");
    sandbox.edit("stack.yaml.j2", "  Items: {Type: AWS::SQS::Queue}\n", "");
    cloud.edit_deployed("  Bucket:", "  Files: {Type: AWS::S3::Bucket}\n  Bucket:");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[move-taken]: `Bucket` cannot become `Files`: the stack has both
      --> manifest.toml:15:10
       |
    15 | Bucket = "Files"
       |          ^^^^^^^
       |
       = help: choose another new id, or remove the line: the next deployment then deletes `Bucket`

    error: the resources cannot be renamed
    --- exit 1
    "#);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn what_stack_refactoring_does_not_accept_is_refused() {
    let (sandbox, cloud) = renamed();
    cloud.edit_deployed("demo-data", "!Sub '${AWS::StackName}-data'");
    insta::assert_snapshot!(sandbox.run(&["apply", "--yes"]), @"
    --- stderr
    error[rename-pseudo-parameter]: `Bucket` reads `AWS::StackName` and cannot be refactored
     --> the deployed template:5:27
      |
    5 |       BucketName: !Sub '${AWS::StackName}-data'
      |                           ^^^^^^^^^^^^^^
      |
      = help: deploy the value of `AWS::StackName` as text first, with the old id, or keep the id

    error: the resources cannot be renamed by stack refactoring
    --- exit 4
    ");
    cloud.edit_deployed("!Sub '${AWS::StackName}-data'", "demo-data");
    cloud.edit_deployed("Resources:\n", "Transform: Macro\nResources:\n");
    insta::assert_snapshot!(sandbox.run(&["plan"]), @"
    --- stderr
    error[rename-transform]: a template with transforms cannot be refactored: they make logical ids
     --> the deployed template:1:1
      |
    1 | Transform: Macro
      | ^^^^^^^^^
      |
      = help: remove the entry in `[moved]`: the resource is then deleted and created, unless it is
              kept with `DeletionPolicy: Retain` and imported under its new id

    error: the resources cannot be renamed by stack refactoring
    --- exit 4
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn a_comparison_matches_the_old_id_with_the_new_one() {
    let (sandbox, _cloud) = renamed();
    sandbox.edit(
        "stack.yaml.j2",
        "BucketName: demo-data",
        "BucketName: demo-data\n      Tags: [{Key: a, Value: b}]",
    );
    let diff = sandbox.run(&["diff", "--exit-code"]).expect_code(2);
    insta::assert_snapshot!(diff.stdout, @"
    --- the deployed template
    +++ stack.yaml.j2

    Renamed first
      → Bucket → Files  AWS::S3::Bucket

      ~ Files  AWS::S3::Bucket (line 2)
          + Tags (line 6)
              + - Key: a
              +   Value: b

    Diff: 2 differences.
    ");
    let diff = sandbox.json(&["diff"]);
    assert_eq!(diff["moved"][0]["from"], "Bucket");
    assert_eq!(diff["moved"][0]["to"], "Files");
    assert_eq!(diff["entries"][0]["name"], "Files");
    assert_eq!(diff["entries"][0]["status"], "modified");
    for name in ["Bucket", "Files"] {
        let diff = sandbox.run(&["diff", "--only", name]).expect_code(0);
        insta::allow_duplicates! {
            insta::assert_snapshot!(diff.stdout, @"
            --- the deployed template
            +++ stack.yaml.j2

            Renamed first
              → Bucket → Files  AWS::S3::Bucket

              ~ Files  AWS::S3::Bucket (line 2)
                  + Tags (line 6)
                      + - Key: a
                      +   Value: b

            Diff: 2 differences.
            ");
        }
    }
    let diff = sandbox
        .run(&["diff", "--format", "markdown"])
        .expect_code(0);
    assert!(
        diff.stdout.contains("<b>Bucket</b> → <b>Files</b>"),
        "{diff}"
    );
    let diff = sandbox.run(&["diff", "--format", "unified"]).expect_code(0);
    insta::assert_snapshot!(diff.stdout, @"
    --- the deployed template
    +++ stack.yaml.j2
    @@ -3,6 +3,9 @@
         Type: AWS::S3::Bucket
         Properties:
           BucketName: demo-data
    +      Tags:
    +        - Key: a
    +          Value: b
       Role:
         Type: AWS::IAM::Role
         Properties:
    ");
}

#[test]
fn drift_of_a_renamed_resource_is_shown_under_its_new_id() {
    let (sandbox, _cloud) = drifted();
    sandbox.edit("stack.yaml.j2", "  Handler:\n", "  Function:\n");
    sandbox.append("manifest.toml", "\n[moved]\nHandler = \"Function\"\n");
    for name in ["Handler", "Function"] {
        let diff = sandbox.run(&["diff", "--live", "--only", name]);
        insta::allow_duplicates! {
            insta::assert_snapshot!(diff.expect_code(0).stdout, @r#"
            --- the deployed template
            +++ stack.yaml.j2

            Renamed first
              → Handler → Function  AWS::Lambda::Function

            Diff: 1 difference.

            Live  deployed → live
              ~ Function  AWS::Lambda::Function
                  ~ Runtime: "python3.13" → "python3.12"
                      apply: keeps the live value: the files have not changed it
                  + Environment.Variables.B: "2"
                      apply: keeps the live value: the files have not changed it
            Drift: 1 modified, 0 deleted, 0 in sync, 0 not checked.
            "#);
        }
    }
}

#[test]
fn many_suggested_renames_are_lines_of_a_table() {
    let (sandbox, _cloud) = demo::in_cloud();
    let write = |prefix: &str| {
        let topics = (1..=5).map(|number| {
            format!("  {prefix}{number}: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: '{number}'}}}}\n")
        });
        let topics = topics.collect::<String>() + "Outputs:\n";
        sandbox.write(
            "stack.yaml.j2",
            demo::TEMPLATE.replace("Outputs:\n", &topics),
        );
    };
    write("TopicOfTheOldKind");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    write("TopicOfTheNewKind");
    let plan = sandbox.run(&["plan"]).expect_code(0).stdout;
    let plan = plan.split_once("looks like").unwrap().1;
    insta::assert_snapshot!(plan.split_once("\n\n").unwrap().0, @r#"
    renames:
     [moved]
     TopicOfTheOldKind1 = "TopicOfTheNewKind1"
     TopicOfTheOldKind2 = "TopicOfTheNewKind2"
     TopicOfTheOldKind3 = "TopicOfTheNewKind3"
     TopicOfTheOldKind4 = "TopicOfTheNewKind4"
     TopicOfTheOldKind5 = "TopicOfTheNewKind5"
    "#);
}

#[test]
fn an_import_after_a_rename_is_predicted_as_one() {
    let (sandbox, cloud) = renamed();
    sandbox.edit(
        "stack.yaml.j2",
        "Outputs:\n",
        "  Table:\n    Type: AWS::DynamoDB::Table\n    DeletionPolicy: Retain\n    Properties: { TableName: demo-table }\nOutputs:\n",
    );
    sandbox.append(
        "manifest.toml",
        "\n[import]\nTable = { TableName = \"demo-table\" }\n",
    );
    for arguments in [&["plan"][..], &["plan", "--offline"]] {
        let plan = sandbox.run(arguments).expect_code(0);
        plan.expect_stdout("→ Bucket → Files");
        plan.expect_stdout("<- Table  AWS::DynamoDB::Table # is imported");
        plan.expect_stdout(
            "1 to rename, then 0 to add, 0 to change, 0 to replace, 0 to destroy, 1 to import",
        );
    }
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn a_deletion_and_a_creation_that_look_like_a_rename_are_named() {
    let (sandbox, cloud) = demo::deployed();
    rename_bucket(&sandbox);
    let plan = sandbox.run(&["plan"]).expect_code(0);
    insta::assert_snapshot!(body(&plan.stdout), @r#"

    Danger
      DANGER   Bucket is deleted with its objects; the deletion fails unless it is empty
               fix: deploy `DeletionPolicy: Retain` first, then remove it
      DANGER   Files cannot be created: `Bucket`, which leaves the stack only afterwards, has the same
               BucketName `demo-data`
               fix: keep the logical ID `Bucket`, name the rename in `[moved]`, or give `Files` another
               `BucketName`

    looks like a rename: moved = { Bucket = "Files" }

      - Bucket  AWS::S3::Bucket

      + Files   AWS::S3::Bucket
          + BucketName: "demo-data"

    Outputs
          ~ BucketName: "${Bucket}" → "${Files}"

    Plan: 1 to add, 0 to change, 0 to replace, 1 to destroy.
    "#);
    let offline = sandbox.run(&["plan", "--offline"]).expect_code(0);
    offline.expect_stdout("looks like a rename: moved = { Bucket = \"Files\" }");
    let plan = sandbox
        .run(&["plan", "--format", "json"])
        .expect_code(0)
        .json();
    assert_eq!(
        plan["suggested_moves"],
        json!([{
            "from": "Bucket",
            "to": "Files",
            "type": "AWS::S3::Bucket",
            "ambiguous": false,
            "differs": [],
            "obstacle": null,
        }])
    );
    let plan = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    plan.expect_stdout("looks like a rename: <code>moved = { Bucket = \"Files\" }</code>");
    // The guard stays.
    let apply = sandbox.run(&["apply", "--yes"]).expect_code(4);
    apply.expect_stderr("--allow-delete Bucket");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
}

#[test]
fn neighbours_of_a_rename_are_distinguished() {
    let queues = |names: &[(&str, &str)]| {
        let queues = names.iter().map(|(id, rest)| {
            format!("  {id}: {{Type: AWS::SQS::Queue, Properties: {{DelaySeconds: 5{rest}}}}}\n")
        });
        demo::TEMPLATE.replace("Outputs:\n", &(queues.collect::<String>() + "Outputs:\n"))
    };
    let suggestions = |before: &[(&str, &str)], after: &[(&str, &str)]| {
        let (sandbox, _cloud) = demo::in_cloud();
        sandbox.write("stack.yaml.j2", queues(before));
        sandbox.run(&["apply", "--yes"]).expect_code(0);
        sandbox.write("stack.yaml.j2", queues(after));
        let plan = sandbox.run(&["plan"]).expect_code(0).stdout;
        let lines = plan
            .lines()
            .skip_while(|it| !it.contains("a rename") && !it.contains("like renames"));
        let lines = lines.take_while(|it| !it.is_empty()).map(str::trim);
        lines.collect::<Vec<_>>().join(" ")
    };
    let name = ", QueueName: q";
    insta::assert_snapshot!(suggestions(&[("A", ""), ("B", name)], &[("C", ""), ("D", name)]), @r#"looks like renames: moved = { A = "C", B = "D" }"#);
    insta::assert_snapshot!(suggestions(&[("A", ""), ("B", "")], &[("C", ""), ("D", "")]), @"looks like renames of AWS::SQS::Queue, but several have the same properties (A, B → C, D): write the pairs into `moved`");
    insta::assert_snapshot!(suggestions(&[("A", name)], &[("B", ", QueueName: q, MaximumMessageSize: 1024")]), @r#"may be a rename with other changes (MaximumMessageSize): moved = { A = "B" }"#);
    insta::assert_snapshot!(
        suggestions(&[("A", ", Tags: [{Key: k, Value: !Ref AWS::StackName}]")], &[("B", ", Tags: [{Key: k, Value: !Ref AWS::StackName}]")]),
        @"looks like a rename of A to B, but `A` reads `AWS::StackName` and cannot be refactored"
    );
    insta::assert_snapshot!(suggestions(&[("A", name)], &[("B", ", QueueName: other")]), @"");
    insta::assert_snapshot!(suggestions(&[("A", ""), ("B", name)], &[("A", name), ("B", "")]), @"");
}
