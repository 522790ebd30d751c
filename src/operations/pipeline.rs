//! The comment of a run in a pipeline: written on its pull request or merge request, or else where the
//! pipeline shows texts.

use std::path::Path;

use crate::aws::web::Web;
use crate::error::Result;
use crate::forge::{Failure, Pipeline, Published, publish};
use crate::operations::context::Context;
use crate::operations::output_file;
use crate::present::markdown::pipeline::Frame;

/// The most bytes of GitHub's summary of a step (documentation, "Adding a job summary": 1 MiB).
const SUMMARY: usize = 1024 * 1024;

/// Returns the pipeline in which the process runs. Its token is masked in all output.
pub(crate) fn current(context: &Context) -> Option<Pipeline> {
    let pipeline = Pipeline::of(context.ambient())?;
    if let Some(token) = &pipeline.token {
        context.presenter().mask(token);
    }
    Some(pipeline)
}

/// Returns what the first and the last line of a comment say. `options` are those that choose stacks, and
/// `apply` the command that executes the saved plan.
pub(crate) fn frame(
    context: &Context,
    pipeline: Option<&Pipeline>,
    options: &[String],
    apply: Option<String>,
) -> Frame {
    let folder = &context.ambient().current_dir;
    let workspace = pipeline.and_then(|it| it.workspace.as_deref());
    let inside = workspace.and_then(|workspace| folder.strip_prefix(workspace).ok());
    let manifest = context.manifest().unwrap_or(Path::new("manifest.toml"));
    let manifest = inside.map_or_else(|| manifest.to_owned(), |inside| inside.join(manifest));
    let mut key = vec![manifest.display().to_string()];
    key.extend_from_slice(options);
    Frame {
        key: key.join(" "),
        commit: pipeline.and_then(|it| it.commit.clone()),
        page: pipeline.and_then(|it| it.page.clone()),
        apply,
    }
}

/// Writes a comment on the request that the run is about. If that is not possible, says why, and writes it to
/// the summary of the run.
///
/// # Errors
///
/// If the certificates that servers are trusted by cannot be read.
pub(crate) async fn comment(context: &Context, pipeline: &Pipeline, body: &str) -> Result<()> {
    let presenter = context.presenter();
    let body = presenter.secrets().redact(body);
    let web = Web::new(context.pool())?;
    let (forge, request) = (pipeline.forge.name(), pipeline.forge.request());
    let reason = match publish(web, pipeline, &body).await {
        Published::OnRequest(number) => {
            presenter.note(&format!("\nCommented on {request} {number}."));
            return Ok(());
        }
        Published::NoRequest => format!("the run is not about a {request}"),
        Published::NoToken => {
            let [variable, _] = pipeline.forge.token_variables();
            format!("no token is set in {variable}")
        }
        Published::Failed(Failure::NotAllowed(status)) => {
            format!("{forge} does not let the token write comments (HTTP {status})")
        }
        Published::Failed(Failure::Limited) => {
            format!("{forge} accepts no more requests for a while")
        }
        Published::Failed(Failure::Failed(error)) => format!("{forge}: {}", error.in_one_line()),
    };
    let written = pipeline.summary.as_deref().is_some_and(|summary| {
        body.len() <= SUMMARY && output_file::append(summary, &body).is_ok()
    });
    let place = if written {
        "the summary of the run has it"
    } else {
        "stdout has it"
    };
    presenter.warning(&format!("no comment was written: {reason}; {place}"));
    Ok(())
}
