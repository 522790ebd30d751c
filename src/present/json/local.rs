//! `stackctl.local/1`: whether the emulator runs, and where.

use schemars::JsonSchema;
use serde::Serialize;

use crate::emulator::Emulator;

/// The JSON document of the local environment. The fields from `endpoint` to `log` are null if no emulator
/// runs.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LocalDocument<'a> {
    #[schemars(extend("const" = "stackctl.local/1"))]
    schema: &'static str,
    running: bool,
    endpoint: Option<&'a str>,
    pid: Option<i32>,
    version: Option<&'a str>,
    /// Null also if the stacks have several.
    account: Option<&'a str>,
    /// Null also if the stacks have several.
    region: Option<&'a str>,
    started: Option<&'a str>,
    log: Option<String>,
    /// The stacks of `[stacks]`, and where each is on the emulator; absent without `[stacks]`.
    #[serde(skip_serializing_if = "<[PlaceEntry]>::is_empty")]
    stacks: &'a [PlaceEntry],
}

/// Where a stack is on the emulator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlaceEntry {
    /// The stack's key in `[stacks]`.
    pub stack: Option<String>,
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
}

impl<'a> LocalDocument<'a> {
    /// Returns the document for an emulator; `None` if none runs. `common` are the account and the region that
    /// all stacks have.
    pub fn of(
        emulator: Option<&'a Emulator>,
        common: (Option<&'a str>, Option<&'a str>),
        stacks: &'a [PlaceEntry],
    ) -> Self {
        Self {
            schema: "stackctl.local/1",
            running: emulator.is_some(),
            endpoint: emulator.map(|emulator| emulator.endpoint.as_str()),
            pid: emulator.and_then(|emulator| emulator.pid),
            version: emulator.map(|emulator| emulator.version.as_str()),
            account: common.0,
            region: common.1,
            started: emulator.map(|emulator| emulator.started.as_str()),
            log: emulator.map(|emulator| emulator.log.display().to_string()),
            stacks,
        }
    }
}
