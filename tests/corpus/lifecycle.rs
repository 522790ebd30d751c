//! Recorded lifecycles of stacks, replayed with the program.
//!
//! A scenario is a recorded test of a related project: its calls, the templates, and some of AWS's
//! responses. The test runs the command for each call, serves the recorded responses and checks the
//! command's output. Responses that were not recorded are invented. Recorded updates are lifecycles
//! too. Many are alike, so one update of each shape is replayed.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::thread;

use serde_json::{Value, json};
use stackctl::diagnostic::SourceFile;
use stackctl::template::Template;
use stackctl::template::node::Node;

use crate::change_sets::Found;
use crate::corpus;
use crate::program::{Program, Refused};
use crate::response_shapes::shape;
use crate::service::Answer;
use crate::xml;

/// How many lifecycles are replayed concurrently. They mostly wait for the service.
const AT_ONCE: usize = 4;

/// How often each step was done.
pub(crate) type Counts = BTreeMap<&'static str, usize>;

/// A call of a scenario, with its recorded responses.
struct Call {
    operation: String,
    arguments: Value,
    recorded: Vec<Recorded>,
}

/// A recorded response.
struct Recorded {
    /// Its folder, such as `DescribeStacks` or `CreateChangeSet-errors`.
    kind: String,
    /// The body that is served; `None` if the recording is not in the service's format.
    body: Option<String>,
    file: Value,
}

impl Recorded {
    fn read(folder: &Path, name: &str) -> Self {
        let file = corpus::json(&folder.join(name));
        let xml = Path::new("wire-xml").join(Path::new(name).strip_prefix("responses").unwrap());
        let kind = xml.iter().nth(1).unwrap().to_str().unwrap().to_owned();
        let body = std::fs::read_to_string(folder.join(xml.with_extension("xml"))).ok();
        Self { kind, body, file }
    }

    fn is_error(&self) -> bool {
        self.kind.ends_with("-errors")
    }

    /// Returns the body of an error, also if the recording does not name the operation.
    fn error(&self) -> Option<String> {
        let sent = &self.file["response"]["Error"];
        let code = sent["Code"].as_str()?;
        let made = || xml::error(code, sent["Message"].as_str().unwrap_or_default());
        Some(self.body.clone().unwrap_or_else(made)).filter(|_| self.is_error())
    }

    fn answer(&self) -> Option<(Answer, Value)> {
        let body = self.body.as_ref().filter(|_| !self.is_error())?;
        Some((Answer::of(body), xml::response(body)))
    }

