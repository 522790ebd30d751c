//! Deploying a stack set: plan, consent, then one operation after the other: update, values of targets,
//! addition, removal.

use super::deployment::SetDeployment;
use super::execution::{Earlier, Operations};
use super::outcome::Outcome;
use super::{losses, running};
use crate::aws::stack::TemplateSource;
use crate::aws::stack_set::{self, Request};
use crate::cloudformation::deletion::ResourceDeletion;
use crate::cloudformation::stack_set::instance::Instance;
use crate::cloudformation::stack_set::operation::SetOperation;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::unique_name;
use crate::operations::context::Context;
use crate::operations::deploy::consent::{self, Consent, allowance};
use crate::operations::session::Session;
use crate::plan::risk::Guard;
use crate::plan::stack_set::targets::is_wanted;
use crate::plan::stack_set::{Removal, StackSetPlan, Step, TargetAction};
use crate::present::event_filter::EventFilter;
use crate::present::format::PlanFormat;
use crate::present::human;
use crate::util::interrupt::Interrupt;

/// How a stack set is deployed.
pub(crate) struct SetApplication<'a> {
    /// What the command line allows.
    pub(crate) consent: Consent<'a>,
    /// Whether an operation of somebody else is waited for.
    pub(crate) wait: bool,
    /// Which results are shown.
    pub(crate) events: EventFilter,
}

/// A stack set whose plan is known.
#[derive(Debug)]
pub(crate) struct PlannedSet<'a> {
    deployment: SetDeployment<'a>,
    plan: StackSetPlan,
    /// What an operation did that an earlier run has requested.
    outcome: Outcome,
}

/// Shows the plan, and returns it.
///
/// # Errors
///
/// What is wrong with the files; if a call fails.
pub(crate) async fn plan(session: &Session<'_>, format: PlanFormat) -> Result<StackSetPlan> {
    let mut deployment = SetDeployment::open(session, true).await?;
    deployment.take_inputs().await?;
    let plan = deployment.plan();
    format.print_stack_set(&plan, session.presenter())?;
    if let Some(operation) = running::blocking(&deployment.state) {
        session.presenter().warning(&format!(
            "an operation is running on the stack set: {} `{}` is {}",
            operation.action, operation.id, operation.status
        ));
    }
    Ok(plan)
}

