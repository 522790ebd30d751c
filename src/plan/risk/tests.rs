#![expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]

mod names_tests;

use indexmap::IndexMap;

use super::{Assessment, Guard, Kind, Risk, Severity, assess, of_nested, of_settings};
use crate::cloudformation::change_set::{Action, Change, ChangeSet, Replacement};
use crate::diagnostic::SourceFile;
use crate::plan::ValueChange;
use crate::plan::model::{evaluate, models};
use crate::plan::predict::Side;
use crate::template::Template;

fn change(logical_id: &str, resource_type: &str) -> Change {
    Change {
        logical_id: logical_id.to_owned(),
        resource_type: resource_type.to_owned(),
        ..Change::default()
    }
}

fn added(logical_id: &str, resource_type: &str) -> Change {
    Change {
        action: Action::Add,
        ..change(logical_id, resource_type)
    }
}

fn removed(logical_id: &str, resource_type: &str) -> Change {
    Change {
        action: Action::Remove,
        ..change(logical_id, resource_type)
    }
}

fn replaced(logical_id: &str, resource_type: &str) -> Change {
    Change {
        replacement: Some(Replacement::True),
        ..change(logical_id, resource_type)
    }
}

/// Assesses changes with the resources of two templates, in YAML.
fn of(changes: &[Change], before: &str, after: &str) -> Assessment {
    let template = |resources: &str| {
        let text = format!("Resources:\n{resources}\n");
        Template::parse(&SourceFile::new("t", text)).ok()
    };
    let models = models(changes, template(before).as_ref(), template(after).as_ref());
    assess(changes, &models, &[])
}

/// Returns each risk as `severity kind name reason`.
fn lines(assessment: &Assessment) -> Vec<String> {
    assessment
        .risks
        .iter()
        .map(|risk| {
            format!(
                "{} {} {} {}",
                risk.severity.as_str(),
                risk.kind.as_str(),
                risk.logical_id,
                risk.reason
            )
        })
        .collect()
}

fn only(assessment: &Assessment) -> &Risk {
    let [risk] = assessment.risks.as_slice() else {
        panic!("{:?}", lines(assessment))
    };
    risk
}

const TABLE: &str = "AWS::DynamoDB::Table";

#[test]
fn the_risk_of_data_loss_depends_on_the_policies() {
    let cases = [
        (
            removed("T", TABLE),
            "",
            Severity::Danger,
            Some(Guard::Delete),
        ),
        (
            removed("T", TABLE),
            ", DeletionPolicy: Retain",
            Severity::Note,
            None,
        ),
        (
            removed("T", TABLE),
            ", DeletionPolicy: Snapshot",
            Severity::Warning,
            Some(Guard::Delete),
        ),
        (
            removed("T", "AWS::RDS::DBCluster"),
            "",
            Severity::Warning,
            Some(Guard::Delete),
        ),
        (
            replaced("T", TABLE),
            "",
            Severity::Danger,
            Some(Guard::Replace),
        ),
        (
            replaced("T", TABLE),
            ", UpdateReplacePolicy: Retain",
            Severity::Warning,
            Some(Guard::Replace),
        ),
    ];
    let member = "  T: {Type: X, Properties: {DBClusterIdentifier: c}}";
    let assessment = of(&[removed("T", "AWS::RDS::DBInstance")], member, "");
    assert_eq!(only(&assessment).severity, Severity::Danger);
    for (change, policy, severity, guard) in cases {
        let resource = format!("  T: {{Type: X{policy}}}");
        let assessment = of(std::slice::from_ref(&change), &resource, &resource);
        let risk = only(&assessment);
        assert_eq!(
            (risk.kind, risk.severity, risk.guard),
            (Kind::Data, severity, guard),
            "{change:?} {policy}"
        );
    }
    // The change set takes precedence over the template.
    let mut change = removed("T", TABLE);
    change.policy_action = Some("Retain".to_owned());
    assert_eq!(only(&of(&[change], "  T: {Type: X}", "")).guard, None);
}

