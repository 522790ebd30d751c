//! The user's consent to a plan: the guards, and the question.

use super::deployment::Deployment;
use super::import;
use super::pending_change_set::PendingChangeSet;
use super::rollback;
use crate::cloudformation::stack;
use crate::error::{Error, Result};
use crate::operations::session::Session;
use crate::operations::upstream::export_users;
use crate::plan::Plan;
use crate::plan::risk::{Guard, Risk};
use crate::present::format::PlanFormat;
use crate::util::shell_word::quote;

/// What the command line allows.
pub(crate) struct Consent<'a> {
    /// Whether the plan is applied without a question.
    pub(crate) yes: bool,
    /// The stack's key in `[stacks]`, which may stand before the name of a resource.
    pub(crate) stack: Option<String>,
    /// The resources that hold data and may be replaced.
    pub(crate) allow_replace: &'a [String],
    /// The resources that hold data and may be deleted.
    pub(crate) allow_delete: &'a [String],
    /// Returns the same command line with more options, for hints.
    pub(crate) repeated: &'a dyn Fn(&[String]) -> String,
}

impl Consent<'_> {
    /// Refuses a run that would have to ask and cannot.
    ///
    /// # Errors
    ///
    /// Refused without a terminal and without `--yes`.
    pub(crate) fn check_can_ask(&self, session: &Session<'_>) -> Result<()> {
        let command = || (self.repeated)(&["--yes".to_owned()]);
        session.presenter().check_can_ask(self.yes, command)
    }

    /// Shows the plan, checks it, and asks whether to apply it.
    ///
    /// # Errors
    ///
    /// Those of [`check`](Self::check); refused if the answer is not `yes`.
    pub(crate) async fn obtain(
        &self,
        deployment: &Deployment<'_>,
        plan: &Plan,
        pending: Option<&PendingChangeSet>,
    ) -> Result<()> {
        show(deployment, plan)?;
        self.check(deployment, plan, pending)?;
        if self.yes || plan.is_empty() {
            return Ok(());
        }
        let asked = self.ask(deployment, plan);
        deployment.interrupt().guard(asked).await
    }

    /// Checks a plan that was shown.
    ///
    /// # Errors
    ///
    /// Refused if data would be lost that the command line does not name, or if CloudFormation cannot
    /// execute the change set.
    pub(crate) fn check(
        &self,
        deployment: &Deployment<'_>,
        plan: &Plan,
        pending: Option<&PendingChangeSet>,
    ) -> Result<()> {
        export_users::check(deployment.session(), plan)?;
        self.check_guards(plan)?;
        match pending {
            Some(pending) => pending.check(deployment),
            None => Ok(()),
        }
    }

    /// Refuses to lose what a resource stores, unless the command line names the resource.
    ///
    /// `--yes` does not allow it: a script gives `--yes` without having seen the plan.
    ///
    /// # Errors
    ///
    /// Refused, with what would be lost.
    pub(crate) fn check_guards(&self, plan: &Plan) -> Result<()> {
        let guarded: Vec<(&Risk, Guard)> = plan
            .assessment
            .risks
            .iter()
            .filter_map(|risk| Some((risk, risk.guard?)))
            .filter(|(risk, guard)| {
                let allowed = match guard {
                    Guard::Replace => self.allow_replace,
                    Guard::Delete => self.allow_delete,
                };
                !self.is_allowed(allowed, &risk.logical_id)
            })
            .collect();
        if guarded.is_empty() {
            return Ok(());
        }
        let mut more = Vec::new();
        let mut losses = Vec::new();
        for (risk, guard) in &guarded {
            more.push(allowance(*guard, &self.full_name(&risk.logical_id)));
            losses.push(format!("`{}` {}", risk.logical_id, risk.reason));
        }
        let command = (self.repeated)(&more);
        Err(
            Error::refused(format!("not applied: {}", losses.join("; ")))
                .hint(format!("if that is what you want: `{command}`")),
        )
    }

    /// Returns whether a resource is among those that the command line names, as `ID` or `STACK:ID`.
    pub(crate) fn is_allowed(&self, names: &[String], logical_id: &str) -> bool {
        let full = self.full_name(logical_id);
        names.iter().any(|name| name == logical_id || *name == full)
    }

    /// Returns the name of a resource as the command line names it, with the stack's key if it has one.
    pub(crate) fn full_name(&self, logical_id: &str) -> String {
        match &self.stack {
            Some(stack) => format!("{stack}:{logical_id}"),
            None => logical_id.to_owned(),
        }
    }

    /// Returns the options that allow what a plan loses and do not name the stack.
    pub(crate) fn unqualified(&self, plan: &Plan) -> Vec<String> {
        let guarded = plan.assessment.risks.iter();
        let guarded = guarded.filter_map(|risk| Some((risk, risk.guard?)));
        let unqualified = guarded.filter(|(risk, guard)| {
            let allowed = match guard {
                Guard::Replace => self.allow_replace,
                Guard::Delete => self.allow_delete,
            };
            self.is_unqualified(allowed, &risk.logical_id)
        });
        let options = unqualified.map(|(risk, guard)| allowance(guard, &risk.logical_id));
        options.collect()
    }

    /// Returns the options that allow these deletions and do not name the stack.
    pub(crate) fn unqualified_deletions(&self, names: &[String]) -> Vec<String> {
        let names = names.iter();
        let unqualified = names.filter(|name| self.is_unqualified(self.allow_delete, name));
        let options = unqualified.map(|name| allowance(Guard::Delete, name));
        options.collect()
    }

    fn is_unqualified(&self, allowed: &[String], name: &String) -> bool {
        allowed.contains(name) && !allowed.contains(&self.full_name(name))
    }

    async fn ask(&self, deployment: &Deployment<'_>, plan: &Plan) -> Result<()> {
        let session = deployment.session();
        let presenter = session.presenter();
        let losses = losses(plan);
        if !losses.is_empty() {
            presenter.note(&format!("\nLost: {}.", losses.join("; ")));
        }
        let place = place(deployment);
        presenter.note(&format!(
            "\nDo you want to apply these changes to {place}? Only 'yes' will be accepted."
        ));
        let command = (self.repeated)(&["--yes".to_owned()]);
        let confirmed = presenter.confirm("Apply:", &command, "not applied").await;
        deployment.forget_objects_checked();
        confirmed
    }
}

/// Returns what a plan loses, a sentence for each resource.
pub(crate) fn losses(plan: &Plan) -> Vec<String> {
    let guarded = plan.assessment.risks.iter().filter(|it| it.guard.is_some());
    let losses = guarded.map(|risk| format!("{} {}", risk.logical_id, risk.reason));
    losses.collect()
}

/// Returns the stack with its account and region.
pub(crate) fn place(deployment: &Deployment<'_>) -> String {
    stack::place(
        &deployment.session().settings().stack_name,
        &deployment.identity().account,
        deployment.connection().region(),
    )
}

/// Shows the plan, and what it does besides.
///
/// # Errors
///
/// If the plan cannot be printed.
pub(crate) fn show(deployment: &Deployment<'_>, plan: &Plan) -> Result<()> {
    PlanFormat::Human.print(plan, deployment.session().presenter())?;
    import::explain(deployment);
    rollback::explain(deployment, plan);
    Ok(())
}

/// Returns the option that allows a resource to be replaced or deleted.
pub(crate) fn allowance(guard: Guard, logical_id: &str) -> String {
    format!("{} {}", guard.option(), quote(logical_id))
}
