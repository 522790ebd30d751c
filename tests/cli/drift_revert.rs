//! `recover` on a healthy stack with drift: the request, the plan, the execution and manual steps.

use crate::cloud::Cloud;
use crate::demo;
use crate::drift::{begins, drifted, ends};
use crate::live::{describes_a_change_set, describes_a_drift_revert};
use crate::sandbox::Sandbox;

/// Lets the service create a change set.
fn accepts_a_change_set(cloud: &Cloud) {
    cloud.on("CreateChangeSet").reply_result("<Id>arn:set</Id>");
}

/// Returns the project with drift and a drift-aware change set.
fn revertible() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = drifted();
    accepts_a_change_set(&cloud);
    describes_a_drift_revert(&cloud);
    cloud.forget_calls();
    (sandbox, cloud)
}

#[test]
fn recover_shows_the_drift_and_the_plan_before_it_asks() {
    let (sandbox, cloud) = revertible();
    let plan = sandbox.run(&["plan", "--revert-drift"]).expect_code(0);
    cloud.forget_calls();
    // `recover` does not read the template.
    sandbox.write("stack.yaml.j2", "{{ nonsense");
    let mut shown = sandbox.run(&["recover"]);
    shown.stdout = shown.stdout.replace(&plan.stdout, "[PLAN]\n");
    insta::assert_snapshot!(shown, @r#"
    --- stdout
    demo-dev  CREATE_COMPLETE
      The stack was created.
      Not all of its resources are as they were deployed.

    Drift  deployed → live
      ~ Handler  AWS::Lambda::Function
          ~ Runtime: "python3.13" → "python3.12"
          + Environment.Variables.B: "2"
      - Bucket  AWS::S3::Bucket # is deleted

    Drift: 1 modified, 1 deleted, 0 in sync, 1 not checked.

    [PLAN]

    To revert manually, because CloudFormation does not revert it:
      - Bucket  AWS::S3::Bucket # is deleted
          remove it and everything that refers to it from the template, run `stackctl apply -e dev`,
          restore the template, and run the same command again
    --- stderr

    To revert the drift, the deployed template is deployed again:
    error: cannot ask a question without a terminal
    hint: to continue without the question, run `stackctl recover --yes -e dev`
    --- exit 4
    "#);
    let asked = cloud.calls_of("CreateChangeSet").remove(0);
    assert_eq!(asked.parameter("DeploymentMode"), "REVERT_DRIFT");
    assert_eq!(asked.parameter("UsePreviousTemplate"), "true");
    assert_eq!(asked.parameter("TemplateBody"), "");
    assert_eq!(asked.list("Capabilities"), ["CAPABILITY_IAM"]);
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    let removed = cloud.calls_of("DeleteChangeSet").remove(0);
    assert_eq!(removed.parameter("ChangeSetName"), "arn:set");
}

#[test]
fn recover_executes_the_change_set_that_was_shown() {
    let (sandbox, cloud) = revertible();
    sandbox
        .answer(&["recover"], "Recover:", "no")
        .expect_code(4)
        .expect_stderr("the answer was not `yes`");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    cloud
        .on("ExecuteChangeSet")
        .error(400, "Stop", "enough is seen");
    sandbox.run(&["recover", "--yes"]).expect_code(1);
    let executed = cloud.calls_of("ExecuteChangeSet").remove(0);
    assert_eq!(executed.parameter("ChangeSetName"), "arn:set");
}

#[test]
fn recover_keeps_all_parameter_values() {
    let (sandbox, cloud) = demo::in_cloud();
    let parameters = "Parameters:\n  Word:\n    Type: String\n    NoEcho: true\nResources:";
    sandbox.write(
        "stack.yaml.j2",
        demo::TEMPLATE.replacen("Resources:", parameters, 1),
    );
    sandbox.append("manifest.toml", "[parameters]\nWord = \"deployed-word\"\n");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    begins(&cloud);
    ends(&cloud, "DETECTION_COMPLETE", "DRIFTED", "");
    crate::drift::finds(&cloud, crate::drift::CHANGED);
    accepts_a_change_set(&cloud);
    describes_a_drift_revert(&cloud);
    sandbox.run(&["recover"]).expect_code(4);
    let asked = cloud.calls_of("CreateChangeSet").remove(0);
    let kept = asked.pairs("Parameters", "ParameterKey", "UsePreviousValue");
    assert_eq!(kept.get("Word").map(String::as_str), Some("true"));
}

#[test]
fn recover_lists_manual_steps_if_the_service_cannot_revert() {
    let failed = "<Status>FAILED</Status><ExecutionStatus>UNAVAILABLE</ExecutionStatus>\
        <StatusReason>The submitted information didn't contain changes.</StatusReason>";
    // An endpoint that ignores the mode, and a service that reverts nothing.
    for (mode, why) in [
        ("", "this endpoint does not support drift-aware change sets"),
        (
            "<DeploymentMode>REVERT_DRIFT</DeploymentMode>",
            "CloudFormation reverts none of this",
        ),
    ] {
        let (sandbox, cloud) = drifted();
        accepts_a_change_set(&cloud);
        describes_a_change_set(&cloud, &format!("{failed}{mode}"));
        let finished = sandbox.run(&["recover", "--yes"]).expect_code(4);
        finished.expect_stderr(why);
        let (_, by_hand) = finished.stdout.split_once("\nTo revert manually").unwrap();
        insta::allow_duplicates! {
            insta::assert_snapshot!(by_hand, @r"
            , because CloudFormation does not revert it:
              ~ Handler  AWS::Lambda::Function
                  undo the change where it was made, or copy the live values into the template and run `stackctl
                  apply -e dev`
              - Bucket  AWS::S3::Bucket # is deleted
                  remove it and everything that refers to it from the template, run `stackctl apply -e dev`,
                  restore the template, and run the same command again
            ");
        }
        assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
        assert_eq!(cloud.calls_of("DeleteChangeSet").len(), 1);
    }
}

#[test]
fn recover_refuses_to_replace_a_resource_with_data() {
    let (sandbox, cloud) = drifted();
    accepts_a_change_set(&cloud);
    describes_a_change_set(
        &cloud,
        "<Status>CREATE_COMPLETE</Status><ExecutionStatus>AVAILABLE</ExecutionStatus>\
         <DeploymentMode>REVERT_DRIFT</DeploymentMode><Changes><member><Type>Resource</Type>\
         <ResourceChange><Action>Modify</Action><LogicalResourceId>Bucket</LogicalResourceId>\
         <ResourceType>AWS::S3::Bucket</ResourceType><Replacement>True</Replacement>\
         </ResourceChange></member></Changes>",
    );
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(4);
    finished.expect_stderr("nothing was done: `Bucket`");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
}

#[test]
fn denied_drift_detection_is_a_warning() {
    let (sandbox, cloud) = demo::deployed();
    let denied = "not authorized to perform: cloudformation:DetectStackDrift";
    cloud
        .on("DetectStackDrift")
        .error(403, "AccessDenied", denied);
    let finished = sandbox.run(&["recover"]).expect_code(0);
    finished.expect_stderr("warning: drift could not be detected");
    finished.expect_stderr("Nothing to do.");
}
