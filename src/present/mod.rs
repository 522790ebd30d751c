//! All output of stackctl, and the questions that it asks.
//!
//! stdout carries only data: plans, diffs, tables, outputs, JSON. Progress, questions, messages,
//! warnings, and errors go to stderr. Every write masks known secrets, and then makes hidden characters
//! visible, such as control sequences in a value. If the reader closes its pipe (`stackctl plan | head`),
//! the output ends without an error and the command continues.

mod axis;
pub mod diagnostic;
pub mod event_filter;
pub mod format;
pub mod graph;
pub mod html;
pub mod human;
pub mod json;
mod line_diff;
pub mod markdown;
pub mod output;
mod process;
mod quoted;
mod screen;
pub mod stack_state;
mod streams;
pub mod style;
mod timing;
pub mod unified;
mod visible;
mod words;
mod wrap;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::io::{self, BufRead, Read as _};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use indexmap::IndexMap;
use serde::Serialize;
use serde_json::{Map, Value};
use tokio::sync::Mutex;

use crate::config::ambient::Ambient;
use crate::config::secret::{Secret, Secrets};
use crate::diagnostic::Diagnostic;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::masking;
use format::ColorWhen;
use html::markup::PageContext;
use html::page::{Article, PageKind};
use human::stacks::StackRow;
use markdown::comment::Comment;
use output::{MemberOutput, Output, Part};
pub use process::{cannot_start, command_line};
use stack_state::StackState;
use streams::{Member, Streams};
use style::{BOLD, DIM, ERROR, HINT, WARNING};
pub(crate) use visible::one_line;

/// The width of a line in columns if neither `COLUMNS` nor a terminal gives one.
const PIPE_WIDTH: usize = 100;

/// How much the presenter writes, and whether it uses color.
#[derive(Debug, Clone, Copy, Default)]
pub struct OutputOptions {
    /// When to color the output.
    pub color: ColorWhen,
    /// Whether to omit messages, hints, and progress.
    pub quiet: bool,
    /// How many times `-v` was given.
    pub verbosity: u8,
}

/// Writes to the user and asks questions. Copies write to the same streams.
#[derive(Debug, Clone)]
pub struct Presenter {
    streams: Streams,
    quiet: bool,
    verbosity: u8,
    interactive: bool,
    progress: bool,
    /// The width for stderr; `None` if stderr is not a terminal.
    stderr_width: Option<usize>,
    /// The most lines of the table of several stacks; `None` if it is not drawn.
    table_height: Option<usize>,
    output: Output,
    /// Held by who asks a question.
    turn: Rc<Mutex<()>>,
    /// What is not printed again.
    noted: Rc<RefCell<BTreeSet<String>>>,
}

impl Presenter {
    /// Returns a presenter for this process's streams.
    pub fn new(options: OutputOptions, ambient: &Ambient) -> Self {
        let terminal = ambient.terminal;
        let is_dumb = ambient.variable("TERM") == Some("dumb");
        let plain = ambient.variable("NO_COLOR").is_some() || is_dumb;
        let is_colored = |is_terminal: bool| match options.color {
            ColorWhen::Always => true,
            ColorWhen::Never => false,
            ColorWhen::Auto => is_terminal && !plain,
        };
        let ci = ambient.variable("CI").is_some();
        let columns = ambient
            .variable("COLUMNS")
            .and_then(|columns| columns.parse().ok());
        let width = columns.or(terminal.columns).unwrap_or(PIPE_WIDTH).max(20);
        let secrets = Secrets::default();
        for secret in ambient.secrets() {
            secrets.add(&secret);
        }
        let progress = terminal.stderr && !ci && !options.quiet;
        // The cursor is below the table.
        let height = terminal.rows.map_or(24, |rows| rows.saturating_sub(1));
        Self {
            streams: Streams {
                stdout_color: is_colored(terminal.stdout),
                stderr_color: is_colored(terminal.stderr),
                is_screen: terminal.stdout,
                width,
                screen: Arc::default(),
                member: None,
                secrets,
            },
            quiet: options.quiet,
            verbosity: options.verbosity,
            interactive: terminal.stdin && terminal.stderr,
            progress,
            stderr_width: terminal.stderr.then_some(width),
            table_height: (progress && !is_dumb).then_some(height),
            output: Output::direct(),
            turn: Rc::default(),
            noted: Rc::default(),
        }
    }

