//! A proxy between `stackctl` and a server that speaks AWS, which injects a fault into one call.
//!
//! It forwards each request on its own connection, without changes. A rule may select calls by
//! their operation or their number and respond itself, drop the response, or stop until the proxy
//! ends. The calls are recorded.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::call::Call;
use crate::http::{Request, Response, parse_form, write_response};
use crate::listener::Listener;
use crate::xml;

/// A fault of a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The service throttles the call.
    Throttled,
    /// The service fails before it does anything.
    Failing,
    /// The service executes the call and fails then.
    FailingLate,
    /// The connection ends before the service gets the request.
    Reset,
    /// The connection ends after the service has executed the call.
    ResetLate,
    /// Half of the response arrives.
    Truncated,
    /// An HTML page arrives instead of a response.
    Garbage,
    /// The response is late.
    Slow,
    /// The service reports that the caller's clock is wrong.
    Clock,
}

impl Fault {
    pub(crate) const ALL: [Self; 9] = [
        Self::Throttled,
        Self::Failing,
        Self::FailingLate,
        Self::Reset,
        Self::ResetLate,
        Self::Truncated,
        Self::Garbage,
        Self::Slow,
        Self::Clock,
    ];
}

/// The moment of a call at which the proxy stops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// The server has not received the request.
    Before,
    /// The server has responded, and the client has not received the response.
    Between,
    /// The client has received the response.
    After,
}

/// An old answer that the service gives for some time after a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum StaleRead {
    /// `DescribeStacks` returns what it returned before the request.
    Before,
    /// `DescribeStacks` returns the status `REVIEW_IN_PROGRESS`.
    InReview,
    /// `DescribeStacks` returns that the stack does not exist.
    Missing,
    /// `DescribeStackEvents` returns what it returned before the request.
    Events,
}

impl StaleRead {
    /// Returns the operation that gives the old answer.
    fn operation(self) -> &'static str {
        match self {
            Self::Events => "DescribeStackEvents",
            _ => "DescribeStacks",
        }
    }
}

/// The rule of a proxy.
#[derive(Debug, Clone)]
pub(crate) enum Rule {
    /// Every call is forwarded.
    Nothing,
    /// The first calls of an operation fail, this many.
    Inject(String, Fault, usize),
    /// The proxy stops at a moment of the call with this number, from 0.
    Stop(usize, Moment),
    /// After this operation was accepted, a read is old for this time, from the read with this number
    /// on.
    Stale(String, StaleRead, usize, Duration),
}

/// A call that was forwarded or refused.
#[derive(Debug, Clone)]
pub(crate) struct Passed {
    /// Its operation.
    pub(crate) operation: String,
    /// The status of the server's response; `None` if the server did not get the request.
    pub(crate) status: Option<u16>,
}

/// A running proxy. It ends when dropped.
pub(crate) struct Proxy {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    upstream: SocketAddr,
    state: Mutex<State>,
    stopped: Condvar,
    ended: AtomicBool,
}

struct State {
    rule: Rule,
    passed: Vec<Passed>,
    begun: usize,
    /// How many calls are being forwarded or held.
    active: usize,
    injected: usize,
    stopped: bool,
    /// The last answers of the operations before the one that makes reads old.
    before: HashMap<String, Vec<u8>>,
    /// The reads since then, and the time of the first old one.
    reads: usize,
    stale_since: Option<Instant>,
    written: bool,
    /// Whether the last answers are kept as they are.
    is_kept: bool,
    /// How far the clock of S3 is ahead.
    s3_ahead: Duration,
}

impl Proxy {
    /// Starts a proxy in front of the server at a URL such as `http://127.0.0.1:4566`.
    pub(crate) fn start(upstream: &str, rule: Rule) -> Self {
        let upstream = upstream.trim_start_matches("http://").trim_end_matches('/');
        let shared = Arc::new(Shared {
            upstream: upstream.parse().unwrap(),
            state: Mutex::new(State {
                rule,
                passed: Vec::new(),
                begun: 0,
                active: 0,
                injected: 0,
                stopped: false,
                before: HashMap::new(),
                reads: 0,
                stale_since: None,
                written: false,
                is_kept: false,
                s3_ahead: Duration::ZERO,
            }),
            stopped: Condvar::new(),
            ended: AtomicBool::new(false),
        });
        let ours = Arc::clone(&shared);
        let listener = Listener::start(move |stream| {
            ours.state().active += 1;
            let served = ours.serve(stream);
            ours.state().active -= 1;
            served
        });
        Self { listener, shared }
    }

