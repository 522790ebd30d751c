//! The end of a stack.

use serde_json::json;

use crate::project::Project;

#[test]
fn a_bucket_with_files_is_deleted_only_where_it_is_named() {
    let project = Project::unverified().deployed();
    for body in ["first", "second"] {
        let object = json!({"Bucket": project.bucket(), "Key": "precious.txt", "Body": body});
        project.aws("s3", "put_object", object);
    }
    let before = project.event_count();

    let refused = project.run(&["destroy", "--yes"]).expect_code(4);
    let hint = "destroy -e local --empty FilesBucket";
    assert!(refused.stderr.contains(hint), "{refused}");
    let refused = project
        .run(&["destroy", "--yes", "--empty", "Handler"])
        .expect_code(4);
    assert!(refused.stderr.contains("no bucket `Handler`"), "{refused}");
    let refused = project
        .run(&["destroy", "--empty", "FilesBucket"])
        .expect_code(4);
    assert!(
        refused.stderr.contains("no terminal to ask on"),
        "{refused}"
    );
    assert_eq!(project.stack_status().as_deref(), Some("CREATE_COMPLETE"));
    assert_eq!(project.event_count(), before);
    assert_eq!(project.files(), ["precious.txt"]);
    assert_eq!(project.versions().len(), 2);

    let destroyed = project
        .run(&["destroy", "--yes", "--empty", "FilesBucket"])
        .expect_code(0);
    assert!(destroyed.stderr.contains("2 versions."), "{destroyed}");
    assert!(destroyed.stderr.contains("is gone."), "{destroyed}");
    assert_eq!(project.stacks(), [""; 0]);
    assert_eq!(project.buckets(), [project.artifact_bucket()]);
    let table = project.try_aws(
        "dynamodb",
        "describe_table",
        json!({"TableName": "FileMetadata-local"}),
    );
    assert_eq!(table.unwrap_err(), "ResourceNotFoundException");

    let nothing = project.run(&["destroy", "--yes"]).expect_code(0);
    assert!(nothing.stderr.contains("nothing to do."), "{nothing}");
    project.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn only_the_name_of_the_stack_destroys_it() {
    let project = Project::unverified().deployed();
    let mut destroying = project.spawn_on_terminal(&["destroy"]);
    destroying
        .wait_for_stderr("to destroy it:")
        .type_line("yes");
    let declined = destroying.wait().expect_code(4);
    assert!(declined.stderr.contains("not destroyed"), "{declined}");
    assert_eq!(project.stack_status().as_deref(), Some("CREATE_COMPLETE"));

    let mut destroying = project.spawn_on_terminal(&["destroy"]);
    destroying
        .wait_for_stderr("to destroy it:")
        .type_line(&project.stack());
    destroying.wait().expect_code(0);
    assert_eq!(project.stacks(), [""; 0]);
}

#[test]
fn a_protected_stack_is_not_destroyed() {
    let project = Project::unverified();
    let table = "[environments.local]\n";
    project.edit(
        "manifest.toml",
        table,
        &format!("{table}stack.termination_protection = true\n"),
    );
    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    assert!(
        applied.stderr.contains("Termination protection is on."),
        "{applied}"
    );
    let refused = project.run(&["destroy", "--yes"]).expect_code(4);
    assert!(
        refused.stderr.contains("is protected from deletion"),
        "{refused}"
    );

    project.edit(
        "manifest.toml",
        "termination_protection = true",
        "termination_protection = false",
    );
    project.run(&["apply", "--yes"]).expect_code(0);
    project.run(&["destroy", "--yes"]).expect_code(0);
    assert_eq!(project.stacks(), [""; 0]);
}
