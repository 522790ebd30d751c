//! Parameters that get no value from a service or from another stack.

use super::session::Session;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};

/// Why a parameter gets no value. It does not contain the value of a secret.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct MissingValue {
    pub(crate) message: String,
    pub(crate) help: Vec<String>,
}

impl MissingValue {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Vec::new(),
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }

    /// Returns the problem at the place of the parameter in the manifest.
    pub(crate) fn of_parameter(
        self,
        session: &Session<'_>,
        parameter: &str,
        rule: &'static str,
    ) -> Diagnostic {
        let origins = &session.settings().origins;
        let place = origins.get(&format!("parameters.{parameter}")).place("");
        let message = format!("the parameter `{parameter}` has no value: {}", self.message);
        let problem = Diagnostic::error(rule, message, place);
        self.help.into_iter().fold(problem, Diagnostic::help)
    }
}

/// Returns an error if parameters have no value.
///
/// # Errors
///
/// An input error with all `problems`.
pub(crate) fn check(problems: Vec<Diagnostic>) -> Result<()> {
    let message = match problems.len() {
        0 => return Ok(()),
        1 => "a parameter has no value".to_owned(),
        count => format!("{count} parameters have no value"),
    };
    Err(Error::input(message).with_diagnostics(problems))
}
