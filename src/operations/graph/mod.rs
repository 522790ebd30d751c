//! One command over several stacks. Nothing else knows that there are several: each stack has a context
//! of its own, in which the command runs as for one stack.

pub(crate) mod exit_code;
pub(crate) mod group;
pub(crate) mod layout;
pub(crate) mod runner;
