//! Recorded change sets: the JSON plan contains everything that stackctl's client read.

use serde_json::Value;
use stackctl::cloudformation::change_set::ChangeSet;
use stackctl::plan::{Plan, Target};
use stackctl::present::human;
use stackctl::present::json::plan::PlanDocument;

use crate::corpus;
use crate::documents::{is_hidden, items};
use crate::replay::Replay;
use crate::xml::{change_set as body_of, response};

/// Counts of what was checked.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// Whether stackctl may mask values that the service returned.
    pub(crate) may_hide: bool,
    change_sets: usize,
    changes: usize,
    details: usize,
    values: usize,
    members: usize,
}

impl Found {
    /// Adds other counts.
    pub(crate) fn add(&mut self, other: &Self) {
        self.change_sets += other.change_sets;
        self.changes += other.changes;
        self.details += other.details;
        self.values += other.values;
        self.members += other.members;
    }
}

/// The members of a change set with their names in the plan. Members in another form are checked
/// separately.
const CHANGE_SET: [(&str, &str); 17] = [
    ("ChangeSetId", "id"),
    ("ChangeSetName", "name"),
    ("StackId", "stack_id"),
    ("StackName", "stack_name"),
    ("Description", "description"),
    ("Status", "status"),
    ("ExecutionStatus", "execution_status"),
    ("Capabilities", "capabilities"),
    ("NotificationARNs", "notification_arns"),
    ("OnStackFailure", "on_stack_failure"),
    ("ImportExistingResources", "imports_existing"),
    ("IncludeNestedStacks", "includes_nested"),
    ("ParentChangeSetId", "parent_id"),
    ("RootChangeSetId", "root_id"),
    ("StackDriftStatus", "drift_status"),
    ("DeploymentMode", "deployment_mode"),
    ("DeploymentConfig", "deployment"),
];
const CHANGE: [(&str, &str); 12] = [
    ("LogicalResourceId", "logical_id"),
    ("PhysicalResourceId", "physical_id"),
    ("ResourceType", "type"),
    ("Action", "action"),
    ("PolicyAction", "policy_action"),
    ("Replacement", "replacement"),
    ("BeforeContext", "before_context"),
    ("AfterContext", "after_context"),
    ("PreviousDeploymentContext", "previous_deployment_context"),
    ("ResourceDriftStatus", "drift_status"),
    ("ChangeSetId", "nested_change_set"),
    ("HookInvocationCount", "hook_invocations"),
];
const DETAIL: [(&str, &str); 12] = [
    ("Path", "path"),
    ("Attribute", "attribute"),
    ("Name", "name"),
    ("BeforeValue", "before"),
    ("AfterValue", "after"),
    ("BeforeValueFrom", "before_from"),
    ("AfterValueFrom", "after_from"),
    ("AttributeChangeType", "attribute_change"),
    ("RequiresRecreation", "requires_recreation"),
    ("Evaluation", "evaluation"),
    ("ChangeSource", "change_source"),
    ("CausingEntity", "causing_entity"),
];

fn plan(change_set: ChangeSet) -> Plan {
    let target = Target {
        account: "111111111111".to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: "AWS".to_owned(),
        stack: "demo".to_owned(),
        environment: "dev".to_owned(),
    };
    Plan {
        target,
        change_set: Some(change_set),
        ..Plan::default()
    }
}

/// Returns whether a member of a response equals the value in the plan. The wire format does not
/// distinguish empty and missing lists, or numbers and booleans and their text.
fn same(sent: &Value, shown: &Value, may_hide: bool) -> bool {
    let scalar = |value: &Value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) => Some(value.to_string()),
        _ => None,
    };
    match (sent, shown) {
        (Value::Null, _) => true,
        _ if may_hide && is_hidden(shown) => true,
        (Value::String(text), Value::Null) => text.is_empty(),
        (Value::Array(sent), Value::Array(shown)) => {
            sent.len() == shown.len()
                && sent
                    .iter()
                    .zip(shown)
                    .all(|(sent, shown)| same(sent, shown, may_hide))
        }
        (Value::Object(sent), Value::Object(_)) if sent.is_empty() => true,
        _ => scalar(sent).is_some() && scalar(sent) == scalar(shown),
    }
}

