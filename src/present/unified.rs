//! Line diffs of whole templates, and of what has drifted.
//!
//! A line diff has two sides. So each resource that has drifted stands in one of its own, from what was
//! deployed to what is live, after the one from what is deployed to what the files say. Its text is
//! what CloudFormation compared: the properties that the template sets, with their values in place of
//! functions.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};
use similar::TextDiff;

use crate::cloudformation::drift::{DriftStatus, ResourceDrift};
use crate::diagnostic::SourceFile;
use crate::plan::comparison::live::LiveResource;
use crate::template::node::{Map, Member, Node, Value};
use crate::template::{Template, diff, emit};

/// What the side is called that is not there, as `diff` itself has it.
const NOWHERE: &str = "/dev/null";

/// Returns the line diff of two templates in the spelling of the new one, of everything or of the
/// entries `only`; empty where both mean the same. `names` are what the two are called.
pub(crate) fn of_templates(
    [old, new]: [&Template; 2],
    names: &[String; 2],
    only: &[String],
    context: usize,
) -> String {
    let before = diff::in_the_spelling_of(old, new);
    let [before, after] = [&before, new.root()].map(|root| {
        if only.is_empty() {
            emit::to_yaml(root)
        } else {
            emit::to_yaml(&with_only(root, only))
        }
    });
    lines([&before, &after], [&names[0], &names[1]], context)
}

/// Returns the line diffs of what has drifted, one a resource; empty where nothing has.
pub(crate) fn of_drift(resources: &[LiveResource<'_>], context: usize) -> String {
    let drifts = resources.iter().map(|resource| resource.drift);
    drifts.map(|drift| of_resource(drift, context)).collect()
}

fn of_resource(drift: &ResourceDrift, context: usize) -> String {
    let [deployed, live] = [&drift.expected, &drift.actual].map(Option::as_deref);
    let (Some(deployed), Some(live)) = (template(drift, deployed), template(drift, live)) else {
        return String::new();
    };
    let name = &drift.logical_id;
    let before = format!("{name}, as it was deployed");
    if drift.status == DriftStatus::Deleted {
        let text = emit::to_yaml(deployed.root());
        return lines([&text, ""], [&before, NOWHERE], context);
    }
    let text = emit::to_yaml(&diff::in_the_spelling_of(&deployed, &live));
    let live = emit::to_yaml(live.root());
    lines(
        [&text, &live],
        [&before, &format!("{name}, as it is live")],
        context,
    )
}

/// Returns one side of a resource as a template; `None` where it cannot be read as one.
fn template(drift: &ResourceDrift, properties: Option<&str>) -> Option<Template> {
    let properties = properties.and_then(|text| serde_json::from_str::<Json>(text).ok());
    let resource = match properties {
        Some(properties) => json!({"Type": drift.resource_type, "Properties": properties}),
        None => json!({"Type": drift.resource_type}),
    };
    let text = json!({"Resources": {&drift.logical_id: resource}}).to_string();
    Template::parse(&SourceFile::new(&drift.logical_id, text)).ok()
}

fn lines([before, after]: [&str; 2], [old, new]: [&str; 2], context: usize) -> String {
    TextDiff::from_lines(before, after)
        .unified_diff()
        .context_radius(context)
        .header(old, new)
        .to_string()
}

/// Returns a template with nothing but the entries of these names.
fn with_only(root: &Node, names: &[String]) -> Node {
    let sections = root
        .as_map()
        .into_iter()
        .flatten()
        .filter_map(|(section, member)| {
            let entries = member.node.as_map()?.iter();
            let entries: Map = entries
                .filter(|(name, _)| names.contains(name))
                .map(|(name, member)| (name.clone(), member.clone()))
                .collect();
            let node = Node {
                span: member.node.span.clone(),
                value: Value::Map(entries),
            };
            let is_empty = node.as_map().is_none_or(IndexMap::is_empty);
            let key_span = member.key_span.clone();
            (!is_empty).then(|| (section.clone(), Member { key_span, node }))
        });
    Node {
        span: root.span.clone(),
        value: Value::Map(sections.collect()),
    }
}
