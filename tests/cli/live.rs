//! `diff --live` and `--revert-drift`: what a deployment does about drift.

use crate::cloud::Cloud;
use crate::demo;
use crate::drift::{CHANGED, begins, drifted, ends, finds};
use crate::sandbox::Sandbox;

/// Stack settings that differ from the deployed ones.
const SETTINGS: &str = r#"
[stack]
capabilities = ["CAPABILITY_NAMED_IAM"]
notification_arns = ["arn:aws:sns:eu-west-1:123456789012:ops"]
role_arn = "arn:aws:iam::123456789012:role/deployer"
rollback_alarms = ["arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"]
rollback_monitoring_minutes = 5
termination_protection = true
"#;

#[test]
fn drift_that_the_files_do_not_change_is_kept() {
    let (sandbox, _cloud) = drifted();
    insta::assert_snapshot!(sandbox.run(&["diff", "--live"]), @r#"
    --- stdout
    No differences: the deployed stack matches the files.

    Live  deployed → live
      ~ Handler  AWS::Lambda::Function
          ~ Runtime: "python3.13" → "python3.12"
              apply: keeps the live value: the files have not changed it
          + Environment.Variables.B: "2"
              apply: keeps the live value: the files have not changed it
      - Bucket  AWS::S3::Bucket # is deleted
              apply: does not recreate it: the files have not changed it
    Drift: 1 modified, 1 deleted, 0 in sync, 1 not checked.
    --- stderr
    hint: `stackctl plan --revert-drift -e dev` shows a deployment that reverts drift
    --- exit 0
    "#);
    sandbox
        .run(&["diff", "--live", "--exit-code"])
        .expect_code(2);
    sandbox.run(&["diff", "--exit-code"]).expect_code(0);
}

#[test]
fn drift_that_the_files_change_is_overwritten_or_adopted() {
    let (sandbox, _cloud) = drifted();
    for (runtime, way) in [
        ("python3.11", "apply: sets it to \"python3.11\""),
        (
            "python3.12",
            "apply: keeps the live value: the files now have the same value",
        ),
    ] {
        let template = demo::TEMPLATE.replace("python3.13", runtime);
        sandbox.write("stack.yaml.j2", template);
        let finished = sandbox.run(&["diff", "--live"]).expect_code(0);
        finished.expect_stdout(way);
        // The other property of the function is not changed in the template.
        finished.expect_stdout("apply: may reset it: the resource changes for another reason");
    }
    let document = sandbox.json(&["diff", "--live"]);
    insta::assert_snapshot!(format!("{:#}", document["live"]), @r#"
    {
      "status": "DRIFTED",
      "detection": "DETECTION_COMPLETE",
      "reason": null,
      "resources": [
        {
          "logical_id": "Handler",
          "type": "AWS::Lambda::Function",
          "status": "MODIFIED",
          "way": null,
          "properties": [
            {
              "path": "Runtime",
              "deployed": "python3.13",
              "live": "python3.12",
              "desired": "python3.12",
              "way": "adopted"
            },
            {
              "path": "Environment.Variables.B",
              "deployed": null,
              "live": "2",
              "desired": null,
              "way": "may_be_reset"
            }
          ]
        },
        {
          "logical_id": "Bucket",
          "type": "AWS::S3::Bucket",
          "status": "DELETED",
          "way": "stays",
          "properties": []
        }
      ],
      "not_checked": [
        "Role"
      ],
      "nested": []
    }
    "#);
    let document = sandbox.json(&["diff"]);
    assert!(document["live"].is_null());
}

#[test]
fn every_format_shows_the_live_values() {
    let (sandbox, _cloud) = drifted();
    sandbox.edit("stack.yaml.j2", "python3.13", "python3.11");
    let run = |form: &str| sandbox.run(&["diff", "--live", "--format", form]);
    insta::assert_snapshot!(run("markdown"), @r"
    --- stdout
    <!-- stackctl:diff demo-dev -->
    <b>1 difference.</b>

    <code>the deployed template</code> → <code>stack.yaml.j2</code>

    <b>Drift: 1 modified, 1 deleted, 0 in sync, 1 not checked.</b>

    <details open><summary><code>&#126;</code> <b>Handler</b> AWS::Lambda::Function</summary>

    | property | deployed | live | desired | <code>apply</code> |
    | --- | --- | --- | --- | --- |
    | <code>Runtime</code> | <code>python3.13</code> | <code>python3.12</code> | <code>python3.11</code> | sets the desired value |
    | <code>Environment.Variables.B</code> |  | <code>2</code> |  | may reset it: the resource changes for another reason |

    </details>

    <code>-</code> <b>Bucket</b> AWS::S3::Bucket is deleted; <code>apply</code> does not recreate it: the files have not changed it

    <b>What the files change</b>

    <details><summary><code>&#126;</code> <b>Handler</b> AWS::Lambda::Function <sub>stack.yaml.j2:16</sub></summary>

    ```diff
    - Runtime: python3.13
    + Runtime: python3.11
    ```

    </details>
    --- stderr
    hint: `stackctl plan --revert-drift -e dev` shows a deployment that reverts drift
    --- exit 0
    ");
    insta::assert_snapshot!(run("unified"), @r#"
    --- stdout
    --- the deployed template
    +++ stack.yaml.j2
    @@ -19,7 +19,7 @@
         Properties:
           FunctionName: demo-handler
           Handler: app.handler
    -      Runtime: python3.13
    +      Runtime: python3.11
           Role:
             Fn::GetAtt:
               - Role
    --- Handler, as deployed
    +++ Handler, live
    @@ -2,8 +2,9 @@
       Handler:
         Type: AWS::Lambda::Function
         Properties:
    -      Runtime: python3.13
    +      Runtime: python3.12
           MemorySize: 128
           Environment:
             Variables:
               A: "1"
    +          B: "2"
    --- Bucket, as deployed
    +++ /dev/null
    @@ -1,3 +0,0 @@
    -Resources:
    -  Bucket:
    -    Type: AWS::S3::Bucket
    --- stderr
    hint: `stackctl plan --revert-drift -e dev` shows a deployment that reverts drift
    --- exit 0
    "#);
}

#[test]
fn markdown_diff_contains_the_changed_code_lines() {
    let (sandbox, _cloud) = demo::deployed();
    demo::change_code(&sandbox);
    let shown = sandbox
        .run(&["diff", "--format", "markdown"])
        .expect_code(0);
    let block = "Code <b>handler</b>: <code>~</code> app.py</summary>\n\n```diff\n  \
                 def handler(event, context):\n-     return 1\n+     return 2\n```\n";
    shown.expect_stdout(block);
    // A file that is too large for a comment is only named, and the other parts are complete.
    sandbox.write("handler/large.py", "x = 1\n".repeat(20_000));
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.write("handler/large.py", "y = 1\n".repeat(20_000));
    let shown = sandbox
        .run(&["diff", "--format", "markdown"])
        .expect_code(0);
    assert!(shown.stdout.chars().count() <= 65_536, "{shown}");
    shown.expect_stdout("Code <b>handler</b>: <code>~</code> large.py (117.1 KiB → 117.1 KiB)\n");
    assert!(
        shown
            .stdout
            .ends_with("run `stackctl diff` to see everything.**\n"),
        "{shown}"
    );
}

#[test]
fn only_limits_the_drift_detection() {
    let (sandbox, cloud) = drifted();
    sandbox.append("stack.yaml.j2", "  New: {Value: x}\n");
    cloud.forget_calls();
    let run = |only: &str| sandbox.run(&["diff", "--live", "--only", only]);
    let finished = run("Handler,New").expect_code(0);
    finished.expect_stdout("~ Handler");
    assert!(!finished.stdout.contains("Bucket"), "{finished}");
    let asked = cloud.calls_of("DetectStackDrift").remove(0);
    assert_eq!(asked.list("LogicalResourceIds"), ["Handler"]);

    // Only deployed resources can have drift. An unknown name is refused first.
    cloud.forget_calls();
    insta::assert_snapshot!(run("New"), @r"
    --- stdout
    --- the deployed template
    +++ stack.yaml.j2

      + New  Outputs (line 29)

    Diff: 1 difference.
    --- stderr
    Drift was not detected: nothing that `--only` names is a deployed resource.
    --- exit 0
    ");
    run("Handlr").expect_code(1);
    assert!(cloud.calls_of("DetectStackDrift").is_empty());
}

#[test]
fn every_stack_setting_is_compared() {
    let (sandbox, _cloud) = demo::deployed();
    sandbox.append("manifest.toml", SETTINGS);
    insta::assert_snapshot!(sandbox.run(&["diff"]), @r#"
    --- stdout
    --- the deployed template
    +++ stack.yaml.j2

    Stack settings
          ~ capabilities: "CAPABILITY_IAM" → "CAPABILITY_NAMED_IAM"
          + notification_arns: "arn:aws:sns:eu-west-1:123456789012:ops"
          + role_arn: "arn:aws:iam::123456789012:role/deployer"
          + rollback_alarms: "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors"
          + rollback_monitoring_minutes: "5"
          ~ termination_protection: "false" → "true"

    Diff: 6 differences.
    --- exit 0
    "#);
}

/// Lets the service describe a change set with these members.
pub(crate) fn describes_a_change_set(cloud: &Cloud, members: &str) {
    cloud.on("DescribeChangeSet").reply_result(&format!(
        "<ChangeSetId>arn:set</ChangeSetId><StackId>arn:stack</StackId>{members}"
    ));
}

/// Lets the service describe a drift-aware change set that restores the runtime of the template.
pub(crate) fn describes_a_drift_revert(cloud: &Cloud) {
    let target = |previous: &str, source: &str| {
        format!(
            "<member><Target><Attribute>Properties</Attribute><Name>Runtime</Name>\
             <Path>/Properties/Runtime</Path><RequiresRecreation>Never</RequiresRecreation>\
             <BeforeValue>python3.12</BeforeValue><AfterValue>python3.13</AfterValue>\
             <BeforeValueFrom>ACTUAL_STATE</BeforeValueFrom><AfterValueFrom>TEMPLATE</AfterValueFrom>\
             <Drift><PreviousValue>{previous}</PreviousValue><ActualValue>python3.12</ActualValue></Drift>\
             </Target><Evaluation>Static</Evaluation><ChangeSource>{source}</ChangeSource></member>"
        )
    };
    let change = |name: &str, previous: &str, source: &str| {
        format!(
            "<member><Type>Resource</Type><ResourceChange><Action>Modify</Action>\
             <LogicalResourceId>{name}</LogicalResourceId><ResourceType>AWS::Lambda::Function</ResourceType>\
             <Replacement>False</Replacement><ResourceDriftStatus>MODIFIED</ResourceDriftStatus>\
             <Details>{}</Details></ResourceChange></member>",
            target(previous, source)
        )
    };
    let changes = change("Handler", "python3.13", "NoModification")
        + &change("Other", "python3.11", "DirectModification");
    let status = "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>\
         <DeploymentMode>REVERT_DRIFT</DeploymentMode><StackDriftStatus>DRIFTED</StackDriftStatus>";
    describes_a_change_set(cloud, &format!("{status}<Changes>{changes}</Changes>"));
}

#[test]
fn drift_aware_plan_shows_what_it_reverts() {
    let (sandbox, cloud) = demo::deployed();
    describes_a_drift_revert(&cloud);
    let finished = sandbox.run(&["plan", "--revert-drift", "--detailed-exitcode"]);
    insta::assert_snapshot!(finished, @r#"
    --- stdout
    Stack        demo-dev (environment dev)
    [HEADER]

      ↺ Handler  AWS::Lambda::Function # drift is reverted
          ~ Runtime: "python3.12" → "python3.13" # because the live value has drifted

      ~ Other    AWS::Lambda::Function
          ~ Runtime: "python3.12" → "python3.13" # and the live value has drifted from "python3.11"

    Plan: 0 to add, 2 to change, 0 to replace, 0 to destroy.
    --- exit 2
    "#);
    let asked = cloud.calls_of("CreateChangeSet").remove(0);
    assert_eq!(asked.parameter("DeploymentMode"), "REVERT_DRIFT");
}

#[test]
fn apply_executes_the_drift_aware_change_set() {
    let (sandbox, cloud) = demo::deployed();
    describes_a_drift_revert(&cloud);
    cloud
        .on("ExecuteChangeSet")
        .error(400, "Stop", "enough is seen");
    sandbox
        .run(&["apply", "--revert-drift", "--yes"])
        .expect_code(1)
        .expect_stdout("↺ Handler");
    let executed = cloud.calls_of("ExecuteChangeSet").remove(0);
    assert_eq!(executed.parameter("ChangeSetName"), "arn:set");
}

fn refused(sandbox: &Sandbox) -> String {
    sandbox
        .run(&["plan", "--revert-drift"])
        .expect_code(4)
        .to_string()
}

#[test]
fn revert_drift_is_refused_if_it_is_not_possible() {
    let (sandbox, cloud) = demo::in_cloud();
    insta::assert_snapshot!(refused(&sandbox), @r"
    --- stderr
    error: the stack `demo-dev` is not deployed, so nothing can have drifted
    hint: leave out `--revert-drift`
    --- exit 4
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    // This server ignores the mode, as older servers and emulators do.
    insta::assert_snapshot!(refused(&sandbox), @r"
    --- stderr
    error: this endpoint does not support drift-aware change sets: it ignored the request to revert drift
    --- exit 4
    ");
    assert_eq!(cloud.account().change_sets(), 0, "nothing is left behind");
    sandbox
        .run(&["plan", "--revert-drift", "--offline"])
        .expect_code(64);
}

#[test]
fn failed_detection_is_a_warning() {
    let (sandbox, cloud) = demo::deployed();
    begins(&cloud);
    ends(&cloud, "DETECTION_FAILED", "UNKNOWN", "no permission");
    finds(&cloud, CHANGED);
    let finished = sandbox.run(&["diff", "--live"]).expect_code(0);
    finished.expect_stderr("warning: drift detection could not check everything: no permission");
    let (sandbox, _cloud) = demo::in_cloud();
    sandbox.run(&["diff", "--live"]).expect_code(1);
}
