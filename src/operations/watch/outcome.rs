//! How a run of `watch` ended.

/// How a run ended that did not fail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The plan was shown.
    Planned,
    /// Nothing had to be deployed.
    Unchanged(String),
    /// The stack of this name was deployed and has this status. The code or the configuration of these functions
    /// changed.
    Applied {
        stack: String,
        status: String,
        functions: Vec<String>,
    },
    /// These functions have new code, and the stack does not know it.
    Swapped {
        functions: Vec<String>,
        /// The sentence that says so; empty if the stack names the same code.
        lag: String,
    },
}
