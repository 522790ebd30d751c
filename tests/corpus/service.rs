//! A service on loopback with recorded responses, for stackctl's client and for the program.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::call::Call;
use crate::http::{Response, read_request, write_response};
use crate::listener::Listener;
use crate::xml;

/// The account of every caller.
pub(crate) const ACCOUNT: &str = "111111111111";

/// The name that [`Service::set_response`] uses for a description of a change set without property
/// values.
pub(crate) const PLAIN: &str = "DescribeChangeSet without values";

/// A running service. It ends when dropped.
pub(crate) struct Service {
    endpoint: String,
    script: Arc<Mutex<Script>>,
    _listener: Listener,
}

/// A response: its status and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer(u16, String);

impl Answer {
    /// Returns a success with this body.
    pub(crate) fn of(body: impl Into<String>) -> Self {
        Self(200, body.into())
    }

    /// Returns an error with this body.
    pub(crate) fn error(body: impl Into<String>) -> Self {
        Self(400, body.into())
    }
}

#[derive(Default)]
struct Script {
    every: Option<Answer>,
    now: BTreeMap<String, Answer>,
    afterwards: BTreeMap<String, Answer>,
    calls: Vec<String>,
}

impl Service {
    /// Starts the service, without any responses.
    pub(crate) fn start() -> Self {
        let script = Arc::new(Mutex::new(Script::default()));
        let ours = Arc::clone(&script);
        let listener = Listener::start(move |stream| serve(stream, &ours));
        Self {
            endpoint: listener.url(),
            script,
            _listener: listener,
        }
    }

    /// Returns its URL.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Sends this response to every operation from now on.
    pub(crate) fn set_every_response(&self, answer: Answer) {
        self.script.lock().unwrap().every = Some(answer);
    }

    /// Sends this response to an operation from now on.
    pub(crate) fn set_response(&self, operation: &str, answer: Answer) {
        let mut script = self.script.lock().unwrap();
        script.now.insert(operation.to_owned(), answer);
    }

    /// Sends this response to an operation while `run` runs, and the previous response afterwards.
    pub(crate) fn with_response<T>(
        &self,
        operation: &str,
        answer: Answer,
        run: impl FnOnce() -> T,
    ) -> T {
        let put = |answer: Option<Answer>| {
            let now = &mut self.script.lock().unwrap().now;
            match answer {
                Some(answer) => now.insert(operation.to_owned(), answer),
                None => now.remove(operation),
            }
        };
        let before = put(Some(answer));
        let result = run();
        put(before);
        result
    }

    /// Sends this response to an operation after a change set was executed or the stack was
    /// deleted.
    pub(crate) fn set_response_after_change(&self, operation: &str, answer: Answer) {
        let mut script = self.script.lock().unwrap();
        script.afterwards.insert(operation.to_owned(), answer);
    }

    /// Removes the response to an operation.
    pub(crate) fn remove_response(&self, operation: &str) {
        self.script.lock().unwrap().now.remove(operation);
    }

    /// Returns the operations that were called since the last time.
    pub(crate) fn take_calls(&self) -> Vec<String> {
        std::mem::take(&mut self.script.lock().unwrap().calls)
    }
}

impl Script {
    fn answer(&mut self, call: &Call) -> Answer {
        let operation = call.operation.as_str();
        self.calls.push(operation.to_owned());
        let key = match call.parameter("IncludePropertyValues") {
            "false" if self.now.contains_key(PLAIN) => PLAIN,
            _ => operation,
        };
        let response = self.every.clone().or_else(|| self.now.get(key).cloned());
        if ["ExecuteChangeSet", "DeleteStack"].contains(&operation) {
            self.now.append(&mut self.afterwards);
        }
        response.unwrap_or_else(|| unscripted(operation))
    }
}

/// Returns the response of an empty account.
fn unscripted(operation: &str) -> Answer {
    match operation {
        "DescribeStacks" | "GetTemplate" | "DescribeChangeSet" => {
            Answer::error(xml::error("ValidationError", "it does not exist"))
        }
        "DescribeEvents" => Answer::error(xml::error("InvalidAction", "unknown")),
        "HeadObject" => Answer(404, String::new()),
        "ListObjectVersions" => Answer::of("<ListVersionsResult></ListVersionsResult>"),
        "GetCallerIdentity" => {
            let result =
                json!({ "Account": ACCOUNT, "UserId": "A", "Arn": "arn:aws:iam::1:user/u" });
            Answer::of(xml::body(operation, &result))
        }
        _ => Answer::of(xml::body(operation, &Value::Null)),
    }
}

fn serve(stream: TcpStream, script: &Mutex<Script>) -> std::io::Result<()> {
    stream.set_nodelay(true)?;
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader)? {
        let method = request.method.clone();
        let Answer(status, body) = script.lock().unwrap().answer(&Call::new(request));
        let response = Response::new(status, body).header("content-type", "text/xml");
        write_response(&mut writer, &method, &response)?;
    }
    Ok(())
}
