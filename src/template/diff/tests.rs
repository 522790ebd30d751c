//! Which differences count, and how they are shown.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fmt::Write as _;

use insta::assert_snapshot;

use super::*;
use crate::diagnostic::SourceFile;

fn parse(text: &str) -> Template {
    Template::parse(&SourceFile::new("stack.yaml", text)).unwrap()
}

/// Returns the differences, one per line. Checks that they are symmetric.
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
    assert_symmetric(&before, &after);
    out
}

fn assert_symmetric(before: &Template, after: &Template) {
    let forward = diff(before, after);
    let mut backward = diff(after, before);
    for entry in &mut backward.entries {
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
    assert_eq!(sorted(forward), sorted(backward));
}

#[test]
fn notation_does_not_count() {
    let yaml = "AWSTemplateFormatVersion: 2010-09-09\nTransform: X\nResources:\n  A: # why\n    Type: T\n    DependsOn: [C, B]\n    Properties:\n      Port: 80\n      On: YES\n      Arn: !GetAtt B.Arn.x\n      Name: !Sub ['${B}', {}]\n      Tags: [{Key: a, Value: 1}, {Value: 2, Key: b}]\n";
    let json = r#"{"Transform": ["X"], "Outputs": {}, "Resources": {"A": {"DependsOn": ["B", "C"], "Type": "T",
        "Properties": {"Tags": [{"Key": "b", "Value": "2"}, {"Key": "a", "Value": "1"}],
        "Name": {"Fn::Sub": "${B}"}, "Arn": {"Fn::GetAtt": "B.Arn.x"}, "On": "true", "Port": "80"}}},
        "AWSTemplateFormatVersion": "2010-09-09"}"#;
    assert_eq!(show(yaml, json), "");
    assert_eq!(show(yaml, yaml), "");
}

