//! A small project for the tests: a bucket, a function with its role, one artifact.

use crate::cloud::{ACCOUNT, Bucket, Cloud, Object};
use crate::sandbox::Sandbox;

/// The manifest. Its endpoint is the scripted cloud, which is not AWS's.
pub(crate) const MANIFEST: &str = r#"
project = "demo"
environment = "dev"
region = "eu-west-1"
template = "stack.yaml.j2"
allow_endpoint = true

[artifacts.handler]
path = "handler"

[vars]
test_instance = false
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

/// The bucket that the artifacts go to.
pub(crate) const ARTIFACT_BUCKET: &str = "stackctl-artifacts-123456789012-eu-west-1";

/// Returns the project's files, with nothing to reach AWS by.
pub(crate) fn files() -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("stack.yaml.j2", TEMPLATE)
        .file(
            "handler/app.py",
            "def handler(event, context):\n    return 1\n",
        )
}

/// Returns the project with a cloud to deploy it to.
pub(crate) fn in_cloud() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    (files().cloud(&cloud), cloud)
}

/// Returns the project, deployed, with the calls of the deployment forgotten.
pub(crate) fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = in_cloud();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Makes the artifact bucket, complete and empty.
pub(crate) fn add_artifact_bucket(cloud: &Cloud) {
    let mut bucket = Bucket::owned_by(ACCOUNT);
    let versioning = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    bucket
        .configuration
        .insert("BucketVersioning".to_owned(), versioning.to_owned());
    let name = ARTIFACT_BUCKET.to_owned();
    cloud.account().buckets.insert(name, bucket);
}

/// Puts an object into a bucket, as if somebody else had.
pub(crate) fn put_object(cloud: &Cloud, bucket: &str, key: &str) {
    let mut account = cloud.account();
    let bucket = account.buckets.get_mut(bucket).unwrap();
    bucket.objects.push(Object {
        key: key.to_owned(),
        version: "null".to_owned(),
        body: Some(b"x".to_vec()),
    });
}
