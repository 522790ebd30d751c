use indexmap::IndexMap;

use super::suggest;
use crate::diagnostic::SourceFile;
use crate::plan::predict::{Side, predict};
use crate::template::Template;

/// The resources before and after, and what is suggested.
const CASES: [(&str, &str, &[&str]); 23] = [
    (
        "  A: {Type: AWS::SNS::Topic}\n",
        "  B: {Type: AWS::SNS::Topic}\n",
        &["A → B"],
    ),
    (
        "  A: {Type: AWS::SNS::Topic}\n",
        "  B: {Type: AWS::SNS::Topic, Properties: {}}\n",
        &["A → B"],
    ),
    // Other attributes than the properties may change in the next deployment.
    (
        "  A: {Type: AWS::S3::Bucket, Properties: {BucketName: x, Tags: [{Key: a, Value: 1}]}}\n",
        "  B: {DeletionPolicy: Retain, Type: AWS::S3::Bucket, Properties: {Tags: [{Value: '1', Key: a}], BucketName: x}}\n",
        &["A → B"],
    ),
    (
        "  A: {Type: AWS::SNS::Topic}\n",
        "  B: {Type: AWS::SQS::Queue}\n",
        &[],
    ),
    (
        "  A: {Type: AWS::SNS::Topic}\n",
        "  A: {Type: AWS::SNS::Topic}\n",
        &[],
    ),
    // Several are equal.
    (
        "  A: {Type: AWS::SNS::Topic}\n",
        "  B: {Type: AWS::SNS::Topic}\n  C: {Type: AWS::SNS::Topic}\n",
        &["A → B?", "A → C?"],
    ),
    // Two renames at once, told apart by their properties.
    (
        "  A: {Type: T, Properties: {N: 1}}\n  B: {Type: T, Properties: {N: 2}}\n",
        "  D: {Type: T, Properties: {N: 2}}\n  C: {Type: T, Properties: {N: 1}}\n",
        &["A → C", "B → D"],
    ),
    // References to renamed resources count as equal, also in a circle and in each form.
    (
        "  A: {Type: T, Properties: {P: !GetAtt B.Arn, S: !Sub 'x-${B}-${B.Arn}-${AWS::Region}'}}\n  \
               B: {Type: U, Properties: {P: !Ref A, Q: !Join ['', [!Ref A]]}}\n",
        "  C: {Type: T, Properties: {P: {Fn::GetAtt: [D, Arn]}, S: !Sub 'x-${D}-${D.Arn}-${AWS::Region}'}}\n  \
               D: {Type: U, Properties: {P: !Ref C, Q: !Join ['', [!Ref C]]}}\n",
        &["A → C", "B → D"],
    ),
    // A reference to a resource that only one side has.
    (
        "  A: {Type: T, Properties: {P: !Ref X}}\n  X: {Type: U}\n",
        "  B: {Type: T, Properties: {P: !Ref Y}}\n  Y: {Type: V}\n",
        &[],
    ),
    (
        "  A: {Type: T, Properties: {P: !Sub '${X}'}}\n  X: {Type: U}\n  Y: {Type: U}\n",
        "  B: {Type: T, Properties: {P: !Sub '${Y}'}}\n  X: {Type: U}\n  Y: {Type: U}\n",
        &[],
    ),
    // The pairs of the references tell equal resources apart.
    (
        "  A: {Type: T, Properties: {P: !Ref X}}\n  X: {Type: U, Properties: {N: 1}}\n",
        "  B: {Type: T, Properties: {P: !Ref Y}}\n  C: {Type: T, Properties: {P: !Ref Z}}\n  \
               Y: {Type: U, Properties: {N: 1}}\n  Z: {Type: U, Properties: {N: 2}}\n",
        &["A → B", "X → Y"],
    ),
    // Data first.
    (
        "  A: {Type: AWS::SNS::Topic}\n  Z: {Type: AWS::SQS::Queue}\n",
        "  B: {Type: AWS::SNS::Topic}\n  Y: {Type: AWS::SQS::Queue}\n",
        &["Z → Y", "A → B"],
    ),
    // An exchange of ids removes &[].
    (
        "  A: {Type: AWS::SQS::Queue, Properties: {QueueName: a}}\n  B: {Type: AWS::SQS::Queue, Properties: {QueueName: b}}\n",
        "  A: {Type: AWS::SQS::Queue, Properties: {QueueName: b}}\n  B: {Type: AWS::SQS::Queue, Properties: {QueueName: a}}\n",
        &[],
    ),
    // Something else differs too: said only if data is lost and most is the same.
    (
        "  A: {Type: AWS::SQS::Queue, Properties: {QueueName: a, DelaySeconds: 1}}\n",
        "  B: {Type: AWS::SQS::Queue, Properties: {QueueName: a, DelaySeconds: 2}}\n",
        &["A → B (DelaySeconds)"],
    ),
    (
        "  A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1, MaximumMessageSize: 1024}}\n",
        "  B: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 2, MaximumMessageSize: 1024}}\n",
        &["A → B (DelaySeconds)"],
    ),
    (
        "  A: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 1}}\n",
        "  B: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 2, MaximumMessageSize: 1024}}\n",
        &[],
    ),
    (
        "  A: {Type: AWS::SQS::Queue, Properties: {QueueName: a, DelaySeconds: 1}}\n",
        "  B: {Type: AWS::SQS::Queue, Properties: {QueueName: b, DelaySeconds: 1}}\n",
        &[],
    ),
    (
        "  A: {Type: AWS::SNS::Topic, Properties: {TopicName: a, DisplayName: 1}}\n",
        "  B: {Type: AWS::SNS::Topic, Properties: {TopicName: a, DisplayName: 2}}\n",
        &[],
    ),
    // A new id on purpose.
    (
        "  A1: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: x}}\n",
        "  A2: {Type: AWS::ApiGateway::Deployment, Properties: {RestApiId: x}}\n",
        &[],
    ),
    // Stack refactoring would refuse it.
    (
        "  A: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref AWS::StackName}}\n",
        "  B: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref AWS::StackName}}\n",
        &[],
    ),
    (
        "  A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${AWS::StackName}-q'}}\n",
        "  B: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub '${AWS::StackName}-q'}}\n",
        &["A → B !"],
    ),
    (
        "  A: {Type: T, Properties: {P: !Sub 'a${X}b'}}\n",
        "  B: {Type: T, Properties: {P: !Sub 'a${X}'}}\n",
        &[],
    ),
    (
        "  A: {Type: T, Properties: {P: !Sub ['${X}', {X: !Ref A}]}}\n",
        "  B: {Type: T, Properties: {P: !Sub ['${X}', {X: !Ref B}]}}\n",
        &["A → B"],
    ),
];

