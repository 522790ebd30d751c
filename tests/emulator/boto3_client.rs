//! Reads and changes AWS with boto3, so that an assertion does not rest on the SDK that stackctl uses.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use serde_json::Value;

/// A process that makes the calls. It ends when dropped.
pub(crate) struct Boto3Client {
    process: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Boto3Client {
    /// Starts the process with a Python that has boto3.
    pub(crate) fn start(python: &Path, endpoint: &str) -> Self {
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/boto3_client.py");
        let mut process = Command::new(python)
            .arg("-I")
            .arg("-B")
            .arg(script)
            .arg(endpoint)
            .env_clear()
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            requests: process.stdin.take().unwrap(),
            answers: BufReader::new(process.stdout.take().unwrap()),
            process,
        }
    }

    /// Makes calls concurrently and returns their results, or the error codes, in the same order.
    pub(crate) fn call(&mut self, requests: &[Value]) -> Vec<Result<Value, String>> {
        writeln!(self.requests, "{}", Value::from(requests)).unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let answers: Vec<Value> = serde_json::from_str(&line).unwrap();
        answers
            .into_iter()
            .map(|mut answer| match answer.get("error") {
                Some(code) => Err(code.as_str().unwrap().to_owned()),
                None => Ok(answer["answer"].take()),
            })
            .collect()
    }
}

impl Drop for Boto3Client {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
