//! Illegal templates: each mistake is reported at its place, with the remedy.

use insta::assert_snapshot;

use super::{BUCKET, Given, check_severity as check, check_values, parse};
use crate::template::tests::show;

#[test]
fn what_needs_a_transform_is_reported_without_it() {
    assert_snapshot!(check(
        "Globals: {Function: {Timeout: 3}}\nMappings: {M: {a: {b: c}}}\nConditions:\n  Fn::ForEach::C: [N, [a], {'C${N}': !Equals [a, b]}]\nResources:\n  F:\n    Type: AWS::Serverless::Function\n    DeletionPolicy: !Ref AWS::Region\n    Properties:\n      A: !Length [a]\n      B: !ToJsonString {a: b}\n      C: !FindInMap [M, x, b, {DefaultValue: d}]\n      D: {Ref: !Sub 'F'}\n      E: {Fn::GetAtt: [!Sub 'F', Arn]}\n  'Fn::ForEach::L':\n  - N\n  - [a, b]\n  - 'Q${N}': {Type: AWS::SQS::Queue}\n",
    ), @r#"
    unknown-section: a template has no section `Globals` at 1:1 "Globals"
      help: `Globals` needs `Transform: AWS::Serverless-2016-10-31`
    missing-transform: `Fn::ForEach` needs the transform `AWS::LanguageExtensions` at 4:3 "Fn::ForEach::C"
      help: add `Transform: AWS::LanguageExtensions` to the template
    missing-transform: the type `AWS::Serverless::Function` needs the transform of AWS SAM at 7:11 "AWS::Serverless::Function"
      help: add `Transform: AWS::Serverless-2016-10-31` to the template
    warning wrong-shape: `DeletionPolicy` must be a string, but is a map at 8:21 "!Ref AWS::Region"
      help: it may be a function with `Transform: AWS::LanguageExtensions`
    missing-transform: `Fn::Length` needs the transform `AWS::LanguageExtensions` at 10:10 "!Length"
      help: add `Transform: AWS::LanguageExtensions` to the template
    missing-transform: `Fn::ToJsonString` needs the transform `AWS::LanguageExtensions` at 11:10 "!ToJsonString"
      help: add `Transform: AWS::LanguageExtensions` to the template
    missing-transform: a default of `Fn::FindInMap` needs the transform `AWS::LanguageExtensions` at 12:10 "!FindInMap"
      help: add `Transform: AWS::LanguageExtensions` to the template
    missing-transform: a computed name in `Ref` needs the transform `AWS::LanguageExtensions` at 13:11 "Ref"
      help: add `Transform: AWS::LanguageExtensions` to the template
    missing-transform: a computed logical id in `Fn::GetAtt` needs the transform `AWS::LanguageExtensions` at 14:11 "Fn::GetAtt"
      help: add `Transform: AWS::LanguageExtensions` to the template
    missing-transform: `Fn::ForEach` needs the transform `AWS::LanguageExtensions` at 15:3 "'Fn::ForEach::L'"
      help: add `Transform: AWS::LanguageExtensions` to the template
    "#);
    assert_snapshot!(check(
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {A: !Length [a]}}\n",
    ), @r#"
    missing-transform: `Fn::Length` needs the transform `AWS::LanguageExtensions` at 3:56 "!Length"
      help: add `Transform: AWS::LanguageExtensions` to the template
    "#);
    assert_snapshot!(check(
        "Transform: AWS::LanguageExtensions\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {A: !Length [a]}}\n",
    ), @r#"
    missing-transform: the type `AWS::Serverless::Function` needs the transform of AWS SAM at 3:13 "AWS::Serverless::Function"
      help: add `Transform: AWS::Serverless-2016-10-31` to the template
    "#);
}

#[test]
fn conditions_that_depend_on_each_other_are_reported() {
    assert_snapshot!(check(&format!(
        "Conditions:\n  A: !Not [!Condition B]\n  B: !And [!Condition A, !Condition C]\n  C: !Or [!Condition C, !Equals [a, b]]\n  D: !Not [!Condition E]\n  E: !Not [!Condition F]\n  F: !Not [!Condition D]\n{BUCKET}"
    )), @r#"
    circular-condition: the conditions `A` and `B` depend on each other at 2:23 "B", 3:23 "A"
      help: remove one of these references
    circular-condition: the condition `C` depends on itself at 4:22 "C"
      help: remove one of these references
    circular-condition: the conditions `D`, `E` and `F` depend on each other at 5:23 "E", 6:23 "F", 7:23 "D"
      help: remove one of these references
    "#);
}

#[test]
fn functions_that_conditions_and_rules_do_not_have_are_reported() {
    assert_snapshot!(check(&format!(
        "Parameters: {{P: {{Type: String}}}}\nConditions:\n  A: !Equals [!GetAtt B.Arn, x]\n  B: !Equals [!ImportValue x, !Ref P]\nRules:\n  R:\n    RuleCondition: {{Condition: A}}\n    Assertions:\n    - Assert: !Equals [!If [A, a, b], !Ref P]\n    - Assert: !Equals [!Sub x, !Ref P]\n{BUCKET}"
    )), @r#"
    function-not-allowed: `Fn::GetAtt` is not allowed in the `Conditions` section at 3:15 "!GetAtt"
      help: conditions are evaluated before any resource exists: compare parameters
    function-not-allowed: `Fn::ImportValue` is not allowed in the `Conditions` section at 4:15 "!ImportValue"
      help: conditions are evaluated before any resource exists: compare parameters
    function-not-allowed: `Condition` is not allowed in the `Rules` section at 7:21 "Condition"
      help: rules are evaluated before conditions: repeat the comparison here
    function-not-allowed: `Fn::If` is not allowed in the `Rules` section at 9:24 "!If"
      help: use `Fn::And`, `Fn::Or`, `Fn::Not`, `Fn::Equals`, `Fn::Contains`, `Fn::EachMemberEquals`, `Fn::EachMemberIn`, `Fn::RefAll`, `Fn::ValueOf`, `Fn::ValueOfAll` and `Ref`
    warning function-not-allowed: `Fn::Sub` is not allowed in the `Rules` section at 10:24 "!Sub"
      help: use `Fn::And`, `Fn::Or`, `Fn::Not`, `Fn::Equals`, `Fn::Contains`, `Fn::EachMemberEquals`, `Fn::EachMemberIn`, `Fn::RefAll`, `Fn::ValueOf`, `Fn::ValueOfAll` and `Ref`
    "#);
}

#[test]
fn lookups_that_cannot_succeed_are_reported() {
    assert_snapshot!(check(
        "Mappings:\n  M: {us-east-1: {Image: a, Size: b}, eu-west-1: {Image: c}}\nConditions:\n  C: !Equals [!FindInMap [M, us-east-2, Image], x]\nResources:\n  A:\n    Type: A::B::C\n    Properties:\n      A: !FindInMap [M, eu-west-1, Size]\n      B: !FindInMap [M, !Ref AWS::Region, Imag]\n      C: !FindInMap [M, !Ref AWS::Region, Size]\n      D: !If [C, !FindInMap [M, x, y], z]\n      E: !Select [2, [a, b]]\n      F: !Select ['-1', [a]]\n      G: !Select [3, !Split [',', 'a,b,c']]\n      H: !Select [x, [a]]\n      I: !Select [1, !Split [',', !Ref AWS::Region]]\n      J: !Select [!Ref AWS::Region, [a]]\n  B: {Type: A::B::C, Condition: C, Properties: {A: !Select [1, [a]]}}\n",
    ), @r#"
    unknown-mapping-key: the mapping `M` has no key `us-east-2` at 4:30 "us-east-2"
      help: did you mean `us-east-1`?
    unknown-mapping-key: the mapping `M` has no key `Size` under `eu-west-1` at 9:36 "Size"
      help: the keys are Image
    unknown-mapping-key: the mapping `M` has no key `Imag` at 10:43 "Imag"
      help: did you mean `Image`?
    warning unknown-mapping-key: the mapping `M` has no key `x` at 12:33 "x"
      help: the keys are us-east-1, eu-west-1
    index-out-of-range: there is no element 2 in a list of 2 elements at 13:19 "2"
      help: the first element has the index 0
    index-out-of-range: `-1` is not the index of an element at 14:19 "'-1'"
      help: the first element has the index 0
    index-out-of-range: there is no element 3 in a list of 3 elements at 15:19 "3"
      help: the first element has the index 0
    index-out-of-range: `x` is not the index of an element at 16:19 "x"
      help: the first element has the index 0
    warning index-out-of-range: there is no element 1 in a list of 1 element at 19:61 "1"
      help: the first element has the index 0
    "#);
}

#[test]
fn other_wrong_members_are_reported() {
    assert_snapshot!(check(
        "Parameters:\n  Q: {Type: String, Default: abc, AllowedPattern: '[0-9]+'}\nMappings:\n  Acc:\n    123456789012: {Mail: a}\n    '1': {2: b}\nConditions:\n  C: !Equals [!Ref Q, b]\nResources:\n  Q: {Type: AWS::SQS::Queue, Metadata: Some text, UpdatePolicy: [x]}\n  R: {Type: A::B::C, Properties: {A: !If [!Not [!Condition C], a, b], 200: x}}\nOutputs:\n  A: {Value: a, Export: {Name: !Sub '${R}-ids'}}\n  B: {Value: a, Export: {Name: !Join ['-', [a, !GetAtt R.Arn]]}}\n  D: {Value: a, Export: {Name: !ImportValue x}}\n  E: {Value: a, Export: {Name: !Sub ['${R}-ids', {R: x}]}}\n",
    ), @r#"
    default-not-allowed: the default `abc` does not match the pattern `[0-9]+` at 2:30 "abc", 2:51 "'[0-9]+'"
    numeric-key: CloudFormation does not accept the number `123456789012` as a key at 5:5 "123456789012"
      help: write `'123456789012'`
    numeric-key: CloudFormation does not accept the number `2` as a key at 6:11 "2"
      help: write `'2'`
    duplicate-name: `Q` is the name of a parameter and of a resource at 10:3 "Q", 2:3 "Q"
      help: rename one of them
    wrong-shape: `Metadata` must be a map, but is a string at 10:40 "Some text"
    wrong-shape: `UpdatePolicy` must be a map, but is a list at 10:65 "[x]"
    wrong-argument: `Fn::If` takes a condition's name and two values at 11:42 "[!Not [!Condition C], a, b]"
    numeric-key: CloudFormation does not accept the number `200` as a key at 11:71 "200"
      help: write `'200'`
    export-name-not-fixed: an export name must not depend on the resource `R` at 13:40 "R"
      help: build the name from literals, parameters and pseudo parameters such as `AWS::StackName`
    export-name-not-fixed: an export name must not depend on `Fn::GetAtt` at 14:48 "!GetAtt"
      help: build the name from literals, parameters and pseudo parameters such as `AWS::StackName`
    export-name-not-fixed: an export name must not depend on `Fn::ImportValue` at 15:32 "!ImportValue"
      help: build the name from literals, parameters and pseudo parameters such as `AWS::StackName`
    "#);
}

#[test]
fn a_given_value_must_match_the_pattern() {
    let template = parse(
        "Parameters:\n  A: {Type: String, AllowedPattern: '[0-9]+'}\n  B: {Type: CommaDelimitedList, AllowedPattern: '[a-z]+'}\n  S: {Type: String, NoEcho: true, AllowedPattern: '.{8,}'}\n",
    );
    let given = |name, value| Given {
        name,
        value: Some(value),
        place: None,
    };
    let values = [given("A", "1a"), given("B", "a,1"), given("S", "hunter2")];
    assert_snapshot!(show(&check_values(&template, &values)), @r#"
    value-not-allowed: the value `1a` of the parameter `A` does not match the pattern `[0-9]+` at 2:37 "'[0-9]+'"
    value-not-allowed: the value `a,1` of the parameter `B` does not match the pattern `[a-z]+` at 3:49 "'[a-z]+'"
    value-not-allowed: the value of the parameter `S` does not match the pattern `.{8,}` at 4:51 "'.{8,}'"
    "#);
    let fine = [given("A", "12"), given("B", "a, b"), given("S", "hunter22")];
    assert_eq!(show(&check_values(&template, &fine)), "");
}
