//! Neighbours: illegal templates that have an error of a rule, and legal ones beside them that have none.

use super::of_language;
use crate::diagnostic::Severity;

/// Returns the rules of the errors.
fn errors(text: &str) -> Vec<String> {
    let found = of_language(text).into_iter();
    let errors = found.filter(|it| it.severity == Severity::Error);
    errors.map(|it| it.rule.into_owned()).collect()
}

#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn illegal_templates_have_an_error() {
    let cases = [
        (
            "missing-transform",
            "Conditions:\n  'Fn::ForEach::C': [N, [A, B], {'Is${N}': !Equals [1, 1]}]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "missing-transform",
            "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs:\n  'Fn::ForEach::O': [N, [A, B], {'Out${N}': {Value: x}}]\n",
        ),
        (
            "missing-transform",
            "Resources:\n  T:\n    Type: AWS::SNS::Topic\n    Properties:\n      'Fn::ForEach::P': [N, [DisplayName], {'${N}': x}]\n",
        ),
        (
            "missing-transform",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ToJsonString {a: 1}}}\n",
        ),
        (
            "missing-transform",
            "Parameters:\n  P: {Type: CommaDelimitedList, Default: 'a,b'}\nConditions:\n  C: !Equals [{'Fn::Length': !Ref P}, 2]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "missing-transform",
            "Resources:\n  T: {Type: AWS::Serverless::SimpleTable}\n",
        ),
        (
            "unknown-section",
            "Globals: {Function: {Timeout: 3}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "unknown-section",
            "Transform: AWS::LanguageExtensions\nGlobals: {Function: {Timeout: 3}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "missing-transform",
            "Transform: AWS::LanguageExtensions\nResources:\n  T: {Type: AWS::Serverless::SimpleTable}\n",
        ),
        (
            "circular-condition",
            "Conditions:\n  A: !Not [!Condition A]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "circular-condition",
            "Conditions:\n  A: !And [!Condition B, !Equals [1, 1]]\n  B: !Or [!Condition C, !Equals [1, 1]]\n  C: !Not [{Condition: A}]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "function-not-allowed",
            "Conditions:\n  A: !Equals [!GetAtt T.TopicName, x]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "wrong-reference",
            "Conditions:\n  A: !Equals [!Ref T, x]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "function-not-allowed",
            "Conditions:\n  A: !Equals [!ImportValue x, x]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "wrong-reference",
            "Conditions:\n  A: !Equals [!Sub '${T.TopicName}', x]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "function-not-allowed",
            "Parameters: {P: {Type: String, Default: a}}\nConditions: {C: !Equals [!Ref P, a]}\nRules:\n  R: {RuleCondition: !Condition C, Assertions: [{Assert: !Equals [!Ref P, a], AssertDescription: d}]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "function-not-allowed",
            "Rules:\n  R: {Assertions: [{Assert: !Equals [!GetAtt T.TopicName, a]}]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "function-not-allowed",
            "Parameters: {P: {Type: String, Default: a}}\nConditions: {C: !Equals [!Ref P, a]}\nRules:\n  R: {Assertions: [{Assert: !Equals [!If [C, a, b], a]}]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "duplicate-name",
            "Parameters: {T: {Type: String, Default: a}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "undefined-reference",
            "Mappings: {M: {a: {b: c}}}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [N, a, b]}}\n",
        ),
        (
            "unknown-mapping-key",
            "Mappings: {M: {a: {b: c}}}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [M, x, b]}}\n",
        ),
        (
            "unknown-mapping-key",
            "Mappings: {M: {a: {b: c}}}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [M, a, x]}}\n",
        ),
        (
            "unknown-mapping-key",
            "Mappings: {M: {a: {b: c}, d: {b: e}}}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [M, !Ref AWS::Region, zz]}}\n",
        ),
        (
            "missing-transform",
            "Mappings: {M: {a: {b: c}}}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [M, x, b, {DefaultValue: z}]}}\n",
        ),
        (
            "wrong-argument",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !If [!Equals [1, 1], a, b]}}\n",
        ),
        (
            "undefined-reference",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !If [C, a, b]}}\n",
        ),
        (
            "wrong-argument",
            "Conditions: {C: !Equals [1, 1]}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !If [C, a]}}\n",
        ),
        (
            "undefined-reference",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Condition: C}\n",
        ),
        (
            "undefined-reference",
            "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs: {O: {Value: x, Condition: C}}\n",
        ),
        (
            "index-out-of-range",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [2, [a, b]]}}\n",
        ),
        (
            "index-out-of-range",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [-1, [a, b]]}}\n",
        ),
        (
            "index-out-of-range",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [x, [a, b]]}}\n",
        ),
        (
            "index-out-of-range",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [3, !Split ['-', a-b]]}}\n",
        ),
        (
            "default-not-allowed",
            "Parameters: {P: {Type: String, Default: A1, AllowedPattern: '[a-z]+'}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "default-not-allowed",
            "Parameters: {P: {Type: CommaDelimitedList, Default: 'a,B', AllowedPattern: '[a-z]+'}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "default-not-allowed",
            "Parameters: {P: {Type: String, Default: a, MinLength: 3}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "default-not-allowed",
            "Parameters: {P: {Type: Number, Default: 11, MaxValue: 10}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "default-not-allowed",
            "Parameters: {P: {Type: String, Default: c, AllowedValues: [a, b]}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "numeric-key",
            "Mappings:\n  M:\n    111111111111: {b: c}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "invalid-name",
            "Mappings: {M: {a: {'b c': d}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "wrong-shape",
            "Mappings: {M: {a: b}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "function-not-allowed",
            "Mappings: {M: {a: {b: !Ref AWS::Region}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "export-name-not-fixed",
            "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs: {O: {Value: x, Export: {Name: !GetAtt T.TopicName}}}\n",
        ),
        (
            "export-name-not-fixed",
            "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs: {O: {Value: x, Export: {Name: !Ref T}}}\n",
        ),
        (
            "export-name-not-fixed",
            "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs: {O: {Value: x, Export: {Name: !Sub '${T}-x'}}}\n",
        ),
        (
            "export-name-not-fixed",
            "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs: {O: {Value: x, Export: {Name: !Join ['-', [a, !Ref T]]}}}\n",
        ),
        (
            "wrong-shape",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Metadata: text}\n",
        ),
        (
            "wrong-shape",
            "Metadata: [a]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "undefined-reference",
            "Transform: AWS::LanguageExtensions\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Nowhere}}\n",
        ),
        (
            "circular-dependency",
            "Transform: AWS::LanguageExtensions\nResources:\n  A: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref B}}\n  B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref A}}\n",
        ),
        (
            "unknown-section",
            "Transform: AWS::LanguageExtensions\nResorces: {}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "undefined-reference",
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Nowhere}}\n",
        ),
        (
            "undefined-reference",
            "Transform: AWS::Serverless-2016-10-31\nResources:\n  T: {Type: AWS::SNS::Topic, DependsOn: Nowhere}\n",
        ),
        (
            "undefined-reference",
            "Transform: AWS::LanguageExtensions\nResources:\n  'Fn::ForEach::Ts': [N, [A, B], {'Topic${N}': {Type: AWS::SNS::Topic}}]\nOutputs: {O: {Value: !Ref TopicC}}\n",
        ),
        (
            "invalid-name",
            "Mappings: {My_Map: {a: {b: c}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "invalid-name",
            "Mappings: {M: {10.0.0.0/16: {b: c}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "invalid-name",
            "Mappings: {M: {a: {b_c: d}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "wrong-shape",
            "Mappings: {M: {a: {b: {c: d}}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "wrong-shape",
            "Mappings: {M: [a]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "circular-dependency",
            "Resources:\n  T: {Type: AWS::SNS::Topic, DependsOn: T}\n",
        ),
        (
            "wrong-reference",
            "Parameters: {P: {Type: String, Default: a}}\nResources:\n  T: {Type: AWS::SNS::Topic, DependsOn: P}\n",
        ),
        (
            "undefined-reference",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${Nowhere}'}}\n",
        ),
        (
            "wrong-reference",
            "Parameters: {P: {Type: String, Default: a}}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt P.Arn}}\n",
        ),
        (
            "undefined-reference",
            "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs: {O: {Value: !GetAtt Nowhere.Arn}}\n",
        ),
        (
            "wrong-argument",
            "Conditions: {A: !And [!Equals [1, 1]]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "wrong-argument",
            "Conditions: {A: !Not [!Equals [1, 1], !Equals [1, 1]]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "wrong-argument",
            "Conditions: {A: !Equals [1, 1, 1]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        ),
        (
            "wrong-argument",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Join ['-', a]}}\n",
        ),
        (
            "unknown-function",
            "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: {'Fn::Jion': ['-', [a]]}}}\n",
        ),
    ];
    for (rule, text) in cases {
        let found = errors(text);
        assert!(
            found.iter().any(|it| it == rule),
            "{rule}, not {found:?}: {text}"
        );
    }
}

