//! `stackctl config`: the settings, each with the place that it came from.

use indexmap::IndexMap;

use super::{Context, Exit};
use crate::config::secret::MASK;
use crate::config::settings::{self, ParameterValue};
use crate::error::Result;
use crate::operations::examine;
use crate::operations::graph::layout::Layout;
use crate::operations::session::Session;
use crate::plan::masking;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::config::ConfigDocument;
use crate::present::json::stacks::Kind;

/// The arguments of `stackctl config`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    #[command(subcommand)]
    command: ConfigCommand,
}

impl Args {
    /// Returns how the output of several stacks is put together.
    pub(crate) fn layout(&self) -> Layout {
        let ConfigCommand::Show { format } = self.command;
        match format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Config),
        }
    }
}

#[derive(Debug, Clone, clap::Subcommand)]
enum ConfigCommand {
    /// Show every setting with its source: default, manifest line, variable or flag
    Show {
        /// The form of the output
        #[arg(long, value_name = "FORMAT", default_value = "human")]
        format: Format,
    },
}

/// Shows the settings of the chosen environment. It needs no credentials.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    let ConfigCommand::Show { format } = args.command;
    show(context, format)?;
    Ok(Exit::Done)
}

fn show(context: &Context, format: Format) -> Result<()> {
    let session = Session::open(context)?;
    let mut rows = settings::show(session.settings())?;
    let presenter = session.presenter();
    for name in secret_parameters(&session) {
        let key = format!("parameters.{name}");
        let row = rows.iter_mut().find(|row| row.key == key);
        if let Some(value) = row.and_then(|row| row.value.as_mut())
            && matches!(
                session.settings().parameters.get(&name),
                Some(ParameterValue::Plain(_))
            )
        {
            MASK.clone_into(value);
        }
    }
    match format {
        Format::Json => presenter.json(&ConfigDocument::of(&rows))?,
        Format::Human => presenter.data(&human::config::settings(&rows, presenter.width())),
    }
    Ok(())
}

/// Returns the parameters that the template declares with `NoEcho`: as it is written and, if it can be
/// rendered without its artifacts, as it is rendered.
fn secret_parameters(session: &Session<'_>) -> Vec<String> {
    let (project, settings) = (session.project(), session.settings());
    if settings.parameters.is_empty() {
        return Vec::new();
    }
    let written = project.template(&settings.template);
    let mut declared = written.map_or_else(|_| Vec::new(), |it| masking::declared_in(it.main()));
    let secrets = session.presenter().secrets();
    if let Ok(tree) = examine::survey(project, settings, &IndexMap::new(), secrets)
        && let Ok(template) = tree.root_template()
    {
        declared.extend(masking::declared(template));
    }
    declared.into_iter().map(|it| it.name).collect()
}
