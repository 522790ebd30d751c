//! Plans of recorded change sets: a plan shows everything that AWS returned.

use serde_json::Value;
use stackctl::cloudformation::change_set::{Action, Change, ChangeSet, Detail, Replacement};
use stackctl::diagnostic::SourceFile;
use stackctl::plan::model::{KNOWN_AFTER_APPLY, Model};
use stackctl::plan::risk::access::{Names, Statement};
use stackctl::plan::risk::network::Rule;
use stackctl::plan::risk::{self, Assessment};
use stackctl::plan::{Plan, Target, model};
use stackctl::present::human;
use stackctl::template::Template;

use crate::corpus;

fn text(value: &Value, key: &str) -> Option<String> {
    value[key].as_str().map(str::to_owned)
}

/// Returns a recorded change as the client returns it.
fn change(recorded: &Value) -> Change {
    let details = recorded["Details"].as_array().cloned().unwrap_or_default();
    Change {
        logical_id: text(recorded, "LogicalResourceId").unwrap(),
        physical_id: text(recorded, "PhysicalResourceId"),
        resource_type: text(recorded, "ResourceType").unwrap(),
        action: Action::from_wire(recorded["Action"].as_str().unwrap()),
        policy_action: text(recorded, "PolicyAction"),
        replacement: text(recorded, "Replacement").map(|wire| Replacement::from_wire(&wire)),
        details: details.iter().map(detail).collect(),
        before_context: text(recorded, "BeforeContext"),
        after_context: text(recorded, "AfterContext"),
        ..Change::default()
    }
}

fn detail(recorded: &Value) -> Detail {
    let target = &recorded["Target"];
    Detail {
        attribute: text(target, "Attribute"),
        name: text(target, "Name"),
        path: text(target, "Path"),
        before: text(target, "BeforeValue"),
        after: text(target, "AfterValue"),
        attribute_change: text(target, "AttributeChangeType"),
        requires_recreation: text(target, "RequiresRecreation"),
        evaluation: text(recorded, "Evaluation"),
        change_source: text(recorded, "ChangeSource"),
        causing_entity: text(recorded, "CausingEntity"),
        ..Detail::default()
    }
}

fn plan(changes: Vec<Change>, before: Option<&Template>, after: Option<&Template>) -> Plan {
    let models = model::models(&changes, before, after);
    Plan {
        target: Target {
            account: "111111111111".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: "AWS".to_owned(),
            stack: "s".to_owned(),
            environment: "dev".to_owned(),
        },
        assessment: risk::assess(&changes, &models, &[]),
        models,
        change_set: Some(ChangeSet {
            changes,
            ..ChangeSet::default()
        }),
        ..Plan::default()
    }
}

fn shown(plan: &Plan) -> String {
    let text = human::plan::plan(plan, true, 100);
    stackctl::present::style::plain(&text)
}

/// Returns the scalars of a detail's value, which may be JSON.
fn scalars(value: &str) -> Vec<String> {
    fn collect(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => map.values().for_each(|value| collect(value, found)),
            Value::Array(list) => list.iter().for_each(|value| collect(value, found)),
            Value::String(text) => found.push(text.clone()),
            other => found.push(other.to_string()),
        }
    }
    let mut found = Vec::new();
    match serde_json::from_str::<Value>(value) {
        Ok(json @ (Value::Object(_) | Value::Array(_))) => collect(&json, &mut found),
        _ => found.push(value.to_owned()),
    }
    found
}

#[test]
fn plan_shows_every_changed_property_with_its_values() {
    let Some(folder) = corpus::folder("localstack/updates") else {
        return;
    };
    let (mut sets, mut resources, mut paths, mut values) = (0, 0, 0, 0);
    for path in corpus::files(&folder) {
        let update = corpus::json(&path);
        for key in [
            "describe_change_set_1_prop_values",
            "describe_change_set_2_prop_values",
            "describe_change_set_1",
            "describe_change_set_2",
        ] {
            let Some(recorded) = update[key]["Changes"].as_array() else {
                continue;
            };
            sets += 1;
            let changes: Vec<Change> = recorded
                .iter()
                .map(|it| change(&it["ResourceChange"]))
                .collect();
            let plan = plan(changes.clone(), None, None);
            let text = shown(&plan);
            let place = format!("{} {key}\n{text}", path.display());
            for change in &changes {
                resources += 1;
                assert!(text.contains(&change.logical_id), "{place}");
                if change.replacement == Some(Replacement::Conditional)
                    && change.effect() != stackctl::cloudformation::change_set::Effect::Possible
                {
                    assert!(text.contains("may be replaced"), "{place}");
                }
                if change.effect() == stackctl::cloudformation::change_set::Effect::Possible
                    || change.action == Action::Add
                {
                    continue;
                }
                for detail in &change.details {
                    let name = detail.name.as_deref().or(detail.attribute.as_deref());
                    assert!(text.contains(name.unwrap()), "{name:?} {place}");
                    paths += 1;
                    let [before, after] = [&detail.before, &detail.after]
                        .map(|value| value.as_deref().map(scalars).unwrap_or_default());
                    // Values that are equal on both sides are not shown.
                    let differing = before
                        .iter()
                        .filter(|scalar| !after.contains(scalar))
                        .chain(after.iter().filter(|scalar| !before.contains(scalar)));
                    for scalar in differing {
                        values += 1;
                        let scalar = scalar.replace(KNOWN_AFTER_APPLY, "(known after apply)");
                        for line in scalar.lines() {
                            assert!(text.contains(line.trim()), "{line:?} {place}");
                        }
                    }
                }
            }
        }
    }
    crate::report!(
        "corpus: {sets} change sets, {resources} resources, {paths} changed properties, {values} values shown"
    );
    corpus::expect_cases("changed properties", paths, 113);
    corpus::expect_cases("values", values, 118);
}

