//! The recovery of stacks that failed in EXPRESS mode, and forced deletions.

use crate::cloud::Cloud;
use crate::demo::{self, ARTIFACT_BUCKET};
use crate::express::{fail_update, failed, requested};
use crate::recover;
use crate::sandbox::Sandbox;

/// Removes what this machine remembers of deployments.
fn forget_deployments(sandbox: &Sandbox) {
    std::fs::remove_dir_all(sandbox.cache().join("deployed")).unwrap();
}

/// Removes the records of deployments.
fn forget_history(cloud: &Cloud) {
    let mut account = cloud.account();
    let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
    bucket
        .objects
        .retain(|object| !object.key.contains("/history/"));
}

/// Changes the content of the templates in the artifact bucket; `None` removes them.
fn change_templates(cloud: &Cloud, content: Option<&str>) {
    let mut account = cloud.account();
    let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
    let is_template = |key: &str| key.contains("/templates/");
    match content {
        Some(content) => {
            for object in &mut bucket.objects {
                if is_template(&object.key) {
                    object.body = Some(content.as_bytes().to_vec());
                }
            }
        }
        None => bucket.objects.retain(|object| !is_template(&object.key)),
    }
}

/// Returns the calls that change the stack, each with what it requested of the mode.
fn changes(cloud: &Cloud) -> Vec<[String; 3]> {
    let writes = recover::writes(cloud).into_iter();
    let changes = writes.map(|operation| {
        let [mode, disables] = requested(cloud, &operation);
        [operation, mode, disables]
    });
    changes.collect()
}

fn update() -> [String; 3] {
    ["UpdateStack", "EXPRESS", "true"].map(str::to_owned)
}

#[test]
fn recover_deploys_the_last_template_that_succeeded() {
    for shows_failed_template in [false, true] {
        let (sandbox, cloud) = failed();
        forget_history(&cloud);
        cloud.account().shows_failed_template = shows_failed_template;
        insta::allow_duplicates! {
            let shown = sandbox.run(&["recover"]).to_string();
            let at = shown.find("machine (").unwrap() + "machine (".len();
            let time = shown[at..at + "2026-01-02 [TIME]:05".len()].to_owned();
            insta::assert_snapshot!(shown.replace(&time, "[TIME]"), @r#"
            --- stdout
            demo-dev  UPDATE_FAILED
              The update failed in EXPRESS mode and was not rolled back. CloudFormation cannot roll it back. A
              deployment of the last template that succeeded, in EXPRESS mode, completes the stack.
              Some of its resources are in their previous state, and the failed update changed the others.
              cause AWS::IAM::Role Role: Replacement type updates not supported on stack with disable-rollback.

            Blocked by
              UPDATE_FAILED  Role  AWS::IAM::Role
                  Replacement type updates not supported on stack with disable-rollback.

            To recover
              UpdateStack
                StackName: arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]
                TemplateBody: 774 bytes, from the last deployment from this machine ([TIME]Z)
                Capabilities: CAPABILITY_IAM
                DeploymentConfig: Mode=EXPRESS, DisableRollback=true

            Other options
              Fix the cause, then continue the deployment in EXPRESS mode; CloudFormation cannot replace
              resources while rollback is disabled:
                stackctl apply --express -e dev
              Delete the stack:
                stackctl destroy --express -e dev

            What the update changes
            --- the template that failed
            +++ the last deployment from this machine ([TIME]Z)

              ~ Role  AWS::IAM::Role (line 6 → the last template:6)
                  ~ Description: "second" → "first" (line 9 → the last template:9)

              ? Handler  AWS::Lambda::Function # may change (line the last template:16)
                  ~ Role # may change, because `Role.Arn` may change

            Diff: 1 difference; 1 more resource is affected.
            --- stderr
            error: cannot ask a question without a terminal
            hint: to continue without the question, run `stackctl recover --yes -e dev`
            --- exit 4
            "#);
        }
        assert!(changes(&cloud).is_empty());

        let finished = sandbox
            .answer(&["recover"], "Recover:", "yes")
            .expect_code(0);
        finished.expect_stderr("demo-dev is UPDATE_COMPLETE.");
        finished.expect_stderr("deploy the change again: `stackctl apply --express -e dev`");
        assert_eq!(changes(&cloud), [update()], "nothing was refused");
        let call = cloud.calls_of("UpdateStack").remove(0);
        assert!(
            call.parameter("TemplateBody")
                .contains("Description: \"first\"")
        );
        assert!(!call.parameter("ClientRequestToken").is_empty());
        assert!(call.parameter("StackName").starts_with("arn:"));
        assert_eq!(call.list("Capabilities"), ["CAPABILITY_IAM"]);
        assert_eq!(cloud.status(), "UPDATE_COMPLETE");

        // The stack accepts the change again, in every mode.
        cloud.forget_calls();
        sandbox.run(&["apply", "--yes"]).expect_code(0);
        assert_eq!(cloud.status(), "UPDATE_COMPLETE");
    }
}