/// Checks all members of an object except those in `apart`. A member that the table does not have
/// fails the test.
fn check(sent: &Value, shown: &Value, table: &[(&str, &str)], apart: &[&str], found: &mut Found) {
    for (name, value) in sent.as_object().unwrap() {
        if apart.contains(&name.as_str()) {
            continue;
        }
        let key = table
            .iter()
            .find(|(wire, _)| wire == name)
            .unwrap_or_else(|| panic!("no place for {name}: {value}"))
            .1;
        assert!(
            same(value, &shown[key], found.may_hide),
            "{name}: {value} is not in {shown:#}"
        );
        found.members += 1;
    }
}

/// Returns whether a detail of the plan contains everything that a detail of a response contains.
fn says(shown: &Value, sent: &Value, may_hide: bool) -> bool {
    let target = &sent["Target"];
    let members = sent.as_object().unwrap().iter();
    let members = members.chain(target.as_object().into_iter().flatten());
    members
        .filter(|(name, _)| *name != "Target")
        .all(|(name, value)| {
            let key = DETAIL.iter().find(|(wire, _)| wire == name);
            let key = key
                .unwrap_or_else(|| panic!("no place for {name}: {value}"))
                .1;
            same(value, &shown[key], may_hide)
        })
}

/// Checks that the plan contains everything in a response. One detail of a response without values
/// may be several details of the plan.
pub(crate) fn look_for(sent: &Value, shown: &Value, found: &mut Found) {
    const APART: [&str; 7] = [
        "Changes",
        "StatusReason",
        "Parameters",
        "Tags",
        "RollbackConfiguration",
        "CreationTime",
        "ResponseMetadata",
    ];
    let described = &shown["change_set"];
    check(sent, described, &CHANGE_SET, &APART, found);
    if let Some(reason) = sent["StatusReason"].as_str() {
        let warned = items(&shown["warnings"]).iter().any(|it| it == reason);
        assert!(
            described["reason"] == reason || warned,
            "{reason}: {shown:#}"
        );
    }
    for (sent, shown) in items(&sent["Parameters"])
        .iter()
        .zip(items(&described["parameters"]))
    {
        assert!(same(&sent["ParameterKey"], &shown["name"], false));
        assert!(
            same(&sent["ParameterValue"], &shown["value"], found.may_hide),
            "{sent} {shown}"
        );
        assert!(
            same(
                &sent["ResolvedValue"],
                &shown["resolved_value"],
                found.may_hide
            ),
            "{sent} {shown}"
        );
    }
    assert_eq!(
        items(&sent["Parameters"]).len(),
        items(&described["parameters"]).len()
    );
    assert_eq!(items(&sent["Tags"]).len(), items(&described["tags"]).len());
    for change in items(&sent["Changes"]) {
        let resource = &change["ResourceChange"];
        let shown = items(&shown["changes"])
            .iter()
            .find(|shown| shown["logical_id"] == resource["LogicalResourceId"])
            .unwrap_or_else(|| panic!("{change:#} is not in {shown:#}"));
        check(resource, shown, &CHANGE, &["Details", "Scope"], found);
        for attribute in items(&resource["Scope"]) {
            assert!(
                items(&shown["scope"]).contains(attribute),
                "{attribute}: {shown:#}"
            );
        }
        for detail in items(&resource["Details"]) {
            let details = items(&shown["details"]);
            let is_shown = details
                .iter()
                .any(|shown| says(shown, detail, found.may_hide));
            assert!(is_shown, "{detail:#} is not in {shown:#}");
            found.details += 1;
            let target = &detail["Target"];
            found.values += ["BeforeValue", "AfterValue"]
                .iter()
                .filter(|name| target[**name].is_string())
                .count();
        }
        found.changes += 1;
    }
    found.change_sets += 1;
}

/// Serves two responses, reads them, and checks that the plan contains everything in both.
fn replay(server: &Replay, valued: &Value, plain: &Value, found: &mut Found) {
    check_plan(
        server.read(&body_of(valued), &body_of(plain)),
        valued,
        plain,
        found,
    );
}

fn check_plan(change_set: ChangeSet, valued: &Value, plain: &Value, found: &mut Found) {
    let shown_plan = plan(change_set);
    let shown = serde_json::to_value(PlanDocument::of(&shown_plan)).unwrap();
    look_for(valued, &shown, found);
    look_for(plain, &shown, found);
    let ids = |list: &Value, pointer: &str| -> Vec<Value> {
        let ids = items(list).iter();
        ids.map(|change| change.pointer(pointer).unwrap().clone())
            .collect()
    };
    let expected = ids(&plain["Changes"], "/ResourceChange/LogicalResourceId");
    let order = ids(&shown["changes"], "/logical_id");
    assert_eq!(order[..expected.len()], expected, "the service's order");
    let screen = human::plan::plan(&shown_plan, false, 100);
    for id in order {
        assert!(
            shown_plan.is_empty() || screen.contains(id.as_str().unwrap()),
            "{id}: {screen}"
        );
    }
}

