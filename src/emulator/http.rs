//! The few plain HTTP requests that concern the emulator as a process, not as AWS.
//!
//! They go to a server on this machine that answers in one piece, so a socket with time-outs is
//! enough and no HTTP client is set up: a command that finds the emulator running asks for its
//! health first of all, and that costs about a millisecond.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

/// How long a loopback connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// How long the emulator may be silent; it answers one request at a time while it deploys.
const READ_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest answer that is read, in bytes. Health lists every service in under 5,000.
const MAX_ANSWER: u64 = 1 << 20;

/// An answer: the status code and the body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: String,
}

impl Answer {
    /// Returns the code of an error in the XML of the query protocol.
    pub(super) fn error_code(&self) -> Option<&str> {
        let (_, code) = self.body.split_once("<Code>")?;
        Some(code.split_once("</Code>")?.0.trim())
    }
}

/// Gets `path` from the server on the loopback port `port`.
///
/// # Errors
///
/// Where nothing answers in time, or what answers does not speak HTTP.
pub(super) fn get(port: u16, path: &str) -> io::Result<Answer> {
    exchange(
        port,
        &format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n"),
    )
}

/// Posts a form to the server on the loopback port `port`, with one further header line.
///
/// # Errors
///
/// As [`get`].
pub(super) fn post_form(port: u16, header: &str, form: &str) -> io::Result<Answer> {
    let length = form.len();
    exchange(
        port,
        &format!(
            "POST / HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n{header}\r\n\
             Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {length}\r\n\r\n{form}"
        ),
    )
}

fn exchange(port: u16, request: &str) -> io::Result<Answer> {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let mut stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT)?;
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_write_timeout(Some(READ_TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    let mut bytes = Vec::new();
    stream.take(MAX_ANSWER).read_to_end(&mut bytes)?;
    parse(&String::from_utf8_lossy(&bytes))
        .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "the answer is not HTTP"))
}

fn parse(text: &str) -> Option<Answer> {
    let (head, body) = text.split_once("\r\n\r\n")?;
    let status = head.strip_prefix("HTTP/1.1 ")?.get(..3)?.parse().ok()?;
    Some(Answer {
        status,
        body: body.to_owned(),
    })
}

/// Returns `text` with everything but letters, digits and `-._~` percent-encoded.
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
    use super::{Answer, parse, percent_encode};

    #[test]
    fn an_answer_has_a_status_and_a_body() {
        let answer =
            parse("HTTP/1.1 200 OK\r\nServer: x\r\n\r\n{}\r\n\r\n").map(|a| (a.status, a.body));
        assert_eq!(answer, Some((200, "{}\r\n\r\n".to_owned())));
    }

    #[test]
    fn what_is_not_http_is_no_answer() {
        for text in [
            "",
            "SSH-2.0-OpenSSH_9.6\r\n\r\n",
            "HTTP/1.1 2",
            "HTTP/1.1 é00 x\r\n\r\n",
        ] {
            assert_eq!(parse(text), None::<Answer>, "{text:?}");
        }
    }

    #[test]
    fn the_code_of_an_error_is_read() {
        let answer = |body: &str| Answer {
            status: 400,
            body: body.to_owned(),
        };
        let refused = "<Errors><Error><Code>InvalidKeyPair.Duplicate</Code></Error></Errors>";
        assert_eq!(
            answer(refused).error_code(),
            Some("InvalidKeyPair.Duplicate")
        );
        assert_eq!(answer("InvalidKeyPair.Duplicate").error_code(), None);
        assert_eq!(answer("<Code>cut").error_code(), None);
    }

    #[test]
    fn a_form_value_is_percent_encoded() {
        assert_eq!(percent_encode("my key&é_1"), "my%20key%26%C3%A9_1");
    }
}
