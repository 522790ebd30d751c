//! What the checks report, and what they accept.
#![expect(clippy::unwrap_used, reason = "tests")]

mod illegal_tests;
mod legal_tests;
mod neighbour_tests;
mod transforms_tests;

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::parameters::{Given, check_values};
use super::*;
use crate::diagnostic::SourceFile;
use crate::template::tests::show;

fn parse(text: &str) -> Template {
    Template::parse(&SourceFile::new("stack.yaml", text)).unwrap()
}

/// Returns what is found, without the warnings of `schema_names`, which has tests of its own.
fn check(text: &str) -> String {
    let mut found = validate(&parse(text));
    found.retain(|finding| !schema_names::is_unknown_name(finding));
    show(&found)
}

/// Returns all findings but those of `schema_names`: the templates have types and properties that are
/// not real.
fn of_language(text: &str) -> Vec<Diagnostic> {
    let mut found = validate(&parse(text));
    found.retain(|found| !schema_names::is_unknown_name(found));
    found
}

/// Returns the same as [`of_language`] as text, with `warning` before each warning.
fn check_severity(text: &str) -> String {
    let lines = of_language(text).into_iter().map(|found| {
        let warning = found.severity == Severity::Warning;
        format!(
            "{}{}",
            if warning { "warning " } else { "" },
            show(&[found])
        )
    });
    lines.collect()
}

const BUCKET: &str = "Resources:\n  B:\n    Type: AWS::S3::Bucket\n";

#[test]
fn a_plain_template_is_valid() {
    assert_eq!(check(BUCKET), "");
}

