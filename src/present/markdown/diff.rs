//! A comparison as Markdown for a pull request comment, with a foldable section per difference.

use super::comment::{Comment, Weight};
use super::page::{Page, details, escaped, fenced, prose, push_value};
use super::{code, live, push_moves};
use crate::cloudformation::drift::Drift;
use crate::plan::ValueChange;
use crate::plan::comparison::live::LiveResource;
use crate::plan::comparison::{Comparison, Difference, Effect, Place, Row};
use crate::present::human::count;
use crate::present::words;
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
) -> Comment {
    let mut page = Page::new(heading(comparison));
    if let Some((drift, resources)) = live {
        live::push(&mut page, drift, resources);
        if !comparison.is_empty() {
            page.push("\n<b>What the files change</b>\n", "");
        }
    }
    push_moves(&mut page, &comparison.moved);
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
    let text = page.finish(if live.is_some() {
        "stackctl diff --live"
    } else {
        "stackctl diff"
    });
    let drifted = live.is_some_and(|(_, resources)| !resources.is_empty());
    Comment {
        text,
        weight: Weight::of_changes(drifted || !comparison.is_empty()),
    }
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
    let mut title = format!(
        "<code>{}</code> <b>{}</b> {}",
        words::sign_of_difference(entry).replace('~', "&#126;"),
        escaped(entry.name.unwrap_or(entry.section)),
        escaped(words::kind_of_difference(entry))
    );
    if let Some(words) = words::of_difference(entry) {
        title.push_str(&format!(", {words}"));
    }
    if let Some(cause) = &entry.cause {
        title.push_str(&format!(", {}", prose(cause)));
    }
    if !entry.touches.is_empty() {
        let ids: Vec<String> = entry.touches.iter().map(|id| escaped(id)).collect();
        title.push_str(&format!(", changes {}", ids.join(", ")));
    }
    if let Some(dangling) = words::dangling(entry) {
        title.push_str(&format!(", {}", prose(&dangling)));
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
        let [before, after] = [entry.before, entry.after].map(|node| node.map(shown));
        let (before, after) = (before.as_deref(), after.as_deref());
        push_value(&mut lines, "value", before, after, context);
    }
    for row in entry.shown_rows() {
        push_row(&mut lines, row, context);
    }
    lines
}

fn push_row(lines: &mut Vec<String>, row: &Row<'_>, context: usize) {
    let mut values = [&row.before, &row.after].map(|node| node.as_deref().map(shown));
    if values[0] == values[1] {
        // Only one of them is a string.
        values = [&row.before, &row.after].map(|node| Some(emit::to_yaml(node.as_deref()?)));
    }
    let [before, after] = values.each_ref().map(Option::as_deref);
    let line_breaks = words::line_breaks_of_row(row);
    match &row.inside {
        Some(inner) if !inner.is_empty() => {
            for it in inner {
                let path = format!("{} {}", row.shown_path, it.path);
                let (before, after) = (it.before.as_deref(), it.after.as_deref());
                push_value(lines, &path, before, after, context);
            }
        }
        _ if line_breaks.is_some() || before.is_none() && after.is_none() => {
            lines.push(format!("! {}", row.shown_path));
        }
        _ if row.path.is_empty() => push_value(lines, "value", before, after, context),
        _ => push_value(lines, &row.shown_path, before, after, context),
    }
    let notes = words::of_row(row).into_iter().chain(row.cause.as_deref());
    for note in notes.chain(line_breaks) {
        lines.push(format!("# {note}"));
    }
}

fn section(page: &mut Page, title: &str, changes: &[ValueChange]) {
    let mut lines = Vec::new();
    for change in changes {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        push_value(&mut lines, &change.name, before, after, 0);
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
