//! What is checked under transforms, and what is not.

use insta::assert_snapshot;

use super::check_severity as check;

const SAM: &str = "Transform: AWS::Serverless-2016-10-31\n";

#[test]
fn the_names_that_sam_makes_are_known() {
    assert_eq!(
        check(&format!(
            "{SAM}Globals:\n  Function: {{Environment: {{Variables: {{T: !Ref Table}}}}}}\n  Api: {{Cors: '*'}}\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    Connectors: {{ToTable: {{Properties: {{Destination: {{Id: Table}}}}}}}}\n    Properties:\n      AutoPublishAlias: live\n      Events:\n        Get: {{Type: Api, Properties: {{Path: /, Method: get}}}}\n        Tick: {{Type: Schedule, Properties: {{DeadLetterConfig: {{Type: SQS, QueueLogicalId: Dead}}}}}}\n  Api: {{Type: AWS::Serverless::Api, Properties: {{StageName: Prod}}}}\n  Http: {{Type: AWS::Serverless::HttpApi}}\n  Layer: {{Type: AWS::Serverless::LayerVersion}}\n  Table: {{Type: AWS::Serverless::SimpleTable}}\n  Machine: {{Type: AWS::Serverless::StateMachine, Properties: {{Events: {{Daily: {{Type: Schedule}}}}}}}}\n  Graph: {{Type: AWS::Serverless::GraphQLApi}}\n  X:\n    Type: A::B::C\n    DependsOn: [FGetPermissionProd, FTick, FTickPermission, MachineDailyRole, ServerlessRestApiProdStage, ApiProdStage, HttpApiGatewayDefaultStage]\n    Properties:\n      A: !GetAtt FRole.Arn\n      B: !Ref F.Version\n      C: !Ref F.Alias\n      D: !Sub '${{F.Alias}} ${{ServerlessRestApi}} ${{ServerlessHttpApi}} ${{ServerlessRestApi.Stage}}'\n      E: [!Ref FAliaslive, !Ref FVersion0a1b2c3d4e, !Ref FUrl, !Ref FDeploymentGroup, !Ref Dead]\n      F: [!Ref ApiDeployment5332c373d4, !Ref Api.Stage, !Ref Layer0123456789, !Ref MachineRole]\n      G: [!Ref GraphSchema, !Ref FToTablePolicy, !Ref ServerlessDeploymentApplication]\n      H: {{Fn::GetAtt: [F.DestinationQueue, Arn]}}\n"
        )),
        ""
    );
}

