//! The secrets that this process knows.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Redactor, Secret};

/// All secrets that this process knows. Copies share them.
#[derive(Clone, Default)]
pub struct Secrets(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    secrets: Vec<Secret>,
    /// The redactor for the secrets; `None` if one was added since it was built.
    redactor: Option<Arc<Redactor>>,
}

impl Secrets {
    /// Adds a secret. From now on, every text that is redacted is without it.
    pub fn add(&self, secret: &Secret) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if !secret.expose().is_empty() && !known.secrets.contains(secret) {
            known.secrets.push(secret.clone());
            known.redactor = None;
        }
    }

    /// Returns the redactor for the secrets that are known now.
    pub fn redactor(&self) -> Arc<Redactor> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(redactor) = &known.redactor {
            return Arc::clone(redactor);
        }
        let redactor = Arc::new(Redactor::new(&known.secrets));
        known.redactor = Some(Arc::clone(&redactor));
        redactor
    }

    /// Returns the text without the secrets.
    pub fn redact<'t>(&self, text: &'t str) -> Cow<'t, str> {
        match self.redactor().redact(text) {
            Some(shown) => Cow::Owned(shown),
            None => Cow::Borrowed(text),
        }
    }

    /// Returns a JSON text without the secrets. The result is still JSON.
    pub fn redact_json<'t>(&self, json: &'t str) -> Cow<'t, str> {
        match self.redactor().redact_json(json) {
            Some(shown) => Cow::Owned(shown),
            None => Cow::Borrowed(json),
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets(…)")
    }
}
