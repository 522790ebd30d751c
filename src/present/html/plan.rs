//! The page of a plan: what a reviewer needs first comes first.

use super::change::Changes;
use super::limits::Room;
use super::markup::{Attribute, PageContext, Writer};
use super::page::{Article, PageKind, Tone};
use super::value::{self, Row};
use super::{code, danger, picture};
use crate::cloudformation::refactor::Move;
use crate::plan::risk::Severity;
use crate::plan::{NO_ENDPOINT, Operation, Plan, ValueChange};
use crate::present::human::count;
use crate::present::words;

/// The endpoint that is not worth a line.
const AWS: &str = "AWS";

/// Returns what the page says about a plan.
pub fn plan(plan: &Plan, context: PageContext) -> Article {
    let heading = match plan.operation {
        Operation::Create => "New stack",
        Operation::Update => "Stack",
    };
    let target = &plan.target;
    let mut article = Article::new(context, PageKind::Plan, heading, &target.stack);
    write_facts(&mut article, plan);
    if let Some(basis) = &plan.prediction {
        let sentence = format!("Prediction: {basis}. {}", words::of_prediction(plan));
        article.notice(Tone::Info, &sentence);
    }
    if let Some(provisional) = words::of_provisional(plan) {
        article.notice(Tone::Warning, &format!("Provisional: {provisional}."));
    }
    for warning in plan.warnings() {
        article.notice(Tone::Warning, &warning);
    }
    if plan.is_empty() {
        article.verdict(Tone::Calm, &words::without_changes(plan));
        write_parameters(&mut article, plan);
        return article;
    }
    article.verdict(Tone::Info, &words::summary(plan));
    write_body(&mut article, plan);
    article
}

/// Adds the facts about the target of a plan.
pub(super) fn write_facts(article: &mut Article, plan: &Plan) {
    let target = &plan.target;
    article.fact("Environment", &target.environment);
    article.fact("Account", &target.account);
    article.fact("Region", &target.region);
    if target.endpoint != AWS && target.endpoint != NO_ENDPOINT {
        article.fact("Endpoint", &target.endpoint);
    }
    article.fact("Capabilities", &plan.capabilities.join(", "));
}

/// Adds everything that a plan changes.
pub(super) fn write_body(article: &mut Article, plan: &Plan) {
    for paragraph in words::of_options(plan) {
        article.notice(Tone::Warning, paragraph);
    }
    if plan.changes().is_empty() {
        article.notice(Tone::Calm, &words::without_resources(plan));
    }
    for rename in words::suggested_renames(plan) {
        let entries = match rename.entries.len() {
            0 => String::new(),
            _ => format!(": `{}`", rename.line()),
        };
        article.notice(Tone::Info, &format!("This {}{entries}", rename.text));
    }
    let context = article.context().clone();
    let changes = Changes::of(plan, |path, number| {
        context.named_id("change", path, number)
    });
    for (kind, number) in changes.kinds() {
        article.kind(kind, number);
    }
    let risks = danger::shown(&plan.assessment);
    let dangers = risks
        .iter()
        .filter(|it| it.severity == Severity::Danger)
        .count();
    article.risks(dangers, risks.len() - dangers);
    article.section("danger", "Danger", Some(risks.len()), |html| {
        danger::write_risks(html, &risks, &changes);
    });
    let checks = &plan.validations;
    let failed = checks.iter().filter(|it| it.validation.is_fatal());
    article.failed_checks(failed.count());
    article.section("checks", "Service checks", Some(checks.len()), |html| {
        danger::write_checks(html, checks, &changes);
    });
    let statements = &plan.assessment.statements;
    article.section(
        "permissions",
        "Permissions",
        Some(statements.len()),
        |html| {
            danger::write_permissions(html, statements, &changes);
        },
    );
    article.section("renames", "Renamed first", Some(plan.moved.len()), |html| {
        write_moves(html, &plan.moved);
    });
    let reverts = &plan.code_reverts;
    article.section("restored", "Restored code", Some(reverts.len()), |html| {
        code::write_reverts(html, reverts);
    });
    let mut room = Room::of_changes(context.share());
    article.section("changes", "Changes", Some(changes.len()), |html| {
        changes.write(html, &mut room);
    });
    article.section("graph", "Resource graph", None, |html| {
        picture::write(html, &plan.graph, &|node| changes.id_of(&node.id).cloned());
    });
    let new = plan.artifacts.iter().filter(|artifact| {
        let is_compared = plan.code.iter().any(|it| it.artifact == artifact.name);
        !artifact.deployed && !is_compared
    });
    let new: Vec<_> = new.collect();
    article.section("code", "Code", None, |html| {
        code::write(html, &plan.code, &new, "stackctl plan --format json");
    });
    write_parameters(article, plan);
    write_values(article, "outputs", "Outputs", &plan.outputs);
    write_values(article, "tags", "Tags", &plan.tags);
    write_values(article, "settings", "Stack settings", &plan.settings);
    article.section("notes", "Notes", None, |html| {
        danger::write_notes(html, &plan.assessment, &changes);
    });
}

fn write_parameters(article: &mut Article, plan: &Plan) {
    let rows = words::parameters(plan).into_iter().map(|it| {
        let (after, remark) = match (it.after, it.remark) {
            (None, Some(remark)) => (Some(remark), None),
            (after, remark) => (after.map(str::to_owned), remark),
        };
        Row {
            name: it.name.to_owned(),
            before: it.before.map(str::to_owned),
            after,
            remark,
            notes: Vec::new(),
        }
    });
    let rows: Vec<Row> = rows.collect();
    article.section("parameters", "Parameters", Some(rows.len()), |html| {
        value::write_list(html, &rows);
    });
}

/// Adds changed values, such as tags.
pub(super) fn write_values(
    article: &mut Article,
    name: &'static str,
    title: &'static str,
    changes: &[ValueChange],
) {
    let rows = changes.iter().map(|change| Row {
        name: change.name.clone(),
        before: change.before.clone(),
        after: change.after.clone(),
        ..Row::default()
    });
    let rows: Vec<Row> = rows.collect();
    article.section(name, title, Some(rows.len()), |html| {
        value::write_list(html, &rows);
    });
}

/// Adds the resources that get another logical id.
pub(super) fn write_moves(html: &mut Writer<'_>, moves: &[Move]) {
    if moves.is_empty() {
        return;
    }
    html.element("p", &[Attribute::Class("lead")], |html| {
        let resources = count(moves.len(), "resource");
        html.prose(&format!(
            "{resources} by `stackctl refactor`, before everything else"
        ));
    });
    html.element("ul", &[Attribute::Class("moves")], |html| {
        for moved in moves {
            html.element("li", &[], |html| {
                html.leaf("b", "", &moved.from);
                html.text(" → ");
                html.leaf("b", "", &moved.to);
                html.text(" ");
                html.leaf("span", "type", &moved.resource_type);
                if let Some(id) = &moved.physical_id {
                    html.text(" ");
                    html.leaf("span", "muted", id);
                }
            });
        }
    });
}
