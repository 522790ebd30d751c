//! Uploading the artifacts that a template refers to.

use crate::aws::store::bucket;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::deployment::Deployment;
use crate::aws::store::ObjectState;
use crate::error::Result;
use crate::present::human;

/// How many objects are looked for or uploaded at once: enough to use a connection's bandwidth, few
/// enough to leave some of it to others.
const AT_ONCE: usize = 8;

/// Uploads the artifacts that the bucket does not hold yet, several at a time; creates the bucket if
/// needed.
///
/// # Errors
///
/// If S3 refuses a call, or an object under an artifact's key has other content.
pub(crate) async fn upload_artifacts(deployment: &Deployment<'_>) -> Result<()> {
    let presenter = deployment.session().presenter();
    let store = deployment.store();
    let states = stream::iter(deployment.build().artifacts.values())
        .map(async |artifact| {
            let state = store.object_state(&artifact.key, &artifact.digest).await?;
            Ok((artifact, state))
        })
        .buffered(AT_ONCE)
        .try_collect::<Vec<_>>();
    // The bucket's state matters only if something has to be uploaded; it is read at the same time.
    let (states, bucket) = tokio::join!(states, bucket::state(&store));
    let mut missing = states?;
    missing.retain(|(_, state)| *state != ObjectState::Same);
    if missing.is_empty() {
        return Ok(());
    }
    bucket::prepare(&store, bucket?, |text| presenter.note(text)).await?;
    stream::iter(missing)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, async |(artifact, state)| {
            store.store(artifact, state).await?;
            presenter.note(&format!(
                "Uploaded {} to s3://{}/{}",
                human::size(artifact.size),
                store.bucket(),
                artifact.key
            ));
            Ok(())
        })
        .await
}
