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
    let places = assets.filter(|it| is_due(it)).flat_map(|asset| {
        let destinations = asset.destinations.iter();
        destinations.map(move |it| (asset, it.resolved(account, region, partition_of(region))))
    });
    let looked = stream::iter(places).map(async |(asset, destination)| {
        let store = store(deployment, &destination)?;
        // The digest does not matter: what is there is the asset.
        let state = store
            .object_state(&destination.key, &Digest::of(""))
            .await?;
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

/// Returns the store of an asset.
fn store(deployment: &Deployment<'_>, destination: &Destination) -> Result<Store> {
    let region = deployment.connection().region();
    let settings = deployment.session().settings();
    match &destination.region {
        Some(other) if other != region && !settings.emulator => Err(Error::input(format!(
            "the assets of the template are for {other}, but the stack is in {region}"
        ))
        .hint(format!(
            "set `region = \"{other}\"`, or synthesize the stack for {region}"
        ))),
        _ => Ok(deployment
            .store()
            .of_bucket(&destination.bucket, settings.emulator)),
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
        _ => error,
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
