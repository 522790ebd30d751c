//! A loopback service that says what was recorded, to stackctl's own client and to the program.

use std::collections::BTreeMap;
use std::io::BufReader;
use std::net::TcpStream;
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::call::Call;
use crate::http::{Response, read_request, write_response};
use crate::listener::Listener;
use crate::xml;

/// The account that every caller belongs to.
pub(crate) const ACCOUNT: &str = "111111111111";

/// The name under which [`Service::say`] keeps a description of a change set without property values.
pub(crate) const PLAIN: &str = "DescribeChangeSet without values";

/// A running service. It ends when dropped.
pub(crate) struct Service {
    endpoint: String,
    script: Arc<Mutex<Script>>,
    _listener: Listener,
}

/// An answer: its status and its body.
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
    /// Starts the service, which knows nothing yet.
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

    /// Answers every operation with this from here on.
    pub(crate) fn say_always(&self, answer: Answer) {
        self.script.lock().unwrap().every = Some(answer);
    }

    /// Answers an operation with this from here on.
    pub(crate) fn say(&self, operation: &str, answer: Answer) {
        let mut script = self.script.lock().unwrap();
        script.now.insert(operation.to_owned(), answer);
    }

    /// Answers an operation with this while something runs, and as before from then on.
    pub(crate) fn say_while<T>(
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

    /// Answers an operation with this once a change set was executed or the stack deleted.
    pub(crate) fn say_afterwards(&self, operation: &str, answer: Answer) {
        let mut script = self.script.lock().unwrap();
        script.afterwards.insert(operation.to_owned(), answer);
    }

    /// Forgets what it says to an operation.
    pub(crate) fn forget(&self, operation: &str) {
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
        let said = self.every.clone().or_else(|| self.now.get(key).cloned());
        if ["ExecuteChangeSet", "DeleteStack"].contains(&operation) {
            self.now.append(&mut self.afterwards);
        }
        said.unwrap_or_else(|| unscripted(operation))
    }
}

/// Returns what an account says in which nothing was recorded.
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
