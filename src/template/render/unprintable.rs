//! Values that a template cannot print.

use std::fmt;

/// A value that has no spelling in YAML; the error's place names the expression.
#[derive(Debug)]
pub(super) enum Unprintable {
    /// `none`.
    None,
    /// A list or another sequence.
    List,
    /// A map.
    Map,
    /// An infinite float, or one that is not a number.
    NotFinite,
    /// A function, bytes or another object.
    Other,
}

impl fmt::Display for Unprintable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "is none",
            Self::List => "is a list",
            Self::Map => "is a map",
            Self::NotFinite => "is not a finite number",
            Self::Other => "is not text, a number or a boolean",
        })
    }
}

impl std::error::Error for Unprintable {}
