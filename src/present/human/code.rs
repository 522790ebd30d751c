//! The changed files of artifacts for people.

use super::value::{self, CONTEXT, LINES};
use super::{count, size};
use crate::artifact::code_diff::{CodeChange, FileChange};
use crate::present::style::{ADD, BOLD, CHANGE, DIM, REMOVE};
use crate::present::visible::one_line;

/// The number of digits of a digest that are shown.
const SHORT: usize = 12;

/// Adds the changed files of each artifact.
pub(super) fn push(text: &mut String, changes: &[CodeChange]) {
    for change in changes {
        push_artifact(text, change);
    }
}

fn push_artifact(text: &mut String, change: &CodeChange) {
    let (before, after) = (short(&change.before), short(&change.after));
    let files = match &change.files {
        Ok(files) if files.is_empty() => "the same files".to_owned(),
        Ok(files) => count(files.len(), "file"),
        Err(reason) => format!("the deployed files are unknown: {reason}"),
    };
    text.push_str(&format!(
        "  {CHANGE}~{CHANGE:#} {BOLD}{}{BOLD:#}  {DIM}{before} → {after}, {files}{DIM:#}\n",
        change.artifact
    ));
    for file in change.files.iter().flatten() {
        push_file(text, file);
    }
}

fn push_file(text: &mut String, file: &FileChange) {
    let path = one_line(&file.path);
    match (&file.before, &file.after) {
        (Some(before), Some(after)) => {
            if let (Some(before), Some(after)) = (&before.text, &after.text) {
                text.push_str(&format!("      {CHANGE}~{CHANGE:#} {path}\n"));
                value::push_lines(text, [before, after], LINES, CONTEXT, usize::MAX);
                return;
            }
            let sizes = format!("{} → {}", size(before.size), size(after.size));
            text.push_str(&format!(
                "      {CHANGE}~{CHANGE:#} {path} {DIM}({sizes}){DIM:#}\n"
            ));
        }
        (None, Some(after)) => text.push_str(&format!(
            "      {ADD}+{ADD:#} {path} {DIM}({}){DIM:#}\n",
            size(after.size)
        )),
        (Some(_), None) => {
            text.push_str(&format!("      {REMOVE}-{REMOVE:#} {path}\n"));
        }
        (None, None) => {}
    }
}

/// Returns the first digits of the digest in a key.
fn short(key: &str) -> &str {
    let name = key.rsplit('/').next().unwrap_or(key);
    name.get(..SHORT).unwrap_or(name)
}
