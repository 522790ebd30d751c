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
//! # How `apply` runs
//!
//! `cli::commands::apply::run` calls, in this order:
//!
//! 1. `Session::open`: finds the manifest, resolves the settings.
//! 2. `Deployment::open`: runs the builds of the artifacts and fetches their Python packages
//!    (`prepare`), then builds what the files say (`build::build_concurrently`) and reads what is
//!    deployed (`Deployed::read_concurrently`) at the same time.
//! 3. `readiness::check_revertible`, `readiness::prepare`: waits for a running operation, deletes the
//!    empty stack of a failed creation, refuses a stack that accepts no change.
//! 4. `upload::upload_artifacts`: uploads the zips that the bucket lacks.
//! 5. `PendingChangeSet::create`: requests the change set and waits for it, and looks again at what the
//!    bucket holds.
//! 6. `online::plan`: the plan.
//! 7. `Consent::obtain`: shows the plan, refuses data loss, asks.
//! 8. `execution::execute`: `PendingChangeSet::execute`, then `interrupt_prompt::follow` to the end of
//!    the operation; a failure becomes an error in `FailureReport::error`.
//! 9. `Application::finish`: stack settings, outputs, `code_check::check`, `smoke_test::run`.
//!
//! `plan` does 1 to 6 and discards the change set; `apply FILE` takes it from `SavedPlan::pending`.
//!
//! # Code map
//!
//! A module may use the modules below it in this table, and none above it. `tests/invariants`
//! reads that off the sources.
//!
//! | module | what it holds | I/O |
//! | --- | --- | --- |
//! | [`cli`] | arguments, one file per command, command lines as hints show them | through the others |
//! | [`operations`] | what several commands share: session, build, deployment, following an operation, repair | through the others |
//! | [`present`] | everything that people and programs read: human, JSON, Markdown | writes to the terminal |
//! | [`emulator`] | the local environment: the emulator, installed, started and found | runs processes, owns files in the cache |
//! | `forge` | the comment on a pull request or merge request: GitHub and GitLab | calls the forge |
//! | [`aws`] | configuration, clients, CloudFormation, S3; the only SDK types | calls AWS |
//! | [`plan`] | what a deployment would do: model, risk, prediction, comparison, saved plans | owns the files of saved plans |
//! | [`cloudformation`] | the domain: stacks, change sets, events, drift, recovery, diagnosis | no |
//! | [`template`] | CloudFormation text and model: render, parse, validate, compare, evaluate, lint | runs the linter |
//! | [`artifact`] | folders as reproducible zips, their builds and Python packages, and the files in a zip | reads files, runs builds and pip, writes temporary files and cached wheels |
//! | [`config`] | manifest, settings with their sources, the project's files, secrets | reads the project |
//! | [`util`] | concurrency, suggestions, interruption, spans, quoting for a shell, opening files | listens for signals, opens files for the others |
//! | [`diagnostic`], [`error`] | findings that point at a place in a text; errors, their kinds and exit codes | no |

pub mod artifact;
pub mod aws;
pub mod cli;
pub mod cloudformation;
pub mod config;
pub mod diagnostic;
pub mod emulator;
pub mod error;
mod forge;
pub mod operations;
pub mod plan;
pub mod present;
pub mod template;
pub mod util;
