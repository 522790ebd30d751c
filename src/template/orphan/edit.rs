//! Edits of a template's text: what removes and adds members of a map or a list, in YAML and in JSON.

use std::ops::Range;

use crate::diagnostic::SourceFile;
use crate::template::edits::{Edit, Edits};
use crate::template::node::Node;
use crate::template::{Template, emit};

/// Returns the edits that remove items of a map or a list. Each item has its byte range, from its key
/// to the end of its value, and whether it is removed.
pub(super) fn removals(text: &str, container: &Node, items: &[(Range<usize>, bool)]) -> Vec<Edit> {
    let last_kept = items.iter().rposition(|(_, is_gone)| !is_gone);
    let is_flow = is_flow(text, container);
    let mut edits = Vec::new();
    for (index, (item, _)) in items.iter().enumerate().filter(|(_, (_, gone))| *gone) {
        let next = items.get(index + 1).map(|(next, _)| next.start);
        let range = match (is_flow, next) {
            (false, next) => lines(text, item, next),
            // The comma before the last items goes with them.
            (true, _) if last_kept.is_none_or(|last| last < index) => {
                let before = last_kept.and_then(|last| items.get(last));
                let start = before.map_or(item.start, |(before, _)| before.end);
                let end = items.last().map_or(item.end, |(last, _)| last.end);
                edits.push(empty(start..end));
                break;
            }
            (true, next) => item.start..next.unwrap_or(item.end),
        };
        edits.push(empty(range));
    }
    edits
}

/// Returns the edit that adds members with this value to a map, after its first member if that is
/// possible; `None` if there is nothing to add or the map is empty.
pub(super) fn insertion(text: &str, map: &Node, names: &[&str], value: &str) -> Option<Edit> {
    let members = map.as_map().filter(|_| !names.is_empty())?;
    let (_, member) = members.get_index(1).or_else(|| members.first())?;
    let at = member.key_span.start;
    let line_break = if text.contains("\r\n") { "\r\n" } else { "\n" };
    let indent = text.get(line_start(text, at)..at)?;
    let is_flow = is_flow(text, map);
    let is_own_line = indent.bytes().all(|byte| byte == b' ' || byte == b'\t');
    let mut added = String::new();
    for name in names {
        added += &if is_flow {
            format!("\"{name}\": \"{value}\",")
        } else {
            format!("{name}: {value}")
        };
        match (is_own_line, is_flow) {
            (true, _) => added += &format!("{line_break}{indent}"),
            (false, true) => added += " ",
            (false, false) => return None,
        }
    }
    Some(Edit {
        range: at..at,
        text: added,
    })
}

fn empty(range: Range<usize>) -> Edit {
    Edit {
        range,
        text: String::new(),
    }
}

/// Returns whether a map or a list is written with brackets.
fn is_flow(text: &str, container: &Node) -> bool {
    let written = text.get(container.span.clone()).unwrap_or_default();
    written.starts_with(['{', '['])
}

/// Returns the lines of an item in block style, with the comments directly above it. `next` is the start
/// of the next item.
fn lines(text: &str, item: &Range<usize>, next: Option<usize>) -> Range<usize> {
    let start = line_start(text, item.start);
    let start = comments_start(text, start, indent(text, start));
    let rest = text.get(item.end..).unwrap_or_default();
    let own_end = item.end + rest.find('\n').map_or(rest.len(), |at| at + 1);
    let Some(next) = next.map(|next| line_start(text, next)) else {
        return start..own_end;
    };
    // What is above the next item belongs to it.
    start..comments_start(text, next, indent(text, next)).max(own_end.min(next))
}

/// Returns the start of the comments with this indentation directly above a line.
fn comments_start(text: &str, line: usize, indentation: usize) -> usize {
    let mut start = line;
    while start > 0 {
        let above = line_start(text, start - 1);
        let is_comment = text
            .get(above..start)
            .is_some_and(|it| it.trim_start().starts_with('#'));
        if !is_comment || indent(text, above) != indentation {
            break;
        }
        start = above;
    }
    start
}

/// Returns the number of spaces at the start of a line.
fn indent(text: &str, line: usize) -> usize {
    let rest = text.get(line..).unwrap_or_default();
    rest.len() - rest.trim_start_matches(' ').len()
}

/// Returns the start of the line that contains a byte.
fn line_start(text: &str, at: usize) -> usize {
    let before = text.get(..at).unwrap_or_default();
    before.rfind('\n').map_or(0, |at| at + 1)
}

/// Returns the template's text with the edits, if that has the tree `root` and is ASCII; otherwise the
/// tree as YAML.
pub(super) fn written(template: &Template, root: &Node, edits: Vec<Edit>) -> String {
    let (text, _) = Edits::apply(&template.source().text, edits);
    let source = SourceFile::new("the template", text.as_str());
    let is_right = Template::parse_deployed(&source).is_ok_and(|it| it.root() == root);
    if is_right && text.is_ascii() {
        text
    } else {
        emit::to_yaml(root)
    }
}
