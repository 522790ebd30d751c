//! The plan of a stack set as Markdown for a pull request comment.

use super::comment::{Comment, Weight};
use super::page::{Page, details, escaped, fenced};
use super::{page_title, push_body, section, values};
use crate::plan::stack_set::{StackSetPlan, TargetAction};
use crate::present::human::stack_set::summary;

/// Returns the plan in at most 65,536 characters, GitHub's limit for a comment.
pub fn plan(plan: &StackSetPlan) -> Comment {
    let of_template = Weight::of(&plan.template);
    Comment {
        text: text(plan),
        weight: of_template.max(Weight::of_changes(!plan.is_empty())),
    }
}

fn text(plan: &StackSetPlan) -> String {
    let target = &plan.template.target;
    let (heading, verdict) = match (plan.is_new, plan.is_empty()) {
        (_, true) => ("Stack set", "No changes.".to_owned()),
        (true, _) => ("New stack set", summary(plan)),
        (false, _) => ("Stack set", summary(plan)),
    };
    let mut page = Page::new(page_title(&verdict, heading, target));
    for warning in &plan.warnings {
        page.push(&format!("\nWarning: {}\n", escaped(warning)), "");
    }
    if plan.is_empty() {
        return page.text;
    }
    let entries = plan.targets.entries.iter();
    let lines: Vec<String> = entries
        .filter(|entry| entry.action != TargetAction::Keep)
        .map(|entry| {
            let sign = match entry.action {
                TargetAction::Add => '+',
                TargetAction::Update | TargetAction::Keep => '!',
                TargetAction::Remove | TargetAction::Leave => '-',
            };
            let status = entry.status.as_deref().unwrap_or_default();
            let stays = match entry.action {
                TargetAction::Leave => ", its stack stays",
                _ => "",
            };
            format!("{sign} {} {status}{stays}", entry.target)
                .trim_end()
                .to_owned()
        })
        .collect();
    if !lines.is_empty() {
        let title = format!("{} targets change", lines.len());
        page.push(
            &details("Targets", &fenced(&lines), true),
            &format!("\n{title}\n"),
        );
    }
    section(&mut page, "Stack set settings", &values(&plan.settings));
    if plan.is_new || plan.is_changed {
        page.push("\n<b>In each target:</b>\n", "");
        push_body(&mut page, &plan.template);
    }
    page.finish(&format!("stackctl plan -e {}", target.environment))
}
