//! A small project for the tests: a bucket, a function with its role, one artifact.

use crate::cloud::{ACCOUNT, Bucket, Cloud, Object, Progress};
use crate::sandbox::{Running, Sandbox};

/// The manifest. It allows the endpoint of the scripted cloud.
pub(crate) const MANIFEST: &str = r#"
project = "demo"
environment = "dev"
region = "eu-west-1"
template = "stack.yaml.j2"
allow_endpoint = true

[artifacts.handler]
path = "handler"

[vars]
description = "first"
"#;

/// The template.
pub(crate) const TEMPLATE: &str = r#"Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: demo-data
  Role:
    Type: AWS::IAM::Role
    Properties:
      Description: "{{ vars.description }}"
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: { Service: lambda.amazonaws.com }
            Action: sts:AssumeRole
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: demo-handler
      Handler: app.handler
      Runtime: python3.13
      Role: !GetAtt Role.Arn
      Code:
        S3Bucket: !Sub "{{ artifact_bucket }}"
        S3Key: "{{ artifacts.handler.key }}"
Outputs:
  BucketName:
    Value: !Ref Bucket
"#;

/// Returns the manifest for a template that reads no variable.
pub(crate) fn manifest_without_variables() -> String {
    MANIFEST.replace("description = \"first\"\n", "")
}

/// The handler's code.
const CODE: &str = "def handler(event, context):\n    return 1\n";

/// The name of the stack.
const STACK: &str = "demo-dev";

/// The bucket that the artifacts go to.
pub(crate) const ARTIFACT_BUCKET: &str = "stackctl-artifacts-123456789012-eu-west-1";

/// Returns the project's files, without credentials.
pub(crate) fn files() -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("stack.yaml.j2", TEMPLATE)
        .file("handler/app.py", CODE)
}

/// Returns the project with a cloud to deploy it to.
pub(crate) fn in_cloud() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    (files().cloud(&cloud), cloud)
}

/// Returns the deployed project. The calls of the deployment are forgotten.
pub(crate) fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = in_cloud();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Returns the deployed project with another description, which updates the role.
pub(crate) fn changed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = deployed();
    change_description(&sandbox);
    (sandbox, cloud)
}

/// Changes the description in the manifest, which changes the role.
pub(crate) fn change_description(sandbox: &Sandbox) {
    sandbox.edit("manifest.toml", "first", "second");
}

/// Changes the handler's code, which changes the function.
pub(crate) fn change_code(sandbox: &Sandbox) {
    sandbox.write("handler/app.py", CODE.replace('1', "2"));
}

/// The table of the manifest that names the rename of the bucket.
pub(crate) const MOVED: &str = "\n[moved]\nBucket = \"Files\"\n";

/// Gives the bucket of the template another logical id.
pub(crate) fn rename_bucket(sandbox: &Sandbox) {
    sandbox.edit("stack.yaml.j2", "  Bucket:\n", "  Files:\n");
    sandbox.edit("stack.yaml.j2", "!Ref Bucket", "!Ref Files");
}

/// Returns the deployed project, whose manifest and template now rename the bucket.
pub(crate) fn renamed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = deployed();
    rename_bucket(&sandbox);
    sandbox.append("manifest.toml", MOVED);
    (sandbox, cloud)
}

/// Returns the project with nested stacks of these names. Nothing is deployed.
pub(crate) fn with_nested(names: &[&str]) -> (Sandbox, Cloud) {
    let (sandbox, cloud) = in_cloud();
    let nested = names.iter().map(|name| {
        let file = name.to_lowercase();
        format!(
            "  {name}:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      \
             TemplateURL: https://s3.amazonaws.com/templates/{file}.yaml\n"
        )
    });
    let nested = nested.collect::<String>() + "Outputs:\n";
    sandbox.write("stack.yaml.j2", TEMPLATE.replace("Outputs:\n", &nested));
    (sandbox, cloud)
}

/// Starts to apply the files and ends the process. The operation is running and makes no progress.
pub(crate) fn leave_running(sandbox: &Sandbox, cloud: &Cloud) {
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running.wait_for_stderr("_IN_PROGRESS  demo-dev").kill();
    cloud.forget_calls();
}

/// Starts a command and waits until its change set is described. The change set stays pending.
pub(crate) fn spawn_until_described(
    sandbox: &Sandbox,
    cloud: &Cloud,
    arguments: &[&str],
) -> Running {
    cloud.account().pending_describes = usize::MAX;
    let mut running = sandbox.spawn(arguments);
    running.wait_for_call(cloud, "DescribeChangeSet");
    running
}

/// Fails the test if a change set or the new stack is left behind, or something was executed.
#[track_caller]
pub(crate) fn nothing_is_left(cloud: &Cloud) {
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    assert_eq!(cloud.account().change_sets(), 0);
    assert_eq!(cloud.status(), "DELETE_COMPLETE");
}

impl Cloud {
    /// Returns the status of the project's stack.
    pub(crate) fn status(&self) -> String {
        self.account().stack(STACK).status.clone()
    }

    /// Sets the status of the project's stack, without an event.
    pub(crate) fn set_status(&self, status: &str) {
        status.clone_into(&mut self.account().stack(STACK).status);
    }

    /// Replaces a text in the deployed template, without a call.
    #[track_caller]
    pub(crate) fn edit_deployed(&self, from: &str, to: &str) {
        let mut account = self.account();
        let template = &mut account.stack(STACK).deployed.as_mut().unwrap().template;
        assert!(template.contains(from), "{template}");
        *template = template.replace(from, to);
    }
}

/// Creates the artifact bucket, complete and empty.
pub(crate) fn add_artifact_bucket(cloud: &Cloud) {
    let mut bucket = Bucket::owned_by(ACCOUNT);
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket
        .configuration
        .insert("BucketVersioning".to_owned(), versioning.to_owned());
    let name = ARTIFACT_BUCKET.to_owned();
    cloud.account().buckets.insert(name, bucket);
}

/// Puts an object into a bucket without a call.
pub(crate) fn put_object(cloud: &Cloud, bucket: &str, key: &str) {
    let mut account = cloud.account();
    let bucket = account.buckets.get_mut(bucket).unwrap();
    bucket.objects.push(Object {
        key: key.to_owned(),
        version: "null".to_owned(),
        body: Some(b"x".to_vec()),
    });
}