    /// Returns the recorded stack of `DescribeStacks`. If only outputs were recorded, the stack has
    /// these outputs.
    fn stack(&self) -> Option<Value> {
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
fn unrecorded(status: &str) -> Value {
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
fn calls(folder: &Path, scenario: &Value) -> Vec<Call> {
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
fn complete(parameters: &mut BTreeMap<String, String>, template: &str) {
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
fn calls_of_update(folder: &Path, update: &Value) -> Vec<Call> {
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
    fn changes(&self) -> bool {
        self.operation.starts_with("create_") || self.operation == "update_stack"
    }

    /// Returns whether it executes a change.
    fn executes(&self) -> bool {
        self.changes() && self.operation != "create_change_set"
            || self.operation == "execute_change_set"
    }

    fn argument(&self, names: [&str; 2]) -> Option<&str> {
        names.iter().find_map(|name| self.arguments[*name].as_str())
    }

    fn template(&self) -> Option<&str> {
        self.argument(["TemplateBody", "template"])
    }

    /// Returns the stack's name, also if the call has its ARN.
    fn stack(&self) -> &str {
        let stack = self
            .argument(["StackName", "stack_name"])
            .unwrap_or_default();
        stack.split('/').nth(1).unwrap_or(stack)
    }

    fn parameters(&self) -> BTreeMap<String, String> {
        let text = |value: &Value| {
            value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned)
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

    fn recorded_stack(&self) -> Option<Value> {
        self.recorded.iter().find_map(Recorded::stack)
    }
}

/// A lifecycle that is being replayed.
struct Lifecycle<'a> {
    program: Program,
    calls: &'a [Call],
    counts: Counts,
    found: Found,
}

impl Lifecycle<'_> {
    fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    fn replay(&mut self) {
        for index in 0..self.calls.len() {
            let call = &self.calls[index];
            if call.changes() && !self.plan_change(index) {
                continue;
            }
            let is_refused = call.recorded.iter().any(Recorded::is_error);
            if call.executes() && !is_refused {
                let outcome = self.outcome(index, unrecorded("CREATE_COMPLETE"));
                self.program.check_apply(&outcome);
                self.count("applied");
            }
            if call.operation == "delete_stack" && !is_refused {
                let outcome = self.outcome(index, unrecorded("DELETE_COMPLETE"));
                self.program.check_destroy(&outcome);
                self.count("destroyed");
            }
            for recorded in &call.recorded {
                self.check(recorded);
            }
        }
    }

    /// Changes the project to what the call sends, and checks the plan against the recorded change
    /// set. Returns whether there is something to execute.
    fn plan_change(&mut self, index: usize) -> bool {
        let call = &self.calls[index];
        let Some(template) = call.template() else {
            self.count("without a template of its own");
            return false;
        };
        if template.replace("{{resolve:", "").contains("{{") {
            self.count("with a template in another language");
            return false;
        }
        let refusal = call.recorded.iter().find_map(Recorded::error);
        let mut parameters = call.parameters();
        if refusal.is_none() {
            complete(&mut parameters, template);
        }
        self.program.project(call.stack(), template, &parameters);
        if let Some(error) = refusal {
            let refused = self.program.check_refusal(&error);
            self.count(match refused {
                Refused::Before => "refused by stackctl itself",
                Refused::ByTheService => "refused",
            });
            return false;
        }
        let described: Vec<(Answer, Value)> = self
            .following(index)
            .filter(|call| call.operation == "describe_change_set")
            .flat_map(|call| call.recorded.iter().filter_map(Recorded::answer))
            .collect();
        let (Some(first), Some(last)) = (described.first(), described.last()) else {
            self.program.set_unrecorded_plan();
            return true;
        };
        // If there are two descriptions, only the one with property values has contexts.
        let has_values = |described: &(Answer, Value)| described.1.to_string().contains("Context");
        let [plain, valued] = if has_values(first) {
            [last, first]
        } else {
            [first, last]
        };
        let answers = [&valued.0, &plain.0];
        self.program
            .check_plan(answers, [&valued.1, &plain.1], &mut self.found);
        self.count("planned");
        valued.1["ExecutionStatus"] == "AVAILABLE"
    }

    /// Returns the calls after this one and before the next change of a stack.
    fn following(&self, index: usize) -> impl Iterator<Item = &Call> {
        let calls = self.calls[index + 1..].iter();
        calls.take_while(|call| !call.changes())
    }

    /// Returns the recorded stack after an operation.
    fn outcome(&self, index: usize, otherwise: Value) -> Value {
        let call = &self.calls[index];
        let of_this = call.recorded_stack();
        let next = || {
            let stack = call.stack();
            let mut next = self
                .following(index)
                .take_while(|call| call.operation != "delete_stack")
                .filter(|next| stack.is_empty() || next.stack() == stack);
            // Some stacks were recorded during the operation.
            let ended = |stack: &Value| !stack["StackStatus"].to_string().contains("IN_PROGRESS");
            next.find_map(|call| call.recorded_stack().filter(ended))
        };
        of_this.or_else(next).unwrap_or(otherwise)
    }

    /// Checks the program's output for a recorded response.
    fn check(&mut self, recorded: &Recorded) {
        let checked = match (recorded.kind.as_str(), recorded.answer()) {
            ("DescribeStacks", Some((answer, sent))) => {
                self.program.check_stack(&answer, &sent);
                "checked: stacks"
            }
            ("DescribeStackEvents", Some((_, sent))) => {
                self.program.check_events(&sent);
                "checked: events"
            }
            ("DescribeStackResources" | "DescribeStackResource", Some((_, sent))) => {
                self.program.check_resources(&sent);
                "checked: resources"
            }
            // The effects of these were checked with the change.
            ("DescribeChangeSet" | "CreateChangeSet" | "CreateStack", Some(_))
            | ("DescribeStacks-outputs", None) => return,
            ("DescribeStacks-errors", None) => {
                let answer = Answer::error(recorded.error().unwrap());
                self.program.check_stack(&answer, &Value::Null);
                "checked: no stack"
            }
            ("DescribeStackEvents-errors", None) => {
                let answer = Answer::error(recorded.error().unwrap());
                self.program.check_missing_stack(answer);
                "checked: no stack"
            }
            _ => "of operations that no command shows",
        };
        self.count(checked);
    }
}

/// Runs a check on each case, several concurrently. Returns the counts and the failed cases.
pub(crate) fn each<T: Sync>(
    cases: &[(String, T)],
    check: impl Fn(&T) -> (Counts, Found) + Sync,
) -> (Counts, Found, Vec<&str>) {
    let queue = Mutex::new(cases.iter());
    let results = Mutex::new((Counts::new(), Found::default(), Vec::new()));
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap().next();
                    let Some((name, case)) = next else {
                        return;
                    };
                    let checked = catch_unwind(AssertUnwindSafe(|| check(case)));
                    let mut results = results.lock().unwrap();
                    match checked {
                        Ok((counts, found)) => {
                            for (what, count) in counts {
                                *results.0.entry(what).or_default() += count;
                            }
                            results.1.add(&found);
                        }
                        Err(_) => results.2.push(name.as_str()),
                    }
                }
            });
        }
    });
    results.into_inner().unwrap()
}

#[test]
fn program_replays_every_recorded_lifecycle() {
    let Some(folder) = corpus::folder("localstack/scenarios") else {
        return;
    };
    let root = folder.parent().unwrap();
    let mut updates = corpus::files(&root.join("updates"));
    let mut shapes = BTreeSet::new();
    updates.retain(|path| {
        let mut has = BTreeSet::new();
        let changes = &corpus::json(path)["describe_change_set_2_prop_values"];
        shape(changes, "", &mut has);
        shapes.insert(has)
    });
    let files = corpus::files(&folder).into_iter().chain(updates);
    let scenarios: Vec<(String, Vec<Call>)> = files
        .map(|path| {
            let recorded = corpus::json(&path);
            let calls = if recorded["calls"].is_array() {
                calls(root, &recorded)
            } else {
                calls_of_update(root, &recorded)
            };
            (path.display().to_string(), calls)
        })
        .collect();
    let (counts, found, failed) = each(&scenarios, |calls| {
        let mut lifecycle = Lifecycle {
            program: Program::start(),
            calls,
            counts: Counts::new(),
            found: Found::default(),
        };
        lifecycle.replay();
        (lifecycle.counts, lifecycle.found)
    });
    eprintln!(
        "corpus: {} lifecycles replayed by the program: {counts:?}; {found:?}",
        scenarios.len()
    );
    assert!(failed.is_empty(), "{failed:#?}");
    for (what, minimum) in [
        ("applied", 120),
        ("destroyed", 31),
        ("planned", 30),
        ("refused", 10),
        ("checked: events", 13),
        ("checked: resources", 14),
        ("checked: stacks", 70),
    ] {
        corpus::expect_cases(what, counts[what], minimum);
    }
}
