//! What takes resources out of a stack, for people.

use super::table::table;
use super::value::push_lines;
use crate::cloudformation::orphan::{OrphanPlan, OrphanedResource};
use crate::plan::masking;
use crate::present::style::BOLD;

/// The number of equal lines around a difference.
const CONTEXT: usize = 3;

/// The indentation of the lines of a template.
const INDENT: &str = "  ";

/// Returns the resources and how the template changes in each step.
pub fn plan(plan: &OrphanPlan, width: usize) -> String {
    let mut text = format!(
        "\n{BOLD}To take out of the stack, without deleting{BOLD:#}\n{}",
        resources(&plan.resources, width)
    );
    let shown = [&plan.deployed, &plan.retaining, &plan.without];
    let [deployed, retaining, without] = shown.map(|text| masking::without_defaults(text));
    if plan.needs_retain() {
        text += &format!("\n{BOLD}Step 1 of 2: retain them{BOLD:#}\n");
        push_lines(&mut text, [&deployed, &retaining], INDENT, CONTEXT, width);
    }
    text += &if plan.needs_retain() {
        format!("\n{BOLD}Step 2 of 2: remove them from the template{BOLD:#}\n")
    } else {
        format!("\n{BOLD}Remove them from the template, which retains them already{BOLD:#}\n")
    };
    push_lines(&mut text, [&retaining, &without], INDENT, CONTEXT, width);
    text
}

/// Returns a table of the resources.
pub fn resources(resources: &[OrphanedResource], width: usize) -> String {
    let rows = resources.iter().map(|it| {
        [
            it.logical_id.clone(),
            it.resource_type.clone(),
            it.physical_id.clone(),
        ]
    });
    let rows: Vec<[String; 3]> = rows.collect();
    table(["resource", "type", "physical id"], &rows, width)
}
