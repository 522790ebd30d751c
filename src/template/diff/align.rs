//! Pairs the elements of a list before and after a change.
//!
//! If elements were compared by index, one new tag at the start would make every tag differ. Tags,
//! policy statements and lists that are sets in the resource type's schema have no order: equal
//! elements are paired at any index. In other lists, the longest common subsequence is paired. The
//! remaining elements are paired by a name, then by the ports and the peer of a security group rule,
//! then by the number of members that two elements share. All others are removed or added.

use std::borrow::Cow;
use std::collections::HashMap;

use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::canonical::Language;
use crate::template::node::Node;

/// An element before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pair {
    pub(super) before: Option<usize>,
    pub(super) after: Option<usize>,
}

/// The members that identify an element in its list, in order of preference.
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

/// The members that name the peer of a security group rule; a rule has one of them.
pub(crate) const RULE_PEERS: [&str; 8] = [
    "CidrIp",
    "CidrIpv6",
    "SourceSecurityGroupId",
    "SourceSecurityGroupName",
    "SourcePrefixListId",
    "DestinationSecurityGroupId",
    "DestinationPrefixListId",
    "ReferencedGroupId",
];

/// The largest number of comparisons in one list; in longer lists, elements are paired by index.
const MAX_COMPARISONS: usize = 4_000_000;
/// The largest number of pairs of remaining elements whose members are compared.
const MAX_PAIRS: usize = 10_000;

/// Returns the text that identifies the element in its list, such as the key of a tag.
pub(super) fn label(node: &Node) -> Option<Cow<'_, str>> {
    let named = LABELS.iter().find_map(|name| node.get(name)?.scalar());
    named.or_else(|| rule(node, true))
}

/// Returns a security group rule as `tcp 22` or, with its peer, as `tcp 22 10.0.0.0/8`.
fn rule(node: &Node, with_peer: bool) -> Option<Cow<'_, str>> {
    let protocol = node.get("IpProtocol")?.scalar()?;
    let port = |name| node.get(name).and_then(Node::scalar);
    let mut text = protocol.into_owned();
    match (port("FromPort"), port("ToPort")) {
        (Some(from), Some(to)) if from != to => text.push_str(&format!(" {from}-{to}")),
        (Some(port), _) | (_, Some(port)) => text.push_str(&format!(" {port}")),
        (None, None) => {}
    }
    if with_peer {
        let peer = RULE_PEERS.iter().find_map(|name| node.get(name)?.scalar());
        text.push(' ');
        text.push_str(&peer?);
    }
    Some(Cow::Owned(text))
}

/// Returns whether the order of the elements counts.
pub(super) fn has_order(old: &[Node], new: &[Node], is_set: bool) -> bool {
    let are_named = by_name(old).is_some() && by_name(new).is_some();
    !(is_set || are_named || are_statements(old) && are_statements(new))
}

/// Returns whether these are policy statements; their order does not count.
fn are_statements(list: &[Node]) -> bool {
    list.iter().all(|node| node.get("Effect").is_some())
}

/// Returns every element of two lists of a JSON or YAML document once, paired or alone. The order of
/// the elements counts.
pub(super) fn align_documents(old: &[Node], new: &[Node]) -> Vec<Pair> {
    let [old, new] = [old, new].map(|nodes| Side::of(nodes, Language::Document));
    align_in_order(&old, &new)
}

/// Returns every element of both lists once, paired or alone. `is_set` means that the order of the
/// elements does not count.
pub(super) fn align(old: &[Node], new: &[Node], is_set: bool) -> Vec<Pair> {
    if let (Some(before), Some(after)) = (by_name(old), by_name(new)) {
        let mut pairs: Vec<Pair> = before
            .iter()
            .map(|(name, &index)| Pair {
                before: Some(index),
                after: after.get(name).copied(),
            })
            .collect();
        let added = after.iter().filter(|(name, _)| !before.contains_key(*name));
        pairs.extend(added.map(|(_, &index)| added_at(index)));
        return pairs;
    }
    let [old, new] = [old, new].map(|nodes| Side::of(nodes, Language::Template));
    if is_set || are_statements(old.nodes) && are_statements(new.nodes) {
        return align_sets(&old, &new);
    }
    align_in_order(&old, &new)
}

