//! Repairing a stack that accepts no change, and stopping an operation.

pub(crate) mod cancel;
pub(crate) mod drift_revert;
pub(crate) mod last_good;
pub(crate) mod steps;
