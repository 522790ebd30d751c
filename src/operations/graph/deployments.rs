//! `apply` over several stacks: all are planned and shown, the user is asked once, and they are deployed in
//! the order of the graph.
//!
//! A stack whose inputs another stack of the run may change is planned twice: before the question without
//! keeping a change set, and again after the other stack was deployed. The second plan is executed if it
//! does the same as the one that was shown, and is shown and asked about otherwise.

use std::cell::{OnceCell, RefCell};
use std::rc::Rc;

use super::coordinator::{Asked, Coordinator, Halt, Member};
use super::group::{self, Group};
use super::needs::needs;
use super::request::{Request, ask, ask_again, resume};
use super::set_deployments;
use super::waiting::{check_can_ask, show_waiting, waits_for_order};
use crate::cloudformation::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::build::Build;
use crate::operations::context::{Context, OpenedTarget, shared_interrupt};
use crate::operations::deploy::application::{Application, Prepared};
use crate::operations::deploy::consent;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::pending_change_set::PendingChangeSet;
use crate::operations::deploy::saved_plan::SavedPlan;
use crate::operations::deploy::{import, moves, offline, readiness};
use crate::operations::output_file;
use crate::operations::session::Session;
use crate::operations::upstream::{export_users, inputs};
use crate::plan::Plan;
use crate::plan::equivalence::differences;
use crate::plan::provisional::ProvisionalInput;
use crate::present::json::stack::OutputsDocument;
use crate::present::json::stacks::{Kind, StackEntry, StacksDocument};
use crate::present::stack_state::StackState;

/// Deploys the stacks. Returns the most important of the exit codes.
///
/// # Errors
///
/// Refused if the user does not agree; [`ErrorKind::Interrupted`].
pub(crate) async fn run(group: Group<'_>, request: Request) -> Result<u8> {
    let context = group.context();
    let interrupt = shared_interrupt(context)?;
    if let Some(path) = &request.outputs_file {
        output_file::check_writable(path).map_err(|error| {
            error.hint("nothing was deployed; name another file with `--outputs-file`")
        })?;
    }
    let members = group.members().to_vec();
    let resume = resume(&request);
    let shared = Rc::new(Shared {
        coordinator: Coordinator::new(context, &members, needs(&members), interrupt),
        outputs: RefCell::new(vec![None; members.len()]),
        request,
    });
    let presenter = context.presenter();
    let ask = async |asked: &[Asked], others: &[&str]| {
        ask(presenter, &shared.request, asked, others).await
    };
    let group = group.after_plans().resuming_with(resume.clone());
    let begun = shared.coordinator.run(group, ask, |context, stack| {
        let shared = Rc::clone(&shared);
        async move { Box::pin(deploy_one(&context, stack, &shared)).await }
    });
    let code = begun.await;
    if let Some(path) = &shared.request.outputs_file {
        let document = shared.outputs_document(&members);
        output_file::write_json(path, &document, presenter.secrets())?;
    }
    if let Some(refusal) = shared.coordinator.take_refusal() {
        return Err(refusal);
    }
    shared.coordinator.finish(code, &resume)
}

/// What the tasks share.
struct Shared {
    coordinator: Coordinator,
    request: Request,
    /// Each stack as it was at its end. A stack set has no outputs.
    outputs: RefCell<Vec<Option<Stack>>>,
}

impl Shared {
    /// Returns the outputs of all stacks that were deployed.
    fn outputs_document(&self, members: &[Rc<Context>]) -> StacksDocument {
        let outputs = self.outputs.borrow();
        let entries = members.iter().zip(&*outputs).enumerate();
        let entries = entries.map(|(number, (member, stack))| {
            let document = stack.as_ref().map(OutputsDocument::of);
            StackEntry {
                exit_code: u8::from(!self.coordinator.is_done(number)),
                document: document.and_then(|it| serde_json::to_value(it).ok()),
                ..group::entry(member)
            }
        });
        StacksDocument::of(Kind::Outputs, entries.collect())
    }
}

/// Deploys one stack, and shows how that ended.
async fn deploy_one(context: &Context, stack: usize, shared: &Shared) -> Result<u8> {
    let member = shared.coordinator.member(stack);
    let last = RefCell::new(None);
    let is_set = context.target().is_some_and(OpenedTarget::is_stack_set);
    let ended = if is_set {
        Box::pin(set_deployments::deploy(context, member, &shared.request)).await
    } else {
        Box::pin(deploy(context, member, &shared.request, &last)).await
    };
    member.end(&ended);
    let is_ok = ended.is_ok();
    if let (true, Some(slot)) = (is_ok, shared.outputs.borrow_mut().get_mut(stack)) {
        *slot = last.take();
    }
    member.show_end(context, ended, "was not done")
}

