//! Reverting the drift of a stack that is otherwise in a good state.
//!
//! `recover` deploys nothing new. So it requests a change set of the template and the parameters that
//! are deployed already, in the mode that reads the live resources (`REVERT_DRIFT`); the project's
//! files have no part in it. What the change set leaves out has to be fixed by hand, and so has all
//! drift if an endpoint ignores the mode. The output says how, resource by resource.

use crate::aws::stack::StackService;
use crate::aws::stack::change_set;
use crate::aws::stack::drift_revert;
use crate::aws::{Connection, Identity};
use crate::cloudformation::change_set::{ChangeSet, failure};
use crate::cloudformation::drift::{Drift, ResourceDrift};
use crate::cloudformation::recovery::{Choices, Recovery};
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::temporary_name;
use crate::operations::drift_detection::{DriftDetection, warn_if_incomplete};
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::operations::recover::steps;
use crate::operations::session::Session;
use crate::plan::predict::Side;
use crate::plan::risk;
use crate::plan::{Operation, Plan, Target, masking, model};
use crate::present::event_filter::EventFilter;
use crate::present::human;
use crate::template::Template;
use crate::util::interrupt::Interrupt;

/// What `recover` says of a stack that is in a good state and has drifted.
const DRIFTED: &str = "Not all of its resources are as they were deployed.";

/// A stack that is in a good state except for its drift.
pub(crate) struct DriftRevert<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) connection: &'a Connection,
    pub(crate) service: &'a StackService,
    pub(crate) identity: &'a Identity,
    pub(crate) stack: &'a Stack,
    /// The deployed template; `None` if it cannot be read.
    pub(crate) template: Option<Template>,
    pub(crate) filter: EventFilter,
}

