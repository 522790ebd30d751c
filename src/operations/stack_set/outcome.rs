//! The outcome of a deployment: that of its operations **and** that of every target.
//!
//! An operation that succeeded may only have tolerated its failures.

use indexmap::{IndexMap, IndexSet};

use super::access::{Access, State};
use super::follow::is_stopped;
use crate::cloudformation::stack_set::Target;
use crate::cloudformation::stack_set::instance::{Instance, InstanceStatus, Problem};
use crate::cloudformation::stack_set::operation::{EndedOperation, OperationStatus, ResultStatus};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::reread;

/// How many targets an error lists.
const MOST_LISTED: usize = 50;

/// What the operations of a run did.
#[derive(Debug, Default)]
pub(super) struct Outcome {
    /// The operations that have ended.
    ended: Vec<EndedOperation>,
    /// The targets that an operation should have changed, with the last result of each.
    results: IndexMap<Target, Expected>,
}

/// What the last operation did with a target.
#[derive(Debug)]
struct Expected {
    is_removed: bool,
    is_done: bool,
}

impl Outcome {
    /// Adds an operation. With `removes`, its targets are gone if it has done its work.
    pub(super) fn add(&mut self, ended: EndedOperation, removes: bool) {
        for result in &ended.results {
            let is_done = result.status == ResultStatus::Succeeded;
            let expected = Expected {
                is_removed: removes,
                is_done,
            };
            self.results.insert(result.target.clone(), expected);
        }
        self.ended.push(ended);
    }

    /// Adds an operation that an earlier run has requested. A drift detection changes no target.
    pub(super) fn add_earlier(&mut self, ended: EndedOperation) {
        let action = ended.operation.action.as_str();
        if action != "DETECT_DRIFT" {
            let removes = action == "DELETE";
            self.add(ended, removes);
        }
    }

    /// Returns whether the next operation may run: the last one has ended within its tolerance.
    pub(super) fn may_continue(&self) -> bool {
        let last = self.ended.last();
        last.is_none_or(|it| it.operation.status == OperationStatus::Succeeded)
    }

    /// Reads the instances until they show what the operations have done, for a limited time.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(super) async fn instances(&self, access: &Access<'_>) -> Result<State> {
        let read = async || access.read().await;
        let read = reread::until_current(read, |state| self.is_old(&state.instances));
        access.interrupt.guard(read).await
    }

    /// Returns whether instances are older than what the operations have done.
    fn is_old(&self, instances: &[Instance]) -> bool {
        let done = self.results.iter().filter(|(_, it)| it.is_done);
        done.into_iter().any(|(target, expected)| {
            let mut instances = instances.iter().filter(|it| it.target == *target);
            if expected.is_removed {
                instances.next().is_some()
            } else {
                !instances.any(|it| it.status == InstanceStatus::Current)
            }
        })
    }

    /// Returns the targets that are not as they should be: those that an operation did not do its work in,
    /// and instances that are not current. `is_wanted` tells which instances should be current.
    pub(super) fn problems(
        &self,
        instances: &[Instance],
        is_wanted: impl Fn(&Instance) -> bool,
    ) -> Vec<Problem> {
        let mut problems: IndexMap<Target, Problem> = IndexMap::new();
        for result in self.ended.iter().flat_map(|it| &it.results) {
            match result.problem() {
                Some(problem) => problems.insert(result.target.clone(), problem),
                // A later operation has done its work there.
                None => problems.shift_remove(&result.target),
            };
        }
        for instance in instances.iter().filter(|it| is_wanted(it)) {
            let Some(mut problem) = instance.problem() else {
                continue;
            };
            match problems.get(&instance.target) {
                // The instance is as it was before.
                Some(known) if known.status == ResultStatus::Cancelled.as_str() => continue,
                Some(known) if problem.reason.is_none() => {
                    problem.reason.clone_from(&known.reason);
                }
                _ => {}
            }
            problems.insert(instance.target.clone(), problem);
        }
        let present: IndexSet<&Target> = instances.iter().map(|it| &it.target).collect();
        for (target, expected) in self.results.iter().filter(|(_, it)| it.is_done) {
            if expected.is_removed == present.contains(target) && !problems.contains_key(target) {
                let status = if expected.is_removed {
                    "still has an instance"
                } else {
                    "has no instance"
                };
                let problem = Problem {
                    target: target.clone(),
                    status: status.to_owned(),
                    reason: None,
                };
                problems.insert(target.clone(), problem);
            }
        }
        problems.into_values().collect()
    }

    /// Returns the error of a deployment; `None` if everything is as it should be.
    pub(super) fn error(&self, access: &Access<'_>, problems: &[Problem]) -> Option<Error> {
        let message = self.message(access, problems)?;
        let again = access.session.command("apply");
        let error = Error::new(ErrorKind::RolledBack, message).hint(format!(
            "fix the cause, then run `{again}` again: it updates what is not current, and nothing else"
        ));
        let mut problems = problems.iter();
        let inoperable = problems.find(|it| it.status.starts_with("INOPERABLE"));
        Some(match inoperable {
            Some(first) => error.hint(format!(
                "an INOPERABLE instance takes part in no update: remove `{}` from the manifest, apply, and \
                 delete its stack by hand",
                first.target
            )),
            None => error,
        })
    }

    /// Returns what is wrong after a run; `None` if everything is as it should be.
    pub(super) fn message(&self, access: &Access<'_>, problems: &[Problem]) -> Option<String> {
        let bad = self.ended.iter().rev();
        let bad = bad
            .filter(|it| it.operation.status != OperationStatus::Succeeded)
            .max_by_key(|it| !is_stopped(it));
        let unlisted: usize = self
            .ended
            .iter()
            .map(EndedOperation::unlisted_failures)
            .sum();
        if bad.is_none() && problems.is_empty() && unlisted == 0 {
            return None;
        }
        let name = access.name();
        let count = problems.len() + if problems.is_empty() { unlisted } else { 0 };
        let listed = problems.iter().take(MOST_LISTED).map(line);
        let mut lines: Vec<String> = listed.collect();
        if problems.len() > MOST_LISTED {
            lines.push(format!("  and {} more", problems.len() - MOST_LISTED));
        }
        let targets = match count {
            1 => "1 target is not as the stack set says".to_owned(),
            count => format!("{count} targets are not as the stack set says"),
        };
        let what = match bad {
            Some(ended) => {
                let operation = &ended.operation;
                let verb = if is_stopped(ended) {
                    "was stopped"
                } else {
                    "failed"
                };
                let reason = operation.reason.as_ref();
                let reason = reason.map_or_else(String::new, |it| format!(": {it}"));
                let targets = match count {
                    0 => String::new(),
                    _ => format!("; {targets}"),
                };
                format!(
                    "the operation `{}` on the stack set `{name}` {verb} ({}){reason}{targets}",
                    operation.id, operation.status
                )
            }
            None => format!("`{name}`: {targets}"),
        };
        Some(if lines.is_empty() {
            what
        } else {
            format!("{what}:\n{}", lines.join("\n"))
        })
    }
}

fn line(problem: &Problem) -> String {
    let reason = problem.reason.as_ref();
    let reason = reason.map_or_else(String::new, |it| format!(": {it}"));
    format!("  {} {}{reason}", problem.target, problem.status)
}
