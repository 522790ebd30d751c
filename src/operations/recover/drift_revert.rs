//! Drift of a stack that is otherwise well: looked for, shown, and taken back on `yes`.
//!
//! `recover` deploys nothing new. So it asks for a change set of the template and the parameters that
//! are deployed already, in the mode that reads the live resources (`REVERT_DRIFT`), and the project's
//! files have no part in it. What that leaves out, or all of it where an endpoint takes no notice of
//! the mode, has to be put right by hand, and how is said resource by resource.

use crate::aws::stack::StackService;
use crate::aws::{Connection, Identity};
use crate::cli::args::EventsShown;
use crate::cli::commands::drift::Asked;
use crate::cli::commands::recover::confirm;
use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::drift::{Drift, ResourceDrift};
use crate::cloudformation::recovery::{Choices, Recovery};
use crate::cloudformation::stack::Stack;
use crate::config::settings::ParameterValue;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::deploy::pending_change_set::temporary_name;
use crate::operations::follow::Running;
use crate::operations::session::Session;
use crate::plan::risk;
use crate::plan::{Operation, Plan, Target, masking, model};
use crate::present::human;
use crate::template::Template;
use crate::util::interrupt::Interrupt;

/// What there is of a stack that is well and has drifted.
const DRIFTED: &str = "Not all of its resources are as they were deployed.";

/// A stack that is well but for its drift.
pub(crate) struct DriftRevert<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) connection: &'a Connection,
    pub(crate) service: &'a StackService,
    pub(crate) identity: &'a Identity,
    pub(crate) stack: &'a Stack,
    /// The deployed template; `None` where it cannot be read.
    pub(crate) template: Option<Template>,
    pub(crate) shown: EventsShown,
}

