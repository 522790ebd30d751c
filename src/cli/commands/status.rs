//! `stackctl status`: the stack as it is now.

use super::{Context, Exit};
use crate::aws::stack::StackService;
use crate::error::Result;
use crate::operations::graph::layout::Layout;
use crate::operations::outputs;
use crate::operations::session::Session;
use crate::operations::stack_set;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::stack::StatusDocument;
use crate::present::json::stacks::Kind;
use crate::present::stack_state::StackState;

/// The arguments of `stackctl status`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

impl Args {
    /// Returns how the output of several stacks is put together.
    pub(crate) fn layout(&self) -> Layout {
        match self.format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Status),
        }
    }
}

/// Shows the stack and its resources. A stack that does not exist is no error.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    if session.settings().stack_set.is_some() {
        stack_set::status::show(&session, args.format).await?;
        return Ok(Exit::Done);
    }
    let connection = session.connect().await?;
    let name = &session.settings().stack_name;
    let service = StackService::new(&connection, name);
    let (mut stack, resources) = tokio::try_join!(service.describe(), service.resources())?;
    session.hide_parameters(stack.as_mut());
    if let Some(stack) = &mut stack {
        outputs::hide_secrets(&service, stack, session.presenter().secrets()).await?;
    }
    let presenter = session.presenter();
    let status = stack.as_ref().map(|stack| stack.status.to_string());
    let status = status.unwrap_or_else(|| "not deployed".to_owned());
    presenter.set_state(StackState::Done, &status);
    match (args.format, &stack) {
        (Format::Json, stack) => {
            presenter.json(&StatusDocument::of(name, stack.as_ref(), &resources))?;
        }
        (Format::Human, Some(stack)) => {
            presenter.data(&human::stack::overview(
                stack,
                &resources,
                presenter.width(),
            ));
        }
        (Format::Human, None) => {
            presenter.data(&format!("{name}  not deployed\n"));
            presenter.hint(&format!("`{}` deploys it", session.command("apply")));
        }
    }
    Ok(Exit::Done)
}
