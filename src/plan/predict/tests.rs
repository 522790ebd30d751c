use indexmap::IndexMap;

use super::{Side, complete, predict};
use crate::cloudformation::change_set::{Action, Change, Replacement};
use crate::diagnostic::SourceFile;
use crate::template::Template;

fn template(text: &str) -> Template {
    Template::parse(&SourceFile::new("t", text)).unwrap_or_else(|found| panic!("{found:?}\n{text}"))
}

fn values(pairs: &[(&str, &str)]) -> IndexMap<String, String> {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
        .collect()
}

/// Returns a change in one line: id, action, replacement, then its details.
fn line(change: &Change) -> String {
    let replacement = change.replacement.as_ref().map_or("-", Replacement::as_str);
    let details = change.details.iter().map(|detail| {
        let path = detail.path.as_deref().or(detail.attribute.as_deref());
        let cause = detail.causing_entity.as_deref();
        format!(
            " {}{}{}",
            path.unwrap_or_default().trim_start_matches("/Properties/"),
            if detail.evaluation.as_deref() == Some("Dynamic") {
                "?"
            } else {
                ""
            },
            cause.map_or(String::new(), |cause| format!("<{cause}"))
        )
    });
    let details: String = details.collect();
    format!(
        "{} {} {replacement}{details}",
        change.logical_id, change.action
    )
}

fn lines(before: &str, then: &[(&str, &str)], after: &str, now: &[(&str, &str)]) -> Vec<String> {
    let (before, after) = (template(before), template(after));
    let (then, now) = (values(then), values(now));
    let before = Side {
        template: &before,
        parameters: &then,
    };
    let after = Side {
        template: &after,
        parameters: &now,
    };
    predict(Some(before), after).iter().map(line).collect()
}

const STACK: &str = "
Parameters:
  Name: { Type: String, Default: one }
  Extra: { Type: String, Default: 'no' }
Conditions:
  HasExtra: !Equals [!Ref Extra, 'yes']
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties: { TopicName: !Ref Name, DisplayName: hello }
  ByName:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Ref Topic, Type: String, Value: x }
  ByAttribute:
    Type: AWS::SSM::Parameter
    Properties: { Type: String, Value: !Sub 'x ${Topic.TopicName}' }
  Extra:
    Type: AWS::SNS::Topic
    Condition: HasExtra
    DeletionPolicy: Retain
";

#[test]
fn equal_templates_predict_no_changes() {
    assert_eq!(lines(STACK, &[], STACK, &[("Name", "one")]), [""; 0]);
    let with_dependency = STACK.replace(
        "  Extra:\n    Type",
        "  Extra:\n    DependsOn: Topic\n    Type",
    );
    assert_eq!(lines(STACK, &[], &with_dependency, &[]), [""; 0]);
}

#[test]
fn a_replacement_propagates_along_references() {
    assert_eq!(
        lines(STACK, &[], STACK, &[("Name", "two")]),
        [
            "ByAttribute Modify False Value<Topic.TopicName",
            "ByName Modify True Name<Topic",
            "Topic Modify True TopicName<Name",
        ]
    );
}

#[test]
fn an_update_may_change_attributes_but_never_a_ref() {
    assert_eq!(
        lines(STACK, &[], &STACK.replace("hello", "bye"), &[]),
        [
            "ByAttribute Modify False Value?<Topic.TopicName",
            "Topic Modify False DisplayName",
        ]
    );
}

#[test]
fn an_updated_custom_resource_may_get_another_physical_id() {
    let stack = "
Parameters:
  Name: { Type: String }
Resources:
  Custom:
    Type: Custom::Names
    Properties: { ServiceToken: arn, Name: !Ref Name }
  Named:
    Type: AWS::SNS::Topic
    Properties: { TopicName: !Ref Custom }
  Shown:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: !Ref Custom }
";
    let found = lines(stack, &[("Name", "a")], stack, &[("Name", "b")]);
    assert_eq!(
        found,
        [
            "Custom Modify False Name<Name",
            "Named Modify Conditional TopicName?<Custom",
            "Shown Modify False DisplayName?<Custom",
        ]
    );
}

