//! The changed files of artifacts as Markdown. Each file is a separate block, so that a comment that is
//! too long omits single files.

use super::page::{CONTEXT, Page, details, escaped, fenced, prose, push_lines};
use crate::artifact::code_diff::{CodeChange, FileChange};
use crate::present::human::size;

/// Adds the changed files of each artifact, one block per file.
pub(super) fn push(page: &mut Page, changes: &[CodeChange]) {
    for change in changes {
        push_artifact(page, change);
    }
}

fn push_artifact(page: &mut Page, change: &CodeChange) {
    let name = escaped(&change.artifact);
    match &change.files {
        Err(reason) => page.push(&format!("\nCode <b>{name}</b>: {}\n", prose(reason)), ""),
        Ok(files) if files.is_empty() => {
            page.push(&format!("\nCode <b>{name}</b>: the same files\n"), "");
        }
        Ok(files) => {
            for file in files {
                push_file(page, &name, file);
            }
        }
    }
}

fn push_file(page: &mut Page, artifact: &str, file: &FileChange) {
    let path = escaped(&file.path);
    let title = |sign: &str, size: &str| {
        format!("Code <b>{artifact}</b>: <code>{sign}</code> {path}{size}")
    };
    let alone = |title: String| format!("\n{title}\n");
    let (sign, sizes) = match (&file.before, &file.after) {
        (Some(before), Some(after)) => {
            let sizes = format!(" ({} → {})", size(before.size), size(after.size));
            if let (Some(before), Some(after)) = (&before.text, &after.text) {
                let mut lines = Vec::new();
                push_lines(&mut lines, [before, after], "", CONTEXT);
                let block = details(&title("~", ""), &fenced(&lines), false);
                page.push(&block, &alone(title("~", &sizes)));
                return;
            }
            ("~", sizes)
        }
        (None, Some(after)) => ("+", format!(" ({})", size(after.size))),
        _ => ("-", String::new()),
    };
    page.push(&alone(title(sign, &sizes)), "");
}
