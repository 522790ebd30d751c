//! Deployments that fail: what is said first, what is left, how to go on.

use crate::project::Project;

#[test]
fn a_creation_that_fails_is_rolled_back_and_says_why() {
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
        assert!(failed.stderr.contains(line), "{line}\n{failed}");
    }
    assert!(
        !failed.stdout.contains("BucketName  "),
        "no outputs\n{failed}"
    );
    assert_eq!(project.stack_status().as_deref(), Some("ROLLBACK_COMPLETE"));
    assert_eq!(project.buckets(), [project.artifact_bucket()]);

    project.edit("templates/stack.yaml.j2", wrong, right);
    let refused = project.run(&["plan"]).expect_code(4);
    assert!(
        refused.stderr.contains("its shell can only be deleted"),
        "{refused}"
    );
    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    assert!(applied.stderr.contains("Deleting the shell"), "{applied}");
    assert_eq!(project.stack_status().as_deref(), Some("CREATE_COMPLETE"));
}

#[test]
fn an_update_that_fails_leaves_the_stack_as_it_was() {
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
        assert!(failed.stderr.contains(line), "{line}\n{failed}");
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
