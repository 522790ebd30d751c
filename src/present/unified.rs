//! Unified line diffs of whole templates and of drifted resources.
//!
//! A line diff has only two sides. The first diff compares the deployed template with the files. After
//! it, each drifted resource has its own diff from deployed to live. That diff contains what
//! CloudFormation compared: the properties that the template sets, with values instead of functions.

use indexmap::IndexMap;
use serde_json::{Value as Json, json};
use similar::TextDiff;

use crate::cloudformation::drift::{Drift, DriftStatus, ResourceDrift};
use crate::diagnostic::SourceFile;
use crate::plan::comparison::live::LiveResource;
use crate::template::node::{Map, Member, Node, Value};
use crate::template::{Template, diff, emit};

/// The name of a side that does not exist, as in `diff`.
const MISSING_FILE: &str = "/dev/null";

/// Returns the line diff of two templates, or an empty text if they are equivalent.
///
/// The old template is written in the notation of the new one, so that only real differences remain.
/// If `only` is not empty, the diff contains only the entries with these names. `names` are the file
/// names in the header, and `context` is the number of equal lines around a difference.
pub(crate) fn of_templates(
    [old, new]: [&Template; 2],
    names: &[String; 2],
    only: &[String],
    context: usize,
) -> String {
    let before = diff::match_notation(old, new);
    let [before, after] = [&before, new.root()].map(|root| {
        if only.is_empty() {
            emit::to_yaml(root)
        } else {
            emit::to_yaml(&with_only(root, only))
        }
    });
    lines([&before, &after], [&names[0], &names[1]], context)
}

/// Returns one line diff per drifted resource, or an empty text if nothing has drifted.
pub(crate) fn of_drift(drift: &Drift, resources: &[LiveResource<'_>], context: usize) -> String {
    let own = resources.iter();
    let own = own.map(|it| (it.drift.logical_id.clone(), it.drift));
    own.chain(drift.drifted_inside())
        .map(|(name, drift)| of_resource(&name, drift, context))
        .collect()
}

fn of_resource(name: &str, drift: &ResourceDrift, context: usize) -> String {
    let [deployed, live] = [&drift.expected, &drift.actual].map(Option::as_deref);
    let (Some(deployed), Some(live)) = (template(drift, deployed), template(drift, live)) else {
        return String::new();
    };
    let before = format!("{name}, as deployed");
    if drift.status == DriftStatus::Deleted {
        let text = emit::to_yaml(deployed.root());
        return lines([&text, ""], [&before, MISSING_FILE], context);
    }
    let text = emit::to_yaml(&diff::match_notation(&deployed, &live));
    let live = emit::to_yaml(live.root());
    lines([&text, &live], [&before, &format!("{name}, live")], context)
}

/// Returns one side of a resource as a template, or `None` if it cannot be parsed.
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

/// Returns a template that contains only the entries with these names.
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
