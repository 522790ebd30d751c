//! A plan as Markdown for a pull request comment.
//!
//! The first line is a marker that is the same in every run, so that a bot can find and replace its
//! comment. If the plan is too long for a comment, its last blocks are omitted, and the last line says so
//! (see `page`).

mod code;
pub mod comment;
pub mod diff;
mod live;
pub(super) mod page;
pub mod pipeline;
pub mod stack_set;
pub mod stacks;

use crate::cloudformation::change_set::{Change, ChangeSet, Effect};
use crate::cloudformation::refactor::Move;
use crate::plan::model::Model;
use crate::plan::property::property_changes;
use crate::plan::risk::access::Names;
use crate::plan::risk::{Kind, Risk, Severity};
use crate::plan::{Content, Operation, Plan, PropertyChange, Target, ValueChange};
use crate::present::human::size;
use crate::present::words;
use comment::{Comment, Weight};
use page::{CONTEXT, Page, details, escaped, fenced, prose, push_value};

/// Returns the plan in at most 65,536 characters, GitHub's limit for a comment.
pub fn plan(plan: &Plan) -> Comment {
    Comment {
        text: text(plan),
        weight: Weight::of(plan),
    }
}

fn text(plan: &Plan) -> String {
    let mut page = Page::new(heading(plan));
    for warning in plan.warnings() {
        page.push(&format!("\nWarning: {}\n", escaped(&warning)), "");
    }
    if plan.is_empty() {
        section(&mut page, "Parameters", &parameters(plan));
        return page.text;
    }
    push_body(&mut page, plan);
    page.finish(&format!("stackctl plan -e {}", plan.target.environment))
}

/// Adds what a plan changes.
fn push_body(page: &mut Page, plan: &Plan) {
    let (possible, certain): (Vec<_>, Vec<_>) = plan
        .changes()
        .iter()
        .partition(|change| change.effect() == Effect::Possible);
    push_moves(page, &plan.moved);
    push_dangers(page, plan);
    for rename in words::suggested_renames(plan) {
        let mut line = prose(&rename.text);
        if !rename.entries.is_empty() {
            line.push_str(&format!(": <code>{}</code>", escaped(&rename.line())));
        }
        page.push(&format!("\n{line}\n"), "");
    }
    push_permissions(page, plan);
    for change in certain {
        push_resource(page, change, &plan.properties(change), "");
    }
    let nested = plan.change_set.iter().flat_map(ChangeSet::tree);
    for (path, set) in nested.filter(|(path, _)| !path.is_empty()) {
        let parent = escaped(&format!("{}/", path.join("/")));
        for change in &set.changes {
            let model = Model::of(change, None, None);
            let properties = property_changes(change, Some(&model), &set.changes);
            push_resource(page, change, &properties, &parent);
        }
    }
    if !possible.is_empty() {
        let lines: Vec<String> = possible
            .iter()
            .map(|change| {
                let mut causes = plan.properties(change).into_iter();
                let cause = causes.find_map(|property| property.cause);
                let cause = cause.map_or(String::new(), |cause| format!(", {cause}"));
                format!("? {} {}{cause}", change.logical_id, change.resource_type)
            })
            .collect();
        let title = "May change, depending on other resources (not counted)";
        page.push(&details(title, &fenced(&lines), false), "");
    }
    let artifacts: Vec<String> = plan
        .artifacts
        .iter()
        .filter(|artifact| !artifact.deployed)
        .filter(|artifact| plan.code.iter().all(|it| it.artifact != artifact.name))
        .map(|artifact| {
            format!(
                "+ {} {}, {}",
                artifact.name,
                artifact.key,
                size(artifact.size)
            )
        })
        .collect();
    section(page, "Service checks", &checks(plan));
    code::push(page, &plan.code);
    section(page, "Code", &artifacts);
    for revert in &plan.code_reverts {
        let line = escaped(&words::of_code_revert(revert));
        page.push(&format!("\n<code>{}</code> {line}\n", words::RESTORED), "");
    }
    section(page, "Parameters", &parameters(plan));
    section(page, "Outputs", &values(&plan.outputs));
    section(page, "Tags", &values(&plan.tags));
    section(page, "Stack settings", &values(&plan.settings));
}