    /// Returns the value for `AWS_ENDPOINT_URL`.
    pub(crate) fn endpoint(&self) -> String {
        self.listener.url()
    }

    /// Returns the calls so far, in the order of their responses.
    pub(crate) fn passed(&self) -> Vec<Passed> {
        self.shared.state().passed.clone()
    }

    /// Returns how many calls of an operation the server has accepted.
    pub(crate) fn accepted(&self, operation: &str) -> usize {
        let state = self.shared.state();
        let accepted = state.passed.iter().filter(|call| {
            call.operation == operation && call.status.is_some_and(|status| status < 300)
        });
        accepted.count()
    }

    /// Returns how many calls a fault was injected into.
    pub(crate) fn injected(&self) -> usize {
        self.shared.state().injected
    }

    /// Waits until all calls have ended but the one at which the proxy has stopped. A client that is
    /// killed may have sent a call that the server has not got yet.
    pub(crate) fn wait_until_idle(&self) {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let state = self.shared.state();
            if state.active <= usize::from(state.stopped) || Instant::now() > deadline {
                return;
            }
            drop(state);
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Keeps the answers so far as the old ones, and makes reads old from now on, whoever changes the
    /// stack.
    pub(crate) fn keep_answers(&self) {
        let mut state = self.shared.state();
        (state.is_kept, state.written) = (true, true);
    }

    /// Lets S3 say, from now on, that it is later than it is. The times of its objects stay as they are.
    pub(crate) fn set_s3_ahead(&self, ahead: Duration) {
        self.shared.state().s3_ahead = ahead;
    }

    /// Waits until the proxy has stopped; returns `false` if it does not stop in time.
    pub(crate) fn wait_until_stopped(&self, mut is_over: impl FnMut() -> bool) -> bool {
        let deadline = Instant::now() + Duration::from_mins(1);
        let mut state = self.shared.state();
        while !state.stopped && Instant::now() < deadline {
            let tick = Duration::from_millis(20);
            state = self.shared.stopped.wait_timeout(state, tick).unwrap().0;
            if !state.stopped && is_over() {
                return false;
            }
        }
        state.stopped
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.ended.store(true, Ordering::Relaxed);
    }
}

impl Shared {
    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, mut stream: TcpStream) -> io::Result<()> {
        stream.set_nodelay(true)?;
        let mut reader = BufReader::new(stream.try_clone()?);
        let Some((raw, request)) = read(&mut reader, &mut stream)? else {
            return Ok(());
        };
        let method = request.method.clone();
        let call = Call::new(request);
        let (fault, stop) = self.decide(&call);
        if stop == Some(Moment::Before) {
            self.stop()?;
        }
        match fault {
            Some(fault @ (Fault::Throttled | Fault::Failing | Fault::Clock)) => {
                self.note(&call, None);
                return write_response(&mut stream, &method, &refusal(&call, fault));
            }
            Some(Fault::Reset) => {
                self.note(&call, None);
                return Ok(());
            }
            Some(Fault::Slow) => thread::sleep(Duration::from_millis(1500)),
            _ => {}
        }
        let stale = self.stale_read(&call);
        let answer = self.dated(&call, self.forward(&raw)?);
        self.note(&call, status(&answer));
        self.remember(&call, &answer);
        if let Some(stale) = stale {
            return self.write_stale(&mut stream, &call, stale, &answer);
        }
        if stop == Some(Moment::Between) {
            self.stop()?;
        }
        match fault {
            Some(Fault::FailingLate) => {
                return write_response(&mut stream, &method, &refusal(&call, Fault::Failing));
            }
            Some(Fault::ResetLate) => return Ok(()),
            Some(Fault::Truncated) => {
                let body = answer.windows(4).position(|end| end == b"\r\n\r\n");
                let body = body.map_or(0, |end| end + 4);
                stream.write_all(&answer[..body + (answer.len() - body) / 2])?;
            }
            Some(Fault::Garbage) => {
                let page = Response::new(200, "<html><body>Welcome to the hotel's network")
                    .header("content-type", "text/html");
                return write_response(&mut stream, &method, &page);
            }
            _ => stream.write_all(&answer)?,
        }
        if stop == Some(Moment::After) {
            stream.flush()?;
            // The client gets time to read the response and to continue.
            thread::sleep(Duration::from_millis(3));
            self.stop()?;
        }
        Ok(())
    }

