//! The page of a plan of a stack set: its targets, and what changes in each of them.

use super::markup::{Attribute, PageContext, Writer};
use super::page::{Article, Kind, PageKind, Tone};
use super::plan::{write_body, write_facts, write_values};
use crate::plan::stack_set::{StackSetPlan, TargetAction, TargetEntry};
use crate::present::human::count;
use crate::present::human::stack_set::summary;

/// What cannot be known before the deployment.
const PREDICTION: &str = "In each target, this is a prediction: CloudFormation shows the changes of a stack set in \
                          no target before it makes them.";

/// Returns what the page says about the plan of a stack set.
pub fn plan(plan: &StackSetPlan, context: PageContext) -> Article {
    let heading = if plan.is_new {
        "New stack set"
    } else {
        "Stack set"
    };
    let stack = &plan.template.target.stack;
    let mut article = Article::new(context, PageKind::Plan, heading, stack);
    write_facts(&mut article, &plan.template);
    article.fact("Permissions", plan.permissions.as_str());
    for warning in &plan.warnings {
        article.notice(Tone::Warning, warning);
    }
    if plan.is_empty() {
        let sentence = "No changes. The stack set and its targets are as the files say.";
        article.verdict(Tone::Calm, sentence);
        return article;
    }
    let entries = &plan.targets.entries;
    let loses = |it: &TargetEntry| it.action == TargetAction::Remove;
    let tone = if entries.iter().any(loses) {
        Tone::Danger
    } else {
        Tone::Info
    };
    article.verdict(tone, &summary(plan));
    let (kept, changed): (Vec<_>, Vec<_>) = entries
        .iter()
        .partition(|it| it.action == TargetAction::Keep);
    article.section("targets", "Targets", Some(changed.len()), |html| {
        if !changed.is_empty() {
            write_targets(html, &changed);
        }
        if !kept.is_empty() {
            html.element("details", &[], |html| {
                let title = format!("{} as they are", count(kept.len(), "target"));
                html.leaf("summary", "muted", &title);
                write_targets(html, &kept);
            });
        }
    });
    write_values(
        &mut article,
        "set-settings",
        "Stack set settings",
        &plan.settings,
    );
    if plan.is_new || plan.is_changed {
        article.notice(Tone::Info, PREDICTION);
        write_body(&mut article, &plan.template);
    }
    article
}

fn write_targets(html: &mut Writer<'_>, entries: &[&TargetEntry]) {
    html.element("div", &[Attribute::Class("scroll")], |html| {
        html.element("table", &[], |html| {
            html.element("thead", &[], |html| {
                html.element("tr", &[], |html| {
                    for title in ["What happens", "Target", "Status", "Organizational unit"] {
                        let attributes = [Attribute::Fixed("scope", "col")];
                        html.element("th", &attributes, |html| html.text(title));
                    }
                });
            });
            html.element("tbody", &[], |html| {
                for entry in entries {
                    html.element("tr", &[Attribute::Flag("data-find")], |html| {
                        write_target(html, entry);
                    });
                    html.new_line();
                }
            });
        });
    });
}

fn write_target(html: &mut Writer<'_>, entry: &TargetEntry) {
    let (kind, words) = match entry.action {
        TargetAction::Add => (Some(Kind::Add), "is added"),
        TargetAction::Update => (Some(Kind::Change), "is updated"),
        TargetAction::Remove => (Some(Kind::Remove), "is removed"),
        TargetAction::Leave => (Some(Kind::Remove), "is removed, its stack stays"),
        TargetAction::Keep => (None, "stays"),
    };
    html.element("td", &[], |html| {
        if let Some(kind) = kind {
            kind.write(html);
            html.text(" ");
        }
        html.text(words);
    });
    html.leaf("td", "", &entry.target.to_string());
    html.element("td", &[], |html| {
        html.text(entry.status.as_deref().unwrap_or_default());
        if let Some(reason) = entry.reason.as_ref().filter(|_| kind.is_some()) {
            html.text(": ");
            html.text(reason);
        }
    });
    html.leaf(
        "td",
        "",
        entry.organizational_unit.as_deref().unwrap_or_default(),
    );
}
