//! Tests of the effect, the cause and the lines of each difference.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use indexmap::IndexMap;
use insta::assert_snapshot;

use super::*;
use crate::diagnostic::SourceFile;

const NAMES: [&str; 2] = ["old", "new"];

fn parse(text: &str) -> Template {
    Template::parse(&SourceFile::new("stack.yaml", text)).unwrap()
}

/// Returns the comparison of two texts, one line per difference.
fn show(before: &str, after: &str) -> String {
    let (before, after) = (parse(before), parse(after));
    let unknown = IndexMap::new();
    let sides = [&before, &after].map(|template| Side::new(template, &unknown));
    let comparison = Comparison::of_templates(sides[0], sides[1], None, NAMES.map(str::to_owned));
    let place = |places: &[Option<Place>; 2]| {
        let line = |place: &Option<Place>| place.as_ref().map_or(0, |place| place.line);
        format!("{}→{}", line(&places[0]), line(&places[1]))
    };
    let because = |cause: &Option<String>| {
        cause
            .as_ref()
            .map_or(String::new(), |cause| format!(" ({cause})"))
    };
    let mut text = String::new();
    for entry in &comparison.template {
        let name = entry.name.unwrap_or(entry.section);
        let status = entry
            .status
            .map_or("Same".to_owned(), |status| format!("{status:?}"));
        text += &format!(
            "{status} {name} {}{} {}{}\n",
            entry.effect.as_str(),
            because(&entry.cause),
            place(&entry.places),
            if entry.touches.is_empty() {
                String::new()
            } else {
                format!(" touches {}", entry.touches.join(", "))
            }
        );
        for row in &entry.rows {
            text += &format!(
                "  {} {}{} {}\n",
                row.shown_path,
                row.effect.as_str(),
                because(&row.cause),
                place(&row.places)
            );
        }
    }
    for limit in &comparison.limits {
        text += &format!("limit: {limit}\n");
    }
    text
}

const STACK: &str = "
Parameters:
  Size: { Type: String, Default: small }
  Env: { Type: String }
Mappings:
  Memory: { small: { MB: '128' }, large: { MB: '256' } }
Conditions:
  Live: !Equals [!Ref Env, live]
  Big: !Equals [!Ref Size, large]
Resources:
  Topic:
    Type: AWS::SNS::Topic
    Properties:
      TopicName: one
      DisplayName: !Ref Size
      Tags: [{ Key: owner, Value: me }]
  Name:
    Type: AWS::SSM::Parameter
    Properties: { Name: !Ref Topic, Type: String, Value: x }
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      MemorySize: !FindInMap [Memory, !Ref Size, MB]
      Description: !Join ['-', [a, !Ref Env]]
  Spare:
    Type: AWS::S3::Bucket
    Condition: Big
    DeletionPolicy: Retain
    Properties: { BucketName: spare }
  OnlyLive:
    Type: AWS::S3::Bucket
    Condition: Live
";

