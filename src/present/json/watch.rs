//! `stackctl.watch/1`: the beginning and the end of one run of `watch`.

use schemars::JsonSchema;
use serde::Serialize;

use super::findings::{Finding, finding};
use crate::error::Error;

/// The JSON document of one line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct WatchEntry<'a> {
    #[schemars(extend("const" = "stackctl.watch/1"))]
    schema: &'static str,
    event: &'static str,
    /// The files that were saved; those of the first run are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    files: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outcome: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    exit_code: Option<u8>,
    #[serde(skip_serializing_if = "Option::is_none")]
    functions: Option<&'a [String]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<ErrorEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ErrorEntry<'a> {
    message: String,
    causes: Vec<String>,
    hints: &'a [String],
    findings: Vec<Finding<'a>>,
}

impl<'a> WatchEntry<'a> {
    /// Returns the line for the beginning of a run.
    pub fn saved(files: &'a [String]) -> Self {
        Self {
            files: Some(files),
            ..Self::of("saved")
        }
    }

    /// Returns the line for a run that is done. `functions` are the logical ids of those whose code changed.
    pub fn done(outcome: &'static str, functions: &'a [String]) -> Self {
        Self {
            outcome: Some(outcome),
            exit_code: Some(0),
            functions: Some(functions),
            ..Self::of("done")
        }
    }

    /// Returns the line for a run that failed. The exit code is that of the command that does the same once.
    pub fn failed(error: &'a Error) -> Self {
        Self {
            outcome: Some("failed"),
            exit_code: Some(error.kind().exit_code()),
            error: Some(ErrorEntry {
                message: error.to_string(),
                causes: error.causes().collect(),
                hints: error.hints(),
                findings: error.diagnostics().iter().map(finding).collect(),
            }),
            ..Self::of("done")
        }
    }

    fn of(event: &'static str) -> Self {
        Self {
            schema: "stackctl.watch/1",
            event,
            files: None,
            outcome: None,
            exit_code: None,
            functions: None,
            error: None,
        }
    }
}