#[test]
fn recover_without_a_record_takes_the_services_template_only_if_it_is_not_the_failed_one() {
    let (sandbox, cloud) = failed();
    forget_deployments(&sandbox);
    forget_history(&cloud);
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stdout("from CloudFormation's template of the stack");
    assert_eq!(changes(&cloud), [update()]);
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");

    let (sandbox, cloud) = failed();
    forget_deployments(&sandbox);
    forget_history(&cloud);
    cloud.account().shows_failed_template = true;
    insta::assert_snapshot!(sandbox.run(&["recover", "--yes"]), @"
    --- stdout
    demo-dev  UPDATE_FAILED
      The update failed in EXPRESS mode and was not rolled back. CloudFormation cannot roll it back: it
      accepts only another deployment in EXPRESS mode, such as one of the last template that succeeded,
      which is not known here.
      Some of its resources are in their previous state, and the failed update changed the others.
      cause AWS::IAM::Role Role: Replacement type updates not supported on stack with disable-rollback.

    Blocked by
      UPDATE_FAILED  Role  AWS::IAM::Role
          Replacement type updates not supported on stack with disable-rollback.

    Options
      Deploy the last template that succeeded, such as the output of `git show`:
        stackctl recover --template FILE -e dev
      Fix the cause, then continue the deployment in EXPRESS mode; CloudFormation cannot replace
      resources while rollback is disabled:
        stackctl apply --express -e dev
      Delete the stack:
        stackctl destroy --express -e dev
    --- stderr
    error: nothing was done: you have to decide what to do about UPDATE_FAILED
    --- exit 4
    ");
    assert!(changes(&cloud).is_empty());

    let mut account = cloud.account();
    let executed = &account.stack("demo-dev").executed[0].deployment;
    let first = executed.template.clone();
    drop(account);
    sandbox.write("last.yaml", &first);
    let finished = sandbox.run(&["recover", "--yes", "--template", "last.yaml"]);
    finished.expect_code(0).expect_stdout("from last.yaml");
    assert_eq!(changes(&cloud), [update()]);
    let call = cloud.calls_of("UpdateStack").remove(0);
    assert_eq!(call.parameter("TemplateBody"), first);
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
}

#[test]
fn recover_does_not_take_a_record_that_is_older_than_the_last_success() {
    let (sandbox, cloud) = failed();
    cloud.account().shows_failed_template = true;
    let mut account = cloud.account();
    let events = &mut account.stack("demo-dev").events;
    let complete = events.iter_mut().rev();
    let mut complete = complete.filter(|event| event.status == "CREATE_COMPLETE");
    "2100-01-01T00:00:00.000Z".clone_into(&mut complete.next().unwrap().time);
    drop(account);
    sandbox
        .run(&["recover", "--yes"])
        .expect_code(4)
        .expect_stdout("stackctl recover --template FILE");
    assert!(changes(&cloud).is_empty());
}

#[test]
fn recover_restores_parameters_and_keeps_secrets() {
    let (sandbox, cloud) = demo::in_cloud();
    let parameters = "Parameters:\n  Size:\n    Type: String\n  Password:\n    Type: String\n    \
                      NoEcho: true\nResources:\n";
    sandbox.write(
        "stack.yaml.j2",
        demo::TEMPLATE.replace("Resources:\n", parameters),
    );
    let table = "\n[parameters]\nSize = \"small\"\nPassword = { from_env = \"PASSWORD\" }\n";
    sandbox.write("manifest.toml", demo::MANIFEST.to_owned() + table);
    let sandbox = sandbox.env("PASSWORD", "hunter2hunter2");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.edit("manifest.toml", "small", "large");
    demo::change_description(&sandbox);
    fail_update(&sandbox, &cloud, "no");
    // The service shows the values of the update that failed.
    let mut account = cloud.account();
    let stack = account.stack("demo-dev");
    let deployed = stack.deployed.as_mut().unwrap();
    let size = &mut deployed.parameters;
    size.insert("Size".to_owned(), "large".to_owned());
    drop(account);
    cloud.forget_calls();
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stdout("Parameters: Size=small, Password (previous value)");
    assert!(!finished.to_string().contains("hunter2"), "{finished}");
    let call = cloud.calls_of("UpdateStack").remove(0);
    let values = call.pairs("Parameters", "ParameterKey", "ParameterValue");
    assert_eq!(values["Size"], "small");
    let previous = call.pairs("Parameters", "ParameterKey", "UsePreviousValue");
    assert_eq!(previous["Password"], "true");
}

#[test]
fn recover_does_not_deploy_a_masked_template() {
    let (sandbox, cloud) = demo::in_cloud();
    let secret = "hunter2hunter2";
    let parameters = "Parameters:\n  Password:\n    Type: String\n    NoEcho: true\nResources:\n";
    let template = demo::TEMPLATE.replace("Resources:\n", parameters);
    let template = template.replace(
        "FunctionName",
        &format!("Description: {secret}\n      FunctionName"),
    );
    sandbox.write("stack.yaml.j2", template);
    let table = "\n[parameters]\nPassword = { from_env = \"PASSWORD\" }\n";
    sandbox.write("manifest.toml", demo::MANIFEST.to_owned() + table);
    let sandbox = sandbox.env("PASSWORD", secret);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    demo::change_description(&sandbox);
    fail_update(&sandbox, &cloud, "no");
    forget_history(&cloud);
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stdout("from CloudFormation's template of the stack");
    let call = cloud.calls_of("UpdateStack").remove(0);
    assert!(call.parameter("TemplateBody").contains(secret));
}

/// Returns a deployment with a secret whose update failed in EXPRESS mode, and the text that was deployed
/// before.
fn failed_with_secret() -> (Sandbox, Cloud, String) {
    let (sandbox, cloud) = demo::in_cloud();
    let parameters = "Parameters:\n  Size:\n    Type: String\n  Password:\n    Type: String\n    \
                      NoEcho: true\n    Default: hunter2hunter2\nResources:\n";
    sandbox.write(
        "stack.yaml.j2",
        demo::TEMPLATE.replace("Resources:\n", parameters),
    );
    let table = "\n[parameters]\nSize = \"small\"\n";
    sandbox.write("manifest.toml", demo::MANIFEST.to_owned() + table);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let mut account = cloud.account();
    let first = account.stack("demo-dev").deployed.clone().unwrap();
    drop(account);
    sandbox.edit("manifest.toml", "small", "large");
    demo::change_description(&sandbox);
    fail_update(&sandbox, &cloud, "no");
    let mut account = cloud.account();
    let stack = account.stack("demo-dev");
    let values = &mut stack.deployed.as_mut().unwrap().parameters;
    values.insert("Size".to_owned(), "large".to_owned());
    account.shows_failed_template = true;
    drop(account);
    cloud.forget_calls();
    (sandbox, cloud, first.template)
}

#[test]
fn recover_deploys_the_exact_text_of_the_history() {
    let (sandbox, cloud, first) = failed_with_secret();
    forget_deployments(&sandbox);
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stdout("bytes, from deployment 1 of the history (");
    finished.expect_stdout("+++ deployment 1 of the history (");
    finished.expect_stdout("Parameters: Size=small, Password (previous value)");
    assert!(!finished.to_string().contains("hunter2"), "{finished}");
    assert!(!finished.stderr.contains("warning"), "{finished}");
    assert_eq!(changes(&cloud), [update()]);
    let call = cloud.calls_of("UpdateStack").remove(0);
    assert_eq!(call.parameter("TemplateBody"), first);
    assert!(first.contains("hunter2"));
    let values = call.pairs("Parameters", "ParameterKey", "ParameterValue");
    assert_eq!(values["Size"], "small");
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
}

#[test]
fn recover_takes_the_next_source_if_the_history_has_no_template() {
    const WARNING: &str =
        "warning: the template of the last success cannot be read from the history: ";
    // What is wrong, and what the warning says of it; nothing if there is no record.
    type Fault = fn(&Cloud);
    let faults: [(Fault, &str); 5] = [
        (forget_history, ""),
        (
            |cloud| {
                cloud.account().buckets.remove(ARTIFACT_BUCKET);
            },
            "",
        ),
        (
            |cloud| change_templates(cloud, Some("Resources: {}\n")),
            "the template of deployment 1 has changed",
        ),
        (
            |cloud| change_templates(cloud, None),
            "the template of deployment 1 is no longer in the bucket",
        ),
        (
            |cloud| {
                let denied = cloud.on("ListObjectsV2").times(2);
                denied.error(403, "AccessDenied", "Access Denied");
            },
            "cannot list the records in the artifact bucket",
        ),
    ];
    for (fault, reason) in faults {
        let (sandbox, cloud) = failed();
        cloud.account().shows_failed_template = true;
        fault(&cloud);
        let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
        finished.expect_stdout("from the last deployment from this machine (");
        if reason.is_empty() {
            assert!(!finished.stderr.contains("warning"), "{finished}");
        } else {
            finished.expect_stderr(&format!("{WARNING}{reason}"));
        }
        assert_eq!(changes(&cloud), [update()]);
        assert_eq!(cloud.status(), "UPDATE_COMPLETE");
    }
}

#[test]
fn recover_uploads_a_large_template() {
    let (sandbox, cloud) = demo::in_cloud();
    let filler = format!("Metadata:\n  Filler: {}\nResources:\n", "x".repeat(60_000));
    sandbox.write(
        "stack.yaml.j2",
        demo::TEMPLATE.replace("Resources:\n", &filler),
    );
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    demo::change_description(&sandbox);
    fail_update(&sandbox, &cloud, "no");
    cloud.forget_calls();
    sandbox.run(&["recover", "--yes"]).expect_code(0);
    let call = cloud.calls_of("UpdateStack").remove(0);
    assert_eq!(call.parameter("TemplateBody"), "");
    assert!(call.parameter("TemplateURL").contains("/demo/templates/"));
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
}

#[test]
fn refused_rollback_shows_that_the_stack_failed_in_express_mode() {
    let (sandbox, cloud) = failed();
    // This server does not say in which mode the stack failed.
    cloud.account().stack("demo-dev").is_express = false;
    cloud.on("RollbackStack").error(
        400,
        "ValidationError",
        "RollbackStack is not supported for stacks that were last updated using EXPRESS deployment \
         mode and are in a failed state.",
    );
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stderr("RollbackStack is not supported for stacks");
    assert_eq!(recover::writes(&cloud), ["RollbackStack", "UpdateStack"]);
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
}

#[test]
fn recover_waits_for_the_end_of_a_stale_read() {
    let (sandbox, cloud) = failed();
    let stale = cloud.account().stack("demo-dev").to_xml();
    // After the request, the first reads are from before it.
    cloud
        .on("DescribeStacks")
        .after(2)
        .times(2)
        .reply_result(&crate::cloud::xml::members("Stacks", [stale]));
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stderr("demo-dev is UPDATE_COMPLETE.");
    assert_eq!(changes(&cloud), [update()]);
}

#[test]
fn failed_rollback_in_express_mode_is_continued() {
    let (sandbox, cloud) = demo::deployed();
    let mut account = cloud.account();
    account.stack("demo-dev").is_express = true;
    account.put_into("demo-dev", &[("UPDATE_IN_PROGRESS", "User Initiated")]);
    account.put_resource_into("demo-dev", "Role", "UPDATE_FAILED", "no");
    account.put_into("demo-dev", &[("UPDATE_ROLLBACK_IN_PROGRESS", "")]);
    account.put_into("demo-dev", &[("UPDATE_ROLLBACK_FAILED", "")]);
    drop(account);
    cloud.forget_calls();
    let finished = sandbox.run(&["recover", "--yes"]).expect_code(0);
    finished.expect_stderr("demo-dev is UPDATE_ROLLBACK_COMPLETE.");
    // The call has no mode.
    let call = ["ContinueUpdateRollback", "", ""].map(str::to_owned);
    assert_eq!(changes(&cloud), [call]);
}

#[test]
fn failed_creation_in_express_mode_is_deleted_in_that_mode() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().fail("Handler", "no");
    sandbox
        .run(&["apply", "--yes", "--express", "--no-rollback"])
        .expect_code(1);
    assert_eq!(cloud.status(), "CREATE_FAILED");
    cloud.account().failing.clear();
    cloud.forget_calls();
    sandbox
        .run(&["recover", "--yes"])
        .expect_code(4)
        .expect_stderr("`Bucket` would be deleted with its objects");
    let refused = sandbox.run(&["recover", "--template", "stack.yaml.j2"]);
    refused
        .expect_code(4)
        .expect_stderr("`--template` is not possible in CREATE_FAILED");
    assert!(changes(&cloud).is_empty());
    sandbox
        .run(&["recover", "--yes", "--allow-delete", "Bucket"])
        .expect_code(0);
    assert_eq!(
        changes(&cloud),
        [["DeleteStack", "EXPRESS", "false"].map(str::to_owned)]
    );
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}

