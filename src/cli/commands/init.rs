//! `stackctl init`: writes a new project.

use std::path::{Path, PathBuf};

use super::{Context, Exit};
use crate::error::Result;
use crate::operations::init::{example, existing, from_stack, minimal};

/// The arguments of `stackctl init`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to write to; it is created if it does not exist
    #[arg(value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Write only a manifest of two keys and a template with one resource
    #[arg(long, conflicts_with_all = ["from", "from_stack"])]
    minimal: bool,
    /// Write a manifest for a template that exists: YAML, JSON or AWS SAM; it is not changed. With
    /// --from-stack: the file with the stack's template
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
    /// Write a project for a deployed stack, by its name or ARN: its template, its values, and the code of
    /// its functions. Only reads from the account
    #[arg(long, value_name = "NAME")]
    from_stack: Option<String>,
    /// With --from-stack: deploy the code of these functions from the project; logical ids, separated by
    /// commas
    #[arg(
        long,
        value_name = "ID",
        value_delimiter = ',',
        requires = "from_stack",
        conflicts_with = "from"
    )]
    take_code: Vec<String>,
    /// With --from: take the values of parameters from a JSON file, instead of those next to the template;
    /// repeatable
    #[arg(
        long,
        value_name = "FILE",
        requires = "from",
        conflicts_with = "from_stack"
    )]
    parameters: Vec<PathBuf>,
}

/// Writes the project and prints the next steps. Nothing that exists is overwritten.
///
/// # Errors
///
/// Refused, before anything is written, if a file exists with other content. An input error if the
/// template or a parameter file cannot be read, or if there is no such stack. A system error if a file
/// cannot be written.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let dir = args.dir.as_path();
    if let Some(stack) = &args.from_stack {
        let request = from_stack::Request {
            stack,
            template: args.from.as_deref(),
            take_code: &args.take_code,
        };
        from_stack::write(context, dir, request).await?;
        return Ok(Exit::Done);
    }
    match &args.from {
        Some(file) => {
            let parameters: Vec<&Path> = args.parameters.iter().map(PathBuf::as_path).collect();
            existing::write(context, dir, file, &parameters).await?;
        }
        None if args.minimal => minimal::write(context, dir)?,
        None => example::write(context, dir)?,
    }
    Ok(Exit::Done)
}
