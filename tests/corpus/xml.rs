//! Converts JSON to the XML of the service, and back.

use std::collections::VecDeque;

use serde_json::{Map, Value};

/// The lists that the service sends even if they are empty. A recording may leave them out.
const LISTS: [(&str, &str); 5] = [
    ("DescribeChangeSet", "Changes"),
    ("DescribeStackEvents", "StackEvents"),
    ("ListChangeSets", "Summaries"),
    ("ListStackResources", "StackResourceSummaries"),
    ("ListStacks", "StackSummaries"),
];

/// Returns the body of a response to an operation.
pub(crate) fn body(operation: &str, result: &Value) -> String {
    let list = LISTS.iter().find(|(name, _)| *name == operation);
    let empty = list
        .filter(|(_, list)| result[*list].is_null())
        .map_or_else(String::new, |(_, list)| format!("<{list}/>"));
    format!(
        "<{operation}Response><{operation}Result>{}{empty}</{operation}Result></{operation}Response>",
        xml(result)
    )
}

/// Returns the body of an error.
pub(crate) fn error(code: &str, message: &str) -> String {
    let error = serde_json::json!({ "Type": "Sender", "Code": code, "Message": message });
    format!(
        "<ErrorResponse><Error>{}</Error></ErrorResponse>",
        xml(&error)
    )
}

/// Returns the body of a recorded change set.
pub(crate) fn change_set(response: &Value) -> String {
    let mut response = response.clone();
    if let Some(response) = response.as_object_mut() {
        response.remove("ResponseMetadata");
        // The recordings have a placeholder for the time.
        response.remove("CreationTime");
        // An example of the documentation shows only a part of the answer.
        response
            .entry("Status")
            .or_insert_with(|| "CREATE_COMPLETE".into());
    }
    body("DescribeChangeSet", &response)
}

fn xml(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Object(members) => members
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| element_of(name, value))
            .collect(),
        Value::Array(items) => items
            .iter()
            .map(|item| element_of("member", item))
            .collect(),
        Value::String(text) => text
            .replace('&', "&amp;")
            .replace('<', "&lt;")
            .replace('>', "&gt;"),
        other => other.to_string(),
    }
}

fn element_of(name: &str, value: &Value) -> String {
    format!("<{name}>{}</{name}>", xml(value))
}

/// Returns the response in a body of the service. Every scalar is a string.
pub(crate) fn response(body: &str) -> Value {
    let mut pieces: VecDeque<&str> = body.split('<').collect();
    pieces.pop_front();
    let mut document = Map::new();
    let (name, value) = element(&mut pieces);
    document.insert(name, value);
    // `XResponse` contains `XResult`, which contains the response.
    let mut answer = Value::Object(document);
    for _ in 0..2 {
        let inner = answer
            .as_object()
            .and_then(|members| members.values().next());
        answer = inner.cloned().unwrap_or_default();
    }
    answer
}

/// Reads an element from pieces that each start after a `<`.
fn element(pieces: &mut VecDeque<&str>) -> (String, Value) {
    let (tag, text) = pieces.pop_front().unwrap().split_once('>').unwrap();
    let name = tag.split([' ', '/']).next().unwrap().to_owned();
    if tag.ends_with('/') {
        return (name, Value::Null);
    }
    let mut members = Map::new();
    let mut items = Vec::new();
    loop {
        if pieces[0].starts_with('/') {
            pieces.pop_front();
            break;
        }
        let (name, value) = element(pieces);
        if name == "member" {
            items.push(value);
        } else {
            members.insert(name, value);
        }
    }
    let value = if !items.is_empty() {
        Value::Array(items)
    } else if !members.is_empty() {
        Value::Object(members)
    } else {
        Value::String(unescaped(text))
    };
    (name, value)
}

/// Returns the text of an escaped text.
pub(crate) fn unescaped(text: &str) -> String {
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    let text = text.replace("&quot;", "\"").replace("&apos;", "'");
    let text = text.replace("&#xA;", "\n").replace("&#xD;", "\r");
    text.replace("&amp;", "&")
}
