//! A comparison of the deployed stack with the files, for people, with the signs of a plan.
//!
//! Each difference has its effect on the resource and its line numbers. Text that does not fit after the
//! path goes below it, so that no line is wider than the terminal.

mod layout;

use super::{code, count, moves, value};
use crate::plan::comparison::{Comparison, Difference, Effect, Place, Row};
use crate::present::style::{ADD, BOLD, CHANGE, DIM, REMOVE, Sign};
use crate::present::visible::one_line;
use crate::present::{words, wrap};
use crate::template::diff::Status;
use crate::template::emit;
use crate::template::json;
use crate::template::node::Node;
use crate::util::suggest::join_first;
pub use layout::Frame;

/// The highest number of affected resources that are named. The others are counted.
const MAX_NAMES: usize = 5;

/// Returns the whole comparison, or a sentence that there are no differences.
pub fn diff(comparison: &Comparison<'_>, frame: Frame) -> String {
    let [before, after] = &comparison.names;
    if comparison.is_empty() && comparison.template.is_empty() {
        return match &comparison.stack {
            _ if !comparison.only.is_empty() => {
                format!("No differences in {}.\n", comparison.only.join(", "))
            }
            Some(_) => "No differences: the deployed stack matches the files.\n".to_owned(),
            None => format!("No differences: {before} and {after} are equivalent.\n"),
        };
    }
    let mut text = format!("{DIM}--- {before}\n+++ {after}{DIM:#}\n");
    moves::push(&mut text, &comparison.moved, frame.width);
    for entry in &comparison.template {
        push_entry(&mut text, comparison, entry, frame);
    }
    if !comparison.code.is_empty() {
        text.push_str(&format!("\n{BOLD}Code{BOLD:#}\n"));
        code::push(&mut text, &comparison.code);
    }
    value::push_section(&mut text, "Parameters", &comparison.parameters, frame.width);
    value::push_section(&mut text, "Tags", &comparison.tags, frame.width);
    value::push_section(
        &mut text,
        "Stack settings",
        &comparison.settings,
        frame.width,
    );
    let differences = count(comparison.count(), "difference");
    let others = comparison.template.iter();
    let others = match others.filter(|it| it.status.is_none()).count() {
        0 => String::new(),
        1 => "; 1 more resource is affected".to_owned(),
        number => format!("; {number} more resources are affected"),
    };
    text.push_str(&format!("\n{BOLD}Diff: {differences}{others}.{BOLD:#}\n"));
    for limit in &comparison.limits {
        let limit = format!("Uncertain: {limit}.");
        let lines = wrap::anywhere(&limit, frame.width.saturating_sub(2));
        text.push_str(&format!("{}\n", lines.join("\n  ")));
    }
    text
}

fn push_entry(
    text: &mut String,
    comparison: &Comparison<'_>,
    entry: &Difference<'_>,
    frame: Frame,
) {
    let sign = words::sign_of_difference(entry);
    let style = match sign {
        "+" => ADD,
        "-" | "-/+" => REMOVE,
        "?" => DIM,
        _ => CHANGE,
    };
    let name = one_line(entry.name.unwrap_or(entry.section));
    let place = one_line(words::kind_of_difference(entry));
    let mut notes = Vec::new();
    notes.extend(words::of_difference(entry).map(str::to_owned));
    notes.extend(entry.cause.clone());
    notes.extend(touches(&entry.touches));
    notes.extend(words::dangling(entry));
    let lines = lines(&entry.places, &comparison.names);
    let mut head = format!("{style}{sign:>3}{style:#} {BOLD}{name}{BOLD:#}");
    if !place.is_empty() {
        head.push_str(&format!("  {DIM}{place}{DIM:#}"));
    }
    text.push('\n');
    layout::push_head(text, &head, &notes.join(", "), &lines, "      ", frame);
    for row in entry.shown_rows() {
        push_row(text, comparison, row, frame);
    }
}

fn touches(ids: &[&str]) -> Option<String> {
    let names = ids.iter().map(|id| format!("`{id}`"));
    (!ids.is_empty()).then(|| format!("changes {}", join_first(names, MAX_NAMES)))
}

