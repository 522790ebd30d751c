//! Which element of a list became which.
//!
//! By position alone, one tag put in front would make every tag differ. Tags and policy statements have
//! a name and no order. In other lists the longest run of equal elements stays, and what lies between
//! is paired by a name where there is one, then in its order.

use std::borrow::Cow;
use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::canonical;
use crate::template::node::Node;

/// An element before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

/// The members that tell an element apart from its neighbours, the strongest first.
const LABELS: [&str; 10] = [
    "Key",
    "Sid",
    "Id",
    "Name",
    "PolicyName",
    "AttributeName",
    "IndexName",
    "DeviceName",
    "ParameterKey",
    "OutputKey",
];

/// Above this many comparisons the elements are paired in their order.
const MOST_COMPARISONS: usize = 4_000_000;

/// Returns what tells the element apart from its neighbours, such as a tag's key.
pub(super) fn label(node: &Node) -> Option<Cow<'_, str>> {
    LABELS.iter().find_map(|name| node.get(name)?.scalar())
}

/// Returns every element of both lists once, paired or alone.
pub(super) fn align(old: &[Node], new: &[Node]) -> Vec<Pair> {
    if let (Some(before), Some(after)) = (unordered(old), unordered(new)) {
        let mut pairs: Vec<Pair> = before
            .iter()
            .map(|(name, &index)| Pair {
                before: Some(index),
                after: after.get(name).copied(),
            })
            .collect();
        let added = after.iter().filter(|(name, _)| !before.contains_key(*name));
        pairs.extend(added.map(|(_, &index)| Pair {
            before: None,
            after: Some(index),
        }));
        return pairs;
    }
    let old_hashes: Vec<u64> = old.iter().map(canonical::hash).collect();
    let new_hashes: Vec<u64> = new.iter().map(canonical::hash).collect();
    // Where several runs are equally long the algorithm's choice depends on which list comes first. So
    // that a difference mirrors when it is reversed, the lists have an order of their own.
    if old_hashes <= new_hashes {
        return align_ordered(old, &old_hashes, new, &new_hashes);
    }
    let mut pairs = align_ordered(new, &new_hashes, old, &old_hashes);
    for pair in &mut pairs {
        std::mem::swap(&mut pair.before, &mut pair.after);
    }
    pairs
}

fn align_ordered(old: &[Node], old_hashes: &[u64], new: &[Node], new_hashes: &[u64]) -> Vec<Pair> {
    let mut pairs = Vec::with_capacity(old.len().max(new.len()));
    let operations = if old.len().saturating_mul(new.len()) <= MOST_COMPARISONS {
        capture_diff_slices(Algorithm::Myers, old_hashes, new_hashes)
    } else {
        vec![DiffOp::Replace {
            old_index: 0,
            old_len: old.len(),
            new_index: 0,
            new_len: new.len(),
        }]
    };
    // Neighbouring deletions and insertions are one gap, wherever the algorithm put them.
    let mut gap = (Vec::new(), Vec::new());
    for operation in operations {
        let (old_range, new_range) = (operation.old_range(), operation.new_range());
        if let DiffOp::Equal { .. } = operation {
            close(&mut gap, old, new, &mut pairs);
            pairs.extend(old_range.zip(new_range).map(|(a, b)| Pair {
                before: Some(a),
                after: Some(b),
            }));
        } else {
            gap.0.extend(old_range);
            gap.1.extend(new_range);
        }
    }
    close(&mut gap, old, new, &mut pairs);
    pairs
}

/// Returns the elements by name, if they all have one, no two the same, and their order means nothing.
fn unordered(list: &[Node]) -> Option<HashMap<Cow<'_, str>, usize>> {
    let mut names = HashMap::with_capacity(list.len());
    for (index, node) in list.iter().enumerate() {
        let map = node.as_map()?;
        let is_tag = map
            .keys()
            .all(|key| matches!(key.as_str(), "Key" | "Value" | "PropagateAtLaunch"));
        let is_statement = map.contains_key("Effect");
        let name = match (is_tag, is_statement) {
            (true, _) => node.get("Key"),
            (_, true) => node.get("Sid"),
            _ => None,
        };
        if names.insert(name?.scalar()?, index).is_some() {
            return None;
        }
    }
    Some(names)
}

/// Pairs what lies between two equal elements.
fn close(gap: &mut (Vec<usize>, Vec<usize>), old: &[Node], new: &[Node], pairs: &mut Vec<Pair>) {
    let (before, after) = std::mem::take(gap);
    let mut by_name: HashMap<Cow<'_, str>, usize> = HashMap::new();
    let mut taken = vec![false; after.len()];
    for (position, &index) in after.iter().enumerate().rev() {
        if let Some(name) = new.get(index).and_then(label) {
            by_name.insert(name, position);
        }
    }
    let mut unnamed = Vec::new();
    for index in before {
        let name = old.get(index).and_then(label);
        let partner = name.as_ref().and_then(|name| by_name.remove(name));
        match partner {
            Some(position) => {
                if let Some(taken) = taken.get_mut(position) {
                    *taken = true;
                }
                pairs.push(Pair {
                    before: Some(index),
                    after: after.get(position).copied(),
                });
            }
            None => unnamed.push(index),
        }
    }
    let mut rest = after
        .iter()
        .zip(&taken)
        .filter(|(_, taken)| !**taken)
        .map(|(index, _)| *index);
    for index in unnamed {
        pairs.push(Pair {
            before: Some(index),
            after: rest.next(),
        });
    }
    pairs.extend(rest.map(|index| Pair {
        before: None,
        after: Some(index),
    }));
}