#[test]
fn a_computed_policy_counts_as_its_value_and_an_unknown_one_as_the_worst() {
    let template = |resources: &str| {
        let text = format!(
            "Parameters: {{P: {{Type: String, Default: Retain}}, Q: {{Type: String}}}}\n\
             Conditions: {{C: !Equals [!Ref 'AWS::Region', here]}}\n\
             Resources: {{{resources}}}\n"
        );
        Template::parse(&SourceFile::new("t", text)).unwrap()
    };
    let region = ("AWS::Region".to_owned(), "here".to_owned());
    let values = IndexMap::from([region, ("P".to_owned(), "Delete".to_owned())]);
    let of = |changes: &[Change], before: &str, after: &str| {
        let (before, after) = (template(before), template(after));
        let mut models = models(changes, Some(&before), Some(&after));
        let sides = [&before, &after].map(|template| Some(Side::new(template, &values)));
        evaluate(&mut models, sides);
        lines(&assess(changes, &models, &[]))
    };
    let resource = |policy: &str| format!("T: {{Type: X, {policy}}}");
    let cases = [
        (
            "DeletionPolicy: !Ref P",
            "danger data T is deleted with its items",
        ),
        (
            "DeletionPolicy: !If [C, Retain, Delete]",
            "note data T is removed from the stack but kept, with its items (DeletionPolicy)",
        ),
        (
            "DeletionPolicy: !Ref Q",
            "danger data T may be deleted with its items: its `DeletionPolicy` is computed from a value \
             that is not known",
        ),
    ];
    for (policy, expected) in cases {
        let found = of(&[removed("T", TABLE)], &resource(policy), "");
        assert_eq!(found, [expected], "{policy}");
    }
    let cases = [
        (
            "UpdateReplacePolicy: !Ref P",
            "danger data T is replaced: the old resource is deleted with its items",
        ),
        (
            "UpdateReplacePolicy: !Ref Q",
            "danger data T is replaced: the old resource may be deleted with its items, because its \
             `UpdateReplacePolicy` is computed from a value that is not known",
        ),
    ];
    for (policy, expected) in cases {
        let resource = resource(policy);
        let found = of(&[replaced("T", TABLE)], &resource, &resource);
        assert_eq!(found, [expected], "{policy}");
    }
    let cases = [
        ("DeletionPolicy: Retain", "DeletionPolicy: !Ref P", "loses"),
        (
            "DeletionPolicy: Retain",
            "DeletionPolicy: !Ref Q",
            "may lose",
        ),
        (
            "DeletionPolicy: !Ref Q",
            "DeletionPolicy: Delete",
            "may lose",
        ),
    ];
    for (before, after, loses) in cases {
        let found = of(&[change("T", TABLE)], &resource(before), &resource(after));
        let expected = format!("warning protection T {loses} its `DeletionPolicy`");
        assert_eq!(found, [expected], "{before} {after}");
    }
    let same = resource("DeletionPolicy: !Ref Q");
    assert!(of(&[change("T", TABLE)], &same, &same).is_empty());
}

#[test]
fn a_conditional_replacement_may_replace() {
    let mut change = change("T", TABLE);
    change.replacement = Some(Replacement::Conditional);
    let assessment = of(&[change], "", "");
    let risk = only(&assessment);
    assert!(risk.reason.starts_with("may be replaced"), "{risk:?}");
    assert_eq!(
        (risk.severity, risk.guard),
        (Severity::Warning, Some(Guard::Replace))
    );
}

#[test]
fn the_manifest_adds_types_that_store_data() {
    let changes = [
        removed("P", "AWS::IoT::Policy"),
        removed("Q", "My::Own::Store"),
    ];
    let models = models(&changes, None, None);
    let guards = |types: &[&str]| {
        let types: Vec<String> = types.iter().map(|it| (*it).to_owned()).collect();
        let assessment = assess(&changes, &models, &types);
        assessment
            .risks
            .iter()
            .map(|risk| risk.logical_id.clone())
            .collect::<Vec<_>>()
    };
    assert!(guards(&[]).is_empty());
    assert_eq!(guards(&["My::Own::*"]), ["Q"]);
    assert_eq!(guards(&["AWS::IoT::Policy", "My::Own::Stor"]), ["P"]);
}