/// Plans a stack, waits for consent and for what it needs, and deploys it. Returns whether something was
/// to be done.
async fn deploy(
    context: &Context,
    member: Member<'_>,
    request: &Request,
    last: &RefCell<Option<Stack>>,
) -> Result<bool, Halt> {
    let mut agreed: Option<Plan> = None;
    loop {
        let reading = member.read().await;
        let session = Session::open(context)?;
        let application = request.application(&session, last);
        application.check_end(&session)?;
        let import_session = OnceCell::new();
        let saved = request
            .saved
            .as_ref()
            .map(|it| it.of(context))
            .transpose()?;
        let mut deployment = match &saved {
            Some(saved) => open_saved(&session, saved).await?,
            None => Deployment::open(&session).await?,
        };
        drop(reading);
        let upstream = member.upstream().await?;
        let mut inputs = Vec::new();
        if saved.is_none() {
            inputs = inputs::provisional(&mut deployment).await?;
            readiness::check_revertible(&deployment, application.options.revert_drift)?;
            readiness::prepare(&mut deployment, request.wait, request.yes, request.events).await?;
        }
        let deployment = moves::refuse_pending(deployment).await?;
        let mut deployment = import::first(deployment, &import_session)?;
        if !application.is_noop(&deployment) {
            check_can_ask(member, &session, request)?;
        }
        let Some(shown) = agreed.take() else {
            let waits = saved.is_none()
                && (!inputs.is_empty() || waits_for_order(member, &session, &upstream));
            let planned = match &saved {
                Some(saved) => {
                    let prepared = application.prepare_saved(&deployment, saved).await?;
                    First::Kept(Box::new(prepared))
                }
                None => plan_first(&application, &deployment, inputs, waits).await?,
            };
            inputs::publish(&session, planned.plan());
            let plan = planned.plan();
            let show = || {
                consent::show(&deployment, plan)?;
                member.print(context);
                Ok(())
            };
            let mut agreement = member.show(waits || !plan.is_empty(), show).await;
            if agreement.is_ok() {
                agreement = application
                    .consent
                    .check(&deployment, plan, planned.pending())
                    .map_err(|error| {
                        member.object();
                        Halt::Failed(error)
                    });
            }
            if agreement.is_ok() {
                show_waiting(context, waits);
                let asked = asked(&application, &deployment, plan);
                agreement = member.consent(asked).await;
            }
            match (agreement, planned) {
                (Ok(()), First::Kept(prepared)) => {
                    deploy_agreed(member, &application, &mut deployment, &prepared).await?;
                    return Ok(!prepared.plan.is_empty());
                }
                (Ok(()), First::Provisional(plan)) => {
                    agreed = Some(*plan);
                    continue;
                }
                (Err(halt), First::Kept(prepared)) => {
                    return Err(discard(&deployment, &prepared, halt).await);
                }
                (Err(halt), First::Provisional(_)) => return Err(halt),
            }
        };
        let prepared = application.prepare(&deployment).await?;
        let agreement = agree_again(
            &application,
            &deployment,
            member,
            request,
            (&shown, &prepared),
        );
        if let Err(halt) = agreement.await {
            return Err(discard(&deployment, &prepared, halt).await);
        }
        deploy_agreed(member, &application, &mut deployment, &prepared).await?;
        return Ok(!prepared.plan.is_empty());
    }
}

/// Opens a stack to execute its saved plan, if nothing has changed since.
async fn open_saved<'a>(session: &'a Session<'a>, saved: &SavedPlan<'_>) -> Result<Deployment<'a>> {
    saved.check_settings(session)?;
    let check = |build: &Build| saved.check_files(session, build);
    let deployment = Deployment::open_checked(session, check).await?;
    saved.check_deployed(&deployment)?;
    Ok(deployment)
}

/// The first plan of a stack.
enum First {
    /// It is executed as it is.
    Kept(Box<Prepared>),
    /// It is made again when everything that the stack needs is done.
    Provisional(Box<Plan>),
}

impl First {
    fn plan(&self) -> &Plan {
        match self {
            Self::Kept(prepared) => &prepared.plan,
            Self::Provisional(plan) => plan,
        }
    }

