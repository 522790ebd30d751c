//! Renames that a plan shows as a removed and an added resource.
//!
//! CloudFormation does not recognize a rename: it creates the new resource, empty, and deletes the old one
//! with its data. A removed and an added resource of the same type with the same properties were probably
//! one, and `[moved]` keeps it.

use std::collections::{BTreeSet, HashMap};

use crate::cloudformation::change_set::{Change, Effect};
use crate::cloudformation::stateful::stored_data;
use crate::template::node::{Map, Node, Value};
use crate::template::rename::{Moves, obstacles};
use crate::template::schema_table::{self, Recreation};
use crate::template::{Resource, Template};

/// The highest number of pairs of one type that are compared.
const MAX_PAIRS: usize = 10_000;

/// Types whose resources get a new id on purpose, so that CloudFormation creates another one.
const RECREATED: [&str; 6] = [
    "AWS::ApiGateway::Deployment",
    "AWS::ApiGatewayV2::Deployment",
    "AWS::CloudFormation::WaitCondition",
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::Lambda::LayerVersion",
    "AWS::Lambda::Version",
];

/// A removed and an added resource that look like one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SuggestedMove {
    /// The removed logical id.
    pub from: String,
    /// The added logical id.
    pub to: String,
    /// The type of both.
    pub resource_type: String,
    /// Whether another pair is as likely.
    pub is_ambiguous: bool,
    /// The names of the properties that differ; empty if all are equal.
    pub differs: Vec<String>,
    /// Why stack refactoring does not accept the rename; `None` if nothing is known against it.
    pub obstacle: Option<String>,
}

/// Returns the likely renames among the changes from the deployed template to another one, those of types
/// that store data first. `protected_types` are further types that store data.
pub fn suggest(
    changes: &[Change],
    deployed: &Template,
    desired: &Template,
    protected_types: &[String],
) -> Vec<SuggestedMove> {
    let with_effect = |effect: Effect, in_it: &Template, other: &Template| {
        let ids = changes.iter().filter(|it| it.effect() == effect);
        let ids = ids.map(|it| it.logical_id.clone());
        ids.filter(|id| in_it.resource(id).is_some() && other.resource(id).is_none())
            .collect::<BTreeSet<String>>()
    };
    let removed = with_effect(Effect::Remove, deployed, desired);
    let added = with_effect(Effect::Add, desired, deployed);
    let mut relation = Relation {
        removed: &removed,
        added: &added,
        pairs: candidates(&removed, &added, [deployed, desired]),
    };
    let all = relation.pairs.clone();
    relation.refine([deployed, desired]);
    let mut found: Vec<SuggestedMove> = Vec::new();
    let suggested = |from: &str, to: &str, is_ambiguous: bool, differs: Vec<String>| {
        let moves = Moves::from([(from.to_owned(), to.to_owned())]);
        let obstacle = obstacles(deployed, &moves).into_iter().next();
        SuggestedMove {
            from: from.to_owned(),
            to: to.to_owned(),
            resource_type: kind(deployed, from).to_owned(),
            is_ambiguous,
            differs,
            obstacle: obstacle.map(|it| it.message),
        }
    };
    let counts = counts(&relation.pairs);
    for (from, to) in &relation.pairs {
        let is_ambiguous = [from, to]
            .iter()
            .any(|id| counts.get(id.as_str()) > Some(&1));
        found.push(suggested(from, to, is_ambiguous, Vec::new()));
    }
    // The only pair of its type that is left may differ a little.
    let counts = self::counts(&all);
    for (from, to) in all.difference(&relation.pairs) {
        let is_alone = [from, to]
            .iter()
            .all(|id| counts.get(id.as_str()) == Some(&1));
        if is_alone
            && let Some(differs) =
                relation.differences(from, to, [deployed, desired], protected_types)
        {
            found.push(suggested(from, to, false, differs));
        }
    }
    // Without data, a rename that is not possible would save nothing.
    let has_data = |it: &SuggestedMove| stored_data(&it.resource_type, protected_types).is_some();
    found.retain(|it| it.obstacle.is_none() || has_data(it));
    found.sort_by_key(|it| !has_data(it));
    found
}