/// Returns every element of two ordered lists once.
fn align_in_order(old: &Side<'_>, new: &Side<'_>) -> Vec<Pair> {
    // If several subsequences are equally long, the algorithm's choice depends on which list is the
    // first. Sorting the two lists makes the result independent of the direction.
    if old.hashes <= new.hashes {
        return align_ordered(old, new);
    }
    let mut pairs = align_ordered(new, old);
    for pair in &mut pairs {
        std::mem::swap(&mut pair.before, &mut pair.after);
    }
    pairs
}

/// A list with the hashes of its elements.
struct Side<'a> {
    nodes: &'a [Node],
    hashes: Vec<u64>,
}

impl<'a> Side<'a> {
    fn of(nodes: &'a [Node], language: Language) -> Self {
        let hashes = nodes.iter().map(|node| language.hash(node)).collect();
        Self { nodes, hashes }
    }

    fn node(&self, index: usize) -> Option<&'a Node> {
        self.nodes.get(index)
    }
}

/// The indexes of the elements between two equal elements.
#[derive(Default)]
struct Gap {
    old: Vec<usize>,
    new: Vec<usize>,
}

fn align_sets(old: &Side<'_>, new: &Side<'_>) -> Vec<Pair> {
    let mut places: HashMap<u64, Vec<usize>> = HashMap::new();
    for (index, hash) in new.hashes.iter().enumerate().rev() {
        places.entry(*hash).or_default().push(index);
    }
    let mut pairs = Vec::with_capacity(old.nodes.len().max(new.nodes.len()));
    let mut gap = Gap::default();
    for (index, hash) in old.hashes.iter().enumerate() {
        match places.get_mut(hash).and_then(Vec::pop) {
            Some(other) => pairs.push(paired(index, other)),
            None => gap.old.push(index),
        }
    }
    gap.new = places.into_values().flatten().collect();
    gap.new.sort_unstable();
    close(&mut gap, old, new, true, &mut pairs);
    pairs
}

fn align_ordered(old: &Side<'_>, new: &Side<'_>) -> Vec<Pair> {
    let (old_len, new_len) = (old.nodes.len(), new.nodes.len());
    let mut pairs = Vec::with_capacity(old_len.max(new_len));
    let operations = if old_len.saturating_mul(new_len) <= MAX_COMPARISONS {
        capture_diff_slices(Algorithm::Myers, &old.hashes, &new.hashes)
    } else {
        vec![DiffOp::Replace {
            old_index: 0,
            old_len,
            new_index: 0,
            new_len,
        }]
    };
    // Adjacent deletions and insertions form one gap, in any order.
    let mut gap = Gap::default();
    for operation in operations {
        let (old_range, new_range) = (operation.old_range(), operation.new_range());
        if let DiffOp::Equal { .. } = operation {
            close(&mut gap, old, new, false, &mut pairs);
            pairs.extend(old_range.zip(new_range).map(|(a, b)| paired(a, b)));
        } else {
            gap.old.extend(old_range);
            gap.new.extend(new_range);
        }
    }
    close(&mut gap, old, new, false, &mut pairs);
    pairs
}

/// Returns the elements by name if all are tags or policy statements with unique names.
fn by_name(list: &[Node]) -> Option<HashMap<Cow<'_, str>, usize>> {
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

