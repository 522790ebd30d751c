//! Legal templates that look wrong: none of them has an error.

use super::{BUCKET, check_severity as check, of_language};
use crate::diagnostic::{Severity, SourceFile};
use crate::template::Template;

/// Checks that a template has no errors and returns its warnings.
#[track_caller]
fn legal(text: &str) -> Vec<String> {
    let found = of_language(text);
    let errors: Vec<_> = found
        .iter()
        .filter(|it| it.severity == Severity::Error)
        .collect();
    assert!(errors.is_empty(), "{errors:#?}");
    found.into_iter().map(|it| it.rule.into_owned()).collect()
}

#[test]
fn outputs_that_exclude_each_other_may_export_the_same_name() {
    let exports = |conditions: &str, first: &str, second: &str| {
        check(&format!(
            "Parameters:\n  Env: {{Type: String}}\n  Size: {{Type: String, AllowedValues: [s, l], Default: s}}\nConditions:\n{conditions}{BUCKET}Outputs:\n  A: {{Value: 1, {first}Export: {{Name: !Sub '${{Env}}-x'}}}}\n  B: {{Value: 2, {second}Export: {{Name: !Sub '${{Env}}-x'}}}}\n  S: {{Value: !Ref Size}}\n"
        ))
    };
    let conditions = "  Prod: !Equals [!Ref Env, prod]\n  NotProd: !Not [!Condition Prod]\n  Dev: !Equals [dev, !Ref Env]\n  Small: !Equals [!Ref Size, s]\n  Large: !Equals [!Ref Size, l]\n";
    let condition = |name: &str| format!("Condition: {name}, ");
    for (first, second) in [("Prod", "NotProd"), ("Prod", "Dev"), ("Small", "Large")] {
        let found = exports(conditions, &condition(first), &condition(second));
        assert_eq!(found, "", "{first} {second}");
    }
    let found = exports(conditions, &condition("Prod"), &condition("Small"));
    let text = "warning duplicate-export: the export name `${Env}-x` is used twice if `Prod` and `Small` hold";
    assert!(found.starts_with(text), "{found}");
    for (first, second) in [("Prod", "Prod"), ("Prod", "")] {
        let second = if second.is_empty() {
            String::new()
        } else {
            condition(second)
        };
        let found = exports(conditions, &condition(first), &second);
        assert!(
            found.starts_with("duplicate-export: the export name `${Env}-x` is used twice at"),
            "{found}"
        );
    }
}

#[test]
fn parameter_types_that_are_not_documented_are_only_a_warning() {
    let with_type = |kind: &str| {
        format!(
            "Parameters:\n  P: {{Type: '{kind}', Default: /a}}\nResources:\n  T: {{Type: AWS::SNS::Topic, Properties: {{DisplayName: !Ref P}}}}\n"
        )
    };
    for kind in [
        "AWS::SSM::Parameter::Value<AWS::EC2::PrefixList::Id>",
        "AWS::SSM::Parameter::Value<List<AWS::RDS::DBInstance::Id>>",
        "List<AWS::EC2::PrefixList::Id>",
        "AWS::SSM::Parameter::Value<AWS::SSM::Parameter::Name>",
    ] {
        let found = legal(&with_type(kind));
        assert!(found.len() <= 1, "{kind} {found:?}");
    }
    for kind in [
        "AWS::SSM::Parameter::Value<>",
        "List<",
        "List",
        "AWS::EC2::PrefixList",
    ] {
        assert!(
            check(&with_type(kind)).starts_with("invalid-parameter-type"),
            "{kind}"
        );
    }
}

#[test]
fn a_reference_may_name_what_a_module_makes() {
    assert_eq!(
        check(
            "Resources:\n  M: {Type: 'My::S3::Bucket::MODULE'}\n  T:\n    Type: AWS::SNS::Topic\n    DependsOn: [MPolicy, M]\n    Properties:\n      A: !Ref MBucket\n      B: !GetAtt MBucket.Arn\n      C: !Sub '${MBucket} ${MBucket.Arn} ${M.Bucket}'\n      D: !Ref M.Bucket\n      E: !GetAtt [M.Bucket, Arn]\nOutputs:\n  O: {Value: !GetAtt M.Bucket.Arn}\n"
        ),
        ""
    );
    assert!(
        check("Resources:\n  M: {Type: A::B::C}\n  T: {Type: A::B::C, DependsOn: MBucket}\n")
            .starts_with("undefined-reference")
    );
}