    /// Begins to work on several stacks: from now on, a terminal shows a line for each of these labels, and
    /// draws it again as it changes.
    pub fn begin_stacks(&self, labels: &[String]) {
        self.streams.begin_table(labels, self.table_height);
    }

    /// Returns the presenter for one of several stacks. Its lines on stderr begin with its label, padded to
    /// the width of the longest, its progress is shown in the line of its `row`, and its output goes where
    /// `kind` says. `names` are the members that identify the stack in a line of JSON.
    #[must_use]
    pub fn of_stack(
        &self,
        (row, label, longest): (usize, &str, usize),
        kind: MemberOutput,
        names: Map<String, Value>,
    ) -> Self {
        let member = Member::new(row, label, longest);
        let streams = Streams {
            member: Some(Arc::new(member)),
            ..self.streams.clone()
        };
        let left = |width: usize| width.saturating_sub(streams.prefix_width()).max(20);
        Self {
            quiet: self.quiet,
            verbosity: self.verbosity,
            interactive: self.interactive,
            progress: self.table_height.is_some(),
            stderr_width: self.stderr_width.map(left),
            table_height: None,
            output: self.output.of_member(kind, names),
            turn: Rc::clone(&self.turn),
            noted: Rc::clone(&self.noted),
            streams,
        }
    }

    /// Returns the presenter for messages about all stacks, if this one is that of one of them.
    #[must_use]
    pub fn of_all(&self) -> Self {
        let mut all = self.clone();
        all.streams.member = None;
        all
    }

    /// Returns a presenter that keeps what is printed to stdout until it is [taken](Self::take_output).
    #[must_use]
    pub fn keeping_output(&self) -> Self {
        Self {
            output: self.output.of_member(MemberOutput::Kept, Map::new()),
            ..self.clone()
        }
    }

    /// Returns whether one screen is shown that is replaced: stdout and stderr are a terminal on which the
    /// cursor can be moved.
    pub fn has_screen(&self) -> bool {
        self.table_height.is_some() && self.streams.is_screen
    }

    /// Removes everything from the screen, if there is one.
    pub fn clear_screen(&self) {
        if self.has_screen() {
            self.streams.clear_screen();
        }
    }

    /// Returns what was kept of what is printed to stdout.
    pub fn take_output(&self) -> Vec<Part> {
        self.output.take()
    }

    /// Sets how far the command is with the stack of this presenter, if there are several. `detail` says
    /// more about that, or is empty.
    pub fn set_state(&self, state: StackState, detail: &str) {
        if let Some(member) = &self.streams.member {
            self.streams.set_state(member.row, state, detail);
        }
    }

    /// Sets how the command ended for the stack of this presenter, unless it has said so itself.
    pub fn conclude(&self, state: StackState) {
        if let Some(member) = &self.streams.member {
            self.streams.conclude(member.row, state);
        }
    }

    /// Draws the table of several stacks again if something in it has changed, such as a time.
    pub fn refresh_stacks(&self) {
        self.streams.refresh_table();
    }

    /// Removes the table of several stacks, and returns them as they are now.
    pub fn end_stacks(&self) -> Vec<StackRow> {
        self.streams.end_table()
    }

    /// Returns whether a question waits for its answer, so that no output may be written.
    pub fn is_asking(&self) -> bool {
        self.streams.is_held()
    }

    /// Prints the program's own spans to stderr if `-v` was given, and the AWS SDK's trace if `-vv` was
    /// given.
    pub fn start_log(&self) {
        if self.is_verbose() {
            process::log(self.streams.clone(), self.verbosity > 1);
        }
    }

