//! Recorded scenarios: the calls of a test with AWS's responses, and recorded updates in that form.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Value, json};
use stackctl::diagnostic::SourceFile;
use stackctl::template::Template;
use stackctl::template::node::Node;

use crate::corpus;
use crate::service::Answer;
use crate::xml;

/// A call of a scenario, with its recorded responses.
pub(crate) struct Call {
    pub(crate) operation: String,
    pub(crate) arguments: Value,
    pub(crate) recorded: Vec<Recorded>,
}

/// A recorded response.
pub(crate) struct Recorded {
    /// Its folder, such as `DescribeStacks` or `CreateChangeSet-errors`.
    pub(crate) kind: String,
    /// The body that is served; `None` if the recording is not in the service's format.
    body: Option<String>,
    file: Value,
}

impl Recorded {
    pub(crate) fn read(folder: &Path, name: &str) -> Self {
        let file = corpus::json(&folder.join(name));
        let xml = Path::new("wire-xml").join(Path::new(name).strip_prefix("responses").unwrap());
        let kind = xml.iter().nth(1).unwrap().to_str().unwrap().to_owned();
        let body = std::fs::read_to_string(folder.join(xml.with_extension("xml"))).ok();
        Self { kind, body, file }
    }

    pub(crate) fn is_error(&self) -> bool {
        self.kind.ends_with("-errors")
    }

    /// Returns the body of an error, also if the recording does not name the operation.
    pub(crate) fn error(&self) -> Option<String> {
        let sent = &self.file["response"]["Error"];
        let code = sent["Code"].as_str()?;
        let made = || xml::error(code, sent["Message"].as_str().unwrap_or_default());
        Some(self.body.clone().unwrap_or_else(made)).filter(|_| self.is_error())
    }

    pub(crate) fn answer(&self) -> Option<(Answer, Value)> {
        let body = self.body.as_ref().filter(|_| !self.is_error())?;
        Some((Answer::of(body), xml::response(body)))
    }

    /// Returns the recorded stack of `DescribeStacks`. If only outputs were recorded, the stack has
    /// these outputs.
    pub(crate) fn stack(&self) -> Option<Value> {
        match self.kind.as_str() {
            "DescribeStacks" => Some(self.answer()?.1["Stacks"][0].take()),
            "DescribeStacks-outputs" => {
                let outputs = self.file["response"]["outputs"].as_object()?.iter();
                let outputs = outputs.map(|(name, value)| {
                    let value = value
                        .as_str()
                        .map_or_else(|| value.to_string(), str::to_owned);
                    json!({ "OutputKey": name, "OutputValue": value })
                });
                let mut stack = unrecorded("CREATE_COMPLETE");
                stack["Outputs"] = outputs.collect();
                Some(stack)
            }
            _ => None,
        }
    }
}

/// Returns a stack that was not recorded.
pub(crate) fn unrecorded(status: &str) -> Value {
    json!({
        "StackId": "arn:aws:cloudformation:us-east-1:111111111111:stack/stack/1",
        "StackName": "stack",
        "StackStatus": status,
        "CreationTime": "2025-06-01T12:00:00.000Z",
    })
}

/// Returns the name of an operation in snake case.
fn snake_case(operation: &str) -> String {
    let letters = operation.chars().map(|letter| match letter {
        'A'..='Z' => format!("_{}", letter.to_ascii_lowercase()),
        other => other.to_string(),
    });
    letters
        .collect::<String>()
        .trim_start_matches('_')
        .to_owned()
}

/// Returns the calls of a scenario, each with its recorded responses.
pub(crate) fn calls(folder: &Path, scenario: &Value) -> Vec<Call> {
    let calls = scenario["calls"].as_array().unwrap().iter();
    let mut calls: Vec<Call> = calls
        .filter(|call| call["op"].is_string())
        .map(|call| Call {
            operation: call["op"].as_str().unwrap().to_owned(),
            arguments: call["kwargs"].clone(),
            recorded: Vec::new(),
        })
        .collect();
    let mut taken = vec![false; calls.len()];
    for name in scenario["responses"].as_object().unwrap().values() {
        let recorded = Recorded::read(folder, name.as_str().unwrap());
        let operation = snake_case(recorded.file["operation"].as_str().unwrap_or_default());
        let request = recorded.file["request"].as_object();
        let is_it = |index: &usize| {
            let call = &calls[*index];
            let mut members = request.into_iter().flatten();
            !taken[*index]
                && call.operation == operation
                && members.all(|(name, value)| call.arguments[name] == *value)
                && (operation != "describe_stacks"
                    || recorded.is_error() == is_gone(&calls[..*index], call.stack()))
        };
        // A response without a call belongs to the last change before it.
        let own = (0..calls.len()).find(is_it);
        let last = || (0..calls.len()).rfind(|index| calls[*index].changes());
        if let Some(index) = own.or_else(last) {
            taken[index] |= own.is_some();
            calls[index].recorded.push(recorded);
        }
    }
    calls
}

