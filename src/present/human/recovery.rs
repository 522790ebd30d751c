//! A recovery for people: a stack's state and how to repair it.

use super::stack::status;
use super::table::table;
use crate::cloudformation::deletion::{DeletionOutcome, ResourceDeletion};
use crate::cloudformation::recovery::table::RecoveryAction;
use crate::cloudformation::recovery::{Call, Obstacle, Recovery};
use crate::cloudformation::stack::Stack;
use crate::present::style::{BOLD, DIM, REMOVE, WARNING};
use crate::present::wrap;

/// Returns the meaning of the state, the obstacles, the effect on resources, the calls, and the other
/// options. `command` expands a short command such as `apply` to a full command line.
pub fn recovery(
    stack: &Stack,
    recovery: &Recovery,
    calls: &[Call],
    command: impl Fn(&str) -> String,
    width: usize,
) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#}  {}\n", stack.name, status(&stack.status));
    for sentence in [recovery.meaning, recovery.remains] {
        wrap::push(&mut text, sentence, ["  "; 2], width);
    }
    if let Some(cause) = &recovery.cause {
        let reason = cause.reason.as_deref().unwrap_or("no reason was given");
        let summary = format!("{} {}: {reason}", cause.resource_type, cause.logical_id);
        text.push_str(&format!(
            "  {DIM}cause{DIM:#} {}\n",
            summary.replace('\n', " ")
        ));
    }
    if !recovery.skipped.is_empty() {
        let skipped = format!(
            "Skipped, and perhaps different from the template: {}. `{}` shows the differences.",
            recovery.skipped.join(", "),
            command("drift")
        );
        wrap::push(&mut text, &skipped, ["  "; 2], width);
    }
    text.push_str(&obstacles(&recovery.obstacles, width));
    text.push_str(&live(&recovery.live, width));
    if !recovery.change_sets.is_empty() {
        text.push_str("\nChange sets that block the deletion; stackctl does not delete them\n");
        for name in &recovery.change_sets {
            text.push_str(&format!("  {name}\n"));
        }
    }
    if !calls.is_empty() {
        text.push_str("\nTo recover\n");
        for call in calls {
            text.push_str(&format!("  {BOLD}{}{BOLD:#}\n", call.operation()));
            for (name, values) in recovery.parameters(call) {
                text.push_str(&format!("    {name}: {}\n", values.join(", ")));
            }
        }
    }
    if !recovery.others.is_empty() {
        text.push_str(match recovery.action {
            RecoveryAction::Nothing | RecoveryAction::Manual => "\nOptions\n",
            _ => "\nOther options\n",
        });
        for other in &recovery.others {
            wrap::push(&mut text, &format!("{}:", other.what), ["  "; 2], width);
            text.push_str(&format!("    {}\n", command(other.command)));
        }
    }
    text
}

fn obstacles(obstacles: &[Obstacle], width: usize) -> String {
    let mut text = String::new();
    for obstacle in obstacles {
        if text.is_empty() {
            text.push_str("\nBlocked by\n");
        }
        let resource = &obstacle.resource;
        text.push_str(&format!(
            "  {REMOVE}{}{REMOVE:#}  {BOLD}{}{BOLD:#}  {DIM}{}{DIM:#}\n",
            resource.status, obstacle.name, resource.resource_type
        ));
        if let Some(reason) = &obstacle.reason {
            wrap::push(&mut text, reason, ["      "; 2], width);
        }
        if let Some(option) = obstacle.option {
            text.push_str(&format!(
                "      {DIM}to {}:{DIM:#} {option} {}\n",
                if option == "--skip" {
                    "skip it in the rollback"
                } else {
                    "keep it outside the stack"
                },
                obstacle.name
            ));
        }
    }
    text
}

fn live(live: &[ResourceDeletion], width: usize) -> String {
    if live.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 4]> = live
        .iter()
        .map(|deletion| {
            let resource = &deletion.resource;
            let sign = if deletion.outcome == DeletionOutcome::Retained {
                " "
            } else {
                "-"
            };
            [
                format!("{sign} {}", resource.logical_id),
                resource.resource_type.clone(),
                deletion.outcome.words().to_owned(),
                resource.physical_id.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let heading = ["  resource", "type", "what happens", "physical id"];
    let mut text = format!("\n{}", table(heading, &rows, width));
    for deletion in live {
        if let Some(lost) = deletion.lost {
            text.push_str(&format!(
                "{WARNING}DANGER{WARNING:#} {BOLD}{}{BOLD:#} is deleted with {lost}\n",
                deletion.resource.logical_id
            ));
        }
    }
    text
}
