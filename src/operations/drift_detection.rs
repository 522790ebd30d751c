//! Detecting drift: what was changed outside of CloudFormation.

use super::deploy::deployment::Deployment;
use super::session::Session;
use crate::aws::stack::drift;
use crate::aws::stack::{DetectionUpdate, StackService};
use crate::cloudformation::drift::Drift;
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::comparison::live::{DriftEffect, LiveResource};
use crate::plan::masking;
use crate::present::human;
use crate::template::Template;
use crate::util::suggest::nearest;

/// Detects drift of the resources among the names `only`, or of the whole stack if there are none.
/// Returns `None` if no resource of the stack is among them.
///
/// # Errors
///
/// If there is no stack; refused if its state does not allow a detection.
pub(crate) async fn detect(
    deployment: &Deployment<'_>,
    deployed: &Template,
    only: &[String],
) -> Result<Option<Drift>> {
    let (session, service) = (deployment.session(), deployment.service());
    let stack = session.deployed(deployment.stack().cloned())?;
    let detect = async {
        let resources = service.resources().await?;
        // The other names are those of parameters, outputs and the like, or are new.
        let is_deployed = |name: &&String| resources.iter().any(|it| it.logical_id == **name);
        let named: Vec<String> = only.iter().filter(is_deployed).cloned().collect();
        if named.is_empty() && !only.is_empty() {
            return Ok(None);
        }
        let detection = DriftDetection {
            session,
            service,
            stack: &stack,
            template: Some(deployed),
            only: &named,
        };
        detection.run(resources).await.map(Some)
    };
    deployment.interrupt().guard(detect).await
}

/// Warns if the detection was not complete, and hints at the command that reverts drift that a
/// deployment leaves.
pub(crate) fn advise(session: &Session<'_>, drift: &Drift, live: &[LiveResource<'_>]) {
    let presenter = session.presenter();
    warn_if_incomplete(session, drift);
    let properties = live.iter().flat_map(|resource| &resource.properties);
    let mut effects = properties
        .map(|it| it.effect)
        .chain(live.iter().filter_map(|it| it.effect));
    if effects.any(DriftEffect::may_remain) {
        presenter.hint(&format!(
            "`{}` shows a deployment that reverts drift",
            session.command("plan --revert-drift")
        ));
    }
}

/// Warns if the detection could not check everything.
pub(crate) fn warn_if_incomplete(session: &Session<'_>, drift: &Drift) {
    if drift.detection.is_failed() {
        let reason = drift.detection.reason.as_deref();
        session.presenter().warning(&format!(
            "drift detection could not check everything: {}",
            reason.unwrap_or(&drift.detection.status)
        ));
    }
}

/// A detection of drift, and what it is asked about.
pub(crate) struct DriftDetection<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) service: &'a StackService,
    pub(crate) stack: &'a Stack,
    /// The deployed template, which knows where secrets are; `None` if it cannot be read.
    pub(crate) template: Option<&'a Template>,
    /// The resources to check; all of them if it is empty.
    pub(crate) only: &'a [String],
}

impl DriftDetection<'_> {
    /// Detects drift and returns it without the secrets in it. `resources` are the stack's.
    ///
    /// # Errors
    ///
    /// If the stack has no such resource; refused if its state does not allow a detection; if the
    /// service fails.
    pub(crate) async fn run(&self, resources: Vec<Resource>) -> Result<Drift> {
        self.check_only(&resources)?;
        self.check_state()?;
        let mut only = self.only.to_vec();
        only.sort_unstable();
        only.dedup();
        let presenter = self.session.presenter();
        let seen = |news: DetectionUpdate<'_>| match news {
            DetectionUpdate::Running(since) => {
                presenter.progress(&format!("detecting drift · {}", human::clock(since)));
            }
            DetectionUpdate::Waiting(since) => presenter.progress(&format!(
                "waiting for another detection to end · {}",
                human::clock(since)
            )),
            DetectionUpdate::PollError(error) => {
                presenter.progress(&format!("{error}: trying again"));
            }
        };
        let detected = drift::detect(self.service, &only, seen).await;
        presenter.clear_progress();
        let detection = detected.map_err(|error| match error.kind() {
            ErrorKind::Service => {
                error.hint(format!("look again: `{}`", self.session.command("drift")))
            }
            _ => error,
        })?;
        let mut checked = drift::resource_drifts(self.service).await?;
        let given = &self.session.settings().parameters;
        let own = masking::from_outside(given);
        let parameters = own.chain(self.stack.masked_parameters());
        let known = self.template.map(|template| masking::sent(template, given));
        let known = known.unwrap_or_default();
        for secret in masking::hide_drift(&mut checked, self.template, parameters, &known) {
            presenter.mask(&secret);
        }
        Ok(Drift::of(detection, checked, resources, &only))
    }

    fn check_only(&self, resources: &[Resource]) -> Result<()> {
        let names = || {
            resources
                .iter()
                .map(|resource| resource.logical_id.as_str())
        };
        let Some(missing) = self.only.iter().find(|name| names().all(|it| it != *name)) else {
            return Ok(());
        };
        let error = Error::input(format!(
            "the stack `{}` has no resource `{missing}`",
            self.stack.name
        ));
        Err(match nearest(missing, names()) {
            Some(meant) => error.hint(format!("did you mean `{meant}`?")),
            None => error.hint(format!(
                "`{}` lists its resources",
                self.session.command("status")
            )),
        })
    }

    /// Refuses a state in which the service cannot detect drift. It can after a completed creation,
    /// update, rollback of an update (the user guide, "Detect drift on an entire stack") or import.
    /// Unknown states are left to the service.
    fn check_state(&self) -> Result<()> {
        let Stack { name, status, .. } = self.stack;
        let command = |short: &str| self.session.command(short);
        if !status.is_terminal() {
            return Err(Error::refused(format!(
                "drift cannot be detected while an operation is running on the stack `{name}` \
                 ({status})"
            ))
            .hint(format!("`{}` shows it", command("status"))));
        }
        match status {
            StackStatus::CreateFailed
            | StackStatus::RollbackComplete
            | StackStatus::RollbackFailed
            | StackStatus::DeleteFailed => Err(Error::refused(format!(
                "drift of the stack `{name}` cannot be detected: it is {status}"
            ))
            .hint(format!("`{}` repairs it", command("recover")))),
            _ => Ok(()),
        }
    }
}
