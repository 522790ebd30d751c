//! A template that the AWS CDK has synthesized, with its assets.

use serde_json::json;

use crate::project::Project;

const TEMPLATE: &str = r#"{
 "Resources": {
  "Role": {"Type": "AWS::IAM::Role", "Properties": {"AssumeRolePolicyDocument": {"Version": "2012-10-17",
   "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}]}}},
  "Handler": {"Type": "AWS::Lambda::Function", "Properties": {
   "FunctionName": {"Fn::Sub": "${AWS::StackName}-cdk"}, "Runtime": "python3.13", "Handler": "index.main",
   "Role": {"Fn::GetAtt": ["Role", "Arn"]}, "Code": {
   "S3Bucket": {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "HASH.zip"}}}
 }
}"#;

const ASSETS: &str = r#"{"version": "36.0.0", "files": {"HASH": {
  "source": {"path": "asset.HASH", "packaging": "zip"},
  "destinations": {"current_account-current_region": {
   "bucketName": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}", "objectKey": "HASH.zip"}}}},
 "dockerImages": {}}"#;

#[test]
fn a_function_of_the_cdk_runs_its_asset() {
    let project = Project::of_template(TEMPLATE, "");
    let manifest = std::fs::read_to_string(project.path("manifest.toml")).unwrap();
    let keys = "template = \"cdk.out/Shop.template.json\"\nproject = ";
    project.write("manifest.toml", manifest.replacen("project = ", keys, 1));
    let synthesize = |hash: &str, answer: u32| {
        let write = |file: &str, text: &str| {
            project.write(&format!("cdk.out/{file}"), text.replace("HASH", hash));
        };
        write("Shop.template.json", TEMPLATE);
        write("Shop.assets.json", ASSETS);
        let code = format!("def main(event, context):\n    return {answer}\n");
        write(&format!("asset.{hash}/index.py"), &code);
    };
    for (hash, answer) in [("aaa", 1), ("bbb", 2)] {
        synthesize(hash, answer);
        let applied = project.run(&["apply", "--yes"]).expect_code(0);
        applied.expect_stderr(&format!("/{hash}.zip"));
        let name = format!("{}-cdk", project.stack());
        let invoked = project.aws("lambda", "invoke", json!({"FunctionName": name}));
        assert_eq!(invoked["FunctionError"], json!(null), "{invoked}");
        project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    }
}

const PARENT: &str = r#"{
 "Resources": {
  "Inner": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": {"Fn::Join": ["", [
   "https://s3.", {"Ref": "AWS::Region"}, ".", {"Ref": "AWS::URLSuffix"}, "/",
   {"Fn::Sub": "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}"}, "/inner.json"]]}}}
 }
}"#;

#[test]
fn a_nested_template_of_the_cdk_runs_its_asset() {
    let project = Project::of_template(PARENT, "");
    let manifest = std::fs::read_to_string(project.path("manifest.toml")).unwrap();
    let keys = "template = \"cdk.out/Shop.template.json\"\nproject = ";
    project.write("manifest.toml", manifest.replacen("project = ", keys, 1));
    let bucket = "cdk-hnb659fds-assets-${AWS::AccountId}-${AWS::Region}";
    let asset = |id: &str, path: &str, packaging: &str, key: &str| {
        json!({id: {
            "source": {"path": path, "packaging": packaging},
            "destinations": {"current": {"bucketName": bucket, "objectKey": key}},
        }})
    };
    let mut files = asset("aaa", "asset.aaa", "zip", "aaa.zip");
    let nested = asset("inner", "Inner.nested.template.json", "file", "inner.json");
    files["inner"] = nested["inner"].clone();
    let assets = json!({"version": "36.0.0", "files": files, "dockerImages": {}});
    project.write("cdk.out/Shop.template.json", PARENT);
    project.write("cdk.out/Shop.assets.json", assets.to_string());
    let inner = TEMPLATE
        .replace("HASH", "aaa")
        .replace("${AWS::StackName}-cdk", &format!("{}-cdk", project.stack()));
    project.write("cdk.out/Inner.nested.template.json", &inner);
    let code = "def main(event, context):\n    return 7\n";
    project.write("cdk.out/asset.aaa/index.py", code);
    project.run(&["apply", "--yes"]).expect_code(0);
    let name = format!("{}-cdk", project.stack());
    let invoked = project.aws("lambda", "invoke", json!({"FunctionName": name}));
    assert_eq!(invoked["FunctionError"], json!(null), "{invoked}");
    project.run(&["plan", "--detailed-exitcode"]).expect_code(0);
}
