//! `stackctl outputs`: the outputs of the stack.

use super::{Context, Exit};
use crate::aws::stack::StackService;
use crate::error::Result;
use crate::operations::graph::layout::Layout;
use crate::operations::outputs;
use crate::operations::session::Session;
use crate::operations::stack_set;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::stack::OutputsDocument;
use crate::present::json::stacks::Kind;

/// The arguments of `stackctl outputs`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// One output, whose bare value is printed
    name: Option<String>,
    /// The form of the output
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        conflicts_with = "name"
    )]
    format: Format,
}

impl Args {
    /// Returns how the output of several stacks is put together, or what works on one stack alone.
    pub(crate) fn layout(&self) -> Result<Layout, &'static str> {
        if self.name.is_some() {
            return Err("outputs NAME");
        }
        Ok(match self.format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Outputs),
        })
    }
}

/// Shows the stack's outputs, or the bare value of one.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    if args.name.is_none() && stack_set::has_none(&session, "outputs") {
        return Ok(Exit::Done);
    }
    session.check_single()?;
    let connection = session.connect().await?;
    let service = StackService::new(&connection, &session.settings().stack_name);
    let mut stack = session.deployed(service.describe().await?)?;
    session.hide_parameters(Some(&mut stack));
    outputs::hide_secrets(&service, &mut stack, session.presenter().secrets()).await?;
    let presenter = session.presenter();
    match (&args.name, args.format) {
        (Some(name), _) => presenter.exact_data(&format!("{}\n", stack.required_output(name)?)),
        (None, Format::Json) => presenter.json(&OutputsDocument::of(&stack))?,
        (None, Format::Human) if stack.outputs.is_empty() => {
            presenter.note("The stack has no outputs.");
        }
        (None, Format::Human) => {
            presenter.data(&human::stack::outputs(&stack, presenter.width()));
        }
    }
    Ok(Exit::Done)
}
