//! The page of a comparison: what is deployed against what the files say, and the live values beside them.

use super::item::{self, Item};
use super::limits::Room;
use super::markup::{Attribute, Id, Markup, PageContext, Writer};
use super::page::{Article, Kind, PageKind, Tone};
use super::plan::{write_moves, write_values};
use super::value::{self, Row as ValueRow};
use super::{code, live};
use crate::cloudformation::drift::Drift;
use crate::plan::comparison::live::LiveResource;
use crate::plan::comparison::{Comparison, Difference, Effect, Row};
use crate::present::human::count;
use crate::present::words;
use crate::template::diff::Status;
use crate::template::emit;
use crate::template::node::Node;

/// The highest number of differences that are all open at first.
const FEW: usize = 8;

/// Returns what the page says about a comparison. `live` is the drift, if it was detected.
pub fn diff(
    comparison: &Comparison<'_>,
    live: Option<(&Drift, &[LiveResource<'_>])>,
    context: PageContext,
) -> Article {
    let [before, after] = &comparison.names;
    let (heading, name) = match &comparison.stack {
        Some(stack) => ("Stack", stack.clone()),
        None => ("Templates", format!("{before} → {after}")),
    };
    let mut article = Article::new(context, PageKind::Diff, heading, &name);
    article.fact("Before", before);
    article.fact("After", after);
    article.fact("Only", &comparison.only.join(", "));
    if comparison.is_empty() {
        article.verdict(Tone::Calm, "No differences.");
    } else {
        let sentence = format!("{}.", count(comparison.count(), "difference"));
        article.verdict(Tone::Info, &sentence);
    }
    for limit in &comparison.limits {
        article.notice(Tone::Info, &format!("Uncertain: {limit}."));
    }
    if let Some((drift, resources)) = live {
        live::write(&mut article, drift, resources);
    }
    article.section("renames", "Renamed", Some(comparison.moved.len()), |html| {
        write_moves(html, &comparison.moved);
    });
    let context = article.context().clone();
    let shown: Vec<Shown<'_>> = comparison
        .template
        .iter()
        .enumerate()
        .map(|(number, entry)| Shown::of(entry, &context, number))
        .collect();
    for entry in &shown {
        article.kind(entry.kind, 1);
    }
    let is_few = shown.len() <= FEW;
    let mut room = Room::of_changes(context.share());
    article.section("template", "Template", Some(shown.len()), |html| {
        write_template(html, &shown, is_few, &mut room);
    });
    let json = "stackctl diff --format json";
    article.section("code", "Code", None, |html| {
        code::write(html, &comparison.code, &[], json);
    });
    write_values(
        &mut article,
        "parameters",
        "Parameters",
        &comparison.parameters,
    );
    write_values(&mut article, "tags", "Tags", &comparison.tags);
    write_values(
        &mut article,
        "settings",
        "Stack settings",
        &comparison.settings,
    );
    article
}

/// A difference with what is shown of it.
struct Shown<'a> {
    entry: &'a Difference<'a>,
    kind: Kind,
    id: Id,
}

impl<'a> Shown<'a> {
    fn of(entry: &'a Difference<'a>, context: &PageContext, number: usize) -> Self {
        let kind = match words::sign_of_difference(entry) {
            "+" => Kind::Add,
            "-" => Kind::Remove,
            "-/+" => Kind::Replace,
            "?" => Kind::Maybe,
            _ => Kind::Change,
        };
        let id = match (entry.section, entry.name) {
            ("Resources", Some(name)) => context.named_id("change", name, number),
            _ => context.id("difference", number),
        };
        Self { entry, kind, id }
    }

    fn inside(&self, context: &PageContext) -> Markup {
        let entry = self.entry;
        let mut html = Writer::new(context);
        let whole = |node: Option<&Node>| node.map(text);
        let is_whole = entry.rows.is_empty()
            && (entry.section != "Resources"
                || matches!(entry.status, Some(Status::Added | Status::Removed)));
        if is_whole {
            let (before, after) = (whole(entry.before), whole(entry.after));
            if before.is_some() || after.is_some() {
                value::write_values(&mut html, before.as_deref(), after.as_deref(), None);
            }
        }
        let rows: Vec<ValueRow> = entry.shown_rows().iter().flat_map(rows).collect();
        value::write_tree(&mut html, &rows);
        html.finish()
    }

    fn write(&self, html: &mut Writer<'_>, is_few: bool, room: &mut Room) {
        let inside = room.has_any().then(|| self.inside(html.context()));
        let inside = inside.filter(|inside| !inside.is_empty() && room.take(inside.len()));
        let is_whole = matches!(self.entry.status, Some(Status::Added | Status::Removed));
        let is_important = matches!(self.entry.effect, Effect::Replace | Effect::Remove);
        let is_open = !is_whole && (is_few || is_important);
        let item = Item {
            id: &self.id,
            kind: self.kind,
            of: self.resource(),
            inside,
            is_open,
        };
        item.write(html, |html| self.write_head(html));
    }

    /// Returns the logical id of a resource.
    fn resource(&self) -> Option<&'a str> {
        self.entry
            .name
            .filter(|_| self.entry.section == "Resources")
    }

    fn write_head(&self, html: &mut Writer<'_>) {
        let entry = self.entry;
        html.leaf("b", "", entry.name.unwrap_or(entry.section));
        html.text(" ");
        html.leaf("span", "type", words::kind_of_difference(entry));
        let mut notes: Vec<String> = Vec::new();
        notes.extend(words::of_difference(entry).map(str::to_owned));
        notes.extend(entry.cause.clone());
        if !entry.touches.is_empty() {
            notes.push(format!("changes {}", entry.touches.join(", ")));
        }
        notes.extend(words::dangling(entry));
        for note in notes {
            html.text(" ");
            html.element("span", &[Attribute::Class("note")], |html| {
                html.prose(&note);
            });
        }
        let [before, after] = &entry.places;
        if let Some(place) = after.as_ref().or(before.as_ref()) {
            html.text(" ");
            html.leaf(
                "span",
                "muted place",
                &format!("{}:{}", place.file, place.line),
            );
        }
    }
}

