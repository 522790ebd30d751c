//! The resources that get a new logical id.

use unicode_width::UnicodeWidthStr;

use crate::cloudformation::refactor::Move;
use crate::present::style::{BOLD, CHANGE, DIM};
use crate::present::visible::one_line;

/// Adds the resources that get a new logical id before everything else.
pub(super) fn push(text: &mut String, moves: &[Move], width: usize) {
    if moves.is_empty() {
        return;
    }
    text.push_str(&format!("\n{BOLD}Renamed first{BOLD:#}\n"));
    text.push_str(&list(moves, width));
}

/// Returns a line for each resource: both logical ids, the type and the physical id.
pub fn list(moves: &[Move], width: usize) -> String {
    let mut text = String::new();
    let names = moves.iter().map(|moved| {
        let [from, to] = [&moved.from, &moved.to].map(|id| one_line(id));
        format!("{from} → {to}")
    });
    let names: Vec<String> = names.collect();
    let name_width = names.iter().map(|it| it.width()).max().unwrap_or(0);
    for (moved, name) in moves.iter().zip(names) {
        let padding = " ".repeat(name_width.saturating_sub(name.width()));
        let kind = one_line(&moved.resource_type);
        let id = one_line(moved.physical_id.as_deref().unwrap_or_default());
        let mut line =
            format!("  {CHANGE}→{CHANGE:#} {BOLD}{name}{BOLD:#}{padding}  {DIM}{kind}{DIM:#}");
        let used = 4 + name_width + 2 + kind.width();
        if !id.is_empty() {
            let gap = if used + 2 + id.width() > width {
                "\n      "
            } else {
                "  "
            };
            line.push_str(&format!("{gap}{id}"));
        }
        text.push_str(&line);
        text.push('\n');
    }
    text
}
