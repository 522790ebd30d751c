//! The comparison of the new project with the stack: a plan would show no change, or each difference
//! is printed with its reason.
//!
//! It is made without a change set, so it only reads. If only a change set can show the result, a hint
//! gives the reason.

use std::path::Path;

use super::Adopted;
use super::code::Unpacked;
use super::lost::Origin;
use crate::config::project::{MANIFEST, Project};
use crate::error::Result;
use crate::operations::context::Context;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::{readiness, stack_settings};
use crate::operations::init::folder::Folder;
use crate::operations::session::Session;
use crate::plan::{ValueChange, values};
use crate::template::Template;
use crate::template::diff::{self, EntryDiff};

/// How many differences of a template are shown.
const MOST: usize = 20;

/// Compares the project in a folder with its stack, and prints the result.
///
/// # Errors
///
/// What keeps the project from being planned.
pub(super) async fn show(
    context: &Context,
    folder: &Folder<'_>,
    adopted: &Adopted,
    taken: &[String],
) -> Result<()> {
    let unplanned = |error: crate::error::Error| {
        let found = error.diagnostics().to_vec();
        let error = error.within("the project was written, but it cannot be planned");
        error.with_diagnostics(found)
    };
    let shown = folder.shown(MANIFEST);
    let project = Project::find(&context.ambient().current_dir, Some(Path::new(&shown)))?;
    let session = Session::of(context, project, None).map_err(unplanned)?;
    let deployment = Deployment::open_to_compare(&session)
        .await
        .map_err(unplanned)?;
    let presenter = context.presenter();
    let differences = differences(&deployment, adopted, taken);
    let plan = folder.command("stackctl plan");
    if let Err(error) = readiness::check(&deployment) {
        presenter.warning(&error.to_string());
        for hint in error.hints() {
            presenter.hint(hint);
        }
    }
    if !differences.is_empty() {
        presenter.note("\nThe project and the stack differ:");
        for difference in &differences {
            presenter.note(&format!("  {difference}"));
        }
        presenter.hint(&format!("`{plan}` shows what CloudFormation makes of it"));
        return Ok(());
    }
    presenter.note(
        "\nThe project is what is deployed: template, parameters, tags and settings of the stack.",
    );
    if deployment.is_unchanged() {
        presenter.note(&format!("`{plan}` shows no changes."));
    } else {
        presenter.hint(&format!(
            "{}: `{plan}` asks CloudFormation with a change set, which it deletes again",
            undecided(&deployment)
        ));
    }
    Ok(())
}

/// Returns why only CloudFormation can say whether something would change.
fn undecided(deployment: &Deployment<'_>) -> &'static str {
    let template = &deployment.build().template;
    if template.has_transforms() {
        "the result of the transform may have changed"
    } else if template.has_nested_stacks() {
        "the templates of the nested stacks may have changed"
    } else if template.has_external_inputs() {
        "values from outside the template may have changed"
    } else {
        "the last operation on the stack did not succeed, or CloudFormation hides a value"
    }
}

/// Returns each difference between the project and the stack, with its reason.
fn differences(deployment: &Deployment<'_>, adopted: &Adopted, taken: &[String]) -> Vec<String> {
    let mut found = Vec::new();
    let deployed = deployment.deployed_template().unwrap_or_default();
    if deployed != deployment.build().body {
        template_differences(deployment, adopted, taken, &mut found);
    }
    let settings = &deployment.session().settings();
    let tags = values::tag_changes(deployment.stack(), &settings.tags);
    let mut settings_changes = stack_settings::all_changes(deployment);
    // A capability is acknowledged with each operation. To acknowledge one changes nothing.
    settings_changes.retain(|change| change.name != "capabilities");
    for (what, changes) in [
        ("parameter", deployment.parameter_changes()),
        ("tag", tags),
        ("setting", settings_changes),
    ] {
        found.extend(changes.iter().map(|change| value_difference(what, change)));
    }
    found
}

fn value_difference(what: &str, change: &ValueChange) -> String {
    let text = |value: &Option<String>| match value {
        Some(value) => format!("{value:?}"),
        None => "none".to_owned(),
    };
    format!(
        "the {what} {}: {} in the stack, {} in the project",
        change.name,
        text(&change.before),
        text(&change.after)
    )
}

fn template_differences(
    deployment: &Deployment<'_>,
    adopted: &Adopted,
    taken: &[String],
    found: &mut Vec<String>,
) {
    for id in taken {
        found.push(format!(
            "the code of {id} is uploaded from {}, so its key in S3 changes; the files are those that run",
            Unpacked::path(id)
        ));
    }
    if adopted.origin == (Origin::File { is_restored: true }) {
        found.push(format!(
            "{} has the characters outside ASCII that CloudFormation returns as `?`; CloudFormation itself \
             compares with the text that was deployed",
            adopted.path
        ));
        return;
    }
    let Some(deployed) = deployment.deployed_model() else {
        found.push("the deployed template cannot be compared".to_owned());
        return;
    };
    let before = found.len();
    let compared = diff::diff(deployed, &adopted.template);
    let entries = compared.entries.iter().filter(|it| !is_taken(it, taken));
    let lines = entries.flat_map(|entry| lines(entry, adopted));
    found.extend(lines);
    if found.len() == before && taken.is_empty() {
        found.push(if adopted.text.text.is_ascii() {
            "the texts of the template differ, their meaning does not".to_owned()
        } else {
            "the template has characters outside ASCII, which stackctl sends escaped; their meaning is the same"
                .to_owned()
        });
    }
    if found.len() > before + MOST {
        let more = found.len() - before - MOST;
        found.truncate(before + MOST);
        found.push(format!("… and {more} more differences of the template"));
    }
}

/// Returns whether an entry differs only in the code that was taken.
fn is_taken(entry: &EntryDiff<'_>, taken: &[String]) -> bool {
    entry.section == "Resources"
        && entry
            .name
            .is_some_and(|name| taken.iter().any(|id| id == name))
}

/// Returns a line for each change of an entry.
fn lines(entry: &EntryDiff<'_>, adopted: &Adopted) -> Vec<String> {
    let name = match entry.name {
        Some(name) => format!("{}.{name}", entry.section),
        None => entry.section.to_owned(),
    };
    let line = |template: &Template, at: Option<usize>| {
        at.map_or_else(String::new, |at| {
            let (line, _) = template.source().position(at);
            format!("{}:{line}: ", adopted.path)
        })
    };
    let what = |before: bool, after: bool| match (before, after) {
        (false, _) => "only in the project",
        (_, false) => "only in the stack",
        _ => "differs from the stack",
    };
    if entry.changes.is_empty() {
        let place = line(&adopted.template, entry.starts.after);
        let what = what(entry.before.is_some(), entry.after.is_some());
        return vec![format!("{place}{name} {what}")];
    }
    let changes = entry.changes.iter().map(|change| {
        let place = line(&adopted.template, change.starts.after);
        let what = what(change.before.is_some(), change.after.is_some());
        let path = diff::path_text(&change.path);
        let path = if path.is_empty() {
            name.clone()
        } else {
            format!("{name}.{path}")
        };
        format!("{place}{path} {what}")
    });
    changes.collect()
}
