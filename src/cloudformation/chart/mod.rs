//! An operation as a chart: a bar for each resource, what it waited for, and the critical path.
//!
//! All times are durations since the first event of the operation, by the service's clock. Events of
//! different stacks may be in the wrong order by some milliseconds, and a start may be missing. So no
//! duration is negative, and a start that is not known is never counted as work.

mod critical_path;
mod fold;
mod links;

use std::collections::HashMap;
use std::time::Duration;

use jiff::Timestamp;

use super::event::Event;
use crate::template::Template;
use crate::template::reference::ReferenceKind;

pub use critical_path::{CriticalPath, Saving, Step};

/// An operation on a stack and its nested stacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chart {
    /// The time of the first event.
    pub began: Timestamp,
    /// The end of the operation; while it is running, the time until which the bars are open.
    pub until: Duration,
    /// Whether the operation has not ended.
    pub is_running: bool,
    /// When the phases of the root stack began.
    pub phases: Vec<(Phase, Duration)>,
    /// The resources, in the order of their starts.
    pub bars: Vec<Bar>,
    /// What the duration of the operation consists of.
    pub critical_path: CriticalPath,
}

/// A resource in an operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bar {
    /// The logical ids of the nested stacks that lead to its stack.
    pub nested_in: Vec<String>,
    /// The logical id.
    pub logical_id: String,
    /// The type.
    pub resource_type: String,
    /// Whether the operation replaces the resource.
    pub is_replaced: bool,
    /// Whether the resource is a nested stack whose resources have bars of their own.
    pub is_outer: bool,
    /// What CloudFormation did with the resource, in this order; at least one.
    pub spans: Vec<Span>,
}

/// An action on a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// The action.
    pub action: Action,
    /// The phase of the resource's stack.
    pub phase: Phase,
    /// When the phase began: the resource waited from then on.
    pub waits_from: Duration,
    /// What the resource waited for last; `None` if it waited only for CloudFormation.
    pub after: Option<After>,
    /// The start. If it is not known, the time of the first event.
    pub start: Duration,
    /// Whether the start is known.
    pub knows_start: bool,
    /// When the configuration was complete, so that the resource only had to become stable.
    pub configured: Option<Duration>,
    /// The end; `None` if it is running. If the operation has ended without an event of this end, the last
    /// time at which something is known of it.
    pub end: Option<Duration>,
    /// How it ended.
    pub outcome: Outcome,
    /// The reason of a failure.
    pub reason: Option<String>,
}

/// What a resource waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct After {
    /// The index of the resource.
    pub bar: usize,
    /// How that is known.
    pub basis: Basis,
}

/// How it is known what a resource waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The template has a dependency between the two.
    Template,
    /// The phase begins after the other resource.
    Phase,
    /// The other resource ended just before this one started.
    Time,
}

/// What CloudFormation does with a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// It creates the resource.
    Create,
    /// It changes the resource.
    Update,
    /// It deletes the resource.
    Delete,
    /// It imports the resource.
    Import,
    /// Another action, which this version does not know.
    Other,
}

/// The phase of an operation on one stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What was asked for.
    Forward,
    /// The deletion of what was replaced or removed.
    Cleanup,
    /// The return to the state before.
    Rollback,
    /// The deletion of what the operation created, after a rollback.
    RollbackCleanup,
}

/// How an action ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It succeeded.
    Complete,
    /// It failed.
    Failed,
    /// It was cancelled because another resource failed.
    Cancelled,
    /// The resource was left as it is, such as one that is retained.
    Skipped,
    /// There is no event of its end: it is running, or it ended after the operation.
    Open,
}

impl Action {
    /// Returns the word for it in JSON and in pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Import => "import",
            Self::Other => "other",
        }
    }
}

impl Phase {
    /// Returns the word for it in JSON and in pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::Cleanup => "cleanup",
            Self::Rollback => "rollback",
            Self::RollbackCleanup => "rollback-cleanup",
        }
    }
}

impl Outcome {
    /// Returns the word for it in JSON and in pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
            Self::Skipped => "skipped",
            Self::Open => "open",
        }
    }
}

impl Basis {
    /// Returns the word for it in JSON and in pages.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Template => "template",
            Self::Phase => "phase",
            Self::Time => "time",
        }
    }
}

impl Span {
    /// Returns the end, or `until` if there is none.
    pub fn end_or(&self, until: Duration) -> Duration {
        self.end.unwrap_or(until).max(self.start)
    }

    /// Returns the time that the resource worked.
    pub fn work(&self, until: Duration) -> Duration {
        self.end_or(until).saturating_sub(self.start)
    }

    /// Returns the time that the resource waited before it started.
    pub fn wait(&self) -> Duration {
        self.start.saturating_sub(self.waits_from)
    }
}

impl Bar {
    /// Returns the logical id after those of the nested stacks that lead to it.
    pub fn path(&self) -> String {
        let outer = self.nested_in.iter().map(String::as_str);
        let parts: Vec<&str> = outer.chain([self.logical_id.as_str()]).collect();
        parts.join("/")
    }

