//! Functions and layers whose code stays in a bucket (`S3ObjectStorageMode: REFERENCE`).
//!
//! Lambda keeps no copy of that code, so the object must stay for the life of each published version of
//! the function or layer, also of those that no template names any more.

use std::fmt;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::json_call::{JsonClient, LAMBDA, Request};
use super::{Connection, fault};
use crate::error::{Error, ErrorKind, Result};

/// How many pages of one list are read, of 50 items each.
const PAGES: usize = 2_000;

/// How many functions and layers are read at once: `GetFunction` accepts 100 calls per second.
const AT_ONCE: usize = 8;

/// A page of `ListFunctions`, `ListLayers` or `ListLayerVersions`.
#[derive(Debug, Deserialize)]
struct Page<T> {
    #[serde(
        alias = "Functions",
        alias = "Layers",
        alias = "LayerVersions",
        default = "Vec::new"
    )]
    items: Vec<T>,
    #[serde(rename = "NextMarker")]
    next_marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FunctionVersion {
    function_name: String,
    version: Option<String>,
    package_type: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Layer {
    layer_name: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct LayerVersion {
    version: u64,
}

/// The part of `GetFunction` and `GetLayerVersion` that is read.
#[derive(Debug, Deserialize)]
struct Code {
    #[serde(rename = "Code", alias = "Content")]
    code: Option<Location>,
}

#[derive(Debug, Deserialize)]
struct Location {
    #[serde(rename = "ResolvedS3Object")]
    object: Option<StoredObject>,
}

#[derive(Debug, Deserialize)]
struct StoredObject {
    #[serde(rename = "S3Bucket", default)]
    bucket: String,
    #[serde(rename = "S3Key", default)]
    key: String,
}

/// Returns the keys in `bucket` of the code of functions and layers, all of their versions; `None` if the
/// caller may not ask.
///
/// # Errors
///
/// If a call fails.
pub async fn keys(connection: &Connection, bucket: &str) -> Result<Option<Vec<String>>> {
    let service = Lambda {
        connection,
        client: connection.json(LAMBDA),
    };
    match service.keys(bucket).await {
        Ok(keys) => Ok(Some(keys)),
        Err(error) if fault::lacks_permission(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

struct Lambda<'c> {
    connection: &'c Connection,
    client: JsonClient,
}

impl Lambda<'_> {
    async fn keys(&self, bucket: &str) -> Result<Vec<String>> {
        let functions = async {
            let listed = self.functions().await?;
            let requests = listed.iter().map(|it| {
                let path = ["2015-03-31", "functions", it.function_name.as_str()];
                let request = Request::get("GetFunction", &path);
                match &it.version {
                    Some(version) => request.with_query("Qualifier", version),
                    None => request,
                }
            });
            self.stored(requests.collect(), bucket).await
        };
        let layers = async {
            let listed = self.layers().await?;
            let requests = listed.iter().map(|(name, version)| {
                let version = version.to_string();
                let path = ["2018-10-31", "layers", name.as_str(), "versions", &version];
                Request::get("GetLayerVersion", &path)
            });
            self.stored(requests.collect(), bucket).await
        };
        let (mut keys, layers) = tokio::try_join!(functions, layers)?;
        keys.extend(layers);
        Ok(keys)
    }

    /// Returns the keys in the bucket that the answers to these requests name.
    async fn stored(&self, requests: Vec<Request>, bucket: &str) -> Result<Vec<String>> {
        let answers = stream::iter(requests)
            .map(async |request| self.send::<Code>(request).await)
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>();
        let codes = answers.await?.into_iter().flatten();
        let objects = codes.filter_map(|it| it.code?.object);
        let own = objects.filter(|it| it.bucket == bucket || it.bucket.is_empty());
        Ok(own.map(|it| it.key).collect())
    }

    async fn functions(&self) -> Result<Vec<FunctionVersion>> {
        let request = || {
            let request = Request::get("ListFunctions", &["2015-03-31", "functions"]);
            request.with_query("FunctionVersion", "ALL")
        };
        let missing = || Err(fault::incomplete("ListFunctions", "Functions"));
        let mut listed: Vec<FunctionVersion> = self.list(request, "functions", missing).await?;
        // A container image is not in a bucket.
        listed.retain(|it| it.package_type.as_deref() != Some("Image"));
        Ok(listed)
    }

    async fn layers(&self) -> Result<Vec<(String, u64)>> {
        let request = || Request::get("ListLayers", &["2018-10-31", "layers"]);
        let missing = || Err(fault::incomplete("ListLayers", "Layers"));
        let layers: Vec<Layer> = self.list(request, "layers", missing).await?;
        let versions = stream::iter(layers)
            .map(async |layer| self.layer_versions(layer.layer_name).await)
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<_>>();
        Ok(versions.await?.concat())
    }

    async fn layer_versions(&self, name: String) -> Result<Vec<(String, u64)>> {
        let path = ["2018-10-31", "layers", name.as_str(), "versions"];
        let request = || Request::get("ListLayerVersions", &path);
        let listed: Vec<LayerVersion> =
            self.list(request, "versions of a layer", || Ok(())).await?;
        let versions = listed.into_iter().map(|it| (name.clone(), it.version));
        Ok(versions.collect())
    }

    /// Returns the items of all pages. `request` asks for the first one. If the service answers that there
    /// is no such thing, `missing` decides whether that is an error.
    async fn list<T>(
        &self,
        request: impl Fn() -> Request,
        what: &str,
        missing: impl Fn() -> Result<()>,
    ) -> Result<Vec<T>>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        let mut listed = Vec::new();
        let mut marker: Option<String> = None;
        for _ in 0..PAGES {
            let request = match &marker {
                Some(marker) => request().with_query("Marker", marker),
                None => request(),
            };
            let Some(page) = self.send::<Page<T>>(request).await? else {
                return missing().map(|()| listed);
            };
            listed.extend(page.items);
            marker = page.next_marker.filter(|it| !it.is_empty());
            if marker.is_none() {
                return Ok(listed);
            }
        }
        Err(Error::new(
            ErrorKind::Service,
            format!("the list of {what} does not end: over {PAGES} pages were read"),
        ))
    }

    /// Returns the answer to a request; `None` if what it asks for was deleted.
    async fn send<T>(&self, request: Request) -> Result<Option<T>>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        match self.client.send(request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if fault::has_code(&error, "ResourceNotFoundException") => Ok(None),
            Err(error) => {
                let doing = "read the functions and layers whose code stays in the bucket";
                Err(self.connection.fault(doing, &error))
            }
        }
    }
}
