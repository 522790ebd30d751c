//! Recorded responses of AWS and test data of related projects.
//!
//! The corpus is not part of the project. Its folder is `STACKCTL_CORPUS`, otherwise
//! `../shared/corpus` beside the project. Without a corpus, every test prints a note and passes. A
//! folder that the variable names must exist.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "tests fail by panicking"
)]

mod adoption;
#[expect(dead_code, reason = "the scripted cloud uses the rest")]
#[path = "../cli/cloud/call.rs"]
mod call;
mod cases;
mod change_sets;
mod corpus;
mod differences;
mod documents;
mod drift;
mod failures;
#[expect(dead_code, reason = "the scripted cloud uses the rest")]
#[path = "../cli/cloud/http.rs"]
mod http;
mod lifecycle;
#[path = "../support/listener.rs"]
mod listener;
mod plans;
mod prediction;
mod program;
mod public_failures;
mod replay;
mod response_shapes;
#[expect(dead_code, reason = "the tests of the command line use the rest")]
#[path = "../support/sandbox/mod.rs"]
mod sandbox;
mod scenario;
mod service;
mod templates;
mod wire;
mod xml;
