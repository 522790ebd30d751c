//! `destroy`: what it shows, what it refuses, and how it ends.

use crate::cloud::{Cloud, Progress};
use crate::demo;

fn nothing_was_deleted(cloud: &Cloud) {
    for operation in ["DeleteStack", "DeleteObjects"] {
        assert!(cloud.calls_of(operation).is_empty(), "{operation}");
    }
}

#[test]
fn it_shows_what_goes_and_what_stays_and_wants_the_name() {
    let (sandbox, cloud) = demo::in_cloud();
    let keeping = "Type: AWS::IAM::Role\n    DeletionPolicy: Retain";
    let template = demo::TEMPLATE.replace("Type: AWS::IAM::Role", keeping);
    sandbox.write("stack.yaml.j2", template);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let mut running = sandbox.spawn_on_terminal(&["destroy"]);
    running
        .wait_for_stderr("to destroy it:")
        .type_line("demo-dev");
    insta::assert_snapshot!(running.wait(), @r"
    --- stdout
    demo-dev arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

      resource  type                   what happens  physical id
    - Bucket    AWS::S3::Bucket        deleted       demo-data
      Role      AWS::IAM::Role         stays         demo-dev-Role-1A2B3C
    - Handler   AWS::Lambda::Function  deleted       demo-handler

    Destroy: 2 to delete, 1 to leave behind.
    --- stderr
    Type the stack's name, demo-dev, to destroy it:   [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_IN_PROGRESS  Handler  AWS::Lambda::Function
      [TIME]  DELETE_COMPLETE     Handler  AWS::Lambda::Function
      [TIME]  DELETE_SKIPPED      Role  AWS::IAM::Role
      [TIME]  DELETE_IN_PROGRESS  Bucket  AWS::S3::Bucket
      [TIME]  DELETE_COMPLETE     Bucket  AWS::S3::Bucket
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    Destroyed: demo-dev is gone.
    Left behind: AWS::IAM::Role demo-dev-Role-1A2B3C
    --- exit 0
    ");
    assert_eq!(cloud.account().stack("demo-dev").status, "DELETE_COMPLETE");
}

#[test]
fn another_name_destroys_nothing() {
    for answer in ["demo-prod", "yes", ""] {
        let (sandbox, cloud) = demo::deployed();
        let mut running = sandbox.spawn_on_terminal(&["destroy"]);
        running.wait_for_stderr("to destroy it:").type_line(answer);
        let finished = running.wait().expect_code(4);
        let said = "error: not destroyed: the answer was not the stack's name";
        assert!(finished.to_string().contains(said), "{finished}");
        nothing_was_deleted(&cloud);
    }
}

#[test]
fn without_a_terminal_it_wants_yes() {
    let (sandbox, cloud) = demo::deployed();
    let finished = sandbox.run_with_stdin(&["destroy"], "demo-dev\n");
    insta::assert_snapshot!(finished.without_stdout(), @r"
    --- stderr
    error: there is no terminal to ask on
    hint: to go on without: `stackctl destroy --yes -e dev`
    --- exit 4
    ");
    nothing_was_deleted(&cloud);
}

#[test]
fn a_bucket_that_holds_something_has_to_be_named() {
    let (sandbox, cloud) = demo::in_cloud();
    let second = "Outputs:\n";
    let template = demo::TEMPLATE.replace(
        second,
        "  Second:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: demo-second\nOutputs:\n",
    );
    sandbox.write("stack.yaml.j2", template);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    demo::put_object(&cloud, "demo-data", "a");
    demo::put_object(&cloud, "demo-second", "b");
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes"]).without_stdout(), @r"
    --- stderr
    error: CloudFormation cannot delete a bucket that holds objects: Bucket, Second
    hint: to delete all their objects and versions too: `stackctl destroy -e dev --empty Bucket --empty Second`
    --- exit 4
    ");
    let finished = sandbox.run(&["destroy", "--yes", "--empty", "Bucket"]);
    let flags = "stackctl destroy -e dev --empty Bucket --empty Second";
    assert!(finished.stderr.contains(flags), "{finished}");
    nothing_was_deleted(&cloud);

    let finished = sandbox.run(&["destroy", "--yes", "--empty", "Handler"]);
    insta::assert_snapshot!(finished.without_stdout(), @r"
    --- stderr
    error: the stack has no bucket `Handler` to empty
    --- exit 4
    ");
    nothing_was_deleted(&cloud);
    sandbox
        .run(&["destroy", "--yes", "--empty", "Bucket", "--empty", "Second"])
        .expect_code(0);
    assert!(!cloud.account().buckets.contains_key("demo-second"));
}

#[test]
fn a_protected_stack_stays() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().stack("demo-dev").termination_protection = true;
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes"]), @r"
    --- stderr
    error: the stack `demo-dev` is protected from deletion
    hint: set `stack.termination_protection = false` in the manifest and run `stackctl apply -e dev` first
    --- exit 4
    ");
    nothing_was_deleted(&cloud);
}

#[test]
fn where_there_is_no_stack_there_is_nothing_to_do() {
    let (sandbox, cloud) = demo::in_cloud();
    insta::assert_snapshot!(sandbox.run(&["destroy"]), @r"
    --- stderr
    There is no stack `demo-dev`: nothing to do.
    --- exit 0
    ");
    nothing_was_deleted(&cloud);
}

#[test]
fn a_running_operation_is_not_disturbed() {
    let (sandbox, cloud) = demo::deployed();
    "UPDATE_IN_PROGRESS".clone_into(&mut cloud.account().stack("demo-dev").status);
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes"]), @r"
    --- stderr
    error: an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)
    hint: wait until it has ended: `stackctl status -e dev`
    --- exit 4
    ");
    nothing_was_deleted(&cloud);
}

#[test]
fn a_deletion_that_fails_names_the_cause() {
    let (sandbox, cloud) = demo::deployed();
    demo::put_object(&cloud, "demo-data", "late");
    // The object came after the look into the bucket.
    cloud
        .on("ListObjectVersions")
        .reply_xml("<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>");
    let finished = sandbox.run(&["destroy", "--yes"]).without_stdout();
    insta::assert_snapshot!(finished, @r"
    --- stderr
      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_IN_PROGRESS  Handler  AWS::Lambda::Function
      [TIME]  DELETE_COMPLETE     Handler  AWS::Lambda::Function
      [TIME]  DELETE_IN_PROGRESS  Role  AWS::IAM::Role
      [TIME]  DELETE_COMPLETE     Role  AWS::IAM::Role
      [TIME]  DELETE_IN_PROGRESS  Bucket  AWS::S3::Bucket
      [TIME]  DELETE_FAILED       Bucket  AWS::S3::Bucket: The bucket you tried to delete is not empty. You must delete all versions in the bucket.
      [TIME]  DELETE_FAILED       demo-dev  AWS::CloudFormation::Stack: The following resource(s) failed to delete: [Bucket].
    error: the stack `demo-dev` could not be deleted (DELETE_FAILED)
      caused by: AWS::S3::Bucket Bucket DELETE_FAILED: The bucket you tried to delete is not empty. You must delete all versions in the bucket.
    hint: remove what is in the way (region eu-west-1), then run `stackctl destroy -e dev` again
    --- exit 1
    ");
}

#[test]
fn an_interrupt_leaves_the_deletion_running() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().progress = Progress::Held;
    let mut running = sandbox.spawn(&["destroy", "--yes"]);
    running.wait_for_stderr("DELETE_IN_PROGRESS").interrupt();
    insta::assert_snapshot!(running.wait().without_stdout(), @r"
    --- stderr
      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
    error: interrupted
    hint: the operation goes on; follow it with `stackctl status -e dev`
    --- exit 130
    ");
}
