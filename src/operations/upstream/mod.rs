//! The stacks whose outputs another stack reads: their templates, their values, and what their plans do to
//! them.

pub(crate) mod export_users;
pub(crate) mod input_types;
pub(crate) mod inputs;
pub(crate) mod known;
pub(crate) mod outputs;
pub(crate) mod project_stacks;
pub(crate) mod provisional_inputs;
pub(crate) mod shared_parameters;
