//! A project of eight stacks in three regions and two accounts, with a diamond in its graph.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::sync::Mutex;

use serde_json::{Value, json};

use crate::emulator::{self, request};
use crate::project::{copy, texts};
use crate::proxy::{Proxy, Rule};
use crate::sandbox::{Finished, Running, Sandbox};

const FIRST: &str = "111111111111";
const SECOND: &str = "222222222222";

/// A stack of the project.
pub(crate) struct Stack {
    /// Its key in `[stacks]`.
    pub(crate) key: &'static str,
    /// Its account in the manifest.
    account: &'static str,
    region: &'static str,
    /// The stacks that come before it.
    needs: &'static [&'static str],
}

/// The stacks in the order of their keys.
pub(crate) const STACKS: [Stack; 8] = [
    stack("app", FIRST, "eu-west-1", &["data", "queue"]),
    stack("data", FIRST, "eu-west-1", &["network"]),
    stack("edge", FIRST, "ap-southeast-2", &["app"]),
    stack("identity", SECOND, "us-east-1", &[]),
    stack("monitor", SECOND, "us-east-1", &["edge", "worker"]),
    stack("network", FIRST, "eu-west-1", &[]),
    stack("queue", FIRST, "us-east-1", &["network"]),
    stack("worker", SECOND, "eu-west-1", &["identity", "queue"]),
];

/// The options of `destroy` for what the stacks store.
pub(crate) const ALLOW_DELETE: [&str; 4] = [
    "--allow-delete",
    "data:Table",
    "--allow-delete",
    "queue:Queue",
];

const fn stack(
    key: &'static str,
    account: &'static str,
    region: &'static str,
    needs: &'static [&'static str],
) -> Stack {
    Stack {
        key,
        account,
        region,
        needs,
    }
}

/// One operation on one stack, from the stack's own events.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Operation {
    pub(crate) stack: &'static str,
    /// `CREATE`, `UPDATE` or `DELETE`.
    pub(crate) kind: String,
    began: String,
    /// Its end; `None` if it runs.
    ended: Option<String>,
    /// The stack's status at its end.
    pub(crate) status: String,
}

/// The project with two accounts of its own.
pub(crate) struct EightStacks {
    sandbox: Sandbox,
    accounts: [String; 2],
    name: String,
    /// The ids of the stacks, also of those that are deleted.
    ids: Mutex<BTreeMap<String, &'static str>>,
}

impl EightStacks {
    pub(crate) fn new() -> Self {
        let sandbox = Sandbox::new();
        let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/eight_stacks");
        copy(&fixture, &sandbox.path(""));
        let lend = || emulator::shared().lend(&sandbox.path(""), &sandbox.cache());
        let accounts = [(); 2].map(|()| lend().account);
        let name = format!("eight-{}", accounts[0]);
        sandbox.edit("manifest.toml", "\"eight\"", &format!("\"{name}\""));
        for (written, own) in [FIRST, SECOND].into_iter().zip(&accounts) {
            sandbox.edit("manifest.toml", written, own);
        }
        Self {
            sandbox,
            accounts,
            name,
            ids: Mutex::default(),
        }
    }

    /// Sets a variable of one stack in the local environment.
    pub(crate) fn set(&self, stack: &str, variable: &str, value: &str) {
        self.unset(stack, variable);
        let row = format!("{}{value}\n", row(stack, variable));
        self.sandbox.append("manifest.toml", &row);
    }

    /// Removes what [`Self::set`] wrote.
    pub(crate) fn unset(&self, stack: &str, variable: &str) {
        let text = fs::read_to_string(self.sandbox.path("manifest.toml")).unwrap();
        let row = row(stack, variable);
        let lines = text.lines().filter(|line| !line.starts_with(&row));
        let kept: String = lines.flat_map(|line| [line, "\n"]).collect();
        self.sandbox.write("manifest.toml", kept);
    }

    /// Runs `stackctl` for the local environment, without a terminal.
    pub(crate) fn run(&self, arguments: &[&str]) -> Finished {
        self.spawn(arguments).wait()
    }

    /// Starts `stackctl` for the local environment, without a terminal.
    pub(crate) fn spawn(&self, arguments: &[&str]) -> Running {
        self.sandbox.spawn(&[arguments, &["-e", "local"]].concat())
    }

