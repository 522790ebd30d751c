//! Predicts the changes that a deployment of a template would make.
//!
//! The prediction needs no call to AWS. It evaluates both templates with their parameters, resource by
//! resource. For each property that differs, the lifecycle table says whether CloudFormation replaces
//! the resource. A change then propagates along the references: a `Ref` changes only if the resource
//! is replaced, or if it is a custom resource; an `Fn::GetAtt` may change with every update, and
//! CloudFormation lists its users in a change set, so the prediction lists them too.
//!
//! The result has the form of a change set and is printed in the same way. The prediction does not
//! know the results of transforms, the current values in the SSM parameter store, or the changes
//! inside nested stacks.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;

use crate::cloudformation::change_set::{Action, Change, Detail, Replacement};
use crate::template::evaluate::{Evaluated, Evaluator, Use};
use crate::template::pointer;
use crate::template::policy::{Policy, deletion_policy, update_replace_policy};
use crate::template::reference::ReferenceKind;
use crate::template::schema_table::{self, Lifecycle, Recreation};
use crate::template::{Resource, Template, custom_resource};
use crate::util::parallel::both;

mod serverless;

/// The attributes other than `Properties` whose changes a change set lists. It does not list
/// `DependsOn`.
const ATTRIBUTES: [&str; 5] = [
    "Metadata",
    "CreationPolicy",
    "UpdatePolicy",
    "DeletionPolicy",
    "UpdateReplacePolicy",
];

/// A template with the values of its parameters. A parameter without a value is unknown.
#[derive(Debug, Clone, Copy)]
pub struct Side<'a> {
    /// The template.
    pub template: &'a Template,
    /// The values of the parameters by name, which may include pseudo parameters.
    pub parameters: &'a IndexMap<String, String>,
}

impl<'a> Side<'a> {
    /// Returns a template with these values.
    pub fn new(template: &'a Template, parameters: &'a IndexMap<String, String>) -> Self {
        Self {
            template,
            parameters,
        }
    }

    /// Returns whether the two sides differ at most in formatting and comments.
    fn is_same(self, other: Side<'_>) -> bool {
        self.template.root() == other.template.root() && self.parameters == other.parameters
    }
}

/// Returns the predicted changes from one template to another, sorted by logical id. If `before` is
/// `None`, every resource is added.
pub fn predict(before: Option<Side<'_>>, after: Side<'_>) -> Vec<Change> {
    if before.is_some_and(|before| before.is_same(after)) {
        return Vec::new();
    }
    let (old, new) = both(
        || before.map(resources).unwrap_or_default(),
        || resources(after),
    );
    let given = changed_parameters(before, after);
    let mut changes: BTreeMap<&str, Change> = BTreeMap::new();
    for (logical_id, resource) in &new {
        match old.get(logical_id) {
            None => {
                changes.insert(logical_id, resource.change(Action::Add));
            }
            Some(previous) => {
                let mut change = resource.change(Action::Modify);
                change.details = resource.details_since(previous, &given);
                if previous.kind != resource.kind || !change.details.is_empty() {
                    resource.classify(&mut change, Some(previous));
                    changes.insert(logical_id, change);
                } else if previous.condition != resource.condition {
                    changes.insert(logical_id, resource.change_of_condition());
                }
            }
        }
    }
    for (logical_id, resource) in &old {
        if !new.contains_key(logical_id) {
            let mut change = resource.change(Action::Remove);
            change.policy_action = resource.deletion_policy.action().map(str::to_owned);
            changes.insert(logical_id, change);
        }
    }
    propagate(&old, &new, &mut changes);
    changes.into_values().collect()
}

/// Adds the replacement and the policy action to modified resources without them, and returns whether
/// any was missing. CloudFormation always returns both; emulators may omit them.
pub fn complete(changes: &mut [Change], before: Side<'_>, after: Side<'_>) -> bool {
    let mut incomplete = changes
        .iter_mut()
        .filter(|change| change.action == Action::Modify && change.replacement.is_none())
        .peekable();
    if incomplete.peek().is_none() {
        return false;
    }
    let predicted = predict(Some(before), after);
    for change in incomplete {
        let mut same = predicted.iter();
        if let Some(same) = same.find(|same| same.logical_id == change.logical_id) {
            change.replacement.clone_from(&same.replacement);
            let policy = change.policy_action.take();
            change.policy_action = policy.or_else(|| same.policy_action.clone());
        }
    }
    true
}

/// A resource with its evaluated properties. Its condition is true or unknown.
struct EvaluatedResource<'a> {
    resource: Resource<'a>,
    kind: &'a str,
    properties: IndexMap<&'a str, Evaluated<'a>>,
    attributes: Vec<(&'static str, Evaluated<'a>)>,
    deletion_policy: Policy,
    replace_policy: Policy,
    lifecycle: Option<&'static Lifecycle>,
    /// The fingerprint of a condition whose value is unknown.
    condition: Option<u64>,
    /// The properties that refer to a parameter, with the parameter's name.
    parameters: Vec<(&'a str, &'a str)>,
}

