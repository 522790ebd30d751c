//! Values that are never printed.
//!
//! A secret is kept from the output in two ways. Where it is known that a place holds one, the place
//! is masked, whatever stands there: see [`plan::secrets`](crate::plan::masking). Everywhere else,
//! and in what the service says in its own words, the known values are taken out of the text: see
//! [`Redactor`]. The second way is only for values that are long enough to be recognized. A secret of
//! three characters occurs in half of all words; to mask it there would make the text unreadable and
//! tell everybody what it is.

mod redact;

use std::fmt;

pub use redact::Redactor;

/// A secret value. It has neither `Display` nor `Serialize`; its `Debug` says only that it is one.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns a secret that holds `value`.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value itself, for the one call that sends it to AWS.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