    /// Returns the width of a line in columns: `COLUMNS`, the terminal's width, or 100; at least 20.
    pub fn width(&self) -> usize {
        self.streams.width
    }

    /// Returns the width of the terminal that shows stderr. `None` if stderr is no terminal: lines for
    /// a file or another program are not broken.
    pub fn screen_width(&self) -> Option<usize> {
        self.stderr_width
    }

    /// Returns whether `-v` was given at least once.
    pub fn is_verbose(&self) -> bool {
        self.verbosity > 0
    }

    /// Returns whether questions can be asked: stdin and stderr are terminals.
    pub fn is_interactive(&self) -> bool {
        self.interactive
    }

    /// Masks `secret` in all output from now on.
    pub fn mask(&self, secret: &Secret) {
        self.streams.secrets.add(secret);
    }

    /// Returns what is masked in all output, for other text that leaves the process.
    pub fn secrets(&self) -> &Secrets {
        &self.streams.secrets
    }

    /// Returns what ends the process at once after an interrupt. Its argument is a list of hints on how to
    /// continue the operation.
    pub fn exit_interrupted(&self) -> impl Fn(&[String]) + Send + use<> {
        let streams = self.streams.clone();
        move |hints| process::exit_interrupted(&streams, hints)
    }

    /// Writes data for people to stdout. `text` may contain [`style`]s, which are removed if color is
    /// off.
    ///
    /// [`Self::finish`] returns the error if the write fails.
    pub fn data(&self, text: &str) {
        self.output.data(&self.streams, text);
    }

    /// Writes data for a program to stdout, such as a template, byte for byte. Only if stdout is a
    /// terminal are hidden characters visible, as in [`Self::data`].
    pub fn exact_data(&self, text: &str) {
        self.output.exact_data(&self.streams, text);
    }

    /// Writes a text for a comment to stdout.
    pub fn comment(&self, comment: Comment) {
        self.output.comment(&self.streams, comment);
    }

    /// Returns whether the reader of stdout has closed its pipe, for a command that would print without
    /// end.
    pub fn is_closed(&self) -> bool {
        self.output.is_closed()
    }

    /// Returns the first error of a write to stdout, so that a command whose output is incomplete
    /// fails.
    ///
    /// # Errors
    ///
    /// If a write to stdout failed, for example because the disk is full. A closed pipe is no error.
    pub fn finish(&self) -> Result<()> {
        match self.output.take_error() {
            Some(error) => Err(Error::system("cannot write the output to stdout", error)),
            None => Ok(()),
        }
    }

    /// Writes one JSON document to stdout, indented, with a final newline.
    ///
    /// # Errors
    ///
    /// If the document cannot be serialized.
    pub fn json(&self, document: &impl Serialize) -> Result<()> {
        self.output.json(&self.streams, document)
    }

    /// Returns what the texts of a page about this presenter's stack need.
    pub fn page_context(&self) -> PageContext {
        let context = PageContext::new(self.streams.secrets.redactor());
        match &self.streams.member {
            Some(member) => context.of_member(member.row, self.streams.number_of_stacks()),
            None => context,
        }
    }

    /// Writes a page about one stack to stdout, or keeps what it says if there are several.
    pub fn page(&self, article: Article) {
        let kind = article.page_kind();
        self.output.page(&self.streams, article);
        if self.streams.member.is_none() {
            self.advise_file(kind);
        }
    }

    /// Writes a whole page to stdout.
    pub fn page_document(&self, kind: PageKind, document: &str) {
        self.output.document(&self.streams, document);
        self.advise_file(kind);
    }

    /// Says how a page gets into a file if a terminal shows its source.
    fn advise_file(&self, kind: PageKind) {
        if self.streams.is_screen {
            let file = kind.file();
            self.hint(&format!(
                "this is the source of a page: write it to a file with `> {file}`, and open the file in \
                 a browser"
            ));
        }
    }