impl DriftRevert<'_> {
    /// Shows the stack's state, detects drift, and reverts it if there is any.
    ///
    /// # Errors
    ///
    /// Refused if there is drift and the service cannot revert it, the answer is not `yes`, or data would
    /// be lost; of kind [`ErrorKind::Deployment`], with the cause, if the deployment fails.
    pub(crate) async fn run(&self, mut recovery: Recovery, agreed: bool) -> Result<()> {
        let presenter = self.session.presenter();
        let drift = self.detect().await?;
        let drifted = drift.as_ref().filter(|drift| drift.is_drifted());
        if drifted.is_some() {
            recovery.remains = DRIFTED;
        }
        let (width, command) = (presenter.width(), |short: &str| self.session.command(short));
        let text = human::recovery::recovery(self.stack, &recovery, &[], command, width);
        presenter.data(&text);
        if let Some(drift) = &drift {
            presenter.data(&human::drift::drifted_resources(drift, width));
        }
        let Some(drift) = drifted else {
            presenter.note("\nNothing to do.");
            return Ok(());
        };
        let ended = self.revert(drift, &recovery, agreed).await?;
        presenter.note(&format!("\n{} is {}.", ended.name, ended.status));
        Ok(())
    }

    /// Detects drift. Returns `None` if that fails, which is no error: the stack is in a good state.
    async fn detect(&self) -> Result<Option<Drift>> {
        let presenter = self.session.presenter();
        let detection = DriftDetection {
            session: self.session,
            service: self.service,
            stack: self.stack,
            template: self.template.as_ref(),
            only: &[],
        };
        let detect = async { detection.run(self.service.resources().await?).await };
        match self.interrupt.guard(detect).await {
            Ok(drift) => {
                warn_if_incomplete(self.session, &drift);
                Ok(Some(drift))
            }
            Err(error) if error.kind() == ErrorKind::Interrupted => Err(error),
            Err(error) => {
                presenter.warning(&format!("drift could not be detected: {error}"));
                Ok(None)
            }
        }
    }

    /// Reverts the drift: shows the change set, asks unless `agreed`, executes it and follows that.
    /// Returns the stack as it ended. If the change set is not executed, it is deleted again.
    async fn revert(&self, drift: &Drift, recovery: &Recovery, agreed: bool) -> Result<Stack> {
        let name = temporary_name();
        let created = match self.interrupt.guard(self.request(&name)).await {
            Ok(change_set) => change_set,
            Err(error) => return Err(self.discard_after(&name, error).await),
        };
        let checked = self.check(drift, &created);
        let shown = checked.and_then(|()| self.show(drift, &created, recovery));
        let confirmed = match shown {
            Ok(()) if !agreed => {
                self.interrupt
                    .guard(steps::confirm(
                        self.session,
                        self.stack,
                        &Choices::default(),
                        recovery,
                    ))
                    .await
            }
            shown => shown,
        };
        if let Err(error) = confirmed {
            return Err(self.discard_after(&created.id, error).await);
        }
        self.execute(&created).await
    }

    /// Requests the change set and reads it, without the secrets in it.
    async fn request(&self, name: &str) -> Result<ChangeSet> {
        let role = self.session.settings().stack.role_arn.as_deref();
        let nested = self.template.as_ref();
        let nested = nested.is_some_and(Template::has_nested_stacks);
        let service = self.service;
        let requested = drift_revert::create(service, name, self.stack, role, nested);
        let requested = requested.await?;
        let mut created = change_set::wait(service, &requested.change_set_id).await?;
        let own = masking::from_outside(&self.session.settings().parameters);
        let parameters = own.chain(self.stack.masked_parameters());
        let templates = [self.template.as_ref(); 2];
        for secret in masking::hide(&mut created, templates, parameters, &[]) {
            self.session.presenter().mask(&secret);
        }
        Ok(created)
    }

    /// Checks that the change set reverts anything.
    fn check(&self, drift: &Drift, created: &ChangeSet) -> Result<()> {
        let nothing = if !created.reverts_drift() {
            "this endpoint does not support drift-aware change sets"
        } else if created.is_unchanged() {
            "CloudFormation reverts none of this"
        } else if created.is_executable() {
            return Ok(());
        } else {
            return Err(failure::to_error(created, &self.stack.name));
        };
        self.print_manual_fixes(&left_by(drift, None));
        Err(Error::refused(format!("nothing was done: {nothing}")))
    }

    /// Shows what the change set does and what it leaves.
    ///
    /// # Errors
    ///
    /// Refused if it replaces or deletes what holds data.
    fn show(&self, drift: &Drift, created: &ChangeSet, recovery: &Recovery) -> Result<()> {
        let presenter = self.session.presenter();
        let plan = self.plan(created);
        presenter.note("\nTo revert the drift, the deployed template is deployed again:");
        let (verbose, width) = (presenter.is_verbose(), presenter.width());
        let shown = human::plan::plan(&plan, verbose, width);
        presenter.data(&format!("\n{shown}"));
        self.print_manual_fixes(&left_by(drift, Some(created)));
        if !recovery.change_sets.is_empty() {
            presenter.note(&format!(
                "\nExecuting this deletes the other change sets of the stack: {}",
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
                "`{command}` requires the names of what is to be lost"
            )),
        )
    }

    fn plan(&self, created: &ChangeSet) -> Plan {
        let settings = self.session.settings();
        let template = self.template.as_ref();
        let mut models = model::models(&created.changes, template, template);
        let values = self.stack.values();
        let side = template.map(|template| Side::new(template, &values));
        model::evaluate(&mut models, [side, side]);
        let types = &settings.stack.protected_types;
        let assessment = risk::assess(&created.changes, &models, types);
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
            assessment: assessment.with(risk::of_nested(created, types)),
            change_set: Some(created.clone()),
            models,
            mode: DeploymentMode::Standard,
            ..Plan::default()
        }
    }

    fn print_manual_fixes(&self, left: &[ResourceDrift]) {
        let presenter = self.session.presenter();
        let apply = self.session.command("apply");
        presenter.data(&human::drift::manual_steps(left, &apply, presenter.width()));
    }

    async fn execute(&self, created: &ChangeSet) -> Result<Stack> {
        let Self {
            session,
            interrupt,
            service,
            stack,
            ..
        } = self;
        let resume = session.command("recover");
        let operation =
            RunningOperation::before_request(session, interrupt, service, stack, &resume);
        let mut operation = match interrupt.guard(operation).await {
            Ok(operation) => operation
                .expecting(created.changes.len())
                .showing(self.filter),
            Err(error) => return Err(self.discard_after(&created.id, error).await),
        };
        session.presenter().note("");
        let executed = service.execute(&created.id, &created.name, false);
        match operation.request(executed).await {
            Ok(()) => {}
            // It may be executed already.
            Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
            Err(error) => return Err(self.discard_after(&created.id, error).await),
        }
        match interrupt_prompt::follow(&mut operation).await? {
            Some(ended) if operation.succeeded(Some(&ended)) => Ok(ended),
            ended => {
                let report = FailureReport::new(&operation, None);
                Err(report.error(ended.as_ref()).await)
            }
        }
    }

    /// Deletes the change set of a run that ends before it is executed, and returns the error.
    async fn discard_after(&self, change_set: &str, error: Error) -> Error {
        if let Err(failed) = self.service.delete_change_set(change_set).await {
            self.session.presenter().warning(&format!(
                "the change set `{change_set}` could not be deleted: {failed}"
            ));
        }
        error
    }
}

