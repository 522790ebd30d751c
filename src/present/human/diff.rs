//! What is deployed against what the files say, for people.

use super::{code, count, value};
use crate::comparison::Comparison;
use crate::present::style::{ADD, BOLD, CHANGE, DIM, REMOVE};
use crate::template::diff::{EntryDiff, Status};
use crate::template::emit;
use crate::template::node::Node;

/// Returns the whole comparison; says so where nothing differs.
pub fn diff(comparison: &Comparison<'_>, width: usize) -> String {
    if comparison.is_empty() {
        return "No differences: what is deployed matches the files.\n".to_owned();
    }
    let mut text = String::new();
    for entry in &comparison.template.entries {
        push_entry(&mut text, entry, width);
    }
    if !comparison.code.is_empty() {
        text.push_str(&format!("\n{BOLD}Code{BOLD:#}\n"));
        code::push(&mut text, &comparison.code);
    }
    value::push_section(&mut text, "Parameters", &comparison.parameters, width);
    value::push_section(&mut text, "Tags", &comparison.tags, width);
    value::push_section(&mut text, "Stack settings", &comparison.settings, width);
    let differences = count(comparison.count(), "difference");
    text.push_str(&format!("\n{BOLD}Diff: {differences}.{BOLD:#}\n"));
    text
}

fn push_entry(text: &mut String, entry: &EntryDiff<'_>, width: usize) {
    let (style, sign) = match entry.status() {
        Status::Added => (ADD, "+"),
        Status::Removed => (REMOVE, "-"),
        Status::Modified => (CHANGE, "~"),
    };
    let section = match entry.section {
        "Resources" => entry
            .after
            .or(entry.before)
            .and_then(|node| node.get("Type"))
            .and_then(Node::as_str)
            .unwrap_or("a resource"),
        other => other,
    };
    let name = entry.name.unwrap_or(entry.section);
    let place = if entry.name.is_some() {
        format!(" {DIM}{section}{DIM:#}")
    } else {
        String::new()
    };
    text.push_str(&format!(
        "\n{style}{sign:>3}{style:#} {BOLD}{name}{BOLD:#}{place}\n"
    ));
    for change in &entry.changes {
        let values = [change.before, change.after].map(|node| node.map(shown));
        let path = change.path_text();
        let path = if path.is_empty() {
            "value"
        } else {
            path.as_str()
        };
        value::push(text, path, values, "", width);
    }
}

/// Returns a template's value as it is to be read: a quoted scalar, or YAML.
fn shown(node: &Node) -> String {
    match node.scalar() {
        Some(scalar) if scalar.contains('\n') => scalar.into_owned(),
        Some(scalar) => format!("\"{scalar}\""),
        None => emit::to_yaml(node).trim_end().to_owned(),
    }
}
