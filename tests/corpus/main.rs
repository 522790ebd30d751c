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

mod change_sets;
mod corpus;
mod differences;
mod drift;
mod failures;
mod plans;
mod prediction;
mod replay;
mod templates;
mod wire;
