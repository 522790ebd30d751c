//! Every stuck state that the emulator can be brought into, and the way out of it.

use serde_json::json;

use crate::project::Project;

/// A stack with a resource that fails at the requests that the manifest names, such as `Update`.
///
/// CloudFormation undoes an update with the old properties, so what fails there must have failed
/// before: a resource made with `Update` in its list fails at the update and at its rollback.
const FAULTY: &str = r#"
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: lambda.amazonaws.com }
            Action: sts:AssumeRole
  Function:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: "{{ project }}-fault"
      Runtime: python3.13
      Handler: index.handler
      Timeout: 30
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import json, urllib.request
          def handler(event, context):
              fails = event["RequestType"] in event["ResourceProperties"]["FailsAt"]
              body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
              body |= {"Status": "FAILED" if fails else "SUCCESS", "PhysicalResourceId": "fault"}
              body |= {"Reason": "it is not to be: " + event["RequestType"]}
              request = urllib.request.Request(
                  event["ResponseURL"], json.dumps(body).encode(), {"content-type": ""}, method="PUT")
              urllib.request.urlopen(request, timeout=5)
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      DisplayName: "{{ vars.version }}"
  Fault:
    Type: Custom::Fault
    DependsOn: Topic
    Properties:
      ServiceToken: !GetAtt Function.Arn
      FailsAt: "{{ vars.fails_at }}"
      Version: "{{ vars.version }}"
"#;

/// Returns a project whose resource fails at these requests.
fn failing_at(requests: &str) -> Project {
    Project::of_template(
        FAULTY,
        &format!("version = \"1\"\nfails_at = \"{requests}\""),
    )
}

impl Project {
    #[track_caller]
    fn expect_status(&self, status: Option<&str>) {
        assert_eq!(self.stack_status().as_deref(), status);
    }

    fn repaired(&self, requests: &str) {
        let wrong = format!("fails_at = \"{requests}\"");
        self.edit("manifest.toml", &wrong, "fails_at = \"\"");
    }
}

#[test]
fn apply_recreates_a_stack_whose_creation_failed() {
    let project = failing_at("Create");
    let failed = project.run(&["apply", "--yes"]).expect_code(3);
    failed.expect_stderr("it is not to be: Create");
    project.expect_status(Some("ROLLBACK_COMPLETE"));
    project
        .run(&["recover"])
        .expect_code(4)
        .expect_stdout("The creation failed and was undone.")
        .expect_stdout("DeleteStack");
    project.expect_status(Some("ROLLBACK_COMPLETE"));

    project.repaired("Create");
    project.run(&["apply", "--yes"]).expect_code(0);
    project.expect_status(Some("CREATE_COMPLETE"));
}

#[test]
fn recover_skips_a_resource_and_continues_the_rollback() {
    let project = failing_at("Update").deployed();
    project.edit("manifest.toml", "version = \"1\"", "version = \"2\"");
    project.run(&["apply", "--yes"]).expect_code(1);
    project.expect_status(Some("UPDATE_ROLLBACK_FAILED"));
    project
        .run(&["apply", "--yes"])
        .expect_code(4)
        .expect_stderr("`stackctl recover -e local`");

    project
        .run(&["recover", "--yes"])
        .expect_code(1)
        .expect_stdout("--skip Fault")
        .expect_stderr("is stuck again");
    project
        .run(&["recover", "--yes", "--skip", "Topic"])
        .expect_code(4);
    project
        .run(&["recover", "--yes", "--skip", "Fault"])
        .expect_code(0);
    project.expect_status(Some("UPDATE_ROLLBACK_COMPLETE"));
}

#[test]
fn creation_without_rollback_can_be_rolled_back_or_continued() {
    let project = failing_at("Create");
    let failed = project.run(&["apply", "--yes", "--no-rollback"]);
    failed
        .expect_code(1)
        .expect_stderr("`stackctl recover -e local` undoes it");
    project.expect_status(Some("CREATE_FAILED"));
    project
        .run(&["recover", "--yes"])
        .expect_code(0)
        .expect_stdout("RollbackStack");
    assert_eq!(project.stacks(), [""; 0]);

    project
        .run(&["apply", "--yes", "--on-failure", "keep"])
        .expect_code(1);
    project.repaired("Create");
    project.run(&["apply", "--yes"]).expect_code(0);
    project.expect_status(Some("UPDATE_COMPLETE"));
}

#[test]
fn on_failure_delete_deletes_a_new_stack_that_fails() {
    let project = failing_at("Create");
    let failed = project.run(&["apply", "--yes", "--on-failure", "delete"]);
    failed
        .expect_code(3)
        .expect_stderr("the new stack was deleted again");
    assert_eq!(project.stacks(), [""; 0]);
    project
        .run(&["recover"])
        .expect_code(0)
        .expect_stderr("There is no stack");
}

#[test]
fn recover_retains_a_resource_that_fails_to_delete() {
    let project = failing_at("Delete").deployed();
    project.run(&["destroy", "--yes"]).expect_code(1);
    project.expect_status(Some("DELETE_FAILED"));
    project.run(&["recover", "--yes"]).expect_code(1);
    project
        .run(&["recover", "--yes", "--retain", "Fault"])
        .expect_code(0);
    assert_eq!(project.stacks(), [""; 0]);
}

#[test]
fn apply_refuses_if_the_stack_was_deleted_after_the_plan() {
    let project = failing_at("").deployed();
    project.edit("manifest.toml", "version = \"1\"", "version = \"2\"");
    let mut applying = project.spawn_on_terminal(&["apply"]);
    applying.wait_for_stderr("Apply:");
    let name = json!({"StackName": project.stack()});
    project.aws("cloudformation", "delete_stack", name);
    while project.stack_status().is_some() {
        std::thread::yield_now();
    }
    applying.type_line("yes");
    applying
        .wait()
        .expect_code(4)
        .expect_stderr("in the meantime");
    project.run(&["apply", "--yes"]).expect_code(0);
    project.expect_status(Some("CREATE_COMPLETE"));
}
