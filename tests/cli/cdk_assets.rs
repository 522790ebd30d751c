//! The assets of a template that the AWS CDK has synthesized.

use crate::cloud::{ACCOUNT, Bucket, Cloud};
use crate::demo;
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"
project = "shop"
region = "eu-west-1"
template = "cdk.out/Shop.template.json"
allow_endpoint = true
"#;

const TEMPLATE: &str = r#"{
 "Resources": {
  "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17",
   "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}},
  "Handler": {"Type": "AWS::Lambda::Function", "Properties": {"Runtime": "python3.13", "Handler": "index.main",
   "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {
   "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "aaa.zip"}}}
 }
}"#;

/// Returns an assets manifest with more files and these images.
fn assets(more: &str, images: &str) -> String {
    let destination = |key: &str| {
        format!(
            r#""destinations": {{"current_account-current_region": {{
            "bucketName": "cdk-hnb659fds-assets-${{AWS::AccountId}}-${{AWS::Region}}", "objectKey": "{key}",
            "assumeRoleArn": "arn:${{AWS::Partition}}:iam::${{AWS::AccountId}}:role/publish"}}}}"#
        )
    };
    format!(
        r#"{{"version": "36.0.0", "files": {{
  "aaa": {{"source": {{"path": "asset.aaa", "packaging": "zip"}}, {}}},
  "bbb": {{"source": {{"path": "asset.bbb.txt", "packaging": "file"}}, {}}},
  "ccc": {{"source": {{"path": "Inner.nested.template.json", "packaging": "file"}}, {}}},
  "ddd": {{"source": {{"path": "Shop.template.json", "packaging": "file"}}, {}}}{more}
 }}, "dockerImages": {{{images}}}
}}"#,
        destination("aaa.zip"),
        destination("bbb.txt"),
        destination("ccc.json"),
        destination("ddd.json"),
    )
}

const BUCKET: &str = "cdk-hnb659fds-assets-123456789012-eu-west-1";

fn project() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .cloud(&cloud)
        .file("manifest.toml", MANIFEST)
        .file("cdk.out/Shop.template.json", TEMPLATE)
        .file("cdk.out/Shop.assets.json", assets("", ""))
        .file(
            "cdk.out/asset.aaa/index.py",
            "def main(event, context):\n    return 1\n",
        )
        .file("cdk.out/asset.aaa/__pycache__/kept.txt", "x")
        .file("cdk.out/asset.bbb.txt", "text")
        .file("cdk.out/Inner.nested.template.json", "{\"Resources\": {}}");
    (sandbox, cloud)
}

/// Creates the bucket of `cdk bootstrap`.
fn bootstrap(cloud: &Cloud) {
    let bucket = Bucket::owned_by(ACCOUNT);
    cloud.account().buckets.insert(BUCKET.to_owned(), bucket);
}

fn uploaded(cloud: &Cloud) -> Vec<String> {
    let mut keys: Vec<String> = cloud
        .calls_of("PutObject")
        .iter()
        .map(|call| {
            assert_eq!(call.header("x-amz-expected-bucket-owner"), ACCOUNT);
            format!("{}/{}", call.parameter("Bucket"), call.parameter("Key"))
        })
        .collect();
    keys.sort();
    keys
}

#[test]
fn assets_are_published_once_to_their_own_keys() {
    let (sandbox, cloud) = project();
    bootstrap(&cloud);
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(uploaded(&cloud), [format!("{BUCKET}/ccc.json")]);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        uploaded(&cloud),
        ["aaa.zip", "bbb.txt", "ccc.json"].map(|key| format!("{BUCKET}/{key}"))
    );
    {
        let mut account = cloud.account();
        let objects = &account.buckets.get_mut(BUCKET).unwrap().objects;
        let zip = objects.iter().find(|it| it.key == "aaa.zip").unwrap();
        let zip = String::from_utf8_lossy(zip.body.as_deref().unwrap()).into_owned();
        // Whatever the CDK staged is part of the asset.
        assert!(zip.contains("index.py") && zip.contains("__pycache__/kept.txt"));
    }
    let request = &cloud.calls_of("CreateChangeSet")[0];
    assert_eq!(request.parameter("TemplateBody"), TEMPLATE, "as it stands");
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.run(&["validate"]).expect_code(0);
    assert!(uploaded(&cloud).is_empty());
}

#[test]
fn an_object_of_the_cdk_is_never_replaced() {
    let (sandbox, cloud) = project();
    bootstrap(&cloud);
    for key in ["aaa.zip", "bbb.txt", "ccc.json"] {
        demo::put_object(&cloud, BUCKET, key);
    }
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert!(uploaded(&cloud).is_empty());
    // Another run publishes it in the meantime.
    let (sandbox, cloud) = project();
    bootstrap(&cloud);
    cloud
        .on("PutObject")
        .times(1)
        .error(412, "PreconditionFailed", "it exists");
    sandbox.run(&["plan"]).expect_code(0);
    assert_eq!(cloud.calls_of("PutObject")[0].header("if-none-match"), "*");
}