fn write_template(html: &mut Writer<'_>, shown: &[Shown<'_>], is_few: bool, room: &mut Room) {
    let [_, _, sub] = html.context().heading();
    let mut rest = shown;
    while let Some(first) = rest.first() {
        let section = first.entry.section;
        let length = rest
            .iter()
            .take_while(|it| it.entry.section == section)
            .count();
        let (group, others) = rest.split_at(length);
        rest = others;
        html.leaf(sub, "sub", section);
        item::write_list(html, |html| {
            for entry in group {
                entry.write(html, is_few, room);
            }
        });
    }
    item::write_left_out(html, room.left_out("stackctl diff --format json"));
}

fn rows(row: &Row<'_>) -> Vec<ValueRow> {
    let notes = words::of_row(row).into_iter().chain(row.cause.as_deref());
    let line_breaks = words::line_breaks_of_row(row);
    let notes = notes.chain(line_breaks).map(str::to_owned);
    let notes: Vec<String> = notes.collect();
    let name = if row.path.is_empty() {
        "value"
    } else {
        &row.shown_path
    };
    if let Some(inner) = row.inside.as_ref().filter(|it| !it.is_empty()) {
        let inner = inner.iter().enumerate().map(|(number, it)| ValueRow {
            name: format!("{name} {}", it.path),
            before: it.before.clone(),
            after: it.after.clone(),
            remark: None,
            notes: if number == 0 {
                notes.clone()
            } else {
                Vec::new()
            },
        });
        return inner.collect();
    }
    let mut values = [&row.before, &row.after].map(|node| node.as_deref().map(text));
    if values[0] == values[1] {
        // Only one of them is a string.
        values = [&row.before, &row.after].map(|node| Some(emit::to_yaml(node.as_deref()?)));
    }
    let mut notes = notes;
    if row.inside.is_some() {
        notes.push(words::SAME_DOCUMENT.to_owned());
    }
    if row.inside.is_some() || line_breaks.is_some() {
        values = [None, None];
    }
    let [before, after] = values;
    vec![ValueRow {
        name: name.to_owned(),
        before,
        after,
        remark: None,
        notes,
    }]
}

fn text(node: &Node) -> String {
    match node.scalar() {
        Some(scalar) => scalar.into_owned(),
        None => emit::to_yaml(node).trim_end().to_owned(),
    }
}
