//! What the deletion of a stack would do.

use super::table::table;
use crate::cloudformation::deletion::{Contents, Destruction, Doomed, Fate};
use crate::cloudformation::stack::Stack;
use crate::present::style::{BOLD, DIM};

/// Returns what the deletion of a stack would do to each of its resources and to other stacks.
pub fn destruction(stack: &Stack, destruction: &Destruction, width: usize) -> String {
    let fits = stack.name.len() + 1 + stack.id.len() <= width;
    let gap = if fits { " " } else { "\n  " };
    let mut text = format!(
        "{BOLD}{}{BOLD:#}{gap}{DIM}{}{DIM:#}\n",
        stack.name, stack.id
    );
    if destruction.resources.is_empty() {
        text.push_str("\nThe stack has no resources.\n");
    } else {
        text.push('\n');
        text.push_str(&resources(&destruction.resources, width));
    }
    if !destruction.exports.is_empty() {
        let rows: Vec<[String; 2]> = destruction
            .exports
            .iter()
            .map(|export| [export.name.clone(), export.importers.join(", ")])
            .collect();
        text.push('\n');
        text.push_str(&table(["export in use", "imported by"], &rows, width));
    }
    text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", summary(destruction)));
    text
}

fn resources(all: &[Doomed], width: usize) -> String {
    let rows: Vec<[String; 4]> = all
        .iter()
        .map(|doomed| {
            let sign = if doomed.fate.is_end() { "-" } else { " " };
            [
                format!("{sign} {}", doomed.path),
                doomed.resource.resource_type.clone(),
                what_happens(doomed),
                doomed.resource.physical_id.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let heading = ["  resource", "type", "what happens", "physical id"];
    table(heading, &rows, width)
}

fn what_happens(doomed: &Doomed) -> String {
    match (doomed.fate, doomed.contents, doomed.lost) {
        (Fate::Deleted, Some(contents), _) if contents.is_empty() => "deleted, empty".to_owned(),
        (Fate::Deleted, Some(contents), _) if doomed.emptied => {
            format!("deleted with {}", versions(contents))
        }
        (Fate::Deleted, Some(contents), _) => format!("holds {}", versions(contents)),
        (Fate::Deleted, None, Some(lost)) => format!("deleted with {lost}"),
        (fate, ..) => fate.words().to_owned(),
    }
}

/// Returns how much a bucket holds, such as `3 versions`.
fn versions(contents: Contents) -> String {
    let counted = super::count(contents.versions, "version");
    if contents.more {
        format!("more than {counted}")
    } else {
        counted
    }
}

fn summary(destruction: &Destruction) -> String {
    let gone = destruction.count(Fate::Deleted) + destruction.count(Fate::Snapshotted);
    let left = destruction.count(Fate::Retained) + destruction.count(Fate::LeftBehind);
    let snapshots = match destruction.count(Fate::Snapshotted) {
        0 => String::new(),
        count => format!(" ({count} after a snapshot)"),
    };
    format!("Destroy: {gone} to delete{snapshots}, {left} to leave behind.")
}
