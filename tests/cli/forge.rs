//! A scripted forge on loopback: the comments of one pull request of GitHub, and of one merge request of
//! GitLab, as their REST APIs have them.

use std::io::BufReader;
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};

use crate::cloud::http::{Request, Response, read_request, write_response};
use crate::listener::Listener;
use crate::sandbox::Sandbox;

/// The user of the token.
const OWN: u64 = 7;
/// Somebody else.
const OTHER: u64 = 8;
/// The token. It looks like a secret, so that a leak of it is found.
pub(crate) const TOKEN: &str = "ghs_0123456789abcdefghij";

/// A running forge. It stops when dropped.
pub(crate) struct Forge {
    listener: Listener,
    state: Arc<Mutex<State>>,
}

/// A comment.
#[derive(Debug, Clone)]
pub(crate) struct Comment {
    pub(crate) id: u64,
    pub(crate) body: String,
    author: u64,
}

#[derive(Debug, Default)]
struct State {
    comments: Vec<Comment>,
    next: u64,
    requests: Vec<Request>,
    /// The answers to the next requests, before the forge looks at them.
    answers: Vec<Response>,
    /// Whether the token may read alone.
    is_read_only: bool,
    /// Another run writes its first comment after this one has looked for one.
    rival: Option<String>,
}

impl Forge {
    pub(crate) fn start() -> Self {
        let state = Arc::new(Mutex::new(State::default()));
        let ours = Arc::clone(&state);
        let listener = Listener::start(move |stream| serve(stream, &ours));
        Self { listener, state }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the sandbox as a run for pull request 3 of GitHub.
    pub(crate) fn on_github(&self, sandbox: Sandbox) -> Sandbox {
        let folder = sandbox.path("").display().to_string();
        sandbox
            .env("GITHUB_ACTIONS", "true")
            .env("GITHUB_API_URL", &self.listener.url())
            .env("GITHUB_REPOSITORY", "octo/infra")
            .env("GITHUB_REF", "refs/pull/3/merge")
            .env("GITHUB_SHA", "0123456789abcdef0123456789abcdef01234567")
            .env("GITHUB_RUN_ID", "99")
            .env("GITHUB_WORKSPACE", folder.trim_end_matches('/'))
            .env("GITHUB_TOKEN", TOKEN)
    }

    /// Returns the sandbox as a run for merge request 3 of GitLab.
    pub(crate) fn on_gitlab(&self, sandbox: Sandbox) -> Sandbox {
        sandbox
            .env("GITLAB_CI", "true")
            .env("CI_API_V4_URL", &format!("{}/api/v4", self.listener.url()))
            .env("CI_PROJECT_ID", "42")
            .env("CI_MERGE_REQUEST_IID", "3")
            .env("GITLAB_TOKEN", TOKEN)
    }

    pub(crate) fn comments(&self) -> Vec<Comment> {
        self.state().comments.clone()
    }

    /// Returns the methods and the paths of the requests so far.
    pub(crate) fn requests(&self) -> Vec<String> {
        let state = self.state();
        let requests = state.requests.iter();
        requests
            .map(|request| format!("{} {}", request.method, request.path))
            .collect()
    }

    /// Adds comments of somebody else.
    pub(crate) fn add_others(&self, number: usize, body: &str) {
        let mut state = self.state();
        for _ in 0..number {
            state.add(body.to_owned(), OTHER);
        }
    }

    /// Adds a comment of the token's user.
    pub(crate) fn add_own(&self, body: &str) {
        self.state().add(body.to_owned(), OWN);
    }

    /// Answers the next request so.
    pub(crate) fn answer_next(&self, answer: Response) {
        self.state().answers.push(answer);
    }

    /// Lets the token read alone, as that of a fork.
    pub(crate) fn forbid_writing(&self) {
        self.state().is_read_only = true;
    }

    /// Lets another run write this comment right before the next one is written.
    pub(crate) fn add_rival(&self, body: &str) {
        self.state().rival = Some(body.to_owned());
    }
}

impl State {
    fn add(&mut self, body: String, author: u64) -> u64 {
        self.next += 1;
        let id = 1_000 + self.next;
        self.comments.push(Comment { id, body, author });
        id
    }