    /// Writes a part of a command's output that was kept.
    pub fn part(&self, part: Part) {
        match part {
            Part::Text(text) => self.data(&text),
            Part::Exact(text) => self.exact_data(&text),
            Part::Page(article) => self.page(*article),
            Part::Comment(comment) => self.comment(comment),
            Part::Document(document) => {
                // It was JSON when it was kept.
                let _ = self.json(&document);
            }
        }
    }

    /// Writes one JSON document to stdout on one line.
    ///
    /// # Errors
    ///
    /// If the document cannot be serialized.
    pub fn json_line(&self, document: &impl Serialize) -> Result<()> {
        self.output.json_line(&self.streams, document)
    }

    /// Returns the whole content of stdin, which has at most `limit` bytes.
    ///
    /// # Errors
    ///
    /// If stdin is longer, cannot be read or is not UTF-8.
    pub fn input(&self, limit: u64) -> Result<String> {
        let input = io::stdin().lock().take(limit.saturating_add(1));
        let text =
            io::read_to_string(input).map_err(|error| Error::system("cannot read stdin", error))?;
        if text.len() as u64 > limit {
            let message = format!("stdin is too long: at most {limit} bytes are read");
            return Err(Error::input(message));
        }
        Ok(text)
    }

    /// Writes a message to stderr, unless `--quiet` was given.
    pub fn note(&self, text: &str) {
        if !self.quiet {
            self.stderr_line(text);
        }
    }

    /// Writes a message that concerns all stacks to stderr, unless `--quiet` was given or it was written
    /// before.
    pub fn note_once(&self, text: &str) {
        if self.noted.borrow_mut().insert(text.to_owned()) {
            self.of_all().note(text);
        }
    }

    /// Returns whether `--quiet` was given.
    pub fn is_quiet(&self) -> bool {
        self.quiet
    }

    /// Writes a line of another program's output to stderr with its colors, also if `--quiet` was given.
    pub fn program_line(&self, text: &str) {
        self.stderr_line(&style::marked(text));
    }

    /// Writes a message to stderr if `-v` was given.
    pub fn detail(&self, text: &str) {
        if self.is_verbose() {
            self.stderr_line(&format!("{DIM}{text}{DIM:#}"));
        }
    }

    /// Writes a warning to stderr.
    pub fn warning(&self, text: &str) {
        self.stderr_line(&format!("{WARNING}warning{WARNING:#}: {}", indented(text)));
    }

    /// Writes a hint to stderr, unless `--quiet` was given.
    pub fn hint(&self, text: &str) {
        if !self.quiet {
            self.stderr_line(&format!("{HINT}hint{HINT:#}: {}", indented(text)));
        }
    }

    /// Writes findings to stderr, each with the source line that it concerns.
    pub fn diagnostics(&self, diagnostics: &[Diagnostic]) {
        if diagnostics.is_empty() {
            return;
        }
        // A template that could not be read may declare secrets in the lines that are quoted.
        for source in quoted::sources(diagnostics) {
            let declared = masking::declared_in(source);
            masking::learn(self.secrets(), &declared, &IndexMap::new());
        }
        let shown = quoted::without_secrets(diagnostics, &self.secrets().redactor());
        // The stream removes the styles if color is off.
        let width = self.width().saturating_sub(self.streams.prefix_width());
        let text = diagnostic::render(&shown, width.max(20), true);
        self.stderr_line(&(style::marked(&text) + "\n"));
    }

    /// Writes an error to stderr: its findings, `error: …`, its causes, and its hints.
    pub fn error(&self, error: &Error) {
        self.diagnostics(error.diagnostics());
        let mut previous = error.to_string();
        self.stderr_line(&format!("{ERROR}error{ERROR:#}: {}", indented(&previous)));
        for text in error.causes() {
            // Many errors repeat the text of their cause.
            if !previous.contains(&text) {
                self.stderr_line(&format!("  caused by: {}", indented(&text)));
            }
            previous = text;
        }
        for hint in error.hints() {
            self.stderr_line(&format!("{HINT}hint{HINT:#}: {}", indented(hint)));
        }
    }

