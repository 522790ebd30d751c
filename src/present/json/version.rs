//! `stackctl.version/1`: the version of stackctl.

use schemars::JsonSchema;
use serde::Serialize;

/// The JSON document of the version.
#[derive(Debug, Serialize, JsonSchema)]
pub struct VersionDocument {
    #[schemars(extend("const" = "stackctl.version/1"))]
    schema: &'static str,
    version: &'static str,
}

impl VersionDocument {
    /// Returns the document for a version.
    pub const fn of(version: &'static str) -> Self {
        Self {
            schema: "stackctl.version/1",
            version,
        }
    }
}
