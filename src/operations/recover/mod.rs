//! Leading a stack out of a state in which it accepts no change.

pub mod drift_revert;
