//! The log lines of a stack's functions, merged in the order of time, until now or as they come.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use jiff::Timestamp;

use super::deployed_functions::{self, DeployedFunctions};
use super::log_permissions::{LogPermissions, lacks, may};
use super::session::Session;
use crate::aws::logs::{LogAnswer, LogQuery, LogService, PERMISSION};
use crate::aws::{Connection, needs_login};
use crate::cloudformation::function::lines::is_of_platform;
use crate::cloudformation::function::{
    FaultFinder, Function, LogLine, SeenLines, filter_terms, function_of_stream,
};
use crate::cloudformation::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::log::LogEntry;
use crate::template::log_permission::LogPermission;
use crate::util::interrupt::Interrupt;
use crate::util::suggest::{join_first, nearest};

/// How many log groups are read at once: `FilterLogEvents` allows 5 calls per second.
const AT_ONCE: usize = 4;
/// The shortest pause between two polls.
const PAUSE: Duration = Duration::from_secs(2);
/// How late a line may appear in the log without being lost, in milliseconds.
const OVERLAP: i64 = 120_000;
/// How many polls may fail in a row before following ends.
const PATIENCE: u32 = 30;
/// How many functions a message names.
const NAMES: usize = 20;

/// Which lines are shown, and how.
#[derive(Debug)]
pub(crate) struct LogOptions {
    /// The logical ids of the functions; none means all.
    pub(crate) functions: Vec<String>,
    /// How far back the lines go.
    pub(crate) since: Duration,
    /// The text that a line has to contain.
    pub(crate) filter: Option<String>,
    /// Whether new lines are shown as they come.
    pub(crate) follow: bool,
    /// The form of the output.
    pub(crate) format: Format,
}

/// Prints the log lines of the stack's functions.
///
/// # Errors
///
/// If a named function does not exist, or no log may be read; [`ErrorKind::Interrupted`] if the user ends
/// following.
pub(crate) async fn run(
    session: &Session<'_>,
    interrupt: &Interrupt,
    connection: &Connection,
    stack: &Stack,
    options: &LogOptions,
) -> Result<()> {
    let presenter = session.presenter();
    let found = interrupt
        .guard(deployed_functions::read(connection, &stack.name))
        .await?;
    let functions = choose(&found, options, stack)?;
    for left_out in &found.left_out {
        presenter.warning(left_out);
    }
    if functions.is_empty() {
        presenter.note(&format!(
            "The stack `{}` has no Lambda functions.",
            stack.name
        ));
        return Ok(());
    }
    for function in &functions {
        let configuration = function.configuration.as_ref();
        let state = configuration.and_then(|it| {
            it.failure(&function.path)
                .or_else(|| it.remark(&function.path))
        });
        if let Some(state) = state {
            presenter.warning(&state);
        }
    }
    let since = i64::try_from(options.since.as_millis()).unwrap_or(i64::MAX);
    let start = Timestamp::now()
        .as_millisecond()
        .saturating_sub(since)
        .max(0);
    let mut reader = Reader {
        session,
        connection,
        service: LogService::new(connection),
        label_width: functions.iter().map(|it| it.path.len()).max().unwrap_or(0),
        sources: sources(&functions, start, options.filter.as_deref()),
        filter: options.filter.as_deref(),
        format: options.format,
        count: 0,
        faults: functions
            .iter()
            .map(|function| FunctionState {
                function: function.clone(),
                finder: FaultFinder::default(),
                time: None,
                warned: String::new(),
            })
            .collect(),
    };
    if options.follow {
        reader.follow(interrupt).await
    } else {
        interrupt.guard(reader.poll()).await?;
        reader.check_denied(true)?;
        reader.explain_silence(interrupt).await?;
        reader.finish();
        Ok(())
    }
}

