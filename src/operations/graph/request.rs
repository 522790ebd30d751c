//! What the command line asks of `apply` over several stacks, and the question.

use std::cell::RefCell;
use std::path::PathBuf;

use super::coordinator::Asked;
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, Result};
use crate::operations::context::Context;
use crate::operations::deploy::application::Application;
use crate::operations::deploy::consent::Consent;
use crate::operations::deploy::options::DeployOptions;
use crate::operations::deploy::saved_plan::SavedPlan;
use crate::operations::session::Session;
use crate::operations::stack_set::apply::SetApplication;
use crate::plan::plan_file::of_stacks::PlanFiles;
use crate::present::event_filter::EventFilter;
use crate::present::{Presenter, human};

/// A function that returns the same command line with more options.
pub(crate) type Repeated = Box<dyn Fn(&[String]) -> String>;

/// What the command line says.
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct Request {
    /// Whether nothing is asked.
    pub(crate) yes: bool,
    /// Whether a plan that differs from the one that was shown is executed with `yes`.
    pub(crate) accept_replans: bool,
    /// Whether running operations are waited for.
    pub(crate) wait: bool,
    /// Whether the smoke tests run, also if the manifest does not ask for it.
    pub(crate) verify: bool,
    /// Which events are shown.
    pub(crate) events: EventFilter,
    /// The resources that hold data and may be replaced.
    pub(crate) allow_replace: Vec<String>,
    /// The resources that hold data and may be deleted.
    pub(crate) allow_delete: Vec<String>,
    /// Returns the options of the change set and its execution for the mode in the manifest.
    pub(crate) options: Box<dyn Fn(DeploymentMode) -> DeployOptions>,
    /// Returns the same command line with more options, for hints.
    pub(crate) repeated: Repeated,
    /// The file that receives the outputs of all stacks.
    pub(crate) outputs_file: Option<PathBuf>,
    /// The saved plans that are executed.
    pub(crate) saved: Option<SavedPlans>,
}

/// The saved plans of several stacks.
pub(crate) struct SavedPlans {
    /// The plans.
    pub(crate) file: PlanFiles,
    /// The file, as the user named it.
    pub(crate) path: PathBuf,
    /// The command that makes them again, for hints.
    pub(crate) again: String,
}

impl SavedPlans {
    /// Returns the error for a stack set: it has no change set that could be saved.
    pub(super) fn of_set(&self, context: &Context) -> Error {
        Error::refused(format!(
            "`{}` holds a plan of `{}`, which is a stack set by now",
            self.path.display(),
            context.label()
        ))
        .hint(format!("create new plans: `{}`", self.again))
    }

    /// Returns the plan of a stack.
    ///
    /// # Errors
    ///
    /// Refused if there is none.
    pub(super) fn of<'a>(&self, context: &'a Context) -> Result<SavedPlan<'a>> {
        let target = context.target();
        let mut plans = self.file.stacks.iter();
        let found = plans.find(|entry| {
            target.is_some_and(|target| {
                entry.stack == target.stack && entry.plan.environment == target.settings.environment
            })
        });
        let Some(entry) = found else {
            let path = self.path.display();
            return Err(Error::refused(format!(
                "`{path}` holds no plan of this stack"
            )));
        };
        let plan = entry.plan.clone();
        Ok(SavedPlan::of_several(
            context,
            plan,
            &self.path,
            &self.again,
        ))
    }
}

impl Request {
    /// Returns how a stack is deployed.
    pub(super) fn application<'a>(
        &'a self,
        session: &Session<'_>,
        last: &'a RefCell<Option<Stack>>,
    ) -> Application<'a> {
        Application {
            consent: self.consent(session),
            options: (self.options)(session.settings().stack.deployment_mode),
            events: self.events,
            verify: self.verify && session.settings().verify.is_some(),
            outputs_file: None,
            ended: Some(last),
        }
    }

    /// Returns how a stack set is deployed.
    pub(super) fn set_application(&self, session: &Session<'_>) -> SetApplication<'_> {
        SetApplication {
            consent: self.consent(session),
            wait: self.wait,
            events: self.events,
        }
    }

    fn consent(&self, session: &Session<'_>) -> Consent<'_> {
        Consent {
            // The user is asked once for all stacks.
            yes: true,
            stack: session.settings().stack_key.clone(),
            allow_replace: &self.allow_replace,
            allow_delete: &self.allow_delete,
            repeated: &*self.repeated,
        }
    }
}

/// Returns the hint on how to go on after an interruption.
pub(super) fn resume(request: &Request) -> String {
    let command = (request.repeated)(&["--wait".to_owned()]);
    format!("what runs in CloudFormation continues; `{command}` waits for it and deploys the rest")
}

/// Asks for consent to everything that was shown.
pub(super) async fn ask(
    presenter: &Presenter,
    request: &Request,
    asked: &[Asked],
    others: &[&str],
) -> Result<()> {
    check_names(asked)?;
    if request.yes {
        return Ok(());
    }
    let changing: Vec<&Asked> = asked.iter().filter(|it| !it.is_empty).collect();
    for it in &changing {
        if !it.losses.is_empty() {
            presenter.note(&format!(
                "\nLost in {}: {}.",
                it.label,
                it.losses.join("; ")
            ));
        }
    }
    if !others.is_empty() {
        presenter.note(&format!("\nNot part of it: {}.", others.join(", ")));
    }
    let places = changing.iter().map(|it| format!("\n  {}", it.place));
    presenter.note(&format!(
        "\nDo you want to apply these changes to {}?{}\nOnly 'yes' will be accepted.",
        human::count(changing.len(), "stack"),
        places.collect::<String>()
    ));
    let command = (request.repeated)(&["--yes".to_owned()]);
    presenter.confirm("Apply:", &command, "not applied").await
}

/// Asks for consent to a plan of `place` that is not the one that was shown, unless the command line accepts
/// such plans. `found` is how it differs; it was printed.
///
/// # Errors
///
/// Refused if nobody may be asked, or the answer is not `yes`.
pub(super) async fn ask_again(
    presenter: &Presenter,
    request: &Request,
    place: &str,
    found: &str,
) -> Result<()> {
    if request.accept_replans {
        return Ok(());
    }
    let more = ["--yes", "--accept-replans"].map(str::to_owned);
    let command = (request.repeated)(&more);
    if request.yes {
        return Err(Error::refused(format!(
            "not applied: the plan is not the one that was shown: {found}"
        ))
        .hint(format!("to apply such plans too: `{command}`")));
    }
    presenter.note(&format!(
        "Do you want to apply these changes to {place}? Only 'yes' will be accepted."
    ));
    presenter.confirm("Apply:", &command, "not applied").await
}

/// Refuses a name of a resource that does not say in which of several stacks data may be lost.
fn check_names(asked: &[Asked]) -> Result<()> {
    for (position, one) in asked.iter().enumerate() {
        for option in &one.unqualified {
            let rest = asked.get(position + 1..).unwrap_or_default();
            let Some(other) = rest.iter().find(|it| it.unqualified.contains(option)) else {
                continue;
            };
            let (flag, id) = option.split_once(' ').unwrap_or((option, ""));
            return Err(Error::refused(format!(
                "not applied: `{option}` may be meant for {} or for {}",
                one.label, other.label
            ))
            .hint(format!(
                "name the stack: `{flag} {}:{id}` or `{flag} {}:{id}`",
                one.key, other.key
            )));
        }
    }
    Ok(())
}