#[test]
fn mistakes_under_sam_are_reported() {
    assert_snapshot!(check(&format!(
        "{SAM}Globals: {{Function: {{Environment: {{Variables: {{T: !Ref Tabel}}}}}}}}\nParameters: {{Unused: {{Type: String}}}}\nSection: {{}}\nResources:\n  Table: {{Type: AWS::Serverless::SimpleTable}}\n  F:\n    Type: AWS::Serverless::Function\n    Propertis: {{}}\n    DependsOn: Nothing\n    Properties: {{Role: !GetAtt Rol.Arn, Layers: [!Ref FLayer]}}\n  B: {{Type: AWS::S3::Bucket, Condition: Prod, Connector: {{}}}}\n"
    )), @r#"
    undefined-reference: there is no parameter or resource `Tabel` at 2:56 "Tabel"
      help: did you mean `Table`?
    warning unused-parameter: the parameter `Unused` is never used at 3:14 "Unused"
    unknown-section: a template has no section `Section` at 4:1 "Section"
      help: the sections are AWSTemplateFormatVersion, Conditions, Description, Hooks, Mappings, Metadata, Outputs, Parameters, Resources, Rules, Transform
    warning unknown-resource-attribute: a resource has no attribute `Propertis` at 9:5 "Propertis"
      help: did you mean `Properties`?
    undefined-reference: there is no resource `Nothing` at 10:16 "Nothing"
    undefined-reference: there is no resource `Rol` at 11:32 "Rol"
    warning undefined-reference: there is no parameter or resource `FLayer` at 11:55 "FLayer"
      help: AWS SAM is not known to create it
    warning undefined-reference: there is no condition `Prod` at 12:41 "Prod"
      help: AWS SAM is not known to create it
    unknown-resource-attribute: a resource has no attribute `Connector` at 12:47 "Connector"
      help: write properties of the resource type under `Properties`
    "#);
}

#[test]
fn cycles_under_sam_are_reported_if_the_transform_keeps_them() {
    assert_snapshot!(check(&format!(
        "{SAM}Resources:\n  A: {{Type: A::B::C, Properties: {{X: !Ref B}}}}\n  B: {{Type: A::B::C, Properties: {{X: !Ref A}}}}\n  F: {{Type: AWS::Serverless::Function, Properties: {{Environment: {{Variables: {{B: !Ref Bucket}}}}}}}}\n  Bucket: {{Type: AWS::S3::Bucket, Properties: {{X: !GetAtt F.Arn}}}}\n"
    )), @r#"
    circular-dependency: circular dependency between resources: A → B → A at 3:43 "B", 4:43 "A"
      help: replace one of these references with a literal, or move it to a separate resource
    circular-dependency: circular dependency between resources: F → Bucket → F at 5:87 "Bucket", 6:59 "F"
      help: replace one of these references with a literal, or move it to a separate resource
    "#);
    assert_eq!(
        check(&format!(
            "{SAM}Resources:\n  F: {{Type: AWS::Serverless::Function, Properties: {{Events: {{E: {{Type: S3, Properties: {{Bucket: !Ref Bucket}}}}}}}}}}\n  Bucket: {{Type: AWS::S3::Bucket, Properties: {{X: !GetAtt F.Arn}}}}\n"
        )),
        ""
    );
}

#[test]
fn the_names_that_loops_make_are_known() {
    let template = |reference: &str| {
        format!(
            "Transform: AWS::LanguageExtensions\nParameters: {{Zones: {{Type: CommaDelimitedList}}}}\nResources:\n  Fn::ForEach::Outer:\n  - X\n  - [a, b-c]\n  - 'T&{{X}}': {{Type: A::B::C, Properties: {{N: !Ref X, R: !Ref 'T&{{X}}'}}}}\n    Fn::ForEach::Inner: [Y, ['1', '2'], {{'N${{X}}${{Y}}': {{Type: A::B::C}}}}]\n  Fn::ForEach::Zones: [Z, !Ref Zones, {{'Subnet${{Z}}Route': {{Type: A::B::C}}}}]\n  R: {{Type: A::B::C, DependsOn: [{reference}]}}\n"
        )
    };
    for reference in [
        "Ta",
        "Tbc",
        "Na1",
        "Na2",
        "SubnetaRoute",
        "SubnetanythingRoute",
    ] {
        assert_eq!(check(&template(reference)), "", "{reference}");
    }
    assert_snapshot!(check(&template("Td, Na3, Subneta")), @r#"
    undefined-reference: there is no resource `Td` at 10:34 "Td"
      help: did you mean `Ta`?
    undefined-reference: there is no resource `Na3` at 10:38 "Na3"
      help: did you mean `Na1`?
    undefined-reference: there is no resource `Subneta` at 10:43 "Subneta"
    "#);
}

#[test]
fn a_macro_may_make_anything_but_its_file_is_read() {
    let wrong = "Sectoin: {}\nResources:\n  A: {Type: A::B::C, Custom: {}, Properties: {X: !Ref Missing, Y: !Join [a], N: null}}\n  B: {Properties: {F: {Fn::Own: x}}}\n";
    assert_snapshot!(check(&format!("Transform: MyMacro\n{wrong}")), @r#"
    warning wrong-argument: `Fn::Join` takes a delimiter and a list at 4:73 "[a]"
    warning missing-type: the resource `B` has no `Type` at 5:3 "B"
    warning unknown-function: `Fn::Own` is not a CloudFormation function at 5:24 "Fn::Own"
      help: did you mean `Fn::Join`?
    "#);
    for transform in [
        "Transform: [X, {Name: X::Y::Z}]\n",
        "Fn::Transform: {Name: Mine}\n",
    ] {
        let found = check(&format!("{transform}{wrong}"));
        assert_eq!(
            found,
            check(&format!("Transform: MyMacro\n{wrong}")),
            "{transform}"
        );
    }
}

#[test]
fn a_transform_of_aws_that_does_not_exist_is_a_warning() {
    assert_snapshot!(check(
        "Transform: [AWS::LanguageExtension, {Name: AWS::Serverless-2016-10-32}, Mine]\nResources:\n  A: {Type: A::B::C}\n",
    ), @r#"
    warning unknown-transform: `AWS::LanguageExtension` is not a known transform of AWS at 1:13 "AWS::LanguageExtension"
      help: did you mean `AWS::LanguageExtensions`?
    warning unknown-transform: `AWS::Serverless-2016-10-32` is not a known transform of AWS at 1:37 "{Name: AWS::Serverless-2016-10-32}"
      help: did you mean `AWS::Serverless-2016-10-31`?
    "#);
}

#[test]
fn a_loop_takes_a_variable_a_list_and_a_map() {
    assert_snapshot!(check(
        "Transform: AWS::LanguageExtensions\nResources:\n  A: {Type: A::B::C}\n  Fn::ForEach::L: [N, [a]]\n  Fn::ForEach::M: [N, a, {'B${N}': {Type: A::B::C}}]\n  Fn::ForEach::O: [N, !Ref AWS::NotificationARNs, {'C&{N}': {Type: A::B::C}}]\n",
    ), @r#"
    wrong-argument: `Fn::ForEach::L` takes a variable, a list of values and a map at 4:19 "[N, [a]]"
    wrong-argument: `Fn::ForEach::M` takes a variable, a list of values and a map at 5:19 "[N, a, {'B${N}': {Type: A::B::C}}]"
    "#);
}

#[test]
fn a_macro_changes_only_what_it_receives() {
    assert_snapshot!(check(
        "Resources:\n  A: {Type: A::B::C, Properties: {X: !Ref Missing, M: {'Fn::Transform': {Name: Mine}, Y: !Ref Own}}}\n  B: {'Fn::Transform': {Name: AWS::Include, Parameters: {Location: s3://a/b}}}\n",
    ), @r#"undefined-reference: there is no parameter or resource `Missing` at 2:43 "Missing""#);
    assert_eq!(
        check(
            "Resources:\n  A: {Type: A::B::C, Properties: {X: !Ref Missing}}\n  Fn::Transform: {Name: AWS::Include, Parameters: {Location: s3://a/b}}\n"
        ),
        ""
    );
    assert_eq!(
        check(
            "Transform: {Name: AWS::Include, Parameters: {Location: s3://a/b}}\nResources:\n  A: {Type: A::B::C, Properties: {X: !Ref Missing, Y: !If [C, !FindInMap [M, a, b], x]}}\n"
        ),
        ""
    );
}

#[test]
fn other_transforms_of_aws_make_nothing_or_a_function() {
    assert_eq!(
        check(
            "Transform: AWS::SecretsManager-2020-07-23\nResources:\n  S: {Type: AWS::SecretsManager::RotationSchedule, Properties: {HostedRotationLambda: {}}}\n  A: {Type: A::B::C, DependsOn: SHostedRotationLambda}\n"
        ),
        ""
    );
    assert_snapshot!(check(
        "Transform: [AWS::CodeDeployBlueGreen]\nHooks: {H: {Type: AWS::CodeDeploy::BlueGreen, Properties: {X: !Ref A}}}\nResources:\n  A: {Type: A::B::C, Properties: {X: !Ref Missing}}\n",
    ), @r#"undefined-reference: there is no parameter or resource `Missing` at 4:43 "Missing""#);
}