fn push_row(text: &mut String, comparison: &Comparison<'_>, row: &Row<'_>, frame: Frame) {
    let mut notes = Vec::new();
    if row.effect == Effect::None && row.cause.is_some() {
        notes.push("no change".to_owned());
    }
    notes.extend(words::of_row(row).map(str::to_owned));
    notes.extend(row.cause.clone());
    let is_layout = row.inside.as_ref().is_some_and(Vec::is_empty);
    if is_layout {
        notes.push(words::SAME_DOCUMENT.to_owned());
    }
    let line_breaks = words::line_breaks_of_row(row);
    notes.extend(line_breaks.map(str::to_owned));
    let sign = match row.status {
        Status::Added => Sign::Add,
        Status::Removed => Sign::Remove,
        Status::Modified => Sign::Change,
    };
    let path = if row.shown_path.is_empty() {
        "value"
    } else {
        &row.shown_path
    };
    let values =
        [&row.before, &row.after].map(|node| node.as_deref().map(|node| shown(node, path)));
    let values = if line_breaks.is_some() {
        [None, None]
    } else {
        value::without_lone_quotes(values)
    };
    // A value without a path is the entry itself, and its heading already has the line numbers.
    let lines = match row.path.as_str() {
        "" => String::new(),
        _ => lines(&row.places, &comparison.names),
    };
    let is_yaml = |value: &Option<String>| {
        let several_lines = value.as_deref().filter(|text| text.contains('\n'));
        several_lines.is_some_and(|text| json::document(text).is_none())
    };
    match &row.inside {
        Some(inner) if is_layout || !values.iter().any(is_yaml) => {
            layout::push_value(
                text,
                6,
                sign,
                path,
                [None, None],
                &notes.join(", "),
                &lines,
                frame,
            );
            for it in inner {
                let sign = Sign::of(it.before.is_some(), it.after.is_some());
                let values = [&it.before, &it.after].map(|side| side.as_deref().map(quoted));
                layout::push_value(text, 10, sign, &it.path, values, "", "", frame);
            }
        }
        _ => layout::push_value(
            text,
            6,
            sign,
            path,
            values,
            &notes.join(", "),
            &lines,
            frame,
        ),
    }
}

/// Returns the line numbers as `line 12 → 14`, with the manifest's key. A place in another file than the
/// one in the heading includes the file name.
fn lines([before, after]: &[Option<Place>; 2], names: &[String; 2]) -> String {
    let place = |place: &Place, name: &String| {
        if *place.file == **name {
            place.line.to_string()
        } else {
            format!("{}:{}", place.file, place.line)
        }
    };
    let before = before.as_ref().map(|it| place(it, &names[0]));
    let key = after.as_ref().and_then(|it| it.manifest_key.as_ref());
    let key = key.map_or(String::new(), |key| format!(", `{key}`"));
    let after = after.as_ref().map(|it| place(it, &names[1]));
    match (before, after) {
        (None, None) => String::new(),
        (Some(line), None) => format!("old line {line}"),
        (None, Some(line)) => format!("line {line}{key}"),
        (Some(before), Some(after)) if before == after => format!("line {after}{key}"),
        (Some(before), Some(after)) => format!("line {before} → {after}{key}"),
    }
}

/// Returns a value of a template as text: a scalar in quotes, or YAML. For a tag, it returns only the
/// tag's value, because the path contains its key.
fn shown(node: &Node, path: &str) -> String {
    let is_tag = path
        .rsplit_once('.')
        .is_some_and(|(above, _)| above.ends_with("Tags"));
    let node = node.get("Value").filter(|_| is_tag).unwrap_or(node);
    match node.scalar() {
        // Without quotes, since it differs from the string with the same text.
        Some(scalar) if node.is_rewritten_number() => scalar.into_owned(),
        Some(scalar) => quoted(&scalar),
        None => emit::to_yaml(node).trim_end().to_owned(),
    }
}

fn quoted(text: &str) -> String {
    if text.contains('\n') {
        text.to_owned()
    } else {
        format!("\"{text}\"")
    }
}
