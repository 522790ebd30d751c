//! Plan, apply and diff AWS CloudFormation stacks from one TOML manifest and one template.
//!
//! # Bird's-eye view
//!
//! ```text
//! manifest → settings → package → render → parse → validate → upload → change set → plan → execute → events → outcome
//! ```
//!
//! Data flows one way. CloudFormation is the engine and holds the state; stackctl keeps no state that
//! another command depends on.
//!
//! # Code map
//!
//! A module may use the modules below it in this table, and none above it. `tests/invariants.rs`
//! reads that off the sources.
//!
//! | module | what it holds | I/O |
//! | --- | --- | --- |
//! | [`cli`] | arguments, one file per command, command lines as hints show them | through the others |
//! | [`operations`] | what several commands share: session, build, deployment, following an operation | through the others |
//! | [`present`] | everything that people and programs read: human, JSON, Markdown | writes to the terminal |
//! | [`emulator`] | the local environment: the emulator, installed, started and found | runs processes, owns files in the cache |
//! | [`aws`] | configuration, clients, CloudFormation, S3; the only SDK types | calls AWS |
//! | [`plan`] | what a deployment would do: model, risk, prediction, comparison, saved plans | owns the files of saved plans |
//! | [`cloudformation`] | the domain: stacks, change sets, events, drift, recovery, diagnosis | no |
//! | [`template`] | CloudFormation text and model: render, parse, validate, compare, evaluate, lint | runs the linter |
//! | [`artifact`] | folders as reproducible zips, and the files in a zip | reads files, writes a temporary one |
//! | [`config`] | manifest, settings with their sources, the project's files, secrets | reads the project |
//! | [`util`] | concurrency, suggestions, interruption, quoting for a shell | listens for signals |
//! | [`diagnostic`], [`error`] | findings that point at a place in a text; errors, their kinds and exit codes | no |

pub mod artifact;
pub mod aws;
pub mod cli;
pub mod cloudformation;
pub mod config;
pub mod diagnostic;
pub mod emulator;
pub mod error;
pub mod operations;
pub mod plan;
pub mod present;
pub mod template;
pub mod util;
