//! The command line: global options, the commands, and the options that hints repeat.

mod apply_args;
pub mod args;
pub mod ci;
pub mod commands;
mod completion;
mod deploy_args;
pub mod global;
pub mod hint;
mod run;
mod stack_set;
mod suggestion;
mod targets;

pub use run::{context, run};
pub use suggestion::parse;
