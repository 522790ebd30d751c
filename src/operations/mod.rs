//! What several commands share: opening a project, building it, deploying it and following an operation.

pub mod build;
pub mod deletion_plan;
pub mod deploy;
pub mod drift_detection;
pub mod follow;
pub mod lint;
pub mod recover;
pub mod session;