/// Returns the marker, the verdict, and the line that says which stack or stack set is meant; `stack`
/// begins that line.
fn page_title(verdict: &str, stack: &str, target: &Target) -> String {
    format!(
        "<!-- stackctl:plan {} -->\n<b>{}</b>\n\n\
         {stack} <code>{}</code>, environment <code>{}</code>, account <code>{}</code>, \
         region <code>{}</code>\n",
        target.stack.replace('>', ""),
        escaped(verdict),
        escaped(&target.stack),
        escaped(&target.environment),
        escaped(&target.account),
        escaped(&target.region),
    )
}

fn heading(plan: &Plan) -> String {
    let verdict = if plan.is_empty() {
        words::without_changes(plan)
    } else {
        words::summary(plan)
    };
    let stack = match plan.operation {
        Operation::Create => "New stack",
        Operation::Update => "Stack",
    };
    let mut text = page_title(&verdict, stack, &plan.target);
    if let Some(basis) = &plan.prediction {
        text.push_str(&format!("\nA prediction: {}.\n", escaped(basis)));
    }
    if let Some(provisional) = words::of_provisional(plan) {
        text.push_str(&format!("\nProvisional: {}.\n", escaped(&provisional)));
    }
    if !plan.is_empty() {
        for paragraph in words::of_options(plan) {
            text.push_str(&format!("\n{paragraph}\n"));
        }
    }
    if plan.changes().is_empty() && !plan.is_empty() {
        text.push_str(&format!("\n{}\n", escaped(&words::without_resources(plan))));
    }
    text
}

/// Adds a change as a block. `parent` is the path of the nested stack that contains the resource.
fn push_resource(page: &mut Page, change: &Change, properties: &[PropertyChange], parent: &str) {
    let mut lines = Vec::new();
    for property in properties {
        let is_layout = words::of_layout(property).is_some();
        if is_layout || property.before.is_none() && property.after.is_none() {
            lines.push(format!("! {}", property.path));
        } else {
            let [before, after] = [&property.before, &property.after];
            let [before, after] = [before, after].map(|value| value.as_ref().map(Content::text));
            push_value(&mut lines, &property.path, before, after, CONTEXT);
        }
        let notes = words::of_property(change, property);
        lines.extend(notes.iter().map(|note| format!("# {note}")));
    }
    let title = title(change, properties, parent);
    let alone = format!("\n{title}\n");
    if lines.is_empty() {
        page.push(&alone, "");
    } else {
        let open = matches!(change.effect(), Effect::Replace | Effect::Remove);
        page.push(&details(&title, &fenced(&lines), open), &alone);
    }
}

/// Returns the first line of a change, as HTML.
fn title(change: &Change, properties: &[PropertyChange], parent: &str) -> String {
    let mut parts = vec![escaped(&change.resource_type)];
    let notes = words::of_change(change, properties);
    parts.extend(notes.iter().map(|note| escaped(note)));
    format!(
        "<code>{}</code> <b>{parent}{}</b> {}",
        words::sign(change).replace('<', "&lt;"),
        escaped(&change.logical_id),
        parts.join(", ")
    )
}

fn section(page: &mut Page, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        page.push(&details(title, &fenced(lines), false), "");
    }
}

/// Adds the resources that get a new logical id.
fn push_moves(page: &mut Page, moves: &[Move]) {
    if moves.is_empty() {
        return;
    }
    page.push(
        "\nRenamed first, by <code>stackctl refactor</code>:\n\n",
        "",
    );
    for moved in moves {
        let physical_id = moved.physical_id.as_deref();
        let physical_id = physical_id.map_or_else(String::new, |it| format!(", {}", escaped(it)));
        let line = format!(
            "- <code>→</code> <b>{}</b> → <b>{}</b> {}{physical_id}\n",
            escaped(&moved.from),
            escaped(&moved.to),
            escaped(&moved.resource_type)
        );
        page.push(&line, "");
    }
}

