//! Nested templates of the project: their findings, their code, and their change sets.

use crate::cloud::{Cloud, Response, xml};
use crate::local_paths::{STACK, project};

#[test]
fn templates_that_contain_each_other_are_an_error() {
    let sandbox = project();
    sandbox.edit("templates/nested/deep.json", "\"../../src/worker\"}}", "\"../../src/worker\"}}, \"Up\": {\"Type\": \"AWS::CloudFormation::Stack\", \"Properties\": {\"TemplateURL\": \"../nested/data.yaml\"}}");
    insta::assert_snapshot!(sandbox.run(&["plan", "--offline"]), @r#"
    --- stderr
    error[local-path]: these templates contain each other: `templates/nested/data.yaml` → `templates/nested/deep.json` → `templates/nested/data.yaml`
     --> templates/nested/deep.json:1:179
      |
    1 | ...k", "Properties": {"TemplateURL": "../nested/data.yaml"}}}}
      |                                      ^^^^^^^^^^^^^^^^^^^^^
      |
      = help: a nested stack cannot contain the stack that it is part of

    error: `templates/stack.yaml` is not a valid CloudFormation template
    --- exit 1
    "#);
}

#[test]
fn findings_in_a_nested_template_are_at_its_own_lines() {
    let sandbox = project();
    sandbox.edit(
        "templates/nested/data.yaml",
        "RoleName: data",
        "RoleName: !Ref Missing",
    );
    insta::assert_snapshot!(sandbox.run(&["validate"]), @"
    --- stderr
    Not linted: cfn-lint is not installed.
    error[undefined-reference]: there is no parameter or resource `Missing`
     --> templates/nested/data.yaml:9:22
      |
    9 |       RoleName: !Ref Missing
      |                      ^^^^^^^

    error: `templates/stack.yaml` is not a valid CloudFormation template
    --- exit 1
    ");
    sandbox.write("templates/nested/deep.json", "{\"Resources\": }");
    insta::assert_snapshot!(sandbox.run(&["validate"]), @r#"
    --- stderr
    error[json-syntax]: expected a value, found `}`
     --> templates/nested/deep.json:1:15
      |
    1 | {"Resources": }
      |               ^

    error[undefined-reference]: there is no parameter or resource `Missing`
     --> templates/nested/data.yaml:9:22
      |
    9 |       RoleName: !Ref Missing
      |                      ^^^^^^^

    error: `templates/stack.yaml` is not a valid CloudFormation template
    --- exit 1
    "#);
}

/// Makes the scripted stack list these physical ids of nested stacks, and each of those nothing.
fn list_nested(cloud: &Cloud, sets: usize) {
    let id = "arn:aws:cloudformation:eu-west-1:123456789012:stack/data/1";
    let nested = xml::text("LogicalResourceId", "Data")
        + &xml::text("PhysicalResourceId", id)
        + &xml::text("ResourceType", "AWS::CloudFormation::Stack")
        + &xml::text("ResourceStatus", "CREATE_COMPLETE")
        + &xml::text("LastUpdatedTimestamp", "2026-01-01T00:00:00Z");
    cloud
        .on("ListStackResources")
        .only(|call| call.parameter("StackName") == "site-dev")
        .reply_result(&xml::members("StackResourceSummaries", [nested]));
    let worker = xml::text("LogicalResourceId", "Worker")
        + &xml::text("PhysicalResourceId", "worker-physical")
        + &xml::text("ResourceType", "AWS::Lambda::Function")
        + &xml::text("ResourceStatus", "CREATE_COMPLETE")
        + &xml::text("LastUpdatedTimestamp", "2026-01-01T00:00:00Z");
    cloud
        .on("ListStackResources")
        .reply_result(&xml::members("StackResourceSummaries", [worker]));
    let summaries = (0..sets).map(|number| {
        xml::text("ChangeSetId", &format!("arn:left/{number}"))
            + &xml::text("ChangeSetName", &format!("left-{number}"))
            + &xml::text("ExecutionStatus", "UNAVAILABLE")
    });
    cloud
        .on("ListChangeSets")
        .only(move |call| call.parameter("StackName") == id)
        .reply_result(&xml::members("Summaries", summaries));
}

#[test]
fn too_many_leftover_change_sets_leave_out_the_nested_stacks() {
    for (left, included) in [(20, true), (21, false)] {
        let cloud = Cloud::start();
        let sandbox = project().cloud(&cloud);
        sandbox.run(&["apply", "--yes"]).expect_code(0);
        cloud.forget_calls();
        list_nested(&cloud, left);
        sandbox.write("src/worker/app.py", "changed = True\n");
        let planned = sandbox.run(&["plan"]).expect_code(0);
        let create = cloud.calls_of("CreateChangeSet").remove(0);
        let asked = create.parameter("IncludeNestedStacks") == "true";
        assert_eq!(asked, included, "{left}: {planned}");
        let is_reported = planned
            .stderr
            .contains("The nested stack `Data` has 21 change sets");
        assert_eq!(is_reported, !included, "{planned}");
    }
}

#[test]
fn code_in_nested_stacks_is_compared_and_checked() {
    let cloud = Cloud::start();
    let sandbox = project().cloud(&cloud);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    list_nested(&cloud, 0);
    sandbox.write(
        "src/worker/app.py",
        "def handler(event, context):\n    return 5\n",
    );
    let planned = sandbox.run(&["plan"]).expect_code(0);
    planned.expect_stdout("return 5");
    let other = r#"{"FunctionName":"worker-physical","CodeSha256":"c29tZXRoaW5nIGVsc2U="}"#;
    cloud
        .on("GetFunctionConfiguration")
        .only(|call| call.parameter("FunctionName") == "worker-physical")
        .reply(Response::new(200, other));
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(1);
    applied.expect_stderr("the function Data/Worker runs other code");
}

#[test]
fn a_rendered_nested_template_sees_the_same_values() {
    let sandbox = project()
        .file(
            "templates/nested/data.yaml.j2",
            "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: {{ project }}\n",
        )
        .file("templates/stack.yaml", STACK.replace("data.yaml", "data.yaml.j2"));
    sandbox.run(&["render"]).expect_code(0);
    sandbox.edit(
        "templates/nested/data.yaml.j2",
        "{{ project }}",
        "{{ nothing }}",
    );
    let failed = sandbox.run(&["render"]).expect_code(1);
    failed.expect_stderr("templates/nested/data.yaml.j2:5:");
}

#[test]
fn parameters_of_a_nested_stack_have_to_fit_its_template() {
    let sandbox = project();
    sandbox.edit(
        "templates/nested/data.yaml",
        "Resources:\n",
        "Parameters:\n  Size: { Type: Number }\nResources:\n",
    );
    sandbox.edit(
        "templates/stack.yaml",
        "nested/data.yaml\n",
        "nested/data.yaml\n      Parameters: { Siez: 2 }\n",
    );
    insta::assert_snapshot!(sandbox.run(&["validate"]), @"
    --- stderr
    Not linted: cfn-lint is not installed.
    warning[unused-parameter]: the parameter `Size` is never used
     --> templates/nested/data.yaml:2:3
      |
    2 |   Size: { Type: Number }
      |   ^^^^

    error[unknown-parameter]: the nested template has no parameter `Siez`
      --> templates/stack.yaml:16:21
       |
    16 |       Parameters: { Siez: 2 }
       |                     ^^^^
       |
       = help: did you mean `Size`?

    error[missing-parameter]: the nested stack `Data` gets no value for the parameter `Size`, which has no default
      --> templates/stack.yaml:16:7
       |
    16 |       Parameters: { Siez: 2 }
       |       ^^^^^^^^^^
       |
      ::: templates/nested/data.yaml:2:3
       |
     2 |   Size: { Type: Number }
       |   ---- declared here

    error: `templates/stack.yaml` is not a valid CloudFormation template
    --- exit 1
    ");
}