/// Returns the functions that are shown.
fn choose(found: &DeployedFunctions, options: &LogOptions, stack: &Stack) -> Result<Vec<Function>> {
    if options.functions.is_empty() {
        return Ok(found.functions.clone());
    }
    let mut chosen: Vec<Function> = Vec::new();
    for name in &options.functions {
        let is_it = |function: &&Function| function.path == *name || function.name == *name;
        let Some(function) = found.functions.iter().find(is_it) else {
            return Err(unknown(name, found, stack));
        };
        if !chosen.contains(function) {
            chosen.push(function.clone());
        }
    }
    Ok(chosen)
}

fn unknown(name: &str, found: &DeployedFunctions, stack: &Stack) -> Error {
    let error = Error::input(format!(
        "the stack `{}` has no function `{name}`",
        stack.name
    ));
    let paths = found.functions.iter().map(|it| it.path.as_str());
    if let Some(meant) = nearest(name, paths.clone()) {
        return error.hint(format!("did you mean `{meant}`?"));
    }
    let paths: Vec<String> = paths.map(|path| format!("`{path}`")).collect();
    if paths.is_empty() {
        error.hint("the stack has no Lambda functions")
    } else {
        let names = join_first(paths.into_iter(), NAMES);
        error.hint(format!("its functions are {names}"))
    }
}

/// Returns the log groups of some functions, each once.
fn sources(functions: &[Function], start: i64, filter: Option<&str>) -> Vec<Source> {
    let mut sources: Vec<Source> = Vec::new();
    for (index, function) in functions.iter().enumerate() {
        let group = function.log_group();
        match sources.iter_mut().find(|it| it.query.group == group) {
            Some(shared) => shared.functions.push(index),
            None => sources.push(Source {
                query: LogQuery {
                    group,
                    start,
                    pattern: filter.map(filter_terms).unwrap_or_default(),
                    ..LogQuery::default()
                },
                functions: vec![index],
                state: State::Unread,
                token: None,
                is_done: false,
                seen: SeenLines::default(),
                has_lines: false,
                lines: VecDeque::new(),
            }),
        }
    }
    sources
}

/// A log group, and how far it is read.
struct Source {
    query: LogQuery,
    /// The functions that write to it, by their positions.
    functions: Vec<usize>,
    state: State,
    token: Option<String>,
    /// Whether this poll has read the last page.
    is_done: bool,
    seen: SeenLines,
    /// Whether any line was read.
    has_lines: bool,
    /// The lines that are read and not printed, each with its function.
    lines: VecDeque<(usize, LogLine)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unread,
    Read,
    Missing,
    Denied,
}

impl Source {
    /// Reads the next page.
    async fn read_page(
        &mut self,
        service: &LogService,
        functions: &[FunctionState],
        filter: Option<&str>,
    ) -> Result<()> {
        match service.page(&self.query, self.token.as_deref()).await? {
            LogAnswer::Read(page) => {
                self.state = State::Read;
                self.is_done = page.next.is_none();
                self.token = page.next;
                self.has_lines |= !page.lines.is_empty();
                for line in self.seen.new_lines(page.lines) {
                    let is_shown = filter.is_none_or(|text| line.text.contains(text));
                    if let Some(function) = self.function_of(&line, functions)
                        && is_shown
                    {
                        self.lines.push_back((function, line));
                    }
                }
            }
            LogAnswer::Missing => {
                self.state = State::Missing;
                self.is_done = true;
            }
            LogAnswer::Denied => {
                self.state = State::Denied;
                self.is_done = true;
            }
        }
        Ok(())
    }

    /// Returns which function wrote a line; `None` if it is none of those that are shown: a log group may
    /// be shared.
    fn function_of(&self, line: &LogLine, functions: &[FunctionState]) -> Option<usize> {
        let name = function_of_stream(&line.stream);
        let mut own = self.functions.iter().copied();
        match name {
            Some(name) => own.find(|index| functions[*index].function.name == name),
            None => own.next(),
        }
    }

    /// Prepares the next poll.
    fn rewind(&mut self) {
        self.query.start = self.seen.next_start(self.query.start, OVERLAP);
        self.token = None;
        self.is_done = self.state == State::Denied;
        self.seen.begin();
    }
}