    fn pending(&self) -> Option<&PendingChangeSet> {
        match self {
            Self::Kept(prepared) => prepared.pending.as_ref(),
            Self::Provisional(_) => None,
        }
    }
}

/// Makes the first plan of a stack. Its change set is kept unless the stack waits for others.
async fn plan_first(
    application: &Application<'_>,
    deployment: &Deployment<'_>,
    inputs: Vec<ProvisionalInput>,
    waits: bool,
) -> Result<First> {
    if inputs.iter().any(ProvisionalInput::is_unknown) {
        return predict(application, deployment, inputs).await;
    }
    let mut prepared = match application.prepare(deployment).await {
        Ok(prepared) => prepared,
        // It may refer to what does not exist yet.
        Err(error) if waits && error.kind() != ErrorKind::Interrupted => {
            let presenter = deployment.session().presenter();
            presenter.detail(&format!("no change set yet: {error}"));
            return predict(application, deployment, inputs).await;
        }
        Err(error) => return Err(error),
    };
    prepared.plan.provisional = inputs;
    if !waits {
        return Ok(First::Kept(Box::new(prepared)));
    }
    if let Some(pending) = &prepared.pending {
        pending.discard(deployment).await?;
    }
    Ok(First::Provisional(Box::new(prepared.plan)))
}

/// Returns the predicted plan of a stack that waits for others.
async fn predict(
    application: &Application<'_>,
    deployment: &Deployment<'_>,
    inputs: Vec<ProvisionalInput>,
) -> Result<First> {
    let mut plan = offline::without_inputs(deployment, inputs, application.options);
    export_users::find(deployment, &mut plan).await?;
    Ok(First::Provisional(Box::new(plan)))
}

/// Returns what a stack asks for.
fn asked(application: &Application<'_>, deployment: &Deployment<'_>, plan: &Plan) -> Asked {
    let session = deployment.session();
    Asked {
        label: session.context().label().to_owned(),
        key: session.settings().stack_key.clone().unwrap_or_default(),
        place: consent::place(deployment),
        losses: consent::losses(plan),
        unqualified: application.consent.unqualified(plan),
        is_empty: plan.is_empty() && plan.provisional.is_empty(),
    }
}

/// Checks a plan that was made again, and asks if it differs from the one that was shown.
async fn agree_again(
    application: &Application<'_>,
    deployment: &Deployment<'_>,
    member: Member<'_>,
    request: &Request,
    (shown, prepared): (&Plan, &Prepared),
) -> Result<(), Halt> {
    let plan = &prepared.plan;
    let has_transforms = deployment.build().template.has_transforms();
    let found = differences(shown, plan, has_transforms);
    let (session, pending) = (deployment.session(), prepared.pending.as_ref());
    if found.is_empty() {
        application.consent.check(deployment, plan, pending)?;
        return Ok(());
    }
    let presenter = session.presenter();
    consent::show(deployment, plan)?;
    member.print(session.context());
    let list = found.join("; ");
    presenter.note(&format!(
        "\nThis plan is not the one that was shown: {list}."
    ));
    application.consent.check(deployment, plan, pending)?;
    if plan.is_empty() {
        return Ok(());
    }
    let place = consent::place(deployment);
    let asked = ask_again(presenter, request, &place, &list);
    deployment.interrupt().guard(asked).await?;
    Ok(())
}

/// Waits for its turn, and executes a plan.
async fn deploy_agreed(
    member: Member<'_>,
    application: &Application<'_>,
    deployment: &mut Deployment<'_>,
    prepared: &Prepared,
) -> Result<(), Halt> {
    // Much may have happened since the plan was made.
    deployment.forget_objects_checked();
    if let Err(halt) = member.run().await {
        return Err(discard(deployment, prepared, halt).await);
    }
    deployment
        .session()
        .presenter()
        .set_state(StackState::Running, "");
    application.execute(deployment, prepared).await?;
    Ok(())
}

/// Deletes the change set of a plan that is not executed.
pub(super) async fn discard(deployment: &Deployment<'_>, prepared: &Prepared, halt: Halt) -> Halt {
    match halt {
        Halt::Failed(error) => Halt::Failed(prepared.discard_after(deployment, error).await),
        halt => {
            let error = Error::new(ErrorKind::Interrupted, "not begun");
            prepared.discard_after(deployment, error).await;
            halt
        }
    }
}
