//! The streams of the process. Every byte that the program prints passes here. Known secrets are masked
//! first, and then hidden characters become visible: an escape must not divide a secret.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::style::{self, DIM};
use super::visible;
use crate::config::secret::Secrets;

/// stdout and stderr, the colors and the width that they allow, and what they must not contain.
#[derive(Debug, Clone)]
pub(super) struct Streams {
    /// Whether stdout is colored.
    pub(super) stdout_color: bool,
    /// Whether stderr is colored.
    pub(super) stderr_color: bool,
    /// Whether stdout is a terminal.
    pub(super) is_screen: bool,
    /// The width of a line in columns.
    pub(super) width: usize,
    /// Whether a progress line is shown. It must be removed before another line is written.
    pub(super) progress_shown: Arc<AtomicBool>,
    pub(super) secrets: Secrets,
}

impl Streams {
    /// Writes data for people to stdout. `text` may contain [`style`]s, which are removed if color is
    /// off.
    pub(super) fn data(&self, text: &str) -> io::Result<()> {
        self.print_data(&style::shown(&self.secrets.redact(text), self.stdout_color))
    }

    /// Writes data for a program to stdout, byte for byte. Only if stdout is a terminal are hidden
    /// characters visible.
    pub(super) fn exact_data(&self, text: &str) -> io::Result<()> {
        let text = self.secrets.redact(text);
        if self.is_screen {
            self.print_data(&style::shown(&text, false))
        } else {
            self.print_data(&text)
        }
    }

    /// Writes JSON to stdout. It is JSON without the secrets, too.
    pub(super) fn json(&self, text: &str) -> io::Result<()> {
        self.print_data(&visible::json(&self.secrets.redact_json(text)))
    }

    /// Writes a text to stderr. It may contain [`style`]s.
    pub(super) fn message(&self, text: &str) {
        self.clear_progress();
        let text = style::shown(&self.secrets.redact(text), self.stderr_color);
        // Who closed stderr does not want to read this.
        let _ = print_message(&text);
    }

    /// Writes a line to stderr that the next write replaces.
    pub(super) fn progress(&self, text: &str) {
        let room = self.width.saturating_sub(1);
        let text = self.secrets.redact(text);
        // The escapes are part of the width.
        let line: String = visible::one_line(&text).chars().take(room).collect();
        let line = style::shown(&format!("{DIM}{line}{DIM:#}"), self.stderr_color);
        let _ = print_message(&format!("\r{}\r{line}", " ".repeat(room)));
        self.progress_shown.store(true, Ordering::Relaxed);
    }

    /// Removes the progress line, if one is shown.
    pub(super) fn clear_progress(&self) {
        if self.progress_shown.swap(false, Ordering::Relaxed) {
            let spaces = " ".repeat(self.width.saturating_sub(1));
            let _ = print_message(&format!("\r{spaces}\r"));
        }
    }

    fn print_data(&self, text: &str) -> io::Result<()> {
        self.clear_progress();
        let mut stdout = io::stdout().lock();
        stdout.write_all(text.as_bytes())?;
        stdout.flush()
    }
}

/// Writes clap's message to stderr or stdout. It contains what the user typed and nothing else.
pub(super) fn usage(text: &str, is_error: bool) {
    use anstream::{AutoStream, ColorChoice};
    let text = style::marked(text);
    // A reader that closes its pipe has read enough.
    if is_error {
        let is_colored = AutoStream::choice(&io::stderr()) != ColorChoice::Never;
        let _ = io::stderr().write_all(style::shown(&text, is_colored).as_bytes());
    } else {
        let is_colored = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        let _ = io::stdout().write_all(style::shown(&text, is_colored).as_bytes());
    }
}

fn print_message(text: &str) -> io::Result<()> {
    let mut stderr = io::stderr().lock();
    stderr.write_all(text.as_bytes())?;
    stderr.flush()
}

/// One event of the log. It is printed as a whole, so that no secret is in two parts.
#[derive(Debug)]
pub(super) struct LogEvent {
    pub(super) streams: Streams,
    pub(super) text: Vec<u8>,
}

impl Write for LogEvent {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for LogEvent {
    fn drop(&mut self) {
        self.streams.message(&String::from_utf8_lossy(&self.text));
    }
}
