//! What CloudFormation does with a deployment that fails.

use clap::ValueEnum;
use serde::{Deserialize, Serialize};

/// What CloudFormation does with a deployment that fails.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Roll it back; of a new stack only the name is left
    #[default]
    Rollback,
    /// Keep it as it is then: correct the cause and apply again, or `recover`
    Keep,
    /// Delete a new stack again; roll an update back
    Delete,
}
