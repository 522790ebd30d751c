//! The JSON Schemas of the documents. The sandbox holds every document that a test prints to its schema; the
//! tests here are about the schemas themselves, and about documents in files.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::demo;
use crate::sandbox::{Sandbox, schema};

#[test]
fn schema_prints_the_published_schema_of_a_document() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas");
    let published = fs::read_to_string(folder.join("plan-1.schema.json")).unwrap();
    for name in ["plan", "plan/1", "stackctl.plan/1"] {
        let shown = Sandbox::new().run(&["schema", name]).expect_code(0);
        assert_eq!(shown.stdout, published, "{name}");
    }
    let events = Sandbox::new().run(&["schema", "events-of-stacks"]);
    events.expect_stdout("\"title\": \"stackctl.events-of-stacks/1\"");
}

#[test]
fn schema_of_an_unknown_document_names_the_nearest() {
    let shown = Sandbox::new().run(&["schema", "plans2"]).expect_code(64);
    shown.expect_stderr("'plans2'").expect_stderr("'plans'");
    for name in ["", "manifest.toml", "plan/2", "stackctl.", "../plan"] {
        let shown = Sandbox::new().run(&["schema", name]).expect_code(64);
        assert_eq!(shown.stdout, "");
    }
}

#[track_caller]
fn matches(sandbox: &Sandbox, path: &str, name: &str) {
    let text = fs::read_to_string(sandbox.path(path)).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], name);
    schema::check_document(&document).unwrap();
}

#[test]
fn documents_in_files_match_their_schemas() {
    let (sandbox, _cloud) = demo::deployed();
    demo::change_code(&sandbox);
    let plan = sandbox.run(&["plan", "--out", "saved.json"]);
    plan.expect_code(0);
    matches(&sandbox, "saved.json", "stackctl.plan-file/1");
    let applied = sandbox.run(&["apply", "--yes", "--outputs-file", "outputs.json"]);
    applied.expect_code(0);
    matches(&sandbox, "outputs.json", "stackctl.outputs/1");
}

fn difference(document: &Value) -> String {
    schema::check_document(document).unwrap_err()
}

#[test]
fn a_document_without_a_schema_or_with_another_layout_is_found() {
    let unknown = difference(&json!({ "schema": "stackctl.unknown/1" }));
    assert!(unknown.contains("STACKCTL_UPDATE_DOCS=1"), "{unknown}");
    for (document, expected) in [
        (json!({}), "lacks `version`"),
        (json!({ "version": 1 }), ".version is 1, not of the type"),
        (
            json!({ "version": "1", "more": null }),
            "has `more`, which the schema does not name",
        ),
    ] {
        let mut document = document;
        document["schema"] = "stackctl.version/1".into();
        let found = difference(&document);
        assert!(found.contains(expected), "{found}");
    }
    let entry = |error: Value, document: Value| {
        json!({
            "schema": "stackctl.validates/1",
            "stacks": [{
                "stack": null, "environment": "dev", "exit_code": 0, "error": error, "document": document
            }]
        })
    };
    let error = json!({ "message": "m", "causes": [], "hints": ["h", 1] });
    let found = difference(&entry(error, Value::Null));
    assert!(found.contains(".stacks[0].error.hints[1]"), "{found}");
    let error = json!({ "message": "m", "causes": [], "hints": [] });
    let finding = json!({ "severity": "error", "rule": "r", "message": "m", "help": [] });
    let document =
        json!({ "schema": "stackctl.validate/1", "valid": false, "findings": [finding] });
    let found = difference(&entry(error.clone(), document));
    assert!(found.contains("findings[0] lacks `places`"), "{found}");
    schema::check_document(&entry(error, Value::Null)).unwrap();
}