#[test]
fn differences_are_shown_by_path() {
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
fn the_order_of_a_list_that_is_not_a_set_counts() {
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
fn sets_of_the_resource_type_have_no_order() {
    let group = |rules: &str| {
        format!(
            "Resources:\n  G:\n    Type: AWS::EC2::SecurityGroup\n    Properties:\n      SecurityGroupIngress: [{rules}]\n"
        )
    };
    let ssh = "{IpProtocol: tcp, FromPort: 22, ToPort: 22, CidrIp: 10.0.0.0/8}";
    let web = "{IpProtocol: tcp, FromPort: 80, ToPort: 81, CidrIp: 0.0.0.0/0, Description: web}";
    let both = group(&format!("{ssh}, {web}"));
    assert_eq!(show(&both, &group(&format!("{web}, {ssh}"))), "");
    let moved = ssh.replace("10.0", "10.1");
    let renamed = web.replace("web", "www");
    let ping = "{IpProtocol: icmp, FromPort: -1, ToPort: -1, CidrIp: 10.0.0.0/8}";
    assert_snapshot!(show(&both, &group(&format!("{ping}, {renamed}, {moved}"))), @r"
    Modified Resources.G
      Properties.SecurityGroupIngress[icmp -1 10.0.0.0/8]: - => {IpProtocol: icmp, FromPort: -1, ToPort: -1, CidrIp: 10.0.0.0/8}
      Properties.SecurityGroupIngress[tcp 22 10.0.0.0/8].CidrIp: 10.0.0.0/8 => 10.1.0.0/8
      Properties.SecurityGroupIngress[tcp 80-81 0.0.0.0/0].Description: web => www
    ");
}

#[test]
fn a_change_of_type_is_compared_symmetrically() {
    let of = |kind: &str, rule: &str| {
        parse(&format!(
            "Resources: {{R: {{Type: '{kind}', Properties: {{SecurityGroupIngress: [{rule}]}}}}}}"
        ))
    };
    assert_symmetric(
        &of("AWS::IAM::Role", "0"),
        &of("AWS::EC2::SecurityGroup", "a"),
    );
}

#[test]
fn statements_without_a_sid_are_aligned_by_content() {
    let policy = |statements: &str| {
        format!("Resources: {{R: {{Properties: {{Doc: {{Statement: [{statements}]}}}}}}}}")
    };
    let (one, two) = (
        "{Effect: Allow, Action: a, Resource: x}",
        "{Effect: Allow, Action: b, Resource: y}",
    );
    let both = policy(&format!("{one}, {two}"));
    assert_eq!(show(&both, &policy(&format!("{two}, {one}"))), "");
    let wider = two.replace('y', "z");
    assert_snapshot!(show(&both, &policy(&format!("{wider}, {one}"))), @r"
    Modified Resources.R
      Properties.Doc.Statement[0].Resource: y => z
    ");
}

#[test]
fn constant_calls_equal_their_text() {
    let resource = |value: &str| format!("Resources:\n  R:\n    V: {value}\n");
    let text = resource("'a-b ${C}'");
    for call in [
        "!Sub 'a-b ${!C}'",
        "!Sub ['a-b ${!C}', {}]",
        "!Join ['-', [a, 'b ${C}']]",
    ] {
        assert_eq!(show(&resource(call), &text), "", "{call}");
    }
    for call in [
        "!Sub 'a-b ${C}'",
        "!Join ['-', [a, !Ref C]]",
        "!Join ['-', !Ref C]",
    ] {
        assert_ne!(show(&resource(call), &text), "", "{call}");
    }
}

#[test]
fn a_number_that_is_written_in_another_way_differs_from_its_text() {
    let resource = |value: &str| format!("Resources:\n  R:\n    V: {value}\n    L: [a, {value}]\n");
    for number in [
        "08",
        "012345678910",
        "1_000",
        "0x1F",
        ".5",
        "1e3",
        "1.10",
        "98765432109876543210",
    ] {
        let text = resource(&format!("'{number}'"));
        let expected = format!(
            "Modified Resources.R\n  L[1]: {number} => '{number}'\n  V: {number} => '{number}'\n"
        );
        assert_eq!(show(&resource(number), &text), expected);
        assert_eq!(
            show(&resource(number), &resource(&format!("{number}   "))),
            ""
        );
    }
    for number in ["8", "123456789012", "0.5", "1.0", "2012-10-17"] {
        let text = resource(&format!("'{number}'"));
        assert_eq!(show(&resource(number), &text), "", "{number}");
    }
}

#[test]
fn the_order_of_transforms_counts() {
    let of = |transforms: &str| format!("Transform: {transforms}\nResources: {{R: {{Type: T}}}}\n");
    assert_eq!(show(&of("A"), &of("[A]")), "");
    assert_eq!(show(&of("[A, B]"), &of("['A', B]")), "");
    assert_ne!(show(&of("[A, B]"), &of("[B, A]")), "");
    assert_ne!(show(&of("[A, B]"), &of("A")), "");
    let include = "{Name: 'AWS::Include', Parameters: {Location: x}}";
    assert_eq!(show(&of(include), &of(&format!("[{include}]"))), "");
    let (one, other) = (parse(&of("[A, B]")), parse(&of("[B, A]")));
    let text = crate::template::emit::to_yaml(&match_notation(&one, &other));
    assert_ne!(text, crate::template::emit::to_yaml(other.root()));
}

#[test]
fn empty_attributes_do_not_count() {
    assert_eq!(
        show(
            "Resources: {R: {Type: T, Properties: {}, DependsOn: []}}",
            "Resources: {R: {Type: T, Metadata: {}}}"
        ),
        ""
    );
}

#[test]
fn each_difference_has_its_place_in_both_texts() {
    let before = parse("Resources:\n  R:\n    P:\n      Old: {a: 1}\n      Kept: [1, 2]\n");
    let after = parse("Resources:\n\n  R:\n    P:\n      Kept: [1, 3]\n      New:\n        b: 1\n");
    let found = diff(&before, &after);
    let entry = &found.entries[0];
    let line = |template: &Template, at: Option<usize>| at.map(|at| template.source().position(at));
    let lines = |starts: Starts| (line(&before, starts.before), line(&after, starts.after));
    assert_eq!(lines(entry.starts), (Some((2, 3)), Some((3, 3))));
    let places: Vec<_> = entry
        .changes
        .iter()
        .map(|change| lines(change.starts))
        .collect();
    assert_eq!(
        places,
        [
            (Some((5, 17)), Some((5, 17))),
            (None, Some((6, 7))),
            (Some((4, 7)), None)
        ]
    );
}

#[test]
fn the_old_template_is_written_in_the_notation_of_the_new_one() {
    let old = "Resources:\n  A:\n    Type: AWS::IAM::Role\n    DependsOn: [C, B]\n    Gone: 1\n    Properties:\n      ManagedPolicyArns: [x, y]\n      Port: '80'\n      N: {Fn::Sub: ['${B}', {}]}\n      O: [a, b]\n";
    let new = "Resources:\n  A:\n    Type: AWS::IAM::Role\n    Properties:\n      N: !Sub '${B}'\n      O: [b, a]\n      Port: 80\n      ManagedPolicyArns: [y, x]\n    DependsOn: [B, C]\n";
    let (old, new) = (parse(old), parse(new));
    let text = crate::template::emit::to_yaml(&match_notation(&old, &new));
    assert_snapshot!(text, @r#"
    Resources:
      A:
        Type: AWS::IAM::Role
        Properties:
          "N":
            Fn::Sub: "${B}"
          O:
            - a
            - b
          Port: 80
          ManagedPolicyArns:
            - y
            - x
        DependsOn:
          - B
          - C
        Gone: 1
    "#);
}

#[test]
fn long_lists_are_compared_in_linear_time() {
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
