//! `stackctl.plans/1` and the like: what a command says about several stacks, as one document that holds
//! each stack's own.

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::error::Error;

/// Which documents one document holds. Each has a layout of its own, which a `schema` names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// `stackctl.plan/1`.
    Plan,
    /// `stackctl.diff/1`.
    Diff,
    /// `stackctl.drift/1`.
    Drift,
    /// `stackctl.destroy/1`.
    Destroy,
    /// `stackctl.status/1`.
    Status,
    /// `stackctl.outputs/1`.
    Outputs,
    /// `stackctl.events/1`.
    Events,
    /// `stackctl.history/1`.
    History,
    /// `stackctl.validate/1`.
    Validate,
    /// `stackctl.package/1`.
    Package,
    /// `stackctl.gc/1`.
    Gc,
    /// `stackctl.doctor/1`.
    Doctor,
    /// `stackctl.config/1`.
    Config,
}

impl Kind {
    /// Returns the schema of the document that holds such documents.
    pub const fn schema(self) -> &'static str {
        match self {
            Self::Plan => "stackctl.plans/1",
            Self::Diff => "stackctl.diffs/1",
            Self::Drift => "stackctl.drifts/1",
            Self::Destroy => "stackctl.destroys/1",
            Self::Status => "stackctl.statuses/1",
            Self::Outputs => "stackctl.outputs-of-stacks/1",
            Self::Events => "stackctl.events-of-stacks/1",
            Self::History => "stackctl.histories/1",
            Self::Validate => "stackctl.validates/1",
            Self::Package => "stackctl.packages/1",
            Self::Gc => "stackctl.gcs/1",
            Self::Doctor => "stackctl.doctors/1",
            Self::Config => "stackctl.configs/1",
        }
    }
}

/// What a command says about several stacks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StacksDocument {
    schema: &'static str,
    stacks: Vec<StackEntry>,
}

/// What it says about one of them.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub struct StackEntry {
    /// The stack's key in `[stacks]`; null if the project has one stack.
    pub stack: Option<String>,
    /// The environment.
    pub environment: String,
    /// The account; absent if nobody has named it or asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// The region; absent if nobody has named it or asked for it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
    /// The exit code that the command would have for this stack alone.
    pub exit_code: u8,
    /// Why the command failed for this stack; absent if it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorEntry>,
    /// What the command prints for this stack alone; null if it prints nothing.
    pub document: Option<Value>,
}

/// An error.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ErrorEntry {
    message: String,
    causes: Vec<String>,
    hints: Vec<String>,
}

impl StacksDocument {
    /// Returns the document that holds these.
    pub fn of(kind: Kind, stacks: Vec<StackEntry>) -> Self {
        Self {
            schema: kind.schema(),
            stacks,
        }
    }
}

impl ErrorEntry {
    /// Returns an error's message, its causes from the outermost, and its hints.
    pub fn of(error: &Error) -> Self {
        Self {
            message: error.to_string(),
            causes: error.causes().collect(),
            hints: error.hints().to_vec(),
        }
    }
}

/// Returns one SARIF log with the results of these, each result once, in one run: code hosts refuse
/// several runs of one tool.
pub fn merged_sarif(logs: Vec<Value>) -> Value {
    let mut logs = logs.into_iter();
    let Some(mut all) = logs.next() else {
        return Value::Null;
    };
    for log in logs {
        for list in ["/runs/0/results", "/runs/0/tool/driver/rules"] {
            let more = log.pointer(list).and_then(Value::as_array);
            if let Some(Value::Array(known)) = all.pointer_mut(list) {
                for item in more.into_iter().flatten() {
                    if !known.contains(item) {
                        known.push(item.clone());
                    }
                }
            }
        }
    }
    all
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use serde_json::json;

    use super::{ErrorEntry, Kind, StackEntry, StacksDocument, merged_sarif};
    use crate::error::Error;

    #[test]
    fn a_stack_without_a_document_says_why() {
        let error = Error::system("cannot read", std::io::Error::other("gone")).hint("look");
        let failed = StackEntry {
            stack: Some("app".to_owned()),
            environment: "dev".to_owned(),
            exit_code: 1,
            error: Some(ErrorEntry::of(&error)),
            ..StackEntry::default()
        };
        let document = StacksDocument::of(Kind::Status, vec![failed]);
        assert_eq!(
            serde_json::to_value(document).unwrap(),
            json!({
                "schema": "stackctl.statuses/1",
                "stacks": [{
                    "stack": "app",
                    "environment": "dev",
                    "exit_code": 1,
                    "error": { "message": "cannot read", "causes": ["gone"], "hints": ["look"] },
                    "document": null
                }]
            })
        );
    }

    #[test]
    fn one_sarif_run_has_each_result_once() {
        let log = |results: &[&str], rules: &[&str]| json!({ "runs": [{ "tool": { "driver": { "rules": rules } }, "results": results }] });
        let merged = merged_sarif(vec![
            log(&["a", "b"], &["x"]),
            log(&["b", "c"], &["x", "y"]),
        ]);
        assert_eq!(merged, log(&["a", "b", "c"], &["x", "y"]));
    }
}
