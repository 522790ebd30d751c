//! Stack sets for people: plans, results, and what is deployed.

use std::time::Duration;

use super::{clock, count, plan, value};
use crate::cloudformation::deletion::ResourceDeletion;
use crate::cloudformation::stack_set::instance::Instance;
use crate::cloudformation::stack_set::operation::{
    EndedOperation, ResultStatus, SetOperation, TargetResult,
};
use crate::cloudformation::stack_set::{SetDrift, StackSet};
use crate::plan::stack_set::{StackSetPlan, Step, TargetAction, TargetEntry};
use crate::present::human::table::table;
use crate::present::style::{ADD, BOLD, CHANGE, DIM, REMOVE, WARNING};
use crate::present::visible::one_line;
use crate::present::{words, wrap};
use crate::util::time::to_the_second;

/// The highest number of targets that stay as they are and are shown.
const MOST_KEPT: usize = 20;

/// Returns the whole plan. If `verbose`, it includes all targets, notes and the properties of all new
/// resources.
pub fn stack_set_plan(plan: &StackSetPlan, verbose: bool, width: usize) -> String {
    let target = &plan.template.target;
    let heading = if plan.is_new {
        "New stack set"
    } else {
        "Stack set"
    };
    let mut text = format!(
        "{DIM}{heading:<16}{DIM:#}{BOLD}{}{BOLD:#} {DIM}(environment {}){DIM:#}\n",
        target.stack, target.environment
    );
    for (name, value) in [
        ("Account", target.account.as_str()),
        ("Region", &target.region),
        ("Endpoint", &target.endpoint),
        ("Permissions", plan.permissions.as_str()),
    ] {
        text.push_str(&format!("{DIM}{name:<16}{DIM:#}{value}\n"));
    }
    if let Some(provisional) = words::of_provisional(&plan.template) {
        text.push_str(&format!("{DIM}{:<16}{DIM:#}{provisional}\n", "Provisional"));
    }
    if !plan.template.capabilities.is_empty() {
        let capabilities = plan.template.capabilities.join(", ");
        text.push_str(&format!(
            "{DIM}{:<16}{DIM:#}{capabilities}\n",
            "Capabilities"
        ));
    }
    for warning in &plan.warnings {
        text.push_str(&format!(
            "{WARNING}warning{WARNING:#}: {}\n",
            one_line(warning)
        ));
    }
    if plan.is_empty() {
        text.push_str("\nNo changes. The stack set and its targets are as the files say.\n");
        value::push_parameters(&mut text, &words::parameters(&plan.template), width);
        return text;
    }
    push_targets(&mut text, &plan.targets.entries, verbose);
    value::push_section(&mut text, "Stack set settings", &plan.settings, width);
    if plan.is_new || plan.is_changed {
        text.push_str(&format!("\n{BOLD}In each target:{BOLD:#}\n"));
        text.push_str(&plan::body(&plan.template, verbose, width));
        let words = "This is a prediction: CloudFormation shows the changes of a stack set in no target before it \
                     makes them.";
        wrap::push(&mut text, words, [""; 2], width);
    }
    text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", summary(plan)));
    text
}