#[test]
fn conditions_add_and_remove() {
    assert_eq!(
        lines(STACK, &[], STACK, &[("Extra", "yes")]),
        ["Extra Add -"]
    );
    let now = template(STACK);
    let (with, without) = (values(&[("Extra", "yes")]), values(&[]));
    let side = |parameters| Side {
        template: &now,
        parameters,
    };
    let changes = predict(Some(side(&with)), side(&without));
    let actual: Vec<_> = changes
        .iter()
        .map(|change| (line(change), change.policy_action.as_deref()))
        .collect();
    assert_eq!(actual, [("Extra Remove -".to_owned(), Some("Retain"))]);

    let none = values(&[]);
    let databases = template("Resources: {Data: {Type: 'AWS::RDS::DBCluster'}}");
    let changes = predict(
        Some(Side::new(&databases, &none)),
        Side::new(&template("Resources: {}"), &none),
    );
    let [change] = changes.as_slice() else {
        panic!("{changes:?}")
    };
    assert_eq!(change.policy_action.as_deref(), Some("Snapshot"));
}

#[test]
fn without_a_template_before_everything_is_added() {
    let now = template(STACK);
    let parameters = values(&[]);
    let changes = predict(
        None,
        Side {
            template: &now,
            parameters: &parameters,
        },
    );
    assert_eq!(
        changes.iter().map(line).collect::<Vec<_>>(),
        ["ByAttribute Add -", "ByName Add -", "Topic Add -"]
    );
}

#[test]
fn a_conditional_replacement_propagates_as_conditional() {
    let before = "
Resources:
  A:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: x }
  B:
    Type: AWS::SNS::Topic
    Properties: { TopicName: !GetAtt A.TopicName }
  C:
    Type: AWS::SNS::Topic
    Properties: { TopicName: !Ref B }
";
    assert_eq!(
        lines(before, &[], &before.replace(": x", ": y"), &[]),
        [
            "A Modify False DisplayName",
            "B Modify Conditional TopicName?<A.TopicName",
            "C Modify Conditional TopicName?<B",
        ]
    );
}

#[test]
fn the_prediction_ends_if_references_have_a_cycle() {
    let before = "
Resources:
  A:
    Type: AWS::SNS::Topic
    Properties: { TopicName: !Ref B, DisplayName: x }
  B:
    Type: AWS::SNS::Topic
    Properties: { TopicName: !Ref A }
";
    let after = before.replace("DisplayName: x", "FifoTopic: true");
    assert_eq!(lines(before, &[], &after, &[]).len(), 2);
}

#[test]
fn unknown_values_are_compared_by_their_inputs() {
    let before = "
Parameters:
  Size: { Type: String }
Mappings:
  Names: { small: { Name: a, Other: x }, large: { Name: b, Other: y } }
Conditions:
  Big: !Equals [!Ref Size, large]
Resources:
  ByMap:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: !FindInMap [Names, !Ref Size, Name] }
  ByCondition:
    Type: AWS::SNS::Topic
    Properties: { DisplayName: !If [Big, a, b] }
  Perhaps:
    Type: AWS::SNS::Topic
    Condition: Big
";
    let cases = [
        (
            "Name: b",
            "Name: c",
            &["ByMap Modify False DisplayName"][..],
        ),
        ("Other: y", "Other: z", &[]),
        (
            "!Equals [!Ref Size, large]",
            "!Not [!Equals [!Ref Size, small]]",
            &[
                "ByCondition Modify False DisplayName",
                "Perhaps Dynamic - Condition?<Big",
            ],
        ),
        (
            "Big: !Equals [!Ref Size, large]",
            "Same: !Equals [!Ref Size, large]\n  Big: !Condition Same",
            &[],
        ),
        (
            "!Equals [!Ref Size, large]",
            "!Equals [1, 2]",
            &["ByCondition Modify False DisplayName", "Perhaps Remove -"],
        ),
    ];
    for (old, new, expected) in cases {
        let after = before.replace(old, new);
        assert_eq!(lines(before, &[], &after, &[]), expected, "{new}");
    }
}