/// Returns how many pairs each id is in. No id is both removed and added.
fn counts(pairs: &BTreeSet<(String, String)>) -> HashMap<&str, usize> {
    let mut counts = HashMap::new();
    for id in pairs.iter().flat_map(|(from, to)| [from, to]) {
        *counts.entry(id.as_str()).or_insert(0) += 1;
    }
    counts
}

/// Returns the pairs of a removed and an added resource of the same type.
fn candidates(
    removed: &BTreeSet<String>,
    added: &BTreeSet<String>,
    [deployed, desired]: [&Template; 2],
) -> BTreeSet<(String, String)> {
    let mut pairs = BTreeSet::new();
    for old in removed {
        let wanted = kind(deployed, old);
        let is_same = |new: &&String| kind(desired, new) == wanted;
        let of_kind = |ids: &BTreeSet<String>, template| {
            ids.iter().filter(|id| kind(template, id) == wanted).count()
        };
        if RECREATED.contains(&wanted)
            || of_kind(removed, deployed) * of_kind(added, desired) > MAX_PAIRS
        {
            continue;
        }
        pairs.extend(
            added
                .iter()
                .filter(is_same)
                .map(|new| (old.clone(), new.clone())),
        );
    }
    pairs
}

fn kind<'t>(template: &'t Template, id: &str) -> &'t str {
    let resource = template.resource(id);
    resource.and_then(|it| it.kind()).unwrap_or_default()
}

/// Which removed and added resources may be the same.
struct Relation<'a> {
    removed: &'a BTreeSet<String>,
    added: &'a BTreeSet<String>,
    pairs: BTreeSet<(String, String)>,
}

