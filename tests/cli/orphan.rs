//! `orphan`: resources leave the stack in two deployments, and are not deleted.

use serde_json::json;

use crate::cloud::{Call, Cloud, Progress};
use crate::demo;

/// Returns the templates of the requested change sets.
pub(crate) fn templates(cloud: &Cloud) -> Vec<String> {
    let calls = cloud.calls_of("CreateChangeSet");
    let templates = calls
        .iter()
        .map(|call| call.parameter("TemplateBody").to_owned());
    templates.collect()
}

#[test]
fn orphan_waits_for_a_running_operation_if_asked() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    let refused = sandbox.run(&["orphan", "Bucket", "--yes"]).expect_code(4);
    refused.expect_stderr("an operation is running on the stack `demo-dev` (UPDATE_IN_PROGRESS)");
    refused.expect_stderr("`stackctl orphan Bucket --wait -e dev` waits for it and goes on");
    let mut waiting = sandbox.spawn(&["orphan", "Bucket", "--yes", "--wait"]);
    waiting.wait_for_stderr("Waiting for the running operation");
    cloud.account().progress = Progress::Events(1);
    let finished = waiting.wait().expect_code(0);
    finished.expect_stderr("No longer in the stack, and not deleted:");
    assert!(!resources(&cloud).contains(&"Bucket".to_owned()));
}

#[test]
fn alarms_keep_their_types() {
    const COMPOSITE: &str = "AWS::CloudWatch::CompositeAlarm";
    let arn = |name: &str| format!("arn:aws:cloudwatch:eu-west-1:123456789012:alarm:{name}");
    let (sandbox, cloud) = demo::deployed();
    demo::change_code(&sandbox);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let alarms = [
        (arn("all"), COMPOSITE.to_owned()),
        (arn("errors"), "AWS::CloudWatch::Alarm".to_owned()),
    ];
    cloud.account().stack("demo-dev").alarms = alarms.clone().into();
    let listed = format!(
        "stack.rollback_alarms=[\"{}\", \"{}\"]",
        arn("all"),
        arn("new")
    );
    for (command, expected) in [
        (&["orphan", "Bucket", "--yes"][..], alarms.clone().into()),
        (&["rollback", "--dry-run", "--to", "1"], alarms.into()),
        (
            &["plan", "--set", &listed],
            std::collections::BTreeMap::from([
                (arn("all"), COMPOSITE.to_owned()),
                (arn("new"), "AWS::CloudWatch::Alarm".to_owned()),
            ]),
        ),
    ] {
        cloud.forget_calls();
        sandbox.run(command).expect_code(0);
        let call = cloud.calls_of("CreateChangeSet").remove(0);
        let sent = call.pairs("RollbackConfiguration.RollbackTriggers", "Arn", "Type");
        assert_eq!(sent, expected, "{command:?}");
    }
}

/// Returns the logical ids of the stack's resources.
fn resources(cloud: &Cloud) -> Vec<String> {
    let mut account = cloud.account();
    account
        .stack("demo-dev")
        .resources
        .keys()
        .cloned()
        .collect()
}

/// Returns whether a request sends a template that retains a resource.
fn retains(call: &Call) -> bool {
    call.parameter("TemplateBody")
        .contains("DeletionPolicy: Retain")
}

