//! Requests to a forge's REST API: pages, and the limit of its rate.

use std::cell::Cell;
use std::time::{Duration, SystemTime};

use serde_json::Value;

use crate::aws::web::{Request, Response, Web};
use crate::error::{Error, ErrorKind};

/// How long a run waits in all until the forge accepts requests again.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long it waits if the forge does not say how long.
const PAUSE: Duration = Duration::from_secs(5);

/// How long it waits at least: a forge that says 0 again and again must not keep the run busy for ever.
const SHORTEST: Duration = Duration::from_secs(1);

/// The most pages of a list.
const PAGES: usize = 100;

/// Why a request was not answered as it should be.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The token may not do this, or the forge hides what it is about.
    NotAllowed(u16),
    /// The forge accepts no more requests for a while.
    Limited,
    /// Something else.
    Failed(Error),
}

/// A REST API.
#[derive(Debug)]
pub(super) struct Rest {
    web: Web,
    /// The URL without a slash at its end.
    base: String,
    headers: Vec<(&'static str, String)>,
    waited: Cell<Duration>,
}

impl Rest {
    pub(super) fn new(web: Web, base: String, headers: Vec<(&'static str, String)>) -> Self {
        Self {
            web,
            base,
            headers,
            waited: Cell::default(),
        }
    }

    /// Sends a request and returns what the answer holds; null if it is empty.
    pub(super) async fn send(
        &self,
        method: &'static str,
        path: &str,
        body: Option<&Value>,
    ) -> Result<Value, Failure> {
        let url = format!("{}{path}", self.base);
        let answer = self.answer(method, &url, body).await?;
        content(&answer)
    }

    /// Returns the members of a list, of all its pages.
    pub(super) async fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let mut members = Vec::new();
        let mut next = Some(format!("{}{path}", self.base));
        for _ in 0..PAGES {
            let Some(url) = next else {
                return Ok(members);
            };
            let answer = self.answer("GET", &url, None).await?;
            match content(&answer)? {
                Value::Array(page) => members.extend(page),
                _ => return Err(unexpected("the answer is no list")),
            }
            next = answer.header("link").and_then(next_page).map(str::to_owned);
            // The token goes to no other server.
            let prefix = format!("{}/", self.base);
            if next.as_ref().is_some_and(|url| !url.starts_with(&prefix)) {
                return Err(unexpected("the next page of a list is on another server"));
            }
        }
        Err(unexpected(&format!("a list has more than {PAGES} pages")))
    }

    async fn answer(
        &self,
        method: &'static str,
        url: &str,
        body: Option<&Value>,
    ) -> Result<Response, Failure> {
        loop {
            let request = Request {
                method,
                url: url.to_owned(),
                headers: self.headers.clone(),
                body: body.map(Value::to_string),
            };
            let answer = self.web.send(request).await.map_err(Failure::Failed)?;
            if let Some(pause) = pause(&answer, SystemTime::now()) {
                let waited = self.waited.get().saturating_add(pause);
                if waited > PATIENCE {
                    return Err(Failure::Limited);
                }
                self.waited.set(waited);
                tokio::time::sleep(pause).await;
                continue;
            }
            return match answer.status {
                200..=299 => Ok(answer),
                401 | 403 | 404 => Err(Failure::NotAllowed(answer.status)),
                status => Err(unexpected(&format!(
                    "the answer is HTTP {status}{}",
                    message(&answer)
                ))),
            };
        }
    }
}

fn unexpected(what: &str) -> Failure {
    Failure::Failed(Error::new(ErrorKind::Service, what))
}

fn content(answer: &Response) -> Result<Value, Failure> {
    if answer.body.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&answer.body).map_err(|_| unexpected("the answer is no JSON"))
}

/// Returns what the forge says about an error.
fn message(answer: &Response) -> String {
    let content: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let message = content["message"].as_str().unwrap_or_default();
    let message: String = message.chars().take(200).collect();
    if message.is_empty() {
        message
    } else {
        format!(": {message}")
    }
}

/// Returns how long to wait before the request is sent again; `None` if the answer is none about the rate.
///
/// GitHub answers with 403 or 429, and says by `retry-after` or `x-ratelimit-reset` when the next request is
/// accepted; GitLab with 429 and `retry-after`.
fn pause(answer: &Response, now: SystemTime) -> Option<Duration> {
    let number = |name| {
        answer
            .header(name)
            .and_then(|it| it.trim().parse::<u64>().ok())
    };
    let after = number("retry-after").map(Duration::from_secs);
    let is_used_up = number("x-ratelimit-remaining") == Some(0);
    let is_limited = match answer.status {
        429 => true,
        403 => after.is_some() || is_used_up,
        _ => false,
    };
    if !is_limited {
        return None;
    }
    let reset = number("x-ratelimit-reset").filter(|_| is_used_up);
    let until_reset = reset.map(|second| {
        let reset = SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(second));
        let left = reset.and_then(|reset| reset.duration_since(now).ok());
        left.unwrap_or_default() + Duration::from_secs(1)
    });
    Some(after.or(until_reset).unwrap_or(PAUSE).max(SHORTEST))
}

/// Returns the URL of the next page in the header `Link`.
fn next_page(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (url, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let mut parameters = parameters.split(';').map(str::trim);
        parameters
            .any(|it| it == "rel=\"next\"" || it == "rel=next")
            .then_some(url)
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::{next_page, pause};
    use crate::aws::web::Response;

    #[test]
    fn a_header_names_the_next_page() {
        let header = "<https://a/x?page=1>; rel=\"prev\", <https://a/x?page=3>; rel=\"next\"";
        assert_eq!(next_page(header), Some("https://a/x?page=3"));
        assert_eq!(next_page("<https://a/x?page=1>; rel=\"last\""), None);
        assert_eq!(next_page("nonsense, <"), None);
    }

    #[test]
    fn an_answer_says_how_long_to_wait() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let pause = |status, headers: &[(&str, &str)]| {
            let headers = headers.iter();
            let headers = headers.map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            pause(&Response::new(status, headers.collect(), Vec::new()), now).map(|it| it.as_secs())
        };
        assert_eq!(pause(429, &[("retry-after", "7")]), Some(7));
        assert_eq!(pause(429, &[("retry-after", "0")]), Some(1));
        assert_eq!(pause(429, &[]), Some(5));
        assert_eq!(pause(403, &[("retry-after", "1")]), Some(1));
        let used_up = ("x-ratelimit-remaining", "0");
        assert_eq!(
            pause(403, &[used_up, ("x-ratelimit-reset", "160")]),
            Some(61)
        );
        assert_eq!(pause(403, &[used_up, ("x-ratelimit-reset", "10")]), Some(1));
        assert_eq!(pause(403, &[("x-ratelimit-remaining", "12")]), None);
        assert_eq!(pause(200, &[used_up]), None);
        assert_eq!(pause(500, &[("retry-after", "1")]), None);
    }
}
