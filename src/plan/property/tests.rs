#![expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]

use super::{PropertyChange, depends_on_unknown, property_changes};
use crate::cloudformation::change_set::{Change, Detail, Replacement};
use crate::diagnostic::SourceFile;
use crate::plan::model::Model;
use crate::template::Template;

fn detail(name: &str) -> Detail {
    Detail {
        attribute: Some("Properties".to_owned()),
        name: Some(name.to_owned()),
        ..Detail::default()
    }
}

fn change(details: Vec<Detail>) -> Change {
    Change {
        logical_id: "A".to_owned(),
        details,
        ..Change::default()
    }
}

fn in_contexts(mut change: Change, before: &str, after: &str) -> Change {
    change.before_context = Some(before.to_owned());
    change.after_context = Some(after.to_owned());
    change
}

/// Returns each property as `path: before → after`.
fn lines(properties: &[PropertyChange]) -> Vec<String> {
    let text = |side: &Option<super::Content>| {
        side.as_ref()
            .map_or("none".to_owned(), |content| content.text().to_owned())
    };
    properties
        .iter()
        .map(|it| format!("{}: {} → {}", it.path, text(&it.before), text(&it.after)))
        .collect()
}

fn of_contexts(change: &Change) -> Vec<PropertyChange> {
    property_changes(change, Some(&Model::of(change, None, None)), &[])
}

#[test]
fn the_details_of_one_property_are_combined() {
    let by_parameter = Detail {
        evaluation: Some("Static".to_owned()),
        change_source: Some("ParameterReference".to_owned()),
        causing_entity: Some("Size".to_owned()),
        requires_recreation: Some("Conditionally".to_owned()),
        ..detail("InstanceType")
    };
    let with_values = Detail {
        path: Some("/Properties/InstanceType".to_owned()),
        before: Some("t2.micro".to_owned()),
        after: Some("t3.micro".to_owned()),
        evaluation: Some("Dynamic".to_owned()),
        change_source: Some("DirectModification".to_owned()),
        ..detail("InstanceType")
    };
    for details in [
        vec![by_parameter.clone(), with_values.clone()],
        vec![with_values, by_parameter],
    ] {
        let properties = property_changes(&change(details), None, &[]);
        assert_eq!(lines(&properties), ["InstanceType: t2.micro → t3.micro"]);
        let property = properties.first().unwrap();
        assert_eq!(
            property.cause.as_deref(),
            Some("because parameter `Size` changed")
        );
        assert_eq!(
            property.requires_recreation.as_deref(),
            Some("Conditionally")
        );
        assert!(!property.is_dynamic);
    }
}

#[test]
fn a_deeper_path_replaces_the_path_of_its_property() {
    let deep = Detail {
        path: Some("/Properties/Code/S3Key".to_owned()),
        after: Some("b.zip".to_owned()),
        ..Detail::default()
    };
    let properties = property_changes(&change(vec![detail("Code"), deep]), None, &[]);
    assert_eq!(lines(&properties), ["Code.S3Key: none → b.zip"]);
}

#[test]
fn values_are_from_contexts_and_notes_from_details() {
    let forced = Detail {
        requires_recreation: Some("Always".to_owned()),
        path: Some("/Properties/KeySchema/0/AttributeName".to_owned()),
        ..detail("KeySchema")
    };
    let change = in_contexts(
        change(vec![forced]),
        r#"{"DeletionPolicy":"Retain","Properties":{"KeySchema":[{"AttributeName":"a"}],"Ttl":"1"}}"#,
        r#"{"Properties":{"KeySchema":[{"AttributeName":"b"}],"Ttl":"2"}}"#,
    );
    let properties = of_contexts(&change);
    assert_eq!(
        lines(&properties),
        [
            "KeySchema[a].AttributeName: a → b",
            "DeletionPolicy: Retain → none",
            "Ttl: 1 → 2",
        ]
    );
    let forced: Vec<_> = properties
        .iter()
        .map(|property| property.requires_recreation.is_some())
        .collect();
    assert_eq!(forced, [true, false, false]);
}