#[test]
fn sets_have_no_order() {
    let before = "
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties: { ManagedPolicyArns: [a, b] }
";
    assert_eq!(
        lines(before, &[], &before.replace("a, b", "b, a"), &[]),
        [""; 0]
    );
    assert_eq!(
        lines(before, &[], &before.replace("a, b", "b, c"), &[]).len(),
        1
    );
}

#[test]
fn nested_conditions_are_evaluated_only_once() {
    let mut text =
        "Parameters: { P: { Type: String } }\nConditions:\n  C0: !Equals [!Ref P, a]\n".to_owned();
    for step in 1..60 {
        let before = step - 1;
        text += &format!("  C{step}: !And [!Condition C{before}, !Condition C{before}]\n");
    }
    text += "Resources: { R: { Type: T, Condition: C59 } }\n";
    assert_eq!(lines(&text, &[], &text, &[("P", "b")]), ["R Remove -"]);
}

#[test]
fn complete_adds_only_missing_replacements() {
    let of = |key: &str| {
        let text = "Resources: {T: {Type: AWS::DynamoDB::Table, Properties: {TableName: KEY}}}";
        template(&text.replace("KEY", key))
    };
    let (before, after, none) = (of("a"), of("b"), values(&[]));
    let [before, after] = [&before, &after].map(|template| Side {
        template,
        parameters: &none,
    });
    let change = |action, replacement| Change {
        logical_id: "T".to_owned(),
        action,
        replacement,
        ..Change::default()
    };
    for (mut change, completed, expected) in [
        (change(Action::Modify, None), true, "T Modify True"),
        (
            change(Action::Modify, Some(Replacement::False)),
            false,
            "T Modify False",
        ),
        (change(Action::Remove, None), false, "T Remove -"),
    ] {
        let was_incomplete = complete(std::slice::from_mut(&mut change), before, after);
        assert_eq!(
            (was_incomplete, line(&change).as_str()),
            (completed, expected)
        );
    }
}

const SERVERLESS: &str = "
Transform: AWS::Serverless-2016-10-31
Globals:
  Function:
    Runtime: python3.13
    Layers: [a]
    Environment: { Variables: { COMMON: one } }
Resources:
  Plain:
    Type: AWS::Serverless::Function
    Properties: { Handler: a.b, Environment: { Variables: { OWN: two } } }
  Other:
    Type: AWS::Serverless::Function
    Properties: { Handler: a.b, Runtime: nodejs22.x, Layers: [b] }
  Alone:
    Type: AWS::Serverless::Function
    IgnoreGlobals: [Runtime, Layers, Environment]
    Properties: { Handler: a.b, Runtime: nodejs22.x }
  Table:
    Type: AWS::Serverless::SimpleTable
    Properties: { TableName: items }
";

#[test]
fn globals_change_the_functions_that_use_them() {
    let cases = [
        (
            "python3.13",
            "python3.14",
            vec!["Plain Modify False Runtime"],
        ),
        (
            "COMMON: one",
            "COMMON: two",
            vec![
                "Other Modify False Environment/Variables/COMMON",
                "Plain Modify False Environment/Variables/COMMON",
            ],
        ),
        (
            "[a]",
            "[c]",
            vec!["Other Modify False Layers/0", "Plain Modify False Layers/0"],
        ),
        (
            "OWN: two",
            "OWN: three",
            vec!["Plain Modify False Environment/Variables/OWN"],
        ),
    ];
    for (from, to, expected) in cases {
        let after = SERVERLESS.replace(from, to);
        assert_eq!(lines(SERVERLESS, &[], &after, &[]), expected, "{to}");
    }
}

#[test]
fn serverless_resource_is_replaced_with_the_one_that_it_becomes() {
    let after = SERVERLESS.replace("items", "other");
    assert_eq!(
        lines(SERVERLESS, &[], &after, &[]),
        ["Table Modify True TableName"]
    );
}
