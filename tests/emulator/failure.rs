//! Deployments that fail: what is said first, what is left, how to go on.

use crate::project::Project;

#[test]
fn failed_creation_is_rolled_back_with_its_cause() {
    let project = Project::unverified();
    let (right, wrong) = ("KeyName: \"{{ key_pair }}\"", "KeyName: \"nobody's\"");
    project.edit("templates/stack.yaml.j2", right, wrong);
    let failed = project.run(&["apply", "--yes"]).expect_code(3);
    for line in [
        "error: the deployment failed and was rolled back (ROLLBACK_COMPLETE)",
        "caused by: AWS::EC2::Instance TestInstance CREATE_FAILED: The key pair 'nobody's' does not exist",
        "hint: set `key_pair` in the manifest",
        "`stackctl apply -e local` makes the stack anew",
    ] {
        failed.expect_stderr(line);
    }
    // That it was undone is no second failure.
    assert!(!failed.stderr.contains("while it was undone"), "{failed}");
    assert!(
        !failed.stdout.contains("BucketName  "),
        "no outputs\n{failed}"
    );
    assert_eq!(project.stack_status().as_deref(), Some("ROLLBACK_COMPLETE"));
    assert_eq!(project.buckets(), [project.artifact_bucket()]);

    project.edit("templates/stack.yaml.j2", wrong, right);
    project
        .run(&["plan"])
        .expect_code(4)
        .expect_stderr("its shell can only be deleted");
    project
        .run(&["apply", "--yes"])
        .expect_code(0)
        .expect_stderr("Deleting the shell");
    assert_eq!(project.stack_status().as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn failed_update_is_rolled_back_with_its_cause() {
    let project = Project::unverified().deployed();
    let (right, wrong) = ("KeyName: \"{{ key_pair }}\"", "KeyName: \"nobody's\"");
    project.edit("templates/stack.yaml.j2", right, wrong);
    project.edit(
        "manifest.toml",
        "log_retention_days = 30",
        "log_retention_days = 60",
    );
    let failed = project.run(&["apply", "--yes"]).expect_code(3);
    for line in [
        "error: the deployment failed and was rolled back (UPDATE_ROLLBACK_COMPLETE)",
        "AWS::EC2::Instance TestInstance",
        "The key pair 'nobody's' does not exist",
        "hint: when that is put right: `stackctl apply -e local`",
    ] {
        failed.expect_stderr(line);
    }
    assert_eq!(
        project.stack_status().as_deref(),
        Some("UPDATE_ROLLBACK_COMPLETE")
    );
    assert_eq!(project.log_retention(), 30);

    project.edit("templates/stack.yaml.j2", wrong, right);
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(project.log_retention(), 60);
}

/// A resource whose own function fails on the requests that `fail_on` names.
const FAULTY: &str = r#"Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      AssumeRolePolicyDocument:
        Statement:
          - { Effect: Allow, Principal: { Service: lambda.amazonaws.com }, Action: "sts:AssumeRole" }
  Function:
    Type: AWS::Lambda::Function
    Properties:
      Runtime: python3.12
      Handler: index.handler
      Timeout: 30
      Role: !GetAtt Role.Arn
      Code:
        ZipFile: |
          import json, urllib.request
          def handler(event, context):
              wanted = event["ResourceProperties"]["FailOn"].split(",")
              answer = {name: event[name] for name in ("StackId", "RequestId", "LogicalResourceId")}
              answer["PhysicalResourceId"] = "fault"
              failed = event["RequestType"] in wanted
              answer["Status"] = "FAILED" if failed else "SUCCESS"
              answer["Reason"] = "injected by " + event["RequestType"]
              body = json.dumps(answer).encode()
              put = urllib.request.Request(event["ResponseURL"], data=body, method="PUT",
                                           headers={"content-type": ""})
              urllib.request.urlopen(put, timeout=5)
  Fault:
    Type: Custom::Fault
    Properties:
      ServiceToken: !GetAtt Function.Arn
      FailOn: "{{ vars.fail_on }}"
"#;

#[test]
fn failed_custom_resource_is_named() {
    let project = Project::of_template(FAULTY, "fail_on = \"None\"").deployed();
    project.edit("manifest.toml", "\"None\"", "\"Update\"");
    let failed = project.run(&["apply", "--yes", "--events", "none"]);
    let failed = failed.expect_code(3);
    for line in [
        "caused by: Custom::Fault Fault UPDATE_FAILED: ",
        "injected by Update",
        "hint: the words are those of the function behind `ServiceToken`",
        "hint: when that is put right: `stackctl apply -e local`",
    ] {
        failed.expect_stderr(line);
    }
    assert!(!failed.stderr.contains("UPDATE_IN_PROGRESS"), "{failed}");
    project
        .run(&["events", "--failed"])
        .expect_code(0)
        .expect_stdout("UPDATE_FAILED       Fault");
    assert_eq!(
        project.stack_status().as_deref(),
        Some("UPDATE_ROLLBACK_COMPLETE")
    );
}

#[test]
fn taken_bucket_name_is_shown_at_its_line() {
    let taken = Project::of_template(BUCKET, "bucket = \"taken-by-another\"");
    let name = taken.bucket();
    taken.edit("manifest.toml", "taken-by-another", &name);
    let taken = taken.deployed();
    let project = Project::of_template(BUCKET, &format!("bucket = \"{}\"", taken.bucket()));
    let failed = project.run(&["apply", "--yes"]).expect_code(3);
    for line in [
        "`vars.bucket` is set here",
        "caused by: AWS::S3::Bucket Data CREATE_FAILED: ",
        "hint: bucket names are shared by all AWS accounts",
    ] {
        failed.expect_stderr(line);
    }
}

const BUCKET: &str = "Resources:\n  Data:\n    Type: AWS::S3::Bucket\n    Properties:\n      \
    BucketName: \"{{ vars.bucket }}\"\n";
