//! The deletion of one stack: what it would do, the consent, and the deletion itself.
//!
//! It first checks for what makes CloudFormation fail: exports that other stacks import, and buckets
//! that hold objects. If the deletion fails anyway, hints name the commands that help.

mod checks;
pub(crate) mod consent;
pub(crate) mod deletion;
pub(crate) mod execution;
pub(crate) mod options;
pub(crate) mod prepared;
