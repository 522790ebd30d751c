//! Publishing the assets of a template that the AWS CDK has synthesized: each file under the key, and in
//! the bucket, where the template expects it.
//!
//! A key is the hash of the asset's source, so an object that exists is the asset, whoever published it.
//! The bucket is that of `cdk bootstrap`, and must belong to the account of the stack. The local environment
//! has no such bucket, so stackctl creates it there.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};

use super::deployment::Deployment;
use crate::artifact::digest::Digest;
use crate::artifact::package::{self, PlainFile};
use crate::artifact::requirements::Packages;
use crate::aws::partition_of;
use crate::aws::store::{Object, ObjectState, Store, Stored, bucket};
use crate::config::project::asset_files;
use crate::error::{Error, ErrorKind, Result};
use crate::present::human;
use crate::template::cdk_assets::{Destination, FileAsset};

/// How many assets are looked for or uploaded at once.
const AT_ONCE: usize = 4;

/// Uploads the nested templates among the assets, which CloudFormation reads while it creates a change
/// set.
///
/// # Errors
///
/// As [`publish`].
pub(super) async fn publish_templates(deployment: &Deployment<'_>) -> Result<()> {
    publish(deployment, FileAsset::is_template).await
}

/// Uploads the other assets, which CloudFormation reads when it executes a change set.
///
/// # Errors
///
/// As [`publish`].
pub(super) async fn publish_files(deployment: &Deployment<'_>) -> Result<()> {
    publish(deployment, |asset| !asset.is_template()).await
}

/// Uploads the assets that their buckets lack.
///
/// # Errors
///
/// If a file cannot be read, or a bucket does not exist or is in another region; refused if it belongs to
/// another account.
async fn publish(deployment: &Deployment<'_>, is_due: fn(&FileAsset) -> bool) -> Result<()> {
    let region = deployment.connection().region();
    let account = &deployment.identity().account;
    let assets = deployment.build().assets.files.iter();
    let mut places = Vec::new();
    for asset in assets.filter(|it| is_due(it)) {
        let destinations = asset.destinations.iter();
        let destinations =
            destinations.map(|it| it.resolved(account, region, partition_of(region)));
        let destinations: Vec<Destination> = destinations.collect();
        check_region(deployment, &destinations)?;
        places.extend(destinations.into_iter().map(|it| (asset, it)));
    }
    let looked = stream::iter(places).map(async |(asset, destination)| {
        let store = store(deployment, &destination);
        // The digest does not matter: what is there is the asset.
        let state = store
            .object_state(&destination.key, &Digest::of(""))
            .await
            .map_err(|error| explain_denial(&destination, error))?;
        Ok::<_, Error>((state == ObjectState::Nothing).then_some((asset, destination, store)))
    });
    let missing: Vec<_> = looked.buffered(AT_ONCE).try_collect().await?;
    stream::iter(missing.into_iter().flatten())
        .map(Ok)
        .try_for_each_concurrent(AT_ONCE, async |(asset, destination, store)| {
            upload(deployment, asset, &destination, &store).await
        })
        .await
}

/// Refuses an asset that is only for other regions: CloudFormation reads the one in the region of the
/// stack.
fn check_region(deployment: &Deployment<'_>, destinations: &[Destination]) -> Result<()> {
    let region = deployment.connection().region();
    let others = destinations.iter().map(|it| it.region.as_deref());
    let others: Option<Vec<&str>> = others.collect();
    let Some(other) = others.as_ref().and_then(|it| it.first()) else {
        return Ok(());
    };
    let is_here = others.iter().flatten().any(|it| *it == region);
    if is_here || deployment.session().settings().emulator {
        return Ok(());
    }
    Err(Error::input(format!(
        "the assets of the template are for {other}, but the stack is in {region}"
    ))
    .hint(format!(
        "set `region = \"{other}\"`, or synthesize the stack for {region}"
    )))
}

/// Returns the store of an asset.
fn store(deployment: &Deployment<'_>, destination: &Destination) -> Store {
    let is_emulator = deployment.session().settings().emulator;
    let store = deployment.store();
    let store = store.of_bucket(&destination.bucket, is_emulator);
    match &destination.region {
        Some(other) if !is_emulator && other != deployment.connection().region() => {
            store.in_region(other)
        }
        _ => store,
    }
}

/// Returns the error with what helps, if the credentials of the run may not publish an asset.
fn explain_denial(destination: &Destination, error: Error) -> Error {
    match &destination.role {
        Some(role) if error.kind() == ErrorKind::Refused => error.hint(format!(
            "stackctl publishes with the credentials of the run and does not assume `{role}`, as the CDK \
             does: choose a profile that assumes that role or may write to the bucket"
        )),
        _ => error,
    }
}

async fn upload(
    deployment: &Deployment<'_>,
    asset: &FileAsset,
    destination: &Destination,
    store: &Store,
) -> Result<()> {
    let session = deployment.session();
    let (project, presenter) = (session.project(), session.presenter());
    let shown = project.shown(&asset.path);
    if session.settings().emulator {
        bucket::ensure(store, |text| presenter.note(text)).await?;
    }
    let zip;
    let file;
    let object = if asset.is_zipped {
        let files = asset_files(project, &shown, &asset.path)?;
        let name = session.settings().project.clone();
        let package = move || package::build_each(&name, &[files], &Packages::default());
        let zips = tokio::task::spawn_blocking(package).await;
        let zips = zips.map_err(|error| Error::system("cannot package an asset", error))??;
        let Some(artifact) = zips.into_iter().next() else {
            return Ok(());
        };
        zip = artifact;
        Object::zip(&zip)
    } else {
        let full = project.resolve(&asset.path, "the asset")?;
        file = PlainFile::open(&session.settings().project, &full, &shown)?;
        Object::file(&file)
    };
    let object = object.at(&destination.key);
    let stored = store.store_if_absent(&object).await;
    let stored = stored.map_err(|error| match error.kind() {
        ErrorKind::Input => error.hint("`npx cdk bootstrap` creates the bucket for assets"),
        _ => explain_denial(destination, error),
    })?;
    if stored == Stored::Uploaded {
        presenter.note(&format!(
            "Uploaded {} to s3://{}/{}",
            human::size(object.size()),
            destination.bucket,
            destination.key
        ));
    }
    Ok(())
}
