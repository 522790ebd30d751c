//! Recorded responses of every shape, printed by the program.
//!
//! [`wire`](crate::wire) reads every response with stackctl's client. Starting the program for each
//! response would take minutes, so it is started for one response of each shape: each set of
//! members and statuses.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::change_sets::Found;
use crate::corpus;
use crate::lifecycle::{Counts, each};
use crate::program::Program;
use crate::service::Answer;
use crate::xml;

/// Collects the members of a response, each with its value if that is a status.
pub(crate) fn shape(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => {
            for (name, value) in members {
                shape(value, &format!("{path}.{name}"), found);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| shape(item, path, found)),
        Value::String(text) if path.ends_with("Status") => {
            found.insert(format!("{path} {text}"));
        }
        _ => {
            found.insert(path.to_owned());
        }
    }
}

#[test]
fn program_prints_recorded_responses_of_every_shape() {
    let Some(folder) = corpus::folder("localstack/wire-xml") else {
        return;
    };
    let (mut shapes, mut alike) = (BTreeSet::new(), 0);
    let mut cases: Vec<(String, (String, PathBuf))> = Vec::new();
    for path in corpus::files(&folder) {
        let kind = path.parent().and_then(Path::file_name).unwrap();
        let kind = kind.to_str().unwrap().to_owned();
        let mut has = BTreeSet::new();
        let sent = xml::response(&std::fs::read_to_string(&path).unwrap());
        shape(&sent, &kind, &mut has);
        if kind.ends_with("-errors") || shapes.insert(has) {
            cases.push((path.display().to_string(), (kind, path)));
        } else {
            alike += 1;
        }
    }
    let (counts, found, failed) = each(&cases, |(kind, path)| {
        let program = Program::start();
        let mut found = Found::default();
        let body = std::fs::read_to_string(path).unwrap();
        let (answer, sent) = (Answer::of(&body), xml::response(&body));
        let checked = match kind.as_str() {
            "DescribeStacks" => {
                program.check_stack(&answer, &sent);
                "stacks"
            }
            "DescribeStackEvents" => {
                program.check_events(&sent);
                "events"
            }
            "DescribeStackResources" | "DescribeStackResource" => {
                program.check_resources(&sent);
                "resources"
            }
            "DescribeChangeSet" => {
                program.check_plan([&answer; 2], [&sent; 2], &mut found);
                "change sets"
            }
            "CreateChangeSet-errors" => {
                program.check_refusal(&body);
                "refusals"
            }
            "DescribeStacks-errors" => {
                program.check_stack(&Answer::error(&body), &Value::Null);
                "no stack"
            }
            _ => "of operations that no command shows",
        };
        (Counts::from([(checked, 1)]), found)
    });
    crate::report!(
        "corpus: responses printed by the program, one of each shape ({alike} are alike): {counts:?}; {found:?}"
    );
    assert!(failed.is_empty(), "{failed:#?}");
    for (what, minimum) in [
        ("change sets", 37),
        ("events", 5),
        ("refusals", 12),
        ("resources", 3),
        ("stacks", 34),
    ] {
        corpus::expect_cases(what, counts[what], minimum);
    }
}