/// Pairs the remaining elements of a gap.
fn close(gap: &mut Gap, old: &Side<'_>, new: &Side<'_>, is_set: bool, pairs: &mut Vec<Pair>) {
    pair_by(gap, old, new, label, pairs);
    pair_by(gap, old, new, |node| rule(node, false), pairs);
    pair_similar(gap, old, new, pairs);
    let Gap {
        old: before,
        new: after,
    } = std::mem::take(gap);
    let mut rest = after.into_iter().peekable();
    for index in before {
        // In an ordered list, a value is paired with the next value of the same kind.
        let partner = rest.next_if(|&other| {
            let nodes = old.node(index).zip(new.node(other));
            !is_set && nodes.is_some_and(|(old, new)| are_of_a_kind(old, new))
        });
        pairs.push(Pair {
            before: Some(index),
            after: partner,
        });
    }
    pairs.extend(rest.map(added_at));
}

/// Returns whether both are scalars or calls, or both are maps with the same keys.
fn are_of_a_kind(old: &Node, new: &Node) -> bool {
    let is_one_value = |node: &Node| node.intrinsic().is_some() || node.scalar().is_some();
    match (old.as_map(), new.as_map()) {
        _ if is_one_value(old) || is_one_value(new) => is_one_value(old) && is_one_value(new),
        (Some(old), Some(new)) => {
            old.len() == new.len() && old.keys().all(|key| new.contains_key(key))
        }
        _ => false,
    }
}

/// Pairs elements that have the same name.
fn pair_by<'a>(
    gap: &mut Gap,
    old: &Side<'a>,
    new: &Side<'a>,
    name: impl Fn(&'a Node) -> Option<Cow<'a, str>>,
    pairs: &mut Vec<Pair>,
) {
    let mut named: HashMap<Cow<'_, str>, Vec<usize>> = HashMap::new();
    for &index in gap.new.iter().rev() {
        if let Some(name) = new.node(index).and_then(&name) {
            named.entry(name).or_default().push(index);
        }
    }
    if named.is_empty() {
        return;
    }
    let mut taken = Vec::new();
    gap.old.retain(|&index| {
        let name = old.node(index).and_then(&name);
        let Some(other) = name.and_then(|name| named.get_mut(&name)?.pop()) else {
            return true;
        };
        taken.push(other);
        pairs.push(paired(index, other));
        false
    });
    gap.new.retain(|index| !taken.contains(index));
}

/// Pairs maps that share at least half of their members, the most similar first.
///
/// Among equally similar pairs, those with the closest indexes come first. Two pairs with the same
/// rank never share an element, so the result does not depend on which list is the old one.
fn pair_similar(gap: &mut Gap, old: &Side<'_>, new: &Side<'_>, pairs: &mut Vec<Pair>) {
    if gap.old.len().saturating_mul(gap.new.len()) > MAX_PAIRS {
        return;
    }
    let members = |side: &Side<'_>, indexes: &[usize]| -> Vec<(usize, HashMap<String, u64>)> {
        let maps = indexes.iter().filter_map(|&index| {
            let node = side.node(index).filter(|node| node.intrinsic().is_none())?;
            let members = node.as_map()?.iter();
            let hashed =
                members.map(|(key, member)| (key.clone(), Language::Template.hash(&member.node)));
            Some((index, hashed.collect()))
        });
        maps.collect()
    };
    let (before, after) = (members(old, &gap.old), members(new, &gap.new));
    let mut similar = Vec::new();
    for (index, old_members) in &before {
        for (other, new_members) in &after {
            let shared = old_members
                .iter()
                .filter(|(key, hash)| new_members.get(*key) == Some(hash))
                .count();
            if shared > 0 && shared * 2 >= old_members.len().min(new_members.len()) {
                let rank = (usize::MAX - shared, index.abs_diff(*other), index + other);
                similar.push((rank, *index, *other));
            }
        }
    }
    similar.sort_unstable();
    for (_, index, other) in similar {
        if gap.old.contains(&index) && gap.new.contains(&other) {
            gap.old.retain(|left| *left != index);
            gap.new.retain(|left| *left != other);
            pairs.push(paired(index, other));
        }
    }
}

fn paired(before: usize, after: usize) -> Pair {
    Pair {
        before: Some(before),
        after: Some(after),
    }
}

fn added_at(index: usize) -> Pair {
    Pair {
        before: None,
        after: Some(index),
    }
}
