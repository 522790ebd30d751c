//! The words of a node and of an edge, which are the same in every format.

use unicode_width::UnicodeWidthChar as _;
use unicode_width::UnicodeWidthStr as _;

use crate::cloudformation::change_set::Effect;
use crate::plan::resource_graph::{Edge, Link, LinkKind, Node, ResourceGraph};
use crate::present::visible::one_line;
use crate::present::words::sign_of;

/// The most columns of a name that a picture shows.
const LONGEST: usize = 36;
/// The width of one column of a name in tenths of a pixel: 0.602 em of 13 pixels.
const COLUMN: i64 = 79;
/// The width of one column of a type, likewise, in a font that is not monospaced.
const TYPE_COLUMN: i64 = 66;
/// The space left and right of the text.
const MARGIN: i64 = 14;
const NARROWEST: i64 = 130;

/// How many references of one edge are named. The others are counted.
const MOST_LINKS: usize = 6;

/// Returns the sign of what happens to a node; empty if nothing does.
pub(super) fn sign(node: &Node) -> &'static str {
    match node.change {
        Some(change) => sign_of(change.effect, change.reverts_drift),
        None if node.renamed_from.is_some() => "→",
        None => "",
    }
}

/// Returns the class of what happens to a node, for colors.
pub(super) fn class(node: &Node) -> &'static str {
    match node.change {
        Some(change) if change.reverts_drift => "drift",
        Some(change) => match change.effect {
            Effect::Add => "add",
            Effect::Update => "change",
            Effect::Replace => "replace",
            Effect::Remove => "remove",
            Effect::Import => "import",
            Effect::Sync => "drift",
            Effect::Possible => "maybe",
        },
        None if node.renamed_from.is_some() => "rename",
        None => "same",
    }
}

/// Returns the sign and the name of a node.
pub(super) fn name(node: &Node) -> String {
    let name = one_line(&node.name);
    match sign(node) {
        "" => name.into_owned(),
        sign => format!("{sign} {name}"),
    }
}

/// Returns the sign and the name of a node, without the middle of a long one.
pub(super) fn short_name(node: &Node) -> String {
    shortened(&name(node))
}

/// Returns the type of a node without `AWS::`, and whether it stores data.
pub(super) fn kind(node: &Node) -> String {
    let kind = match node.resource_type.as_deref() {
        None => "stack",
        Some("") => "unknown type",
        Some(full) => full.strip_prefix("AWS::").unwrap_or(full),
    };
    let kind = one_line(kind);
    match node.data {
        Some(_) => format!("{kind} · data"),
        None => kind.into_owned(),
    }
}

/// Returns the type of a node as [`kind`] does, without the middle of a long one.
pub(super) fn short_kind(node: &Node) -> String {
    shortened(&kind(node))
}

/// Returns everything about a node in one sentence.
pub(super) fn sentence(node: &Node) -> String {
    let kind = match node.resource_type.as_deref() {
        None => "a stack",
        Some("") => "a resource of unknown type",
        Some(kind) => kind,
    };
    let mut facts = vec![kind.to_owned()];
    facts.extend(happens(node).map(str::to_owned));
    if node.change.is_some_and(|it| it.may_replace) {
        facts.push("may be replaced".to_owned());
    }
    if let Some(from) = &node.renamed_from {
        facts.push(format!("has the logical id {from} until then"));
    }
    if let Some(data) = node.data {
        facts.push(format!("stores data: {data}"));
    }
    if let Some(condition) = &node.condition {
        facts.push(format!("only if {condition}"));
    }
    facts.extend(node.hidden.clone());
    one_line(&format!("{}: {}", node.id, facts.join("; "))).into_owned()
}

/// Returns what happens to a node; `None` if nothing does.
fn happens(node: &Node) -> Option<&'static str> {
    match class(node) {
        "same" => None,
        class => Some(meaning(class)),
    }
}

/// Returns what a class means.
pub(super) fn meaning(class: &str) -> &'static str {
    match class {
        "add" => "is created",
        "change" => "is updated",
        "replace" => "is replaced",
        "remove" => "is removed",
        "import" => "is imported",
        "drift" => "drift is resolved",
        "maybe" => "may change",
        "rename" => "is renamed",
        _ => "does not change",
    }
}

/// Returns what an edge stands for, in one line.
pub(super) fn of_edge(graph: &ResourceGraph, edge: &Edge) -> String {
    let id = |index: usize| graph.node(index).map_or("", |node| node.id.as_str());
    let links = links(edge).join(", ");
    one_line(&format!("{} → {}: {links}", id(edge.from), id(edge.to))).into_owned()
}

/// Returns the references of an edge, each as a few words. Of very many, only the first.
pub(super) fn links(edge: &Edge) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    for link in edge.links.iter().map(of_link) {
        if !all.contains(&link) {
            all.push(link);
        }
    }
    if all.len() > MOST_LINKS {
        let more = all.len() - MOST_LINKS;
        all.truncate(MOST_LINKS);
        all.push(format!("{more} more"));
    }
    all
}

fn of_link(link: &Link) -> String {
    let (property, attribute) = (&link.property, link.attribute.as_deref());
    let text = match (link.kind, attribute) {
        (LinkKind::DependsOn | LinkKind::Needs, _) | (_, None) => property.clone(),
        (LinkKind::FromStack, Some(output)) => format!("{property} = {output}"),
        (LinkKind::Import, Some(export)) => format!("imports {export}"),
        (LinkKind::StackOutput, Some(output)) => format!("reads {output}"),
        (_, Some(attribute)) => format!("{property} ({attribute})"),
    };
    one_line(&text).into_owned()
}

/// Returns the width of the box of a node that contains no others, in pixels.
pub(super) fn width(graph: &ResourceGraph, index: usize) -> i64 {
    let Some(node) = graph.node(index) else {
        return NARROWEST;
    };
    let columns = |text: &str| i64::try_from(text.width()).unwrap_or(i64::MAX / 1_000);
    let name = columns(&short_name(node)) * COLUMN;
    let kind = columns(&short_kind(node)) * TYPE_COLUMN;
    (name.max(kind) / 10 + 2 * MARGIN).max(NARROWEST)
}

/// Returns a text of at most [`LONGEST`] columns. The end often tells two names apart, so the middle is left
/// out.
fn shortened(text: &str) -> String {
    if text.width() <= LONGEST {
        return text.to_owned();
    }
    let half = (LONGEST - 1) / 2;
    let start = upto(text.chars(), half);
    let end: Vec<char> = upto(text.chars().rev(), half).chars().collect();
    let end: String = end.into_iter().rev().collect();
    format!("{start}…{end}")
}

/// Returns the first characters that have at most so many columns.
fn upto(characters: impl Iterator<Item = char>, columns: usize) -> String {
    let mut left = columns;
    let taken = characters.take_while(|character| {
        let width = character.width().unwrap_or_default();
        let fits = width <= left;
        left = left.saturating_sub(width);
        fits
    });
    taken.collect()
}

#[cfg(test)]
mod tests {
    use super::shortened;

    #[test]
    fn a_long_name_keeps_its_end() {
        assert_eq!(shortened("Handler"), "Handler");
        let long = format!("{}Suffix", "A".repeat(60));
        assert_eq!(shortened(&long), "AAAAAAAAAAAAAAAAA…AAAAAAAAAAASuffix");
        assert_eq!(shortened(&"漢".repeat(30)).chars().count(), 17);
    }
}