#[test]
fn null_is_legal_where_a_transform_writes_it_as_text() {
    let machine = "{StartAt: s, States: {s: {Type: Pass, ResultPath: null, End: true}}}";
    let sam = "Transform: AWS::Serverless-2016-10-31\n";
    assert_eq!(
        check(&format!(
            "{sam}Resources:\n  M: {{Type: AWS::Serverless::StateMachine, Properties: {{Definition: {machine}}}}}\n"
        )),
        ""
    );
    assert_eq!(
        check(&format!(
            "Transform: MyMacro\nResources:\n  M: {{Type: A::B::C, Properties: {machine}}}\n"
        )),
        ""
    );
    let extensions = "Transform: AWS::LanguageExtensions\n";
    assert_eq!(
        check(&format!(
            "{extensions}Resources:\n  M: {{Type: A::B::C, Properties: {{D: !ToJsonString {machine}}}}}\n"
        )),
        ""
    );
    assert_eq!(
        legal(&format!(
            "{extensions}Resources:\n  M: {{Type: A::B::C, Properties: {machine}}}\n"
        )),
        ["null-value"]
    );
    for transform in ["", sam] {
        let text =
            format!("{transform}Resources:\n  M: {{Type: A::B::C, Properties: {machine}}}\n");
        assert!(
            check(&text).starts_with("null-value: a value is missing"),
            "{text}"
        );
    }
}

#[test]
fn only_dynamic_references_that_reach_a_resource_count() {
    let references: Vec<_> = (0..70)
        .map(|number| format!("'{{{{resolve:ssm:/a/{number}}}}}'"))
        .collect();
    let references = references.join(", ");
    let mappings = format!("Mappings: {{M: {{a: {{b: [{references}]}}}}}}\n");
    assert_eq!(
        check(&format!(
            "{mappings}{BUCKET}    Metadata: {{L: [{references}]}}\n    Properties: {{A: !FindInMap [M, a, b]}}\n"
        )),
        ""
    );
    let same = "'{{resolve:ssm:/a}}', ".repeat(70);
    assert_eq!(
        legal(&format!("{BUCKET}    Properties: {{L: [{same}]}}\n")),
        ["too-many-dynamic-references"]
    );
    let found = check(&format!("{BUCKET}    Properties: {{L: [{references}]}}\n"));
    assert!(found.starts_with("too-many-dynamic-references"), "{found}");
}

#[test]
fn a_list_may_be_allowed_as_a_whole_or_by_its_elements() {
    let with = |parameter: &str| {
        format!(
            "Parameters:\n  P: {{{parameter}}}\nResources:\n  T: {{Type: AWS::SNS::Topic, Properties: {{L: !Ref P}}}}\n"
        )
    };
    for parameter in [
        "Type: CommaDelimitedList, Default: 'three,four', AllowedValues: ['one,two', 'three,four']",
        "Type: CommaDelimitedList, Default: 'a, b', AllowedValues: [a, b]",
        "Type: List<Number>, Default: '80,20', AllowedValues: [20, 80]",
        "Type: CommaDelimitedList, Default: 'ab,cd', AllowedPattern: '[a-z]{2}'",
        "Type: CommaDelimitedList, Default: 'ab,cd', AllowedPattern: '[a-z,]+'",
        "Type: Number, Default: 5, AllowedPattern: '[a-z]+'",
        "Type: String, Default: Ab1, AllowedPattern: '(?=.*[A-Z])(?=.*[0-9]).+'",
    ] {
        assert_eq!(legal(&with(parameter)), [""; 0], "{parameter}");
    }
    assert_eq!(
        legal(&with("Type: String, Default: '', AllowedPattern: '.+'")),
        ["default-not-allowed"]
    );
}

#[test]
fn the_last_of_duplicate_keys_counts_in_a_deployed_template() {
    for text in [
        "Resources:\n  A: {Type: A::B::C, Properties: {Name: a, Name: b}}\n",
        r#"{"Resources": {"A": {"Type": "A::B::C", "Properties": {"Name": "a", "Name": "b"}}}}"#,
    ] {
        let source = SourceFile::new("t", text);
        let found = Template::parse(&source).unwrap_err();
        assert_eq!(found[0].severity, Severity::Error);
        let template = Template::parse_deployed(&source).unwrap();
        let resource = template.resource("A").unwrap();
        let name = resource.properties().unwrap().get("Name").unwrap();
        assert_eq!(name.as_str(), Some("b"));
        let [warning] = template.warnings() else {
            panic!("{:?}", template.warnings());
        };
        assert_eq!(warning.severity, Severity::Warning);
        assert_eq!(warning.message, "the map has the key `Name` twice");
    }
    let source = SourceFile::new("t", "A: 1\nA: 2\nB: *x\n");
    assert!(Template::parse_deployed(&source).is_err());
}

#[test]
fn brackets_and_scalars_may_be_indented_as_libyaml_allows() {
    for text in [
        "Parameters:\n  P:\n    Type: String\n    AllowedValues: [\n      a, b\n  ]\n    Default: a\nResources:\n  T: {Type: A::B::C, Properties: {P: !Ref P}}\n",
        "Resources:\n  A:\n    Type: A::B::C\n    Properties:\n      KeyPolicy: {\n        \"Version\": \"2012-10-17\"\n      }\n",
        "Resources:\n  A:\n    Type: A::B::C\n    Properties: {\n  'B': 'c',\n'D': [\n'e'\n]\n}\n",
        "Resources:\n  A:\n    Type: A::B::C\n    Properties:\n      DisplayName: 'one\n    two'\n",
        "Resources:\n  A:\n    Type: A::B::C\n    Properties:\n      DisplayName: \"one\ntwo\n\nthree\"\n",
        "Resources:\n  A:\n    Type: A::B::C\n    Properties:\n      L:\n      - !Sub \"a\n  b\"\n      - !Join ['-', [\n        a,\n    b ]]\n",
    ] {
        assert_eq!(legal(text), [""; 0], "{text}");
    }
}