/// Adds the parameters that the template requires and the recorded call does not have.
pub(crate) fn complete(parameters: &mut BTreeMap<String, String>, template: &str) {
    let Ok(template) = Template::parse(&SourceFile::new("template", template)) else {
        return;
    };
    for parameter in template.parameters() {
        if parameter.default().is_none() {
            let allowed = parameter.allowed_values().and_then(<[Node]>::first);
            let value = allowed.and_then(Node::scalar);
            let value = value.unwrap_or("1".into()).into_owned();
            let name = parameter.entry.name.to_owned();
            parameters.entry(name).or_insert(value);
        }
    }
}

/// Returns whether a stack of this name is deleted or was never created after these calls.
fn is_gone(calls: &[Call], stack: &str) -> bool {
    let mut calls = calls.iter().rev().filter(|call| call.stack() == stack);
    let by_id = stack.starts_with("{{");
    let last = calls.find(|call| call.changes() || call.operation == "delete_stack");
    !by_id && last.is_none_or(|call| call.operation == "delete_stack")
}

/// Returns the calls of a recorded update: a creation, an update and a deletion, each described.
pub(crate) fn calls_of_update(folder: &Path, update: &Value) -> Vec<Call> {
    let of = |operation: &str, arguments: Value, keys: &[&str]| {
        let names = keys
            .iter()
            .filter_map(|key| update["responses"][key].as_str());
        Call {
            operation: operation.to_owned(),
            arguments,
            recorded: names.map(|name| Recorded::read(folder, name)).collect(),
        }
    };
    let mut calls = Vec::new();
    for (side, step) in [("before", 1), ("after", 2)] {
        let side = &update[side];
        let template = match &side["template_text"] {
            Value::String(text) => text.clone(),
            _ => side["template_json"].to_string(),
        };
        let plain = format!("describe-change-set-{step}");
        let valued = format!("{plain}-prop-values");
        let stack = format!("post-create-{step}-describe");
        let arguments = json!({
            "StackName": "updated",
            "TemplateBody": template,
            "parameters": side["parameters"],
        });
        calls.push(of("create_change_set", arguments, &[]));
        if step == 2 {
            // The change set of a creation only adds resources.
            calls.push(of("describe_change_set", Value::Null, &[&plain, &valued]));
        }
        calls.extend([
            of("execute_change_set", Value::Null, &[]),
            of("describe_stacks", Value::Null, &[&stack]),
        ]);
    }
    calls.push(of("delete_stack", Value::Null, &[]));
    calls.push(of("describe_stacks", Value::Null, &["delete-describe"]));
    calls
}

impl Call {
    /// Returns whether it creates or updates a stack.
    pub(crate) fn changes(&self) -> bool {
        self.operation.starts_with("create_") || self.operation == "update_stack"
    }

    /// Returns whether it executes a change.
    pub(crate) fn executes(&self) -> bool {
        self.changes() && self.operation != "create_change_set"
            || self.operation == "execute_change_set"
    }

    pub(crate) fn argument(&self, names: [&str; 2]) -> Option<&str> {
        names.iter().find_map(|name| self.arguments[*name].as_str())
    }

    pub(crate) fn template(&self) -> Option<&str> {
        self.argument(["TemplateBody", "template"])
    }

    /// Returns the stack's name, also if the call has its ARN.
    pub(crate) fn stack(&self) -> &str {
        let stack = self
            .argument(["StackName", "stack_name"])
            .unwrap_or_default();
        stack.split('/').nth(1).unwrap_or(stack)
    }

    pub(crate) fn parameters(&self) -> BTreeMap<String, String> {
        // A placeholder of the recording, such as `<qualifier>`, matches no `AllowedPattern`.
        let text = |value: &Value| match value.as_str() {
            None => value.to_string(),
            Some(text) => {
                let name = text.strip_prefix('<').and_then(|it| it.strip_suffix('>'));
                name.unwrap_or(text).to_owned()
            }
        };
        let listed = self.arguments["Parameters"]
            .as_array()
            .into_iter()
            .flatten();
        let listed = listed.filter_map(|pair| {
            let name = pair["ParameterKey"].as_str()?;
            Some((name.to_owned(), text(pair.get("ParameterValue")?)))
        });
        let named = self.arguments["parameters"]
            .as_object()
            .into_iter()
            .flatten();
        let named = named.map(|(name, value)| (name.clone(), text(value)));
        listed.chain(named).collect()
    }

    pub(crate) fn recorded_stack(&self) -> Option<Value> {
        self.recorded.iter().find_map(Recorded::stack)
    }
}
