//! The user's consent to a deletion.

use super::deletion::Deletion;
use super::prepared::Prepared;
use crate::cloudformation::deletion::{DeletionPlan, ResourceDeletion};
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::util::shell_word::quote;

/// Obtains the consent to a deletion that was shown.
///
/// # Errors
///
/// Refused if the answer is not the stack's name; with `--yes`, if data would be lost that the command
/// line does not name.
pub(crate) async fn obtain(deletion: &Deletion<'_>, prepared: &Prepared) -> Result<()> {
    if deletion.options.yes {
        return check_losses(deletion, &prepared.plan);
    }
    let confirmed = deletion.interrupt.guard(confirm(deletion, prepared));
    confirmed.await.map_err(|error| match error.kind() {
        ErrorKind::Interrupted => error.hint("nothing was deleted"),
        _ => error,
    })
}

/// Refuses to lose what a resource stores, unless the command line names the resource. A script
/// gives `--yes` without having seen what is lost. A deletion that failed was confirmed before.
///
/// # Errors
///
/// Refused if there is such a resource.
pub(crate) fn check_losses(deletion: &Deletion<'_>, deletion_plan: &DeletionPlan) -> Result<()> {
    if deletion.stack.status == StackStatus::DeleteFailed {
        return Ok(());
    }
    let named = &deletion.options.allow_delete;
    let guarded: Vec<&ResourceDeletion> = deletion_plan
        .losses()
        .filter(|lost| !lost.is_bucket() && !named.contains(&lost.path))
        .collect();
    if guarded.is_empty() {
        return Ok(());
    }
    let losses: Vec<String> = guarded
        .iter()
        .map(|lost| format!("`{}` {}", lost.path, lost.loss()))
        .collect();
    let more = guarded.iter().map(|lost| lost.path.as_str());
    Err(
        Error::refused(format!("not destroyed: {}", losses.join("; "))).hint(format!(
            "if that is what you want: `{}`",
            without_question(deletion, more)
        )),
    )
}

/// Asks for the stack's name, and checks that the stack has not changed since it was shown.
async fn confirm(deletion: &Deletion<'_>, prepared: &Prepared) -> Result<()> {
    let stack = &deletion.stack;
    let presenter = deletion.session.presenter();
    if presenter.is_interactive() {
        let losses = prepared.losses();
        let lost = match losses.as_slice() {
            [] => "No stored data is lost.".to_owned(),
            losses => format!("Lost: {}.", losses.join("; ")),
        };
        presenter.note(&format!(
            "\nThis deletes the stack {}. {lost}",
            stack.place()
        ));
    }
    let question = format!("Type the stack's name, {}, to destroy it:", stack.name);
    let command = without_question(deletion, std::iter::empty());
    if presenter.ask(&question, &command).await? != stack.name {
        return Err(Error::refused(
            "not destroyed: the answer was not the stack's name",
        ));
    }
    deletion.check_again().await
}

/// Returns this command line with `--yes`, and with `--allow-delete` for more resources.
fn without_question<'n>(deletion: &Deletion<'_>, more: impl Iterator<Item = &'n str>) -> String {
    let options = deletion.options;
    if let Some(run) = &options.run {
        return run.command("--allow-delete", more);
    }
    let given = [
        ("--empty", &options.empty),
        ("--retain", &options.retain),
        ("--allow-delete", &options.allow_delete),
    ];
    let given = given
        .into_iter()
        .flat_map(|(option, names)| names.iter().map(move |name| (option, name.as_str())));
    let more = more.map(|name| ("--allow-delete", name));
    let command = given.chain(more).fold(
        deletion.words("destroy --yes"),
        |command, (option, name)| format!("{command} {option} {}", quote(name)),
    );
    deletion.session.command(&command)
}
