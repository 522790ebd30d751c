//! Whether a condition holds, and what decides it where nobody knows yet.
//!
//! Conditions refer to one another, and two templates are compared by them: a resource whose condition
//! cannot be decided may still come or go when the condition is written differently. So each has a
//! ground, a number that is the same for conditions that will be decided alike.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Evaluator;
use crate::template::node::Node;

/// How deep conditions may refer to one another before they count as unknown.
const MAX_DEPTH: usize = 64;

/// What is known of a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    /// Whether it holds; `None` where that is not known.
    pub(super) holds: Option<bool>,
    /// The same for conditions that are decided alike.
    fingerprint: u64,
}

impl Decision {
    fn known(holds: bool) -> Self {
        Self {
            holds: Some(holds),
            fingerprint: fingerprint(&holds),
        }
    }

    fn unknown(parts: &impl Hash) -> Self {
        Self {
            holds: None,
            fingerprint: fingerprint(parts),
        }
    }
}

/// The named conditions that were looked at.
#[derive(Debug, Default)]
pub(super) struct Known<'a> {
    /// `None` while one is being decided.
    decided: HashMap<&'a str, Option<Decision>>,
    /// How many are being decided.
    open: usize,
}

impl<'a> Known<'a> {
    fn begin(&mut self, name: &'a str) {
        self.decided.insert(name, None);
        self.open += 1;
    }

    fn end(&mut self, name: &'a str, decision: Decision) {
        self.decided.insert(name, Some(decision));
        self.open = self.open.saturating_sub(1);
    }
}

impl<'a> Evaluator<'a> {
    /// Returns whether a condition holds; `None` where that is not known.
    pub fn condition(&self, name: &str) -> Option<bool> {
        self.named(name).holds
    }

    /// Returns a number that is the same for conditions that will be decided alike, also in another
    /// template.
    pub fn condition_ground(&self, name: &str) -> u64 {
        self.named(name).fingerprint
    }

    fn named(&self, name: &str) -> Decision {
        let conditions = self.template.section("Conditions");
        let Some((name, member)) = conditions.and_then(|all| all.get_key_value(name)) else {
            return Decision::unknown(&("missing", name));
        };
        let name: &'a str = name;
        let known = self.conditions.borrow().decided.get(name).copied();
        if let Some(known) = known {
            // One that is being decided refers to itself.
            return known.unwrap_or_else(|| Decision::unknown(&("itself", name)));
        }
        let depth = self.conditions.borrow().open;
        if depth > MAX_DEPTH {
            return Decision::unknown(&("too deep", name));
        }
        self.conditions.borrow_mut().begin(name);
        let decision = self.decide(&member.node);
        self.conditions.borrow_mut().end(name, decision);
        decision
    }

    /// Returns what is known of a condition: a name, or a function over conditions.
    pub(super) fn decide(&self, node: &'a Node) -> Decision {
        if let Some(name) = node.as_str() {
            return self.named(name);
        }
        let call = node.as_map().filter(|map| map.len() == 1);
        let Some((function, member)) = call.and_then(|map| map.first()) else {
            return Decision::unknown(&node.noun());
        };
        if function == "Condition" {
            let name = member.node.as_str();
            return name.map_or_else(|| Decision::unknown(&"Condition"), |name| self.named(name));
        }
        let list = member.node.as_list().unwrap_or_default();
        if let ("Fn::Equals", [one, other]) = (function.as_str(), list) {
            return self.equal(one, other);
        }
        let parts: Vec<Decision> = list.iter().map(|node| self.decide(node)).collect();
        let holds = match function.as_str() {
            "Fn::Not" => parts
                .first()
                .and_then(|part| part.holds)
                .map(|holds| !holds),
            "Fn::And" => decided(&parts, false),
            "Fn::Or" => decided(&parts, true),
            _ => None,
        };
        holds.map_or_else(
            || {
                let fingerprints: Vec<u64> = parts.iter().map(|part| part.fingerprint).collect();
                Decision::unknown(&(function, fingerprints))
            },
            Decision::known,
        )
    }

    fn equal(&self, one: &'a Node, other: &'a Node) -> Decision {
        let (one, other) = (self.value(one), self.value(other));
        // Two unknown values may still turn out to be the same.
        if one == other || one.is_known() && other.is_known() {
            return Decision::known(one == other);
        }
        let mut fingerprints = BTreeSet::new();
        one.collect_dependencies(&mut fingerprints);
        other.collect_dependencies(&mut fingerprints);
        Decision::unknown(&(one.text(), other.text(), fingerprints))
    }
}

/// Returns `deciding` where any of the conditions is that, its opposite where all are known.
fn decided(conditions: &[Decision], deciding: bool) -> Option<bool> {
    if conditions.iter().any(|it| it.holds == Some(deciding)) {
        return Some(deciding);
    }
    let all_known = conditions.iter().all(|it| it.holds.is_some());
    all_known.then_some(!deciding)
}

fn fingerprint(parts: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}
