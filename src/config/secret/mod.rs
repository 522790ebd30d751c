//! Values that are never printed.
//!
//! Secrets are removed from the output in two steps. If a value is known to contain a secret, the whole
//! value is masked: see [`plan::masking`](crate::plan::masking). In all other text, including messages
//! from AWS, known secrets are replaced: see [`Redactor`]. [`Secrets`] holds what is known; it is filled
//! as soon as a secret is read.
//!
//! The second step works only for secrets that are long enough. A secret of three characters is part of
//! many words; replacing it there would make the text unreadable and reveal the secret.
//!
//! | module | contents |
//! | --- | --- |
//! | `known` | the secrets of this process |
//! | `redact` | the search for secrets in a text, and their replacement |
//! | `parts` | the parts of a secret that are secret by themselves, and their spellings |
//! | `view` | a text without its escapes, or decoded, with the place of each byte |
//! | `unescaped` | the removal of escapes from a text |
//! | `shape` | secrets that are recognized by their shape: private keys, signatures of URLs |

mod known;
mod parts;
mod redact;
mod shape;
mod unescaped;
mod view;

use std::fmt;

pub use known::Secrets;
pub(super) use parts::password as password_of_url;
pub use redact::{MASK, Redactor};

/// A secret value. It has neither `Display` nor `Serialize`, and its `Debug` hides the value.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Returns a secret with this value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// Returns the value itself, to send it to AWS or to find it in a text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}