/// A function, and the failure that its lines show.
struct FunctionState {
    function: Function,
    finder: FaultFinder,
    /// The time of the line that showed the failure.
    time: Option<Timestamp>,
    /// The sentence that was printed.
    warned: String,
}

/// Reads and prints the lines of some functions.
struct Reader<'s> {
    session: &'s Session<'s>,
    connection: &'s Connection,
    service: LogService,
    sources: Vec<Source>,
    faults: Vec<FunctionState>,
    filter: Option<&'s str>,
    format: Format,
    label_width: usize,
    /// How many lines were printed.
    count: usize,
}

impl Reader<'_> {
    /// Reads every log group to its end and prints the lines that are new, in the order of time.
    async fn poll(&mut self) -> Result<()> {
        loop {
            let (service, functions, filter) = (&self.service, &self.faults, self.filter);
            let unread = self.sources.iter_mut();
            let unread = unread.filter(|it| it.lines.is_empty() && !it.is_done);
            let reads = stream::iter(unread)
                .map(async |source: &mut Source| source.read_page(service, functions, filter).await)
                .buffer_unordered(AT_ONCE);
            let read: Vec<Result<()>> = reads.collect().await;
            // Lines of the groups that could be read are printed, also if another could not be.
            let failed = read.into_iter().find_map(Result::err);
            self.print_merged(failed.is_some())?;
            if let Some(failed) = failed {
                return Err(failed);
            }
            if self.sources.iter().all(|source| source.is_done) {
                return Ok(());
            }
        }
    }

    /// Prints the oldest lines as long as no group can have an older one that is not read; with `all`,
    /// every line.
    fn print_merged(&mut self, all: bool) -> Result<()> {
        loop {
            let is_waiting = |source: &Source| source.lines.is_empty() && !source.is_done;
            if !all && self.sources.iter().any(is_waiting) {
                return Ok(());
            }
            let times = self.sources.iter().enumerate();
            let times = times.filter_map(|(index, it)| Some((it.lines.front()?.1.time, index)));
            let Some((_, index)) = times.min() else {
                return Ok(());
            };
            if let Some((function, line)) = self.sources[index].lines.pop_front() {
                self.print(function, index, &line)?;
            }
        }
    }

    fn print(&mut self, index: usize, source: usize, line: &LogLine) -> Result<()> {
        self.count += 1;
        let state = &mut self.faults[index];
        if state.finder.read(&line.text) {
            state.time = line.timestamp();
        }
        let presenter = self.session.presenter();
        match self.format {
            Format::Json => presenter.json_line(&LogEntry::of(
                &state.function,
                &self.sources[source].query.group,
                line,
                is_of_platform(&line.text),
            )),
            Format::Human => {
                let label = (state.function.path.as_str(), index, self.label_width);
                let is_of_platform = is_of_platform(&line.text);
                let text = human::log::line(line.timestamp(), label, &line.text, is_of_platform);
                presenter.data(&(text + "\n"));
                Ok(())
            }
        }
    }

    /// Prints new lines until the user interrupts.
    async fn follow(&mut self, interrupt: &Interrupt) -> Result<()> {
        let presenter = self.session.presenter();
        let groups = u32::try_from(self.sources.len()).unwrap_or(u32::MAX);
        let pause = PAUSE.max(Duration::from_millis(250).saturating_mul(groups));
        let mut failures = 0;
        let mut is_first = true;
        loop {
            match interrupt.guard(self.poll()).await {
                Ok(()) => {
                    failures = 0;
                    self.check_denied(is_first)?;
                    if is_first {
                        self.explain_silence(interrupt).await?;
                        presenter.note("Following the logs; Ctrl-C ends.");
                        is_first = false;
                    }
                    self.warn_of_faults();
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => return Err(error),
                Err(error) if failures >= PATIENCE || needs_login(&error) => {
                    return Err(error);
                }
                Err(error) => {
                    failures += 1;
                    if failures == 1 {
                        presenter.warning(&format!("{error}; trying again"));
                    }
                }
            }
            // Nobody reads what would follow.
            if presenter.is_closed() {
                return Ok(());
            }
            let wait = async {
                tokio::time::sleep(pause).await;
                Ok(())
            };
            interrupt.guard(wait).await?;
            for source in &mut self.sources {
                source.rewind();
            }
        }
    }

    /// Says what the lines show after all of them were printed.
    fn finish(&mut self) {
        if self.count == 0 {
            let filter = if self.filter.is_some() {
                " with this text"
            } else {
                ""
            };
            self.session
                .presenter()
                .note(&format!("There are no log lines{filter} since then."));
        }
        self.warn_of_faults();
    }

    /// Warns of logs that may not be read.
    ///
    /// # Errors
    ///
    /// If that is all of them.
    fn check_denied(&self, is_first: bool) -> Result<()> {
        let denied = self.sources.iter().filter(|it| it.state == State::Denied);
        let denied: Vec<&str> = denied.map(|it| it.query.group.as_str()).collect();
        if denied.is_empty() {
            return Ok(());
        }
        let groups = denied.iter().map(|group| format!("`{group}`"));
        let groups = join_first(groups, NAMES);
        let message = format!("cannot read the log {groups}: the caller lacks `{PERMISSION}`");
        if denied.len() == self.sources.len() {
            return Err(Error::new(ErrorKind::Service, message));
        }
        if is_first {
            self.session.presenter().warning(&message);
        }
        Ok(())
    }

    /// Says which logs do not exist yet, and which functions may not write theirs.
    async fn explain_silence(&self, interrupt: &Interrupt) -> Result<()> {
        let presenter = self.session.presenter();
        let mut permissions = LogPermissions::new(self.connection);
        let is_silent = |source: &&Source| match source.state {
            State::Missing => true,
            State::Read => !source.has_lines && self.filter.is_none(),
            State::Unread | State::Denied => false,
        };
        for source in self.sources.iter().filter(is_silent) {
            let exists = source.state == State::Read;
            let functions = source.functions.iter();
            let functions = functions.map(|index| &self.faults[*index].function);
            let mut granted = None;
            for function in functions.clone().take(NAMES) {
                let permission = async { Ok(permissions.of(function, exists).await) };
                match interrupt.guard(permission).await? {
                    LogPermission::Lacking(missing) => {
                        let (path, lacks) = (&function.path, lacks(&missing));
                        presenter.warning(&format!(
                            "the function `{path}` cannot write its log: {lacks}"
                        ));
                    }
                    LogPermission::Granted(role) => granted = Some(role),
                    LogPermission::Unknown => {}
                }
            }
            if exists {
                continue;
            }
            let (count, paths) = (source.functions.len(), functions.map(|it| &it.path));
            let paths = join_first(paths.map(|path| format!("`{path}`")), NAMES);
            let reason = match granted {
                Some(role) if count == 1 => {
                    let may = may(role.as_deref());
                    format!(" The function did not run: {may}.")
                }
                _ => String::new(),
            };
            presenter.note(&format!(
                "{paths}: no lines yet; the log group `{}` does not exist.{reason}",
                source.query.group
            ));
        }
        Ok(())
    }

    /// Warns of functions that do not start, each time the reason is another one.
    fn warn_of_faults(&mut self) {
        let presenter = self.session.presenter();
        for state in &mut self.faults {
            let fault = state.finder.found().filter(|fault| fault.prevents_start());
            let Some(fault) = fault else {
                state.warned.clear();
                continue;
            };
            let sentence = fault.sentence(&state.function.path);
            if sentence == state.warned {
                continue;
            }
            let time = state
                .time
                .map(|time| format!(" ({})", human::log::clock(time)));
            presenter.warning(&format!("{sentence}{}", time.unwrap_or_default()));
            if let Some(remedy) = fault.remedy() {
                presenter.hint(remedy);
            }
            state.warned = sentence;
        }
    }
}
