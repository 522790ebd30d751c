//! `stackctl graph`: the resources and the references between them, as a picture.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::graph::group::Group;
use crate::operations::graph::layout::Layout;
use crate::operations::graph::runner;
use crate::operations::resource_graph;
use crate::operations::session::Session;
use crate::plan::resource_graph::{StackPart, of_stacks};
use crate::present::format::GraphFormat;

/// The arguments of `stackctl graph`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The form of the graph
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: GraphFormat,
}

impl Args {
    /// Returns how the output of several stacks is put together: into one picture.
    #[expect(clippy::unused_self, reason = "as for every other command")]
    pub(crate) fn layout(&self) -> Layout {
        Layout::Blocks
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
        let graph = crate::plan::resource_graph::ResourceGraph::default();
        let part = resource_graph::part(member.label(), settings, graph, None);
        Some((member.label().to_owned(), part))
    });
    let mut parts: Vec<(String, StackPart)> = targets.collect();
    let found: Rc<RefCell<BTreeMap<String, StackPart>>> = Rc::default();
    let code = runner::run(group, 1, |context| {
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

/// Returns a stack with its resources.
#[expect(clippy::unused_async, reason = "a plan waits")]
async fn read(session: &Session<'_>, _args: &Args) -> Result<StackPart> {
    resource_graph::of_files(session)
}
