//! `init --from-stack` for stacks that exist: made by boto3, from a SAM template, and by stackctl itself.

use std::fs;

use serde_json::json;

use crate::project::{Project, ROLE};

/// Removes what describes the stack; the stack stays.
fn forget(project: &Project, paths: &[&str]) {
    for path in paths {
        let path = project.path(path);
        if path.is_dir() {
            fs::remove_dir_all(path).unwrap();
        } else {
            fs::remove_file(path).unwrap();
        }
    }
}

fn read(project: &Project, path: &str) -> String {
    fs::read_to_string(project.path(path)).unwrap()
}

/// Returns the digest of the code that a function runs.
fn digest(project: &Project, function: &str) -> String {
    let arguments = json!({ "FunctionName": function });
    let configuration = project.aws("lambda", "get_function_configuration", arguments);
    configuration["CodeSha256"].as_str().unwrap().to_owned()
}

#[test]
fn stack_of_boto3_is_adopted_and_then_changed() {
    let project = Project::without_manifest("parameters");
    for entry in fs::read_dir(project.path("")).unwrap() {
        let name = entry.unwrap().file_name();
        forget(&project, &[name.to_str().unwrap()]);
    }
    let (bucket, function) = (project.bucket(), format!("{}-fn", project.name()));
    project.aws("s3", "create_bucket", json!({ "Bucket": bucket }));
    project.write(
        "first/app.py",
        "def handler(event, context):\n    return 1\n",
    );
    let template = format!(
        "Parameters:\r\n  Secret: {{ Type: String, NoEcho: true }}\r\n  Size: {{ Type: Number, Default: 1 }}\r\n\
         Resources:\r\n  Queue:\r\n    Type: AWS::SQS::Queue\r\n    Properties:\r\n      DelaySeconds: !Ref Size\r\n\
         \x20     Tags: [{{ Key: '{{{{ project }}}}', Value: !Ref Secret }}]\r\n\
         {}\
         \x20 Function:\r\n    Type: AWS::Lambda::Function\r\n    Properties:\r\n      FunctionName: {function}\r\n\
         \x20     Runtime: python3.13\r\n      Handler: index.handler\r\n      Role: !GetAtt Role.Arn\r\n      \
         Code: {{ ZipFile: 'def handler(e, c): return 1' }}\r\n",
        ROLE.replace('\n', "\r\n")
    );
    let stack = project.stack();
    project.aws(
        "cloudformation",
        "create_stack",
        json!({
            "StackName": stack,
            "TemplateBody": template,
            "Capabilities": ["CAPABILITY_NAMED_IAM"],
            "Parameters": [
                { "ParameterKey": "Secret", "ParameterValue": "hunter2hunter2" },
                { "ParameterKey": "Size", "ParameterValue": "7" },
            ],
            "Tags": [{ "Key": "team", "Value": "web" }],
            "EnableTerminationProtection": true,
        }),
    );
    project.expect_status("CREATE_COMPLETE");
    let events = project.event_count();
    let adopted = project.run(&["init", "--from-stack", &stack, "."]);
    let adopted = adopted.expect_code(0);
    adopted.expect_stderr("shows no changes");
    assert!(!adopted.to_string().contains("hunter2"), "{adopted}");
    assert_eq!(read(&project, "template.yaml"), template);
    let manifest = read(&project, "manifest.toml");
    for line in [
        "own_tags = false\n",
        "team = \"web\"\n",
        "termination_protection = true\n",
        "Secret = { use_previous = true }\n",
        "Size = \"7\"\n",
        "capabilities = [\"CAPABILITY_NAMED_IAM\"]\n",
        "ignore = [\"template-not-rendered\"]\n",
    ] {
        assert!(manifest.contains(line), "{line}{manifest}");
    }
    let plan = project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    plan.expect_stdout("No changes");
    assert_eq!(project.event_count(), events);
    assert!(project.change_sets().is_empty());

    project.edit("manifest.toml", "Size = \"7\"", "Size = \"9\"");
    let applied = project.run(&["apply", "--yes"]).expect_code(0);
    assert!(!applied.to_string().contains("hunter2"), "{applied}");
    let queue = project.aws(
        "cloudformation",
        "describe_stack_resource",
        json!({ "StackName": stack, "LogicalResourceId": "Queue" }),
    );
    let url = &queue["StackResourceDetail"]["PhysicalResourceId"];
    let attributes = project.aws(
        "sqs",
        "get_queue_attributes",
        json!({ "QueueUrl": url, "AttributeNames": ["All"] }),
    );
    assert_eq!(attributes["Attributes"]["DelaySeconds"], "9");
    let tags = project.aws("sqs", "list_queue_tags", json!({ "QueueUrl": url }));
    assert_eq!(tags["Tags"]["{{ project }}"], "hunter2hunter2");
}

