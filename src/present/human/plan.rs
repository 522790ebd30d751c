//! A plan for people: risks first, then changes, code, parameters, tags, outputs, and the summary.
//!
//! Changed resources are shown with all changed properties. If a plan adds more than a few resources,
//! they are shown only with name and type: a new stack has nothing to compare with, and the properties
//! of twenty resources would hide that one is missing. `-v` shows them, as does the JSON plan.

use unicode_width::UnicodeWidthStr;

use super::change::{push_property, resource};
use super::{code, danger, moves, nested, service_check, size, value};
use crate::cloudformation::change_set::{Change, Effect};
use crate::plan::property::added_properties;
use crate::plan::{NO_ENDPOINT, Operation, Plan};
use crate::present::style::{ADD, BOLD, CHANGE, DIM, HINT, WARNING};
use crate::present::visible::one_line;
use crate::present::words::{RESTORED, SuggestedRename};
use crate::present::{words, wrap};

/// The highest number of new resources that are shown with their properties.
const FEW: usize = 3;

/// Returns the first lines of a plan: stack, account, region, endpoint or prediction, capabilities.
pub fn heading(plan: &Plan) -> String {
    let target = &plan.target;
    let stack = match plan.operation {
        Operation::Create => "New stack",
        Operation::Update => "Stack",
    };
    let mut text = format!(
        "{DIM}{stack:<13}{DIM:#}{BOLD}{}{BOLD:#} {DIM}(environment {}){DIM:#}\n",
        target.stack, target.environment
    );
    let mut fact = |name: &str, value: &str| {
        text.push_str(&format!("{DIM}{name:<13}{DIM:#}{value}\n"));
    };
    fact("Account", &target.account);
    fact("Region", &target.region);
    if plan.prediction.is_none() || !plan.moved.is_empty() && target.endpoint != NO_ENDPOINT {
        fact("Endpoint", &target.endpoint);
    }
    if let Some(basis) = &plan.prediction {
        fact("Prediction", basis);
    }
    if let Some(provisional) = words::of_provisional(plan) {
        fact("Provisional", &provisional);
    }
    if !plan.capabilities.is_empty() {
        fact("Capabilities", &plan.capabilities.join(", "));
    }
    text
}

/// Returns how much a plan changes, for the table of several stacks; empty if it changes nothing.
pub fn in_one_line(plan: &Plan) -> String {
    if plan.is_empty() {
        return String::new();
    }
    let summary = words::summary(plan);
    let summary = summary.strip_prefix("Plan: ").unwrap_or(&summary);
    summary.trim_end_matches('.').to_owned()
}

/// Returns the whole plan. If `verbose`, it includes notes and the properties of all new resources.
pub fn plan(plan: &Plan, verbose: bool, width: usize) -> String {
    let mut text = heading(plan);
    if plan.is_empty() {
        text.push('\n');
        let words = words::without_changes(plan);
        wrap::push(&mut text, &words, [""; 2], width);
        value::push_parameters(&mut text, &words::parameters(plan), width);
        return text;
    }
    text.push_str(&body(plan, verbose, width));
    if plan.prediction.is_some() {
        wrap::push(&mut text, &words::of_prediction(plan), [""; 2], width);
    }
    text
}

/// Returns a plan without its first lines and without what is said of predictions.
pub(super) fn body(plan: &Plan, verbose: bool, width: usize) -> String {
    let mut text = String::new();
    for paragraph in words::of_options(plan) {
        text.push('\n');
        wrap::push(&mut text, paragraph, [""; 2], width);
    }
    for warning in plan.warnings() {
        text.push_str(&format!("{WARNING}warning{WARNING:#}: {warning}\n"));
    }
    moves::push(&mut text, &plan.moved, width);
    text.push_str(&danger::danger(&plan.assessment, verbose, width));
    for rename in words::suggested_renames(plan) {
        push_suggestion(&mut text, &rename, width);
    }
    push_changes(&mut text, plan, verbose, width);
    push_artifacts(&mut text, plan);
    push_code_reverts(&mut text, plan);
    value::push_parameters(&mut text, &words::parameters(plan), width);
    value::push_section(&mut text, "Tags", &plan.tags, width);
    value::push_section(&mut text, "Outputs", &plan.outputs, width);
    value::push_section(&mut text, "Stack settings", &plan.settings, width);
    service_check::push(&mut text, &plan.validations, width);
    if plan.changes().is_empty() {
        text.push_str(&format!("\n{}\n", words::without_resources(plan)));
    }
    text.push_str(&danger::notes(&plan.assessment, verbose));
    text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", words::summary(plan)));
    text
}

