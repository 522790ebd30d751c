//! Which differences count, and how they are told.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::*;
use crate::diagnostic::SourceFile;

fn parse(text: &str) -> Template {
    Template::parse(&SourceFile::new("stack.yaml", text)).unwrap()
}

/// Returns the difference, one change a line, after checking that it mirrors.
fn show(before: &str, after: &str) -> String {
    let (before, after) = (parse(before), parse(after));
    let text = |node: Option<&Node>, template: &Template| {
        node.map_or("-".to_owned(), |node| {
            template.source().text[node.span.clone()].to_owned()
        })
    };
    let mut out = String::new();
    for entry in diff(&before, &after).entries {
        let name = entry
            .name
            .map(|name| format!(".{name}"))
            .unwrap_or_default();
        writeln!(out, "{:?} {}{name}", entry.status(), entry.section).unwrap();
        for change in entry.changes {
            let path = change.path_text();
            let (old, new) = (text(change.before, &before), text(change.after, &after));
            writeln!(out, "  {path}: {old} => {new}").unwrap();
        }
    }
    assert_mirrors(&before, &after);
    out
}

fn assert_mirrors(before: &Template, after: &Template) {
    let there = diff(before, after);
    let mut back = diff(after, before);
    for entry in &mut back.entries {
        std::mem::swap(&mut entry.before, &mut entry.after);
        for change in &mut entry.changes {
            std::mem::swap(&mut change.before, &mut change.after);
        }
    }
    let sorted = |diff: Diff<'_>| {
        let mut lines = Vec::new();
        for entry in diff.entries {
            lines.push(format!(
                "{} {:?} {:?} {:?}",
                entry.section, entry.name, entry.before, entry.after
            ));
            for change in entry.changes {
                lines.push(format!("{:?} {:?}", change.before, change.after));
            }
        }
        lines.sort();
        lines
    };
    assert_eq!(sorted(there), sorted(back));
}

#[test]
fn notation_is_no_difference() {
    let yaml = "AWSTemplateFormatVersion: 2010-09-09\nTransform: X\nResources:\n  A: # why\n    Type: T\n    DependsOn: [C, B]\n    Properties:\n      Port: 80\n      On: YES\n      Arn: !GetAtt B.Arn.x\n      Name: !Sub ['${B}', {}]\n      Tags: [{Key: a, Value: 1}, {Value: 2, Key: b}]\n";
    let json = r#"{"Transform": ["X"], "Outputs": {}, "Resources": {"A": {"DependsOn": ["B", "C"], "Type": "T",
        "Properties": {"Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}],
        "Name": {"Fn::Sub": "${B}"}, "Arn": {"Fn::GetAtt": "B.Arn.x"}, "On": "true", "Port": "80"}}},
        "AWSTemplateFormatVersion": "2010-09-09"}"#;
    assert_eq!(show(yaml, json), "");
    assert_eq!(show(yaml, yaml), "");
}

#[test]
fn differences_are_told_by_path() {
    assert_snapshot!(show(
        "Description: old\nResources:\n  Gone: {Type: T}\n  Kept:\n    Type: T\n    DependsOn: Gone\n    Properties:\n      A: 1\n      B: {x: y}\n      C: [1, 2, 3]\n      Tags: [{Key: a, Value: 1}, {Key: b, Value: 2}]\nConditions: {}\n",
        "Description: new\nResources:\n  New: {Type: T}\n  Kept:\n    Type: T\n    DependsOn: [New]\n    Properties:\n      A: '2'\n      B: text\n      C: [1, 3, 4]\n      Tags: [{Key: b, Value: 3}, {Key: c, Value: 1}]\n      D: {e: f}\nMappings: {M: {a: {b: c}}}\n",
    ), @r#"
    Modified Description
      : old => new
    Added Mappings.M
    Removed Resources.Gone
    Modified Resources.Kept
      DependsOn: Gone => [New]
      Properties.A: 1 => '2'
      Properties.B: {x: y} => text
      Properties.C[1]: 2 => -
      Properties.C[2]: - => 4
      Properties.D: - => {e: f}
      Properties.Tags[a]: {Key: a, Value: 1} => -
      Properties.Tags[b].Value: 2 => 3
      Properties.Tags[c]: - => {Key: c, Value: 1}
    Added Resources.New
    "#);
}

#[test]
fn lists_are_aligned_by_name_and_content() {
    assert_snapshot!(show(
        "Resources:\n  R:\n    Statement:\n    - {Sid: A, Effect: Allow, Action: x}\n    - {Sid: B, Effect: Allow, Action: y}\n    Stages: [{Name: one, V: 1}, {Name: two, V: 2}]\n    Rules: [{P: 1, Q: 1}, {P: 2, Q: 2}, {P: 3, Q: 3}]\n",
        "Resources:\n  R:\n    Statement:\n    - {Sid: B, Effect: Deny, Action: y}\n    - {Sid: A, Effect: Allow, Action: x}\n    Stages: [{Name: zero, V: 0}, {Name: one, V: 5}, {Name: two, V: 2}]\n    Rules: [{P: 0, Q: 0}, {P: 1, Q: 1}, {P: 2, Q: 9}, {P: 3, Q: 3}]\n",
    ), @r#"
    Modified Resources.R
      Rules[0]: - => {P: 0, Q: 0}
      Rules[2].Q: 2 => 9
      Stages[one].V: 1 => 5
      Stages[zero]: - => {Name: zero, V: 0}
      Statement[B].Effect: Allow => Deny
    "#);
}

#[test]
fn the_order_of_a_list_that_is_no_set_counts() {
    assert_ne!(
        show("Resources: {R: {L: [a, b]}}", "Resources: {R: {L: [b, a]}}"),
        ""
    );
    assert_ne!(
        show(
            "Resources: {R: {Stages: [{Name: a}, {Name: b}]}}",
            "Resources: {R: {Stages: [{Name: b}, {Name: a}]}}"
        ),
        ""
    );
}

#[test]
fn long_lists_do_not_take_forever() {
    let list = |from: usize| {
        let numbers: Vec<_> = (from..from + 50_000).map(|it| it.to_string()).collect();
        parse(&format!(
            "{{\"Resources\": {{\"R\": {{\"L\": [{}]}}}}}}",
            numbers.join(",")
        ))
    };
    let (before, after) = (list(0), list(50_000));
    assert_eq!(diff(&before, &after).entries[0].changes.len(), 50_000);
}
