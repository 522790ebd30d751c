//! Output without a presenter: clap's messages, the log, and errors outside of a command.

use std::io;
use std::process::ExitCode;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Layer as _, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;

use super::streams::{self, LogEvent, Streams};
use super::timing::{self, Timings};
use crate::error::ErrorKind;
use crate::util::span;

/// Prints clap's message and returns the exit code: 0 for the help and the version, which go to
/// stdout, and 64 for usage errors, which go to stderr.
pub fn command_line(message: &clap::Error) -> ExitCode {
    streams::usage(&message.render().ansi().to_string(), message.use_stderr());
    if message.use_stderr() {
        ExitCode::from(ErrorKind::Usage.exit_code())
    } else {
        ExitCode::SUCCESS
    }
}

/// Prints an error that came before there was a presenter, and returns the exit code.
#[expect(
    clippy::print_stderr,
    reason = "a presenter needs the environment, which could not be read"
)]
pub fn cannot_start(message: &str, error: &io::Error) -> ExitCode {
    eprintln!("error: {message}\n  caused by: {error}");
    ExitCode::from(ErrorKind::System.exit_code())
}

/// Starts the log on stderr: the timings of the command and its AWS calls and, if `with_trace`, the
/// AWS SDK's trace.
///
/// The level of the trace is at most `debug`, because the SDK's `trace` level contains request bodies.
pub(super) fn log(streams: Streams, with_trace: bool) {
    let timings = Timings(streams.clone());
    let trace = with_trace.then(|| {
        let filter = EnvFilter::new(format!(
            "warn,stackctl=debug,{}=off,aws_config=debug,aws_smithy_runtime=debug,aws_runtime=debug",
            span::TARGET
        ));
        tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || LogEvent {
                streams: streams.clone(),
                text: Vec::new(),
            })
            .with_filter(filter)
    });
    tracing_subscriber::registry()
        .with(timings.with_filter(filter_fn(timing::is_printed)))
        .with(trace)
        .init();
}

/// Ends the process immediately after the second interrupt. `hints` say how to continue
/// the operation.
///
/// The interrupted command is still using the presenter. The terminal may be closed, which must not
/// keep the process from ending.
#[expect(
    clippy::exit,
    reason = "the second Ctrl-C must end the process immediately"
)]
pub(super) fn exit_interrupted(streams: &Streams, hints: &[String]) -> ! {
    let mut message = "\nerror: interrupted\n".to_owned();
    for hint in hints {
        message.push_str(&format!("hint: {hint}\n"));
    }
    streams.last_message(&message);
    std::process::exit(i32::from(ErrorKind::Interrupted.exit_code()))
}
