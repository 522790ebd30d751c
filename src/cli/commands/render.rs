//! `stackctl render`: the template with every value filled in and every local path replaced.

use super::{Context, Exit};
use crate::artifact::package;
use crate::error::Result;
use crate::operations::build;
use crate::operations::prepare::prepare_alone;
use crate::operations::session::Session;

/// The arguments of `stackctl render`.
#[derive(Debug, clap::Args)]
pub struct Args {}

/// Prints the CloudFormation text. It is not checked; `validate` does that.
pub async fn run(context: &Context, _args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let wheels = prepare_alone(&session).await?;
    let (project, settings) = (session.project(), session.settings());
    let artifacts = package::build_all(project, settings, &wheels)?;
    let tree = build::survey(project, settings, &artifacts)?;
    let packaged = build::package(tree, project, settings, artifacts)?;
    session.presenter().exact_data(&packaged.root.printed());
    Ok(Exit::Done)
}
