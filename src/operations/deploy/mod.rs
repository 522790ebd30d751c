//! From the files and the stack to a change set, and what belongs to its execution.

mod adopted_code;
pub(crate) mod application;
mod asset_upload;
pub(crate) mod change_set_deletion;
pub(crate) mod code_check;
pub(crate) mod consent;
mod deployed;
pub(crate) mod deployment;
pub(crate) mod execution;
mod fingerprint;
mod git_state;
pub(crate) mod import;
pub(crate) mod moves;
mod nested_change_sets;
pub(crate) mod offline;
pub(crate) mod online;
pub(crate) mod options;
pub(crate) mod pending_change_set;
pub(crate) mod previous_values;
pub(crate) mod readiness;
pub(crate) mod recording;
pub(crate) mod rollback;
pub(crate) mod saved_plan;
mod service_validations;
pub(crate) mod service_values;
pub(crate) mod stack_settings;
pub(crate) mod upload;
