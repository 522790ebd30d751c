//! The first deployment of the shipped project, and its state afterwards.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};
use stackctl::artifact::digest::Digest;

use crate::emulator;
use crate::project::{Project, texts};

#[test]
fn first_apply_deploys_and_verifies_the_pipeline() {
    let project = Project::shipped();
    let (stack, count) = (project.stack(), project.resource_count());
    let applied = project.run(&["apply", "--yes"]).expect_code(0);

    for line in [
        format!("Plan: {count} to add, 0 to change, 0 to replace, 0 to destroy."),
        "Capabilities CAPABILITY_IAM".to_owned(),
        format!("BucketName             {}", project.bucket()),
        "TableName              FileMetadata-local".to_owned(),
        "\"contentType\": \"image/png\"".to_owned(),
        "\"size\": 69".to_owned(),
    ] {
        applied.expect_stdout(&line);
    }
    for line in [
        format!(
            "Creating the artifact bucket `{}`",
            project.artifact_bucket()
        ),
        format!("CREATE_COMPLETE     {stack}  AWS::CloudFormation::Stack"),
        format!("Applied: {stack} is CREATE_COMPLETE."),
        "Verified: the item was there ".to_owned(),
    ] {
        assert_eq!(
            applied.stderr.matches(&line).count(),
            1,
            "{line}\n{applied}"
        );
    }
    assert_eq!(applied.stderr.matches("Uploaded ").count(), 1, "{applied}");

    project.expect_status("CREATE_COMPLETE");
    check_bucket(&project);
    check_function(&project);
    check_queue_and_alarms(&project);
    check_table(&project);
    check_instance(&project);
    check_roles(&project);
    check_artifact_bucket(&project);

    assert_eq!(project.files(), [""; 0], "the probe is removed");
    assert_eq!(project.items(), [(); 0].map(|()| Value::Null));
}

fn check_bucket(project: &Project) {
    let bucket = json!({"Bucket": project.bucket()});
    let s3 = |operation| project.aws("s3", operation, bucket.clone());
    check_private(&s3);
    let notification = s3("get_bucket_notification_configuration");
    let [configuration] = &notification["LambdaFunctionConfigurations"]
        .as_array()
        .unwrap()[..]
    else {
        panic!("{notification:#}");
    };
    assert_eq!(configuration["Events"], json!(["s3:ObjectCreated:*"]));
    let function = function(project);
    assert_eq!(configuration["LambdaFunctionArn"], function["FunctionArn"],);
}

