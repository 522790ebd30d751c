//! The environment variables of AWS.
//!
//! An empty variable is not a missing one for botocore, and the same is true here, so these variables
//! are not those of `Ambient`. A variable that cannot be used is an error that names it: the SDK
//! ignores some of them and panics on others.

use std::env::VarError;

use aws_types::os_shim_internal::Env;

use crate::error::{Error, Result};

/// The environment variables of the process.
#[derive(Debug, Clone)]
pub(super) struct Variables(Env);

impl Variables {
    pub(super) fn new(env: Env) -> Self {
        Self(env)
    }

    /// Returns the value of a variable, which may be empty.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8.
    pub(super) fn get(&self, name: &str) -> Result<Option<String>> {
        match self.0.get(name) {
            Ok(value) => Ok(Some(value)),
            Err(VarError::NotPresent) => Ok(None),
            Err(VarError::NotUnicode(_)) => {
                Err(Error::input(format!("the variable {name} is not UTF-8"))
                    .hint(format!("export {name} again, or unset it")))
            }
        }
    }

    /// Returns the first of these variables that is set, with its value, which may be empty.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8.
    pub(super) fn first(&self, names: [&'static str; 2]) -> Result<Option<(&'static str, String)>> {
        for name in names {
            if let Some(value) = self.get(name)? {
                return Ok(Some((name, value)));
            }
        }
        Ok(None)
    }

    /// Returns the value of a variable, which may be empty, and its origin for messages.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8.
    pub(super) fn with_origin(&self, name: &str) -> Result<Option<(String, String)>> {
        let value = self.get(name)?;
        Ok(value.map(|value| (value, format!("the variable {name}"))))
    }

    /// Returns the value of a variable; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// If it is not UTF-8.
    pub(super) fn filled(&self, name: &str) -> Result<Option<String>> {
        Ok(self.get(name)?.filter(|value| !value.is_empty()))
    }

    /// Returns the value of a variable that becomes a part of each request; `None` if it is empty.
    ///
    /// # Errors
    ///
    /// If it contains something else than visible ASCII characters.
    pub(super) fn word(&self, name: &str) -> Result<Option<String>> {
        let value = self.filled(name)?;
        match value.as_deref().and_then(not_a_word) {
            Some(reason) => Err(Error::input(format!("the variable {name} {reason}"))
                .hint(format!("export {name} again without it"))),
            None => Ok(value),
        }
    }

    /// Returns a path with `~` and variables replaced; `None` if there is no home folder.
    pub(super) fn expand(&self, path: &str) -> Option<String> {
        let mut expanded = String::new();
        let mut rest = path;
        while let Some((before, after)) = rest.split_once('$') {
            expanded.push_str(before);
            let is_name = |it: char| it.is_ascii_alphanumeric() || it == '_';
            let (name, end) = match after.strip_prefix('{') {
                Some(braced) => braced.split_once('}').unwrap_or(("", after)),
                None => after.split_at(after.find(|it| !is_name(it)).unwrap_or(after.len())),
            };
            match self.0.get(name) {
                Ok(value) if !name.is_empty() => {
                    expanded.push_str(&value);
                    rest = end;
                }
                _ => {
                    expanded.push('$');
                    rest = after;
                }
            }
        }
        expanded.push_str(rest);
        match expanded.strip_prefix('~') {
            Some(rest) if rest.is_empty() || rest.starts_with('/') => {
                Some(format!("{}{rest}", self.0.get("HOME").ok()?))
            }
            _ => Some(expanded),
        }
    }
}

/// Returns why a text cannot be sent in a header; `None` if it can.
pub(super) fn not_a_word(text: &str) -> Option<&'static str> {
    if text.contains(['\n', '\r']) {
        Some("contains a line break")
    } else if text.contains(char::is_whitespace) {
        Some("contains a space")
    } else if text.chars().any(|it| !it.is_ascii_graphic()) {
        Some("contains a character that no key has")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_variable_that_cannot_be_sent_is_named() {
        for value in ["AKIA\n", "AKIA\r", " AKIA", "AK\u{7}IA", "AKIÄ"] {
            let variables = Variables::new(Env::from_slice(&[("AWS_ACCESS_KEY_ID", value)]));
            let error = variables.word("AWS_ACCESS_KEY_ID");
            let error = error.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(error.contains("AWS_ACCESS_KEY_ID contains"), "{error}");
            assert!(!error.contains("AKI"), "{error}");
        }
    }

    #[test]
    fn paths_are_expanded_as_botocore_does() {
        let variables = Variables::new(Env::from_slice(&[("HOME", "/h"), ("X", "y")]));
        let cases = [
            ("~/.aws/config", "/h/.aws/config"),
            ("~", "/h"),
            ("~other/x", "~other/x"),
            ("$X/a${X}b", "y/ayb"),
            ("a$NONE/${NONE}$", "a$NONE/${NONE}$"),
            ("${X", "${X"),
            ("", ""),
        ];
        for (path, expected) in cases {
            assert_eq!(variables.expand(path).as_deref(), Some(expected), "{path}");
        }
    }
}