#[test]
fn a_fixed_name_makes_a_replacement_impossible() {
    let with = |name: &str| format!("  R: {{Type: X, Properties: {{RoleName: {name}}}}}");
    let role = replaced("R", "AWS::IAM::Role");
    let cases = [
        ("a", "a", Some(Severity::Danger)),
        ("a", "b", None),
        ("!Ref N", "!Ref N", Some(Severity::Warning)),
        (
            "'{{changeSet:KNOWN_AFTER_APPLY}}'",
            "'{{changeSet:KNOWN_AFTER_APPLY}}'",
            None,
        ),
    ];
    for (before, after, expected) in cases {
        let assessment = of(std::slice::from_ref(&role), &with(before), &with(after));
        let found = assessment.risks.first().map(|risk| {
            assert_eq!(risk.kind, Kind::Impossible);
            risk.severity
        });
        assert_eq!(found, expected, "{before} → {after}");
    }
}

#[test]
fn a_security_group_rule_is_new_if_no_earlier_rule_covers_it() {
    let group =
        |rules: &str| format!("  G: {{Type: X, Properties: {{SecurityGroupIngress: [{rules}]}}}}");
    let rule = |from: u32, to: u32, cidr: &str| {
        format!("{{IpProtocol: tcp, FromPort: {from}, ToPort: {to}, CidrIp: {cidr}}}")
    };
    let ssh = |cidr: &str| group(&rule(22, 22, cidr));
    let modified = change("G", "AWS::EC2::SecurityGroup");
    let cases = [
        (
            &modified,
            ssh("10.0.0.0/24"),
            ssh("10.0.0.0/8"),
            vec![
                "warning port G allows inbound tcp 22 from 10.0.0.0/8 (was: tcp 22 from 10.0.0.0/24)",
            ],
        ),
        (&modified, ssh("10.0.0.0/8"), ssh("10.1.0.0/16"), vec![]),
        (
            &modified,
            ssh("10.0.0.0/8"),
            group(&rule(22, 23, "10.0.0.0/8")),
            vec![
                "warning port G allows inbound tcp 22-23 from 10.0.0.0/8 (was: tcp 22 from 10.0.0.0/8)",
            ],
        ),
        (
            &modified,
            group(&rule(20, 30, "10.0.0.0/8")),
            ssh("10.0.0.0/8"),
            vec![],
        ),
        (
            &modified,
            group(""),
            ssh("0.0.0.0/0"),
            vec!["danger port G allows inbound tcp 22 from 0.0.0.0/0, which is everyone"],
        ),
        (
            &modified,
            group(""),
            group("{IpProtocol: -1, CidrIpv6: '::/0'}"),
            vec!["danger port G allows inbound all traffic from ::/0, which is everyone"],
        ),
        (
            &modified,
            group(""),
            group(&rule(443, 443, "0.0.0.0/0")),
            vec!["warning port G allows inbound tcp 443 from 0.0.0.0/0, which is everyone"],
        ),
        (
            &added("G", "AWS::EC2::SecurityGroup"),
            String::new(),
            ssh("10.0.0.0/8"),
            vec!["note port G allows inbound tcp 22 from 10.0.0.0/8"],
        ),
        // Long and invalid prefixes.
        (&modified, ssh("0.0.0.0/0"), ssh("1.2.3.4/32"), vec![]),
        (
            &modified,
            ssh("1.2.3.4/32"),
            ssh("1.2.3.4/99"),
            vec!["warning port G allows inbound tcp 22 from 1.2.3.4/99"],
        ),
    ];
    for (change, before, after, expected) in cases {
        let assessment = of(std::slice::from_ref(change), &before, &after);
        assert_eq!(lines(&assessment), expected, "{before} → {after}");
    }
}