/// Adds a likely rename. Its entries are on one line if they fit, so that they can be copied.
fn push_suggestion(text: &mut String, rename: &SuggestedRename, width: usize) {
    text.push('\n');
    let line = format!("{}: {}", rename.text, rename.line());
    if !rename.entries.is_empty() && line.width() <= width {
        text.push_str(&format!("{HINT}{}{HINT:#}\n", one_line(&line)));
        return;
    }
    let mut lines = String::new();
    let end = if rename.entries.is_empty() { "" } else { ":" };
    wrap::push(
        &mut lines,
        &format!("{}{end}", rename.text),
        ["", "  "],
        width,
    );
    if !rename.entries.is_empty() {
        lines.push_str("  [moved]\n");
    }
    for entry in &rename.entries {
        lines.push_str(&format!("  {}\n", one_line(entry)));
    }
    text.push_str(&format!("{HINT}{}{HINT:#}\n", lines.trim_end()));
}

fn push_changes(text: &mut String, plan: &Plan, verbose: bool, width: usize) {
    let (possible, certain): (Vec<_>, Vec<_>) = plan
        .changes()
        .iter()
        .partition(|change| change.effect() == Effect::Possible);
    let name_width = widest(&certain);
    let is_few = plan.operation == Operation::Update && plan.summary().add <= FEW;
    let mut after_tree = true;
    for change in &certain {
        let properties = match plan.models.get(&change.logical_id) {
            Some(model) if change.effect() == Effect::Add && (verbose || is_few) => {
                added_properties(model)
            }
            _ => plan.properties(change),
        };
        // An empty line separates resources with properties; the others form a list.
        if after_tree || !properties.is_empty() {
            text.push('\n');
        }
        after_tree = !properties.is_empty();
        text.push_str(&resource(change, &properties, name_width, width));
        for property in &properties {
            push_property(text, change, property, width);
        }
        after_tree |= nested::push(text, plan.change_set.as_ref(), change, width);
    }
    if possible.is_empty() {
        return;
    }
    text.push_str(&format!(
        "\n{DIM}May change, depending on other resources (not counted):{DIM:#}\n"
    ));
    let name_width = widest(&possible);
    for change in possible {
        let causes: Vec<String> = plan
            .properties(change)
            .into_iter()
            .filter_map(|property| property.cause)
            .collect();
        let (name, kind) = (
            one_line(&change.logical_id),
            one_line(&change.resource_type),
        );
        let padding = name_width.saturating_sub(name.width());
        text.push_str(&format!("  ? {name}{:padding$}  {DIM}{kind}{DIM:#}\n", ""));
        if let Some(cause) = causes.first() {
            text.push_str(&format!("{DIM}"));
            wrap::push(text, cause, ["      "; 2], width);
            text.push_str(&format!("{DIM:#}"));
        }
        nested::push(text, plan.change_set.as_ref(), change, width);
    }
}

/// Adds the functions that get the code of the deployed template again.
fn push_code_reverts(text: &mut String, plan: &Plan) {
    for (index, revert) in plan.code_reverts.iter().enumerate() {
        if index == 0 {
            text.push('\n');
        }
        let what = words::of_code_revert(revert);
        text.push_str(&format!(
            "{CHANGE}  {RESTORED}{CHANGE:#} {}\n",
            one_line(&what)
        ));
        let (live, key) = (one_line(&revert.live), one_line(&revert.code.key));
        text.push_str(&format!("{DIM}      {live} → {key}{DIM:#}\n"));
    }
}

/// Returns the width of the longest logical id.
fn widest(changes: &[&Change]) -> usize {
    let widths = changes.iter().map(|change| change.logical_id.width());
    widths.max().unwrap_or(0)
}

/// Adds the changed files of deployed artifacts and the keys of new artifacts.
fn push_artifacts(text: &mut String, plan: &Plan) {
    let is_compared = |name: &str| plan.code.iter().any(|change| change.artifact == name);
    let new: Vec<_> = plan
        .artifacts
        .iter()
        .filter(|artifact| !artifact.deployed && !is_compared(&artifact.name))
        .collect();
    if new.is_empty() && plan.code.is_empty() {
        return;
    }
    text.push_str(&format!("\n{BOLD}Code{BOLD:#}\n"));
    code::push(text, &plan.code);
    for artifact in new {
        text.push_str(&format!(
            "  {ADD}+{ADD:#} {BOLD}{}{BOLD:#}  {DIM}{}, {}{DIM:#}\n",
            artifact.name,
            artifact.key,
            size(artifact.size)
        ));
    }
}