impl SetApplication<'_> {
    /// Plans, asks, deploys, and checks every target. An operation that an earlier run has requested is
    /// followed to its end before.
    ///
    /// # Errors
    ///
    /// What is wrong with the files; refused if another operation is running, if the command would have to
    /// ask and cannot, if data would be lost that the command line does not name, if the answer is not
    /// `yes`, or if the stack set changed since it was shown; of kind [`ErrorKind::RolledBack`] if an
    /// operation failed or a target is not as the stack set says.
    pub(crate) async fn run(&self, session: &Session<'_>) -> Result<()> {
        let deployment = SetDeployment::open(session, true).await?;
        let planned = self.prepare(deployment).await?;
        if !planned.plan.is_empty() {
            self.consent.check_can_ask(session)?;
        }
        planned.show()?;
        self.check(&planned)?;
        if !self.consent.yes && !planned.plan.is_empty() {
            let asked = self.ask(&planned);
            planned.interrupt().guard(asked).await?;
        }
        self.execute(planned).await
    }

    /// Makes the plan. An operation that an earlier run has requested is followed to its end before.
    ///
    /// # Errors
    ///
    /// Refused if another operation is running; of kind [`ErrorKind::RolledBack`] if the operation failed;
    /// if another stack will not have an output that the stack set reads.
    pub(crate) async fn prepare<'s>(
        &self,
        mut deployment: SetDeployment<'s>,
    ) -> Result<PlannedSet<'s>> {
        let mut outcome = Outcome::default();
        self.finish_running(&mut deployment, &mut outcome).await?;
        deployment.take_inputs().await?;
        let plan = deployment.plan();
        Ok(PlannedSet {
            deployment,
            plan,
            outcome,
        })
    }

    /// Checks a plan that is shown.
    ///
    /// # Errors
    ///
    /// Refused if data would be lost that the command line does not name.
    pub(crate) fn check(&self, planned: &PlannedSet<'_>) -> Result<()> {
        if planned.plan.is_empty() {
            return Ok(());
        }
        self.consent.check_guards(&planned.plan.template)?;
        self.check_removals(planned)
    }

    /// Deploys what was planned, and checks every target.
    ///
    /// # Errors
    ///
    /// Refused if the stack set changed since it was shown; of kind [`ErrorKind::RolledBack`] if an
    /// operation failed or a target is not as the stack set says.
    pub(crate) async fn execute(&self, planned: PlannedSet<'_>) -> Result<()> {
        let PlannedSet {
            mut deployment,
            plan,
            mut outcome,
        } = planned;
        if !plan.is_empty() {
            check_unchanged(&deployment).await?;
            deployment.access.session.presenter().note("");
            self.operate(&mut deployment, &plan, &mut outcome).await?;
        }
        end(&deployment, &outcome).await
    }

    /// Follows an operation that an earlier run has requested, and waits for one of somebody else if the
    /// command line says so.
    async fn finish_running(
        &self,
        deployment: &mut SetDeployment<'_>,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let Some(set) = deployment.state.set.clone() else {
            return Ok(());
        };
        let session = deployment.access.session;
        let resume = session.command("apply");
        let operations = Operations::new(&deployment.access, &set.id, self.events, &resume)?;
        match operations.earlier().await? {
            Earlier::Nothing => {}
            Earlier::Ended => deployment.read_again().await?,
            Earlier::Running(id) => {
                let ended = operations.follow_earlier(&id).await?;
                outcome.add_earlier(ended);
                let state = outcome.instances(&deployment.access).await?;
                if !outcome.may_continue() {
                    let problems = outcome.problems(&state.instances, |_| false);
                    let error = outcome.error(&deployment.access, &problems);
                    return error.map_or(Ok(()), Err);
                }
                deployment.read_again().await?;
            }
        }
        while let Some(operation) = running::blocking(&deployment.state).cloned() {
            if !self.wait {
                return running::check(&deployment.access, &deployment.state);
            }
            session.presenter().note(&format!(
                "Waiting for the operation {} `{}`, which somebody else has begun:\n",
                operation.action, operation.id
            ));
            let resume = session.command("apply --wait");
            let operations = Operations::new(&deployment.access, &set.id, self.events, &resume)?;
            operations.follow(&operation.id).await?;
            deployment.read_again().await?;
        }
        Ok(())
    }

    /// Requests one operation after the other and follows each to its end.
    async fn operate(
        &self,
        deployment: &mut SetDeployment<'_>,
        plan: &StackSetPlan,
        outcome: &mut Outcome,
    ) -> Result<()> {
        deployment.build.check_read_values()?;
        let template = deployment.template_source().await?;
        let session = deployment.access.session;
        let settings = deployment.access.settings;
        let presenter = session.presenter();
        if plan.is_new {
            create(deployment, &template).await?;
        }
        let Some(set) = deployment.state.set.clone() else {
            return Err(Error::new(
                ErrorKind::Service,
                format!(
                    "the stack set `{}` was created, but it is not found",
                    deployment.access.name()
                ),
            ));
        };
        let definition = deployment.definition(&template);
        let changes_permissions = set.permissions != settings.permissions;
        let resume = session.command("apply");
        let operations = Operations::new(&deployment.access, &set.id, self.events, &resume)?;
        for step in plan.steps() {
            let request = match &step {
                Step::Update(update) => Request::Update {
                    definition: &definition,
                    only: update.only.as_ref(),
                    regions: &update.regions,
                    changes_permissions,
                },
                Step::Override(group) => Request::Override(group),
                Step::Add(group) => Request::Add(group),
                Step::Remove(Removal { group, retains }) => Request::Remove {
                    group,
                    retains: *retains,
                },
            };
            presenter.note(&human::stack_set::step(&step));
            let ended = operations.run(&request).await?;
            outcome.add(ended, matches!(step, Step::Remove(_)));
            if !outcome.may_continue() {
                break;
            }
        }
        Ok(())
    }

    /// Refuses to remove stacks that store data, unless the command line names the targets, or what is lost
    /// in each.
    fn check_removals(&self, planned: &PlannedSet<'_>) -> Result<()> {
        let losses = planned.losses_of_removed();
        let is_named = |name: &str| self.consent.is_allowed(self.consent.allow_delete, name);
        if losses.iter().all(|it| is_named(&it.path)) {
            return Ok(());
        }
        let mut guarded = planned.removed();
        guarded.retain(|target| !is_named(target));
        if guarded.is_empty() {
            return Ok(());
        }
        let lost: Vec<String> = losses
            .iter()
            .map(|it| format!("`{}` {}", it.path, it.loss()))
            .collect();
        let more: Vec<String> = losses
            .iter()
            .map(|it| allowance(Guard::Delete, &self.consent.full_name(&it.path)))
            .collect();
        let command = (self.consent.repeated)(&more);
        Err(Error::refused(format!(
            "not applied: removing {} loses data there: {}",
            guarded.join(", "),
            lost.join("; ")
        ))
        .hint(format!("if that is what you want: `{command}`"))
        .hint("`--allow-delete ACCOUNT/REGION` allows it for one target"))
    }

    async fn ask(&self, planned: &PlannedSet<'_>) -> Result<()> {
        let presenter = planned.deployment.access.session.presenter();
        let summary = human::stack_set::summary(&planned.plan);
        presenter.note(&format!(
            "\nDo you want to apply these changes to {}? {summary} Only 'yes' will be accepted.",
            planned.place()
        ));
        let command = (self.consent.repeated)(&["--yes".to_owned()]);
        presenter.confirm("Apply:", &command, "not applied").await
    }
}

