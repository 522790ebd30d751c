//! The spans of the program's own trace: one for the command, one for each call to AWS.
//!
//! `-v` prints them with their durations. Without `-v` nothing subscribes to them, and they cost a
//! comparison each. Their fields are names and numbers; a value that a request or an answer carries
//! does not belong in them.

use tracing::Span;
use tracing::field::Empty;

/// The target of these spans, by which a subscriber selects them.
pub const TARGET: &str = "stackctl::span";

/// The name of the span of a command. Its fields are `name`, `stack` and `environment`, and `label` if the
/// command works on several stacks.
pub const COMMAND: &str = "command";

/// The name of the span of a call. Its fields are `service`, `operation`, `attempts` and `status`.
pub const CALL: &str = "call";

/// Returns the span of a command, such as `apply`.
pub fn command(name: &'static str) -> Span {
    tracing::info_span!(target: TARGET, COMMAND, name, stack = Empty, environment = Empty)
}

/// Returns the span of a command on one of several stacks. `label` tells it apart from the others.
pub fn command_for(name: &'static str, label: &str) -> Span {
    tracing::info_span!(target: TARGET, COMMAND, name, label, stack = Empty, environment = Empty)
}

/// Adds what the current command works on, once that is known.
pub fn record_stack(stack: &str, environment: &str) {
    let command = Span::current();
    command.record("stack", stack);
    command.record("environment", environment);
}

/// Returns the span of a call, such as `CloudFormation` and `DescribeStacks`.
pub fn call(service: &str, operation: &str) -> Span {
    tracing::info_span!(target: TARGET, CALL, service, operation, attempts = Empty, status = Empty)
}

/// Adds how a call ended: its attempts, and the HTTP status of the answer; `None` if there was none.
pub fn record_answer(call: &Span, attempts: u32, status: Option<u16>) {
    call.record("attempts", attempts);
    call.record("status", status.unwrap_or_default());
}