#[test]
fn a_cycle_that_never_exists_is_only_a_warning() {
    let template = |first: &str, second: &str| {
        format!(
            "Parameters: {{P: {{Type: String}}}}\nConditions: {{C: !Equals [!Ref P, a], D: !Equals [!Ref P, b]}}\nResources:\n  A: {{Type: A::B::C, Properties: {{X: [{first}]}}}}\n  B: {{Type: A::B::C, Properties: {{X: [{second}]}}}}\n"
        )
    };
    for (first, second) in [
        ("!If [C, !Ref B, x]", "!If [C, x, !Ref A]"),
        ("!If [C, !Ref B, x]", "!If [D, !Sub '${A}', x]"),
        (
            "!If [C, !Ref B, x]",
            "!If [D, {a: !If [C, x, !GetAtt A.B]}, x]",
        ),
    ] {
        assert_eq!(
            legal(&template(first, second)),
            ["circular-dependency"],
            "{first} {second}"
        );
    }
    let found = check(&template("!If [C, !Ref B, x]", "!If [D, x, !Ref A]"));
    assert!(found.starts_with("circular-dependency"), "{found}");
}

#[test]
fn odd_but_legal_templates_are_accepted() {
    for text in [
        // A lookup that only one branch makes.
        "Mappings: {M: {a: {b: c}}}\nConditions: {C: !Equals [!Ref AWS::Region, x]}\nResources:\n  A:\n    Type: A::B::C\n    Properties: {L: !FindInMap [M, !Ref AWS::Region, b], N: !If [C, !Select [0, [a]], !Ref AWS::NoValue]}\n",
        // A key with dots, dashes and digits, quoted.
        "Mappings: {M: {'123456789012': {'80': x}, us-east-1: {'80': x}}}\nResources:\n  A: {Type: A::B::C, Properties: {L: !FindInMap [M, !Ref AWS::AccountId, 80]}}\n",
        // Equal names in different sections.
        "Parameters: {Same: {Type: String}}\nMappings: {Map: {a: {b: c}}}\nConditions: {Same: !Equals [!Ref Same, x]}\nResources:\n  Map: {Type: A::B::C, Condition: Same, Properties: {X: !FindInMap [Map, a, b]}}\nOutputs:\n  Map: {Value: !Ref Same}\n",
        // Metadata of the template may be anything.
        "Metadata: {License: Apache-2.0, Versions: [1, 2]}\nResources:\n  A: {Type: A::B::C, Metadata: {}}\n",
        // Rules with every function they have.
        "Parameters: {V: {Type: AWS::EC2::VPC::Id}, S: {Type: List<AWS::EC2::Subnet::Id>}, E: {Type: String}}\nRules:\n  R:\n    RuleCondition: !Not [!Equals [!Ref E, x]]\n    Assertions:\n    - Assert: {Fn::EachMemberEquals: [{Fn::ValueOfAll: [AWS::EC2::Subnet::Id, VpcId]}, !Ref V]}\n    - Assert: !And [{Fn::Contains: [[a, b], !Ref E]}, {Fn::EachMemberIn: [{Fn::ValueOf: [S, VpcId]}, {Fn::RefAll: AWS::EC2::VPC::Id}]}]\nResources:\n  A: {Type: A::B::C, Properties: {S: !Ref S}}\n",
        // A conditional export with a name from an import is not one, but a value may be imported.
        "Resources: {A: {Type: A::B::C}}\nOutputs:\n  O: {Value: !ImportValue x, Export: {Name: !Join ['-', [!Ref AWS::StackName, o]]}}\n",
        // A chain of conditions is no cycle.
        "Conditions: {A: !Not [!Condition B], B: !Or [!Condition C, !Condition D], C: !Equals [a, b], D: !Condition C}\nResources: {A: {Type: A::B::C, Condition: A}}\n",
        // A parameter and an attribute of a resource in one text; a literal.
        "Resources:\n  A: {Type: A::B::C}\n  B: {Type: A::B::C, Properties: {X: !Sub '${A.B.C}${!NotHere}${AWS::Region}'}}\n",
        // `Fn::GetAtt` with a computed attribute.
        "Parameters: {P: {Type: String}}\nResources:\n  A: {Type: A::B::C}\n  B: {Type: A::B::C, Properties: {X: {Fn::GetAtt: [A, !Ref P]}}}\n",
    ] {
        assert_eq!(legal(text), [""; 0], "{text}");
    }
}
