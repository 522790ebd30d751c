#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a failed assertion is what a test is for"
)]

use indexmap::IndexMap;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    GitState, Outcome, Reading, Record, RecordedParameter, RecordedSettings, RecordedSummary,
    StoredObject,
};

fn object(name: &str, key: &str) -> StoredObject {
    StoredObject {
        name: name.to_owned(),
        key: key.to_owned(),
        sha256: "ab".repeat(32),
        size: 12,
    }
}

/// Returns a record with something in every field.
pub(crate) fn record(number: u64) -> Record {
    let at = |second| Timestamp::from_second(second).unwrap();
    let plain = RecordedParameter::Plain("t3.micro".to_owned());
    let withheld = RecordedParameter::Withheld {
        withheld: "secret".to_owned(),
    };
    Record {
        schema: Record::schema(),
        number,
        stackctl: "0.1.0".to_owned(),
        project: "site".to_owned(),
        environment: "dev".to_owned(),
        account: "123456789012".to_owned(),
        region: "eu-west-1".to_owned(),
        stack: "site-dev".to_owned(),
        stack_id: "arn:aws:cloudformation:eu-west-1:123456789012:stack/site-dev/1".to_owned(),
        operation: "update".to_owned(),
        deployment_mode: None,
        operation_id: "stackctl-tmp-1".to_owned(),
        rollback_to: None,
        started: at(1_700_000_000),
        ended: at(1_700_000_060),
        caller: "arn:aws:sts::123456789012:assumed-role/ops/ann".to_owned(),
        outcome: Outcome::Succeeded,
        status: Some("UPDATE_COMPLETE".to_owned()),
        cause: None,
        updated_before: Some(at(1_600_000_000)),
        updated: Some(at(1_700_000_001)),
        git: Some(GitState {
            commit: "0123456789abcdef0123456789abcdef01234567".to_owned(),
            dirty: Some(true),
        }),
        template: object("", "site/templates/root.yaml"),
        templates: vec![object("network.yaml", "site/templates/child.yaml")],
        artifacts: vec![object("handler", "site/handler/code.zip")],
        files: vec![object("api.json", "site/files/api.json")],
        parameters: IndexMap::from([
            ("Size".to_owned(), plain),
            ("Password".to_owned(), withheld),
        ]),
        tags: IndexMap::from([("owner".to_owned(), "media".to_owned())]),
        capabilities: vec!["CAPABILITY_IAM".to_owned()],
        settings: RecordedSettings::default(),
        summary: RecordedSummary {
            add: 1,
            ..RecordedSummary::default()
        },
    }
}

fn read(content: &str) -> Record {
    match Record::read(content.as_bytes(), "site").unwrap() {
        Reading::Record(record) => *record,
        newer @ Reading::Newer { .. } => panic!("{newer:?}"),
    }
}

#[test]
fn a_record_is_read_as_it_was_written() {
    let written = record(7);
    let json = written.to_json().unwrap();
    assert_eq!(read(&json), written);
    assert!(json.starts_with("{\n  \"schema\": \"stackctl.record/1\",\n"));
    assert!(json.contains("\"Size\": \"t3.micro\""), "{json}");
    let keys: Vec<_> = written.keys().into_iter().collect();
    assert_eq!(
        keys,
        [
            "site/files/api.json",
            "site/handler/code.zip",
            "site/templates/child.yaml",
            "site/templates/root.yaml"
        ]
    );
    assert_eq!(written.withheld().collect::<Vec<_>>(), ["Password"]);
    assert_eq!(written.plain_parameters().len(), 1);
}

#[test]
fn fields_and_outcomes_of_newer_versions_are_ignored() {
    let mut document: Value = serde_json::from_str(&record(7).to_json().unwrap()).unwrap();
    document["mood"] = json!({ "deep": [1, 2] });
    document["template"]["color"] = json!("red");
    document["outcome"] = json!("exploded");
    document["parameters"]["Size"] = json!({ "withheld": "elsewhere", "from": "/app/size" });
    let read = read(&document.to_string());
    assert_eq!(read.outcome, Outcome::Unknown);
    assert_eq!(
        read.withheld().collect::<Vec<_>>(),
        ["Size", "Password"],
        "{read:?}"
    );
}

#[test]
fn a_record_needs_little() {
    let document = json!({
        "schema": "stackctl.record/1", "number": 1, "stackctl": "0.1.0", "project": "p",
        "environment": "dev", "account": "1", "region": "r", "stack": "s",
        "started": "2026-01-01T00:00:00Z", "ended": "2026-01-01T00:00:00Z",
        "outcome": "failed",
        "template": { "key": "p/templates/x.yaml", "sha256": "" },
    });
    assert_eq!(read(&document.to_string()).outcome, Outcome::Failed);
}

#[test]
fn a_newer_format_has_only_its_keys() {
    let document = json!({
        "schema": "stackctl.record/2",
        "main": { "at": "site/templates/a.yaml" },
        "rest": ["site/files/b", "other/files/c", "sites/d", 7, null],
        "by_key": { "site/handler/e.zip": true },
    });
    let read = Record::read(document.to_string().as_bytes(), "site").unwrap();
    let Reading::Newer { schema, keys } = read else {
        panic!("{read:?}")
    };
    assert_eq!(schema, "stackctl.record/2");
    let keys: Vec<_> = keys.into_iter().collect();
    assert_eq!(
        keys,
        [
            "site/files/b",
            "site/handler/e.zip",
            "site/templates/a.yaml"
        ]
    );
}

#[test]
fn other_contents_are_no_records() {
    let long = format!("\"{}\"", "x".repeat(super::MAX_LENGTH));
    let deep = "[".repeat(100_000);
    let contents = [
        "",
        "{",
        "null",
        "[]",
        "{}",
        r#"{ "schema": 1 }"#,
        r#"{ "schema": "stackctl.plan-file/1" }"#,
        r#"{ "schema": "stackctl.record/1" }"#,
        r#"{ "schema": "stackctl.record/1", "number": -1 }"#,
        "\u{feff}{}",
        &long,
        &deep,
    ];
    for content in contents {
        let read = Record::read(content.as_bytes(), "site");
        let shown: String = content.chars().take(40).collect();
        assert!(read.is_err(), "{shown}");
    }
    assert!(Record::read(&[0xff, 0xfe], "site").is_err());
}