/// Returns each suggestion as `from → to`, with what is special about it.
fn suggested(before: &str, after: &str) -> Vec<String> {
    let parse = |text: &str| {
        let text = format!("Resources:\n{text}");
        let parsed = Template::parse_deployed(&SourceFile::new("t", text));
        parsed.unwrap_or_else(|found| panic!("{found:?}"))
    };
    let (before, after) = (parse(before), parse(after));
    let none = IndexMap::new();
    let changes = predict(Some(Side::new(&before, &none)), Side::new(&after, &none));
    let found = suggest(&changes, &before, &after, &[]);
    let texts = found.into_iter().map(|it| {
        let ambiguous = if it.is_ambiguous { "?" } else { "" };
        let differs = if it.differs.is_empty() {
            String::new()
        } else {
            format!(" ({})", it.differs.join(", "))
        };
        let obstacle = it.obstacle.map_or("", |_| " !");
        format!("{} → {}{ambiguous}{differs}{obstacle}", it.from, it.to)
    });
    texts.collect()
}

#[test]
fn equal_resources_of_a_type_are_suggested_if_they_are_unique() {
    for (before, after, expected) in CASES {
        assert_eq!(suggested(before, after), expected, "{before}{after}");
    }
}

#[test]
fn many_resources_are_compared_in_no_time() {
    let many = |name: &str, count: usize| {
        let lines = (0..count)
            .map(|number| format!("  {name}{number}: {{Type: T, Properties: {{P: {number}}}}}\n"));
        lines.collect::<String>()
    };
    assert_eq!(suggested(&many("A", 90), &many("B", 90)).len(), 90);
    assert_eq!(suggested(&many("A", 400), &many("B", 400)).len(), 0);
}