#[test]
fn only_differences_are_returned_and_lists_are_aligned() {
    let cases = [
        // Tags are compared by key, in any order.
        (
            r#"{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}]}"#,
            r#"{"Tags":[{"Key":"new","Value":"0"},{"Key":"b","Value":"3"},{"Key":"a","Value":"1"}]}"#,
            vec!["Tags.b: 2 → 3", "Tags.new: none → 0"],
        ),
        // In a context, every scalar may be a string.
        (
            r#"{"On":true,"Port":80}"#,
            r#"{"On":"true","Port":"80"}"#,
            vec![],
        ),
        // A policy inside a string is compared as JSON.
        (
            r#"{"Policy":"{\"Statement\":[{\"Sid\":\"s\",\"Action\":\"a\"}]}"}"#,
            r#"{"Policy":"{ \"Statement\": [{\"Sid\":\"s\",\"Action\":\"b\"}] }"}"#,
            vec!["Policy.Statement[s].Action: a → b"],
        ),
        // A text that only looks like JSON is compared as text.
        (
            r#"{"Name":"{Substitution}"}"#,
            r#"{"Name":"{Other}"}"#,
            vec!["Name: {Substitution} → {Other}"],
        ),
        (
            r#"{"Password":"{{resolve:ssm:a:1}}"}"#,
            r#"{"Password":"{{resolve:ssm:a:2}}"}"#,
            vec!["Password: {{resolve:ssm:a:1}} → {{resolve:ssm:a:2}}"],
        ),
    ];
    for (before, after, expected) in cases {
        let wrapped = |properties: &str| format!(r#"{{"Properties":{properties}}}"#);
        let change = in_contexts(change(Vec::new()), &wrapped(before), &wrapped(after));
        assert_eq!(lines(&of_contexts(&change)), expected);
    }
}

#[test]
fn json_values_of_details_are_compared_as_json() {
    let policy = Detail {
        before: Some(r#"{"Version":"1","Statement":[{"Sid":"s","Effect":"Allow"}]}"#.to_owned()),
        after: Some(r#"{"Statement":[{"Sid":"s","Effect":"Deny"}],"Version":"1"}"#.to_owned()),
        ..detail("Policy")
    };
    let properties = property_changes(&change(vec![policy]), None, &[]);
    assert_eq!(
        lines(&properties),
        ["Policy.Statement[s].Effect: Allow → Deny"]
    );
}

#[test]
fn missing_values_are_from_the_templates() {
    let template = |key: &str| {
        let text = format!(
            "Resources:\n  A: {{Type: T, Properties: {{Code: {{S3Key: {key}}}, CodeSigning: {key}}}}}\n"
        );
        Template::parse(&SourceFile::new("t", text)).unwrap()
    };
    let change = change(vec![detail("Code")]);
    let model = Model::of(&change, Some(&template("a")), Some(&template("b")));
    // The change set does not name the other property, so it does not change.
    let properties = property_changes(&change, Some(&model), &[]);
    assert_eq!(lines(&properties), ["Code.S3Key: a → b"]);
}

#[test]
fn a_replacement_may_depend_only_on_unknown_values() {
    let forcing = |after: &str| Detail {
        after: Some(after.to_owned()),
        requires_recreation: Some("Always".to_owned()),
        ..detail(after)
    };
    let unknown = "arn:aws:{{changeSet:KNOWN_AFTER_APPLY}}";
    for (details, expected) in [
        (vec![forcing(unknown)], true),
        (vec![forcing(unknown), forcing("known")], false),
        (vec![detail("x")], false),
    ] {
        let mut change = change(details);
        change.replacement = Some(Replacement::True);
        let properties = property_changes(&change, None, &[]);
        assert_eq!(depends_on_unknown(&change, &properties), expected);
    }
}
