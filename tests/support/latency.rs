//! A proxy that delays requests and logs them.
//!
//! On loopback, calls are so fast that consecutive calls are not noticed. This proxy delays each
//! request and records when it arrived and when its response was sent. From the log follows how
//! many consecutive calls a command makes ([`longest_chain`]).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A running proxy. It runs until the process ends.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A call that passed the proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The operation, such as `DescribeStacks`; for S3 the method and the path.
    pub(crate) name: String,
    /// When the request arrived, since the start of the proxy.
    pub(crate) came: Duration,
    /// When the response was sent, since the start of the proxy.
    pub(crate) went: Duration,
}

struct Shared {
    upstream: SocketAddr,
    delay: Duration,
    began: Instant,
    passed: Mutex<Vec<Passed>>,
    observer: Box<dyn Fn(&Passed) + Send + Sync>,
}

impl Proxy {
    /// Starts a proxy on loopback that forwards requests to `upstream` after `delay`. Port 0 means
    /// any port. `observer` gets each call when its response is sent.
    pub(crate) fn start(
        port: u16,
        upstream: SocketAddr,
        delay: Duration,
        observer: impl Fn(&Passed) + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            upstream,
            delay,
            began: Instant::now(),
            passed: Mutex::default(),
            observer: Box::new(observer),
        });
        let ours = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let shared = Arc::clone(&ours);
                // A client may close a connection during a call.
                thread::spawn(move || client.and_then(|client| shared.serve(client)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Returns the proxy's URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the calls since the last time, in the order of their responses.
    pub(crate) fn take(&self) -> Vec<Passed> {
        std::mem::take(&mut *self.shared.log())
    }
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Vec<Passed>> {
        self.passed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, client: TcpStream) -> io::Result<()> {
        client.set_nodelay(true)?;
        let upstream = TcpStream::connect(self.upstream)?;
        upstream.set_nodelay(true)?;
        let (mut to_client, mut to_upstream) = (client.try_clone()?, upstream.try_clone()?);
        let (mut client, mut upstream) = (BufReader::new(client), BufReader::new(upstream));
        while let Some(mut head) = Head::read(&mut client)? {
            if head.take("expect").is_some() {
                to_client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
            }
            let body = read_body(&mut client, &head)?;
            let came = self.began.elapsed();
            thread::sleep(self.delay);
            to_upstream.write_all(&[head.bytes(), body.clone()].concat())?;

            let Some(answer) = Head::read(&mut upstream)? else {
                return Ok(());
            };
            let is_empty = head.start.starts_with("HEAD ")
                || answer.start.contains(" 204 ")
                || answer.start.contains(" 304 ");
            let is_open =
                answer.get("content-length").is_some() || answer.get("transfer-encoding").is_some();
            let content = match (is_empty, is_open) {
                (true, _) => Vec::new(),
                (false, true) => read_body(&mut upstream, &answer)?,
                (false, false) => {
                    let mut rest = Vec::new();
                    upstream.read_to_end(&mut rest)?;
                    rest
                }
            };
            // The time is recorded first, because the client may continue before this thread does.
            let passed = Passed {
                name: head.operation(&body),
                came,
                went: self.began.elapsed(),
            };
            (self.observer)(&passed);
            self.log().push(passed);
            to_client.write_all(&[answer.bytes(), content].concat())?;
            let closes = [&head, &answer].map(|head| head.get("connection") == Some("close"));
            if closes.contains(&true) || !is_empty && !is_open {
                return Ok(());
            }
        }
        Ok(())
    }
}

/// The start line and the headers of a request or a response.
struct Head {
    start: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// Reads the start line and the headers; `None` if the connection has ended.
    fn read(stream: &mut impl BufRead) -> io::Result<Option<Self>> {
        let start = read_line(stream)?;
        if start.is_empty() {
            return Ok(None);
        }
        let mut headers = Vec::new();
        loop {
            let line = read_line(stream)?;
            let Some((name, value)) = line.split_once(':') else {
                return Ok(Some(Self { start, headers }));
            };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn get(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known == name)?;
        Some(value)
    }

    fn take(&mut self, name: &str) -> Option<String> {
        let index = self.headers.iter().position(|(known, _)| known == name)?;
        Some(self.headers.remove(index).1)
    }

    fn bytes(&self) -> Vec<u8> {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        (text + "\r\n").into_bytes()
    }

    /// Returns the name of the operation of a request.
    fn operation(&self, body: &[u8]) -> String {
        if let Some(target) = self.get("x-amz-target") {
            return target.rsplit('.').next().unwrap_or(target).to_owned();
        }
        let form = String::from_utf8_lossy(body);
        let action = form
            .split('&')
            .find_map(|pair| pair.strip_prefix("Action="));
        if let Some(action) = action {
            return action.to_owned();
        }
        let mut words = self.start.split(' ');
        let method = words.next().unwrap_or_default();
        let path = words.next().unwrap_or_default();
        format!("{method} {}", path.chars().take(60).collect::<String>())
    }
}

/// Returns a line without its end; empty at the end of the stream.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
}

/// Returns a body as it is on the wire, including chunks and trailers.
fn read_body(stream: &mut impl BufRead, head: &Head) -> io::Result<Vec<u8>> {
    if let Some(length) = head.get("content-length") {
        let length = length.parse().map_err(io::Error::other)?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body)?;
        return Ok(body);
    }
    let mut body = Vec::new();
    if head.get("transfer-encoding").is_none() {
        return Ok(body);
    }
    loop {
        let line = read_line(stream)?;
        body.extend_from_slice(format!("{line}\r\n").as_bytes());
        let size = line.split(';').next().unwrap_or_default().trim();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        if size == 0 {
            break;
        }
        let start = body.len();
        body.resize(start + size + 2, 0);
        stream.read_exact(&mut body[start..])?;
    }
    loop {
        let trailer = read_line(stream)?;
        body.extend_from_slice(format!("{trailer}\r\n").as_bytes());
        if trailer.is_empty() {
            return Ok(body);
        }
    }
}

/// Returns a longest chain of calls in which each request arrived after the previous response was
/// sent. The command takes at least this many round trips.
pub(crate) fn longest_chain(mut calls: Vec<Passed>) -> Vec<Passed> {
    calls.sort_by_key(|call| call.went);
    let mut chain: Vec<Passed> = Vec::new();
    for call in calls {
        if chain.last().is_none_or(|last| last.went <= call.came) {
            chain.push(call);
        }
    }
    chain
}
