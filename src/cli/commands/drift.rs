//! `stackctl drift`: what was changed outside of CloudFormation.
//!
//! The command reads neither the template's files nor the artifacts: drift is the difference between
//! what is deployed and what is live, so it can be detected for a project that does not build.

use super::{Context, Exit};
use crate::aws::stack::StackService;
use crate::cli::stack_set::refuse;
use crate::cloudformation::drift::Drift;
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::context::listen;
use crate::operations::drift_detection::{self, DriftDetection};
use crate::operations::graph::layout::Layout;
use crate::operations::session::Session;
use crate::operations::stack_set;
use crate::present::format::Format;
use crate::present::json::drift::DriftDocument;
use crate::present::json::stacks::Kind;
use crate::present::{Presenter, human};
use crate::template::Template;

/// The arguments of `stackctl drift`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Exit with 2 if something has drifted
    #[arg(long)]
    exit_code: bool,
    /// Check only this resource; NESTED.ID is inside a nested stack, NESTED all of it; may be repeated, or
    /// several with commas
    #[arg(long, value_name = "LOGICAL_ID", value_delimiter = ',')]
    only: Vec<String>,
}

impl Args {
    /// Returns how the output of several stacks is put together, or what works on one stack alone.
    pub(crate) fn layout(&self) -> Result<Layout, &'static str> {
        if !self.only.is_empty() {
            return Err("drift --only");
        }
        Ok(match self.format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Drift),
        })
    }
}

/// Detects drift and shows it.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    if session.settings().stack_set.is_some() {
        refuse([("--only", !args.only.is_empty())])?;
        let is_drifted = stack_set::drift::detect(&session, args.format).await?;
        return Ok(Exit::of_differences(is_drifted, args.exit_code));
    }
    let presenter = session.presenter();
    let interrupt = listen(context)?;
    let connection = interrupt.guard(session.connect()).await?;
    let service = StackService::new(&connection, &session.settings().stack_name);
    let read = async {
        tokio::try_join!(
            connection.identity(),
            service.describe(),
            service.resources(),
            service.template()
        )
    };
    let (identity, mut stack, resources, template) = interrupt.guard(read).await?;
    session.check_account(&identity)?;
    session.hide_parameters(stack.as_mut());
    let stack = session.deployed(stack)?;
    let template = template.and_then(|text| {
        Template::parse_deployed(&SourceFile::new("the deployed template", text)).ok()
    });
    let detection = DriftDetection {
        session: &session,
        service: &service,
        stack: &stack,
        template: template.as_ref(),
        only: &args.only,
    };
    let drift = interrupt.guard(detection.run(resources)).await?;
    match args.format {
        Format::Human => presenter.data(&human::drift::drift(
            &stack.name,
            &drift,
            presenter.is_verbose(),
            presenter.width(),
        )),
        Format::Json => presenter.json(&DriftDocument::of(&stack, &drift))?,
    }
    if drift.is_drifted() && args.format == Format::Human {
        let [recover, diff] = ["recover", "diff --live"].map(|short| session.command(short));
        if drift.drifted().next().is_some() {
            presenter.hint(&format!("`{diff}` shows what `apply` does about it"));
        }
        presenter.hint(&if drift.is_drifted_inside() {
            format!("`{recover}` reverts it as far as CloudFormation can, and names the rest")
        } else {
            format!("`{recover}` reverts it")
        });
    }
    verdict(presenter, &drift, args.exit_code)
}

/// Returns how the command ends. Drift counts even if the detection could not check everything.
fn verdict(presenter: &Presenter, drift: &Drift, exit_code: bool) -> Result<Exit> {
    let failure = drift_detection::incomplete(drift);
    let differs = exit_code && drift.is_drifted();
    match failure {
        Some(failure) if !differs => return Err(Error::new(ErrorKind::Service, failure)),
        Some(failure) => presenter.warning(&failure),
        None => {}
    }
    Ok(Exit::of_differences(drift.is_drifted(), exit_code))
}
