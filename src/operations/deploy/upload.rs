//! Uploading what a template refers to: what CloudFormation reads while it creates a change set, and
//! what it reads only when the change set is executed.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::asset_upload;
use super::deployment::Deployment;
use crate::artifact::digest::Digest;
use crate::aws::store::bucket;
use crate::aws::store::{Object, ObjectState};
use crate::error::Result;
use crate::operations::package_tree::template_key;
use crate::present::human;
use crate::template::render::INLINE_LIMIT;

/// How many objects are looked for or uploaded at once: enough to use a connection's bandwidth, few
/// enough to leave some of it to others.
const AT_ONCE: usize = 8;

/// Uploads what CloudFormation reads while it creates a change set: a large template, nested templates,
/// and files that `AWS::Include` inserts. Returns the URL of the template; `None` if the template is
/// small enough to be sent with the request.
///
/// # Errors
///
/// If S3 refuses a call, or an object under one of the keys has other content.
pub(super) async fn upload_templates(deployment: &Deployment<'_>) -> Result<Option<String>> {
    let build = deployment.build();
    let digest = Digest::of(&build.body);
    let key = template_key(&deployment.session().settings().project, &digest);
    let is_large = build.body.len() > INLINE_LIMIT;
    let mut objects: Vec<Object<'_>> = Vec::new();
    for child in &build.children {
        objects.push(Object::template(&child.key, &child.digest, &child.body));
    }
    let files = build.files.iter().filter(|file| file.is_read_by_plan);
    objects.extend(files.map(|file| Object::file(&file.file)));
    if is_large {
        objects.push(Object::template(&key, &digest, &build.body));
    }
    tokio::try_join!(
        upload(deployment, objects),
        asset_upload::publish_templates(deployment)
    )?;
    Ok(is_large.then(|| deployment.store().url(&key)))
}

/// Uploads a template that is too large to be sent with a request, and returns its URL; `None` if it is
/// small enough.
///
/// # Errors
///
/// As [`upload_templates`].
pub(crate) async fn upload_template(
    deployment: &Deployment<'_>,
    text: &str,
) -> Result<Option<String>> {
    if text.len() <= INLINE_LIMIT {
        return Ok(None);
    }
    let digest = Digest::of(text);
    let key = template_key(&deployment.session().settings().project, &digest);
    upload(deployment, vec![Object::template(&key, &digest, text)]).await?;
    Ok(Some(deployment.store().url(&key)))
}

/// Uploads the artifacts and the other files, which CloudFormation reads when it executes a change set.
///
/// # Errors
///
/// As [`upload_templates`].
pub(crate) async fn upload_artifacts(deployment: &Deployment<'_>) -> Result<()> {
    let build = deployment.build();
    let zips = build.artifacts.values().map(Object::zip);
    let files = build.files.iter().filter(|file| !file.is_read_by_plan);
    let objects = zips.chain(files.map(|file| Object::file(&file.file)));
    tokio::try_join!(
        upload(deployment, objects.collect()),
        asset_upload::publish_files(deployment)
    )?;
    Ok(())
}

/// Uploads the objects that the bucket does not hold yet, several at a time; creates the bucket if
/// needed.
async fn upload(deployment: &Deployment<'_>, objects: Vec<Object<'_>>) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let presenter = deployment.session().presenter();
    let store = deployment.store();
    let states = stream::iter(objects)
        .map(async |object| {
            let state = store.object_state(object.key(), object.digest()).await?;
            Ok((object, state))
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
        .try_for_each_concurrent(AT_ONCE, async |(object, state)| {
            store.store(&object, state).await?;
            deployment.set_uploaded();
            presenter.note(&format!(
                "Uploaded {} to s3://{}/{}",
                human::size(object.size()),
                store.bucket(),
                object.key()
            ));
            Ok(())
        })
        .await
}
