#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use insta::assert_snapshot;

use super::reference::{self, Application, Bucket};
use super::table::Content;
use super::{Found, find};
use crate::diagnostic::SourceFile;
use crate::template::Template;
use crate::template::edits::{Edit, Edits};

fn found(text: &str) -> Found {
    let source = SourceFile::new("t.yaml", text);
    find(&Template::parse(&source).unwrap())
}

/// Returns the text with every local path replaced; the key is `p/` and the path.
fn rewrite_to(text: &str, bucket: Option<&str>) -> String {
    let mut edits = Vec::new();
    for path in found(text).paths {
        let application = path.resource.and_then(|it| it.application);
        edits.extend(application.iter().flat_map(Application::edits));
        let key = format!("p/{}", path.text);
        let text = reference::text(path.row.shape, Bucket(bucket), &key);
        edits.extend(text.map(|text| Edit {
            range: path.replaced,
            text,
        }));
    }
    let (new, _) = Edits::apply(text, edits);
    assert!(
        Template::parse(&SourceFile::new("new", new.as_str())).is_ok(),
        "{new}"
    );
    new
}

fn rewrite(text: &str) -> String {
    rewrite_to(text, None)
}

/// Returns a resource with one property; `path` is the property below `Properties`.
fn resource(kind: &str, path: &[&str], value: &str) -> String {
    let nested = path
        .iter()
        .rev()
        .fold(format!("\"{value}\""), |inner, step| {
            format!("{{\"{step}\": {inner}}}")
        });
    format!("{{\"Resources\": {{\"R\": {{\"Type\": \"{kind}\", \"Properties\": {nested}}}}}}}")
}

/// A form of a reference.
enum Form {
    BucketKey,
    S3BucketS3Key,
    Url,
    Https,
}

