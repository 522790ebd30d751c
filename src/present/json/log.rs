//! `stackctl.log/1`: a line of a function's log.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::function::{Function, LogLine};

/// The JSON document of one line.
#[derive(Debug, Serialize, JsonSchema)]
pub struct LogEntry<'a> {
    #[schemars(extend("const" = "stackctl.log/1"))]
    schema: &'static str,
    time: Option<String>,
    function: &'a str,
    name: &'a str,
    log_group: &'a str,
    log_stream: &'a str,
    id: Option<&'a str>,
    platform: bool,
    message: &'a str,
}

impl<'a> LogEntry<'a> {
    /// Returns the document for a line of this function in this log group.
    pub fn of(function: &'a Function, group: &'a str, line: &'a LogLine, platform: bool) -> Self {
        Self {
            schema: "stackctl.log/1",
            time: line.timestamp().map(|time| time.to_string()),
            function: &function.path,
            name: &function.name,
            log_group: group,
            log_stream: &line.stream,
            id: Some(line.id.as_str()).filter(|id| !id.is_empty()),
            platform,
            message: &line.text,
        }
    }
}
