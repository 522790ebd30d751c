//! The stacks whose outputs another stack reads: their values, and what their plans do to them.

pub(crate) mod export_users;
pub(crate) mod inputs;
pub(crate) mod known;
pub(crate) mod outputs;
pub(crate) mod project_stacks;
