//! The difference of two texts, line by line.

use similar::{ChangeTag, TextDiff};

/// Returns the lines that differ, with their signs (`-` and `+`), and `context` equal lines around them,
/// with a space as their sign. `None` stands for omitted equal lines.
pub(super) fn line_diff(before: &str, after: &str, context: usize) -> Vec<Option<(char, String)>> {
    let diff = TextDiff::from_lines(before, after);
    let mut lines = Vec::new();
    for (number, group) in diff.grouped_ops(context).iter().enumerate() {
        if number > 0 {
            lines.push(None);
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
            let line = change.value().trim_end_matches(['\n', '\r']);
            lines.push(Some((sign, line.to_owned())));
        }
    }
    lines
}
