//! Uploading what a template refers to: what CloudFormation reads while it creates a change set, and
//! what it reads only when the change set is executed.

use std::time::Duration;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep};

use super::asset_upload;
use super::deployment::Deployment;
use crate::artifact::digest::Digest;
use crate::aws::store::{BucketState, Object, ObjectState, Store, Stored, announcements, bucket};
use crate::error::Result;
use crate::operations::package_tree::{ChildTemplate, template_key};
use crate::plan::garbage::FRESH;
use crate::plan::garbage::announcement::{self, Concern};
use crate::present::human;
use crate::template::render::INLINE_LIMIT;

/// How many objects are looked for or uploaded at once: enough to use a connection's bandwidth, few
/// enough to leave some of it to others.
const AT_ONCE: usize = 8;

/// The size in bytes up to which an object is uploaded without a look first: what a usual line sends in
/// the time of a few round trips. If a larger one is there already, such as for another environment, to
/// send it in vain takes longer than to look.
const SENT_AT_ONCE: u64 = 1024 * 1024;

/// How long ago the last look may be at an execution: enough for the answers to the calls beside it.
const RECENT: Duration = Duration::from_secs(5);

/// The pause between two looks at a garbage collection that is running.
const PAUSE: Duration = Duration::from_secs(2);

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
        secure(deployment, objects, Some(FRESH)),
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
    deployment.set_objects_checked();
    Ok(())
}

/// Looks again for the objects just before the execution, unless this run has looked a moment ago.
///
/// # Errors
///
/// As [`check_objects`].
pub(super) async fn check_objects_again(deployment: &Deployment<'_>) -> Result<()> {
    let checked = deployment.objects_checked();
    if checked.is_some_and(|it| it.elapsed() < RECENT) {
        return Ok(());
    }
    check_objects(deployment).await
}

/// Looks again for everything that CloudFormation reads when it executes the change set, which exists by
/// now, and uploads what the bucket has lost. Waits for a garbage collection that may mark an object.
///
/// # Errors
///
/// As [`upload_templates`].
pub(crate) async fn check_objects(deployment: &Deployment<'_>) -> Result<()> {
    secure(deployment, objects(deployment), None).await?;
    deployment.set_objects_checked();
    Ok(())
}

/// Uploads the objects that the bucket does not hold, so that no garbage collection deletes them before
/// CloudFormation reads them. With `age`, nothing refers to the objects yet, so those that are older are
/// uploaded again: a garbage collection does not touch new ones.
async fn secure(
    deployment: &Deployment<'_>,
    mut objects: Vec<Object<'_>>,
    age: Option<SignedDuration>,
) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let store = deployment.store();
    let project = &deployment.session().settings().project;
    let keys: Vec<String> = objects.iter().map(|it| it.key().to_owned()).collect();
    let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
    let look = states(&store, &objects, age);
    let announced = announcements::concern(&store, project, &keys);
    let ((mut states, looked), (mut concern, listed)) = tokio::try_join!(look, announced)?;
    if !announcement::is_recent(looked, listed) {
        // A garbage collection may have come and gone between the two answers.
        concern = concern.max(Concern::Ended);
    }
    loop {
        if concern != Concern::Nothing {
            wait_for_garbage_collection(deployment, &store, &keys).await?;
            (states, _) = self::states(&store, &objects, age).await?;
        }
        let looked = objects.into_iter().zip(states);
        let (missing, rest): (Vec<_>, Vec<_>) = looked.partition(|it| it.1 != ObjectState::Same);
        if missing.is_empty() {
            return Ok(());
        }
        objects = rest.into_iter().map(|it| it.0).collect();
        objects.extend(missing.iter().map(|it| it.0.clone()));
        prepare_bucket(deployment, &store, bucket::state(&store).await).await?;
        store_all(deployment, &store, missing).await?;
        if age.is_none() {
            return Ok(());
        }
        // A garbage collection that began before the upload may hide what it has listed before.
        (concern, _) = announcements::concern(&store, project, &keys).await?;
        if concern == Concern::Nothing {
            return Ok(());
        }
        states = Vec::new();
    }
}