/// Returns the drifted resources that a change set does not change, those of nested stacks with their
/// paths; all drifted ones without a change set. CloudFormation may plan nothing for a nested stack in
/// which only live resources differ.
fn left_by(drift: &Drift, set: Option<&ChangeSet>) -> Vec<ResourceDrift> {
    let changes = set.map_or(&[][..], |set| &set.changes);
    let of = |logical_id: &str| changes.iter().find(|it| it.logical_id == logical_id);
    let own = drift.drifted().filter(|it| of(&it.logical_id).is_none());
    let mut left: Vec<ResourceDrift> = own.cloned().collect();
    for (name, inner) in drift.inside() {
        let nested = of(name).and_then(|change| set?.nested_of(change));
        left.extend(left_by(inner, nested).into_iter().map(|it| ResourceDrift {
            logical_id: format!("{name}.{}", it.logical_id),
            ..it
        }));
    }
    left
}

#[cfg(test)]
mod tests {
    use super::left_by;
    use crate::cloudformation::change_set::{Change, ChangeSet};
    use crate::cloudformation::drift::{Drift, DriftStatus, NestedDrift, ResourceDrift};

    fn drifted(names: &[&str]) -> Vec<ResourceDrift> {
        let drifted = names.iter().map(|name| ResourceDrift {
            logical_id: (*name).to_owned(),
            physical_id: None,
            resource_type: "T".to_owned(),
            status: DriftStatus::Modified,
            reason: None,
            expected: None,
            actual: None,
            differences: Vec::new(),
            checked: None,
        });
        drifted.collect()
    }

    fn change(name: &str, nested: Option<&str>) -> Change {
        Change {
            logical_id: name.to_owned(),
            nested_change_set: nested.map(str::to_owned),
            ..Change::default()
        }
    }

    #[test]
    fn what_no_change_set_reaches_is_named_with_its_path() {
        let inner = Drift {
            resources: drifted(&["X", "Y"]),
            ..Drift::default()
        };
        let nested = |name: &str| NestedDrift {
            logical_id: name.to_owned(),
            stack_id: format!("arn:{name}"),
            drift: Ok(inner.clone()),
        };
        let drift = Drift {
            resources: drifted(&["A", "B"]),
            nested: vec![nested("Reached"), nested("Other")],
            ..Drift::default()
        };
        let reached = ChangeSet {
            id: "arn:set".to_owned(),
            changes: vec![change("X", None)],
            ..ChangeSet::default()
        };
        let set = ChangeSet {
            changes: vec![change("A", None), change("Reached", Some("arn:set"))],
            nested: vec![reached],
            ..ChangeSet::default()
        };
        let names = |set| -> Vec<String> {
            let left = left_by(&drift, set);
            left.into_iter().map(|it| it.logical_id).collect()
        };
        assert_eq!(names(Some(&set)), ["B", "Reached.Y", "Other.X", "Other.Y"]);
        assert_eq!(names(None).len(), 6);
    }
}