    /// Returns the time that the resource worked, in all its actions.
    pub fn work(&self, until: Duration) -> Duration {
        self.spans.iter().map(|span| span.work(until)).sum()
    }

    /// Returns the time that the resource waited before its first action.
    pub fn wait(&self) -> Duration {
        self.spans.first().map(Span::wait).unwrap_or_default()
    }

    /// Returns the start of the first action.
    pub fn start(&self) -> Duration {
        let first = self.spans.first();
        first.map(|span| span.start).unwrap_or_default()
    }

    /// Returns how the last action ended.
    pub fn outcome(&self) -> Outcome {
        let last = self.spans.last();
        last.map_or(Outcome::Open, |span| span.outcome)
    }

    /// Returns the first action that failed for a reason of its own.
    pub fn failure(&self) -> Option<&Span> {
        let mut spans = self.spans.iter();
        spans.find(|span| span.outcome == Outcome::Failed)
    }
}

impl Chart {
    /// Returns the chart of an operation's events, oldest first. `now` is the time until which a running
    /// operation has come; `None` if the operation has ended.
    ///
    /// Returns `None` if no event has a time.
    pub fn of(
        events: &[Event],
        dependencies: &Dependencies,
        now: Option<Timestamp>,
    ) -> Option<Self> {
        let mut folded = fold::Folded::of(events, now)?;
        let links = links::Links::of(&mut folded, dependencies);
        let critical_path = critical_path::find(&folded, &links);
        let root = folded.streams.into_iter().next();
        Some(Self {
            began: folded.began,
            until: folded.until,
            is_running: now.is_some(),
            phases: root.map(|root| root.phases).unwrap_or_default(),
            bars: folded.bars,
            critical_path,
        })
    }
}

impl Chart {
    /// Returns the indexes of at most `count` resources, in the order of their starts: those that failed
    /// or are running, then those of the critical path, then those that took longest.
    pub fn most_important(&self, count: usize) -> Vec<usize> {
        let on_path = self.critical_path.resources();
        let mut bars: Vec<usize> = (0..self.bars.len()).collect();
        bars.sort_by_key(|index| {
            let bar = &self.bars[*index];
            let is_urgent = bar.failure().is_some() || bar.outcome() == Outcome::Open;
            let on_path = on_path.iter().any(|(known, _)| known == index);
            std::cmp::Reverse((is_urgent, on_path, bar.work(self.until)))
        });
        bars.truncate(count);
        bars.sort_unstable();
        bars
    }

    /// Returns how long the resources took at most that are not among these.
    pub fn longest_without(&self, bars: &[usize]) -> Option<Duration> {
        let others = (0..self.bars.len()).filter(|index| bars.binary_search(index).is_err());
        others.map(|index| self.bars[index].work(self.until)).max()
    }
}

/// What the resources of a stack and its nested stacks depend on, by their templates.
#[derive(Debug, Clone, Default)]
pub struct Dependencies {
    /// By the logical ids that lead to the stack.
    stacks: HashMap<Vec<String>, HashMap<String, Neighbors>>,
}

/// The logical ids that a resource depends on, and those that depend on it.
#[derive(Debug, Clone, Default)]
struct Neighbors {
    targets: Vec<String>,
    users: Vec<String>,
}

impl Dependencies {
    /// Adds the template of the stack to which these logical ids of nested stacks lead.
    pub fn add(&mut self, stack: &[String], template: &Template) {
        let resources = template.resources();
        let names = resources.map(|it| (it.logical_id().to_owned(), Neighbors::default()));
        let mut neighbors: HashMap<String, Neighbors> = names.collect();
        let of_resource = [
            ReferenceKind::Ref,
            ReferenceKind::GetAtt,
            ReferenceKind::Sub,
            ReferenceKind::DependsOn,
        ];
        for reference in template.references() {
            let (owner, target) = (reference.owner, reference.target);
            let is_dependency = reference.section == "Resources"
                && of_resource.contains(&reference.kind)
                && owner != target
                && neighbors.contains_key(owner)
                && neighbors.contains_key(target);
            if !is_dependency {
                continue;
            }
            let add = |names: &mut Vec<String>, name: &str| {
                if !names.iter().any(|known| known == name) {
                    names.push(name.to_owned());
                }
            };
            if let Some(it) = neighbors.get_mut(owner) {
                add(&mut it.targets, target);
            }
            if let Some(it) = neighbors.get_mut(target) {
                add(&mut it.users, owner);
            }
        }
        self.stacks.insert(stack.to_vec(), neighbors);
    }

    /// Returns the logical ids whose action comes before this action on a resource: what the resource
    /// depends on; for a deletion, what depends on it. Returns `None` if no template has the resource.
    fn before(&self, stack: &[String], logical_id: &str, action: Action) -> Option<&[String]> {
        let neighbors = self.stacks.get(stack)?.get(logical_id)?;
        Some(match action {
            Action::Delete => &neighbors.users,
            _ => &neighbors.targets,
        })
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests;