/// Adds every change set in a document, with the keys as the service writes them.
fn change_sets(document: &Value, found: &mut Vec<Value>) {
    match document {
        Value::Object(members) => {
            let changes = members.get("Changes").or(members.get("changes"));
            let is_change_set = changes.is_some_and(|changes| {
                items(changes).iter().any(|change| {
                    change.get("ResourceChange").is_some() || change.get("resourceChange").is_some()
                })
            });
            if is_change_set {
                found.push(pascal_case(document));
            } else {
                members.values().for_each(|value| change_sets(value, found));
            }
        }
        Value::Array(items) => items.iter().for_each(|value| change_sets(value, found)),
        _ => {}
    }
}

/// Some tools write `logicalResourceId` and `type'`.
fn pascal_case(value: &Value) -> Value {
    match value {
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| {
                let (first, rest) = name.split_at(1);
                let name = first.to_ascii_uppercase() + rest.trim_end_matches('\'');
                let name = name.replace("NotificationArns", "NotificationARNs");
                (name, pascal_case(value))
            })
            .collect(),
        Value::Array(items) => items.iter().map(pascal_case).collect(),
        other => other.clone(),
    }
}

#[test]
fn recorded_change_sets_are_shown_completely() {
    let server = Replay::start();
    let mut found = Found::default();
    for name in [
        "localstack/responses/DescribeChangeSet",
        "docs-examples",
        "peers",
        "cdk-diff",
    ] {
        let Some(folder) = corpus::folder(name) else {
            return;
        };
        for path in corpus::files(&folder) {
            let mut answers = Vec::new();
            change_sets(&corpus::json(&path), &mut answers);
            for answer in answers {
                replay(&server, &answer, &answer, &mut found);
            }
        }
    }
    crate::report!("corpus: change sets, both descriptions: {found:?}");
    corpus::expect_cases("changes", found.changes, 900);
}

#[test]
fn merging_recorded_updates_loses_nothing() {
    let Some(folder) = corpus::folder("localstack/updates") else {
        return;
    };
    let server = Replay::start();
    let (mut found, mut only_plain) = (Found::default(), 0);
    for path in corpus::files(&folder) {
        let update = corpus::json(&path);
        for name in ["describe_change_set_1", "describe_change_set_2"] {
            let (valued, plain) = (&update[format!("{name}_prop_values")], &update[name]);
            if valued.is_null() || plain.is_null() {
                continue;
            }
            replay(&server, valued, plain, &mut found);
            let lists = [valued, plain].map(|answer| items(&answer["Changes"]).len());
            only_plain += usize::from(lists[0] < lists[1]);
        }
    }
    crate::report!("corpus: updates: {found:?}; in {only_plain} the values leave changes out");
    corpus::expect_cases("change sets", found.change_sets, 224);
    corpus::expect_cases("values", found.values, 118);
    corpus::expect_cases("sets with changes without values", only_plain, 4);
}

#[test]
fn recorded_xml_bodies_are_shown_completely() {
    let Some(folder) = corpus::folder("localstack/wire-xml/DescribeChangeSet") else {
        return;
    };
    let server = Replay::start();
    let mut found = Found::default();
    for path in corpus::files(&folder) {
        let body = std::fs::read_to_string(&path).unwrap();
        let sent = response(&body);
        check_plan(server.read(&body, &body), &sent, &sent, &mut found);
    }
    crate::report!("corpus: bodies, both descriptions: {found:?}");
    corpus::expect_cases("changes", found.changes, 900);
}

#[test]
fn descriptions_with_and_without_values_are_merged() {
    let Some(folder) = corpus::folder("cdk-diff/describe-merge") else {
        return;
    };
    let server = Replay::start();
    let (mut cases, mut found) = (0, Found::default());
    for path in corpus::files(&folder) {
        let case = corpus::json(&path);
        let [valued, plain] =
            ["with_property_values", "without_property_values"].map(|key| case[key].clone());
        if valued.is_object() && plain.is_object() {
            replay(&server, &valued, &plain, &mut found);
            cases += 1;
        }
    }
    crate::report!("corpus: {cases} merged descriptions: {found:?}");
    corpus::expect_cases("pairs of descriptions", cases, 2);
    corpus::expect_cases("details", found.details, 2);
}
