//! Helpers that know nothing of CloudFormation.

pub mod interrupt;
pub(crate) mod new_file;
pub mod parallel;
pub(crate) mod permissions;
pub(crate) mod process_group;
pub(crate) mod program;
pub mod regular_file;
pub mod shell_word;
pub mod span;
pub mod suggest;
pub(crate) mod time;
pub(crate) mod wildcard;
