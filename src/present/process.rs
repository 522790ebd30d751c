//! What is written before there is a presenter: clap's messages, the log.

use std::io;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::timing::{self, Timings};
use crate::error::ErrorKind;
use crate::util::span;

/// Prints clap's message: help and version to stdout with code 0, mistakes to stderr with code 64.
pub fn command_line(message: &clap::Error) -> ExitCode {
    // A closed pipe is the reader's way to say "enough".
    let _ = message.print();
    if message.use_stderr() {
        ExitCode::from(ErrorKind::Usage.exit_code())
    } else {
        ExitCode::SUCCESS
    }
}

/// Says that the current folder cannot be read.
#[expect(
    clippy::print_stderr,
    reason = "there is no presenter without an ambient"
)]
pub fn no_current_folder(error: &io::Error) -> ExitCode {
    eprintln!("error: cannot read the current folder\n  caused by: {error}");
    ExitCode::from(ErrorKind::System.exit_code())
}

/// Prints the program's own spans, and the AWS SDK's trace if that is wanted.
///
/// The level of the trace is `debug`: at `trace`, the SDK prints the bodies of requests.
pub(super) fn log(timings: Timings, with_trace: bool) {
    let trace = with_trace.then(|| {
        let filter = EnvFilter::new(format!(
            "warn,stackctl=debug,{}=off,aws_config=debug,aws_smithy_runtime=debug,aws_runtime=debug",
            span::TARGET
        ));
        tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_filter(filter)
    });
    tracing_subscriber::registry()
        .with(timings.with_filter(filter_fn(timing::is_printed)))
        .with(trace)
        .init();
}

/// Ends the process at once, after the second interrupt; says how to go on where that is known.
#[expect(
    clippy::print_stderr,
    reason = "the presenter is in use by the command that is being ended"
)]
#[expect(clippy::exit, reason = "the second Ctrl-C must not wait for anything")]
pub fn exit_interrupted(resume: Option<&str>) -> ! {
    eprintln!("\nerror: interrupted");
    if let Some(command) = resume {
        eprintln!("hint: go on with `{command}`");
    }
    std::process::exit(i32::from(ErrorKind::Interrupted.exit_code()))
}
