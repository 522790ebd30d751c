//! The conditions of a template: whether they hold, if that is known before the deployment.
//!
//! Two templates are compared by their conditions. If a condition is unknown, a change of its
//! definition may still add or remove a resource. So each condition has a fingerprint: a number that
//! is equal for conditions that always evaluate to the same result.

use std::collections::{BTreeSet, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Evaluator;
use crate::template::node::Node;

/// The longest chain of conditions that refer to one another; a deeper condition counts as unknown.
const MAX_DEPTH: usize = 64;

/// What is known about a condition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Decision {
    /// Whether the condition holds; `None` if that is not known.
    pub(super) holds: Option<bool>,
    /// A number that is equal for conditions that always evaluate to the same result.
    pub(super) fingerprint: u64,
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

/// The decisions on named conditions, each made once.
#[derive(Debug, Default)]
pub(super) struct Decisions<'a> {
    /// `None` while a decision is being made.
    by_name: HashMap<&'a str, Option<Decision>>,
    /// The number of decisions that are being made.
    open: usize,
}

impl<'a> Decisions<'a> {
    fn begin(&mut self, name: &'a str) {
        self.by_name.insert(name, None);
        self.open += 1;
    }

    fn end(&mut self, name: &'a str, decision: Decision) {
        self.by_name.insert(name, Some(decision));
        self.open = self.open.saturating_sub(1);
    }
}

/// Returns what is known about the condition with this name.
pub(super) fn named<'a>(evaluator: &Evaluator<'a>, name: &str) -> Decision {
    let conditions = evaluator.template.section("Conditions");
    let Some((name, member)) = conditions.and_then(|all| all.get_key_value(name)) else {
        return Decision::unknown(&("missing", name));
    };
    let name: &'a str = name;
    let decisions = &evaluator.conditions;
    let known = decisions.borrow().by_name.get(name).copied();
    if let Some(known) = known {
        // A condition whose decision is being made refers to itself.
        return known.unwrap_or_else(|| Decision::unknown(&("itself", name)));
    }
    if decisions.borrow().open > MAX_DEPTH {
        return Decision::unknown(&("too deep", name));
    }
    decisions.borrow_mut().begin(name);
    let decision = decide(evaluator, &member.node);
    decisions.borrow_mut().end(name, decision);
    decision
}

/// Returns what is known about a condition, which is a name or a function of conditions.
pub(super) fn decide<'a>(evaluator: &Evaluator<'a>, node: &'a Node) -> Decision {
    if let Some(name) = node.as_str() {
        return named(evaluator, name);
    }
    let call = node.as_map().filter(|map| map.len() == 1);
    let Some((function, member)) = call.and_then(|map| map.first()) else {
        return Decision::unknown(&node.noun());
    };
    if function == "Condition" {
        return match member.node.as_str() {
            Some(name) => named(evaluator, name),
            None => Decision::unknown(&"Condition"),
        };
    }
    let list = member.node.as_list().unwrap_or_default();
    if let ("Fn::Equals", [one, other]) = (function.as_str(), list) {
        return equal(evaluator, one, other);
    }
    let parts: Vec<Decision> = list.iter().map(|node| decide(evaluator, node)).collect();
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

fn equal<'a>(evaluator: &Evaluator<'a>, one: &'a Node, other: &'a Node) -> Decision {
    let (one, other) = (evaluator.value(one), evaluator.value(other));
    // Two unknown values may still turn out to be equal.
    if one == other || one.is_known() && other.is_known() {
        return Decision::known(one == other);
    }
    let mut dependencies = BTreeSet::new();
    one.collect_dependencies(&mut dependencies);
    other.collect_dependencies(&mut dependencies);
    Decision::unknown(&(one.text(), other.text(), dependencies))
}

/// Returns `deciding` if one of the conditions has that result, the opposite if all conditions have
/// the opposite result, and otherwise `None`.
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
