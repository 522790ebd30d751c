//! The characters that `GetTemplate` does not keep: it returns `?` for each one outside ASCII.
//!
//! Nobody can see in a text whether a `?` was one. Another template can show it: a text at the same place that
//! differs only in such characters is the true one.

use std::ops::Range;

use indexmap::IndexMap;

use super::node::{Map, Member, Node, Value};
use super::{Template, emit};
use crate::diagnostic::Diagnostic;

/// Returns the byte ranges of the keys and values that may have lost characters: all with a `?`.
pub(crate) fn places(root: &Node) -> Vec<Range<usize>> {
    let mut lost = Vec::new();
    walk(&mut root.clone(), None, &mut lost);
    lost
}

/// Puts back the lost characters from the same places of another template. Returns the byte ranges of
/// the keys and values with a `?` whose true text stays unknown.
pub(super) fn restore(root: &mut Node, other: &Node) -> Vec<Range<usize>> {
    let mut lost = Vec::new();
    walk(root, Some(other), &mut lost);
    lost
}

/// Puts back the lost characters of a deployed template from the same places of another template. Returns
/// the text with them; `None` if the deployed text lacks none.
///
/// # Errors
///
/// If the true text of a place with a `?` stays unknown. The places are in the deployed text.
pub(crate) fn restored(
    deployed: &Template,
    other: &Template,
) -> Result<Option<String>, Vec<Diagnostic>> {
    let mut root = deployed.root().clone();
    let lost = restore(&mut root, other.root());
    if !lost.is_empty() {
        let found = lost.into_iter().map(|span| {
            problem(deployed, span)
                .help("write the true text at the same place of the project's template")
        });
        return Err(found.collect());
    }
    Ok((root != *deployed.root()).then(|| emit::to_yaml(&root)))
}

/// Returns the error for a text that may have lost characters, without a help.
pub(super) fn problem(deployed: &Template, span: Range<usize>) -> Diagnostic {
    let message =
        "this text may have lost characters: CloudFormation returns `?` for each one outside ASCII";
    Diagnostic::error("lost-characters", message, deployed.place(span))
}

/// Returns whether `masked` is `text` with a `?` for each character outside ASCII, for each of its units in
/// UTF-16, or for each of its bytes.
pub(crate) fn is_masked(text: &str, masked: &str) -> bool {
    let sizes: [fn(char) -> usize; 3] = [|_| 1, char::len_utf16, char::len_utf8];
    let matches = |size: fn(char) -> usize| {
        let kept = text.chars().flat_map(|it| {
            let (shown, count) = if it.is_ascii() {
                (it, 1)
            } else {
                ('?', size(it))
            };
            std::iter::repeat_n(shown, count)
        });
        kept.eq(masked.chars())
    };
    !text.is_ascii() && sizes.into_iter().any(matches)
}

fn walk(node: &mut Node, other: Option<&Node>, lost: &mut Vec<Range<usize>>) {
    match &mut node.value {
        Value::String(text) | Value::Plain(text) if text.contains('?') => {
            match other.and_then(Node::as_str) {
                Some(known) if known == text => {}
                Some(known) if is_masked(known, text) => {
                    node.value = Value::String(known.to_owned());
                }
                _ => lost.push(node.span.clone()),
            }
        }
        Value::List(items) => {
            let others = other.and_then(Node::as_list).unwrap_or_default();
            for (index, node) in items.iter_mut().enumerate() {
                walk(node, others.get(index), lost);
            }
        }
        Value::Map(map) => {
            let others = other.and_then(Node::as_map);
            let restored: IndexMap<String, Member> = std::mem::take(map)
                .into_iter()
                .map(|(key, mut member)| {
                    let key = known_key(key, others).unwrap_or_else(|key| {
                        lost.push(member.key_span.clone());
                        key
                    });
                    let other = others.and_then(|others| others.get(&key));
                    walk(&mut member.node, other.map(|it| &it.node), lost);
                    (key, member)
                })
                .collect();
            *map = restored;
        }
        _ => {}
    }
}

/// Returns the true key; the key itself as the error if it may have lost characters.
fn known_key(key: String, others: Option<&Map>) -> Result<String, String> {
    if !key.contains('?') {
        return Ok(key);
    }
    let known = others.into_iter().flat_map(Map::keys);
    let mut known = known.filter(|known| **known == key || is_masked(known, &key));
    match (known.next(), known.next()) {
        (Some(known), None) => Ok(known.clone()),
        _ => Err(key),
    }
}
