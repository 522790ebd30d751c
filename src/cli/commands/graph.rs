//! `stackctl graph`: the resources and the references between them, as a picture.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Context, Exit};
use crate::cli::deploy_args::DeployArgs;
use crate::error::Result;
use crate::operations::deploy::preview;
use crate::operations::graph::group::Group;
use crate::operations::graph::runner;
use crate::operations::resource_graph;
use crate::operations::session::Session;
use crate::plan::resource_graph::{ResourceGraph, StackPart, of_stacks};
use crate::present::format::GraphFormat;

/// The arguments of `stackctl graph`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The form of the graph
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: GraphFormat,
    /// Show what `apply` would do with each resource: the plan of `stackctl plan`
    #[arg(long)]
    plan: bool,
    /// With `--plan`: predict without credentials or network, against what was last deployed from here
    #[arg(long, requires = "plan")]
    offline: bool,
}

impl Args {
    /// Returns how many stacks are read at the same time: what only computes waits for nothing.
    fn at_once(&self) -> usize {
        if self.plan && !self.offline {
            runner::READS
        } else {
            1
        }
    }
}

/// Shows the graph of one stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let part = read(&session, &args).await?;
    args.format
        .print(&part.graph, &part.stack_name, session.presenter());
    Ok(Exit::Done)
}

/// Shows one graph of several stacks. A stack that cannot be read is in it without its resources.
pub(crate) async fn run_several(group: Group<'_>, args: Args) -> Result<u8> {
    let presenter = group.context().presenter().clone();
    let title = group.name();
    let targets = group.members().iter().filter_map(|member| {
        let settings = &member.target()?.settings;
        let part = resource_graph::part(member.label(), settings, ResourceGraph::default(), None);
        Some((member.label().to_owned(), part))
    });
    let mut parts: Vec<(String, StackPart)> = targets.collect();
    let found: Rc<RefCell<BTreeMap<String, StackPart>>> = Rc::default();
    let code = runner::run(group, args.at_once(), |context| {
        let (found, args) = (Rc::clone(&found), args.clone());
        async move {
            let session = Session::open(&context)?;
            let part = read(&session, &args).await?;
            found.borrow_mut().insert(part.label.clone(), part);
            Ok(0)
        }
    })
    .await?;
    let mut found = found.take();
    if !found.is_empty() {
        for (label, part) in &mut parts {
            match found.remove(label) {
                Some(read) => *part = read,
                None => part.hidden = Some("the stack cannot be read".to_owned()),
            }
        }
        let parts: Vec<StackPart> = parts.into_iter().map(|(_, part)| part).collect();
        args.format.print(&of_stacks(&parts), &title, &presenter);
    }
    Ok(code)
}

/// Returns a stack with its resources, and with what the plan does with each.
async fn read(session: &Session<'_>, args: &Args) -> Result<StackPart> {
    let mut part = resource_graph::of_files(session)?;
    if args.plan {
        session.check_single()?;
        let mode = session.settings().stack.deployment_mode;
        let request = preview::Request {
            options: DeployArgs::default().options(mode),
            is_offline: args.offline,
            out: None,
        };
        part.graph = preview::run(session, request, |plan, _| Ok(plan.graph.clone())).await?;
    }
    Ok(part)
}
