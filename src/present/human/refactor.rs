//! A refactor for people: the resources that get other logical ids.

use unicode_width::UnicodeWidthStr;

use crate::cloudformation::refactor::Rename;
use crate::present::style::{BOLD, CHANGE, DIM};
use crate::present::visible::one_line;

/// Returns a line for each rename: both logical ids, the type and the physical id.
pub fn renames(renames: &[Rename]) -> String {
    let ids = |rename: &Rename| format!("{} → {}", rename.from, rename.to);
    let width = renames.iter().map(|rename| ids(rename).width());
    let width = width.max().unwrap_or(0);
    let mut text = String::new();
    for rename in renames {
        let ids = ids(rename);
        let gap = " ".repeat(width.saturating_sub(ids.width()));
        let physical_id = rename.physical_id.as_deref().unwrap_or_default();
        let line = format!(
            "  {CHANGE}→{CHANGE:#} {BOLD}{ids}{BOLD:#}{gap}  {DIM}{}{DIM:#}  {}",
            rename.resource_type,
            one_line(physical_id)
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}
