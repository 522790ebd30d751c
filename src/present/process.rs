//! What is written before there is a presenter: clap's messages, the log.

use std::io;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;

use crate::error::ErrorKind;

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

/// Sends the AWS SDK's trace to stderr where `-vv` was given.
///
/// The level stops at `debug`: the SDK's `trace` level holds request bodies.
pub fn log(verbosity: u8) {
    if verbosity < 2 {
        return;
    }
    let filter = EnvFilter::new(
        "warn,stackctl=debug,aws_config=debug,aws_smithy_runtime=debug,aws_runtime=debug",
    );
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
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