/// Checks what both buckets have: encryption, versions, no public access.
fn check_private(s3: &impl Fn(&'static str) -> Value) {
    let encryption = s3("get_bucket_encryption");
    let rule = &encryption["ServerSideEncryptionConfiguration"]["Rules"][0];
    assert_eq!(
        rule["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"],
        "AES256"
    );
    assert_eq!(
        s3("get_public_access_block")["PublicAccessBlockConfiguration"],
        json!({
            "BlockPublicAcls": true,
            "BlockPublicPolicy": true,
            "IgnorePublicAcls": true,
            "RestrictPublicBuckets": true,
        })
    );
    assert_eq!(s3("get_bucket_versioning")["Status"], "Enabled");
}

fn function(project: &Project) -> Value {
    let name = json!({"FunctionName": project.stack() + "-handler"});
    project.aws("lambda", "get_function_configuration", name)
}

fn check_function(project: &Project) {
    let function = function(project);
    assert_eq!(function["Handler"], "app.handler");
    assert_eq!(
        function["Environment"]["Variables"]["TABLE_NAME"],
        "FileMetadata-local"
    );
    project.run(&["package", "--out", "zips"]).expect_code(0);
    let digest = Digest::of(fs::read(project.path("zips/handler.zip")).unwrap());
    let key = format!("{}/handler/{}.zip", project.name(), digest.hex());
    let mut stored = project.artifacts();
    assert_eq!(
        stored.len(),
        3,
        "with the template and the record: {stored:?}"
    );
    stored.retain(|it| it.contains("/handler/"));
    assert_eq!(stored, [key.as_str()]);
    let digest = digest.base64();
    assert_eq!(function["CodeSha256"], digest, "what runs is what was sent");
    let object = json!({
        "Bucket": project.artifact_bucket(), "Key": key, "ChecksumMode": "ENABLED",
    });
    let object = project.aws("s3", "head_object", object);
    assert_eq!(object["ChecksumSHA256"], digest);
    assert_eq!(object["ServerSideEncryption"], "AES256");
}

fn check_queue_and_alarms(project: &Project) {
    let function = project.stack() + "-handler";
    let invocation = json!({"FunctionName": function, "Qualifier": "$LATEST"});
    let invocation = project.aws("lambda", "get_function_event_invoke_config", invocation);
    assert_eq!(invocation["MaximumRetryAttempts"], 0);
    let queue = json!({"QueueName": project.stack() + "-dead-letters"});
    let url = project.aws("sqs", "get_queue_url", queue)["QueueUrl"].clone();
    let attributes = json!({"QueueUrl": url, "AttributeNames": ["QueueArn"]});
    let attributes = project.aws("sqs", "get_queue_attributes", attributes);
    assert_eq!(
        invocation["DestinationConfig"]["OnFailure"]["Destination"],
        attributes["Attributes"]["QueueArn"]
    );
    let alarms = project.aws("cloudwatch", "describe_alarms", json!({}));
    let mut alarms = texts(&alarms["MetricAlarms"], "AlarmName");
    alarms.sort();
    assert_eq!(
        alarms,
        [
            project.stack() + "-dead-letters",
            project.stack() + "-delivery-failures"
        ]
    );
}

fn check_table(project: &Project) {
    let name = json!({"TableName": "FileMetadata-local"});
    let table = &project.aws("dynamodb", "describe_table", name)["Table"];
    assert_eq!(
        table["KeySchema"],
        json!([{"AttributeName": "fileName", "KeyType": "HASH"}])
    );
    assert_eq!(
        table["BillingModeSummary"]["BillingMode"],
        "PAY_PER_REQUEST"
    );
}

fn check_instance(project: &Project) {
    let stack = json!({"StackName": project.stack(), "LogicalResourceId": "TestInstance"});
    let resource = project.aws("cloudformation", "describe_stack_resource", stack);
    let id = &resource["StackResourceDetail"]["PhysicalResourceId"];
    let instances = project.aws("ec2", "describe_instances", json!({"InstanceIds": [id]}));
    let instance = &instances["Reservations"][0]["Instances"][0];
    assert_eq!(instance["InstanceType"], "t2.micro");
    assert_eq!(instance["KeyName"], "ops");
    assert_eq!(instance["State"]["Name"], "running");
    let [group] = &texts(&instance["SecurityGroups"], "GroupId")[..] else {
        panic!("{instance:#}");
    };
    let groups = json!({"GroupIds": [group]});
    let groups = project.aws("ec2", "describe_security_groups", groups);
    let [rule] = &groups["SecurityGroups"][0]["IpPermissions"]
        .as_array()
        .unwrap()[..]
    else {
        panic!("{groups:#}");
    };
    assert_eq!([&rule["FromPort"], &rule["ToPort"]], [22, 22]);
    assert_eq!(texts(&rule["IpRanges"], "CidrIp"), ["203.0.113.7/32"]);
    assert_eq!(texts(&rule["Ipv6Ranges"], "CidrIpv6"), [""; 0]);
}

fn check_roles(project: &Project) {
    let roles = project.aws("iam", "list_roles", json!({}));
    let mut permissions = Vec::new();
    for role in texts(&roles["Roles"], "RoleName") {
        let policies = project.aws("iam", "list_role_policies", json!({"RoleName": role}));
        for policy in policies["PolicyNames"].as_array().unwrap() {
            let policy = json!({"RoleName": role, "PolicyName": policy});
            let policy = project.aws("iam", "get_role_policy", policy);
            for statement in policy["PolicyDocument"]["Statement"].as_array().unwrap() {
                permissions.push(statement["Action"].to_string());
            }
        }
    }
    permissions.sort();
    assert_eq!(
        permissions,
        [
            r#""dynamodb:PutItem""#,
            r#""s3:GetObject""#,
            r#""sqs:SendMessage""#,
            r#"["dynamodb:GetItem","dynamodb:Query","dynamodb:Scan"]"#,
            r#"["logs:CreateLogStream","logs:PutLogEvents"]"#,
        ]
    );
}

fn check_artifact_bucket(project: &Project) {
    let bucket = json!({"Bucket": project.artifact_bucket()});
    let s3 = |operation| project.aws("s3", operation, bucket.clone());
    check_private(&s3);
    let policy: Value =
        serde_json::from_str(s3("get_bucket_policy")["Policy"].as_str().unwrap()).unwrap();
    let statement = &policy["Statement"][0];
    assert_eq!(statement["Effect"], "Deny");
    assert_eq!(statement["Principal"], "*");
    assert_eq!(
        statement["Condition"]["Bool"]["aws:SecureTransport"],
        "false"
    );
    let tags = texts(&s3("get_bucket_tagging")["TagSet"], "Key");
    assert!(!tags.is_empty());
}

#[test]
fn second_apply_finds_no_changes() {
    let project = Project::unverified().deployed();
    let before = (
        project.event_count(),
        project.artifacts(),
        project.change_sets(),
    );
    for command in [
        &["apply", "--yes"][..],
        &["apply"],
        &["plan"],
        &["plan", "--detailed-exitcode"],
        &["diff", "--exit-code"],
    ] {
        let finished = project.run(command).expect_code(0);
        let message = "No changes. The stack matches the files.";
        let same = "No differences: the deployed stack matches the files.";
        assert!(
            finished.stdout.contains(message) || finished.stdout.contains(same),
            "{finished}"
        );
        assert_eq!(finished.stderr, "");
    }
    let after = (
        project.event_count(),
        project.artifacts(),
        project.change_sets(),
    );
    assert_eq!(before, after);
}

#[test]
fn status_outputs_and_ssh_describe_the_deployed_stack() {
    let project = Project::unverified();
    let status = project.run(&["status"]).expect_code(0);
    assert_eq!(
        status.stdout,
        format!("{}  not deployed\n", project.stack())
    );
    let outputs = project.run(&["outputs"]).expect_code(1);
    outputs.expect_stderr("` is not deployed");

    let project = project.deployed();
    let status = project.json(&["status"]);
    assert_eq!(status["schema"], "stackctl.status/1");
    assert_eq!(status["status"], "CREATE_COMPLETE");
    assert_eq!(
        status["resources"].as_array().unwrap().len(),
        project.resource_count()
    );
    let finished = project.run(&["status"]).expect_code(0);
    finished.expect_stdout("FileMetadata-local");

    let outputs = project.json(&["outputs"]);
    assert_eq!(outputs["schema"], "stackctl.outputs/1");
    assert_eq!(outputs["outputs"]["BucketName"]["value"], project.bucket());
    let bucket = project.run(&["outputs", "BucketName"]).expect_code(0);
    assert_eq!(bucket.stdout, project.bucket() + "\n");
    let finished = project.run(&["outputs", "BucketNam"]).expect_code(1);
    finished.expect_stderr("BucketNam");

    let file = project.path("outputs.json");
    project
        .run(&["apply", "--outputs-file", "outputs.json"])
        .expect_code(0);
    let written: Value = serde_json::from_slice(&fs::read(file).unwrap()).unwrap();
    assert_eq!(written, outputs);

    let ssh = project.run(&["ssh", "--print"]).expect_code(0);
    ssh.expect_stdout("ec2-user@");
    let ssh = project.run(&["ssh"]).expect_code(4);
    ssh.expect_stderr("nothing listens on it");
}

/// Runs `eval "$(stackctl local env)"`, as in the documentation.
#[test]
fn local_env_points_other_tools_at_the_emulator() {
    let project = Project::unverified().deployed();
    let exports = project.run(&["local", "env"]).expect_code(0).stdout;
    let script = format!(
        "{exports}exec \"$0\" -I -B -c 'import boto3; print(boto3.client(\"s3\").list_buckets()[\"Buckets\"])'"
    );
    let python = emulator::shared().python();
    let listed = Command::new("/bin/sh")
        .arg("-c")
        .arg(script)
        .arg(python)
        .env_clear()
        .env("AWS_PROFILE", "a-real-one")
        .output()
        .unwrap();
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains(&project.bucket()), "{listed}");
}
