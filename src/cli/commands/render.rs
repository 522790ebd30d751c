//! `stackctl render`: the template with every value filled in and every local path replaced.

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::examine;
use crate::operations::prepare;
use crate::operations::session::Session;

/// The arguments of `stackctl render`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Run the `build` commands of the artifacts, which are code of the project
    #[arg(long)]
    build: bool,
}

/// Prints the CloudFormation text. It is not checked; `validate` does that.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let (project, settings) = (session.project(), session.settings());
    let artifacts = prepare::artifacts(&session, args.build).await?;
    let tree = examine::survey(project, settings, &artifacts, session.presenter().secrets())?;
    let packaged = examine::package(tree, project, settings, artifacts)?;
    let (presenter, text) = (session.presenter(), packaged.root.printed());
    if !presenter.secrets().redactor().find(&text).is_empty() {
        presenter.warning(
            "the template contains secrets, which are masked: the output cannot be deployed as it is",
        );
    }
    presenter.exact_data(&text);
    Ok(Exit::Done)
}
