//! The layouts of the JSON output, apart from the domain's own types, so that either can change
//! without the other. Each document names its layout: `"schema": "stackctl.plan/1"`.

mod change_set;
mod code;
pub mod config;
pub mod deletion;
pub mod diff;
pub mod drift;
pub mod event;
pub mod findings;
pub mod live;
pub mod package;
pub mod plan;
pub mod recovery;
pub mod sarif;
pub mod stack;
mod validation;
