//! Answers that come in pages, each with the token of the next.
//!
//! Whatever a server says, the reading ends: a token that comes again ends it, and so does a number of
//! pages that no real answer has.

use std::collections::HashSet;

use crate::error::{Error, ErrorKind, Result};

/// How many pages are read of one answer. The longest are a stack's events of 90 days, 100 a page
/// (`DescribeStackEvents`).
const PAGES: usize = 10_000;

/// The tokens of the pages that were read.
#[derive(Debug, Default)]
pub(super) struct Tokens(HashSet<String>);

impl Tokens {
    /// Returns the token to go on with; `None` where all pages were read. A token that comes again
    /// leads to a page that was read already. `what` is what does not end, for the error.
    pub(super) fn next(&mut self, token: Option<String>, what: &str) -> Result<Option<String>> {
        let Some(token) = token.filter(|token| !token.is_empty()) else {
            return Ok(None);
        };
        if self.0.len() >= PAGES {
            return Err(Error::new(
                ErrorKind::Service,
                format!("{what} does not end: over {PAGES} pages were read"),
            ));
        }
        Ok(self.0.insert(token.clone()).then_some(token))
    }
}

#[cfg(test)]
mod tests {
    use super::{PAGES, Tokens};

    #[test]
    fn reading_ends_with_the_last_page_at_one_that_comes_again_and_in_the_end() {
        let mut tokens = Tokens::default();
        let mut next = |token: &str| tokens.next(Some(token.to_owned()), "it");
        for (token, expected) in [("a", Some("a")), ("b", Some("b")), ("a", None), ("", None)] {
            let given = next(token).unwrap_or_else(|error| panic!("{error}"));
            assert_eq!(given.as_deref(), expected, "{token}");
        }
        let refused = (0..PAGES).find_map(|number| next(&number.to_string()).err());
        let said = refused.map(|error| error.to_string()).unwrap_or_default();
        assert_eq!(said, "it does not end: over 10000 pages were read");
    }
}