    fn decide(&self, call: &Call) -> (Option<Fault>, Option<Moment>) {
        let mut state = self.state();
        let number = state.begun;
        state.begun += 1;
        match state.rule.clone() {
            Rule::Inject(operation, fault, times)
                if operation == call.operation && state.injected < times =>
            {
                state.injected += 1;
                (Some(fault), None)
            }
            Rule::Stop(at, moment) if at == number => (None, Some(moment)),
            _ => (None, None),
        }
    }

    /// Returns the old answer that a call gets, if it gets one.
    fn stale_read(&self, call: &Call) -> Option<StaleRead> {
        let mut state = self.state();
        let Rule::Stale(_, read, from, lasts) = state.rule.clone() else {
            return None;
        };
        if !state.written || call.operation != read.operation() {
            return None;
        }
        state.reads += 1;
        if state.reads <= from {
            return None;
        }
        let since = *state.stale_since.get_or_insert_with(Instant::now);
        let is_stale = since.elapsed() < lasts;
        state.injected += usize::from(is_stale);
        is_stale.then_some(read)
    }

    /// Keeps an answer from before the request after which reads are old.
    fn remember(&self, call: &Call, answer: &[u8]) {
        let mut state = self.state();
        if state.is_kept {
            return;
        }
        if let Rule::Stale(after, ..) = &state.rule {
            let accepted = status(answer).is_some_and(|status| status < 300);
            if *after == call.operation && accepted {
                state.written = true;
            } else if !state.written {
                state.before.insert(call.operation.clone(), answer.to_vec());
            }
        }
    }

    fn write_stale(
        &self,
        stream: &mut TcpStream,
        call: &Call,
        stale: StaleRead,
        answer: &[u8],
    ) -> io::Result<()> {
        match stale {
            StaleRead::Before | StaleRead::Events => {
                let before = self.state().before.get(&call.operation).cloned();
                stream.write_all(&before.unwrap_or_else(|| answer.to_vec()))
            }
            StaleRead::InReview => {
                let text = String::from_utf8_lossy(answer);
                let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
                let status = body.split_once("<StackStatus>");
                let status = status.and_then(|(_, rest)| rest.split_once("</StackStatus>"));
                let body = match status {
                    Some((status, _)) => body.replace(
                        &format!("<StackStatus>{status}</StackStatus>"),
                        "<StackStatus>REVIEW_IN_PROGRESS</StackStatus>",
                    ),
                    None => body.to_owned(),
                };
                let response = Response::new(200, body).header("connection", "close");
                write_response(stream, "POST", &response)
            }
            StaleRead::Missing => {
                let message = "Stack with id demo does not exist";
                let body = xml::query_error("ValidationError", message);
                let response = Response::new(400, body).header("connection", "close");
                write_response(stream, "POST", &response)
            }
        }
    }

    fn note(&self, call: &Call, status: Option<u16>) {
        self.state().passed.push(Passed {
            operation: call.operation.clone(),
            status,
        });
    }

    /// Notifies the waiting test and holds the call until the proxy ends.
    fn stop(&self) -> io::Result<()> {
        self.state().stopped = true;
        self.stopped.notify_all();
        while !self.ended.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
        Err(io::ErrorKind::ConnectionAborted.into())
    }

