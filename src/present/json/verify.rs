//! `stackctl.verify/1`: the item of the smoke test.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

/// The JSON document of a smoke test that succeeded.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VerifyDocument<'a> {
    #[schemars(extend("const" = "stackctl.verify/1"))]
    schema: &'static str,
    bucket: &'a str,
    table: &'a str,
    key: &'a str,
    /// From the end of the upload, in milliseconds.
    latency_ms: u128,
    /// The item, as it is in the table.
    item: &'a Value,
}

/// Where a smoke test uploaded its file, and where it found the item.
#[derive(Debug, Clone, Copy)]
pub struct Uploaded<'a> {
    /// The bucket's name.
    pub bucket: &'a str,
    /// The table's name.
    pub table: &'a str,
    /// The key of the file and of the item.
    pub key: &'a str,
}

impl<'a> VerifyDocument<'a> {
    /// Returns the document for an item that was there after `latency`.
    pub fn of(uploaded: Uploaded<'a>, latency: Duration, item: &'a Value) -> Self {
        Self {
            schema: "stackctl.verify/1",
            bucket: uploaded.bucket,
            table: uploaded.table,
            key: uploaded.key,
            latency_ms: latency.as_millis(),
            item,
        }
    }
}
