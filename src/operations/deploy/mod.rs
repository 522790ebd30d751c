//! From the files and the stack to a change set, and what belongs to its execution.

pub mod code_check;
pub mod deployment;
pub mod offline;
pub mod options;
pub mod pending_change_set;
pub mod readiness;
pub mod saved_plan;
pub mod service_validations;
pub mod stack_settings;
