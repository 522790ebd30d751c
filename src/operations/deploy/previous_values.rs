//! Parameters that keep the value of the deployed stack (`use_previous = true` in the manifest).
//!
//! CloudFormation refuses them for a new stack, and for a parameter that the deployed template lacks.
//! Both are known before anything is sent.

use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::operations::build::Build;

/// Checks that the stack has a value for every parameter that keeps its value.
///
/// # Errors
///
/// An error with every parameter for which it has none, at its place in the manifest.
pub(crate) fn check(build: &Build, settings: &Settings, stack: Option<&Stack>) -> Result<()> {
    // The empty stack that a failed creation leaves is deleted, and its values with it.
    let stack = stack
        .filter(|stack| stack.status.exists() && stack.status != StackStatus::RollbackComplete);
    let name = &settings.stack_name;
    let reason = match stack {
        None => format!("the stack `{name}` is not deployed"),
        Some(_) => format!("the stack `{name}` has no such parameter"),
    };
    let has = |parameter: &String| stack.is_some_and(|it| it.parameters.contains_key(parameter));
    let missing = build.parameters.keys();
    let missing = missing.filter(|parameter| build.keeps_value(parameter) && !has(parameter));
    let found: Vec<Diagnostic> = missing
        .map(|parameter| {
            let place = settings.origins.get(&format!("parameters.{parameter}"));
            Diagnostic::error(
                "no-previous-value",
                format!("the parameter `{parameter}` has no previous value: {reason}"),
                place.place(""),
            )
            .help(if build.is_no_echo(parameter) {
                "give the value: `{ from_env = \"VARIABLE\" }`"
            } else {
                "write the value"
            })
        })
        .collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::input("a parameter needs a value").with_diagnostics(found))
}