    /// Shows a line that the next write replaces.
    ///
    /// Does nothing if stderr is not a terminal, `CI` is set, or `--quiet` was given.
    pub fn progress(&self, text: &str) {
        if !self.progress {
            return;
        }
        self.streams.progress(text);
    }

    /// As [`Self::progress`], with the time since the beginning of what is in progress. The table of several
    /// stacks has a column of its own for the time.
    pub fn progress_since(&self, text: &str, elapsed: Duration) {
        if self.streams.member.is_some() {
            self.progress(text);
        } else {
            self.progress(&format!("{text} · {}", human::clock(elapsed)));
        }
    }

    /// Removes the progress line, if one is shown.
    pub fn clear_progress(&self) {
        self.streams.clear_progress();
    }

    /// Asks `question` and returns the answer without surrounding whitespace.
    ///
    /// A separate thread reads the answer, so that an interrupt can end the wait.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Refused`] if stdin or stderr is not a terminal; the hint names `command`, which
    /// needs no answer. Also if stdin cannot be read.
    pub async fn ask(&self, question: &str, command: &str) -> Result<String> {
        if !self.interactive {
            return Err(Error::refused("cannot ask a question without a terminal")
                .hint(format!("to continue without the question, run `{command}`")));
        }
        let _turn = self.turn.lock().await;
        let asked = format!("{BOLD}{question}{BOLD:#} ");
        let open = self.streams.question(&asked);
        let (sender, receiver) = tokio::sync::oneshot::channel();
        std::thread::spawn(move || {
            let mut line = String::new();
            let read = io::stdin().lock().read_line(&mut line);
            // The send fails after an interrupt, because the receiver no longer exists.
            let _ = sender.send(read.map(|_| line));
        });
        match receiver.await {
            Ok(Ok(line)) => {
                // If Ctrl-D ends the answer, the cursor stays on the line of the question.
                if line.ends_with('\n') {
                    open.answer();
                }
                Ok(line.trim().to_owned())
            }
            Ok(Err(error)) => Err(Error::system("cannot read the answer", error)),
            Err(_) => Err(Error::new(ErrorKind::Interrupted, "no answer was given")),
        }
    }

    /// Asks `question`, to which only `yes` is accepted. `refusal` says that nothing was done.
    ///
    /// # Errors
    ///
    /// As for [`Self::ask`], and refused if the answer is not `yes`.
    pub async fn confirm(&self, question: &str, command: &str, refusal: &str) -> Result<()> {
        if self.ask(question, command).await? == "yes" {
            return Ok(());
        }
        Err(Error::refused(format!(
            "{refusal}: the answer was not `yes`"
        )))
    }

    /// Refuses a run that would have to ask and cannot. `yes` is whether it asks nothing, and `command`
    /// returns a command that needs no answer.
    ///
    /// # Errors
    ///
    /// Refused without a terminal and without `yes`.
    pub fn check_can_ask(&self, yes: bool, command: impl FnOnce() -> String) -> Result<()> {
        if yes || self.interactive {
            return Ok(());
        }
        let message = "cannot ask a question without a terminal, and --yes was not given";
        Err(Error::refused(message).hint(format!("run `{}`", command())))
    }

    fn stderr_line(&self, text: &str) {
        self.streams.message(&format!("{text}\n"));
    }
}

/// Returns a message whose further lines are indented, so that no text of the service or of a file
/// looks like a message of its own.
fn indented(text: &str) -> Cow<'_, str> {
    let begins = |line: &str| line.is_empty() || line.starts_with(' ');
    if text.split('\n').skip(1).all(begins) {
        return Cow::Borrowed(text);
    }
    let mut lines = text.split('\n');
    let first = lines.next().unwrap_or_default().to_owned();
    let text = lines.fold(first, |text, line| {
        text + if begins(line) { "\n" } else { "\n  " } + line
    });
    Cow::Owned(text)
}