#[test]
fn an_account_without_bootstrap_or_another_region_is_explained() {
    let (sandbox, cloud) = project();
    sandbox
        .run(&["plan"])
        .expect_code(1)
        .expect_stderr(&format!("there is no bucket `{BUCKET}`"))
        .expect_stderr("hint: `npx cdk bootstrap` creates the bucket for assets");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    let manifest =
        assets("", "").replace("\"objectKey\"", "\"region\": \"us-west-2\", \"objectKey\"");
    sandbox.write("cdk.out/Shop.assets.json", manifest);
    sandbox.run(&["plan"]).expect_code(1).expect_stderr(
        "the assets of the template are for us-west-2, but the stack is in eu-west-1",
    );
}

#[test]
fn an_asset_for_several_regions_is_uploaded_to_each() {
    let (sandbox, cloud) = project();
    bootstrap(&cloud);
    let other = BUCKET.replace("eu-west-1", "us-west-2");
    let bucket = Bucket {
        region: "us-west-2".to_owned(),
        ..Bucket::owned_by(ACCOUNT)
    };
    cloud.account().buckets.insert(other.clone(), bucket);
    let more = format!(
        r#""destinations": {{"other": {{"bucketName": "{other}", "objectKey": "aaa.zip", "region": "us-west-2"}}, "#
    );
    let manifest = assets("", "").replacen("\"destinations\": {", &more, 1);
    sandbox.write("cdk.out/Shop.assets.json", manifest);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        uploaded(&cloud),
        [
            format!("{BUCKET}/aaa.zip"),
            format!("{BUCKET}/bbb.txt"),
            format!("{BUCKET}/ccc.json"),
            format!("{other}/aaa.zip"),
        ]
    );
    let regions = cloud.calls_of("PutObject").into_iter().map(|call| {
        let scope = call.header("authorization").split('/').nth(2);
        (call.parameter("Bucket") == other) == (scope == Some("us-west-2"))
    });
    assert!(regions.into_iter().all(|it| it));
}

#[test]
fn capabilities_of_nested_templates_are_acknowledged() {
    let (sandbox, cloud) = project();
    bootstrap(&cloud);
    let inner =
        r#"{"Resources": {"R": {"Type": "AWS::IAM::Role", "Properties": {"RoleName": "r"}}}}"#;
    sandbox.write("cdk.out/Inner.nested.template.json", inner);
    sandbox.run(&["plan"]).expect_code(0);
    let call = cloud.calls_of("CreateChangeSet").remove(0);
    let sent = call.list("Capabilities");
    assert!(
        sent.contains(&"CAPABILITY_NAMED_IAM".to_owned()),
        "{sent:?}"
    );
}

#[test]
fn a_denied_upload_names_the_role_that_the_cdk_assumes() {
    let (sandbox, cloud) = project();
    bootstrap(&cloud);
    let denied = cloud.on("PutObject");
    denied.error(403, "AccessDenied", "Access Denied");
    let finished = sandbox.run(&["plan"]).expect_code(4);
    finished.expect_stderr("does not assume `arn:aws:iam::123456789012:role/publish`");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn what_stackctl_cannot_publish_is_refused_in_words() {
    let (sandbox, cloud) = project();
    bootstrap(&cloud);
    let image = r#""img": {"source": {"directory": "asset.img"}, "destinations": {}}"#;
    sandbox.write("cdk.out/Shop.assets.json", assets("", image));
    insta::assert_snapshot!(sandbox.run(&["plan"]), @r#"
    --- stderr
    error[docker-asset]: stackctl publishes no Docker images
      --> cdk.out/Shop.assets.json:14:22
       |
    14 |  }, "dockerImages": {"img": {"source": {"directory": "asset.img"}, "destinations": {}}}
       |                      ^^^^^
       |
       = help: build and publish it with the CDK: `npx cdk-assets publish --path
               cdk.out/Shop.assets.json`
       = help: then write `[lint] ignore = ["docker-asset"]` in the manifest

    error: `cdk.out/Shop.template.json` is not a valid CloudFormation template
    --- exit 1
    "#);
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
    sandbox.append("manifest.toml", "\n[lint]\nignore = [\"docker-asset\"]\n");
    sandbox.run(&["plan"]).expect_code(0);
    let program = r#", "eee": {"source": {"executable": ["make"]}, "destinations": {}},
        "fff": {"source": {"path": "asset.gone", "packaging": "zip"}, "destinations": {}},
        "ggg": {"source": {"path": "../../outside", "packaging": "file"}, "destinations": {}}"#;
    sandbox.write("cdk.out/Shop.assets.json", assets(program, ""));
    let refused = sandbox.run(&["validate"]).expect_code(1);
    for message in [
        "error[bad-asset]: a program makes this asset",
        "error[missing-asset]: ",
        "asset.gone",
        "outside",
    ] {
        refused.expect_stderr(message);
    }
    sandbox.write("cdk.out/Shop.assets.json", "{");
    sandbox
        .run(&["validate"])
        .expect_code(1)
        .expect_stderr("the assets manifest is no JSON object");
}