/// Waits until no garbage collection is running that may hide one of these keys.
async fn wait_for_garbage_collection(
    deployment: &Deployment<'_>,
    store: &Store,
    keys: &[&str],
) -> Result<()> {
    let session = deployment.session();
    let (project, presenter) = (&session.settings().project, session.presenter());
    let begun = Instant::now();
    while announcements::concern(store, project, keys).await?.0 == Concern::Running {
        presenter.progress(&format!(
            "waiting for a garbage collection in `{}` · {}",
            store.bucket(),
            human::clock(begun.elapsed())
        ));
        sleep(PAUSE).await;
    }
    presenter.clear_progress();
    Ok(())
}

/// Returns everything that CloudFormation reads when it executes a change set.
fn objects<'d>(deployment: &'d Deployment<'_>) -> Vec<Object<'d>> {
    let build = deployment.build();
    let children = build.children.iter();
    let children = children.map(|it| Object::template(&it.key, &it.digest, &it.body));
    let zips = build.artifacts.values().map(Object::zip);
    let files = build.files.iter().map(|file| Object::file(&file.file));
    children.chain(zips).chain(files).collect()
}

/// Uploads the objects that the bucket does not hold yet, several at a time; creates the bucket if
/// needed. A small object that the stack does not use yet is uploaded at once, on condition that there is
/// nothing under its key: the answer says whether it was there.
async fn upload(deployment: &Deployment<'_>, objects: Vec<Object<'_>>) -> Result<()> {
    if objects.is_empty() {
        return Ok(());
    }
    let store = deployment.store();
    let deployed = deployed_texts(deployment);
    // What an earlier deployment sent is usually still there.
    let was_sent = deployment.rollback().is_some();
    let is_deployed =
        |object: &Object<'_>| was_sent || deployed.iter().any(|it| it.contains(object.key()));
    let (new, others): (Vec<_>, Vec<_>) = objects
        .into_iter()
        .partition(|object| object.size() <= SENT_AT_ONCE && !is_deployed(object));
    let sending = stream::iter(&new)
        .map(|object| send(deployment, &store, object))
        .buffered(AT_ONCE)
        .try_collect::<Vec<_>>();
    // The bucket's state matters only if something has to be uploaded; it is read at the same time.
    let (bucket, looked, sent) = tokio::join!(
        bucket::state(&store),
        states(&store, &others, None),
        sending
    );
    let (states, _) = looked?;
    let sent = match sent {
        Ok(sent) => sent,
        // What is wrong with the bucket explains why it accepts no upload.
        Err(error) => return Err(bucket.err().unwrap_or(error)),
    };
    let mut missing: Vec<_> = others.into_iter().zip(states).collect();
    missing.retain(|(_, state)| *state != ObjectState::Same);
    let mut is_stored = Vec::new();
    for (object, stored) in new.into_iter().zip(sent) {
        match stored {
            Some(Stored::Present) => {}
            Some(Stored::Uploaded | Stored::Replaced) => is_stored.push(object),
            None => missing.push((object, ObjectState::Nothing)),
        }
    }
    if missing.is_empty() && is_stored.is_empty() {
        return Ok(());
    }
    let prepared = prepare_bucket(deployment, &store, bucket).await;
    for object in &is_stored {
        note_stored(deployment, &store, object);
    }
    prepared?;
    store_all(deployment, &store, missing).await
}

/// Returns the texts that name what the stack uses: the deployed template and, as far as they are the
/// same, the nested ones.
fn deployed_texts<'d>(deployment: &'d Deployment<'_>) -> Vec<&'d str> {
    let mut texts: Vec<&str> = deployment.deployed_template().into_iter().collect();
    let mut children: Vec<_> = deployment.build().children.iter().collect();
    let mut read = 0;
    while let Some(text) = texts.get(read).copied() {
        read += 1;
        let (named, rest) = children.into_iter().partition(|it| text.contains(&it.key));
        children = rest;
        let named: Vec<&ChildTemplate> = named;
        texts.extend(named.into_iter().map(|it| it.body.as_str()));
    }
    texts
}

