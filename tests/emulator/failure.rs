//! Failed deployments: the cause, the state of the stack, and how to continue.

use crate::custom_resource::failing_at;
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
        "hint: name a key pair that `aws ec2 describe-key-pairs` lists",
        "run `stackctl apply -e local` to recreate the stack",
    ] {
        failed.expect_stderr(line);
    }
    // The rollback is not a second failure.
    assert!(!failed.stderr.contains("during the rollback"), "{failed}");
    assert!(
        !failed.stdout.contains("BucketName  "),
        "no outputs\n{failed}"
    );
    project.expect_status("ROLLBACK_COMPLETE");
    assert_eq!(project.buckets(), [project.artifact_bucket()]);

    project.edit("templates/stack.yaml.j2", wrong, right);
    let finished = project.run(&["plan"]).expect_code(4);
    finished.expect_stderr("the empty stack can only be deleted");
    let finished = project.run(&["apply", "--yes"]).expect_code(0);
    finished.expect_stderr("Deleting the empty stack");
    project.expect_status("CREATE_COMPLETE");
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
        "hint: fix the cause, then run `stackctl apply -e local`",
    ] {
        failed.expect_stderr(line);
    }
    project.expect_status("UPDATE_ROLLBACK_COMPLETE");
    assert_eq!(project.log_retention(), 30);

    project.edit("templates/stack.yaml.j2", wrong, right);
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(project.log_retention(), 60);
}

#[test]
fn failed_custom_resource_is_named() {
    let project = failing_at("").deployed();
    project.set_var("fails_at", "", "Update");
    let failed = project.run(&["apply", "--yes", "--events", "none"]);
    let failed = failed.expect_code(3);
    for line in [
        "caused by: Custom::Resource Custom UPDATE_FAILED: ",
        "injected by Update",
        "hint: the last lines of the log group `/aws/lambda/",
        "\n  handling Update\n",
        "hint: the function in `ServiceToken` returned this error",
        "hint: fix the cause, then run `stackctl apply -e local`",
    ] {
        failed.expect_stderr(line);
    }
    assert!(!failed.stderr.contains("UPDATE_IN_PROGRESS"), "{failed}");
    let finished = project.run(&["events", "--failed"]).expect_code(0);
    finished.expect_stdout("UPDATE_FAILED       Custom");
    project.expect_status("UPDATE_ROLLBACK_COMPLETE");
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
