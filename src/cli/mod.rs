//! The command line: global flags, the list of commands, and command lines as hints show them.

pub mod args;
pub mod commands;
pub mod hint;
