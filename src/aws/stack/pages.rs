//! Answers that the service splits into pages.
//!
//! The SDK's paginators follow the tokens, but stop only if the same token comes twice in a row. A
//! server whose tokens lead in a circle, or that returns a new token forever, would never end.

use std::collections::HashSet;

use aws_smithy_async::future::pagination_stream::PaginationStream;

use crate::error::{Error, ErrorKind, Result};

/// How many pages of one answer are read. The longest answers are a stack's events of 90 days, 100 a
/// page (`DescribeStackEvents`): 200,000 events.
const PAGES: usize = 2_000;

/// The pages of an answer, one after the other.
pub(in crate::aws) struct Pages<P, E> {
    answers: PaginationStream<Result<P, E>>,
    next_token: fn(&P) -> Option<&str>,
    name: &'static str,
    tokens: HashSet<String>,
    is_done: bool,
}

impl<P, E> Pages<P, E> {
    /// Returns the pages that a paginator reads. `next_token` returns the token of the following page,
    /// and `name` says what is read, for the error.
    pub(in crate::aws) fn new(
        answers: PaginationStream<Result<P, E>>,
        next_token: fn(&P) -> Option<&str>,
        name: &'static str,
    ) -> Self {
        Self {
            answers,
            next_token,
            name,
            tokens: HashSet::new(),
            is_done: false,
        }
    }

    /// Returns these pages, the first of which is read with this token.
    pub(super) fn after(mut self, token: String) -> Self {
        self.tokens.insert(token);
        self
    }

    /// Returns the next page or the error of its call; `None` after the last page, or if the next one
    /// was read already.
    ///
    /// # Errors
    ///
    /// If more pages follow than any real answer has.
    pub(in crate::aws) async fn next(&mut self) -> Result<Option<Result<P, E>>> {
        if self.is_done {
            return Ok(None);
        }
        if self.tokens.len() > PAGES {
            return Err(Error::new(
                ErrorKind::Service,
                format!("{} does not end: over {PAGES} pages were read", self.name),
            ));
        }
        let page = self.answers.next().await;
        let token = page.as_ref().and_then(|page| page.as_ref().ok());
        let token = token.and_then(self.next_token).unwrap_or_default();
        self.is_done = token.is_empty() || !self.tokens.insert(token.to_owned());
        Ok(page)
    }

    /// Returns whether the page that was read last is the last one.
    pub(super) fn is_done(&self) -> bool {
        self.is_done
    }
}

#[cfg(test)]
mod tests {
    use aws_smithy_async::future::pagination_stream::PaginationStream;
    use aws_smithy_async::future::pagination_stream::fn_stream::FnStream;

    use super::{PAGES, Pages};

    type Page = Result<String, &'static str>;

    /// Returns the pages of a server. Each page is the token of the next.
    fn pages(answers: impl Iterator<Item = Page> + Send + 'static) -> Pages<String, &'static str> {
        let answers = FnStream::new(move |sender| {
            Box::pin(async move {
                for answer in answers {
                    if sender.send(answer).await.is_err() {
                        return;
                    }
                }
            })
        });
        Pages::new(
            PaginationStream::new(answers),
            |page| Some(page.as_str()),
            "it",
        )
    }

    async fn read(mut pages: Pages<String, &'static str>) -> (Vec<Page>, Option<String>) {
        let mut read = Vec::new();
        loop {
            match pages.next().await {
                Ok(Some(page)) => read.push(page),
                Ok(None) => return (read, None),
                Err(error) => return (read, Some(error.to_string())),
            }
        }
    }

    #[tokio::test]
    async fn reading_ends_after_the_last_page_or_an_error() {
        let answer = [Ok("a".to_owned()), Ok(String::new()), Ok("b".to_owned())];
        let (read_pages, error) = read(pages(answer.clone().into_iter())).await;
        assert_eq!((read_pages.as_slice(), error), (&answer[..2], None));

        let answer = [Ok("a".to_owned()), Err("throttled")];
        let (read_pages, error) = read(pages(answer.clone().into_iter())).await;
        assert_eq!((read_pages.as_slice(), error), (answer.as_slice(), None));
    }

    #[tokio::test]
    async fn reading_ends_if_the_next_page_was_read_already() {
        let circle = || ["a", "b", "c"].map(|token| Ok(token.to_owned()));
        let (read_pages, error) = read(pages(circle().into_iter().cycle())).await;
        assert_eq!((read_pages.len(), error), (4, None));

        let after_a = pages(circle().into_iter().cycle().skip(1)).after("a".to_owned());
        let (read_pages, error) = read(after_a).await;
        assert_eq!((read_pages.len(), error), (3, None));
    }

    #[tokio::test]
    async fn endless_new_tokens_are_an_error() {
        let answers = (0_u32..).map(|number| Ok(number.to_string()));
        let (read_pages, error) = read(pages(answers)).await;
        assert_eq!(read_pages.len(), PAGES + 1);
        let expected = "it does not end: over 2000 pages were read";
        assert_eq!(error.as_deref(), Some(expected));
    }
}
