//! What `stackctl plan` does: it makes a plan and shows it. Unless the plan is saved, it leaves nothing behind
//! but what CloudFormation reads while it creates a change set.

use std::cell::OnceCell;
use std::path::Path;

use super::deployment::Deployment;
use super::options::DeployOptions;
use super::pending_change_set::{PendingChangeSet, Purpose};
use super::{import, moves, offline, online, readiness, saved_plan, upload};
use crate::error::Result;
use crate::operations::session::Session;
use crate::operations::upstream::{export_users, inputs};
use crate::plan::Plan;
use crate::plan::provisional::ProvisionalInput;

/// Which plan is made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Request<'a> {
    /// The options of the deployment.
    pub(crate) options: DeployOptions,
    /// Whether the plan is predicted, without credentials and network.
    pub(crate) is_offline: bool,
    /// The file of a plan that is saved.
    pub(crate) out: Option<&'a Path>,
}

/// Makes a plan and calls `show` with it, and with whether it was saved. Then prints what else there is to
/// know about the plan.
///
/// # Errors
///
/// Whatever keeps the plan from being made or saved; that of `show`.
pub(crate) async fn run<T>(
    session: &Session<'_>,
    request: Request<'_>,
    show: impl FnOnce(&Plan, bool) -> Result<T>,
) -> Result<T> {
    let Request {
        options,
        is_offline,
        out,
    } = request;
    if is_offline {
        let plan = offline::plan(session, options).await?;
        let shown = show(&plan, false);
        import::explain_prediction(session, &plan);
        if !plan.moved.is_empty() {
            moves::advise(session);
        }
        return shown;
    }
    let import_session = OnceCell::new();
    let mut deployment = Deployment::open(session).await?;
    readiness::check_revertible(&deployment, options.revert_drift)?;
    readiness::check(&deployment)?;
    let inputs = inputs::provisional(&mut deployment).await?;
    if out.is_some() {
        inputs::refuse_to_save(session, &inputs)?;
    }
    if inputs.iter().any(ProvisionalInput::is_unknown) {
        let mut plan = offline::without_inputs(&deployment, inputs, options);
        export_users::find(&deployment, &mut plan).await?;
        inputs::publish(session, &plan);
        return show(&plan, false);
    }
    let renames = moves::pending(&deployment).await?;
    if !renames.is_empty() {
        let deployment = moves::renamed(deployment, &renames)?;
        let plan = Plan {
            provisional: inputs,
            ..moves::plan(&deployment, renames).await?
        };
        inputs::publish(session, &plan);
        let shown = show(&plan, false)?;
        import::explain_prediction(session, &plan);
        if out.is_some() {
            moves::refuse_to_save(session)?;
        }
        moves::advise(session);
        return Ok(shown);
    }
    let deployment = import::first(deployment, &import_session)?;
    let plan = match out {
        Some(out) => save(&deployment, options, out).await?,
        None => online::preview(&deployment, options).await?,
    };
    let mut plan = Plan {
        provisional: inputs,
        ..plan
    };
    inputs::publish(session, &plan);
    export_users::find(&deployment, &mut plan).await?;
    let shown = show(&plan, out.is_some());
    import::explain(&deployment);
    if let (None, Some(left)) = (out, deployment.left_in_bucket()) {
        session.presenter().note(&format!("\nNote: {left}."));
    }
    shown
}

/// Creates a change set that stays, and writes the file of the saved plan.
async fn save(deployment: &Deployment<'_>, options: DeployOptions, out: &Path) -> Result<Plan> {
    let mut pending = None;
    if options.revert_drift || !deployment.is_unchanged() {
        // What the change set refers to has to exist when somebody executes it.
        let uploaded = upload::upload_artifacts(deployment);
        deployment.interrupt().guard(uploaded).await?;
        pending = Some(PendingChangeSet::create(deployment, Purpose::SavedPlan, options).await?);
    }
    let plan = online::plan(deployment, pending.as_ref());
    let executable = pending.filter(|pending| pending.change_set().is_executable());
    saved_plan::save(deployment, &plan, executable.as_ref(), out).await?;
    Ok(plan)
}
