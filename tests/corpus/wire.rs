//! Every recorded answer as XML, through the real SDK: what stackctl makes of it is what it says.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::{Value, json};
use stackctl::aws::stack::{ChangeSetRequest, Purpose, TemplateSource};
use stackctl::error::{Error, Result};
use stackctl::event::Event;
use stackctl::present::json::stack::{OutputsDocument, StatusDocument};
use stackctl::settings::StackSettings;
use stackctl::stack::Stack;

use crate::corpus;
use crate::replay::{Replay, response};

/// Returns the items of a list that may be missing.
fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a member's text; nothing where it is empty, which is the same on the wire.
fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value[name].as_str().filter(|text| !text.is_empty())
}

/// Returns pairs of names and values, without the names that AWS keeps to itself.
fn pairs(list: &Value, [name, value]: [&str; 2]) -> Value {
    let pairs = items(list).iter().filter_map(|item| {
        let name = text(item, name).filter(|name| !name.starts_with("aws:"))?;
        Some((
            name.to_owned(),
            json!(item[value].as_str().unwrap_or_default()),
        ))
    });
    Value::Object(pairs.collect())
}

/// Returns a time in the program's spelling.
fn time(said: &Value, name: &str) -> Option<String> {
    let time: jiff::Timestamp = text(said, name)?.parse().unwrap();
    Some(time.to_string())
}

/// Checks the documents of `status` and `outputs` against an answer.
fn check_stack(said: &Value, stack: Option<&Stack>) {
    let said = &said["Stacks"][0];
    let Some(stack) = stack else {
        assert_eq!(*said, Value::Null, "a stack was lost");
        return;
    };
    let status = serde_json::to_value(StatusDocument::of("demo", Some(stack), &[])).unwrap();
    let capabilities: Vec<_> = items(&said["Capabilities"]).to_vec();
    for (member, expected) in [
        ("id", json!(said["StackId"])),
        ("status", json!(said["StackStatus"])),
        ("reason", json!(text(said, "StackStatusReason"))),
        ("created", json!(time(said, "CreationTime"))),
        ("updated", json!(time(said, "LastUpdatedTime"))),
        ("capabilities", json!(capabilities)),
        (
            "termination_protection",
            json!(said["EnableTerminationProtection"] == "true"),
        ),
        (
            "parameters",
            pairs(&said["Parameters"], ["ParameterKey", "ParameterValue"]),
        ),
        ("tags", pairs(&said["Tags"], ["Key", "Value"])),
    ] {
        assert_eq!(status[member], expected, "{member} of {said:#}");
    }
    let outputs = serde_json::to_value(OutputsDocument::of(stack)).unwrap();
    assert_eq!(
        outputs["outputs"].as_object().unwrap().len(),
        items(&said["Outputs"]).len()
    );
    for output in items(&said["Outputs"]) {
        let shown = &outputs["outputs"][text(output, "OutputKey").unwrap()];
        assert_eq!(
            shown["value"],
            json!(output["OutputValue"].as_str().unwrap_or_default())
        );
        assert_eq!(shown["description"], json!(text(output, "Description")));
        assert_eq!(shown["export"], json!(text(output, "ExportName")));
    }
}

fn check_events(said: &Value, events: &[Event]) {
    let said = items(&said["StackEvents"]);
    assert_eq!(said.len(), events.len());
    for (said, event) in said.iter().zip(events) {
        let optional = |value: &Option<String>| value.clone().unwrap_or_default();
        for (name, shown) in [
            ("EventId", event.id.clone()),
            ("StackId", event.stack_id.clone()),
            ("LogicalResourceId", event.logical_id.clone()),
            ("PhysicalResourceId", event.physical_id.clone()),
            ("ResourceType", event.resource_type.clone()),
            ("ResourceStatus", event.status.to_string()),
            ("ResourceStatusReason", optional(&event.reason)),
            ("ClientRequestToken", optional(&event.token)),
            ("OperationId", optional(&event.operation)),
        ] {
            assert_eq!(
                text(said, name).unwrap_or_default(),
                shown,
                "{name} of {said:#}"
            );
        }
        assert_eq!(
            time(said, "Timestamp"),
            event.time.map(|time| time.to_string())
        );
    }
}

