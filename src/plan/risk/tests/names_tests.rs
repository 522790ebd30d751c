//! A name that another resource still has.

use indexmap::IndexMap;

use super::{added, lines, removed, replaced};
use crate::cloudformation::change_set::{Action, Change};
use crate::diagnostic::SourceFile;
use crate::plan::model::{evaluate, models};
use crate::plan::predict::Side;
use crate::plan::risk::assess;
use crate::template::Template;

const SURE: &str = "danger";
const LIKELY: &str = "warning";

fn template(resources: &str) -> Template {
    let text = format!(
        "Parameters: {{P: {{Type: String, Default: x}}, Q: {{Type: String}}}}\n\
         Resources: {{{resources}}}\n"
    );
    Template::parse(&SourceFile::new("t", text)).unwrap()
}

/// Returns the risks of changes between two lists of resources, with evaluated names.
fn of(changes: &[Change], before: &str, after: &str) -> Vec<String> {
    let values = IndexMap::new();
    let (before, after) = (template(before), template(after));
    let mut models = models(changes, Some(&before), Some(&after));
    let sides = [&before, &after].map(|template| Some(Side::new(template, &values)));
    evaluate(&mut models, sides);
    lines(&assess(changes, &models, &[]))
}

fn renamed(kind: &str) -> [Change; 2] {
    [removed("Old", kind), added("New", kind)]
}

fn resource(id: &str, kind: &str, properties: &str) -> String {
    format!("{id}: {{Type: '{kind}', Properties: {{{properties}}}}}")
}

fn taken(severity: &str, fails: &str, property: &str) -> String {
    format!(
        "{severity} name-taken New {fails} be created: `Old`, which leaves the stack only afterwards, \
         has the same {property} `x-1`"
    )
}

#[test]
fn a_resource_that_takes_the_name_of_another_one_cannot_be_created() {
    let cases = [
        ("AWS::IAM::Role", "RoleName", "x-1", "x-1", Some(SURE)),
        (
            "AWS::IAM::Role",
            "RoleName",
            "x-1",
            "!Sub '${P}-1'",
            Some(SURE),
        ),
        (
            "AWS::IAM::Role",
            "RoleName",
            "!Sub '${P}-1'",
            "!Join ['-', [!Ref P, 1]]",
            Some(SURE),
        ),
        ("AWS::IAM::Role", "RoleName", "x-1", "x-2", None),
        ("AWS::IAM::Role", "RoleName", "x-1", "!Sub '${Q}-1'", None),
        ("AWS::SNS::Topic", "TopicName", "x-1", "x-1", Some(SURE)),
        (
            "AWS::Scheduler::ScheduleGroup",
            "Name",
            "x-1",
            "x-1",
            Some(SURE),
        ),
        (
            "AWS::Batch::SchedulingPolicy",
            "Name",
            "x-1",
            "x-1",
            Some(LIKELY),
        ),
        ("AWS::SNS::Topic", "DisplayName", "x-1", "x-1", None),
    ];
    for (kind, property, old, new, severity) in cases {
        let old = resource("Old", kind, &format!("{property}: {old}"));
        let new = resource("New", kind, &format!("{property}: {new}"));
        let found = of(&renamed(kind), &old, &new);
        let expected = severity.map(|severity| {
            let fails = if severity == SURE {
                "cannot"
            } else {
                "probably cannot"
            };
            taken(severity, fails, property)
        });
        assert_eq!(found, Vec::from_iter(expected), "{old} {new}");
    }
}

#[test]
fn a_name_is_taken_only_within_its_scope() {
    let service = |id: &str, cluster: &str| {
        let properties = format!("ServiceName: x-1, Cluster: {cluster}");
        resource(id, "AWS::ECS::Service", &properties)
    };
    let changes = renamed("AWS::ECS::Service");
    assert!(of(&changes, &service("Old", "a"), &service("New", "b")).is_empty());
    assert_eq!(
        of(&changes, &service("Old", "a"), &service("New", "a")).len(),
        1
    );
}

#[test]
fn a_generated_name_is_the_physical_id() {
    let mut changes = renamed("AWS::IAM::Role");
    changes[0].physical_id = Some("x-1".to_owned());
    let old = resource("Old", "AWS::IAM::Role", "");
    let new = resource("New", "AWS::IAM::Role", "RoleName: x-1");
    assert_eq!(
        of(&changes, &old, &new),
        [taken(SURE, "cannot", "RoleName")]
    );
    // An import takes the existing resource.
    changes[1].action = Action::Import;
    assert!(of(&changes, &old, &new).is_empty());
}

#[test]
fn resources_that_exchange_their_names_cannot_be_created() {
    let kind = "AWS::IAM::Role";
    let both = |one: &str, two: &str| {
        format!(
            "{}, {}",
            resource("One", kind, &format!("RoleName: {one}")),
            resource("Two", kind, &format!("RoleName: {two}"))
        )
    };
    let found = of(
        &[replaced("One", kind), replaced("Two", kind)],
        &both("a", "b"),
        &both("b", "a"),
    );
    assert_eq!(
        found,
        [
            "danger name-taken One cannot be created: `Two` has the same RoleName `b`",
            "danger name-taken Two cannot be created: `One` has the same RoleName `a`",
        ]
    );
}
