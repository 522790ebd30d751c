//! Every recorded response as XML, read through the SDK.

use std::collections::BTreeMap;
use std::path::Path;

use indexmap::IndexMap;
use serde_json::Value;
use stackctl::aws::stack::{ChangeSetRequest, Purpose, TemplateSource};
use stackctl::aws::stack::{change_set, events, listing, policy};
use stackctl::cloudformation::event::Event;
use stackctl::cloudformation::stack::Stack;
use stackctl::config::settings::{DeploymentMode, StackSettings};
use stackctl::error::{Error, Result};
use stackctl::present::json::event::EventLine;
use stackctl::present::json::stack::{OutputsDocument, StatusDocument};

use crate::corpus;
use crate::documents::{
    check_error, check_events, check_outputs, check_resources, check_status, items, summaries,
    text, time,
};
use crate::replay::Replay;
use crate::service::Answer;
use crate::xml::{self, response};

/// Compares the documents of `status` and `outputs` with a response.
fn check_stack(sent: &Value, stack: Option<&Stack>) {
    let sent = &sent["Stacks"][0];
    let status = serde_json::to_value(StatusDocument::of("demo", stack, &[])).unwrap();
    check_status(sent, &status);
    if let Some(stack) = stack {
        let outputs = serde_json::to_value(OutputsDocument::of(stack)).unwrap();
        check_outputs(sent, &outputs, false);
    }
}

/// Compares the documents of events, newest first, with a response.
fn check_latest(sent: &Value, events: &[Event]) {
    let documents = events.iter().rev().map(EventLine::of);
    let documents: Vec<Value> = documents
        .map(|document| serde_json::to_value(document).unwrap())
        .collect();
    check_events(sent, documents.iter());
}

/// Returns the message of an error and of its causes.
fn words(error: &Error) -> String {
    let mut words = String::new();
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        words += &format!("{error}\n");
        cause = error.source();
    }
    words
}

/// Calls an operation and checks the result; `None` if stackctl does not call this operation.
fn replay(replay: &Replay, operation: &str, body: &str) -> Option<Result<()>> {
    let sent = || response(body);
    let service = replay.client();
    let run = |result: Result<()>| Some(result);
    match operation {
        "DescribeStacks" => run(replay
            .wait(service.describe_by("demo"))
            .map(|stack| check_stack(&sent(), stack.as_ref()))),
        "DescribeStackEvents" => run(replay
            .wait(events::latest(service, "demo"))
            .map(|events| check_latest(&sent(), &events))),
        "GetTemplate" => run(replay.wait(service.template()).map(|template| {
            assert_eq!(template.as_deref(), text(&sent(), "TemplateBody"));
        })),
        "GetStackPolicy" => run(replay.wait(policy::read(service)).map(|policy| {
            assert_eq!(policy.as_deref(), text(&sent(), "StackPolicyBody"));
        })),
        "SetStackPolicy" => run(replay.wait(policy::set(service, "{}"))),
        "ListChangeSets" => run(replay
            .wait(listing::change_sets(service, "demo"))
            .map(|sets| {
                let sent = sent();
                let sent = items(&sent["Summaries"]);
                assert_eq!(sent.len(), sets.len());
                for (sent, set) in sent.iter().zip(sets) {
                    assert_eq!(text(sent, "ChangeSetId"), Some(set.id.as_str()));
                    assert_eq!(text(sent, "ChangeSetName"), Some(set.name.as_str()));
                    let status = text(sent, "ExecutionStatus").unwrap_or_default();
                    assert_eq!(status, set.execution_status);
                    let created = set.created.map(|time| time.to_string());
                    assert_eq!(time(sent, "CreationTime"), created);
                }
            })),
        "CreateChangeSet" => {
            let none = IndexMap::new();
            let request = ChangeSetRequest {
                name: "set",
                description: "made by stackctl",
                purpose: Purpose::Update,
                imports: &[],
                imports_existing: false,
                reverts_drift: false,
                includes_nested: false,
                mode: DeploymentMode::Standard,
                disables_rollback: false,
                skips_validation: false,
                template: TemplateSource::Body("{}".to_owned()),
                parameters: &IndexMap::new(),
                tags: &none,
                capabilities: &[],
                alarm_types: &none,
                settings: &StackSettings::default(),
            };
            run(replay
                .wait(service.create_change_set(&request))
                .map(|requested| {
                    let sent = sent();
                    assert_eq!(text(&sent, "Id"), Some(requested.change_set_id.as_str()));
                    assert_eq!(text(&sent, "StackId"), Some(requested.stack_id.as_str()));
                }))
        }
        "DescribeStackResources" | "DescribeStackResource" if !body.starts_with("<Error") => {
            let sent = summaries(&sent());
            replay.answer_with(Answer::of(xml::body("ListStackResources", &sent)));
            run(replay.wait(service.resources()).map(|resources| {
                let status = StatusDocument::of("demo", None, &resources);
                let status = serde_json::to_value(status).unwrap();
                check_resources(items(&sent["StackResourceSummaries"]), &status);
            }))
        }
        "DescribeChangeSet" if body.starts_with("<Error") => {
            run(replay.wait(change_set::wait(service, "set")).map(drop))
        }
        _ => None,
    }
}

#[test]
fn client_reads_every_recorded_response() {
    let Some(folder) = corpus::folder("localstack/wire-xml") else {
        return;
    };
    let server = Replay::start();
    let mut checked: BTreeMap<String, usize> = BTreeMap::new();
    let mut not_called = 0;
    for path in corpus::files(&folder) {
        let body = std::fs::read_to_string(&path).unwrap();
        let kind = path.parent().and_then(Path::file_name).unwrap();
        let kind = kind.to_str().unwrap();
        let operation = kind.trim_end_matches("-errors");
        let is_error = kind != operation;
        server.answer_with(if is_error {
            Answer::error(&body)
        } else {
            Answer::of(&body)
        });
        match replay(&server, operation, &body) {
            None => {
                not_called += 1;
                continue;
            }
            Some(Ok(())) if is_error => {
                // A missing object is a result, not an error.
                assert!(body.contains("does not exist"), "{}", path.display());
            }
            Some(Ok(())) => {}
            Some(Err(error)) => {
                assert!(is_error, "{}: {error}", path.display());
                check_error(&body, &words(&error));
            }
        }
        *checked.entry(kind.to_owned()).or_default() += 1;
    }
    let total: usize = checked.values().sum();
    crate::report!(
        "corpus: {total} answers replayed {checked:?}, {not_called} are change sets, checked elsewhere, or of operations that are not called"
    );
    corpus::expect_cases("responses", total, 294);
}
