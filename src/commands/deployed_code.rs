//! Which lines of code a deployment changes: the deployed zips beside the built ones.

use std::io::Cursor;

use super::session::Build;
use crate::archive;
use crate::aws::store::Store;
use crate::code::{self, CodeChange, FileChange};
use crate::error::{Error, Result};
use crate::package::Artifact;

/// Returns what changes in the code of every artifact that the deployed template names under
/// another key. Nothing is fetched for the others.
///
/// A deployed zip that cannot be read keeps nobody from deploying the next one: the reason stands
/// in place of the files.
pub(super) async fn compare(
    store: &Store,
    project: &str,
    build: &Build,
    deployed_template: Option<&str>,
) -> Vec<CodeChange> {
    let deployed_template = deployed_template.unwrap_or_default();
    let mut changes = Vec::new();
    for artifact in build.artifacts.values() {
        match code::deployed_key(deployed_template, project, &artifact.name) {
            Some(before) if before != artifact.key => {
                let files = files(store, &before, artifact).await;
                changes.push(CodeChange {
                    artifact: artifact.name.clone(),
                    before,
                    after: artifact.key.clone(),
                    files: files.map_err(|error| error.to_string()),
                });
            }
            _ => {}
        }
    }
    changes
}

async fn files(store: &Store, deployed: &str, artifact: &Artifact) -> Result<Vec<FileChange>> {
    let Some(before) = store.fetch(deployed).await? else {
        return Err(Error::input(format!(
            "`{deployed}` is no longer in the bucket"
        )));
    };
    let before = archive::read(Cursor::new(before))?;
    Ok(code::compare(before, artifact.content()?))
}