/// Uploads an object without a look first, unless another stack of this run has uploaded it. Returns
/// `None` if there is no bucket.
async fn send(
    deployment: &Deployment<'_>,
    store: &Store,
    object: &Object<'_>,
) -> Result<Option<Stored>> {
    let stored = deployment.session().context().stored();
    let slot = stored.slot(&format!("{}/{}", place(deployment, store), object.key()));
    let mut is_stored = slot.lock().await;
    let sent = if *is_stored {
        let state = store.object_state(object.key(), object.digest()).await?;
        Some(store.store(object, state).await?)
    } else {
        store.store_at_once(object).await?
    };
    *is_stored |= sent.is_some();
    Ok(sent)
}

/// Returns the name by which this run knows a bucket.
fn place(deployment: &Deployment<'_>, store: &Store) -> String {
    format!(
        "{}/{}/{}",
        deployment.identity().account,
        deployment.connection().region(),
        store.bucket()
    )
}

/// Returns what is under the keys of these objects, in the same order, and the time of the first answer
/// by the bucket's clock; `None` if it is not known.
async fn states(
    store: &Store,
    objects: &[Object<'_>],
    age: Option<SignedDuration>,
) -> Result<(Vec<ObjectState>, Option<Timestamp>)> {
    let looked = stream::iter(objects)
        .map(async |object| {
            let (key, digest) = (object.key(), object.digest());
            store.state_since(key, digest, age).await
        })
        .buffered(AT_ONCE)
        .try_collect::<Vec<_>>()
        .await?;
    let (states, times): (_, Vec<_>) = looked.into_iter().unzip();
    let times: Option<Vec<Timestamp>> = times.into_iter().collect();
    let first = times.and_then(|times| times.into_iter().min());
    Ok((states, first))
}

/// Creates or completes the bucket if it is not complete.
async fn prepare_bucket(
    deployment: &Deployment<'_>,
    store: &Store,
    state: Result<BucketState>,
) -> Result<()> {
    let presenter = deployment.session().presenter();
    let stored = deployment.session().context().stored();
    let slot = stored.slot(&place(deployment, store));
    let mut is_prepared = slot.lock().await;
    let mut state = state?;
    if *is_prepared && state != BucketState::Complete {
        // Another stack of this run may have created it in the meantime.
        state = bucket::state(store).await?;
    }
    bucket::prepare(store, state, |text| presenter.note(text)).await?;
    *is_prepared = true;
    Ok(())
}

/// Uploads objects whose keys have these states, several at a time. The bucket must exist.
async fn store_all(
    deployment: &Deployment<'_>,
    store: &Store,
    missing: Vec<(Object<'_>, ObjectState)>,
) -> Result<()> {
    let stored = deployment.session().context().stored();
    let place = place(deployment, store);
    stream::iter(missing)
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, async |(object, state)| {
            let slot = stored.slot(&format!("{place}/{}", object.key()));
            let mut is_stored = slot.lock().await;
            if *is_stored {
                // Another stack of this run may have uploaded it in the meantime.
                let state = store
                    .state_since(object.key(), object.digest(), None)
                    .await?;
                if state.0 == ObjectState::Same {
                    return Ok(());
                }
            }
            store.store(&object, state).await?;
            *is_stored = true;
            note_stored(deployment, store, &object);
            Ok(())
        })
        .await
}

fn note_stored(deployment: &Deployment<'_>, store: &Store, object: &Object<'_>) {
    deployment.set_uploaded();
    deployment.session().presenter().note(&format!(
        "Uploaded {} to s3://{}/{}",
        human::size(object.size()),
        store.bucket(),
        object.key()
    ));
}
