//! The operations of S3 that artifacts, verification and deletion need.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::json;
use sha2::{Digest as _, Sha256};

use super::account::{Account, Fault};
use super::call::Call;
use super::http::Response;
use super::{REGION, xml};

/// A bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    /// The account that owns it.
    pub(crate) owner: String,
    /// The region it is in.
    pub(crate) region: String,
    /// The versions of its objects, the newest last. Without versioning, each key has at most one
    /// version.
    pub(crate) objects: Vec<Object>,
    /// When versions were written, by their ids; the others were written at the beginning of the year.
    pub(crate) written: BTreeMap<String, jiff::Timestamp>,
    /// The configuration by sub-resource, such as `BucketPolicy` for `?policy`.
    pub(crate) configuration: BTreeMap<String, String>,
}

/// A version of an object, or a delete marker.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    /// Its key.
    pub(crate) key: String,
    /// Its version id; `null` without versioning.
    pub(crate) version: String,
    /// Its bytes; `None` for a delete marker.
    pub(crate) body: Option<Vec<u8>>,
}

impl Bucket {
    /// Returns an empty bucket of an account.
    pub(crate) fn owned_by(account: &str) -> Self {
        Self {
            owner: account.to_owned(),
            region: REGION.to_owned(),
            objects: Vec::new(),
            written: BTreeMap::new(),
            configuration: BTreeMap::new(),
        }
    }

    /// Returns the bytes of the newest version of a key.
    pub(crate) fn get(&self, key: &str) -> Option<&[u8]> {
        let newest = self.objects.iter().rev().find(|object| object.key == key);
        newest?.body.as_deref()
    }

    /// Returns the keys that a listing would show.
    pub(crate) fn keys(&self) -> Vec<&str> {
        let mut keys: Vec<&str> = self.objects.iter().map(|object| &*object.key).collect();
        keys.sort_unstable();
        keys.dedup();
        keys.retain(|key| self.get(key).is_some());
        keys
    }

    /// Returns the bytes of a version of a key.
    fn version(&self, key: &str, version: &str) -> Option<&[u8]> {
        let mut objects = self.objects.iter();
        let object = objects.find(|object| object.key == key && object.version == version);
        object?.body.as_deref()
    }

    /// Returns when a version was written, as S3 writes it.
    fn modified(&self, version: &str) -> String {
        let written = self.written.get(version).copied();
        let written = written.unwrap_or_else(|| "2026-01-01T00:00:00Z".parse().unwrap());
        xml::text("LastModified", &format!("{written:.3}"))
    }

    fn is_versioned(&self) -> bool {
        let versioning = self.configuration.get("BucketVersioning");
        versioning.is_some_and(|body| body.contains("Enabled"))
    }

    fn add(&mut self, key: &str, body: Option<Vec<u8>>, number: usize) {
        let versioned = self.is_versioned();
        if !versioned {
            self.objects.retain(|object| object.key != key);
        }
        if versioned || body.is_some() {
            self.objects.push(Object {
                key: key.to_owned(),
                version: if versioned {
                    format!("version-{number}")
                } else {
                    "null".to_owned()
                },
                body,
            });
        }
    }

    fn delete(&mut self, key: &str, version: Option<&str>, number: usize) {
        match version {
            Some(version) => self
                .objects
                .retain(|object| object.key != key || object.version != version),
            None => self.add(key, None, number),
        }
    }
}

