//! Checks that stackctl's JSON documents contain everything in a response of the service.
//!
//! A response is JSON as [`response`](crate::xml::response) returns it: every scalar is a string,
//! and empty elements are null.

use serde_json::{Value, json};

use crate::xml::unescaped;

/// Returns the items of a list that may be missing.
pub(crate) fn items(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

/// Returns a member's text; `None` if it is empty, which the wire format does not distinguish.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> Option<&'a str> {
    value[name].as_str().filter(|text| !text.is_empty())
}

/// Returns a time as stackctl prints it.
pub(crate) fn time(sent: &Value, name: &str) -> Option<String> {
    let time: jiff::Timestamp = text(sent, name)?.parse().unwrap();
    Some(time.to_string())
}

/// Returns pairs of names and values, without the names that start with `aws:`.
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

/// Compares a `stackctl.status/1` document with a stack of `DescribeStacks`. Null means that there
/// is no stack.
pub(crate) fn check_status(sent: &Value, status: &Value) {
    assert_eq!(status["exists"], !sent.is_null(), "{status:#}");
    if sent.is_null() {
        return;
    }
    for (member, expected) in [
        ("id", json!(sent["StackId"])),
        ("status", json!(sent["StackStatus"])),
        ("reason", json!(text(sent, "StackStatusReason"))),
        ("created", json!(time(sent, "CreationTime"))),
        ("updated", json!(time(sent, "LastUpdatedTime"))),
        ("capabilities", json!(items(&sent["Capabilities"]))),
        (
            "termination_protection",
            json!(sent["EnableTerminationProtection"] == "true"),
        ),
        (
            "parameters",
            pairs(&sent["Parameters"], ["ParameterKey", "ParameterValue"]),
        ),
        ("tags", pairs(&sent["Tags"], ["Key", "Value"])),
    ] {
        assert_eq!(status[member], expected, "{member} of {sent:#}");
    }
}

/// Compares a `stackctl.outputs/1` document with a stack of `DescribeStacks`. If `may_hide`, values
/// may be masked.
pub(crate) fn check_outputs(sent: &Value, outputs: &Value, may_hide: bool) {
    let outputs = outputs["outputs"].as_object().unwrap();
    let sent = items(&sent["Outputs"]);
    assert_eq!(outputs.len(), sent.len(), "{outputs:#?}");
    for output in sent {
        let name = text(output, "OutputKey").unwrap();
        // A secret may be the text of a name.
        let masked = || outputs.iter().find(|(name, _)| is_hidden(&json!(name)));
        let masked = || masked().filter(|_| may_hide).map(|(_, shown)| shown);
        let shown = outputs.get(name).or_else(masked).unwrap();
        let value = output["OutputValue"].as_str().unwrap_or_default();
        let hidden = may_hide && is_hidden(&shown["value"]);
        assert!(hidden || shown["value"] == value, "{shown} of {sent:#?}");
        assert_eq!(shown["description"], json!(text(output, "Description")));
        assert_eq!(shown["export"], json!(text(output, "ExportName")));
    }
}

/// Returns whether a value of a document is masked.
pub(crate) fn is_hidden(shown: &Value) -> bool {
    const MASKS: [&str; 2] = ["****", "(secret)"];
    let shown = shown.as_str().unwrap_or_default();
    MASKS.iter().any(|mask| shown.contains(mask))
}

/// Checks that a message contains the code and the message of an error of the service.
pub(crate) fn check_error(body: &str, message: &str) {
    let between = |name: &str| {
        let (_, rest) = body.split_once(&format!("<{name}>"))?;
        let (inside, _) = rest.split_once(&format!("</{name}>"))?;
        Some(unescaped(inside))
    };
    for word in [between("Code"), between("Message")].into_iter().flatten() {
        assert!(
            flat(message).contains(&flat(&word)),
            "{word:?} is not in {message:?}"
        );
    }
}

/// Returns a text on one line. Printed text is wrapped and indented.
pub(crate) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Compares the resources of a `stackctl.status/1` document with those of a response.
pub(crate) fn check_resources(sent: &[Value], status: &Value) {
    let shown = items(&status["resources"]);
    assert_eq!(sent.len(), shown.len(), "{status:#}");
    for (sent, shown) in sent.iter().zip(shown) {
        for (member, name) in [
            ("logical_id", "LogicalResourceId"),
            ("physical_id", "PhysicalResourceId"),
            ("type", "ResourceType"),
            ("status", "ResourceStatus"),
            ("reason", "ResourceStatusReason"),
        ] {
            assert_eq!(shown[member], json!(text(sent, name)), "{name} of {sent:#}");
        }
    }
}

/// Compares events, oldest first, with those of a response, newest first.
pub(crate) fn check_events<'a>(
    sent: &Value,
    shown: impl ExactSizeIterator<Item = &'a Value> + Clone,
) {
    let sent = items(&sent["StackEvents"]);
    assert_eq!(sent.len(), shown.len());
    for (sent, shown) in sent.iter().rev().zip(shown) {
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
            assert_eq!(shown, text(sent, name), "{name} of {sent:#}");
        }
        assert_eq!(shown["time"], json!(time(sent, "Timestamp")), "{sent:#}");
    }
}

/// Returns a recorded result of `DescribeStackResources` or `DescribeStackResource` as a result of
/// `ListStackResources`. Only the name of the time differs.
pub(crate) fn summaries(sent: &Value) -> Value {
    let one = std::slice::from_ref(&sent["StackResourceDetail"]);
    let recorded = if one[0].is_null() {
        items(&sent["StackResources"])
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
