//! A comparison as Markdown for a pull request comment, with a foldable section per difference.

use similar::{ChangeTag, TextDiff};

use super::page::{Page, details, escaped, fenced, prose};
use super::{code, live};
use crate::cloudformation::drift::Drift;
use crate::plan::ValueChange;
use crate::plan::comparison::live::LiveResource;
use crate::plan::comparison::{Comparison, Difference, Effect, Place, Row};
use crate::present::human::count;
use crate::template::diff::Status;
use crate::template::emit;
use crate::template::node::Node;

/// Returns the comparison in at most 65,536 characters, GitHub's limit for a comment.
///
/// `live` is the drift, if it was detected. `context` is the number of equal lines around a difference
/// inside a string.
pub fn diff(
    comparison: &Comparison<'_>,
    live: Option<(&Drift, &[LiveResource<'_>])>,
    context: usize,
) -> String {
    let mut page = Page::new(heading(comparison));
    if let Some((drift, resources)) = live {
        live::push(&mut page, drift, resources);
        if !comparison.is_empty() {
            page.push("\n<b>What the files change</b>\n", "");
        }
    }
    for entry in &comparison.template {
        let title = title(entry);
        let lines = lines(entry, context);
        let alone = format!("\n{title}\n");
        if lines.is_empty() {
            page.push(&alone, "");
        } else {
            let is_open = matches!(entry.effect, Effect::Replace | Effect::Remove);
            page.push(&details(&title, &fenced(&lines), is_open), &alone);
        }
    }
    code::push(&mut page, &comparison.code);
    section(&mut page, "Parameters", &comparison.parameters);
    section(&mut page, "Tags", &comparison.tags);
    section(&mut page, "Stack settings", &comparison.settings);
    page.finish(if live.is_some() {
        "stackctl diff --live"
    } else {
        "stackctl diff"
    })
}

fn heading(comparison: &Comparison<'_>) -> String {
    let [before, after] = &comparison.names;
    let of = comparison.stack.as_deref().unwrap_or("files");
    let verdict = if comparison.is_empty() {
        "No differences.".to_owned()
    } else {
        format!("{}.", count(comparison.count(), "difference"))
    };
    let mut text = format!(
        "<!-- stackctl:diff {} -->\n<b>{verdict}</b>\n\n<code>{}</code> → <code>{}</code>\n",
        of.replace('>', ""),
        escaped(before),
        escaped(after)
    );
    for limit in &comparison.limits {
        text.push_str(&format!("\nUncertain: {}.\n", prose(limit)));
    }
    text
}

/// Returns the first line of a difference, as HTML.
fn title(entry: &Difference<'_>) -> String {
    let sign = match (entry.status, entry.effect) {
        (Some(Status::Added), _) | (None, Effect::Add) => "+",
        (Some(Status::Removed), _) | (None, Effect::Remove) => "-",
        (_, Effect::Replace) => "-/+",
        (None, Effect::MayChange) => "?",
        _ => "&#126;",
    };
    let name = escaped(entry.name.unwrap_or(entry.section));
    let kind = match (entry.section, entry.name) {
        ("Resources", Some(_)) => entry.kind.unwrap_or("a resource"),
        (section, Some(_)) => section,
        (_, None) => "",
    };
    let words = match (entry.section, entry.effect, entry.status) {
        ("Resources", Effect::None, _) => ", no change",
        (_, Effect::Replace, _) => ", is replaced",
        (_, Effect::MayReplace, _) => ", may be replaced",
        (_, Effect::MayChange, _) => ", may change",
        (_, Effect::Add, None) => ", is added",
        (_, Effect::Remove, None) => ", is removed",
        _ => "",
    };
    let mut title = format!("<code>{sign}</code> <b>{name}</b> {}{words}", escaped(kind));
    if let Some(cause) = &entry.cause {
        title.push_str(&format!(", {}", prose(cause)));
    }
    if !entry.touches.is_empty() {
        let ids: Vec<String> = entry.touches.iter().map(|id| escaped(id)).collect();
        title.push_str(&format!(", changes {}", ids.join(", ")));
    }
    title.push_str(&place(&entry.places));
    title
}

/// Returns the place in the new file, or in the old file if the entry was removed.
fn place([before, after]: &[Option<Place>; 2]) -> String {
    let place = after.as_ref().or(before.as_ref());
    place.map_or(String::new(), |place| {
        format!(" <sub>{}:{}</sub>", escaped(&place.file), place.line)
    })
}

fn lines(entry: &Difference<'_>, context: usize) -> Vec<String> {
    let mut lines = Vec::new();
    if entry.rows.is_empty() && entry.section != "Resources" {
        push(
            &mut lines,
            "value",
            entry.before.map(shown),
            entry.after.map(shown),
            context,
        );
    }
    for row in &entry.rows {
        push_row(&mut lines, row, context);
    }
    lines
}

fn push_row(lines: &mut Vec<String>, row: &Row<'_>, context: usize) {
    let values = [&row.before, &row.after].map(|node| node.as_deref().map(shown));
    let [before, after] = values;
    match &row.inside {
        Some(inner) if !inner.is_empty() => {
            for it in inner {
                let path = format!("{} {}", row.shown_path, it.path);
                push(lines, &path, it.before.clone(), it.after.clone(), context);
            }
        }
        _ if before.is_none() && after.is_none() => lines.push(format!("! {}", row.shown_path)),
        _ if row.path.is_empty() => push(lines, "value", before, after, context),
        _ => push(lines, &row.shown_path, before, after, context),
    }
    let effect = match row.effect {
        Effect::Replace => Some("forces replacement"),
        Effect::MayReplace => Some("may force replacement"),
        Effect::MayChange => Some("may change"),
        _ => None,
    };
    for note in effect.into_iter().chain(row.cause.as_deref()) {
        lines.push(format!("# {note}"));
    }
}

/// Adds the old and new value. Values of several lines become a line diff.
fn push(
    lines: &mut Vec<String>,
    path: &str,
    before: Option<String>,
    after: Option<String>,
    context: usize,
) {
    let is_long = |value: &Option<String>| value.as_ref().is_some_and(|it| it.contains('\n'));
    if !is_long(&before) && !is_long(&after) {
        lines.extend(before.map(|value| format!("- {path}: {value}")));
        lines.extend(after.map(|value| format!("+ {path}: {value}")));
        return;
    }
    lines.push(format!("  {path}:"));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    let diff = TextDiff::from_lines(&before, &after);
    for (number, group) in diff.grouped_ops(context).iter().enumerate() {
        if number > 0 {
            lines.push("    …".to_owned());
        }
        for change in group
            .iter()
            .flat_map(|operation| diff.iter_changes(operation))
        {
            let sign = match change.tag() {
                ChangeTag::Delete => '-',
                ChangeTag::Insert => '+',
                ChangeTag::Equal => ' ',
            };
            let text = change.value().trim_end_matches(['\n', '\r']);
            lines.push(format!("{sign}   {text}").trim_end().to_owned());
        }
    }
}

fn section(page: &mut Page, title: &str, changes: &[ValueChange]) {
    let mut lines = Vec::new();
    for change in changes {
        push(
            &mut lines,
            &change.name,
            change.before.clone(),
            change.after.clone(),
            0,
        );
    }
    if !lines.is_empty() {
        page.push(&details(title, &fenced(&lines), false), "");
    }
}

fn shown(node: &Node) -> String {
    match node.scalar() {
        Some(scalar) => scalar.into_owned(),
        None => emit::to_yaml(node).trim_end().to_owned(),
    }
}
