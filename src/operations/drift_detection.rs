//! `stackctl diff --live`: a third side beside what is deployed and what the files say.

use super::deploy::deployment::Deployment;
use crate::cli::commands::drift::Asked;
use crate::cloudformation::drift::Drift;
use crate::cloudformation::status::StackStatus;
use crate::error::{Error, Result};
use crate::plan::comparison::live::{DriftEffect, LiveResource};
use crate::template::Template;

impl Deployment<'_> {
    /// Detects drift of the resources among the names `only`, or of the whole stack where there are
    /// none. Returns `None` where no resource of the stack is among them.
    ///
    /// # Errors
    ///
    /// Where there is no stack; refused where its state does not allow a detection.
    pub(crate) async fn detect_drift(
        &self,
        deployed: &Template,
        only: &[String],
    ) -> Result<Option<Drift>> {
        let stack = self.session.deployed(self.stack.clone())?;
        let detect = async {
            let resources = self.service.resources().await?;
            // The other names are those of parameters, outputs and the like, or are new.
            let is_deployed = |name: &&String| resources.iter().any(|it| it.logical_id == **name);
            let named: Vec<String> = only.iter().filter(is_deployed).cloned().collect();
            if named.is_empty() && !only.is_empty() {
                return Ok(None);
            }
            let asked = Asked {
                session: self.session,
                service: &self.service,
                stack: &stack,
                template: Some(deployed),
                only: &named,
            };
            asked.detect(resources).await.map(Some)
        };
        self.interrupt.guard(detect).await
    }

    /// Checks that there is something that can have drifted.
    ///
    /// # Errors
    ///
    /// Refused where drift is to be taken back and nothing is deployed.
    pub(crate) fn check_revertible(&self, reverts_drift: bool) -> Result<()> {
        // The shell that a failed creation leaves has no resources.
        let stack = self.stack.as_ref().map(|stack| &stack.status);
        let is_empty = stack.is_none_or(|it| !it.exists() || *it == StackStatus::RollbackComplete);
        if !(reverts_drift && is_empty) {
            return Ok(());
        }
        let name = self.service.name();
        Err(Error::refused(format!(
            "the stack `{name}` is not deployed: nothing can have drifted"
        ))
        .hint("leave out `--revert-drift`"))
    }

    /// Says what else there is to say about drift: that it may last, and that it may not be all.
    pub(crate) fn advise_on_drift(&self, drift: &Drift, live: &[LiveResource<'_>]) {
        let presenter = self.session.presenter();
        if drift.detection.is_failed() {
            let reason = drift.detection.reason.as_deref();
            presenter.warning(&format!(
                "the detection of drift could not look at everything: {}",
                reason.unwrap_or(&drift.detection.status)
            ));
        }
        let properties = live.iter().flat_map(|resource| &resource.properties);
        let mut effects = properties
            .map(|it| it.effect)
            .chain(live.iter().filter_map(|it| it.effect));
        if effects.any(DriftEffect::may_last) {
            presenter.hint(&format!(
                "`{}` shows a deployment that takes drift back",
                self.session.command("plan --revert-drift")
            ));
        }
    }
}