/// Returns the resources of a template whose condition is true or unknown, by logical id.
fn resources(side: Side<'_>) -> BTreeMap<&str, EvaluatedResource<'_>> {
    let evaluator = Evaluator::new(side.template, side.parameters);
    let exists = |resource: &Resource<'_>| {
        resource
            .condition()
            .is_none_or(|name| evaluator.condition(name) != Some(false))
    };
    let mut known: BTreeMap<&str, EvaluatedResource<'_>> = BTreeMap::new();
    for resource in side.template.resources().filter(exists) {
        let kind = resource.kind().unwrap_or_default();
        let properties = serverless::properties(side.template, resource, &evaluator);
        let attributes = ATTRIBUTES.into_iter().filter_map(|name| {
            let node = resource.attribute(name)?;
            Some((name, evaluator.value(node)))
        });
        known.insert(
            resource.logical_id(),
            EvaluatedResource {
                resource,
                kind,
                properties,
                attributes: attributes.collect(),
                deletion_policy: deletion_policy(kind, Some(resource.entry.node), Some(&evaluator)),
                replace_policy: update_replace_policy(resource.entry.node, Some(&evaluator)),
                lifecycle: schema_table::of(kind),
                condition: resource
                    .condition()
                    .filter(|name| evaluator.condition(name).is_none())
                    .map(|name| evaluator.condition_fingerprint(name)),
                parameters: Vec::new(),
            },
        );
    }
    for reference in side.template.references() {
        let named = matches!(reference.kind, ReferenceKind::Ref | ReferenceKind::Sub);
        if !named || side.template.parameter(reference.target).is_none() {
            continue;
        }
        let Some(owner) = known.get_mut(reference.owner) else {
            continue;
        };
        let properties = owner.resource.properties().and_then(|node| node.as_map());
        let inside = properties.into_iter().flatten().find(|(_, member)| {
            let span = &member.node.span;
            span.start <= reference.span.start && reference.span.end <= span.end
        });
        if let Some((name, _)) = inside {
            owner.parameters.push((name, reference.target));
        }
    }
    known
}

/// Returns the parameters whose value differs, including defaults.
fn changed_parameters<'a>(before: Option<Side<'_>>, after: Side<'a>) -> Vec<&'a str> {
    let value = |side: Side<'_>, name: &str| {
        let default = || {
            let parameter = side.template.parameter(name)?;
            Some(parameter.default()?.scalar()?.into_owned())
        };
        side.parameters.get(name).cloned().or_else(default)
    };
    let parameters = after.template.parameters();
    parameters
        .map(|parameter| parameter.entry.name)
        .filter(|name| before.is_some_and(|before| value(before, name) != value(after, name)))
        .collect()
}

