//! The critical path of an operation: the chain of actions that its duration consists of.

use std::collections::HashSet;
use std::time::Duration;

use super::fold::Folded;
use super::links::{Anchor, Links};

/// The chain of actions that the duration of an operation consists of.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CriticalPath {
    /// The steps, in their order. Each begins when the one before it ends; together they take as long as
    /// the operation.
    pub steps: Vec<Step>,
    /// The sum of the steps in which a resource worked.
    pub work: Duration,
    /// The resource that would save most if it took no time; `None` if none would save anything, or if
    /// the operation is running.
    pub saving: Option<Saving>,
}

/// A step of the critical path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The index of the resource that worked; `None` if only CloudFormation did.
    pub bar: Option<usize>,
    /// The begin.
    pub from: Duration,
    /// The end.
    pub to: Duration,
}

/// How much shorter an operation would be if a resource took no time. What else takes long counts, and
/// so this may be much less than the time that the resource took.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Saving {
    /// The index of the resource.
    pub bar: usize,
    /// How much shorter the operation would be.
    pub time: Duration,
}

impl Step {
    /// Returns the duration.
    pub fn time(&self) -> Duration {
        self.to.saturating_sub(self.from)
    }
}

impl CriticalPath {
    /// Returns the indexes of the resources on the path and how long each worked there, in the order of
    /// their first step.
    pub fn resources(&self) -> Vec<(usize, Duration)> {
        let mut resources: Vec<(usize, Duration)> = Vec::new();
        for step in &self.steps {
            let Some(bar) = step.bar else { continue };
            match resources.iter_mut().find(|(known, _)| *known == bar) {
                Some((_, time)) => *time += step.time(),
                None => resources.push((bar, step.time())),
            }
        }
        resources
    }
}

/// Returns the critical path.
pub(super) fn find(folded: &Folded, links: &Links) -> CriticalPath {
    let mut walk = Walk {
        steps: Vec::new(),
        cursor: folded.until,
    };
    let mut visited = HashSet::new();
    let roots = links.nodes.iter().enumerate();
    let roots = roots.filter(|(_, node)| node.outer.is_none());
    let mut next = last_ended(links, roots.map(|(index, _)| index), folded.until);
    while let Some(index) = next {
        let node = &links.nodes[index];
        let is_new = visited.insert(index);
        if is_new {
            walk.idle(node.end.min(walk.cursor));
            let inside = node.inside.iter().copied();
            let inside = inside.filter(|it| !visited.contains(it));
            if let Some(inner) = last_ended(links, inside, walk.cursor) {
                next = Some(inner);
                continue;
            }
            walk.work(node.bar, node.start);
        } else {
            // The walk leaves a nested stack.
            walk.idle(node.start);
        }
        let before = match &node.anchor {
            Anchor::Nodes(before) => links.last(before.iter().copied()),
            Anchor::Phase => links.last(links.before_phase(index)),
            Anchor::Begin => None,
        };
        let before = before.filter(|it| !visited.contains(it));
        if let Some(before) = before {
            // What released this action may go on working.
            walk.idle(links.nodes[before].release);
            next = Some(before);
        } else {
            next = node.outer;
        }
    }
    walk.idle(Duration::ZERO);
    walk.steps.reverse();
    let worked = walk.steps.iter().filter(|step| step.bar.is_some());
    let work = worked.map(Step::time).sum();
    let mut path = CriticalPath {
        steps: walk.steps,
        work,
        saving: None,
    };
    if !folded.is_running {
        path.saving = saving(folded, links, &path);
    }
    path
}

/// Returns the action of these that ended last, of those that began before `cursor`. The clocks of two
/// stacks may differ: an end after `cursor` counts as if it were there.
fn last_ended(
    links: &Links,
    nodes: impl Iterator<Item = usize>,
    cursor: Duration,
) -> Option<usize> {
    let began = nodes.filter(|index| links.nodes[*index].start <= cursor);
    began.max_by_key(|index| {
        let node = &links.nodes[*index];
        (node.end.min(cursor), node.length())
    })
}

/// The steps so far, from the last one back to the cursor.
struct Walk {
    steps: Vec<Step>,
    cursor: Duration,
}

impl Walk {
    fn idle(&mut self, from: Duration) {
        self.step(None, from);
    }

