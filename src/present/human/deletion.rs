//! A deletion plan for people.

use super::table::table;
use crate::cloudformation::deletion::{Contents, DeletionOutcome, DeletionPlan, ResourceDeletion};
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::present::style::{BOLD, DIM, ERROR, WARNING};
use crate::present::visible::one_line;
use crate::present::{words, wrap};

/// Returns the effect of a stack's deletion on each of its resources, and its exports that other stacks
/// import.
pub fn deletion_plan(
    stack: &Stack,
    deletion_plan: &DeletionPlan,
    mode: DeploymentMode,
    width: usize,
) -> String {
    let fits = stack.name.len() + 1 + stack.id.len() <= width;
    let gap = if fits { " " } else { "\n  " };
    let mut text = format!(
        "{BOLD}{}{BOLD:#}{gap}{DIM}{}{DIM:#}\n",
        one_line(&stack.name),
        one_line(&stack.id)
    );
    if mode == DeploymentMode::Express {
        text.push('\n');
        wrap::push(&mut text, words::EXPRESS_DELETION, [""; 2], width);
    }
    text.push_str(&losses(deletion_plan));
    if deletion_plan.resources.is_empty() {
        text.push_str("\nThe stack has no resources.\n");
    } else {
        text.push('\n');
        text.push_str(&resources(&deletion_plan.resources, width));
    }
    if !deletion_plan.exports.is_empty() {
        let rows: Vec<[String; 2]> = deletion_plan
            .exports
            .iter()
            .map(|export| [export.name.clone(), export.importers.join(", ")])
            .collect();
        text.push('\n');
        text.push_str(&table(["export in use", "imported by"], &rows, width));
    }
    text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", summary(deletion_plan)));
    text
}

/// Returns the data that is lost, above everything else, as in a plan.
fn losses(deletion_plan: &DeletionPlan) -> String {
    let mut text = String::new();
    for deletion in deletion_plan.losses() {
        if text.is_empty() {
            text.push_str(&format!("\n{BOLD}Danger{BOLD:#}\n"));
        }
        let (path, loss) = (one_line(&deletion.path), deletion.loss());
        let (style, word) = match deletion.outcome {
            DeletionOutcome::Snapshotted => (WARNING, "WARNING"),
            _ => (ERROR, "DANGER "),
        };
        text.push_str(&format!("  {style}{word}{style:#}  {path} {loss}\n"));
    }
    text
}

fn resources(all: &[ResourceDeletion], width: usize) -> String {
    let rows: Vec<[String; 4]> = all
        .iter()
        .map(|deletion| {
            let sign = if deletion.outcome.is_deleted() {
                "-"
            } else {
                " "
            };
            [
                format!("{sign} {}", deletion.path),
                deletion.resource.resource_type.clone(),
                what_happens(deletion),
                deletion.resource.physical_id.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let heading = ["  resource", "type", "what happens", "physical id"];
    table(heading, &rows, width)
}

fn what_happens(deletion: &ResourceDeletion) -> String {
    match (deletion.outcome, deletion.contents, deletion.lost) {
        (DeletionOutcome::Deleted, Some(contents), _) if contents.is_empty() => {
            "deleted, empty".to_owned()
        }
        (DeletionOutcome::Deleted, Some(contents), _) if deletion.emptied => {
            format!("deleted with {}", versions(contents))
        }
        (DeletionOutcome::Deleted, Some(contents), _) => format!("holds {}", versions(contents)),
        (DeletionOutcome::Deleted, None, Some(lost)) => format!("deleted with {lost}"),
        (outcome, ..) => outcome.words().to_owned(),
    }
}

/// Returns the number of object versions in a bucket, such as `3 versions`.
fn versions(contents: Contents) -> String {
    let counted = super::count(contents.versions, "version");
    if contents.more {
        format!("more than {counted}")
    } else {
        counted
    }
}

fn summary(deletion_plan: &DeletionPlan) -> String {
    let unknown = deletion_plan.count(DeletionOutcome::Unknown);
    let gone = deletion_plan.count(DeletionOutcome::Deleted)
        + deletion_plan.count(DeletionOutcome::Snapshotted)
        + unknown;
    let left = deletion_plan.count(DeletionOutcome::Retained)
        + deletion_plan.count(DeletionOutcome::LeftBehind);
    let snapshots = match deletion_plan.count(DeletionOutcome::Snapshotted) {
        0 => String::new(),
        count => format!(" ({count} after a snapshot)"),
    };
    let unknown = match unknown {
        0 => String::new(),
        count => format!(" ({count} may be kept)"),
    };
    format!("Destroy: {gone} to delete{snapshots}{unknown}, {left} to leave behind.")
}