    /// Returns the answer with the time of S3's clock.
    fn dated(&self, call: &Call, answer: Vec<u8>) -> Vec<u8> {
        let ahead = self.state().s3_ahead;
        let end = answer.windows(4).position(|end| end == b"\r\n\r\n");
        let (Some(end), true) = (end, call.service == "s3" && !ahead.is_zero()) else {
            return answer;
        };
        let (head, body) = answer.split_at(end);
        let head = String::from_utf8_lossy(head);
        let is_date = |line: &&str| line.to_ascii_lowercase().starts_with("date:");
        let mut lines: Vec<&str> = head.split("\r\n").filter(|it| !is_date(it)).collect();
        let date = DateTimePrinter::new().timestamp_to_rfc9110_string(&(Timestamp::now() + ahead));
        let date = format!("Date: {}", date.unwrap());
        lines.push(&date);
        [lines.join("\r\n").as_bytes(), body].concat()
    }

    fn forward(&self, raw: &[u8]) -> io::Result<Vec<u8>> {
        let mut upstream = TcpStream::connect(self.upstream)?;
        upstream.set_nodelay(true)?;
        upstream.write_all(raw)?;
        let mut answer = Vec::new();
        upstream.read_to_end(&mut answer)?;
        Ok(answer)
    }
}

/// Reads a request. Returns its bytes, to be forwarded, and the parsed request.
fn read(
    reader: &mut BufReader<TcpStream>,
    stream: &mut TcpStream,
) -> io::Result<Option<(Vec<u8>, Request)>> {
    let mut start = String::new();
    if reader.read_line(&mut start)? == 0 {
        return Ok(None);
    }
    let mut words = start.split(' ');
    let mut request = Request {
        method: words.next().unwrap_or_default().to_owned(),
        ..Request::default()
    };
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    path.clone_into(&mut request.path);
    request.query = parse_form(query);
    let mut raw = start.clone().into_bytes();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let name = name.to_ascii_lowercase();
        // Each request has its own connection, which the server closes after its response.
        if !["connection", "expect"].contains(&name.as_str()) {
            raw.extend_from_slice(line.as_bytes());
        }
        request.headers.insert(name, value.trim().to_owned());
    }
    raw.extend_from_slice(b"connection: close\r\n\r\n");
    if !request.header("expect").is_empty() {
        stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    assert!(
        request.header("transfer-encoding").is_empty(),
        "the proxy knows no chunks"
    );
    let length = request.header("content-length").parse().unwrap_or(0);
    request.body = vec![0; length];
    reader.read_exact(&mut request.body)?;
    raw.extend_from_slice(&request.body);
    Ok(Some((raw, request)))
}

/// Returns the status of a raw response.
fn status(answer: &[u8]) -> Option<u16> {
    let start = String::from_utf8_lossy(answer.get(..12)?).into_owned();
    start.split(' ').nth(1)?.parse().ok()
}

/// Returns the error for a fault: throttling, a failure or a wrong clock.
fn refusal(call: &Call, fault: Fault) -> Response {
    let (status, code, message) = match (fault, call.service.as_str()) {
        (Fault::Throttled, "s3") => (503, "SlowDown", "Please reduce your request rate."),
        (Fault::Throttled, "lambda") => (429, "TooManyRequestsException", "Rate exceeded"),
        (Fault::Throttled, _) => (400, "Throttling", "Rate exceeded"),
        (Fault::Clock, "s3") => (
            403,
            "RequestTimeTooSkewed",
            "The difference between the request time and the current time is too large.",
        ),
        (Fault::Clock, "lambda") => (
            403,
            "InvalidSignatureException",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z",
        ),
        (Fault::Clock, _) => (
            403,
            "SignatureDoesNotMatch",
            "Signature expired: 20260101T000000Z is now earlier than 20260101T010000Z",
        ),
        _ => (500, "InternalFailure", "An internal error occurred."),
    };
    let response = match call.service.as_str() {
        "s3" => Response::new(status, xml::s3_error(code, message)),
        "lambda" => {
            let body = serde_json::json!({ "Type": "Server", "message": message }).to_string();
            Response::new(status, body).header("x-amzn-errortype", code)
        }
        _ => Response::new(status, xml::query_error(code, message)),
    };
    response.header("connection", "close")
}
