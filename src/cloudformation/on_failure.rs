//! What CloudFormation does with a deployment that fails.

use clap::ValueEnum;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What CloudFormation does with a deployment that fails.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum OnFailure {
    /// Roll back; a new stack remains without resources
    #[default]
    Rollback,
    /// Keep the failed state, so that you can fix the cause and apply again, or `recover`
    Keep,
    /// Delete a new stack; roll back an update
    Delete,
}