#[test]
fn legal_neighbours_have_none() {
    let cases = [
        "Transform: AWS::LanguageExtensions\nConditions:\n  'Fn::ForEach::C': [N, [A, B], {'Is${N}': !Equals [1, 1]}]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Transform: AWS::LanguageExtensions\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: {'Fn::ToJsonString': {a: 1}}}}\n",
        "Transform: AWS::LanguageExtensions\nParameters:\n  P: {Type: CommaDelimitedList, Default: 'a,b'}\nConditions:\n  C: !Equals [{'Fn::Length': !Ref P}, 2]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Transform: [AWS::Serverless-2016-10-31]\nResources:\n  T: {Type: AWS::Serverless::SimpleTable}\n",
        "Conditions:\n  A: !And [!Condition B, !Condition C]\n  B: !Not [!Condition D]\n  C: !Not [!Condition D]\n  D: !Equals [1, 1]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Mappings: {M: {a: {b: c}}}\nConditions:\n  A: !Equals [!FindInMap [M, a, b], c]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Parameters: {P: {Type: CommaDelimitedList, Default: 'a,b'}}\nConditions:\n  A: !Equals [!Select [0, !Ref P], a]\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Parameters: {P: {Type: String, Default: a}, V: {Type: 'AWS::EC2::VPC::Id', Default: vpc-12345678}}\nRules:\n  R: {RuleCondition: !Equals [!Ref P, a], Assertions: [{Assert: {'Fn::Contains': [[a, b], !Ref P]}, AssertDescription: d}, {Assert: {'Fn::EachMemberIn': [{'Fn::ValueOfAll': ['AWS::EC2::VPC::Id', Tags.Name]}, {'Fn::RefAll': 'AWS::EC2::VPC::Id'}]}}]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Conditions: {T: !Equals [1, 1]}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Resources:\n  T: {Type: AWS::SNS::Topic}\nOutputs: {T: {Value: !Ref T}}\n",
        "Parameters: {M: {Type: String, Default: a}}\nMappings: {M: {a: {b: c}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Transform: AWS::LanguageExtensions\nMappings: {M: {a: {b: c}}}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !FindInMap [M, x, b, {DefaultValue: z}]}}\n",
        "Conditions: {C: !Equals [1, 1]}\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !If [C, a, !Ref AWS::NoValue]}}\n",
        "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select ['1', [a, b]]}}\n",
        "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [5, !GetAZs '']}}\n",
        "Parameters: {P: {Type: String, Default: '', AllowedPattern: '([a-z]+)?'}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Parameters: {P: {Type: String, Default: abc1, AllowedPattern: '^(?=.*[0-9]).+$'}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Parameters: {P: {Type: String, Default: abc, AllowedPattern: '\\p{Lower}+'}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Parameters: {P: {Type: Number, Default: '1', AllowedValues: [1, 2]}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Mappings: {M: {a.b-1: {c-d: d}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Mappings: {M: {a: {b: [x, y]}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Parameters: {P: {Type: String, Default: p}}\nResources:\n  T: {Type: AWS::SNS::Topic}\nOutputs: {O: {Value: x, Export: {Name: !Join ['-', [!Ref P, !Sub '${AWS::StackName}']]}}}\n",
        "Metadata: {A: text}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Metadata: {A: {b: text}}\nResources:\n  T: {Type: AWS::SNS::Topic, Metadata: {a: text, b: [1]}}\n",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.12, InlineCode: x}}\nOutputs: {R: {Value: !GetAtt FRole.Arn}}\n",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.12, InlineCode: x, Events: {E: {Type: Api, Properties: {Path: /, Method: get}}}}}\nOutputs: {R: {Value: !Sub 'https://${ServerlessRestApi}.execute-api.${AWS::Region}.amazonaws.com/Prod/'}, D: {Value: !Ref ServerlessRestApiProdStage}}\n",
        "Transform: AWS::Serverless-2016-10-31\nResources:\n  F: {Type: AWS::Serverless::Function, Properties: {Handler: a.b, Runtime: python3.12, InlineCode: x, AutoPublishAlias: live}}\nOutputs: {R: {Value: !Ref F.Alias}, V: {Value: !Ref F.Version}, A: {Value: !Ref FAliaslive}}\n",
        "Transform: [MyMacro]\nResources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Nowhere}}\n",
        "Transform: AWS::LanguageExtensions\nResources:\n  'Fn::ForEach::Ts': [N, [A, B], {'Topic${N}': {Type: AWS::SNS::Topic}}]\nOutputs: {O: {Value: !Ref TopicA}}\n",
        "Resources:\n  T: {Type: 'Acme::Web::Thing', Properties: {X: y}}\n",
        "Mappings: {M: {a: {b: 1, c: true}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Mappings: {M: {'Fn::Transform': {Name: 'AWS::Include', Parameters: {Location: 's3://b/k'}}}}\nResources:\n  T: {Type: AWS::SNS::Topic}\n",
        "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${!Nowhere}'}}\n",
        "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub ['${A}', {A: x}]}}\n",
        "Resources:\n  T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Join ['-', !Split [',', 'a,b']]}}\n",
    ];
    for text in cases {
        assert!(errors(text).is_empty(), "{:?}: {text}", errors(text));
    }
}