/// Checks that an error says the service's code and message.
fn check_error(body: &str, error: &Error) {
    let between = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (inside, _) = rest.split_once(&format!("</{name}>"))?;
        Some(unescaped(inside))
    };
    let mut said = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        said += &format!("{error}\n");
        cause = error.source();
    }
    for word in [between("Code"), between("Message")].into_iter().flatten() {
        assert!(said.contains(&word), "{word:?} is not in {said:?}");
    }
}

fn unescaped(text: &str) -> String {
    let text = text
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"");
    let text = text.replace("&#xA;", "\n").replace("&#xD;", "\r");
    text.replace("&apos;", "'").replace("&amp;", "&")
}

/// Makes the call of an operation and checks what comes of it. `None` where stackctl has no such call.
fn replay(replay: &Replay, operation: &str, body: &str) -> Option<Result<()>> {
    let said = || response(body);
    let service = replay.service();
    let run = |result: Result<()>| Some(result);
    match operation {
        "DescribeStacks" => run(replay
            .wait(service.describe_by("demo"))
            .map(|stack| check_stack(&said(), stack.as_ref()))),
        "DescribeStackEvents" => run(replay
            .wait(service.latest_events("demo"))
            .map(|events| check_events(&said(), &events))),
        "GetTemplate" => run(replay.wait(service.template()).map(|template| {
            assert_eq!(template.as_deref(), text(&said(), "TemplateBody"));
        })),
        "GetStackPolicy" => run(replay.wait(service.policy()).map(|policy| {
            assert_eq!(policy.as_deref(), text(&said(), "StackPolicyBody"));
        })),
        "SetStackPolicy" => run(replay.wait(service.set_policy("{}"))),
        "ListChangeSets" => run(replay.wait(service.change_sets("demo")).map(|sets| {
            let said = said();
            let said = items(&said["Summaries"]);
            assert_eq!(said.len(), sets.len());
            for (said, set) in said.iter().zip(sets) {
                assert_eq!(text(said, "ChangeSetId"), Some(set.id.as_str()));
                assert_eq!(text(said, "ChangeSetName"), Some(set.name.as_str()));
                let status = text(said, "ExecutionStatus").unwrap_or_default();
                assert_eq!(status, set.execution_status);
                let created = set.created.map(|time| time.to_string());
                assert_eq!(time(said, "CreationTime"), created);
            }
        })),
        "CreateChangeSet" => {
            let none = IndexMap::new();
            let request = ChangeSetRequest {
                name: "set",
                purpose: Purpose::Update,
                imports_existing: false,
                reverts_drift: false,
                includes_nested: false,
                template: TemplateSource::Body("{}".to_owned()),
                parameters: &IndexMap::new(),
                tags: &none,
                capabilities: &[],
                settings: &StackSettings::default(),
            };
            run(replay
                .wait(service.create_change_set(&request))
                .map(|requested| {
                    let said = said();
                    assert_eq!(text(&said, "Id"), Some(requested.change_set_id.as_str()));
                    assert_eq!(text(&said, "StackId"), Some(requested.stack_id.as_str()));
                }))
        }
        "DescribeChangeSet" if body.starts_with("<Error") => {
            run(replay.wait(service.settled_change_set("set")).map(drop))
        }
        _ => None,
    }
}

#[test]
fn every_recorded_answer_is_told_as_it_was_given() {
    let Some(folder) = corpus::folder("localstack/wire-xml") else {
        return;
    };
    let server = Replay::start();
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let mut not_called = 0;
    for path in corpus::files(&folder) {
        let body = std::fs::read_to_string(&path).unwrap();
        let kind = path.parent().and_then(Path::file_name).unwrap();
        let kind = kind.to_str().unwrap();
        let operation = kind.trim_end_matches("-errors");
        let is_error = kind != operation;
        server.answer_with(if is_error { 400 } else { 200 }, &body);
        match replay(&server, operation, &body) {
            None => {
                not_called += 1;
                continue;
            }
            Some(Ok(())) if is_error => {
                // What is not there is an answer, not a failure.
                assert!(body.contains("does not exist"), "{}", path.display());
            }
            Some(Ok(())) => {}
            Some(Err(error)) => {
                assert!(is_error, "{}: {error}", path.display());
                check_error(&body, &error);
            }
        }
        *told.entry(kind.to_owned()).or_default() += 1;
    }
    let total: usize = told.values().sum();
    eprintln!(
        "corpus: {total} answers replayed {told:?}, {not_called} are change sets, told elsewhere, or of operations that are not called"
    );
    assert!(total > 0);
}