    fn work(&mut self, bar: usize, from: Duration) {
        self.step(Some(bar), from);
    }

    fn step(&mut self, bar: Option<usize>, from: Duration) {
        if from >= self.cursor {
            return;
        }
        match self.steps.last_mut() {
            Some(last) if last.bar == bar => last.from = from,
            _ => self.steps.push(Step {
                bar,
                from,
                to: self.cursor,
            }),
        }
        self.cursor = from;
    }
}

/// Returns the resource of the path that would save most if it took no time.
fn saving(folded: &Folded, links: &Links, path: &CriticalPath) -> Option<Saving> {
    let mut resources = path.resources();
    resources.retain(|(bar, _)| !folded.bars[*bar].is_outer);
    let work = |bar: usize| folded.bars[bar].work(folded.until);
    resources.sort_by_key(|(bar, _)| std::cmp::Reverse(work(*bar)));
    let mut best: Option<Saving> = None;
    for (bar, _) in resources {
        // No resource saves more than the time that it took.
        if best.is_some_and(|best| best.time >= work(bar)) {
            break;
        }
        let time = folded
            .until
            .saturating_sub(duration_without(folded, links, bar));
        if best.is_none_or(|best| time > best.time) {
            best = Some(Saving { bar, time });
        }
    }
    best.filter(|best| !best.time.is_zero())
}

/// Returns the duration of the operation if a resource took no time and all else took as long as it did,
/// and began as soon as what it waited for had ended.
fn duration_without(folded: &Folded, links: &Links, bar: usize) -> Duration {
    let mut without = Without {
        links,
        bar,
        starts: Vec::with_capacity(links.nodes.len()),
    };
    for (index, node) in links.nodes.iter().enumerate() {
        let start = match &node.anchor {
            Anchor::Nodes(before) => without.after(node.start, before.iter().copied()),
            Anchor::Phase => without.after(node.start, links.before_phase(index)),
            Anchor::Begin => match node.outer {
                Some(outer) => {
                    let lag = node.start.saturating_sub(links.nodes[outer].start);
                    without.starts[outer] + lag
                }
                None => node.start,
            },
        };
        without.starts.push(start);
    }
    let roots = links.nodes.iter().enumerate();
    // What was cancelled would have been cancelled earlier.
    let roots = roots.filter(|(_, node)| node.outer.is_none() && !node.is_cancelled());
    let ends = roots.map(|(index, node)| (node.end, without.end(index)));
    moved(folded.until, ends)
}

/// Returns the new time of what comes after others, from the old and the new times of these.
fn moved(old: Duration, others: impl Iterator<Item = (Duration, Duration)>) -> Duration {
    let latest = others.reduce(|latest, other| (latest.0.max(other.0), latest.1.max(other.1)));
    let (old_end, new_end) = latest.unwrap_or_default();
    new_end + old.saturating_sub(old_end)
}

/// An operation in which one resource takes no time.
struct Without<'a> {
    links: &'a Links,
    bar: usize,
    /// The new starts of the actions so far.
    starts: Vec<Duration>,
}

impl Without<'_> {
    /// Returns the new start of an action that began at `start`, after these others.
    fn after(&self, start: Duration, others: impl Iterator<Item = usize>) -> Duration {
        let nodes = &self.links.nodes;
        moved(
            start,
            others.map(|it| (nodes[it].release, self.release(it))),
        )
    }

    fn release(&self, index: usize) -> Duration {
        let node = &self.links.nodes[index];
        if node.inside.is_empty() {
            self.starts[index] + self.length(index, node.release.saturating_sub(node.start))
        } else {
            self.end(index)
        }
    }

    fn end(&self, index: usize) -> Duration {
        let node = &self.links.nodes[index];
        if node.inside.is_empty() {
            return self.starts[index] + self.length(index, node.length());
        }
        let inside = node.inside.iter().copied();
        let inside =
            inside.filter(|it| *it < self.starts.len() && !self.links.nodes[*it].is_cancelled());
        let ends = inside.map(|it| (self.links.nodes[it].end, self.end(it)));
        moved(node.end, ends).max(self.starts[index])
    }

    fn length(&self, index: usize, length: Duration) -> Duration {
        if self.links.nodes[index].bar == self.bar {
            Duration::ZERO
        } else {
            length
        }
    }
}
