//! How often a call is tried, and how long it may take.

use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;

use super::pace::Pace;
use super::shared_config::Profile;
use super::variables::Variables;
use crate::error::{Error, Result};

/// The time-out of one attempt of a call. Uploads have none.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_mins(1);
/// The time-out of a call with all its attempts: nobody should wait longer for a server that
/// accepts a connection and does not answer. Uploads have none.
const CALL_TIMEOUT: Duration = Duration::from_mins(2);
/// How long connecting may take.
pub(super) const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How often a call is tried in all; the SDK waits longer each time, and on throttling.
pub(super) const ATTEMPTS: u32 = 5;
/// The longest pause before an attempt (`RetryConfig::max_backoff`).
const MAX_PAUSE: Duration = Duration::from_secs(20);

/// The longest first pause, of which a random part is waited (`RetryConfig::initial_backoff`).
const FIRST_PAUSE: Duration = Duration::from_secs(1);

/// The settings for all calls of a connection.
#[derive(Debug, Clone)]
pub(super) struct Retries {
    pub(super) retries: RetryConfig,
    pub(super) timeouts: TimeoutConfig,
}

impl Default for Retries {
    fn default() -> Self {
        Self::new(RetryConfig::standard(), ATTEMPTS)
    }
}

impl Retries {
    fn new(retries: RetryConfig, attempts: u32) -> Self {
        // Who wants more attempts waits for them.
        let pauses = if attempts > ATTEMPTS {
            MAX_PAUSE * attempts
        } else {
            Duration::ZERO
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .operation_attempt_timeout(ATTEMPT_TIMEOUT)
            .operation_timeout(CALL_TIMEOUT.max(pauses))
            .build();
        Self {
            retries: retries.with_max_attempts(attempts),
            timeouts,
        }
    }

    /// Returns the same with pauses at another pace.
    pub(super) fn at(self, pace: Pace) -> Self {
        let retries = self.retries.with_initial_backoff(pace.real(FIRST_PAUSE));
        Self {
            retries: retries.with_max_backoff(pace.real(MAX_PAUSE)),
            ..self
        }
    }

    /// Returns what `AWS_MAX_ATTEMPTS` and `AWS_RETRY_MODE`, or the profile, say.
    ///
    /// # Errors
    ///
    /// If a value is none that is allowed. The error names where it is.
    pub(super) fn read(variables: &Variables, profile: &Profile) -> Result<Self> {
        let value = |variable: &str, key: &str| -> Result<Option<(String, String)>> {
            let of_variable = variables.with_origin(variable)?;
            Ok(of_variable.or_else(|| profile.text_with_origin(key)))
        };
        let attempts = match value("AWS_MAX_ATTEMPTS", "max_attempts")? {
            None => ATTEMPTS,
            Some((text, origin)) => match text.trim().parse() {
                Ok(attempts) if (1..=1000).contains(&attempts) => attempts,
                _ => {
                    return Err(Error::input(format!(
                        "{origin} is `{}`, and has to be a number from 1 to 1000",
                        text.escape_debug()
                    ))
                    .hint("it says how often a call to AWS is tried in all"));
                }
            },
        };
        let mode = match value("AWS_RETRY_MODE", "retry_mode")? {
            None => RetryConfig::standard(),
            // The Rust SDK has no mode `legacy`. Of its rules only the pauses differ.
            Some((text, _)) if ["standard", "legacy"].contains(&text.as_str()) => {
                RetryConfig::standard()
            }
            Some((text, _)) if text == "adaptive" => RetryConfig::adaptive(),
            Some((text, origin)) => {
                return Err(Error::input(format!(
                    "{origin} is `{}`, and has to be `standard`, `adaptive` or `legacy`",
                    text.escape_debug()
                ))
                .hint("it says how calls to AWS are tried again"));
            }
        };
        Ok(Self::new(mode, attempts))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use aws_types::os_shim_internal::Env;

    use super::*;

    fn read(variables: &[(&str, &str)]) -> Result<Retries> {
        let variables = Variables::new(Env::from_slice(variables));
        Retries::read(&variables, &Profile::default())
    }

    #[test]
    fn more_attempts_have_more_time() {
        for (attempts, minutes) in [("1", 2), ("5", 2), ("12", 4)] {
            let retries = read(&[("AWS_MAX_ATTEMPTS", attempts)]).unwrap_or_default();
            assert_eq!(retries.retries.max_attempts().to_string(), attempts);
            let timeout = retries.timeouts.operation_timeout();
            assert_eq!(timeout, Some(Duration::from_mins(minutes)));
        }
        assert_eq!(Retries::default().retries.max_attempts(), 5);
    }

    #[test]
    fn values_that_are_not_allowed_are_named() {
        for (name, value) in [
            ("AWS_MAX_ATTEMPTS", ""),
            ("AWS_MAX_ATTEMPTS", "0"),
            ("AWS_MAX_ATTEMPTS", "-1"),
            ("AWS_MAX_ATTEMPTS", "many"),
            ("AWS_RETRY_MODE", "Standard"),
            ("AWS_RETRY_MODE", ""),
        ] {
            let error = read(&[(name, value)]).err().map(|error| error.to_string());
            let error = error.unwrap_or_default();
            assert!(
                error.starts_with(&format!("the variable {name} is `{value}`")),
                "{error}"
            );
        }
    }
}
