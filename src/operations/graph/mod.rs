//! One command over several stacks. Nothing else knows that there are several: each stack has a context
//! of its own, in which the command runs as for one stack.

mod coordinator;
pub(crate) mod deletions;
pub(crate) mod dependents;
pub(crate) mod deployments;
pub(crate) mod exit_code;
pub(crate) mod group;
pub(crate) mod layout;
mod needs;
pub(crate) mod plan_saving;
pub(crate) mod request;
pub(crate) mod runner;
mod schedule;
mod set_deletions;
mod set_deployments;
mod waiting;
