//! `apply` of a stack set that is one of several stacks.
//!
//! A stack set has no change set: its plan compares the files with what is deployed. If other stacks of the
//! run may change what it reads, the plan is made again after they were deployed.

use super::coordinator::{Asked, Halt, Member};
use super::request::{Request, ask_again};
use super::waiting::{check_can_ask, show_waiting, waits_for_order};
use crate::operations::context::Context;
use crate::operations::session::Session;
use crate::operations::stack_set::apply::{PlannedSet, SetApplication};
use crate::operations::stack_set::deployment::SetDeployment;
use crate::present::stack_state::StackState;

/// Plans a stack set, waits for consent and for what it needs, and deploys it. Returns whether something
/// was to be done.
pub(super) async fn deploy(
    context: &Context,
    member: Member<'_>,
    request: &Request,
) -> Result<bool, Halt> {
    if let Some(saved) = &request.saved {
        return Err(Halt::Failed(saved.of_set(context)));
    }
    let again;
    let reading = member.read().await;
    let session = Session::open(context)?;
    let application = request.set_application(&session);
    let deployment = SetDeployment::open(&session, true).await?;
    drop(reading);
    let upstream = member.upstream().await?;
    let mut planned = application.prepare(deployment).await?;
    let waits = !planned.plan().template.provisional.is_empty()
        || waits_for_order(member, &session, &upstream);
    let is_empty = planned.plan().is_empty() && !waits;
    if !is_empty {
        check_can_ask(member, &session, request)?;
    }
    let show = || {
        planned.show()?;
        member.print(context);
        Ok(())
    };
    member.show(!is_empty, show).await?;
    application.check(&planned).map_err(|error| {
        member.object();
        Halt::Failed(error)
    })?;
    show_waiting(context, waits);
    let asked = Asked {
        label: context.label().to_owned(),
        key: session.settings().stack_key.clone().unwrap_or_default(),
        place: planned.place(),
        losses: planned.losses(),
        unqualified: planned.unqualified(&application.consent),
        is_empty,
    };
    member.consent(asked).await?;
    if waits {
        again = Session::open(context)?;
        let deployment = SetDeployment::open(&again, true).await?;
        let made = application.prepare(deployment).await?;
        agree_again(&application, member, request, (&planned, &made)).await?;
        planned = made;
    }
    member.run().await?;
    context.presenter().set_state(StackState::Running, "");
    let is_changing = !planned.plan().is_empty();
    application.execute(planned).await?;
    Ok(is_changing)
}

/// Checks a plan that was made again, and asks if it differs from the one that was shown.
async fn agree_again(
    application: &SetApplication<'_>,
    member: Member<'_>,
    request: &Request,
    (shown, planned): (&PlannedSet<'_>, &PlannedSet<'_>),
) -> Result<(), Halt> {
    let found = planned.differences(shown.plan());
    if found.is_empty() {
        application.check(planned)?;
        return Ok(());
    }
    planned.show()?;
    let context = planned.context();
    member.print(context);
    let (presenter, list) = (context.presenter(), found.join("; "));
    presenter.note(&format!(
        "\nThis plan is not the one that was shown: {list}."
    ));
    application.check(planned)?;
    if planned.plan().is_empty() {
        return Ok(());
    }
    let place = planned.place();
    let asked = ask_again(presenter, request, &place, &list);
    planned.interrupt().guard(asked).await?;
    Ok(())
}