fn push_targets(text: &mut String, entries: &[TargetEntry], verbose: bool) {
    text.push_str(&format!("\n{BOLD}Targets{BOLD:#}\n"));
    let widest = entries.iter().map(|it| it.target.to_string().len()).max();
    let width = widest.unwrap_or_default();
    let mut kept = 0;
    for entry in entries {
        let (style, sign) = match entry.action {
            TargetAction::Add => (ADD, "+"),
            TargetAction::Update => (CHANGE, "~"),
            TargetAction::Remove | TargetAction::Leave => (REMOVE, "-"),
            TargetAction::Keep => (DIM, " "),
        };
        if entry.action == TargetAction::Keep {
            kept += 1;
            if kept > MOST_KEPT && !verbose {
                continue;
            }
        }
        let mut line = format!(
            "  {style}{sign}{style:#} {:<width$}",
            one_line(&entry.target.to_string())
        );
        if let Some(status) = &entry.status {
            line.push_str(&format!("  {}", one_line(status)));
        }
        if entry.action == TargetAction::Leave {
            line.push_str(", its stack stays");
        }
        if let Some(unit) = &entry.organizational_unit {
            line.push_str(&format!("  {DIM}{}{DIM:#}", one_line(unit)));
        }
        if let (Some(reason), true) = (&entry.reason, entry.action != TargetAction::Keep) {
            line.push_str(&format!(": {}", one_line(reason)));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    if kept > MOST_KEPT && !verbose {
        let more = kept - MOST_KEPT;
        text.push_str(&format!("    and {more} more that stay as they are\n"));
    }
}

/// Returns the last line of a plan.
pub fn summary(plan: &StackSetPlan) -> String {
    let number = |action: TargetAction| {
        let entries = plan.targets.entries.iter();
        entries.filter(|it| it.action == action).count()
    };
    let removed = number(TargetAction::Remove) + number(TargetAction::Leave);
    format!(
        "Targets: {} to add, {} to update, {removed} to remove.",
        number(TargetAction::Add),
        number(TargetAction::Update),
    )
}

/// Returns how much a plan changes, for the table of several stacks; empty if it changes nothing.
pub fn in_one_line(plan: &StackSetPlan) -> String {
    if plan.is_empty() {
        return String::new();
    }
    let summary = summary(plan);
    let numbers = summary.trim_start_matches("Targets: ");
    numbers.trim_end_matches('.').to_owned()
}

/// Returns the line that begins an operation.
pub fn step(step: &Step) -> String {
    let several = |number: usize| count(number, "target");
    match step {
        Step::Update(update) => match &update.only {
            Some(only) => format!("Updating {}:", several(only.targets().count())),
            None => "Updating all targets:".to_owned(),
        },
        Step::Override(group) => format!(
            "Setting values of parameters in {}:",
            several(group.targets().count())
        ),
        Step::Add(group) => format!("Adding {}:", several(group.targets().count())),
        Step::Remove(removal) if removal.retains => format!(
            "Removing the instances of {}, whose stacks stay:",
            several(removal.group.targets().count())
        ),
        Step::Remove(removal) => {
            format!("Removing {}:", several(removal.group.targets().count()))
        }
    }
}

/// Returns the line of a result in a target.
pub fn result(result: &TargetResult, elapsed: Duration) -> String {
    let style = match result.status {
        ResultStatus::Succeeded => ADD,
        ResultStatus::Failed | ResultStatus::Cancelled => REMOVE,
        _ => DIM,
    };
    let reason = result.reason.as_deref().filter(|_| {
        !matches!(
            result.status,
            ResultStatus::Succeeded | ResultStatus::Running
        )
    });
    let reason = reason.map_or_else(String::new, |it| format!(": {}", one_line(it)));
    format!(
        "  {DIM}{:>6}{DIM:#}  {}  {style}{}{style:#}{reason}",
        clock(elapsed),
        one_line(&result.target.to_string()),
        one_line(result.status.as_str())
    )
}

/// Returns the line that ends an operation.
pub fn ended(ended: &EndedOperation) -> String {
    let results = ended.results.len();
    let failed = ended
        .problems()
        .len()
        .max(ended.operation.failed.unwrap_or_default());
    let rest = match failed {
        0 => String::new(),
        failed => format!(", {failed} of them not done"),
    };
    format!(
        "The operation is {}: {}{rest}.",
        one_line(ended.operation.status.as_str()),
        count(results, "target")
    )
}

/// Returns the stack set with its instances and latest operations.
pub fn overview(
    set: &StackSet,
    instances: &[Instance],
    operations: &[SetOperation],
    width: usize,
) -> String {
    let mut text = format!("{BOLD}{}{BOLD:#}  stack set\n", set.name);
    let mut fact = |name: &str, value: &str| {
        if !value.is_empty() {
            text.push_str(&format!("{DIM}{name:<16}{DIM:#}{}\n", one_line(value)));
        }
    };
    fact("Id", &set.id);
    fact("Description", &set.description);
    fact("Permissions", set.permissions.as_str());
    fact("Execution role", set.execution_role().unwrap_or_default());
    fact("OUs", &set.organizational_units.join(", "));
    if let Some(automatic) = set.auto_deployment {
        fact("Auto deploy", if automatic.enabled { "on" } else { "off" });
    }
    if let Some(drift) = &set.drift {
        fact("Drift", &drift.status);
    }
    let rows: Vec<[String; 4]> = instances
        .iter()
        .map(|it| {
            let problem = it.problem();
            let status = problem.as_ref().map(|it| it.status.clone());
            [
                it.target.to_string(),
                status.unwrap_or_else(|| it.status.to_string()),
                it.drift.clone().unwrap_or_default(),
                it.reason.clone().unwrap_or_default(),
            ]
        })
        .collect();
    text.push('\n');
    if rows.is_empty() {
        text.push_str("The stack set has no instances.\n");
    } else {
        let heading = ["TARGET", "STATUS", "DRIFT", "REASON"];
        text.push_str(&table(heading, &rows, width));
    }
    if !operations.is_empty() {
        let rows: Vec<[String; 4]> = operations
            .iter()
            .map(|it| {
                [
                    it.created.map_or_else(String::new, to_the_second),
                    it.action.clone(),
                    it.status.to_string(),
                    it.id.clone(),
                ]
            })
            .collect();
        text.push('\n');
        text.push_str(&table(["BEGUN", "OPERATION", "STATUS", "ID"], &rows, width));
    }
    text
}

/// Returns the result of a drift detection.
pub fn drift(set: &StackSet, drift: &SetDrift, instances: &[Instance], width: usize) -> String {
    let rows: Vec<[String; 2]> = instances
        .iter()
        .map(|it| {
            let status = it.drift.clone();
            let status = status.unwrap_or_else(|| "NOT_CHECKED".to_owned());
            [it.target.to_string(), status]
        })
        .collect();
    let mut text = table(["TARGET", "DRIFT"], &rows, width);
    text.push_str(&format!(
        "\n{BOLD}{}: {} of {} drifted{}.{BOLD:#}\n",
        set.name,
        drift.drifted,
        count(drift.total.max(instances.len()), "target"),
        match drift.failed {
            0 => String::new(),
            failed => format!(", {failed} not checked"),
        }
    ));
    text
}

/// Returns what the deletion of a stack set deletes and leaves behind. `retained` are the targets whose
/// stacks stay.
pub fn deletion(
    (set, place): (&StackSet, &str),
    instances: &[Instance],
    retained: &[String],
    losses: &[ResourceDeletion],
) -> String {
    let mut text = format!("{BOLD}Destroy the stack set {place}{BOLD:#}\n");
    if !set.organizational_units.is_empty() {
        text.push_str(&format!(
            "{DIM}Organizational units{DIM:#} {}\n",
            set.organizational_units.join(", ")
        ));
    }
    for instance in instances {
        let target = instance.target.to_string();
        let what = if retained.contains(&target) {
            ", its stack stays"
        } else {
            ""
        };
        text.push_str(&format!(
            "  {REMOVE}-{REMOVE:#} {}  {}{what}\n",
            one_line(&target),
            one_line(instance.status.as_str())
        ));
    }
    for loss in losses {
        text.push_str(&format!(
            "{WARNING}Lost in each target{WARNING:#}: {} {}\n",
            one_line(&loss.path),
            loss.loss()
        ));
    }
    let removed = instances.len() - retained.len().min(instances.len());
    text.push_str(&format!(
        "\n{BOLD}{removed} to delete, {} to leave behind, then the stack set.{BOLD:#}\n",
        retained.len()
    ));
    text
}
