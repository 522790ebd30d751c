//! Every combination of changes inside and outside of code.

use proptest::prelude::*;

use super::Case;

/// The places of a template that may differ: what stands there before, what may stand there after, and
/// whose it is: a function, `all` if nothing may be swapped, or `none`.
const PLACES: [(&str, &str, &str, &str); 17] = [
    ("One", "demo/one/old.zip", "demo/one/new.zip", "key"),
    ("Two", "demo/two/old.zip", "demo/two/new.zip", "key"),
    ("One", "Timeout: 3", "Timeout: 4", "part"),
    ("One", "Zone: a", "Zone: b", "part"),
    ("One", "a-mapped", "b-mapped", "part"),
    ("Two", "Runtime: python3.12", "Runtime: python3.13", "part"),
    ("Two", "Kind: { }", "Kind: { a: b }", "part"),
    ("Two", "Retain", "Delete", "part"),
    ("Two", "a-parameter", "b-parameter", "part"),
    ("all", "a-statement", "b-statement", "part"),
    ("all", "PAY_PER_REQUEST", "PROVISIONED", "part"),
    ("all", "https://a", "https://b", "part"),
    ("all", "lambda:InvokeFunction", "lambda:*", "part"),
    ("none", "DisplayName: hello", "DisplayName: bye", "part"),
    ("none", "a-description", "b-description", "part"),
    ("none", "a-output", "b-output", "part"),
    ("none", "a-wait", "b-wait", "part"),
];

const RICH: &str = r#"
Description: a-description
Parameters:
  Given: { Type: String, Default: a-parameter }
Mappings:
  Map: { x: { y: a-mapped } }
Resources:
  One:
    Type: AWS::Lambda::Function
    Properties:
      Timeout: 3
      Environment: { Variables: { Zone: a, Mapped: !FindInMap [Map, x, y] } }
      Code: { S3Bucket: artifacts, S3Key: demo/one/old.zip }
  Two:
    Type: AWS::Lambda::Function
    DeletionPolicy: Retain
    Metadata: { Kind: { } }
    Properties:
      Runtime: python3.12
      Description: !Sub "${Given}"
      Code: { S3Bucket: artifacts, S3Key: demo/two/old.zip }
  Policy:
    Type: AWS::IAM::ManagedPolicy
    Properties: { PolicyDocument: { Statement: a-statement } }
  Table:
    Type: AWS::DynamoDB::Table
    Properties: { BillingMode: PAY_PER_REQUEST }
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties: { TemplateURL: https://a }
  Permission:
    Type: AWS::Lambda::Permission
    Properties: { FunctionName: !Ref One, Action: lambda:InvokeFunction }
  Mapping:
    Type: AWS::Lambda::EventSourceMapping
    Properties: { FunctionName: !GetAtt Two.Arn, Queues: [a-wait] }
  Topic:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: hello }
Outputs:
  Out: { Value: a-output }
"#;

proptest! {
    #[test]
    fn no_change_outside_of_code_is_ever_swapped(
        chosen in proptest::collection::vec(any::<bool>(), PLACES.len()),
    ) {
        let mut case = Case::new(RICH);
        for ((_, old, new, _), _) in PLACES.iter().zip(&chosen).filter(|(_, is)| **is) {
            case = case.edit(old, new);
        }
        let decision = case.decide();
        let differs = |whose: &str, kind: &str| {
            let mut places = PLACES.iter().zip(&chosen);
            places.any(|((owner, .., of), is)| *is && *owner == whose && *of == kind)
        };
        for id in ["One", "Two"] {
            let expected = differs(id, "key") && !differs(id, "part") && !differs("all", "part");
            let is_swapped = decision.functions.iter().any(|it| it == id);
            prop_assert_eq!(is_swapped, expected, "{} {:?}", id, &decision);
            let has_reason = decision.others.iter().any(|it| it.starts_with(&format!("`{id}`")));
            let needs = differs(id, "part") && !differs("all", "part");
            prop_assert_eq!(has_reason, needs, "{} {:?}", id, &decision);
        }
        let is_blocked = differs("all", "part");
        prop_assert_eq!(
            decision.others.first().is_some_and(|it| it.starts_with("no code is sent")),
            is_blocked,
            "{:?}",
            &decision
        );
    }
}