    /// Runs `stackctl` for the local environment and returns its JSON document.
    #[track_caller]
    pub(crate) fn json(&self, arguments: &[&str]) -> Value {
        self.sandbox.json(&[arguments, &["-e", "local"]].concat())
    }

    /// Runs all later commands behind a proxy, until it is dropped and [`Self::without_proxy`] is called.
    pub(crate) fn behind_proxy(&self, rule: Rule) -> Proxy {
        let endpoint = emulator::shared().endpoint();
        let proxy = Proxy::start(&endpoint, rule);
        let port = proxy.endpoint().rsplit(':').next().unwrap().parse();
        self.publish(port.unwrap());
        proxy
    }

    /// Runs all later commands without a proxy.
    pub(crate) fn without_proxy(&self) {
        let endpoint = emulator::shared().endpoint();
        let port = endpoint.rsplit(':').next().unwrap().parse();
        self.publish(port.unwrap());
    }

    fn publish(&self, port: u16) {
        let (root, cache) = (self.sandbox.path(""), self.sandbox.cache());
        emulator::shared().lend_behind(&root, &cache, &self.accounts[0], port);
    }

    /// Returns the two accounts.
    pub(crate) fn accounts(&self) -> &[String; 2] {
        &self.accounts
    }

    /// Returns the name of a stack.
    pub(crate) fn stack_name(&self, key: &str) -> String {
        format!("{}-{key}-local", self.name)
    }

    /// Makes the same call for each stack, in its account and its region.
    fn call_for_each(
        &self,
        service: &str,
        operation: &str,
        arguments: impl Fn(&Stack) -> Value,
    ) -> Vec<Result<Value, String>> {
        let requests: Vec<Value> = STACKS
            .iter()
            .map(|stack| request(self.place(stack), service, operation, &arguments(stack)))
            .collect();
        emulator::shared().call(&requests)
    }

    fn place(&self, stack: &Stack) -> (&str, &'static str) {
        let [first, second] = &self.accounts;
        let account = if stack.account == FIRST {
            first
        } else {
            second
        };
        (account, stack.region)
    }

    fn describe(&self) -> Vec<Result<Value, String>> {
        let name = |stack: &Stack| json!({"StackName": self.stack_name(stack.key)});
        self.call_for_each("cloudformation", "describe_stacks", name)
    }

    /// Returns the status of each stack that exists.
    pub(crate) fn statuses(&self) -> BTreeMap<&'static str, String> {
        let answers = STACKS.iter().zip(self.describe());
        let status = |(stack, answer): (&Stack, Result<Value, String>)| {
            let status = answer.ok()?["Stacks"][0]["StackStatus"]
                .as_str()?
                .to_owned();
            Some((stack.key, status))
        };
        answers.filter_map(status).collect()
    }

    /// Returns all operations on all stacks, also on stacks that were deleted.
    pub(crate) fn operations(&self) -> BTreeSet<Operation> {
        let mut ids = self.ids.lock().unwrap();
        for (stack, answer) in STACKS.iter().zip(self.describe()) {
            let Ok(answer) = answer else { continue };
            let id = answer["Stacks"][0]["StackId"].as_str().unwrap();
            ids.insert(id.to_owned(), stack.key);
        }
        let requests: Vec<Value> = ids
            .iter()
            .map(|(id, key)| {
                let stack = STACKS.iter().find(|stack| stack.key == *key).unwrap();
                let arguments = json!({"StackName": id});
                let place = self.place(stack);
                request(place, "cloudformation", "describe_stack_events", &arguments)
            })
            .collect();
        let answers = emulator::shared().call(&requests);
        let answers = ids.iter().zip(answers);
        answers
            .flat_map(|((id, key), answer)| {
                // The emulator forgets a deleted stack if there is another one of its name.
                let answer = answer.unwrap_or_default();
                operations(id, key, &answer["StackEvents"])
            })
            .collect()
    }

    /// Returns the operations since an earlier look, after checking their order.
    #[track_caller]
    pub(crate) fn since(&self, before: &BTreeSet<Operation>) -> Vec<Operation> {
        let all = self.operations();
        let new: Vec<Operation> = all.difference(before).cloned().collect();
        expect_order(&new);
        new
    }

    /// Returns the artifacts of each account and region.
    pub(crate) fn artifacts(&self) -> BTreeMap<String, Vec<String>> {
        let places: BTreeSet<(&str, &str)> = STACKS.iter().map(|it| self.place(it)).collect();
        let bucket =
            |(account, region): &(&str, &str)| format!("stackctl-artifacts-{account}-{region}");
        let requests: Vec<Value> = places
            .iter()
            .map(|place| {
                let arguments = json!({"Bucket": bucket(place)});
                request(*place, "s3", "list_object_versions", &arguments)
            })
            .collect();
        let answers = emulator::shared().call(&requests);
        let keys = |answer: Result<Value, String>| {
            let keys = texts(&answer.ok()?["Versions"], "Key").into_iter();
            let zips: Vec<String> = keys
                .filter(|key| Path::new(key).extension().is_some_and(|it| it == "zip"))
                .collect();
            (!zips.is_empty()).then_some(zips)
        };
        let found = places.iter().zip(answers);
        found
            .filter_map(|(place, answer)| Some((bucket(place), keys(answer)?)))
            .collect()
    }

    /// Returns the change sets that were not executed, and the stacks that were never created.
    pub(crate) fn leftovers(&self) -> Vec<String> {
        let name = |stack: &Stack| json!({"StackName": self.stack_name(stack.key)});
        let answers = self.call_for_each("cloudformation", "list_change_sets", name);
        let sets = answers.into_iter().flatten().flat_map(|answer| {
            let sets = answer["Summaries"].as_array().cloned().unwrap_or_default();
            sets.into_iter().map(|set| set.to_string())
        });
        let mut left: Vec<String> = sets.filter(|set| set.contains("\"AVAILABLE\"")).collect();
        let statuses = self.statuses().into_iter();
        left.extend(statuses.filter_map(|(key, status)| {
            (status == "REVIEW_IN_PROGRESS").then(|| format!("{key} {status}"))
        }));
        left
    }
}