impl Account {
    /// Answers a call of S3.
    pub(super) fn s3(&mut self, call: &Call) -> Result<Response, Fault> {
        let name = call.parameter("Bucket").to_owned();
        let expected = call.header("x-amz-expected-bucket-owner");
        if call.operation == "CreateBucket" {
            return self.create_bucket(&name);
        }
        let (number, account) = (self.next_number(), self.id.clone());
        let missing = || Fault::new(404, "NoSuchBucket", "The specified bucket does not exist");
        let bucket = self.buckets.get_mut(&name).ok_or_else(missing)?;
        if bucket.owner != account || !(expected.is_empty() || expected == bucket.owner) {
            return Err(Fault::new(403, "AccessDenied", "Access Denied"));
        }
        if bucket.region != call.region {
            let message = format!("The bucket is in {}", bucket.region);
            let mut fault = Fault::new(301, "PermanentRedirect", message);
            fault.bucket_region = Some(bucket.region.clone());
            return Err(fault);
        }
        let key = call.parameter("Key").to_owned();
        let ok = || Response::new(200, "");
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(self.s3_minutes);
        bucket.written.insert(format!("version-{number}"), now);
        let response = match call.operation.as_str() {
            "HeadBucket" => ok().header("x-amz-bucket-region", &bucket.region),
            "PutObject" => {
                let response = put_object(bucket, call, number)?;
                self.run_pipeline(&name, &key);
                response
            }
            "HeadObject" | "GetObject" => {
                let missing = || Fault::new(404, "NoSuchKey", "The specified key does not exist.");
                let body = match call.parameters.get("versionId") {
                    Some(version) => bucket.version(&key, version),
                    None => bucket.get(&key),
                };
                let body = body.ok_or_else(missing)?;
                let response = Response::new(200, body).header("etag", "\"etag\"");
                if call.header("x-amz-checksum-mode") == "ENABLED" {
                    response.header("x-amz-checksum-sha256", sha256(body))
                } else {
                    response
                }
            }
            "DeleteObject" => {
                let version = call.parameters.get("versionId").map(String::as_str);
                bucket.delete(&key, version, number);
                Response::new(204, "")
            }
            "DeleteObjects" => delete_objects(bucket, call, number),
            "ListObjectVersions" => {
                Response::new(200, list_versions(&name, bucket, call, self.page_size))
            }
            "ListObjectsV2" => Response::new(200, list_objects(&name, bucket, call)),
            "DeleteBucket" => {
                if !bucket.objects.is_empty() {
                    let message = "The bucket you tried to delete is not empty";
                    return Err(Fault::new(409, "BucketNotEmpty", message));
                }
                self.buckets.remove(&name);
                Response::new(204, "")
            }
            "GetBucketLocation" => {
                let location = xml::text("LocationConstraint", &bucket.region);
                Response::new(200, location)
            }
            operation => bucket_configuration(bucket, call, operation)?,
        };
        let date = jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S GMT", now).unwrap();
        Ok(response.header("date", date))
    }

    fn create_bucket(&mut self, name: &str) -> Result<Response, Fault> {
        match self.buckets.get(name) {
            Some(bucket) if bucket.owner == self.id => {
                let message = "Your previous request to create the named bucket succeeded";
                Err(Fault::new(409, "BucketAlreadyOwnedByYou", message))
            }
            Some(_) => {
                let message = "The requested bucket name is not available";
                Err(Fault::new(409, "BucketAlreadyExists", message))
            }
            None => {
                let bucket = Bucket::owned_by(&self.id);
                self.buckets.insert(name.to_owned(), bucket);
                Ok(Response::new(200, "").header("location", format!("/{name}")))
            }
        }
    }

    fn run_pipeline(&mut self, bucket: &str, key: &str) {
        if let Some((from, table)) = &self.pipeline
            && from == bucket
        {
            let item = json!({ "fileName": { "S": key }, "bucket": { "S": bucket } });
            self.items.entry(table.clone()).or_default().push(item);
        }
    }
}

fn put_object(bucket: &mut Bucket, call: &Call, number: usize) -> Result<Response, Fault> {
    let key = call.parameter("Key");
    let body = call.request.body.clone();
    if call.header("if-none-match") == "*" && bucket.get(key).is_some() {
        let message = "At least one of the pre-conditions you specified did not hold";
        return Err(Fault::new(412, "PreconditionFailed", message));
    }
    let digest = sha256(&body);
    let claimed = call.header("x-amz-checksum-sha256");
    if !claimed.is_empty() && claimed != digest {
        let message = "The SHA256 you specified did not match the calculated checksum.";
        return Err(Fault::new(400, "BadDigest", message));
    }
    bucket.add(key, Some(body), number);
    Ok(Response::new(200, "")
        .header("etag", "\"etag\"")
        .header("x-amz-checksum-sha256", digest))
}

