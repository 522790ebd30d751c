//! `destroy` on the emulator.

use serde_json::json;

use crate::custom_resource::failing_at;
use crate::project::{ALLOW_DELETE, Project};

#[test]
fn destroy_empties_a_bucket_only_if_it_is_named() {
    let project = Project::unverified().deployed();
    for body in ["first", "second"] {
        let object = json!({"Bucket": project.bucket(), "Key": "precious.txt", "Body": body});
        project.aws("s3", "put_object", object);
    }
    let before = project.event_count();

    let finished = project.run(&["destroy", "--yes"]).expect_code(4);
    finished.expect_stderr("destroy --empty FilesBucket -e local");
    project
        .run(&["destroy", "--yes", "--empty", "Handler"])
        .expect_code(4)
        .expect_stderr("no bucket `Handler`");
    project
        .run(&["destroy", "--empty", "FilesBucket"])
        .expect_code(4)
        .expect_stderr("cannot ask a question without a terminal");
    project.expect_status("CREATE_COMPLETE");
    assert_eq!(project.event_count(), before);
    assert_eq!(project.files(), ["precious.txt"]);
    assert_eq!(project.versions().len(), 2);

    let empty = ["destroy", "--yes", "--empty", "FilesBucket"];
    let refused = project.run(&empty).expect_code(4);
    for name in ["MetadataTable", "HandlerLogs", "DeadLetterQueue"] {
        refused.expect_stderr(&format!("`{name}` is deleted with its "));
        refused.expect_stderr(&format!(" --allow-delete {name}"));
    }
    project.expect_status("CREATE_COMPLETE");
    assert_eq!(project.versions().len(), 2);

    project
        .run(&[&empty[..], &ALLOW_DELETE].concat())
        .expect_code(0)
        .expect_stderr("2 versions.")
        .expect_stderr("is gone.");
    assert_eq!(project.stacks(), [""; 0]);
    assert_eq!(project.buckets(), [project.artifact_bucket()]);
    let table = project.try_aws(
        "dynamodb",
        "describe_table",
        json!({"TableName": "FileMetadata-local"}),
    );
    assert_eq!(table.unwrap_err(), "ResourceNotFoundException");

    let finished = project.run(&["destroy", "--yes"]).expect_code(0);
    finished.expect_stderr("nothing to do.");
    project.run(&["apply", "--yes"]).expect_code(0);
}

#[test]
fn destroy_requires_the_stack_name() {
    let project = Project::unverified().deployed();
    let mut destroying = project.spawn_on_terminal(&["destroy"]);
    destroying
        .wait_for_stderr("to destroy it:")
        .type_line("yes");
    let finished = destroying.wait().expect_code(4);
    finished.expect_stderr("not destroyed");
    project.expect_status("CREATE_COMPLETE");

    let mut destroying = project.spawn_on_terminal(&["destroy"]);
    destroying
        .wait_for_stderr("MetadataTable is deleted with its items")
        .wait_for_stderr("to destroy it:")
        .type_line(&project.stack());
    destroying.wait().expect_code(0);
    assert_eq!(project.stacks(), [""; 0]);
}

#[test]
fn destroy_refuses_a_protected_stack() {
    let project = Project::unverified();
    let table = "[environments.local]\n";
    project.edit(
        "manifest.toml",
        table,
        &format!("{table}stack.termination_protection = true\n"),
    );
    let finished = project.run(&["apply", "--yes"]).expect_code(0);
    finished.expect_stderr("Termination protection is on.");
    let finished = project.run(&["destroy", "--yes"]).expect_code(4);
    finished.expect_stderr("is protected from deletion");

    project.edit(
        "manifest.toml",
        "termination_protection = true",
        "termination_protection = false",
    );
    project.run(&["apply", "--yes"]).expect_code(0);
    project
        .run(&[&["destroy", "--yes"][..], &ALLOW_DELETE].concat())
        .expect_code(0);
    assert_eq!(project.stacks(), [""; 0]);
}

#[test]
fn destroy_names_and_retains_a_resource_that_fails_to_delete() {
    let project = failing_at("Delete").deployed();
    project
        .run(&["destroy", "--yes", "--retain", "Custom"])
        .expect_code(4)
        .expect_stderr("after a deletion has failed");

    let failed = project.run(&["destroy", "--yes"]).expect_code(1);
    for line in [
        "could not be deleted (DELETE_FAILED)",
        "Custom::Resource Custom DELETE_FAILED",
        "injected by Delete",
        "destroy --retain Custom -e local`",
    ] {
        failed.expect_stderr(line);
    }
    project.expect_status("DELETE_FAILED");

    project
        .run(&["destroy", "--yes", "--retain", "Custom"])
        .expect_code(0)
        .expect_stderr("Left behind: Custom::Resource custom");
    assert_eq!(project.stacks(), [""; 0]);
}

#[test]
fn apply_recreates_a_stack_that_was_deleted_elsewhere() {
    let project = Project::unverified().deployed();
    let name = json!({"StackName": project.stack()});
    project.aws("cloudformation", "delete_stack", name);
    assert_eq!(project.stack_status(), None);

    let finished = project.run(&["destroy", "--yes"]).expect_code(0);
    finished.expect_stderr("nothing to do.");
    let status = project.run(&["status"]).expect_code(0);
    assert!(status.stdout.ends_with("not deployed\n"), "{status}");
    let finished = project.run(&["apply", "--yes"]).expect_code(0);
    finished.expect_stderr("is CREATE_COMPLETE");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}

#[test]
fn destroy_refuses_a_stack_with_an_imported_export() {
    let topic = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\nOutputs:\n  Name:\n    Value: x\n    \
        Export:\n      Name: \"{{ project }}-name\"\n";
    let project = Project::of_template(topic, "").deployed();
    let importer = format!(
        "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties:\n      \
         DisplayName: !ImportValue {}-name\n",
        project.name()
    );
    let arguments = json!({"StackName": "importer", "TemplateBody": importer});
    project.aws("cloudformation", "create_stack", arguments);
    let finished = project.run(&["destroy", "--yes"]).expect_code(4);
    finished.expect_stderr("(importer)");
    project.expect_status("CREATE_COMPLETE");
    let arguments = json!({"StackName": "importer"});
    project.aws("cloudformation", "delete_stack", arguments);
    project.run(&["destroy", "--yes"]).expect_code(0);
}

#[test]
fn apply_sets_the_stack_policy_and_checks_the_code_digest() {
    let project = Project::unverified();
    let policy = r#"{"Statement": [{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}]}"#;
    project.write("policy.json", policy);
    let table = "[environments.local]\n";
    project.edit(
        "manifest.toml",
        table,
        &format!("{table}stack.policy = \"policy.json\"\n"),
    );
    let applied = project.run(&["apply", "--yes", "-v"]).expect_code(0);
    for line in [
        "The stack policy is set.",
        "Handler runs the artifact `handler`",
    ] {
        applied.expect_stderr(line);
    }
    let name = json!({"StackName": project.stack()});
    let set = project.aws("cloudformation", "get_stack_policy", name);
    let set: serde_json::Value =
        serde_json::from_str(set["StackPolicyBody"].as_str().unwrap()).unwrap();
    assert_eq!(
        set,
        serde_json::from_str::<serde_json::Value>(policy).unwrap()
    );
    project.run(&["diff", "--exit-code"]).expect_code(0);
}
