//! A stack for people: its status, resources, and outputs.

use jiff::Timestamp;

use super::table::table;
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::{Sentiment, StackStatus};
use crate::present::style::{ADD, BOLD, DIM, REMOVE};
use crate::present::visible::one_line;

/// Returns the status: green if it is good, red if it is bad.
pub fn status(status: &StackStatus) -> String {
    let style = match status.sentiment() {
        Sentiment::Good => ADD,
        Sentiment::Neutral => BOLD,
        Sentiment::Bad => REMOVE,
    };
    format!("{style}{status}{style:#}")
}

/// Returns the properties of a stack and the table of its resources.
pub fn overview(stack: &Stack, resources: &[Resource], width: usize) -> String {
    let mut text = format!(
        "{BOLD}{}{BOLD:#}  {}\n",
        one_line(&stack.name),
        status(&stack.status)
    );
    let mut fact = |name: &str, value: Option<String>| {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            let value = one_line(&value);
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
    fact("mode", stack.is_express.then(|| "EXPRESS".to_owned()));
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

/// Returns the outputs as a table, or an empty text if there are none.
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