#[test]
fn a_rule_that_moves_to_its_own_resource_is_not_new() {
    let changes = [
        change("G", "AWS::EC2::SecurityGroup"),
        added("R", "AWS::EC2::SecurityGroupIngress"),
    ];
    let rule = "IpProtocol: tcp, FromPort: 1, ToPort: 1, CidrIp: 10.0.0.0/8";
    let before = format!("  G: {{Type: X, Properties: {{SecurityGroupIngress: {{{rule}}}}}}}");
    let after = format!(
        "  G: {{Type: X}}\n  R: {{Type: X, Properties: {{GroupId: !GetAtt G.GroupId, {rule}}}}}"
    );
    assert!(of(&changes, &before, &after).risks.is_empty());
}

#[test]
fn statements_are_added_widened_or_narrowed() {
    let role = |statement: &str| {
        format!(
            "  R: {{Type: X, Properties: {{Policies: [{{PolicyDocument: {{Statement: [{statement}]}}}}]}}}}"
        )
    };
    let modified = change("R", "AWS::IAM::Role");
    let get = "{Effect: Allow, Action: 's3:GetObject', Resource: a}";
    let cases = [
        (
            &modified,
            role(""),
            role(get),
            vec!["warning permission R may now do s3:GetObject on a"],
        ),
        // The order of actions and the name of a statement do not matter.
        (
            &modified,
            role("{Sid: x, Effect: Allow, Action: [b, a], Resource: r}"),
            role("{Sid: y, Effect: Allow, Action: [a, b], Resource: [r]}"),
            vec![],
        ),
        // A narrower statement is a note.
        (
            &modified,
            role("{Effect: Allow, Action: 's3:*', Resource: '*'}"),
            role(get),
            vec!["note permission R may now do s3:GetObject on a"],
        ),
        (
            &modified,
            role(""),
            role("{Effect: Allow, Action: 's3:*', Resource: '*'}"),
            vec!["danger permission R may now do s3:* on every resource"],
        ),
        (
            &modified,
            role("{Effect: Deny, Action: a, Resource: r}"),
            role(""),
            vec!["warning permission R no longer has: Deny a on r for AWS:${R}"],
        ),
        (
            &added("R", "AWS::IAM::Role"),
            String::new(),
            role(get),
            vec!["note permission R may now do s3:GetObject on a"],
        ),
    ];
    for (change, before, after, expected) in cases {
        let assessment = of(std::slice::from_ref(change), &before, &after);
        assert_eq!(lines(&assessment), expected, "{before} → {after}");
    }
}

#[test]
fn the_policy_of_an_endpoint_grants_no_permission() {
    let endpoint = |action: &str| {
        format!(
            "  E: {{Type: X, Properties: {{PolicyDocument: {{Statement: {{Effect: Allow, \
             Principal: '*', Action: '{action}', Resource: t}}}}}}}}"
        )
    };
    let get = endpoint("dynamodb:GetItem");
    let kind = "AWS::EC2::VPCEndpoint";
    assert_eq!(
        lines(&of(&[added("E", kind)], "", &get)),
        ["note permission E now passes calls: Allow dynamodb:GetItem on t for *"]
    );
    let wider = of(&[change("E", kind)], &get, &endpoint("dynamodb:*"));
    assert_eq!(
        lines(&wider),
        ["warning permission E now passes calls: Allow dynamodb:* on t for *"]
    );
}

#[test]
fn public_policies_and_functions_are_a_danger() {
    let policy = "  P: {Type: X, Properties: {Bucket: b, PolicyDocument: {Statement: {Effect: Allow, \
                  Principal: '*', Action: 's3:GetObject', Resource: '*'}}}}";
    let assessment = of(&[added("P", "AWS::S3::BucketPolicy")], "", policy);
    assert_eq!(
        lines(&assessment),
        ["danger public-access P now allows everyone to do s3:GetObject on b"]
    );
    let permission = |condition: &str| {
        let text = format!(
            "  P: {{Type: X, Properties: {{FunctionName: f, Action: 'lambda:InvokeFunction', Principal: '*'{condition}}}}}"
        );
        let assessment = of(&[added("P", "AWS::Lambda::Permission")], "", &text);
        only(&assessment).kind
    };
    assert_eq!(permission(""), Kind::Public);
    assert_eq!(permission(", SourceArn: a"), Kind::Permission);
}

