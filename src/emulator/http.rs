//! The few HTTP requests to the emulator that do not need the AWS SDK.
//!
//! They use a socket with timeouts instead of an HTTP client. That is enough for a server on this
//! machine that closes the connection after its response, and the health check, with which every
//! command for the local environment starts, takes only about a millisecond.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

/// The time limit of a loopback connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// The time limit of a response. The emulator handles one request at a time while it deploys.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(10);
/// The maximum length of a response in bytes. The health check returns less than 5,000.
const MAX_RESPONSE: usize = 1 << 20;

/// A response: the status code and the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Response {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Response {
    /// Returns the error code from the XML of AWS's query protocol.
    pub(super) fn error_code(&self) -> Option<&str> {
        let (_, code) = self.body.split_once("<Code>")?;
        Some(code.split_once("</Code>")?.0.trim())
    }
}

/// Sends a GET request for `path` to the loopback port `port`.
///
/// # Errors
///
/// If there is no response in time, or the response is not HTTP.
pub(super) fn get(port: u16, path: &str) -> io::Result<Response> {
    exchange(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"),
    )
}

/// Posts a form to the loopback port `port`, with one additional header line.
///
/// # Errors
///
/// As [`get`].
pub(super) fn post_form(port: u16, header: &str, form: &str) -> io::Result<Response> {
    let length = form.len();
    exchange(
        port,
        &format!(
            "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{header}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        ),
    )
}

fn exchange(port: u16, request: &str) -> io::Result<Response> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
    stream.set_write_timeout(Some(RESPONSE_TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    let bytes = read_before(&mut stream, Instant::now() + RESPONSE_TIMEOUT)?;
    parse(&String::from_utf8_lossy(&bytes)).ok_or_else(|| invalid("the response is not HTTP"))
}

/// Reads a response to its end. A server that sends byte after byte is not waited for any longer than
/// one that sends nothing.
fn read_before(stream: &mut TcpStream, deadline: Instant) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut part = [0; 8192];
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        stream.set_read_timeout(Some(left))?;
        let count = stream.read(&mut part)?;
        if count == 0 {
            return Ok(bytes);
        }
        bytes.extend_from_slice(part.get(..count).unwrap_or_default());
        if bytes.len() > MAX_RESPONSE {
            return Err(invalid("the response is longer than any of the emulator"));
        }
    }
}

fn invalid(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

fn parse(text: &str) -> Option<Response> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Response {
        status,
        body: body.to_owned(),
    })
}

/// Returns `text` with all bytes percent-encoded except ASCII letters, digits, and `-._~`.
pub(super) fn percent_encode(text: &str) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.extend(['%', hex_digit(byte >> 4), hex_digit(byte & 15)]);
        }
    }
    encoded
}

fn hex_digit(value: u8) -> char {
    char::from_digit(u32::from(value), 16).map_or('0', |digit| digit.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::net::{Ipv4Addr, TcpListener};
    use std::thread;

    use super::{MAX_RESPONSE, Response, get, parse, percent_encode};

    #[test]
    fn a_response_that_is_too_long_is_an_error() -> std::io::Result<()> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            // A stream that is dropped with unread data resets the connection.
            let mut request = Vec::new();
            while !request.ends_with(b"\r\n\r\n") {
                let mut byte = [0];
                stream.read_exact(&mut byte)?;
                request.extend(byte);
            }
            stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n")?;
            stream.write_all(&vec![b'x'; 2 * MAX_RESPONSE])
        });
        let error = get(port, "/").map_err(|error| error.to_string());
        let expected = "the response is longer than any of the emulator";
        assert_eq!(error, Err(expected.to_owned()));
        Ok(())
    }

    #[test]
    fn a_response_has_a_status_and_a_body() {
        let response =
            parse("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n{}\r\n\r\n").map(|a| (a.status, a.body));
        assert_eq!(response, Some((200, "{}\r\n\r\n".to_owned())));
    }

    #[test]
    fn a_response_that_is_not_http_is_rejected() {
        for text in [
            "",
            "SSH-2.0-OpenSSH_9.6\r\n\r\n",
            "HTTP/1.1 2",
            "HTTP/1.1 é00 x\r\n\r\n",
        ] {
            assert_eq!(parse(text), None::<Response>, "{text:?}");
        }
    }

    #[test]
    fn the_error_code_is_read_from_the_xml() {
        let response = |body: &str| Response {
            status: 400,
            body: body.to_owned(),
        };
        let refused = "<Errors><Error><Code>InvalidKeyPair.Duplicate</Code></Error></Errors>";
        assert_eq!(
            response(refused).error_code(),
            Some("InvalidKeyPair.Duplicate")
        );
        assert_eq!(response("InvalidKeyPair.Duplicate").error_code(), None);
        assert_eq!(response("<Code>cut").error_code(), None);
    }

    #[test]
    fn a_form_value_is_percent_encoded() {
        assert_eq!(percent_encode("my key&é_1"), "my%20key%26%C3%A9_1");
    }
}