/// A resource type, a path below its properties, what the path stands for and how it refers to S3.
const CASES: &[(&str, &[&str], Content, Form)] = &[
    (
        "AWS::Serverless::Function",
        &["CodeUri"],
        Content::Code,
        Form::BucketKey,
    ),
    (
        "AWS::Serverless::WebFunction",
        &["CodeUri"],
        Content::Code,
        Form::BucketKey,
    ),
    (
        "AWS::Serverless::LayerVersion",
        &["ContentUri"],
        Content::Code,
        Form::BucketKey,
    ),
    (
        "AWS::Serverless::Api",
        &["DefinitionUri"],
        Content::File,
        Form::BucketKey,
    ),
    (
        "AWS::Serverless::HttpApi",
        &["DefinitionUri"],
        Content::File,
        Form::BucketKey,
    ),
    (
        "AWS::Serverless::StateMachine",
        &["DefinitionUri"],
        Content::File,
        Form::BucketKey,
    ),
    (
        "AWS::Serverless::GraphQLApi",
        &["Functions", "F", "CodeUri"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::Serverless::GraphQLApi",
        &["Resolvers", "Query", "F", "CodeUri"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::CloudFormation::Stack",
        &["TemplateURL"],
        Content::Template,
        Form::Https,
    ),
    (
        "AWS::CloudFormation::StackSet",
        &["TemplateURL"],
        Content::StackSetTemplate,
        Form::Https,
    ),
    (
        "AWS::CloudFormation::ModuleVersion",
        &["ModulePackage"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::CloudFormation::ResourceVersion",
        &["SchemaHandlerPackage"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::Lambda::Function",
        &["Code"],
        Content::Code,
        Form::S3BucketS3Key,
    ),
    (
        "AWS::Lambda::LayerVersion",
        &["Content"],
        Content::Code,
        Form::S3BucketS3Key,
    ),
    (
        "AWS::ApiGateway::RestApi",
        &["BodyS3Location"],
        Content::File,
        Form::BucketKey,
    ),
    (
        "AWS::ApiGatewayV2::Api",
        &["BodyS3Location"],
        Content::File,
        Form::BucketKey,
    ),
    (
        "AWS::StepFunctions::StateMachine",
        &["DefinitionS3Location"],
        Content::File,
        Form::BucketKey,
    ),
    (
        "AWS::AppSync::GraphQLSchema",
        &["DefinitionS3Location"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::AppSync::Resolver",
        &["RequestMappingTemplateS3Location"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::AppSync::FunctionConfiguration",
        &["ResponseMappingTemplateS3Location"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::AppSync::Resolver",
        &["CodeS3Location"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::ElasticBeanstalk::ApplicationVersion",
        &["SourceBundle"],
        Content::File,
        Form::S3BucketS3Key,
    ),
    (
        "AWS::Glue::Job",
        &["Command", "ScriptLocation"],
        Content::File,
        Form::Url,
    ),
    (
        "AWS::CodeCommit::Repository",
        &["Code", "S3"],
        Content::Code,
        Form::BucketKey,
    ),
];

#[test]
fn every_row_refers_to_the_bucket_in_its_shape() {
    const SUB: &str = r#"{"Fn::Sub": "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"}"#;
    let object = |bucket: &str, key: &str| format!(r#"{{"{bucket}": {SUB}, "{key}": "p/x"}}"#);
    let bucket_key = object("Bucket", "Key");
    let s3 = object("S3Bucket", "S3Key");
    let url = SUB
        .replace("stackctl", "s3://stackctl")
        .replace("Region}", "Region}/p/x");
    let https = r#"{"Fn::Sub": "https://s3.${AWS::Region}.${AWS::URLSuffix}/stackctl-artifacts-${AWS::AccountId}-${AWS::Region}/p/x"}"#;
    for (kind, path, content, form) in CASES {
        let expected = match form {
            Form::BucketKey => &*bucket_key,
            Form::S3BucketS3Key => &s3,
            Form::Url => &url,
            Form::Https => https,
        };
        let text = resource(kind, path, "x");
        let paths = found(&text).paths;
        assert_eq!(paths.len(), 1, "{text}");
        assert_eq!(paths[0].row.content, *content, "{text}");
        assert_eq!(rewrite(&text), text.replace("\"x\"", expected), "{text}");
        // The same path elsewhere is a text.
        let other = resource("AWS::S3::Bucket", path, "x");
        assert!(found(&other).paths.is_empty(), "{other}");
    }
}

#[test]
fn an_explicit_bucket_is_a_plain_text() {
    let rewrite = |kind, path| rewrite_to(&resource(kind, path, "x"), Some("my.bucket"));
    assert_snapshot!(rewrite("AWS::Lambda::Function", &["Code"]), @r#"{"Resources": {"R": {"Type": "AWS::Lambda::Function", "Properties": {"Code": {"S3Bucket": "my.bucket", "S3Key": "p/x"}}}}}"#);
    assert_snapshot!(rewrite("AWS::Glue::Job", &["Command", "ScriptLocation"]), @r#"{"Resources": {"R": {"Type": "AWS::Glue::Job", "Properties": {"Command": {"ScriptLocation": "s3://my.bucket/p/x"}}}}}"#);
    assert_snapshot!(rewrite("AWS::CloudFormation::Stack", &["TemplateURL"]), @r#"{"Resources": {"R": {"Type": "AWS::CloudFormation::Stack", "Properties": {"TemplateURL": {"Fn::Sub": "https://s3.${AWS::Region}.${AWS::URLSuffix}/my.bucket/p/x"}}}}}"#);
    // The transform accepts no function here.
    let schema = ["SchemaUri"];
    assert_snapshot!(rewrite("AWS::Serverless::GraphQLApi", &schema), @r#"{"Resources": {"R": {"Type": "AWS::Serverless::GraphQLApi", "Properties": {"SchemaUri": "s3://my.bucket/p/x"}}}}"#);
    let text = resource("AWS::Serverless::GraphQLApi", &schema, "x");
    assert_eq!(super::tests::rewrite(&text), text);
}

#[test]
fn what_is_no_local_path_stays() {
    for value in [
        "s3://bucket/key",
        "https://bucket.s3.amazonaws.com/key",
        "http://localhost/key",
        "ssm-doc://arn:aws:ssm:eu-west-1:123456789012:document/x",
        "{{resolve:ssm:/app/template}}",
        "",
        " ",
    ] {
        let text = resource("AWS::CloudFormation::Stack", &["TemplateURL"], value);
        assert!(found(&text).paths.is_empty(), "{value}");
    }
    let text = r#"
Transform: AWS::Serverless-2016-10-31
Resources:
  A: { Type: AWS::Lambda::Function, Properties: { Code: { ZipFile: "x" } } }
  B: { Type: AWS::Lambda::Function, Properties: { Code: { S3Bucket: b, S3Key: ./k } } }
  C: { Type: AWS::Lambda::Function, Properties: { Code: { ImageUri: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/x } } }
  D: { Type: AWS::Serverless::Function, Properties: { CodeUri: !If [X, a, b] } }
  E: { Type: AWS::Serverless::Function, Properties: { InlineCode: x } }
  F: { Type: AWS::Serverless::Application, Properties: { Location: { ApplicationId: a, SemanticVersion: 1.0.0 } } }
  G: { Type: AWS::CloudFormation::Stack, Properties: { TemplateURL: !Sub "https://${B}/x" } }
  H: { Type: AWS::Glue::Job, Properties: { Command: glueetl } }
  I: { Type: AWS::Lambda::Function }
  J: text
  K: { Type: AWS::Lambda::Function, Properties: { Code: ~ } }
"#;
    let found = found(text);
    assert!(
        found.paths.is_empty() && found.errors.is_empty(),
        "{found:?}"
    );
    assert_eq!(rewrite(text), text);
}

#[test]
fn every_other_byte_of_a_yaml_text_stays() {
    let text = "\u{feff}# äöü 😀\r
Resources:\r
  Plain:   # kept\r
    Type: 'AWS::Lambda::Function'\r
    Properties:\r
      Code: ./src   # kept\r
  Quoted: { Type: AWS::Lambda::Function, Properties: {Code: \"./src\", Handler: x} }\r
  Single:\r
    Type: AWS::Lambda::Function\r
    Properties:\r
      Code:  # kept\r
        'it''s'\r
      Handler: x\r
  Folded:\r
    Type: AWS::Lambda::Function\r
    Properties:\r
      Code: >- # gone\r
        ./src\r
\r
      Handler: x\r
  Tagged:\r
    Properties:\r
      Code: &anchor !!str ./src\r
    Type: AWS::Lambda::Function\r
  Explicit:\r
    Type: AWS::Lambda::Function\r
    Properties:\r
      ? Code\r
      : ./größe\r
";
    let new = rewrite(text);
    let sub = "{\"Fn::Sub\": \"stackctl-artifacts-${AWS::AccountId}-${AWS::Region}\"}";
    let code = |key: &str| format!("{{\"S3Bucket\": {sub}, \"S3Key\": \"p/{key}\"}}");
    let expected = text
        .replace("'it''s'", &code("it's"))
        .replace(">- # gone\r\n        ./src\r\n", &(code("./src") + "\r\n"))
        .replace("!!str ./src", &code("./src"))
        .replace("\"./src\",", &(code("./src") + ","))
        .replace("Code: ./src ", &format!("Code: {} ", code("./src")))
        .replace("./größe", &code("./größe"));
    assert_eq!(new, expected);
}

#[test]
fn a_block_is_replaced_with_its_header() {
    let text = "Resources:\n  A:\n    Type: AWS::Lambda::Function\n    Properties:\n      Code: |\n        src\n      Handler: x\n";
    let path = &found(text).paths[0];
    // The line break that belongs to the value of a literal block is no part of the path.
    assert_eq!(path.text, "src");
    assert_eq!(text.get(path.replaced.clone()), Some("|\n        src"));
}

#[test]
fn loops_globals_includes_and_metadata_are_followed() {
    assert_snapshot!(rewrite(r#"
Transform:
  - AWS::Serverless-2016-10-31
  - Name: AWS::Include
    Parameters: { Location: top.yaml }
Metadata:
  AWS::ServerlessRepo::Application: { LicenseUrl: LICENSE, ReadmeUrl: "https://x/README", Author: me }
Globals:
  Function: { CodeUri: src/all, Runtime: python3.13 }
Mappings:
  Fn::Transform: { Name: AWS::Include, Parameters: { Location: mappings.yaml } }
Resources:
  Fn::ForEach::Functions:
    - Name
    - [A, B]
    - F${Name}:
        Type: AWS::Serverless::Function
        Properties: { CodeUri: src/loop, Handler: "${Name}.handler" }
      Fn::ForEach::Inner:
        - Other
        - [C]
        - G${Name}${Other}: { Type: AWS::Lambda::Function, Properties: { Code: src/inner } }
  Api:
    Type: AWS::Serverless::Api
    Properties:
      DefinitionBody: !Transform { Name: AWS::Include, Parameters: { Location: api.yaml } }
      List: [{ "Fn::Transform": [{ Name: AWS::Include, Parameters: { Location: deep.yaml } }] }]
  Other:
    Fn::Transform: { Name: MyMacro, Parameters: { Location: stays.yaml } }
"#), @r#"
    Transform:
      - AWS::Serverless-2016-10-31
      - Name: AWS::Include
        Parameters: { Location: {"Fn::Sub": "s3://stackctl-artifacts-${AWS::AccountId}-${AWS::Region}/p/top.yaml"} }
    Metadata:
      AWS::ServerlessRepo::Application: { LicenseUrl: {"Fn::Sub": "s3://stackctl-artifacts-${AWS::AccountId}-${AWS::Region}/p/LICENSE"}, ReadmeUrl: "https://x/README", Author: me }
    Globals:
      Function: { CodeUri: {"Bucket": {"Fn::Sub": "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"}, "Key": "p/src/all"}, Runtime: python3.13 }
    Mappings:
      Fn::Transform: { Name: AWS::Include, Parameters: { Location: {"Fn::Sub": "s3://stackctl-artifacts-${AWS::AccountId}-${AWS::Region}/p/mappings.yaml"} } }
    Resources:
      Fn::ForEach::Functions:
        - Name
        - [A, B]
        - F${Name}:
            Type: AWS::Serverless::Function
            Properties: { CodeUri: {"Bucket": {"Fn::Sub": "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"}, "Key": "p/src/loop"}, Handler: "${Name}.handler" }
          Fn::ForEach::Inner:
            - Other
            - [C]
            - G${Name}${Other}: { Type: AWS::Lambda::Function, Properties: { Code: {"S3Bucket": {"Fn::Sub": "stackctl-artifacts-${AWS::AccountId}-${AWS::Region}"}, "S3Key": "p/src/inner"} } }
      Api:
        Type: AWS::Serverless::Api
        Properties:
          DefinitionBody: !Transform { Name: AWS::Include, Parameters: { Location: {"Fn::Sub": "s3://stackctl-artifacts-${AWS::AccountId}-${AWS::Region}/p/api.yaml"} } }
          List: [{ "Fn::Transform": [{ Name: AWS::Include, Parameters: { Location: {"Fn::Sub": "s3://stackctl-artifacts-${AWS::AccountId}-${AWS::Region}/p/deep.yaml"} } }] }]
      Other:
        Fn::Transform: { Name: MyMacro, Parameters: { Location: stays.yaml } }
    "#);
}

#[test]
fn an_application_becomes_the_nested_stack_that_the_transform_makes_of_it() {
    assert_snapshot!(rewrite(r#"
Resources:
  App:
    Type: AWS::Serverless::Application # kept
    Properties:
      Location: ./app.yaml
      Parameters: { A: !Ref B }
      Tags:
        team: media
        stage: !Ref Stage
  Other:
    Type: AWS::Serverless::Application
    Properties: { Location: "https://x/y" }
"#), @r#"
    Resources:
      App:
        Type: "AWS::CloudFormation::Stack" # kept
        Properties:
          "TemplateURL": {"Fn::Sub": "https://s3.${AWS::Region}.${AWS::URLSuffix}/stackctl-artifacts-${AWS::AccountId}-${AWS::Region}/p/./app.yaml"}
          Parameters: { A: !Ref B }
          Tags:
            [{"Key": "team", "Value": "media"}, {"Key": "stage", "Value": {"Ref": "Stage"}}]
      Other:
        Type: AWS::Serverless::Application
        Properties: { Location: "https://x/y" }
    "#);
}

#[test]
fn a_path_with_a_loop_variable_is_an_error() {
    for path in ["src/${Name}", "src/&{Name}"] {
        let text = format!(
            "Resources:\n  Fn::ForEach::F:\n    - Name\n    - [A]\n    - F${{Name}}:\n        Type: AWS::Lambda::Function\n        Properties:\n          Code: {path}\n"
        );
        let found = found(&text);
        assert!(found.paths.is_empty());
        let [error] = found.errors.as_slice() else {
            panic!("{found:?}")
        };
        assert!(
            error.message.contains("the loop variable `Name`"),
            "{error:?}"
        );
        assert_eq!(text.get(error.places[0].span.clone()), Some(path));
    }
}

#[test]
fn a_local_image_is_an_error() {
    for (kind, properties, wrong) in [
        (
            "AWS::Serverless::Function",
            "PackageType: Image",
            Some("Image"),
        ),
        (
            "AWS::Serverless::Function",
            "ImageUri: hello:latest",
            Some("hello:latest"),
        ),
        (
            "AWS::Lambda::Function",
            "Code: { ImageUri: 'hello' }",
            Some("'hello'"),
        ),
        (
            "AWS::Serverless::Function",
            "PackageType: Image\n      ImageUri: 1.dkr.ecr.eu-west-1.amazonaws.com/x:1",
            None,
        ),
        (
            "AWS::Serverless::Function",
            "PackageType: Image\n      ImageUri: !Ref Image",
            None,
        ),
        (
            "AWS::Lambda::Function",
            "Code: { ImageUri: !Ref Image }",
            None,
        ),
        (
            "AWS::Lambda::Function",
            "PackageType: Image\n      Code: { ImageUri: !Ref I }",
            None,
        ),
    ] {
        let text =
            format!("Resources:\n  F:\n    Type: {kind}\n    Properties:\n      {properties}\n");
        let errors = found(&text).errors;
        let places: Vec<_> = errors
            .iter()
            .map(|it| text.get(it.places[0].span.clone()).unwrap())
            .collect();
        assert_eq!(places, wrong.into_iter().collect::<Vec<_>>(), "{text}");
    }
}

#[test]
fn a_resource_says_how_it_is_built() {
    let text = "Resources:\n  F:\n    Type: AWS::Serverless::Function\n    Metadata: { BuildMethod: makefile, SamResourceId: F }\n    Properties: { CodeUri: . }\n";
    let owner = found(text).paths.remove(0).resource.unwrap();
    assert_eq!((&*owner.logical_id, owner.is_built), ("F", true));
    assert_eq!(owner.build_method.as_deref(), Some("makefile"));
}