#[test]
fn each_difference_has_its_effect_its_cause_and_its_lines() {
    let after = STACK
        .replace("TopicName: one", "TopicName: two")
        .replace("Value: me", "Value: you")
        .replace("!Join ['-', [a, !Ref Env]]", "!Sub 'a-${Env}'")
        .replace(
            "Condition: Live\n",
            "Condition: Live\n    DependsOn: Topic\n",
        );
    assert_snapshot!(show(STACK, &after), @r"
    Modified Handler none (the values stay the same) 20→20
      Description.Fn::Join none (the value stays the same) 24→0
      Description.Fn::Sub none (the value stays the same) 0→24
    Modified OnlyLive none (only changes the order of operations) 30→30
      DependsOn none (only changes the order of operations) 0→33
    Modified Topic replace 11→11
      Tags.owner update 16→16
      TopicName replace (create-only property) 14→14
    Same Name replace 0→17
      Name replace (because `Topic` is replaced) 0→0
    limit: the values of these parameters are not known: `Env`
    ");
}

#[test]
fn a_changed_default_lists_the_resources_that_it_changes() {
    assert_snapshot!(show(STACK, &STACK.replace("Default: small", "Default: large")), @r"
    Modified Size none 3→3 touches Handler, Spare, Topic
      Default none 3→3
    Same Handler update 0→20
      MemorySize update (because parameter `Size` changed) 0→0
    Same Spare add (because parameter `Size` changed) 0→25
    Same Topic update 0→11
      DisplayName update (because parameter `Size` changed) 0→0
    limit: the values of these parameters are not known: `Env`
    ");
}

#[test]
fn changed_mappings_and_conditions_list_the_resources_that_they_change() {
    let after = STACK
        .replace("'128'", "'512'")
        .replace("Env, live", "Env, prod");
    assert_snapshot!(show(STACK, &after), @r"
    Modified Memory none 6→6 touches Handler
      small.MB none 6→6
    Modified Live none 8→8 touches OnlyLive
      Fn::Equals[1] none 8→8
    Same Handler update 0→20
      MemorySize update (because mapping `Memory` changed) 0→0
    Same OnlyLive may_change 0→30
      Condition may_change (because condition `Live` changed) 0→0
    limit: the values of these parameters are not known: `Env`
    ");
    // An entry of the mapping that is not used.
    assert_snapshot!(show(STACK, &STACK.replace("'256'", "'512'")), @r"
    Modified Memory none 6→6
      large.MB none 6→6
    limit: the values of these parameters are not known: `Env`
    ");
}

#[test]
fn a_resource_with_a_false_condition_does_not_change() {
    let after = STACK
        .replace("BucketName: spare", "BucketName: other")
        .replace(
            "Default: small",
            "Default: small\n    Description: of the stack",
        );
    assert_snapshot!(show(STACK, &after.replace("{ Type: String, Default: small\n    Description: of the stack }", "{ Type: String, Default: small, Description: d }")), @r"
    Modified Size none 3→3
      Description none 0→3
    Modified Spare none (the condition is false, or the values stay the same) 25→25
      BucketName none (the value stays the same) 29→29
    limit: the values of these parameters are not known: `Env`
    ");
}

#[test]
fn a_resource_that_a_condition_adds_or_removes_is_not_only_modified() {
    let after = STACK
        .replace("BucketName: spare", "BucketName: other")
        .replace("Default: small", "Default: large");
    assert_snapshot!(show(STACK, &after), @r"
    Modified Size none 3→3 touches Handler, Spare, Topic
      Default none 3→3
    Modified Spare add (because parameter `Size` changed) 25→25
      BucketName none 29→29
    Same Handler update 0→20
      MemorySize update (because parameter `Size` changed) 0→0
    Same Topic update 0→11
      DisplayName update (because parameter `Size` changed) 0→0
    limit: the values of these parameters are not known: `Env`
    ");
    assert_snapshot!(show(&after, STACK), @r"
    Modified Size none 3→3 touches Handler, Spare, Topic
      Default none 3→3
    Modified Spare remove (because parameter `Size` changed, policy Retain) 25→25
      BucketName none 29→29
    Same Handler update 0→20
      MemorySize update (because parameter `Size` changed) 0→0
    Same Topic update 0→11
      DisplayName update (because parameter `Size` changed) 0→0
    limit: the values of these parameters are not known: `Env`
    ");
    // The condition of the resource itself is edited.
    let after = STACK
        .replace(
            "Type: AWS::SNS::Topic\n",
            "Type: AWS::SNS::Topic\n    Condition: Big\n",
        )
        .replace("TopicName: one", "TopicName: two");
    assert_snapshot!(show(STACK, &after), @r"
    Modified Topic remove (because its `Condition` changed) 11→11
      Condition remove 0→13
      TopicName none 14→15
    limit: the values of these parameters are not known: `Env`
    ");
}

#[test]
fn a_computed_policy_is_evaluated_or_called_unknown() {
    let stack = "
Parameters:
  Policy: { Type: String, Default: Delete }
  Kind: { Type: String }
Resources:
  Kept: { Type: AWS::SNS::Topic }
  Gone: { Type: AWS::RDS::DBInstance, DeletionPolicy: !Ref Policy }
  Retained: { Type: AWS::DynamoDB::Table, DeletionPolicy: !If [Keep, Retain, Delete] }
  Unknown: { Type: AWS::DynamoDB::Table, DeletionPolicy: !Ref Kind }
  Replaced: { Type: AWS::DynamoDB::Table, UpdateReplacePolicy: !Ref Kind, Properties: { TableName: one } }
Conditions:
  Keep: !Equals [!Ref Policy, Delete]
";
    let after = "
Parameters:
  Kind: { Type: String }
Resources:
  Kept: { Type: AWS::SNS::Topic }
  Replaced: { Type: AWS::DynamoDB::Table, UpdateReplacePolicy: !Ref Kind, Properties: { TableName: two } }
";
    assert_snapshot!(show(stack, after), @r"
    Removed Policy none 3→0 touches Gone, Retained
    Removed Keep none 12→0 touches Retained
    Removed Gone remove 7→0
    Modified Replaced replace (its `UpdateReplacePolicy` is not known) 10→6
      TableName replace (create-only property) 10→6
    Removed Retained remove (policy Retain) 8→0
    Removed Unknown remove (its `DeletionPolicy` is not known) 9→0
    limit: the values of these parameters are not known: `Kind`
    ");
}

#[test]
fn references_to_a_removed_entry_are_named() {
    let before = "
Parameters:
  P: { Type: String, Default: x }
Mappings:
  M: { a: { b: c } }
Conditions:
  C: !Equals [!Ref P, x]
Resources:
  Gone: { Type: AWS::SNS::Topic }
  Free: { Type: AWS::SNS::Topic }
  User:
    Type: AWS::SNS::Topic
    DependsOn: Gone
    Condition: C
    Properties:
      DisplayName: !Sub '${Gone}-${Gone.TopicName}-${P}'
      TopicName: !FindInMap [M, a, b]
Outputs:
  Name: { Value: !GetAtt Gone.TopicName }
";
    let gone = [
        "Parameters",
        "  P",
        "Mappings",
        "  M",
        "Conditions",
        "  C",
        "  Gone",
        "  Free",
    ];
    let is_gone = |line: &&str| gone.iter().any(|it| line.starts_with(&format!("{it}:")));
    let after: Vec<&str> = before.lines().filter(|line| !is_gone(line)).collect();
    let after = after.join("\n");
    let (before, after) = (parse(before), parse(&after));
    let unknown = IndexMap::new();
    let sides = [&before, &after].map(|template| Side::new(template, &unknown));
    let comparison = Comparison::of_templates(sides[0], sides[1], None, NAMES.map(str::to_owned));
    let mut text = String::new();
    for entry in &comparison.template {
        for it in &entry.dangling {
            let name = entry.name.unwrap_or_default();
            text += &format!("{name}: {}.{} {}\n", it.section, it.name, it.place.line);
        }
    }
    assert_snapshot!(text, @r"
    P: Resources.User 8
    M: Resources.User 9
    C: Resources.User 6
    Gone: Resources.User 5
    Gone: Resources.User 8
    Gone: Outputs.Name 11
    ");
}

#[test]
fn transforms_and_loops_limit_the_prediction() {
    let before = "Transform: AWS::LanguageExtensions\nResources:\n  Fn::ForEach::Each: [X, [a, b], { 'R${X}': { Type: AWS::SNS::Topic } }]\n";
    assert_snapshot!(show(before, &before.replace("[a, b]", "[a, b, c]")), @r"
    Modified Fn::ForEach::Each may_change (the resources that the loop creates are not known) 3→3
      [1] may_change 0→3
      [1] may_change 3→0
    limit: the transform `AWS::LanguageExtensions` may change the resources
    ");
}

/// Returns the CPU time of this thread, which does not depend on other programs; `None` if the system
/// does not provide it.
fn cpu_time() -> Option<Duration> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    let nanoseconds = text.split_whitespace().next()?.parse().ok()?;
    Some(Duration::from_nanos(nanoseconds))
}

/// Two comparisons of 500 resources take about as long as twenty of 50.
#[test]
fn the_time_grows_with_the_number_of_resources() {
    let stack = |count: usize, version: usize| {
        let mut text = "Resources:\n".to_owned();
        for number in 0..count {
            let previous = number.saturating_sub(1);
            text += &format!(
                "  R{number}:\n    Type: AWS::SNS::Topic\n    Properties:\n      TopicName: t{number}v{version}\n      DisplayName: !Ref R{previous}\n      Tags: [{{ Key: a, Value: {number} }}]\n"
            );
        }
        parse(&text)
    };
    let time = |count: usize, runs: usize| {
        let (before, after) = (stack(count, 1), stack(count, 2));
        let unknown = IndexMap::new();
        let start = cpu_time()?;
        for _ in 0..runs {
            let sides = [&before, &after].map(|template| Side::new(template, &unknown));
            let names = NAMES.map(str::to_owned);
            let comparison = Comparison::of_templates(sides[0], sides[1], None, names);
            assert_eq!(comparison.count(), count);
            // The comparison predicts on another thread, whose time is not included.
            assert_eq!(predict(Some(sides[0]), sides[1]).len(), count);
        }
        cpu_time()?.checked_sub(start)
    };
    if let (Some(few), Some(many)) = (time(50, 20), time(500, 2)) {
        assert!(
            many < few * 4,
            "20 × 50 resources in {few:?}, 2 × 500 in {many:?}"
        );
    }
}

#[test]
fn keys_with_slashes_tildes_or_only_digits_are_listed_once() {
    let text = |value: &str| {
        format!(
            "Resources:\n  A:\n    Type: AWS::ApiGateway::Method\n    Properties:\n      \
             MethodResponses:\n      - ResponseModels:\n          application/json: {value}\n          \
             a~1b: {value}\n          '/': {value}\n          '404': {value}\n          \
             '80': {{'0': {value}}}\n"
        )
    };
    assert_snapshot!(show(&text("Empty"), &text("Full")), @r"
    Modified A update 2→2
      MethodResponses[0].ResponseModels./ update 9→9
      MethodResponses[0].ResponseModels.404 update 10→10
      MethodResponses[0].ResponseModels.80.0 update 11→11
      MethodResponses[0].ResponseModels.application/json update 7→7
      MethodResponses[0].ResponseModels.a~1b update 8→8
    ");
    // A key that looks like the escaped form of another one is another key.
    let one = text("Empty").replace("a~1b: Empty", "a~1b: Empty\n          a/b: Empty");
    let other = one.replace("a/b: Empty", "a/b: Full");
    assert_snapshot!(show(&one, &other), @r"
    Modified A update 2→2
      MethodResponses[0].ResponseModels.a/b update 9→9
    ");
}
