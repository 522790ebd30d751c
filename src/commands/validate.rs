//! `stackctl validate`: checks the manifest, the template and the parameters; needs no credentials.

use super::session::{Session, is_wrong};
use super::{Context, Exit};
use crate::cli::Format;
use crate::error::{Error, Result};
use crate::package;
use crate::present::human::count;
use crate::present::json::findings::FindingsDocument;

/// The arguments of `stackctl validate`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The form of the findings
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

/// Shows every finding; fails where one of them keeps the template from being deployed.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    session.stack_policy()?;
    let artifacts = package::build_all(&session.project, &session.settings)?;
    let rendered = session.render(&artifacts)?;
    let checked = session.check(&rendered);
    let name = session.settings.template.display();
    let wrong = is_wrong(&checked.findings);
    match args.format {
        Format::Json => presenter.json(&FindingsDocument::of(&checked.findings))?,
        Format::Human => presenter.diagnostics(&checked.findings),
    }
    if wrong {
        return Err(Error::input(format!(
            "`{name}` is not a valid CloudFormation template"
        )));
    }
    let resources = checked
        .template
        .map_or(0, |template| template.resources().count());
    presenter.note(&format!(
        "`{name}` is valid for `{}`: {}, {}, {} bytes.",
        session.settings.environment,
        count(resources, "resource"),
        count(checked.findings.len(), "warning"),
        rendered.text().len()
    ));
    Ok(Exit::Done)
}
