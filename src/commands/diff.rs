//! `stackctl diff`: what is deployed against what the files say; read-only, no change set.

use similar::TextDiff;

use super::deployment::Deployment;
use super::session::Session;
use super::{Context, Exit};
use crate::comparison::Comparison;
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::plan::values;
use crate::present::human;
use crate::present::json::diff::DiffDocument;
use crate::template::{self, Template, emit};

/// The template of a stack that is not there.
const NOTHING: &str = "Resources: {}\n";

/// The arguments of `stackctl diff`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The form of the differences
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Exits with 2 where there are differences
    #[arg(long)]
    exit_code: bool,
}

/// The form of the differences.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// A tree for people
    Human,
    /// One JSON document with a `schema` field
    Json,
    /// A line diff of the two templates in one canonical spelling
    Unified,
}

/// Compares and shows.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let deployment = Deployment::open_to_compare(&session).await?;
    if !deployment
        .stack
        .as_ref()
        .is_some_and(|stack| stack.status.exists())
    {
        presenter.note(&format!(
            "The stack `{}` is not deployed: everything is new.",
            session.settings.stack_name
        ));
    }
    let deployed = deployment.deployed_template.as_deref().unwrap_or(NOTHING);
    let deployed =
        Template::parse(&SourceFile::new("the deployed template", deployed)).map_err(|found| {
            Error::input("the deployed template cannot be read").with_diagnostics(found)
        })?;
    let desired = &deployment.build.template;
    let stack = deployment.stack.as_ref();
    let comparison = Comparison {
        code: deployment.code.clone(),
        template: template::diff::diff(&deployed, desired),
        parameters: values::parameter_changes(stack, desired, &deployment.build.parameters),
        tags: values::tag_changes(stack, &session.settings.tags),
        settings: deployment.settings_changes(),
    };
    match args.format {
        Format::Human => presenter.data(&human::diff::diff(&comparison, presenter.width())),
        Format::Json => {
            presenter.json(&DiffDocument::of(&session.settings.stack_name, &comparison))?;
        }
        Format::Unified => presenter.data(&unified(&deployed, desired)),
    }
    if args.exit_code && !comparison.is_empty() {
        return Ok(Exit::Differences);
    }
    Ok(Exit::Done)
}

fn unified(deployed: &Template, desired: &Template) -> String {
    let [before, after] = [deployed, desired].map(|template| emit::to_yaml(template.root()));
    TextDiff::from_lines(&before, &after)
        .unified_diff()
        .header("deployed", "files")
        .to_string()
}
