//! `destroy`: the preview, the refusals and the result.

use crate::cloud::{Cloud, Deployment, Progress};
use crate::demo;
use crate::sandbox::Sandbox;

pub(crate) fn nothing_was_deleted(cloud: &Cloud) {
    for operation in ["DeleteStack", "DeleteObjects"] {
        assert!(cloud.calls_of(operation).is_empty(), "{operation}");
    }
}

#[test]
fn destroy_shows_the_resources_and_asks_for_the_stack_name() {
    let (sandbox, cloud) = demo::in_cloud();
    let keeping = "Type: AWS::IAM::Role\n    DeletionPolicy: Retain";
    sandbox.edit("stack.yaml.j2", "Type: AWS::IAM::Role", keeping);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    insta::assert_snapshot!(sandbox.answer(&["destroy"], "to destroy it:", "demo-dev"), @"
    --- stdout
    demo-dev
      arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

      resource  type                   what happens    physical id
    - Bucket    AWS::S3::Bucket        deleted, empty  demo-data
      Role      AWS::IAM::Role         retained        demo-dev-Role-1A2B3C
    - Handler   AWS::Lambda::Function  deleted         demo-handler

    Destroy: 2 to delete, 1 to leave behind.
    --- stderr

    This deletes the stack `demo-dev` (account 123456789012, region eu-west-1). No stored data is lost.
    Type the stack's name, demo-dev, to destroy it:
      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_IN_PROGRESS  Handler   AWS::Lambda::Function
      [TIME]  DELETE_COMPLETE     Handler   AWS::Lambda::Function
      [TIME]  DELETE_SKIPPED      Role      AWS::IAM::Role
      [TIME]  DELETE_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  DELETE_COMPLETE     Bucket    AWS::S3::Bucket
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    Destroyed: demo-dev is gone.
    Left behind: AWS::IAM::Role demo-dev-Role-1A2B3C
    --- exit 0
    ");
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}

#[test]
fn computed_policies_are_evaluated_and_unknown_ones_count_as_deletions() {
    let (sandbox, cloud) = demo::in_cloud();
    let template = "Transform: AWS::LanguageExtensions\n\
        Parameters:\n  Keep: {Type: String, Default: Retain}\n  \
        Stage: {Type: AWS::SSM::Parameter::Value<String>, Default: /stage}\n\
        Conditions:\n  Here: !Equals [!Ref AWS::Region, eu-west-1]\n\
        Resources:\n  \
        Kept: {Type: AWS::DynamoDB::Table, DeletionPolicy: !Ref Keep}\n  \
        Gone: {Type: AWS::DynamoDB::Table, DeletionPolicy: !If [Here, Delete, Retain]}\n  \
        Unknown: {Type: AWS::DynamoDB::Table, DeletionPolicy: !Ref Stage}\n";
    sandbox.write("stack.yaml.j2", template);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes"]), @"
    --- stdout
    demo-dev
      arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

    Danger
      DANGER   Gone is deleted with its items
      DANGER   Unknown may be deleted with its items: its DeletionPolicy is not known

      resource  type                  what happens            physical id
      Kept      AWS::DynamoDB::Table  retained                demo-dev-Kept-1A2B3C
    - Gone      AWS::DynamoDB::Table  deleted with its items  demo-dev-Gone-1A2B3C
    - Unknown   AWS::DynamoDB::Table  may be deleted          demo-dev-Unknown-1A2B3C

    Destroy: 2 to delete (1 may be kept), 1 to leave behind.
    --- stderr
    error: not destroyed: `Gone` is deleted with its items; `Unknown` may be deleted with its items: its DeletionPolicy is not known
    hint: if that is what you want: `stackctl destroy --yes --allow-delete Gone --allow-delete Unknown -e dev`
    --- exit 4
    ");
    nothing_was_deleted(&cloud);
    let document = sandbox.run(&["destroy", "--dry-run", "--format", "json"]);
    let document: serde_json::Value = serde_json::from_str(&document.stdout).unwrap();
    let outcomes = document["resources"].as_array().unwrap().iter();
    let outcomes: Vec<_> = outcomes.map(|it| it["fate"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["retained", "deleted", "unknown"]);
}

#[test]
fn destroy_declines_another_name() {
    for answer in ["demo-prod", "yes", ""] {
        let (sandbox, cloud) = demo::deployed();
        let finished = sandbox
            .answer(&["destroy"], "to destroy it:", answer)
            .expect_code(4);
        let message = "error: not destroyed: the answer was not the stack's name";
        assert!(finished.to_string().contains(message), "{finished}");
        nothing_was_deleted(&cloud);
    }
}

#[test]
fn destroy_requires_yes_without_a_terminal() {
    let (sandbox, cloud) = demo::deployed();
    let finished = sandbox.run_with_stdin(&["destroy"], "demo-dev\n");
    insta::assert_snapshot!(finished.without_stdout(), @r"
    --- stderr
    error: cannot ask a question without a terminal
    hint: to continue without the question, run `stackctl destroy --yes -e dev`
    --- exit 4
    ");
    nothing_was_deleted(&cloud);
}

#[test]
fn protected_stack_is_refused() {
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
fn missing_stack_is_not_an_error() {
    let (sandbox, cloud) = demo::in_cloud();
    insta::assert_snapshot!(sandbox.run(&["destroy"]), @r"
    --- stderr
    There is no stack `demo-dev`: nothing to do.
    --- exit 0
    ");
    nothing_was_deleted(&cloud);
}

#[test]
fn running_operation_is_refused() {
    let (sandbox, cloud) = demo::deployed();
    cloud.set_status("UPDATE_IN_PROGRESS");
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes"]), @r"
    --- stderr
    error: an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)
    hint: wait until it has ended: `stackctl status -e dev`
    --- exit 4
    ");
    nothing_was_deleted(&cloud);
}

#[test]
fn failed_deletion_names_the_cause() {
    let (sandbox, cloud) = demo::deployed();
    demo::put_object(&cloud, "demo-data", "late");
    // The object is added after the bucket was checked.
    cloud
        .on("ListObjectVersions")
        .reply_xml("<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>");
    let finished = sandbox.run(&["destroy", "--yes"]).without_stdout();
    insta::assert_snapshot!(finished, @"
    --- stderr

      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_IN_PROGRESS  Handler   AWS::Lambda::Function
      [TIME]  DELETE_COMPLETE     Handler   AWS::Lambda::Function
      [TIME]  DELETE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  DELETE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  DELETE_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  DELETE_FAILED       Bucket    AWS::S3::Bucket: The bucket you tried to delete is not empty. You must delete all versions in the bucket.
      [TIME]  DELETE_FAILED       demo-dev  AWS::CloudFormation::Stack: The following resource(s) failed to delete: [Bucket].
    error: the stack `demo-dev` could not be deleted (DELETE_FAILED)
      caused by: AWS::S3::Bucket Bucket DELETE_FAILED: The bucket you tried to delete is not empty. You must delete all versions in the bucket.
    hint: to delete what Bucket holds, and the stack: `stackctl destroy --empty Bucket -e dev`
    hint: to leave Bucket behind and delete the rest: `stackctl destroy --retain Bucket -e dev`
    --- exit 1
    ");
}

#[test]
fn interrupt_at_the_prompt_deletes_nothing() {
    let (sandbox, cloud) = demo::deployed();
    let mut running = sandbox.spawn_on_terminal(&["destroy"]);
    running.wait_for_stderr("to destroy it:").interrupt();
    let finished = running.wait().expect_code(130);
    let message = finished.stderr.contains(": nothing was deleted");
    assert!(message, "{finished}");
    nothing_was_deleted(&cloud);
}

#[test]
fn interrupt_leaves_the_deletion_running() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["destroy", "--yes"]);
    running.wait_for_stderr("DELETE_IN_PROGRESS").interrupt();
    insta::assert_snapshot!(running.wait().without_stdout(), @"
    --- stderr

      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
    error: interrupted
    hint: the operation continues; follow it with `stackctl events --follow -e dev`
    hint: `stackctl destroy -e dev` waits for its end and continues from there
    --- exit 130
    ");
}

/// Deploys the project with a nested stack of this template.
fn with_nested(template: &str) -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::with_nested(&["Nested"]);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.account().deploy("inner", Deployment::of(template));
    let id = cloud.account().stack("inner").id.clone();
    set_nested_id(&cloud, id);
    (sandbox, cloud)
}

/// Sets the physical id of the nested stack.
fn set_nested_id(cloud: &Cloud, id: String) {
    let mut account = cloud.account();
    account.stack("demo-dev").resources["Nested"].physical_id = id;
}

/// Returns the template with these resources, and with `exports` after the outputs.
fn template(resource: &str, exports: &str) -> String {
    demo::TEMPLATE.replace("Outputs:\n", &format!("{resource}Outputs:\n")) + exports
}

#[test]
fn preview_names_deleted_and_retained_resources_and_importers() {
    let (sandbox, cloud) = demo::in_cloud();
    let resources = "  Table:\n    Type: AWS::DynamoDB::Table\n  \
        Database:\n    Type: AWS::RDS::DBInstance\n  \
        Kept:\n    Type: AWS::Logs::LogGroup\n    DeletionPolicy: Retain\n  \
        Second:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: demo-second\n";
    let exports = "    Export:\n      Name: demo-bucket\n";
    sandbox.write("stack.yaml.j2", template(resources, exports));
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    for key in ["a", "b", "c"] {
        demo::put_object(&cloud, "demo-data", key);
    }
    cloud.account().imports.insert(
        "demo-bucket".to_owned(),
        vec!["web-dev".to_owned(), "app-dev".to_owned()],
    );
    insta::assert_snapshot!(sandbox.run(&["destroy", "--dry-run"]), @"
    --- stdout
    demo-dev
      arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

    Danger
      DANGER   Table is deleted with its items
      WARNING  Database is deleted after a snapshot of its databases

      resource  type                   what happens              physical id
    - Bucket    AWS::S3::Bucket        holds 3 versions          demo-data
    - Role      AWS::IAM::Role         deleted                   demo-dev-Role-1A2B3C
    - Handler   AWS::Lambda::Function  deleted                   demo-handler
    - Table     AWS::DynamoDB::Table   deleted with its items    demo-dev-Table-1A2B3C
    - Database  AWS::RDS::DBInstance   deleted after a snapshot  demo-dev-Database-1A2B3C
      Kept      AWS::Logs::LogGroup    retained                  demo-dev-Kept-1A2B3C
    - Second    AWS::S3::Bucket        deleted, empty            demo-second

    export in use  imported by
    demo-bucket    web-dev, app-dev

    Destroy: 6 to delete (1 after a snapshot), 1 to leave behind.
    --- stderr
    error: other stacks import what this one exports: `demo-bucket` (web-dev, app-dev)
    hint: destroy those stacks first, or deploy them without the imports
    --- exit 4
    ");
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes", "--empty", "Bucket"]).without_stdout(), @r"
    --- stderr
    error: other stacks import what this one exports: `demo-bucket` (web-dev, app-dev)
    hint: destroy those stacks first, or deploy them without the imports
    --- exit 4
    ");
    nothing_was_deleted(&cloud);

    let document = sandbox.run(&["destroy", "--dry-run", "--format", "json"]);
    let document = document.expect_code(4).json();
    assert_eq!(document["schema"], "stackctl.destroy/1");
    let bucket = &document["resources"][0];
    assert_eq!(bucket["path"], "Bucket");
    assert_eq!(bucket["fate"], "deleted");
    assert_eq!(bucket["loses"], "its objects");
    assert_eq!(bucket["contents"]["versions"], 3);
    assert_eq!(document["exports"][0]["importers"][1], "app-dev");
    assert_eq!(
        document["summary"],
        serde_json::json!({"delete": 5, "snapshot": 1, "retain": 1, "left_behind": 0})
    );
}

#[test]
fn stored_data_is_deleted_only_if_it_is_named() {
    let (sandbox, cloud) = demo::in_cloud();
    let resources = "  Table:\n    Type: AWS::DynamoDB::Table\n  \
        Database:\n    Type: AWS::RDS::DBInstance\n  \
        Kept:\n    Type: AWS::Logs::LogGroup\n    DeletionPolicy: Retain\n";
    sandbox.write("stack.yaml.j2", template(resources, ""));
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let refused = sandbox.run(&["destroy", "--yes", "--allow-delete", "Database"]);
    insta::assert_snapshot!(refused.expect_code(4).without_stdout(), @"
    --- stderr
    error: not destroyed: `Table` is deleted with its items
    hint: if that is what you want: `stackctl destroy --yes --allow-delete Database --allow-delete Table -e dev`
    --- exit 4
    ");
    nothing_was_deleted(&cloud);

    // On a terminal, the question names what is lost.
    let finished = sandbox.answer(&["destroy"], "to destroy it:", "no");
    insta::assert_snapshot!(finished.expect_code(4).without_stdout(), @"
    --- stderr

    This deletes the stack `demo-dev` (account 123456789012, region eu-west-1). Lost: Table is deleted with its items; Database is deleted after a snapshot of its databases.
    Type the stack's name, demo-dev, to destroy it: error: not destroyed: the answer was not the stack's name
    --- exit 4
    ");
    nothing_was_deleted(&cloud);

    let named = [
        "destroy",
        "--yes",
        "--allow-delete",
        "Database",
        "--allow-delete",
        "Table",
    ];
    sandbox.run(&named).expect_code(0);
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}

#[test]
fn preview_includes_nested_stacks() {
    let inner = "Resources:\n  Files:\n    Type: AWS::S3::Bucket\n    Properties:\n      \
        BucketName: inner-files\n  Logs:\n    Type: AWS::Logs::LogGroup\n    DeletionPolicy: Retain\n";
    let (sandbox, cloud) = with_nested(inner);
    demo::put_object(&cloud, "inner-files", "a");
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes"]), @"
    --- stdout
    demo-dev
      arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

      resource      type                        what happens     physical id
    - Bucket        AWS::S3::Bucket             deleted, empty   demo-data
    - Role          AWS::IAM::Role              deleted          demo-dev-Role-1A2B3C
    - Handler       AWS::Lambda::Function       deleted          demo-handler
    - Nested        AWS::CloudFormation::Stack  deleted
        arn:aws:cloudformation:eu-west-1:123456789012:stack/inner/[UUID]
    - Nested/Files  AWS::S3::Bucket             holds 1 version  inner-files
      Nested/Logs   AWS::Logs::LogGroup         retained         inner-Logs-1A2B3C

    Destroy: 5 to delete, 1 to leave behind.
    --- stderr
    error: CloudFormation cannot delete a bucket that holds objects: Nested/Files
    hint: to delete all their objects and versions too: `stackctl destroy --empty Nested/Files -e dev`
    --- exit 4
    ");
    sandbox
        .run(&["destroy", "--yes", "--empty", "Nested/Files"])
        .expect_code(0);
    assert!(cloud.account().buckets["inner-files"].objects.is_empty());
}

#[test]
fn preview_visits_a_self_referencing_stack_once() {
    let (sandbox, cloud) = demo::with_nested(&["Nested"]);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let id = cloud.account().stack("demo-dev").id.clone();
    set_nested_id(&cloud, id);
    let shown = sandbox.run(&["destroy", "--dry-run"]).expect_code(0);
    assert!(!shown.stdout.contains("Nested/"), "{}", shown.stdout);
}

#[test]
fn imported_export_of_a_nested_stack_is_refused() {
    let inner = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\nOutputs:\n  Topic:\n    \
        Value: !Ref Topic\n    Export:\n      Name: inner-topic\n";
    let (sandbox, cloud) = with_nested(inner);
    let import = |importers: &[&str]| {
        let importers = importers.iter().map(|&name| name.to_owned()).collect();
        let mut account = cloud.account();
        account.imports.insert("inner-topic".to_owned(), importers);
    };
    import(&["inner", "web-dev"]);
    let finished = sandbox.run(&["destroy", "--yes"]).expect_code(4);
    finished.expect_stderr("other stacks import what this one exports: `inner-topic` (web-dev)");
    nothing_was_deleted(&cloud);
    // A stack that is deleted with it may import the export.
    import(&["inner"]);
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
}

#[test]
fn failed_deletion_continues_with_retained_resources() {
    let (sandbox, cloud) = demo::deployed();
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes", "--retain", "Bucket"]), @r"
    --- stderr
    error: CloudFormation accepts --retain only after a deletion has failed, and the stack `demo-dev` is CREATE_COMPLETE
    hint: to keep a resource from the start, give it `DeletionPolicy: Retain` and run `stackctl apply -e dev` first
    --- exit 4
    ");
    demo::put_object(&cloud, "demo-data", "late");
    let empty = "<ListVersionsResult><IsTruncated>false</IsTruncated></ListVersionsResult>";
    cloud.on("ListObjectVersions").times(1).reply_xml(empty);
    sandbox.run(&["destroy", "--yes"]).expect_code(1);
    cloud.forget_calls();

    let again = sandbox.run(&["destroy", "--yes"]).expect_code(4);
    insta::assert_snapshot!(again, @r"
    --- stdout
    demo-dev
      arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]

      resource  type             what happens     physical id
    - Bucket    AWS::S3::Bucket  holds 1 version  demo-data

    Destroy: 1 to delete, 0 to leave behind.
    --- stderr
    The last deletion stopped at Bucket: The bucket you tried to delete is not empty. You must delete all versions in the bucket.
    error: CloudFormation cannot delete a bucket that holds objects: Bucket
    hint: to delete all their objects and versions too: `stackctl destroy --empty Bucket -e dev`
    hint: to leave them behind: `stackctl destroy --retain Bucket -e dev`
    --- exit 4
    ");
    let unknown = sandbox.run(&["destroy", "--yes", "--retain", "Nothing"]);
    assert!(unknown.expect_code(4).stderr.contains("`Nothing`"));
    nothing_was_deleted(&cloud);

    let retained = sandbox.run(&["destroy", "--yes", "--retain", "Bucket"]);
    insta::assert_snapshot!(retained.without_stdout(), @"
    --- stderr
    The last deletion stopped at Bucket: The bucket you tried to delete is not empty. You must delete all versions in the bucket.

      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_SKIPPED      Bucket    AWS::S3::Bucket
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    Destroyed: demo-dev is gone.
    Left behind: AWS::S3::Bucket demo-data
    --- exit 0
    ");
    let call = &cloud.calls_of("DeleteStack")[0];
    assert_eq!(call.parameter("RetainResources.member.1"), "Bucket");
    assert!(cloud.account().buckets.contains_key("demo-data"));
}

#[test]
fn running_deletion_is_followed() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().progress = Progress::Paused;
    let mut first = sandbox.spawn(&["destroy", "--yes"]);
    first.wait_for_stderr("DELETE_IN_PROGRESS").interrupt();
    first.wait().expect_code(130);
    cloud.forget_calls();
    cloud.account().progress = Progress::Events(1);
    let finished = sandbox.run(&["destroy"]).expect_code(0);
    for line in ["is being deleted already", "Destroyed: demo-dev is gone."] {
        finished.expect_stderr(line);
    }
    assert!(cloud.calls_of("DeleteStack").is_empty());
}

#[test]
fn stack_changed_after_the_preview_is_not_deleted() {
    let (sandbox, cloud) = demo::deployed();
    let mut running = sandbox.spawn_on_terminal(&["destroy"]);
    running.wait_for_stderr("to destroy it:");
    cloud.set_status("UPDATE_COMPLETE");
    running.type_line("demo-dev");
    let finished = running.wait().expect_code(4);
    finished.expect_stderr("has changed since");
    nothing_was_deleted(&cloud);
}

#[test]
fn failed_and_empty_stacks_are_destroyed() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().review("demo-dev");
    let finished = sandbox.run(&["destroy", "--yes"]).expect_code(0);
    finished.expect_stdout("no resources");
    cloud.account().fail("Bucket", "demo-data already exists");
    sandbox.run(&["apply", "--yes"]).expect_code(3);
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}

#[test]
fn denied_or_failed_checks_do_not_stop_the_deletion() {
    let (sandbox, cloud) = demo::in_cloud();
    let exports = "    Export:\n      Name: demo-bucket\n";
    sandbox.write("stack.yaml.j2", template("", exports));
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    for operation in ["ListImports", "ListObjectVersions"] {
        cloud
            .on(operation)
            .times(1)
            .error(403, "AccessDenied", "no");
    }
    let finished = sandbox.run(&["destroy", "--yes"]).expect_code(0);
    for line in [
        "lacks `cloudformation:ListImports`",
        "whether Bucket is empty",
    ] {
        finished.expect_stderr(line);
    }

    let (sandbox, cloud) = demo::deployed();
    cloud.account().buckets.remove("demo-data");
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
}

#[test]
fn list_of_versions_that_does_not_advance_is_an_error() {
    let (sandbox, cloud) = demo::deployed();
    let page = "<ListVersionsResult><IsTruncated>true</IsTruncated>\
        <NextKeyMarker>a</NextKeyMarker><NextVersionIdMarker>1</NextVersionIdMarker>\
        <Version><Key>a</Key><VersionId>1</VersionId></Version></ListVersionsResult>";
    cloud.on("ListObjectVersions").reply_xml(page);
    let finished = sandbox.run(&["destroy", "--yes", "--empty", "Bucket"]);
    insta::assert_snapshot!(finished.without_stdout(), @r"
    --- stderr
    error: cannot empty the bucket `demo-data`: the list of its versions does not end
    --- exit 1
    ");
    assert!(cloud.calls_of("DeleteStack").is_empty());
}
