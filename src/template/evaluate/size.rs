//! How large the values of a template may become.

use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use indexmap::IndexMap;

use super::{Evaluated, Use};
use crate::template::Template;
use crate::template::node::{Node, Value};
use crate::template::render::TEMPLATE_LIMIT;

/// The largest value of a function, in bytes: what a whole template may have.
pub(super) const LONGEST: usize = TEMPLATE_LIMIT;

/// How many bytes all values of functions together may have: a template that CloudFormation accepts
/// needs a few times its own size.
pub(super) const TOTAL: usize = 16 * TEMPLATE_LIMIT;

/// The size of an element in a list or a map, in bytes, without its text.
const ELEMENT: usize = 64;

/// Returns about how much memory a value needs, in bytes. It is at least the length of its text.
pub(super) fn of(value: &Evaluated<'_>) -> usize {
    match value {
        Evaluated::Nothing => 0,
        Evaluated::Scalar(text) => text.len(),
        Evaluated::Unknown(unknown) => {
            let dependencies = unknown.dependencies.iter().map(String::len);
            let uses = unknown
                .uses
                .iter()
                .map(|used| used.resource.len() + ELEMENT);
            sum(dependencies.chain(uses)).saturating_add(unknown.text.len())
        }
        Evaluated::List(list) => sum(list.iter().map(|value| ELEMENT.saturating_add(of(value)))),
        Evaluated::Map(map) => sum(map
            .iter()
            .map(|(key, value)| ELEMENT.saturating_add(key.len()).saturating_add(of(value)))),
    }
}

fn sum(sizes: impl Iterator<Item = usize>) -> usize {
    sizes.fold(0, usize::saturating_add)
}

/// Adds the resources that the functions in a node may use.
pub(super) fn uses(template: &Template, node: &Node, found: &mut BTreeSet<Use>) {
    match &node.value {
        Value::List(list) => list.iter().for_each(|node| uses(template, node, found)),
        Value::Map(map) => {
            for member in map.values() {
                uses(template, &member.node, found);
            }
        }
        _ => {
            // The argument of `Ref` or `Fn::GetAtt`, or the text of `Fn::Sub`.
            let text = node.scalar().unwrap_or_default();
            let name = |it: char| !it.is_ascii_alphanumeric() && it != '.';
            for name in text.split(name) {
                let (resource, attribute) = match name.split_once('.') {
                    Some((resource, attribute)) => (resource, Some(attribute.to_owned())),
                    None => (name, None),
                };
                if template.resource(resource).is_some() {
                    found.insert(Use {
                        resource: resource.to_owned(),
                        attribute,
                    });
                }
            }
        }
    }
}

/// Returns a number that is equal for functions with equal arguments and equal [`surroundings`], whose
/// values are equal.
pub(super) fn fingerprint(surroundings: u64, argument: &Node) -> u64 {
    let mut hasher = DefaultHasher::new();
    surroundings.hash(&mut hasher);
    hash(argument, &mut hasher);
    hasher.finish()
}

/// Returns a number that is equal if everything is equal that functions may read.
pub(super) fn surroundings(template: &Template, values: &IndexMap<String, String>) -> u64 {
    let mut hasher = DefaultHasher::new();
    for section in ["Parameters", "Mappings", "Conditions"] {
        if let Some(node) = template.root().get(section) {
            hash(node, &mut hasher);
        }
    }
    for (name, value) in values {
        (name, value).hash(&mut hasher);
    }
    hasher.finish()
}

fn hash(node: &Node, hasher: &mut DefaultHasher) {
    match &node.value {
        Value::List(list) => {
            list.len().hash(hasher);
            for node in list {
                hash(node, hasher);
            }
        }
        Value::Map(map) => {
            (map.len(), "map").hash(hasher);
            for (key, member) in map {
                key.hash(hasher);
                hash(&member.node, hasher);
            }
        }
        _ => node.scalar().hash(hasher),
    }
}
