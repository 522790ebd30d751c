//! Recorded lifecycles of stacks, replayed with the program.
//!
//! A scenario is a recorded test of a related project: its calls, the templates, and some of AWS's
//! responses. The test runs the command for each call, serves the recorded responses and checks the
//! command's output. Responses that were not recorded are invented. Recorded updates are lifecycles
//! too. Many are alike, so one update of each shape is replayed.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::thread;

use serde_json::Value;

use crate::change_sets::Found;
use crate::corpus;
use crate::program::{Program, Refused};
use crate::response_shapes::shape;
use crate::scenario::{Call, Recorded, calls, calls_of_update, complete, unrecorded};
use crate::service::Answer;

/// How many lifecycles are replayed concurrently. They mostly wait for the service.
const AT_ONCE: usize = 4;

/// How often each step was done.
pub(crate) type Counts = BTreeMap<&'static str, usize>;

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
    crate::report!(
        "corpus: {} lifecycles replayed by the program: {counts:?}; {found:?}",
        scenarios.len()
    );
    assert!(failed.is_empty(), "{failed:#?}");
    let refused = counts["refused"] + counts["refused by stackctl itself"];
    corpus::expect_cases("refused by either", refused, 19);
    for (what, minimum) in [
        ("applied", 120),
        ("destroyed", 31),
        ("planned", 30),
        ("refused", 8),
        ("checked: events", 13),
        ("checked: resources", 14),
        ("checked: stacks", 70),
    ] {
        corpus::expect_cases(what, counts[what], minimum);
    }
}
