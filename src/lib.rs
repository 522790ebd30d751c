//! Plan, apply and diff AWS CloudFormation stacks from one TOML manifest and one template.
//!
//! # Bird's-eye view
//!
//! ```text
//! manifest → settings → package → render → parse → validate → upload → change set → plan → execute → events → outcome
//! ```
//!
//! Data flows one way and the modules stand in that order. CloudFormation is the engine and holds
//! the state; stackctl keeps none that another command depends on.
//!
//! # Code map
//!
//! | module | noun | does I/O |
//! | --- | --- | --- |
//! | [`cli`] | the command line: global flags and the list of commands | no |
//! | [`command_line`] | a command line of this program, as a hint shows it | no |
//! | [`commands`] | one file a command: its arguments and one function | through the others |
//! | [`ambient`] | what surrounds the process: variables, folder, terminal; captured once | in `main` only |
//! | [`error`] | the error type, its kinds and their exit codes | no |
//! | [`diagnostic`] | a finding that points at a place in a text | no |
//! | [`project`] | the project's inputs: manifest, template, artifact files | reads files |
//! | [`manifest`] | text → layers of optional values with their places | no |
//! | [`origin`] | where a value came from: default, manifest line, variable or flag | no |
//! | [`settings`] | layers, variables and flags → values with their sources | no |
//! | [`package`] | artifact files → a reproducible zip | reads files, writes a temporary one |
//! | [`archive`] | a zip's files, read back | no |
//! | [`code`] | which files of an artifact differ from the deployed ones | no |
//! | [`render`](mod@render) | template source → CloudFormation text with a line map | includes, through `project` |
//! | [`template`] | CloudFormation text → a model; its checks and its differences | no |
//! | [`last_deployed`] | the template that was last deployed from here | owns its files |
//! | [`lint`](mod@lint) | what a linter says about the rendered template | runs `cfn-lint` |
//! | [`lifecycle`] | which properties cannot be changed in place | no |
//! | [`predict`] | two templates → the changes that a deployment would probably make | no |
//! | [`stack`] | a stack as it is deployed | no |
//! | [`stack_policy`] | which resources an update may touch | no |
//! | [`change_set`] | a change set: changes, details, what they amount to | no |
//! | `parallel` | two pieces of work at the same time | no |
//! | [`plan`] | what a deployment would do, as it is shown | no |
//! | [`plan_file`] | a saved plan: written, read, refused | owns its file |
//! | [`risk`] | what is dangerous about a plan: data, ports, permissions, protection | no |
//! | [`comparison`] | what is deployed against what the files say | no |
//! | [`destruction`] | what a stack's deletion does to its resources | no |
//! | [`recovery`] | the way out of every state of a stack | no |
//! | [`drift`] | where the world left what was deployed | no |
//! | [`status`] | what a status means | no |
//! | [`event`] | events and the timeline that they are folded into | no |
//! | [`cause`] | why an operation failed, and what helps against it | no |
//! | [`aws`] | configuration, clients, CloudFormation, S3; the only SDK types | calls AWS |
//! | [`interrupt`] | Ctrl-C and SIGTERM | listens for signals |
//! | [`local`] | the local environment: the emulator, installed, started and found | runs processes, owns files in the cache |
//! | [`present`] | what people and programs read | writes to the terminal |
//! | [`digest`] | a SHA-256, as hexadecimal or Base64 | no |
//! | [`spelling`] | words in messages: which one was meant, which there are | no |
//! | [`secret`] | values that are never printed | no |

pub mod ambient;
pub mod archive;
pub mod aws;
pub mod cause;
pub mod change_set;
pub mod cli;
pub mod code;
pub mod command_line;
pub mod commands;
pub mod comparison;
pub mod destruction;
pub mod diagnostic;
pub mod digest;
pub mod drift;
pub mod error;
pub mod event;
pub mod interrupt;
pub mod last_deployed;
pub mod lifecycle;
pub mod lint;
pub mod local;
pub mod manifest;
pub mod origin;
pub mod package;
mod parallel;
pub mod plan;
pub mod plan_file;
pub mod predict;
pub mod present;
pub mod project;
pub mod recovery;
pub mod render;
pub mod risk;
pub mod secret;
pub mod settings;
pub mod spelling;
pub mod stack;
pub mod stack_policy;
pub mod status;
pub mod template;
