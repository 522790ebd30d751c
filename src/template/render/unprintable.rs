//! Values that a template cannot print.

use std::fmt;

/// A value that cannot be printed as YAML. The place of the error shows the expression.
#[derive(Debug)]
pub(super) enum Unprintable {
    /// `none`.
    None,
    /// A list or any other sequence.
    List,
    /// A map.
    Map,
    /// An infinite float or NaN.
    NotFinite,
    /// A function, bytes or any other object.
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