#[test]
fn protections_that_are_turned_off_are_risks() {
    let cases = [
        (
            "AWS::S3::Bucket",
            "{PublicAccessBlockConfiguration: {BlockPublicAcls: true}}",
            "{}",
            vec!["danger public-access A no longer blocks public ACLs"],
        ),
        (
            "AWS::S3::Bucket",
            "{VersioningConfiguration: {Status: Enabled}}",
            "{VersioningConfiguration: {Status: Suspended}}",
            vec!["danger protection A no longer keeps versions: overwritten objects are lost"],
        ),
        (
            TABLE,
            "{PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: true}}",
            "{PointInTimeRecoverySpecification: {PointInTimeRecoveryEnabled: 'false'}}",
            vec!["danger protection A loses its point-in-time recovery and all restore points"],
        ),
        (
            TABLE,
            "{DeletionProtectionEnabled: true}",
            "{DeletionProtectionEnabled: 'true'}",
            vec![],
        ),
        (
            TABLE,
            "{DeletionProtectionEnabled: true}",
            "{DeletionProtectionEnabled: '{{changeSet:KNOWN_AFTER_APPLY}}'}",
            vec![],
        ),
        (
            "AWS::Lambda::Url",
            "{AuthType: AWS_IAM}",
            "{AuthType: NONE}",
            vec!["danger public-access A can be called by everyone without credentials"],
        ),
        (
            "AWS::Lambda::Function",
            "{Role: a}",
            "{Role: !GetAtt B.Arn}",
            vec!["warning role A runs with the role `${B.Arn}` instead of `a`"],
        ),
    ];
    for (resource_type, before, after, expected) in cases {
        let resource = |properties: &str| format!("  A: {{Type: X, Properties: {properties}}}");
        let changes = [change("A", resource_type)];
        let assessment = of(&changes, &resource(before), &resource(after));
        assert_eq!(lines(&assessment), expected, "{before} → {after}");
    }
    let policy = "  A: {Type: X, DeletionPolicy: Retain}";
    assert_eq!(
        lines(&of(&[change("A", TABLE)], policy, "  A: {Type: X}")),
        ["warning protection A loses its `DeletionPolicy`"]
    );
    assert_eq!(
        lines(&of(&[removed("A", "AWS::CloudTrail::Trail")], "", "")),
        ["warning protection A is removed: its events are no longer logged"]
    );
}

#[test]
fn turning_off_termination_protection_is_a_danger() {
    let setting = |before: Option<&str>, after: &str| {
        of_settings(
            "s",
            &[ValueChange {
                name: "termination_protection".to_owned(),
                before: before.map(str::to_owned),
                after: Some(after.to_owned()),
            }],
        )
    };
    assert_eq!(
        setting(Some("true"), "false").unwrap().severity,
        Severity::Danger
    );
    assert!(setting(Some("false"), "true").is_none());
    assert!(setting(None, "false").is_none());
}

#[test]
fn risks_in_a_nested_stack_have_the_path_of_the_stack() {
    let mut root = ChangeSet {
        changes: vec![change("Database", "AWS::CloudFormation::Stack")],
        nested: vec![ChangeSet {
            id: "arn:nested".to_owned(),
            changes: vec![removed("Table", TABLE)],
            ..ChangeSet::default()
        }],
        ..ChangeSet::default()
    };
    if let Some(stack) = root.changes.first_mut() {
        stack.nested_change_set = Some("arn:nested".to_owned());
    }
    let assessment = of_nested(&root, &[]);
    let risk = only(&assessment);
    assert_eq!(
        (risk.logical_id.as_str(), risk.guard),
        ("Database/Table", Some(Guard::Delete))
    );
    let kept = format!("Resources: {{Table: {{Type: '{TABLE}', DeletionPolicy: Retain}}}}");
    root.nested[0].deployed_template = Some(kept);
    assert_eq!(only(&of_nested(&root, &[])).guard, None);
}
