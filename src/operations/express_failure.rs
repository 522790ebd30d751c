//! What to do if CloudFormation refuses an operation because the stack failed in EXPRESS mode.
//!
//! Its message decides, and not the state of the stack: the service may lift the rule.

use crate::aws;
use crate::cloudformation::service_message;
use crate::cloudformation::stack::Stack;
use crate::error::Error;
use crate::operations::session::Session;

/// Returns the error of a refused operation with what helps. `command` is the same operation in EXPRESS
/// mode, without the environment. Another error is returned as it is.
pub(crate) fn explain(session: &Session<'_>, stack: &Stack, error: Error, command: &str) -> Error {
    if !aws::service_message(&error).is_some_and(service_message::requires_express) {
        return error;
    }
    let (name, status) = (&stack.name, &stack.status);
    Error::refused(format!(
        "the stack `{name}` is {status} after an operation in EXPRESS mode: until it is complete, \
         CloudFormation accepts only that mode"
    ))
    .caused_by(error)
    .hint(recover(session))
    .hint(format!(
        "or continue in that mode: `{}`",
        session.command(command)
    ))
}

/// Returns the hint to complete a stack that failed in EXPRESS mode.
pub(crate) fn recover(session: &Session<'_>) -> String {
    let recover = session.command("recover");
    format!("`{recover}` deploys the last template that succeeded")
}