#[test]
fn wrong_members_are_reported() {
    assert_snapshot!(check(
        "AWSTemplateFormatVersion: 2011-01-01\nDescription: [x]\nResource: {}\nOutputs: []\nResources:\n  A: x\n  B: {Propertis: {}}\n  C_D: {Type: Bucket, Properties: [1], DependsOn: !Ref A, Condition: [x]}\n  E:\n    Type: AWS::S3::Bucket\n    DeletionPolicy: Keep\n    UpdateReplacePolicy: RetainExceptOnCreate\n    Properties:\n      BucketName:\n      Versioned: NO\n",
    ), @r#"
    format-version: the only format version is `2010-09-09` at 1:27 "2011-01-01"
    wrong-shape: `Description` must be a string, but is a list at 2:14 "[x]"
    unknown-section: a template has no section `Resource` at 3:1 "Resource"
      help: did you mean `Resources`?
    wrong-shape: `Outputs` must be a map, but is a list at 4:10 "[]"
    wrong-shape: the resource `A` must be a map, but is a string at 6:6 "x"
    missing-type: the resource `B` has no `Type` at 7:3 "B"
    unknown-resource-attribute: a resource has no attribute `Propertis` at 7:7 "Propertis"
      help: did you mean `Properties`?
    invalid-name: the name `C_D` has characters other than letters and digits at 8:3 "C_D"
    invalid-type: the type of `C_D` must be a name such as `AWS::S3::Bucket` at 8:15 "Bucket"
    wrong-shape: the properties of `C_D` must be a map, but are a list at 8:35 "[1]"
    wrong-shape: `DependsOn` takes logical ids, but this is a map at 8:51 "!Ref A"
      help: write the logical id itself, without a function
    wrong-shape: `Condition` takes a condition's name, but this is a list at 8:70 "[x]"
    invalid-policy: `Keep` is not a valid DeletionPolicy at 11:21 "Keep"
      help: use one of Delete, Retain, RetainExceptOnCreate, Snapshot
    invalid-policy: `RetainExceptOnCreate` is not a valid UpdateReplacePolicy at 12:26 "RetainExceptOnCreate"
      help: use one of Delete, Retain, Snapshot
    null-value: a value is missing: CloudFormation does not accept null at 14:17 ""
      help: write a value, or remove the key
    yaml-boolean: CloudFormation reads an unquoted `NO` as `false` at 15:18 "NO"
      help: write `false`, or `'NO'` for the string
    "#);
    assert_snapshot!(check("Description: x\n"), @r#"no-resources: the template has no resources, but it must have at least one at 1:1 """#);
    assert_snapshot!(check(
        "Resources: {B: {Type: A::B::C}}\nOutputs:\n  A: {Export: {Name: x}}\n  B: {Value: 1, Export: {Name: x}}\n",
    ), @r#"
    missing-value: the output `A` has no `Value` at 3:3 "A"
    duplicate-export: the export name `x` is used twice at 4:32 "x", 3:22 "x"
    "#);
}

#[test]
fn wrong_functions_and_arguments_are_reported() {
    assert_snapshot!(check(
        "Parameters:\n  P: {Type: String, Default: !Ref X}\nConditions:\n  C: !Equals [!Ref P]\nResources:\n  B:\n    Type: AWS::S3::Bucket\n    Properties:\n      A: {Fn::Jion: [x, []]}\n      B: {Fn::Sub: x, y: 1}\n      C: !Join [',', a]\n      D: !Select [0]\n      E: !If [C, 1]\n      F: !GetAtt B\n      G: !Sub ['x', y]\n      H: !Sub 'a ${B} ${b-c} ${!d-e}'\n      I: !FindInMap [m]\n      J: !Ref [B]\n      K: {Fn::Transform: {Name: AWS::Include}, L: 1}\n",
    ), @r#"
    function-not-allowed: `Ref` in the `Parameters` section, where no functions are allowed at 2:30 "!Ref X"
    undefined-reference: there is no parameter or resource `X` at 2:35 "X"
      help: did you mean `P`?
    wrong-argument: `Fn::Equals` takes two values at 4:14 "[!Ref P]"
    unknown-function: `Fn::Jion` is not a CloudFormation function at 9:11 "Fn::Jion"
      help: did you mean `Fn::Join`?
    function-with-siblings: `Fn::Sub` must be the only key of its map at 10:11 "Fn::Sub"
    wrong-argument: `Fn::Join` takes a delimiter and a list at 11:16 "[',', a]"
    wrong-argument: `Fn::Select` takes an index and a list at 12:18 "[0]"
    wrong-argument: `Fn::If` takes a condition's name and two values at 13:14 "[C, 1]"
    wrong-argument: `Fn::GetAtt` takes a logical id and an attribute at 14:18 "B"
    wrong-argument: `Fn::Sub` takes a string, or a list of a string and a map at 15:15 "['x', y]"
    circular-dependency: circular dependency between resources: B → B at 16:20 "B"
      help: replace one of these references with a literal, or move it to a separate resource
    invalid-sub-variable: `${b-c}` is not a valid variable name at 16:25 "b-c"
      help: for the literal text, write `${!b-c}`
    undefined-reference: there is no parameter or resource `b-c` at 16:25 "b-c"
    wrong-argument: `Fn::FindInMap` takes a mapping's name and two keys at 17:21 "[m]"
    undefined-reference: there is no mapping `m` at 17:22 "m"
    wrong-argument: `Ref` takes the name of a parameter or resource at 18:15 "[B]"
    "#);
}

#[test]
fn wrong_references_are_reported() {
    assert_snapshot!(check(
        "Parameters:\n  Bucket: {Type: String}\n  Unused: {Type: String}\nMappings:\n  Map: {a: {b: c}}\nConditions:\n  Prod: !Equals [!Ref Queue, !Ref AWS::Regoin]\nResources:\n  Queue:\n    Type: AWS::SQS::Queue\n    Condition: Prd\n    DependsOn: [Bucket, Qeue]\n    Properties:\n      A: !Ref Bukcet\n      B: !GetAtt Bucket.Arn\n      C: !Sub '${Map} ${AWS::Region} ${Buket}'\n      D: !If [Map, !Ref Prod, !Ref AWS::NoValue]\n      E: !FindInMap [Mpa, a, b]\n",
    ), @r#"
    unused-parameter: the parameter `Unused` is never used at 3:3 "Unused"
    wrong-reference: `Queue` is a resource, but a parameter is needed here at 7:23 "Queue"
      help: conditions and rules are evaluated before any resource exists
    unknown-pseudo-parameter: there is no pseudo parameter `AWS::Regoin` at 7:35 "AWS::Regoin"
      help: did you mean `AWS::Region`?
    undefined-reference: there is no condition `Prd` at 11:16 "Prd"
      help: did you mean `Prod`?
    wrong-reference: `Bucket` is a parameter, but a resource is needed here at 12:17 "Bucket"
    undefined-reference: there is no resource `Qeue` at 12:25 "Qeue"
      help: did you mean `Queue`?
    undefined-reference: there is no parameter or resource `Bukcet` at 14:15 "Bukcet"
      help: did you mean `Bucket`?
    wrong-reference: `Bucket` is a parameter, but a resource is needed here at 15:18 "Bucket"
      help: a parameter has no attributes: use `Ref` or `${Bucket}`
    wrong-reference: `Map` is a mapping, but a parameter or resource is needed here at 16:18 "Map"
      help: use `Fn::FindInMap`
    undefined-reference: there is no parameter or resource `Buket` at 16:40 "Buket"
      help: did you mean `Bucket`?
    wrong-reference: `Map` is a mapping, but a condition is needed here at 17:15 "Map"
      help: use `Fn::FindInMap`
    wrong-reference: `Prod` is a condition, but a parameter or resource is needed here at 17:25 "Prod"
      help: use it in `Fn::If` or in `Condition`
    undefined-reference: there is no mapping `Mpa` at 18:22 "Mpa"
      help: did you mean `Map`?
    "#);
}

#[test]
fn loops_and_transforms_may_define_more() {
    assert_eq!(
        check(
            "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::L:\n  - X\n  - [a, b]\n  - 'T${X}': {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref X}}\n  S: {Type: AWS::SNS::Topic, Properties: {TopicName: !GetAtt Ta.Arn}}\n"
        ),
        ""
    );
    assert_eq!(
        check(
            "Transform: AWS::Serverless-2016-10-31\nGlobals: {}\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {Role: !GetAtt FRole.Arn}}\n"
        ),
        ""
    );
}

#[test]
fn circular_dependencies_are_shown_step_by_step() {
    assert_snapshot!(check(
        "Resources:\n  Z: {Type: A::B::C, Properties: {X: !Ref A}}\n  A: {Type: A::B::C, Properties: {X: !Sub 'x ${B.Arn}'}}\n  B: {Type: A::B::C, DependsOn: [C, D]}\n  C: {Type: A::B::C, Properties: {X: !GetAtt A.Arn, Y: !Ref D}}\n  D: {Type: A::B::C}\n  S: {Type: A::B::C, Properties: {X: !Ref S}}\n",
    ), @r#"
    circular-dependency: circular dependency between resources: A → B → C → A at 3:48 "B", 4:34 "C", 5:46 "A"
      help: replace one of these references with a literal, or move it to a separate resource
    circular-dependency: circular dependency between resources: S → S at 7:43 "S"
      help: replace one of these references with a literal, or move it to a separate resource
    "#);
}

#[test]
fn the_circular_dependency_of_bucket_and_permission_is_explained() {
    assert_snapshot!(check(
        "Resources:\n  Bucket:\n    Type: AWS::S3::Bucket\n    DependsOn: Permission\n    Properties:\n      NotificationConfiguration:\n        LambdaConfigurations: [{Event: 's3:ObjectCreated:*', Function: arn}]\n  Permission:\n    Type: AWS::Lambda::Permission\n    Properties: {SourceArn: !GetAtt Bucket.Arn}\n",
    ), @r#"
    circular-dependency: circular dependency between resources: Bucket → Permission → Bucket at 4:16 "Permission", 10:37 "Bucket"
      help: `Bucket` notifies a function, and the function's permission or role refers to the bucket
      help: set `BucketName` to `!Sub ${AWS::StackName}-${AWS::AccountId}`, write `!Sub arn:${AWS::Partition}:s3:::${AWS::StackName}-${AWS::AccountId}` instead of the reference, and let the bucket depend on the permission with `DependsOn`
    "#);
}

#[test]
fn exceeded_quotas_are_reported() {
    let mut text = "Resources:\n".to_owned();
    for number in 0..501 {
        writeln!(text, "  R{number}: {{Type: A::B::C}}").unwrap();
    }
    assert!(check(&text).starts_with(
        "too-many-entries: `Resources` has 501 entries; at most 500 are allowed at 502:3"
    ));
    let long = format!("{BUCKET}  {}: {{Type: A::B::C}}\n", "x".repeat(256));
    assert!(check(&long).starts_with("name-too-long"));
    let large = format!(
        "{BUCKET}#{}\n",
        " ".repeat(crate::template::render::TEMPLATE_LIMIT)
    );
    assert!(check(&large).starts_with("template-too-large"));
    let references = "'{{resolve:ssm:a:1}}', ".repeat(61);
    let text = format!("{BUCKET}    Properties: {{L: [{references}]}}\n");
    assert!(check(&text).starts_with("too-many-dynamic-references"));
    let text = format!("Description: {}\n{BUCKET}", "x".repeat(1_025));
    assert!(check(&text).starts_with("description-too-long"));
}

#[test]
fn wrong_declarations_of_parameters_are_reported() {
    assert_snapshot!(check(
        "Parameters:\n  A: {Type: Strng}\n  B: {Type: 'List<AWS::EC2::VPC::Id>'}\n  C: {Type: 'AWS::SSM::Parameter::Value<List<String>>'}\n  D: {Type: Number, Default: 80, MaxValue: 70}\n  E: {Type: String, Default: x, AllowedValues: [y, z], AlowedPattern: a}\n  F: {}\n  G: {Type: 'AWS::EC2::Image::ID'}\n  H: {Type: String, NoEcho: true, Default: hunter2, MaxLength: 3}\nResources:\n  R: {Type: A::B::C, Properties: {X: !Sub '${A}${B}${C}${D}${E}${F}${G}${H}'}}\n",
    ), @r#"
    invalid-parameter-type: `Strng` is not a parameter type at 2:13 "Strng"
      help: did you mean `String`?
    default-not-allowed: the default `80` is more than 70 at 5:30 "80", 5:44 "70"
    default-not-allowed: the default `x` is not one of y, z at 6:30 "x", 6:48 "[y, z]"
    unknown-parameter-attribute: a parameter has no attribute `AlowedPattern` at 6:56 "AlowedPattern"
      help: did you mean `AllowedPattern`?
    missing-type: the parameter `F` has no `Type` at 7:3 "F"
    invalid-parameter-type: `AWS::EC2::Image::ID` is not a parameter type at 8:13 "'AWS::EC2::Image::ID'"
      help: did you mean `AWS::EC2::Image::Id`?
    default-not-allowed: the default of `H` has more than 3 characters at 9:3 "H", 9:64 "3"
    "#);
}

#[test]
fn wrong_values_for_parameters_are_reported() {
    let template = parse(
        "Parameters:\n  Size: {Type: String, AllowedValues: [small, large]}\n  Port: {Type: Number, MinValue: 1, Default: 80}\n  Password: {Type: String, NoEcho: true, MinLength: 8}\n  Missing: {Type: String}\n",
    );
    let given = |name, value| Given {
        name,
        value,
        place: None,
    };
    let values = [
        given("Size", Some("medium")),
        given("Port", Some("0")),
        given("Password", Some("hunter2")),
        given("Pasword", None),
    ];
    assert_snapshot!(show(&check_values(&template, &values)), @r#"
    value-not-allowed: the value `medium` of the parameter `Size` is not one of small, large at 2:39 "[small, large]"
    value-not-allowed: the value `0` of the parameter `Port` is less than 1 at 3:34 "1"
    value-not-allowed: the value of the parameter `Password` has fewer than 8 characters at 4:53 "8"
    unknown-parameter: the template has no parameter `Pasword` at 1:1 "Parameters"
      help: did you mean `Password`?
    missing-parameter: the parameter `Missing` has neither a value nor a default at 5:3 "Missing"
      help: set it under `[parameters]`: Missing = …
    "#);
    let fine = [
        given("Size", Some("small")),
        given("Password", None),
        given("Missing", Some("")),
    ];
    assert_eq!(show(&check_values(&template, &fine)), "");
}

#[test]
fn permissions_for_everything_cause_a_warning() {
    let check_policy = |properties: &str| {
        check(&format!(
            "Resources:\n  R:\n    Type: AWS::IAM::Role\n    Properties:\n      {properties}\n"
        ))
    };
    assert_snapshot!(check_policy("Policies: [{PolicyDocument: {Statement: [{Effect: Allow, Action: [s3:GetObject, '*'], Resource: '*'}]}}]"), @r#"
    wide-open-permissions: `R` may do everything on every resource in the account at 5:87 "'*'"
      help: allow only the actions and resources that are needed
    "#);
    assert_snapshot!(check_policy("PolicyDocument: {Statement: {Effect: Allow, Action: '*:*', Resource: ['*']}}"), @r#"
    wide-open-permissions: `R` may do everything on every resource in the account at 5:59 "'*:*'"
      help: allow only the actions and resources that are needed
    "#);
    for fine in [
        "{Effect: Deny, Action: '*', Resource: '*'}",
        "{Effect: Allow, Action: 's3:*', Resource: '*'}",
        "{Effect: Allow, Action: '*', Resource: 'arn:aws:s3:::b/*'}",
        "{Effect: Allow, Action: '*', Resource: '*', Condition: {Bool: {'aws:MultiFactorAuthPresent': 'true'}}}",
        "[]",
        "x",
    ] {
        let policy = format!("PolicyDocument: {{Statement: {fine}}}");
        assert_eq!(check_policy(&policy), "", "{fine}");
    }
}
