//! The streams of the process. Every byte that the program prints passes here. Known secrets are masked
//! first, and then hidden characters become visible: an escape must not divide a secret.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use unicode_width::UnicodeWidthStr;

use super::human::stacks::StackRow;
use super::screen::{Screen, Size};
use super::stack_state::StackState;
use super::style::{self, DIM, LABELS};
use super::visible;
use crate::config::secret::Secrets;

/// Moves the cursor to the first line and removes everything (ECMA-48, CUP and ED).
const CLEARED: &str = "\u{1b}[H\u{1b}[2J";

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
    /// What is drawn below the last line of stderr. It must be removed before another line is written.
    pub(super) screen: Arc<Mutex<Screen>>,
    /// The stack whose lines these are; `None` if a command works on one stack alone.
    pub(super) member: Option<Arc<Member>>,
    pub(super) secrets: Secrets,
}

/// One of the stacks that share the streams.
#[derive(Debug)]
pub(super) struct Member {
    /// Its place among the others.
    pub(super) row: usize,
    /// What each of its lines begins with: its name, and a bar.
    prefix: String,
    prefix_width: usize,
}

impl Member {
    /// Returns the stack of a row. The names of all stacks are `width` columns wide.
    pub(super) fn new(row: usize, label: &str, width: usize) -> Self {
        let label = visible::one_line(label);
        let gap = width.saturating_sub(label.width());
        let style = LABELS.get(row % LABELS.len()).copied().unwrap_or(DIM);
        Self {
            row,
            prefix: format!("{style}{label}{:gap$} |{style:#}", ""),
            prefix_width: width + 3,
        }
    }
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

    /// Writes a page to stdout. Its texts were masked and made visible one by one, when the page was
    /// written: a mask in the finished page could change its elements.
    pub(super) fn page(&self, page: &str) -> io::Result<()> {
        self.print_data(page)
    }

    /// Returns how many stacks share the streams; 0 if the command works on one stack alone.
    pub(super) fn number_of_stacks(&self) -> usize {
        self.screen().rows(Instant::now()).len()
    }

    /// Writes JSON to stdout. It is JSON without the secrets, too.
    pub(super) fn json(&self, text: &str) -> io::Result<()> {
        self.print_data(&visible::json(&self.secrets.redact_json(text)))
    }

    /// Writes a text to stderr. It may contain [`style`]s. The lines of one of several stacks begin with
    /// its name, and a text is written as a whole.
    pub(super) fn message(&self, text: &str) {
        let text = self.shown(text);
        let mut screen = self.screen();
        if let Some(text) = screen.message(&text, self.room(), Instant::now()) {
            print_message(&text);
        }
    }

    /// Writes the last text of the process to stderr, also while a question waits for its answer, or while
    /// a write that does not end keeps the screen.
    pub(super) fn last_message(&self, text: &str) {
        let text = self.shown(text);
        let Ok(mut screen) = self.screen.try_lock() else {
            print_message(&text);
            return;
        };
        let held = screen.close_question(self.room(), Instant::now());
        print_message(&(held.unwrap_or_default() + &screen.end(self.room()) + &text));
    }

