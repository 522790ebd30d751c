//! The parts of HTTP/1.1 that the AWS SDKs use, over blocking sockets.
//!
//! It is written by hand because a response can be delayed, truncated or dropped, and a request is
//! visible as it was on the wire. It supports keep-alive, `Expect: 100-continue`, bodies with
//! `Content-Length` and with `Transfer-Encoding: chunked`, and AWS's chunks in both
//! (`Content-Encoding: aws-chunked`, with trailers).

use std::collections::BTreeMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// A request, its body decoded.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// `GET`, `PUT` …
    pub(crate) method: String,
    /// The path, percent-decoded.
    pub(crate) path: String,
    /// The query's pairs, percent-decoded. A name without `=` has an empty value.
    pub(crate) query: BTreeMap<String, String>,
    /// The headers by lower-case name, including trailers.
    pub(crate) headers: BTreeMap<String, String>,
    /// The body without chunks.
    pub(crate) body: Vec<u8>,
    /// The client's port, which identifies the connection.
    pub(crate) port: u16,
}

impl Request {
    /// Returns a header by its lower-case name, or `""`.
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }
}

/// A response.
#[derive(Debug, Clone, Default)]
pub(crate) struct Response {
    /// The status code.
    pub(crate) status: u16,
    /// Further headers. The length is added when the response is written.
    pub(crate) headers: Vec<(String, String)>,
    /// The body. The response to a `HEAD` has only its length.
    pub(crate) body: Vec<u8>,
}

impl Response {
    /// Returns a response with a status and a body.
    pub(crate) fn new(status: u16, body: impl Into<Vec<u8>>) -> Self {
        Self {
            status,
            headers: Vec::new(),
            body: body.into(),
        }
    }

    /// Adds a header.
    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    /// Returns the response with the time of a clock that is ahead by some minutes.
    pub(crate) fn dated(mut self, minutes: i64) -> Self {
        let now = jiff::Timestamp::now() + jiff::SignedDuration::from_mins(minutes);
        let date = jiff::fmt::strtime::format("%a, %d %b %Y %H:%M:%S GMT", now).unwrap();
        self.headers.retain(|(name, _)| name != "date");
        self.header("date", date)
    }
}

/// Reads the next request; `None` if the client closed the connection.
pub(crate) fn read_request(stream: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let Some(start) = read_line(stream)? else {
        return Ok(None);
    };
    let mut words = start.split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let target = words.next().unwrap_or_default();
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut request = Request {
        method,
        path: percent_decode(path, false),
        query: parse_form(query),
        headers: read_headers(stream)?,
        body: Vec::new(),
        port: stream.get_ref().peer_addr()?.port(),
    };
    if request
        .header("expect")
        .eq_ignore_ascii_case("100-continue")
    {
        stream
            .get_mut()
            .write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
    }
    if request.header("transfer-encoding").contains("chunked") {
        let (body, trailers) = read_chunks(stream)?;
        request.body = body;
        request.headers.extend(trailers);
    } else {
        let length = request.header("content-length").parse().unwrap_or(0);
        request.body = vec![0; length];
        stream.read_exact(&mut request.body)?;
    }
    if request.header("content-encoding").contains("aws-chunked") {
        let (body, trailers) = read_chunks(&mut request.body.as_slice())?;
        request.body = body;
        request.headers.extend(trailers);
    }
    Ok(Some(request))
}

/// Writes the response to a request of this method.
pub(crate) fn write_response(
    stream: &mut TcpStream,
    method: &str,
    response: &Response,
) -> io::Result<()> {
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\n",
        response.status,
        reason(response.status)
    )
    .into_bytes();
    for (name, value) in &response.headers {
        bytes.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
    }
    if response.status != 204 {
        bytes.extend_from_slice(format!("content-length: {}\r\n", response.body.len()).as_bytes());
    }
    bytes.extend_from_slice(b"\r\n");
    if method != "HEAD" {
        bytes.extend_from_slice(&response.body);
    }
    stream.write_all(&bytes)
}

/// Returns the pairs of a query string or a form body.
pub(crate) fn parse_form(text: &str) -> BTreeMap<String, String> {
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (percent_decode(name, true), percent_decode(value, true))
        })
        .collect()
}

fn percent_decode(text: &str, plus_is_space: bool) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let hex = |bytes: &[u8]| u8::from_str_radix(std::str::from_utf8(bytes).ok()?, 16).ok();
        match (byte, after.get(..2).and_then(hex)) {
            (b'%', Some(decoded)) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            (b'+', _) if plus_is_space => bytes.push(b' '),
            _ => bytes.push(byte),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

fn read_line(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}

fn read_headers(stream: &mut impl BufRead) -> io::Result<BTreeMap<String, String>> {
    let mut headers = BTreeMap::new();
    while let Some(line) = read_line(stream)?.filter(|line| !line.is_empty()) {
        if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    Ok(headers)
}

/// Reads chunks up to the empty one, and the trailers after it. AWS's chunks have a signature after
/// a semicolon, otherwise they are like those of HTTP.
fn read_chunks(stream: &mut impl BufRead) -> io::Result<(Vec<u8>, BTreeMap<String, String>)> {
    let mut body = Vec::new();
    loop {
        let line = read_line(stream)?.ok_or(io::ErrorKind::UnexpectedEof)?;
        let size = line.split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16)
            .map_err(|_| io::Error::other(format!("`{line}` is no chunk size")))?;
        if size == 0 {
            return Ok((body, read_headers(stream)?));
        }
        let start = body.len();
        body.resize(start + size, 0);
        stream.read_exact(&mut body[start..])?;
        read_line(stream)?;
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200..=299 => "OK",
        300..=399 => "Redirect",
        400..=499 => "Client Error",
        _ => "Server Error",
    }
}