    fn answer(&mut self, request: &Request, url: &str) -> Response {
        self.requests.push(request.clone());
        if !self.answers.is_empty() {
            return self.answers.remove(0);
        }
        let token = format!("Bearer {TOKEN}");
        let is_known =
            request.header("authorization") == token || request.header("private-token") == TOKEN;
        if !is_known {
            return Response::new(401, r#"{"message":"Bad credentials"}"#);
        }
        let (path, user) = match request.path.strip_prefix("/api/v4") {
            Some(path) => (path, "author"),
            None => (request.path.as_str(), "user"),
        };
        if path == "/user" && user == "user" {
            // GitHub tells a user's token who it is, but not the token of a run.
            return Response::new(
                403,
                r#"{"message":"Resource not accessible by integration"}"#,
            );
        }
        if path == "/user" {
            return Response::new(200, json!({ "id": OWN }).to_string());
        }
        if path.ends_with("/pulls") {
            return Response::new(200, r#"[{"number":3,"merged_at":"2026-01-01T00:00:00Z"}]"#);
        }
        let of_request = [
            "/repos/octo/infra/issues/3/comments",
            "/projects/42/merge_requests/3/notes",
        ];
        if self.is_read_only && request.method != "GET" {
            return Response::new(
                403,
                r#"{"message":"Resource not accessible by integration"}"#,
            );
        }
        let is_list = of_request.contains(&path);
        let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let text = body["body"].as_str().unwrap_or_default().to_owned();
        match (request.method.as_str(), is_list) {
            ("GET", true) => self.page(request, user, url),
            ("POST", true) => {
                if let Some(rival) = self.rival.take() {
                    self.add(rival, OWN);
                }
                let id = self.add(text, OWN);
                Response::new(201, json!({ "id": id }).to_string())
            }
            ("PATCH" | "PUT" | "DELETE", false) => {
                let id = path.rsplit('/').next().and_then(|id| id.parse().ok());
                let found = self.comments.iter().position(|it| Some(it.id) == id);
                let Some(found) = found else {
                    return Response::new(404, r#"{"message":"Not Found"}"#);
                };
                if request.method == "DELETE" {
                    self.comments.remove(found);
                    return Response::new(204, "");
                }
                self.comments[found].body = text;
                Response::new(200, json!({ "id": id }).to_string())
            }
            _ => Response::new(404, r#"{"message":"Not Found"}"#),
        }
    }

    /// Returns a page of the comments, with a link to the next one.
    fn page(&self, request: &Request, user: &str, url: &str) -> Response {
        let number = |name: &str, default| {
            let value = request.query.get(name).and_then(|it| it.parse().ok());
            value.unwrap_or(default)
        };
        let (page, size) = (number("page", 1), number("per_page", 30));
        let first = (page - 1) * size;
        let shown = self.comments.iter().skip(first).take(size);
        let shown = shown.map(|it| {
            let kind = if it.author == OWN { "Bot" } else { "User" };
            json!({ "id": it.id, "body": it.body, user: { "id": it.author, "type": kind } })
        });
        let answer = Response::new(200, shown.collect::<Value>().to_string());
        if first + size >= self.comments.len() {
            return answer;
        }
        let path = &request.path;
        let next = format!(
            "<{url}{path}?per_page={size}&page={}>; rel=\"next\"",
            page + 1
        );
        answer.header("link", next)
    }
}

fn serve(stream: TcpStream, state: &Mutex<State>) -> std::io::Result<()> {
    let url = format!("http://{}", stream.local_addr()?);
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let answer = state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .answer(&request, &url);
        write_response(reader.get_mut(), &request.method, &answer)?;
    }
    Ok(())
}
