//! `stackctl schema`: the JSON Schema of the manifest, for editors, or of a JSON document that stackctl
//! writes, for the programs that read it.

use clap::builder::{PossibleValue, PossibleValuesParser};

use super::{Context, Exit};
use crate::config::manifest;
use crate::error::Result;
use crate::present::json::schemas::{DOCUMENTS, Document};

/// The arguments of `stackctl schema`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// A JSON document that stackctl writes, such as `plan` or `stackctl.plan/1` [default: the manifest]
    #[arg(value_name = "DOCUMENT", hide_possible_values = true, value_parser = names())]
    document: Option<String>,
}

/// Prints the JSON Schema. It needs no project.
pub fn run(context: &Context, args: &Args) -> Result<Exit> {
    let document = args.document.as_deref().and_then(Document::find);
    let presenter = context.presenter();
    match document {
        Some(document) => presenter.json(&document.schema())?,
        None => presenter.json(&manifest::schema())?,
    }
    Ok(Exit::Done)
}

/// Returns the names of the documents, each also with its version.
fn names() -> PossibleValuesParser {
    let names = DOCUMENTS.iter().map(|document| {
        let name = document.name;
        let short = name.trim_start_matches("stackctl.");
        PossibleValue::new(document.kind()).aliases([short, name])
    });
    PossibleValuesParser::new(names)
}
