//! The causes of an SDK error: found by their type, and printed as one line.

use std::error::Error;
use std::fmt;

/// Returns the first error of type `T` in the chain of causes.
pub(super) fn find<'a, T: Error + 'static>(error: &'a (dyn Error + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<T>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// A chain of causes as one line, each once.
///
/// The SDK's outer errors only name its own layers; what a user needs is at the chain's end.
#[derive(Debug)]
pub(super) struct Chain(pub(super) String);

impl Chain {
    pub(super) fn of(error: &dyn Error) -> Self {
        const LAYERS: [&str; 7] = [
            "dispatch failure",
            "io error",
            "timeout",
            "other",
            "service error",
            "unhandled error",
            "client error (Connect)",
        ];
        let mut texts: Vec<String> = Vec::new();
        let mut next = Some(error);
        while let Some(cause) = next {
            // A program that gives credentials ends its text with a line break.
            let text = cause.to_string().trim_end().to_owned();
            if !LAYERS.contains(&text.as_str())
                && !texts.iter().any(|before| before.contains(&text))
            {
                texts.push(text);
            }
            next = cause.source();
        }
        if texts.is_empty() {
            texts.push(error.to_string());
        }
        Self(texts.join(": "))
    }
}

impl fmt::Display for Chain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Error for Chain {}
