//! `orphan`: what is refused before anything is done.

use crate::demo;
use crate::orphan::templates;

#[test]
fn a_value_that_is_not_known_is_asked_for_at_its_line() {
    let (sandbox, cloud) = demo::deployed();
    let name = "FunctionName: demo-handler";
    cloud.edit_deployed(name, "FunctionName: !Sub 'x-${Role.RoleId}'");
    cloud.edit_deployed("Runtime: python3.13", "Runtime: !GetAtt Bucket.WebsiteURL");
    insta::assert_snapshot!(sandbox.run(&["orphan", "Bucket", "Role", "--yes"]), @"
    --- stderr
    error[unknown-value]: `Handler` uses `Role.RoleId`, whose present value is not known
      --> the deployed template:19:29
       |
    19 |       FunctionName: !Sub 'x-${Role.RoleId}'
       |                             ^^^^^^^^^^^^^^
       |
       = help: give it: `--value Role.RoleId=VALUE`

    error[unknown-value]: `Handler` uses `Bucket.WebsiteURL`, whose present value is not known
      --> the deployed template:21:16
       |
    21 |       Runtime: !GetAtt Bucket.WebsiteURL
       |                ^^^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: give it: `--value Bucket.WebsiteURL=VALUE`

    error: nothing was done: the value that replaces a reference is not known, and CloudFormation does not return it
    hint: look the values up, and run `stackctl orphan Bucket Role --value Bucket.WebsiteURL=VALUE --value Role.RoleId=VALUE -e dev`
    --- exit 4
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    let values = [
        "--value",
        "Role.RoleId=AROA1",
        "--value",
        "Bucket.WebsiteURL=http://b",
    ];
    let all = [&["orphan", "Bucket", "Role", "--yes"], &values[..]].concat();
    sandbox.run(&all).expect_code(0);
    let template = templates(&cloud).remove(1);
    assert!(
        template.contains("FunctionName: !Sub 'x-AROA1'"),
        "{template}"
    );
    assert!(template.contains("Runtime: \"http://b\""), "{template}");
}

#[test]
fn a_wrong_value_is_refused() {
    let (sandbox, cloud) = demo::deployed();
    let run = |value: &str| sandbox.run(&["orphan", "Bucket", "--yes", "--value", value]);
    insta::assert_snapshot!(run("Bucket=other"), @"
    --- stderr
    error[other-value]: the output `BucketName` would change from `demo-data` to `other`
      --> the deployed template:27:3
       |
    27 |   BucketName:
       |   ^^^^^^^^^^
       |
       = help: give the present value with `--value`

    error: nothing was done: a value is not the present one
    --- exit 4
    ");
    insta::assert_snapshot!(run("Bucket.Arn=x"), @"
    --- stderr
    error: `--value Bucket.Arn=…`: no other resource and no output uses it
    hint: did you mean `Bucket`?
    --- exit 1
    ");
    insta::assert_snapshot!(run("Bucket"), @"
    --- stderr
    error: invalid value 'Bucket' for '--value <ID.ATTRIBUTE=VALUE>': the form is LOGICAL_ID=VALUE or LOGICAL_ID.ATTRIBUTE=VALUE

    For more information, try '--help'.
    --- exit 64
    ");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn what_cannot_leave_the_stack_is_refused_first() {
    let (sandbox, cloud) = demo::deployed();
    let run = |ids: &[&str]| sandbox.run(&[&["orphan", "--yes"], ids].concat());
    insta::assert_snapshot!(run(&["Buckt"]), @"
    --- stderr
    error: the deployed template has no resource `Buckt`
    hint: did you mean `Bucket`?
    --- exit 1
    ");
    insta::assert_snapshot!(run(&["Bucket", "Role", "Handler"]), @"
    --- stderr
    error: nothing was done: the stack `demo-dev` would have no resource left, which CloudFormation does not accept
    hint: to delete the stack and keep its resources, deploy them with `DeletionPolicy: Retain`; `stackctl destroy --dry-run -e dev` then shows that the deletion leaves them behind
    --- exit 4
    ");
    cloud.edit_deployed(
        "Outputs:",
        "  Nested: { Type: AWS::CloudFormation::Stack }\n  Api: { Type: AWS::Serverless::Api }\n  \
         Never: { Type: AWS::SNS::Topic }\nOutputs:",
    );
    insta::assert_snapshot!(run(&["Nested", "Api", "Never"]), @"
    --- stderr
    error[cannot-be-orphaned]: `Nested` is a nested stack, which cannot leave its parent
      --> the deployed template:26:3
       |
    26 |   Nested: { Type: AWS::CloudFormation::Stack }
       |   ^^^^^^

    error[cannot-be-orphaned]: `Api` becomes several resources: a transform replaces `AWS::Serverless::Api`
      --> the deployed template:27:3
       |
    27 |   Api: { Type: AWS::Serverless::Api }
       |   ^^^

    error[cannot-be-orphaned]: `Never` does not exist now: the stack has no physical id of it
      --> the deployed template:28:3
       |
    28 |   Never: { Type: AWS::SNS::Topic }
       |   ^^^^^

    error: nothing was done: not every resource can be taken out of the stack
    --- exit 4
    ");
    let mut account = cloud.account();
    let stack = account.stack("demo-dev");
    let created = stack.resources["Bucket"].clone();
    stack.resources.insert("Made".to_owned(), created);
    drop(account);
    insta::assert_snapshot!(run(&["Made"]), @"
    --- stderr
    error: nothing was done: a transform or a loop creates `Made`, so the deployed template does not have it
    --- exit 4
    ");
    for status in [
        "UPDATE_IN_PROGRESS",
        "UPDATE_ROLLBACK_FAILED",
        "UPDATE_FAILED",
    ] {
        cloud.set_status(status);
        let finished = run(&["Bucket"]).expect_code(4);
        finished.expect_stderr(status).expect_stderr("recover");
    }
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn a_stack_policy_that_denies_the_removal_is_reported_first() {
    let (sandbox, cloud) = demo::deployed();
    let policy = |denied: &str| {
        format!(
            r#"{{"Statement": [{{"Effect": "Allow", "Action": "Update:*", "Principal": "*", "Resource": "*"}},
            {{"Effect": "Deny", "Action": "Update:Delete", "Principal": "*", "Resource": "LogicalResourceId/{denied}"}}]}}"#
        )
    };
    cloud.account().stack("demo-dev").policy = Some(policy("B*"));
    insta::assert_snapshot!(sandbox.run(&["orphan", "Bucket", "--yes"]), @"
    --- stderr
    error: nothing was done: the stack policy denies what has to be done with `Bucket`
    hint: set a stack policy that allows `Update:Modify` and `Update:Delete` of these resources first
    --- exit 4
    ");
    cloud.account().stack("demo-dev").policy = Some(policy("Role"));
    sandbox.run(&["orphan", "Bucket", "--yes"]).expect_code(0);
}
