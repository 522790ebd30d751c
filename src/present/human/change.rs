//! The lines of one resource's change.

use unicode_width::UnicodeWidthStr;

use super::value;
use crate::cloudformation::change_set::{Change, Effect};
use crate::plan::PropertyChange;
use crate::present::style::{ADD, BOLD, CHANGE, DIM, REMOVE, WARNING};
use crate::present::visible::one_line;
use crate::present::words;

/// Returns the line of a resource with its sign and notes. `name_width` is the width of the column of
/// logical ids.
pub(super) fn resource(
    change: &Change,
    properties: &[PropertyChange],
    name_width: usize,
    width: usize,
) -> String {
    let style = match change.effect() {
        Effect::Add | Effect::Import => ADD,
        Effect::Update | Effect::Sync => CHANGE,
        Effect::Replace | Effect::Remove => REMOVE,
        Effect::Possible => DIM,
    };
    let sign = words::sign(change);
    let (name, kind) = (
        one_line(&change.logical_id),
        one_line(&change.resource_type),
    );
    let padding = " ".repeat(name_width.saturating_sub(name.width()));
    let mut line =
        format!("{style}{sign:>3}{style:#} {BOLD}{name}{BOLD:#}{padding}  {DIM}{kind}{DIM:#}");
    let notes = words::of_change(change, properties);
    if !notes.is_empty() {
        let note = format!("# {}", notes.join(", "));
        let used = 4 + name.width() + padding.len() + 2 + kind.width();
        if used + 1 + note.width() > width {
            line.push_str("\n     ");
        }
        line.push_str(&format!(" {WARNING}{note}{WARNING:#}"));
    }
    line.push('\n');
    line
}

/// Adds the lines of a changed property.
pub(super) fn push_property(
    text: &mut String,
    change: &Change,
    property: &PropertyChange,
    width: usize,
) {
    let notes = words::of_property(change, property);
    let note = if notes.is_empty() {
        String::new()
    } else {
        format!(" {WARNING}# {}{WARNING:#}", notes.join(", "))
    };
    let mut values = [None, None];
    if words::of_layout(property).is_none() {
        values =
            [&property.before, &property.after].map(|value| value.as_ref().map(value::of_property));
    }
    let values = value::without_lone_quotes(values);
    value::push(text, &property.path, values, &note, width);
}