impl DriftRevert<'_> {
    /// Says how the stack is, looks for drift, and takes it back where there is any.
    ///
    /// # Errors
    ///
    /// Refused where there is drift and the service has no way, the answer is not `yes`, or data would be
    /// lost; of the deployment's kind, with the cause, where that fails.
    pub(crate) async fn run(&self, mut recovery: Recovery, agreed: bool) -> Result<()> {
        let presenter = self.session.presenter();
        let drift = self.look().await?;
        let drifted = drift.as_ref().filter(|drift| drift.is_drifted());
        if drifted.is_some() {
            recovery.remains = DRIFTED;
        }
        let (width, command) = (presenter.width(), |short: &str| self.session.command(short));
        let text = human::recovery::recovery(self.stack, &recovery, &[], command, width);
        presenter.data(&text);
        if let Some(drift) = &drift {
            presenter.data(&human::drift::found(drift, width));
        }
        let Some(drift) = drifted else {
            presenter.note("\nNothing to do.");
            return Ok(());
        };
        let ended = self.take(drift, &recovery, agreed).await?;
        presenter.note(&format!("\n{} is {}.", ended.name, ended.status));
        Ok(())
    }

    /// Looks for drift. Returns `None` where it cannot be looked for, which is no reason to fail: the
    /// stack is well.
    async fn look(&self) -> Result<Option<Drift>> {
        let presenter = self.session.presenter();
        let asked = Asked {
            session: self.session,
            service: self.service,
            stack: self.stack,
            template: self.template.as_ref(),
            only: &[],
        };
        let detect = async { asked.detect(self.service.resources().await?).await };
        match self.interrupt.guard(detect).await {
            Ok(drift) => {
                if drift.detection.is_failed() {
                    let reason = drift.detection.reason.as_deref();
                    presenter.warning(&format!(
                        "the detection of drift could not look at everything: {}",
                        reason.unwrap_or(&drift.detection.status)
                    ));
                }
                Ok(Some(drift))
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                presenter.warning(&format!("drift could not be looked for: {error}"));
                Ok(None)
            }
        }
    }

    /// Takes the drift back: shows the change set, asks unless `agreed`, executes it and follows that.
    /// Returns the stack as it ended. The change set is removed again where it was not executed.
    async fn take(&self, drift: &Drift, recovery: &Recovery, agreed: bool) -> Result<Stack> {
        let name = temporary_name();
        let made = match self.interrupt.guard(self.propose(&name)).await {
            Ok(change_set) => change_set,
            Err(error) => return Err(self.abandon(&name, error).await),
        };
        let checked = self.check(drift, &made);
        let shown = checked.and_then(|()| self.show(drift, &made, recovery));
        let confirmed = match shown {
            Ok(()) if !agreed => {
                self.interrupt
                    .guard(confirm(self.session, &Choices::default()))
                    .await
            }
            shown => shown,
        };
        if let Err(error) = confirmed {
            return Err(self.abandon(&made.id, error).await);
        }
        self.execute(&made).await
    }

    /// Asks for the change set and reads it, without the secrets in it.
    async fn propose(&self, name: &str) -> Result<ChangeSet> {
        let role = self.session.settings.stack.role_arn.as_deref();
        let nested = self.template.as_ref();
        let nested = nested.is_some_and(Template::has_nested_stacks);
        let service = self.service;
        let requested = service.create_drift_revert(name, self.stack, role, nested);
        let requested = requested.await?;
        let mut made = service
            .wait_for_change_set(&requested.change_set_id)
            .await?;
        let own = self.session.settings.parameters.iter();
        let own = own.filter(|(_, value)| matches!(value, ParameterValue::FromEnvironment { .. }));
        let masked = self.stack.masked_parameters();
        let parameters = own.map(|(name, _)| name).chain(masked);
        let templates = [self.template.as_ref(); 2];
        for secret in masking::hide(&mut made, templates, parameters, &[]) {
            self.session.presenter().mask(&secret);
        }
        Ok(made)
    }

    /// Checks that the change set takes anything back.
    fn check(&self, drift: &Drift, made: &ChangeSet) -> Result<()> {
        let nothing = if !made.reverts_drift() {
            "this endpoint makes no drift-aware change sets"
        } else if made.is_unchanged() {
            "CloudFormation takes none of this back"
        } else if made.is_executable() {
            return Ok(());
        } else {
            return Err(made.to_error(&self.stack.name));
        };
        self.tell_by_hand(&drift.drifted().collect::<Vec<_>>());
        Err(Error::refused(format!("nothing was done: {nothing}")))
    }

    /// Shows what the change set does and what it leaves.
    ///
    /// # Errors
    ///
    /// Refused where it replaces or deletes what holds data.
    fn show(&self, drift: &Drift, made: &ChangeSet, recovery: &Recovery) -> Result<()> {
        let presenter = self.session.presenter();
        let plan = self.plan(made);
        presenter.note("\nTo put it right, what is deployed is deployed again over what is live:");
        let (verbose, width) = (presenter.is_verbose(), presenter.width());
        let shown = human::plan::plan(&plan, verbose, width);
        presenter.data(&format!("\n{shown}"));
        let is_left = |it: &&ResourceDrift| {
            let mut changes = made.changes.iter();
            changes.all(|change| change.logical_id != it.logical_id)
        };
        self.tell_by_hand(&drift.drifted().filter(is_left).collect::<Vec<_>>());
        if !recovery.change_sets.is_empty() {
            presenter.note(&format!(
                "\nExecuting this removes the other change sets of the stack: {}",
                recovery.change_sets.join(", ")
            ));
        }
        let risks = plan.assessment.risks.iter();
        let guarded: Vec<String> = risks
            .filter(|risk| risk.guard.is_some())
            .map(|risk| format!("`{}` {}", risk.logical_id, risk.reason))
            .collect();
        if guarded.is_empty() {
            return Ok(());
        }
        let command = self.session.command("apply --revert-drift");
        Err(
            Error::refused(format!("nothing was done: {}", guarded.join("; "))).hint(format!(
                "`{command}` asks for what is to be lost by its name"
            )),
        )
    }

    fn plan(&self, made: &ChangeSet) -> Plan {
        let settings = &self.session.settings;
        let template = self.template.as_ref();
        let models = model::models(&made.changes, template, template);
        let types = &settings.stack.protected_types;
        let assessment = risk::assess(&made.changes, &models, types);
        Plan {
            target: Target {
                account: self.identity.account.clone(),
                region: self.connection.region().to_owned(),
                endpoint: self.connection.endpoint().to_string(),
                stack: self.stack.name.clone(),
                environment: settings.environment.clone(),
            },
            operation: Operation::Update,
            capabilities: self.stack.capabilities.clone(),
            artifacts: Vec::new(),
            code: Vec::new(),
            parameters: Vec::new(),
            tags: Vec::new(),
            settings: Vec::new(),
            prediction: None,
            assessment: assessment.with(risk::of_nested(made, types)),
            change_set: Some(made.clone()),
            validations: Vec::new(),
            outputs: Vec::new(),
            models,
        }
    }

    fn tell_by_hand(&self, left: &[&ResourceDrift]) {
        let presenter = self.session.presenter();
        let apply = self.session.command("apply");
        presenter.data(&human::drift::by_hand(left, &apply, presenter.width()));
    }

    async fn execute(&self, made: &ChangeSet) -> Result<Stack> {
        let Self {
            session,
            interrupt,
            service,
            stack,
            ..
        } = self;
        let resume = session.command("recover");
        let earlier = service.latest_events(&stack.id).await?;
        let mut running = Running::after(&earlier, session, interrupt, service, &stack.id, &resume)
            .expecting(made.changes.len())
            .showing(self.shown);
        session.presenter().note("");
        if let Err(error) = service.execute(&made.id, &made.name, false).await {
            return Err(self.abandon(&made.id, error).await);
        }
        match running.follow().await? {
            Some(ended) if running.went_well(Some(&ended)) => Ok(ended),
            ended => Err(running.failed(ended.as_ref(), None).await),
        }
    }

    /// Removes the change set, and returns why.
    async fn abandon(&self, change_set: &str, why: Error) -> Error {
        if let Err(error) = self.service.delete_change_set(change_set).await {
            self.session.presenter().warning(&format!(
                "the change set `{change_set}` could not be removed: {error}"
            ));
        }
        why
    }
}
