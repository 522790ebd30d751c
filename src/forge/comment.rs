//! One comment a run, found again by its first line and replaced.

use super::api::{Comment, Comments, Writer, request_of_commit};
use super::pipeline::{Forge, Pipeline};
use super::rest::{Failure, Rest};
use crate::aws::web::Web;
use crate::config::secret::Secret;

/// What became of a comment.
#[derive(Debug)]
pub(crate) enum Published {
    /// It is on this request.
    OnRequest(u64),
    /// The run is not about a request.
    NoRequest,
    /// The pipeline has no token, as for a fork.
    NoToken,
    /// The forge does not let the token write it.
    Failed(Failure),
}

/// Writes a comment on the request of a pipeline. A comment of an earlier run with the same first line is
/// replaced. If two runs write their first comment at the same time, one remains.
pub(crate) async fn publish(web: Web, pipeline: &Pipeline, body: &str) -> Published {
    match try_publish(web, pipeline, body).await {
        Ok(published) => published,
        Err(failure) => Published::Failed(failure),
    }
}

async fn try_publish(web: Web, pipeline: &Pipeline, body: &str) -> Result<Published, Failure> {
    let Pipeline { forge, .. } = *pipeline;
    let (Some(api), Some(project)) = (&pipeline.api, &pipeline.project) else {
        return Ok(Published::NoRequest);
    };
    let Some(token) = &pipeline.token else {
        return Ok(Published::NoToken);
    };
    let rest = Rest::new(web, api.clone(), headers(forge, token));
    let request = match (pipeline.request, &pipeline.commit) {
        (Some(request), _) => Some(request),
        (None, Some(commit)) => request_of_commit(forge, &rest, project, commit).await?,
        (None, None) => None,
    };
    let Some(request) = request else {
        return Ok(Published::NoRequest);
    };
    let comments = Comments {
        forge,
        rest,
        project: project.clone(),
        request,
    };
    replace(&comments, body).await?;
    Ok(Published::OnRequest(request))
}

fn headers(forge: Forge, token: &Secret) -> Vec<(&'static str, String)> {
    let token = token.expose();
    match forge {
        Forge::GitHub => vec![
            ("accept", "application/vnd.github+json".to_owned()),
            ("authorization", format!("Bearer {token}")),
            ("x-github-api-version", "2022-11-28".to_owned()),
        ],
        Forge::GitLab => vec![("private-token", token.to_owned())],
    }
}

/// Replaces the comment of an earlier run, or writes the first one.
async fn replace(comments: &Comments, body: &str) -> Result<(), Failure> {
    let writer = comments.writer().await?;
    let mut earlier = with_marker(comments.list().await?, &writer, body);
    if earlier.is_empty() {
        let Some(own) = comments.create(body).await? else {
            return Ok(());
        };
        // Another run may have written its first comment since. The older one of them stays.
        earlier = with_marker(comments.list().await?, &writer, body);
        let Some(oldest) = earlier.first().filter(|oldest| oldest.id != own) else {
            return Ok(());
        };
        comments.update(oldest.id, body).await?;
        return comments.delete(own).await;
    }
    let mut earlier = earlier.into_iter();
    if let Some(oldest) = earlier.next().filter(|oldest| oldest.body != body) {
        comments.update(oldest.id, body).await?;
    }
    // Those of runs that were killed.
    for duplicate in earlier {
        comments.delete(duplicate.id).await?;
    }
    Ok(())
}

/// Returns the comments of the writer with the same first line.
fn with_marker(comments: Vec<Comment>, writer: &Writer, body: &str) -> Vec<Comment> {
    let marker = body.lines().next();
    let comments = comments.into_iter();
    comments
        .filter(|comment| writer.wrote(comment) && comment.body.lines().next() == marker)
        .collect()
}