impl EvaluatedResource<'_> {
    fn change(&self, action: Action) -> Change {
        Change {
            logical_id: self.resource.logical_id().to_owned(),
            resource_type: self.kind.to_owned(),
            action,
            ..Change::default()
        }
    }

    /// Returns the change of a resource whose condition changed and has an unknown value.
    fn change_of_condition(&self) -> Change {
        let condition = self.resource.condition().unwrap_or("Condition");
        Change {
            scope: vec!["Condition".to_owned()],
            details: vec![Detail {
                attribute: Some("Condition".to_owned()),
                change_source: Some("Condition".to_owned()),
                causing_entity: Some(condition.to_owned()),
                evaluation: Some("Dynamic".to_owned()),
                ..Detail::default()
            }],
            ..self.change(Action::Dynamic)
        }
    }

    fn recreation(&self, path: &[Cow<'_, str>]) -> Recreation {
        let property = path.first().map_or("", |name| name);
        if serverless::is_replaced(self.kind, property) {
            return Recreation::Always;
        }
        self.lifecycle
            .map_or(Recreation::Never, |lifecycle| lifecycle.recreation(path))
    }

    /// Returns the details of the change from the previous resource with the same logical id.
    fn details_since(&self, previous: &Self, changed_parameters: &[&str]) -> Vec<Detail> {
        let mut details = Vec::new();
        for name in keys(&previous.properties, &self.properties) {
            let values = (previous.properties.get(name), self.properties.get(name));
            let mut path = vec![Cow::Borrowed(name)];
            let walk = Walk {
                lifecycle: self.lifecycle,
            };
            walk.differences(values.0, values.1, &mut path, &mut |path, before, after| {
                let mut detail = property_detail(path, self.recreation(path), "DirectModification");
                let parameter = self.parameters.iter().find(|(property, parameter)| {
                    *property == name && changed_parameters.contains(parameter)
                });
                if let Some((_, parameter)) = parameter {
                    detail.change_source = Some("ParameterReference".to_owned());
                    detail.causing_entity = Some((*parameter).to_owned());
                }
                detail.before = before.map(Evaluated::text);
                detail.after = after.map(Evaluated::text);
                detail.attribute_change = Some(kind_of_change(before, after).to_owned());
                details.push(detail);
            });
        }
        for name in ATTRIBUTES {
            let [before, after] = [previous, self].map(|side| {
                let attribute = side.attributes.iter().find(|(other, _)| *other == name);
                attribute.map(|(_, value)| value)
            });
            if before != after {
                details.push(Detail {
                    attribute: Some(name.to_owned()),
                    before: before.map(Evaluated::text),
                    after: after.map(Evaluated::text),
                    attribute_change: Some(kind_of_change(before, after).to_owned()),
                    requires_recreation: Some(Recreation::Never.as_str().to_owned()),
                    evaluation: Some("Static".to_owned()),
                    change_source: Some("DirectModification".to_owned()),
                    ..Detail::default()
                });
            }
        }
        details
    }

    /// Returns the detail of a property that refers to a changed resource.
    fn dependent_detail(&self, place: &Place<'_>, certain: bool) -> Detail {
        let source = match place.used.attribute {
            None => "ResourceReference",
            Some(_) => "ResourceAttribute",
        };
        let mut detail = property_detail(&place.path, self.recreation(&place.path), source);
        let evaluation = if certain { "Static" } else { "Dynamic" };
        detail.evaluation = Some(evaluation.to_owned());
        detail.causing_entity = Some(match &place.used.attribute {
            None => place.used.resource.clone(),
            Some(attribute) => format!("{}.{attribute}", place.used.resource),
        });
        detail
    }

    /// Sets the replacement, the policy action and the scope of a change from its details.
    fn classify(&self, change: &mut Change, previous: Option<&Self>) {
        let is = |detail: &Detail, word: &str| detail.requires_recreation.as_deref() == Some(word);
        let is_static = |detail: &Detail| detail.evaluation.as_deref() == Some("Static");
        let mut details = change.details.iter();
        let other_type = previous.is_some_and(|previous| previous.kind != self.kind);
        let replacement = if other_type
            || details
                .clone()
                .any(|detail| is(detail, "Always") && is_static(detail))
        {
            Replacement::True
        } else if details.any(|detail| is(detail, "Always") || is(detail, "Conditionally")) {
            Replacement::Conditional
        } else {
            Replacement::False
        };
        let policy = self.replace_policy.action();
        let policy = policy.filter(|_| replacement != Replacement::False);
        change.policy_action = policy.map(|policy| format!("ReplaceAnd{policy}"));
        change.replacement = Some(replacement);
        change.scope = change
            .details
            .iter()
            .filter_map(|detail| detail.attribute.clone())
            .collect();
        change.scope.sort_unstable();
        change.scope.dedup();
    }
}

/// Propagates changes along the references until nothing more changes.
fn propagate<'a>(
    old: &BTreeMap<&'a str, EvaluatedResource<'_>>,
    new: &BTreeMap<&'a str, EvaluatedResource<'a>>,
    changes: &mut BTreeMap<&'a str, Change>,
) {
    let users = users(old, new);
    let mut waiting: BTreeSet<&str> = changes.keys().copied().collect();
    // A detail can only become more certain, so the loop ends even if the references have a cycle,
    // which CloudFormation rejects.
    while let Some(source) = waiting.pop_first() {
        for (logical_id, place) in users.get(source).into_iter().flatten() {
            let (Some(user), Some(cause)) = (new.get(logical_id), changes.get(source)) else {
                continue;
            };
            let Some(certain) = effect_on(cause, &place.used) else {
                continue;
            };
            let detail = user.dependent_detail(place, certain);
            let change = changes
                .entry(logical_id)
                .or_insert_with(|| user.change(Action::Modify));
            if change.details.contains(&detail) {
                continue;
            }
            // A detail that was only possible in an earlier round may be certain now.
            change.details.retain(|known| {
                known.path != detail.path || known.causing_entity != detail.causing_entity
            });
            change.details.push(detail);
            let before = change.replacement.clone();
            user.classify(change, old.get(logical_id));
            let is_new = change.details.len() == 1;
            if is_new || change.replacement != before {
                waiting.insert(logical_id);
            }
        }
    }
}

/// A reference to another resource: the path of the property, and what it uses.
struct Place<'a> {
    path: Vec<Cow<'a, str>>,
    used: Use,
}

