//! Ctrl-C, at every stage of a deployment.

use std::fs;

use crate::project::Project;

/// A stack whose last resource is ready when a file exists. The emulator runs the function as a
/// process of this machine, so it sees the file.
const SLOW: &str = r#"
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
      FunctionName: "{{ project }}-gate"
      Runtime: python3.13
      Handler: index.handler
      Timeout: 60
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import json, os, time, urllib.request
          def handler(event, context):
              while not os.path.exists(event["ResourceProperties"]["File"]):
                  time.sleep(0.02)
              body = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
              body |= {"Status": "SUCCESS", "PhysicalResourceId": "gate"}
              request = urllib.request.Request(
                  event["ResponseURL"], json.dumps(body).encode(), {"content-type": ""}, method="PUT")
              urllib.request.urlopen(request, timeout=5)
  Gate:
    Type: Custom::Gate
    Properties:
      ServiceToken: !GetAtt Function.Arn
      File: "{{ vars.file }}"
Outputs:
  Gate:
    Value: !Ref Gate
"#;

/// Returns a project whose deployment goes on until [`open`] is called.
fn gated() -> Project {
    let project = Project::of_template(SLOW, "");
    let file = project.path("gate");
    let var = format!("test_instance = false\nfile = \"{}\"", file.display());
    project.edit("manifest.toml", "test_instance = false", &var);
    project
}

fn open(project: &Project) {
    fs::write(project.path("gate"), "").unwrap();
}

#[test]
fn interrupted_deployment_continues_and_can_be_waited_for() {
    let project = gated();
    let mut applying = project.spawn(&["apply", "--yes"]);
    applying
        .wait_for_stderr("CREATE_IN_PROGRESS  Gate")
        .interrupt();
    applying
        .wait()
        .expect_code(130)
        .expect_stderr("stackctl apply --wait -e local");
    assert_eq!(
        project.stack_status().as_deref(),
        Some("CREATE_IN_PROGRESS")
    );

    for command in [&["apply", "--yes"][..], &["plan"], &["destroy", "--yes"]] {
        project
            .run(command)
            .expect_code(4)
            .expect_stderr("an operation is running on the stack");
    }
    let mut waiting = project.spawn(&["apply", "--wait"]);
    waiting.wait_for_stderr("Waiting for the running operation (CREATE_IN_PROGRESS)");
    open(&project);
    waiting
        .wait()
        .expect_code(0)
        .expect_stdout("No changes. The stack matches the files.");
    assert_eq!(project.stack_status().as_deref(), Some("CREATE_COMPLETE"));
    let output = project.run(&["outputs", "Gate"]).expect_code(0);
    assert_eq!(output.stdout, "gate\n");
}

#[test]
fn interrupted_wait_does_not_fail_the_deployment() {
    let project = gated();
    let mut applying = project.spawn(&["apply", "--yes"]);
    applying
        .wait_for_stderr("CREATE_IN_PROGRESS  Gate")
        .terminate();
    applying.wait().expect_code(130);
    let mut waiting = project.spawn(&["apply", "--wait", "--yes"]);
    waiting.wait_for_stderr("Waiting for").interrupt();
    waiting.wait().expect_code(130);
    open(&project);
    project.run(&["apply", "--wait", "--yes"]).expect_code(0);
    assert_eq!(project.stack_status().as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn interrupt_at_the_prompt_leaves_nothing_behind() {
    let project = gated();
    let mut applying = project.spawn_on_terminal(&["apply"]);
    applying.wait_for_stderr("Apply:").interrupt();
    applying.wait().expect_code(130);
    assert_eq!(project.stacks(), [""; 0], "no shell of a stack");

    open(&project);
    let project = project.deployed();
    let change_sets = project.change_sets();
    project.edit("manifest.toml", "gate\"", "other\"");
    let mut applying = project.spawn_on_terminal(&["apply"]);
    applying.wait_for_stderr("Apply:").interrupt();
    applying.wait().expect_code(130);
    assert_eq!(project.change_sets(), change_sets);
    assert_eq!(project.stack_status().as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn apply_requires_the_answer_yes() {
    let project = gated();
    open(&project);
    project
        .run(&["apply"])
        .expect_code(4)
        .expect_stderr("--yes was not given");
    for answer in ["y", "YES", "no", ""] {
        let mut applying = project.spawn_on_terminal(&["apply"]);
        applying.wait_for_stderr("Apply:").type_line(answer);
        applying
            .wait()
            .expect_code(4)
            .expect_stderr("the answer was not `yes`");
    }
    assert_eq!(project.stacks(), [""; 0]);
    let mut applying = project.spawn_on_terminal(&["apply"]);
    applying.wait_for_stderr("Apply:").type_line("yes");
    applying.wait().expect_code(0);
    assert_eq!(project.stack_status().as_deref(), Some("CREATE_COMPLETE"));
}
