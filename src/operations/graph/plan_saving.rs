//! `plan --out` of several stacks: all are planned and shown, and one file holds their plans. If one cannot
//! be saved, none is.

use std::cell::{OnceCell, RefCell};
use std::path::PathBuf;
use std::rc::Rc;

use super::coordinator::{Asked, Coordinator, Halt, Member};
use super::deployments::discard;
use super::group::Group;
use super::needs::needs;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, Result};
use crate::operations::artifact_folders::check_output;
use crate::operations::context::{Context, shared_interrupt};
use crate::operations::deploy::application::prepare;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::options::DeployOptions;
use crate::operations::deploy::pending_change_set::Purpose;
use crate::operations::deploy::{import, moves, readiness, saved_plan};
use crate::operations::session::Session;
use crate::operations::upstream::inputs;
use crate::plan::plan_file::PlanFile;
use crate::plan::plan_file::of_stacks::{PlanFiles, StackPlan};
use crate::present::format::PlanFormat;
use crate::present::stack_state::StackState;

/// What the command line says.
pub(crate) struct Request {
    /// The file that receives the plans.
    pub(crate) out: PathBuf,
    /// The form of the plans.
    pub(crate) format: PlanFormat,
    /// Returns the options of the change set and its execution for the mode in the manifest.
    pub(crate) options: Box<dyn Fn(DeploymentMode) -> DeployOptions>,
    /// Whether the exit code says that there are changes.
    pub(crate) has_detailed_code: bool,
}

/// What the tasks share.
struct Shared {
    coordinator: Coordinator,
    request: Request,
    plans: RefCell<Vec<Option<StackPlan>>>,
}

/// Plans the stacks and saves the plans. Returns the most important of the exit codes.
///
/// # Errors
///
/// Refused if one of the plans cannot be saved; if the file cannot be written.
pub(crate) async fn run(group: Group<'_>, request: Request) -> Result<u8> {
    let context = group.context();
    let interrupt = shared_interrupt(context)?;
    PlanFile::check_writable(&request.out)?;
    let members = group.members().to_vec();
    let shared = Rc::new(Shared {
        coordinator: Coordinator::new(context, &members, needs(&members), interrupt),
        plans: RefCell::new(vec![None; members.len()]),
        request,
    });
    let write = async |_: &[Asked], _: &[&str]| write(&shared);
    let begun = shared.coordinator.run(group, write, |context, stack| {
        let shared = Rc::clone(&shared);
        async move { plan_one(&context, stack, &shared).await }
    });
    let code = begun.await;
    match shared.coordinator.take_refusal() {
        Some(refusal) => Err(refusal),
        None => code,
    }
}

/// Writes the file, if every stack has a plan.
fn write(shared: &Shared) -> Result<()> {
    let failed = shared.coordinator.failed();
    if !failed.is_empty() {
        let failed = failed.join(", ");
        return Err(Error::refused(format!(
            "no plan was saved, because of {failed}"
        )));
    }
    let plans = shared.plans.borrow().iter().flatten().cloned().collect();
    PlanFiles::new(plans)?.write(&shared.request.out)
}

/// Plans one stack, and shows how that ended.
async fn plan_one(context: &Context, stack: usize, shared: &Shared) -> Result<u8> {
    let member = shared.coordinator.member(stack);
    let ended = plan(context, stack, member, shared).await;
    member.end(&ended);
    let presenter = context.presenter();
    match ended {
        Ok(true) if shared.request.has_detailed_code => {
            presenter.set_state(StackState::Differs, "");
            Ok(2)
        }
        Err(Halt::Stopped) => {
            presenter.set_state(StackState::NotBegun, "not saved");
            Ok(0)
        }
        ended => member.show_end(context, ended, "was not planned"),
    }
}

/// Plans a stack, and keeps its change set if the file is written. Returns whether there are changes.
async fn plan(
    context: &Context,
    stack: usize,
    member: Member<'_>,
    shared: &Shared,
) -> Result<bool, Halt> {
    let request = &shared.request;
    let reading = member.read().await;
    let session = Session::open(context)?;
    let (project, settings) = (session.project(), session.settings());
    check_output(project, settings, &[], "--out", &request.out)?;
    let options = (request.options)(settings.stack.deployment_mode);
    let import_session = OnceCell::new();
    let mut deployment = Deployment::open(&session).await?;
    drop(reading);
    readiness::check_revertible(&deployment, options.revert_drift)?;
    readiness::check(&deployment)?;
    member.upstream().await?;
    let inputs = inputs::provisional(&mut deployment).await?;
    inputs::refuse_to_save(&session, &inputs)?;
    if !moves::pending(&deployment).await?.is_empty() {
        moves::refuse_to_save(&session)?;
    }
    let deployment = import::first(deployment, &import_session)?;
    let prepared = prepare(&deployment, options, Purpose::SavedPlan).await?;
    inputs::publish(&session, &prepared.plan);
    let saved = async {
        let file = saved_plan::file(&deployment, &prepared.plan, prepared.pending.as_ref());
        let plan = deployment.interrupt().guard(file).await?;
        if let Some(slot) = shared.plans.borrow_mut().get_mut(stack) {
            *slot = Some(StackPlan {
                stack: settings.stack_key.clone(),
                plan,
            });
        }
        let is_changing = !prepared.plan.is_empty();
        let show = || {
            request.format.print(&prepared.plan, session.presenter())?;
            import::explain(&deployment);
            Ok(())
        };
        member.show(is_changing, show).await?;
        let asked = Asked {
            label: context.label().to_owned(),
            ..Asked::default()
        };
        member.consent(asked).await?;
        Ok(is_changing)
    };
    match saved.await {
        Ok(is_changing) => Ok(is_changing),
        Err(halt) => Err(discard(&deployment, &prepared, halt).await),
    }
}
