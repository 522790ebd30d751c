//! The order of a project's stacks: what comes first, and what depends on what.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap, HashSet};

/// The stacks of one environment and what each of them needs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackGraph {
    names: Vec<String>,
    index: HashMap<String, usize>,
    /// By stack: the indices of the stacks that it needs.
    needs: Vec<Vec<usize>>,
    /// By stack: the indices of the stacks that need it.
    needed_by: Vec<Vec<usize>>,
    /// The indices of all stacks, each after those that it needs.
    order: Vec<usize>,
}

/// Stacks that need one another in a circle: each needs the next one, and the last one the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Circle(pub Vec<String>);

impl StackGraph {
    /// Returns the graph of stacks with their needs. The given order is kept where the needs leave a choice.
    /// A need that is not among the stacks is left out: it is no part of this run.
    ///
    /// # Errors
    ///
    /// If stacks need one another in a circle.
    pub fn new<'s, N>(stacks: impl IntoIterator<Item = (&'s str, N)>) -> Result<Self, Circle>
    where
        N: IntoIterator<Item = &'s str>,
    {
        let (names, written): (Vec<&str>, Vec<N>) = stacks.into_iter().unzip();
        let names: Vec<String> = names.into_iter().map(str::to_owned).collect();
        let index: HashMap<String, usize> = names.iter().cloned().zip(0..).collect();
        let needs: Vec<Vec<usize>> = written
            .into_iter()
            .map(|needs| {
                let mut seen = HashSet::new();
                let known = needs
                    .into_iter()
                    .filter_map(|name| index.get(name).copied());
                known.filter(|need| seen.insert(*need)).collect()
            })
            .collect();
        let mut needed_by = vec![Vec::new(); names.len()];
        for (stack, needs) in needs.iter().enumerate() {
            for need in needs {
                if let Some(list) = needed_by.get_mut(*need) {
                    list.push(stack);
                }
            }
        }
        let mut graph = Self {
            names,
            index,
            needs,
            needed_by,
            order: Vec::new(),
        };
        graph.order = graph.sorted()?;
        Ok(graph)
    }

    /// Returns the stacks, each after those that it needs.
    pub fn order(&self) -> impl DoubleEndedIterator<Item = &str> + ExactSizeIterator {
        self.order.iter().map(|stack| self.name(*stack))
    }

    /// Returns the stacks that cannot be deployed without this one, directly or by others, in the order.
    pub fn dependants(&self, stack: &str) -> Vec<&str> {
        let mut found = HashSet::new();
        let mut open: Vec<usize> = self.index.get(stack).copied().into_iter().collect();
        while let Some(stack) = open.pop() {
            let next = self.needed_by.get(stack).into_iter().flatten();
            open.extend(next.copied().filter(|next| found.insert(*next)));
        }
        let all = self.order.iter().filter(|stack| found.contains(*stack));
        all.map(|stack| self.name(*stack)).collect()
    }

    fn name(&self, index: usize) -> &str {
        self.names.get(index).map_or("", String::as_str)
    }

    /// Returns all indices, each after those that it needs, and otherwise in the given order.
    fn sorted(&self) -> Result<Vec<usize>, Circle> {
        let mut missing: Vec<usize> = self.needs.iter().map(Vec::len).collect();
        let mut ready: BinaryHeap<Reverse<usize>> = (0..missing.len())
            .filter(|stack| missing.get(*stack) == Some(&0))
            .map(Reverse)
            .collect();
        let mut order = Vec::with_capacity(missing.len());
        while let Some(Reverse(stack)) = ready.pop() {
            order.push(stack);
            for next in self.needed_by.get(stack).into_iter().flatten() {
                if let Some(count) = missing.get_mut(*next) {
                    *count = count.saturating_sub(1);
                    if *count == 0 {
                        ready.push(Reverse(*next));
                    }
                }
            }
        }
        match missing.iter().position(|count| *count > 0) {
            None => Ok(order),
            Some(start) => Err(self.circle(start, &missing)),
        }
    }

    /// Returns a circle. Each stack whose needs are `missing` has a need that is in the same state, so a path
    /// along them comes back to itself.
    fn circle(&self, start: usize, missing: &[usize]) -> Circle {
        let mut path = Vec::new();
        let mut position = HashMap::new();
        let mut stack = start;
        while !position.contains_key(&stack) {
            position.insert(stack, path.len());
            path.push(stack);
            let needs = self.needs.get(stack).into_iter().flatten();
            let mut unmet =
                needs.filter(|need| missing.get(**need).is_some_and(|count| *count > 0));
            stack = unmet.next().copied().unwrap_or(start);
        }
        let first = position.get(&stack).copied().unwrap_or_default();
        let mut members: Vec<usize> = path.split_off(first.min(path.len()));
        // The circle begins with the stack that stands first in the manifest.
        let least = members.iter().enumerate().min_by_key(|(_, stack)| **stack);
        let least = least.map_or(0, |(at, _)| at);
        members.rotate_left(least);
        let names = members.into_iter().map(|stack| self.name(stack).to_owned());
        Circle(names.collect())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::{Circle, StackGraph};

    fn graph(stacks: &[(&'static str, &[&'static str])]) -> Result<StackGraph, Circle> {
        StackGraph::new(
            stacks
                .iter()
                .map(|(name, needs)| (*name, needs.iter().copied())),
        )
    }

    #[test]
    fn each_stack_comes_after_what_it_needs_and_otherwise_as_written() {
        for (stacks, order) in [
            (&[("b", &[][..]), ("a", &[]), ("c", &[])][..], "b a c"),
            (
                &[
                    ("app", &["network", "data"]),
                    ("data", &["network"]),
                    ("edge", &[]),
                    ("network", &[]),
                ],
                "edge network data app",
            ),
            (&[("a", &["b", "b"]), ("b", &["elsewhere"])], "b a"),
            (&[], ""),
        ] {
            let graph = graph(stacks).unwrap();
            assert_eq!(graph.order().collect::<Vec<_>>().join(" "), order);
        }
    }

    #[test]
    fn dependants_are_found_through_others() {
        let graph = graph(&[
            ("app", &["left", "right"]),
            ("left", &["base"]),
            ("right", &["base"]),
            ("base", &[]),
            ("other", &[]),
        ])
        .unwrap();
        assert_eq!(graph.dependants("base"), ["left", "right", "app"]);
        assert_eq!(graph.dependants("left"), ["app"]);
        assert_eq!(graph.dependants("app"), [""; 0]);
        assert_eq!(graph.dependants("unknown"), [""; 0]);
    }

    #[test]
    fn a_circle_is_named_without_the_stacks_around_it() {
        for (stacks, members) in [
            (&[("a", &["a"][..])][..], "a"),
            (&[("a", &["b"]), ("b", &["a"])], "a b"),
            (
                &[
                    ("before", &["b"]),
                    ("c", &["a"]),
                    ("a", &["b", "free"]),
                    ("b", &["c"]),
                    ("free", &[]),
                ],
                "c a b",
            ),
        ] {
            assert_eq!(graph(stacks).unwrap_err().0.join(" "), members);
        }
    }

    #[test]
    fn a_long_chain_is_no_recursion() {
        let names: Vec<String> = (0..10_000).map(|it| format!("s{it}")).collect();
        let stacks = names.iter().enumerate().map(|(at, name)| {
            let next = names.get(at + 1).map(String::as_str);
            (name.as_str(), next)
        });
        let graph = StackGraph::new(stacks).unwrap();
        assert_eq!(graph.order().next(), Some("s9999"));
        let circle = names.iter().enumerate().map(|(at, name)| {
            let next = names.get((at + 1) % names.len()).map(String::as_str);
            (name.as_str(), next)
        });
        assert_eq!(StackGraph::new(circle).unwrap_err().0.len(), 10_000);
    }
}