impl PlannedSet<'_> {
    /// Returns the plan.
    pub(crate) fn plan(&self) -> &StackSetPlan {
        &self.plan
    }

    /// Returns the stack set with its account and region.
    pub(crate) fn place(&self) -> String {
        format!("the stack set {}", self.deployment.access.place())
    }

    /// Returns the context of the stack set.
    pub(crate) fn context(&self) -> &Context {
        self.deployment.access.session.context()
    }

    /// Returns what listens for Ctrl-C.
    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.deployment.access.interrupt
    }

    /// Shows the plan.
    ///
    /// # Errors
    ///
    /// If it cannot be printed.
    pub(crate) fn show(&self) -> Result<()> {
        let presenter = self.deployment.access.session.presenter();
        PlanFormat::Human.print_stack_set(&self.plan, presenter)
    }

    /// Returns how the plan differs from an earlier one that was shown; empty if it does the same.
    pub(crate) fn differences(&self, shown: &StackSetPlan) -> Vec<String> {
        let has_transforms = self.deployment.build.template.has_transforms();
        shown.differences(&self.plan, has_transforms)
    }

    /// Returns what the plan loses, a sentence for each resource.
    pub(crate) fn losses(&self) -> Vec<String> {
        let mut losses = consent::losses(&self.plan.template);
        if !self.removed().is_empty() {
            let removed = self.losses_of_removed().into_iter();
            let sentence =
                |it: ResourceDeletion| format!("{} {} in each removed target", it.path, it.loss());
            losses.extend(removed.map(sentence));
        }
        losses
    }

    /// Returns the options that allow what the plan loses and do not name the stack set.
    pub(crate) fn unqualified(&self, consent: &Consent<'_>) -> Vec<String> {
        let mut options = consent.unqualified(&self.plan.template);
        let removed = self.removed();
        if !removed.is_empty() {
            let paths = self.losses_of_removed().into_iter().map(|it| it.path);
            let names: Vec<String> = paths.chain(removed).collect();
            options.extend(consent.unqualified_deletions(&names));
        }
        options
    }

    /// Returns the targets whose stacks are removed.
    fn removed(&self) -> Vec<String> {
        let entries = self.plan.targets.entries.iter();
        let removed = entries.filter(|it| it.action == TargetAction::Remove);
        removed.map(|it| it.target.to_string()).collect()
    }

    /// Returns what is lost in each target whose stack is removed.
    fn losses_of_removed(&self) -> Vec<ResourceDeletion> {
        losses::of(self.deployment.access.session, &self.deployment.state)
    }
}

/// Creates the stack set without instances, and reads it.
async fn create(deployment: &mut SetDeployment<'_>, template: &TemplateSource) -> Result<()> {
    let access = &deployment.access;
    let session = access.session;
    let definition = deployment.definition(template);
    let token = unique_name("stackctl-");
    let created = stack_set::create(&access.service, &definition, access.settings, &token);
    let created = access.interrupt.guard(created).await;
    created.map_err(|error| match error.kind() {
        ErrorKind::Interrupted | ErrorKind::Service => error.hint(format!(
            "`{}` looks again whether the stack set exists",
            session.command("apply")
        )),
        _ => error,
    })?;
    let name = access.name();
    session
        .presenter()
        .note(&format!("Created the stack set {name}."));
    deployment.read_created().await
}

/// Checks that the stack set has not changed since it was shown.
async fn check_unchanged(deployment: &SetDeployment<'_>) -> Result<()> {
    let access = &deployment.access;
    let service = &access.service;
    let read = async { tokio::try_join!(service.describe(), service.latest_operations()) };
    let (set, operations) = access.interrupt.guard(read).await?;
    let then = &deployment.state;
    let is_same = set.map(|it| it.id) == then.set.as_ref().map(|it| it.id.clone())
        && latest(&operations) == latest(&then.operations);
    if is_same {
        return Ok(());
    }
    Err(Error::refused(format!(
        "not applied: the stack set `{}` has changed since it was shown",
        access.name()
    ))
    .hint(format!(
        "look at it again: `{}`",
        access.session.command("plan")
    )))
}

/// Returns the id of the latest of these operations.
fn latest(operations: &[SetOperation]) -> Option<&str> {
    operations.first().map(|it| it.id.as_str())
}

/// Checks every target, and says what is not as it should be.
async fn end(deployment: &SetDeployment<'_>, outcome: &Outcome) -> Result<()> {
    let access = &deployment.access;
    let state = outcome.instances(access).await?;
    let is_wanted = |instance: &Instance| is_wanted(access.settings, instance);
    let problems = outcome.problems(&state.instances, is_wanted);
    if let Some(error) = outcome.error(access, &problems) {
        return Err(error);
    }
    let count = state.instances.len();
    let name = access.name();
    access.session.presenter().note(&format!(
        "\nApplied: {name} is CURRENT in {}.",
        human::count(count, "target")
    ));
    Ok(())
}
