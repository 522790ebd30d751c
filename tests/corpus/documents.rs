//! What an answer of the service says, looked for in stackctl's JSON documents.
//!
//! An answer is JSON as [`response`](crate::xml::response) returns it: every scalar a string, what is
//! empty null.

use serde_json::{Value, json};

use crate::xml::unescaped;

/// Returns the items of a list that may be missing.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a member's text; nothing where it is empty, which is the same on the wire.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value[name].as_str().filter(|text| !text.is_empty())
}

/// Returns a time in the program's spelling.
pub(crate) fn time(said: &Value, name: &str) -> Option<String> {
    let time: jiff::Timestamp = text(said, name)?.parse().unwrap();
    Some(time.to_string())
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

/// Checks a `stackctl.status/1` against a stack of `DescribeStacks`, null where there is none.
pub(crate) fn check_status(said: &Value, status: &Value) {
    assert_eq!(status["exists"], !said.is_null(), "{status:#}");
    if said.is_null() {
        return;
    }
    for (member, expected) in [
        ("id", json!(said["StackId"])),
        ("status", json!(said["StackStatus"])),
        ("reason", json!(text(said, "StackStatusReason"))),
        ("created", json!(time(said, "CreationTime"))),
        ("updated", json!(time(said, "LastUpdatedTime"))),
        ("capabilities", json!(items(&said["Capabilities"]))),
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
}

/// Checks a `stackctl.outputs/1` against a stack of `DescribeStacks`. Where `may_hide`, values may be
/// hidden that the service gives away.
pub(crate) fn check_outputs(said: &Value, outputs: &Value, may_hide: bool) {
    let outputs = outputs["outputs"].as_object().unwrap();
    let said = items(&said["Outputs"]);
    assert_eq!(outputs.len(), said.len(), "{outputs:#?}");
    for output in said {
        let shown = &outputs[text(output, "OutputKey").unwrap()];
        let value = output["OutputValue"].as_str().unwrap_or_default();
        let hidden = may_hide && is_hidden(&shown["value"]);
        assert!(hidden || shown["value"] == value, "{shown} of {said:#?}");
        assert_eq!(shown["description"], json!(text(output, "Description")));
        assert_eq!(shown["export"], json!(text(output, "ExportName")));
    }
}

/// Returns whether a value of a document stands for a secret.
pub(crate) fn is_hidden(shown: &Value) -> bool {
    const MASKS: [&str; 2] = ["****", "(secret)"];
    let shown = shown.as_str().unwrap_or_default();
    MASKS.iter().any(|mask| shown.contains(mask))
}

/// Checks that what is told of an error has the service's code and message.
pub(crate) fn check_error(body: &str, told: &str) {
    let between = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (inside, _) = rest.split_once(&format!("</{name}>"))?;
        Some(unescaped(inside))
    };
    for word in [between("Code"), between("Message")].into_iter().flatten() {
        assert!(
            flat(told).contains(&flat(&word)),
            "{word:?} is not in {told:?}"
        );
    }
}

/// Returns a text on one line: what is told to people is wrapped and indented.
pub(crate) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Checks the resources of a `stackctl.status/1` against those of an answer.
pub(crate) fn check_resources(said: &[Value], status: &Value) {
    let shown = items(&status["resources"]);
    assert_eq!(said.len(), shown.len(), "{status:#}");
    for (said, shown) in said.iter().zip(shown) {
        for (member, name) in [
            ("logical_id", "LogicalResourceId"),
            ("physical_id", "PhysicalResourceId"),
            ("type", "ResourceType"),
            ("status", "ResourceStatus"),
            ("reason", "ResourceStatusReason"),
        ] {
            assert_eq!(shown[member], json!(text(said, name)), "{name} of {said:#}");
        }
    }
}

/// Checks events, oldest first, against those of an answer, newest first.
pub(crate) fn check_events<'a>(
    said: &Value,
    shown: impl ExactSizeIterator<Item = &'a Value> + Clone,
) {
    let said = items(&said["StackEvents"]);
    assert_eq!(said.len(), shown.len());
    for (said, shown) in said.iter().rev().zip(shown) {
        for (member, name) in [
            ("id", "EventId"),
            ("stack_id", "StackId"),
            ("logical_id", "LogicalResourceId"),
            ("physical_id", "PhysicalResourceId"),
            ("type", "ResourceType"),
            ("status", "ResourceStatus"),
            ("reason", "ResourceStatusReason"),
            ("token", "ClientRequestToken"),
            ("operation_id", "OperationId"),
        ] {
            let shown = shown[member].as_str().filter(|text| !text.is_empty());
            assert_eq!(shown, text(said, name), "{name} of {said:#}");
        }
        assert_eq!(shown["time"], json!(time(said, "Timestamp")), "{said:#}");
    }
}

/// Returns the result of `ListStackResources` for what was recorded of `DescribeStackResources` or
/// `DescribeStackResource`, whose members are the same but for the name of the time.
pub(crate) fn summaries(said: &Value) -> Value {
    let one = std::slice::from_ref(&said["StackResourceDetail"]);
    let recorded = if one[0].is_null() {
        items(&said["StackResources"])
    } else {
        one
    };
    let summaries: Vec<Value> = recorded
        .iter()
        .map(|resource| {
            let mut summary = resource.as_object().unwrap().clone();
            for name in ["StackId", "StackName", "Description", "Metadata"] {
                summary.remove(name);
            }
            if let Some(time) = summary.remove("Timestamp") {
                summary.insert("LastUpdatedTimestamp".to_owned(), time);
            }
            Value::Object(summary)
        })
        .collect();
    json!({ "StackResourceSummaries": summaries })
}
