//! The result of a child process, as a text for snapshots.

use std::fmt;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use serde_json::Value;
use similar::TextDiff;

/// The lines of a plan that are the same in all plans of the tests' project.
const PLAN_HEADER: &str = "Account      123456789012
Region       eu-west-1
Endpoint     http://127.0.0.1:[PORT]
Capabilities CAPABILITY_IAM
";

/// The messages about the first upload of the tests' project.
const FIRST_UPLOAD: &str = "Creating the artifact bucket \
    `stackctl-artifacts-123456789012-eu-west-1` (private, encrypted, versioned, TLS only)
Uploaded 170 bytes to s3://stackctl-artifacts-123456789012-eu-west-1/demo/handler/[SHA256].zip
";

/// The result of a child process.
pub(crate) struct Finished {
    status: ExitStatus,
    /// All of stdout, unchanged.
    pub(crate) stdout: String,
    /// All of stderr, unchanged. If the child had a terminal, its output.
    pub(crate) stderr: String,
    base: String,
    is_full: bool,
    hides_resource_events: bool,
}

impl Finished {
    /// Returns the result of a child with files below `base`.
    pub(super) fn new(status: ExitStatus, stdout: String, stderr: String, base: String) -> Self {
        Self {
            status,
            stdout,
            stderr,
            base,
            is_full: false,
            hides_resource_events: false,
        }
    }

    /// Returns the exit code; 128 plus the number of the signal if a signal ended the child, as in
    /// shells.
    pub(crate) fn code(&self) -> i32 {
        self.status
            .code()
            .or_else(|| Some(128 + self.status.signal()?))
            .unwrap_or(-1)
    }

    /// Fails the test unless the exit code is this one.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert!(self.code() == code, "expected exit code {code}\n{self}");
        self
    }

    /// Fails the test unless stdout contains this text.
    #[track_caller]
    pub(crate) fn expect_stdout(&self, text: &str) -> &Self {
        let found = self.stdout.contains(text);
        assert!(found, "stdout does not contain {text:?}\n{self}");
        self
    }

    /// Fails the test unless stderr contains this text.
    #[track_caller]
    pub(crate) fn expect_stderr(&self, text: &str) -> &Self {
        let found = self.stderr.contains(text);
        assert!(found, "stderr does not contain {text:?}\n{self}");
        self
    }

    /// Leaves stdout out of the blob, if another test checks it.
    pub(crate) fn without_stdout(mut self) -> Self {
        self.stdout.clear();
        self
    }

    /// Keeps what the blob otherwise replaces by `[HEADER]` and `[UPLOAD]`.
    pub(crate) fn in_full(mut self) -> Self {
        self.is_full = true;
        self
    }

    /// Leaves the events of resources out of the blob; those of the stack stay.
    pub(crate) fn without_resource_events(mut self) -> Self {
        self.hides_resource_events = true;
        self
    }

    /// Returns the lines of the blob that differ from another blob, as in a unified diff.
    pub(crate) fn difference_from(&self, other: &Self) -> String {
        let (before, after) = (other.to_string(), self.to_string());
        let difference = TextDiff::from_lines(&before, &after);
        let difference = difference.unified_diff().context_radius(0).to_string();
        let without_line_numbers = difference.lines().map(|line| match line.get(..2) {
            Some("@@") => "@@\n".to_owned(),
            _ => format!("{line}\n"),
        });
        without_line_numbers.collect()
    }

    /// Returns stdout as one JSON document.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout)
            .unwrap_or_else(|error| panic!("stdout is no JSON document: {error}\n{self}"))
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, text) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            if !text.is_empty() {
                let end = if text.ends_with('\n') {
                    ""
                } else {
                    "[no newline]\n"
                };
                let mut text = redact(&seen(text), &self.base);
                if !self.is_full {
                    text = text.replace(PLAN_HEADER, "[HEADER]\n");
                    text = text.replace(FIRST_UPLOAD, "[UPLOAD]\n");
                }
                if self.hides_resource_events {
                    text = text
                        .split_inclusive('\n')
                        .filter(|line| !is_resource_event(line))
                        .collect();
                }
                write!(f, "--- {name}\n{text}{end}")?;
            }
        }
        match self.status.signal() {
            Some(signal) => write!(f, "--- killed by signal {signal}"),
            None => write!(f, "--- exit {}", self.code()),
        }
    }
}

/// Returns whether a line of a blob is an event of a resource.
fn is_resource_event(line: &str) -> bool {
    line.starts_with("  [TIME]  ") && !line.contains("  AWS::CloudFormation::Stack")
}

/// Returns the visible text of a terminal, without overwritten text and styles.
fn seen(text: &str) -> String {
    let style = regex_lite::Regex::new("\x1b\\[[0-9;]*[A-Za-z]").unwrap();
    let text = style.replace_all(text, "");
    let mut seen = String::new();
    for line in text.split_inclusive('\n') {
        let mut cells: Vec<char> = Vec::new();
        for written in line.trim_end_matches('\n').split('\r') {
            let kept = cells.split_off(written.chars().count().min(cells.len()));
            cells = written.chars().chain(kept).collect();
        }
        let shown: String = cells.into_iter().collect();
        seen += shown.trim_end();
        if line.ends_with('\n') {
            seen.push('\n');
        }
    }
    seen
}

/// Replaces text that differs between runs or machines.
fn redact(text: &str, base: &str) -> String {
    let mut text = text.replace(base, "[SANDBOX]");
    for (pattern, replacement) in [
        (r"(127\.0\.0\.1|localhost):\d+", "$1:[PORT]"),
        (
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[UUID]",
        ),
        (r"\bstackctl-(tmp|plan)-[0-9A-Za-z-]+", "stackctl-$1-[ID]"),
        (r"\b[0-9a-f]{64}\b", "[SHA256]"),
        (r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[INSTANT]"),
        (r"\b\d+(\.\d+)? ?(ms|s|min)\b", "[TIME]"),
        (r"(^|[ (])\d+:\d\d\b", "$1[TIME]"),
    ] {
        let pattern = regex_lite::Regex::new(pattern).unwrap();
        text = pattern.replace_all(&text, replacement).into_owned();
    }
    text
}