/// Adds the list of risks, the worst first.
fn push_dangers(page: &mut Page, plan: &Plan) {
    let risks = plan.assessment.risks.iter();
    let shown: Vec<String> = risks
        .filter(|risk| risk.severity > Severity::Note)
        // The table of permissions already shows every permission; only dangerous ones are repeated here.
        .filter(|risk| risk.kind != Kind::Permission || risk.severity == Severity::Danger)
        .map(danger)
        .collect();
    if !shown.is_empty() {
        page.push(&details("Danger", &shown.concat(), true), "");
    }
}

fn danger(risk: &Risk) -> String {
    let word = risk.severity.as_str().to_uppercase();
    let remedy = risk.remedy.as_deref();
    let remedy = remedy.map_or(String::new(), |remedy| {
        format!("<br>fix: {}", prose(remedy))
    });
    format!(
        "- **{word}** <b>{}</b> {}{remedy}\n",
        escaped(&risk.logical_id),
        prose(&risk.reason)
    )
}

/// Adds the table of statements that are added to policies or removed from them.
fn push_permissions(page: &mut Page, plan: &Plan) {
    let changes = &plan.assessment.statements;
    let is_risky = changes
        .iter()
        .any(|change| change.severity > Severity::Note || !change.is_added);
    if !is_risky {
        return;
    }
    let mut table = "| | effect | action | resource | principal | condition |\n\
        | --- | --- | --- | --- | --- | --- |\n"
        .to_owned();
    for change in changes {
        let statement = &change.statement;
        let effect = if statement.is_managed_policy {
            "policy"
        } else {
            &statement.effect
        };
        table.push_str(&format!(
            "| {} | {} | {} | {} | {} | {} |\n",
            if change.is_added { "\\+" } else { "\\-" },
            escaped(effect),
            cell(&statement.actions),
            cell(&statement.resources),
            cell(&statement.principals),
            escaped(statement.condition.as_deref().unwrap_or_default()),
        ));
    }
    page.push(
        &details("Permissions in policies that change", &table, true),
        "",
    );
}

fn cell(names: &Names) -> String {
    let values: Vec<String> = names.values.iter().map(|value| escaped(value)).collect();
    let all_but = if names.not { "all but " } else { "" };
    format!("{all_but}{}", values.join("<br>"))
}

/// Returns the results of CloudFormation's own validations, one line each.
fn checks(plan: &Plan) -> Vec<String> {
    let lines = plan.validations.iter().map(|finding| {
        let sign = if finding.validation.is_fatal() {
            '-'
        } else {
            '!'
        };
        let place = finding.places.first().map_or(String::new(), |place| {
            let (line, column) = place.source.position(place.span.start);
            format!(" ({}:{line}:{column})", place.source.name)
        });
        let stack = if finding.nested_in.is_empty() {
            String::new()
        } else {
            format!("nested stack `{}`, ", finding.nested_in.join("/"))
        };
        format!("{sign} {stack}{}{place}", finding.validation.message())
    });
    lines.collect()
}

/// Returns the changed parameters, one or more lines each.
fn parameters(plan: &Plan) -> Vec<String> {
    let mut lines = Vec::new();
    for parameter in words::parameters(plan) {
        let after = match (parameter.after, parameter.remark) {
            (Some(after), Some(remark)) => Some(format!("{after} {remark}")),
            (None, remark) => remark,
            (after, None) => after.map(str::to_owned),
        };
        let (name, before) = (parameter.name, parameter.before);
        push_value(&mut lines, name, before, after.as_deref(), CONTEXT);
    }
    lines
}

fn values(changes: &[ValueChange]) -> Vec<String> {
    let mut lines = Vec::new();
    for change in changes {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        push_value(&mut lines, &change.name, before, after, CONTEXT);
    }
    lines
}

#[cfg(test)]
mod tests;