#[test]
fn shipped_project_without_its_manifest_is_adopted_and_its_code_deployed() {
    let project = Project::unverified().deployed();
    let stack = project.stack();
    let function = format!("{stack}-handler");
    let before = digest(&project, &function);
    forget(&project, &["manifest.toml"]);
    let adopted = project.run(&["init", "--from-stack", &stack, "."]);
    adopted.expect_code(0).expect_stderr("shows no changes");
    let plan = project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    plan.expect_stdout("No changes");
    assert_eq!(
        read(&project, "code/Handler/app.py"),
        read(&project, "handler/app.py")
    );

    forget(&project, &["manifest.toml", "template.yaml", "code"]);
    let take = [
        "init",
        "--from-stack",
        &stack,
        "--take-code",
        "Handler",
        ".",
    ];
    project
        .run(&take)
        .expect_code(0)
        .expect_stderr("the code of Handler is uploaded from code/Handler");
    let plan = project.run(&["plan"]).expect_code(0);
    plan.expect_stdout("the same files");
    plan.expect_stdout("Plan: 0 to add, 1 to change, 0 to replace, 0 to destroy.");
    project.edit("code/Handler/app.py", "import ", "# changed\nimport ");
    project.run(&["apply", "--yes"]).expect_code(0);
    assert_ne!(digest(&project, &function), before);
    let plan = project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    plan.expect_stdout("No changes");
}

#[test]
fn stack_of_a_sam_template_is_adopted_as_it_was_deployed() {
    const APPLICATION: &str = "Transform: AWS::Serverless-2016-10-31\nResources:\n  Read:\n    \
                               Type: AWS::Serverless::Function\n    Properties:\n      Handler: app.read\n      \
                               Runtime: python3.13\n      CodeUri: ../code\n";
    let project = Project::of_template(APPLICATION, "");
    project.write("code/app.py", "def read(event, context):\n    return 1\n");
    let project = project.deployed();
    let stack = project.stack();
    forget(&project, &["manifest.toml", "templates", "code"]);
    let adopted = project
        .run(&["init", "--from-stack", &stack, "."])
        .expect_code(0);
    adopted.expect_stderr("The project is what is deployed");
    adopted.expect_stderr("the result of the transform may have changed");
    let template = read(&project, "template.yaml");
    assert!(template.contains("AWS::Serverless::Function"), "{template}");
    assert_eq!(
        read(&project, "code/Read/app.py"),
        "def read(event, context):\n    return 1\n"
    );
    let plan = project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    plan.expect_stdout("No changes");

    forget(&project, &["manifest.toml", "template.yaml", "code"]);
    let take = ["init", "--from-stack", &stack, "--take-code", "Read", "."];
    project.run(&take).expect_code(0);
    project.write(
        "code/Read/app.py",
        "def read(event, context):\n    return 2\n",
    );
    project.run(&["apply", "--yes"]).expect_code(0);
    let code = project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    code.expect_stdout("No changes");
}
