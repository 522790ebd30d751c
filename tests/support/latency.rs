//! A line to AWS that is as slow as a real one, and keeps a log.
//!
//! On loopback every call is instant, so nobody notices that one waits for another. This proxy holds
//! each request back for a fixed time before it hands it on, and notes when it came and when its answer
//! went. From that follows what a faster machine cannot mend: how many calls a command makes one after
//! the other ([`longest_chain`]).

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// A running proxy. It lives as long as the process.
pub(crate) struct Proxy {
    address: SocketAddr,
    shared: Arc<Shared>,
}

/// A call that went through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Passed {
    /// The operation, such as `DescribeStacks`; for S3 method and path.
    pub(crate) name: String,
    /// When the request had come, since the proxy started.
    pub(crate) came: Duration,
    /// When the answer went.
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
    /// Starts a proxy on loopback that hands requests on to `upstream`, each after `delay`. Port 0
    /// means any. `observer` sees each call when its answer goes.
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
                // Whoever closes a connection in the middle of a call has given it up.
                thread::spawn(move || client.and_then(|client| shared.serve(client)));
            }
        });
        Ok(Self { address, shared })
    }

    /// Returns the proxy's URL.
    pub(crate) fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Returns the calls since the last time, in the order of their answers.
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
            // The time is taken first: the client may go on before this thread does.
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

/// The start line and the headers of a request or an answer.
struct Head {
    start: String,
    headers: Vec<(String, String)>,
}

impl Head {
    /// Reads one; `None` where the connection ended before it.
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

    /// Returns the name of the operation that a request asks for.
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

/// Returns a line without its end; an empty one at the end of the stream.
fn read_line(stream: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    stream.read_until(b'\n', &mut line)?;
    Ok(String::from_utf8_lossy(line.trim_ascii_end()).into_owned())
}

/// Returns a body as it is on the wire, chunks and trailers included.
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

/// Returns the calls of a longest row in which each came after the answer of the one before had gone:
/// with nothing but the network to wait for, the command takes this many round trips.
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
