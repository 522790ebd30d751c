//! A server of an AWS emulator, for one test.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// The time limit of a start.
const START: Duration = Duration::from_mins(2);

/// A running server. It ends when dropped or when this process ends.
pub(super) struct Server {
    /// Its URL.
    pub(super) endpoint: String,
    process: Child,
    guard: Child,
    _folder: TempDir,
}

impl Server {
    /// Starts the command for a port, in its own folder and with its own variables, and waits until
    /// a `GET` of this path returns 200.
    pub(super) fn start(command: impl Fn(u16) -> Command, ready: &str) -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let log = folder.path().join("log");
        // Another process may take the port first.
        for _ in 0..5 {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
            let port = listener.local_addr().unwrap().port();
            drop(listener);
            let output = File::create(&log).unwrap();
            let mut process = command(port)
                .current_dir(folder.path())
                .env_clear()
                .env("HOME", folder.path())
                .env("PATH", std::env::var_os("PATH").unwrap_or_default())
                .envs(variables(port))
                .stdin(Stdio::null())
                .stdout(output.try_clone().unwrap())
                .stderr(output)
                .spawn()
                .unwrap();
            let guard = guard(&process);
            if wait_until_ready(&mut process, port, ready) {
                return Self {
                    endpoint: format!("http://127.0.0.1:{port}"),
                    process,
                    guard,
                    _folder: folder,
                };
            }
            end(&mut process, guard);
        }
        let log = fs::read_to_string(log).unwrap_or_default();
        panic!("the emulator does not start:\n{log}");
    }

    /// Creates a bucket in us-east-1.
    pub(super) fn make_bucket(&self, name: &str) {
        let signed = "authorization: AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20261123/\
                      us-east-1/s3/aws4_request, SignedHeaders=host, Signature=none\r\n\
                      content-length: 0\r\n";
        let port = self.endpoint.rsplit(':').next().unwrap().parse().unwrap();
        let answer = request(port, "PUT", &format!("/{name}"), signed).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.guard.kill();
        let _ = self.guard.wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The configuration of the servers. Each reads only its own variables.
fn variables(port: u16) -> [(&'static str, String); 4] {
    [
        ("GATEWAY_LISTEN", format!("127.0.0.1:{port}")),
        // Its other server always listens on every interface.
        ("GATEWAY_SERVER", "hypercorn".to_owned()),
        ("SKIP_SSL_CERT_DOWNLOAD", "1".to_owned()),
        ("DISABLE_EVENTS", "1".to_owned()),
    ]
}

/// Starts a process that kills another process when this process ends.
fn guard(process: &Child) -> Child {
    Command::new("/bin/sh")
        .args(["-c", "read -r line; kill -9 \"$0\""])
        .arg(process.id().to_string())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap()
}

fn end(process: &mut Child, mut guard: Child) {
    let _ = guard.kill();
    let _ = guard.wait();
    let _ = process.kill();
    let _ = process.wait();
}

/// Returns whether it is ready; `false` if it has ended.
fn wait_until_ready(process: &mut Child, port: u16, path: &str) -> bool {
    let deadline = Instant::now() + START;
    while Instant::now() < deadline {
        let answer = request(port, "GET", path, "");
        if answer.is_ok_and(|answer| answer.contains(" 200 ")) {
            return true;
        }
        if process.try_wait().unwrap().is_some() {
            return false;
        }
        thread::sleep(Duration::from_millis(50));
    }
    false
}

fn request(port: u16, method: &str, path: &str, headers: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    write!(
        stream,
        "{method} {path} HTTP/1.1\r\nhost: 127.0.0.1:{port}\r\nconnection: close\r\n{headers}\r\n"
    )?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