#[test]
fn forced_deletion_leaves_behind_what_could_not_be_deleted() {
    let (sandbox, cloud) = demo::deployed();
    sandbox
        .run(&["recover", "--force-delete", "--yes"])
        .expect_code(4)
        .expect_stderr("`--force-delete` is not possible in CREATE_COMPLETE");
    let mut account = cloud.account();
    account.put_into("demo-dev", &[("DELETE_IN_PROGRESS", "User Initiated")]);
    let reason = "The bucket you tried to delete is not empty";
    account.put_resource_into("demo-dev", "Bucket", "DELETE_FAILED", reason);
    account.put_into("demo-dev", &[("DELETE_FAILED", "")]);
    drop(account);
    demo::put_object(&cloud, "demo-data", "a");
    sandbox
        .run(&["recover"])
        .expect_code(4)
        .expect_stdout("stackctl recover --force-delete -e dev");
    for other in [&["--retain", "Bucket"][..], &["--skip", "Bucket"]] {
        let arguments = [&["recover", "--force-delete"], other].concat();
        sandbox.run(&arguments).expect_code(64);
    }
    assert!(recover::writes(&cloud).is_empty());
    insta::assert_snapshot!(sandbox.answer(&["recover", "--force-delete"], "Recover:", "yes"), @"
    --- stdout
    demo-dev  DELETE_FAILED
      The deletion of the stack failed. CloudFormation can only try again, or retain the resources that
      it could not delete.
      The resources that could not be deleted exist.
      cause AWS::S3::Bucket Bucket: The bucket you tried to delete is not empty

    Blocked by
      DELETE_FAILED  Bucket  AWS::S3::Bucket
          The bucket you tried to delete is not empty
          to keep it outside the stack: --retain Bucket

      resource  type                   what happens  physical id
      Bucket    AWS::S3::Bucket        retained      demo-data
    - Role      AWS::IAM::Role         deleted       demo-dev-Role-1A2B3C
    - Handler   AWS::Lambda::Function  deleted       demo-handler

    To recover
      DeleteStack
        StackName: arn:aws:cloudformation:eu-west-1:123456789012:stack/demo-dev/[UUID]
        DeletionMode: FORCE_DELETE_STACK
    --- stderr

    Do you want to do this to `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Recover:
      [TIME]  DELETE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  DELETE_IN_PROGRESS  Handler   AWS::Lambda::Function
      [TIME]  DELETE_COMPLETE     Handler   AWS::Lambda::Function
      [TIME]  DELETE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  DELETE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  DELETE_SKIPPED      Bucket    AWS::S3::Bucket
      [TIME]  DELETE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    Left behind: AWS::S3::Bucket demo-data

    demo-dev is gone.
    hint: `stackctl apply -e dev` deploys it
    --- exit 0
    ");
    let call = cloud.calls_of("DeleteStack").remove(0);
    assert_eq!(call.parameter("DeletionMode"), "FORCE_DELETE_STACK");
    assert!(call.list("RetainResources").is_empty());
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
    assert!(
        cloud.account().buckets.contains_key("demo-data"),
        "it stays"
    );
}