#[test]
fn resources_leave_the_stack_in_two_shown_steps() {
    let (sandbox, cloud) = demo::deployed();
    let finished = sandbox.run(&["orphan", "Role", "--yes"]);
    insta::assert_snapshot!(finished.without_resource_events(), @r#"
    --- stdout

    To take out of the stack, without deleting
    resource  type            physical id
    Role      AWS::IAM::Role  demo-dev-Role-1A2B3C

    Step 1 of 2: retain them
              BucketName: demo-data
          Role:
            Type: AWS::IAM::Role
      +     DeletionPolicy: Retain
      +     UpdateReplacePolicy: Retain
            Properties:
              Description: "first"
              AssumeRolePolicyDocument:

    Step 2 of 2: remove them from the template
            Type: AWS::S3::Bucket
            Properties:
              BucketName: demo-data
      -   Role:
      -     Type: AWS::IAM::Role
      -     DeletionPolicy: Retain
      -     UpdateReplacePolicy: Retain
      -     Properties:
      -       Description: "first"
      -       AssumeRolePolicyDocument:
      -         Version: "2012-10-17"
      -         Statement:
      -           - Effect: Allow
      -             Principal: { Service: lambda.amazonaws.com }
      -             Action: sts:AssumeRole
          Handler:
            Type: AWS::Lambda::Function
            Properties:
              FunctionName: demo-handler
              Handler: app.handler
              Runtime: python3.13
      -       Role: !GetAtt Role.Arn
      +       Role: "arn:aws:iam::123456789012:role/demo-dev-Role-1A2B3C"
              Code:
                S3Bucket: !Sub "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"
                S3Key: "demo/handler/[SHA256].zi
        p"
    Stack        demo-dev (environment dev)
    [HEADER]

      ~ Role  AWS::IAM::Role
          + DeletionPolicy: "Retain"
          + UpdateReplacePolicy: "Retain"

    Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.
    Stack        demo-dev (environment dev)
    [HEADER]

      ~ Handler  AWS::Lambda::Function
          ~ Role
              - Fn::GetAtt:
              -   - Role
              -   - Arn
              + arn:aws:iam::123456789012:role/demo-dev-Role-1A2B3C

      - Role     AWS::IAM::Role # policy Retain

    Plan: 0 to add, 1 to change, 0 to replace, 1 to destroy.
    resource  type            physical id
    Role      AWS::IAM::Role  demo-dev-Role-1A2B3C
    --- stderr

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Step 1 of 2 is done: the resources are retained. Step 2 of 2:

    The resources that change have a value in place of a reference, which is the value that they have now: CloudFormation finds nothing to update in them.

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    No longer in the stack, and not deleted:

    warning[orphaned-resource]: the template still has `Role`: the next plan would create it again
     --> stack.yaml.j2:6:3
      |
    6 |   Role:
      |   ^^^^
      |
      = help: remove it, and write its values in place of the references to it

    --- exit 0
    "#);
    assert_eq!(resources(&cloud), ["Bucket", "Handler"]);
}

#[test]
fn both_steps_send_what_is_deployed_and_nothing_else() {
    let (sandbox, cloud) = demo::deployed();
    sandbox
        .run(&["orphan", "Bucket", "Role", "--yes"])
        .expect_code(0);
    assert_eq!(resources(&cloud), ["Handler"]);
    let sent = cloud.calls_of("CreateChangeSet");
    assert_eq!(sent.len(), 2);
    for call in &sent {
        assert_eq!(call.parameter("ChangeSetType"), "UPDATE");
        assert_eq!(call.parameter("Capabilities.member.1"), "CAPABILITY_IAM");
        assert_eq!(call.parameter("Tags.member.1.Key"), "stackctl:environment");
    }
    let [first, second] = templates(&cloud).try_into().unwrap();
    assert_eq!(
        first.matches("DeletionPolicy: Retain").count(),
        2,
        "{first}"
    );
    insta::assert_snapshot!(second, @r#"
    Resources:
      Handler:
        Type: AWS::Lambda::Function
        Properties:
          FunctionName: demo-handler
          Handler: app.handler
          Runtime: python3.13
          Role: "arn:aws:iam::123456789012:role/demo-dev-Role-1A2B3C"
          Code:
            S3Bucket: !Sub "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"
            S3Key: "demo/handler/e008281b3bf16092631ddb2f8775da2b337c441c67122e3450881ed801b574aa.zip"
    Outputs:
      BucketName:
        Value: "demo-data"
    "#);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 2);
    // What was deployed is what the files would send, so nothing else is left.
    assert_eq!(cloud.account().change_sets(), 0);

    insta::assert_snapshot!(sandbox.run(&["orphan", "Bucket", "--yes"]), @"
    --- stderr
    The stack `demo-dev` does not have `Bucket`.
    Nothing to do.
    --- exit 0
    ");
}

#[test]
fn a_run_that_ends_between_the_steps_is_finished_by_the_next() {
    let (sandbox, cloud) = demo::deployed();
    cloud
        .on("CreateChangeSet")
        .only(|call| !retains(call))
        .times(1)
        .delay(60_000)
        .carry_on();
    let mut first = sandbox.spawn(&["orphan", "Bucket", "--yes"]);
    first.wait_until("the second step", || {
        cloud.calls_of("CreateChangeSet").len() == 2
    });
    first.kill();
    assert_eq!(resources(&cloud), ["Bucket", "Role", "Handler"]);
    cloud.forget_calls();

    insta::assert_snapshot!(sandbox.run(&["orphan", "Bucket", "--yes"]), @r#"
    --- stdout

    To take out of the stack, without deleting
    resource  type             physical id
    Bucket    AWS::S3::Bucket  demo-data

    Remove them from the template, which retains them already
        Resources:
      -   Bucket:
      -     Type: AWS::S3::Bucket
      -     DeletionPolicy: Retain
      -     UpdateReplacePolicy: Retain
      -     Properties:
      -       BucketName: demo-data
          Role:
            Type: AWS::IAM::Role
            Properties:
      …
                S3Key: "demo/handler/[SHA256].zi
        p"
        Outputs:
          BucketName:
      -     Value: !Ref Bucket
      +     Value: "demo-data"
    Stack        demo-dev (environment dev)
    [HEADER]

      - Bucket  AWS::S3::Bucket # policy Retain

    1 note on access and roles of new or retained resources (-v lists them)

    Plan: 0 to add, 0 to change, 0 to replace, 1 to destroy.
    resource  type             physical id
    Bucket    AWS::S3::Bucket  demo-data
    --- stderr

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  DELETE_SKIPPED      Bucket    AWS::S3::Bucket
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    No longer in the stack, and not deleted:

    warning[orphaned-resource]: the template still has `Bucket`: the next plan would create it again
     --> stack.yaml.j2:2:3
      |
    2 |   Bucket:
      |   ^^^^^^
      |
      = help: remove it, and write its values in place of the references to it

    --- exit 0
    "#);
    assert_eq!(resources(&cloud), ["Role", "Handler"]);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
    let [template] = templates(&cloud).try_into().unwrap();
    assert!(!template.contains("Retain"), "{template}");
}

#[test]
fn nothing_is_done_without_a_yes() {
    let (sandbox, cloud) = demo::deployed();
    insta::assert_snapshot!(sandbox.run(&["orphan", "Bucket", "--value", "Bucket=demo-data"]), @"
    --- stderr
    error: cannot ask a question without a terminal, and --yes was not given
    hint: run `stackctl orphan Bucket --value 'Bucket=demo-data' --yes -e dev`
    --- exit 4
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());

    let mut running = sandbox.spawn_on_terminal(&["orphan", "Bucket"]);
    running.wait_for_stderr("Orphan:").type_line("y");
    insta::assert_snapshot!(running.wait().without_stdout(), @"
    --- stderr

    The stack no longer manages what leaves it, and no command deletes it.
    Do you want to take Bucket out of `demo-dev` (account 123456789012, region eu-west-1)? Only 'yes' will be accepted.
    Orphan: error: nothing was done: the answer was not `yes`
    --- exit 4
    ");
    assert_eq!(cloud.account().change_sets(), 0);
    let mut running = sandbox.spawn_on_terminal(&["orphan", "Bucket"]);
    running.wait_for_stderr("Orphan:").interrupt();
    running.wait().expect_code(130);
    assert_eq!(cloud.account().change_sets(), 0);
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());

    let document = sandbox.json(&["orphan", "Bucket", "Role"]);
    assert_eq!(document["schema"], "stackctl.orphan/1");
    let bucket = json!({
        "logical_id": "Bucket",
        "type": "AWS::S3::Bucket",
        "physical_id": "demo-data",
        "retained": false,
    });
    assert_eq!(document["resources"][0], bucket);
    let role = json!({
        "section": "Resources",
        "owner": "Handler",
        "path": ["Properties", "Role"],
        "resource": "Role",
        "attribute": "Arn",
        "value": "arn:aws:iam::123456789012:role/demo-dev-Role-1A2B3C",
    });
    assert_eq!(document["references"][0], role);
    assert!(document["templates"]["retaining"].is_string());
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn a_change_set_that_does_more_is_not_executed() {
    let (sandbox, cloud) = demo::deployed();
    let change = |id: &str| {
        format!(
            "<member><Type>Resource</Type><ResourceChange><Action>Remove</Action>\
             <LogicalResourceId>{id}</LogicalResourceId><ResourceType>AWS::X::Y</ResourceType>\
             </ResourceChange></member>"
        )
    };
    let more = format!(
        "<ChangeSetName>set</ChangeSetName><ChangeSetId>arn:set</ChangeSetId>\
         <StackId>arn:stack</StackId><StackName>demo-dev</StackName><Status>CREATE_COMPLETE</Status>\
         <ExecutionStatus>AVAILABLE</ExecutionStatus><Changes>{}{}</Changes>",
        change("Bucket"),
        change("Role"),
    );
    let is_more = |call: &Call| call.parameter("ChangeSetName") == "arn:set";
    cloud
        .on("DescribeChangeSet")
        .only(is_more)
        .reply_result(&more);
    // The first step's change set is as it should be; the second one's removes another resource too.
    let requested = "<Id>arn:set</Id><StackId>arn:stack</StackId>";
    let created = cloud.on("CreateChangeSet").only(|call| !retains(call));
    created.times(1).reply_result(requested);
    let finished = sandbox.run(&["orphan", "Bucket", "--yes"]);
    insta::assert_snapshot!(finished.without_stdout(), @"
    --- stderr

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Bucket    AWS::S3::Bucket
      [TIME]  UPDATE_COMPLETE     Bucket    AWS::S3::Bucket
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Step 1 of 2 is done: the resources are retained. Step 2 of 2:
    error: not removed: the change set does more than was shown: `Role` would be deleted
    hint: the resources stay in the stack, with `DeletionPolicy: Retain`, which does no harm
    hint: `stackctl orphan Bucket -e dev` goes on with the second step
    --- exit 4
    ");
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
    assert_eq!(resources(&cloud), ["Bucket", "Role", "Handler"]);
    // Nothing else changed, so the next run goes on.
    sandbox.run(&["orphan", "Bucket", "--yes"]).expect_code(0);
    assert_eq!(resources(&cloud), ["Role", "Handler"]);

    cloud.on("CreateChangeSet").times(1).reply_result(requested);
    insta::assert_snapshot!(sandbox.run(&["orphan", "Role", "--yes"]), @r#"
    --- stdout

    To take out of the stack, without deleting
    resource  type            physical id
    Role      AWS::IAM::Role  demo-dev-Role-1A2B3C

    Step 1 of 2: retain them
        Resources:
          Role:
            Type: AWS::IAM::Role
      +     DeletionPolicy: Retain
      +     UpdateReplacePolicy: Retain
            Properties:
              Description: "first"
              AssumeRolePolicyDocument:

    Step 2 of 2: remove them from the template
        Resources:
      -   Role:
      -     Type: AWS::IAM::Role
      -     DeletionPolicy: Retain
      -     UpdateReplacePolicy: Retain
      -     Properties:
      -       Description: "first"
      -       AssumeRolePolicyDocument:
      -         Version: "2012-10-17"
      -         Statement:
      -           - Effect: Allow
      -             Principal: { Service: lambda.amazonaws.com }
      -             Action: sts:AssumeRole
          Handler:
            Type: AWS::Lambda::Function
            Properties:
              FunctionName: demo-handler
              Handler: app.handler
              Runtime: python3.13
      -       Role: !GetAtt Role.Arn
      +       Role: "arn:aws:iam::123456789012:role/demo-dev-Role-1A2B3C"
              Code:
                S3Bucket: !Sub "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"
                S3Key: "demo/handler/[SHA256].zi
        p"
    Stack        demo-dev (environment dev)
    [HEADER]

    Permissions in policies that change
         effect  action          resource     principal                     condition
      -  Allow   sts:AssumeRole  ${Role.Arn}  Service:lambda.amazonaws.com

      - Bucket  AWS::X::Y
      - Role    AWS::X::Y

    Plan: 0 to add, 0 to change, 0 to replace, 2 to destroy.
    --- stderr
    error: nothing was done: the deployed template would change more: `Bucket` would be deleted; `Role` would be deleted
    hint: deploy what changes without the files first, such as the value of an SSM parameter: `stackctl apply -e dev`
    --- exit 4
    "#);
}

#[test]
fn lost_answers_change_nothing() {
    for operation in ["CreateChangeSet", "ExecuteChangeSet"] {
        for after in [0, 1] {
            let (sandbox, cloud) = demo::deployed();
            cloud.on(operation).after(after).times(1).lose_answer();
            sandbox.run(&["orphan", "Bucket", "--yes"]).expect_code(0);
            assert_eq!(
                resources(&cloud),
                ["Role", "Handler"],
                "{operation} {after}"
            );
        }
    }
}

#[test]
fn a_second_step_that_fails_is_rolled_back_and_can_be_repeated() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().fail("Handler", "the role is not there");
    let finished = sandbox.run(&["orphan", "Role", "--yes"]);
    insta::assert_snapshot!(finished.without_stdout(), @"
    --- stderr

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE     Role      AWS::IAM::Role
      [TIME]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
      [TIME]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack

    Step 1 of 2 is done: the resources are retained. Step 2 of 2:

    The resources that change have a value in place of a reference, which is the value that they have now: CloudFormation finds nothing to update in them.

      [TIME]  UPDATE_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: User Initiated
      [TIME]  UPDATE_IN_PROGRESS  Handler   AWS::Lambda::Function
      [TIME]  UPDATE_FAILED       Handler   AWS::Lambda::Function: the role is not there
      [TIME]  UPDATE_ROLLBACK_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: The following resource(s) failed to update: [Handler]. Rollback requested by user.
      [TIME]  UPDATE_IN_PROGRESS  Handler   AWS::Lambda::Function
      [TIME]  UPDATE_COMPLETE     Handler   AWS::Lambda::Function
      [TIME]  UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting resources that the failed update created
      [TIME]  UPDATE_ROLLBACK_COMPLETE  demo-dev  AWS::CloudFormation::Stack
    error[deployment-failed]: `Handler`: the role is not there
     --> the template that is sent:6:3
      |
    6 |   Handler:
      |   ^^^^^^^

    error: the deployment failed and was rolled back (UPDATE_ROLLBACK_COMPLETE): the stack is as it was
      caused by: AWS::Lambda::Function Handler UPDATE_FAILED: the role is not there
    hint: fix the cause, then run `stackctl apply -e dev`
    hint: the resources stay in the stack, with `DeletionPolicy: Retain`, which does no harm
    hint: `stackctl orphan Role -e dev` goes on with the second step
    --- exit 3
    ");
    assert_eq!(resources(&cloud), ["Bucket", "Role", "Handler"]);
    cloud.account().failing.clear();
    sandbox.run(&["orphan", "Role", "--yes"]).expect_code(0);
    assert_eq!(resources(&cloud), ["Bucket", "Handler"]);
}

#[test]
fn parameters_keep_their_values_and_lost_characters_are_not_sent() {
    let (sandbox, cloud) = demo::deployed();
    let parameters = "Parameters: {Password: {Type: String, NoEcho: true}}\nResources:\n";
    cloud.edit_deployed("Resources:\n", parameters);
    let role = "    Type: AWS::IAM::Role\n";
    let noted = |text: &str| format!("{role}    Metadata: {{A: {text}}}\n");
    cloud.edit_deployed(role, &noted("Gr\u{fc}\u{df}e"));
    let mut account = cloud.account();
    let deployed = account.stack("demo-dev").deployed.as_mut().unwrap();
    let value = "hunter2".to_owned();
    deployed.parameters.insert("Password".to_owned(), value);
    drop(account);
    insta::assert_snapshot!(sandbox.run(&["orphan", "Bucket", "--yes"]), @"
    --- stderr
    error[lost-characters]: this text may have lost characters: CloudFormation returns `?` for each one outside ASCII
     --> the deployed template:9:19
      |
    9 |     Metadata: {A: Gr??e}
      |                   ^^^^^
      |
      = help: write the true text at the same place of the project's template

    error: nothing was done: the deployed template is not known to the last character
    --- exit 4
    ");
    sandbox.edit("stack.yaml.j2", role, &noted("Gr\u{fc}\u{df}e"));
    sandbox.run(&["orphan", "Bucket", "--yes"]).expect_code(0);
    for call in cloud.calls_of("CreateChangeSet") {
        let parameter = |name: &str| call.parameter(&format!("Parameters.member.1.{name}"));
        assert_eq!(parameter("ParameterKey"), "Password");
        assert_eq!(parameter("UsePreviousValue"), "true");
        assert_eq!(parameter("ParameterValue"), "");
        let template = call.parameter("TemplateBody");
        assert!(template.contains(r#"A: "Gr\xfc\xdfe""#), "{template}");
    }
}

#[test]
fn what_the_files_still_have_is_named_with_the_way_back() {
    let (sandbox, cloud) = demo::deployed();
    cloud.on("GetTemplateSummary").reply_result(
        "<ResourceIdentifierSummaries><member><ResourceType>AWS::S3::Bucket</ResourceType>\
         <ResourceIdentifiers><member>BucketName</member></ResourceIdentifiers></member>\
         </ResourceIdentifierSummaries>",
    );
    let finished = sandbox.run(&["orphan", "Bucket", "--yes"]).expect_code(0);
    finished.expect_stderr("or import it again: `Bucket = { BucketName = \"demo-data\" }`");
    let imports = "\n[import]\nRole = { RoleName = \"demo-dev-Role-1A2B3C\" }\n";
    sandbox.append("manifest.toml", imports);
    let finished = sandbox.run(&["orphan", "Role", "--yes"]).expect_code(0);
    finished.expect_stderr("`[import]` names `Role`: the next plan imports it again");
}