    /// Writes a question to stderr. Until the result is dropped, what other stacks write is held back.
    pub(super) fn question(&self, text: &str) -> OpenQuestion<'_> {
        let text = self.shown(text);
        print_message(&self.screen().open_question(&text, self.room()));
        OpenQuestion(self)
    }

    /// Writes a line to stderr that the next write replaces. One of several stacks shows it in its line of
    /// the table.
    pub(super) fn progress(&self, text: &str) {
        let room = self.room();
        let text = self.secrets.redact(text);
        if let Some(member) = &self.member {
            let mut screen = self.screen();
            screen.set_detail(member.row, &text);
            print_message(&screen.refresh(Instant::now()));
            return;
        }
        // The escapes are part of the width.
        let line: String = visible::one_line(&text).chars().take(room).collect();
        let line = style::shown(&format!("{DIM}{line}{DIM:#}"), self.stderr_color);
        print_message(&self.screen().progress(&line, room));
    }

    /// Removes the progress line, if one is shown.
    pub(super) fn clear_progress(&self) {
        if let Some(member) = &self.member {
            self.screen().set_detail(member.row, "");
            return;
        }
        print_message(&self.screen().erase(self.room()));
    }

    /// Removes everything from the screen, and what is drawn below the last line. What was scrolled out of it
    /// stays.
    pub(super) fn clear_screen(&self) {
        let mut screen = self.screen();
        print_message(&(screen.erase(self.room()) + CLEARED));
    }

    /// Begins the table of several stacks. It is drawn in at most `height` lines; `None` means that it is
    /// not drawn.
    pub(super) fn begin_table(&self, labels: &[String], height: Option<usize>) {
        let size = height.map(|height| Size {
            width: self.room(),
            height,
            is_colored: self.stderr_color,
        });
        let mut screen = self.screen();
        screen.begin(labels, size);
        print_message(&screen.refresh(Instant::now()));
    }

    /// Draws the table again, if something in it has changed.
    pub(super) fn refresh_table(&self) {
        print_message(&self.screen().refresh(Instant::now()));
    }

    /// Removes the table, and returns the stacks as they are now.
    pub(super) fn end_table(&self) -> Vec<StackRow> {
        let mut screen = self.screen();
        print_message(&screen.end(self.room()));
        screen.rows(Instant::now())
    }

    /// Sets the state of one of several stacks.
    pub(super) fn set_state(&self, row: usize, state: StackState, detail: &str) {
        let detail = self.secrets.redact(detail);
        let mut screen = self.screen();
        screen.set_state(row, state, &detail, Instant::now());
        print_message(&screen.refresh(Instant::now()));
    }

    /// Sets the final state of one of several stacks if it has none.
    pub(super) fn conclude(&self, row: usize, state: StackState) {
        let mut screen = self.screen();
        screen.conclude(row, state, Instant::now());
        print_message(&screen.refresh(Instant::now()));
    }

    /// Returns whether a question waits for its answer, so that nothing may be written.
    pub(super) fn is_held(&self) -> bool {
        self.screen().is_held()
    }

    /// Returns the columns that the name of the stack takes at the beginning of each line.
    pub(super) fn prefix_width(&self) -> usize {
        self.member.as_ref().map_or(0, |member| member.prefix_width)
    }

    /// Returns a text of lines, each with the name of the stack if there are several. Blank lines around the
    /// text are left out then: they would not part it from what other stacks write.
    pub(super) fn prefixed(&self, text: &str) -> String {
        let Some(member) = &self.member else {
            return text.to_owned();
        };
        let lines = without_blank_ends(text).split_inclusive('\n').map(|line| {
            let gap = if line.trim_end().is_empty() { "" } else { " " };
            format!("{}{gap}{line}", member.prefix)
        });
        lines.collect()
    }

    /// Returns a text for stderr as it is written.
    fn shown(&self, text: &str) -> String {
        let text = self.secrets.redact(text);
        if self.member.is_some() {
            return style::shown(&self.prefixed(&text), self.stderr_color);
        }
        style::shown(&text, self.stderr_color)
    }

    fn room(&self) -> usize {
        self.width.saturating_sub(1)
    }

    fn screen(&self) -> MutexGuard<'_, Screen> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn print_data(&self, text: &str) -> io::Result<()> {
        let mut screen = self.screen();
        print_message(&screen.erase(self.room()));
        let written = write_data(text);
        print_message(&screen.draw(Instant::now()));
        written
    }
}

/// A question that waits for its answer.
pub(super) struct OpenQuestion<'a>(&'a Streams);

impl OpenQuestion<'_> {
    /// Says that the answer ended with a line break.
    pub(super) fn answer(&self) {
        self.0.screen().answer();
    }
}

impl Drop for OpenQuestion<'_> {
    fn drop(&mut self) {
        let mut screen = self.0.screen();
        if let Some(text) = screen.close_question(self.0.room(), Instant::now()) {
            print_message(&text);
        }
    }
}

/// Returns a text of lines without the blank ones at its beginning and its end.
fn without_blank_ends(mut text: &str) -> &str {
    while let Some((first, rest)) = text.split_once('\n')
        && first.trim().is_empty()
    {
        text = rest;
    }
    let end = text.trim_end();
    let last = text[end.len()..].split_inclusive('\n').next();
    &text[..end.len() + last.map_or(0, str::len)]
}

fn write_data(text: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(text.as_bytes())?;
    stdout.flush()
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

fn print_message(text: &str) {
    if text.is_empty() {
        return;
    }
    let mut stderr = io::stderr().lock();
    // Who closed stderr does not want to read this.
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
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
