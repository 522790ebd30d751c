//! Recorded answers of AWS and the test data of related projects, read in place.
//!
//! The corpus is no part of the project. It is looked for where `STACKCTL_CORPUS` says, else beside the
//! project in `../shared/corpus`; where it is absent every test says what it skipped. A corpus that the
//! variable names and that is not there is a failure.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::print_stderr,
    reason = "tests fail by panicking and report their counts on stderr"
)]

#[expect(dead_code, reason = "the scripted cloud uses the rest")]
#[path = "../cli/cloud/call.rs"]
mod call;
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
mod replay;
mod response_shapes;
#[expect(dead_code, reason = "the tests of the command line use the rest")]
#[path = "../support/sandbox/mod.rs"]
mod sandbox;
mod service;
mod templates;
mod wire;
mod xml;