fn bucket_configuration(
    bucket: &mut Bucket,
    call: &Call,
    operation: &str,
) -> Result<Response, Fault> {
    if let Some(name) = operation.strip_prefix("Put") {
        let body = String::from_utf8_lossy(&call.request.body).into_owned();
        bucket.configuration.insert(name.to_owned(), body);
        return Ok(Response::new(200, ""));
    }
    let unknown = || {
        let message = format!("the scripted cloud does not know {operation}");
        Fault::new(400, "InvalidAction", message)
    };
    let name = operation.strip_prefix("Get").ok_or_else(unknown)?;
    if name == "BucketVersioning" && !bucket.configuration.contains_key(name) {
        // A bucket that never had versioning has a response here, unlike for the other
        // sub-resources.
        return Ok(Response::new(200, "<VersioningConfiguration/>"));
    }
    let missing = || Fault::new(404, "NoSuchConfiguration", format!("there is no {name}"));
    let body = bucket.configuration.get(name).ok_or_else(missing)?;
    Ok(Response::new(200, body.as_str()))
}

fn delete_objects(bucket: &mut Bucket, call: &Call, number: usize) -> Response {
    let body = String::from_utf8_lossy(&call.request.body);
    let mut deleted = String::new();
    for object in body.split("<Object>").skip(1) {
        let (key, version) = (tag(object, "Key"), tag(object, "VersionId"));
        let key = key.unwrap_or_default();
        bucket.delete(&key, version.as_deref(), number);
        deleted += &xml::element("Deleted", &xml::text("Key", &key));
    }
    Response::new(200, xml::element("DeleteResult", &deleted))
}

fn list_versions(name: &str, bucket: &Bucket, call: &Call, page_size: usize) -> String {
    let prefix = call.parameter("prefix");
    let after = (
        call.parameter("key-marker"),
        call.parameter("version-id-marker"),
    );
    let mut objects: Vec<_> = bucket.objects.iter().collect();
    objects.sort_by_key(|object| (&object.key, &object.version));
    objects.retain(|object| {
        object.key.starts_with(prefix) && (object.key.as_str(), object.version.as_str()) > after
    });
    let truncated = objects.len() > page_size;
    objects.truncate(page_size);
    let mut result = xml::text("Name", name) + &xml::text("IsTruncated", &truncated.to_string());
    if let Some(last) = objects.last().filter(|_| truncated) {
        result += &xml::text("NextKeyMarker", &last.key);
        result += &xml::text("NextVersionIdMarker", &last.version);
    }
    for object in objects {
        let element = if object.body.is_some() {
            "Version"
        } else {
            "DeleteMarker"
        };
        let newest = bucket.objects.iter().rev();
        let newest = newest
            .filter(|other| other.key == object.key)
            .map(|other| &other.version);
        let is_latest = newest.take(1).any(|version| version == &object.version);
        let contents = xml::text("Key", &object.key)
            + &xml::text("VersionId", &object.version)
            + &xml::text("IsLatest", &is_latest.to_string())
            + &bucket.modified(&object.version)
            + &object.body.as_ref().map_or(String::new(), |body| {
                xml::text("Size", &body.len().to_string())
            });
        result += &xml::element(element, &contents);
    }
    xml::element("ListVersionsResult", &result)
}

fn list_objects(name: &str, bucket: &Bucket, call: &Call) -> String {
    let prefix = call.parameter("prefix");
    let mut result = xml::text("Name", name) + &xml::text("IsTruncated", "false");
    for key in bucket.keys() {
        if key.starts_with(prefix) {
            let size = bucket.get(key).map_or(0, <[u8]>::len);
            let mut newest = bucket.objects.iter().rev();
            let newest = newest.find(|object| object.key == key);
            let contents = xml::text("Key", key)
                + &xml::text("Size", &size.to_string())
                + &newest.map_or(String::new(), |it| bucket.modified(&it.version));
            result += &xml::element("Contents", &contents);
        }
    }
    xml::element("ListBucketResult", &result)
}

/// Returns the text of the first `<name>` in a fragment of XML.
fn tag(fragment: &str, name: &str) -> Option<String> {
    let (_, rest) = fragment.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text = text.replace("&lt;", "<").replace("&gt;", ">");
    Some(text.replace("&quot;", "\"").replace("&amp;", "&"))
}

/// Returns the SHA-256 of some bytes as S3 writes it.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(bytes))
}
