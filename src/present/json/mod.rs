//! The layouts of the JSON output. They are separate from the domain types, so that both can change
//! independently. Each document names its layout: `"schema": "stackctl.plan/1"`.

mod change_set;
mod chart;
pub mod checkup;
mod code;
pub mod config;
pub mod deletion;
pub mod diff;
pub mod drift;
pub mod event;
mod evidence;
pub mod findings;
pub mod garbage;
pub mod history;
pub mod import;
pub mod live;
pub mod local;
pub mod log;
pub mod orphan;
pub mod package;
pub mod plan;
pub mod recovery;
pub mod refactor;
pub mod sarif;
pub mod schemas;
pub mod stack;
pub mod stack_set;
pub mod stacks;
mod validation;
pub mod verify;
pub mod version;
pub mod watch;
