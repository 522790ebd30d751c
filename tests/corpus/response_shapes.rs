//! Answers of every shape that was recorded, told by the program.
//!
//! [`wire`](crate::wire) looks at every answer through stackctl's own client. Starting the program for
//! each of them would take minutes and show the same over and over, so it is started for one answer of
//! each shape: each set of members and statuses that occurs.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::change_sets::Found;
use crate::corpus;
use crate::lifecycle::{Counts, each};
use crate::program::Program;
use crate::service::Answer;
use crate::xml;

/// Returns what an answer has: the members of its objects, each with the value where that is a status.
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
        let said = xml::response(&std::fs::read_to_string(&path).unwrap());
        shape(&said, &kind, &mut has);
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
        let (answer, said) = (Answer::of(&body), xml::response(&body));
        let told = match kind.as_str() {
            "DescribeStacks" => {
                program.tells_stack(&answer, &said);
                "stacks"
            }
            "DescribeStackEvents" => {
                program.tells_events(&said);
                "events"
            }
            "DescribeStackResources" | "DescribeStackResource" => {
                program.tells_resources(&said);
                "resources"
            }
            "DescribeChangeSet" => {
                program.plans([&answer; 2], [&said; 2], &mut found);
                "change sets"
            }
            "CreateChangeSet-errors" => {
                program.is_refused(&body);
                "refusals"
            }
            "DescribeStacks-errors" => {
                program.tells_stack(&Answer::error(&body), &Value::Null);
                "no stack"
            }
            _ => "of operations that no command shows",
        };
        (Counts::from([(told, 1)]), found)
    });
    eprintln!(
        "corpus: answers told by the program, one of each shape ({alike} are alike): {counts:?}; {found:?}"
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