#[test]
fn plan_of_500_resources_is_printed_within_two_seconds() {
    let context = |tag: &str| {
        let tags: Vec<String> = (0..10)
            .map(|number| format!(r#"{{"Key":"k{number}","Value":"{tag}{number}"}}"#))
            .collect();
        Some(format!(
            r#"{{"Properties":{{"Tags":[{}]}}}}"#,
            tags.join(",")
        ))
    };
    let changes: Vec<Change> = (0..500)
        .map(|number| Change {
            logical_id: format!("Resource{number}"),
            resource_type: "AWS::S3::Bucket".to_owned(),
            before_context: context("a"),
            after_context: context("b"),
            ..Change::default()
        })
        .collect();
    let started = std::time::Instant::now();
    let text = shown(&plan(changes, None, None));
    let took = started.elapsed();
    assert_eq!(text.matches("Tags.k9 =").count(), 500);
    crate::report!("corpus: 500 resources with 10 tags each in {took:?}");
    // A release build takes 50 ms. This build is not optimized, and the machine may be busy.
    assert!(took.as_millis() < 2_000, "{took:?}");
}

/// Returns a statement in the format of cdk-diff.
fn as_recorded(statement: &Statement) -> String {
    let names = |names: &Names| format!("{}{:?}", names.not, names.values);
    if statement.is_managed_policy {
        return format!("policy {}", statement.principals.values.join(","));
    }
    format!(
        "{} {} {} {}",
        statement.effect,
        names(&statement.actions),
        names(&statement.resources),
        names(&statement.principals)
    )
}

fn of_the_peer(recorded: &Value) -> String {
    let names = |key: &str| {
        let mut values: Vec<&str> = recorded[key]["values"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        values.sort_unstable();
        format!("{}{values:?}", recorded[key]["not"] == true)
    };
    match recorded["identityArn"].as_str() {
        Some(identity) => format!("policy AWS:{identity}"),
        None => format!(
            "{} {} {} {}",
            recorded["effect"].as_str().unwrap_or("?"),
            names("actions"),
            names("resources"),
            names("principals")
        ),
    }
}

fn peer_statements(iam: &Value) -> Vec<String> {
    let keys = [
        ("statementAdditions", '+'),
        ("managedPolicyAdditions", '+'),
        ("statementRemovals", '-'),
        ("managedPolicyRemovals", '-'),
    ];
    let statements = keys.iter().flat_map(|(key, sign)| {
        let list = iam[*key].as_array().into_iter().flatten();
        list.map(move |it| format!("{sign} {}", of_the_peer(it)))
    });
    statements.collect()
}

fn own_statements(assessment: &Assessment) -> Vec<String> {
    let statements = assessment.statements.iter().map(|change| {
        let sign = if change.is_added { '+' } else { '-' };
        format!("{sign} {}", as_recorded(&change.statement))
    });
    statements.collect()
}

fn peer_rule(recorded: &Value, is_ingress: bool) -> String {
    let peer = &recorded["peer"];
    let peer = peer["ip"].as_str().or(peer["securityGroupId"].as_str());
    format!(
        "{} {is_ingress} {} {}-{} {}",
        recorded["groupId"].as_str().unwrap_or_default(),
        recorded["ipProtocol"].as_str().unwrap_or_default(),
        recorded["fromPort"],
        recorded["toPort"],
        peer.unwrap_or_default()
    )
}

fn own_rule(rule: &Rule) -> String {
    let ports = rule.ports.as_ref();
    let (from, to) = ports.map_or(("null", "null"), |(from, to)| (from, to));
    format!(
        "{} {} {} {from}-{to} {}",
        rule.group, rule.is_ingress, rule.protocol, rule.peer
    )
}

/// Returns a change for every resource of the two templates.
fn template_changes(old: Option<&Template>, new: Option<&Template>) -> Vec<Change> {
    let resources = |template: Option<&'_ Template>| -> Vec<(String, String)> {
        let resources = template.into_iter().flat_map(Template::resources);
        resources
            .map(|resource| {
                let kind = resource.kind().unwrap_or_default();
                (resource.logical_id().to_owned(), kind.to_owned())
            })
            .collect()
    };
    let (before, after) = (resources(old), resources(new));
    let mut changes: Vec<Change> = Vec::new();
    for (logical_id, resource_type) in before.iter().chain(&after) {
        if changes.iter().any(|it| it.logical_id == *logical_id) {
            continue;
        }
        let has = |list: &[(String, String)]| list.iter().any(|(id, _)| id == logical_id);
        changes.push(Change {
            logical_id: logical_id.clone(),
            resource_type: resource_type.clone(),
            action: match (has(&before), has(&after)) {
                (false, _) => Action::Add,
                (_, false) => Action::Remove,
                _ => Action::Modify,
            },
            ..Change::default()
        });
    }
    changes
}

/// Returns the statements of cdk-diff, changed to those of stackctl if the two differ on purpose.
///
/// In the inline policy of an SSO permission set, cdk-diff replaces `*` by the permission set. The
/// policy applies to the users of the permission set, and `*` means every resource.
fn in_own_words(statements: Vec<String>, changes: &[Change]) -> Vec<String> {
    let sets = changes
        .iter()
        .filter(|change| change.resource_type == "AWS::SSO::PermissionSet");
    let itself: Vec<String> = sets
        .map(|set| format!("[\"${{{}.Arn}}\"]", set.logical_id))
        .collect();
    let translate = |statement: String| {
        itself
            .iter()
            .fold(statement, |text, itself| text.replace(itself, "[\"*\"]"))
    };
    statements.into_iter().map(translate).collect()
}

/// Returns whether cdk-diff could parse all statements. It cannot parse a statement in `Fn::If`.
/// stackctl reads each branch as a statement.
fn is_readable(iam: &Value) -> bool {
    let lists = iam
        .as_object()
        .into_iter()
        .flat_map(serde_json::Map::values);
    let mut statements = lists.filter_map(Value::as_array).flatten();
    statements.all(|statement| statement["unparseable"].is_null())
}

#[test]
fn statements_and_rules_agree_with_cdk_diff() {
    let Some(folder) = corpus::folder("cdk-diff") else {
        return;
    };
    let (mut cases, mut statements, mut rules, mut broadened) = (0, 0, 0, 0);
    let mut unreadable = 0;
    for path in corpus::files(&folder) {
        let case = corpus::json(&path);
        let result = &case["result"];
        let (iam, groups) = (&result["iamChanges"], &result["securityGroupChanges"]);
        if iam.as_object().is_none_or(serde_json::Map::is_empty)
            && groups.as_object().is_none_or(serde_json::Map::is_empty)
        {
            continue;
        }
        let read = |key: &str| {
            Template::parse(&SourceFile::new(key, case[key].to_string()))
                .ok()
                .filter(|template| template.section("Resources").is_some())
        };
        let (old, new) = (read("old_template"), read("new_template"));
        let changes = template_changes(old.as_ref(), new.as_ref());
        let models = model::models(&changes, old.as_ref(), new.as_ref());
        let assessment = risk::assess(&changes, &models, &[]);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        cases += 1;

        let mut expected = in_own_words(peer_statements(iam), &changes);
        let mut found = own_statements(&assessment);
        expected.sort();
        found.sort();
        statements += expected.len();
        if is_readable(iam) {
            assert_eq!(expected, found, "{name}");
        } else {
            unreadable += 1;
            assert!(found.len() >= expected.len(), "{name}: {found:#?}");
        }

        let of = |after: bool| -> Vec<String> {
            let own = changes.iter().flat_map(|change| {
                let model: &Model = &models[&change.logical_id];
                let sides = [model.before.as_ref(), model.after.as_ref()];
                let [old, new] =
                    risk::network::rules(&change.logical_id, &change.resource_type, sides);
                if after { new } else { old }
            });
            own.map(|rule| own_rule(&rule)).collect()
        };
        let (before, after) = (of(false), of(true));
        let minus = |one: &[String], other: &[String]| -> Vec<String> {
            one.iter()
                .filter(|rule| !other.contains(rule))
                .cloned()
                .collect()
        };
        for (keys, own) in [
            (
                ["ingressRuleAdditions", "egressRuleAdditions"],
                minus(&after, &before),
            ),
            (
                ["ingressRuleRemovals", "egressRuleRemovals"],
                minus(&before, &after),
            ),
        ] {
            let peers: Vec<String> = keys
                .iter()
                .flat_map(|key| {
                    let list = groups[*key].as_array().cloned().unwrap_or_default();
                    let is_ingress = key.starts_with("ingress");
                    list.into_iter().map(move |it| peer_rule(&it, is_ingress))
                })
                .collect();
            rules += peers.len();
            assert_eq!(own, peers, "{name}");
        }

        // Permissions that cdk-diff calls broadened are risks here, except if a `Deny` is deleted
        // with its resource.
        if result["permissionsBroadened"] == true {
            broadened += 1;
            let is_reported =
                !assessment.risks.is_empty() || assessment.statements.iter().any(|it| !it.is_added);
            assert!(is_reported, "{name}: {assessment:?}");
        }
    }
    crate::report!(
        "corpus: {cases} pairs, {statements} statements and {rules} rules agree; {unreadable} \
        have statements that the peer cannot read, {broadened} broaden"
    );
    corpus::expect_cases("statements", statements, 20);
    corpus::expect_cases("rules", rules, 2);
    corpus::expect_cases("broadened permissions", broadened, 13);
}
