//! A stack for people: its status and its outputs.

use jiff::Timestamp;

use super::table::table;
use crate::destruction::{Doomed, Fate};
use crate::present::style::{ADD, BOLD, DIM, REMOVE};
use crate::stack::{Resource, Stack};
use crate::status::{Sentiment, StackStatus};

/// Returns the status in the colour of its sentiment.
pub fn status(status: &StackStatus) -> String {
    let style = match status.sentiment() {
        Sentiment::Good => ADD,
        Sentiment::Neutral => BOLD,
        Sentiment::Bad => REMOVE,
    };
    format!("{style}{status}{style:#}")
}

/// Returns the stack as it is now, with its resources.
pub fn overview(stack: &Stack, resources: &[Resource], width: usize) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#}  {}\n", stack.name, status(&stack.status));
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            text.push_str(&format!("  {DIM}{name}{DIM:#} {value}\n"));
        }
    };
    fact("reason", stack.status_reason.clone());
    fact("id", Some(stack.id.clone()));
    fact("created", stack.created.as_ref().map(Timestamp::to_string));
    fact("updated", stack.updated.as_ref().map(Timestamp::to_string));
    let protection = if stack.termination_protection {
        "on"
    } else {
        "off"
    };
    fact("termination protection", Some(protection.to_owned()));
    if !resources.is_empty() {
        let rows: Vec<[String; 4]> = resources
            .iter()
            .map(|resource| {
                [
                    resource.logical_id.clone(),
                    resource.resource_type.clone(),
                    resource.status.clone(),
                    resource.physical_id.clone().unwrap_or_default(),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&table(
            ["resource", "type", "status", "physical id"],
            &rows,
            width,
        ));
    }
    text
}

/// Returns the outputs as a table; an empty text where there are none.
pub fn outputs(stack: &Stack, width: usize) -> String {
    if stack.outputs.is_empty() {
        return String::new();
    }
    let rows: Vec<[String; 2]> = stack
        .outputs
        .iter()
        .map(|output| [output.name.clone(), output.value.clone()])
        .collect();
    table(["output", "value"], &rows, width)
}

/// Returns what the deletion of a stack does to each of its resources.
pub fn destruction(stack: &Stack, doomed: &[Doomed], width: usize) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#} {DIM}{}{DIM:#}\n", stack.name, stack.id);
    if doomed.is_empty() {
        text.push_str("\nThe stack has no resources.\n");
        return text;
    }
    let rows: Vec<[String; 4]> = doomed
        .iter()
        .map(|Doomed { resource, fate }| {
            let sign = if *fate == Fate::Retained { " " } else { "-" };
            [
                format!("{sign} {}", resource.logical_id),
                resource.resource_type.clone(),
                fate.as_str().to_owned(),
                resource.physical_id.clone().unwrap_or_default(),
            ]
        })
        .collect();
    let gone = doomed
        .iter()
        .filter(|doomed| doomed.fate != Fate::Retained)
        .count();
    text.push('\n');
    text.push_str(&table(
        ["  resource", "type", "what happens", "physical id"],
        &rows,
        width,
    ));
    text.push_str(&format!(
        "\n{BOLD}Destroy: {gone} to delete, {} to leave behind.{BOLD:#}\n",
        doomed.len() - gone
    ));
    text
}
