//! `destroy` of a stack set that is one of several stacks.

use super::coordinator::{Asked, Halt, Member};
use crate::operations::context::Context;
use crate::operations::destroy::options::DeletionOptions;
use crate::operations::session::Session;
use crate::operations::stack_set::destroy::SetDeletion;
use crate::present::stack_state::StackState;

/// Looks at a stack set, waits for consent and for the stacks that need it, and deletes it. Returns whether
/// there was something to delete.
pub(super) async fn destroy(
    context: &Context,
    member: Member<'_>,
    options: &DeletionOptions,
    is_dry: bool,
) -> Result<bool, Halt> {
    let session = Session::open(context)?;
    let deletion = SetDeletion {
        options,
        dry_run: is_dry,
    };
    let Some(found) = deletion.look(&session).await? else {
        member.show(false, || Ok(())).await?;
        member.consent(Asked::nothing(context)).await?;
        return Ok(false);
    };
    let show = || {
        deletion.show(&found)?;
        member.print_if(context, options.format);
        Ok(())
    };
    member.show(true, show).await?;
    if options.yes {
        deletion.check_losses(&found)?;
    }
    let asked = Asked {
        label: context.label().to_owned(),
        place: found.place(),
        losses: found.losses(),
        ..Asked::default()
    };
    member.consent(asked).await?;
    if is_dry {
        return Ok(true);
    }
    member.run().await?;
    context.presenter().set_state(StackState::Running, "");
    found.check_again().await?;
    deletion.execute(&found).await?;
    Ok(true)
}