fn row(stack: &str, variable: &str) -> String {
    format!("stacks.{stack}.vars.{variable} = ")
}

/// Returns the operations on a stack from its events, which are the newest first.
fn operations(id: &str, stack: &'static str, events: &Value) -> Vec<Operation> {
    let mut all: Vec<Operation> = Vec::new();
    for event in events.as_array().into_iter().flatten().rev() {
        if event["PhysicalResourceId"] != id {
            continue;
        }
        let text = |name: &str| event[name].as_str().unwrap_or_default().to_owned();
        let (status, time) = (text("ResourceStatus"), text("Timestamp"));
        let begins = ["CREATE", "UPDATE", "DELETE"]
            .into_iter()
            .find(|kind| status == format!("{kind}_IN_PROGRESS"));
        match (begins, all.last_mut()) {
            (Some(kind), _) => all.push(Operation {
                stack,
                kind: kind.to_owned(),
                began: time,
                ended: None,
                status,
            }),
            (None, Some(last)) => {
                let is_end = !status.ends_with("_IN_PROGRESS");
                last.ended = is_end.then_some(time);
                last.status = status;
            }
            (None, None) => {}
        }
    }
    all
}

/// Fails the test if an operation began before one that comes first had ended, or if a stack had more than
/// one operation.
#[track_caller]
pub(crate) fn expect_order(operations: &[Operation]) {
    for operation in operations {
        let on_the_stack = operations.iter().filter(|it| it.stack == operation.stack);
        assert_eq!(on_the_stack.count(), 1, "{operations:#?}");
        let stack = STACKS.iter().find(|it| it.key == operation.stack).unwrap();
        for needed in operations
            .iter()
            .filter(|it| stack.needs.contains(&it.stack))
        {
            let (first, second) = if operation.kind == "DELETE" {
                (operation, needed)
            } else {
                (needed, operation)
            };
            let ended = first.ended.as_ref();
            assert!(
                ended.is_some_and(|ended| *ended <= second.began),
                "{first:#?} comes before {second:#?}"
            );
        }
    }
}

/// Returns the operations as `app UPDATE_COMPLETE`.
pub(crate) fn outcomes(operations: &[Operation]) -> Vec<String> {
    let line = |it: &Operation| format!("{} {}", it.stack, it.status);
    operations.iter().map(line).collect()
}

/// Returns `STATUS` for each of these stacks, as [`outcomes`] does.
pub(crate) fn all(stacks: &[&str], status: &str) -> Vec<String> {
    stacks
        .iter()
        .map(|stack| format!("{stack} {status}"))
        .collect()
}
