//! Detecting drift: what was changed outside of CloudFormation.

use super::deploy::deployment::Deployment;
use super::nested_drift::{self, Level, NestedDetection, Selection};
use super::session::Session;
use crate::aws::stack::StackService;
use crate::cloudformation::drift::Drift;
use crate::cloudformation::stack::{Resource, Stack};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::comparison::live::{DriftEffect, LiveResource};
use crate::plan::masking;
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
    if effects.any(DriftEffect::may_remain) || drift.is_drifted_inside() {
        presenter.hint(&format!(
            "`{}` shows a deployment that reverts drift",
            session.command("plan --revert-drift")
        ));
    }
}

/// Warns if the detection could not check everything.
pub(crate) fn warn_if_incomplete(session: &Session<'_>, drift: &Drift) {
    if let Some(warning) = incomplete(drift) {
        session.presenter().warning(&warning);
    }
}

/// Returns why the detection could not check everything; `None` if it could.
pub(crate) fn incomplete(drift: &Drift) -> Option<String> {
    let reasons = drift.failures();
    (!reasons.is_empty()).then(|| {
        format!(
            "drift detection could not check everything: {}",
            reasons.join("; ")
        )
    })
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
        let is_nested = |name: &str| nested_drift::is_nested(&resources, name);
        let selection = match self.only {
            [] => Selection::ALL,
            only => Selection::of_names(only, is_nested),
        };
        self.check_only(&resources, &selection)?;
        self.check_state()?;
        let given = &self.session.settings().parameters;
        let secret = masking::from_outside(given).chain(self.stack.masked_parameters());
        let level = Level {
            service: self.service,
            template: self.template,
            resources,
            secret: secret.cloned().collect(),
            above: vec![self.stack.id.clone()],
        };
        let detected = NestedDetection::new(self.session)
            .run(level, &selection)
            .await;
        self.session.presenter().clear_progress();
        detected.map_err(|error| match error.kind() {
            ErrorKind::Service => {
                error.hint(format!("look again: `{}`", self.session.command("drift")))
            }
            _ => error,
        })
    }

    fn check_only(&self, resources: &[Resource], selection: &Selection) -> Result<()> {
        let names = || {
            resources
                .iter()
                .map(|resource| resource.logical_id.as_str())
        };
        let mut own = selection.own().unwrap_or_default().iter();
        let Some(missing) = own.find(|name| names().all(|it| it != *name)) else {
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

    /// Refuses a state in which the service cannot detect drift.
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
        if nested_drift::cannot_be_checked(self.stack) {
            return Err(Error::refused(format!(
                "drift of the stack `{name}` cannot be detected: it is {status}"
            ))
            .hint(format!("`{}` repairs it", command("recover"))));
        }
        Ok(())
    }
}