impl Relation<'_> {
    /// Drops the pairs with different properties until none is left. A reference to the one resource of
    /// a pair and one to the other are equal, so a dropped pair may make others different.
    fn refine(&mut self, [deployed, desired]: [&Template; 2]) {
        loop {
            let is_same = |(old, new): &&(String, String)| {
                let [old, new] = [deployed.resource(old), desired.resource(new)]
                    .map(|it| it.as_ref().and_then(Resource::properties));
                self.same_values(old, new)
            };
            let kept: BTreeSet<_> = self.pairs.iter().filter(is_same).cloned().collect();
            if kept.len() == self.pairs.len() {
                return;
            }
            self.pairs = kept;
        }
    }

    /// Returns the names of the properties that differ between two resources that may still be the same;
    /// `None` if they store no data, if too much differs, or if the rename would save nothing because
    /// another name or another create-only property replaces the resource.
    fn differences(
        &self,
        old: &str,
        new: &str,
        [deployed, desired]: [&Template; 2],
        protected_types: &[String],
    ) -> Option<Vec<String>> {
        let kind = kind(deployed, old);
        stored_data(kind, protected_types)?;
        let nothing = Map::new();
        let [before, after] = [deployed.resource(old), desired.resource(new)]
            .map(|it| it?.properties()?.as_map())
            .map(|it| it.unwrap_or(&nothing));
        let added = after.keys().filter(|name| !before.contains_key(*name));
        let names: Vec<&String> = before.keys().chain(added).collect();
        let differs = names.iter().filter(|name| {
            let [old, new] = [before, after].map(|it| Some(&it.get(**name)?.node));
            !self.same_values(old, new)
        });
        let differs: Vec<String> = differs.map(|name| (*name).clone()).collect();
        let is_replaced = differs.iter().any(|name| {
            let path = [name.as_str()];
            schema_table::of(kind).is_some_and(|it| it.recreation(&path) == Recreation::Always)
        });
        let name = schema_table::name_property(kind).map(|it| it.name);
        let keeps_name = name
            .is_some_and(|name| before.contains_key(name) && !differs.iter().any(|it| it == name));
        let is_similar = keeps_name || differs.len() * 2 <= names.len();
        (is_similar && !is_replaced).then_some(differs)
    }

    fn same_values(&self, old: Option<&Node>, new: Option<&Node>) -> bool {
        match (old, new) {
            (Some(old), Some(new)) => self.same(old, new),
            (None, Some(node)) | (Some(node), None) => node.as_map().is_some_and(Map::is_empty),
            (None, None) => true,
        }
    }

    /// Returns whether two values are the same but for the ids.
    fn same(&self, old: &Node, new: &Node) -> bool {
        if let (Some((function, before)), Some((other, after))) = (old.intrinsic(), new.intrinsic())
            && function == other
        {
            let (before, after) = (&before.node, &after.node);
            return match function {
                "Ref" => self.same_names(before, after),
                "Fn::GetAtt" => self.same_attributes(before, after),
                "Fn::Sub" => self.same_texts(before, after),
                _ => self.same(before, after),
            };
        }
        match (&old.value, &new.value) {
            (Value::Map(before), Value::Map(after)) => {
                let same = |(key, member): (&String, &crate::template::node::Member)| {
                    let other = after.get(key);
                    other.is_some_and(|other| self.same(&member.node, &other.node))
                };
                before.len() == after.len() && before.iter().all(same)
            }
            (Value::List(before), Value::List(after)) => self.same_lists(before, after),
            _ => old.scalar() == new.scalar() && (old.scalar().is_some() || old == new),
        }
    }

    fn same_lists(&self, old: &[Node], new: &[Node]) -> bool {
        let mut pairs = old.iter().zip(new);
        old.len() == new.len() && pairs.all(|(old, new)| self.same(old, new))
    }

    fn same_names(&self, old: &Node, new: &Node) -> bool {
        match (old.as_str(), new.as_str()) {
            (Some(old), Some(new)) => self.same_ids(old, new),
            _ => self.same(old, new),
        }
    }

    /// Compares the arguments of two `Fn::GetAtt`.
    fn same_attributes(&self, old: &Node, new: &Node) -> bool {
        let parts = |node: &Node| {
            let texts: Option<Vec<&str>> = node.elements().iter().map(Node::as_str).collect();
            let text = texts?.join(".");
            let (id, attribute) = text.split_once('.')?;
            Some((id.to_owned(), attribute.to_owned()))
        };
        match (parts(old), parts(new)) {
            (Some((old, before)), Some((new, after))) => {
                before == after && self.same_ids(&old, &new)
            }
            _ => self.same(old, new),
        }
    }

    /// Compares the arguments of two `Fn::Sub`.
    fn same_texts(&self, old: &Node, new: &Node) -> bool {
        let ([old, before @ ..], [new, after @ ..]) = (old.elements(), new.elements()) else {
            return false;
        };
        let (Some(old), Some(new)) = (old.as_str(), new.as_str()) else {
            return old == new && self.same_lists(before, after);
        };
        let mut pairs = old.split("${").zip(new.split("${")).enumerate();
        let same_parts =
            pairs.all(
                |(index, (old, new))| match (old.split_once('}'), new.split_once('}')) {
                    (Some((old, behind)), Some((new, after))) if index > 0 => {
                        let [(old, before), (new, behind_new)] = [old, new]
                            .map(|it| it.trim().split_once('.').unwrap_or((it.trim(), "")));
                        behind == after && before == behind_new && self.same_ids(old, new)
                    }
                    _ => old == new,
                },
            );
        old.matches("${").count() == new.matches("${").count()
            && same_parts
            && self.same_lists(before, after)
    }

    fn same_ids(&self, old: &str, new: &str) -> bool {
        if self.removed.contains(old) || self.added.contains(new) {
            self.pairs.contains(&(old.to_owned(), new.to_owned()))
        } else {
            old == new
        }
    }
}

#[cfg(test)]
mod tests;