/// Returns the users of each resource, by the logical id of the resource that is used. Only resources
/// that exist on both sides can change because of another.
fn users<'a>(
    old: &BTreeMap<&'a str, EvaluatedResource<'_>>,
    new: &BTreeMap<&'a str, EvaluatedResource<'a>>,
) -> BTreeMap<String, Vec<(&'a str, Place<'a>)>> {
    let mut users: BTreeMap<String, Vec<(&str, Place<'_>)>> = BTreeMap::new();
    for (logical_id, resource) in new.iter().filter(|(id, _)| old.contains_key(*id)) {
        for (name, value) in &resource.properties {
            value.for_each_use(&mut vec![Cow::Borrowed(*name)], &mut |path, used| {
                let place = Place {
                    path: path.to_vec(),
                    used: used.clone(),
                };
                let of = users.entry(used.resource.clone()).or_default();
                of.push((logical_id, place));
            });
        }
    }
    users
}

/// Returns whether a reference to a changed resource changes: `true` if certainly, `false` if possibly,
/// `None` if not.
fn effect_on(source: &Change, used: &Use) -> Option<bool> {
    match (&source.action, &source.replacement) {
        (Action::Modify, Some(Replacement::True)) => Some(true),
        (Action::Modify, Some(Replacement::Conditional)) => Some(false),
        // A custom resource may return another physical id after each update.
        (Action::Modify, _) if custom_resource::is_custom(&source.resource_type) => Some(false),
        (Action::Modify, _) => used.attribute.is_some().then_some(false),
        _ => None,
    }
}

fn property_detail(path: &[Cow<'_, str>], recreation: Recreation, source: &str) -> Detail {
    let top = path.first().cloned().unwrap_or_default().into_owned();
    let is_tags = top == "Tags";
    Detail {
        attribute: Some(if is_tags { "Tags" } else { "Properties" }.to_owned()),
        name: (!is_tags).then_some(top),
        path: Some(format!("/Properties{}", pointer::of(path))),
        requires_recreation: Some(recreation.as_str().to_owned()),
        evaluation: Some("Static".to_owned()),
        change_source: Some(source.to_owned()),
        ..Detail::default()
    }
}

/// The comparison of two properties' values.
#[derive(Clone, Copy)]
struct Walk {
    lifecycle: Option<&'static Lifecycle>,
}

impl Walk {
    /// Calls `found` with each path at which two values differ. Descends as long as both are maps, or
    /// lists of the same length.
    fn differences<'p>(
        self,
        before: Option<&Evaluated<'p>>,
        after: Option<&Evaluated<'p>>,
        path: &mut Vec<Cow<'p, str>>,
        found: &mut impl FnMut(&[Cow<'p, str>], Option<&Evaluated<'p>>, Option<&Evaluated<'p>>),
    ) {
        match (before, after) {
            (Some(Evaluated::Map(old)), Some(Evaluated::Map(new))) => {
                for key in keys(old, new) {
                    path.push(Cow::Borrowed(key));
                    self.differences(old.get(key), new.get(key), path, found);
                    path.pop();
                }
            }
            (Some(Evaluated::List(old)), Some(Evaluated::List(new)))
                if old.len() == new.len() && !self.are_same_set(path, old, new) =>
            {
                for (index, (before, after)) in old.iter().zip(new).enumerate() {
                    path.push(index.to_string().into());
                    self.differences(Some(before), Some(after), path, found);
                    path.pop();
                }
            }
            (Some(Evaluated::List(old)), Some(Evaluated::List(new))) if old.len() == new.len() => {}
            (before, after) if before != after => found(path, before, after),
            _ => {}
        }
    }

    /// Returns whether the property at a path is a set and both lists have the same elements.
    fn are_same_set(
        self,
        path: &[Cow<'_, str>],
        old: &[Evaluated<'_>],
        new: &[Evaluated<'_>],
    ) -> bool {
        let is_set = || {
            self.lifecycle
                .is_some_and(|lifecycle| lifecycle.is_set(path))
        };
        old != new && is_set() && sorted(old) == sorted(new)
    }
}

fn sorted<'v, 'a>(list: &'v [Evaluated<'a>]) -> Vec<&'v Evaluated<'a>> {
    let mut values: Vec<&Evaluated<'a>> = list.iter().collect();
    values.sort_by_cached_key(|value| value.text());
    values
}

fn keys<'a, T>(old: &IndexMap<&'a str, T>, new: &IndexMap<&'a str, T>) -> Vec<&'a str> {
    let added = new.keys().filter(|key| !old.contains_key(*key));
    old.keys().chain(added).copied().collect()
}

fn kind_of_change<T>(before: Option<T>, after: Option<T>) -> &'static str {
    match (before, after) {
        (None, _) => "Add",
        (Some(_), None) => "Remove",
        (Some(_), Some(_)) => "Modify",
    }
}

#[cfg(test)]
mod tests;
