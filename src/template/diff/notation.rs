//! Rewrites one template in the notation of another, for a line diff without noise.
//!
//! A line diff also shows changes without a meaning: quotes, the order of keys, short and long forms
//! of functions. So every part of the old template that means the same is replaced by its notation in
//! the new template. After that, the two texts differ only where the templates differ.

use super::{Map, Node, SECTIONS, Template, View, align, canonical, is_noop, resource_lifecycle};
use crate::template::node::{Member, Value};
use crate::template::schema_table::Lifecycle;

/// Returns the old template with every part that means the same in the notation of the new template.
pub fn match_notation(old: &Template, new: &Template) -> Node {
    let mut path = Vec::new();
    rewrite(old.root(), new.root(), &mut path, None)
}

/// Returns `old` in the notation of `new`. `path` is the path of both; a list element is `*`.
fn rewrite<'a>(
    old: &'a Node,
    new: &'a Node,
    path: &mut Vec<&'a str>,
    lifecycle: Option<&'static Lifecycle>,
) -> Node {
    let value = match (View::of(old), View::of(new)) {
        (View::Map(before), View::Map(after)) => {
            let lifecycle = match path.as_slice() {
                ["Resources", _] => resource_lifecycle(old, new),
                _ => lifecycle,
            };
            Value::Map(map(before, after, path, lifecycle))
        }
        (View::List(before), View::List(after)) => {
            Value::List(list(before, after, path, lifecycle))
        }
        (before, after) if before == after => return new.clone(),
        _ => return old.clone(),
    };
    Node {
        span: old.span.clone(),
        value,
    }
}

fn map<'a>(
    old: &'a Map,
    new: &'a Map,
    path: &mut Vec<&'a str>,
    lifecycle: Option<&'static Lifecycle>,
) -> Map {
    let mut rewritten = Map::with_capacity(old.len());
    // A key that only the old map has stays after the key that it follows there.
    let mut followers: Vec<(Option<&str>, &str, &Member)> = Vec::new();
    let mut previous = None;
    for (key, member) in old {
        if new.contains_key(key) {
            previous = Some(key.as_str());
        } else if !is_noop_member(path, key, &member.node) {
            followers.push((previous, key, member));
        }
    }
    let mut followers = followers.into_iter().peekable();
    let insert = |map: &mut Map, key: &str, node: Node, member: &Member| {
        let key_span = member.key_span.clone();
        map.insert(key.to_owned(), Member { key_span, node });
    };
    while let Some((_, key, member)) = followers.next_if(|(after, ..)| after.is_none()) {
        insert(&mut rewritten, key, member.node.clone(), member);
    }
    let mut waiting: Vec<_> = followers.collect();
    for (key, other) in new {
        if let Some(member) = old.get(key) {
            path.push(key);
            let before = canonical::argument(key, &member.node);
            let after = canonical::argument(key, &other.node);
            let is_same = match path.as_slice() {
                ["Resources", _, "DependsOn"] => are_same_names(before, after),
                ["Transform"] => before.elements() == after.elements(),
                _ => false,
            };
            let node = if is_same {
                after.clone()
            } else {
                rewrite(before, after, path, lifecycle)
            };
            path.pop();
            // If nothing differs, use the notation of the whole argument in the new template.
            let node = if node == *after {
                other.node.clone()
            } else {
                node
            };
            insert(&mut rewritten, key, node, member);
        }
        if !old.contains_key(key) && is_noop_member(path, key, &other.node) {
            insert(&mut rewritten, key, other.node.clone(), other);
        }
        waiting.retain(|(after, own, member)| {
            let follows = *after == Some(key.as_str());
            if follows {
                insert(&mut rewritten, own, member.node.clone(), member);
            }
            !follows
        });
    }
    rewritten
}

/// Returns whether a member means the same as its absence: an empty section or an empty attribute of
/// a resource.
fn is_noop_member(path: &[&str], key: &str, node: &Node) -> bool {
    match path {
        [] => SECTIONS.contains(&key) && node.as_map().is_some_and(Map::is_empty),
        ["Resources", _] => is_noop(key, node),
        _ => false,
    }
}

fn list<'a>(
    old: &'a [Node],
    new: &'a [Node],
    path: &mut Vec<&'a str>,
    lifecycle: Option<&'static Lifecycle>,
) -> Vec<Node> {
    let is_set = match (lifecycle, path.as_slice()) {
        (Some(lifecycle), ["Resources", _, "Properties", steps @ ..]) => lifecycle.is_set(steps),
        _ => false,
    };
    let mut pairs = align::align(old, new, is_set);
    if align::has_order(old, new, is_set) {
        pairs.sort_by_key(|pair| pair.before);
    } else {
        // Use the order of the new list; a removed element stays near its old index.
        pairs.sort_by_key(|pair| (pair.after.or(pair.before), pair.after.is_some()));
    }
    path.push("*");
    let mut elements = Vec::with_capacity(old.len());
    for pair in pairs {
        let Some(before) = pair.before.and_then(|index| old.get(index)) else {
            continue;
        };
        elements.push(match pair.after.and_then(|index| new.get(index)) {
            Some(after) => rewrite(before, after, path, lifecycle),
            None => before.clone(),
        });
    }
    path.pop();
    elements
}

/// Returns whether both values are the same name or the same names in any order.
fn are_same_names(old: &Node, new: &Node) -> bool {
    let names = |node: &Node| {
        let mut names: Vec<_> = node
            .elements()
            .iter()
            .map(|node| node.scalar().map(String::from))
            .collect();
        names.sort_unstable();
        names
    };
    names(old) == names(new)
}
