//! The timeline of an operation for people: a line for each resource.
//!
//! Waiting and working have different characters, so that the chart can be read without colors.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::count;
use crate::cloudformation::chart::{Bar, Chart, Outcome, Phase, Span};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::Sentiment;
use crate::present::axis::{millis, ticks, time};
use crate::present::style::{ADD, BOLD, CHANGE, DIM, REMOVE, Style};
use crate::present::visible::one_line;
use crate::present::wrap;
use crate::util::time::to_the_second;

/// The most resources that have a line of their own.
const ROWS: usize = 50;

/// The most steps of the critical path that have a line of their own.
const STEPS: usize = 12;

/// The least columns of a bar.
const LEAST_BAR: usize = 6;

/// The width from which a line says what its resource waited for.
const WIDE: usize = 100;

const WAITING: char = '·';
const WORKING: char = '█';
const STABILIZING: char = '▓';
const UNDOING: char = '▒';
const FAILED: char = '×';
const CANCELLED: char = '/';
const RUNNING: char = '>';

/// What the characters mean, in the order of the legend.
const LEGEND: [(char, &str); 7] = [
    (WAITING, "waiting"),
    (WORKING, "working"),
    (STABILIZING, "becoming stable"),
    (UNDOING, "rolling back or cleaning up"),
    (FAILED, "failed"),
    (CANCELLED, "cancelled"),
    (RUNNING, "running"),
];

/// Returns the chart in at most `width` columns: a line for each resource, the critical path, and the
/// resource that would save most. `all` is the command that shows all resources.
pub fn chart(stack: &Stack, chart: &Chart, width: usize, all: &str) -> String {
    let columns = Columns::of(chart, width);
    let on_path = chart.critical_path.resources();
    let is_on_path = |bar: usize| on_path.iter().any(|(known, _)| *known == bar);
    let mut text = heading(stack, chart, width);
    text.push_str(&columns.axis(chart.until));
    let mut used: Vec<char> = Vec::new();
    let shown = chart.most_important(ROWS);
    for bar in &shown {
        let row = columns.row(chart, *bar, is_on_path(*bar), &mut used);
        text.push_str(&row);
    }
    text.push_str(&left_out(chart, &shown, all, width));
    text.push('\n');
    text.push_str(&legend(&used, !on_path.is_empty(), width));
    text.push_str(&critical_path(chart, width));
    text
}

/// Returns the status of the stack, and how long its operation took.
fn heading(stack: &Stack, chart: &Chart, width: usize) -> String {
    let state = if chart.is_running { "so far" } else { "in all" };
    let style = match stack.status.sentiment() {
        Sentiment::Good => ADD,
        Sentiment::Neutral => DIM,
        Sentiment::Bad => REMOVE,
    };
    let parts = [
        (shorten(&stack.name, width), BOLD),
        (one_line(stack.status.as_str()).into_owned(), style),
        (to_the_second(chart.began), DIM),
        (format!("{} {state}", time(chart.until, chart.until)), DIM),
        (count(chart.bars.len(), "resource"), DIM),
    ];
    flow(parts, width) + "\n"
}

/// Returns parts in lines of at most `width` columns.
fn flow(parts: impl IntoIterator<Item = (String, Style)>, width: usize) -> String {
    let mut text = String::new();
    let mut column = 0;
    for (part, style) in parts {
        let room = part.width();
        if column > 0 && column + 2 + room > width {
            text.push('\n');
            column = 0;
        }
        if column > 0 {
            text.push_str("  ");
            column += 2;
        }
        text.push_str(&format!("{style}{part}{style:#}"));
        column += room;
    }
    text + "\n"
}

/// Returns how many resources have no line, and how long they took at most.
fn left_out(chart: &Chart, shown: &[usize], all: &str, width: usize) -> String {
    let Some(longest) = chart.longest_without(shown) else {
        return String::new();
    };
    let number = count(chart.bars.len() - shown.len(), "more resource");
    let longest = time(longest, chart.until);
    let sentence = format!("… and {number} that took at most {longest}: `{all}` shows all");
    wrap::exact_words(&sentence, width).join("\n") + "\n"
}

fn legend(used: &[char], has_path: bool, width: usize) -> String {
    let of_path = has_path.then_some(('*', "critical path"));
    let known = LEGEND.into_iter();
    let known = known.filter(|(character, _)| used.contains(character));
    let entries = known.chain(of_path);
    let entries = entries.map(|(character, words)| (format!("{character} {words}"), DIM));
    flow(entries, width) + "\n"
}

/// Returns the steps of the critical path with their sum.
fn critical_path(chart: &Chart, width: usize) -> String {
    let path = &chart.critical_path;
    let resources = path.resources();
    if resources.is_empty() {
        return String::new();
    }
    let whole = chart.until;
    let mut text = format!(
        "{BOLD}Critical path{BOLD:#}: {} of {}\n",
        time(path.work, whole),
        time(whole, whole)
    );
    let mut longest: Vec<usize> = (0..resources.len()).collect();
    longest.sort_by_key(|index| std::cmp::Reverse(resources[*index].1));
    longest.truncate(STEPS);
    let mut rest = Duration::ZERO;
    for (number, (bar, worked)) in resources.iter().enumerate() {
        if !longest.contains(&number) {
            rest += *worked;
            continue;
        }
        let bar = &chart.bars[*bar];
        let name = shorten(&bar.path(), width.saturating_sub(11).max(8));
        let kind = one_line(&bar.resource_type);
        let has_room = 11 + name.width() + 2 + kind.width() <= width;
        let kind = if has_room {
            format!("  {DIM}{kind}{DIM:#}")
        } else {
            String::new()
        };
        text.push_str(&format!("{:>9}  {name}{kind}\n", time(*worked, whole)));
    }
    if longest.len() < resources.len() {
        let more = count(resources.len() - longest.len(), "more resource");
        text.push_str(&format!("{:>9}  {more}\n", time(rest, whole)));
    }
    let between = whole.saturating_sub(path.work);
    text.push_str(&format!(
        "{:>9}  {DIM}CloudFormation itself{DIM:#}\n",
        time(between, whole)
    ));
    if let Some(saving) = path.saving {
        let end = format!(" would save most: up to {}", time(saving.time, whole));
        let room = width.saturating_sub(end.width()).max(8);
        let name = shorten(&chart.bars[saving.bar].path(), room);
        text.push_str(&format!("\n{BOLD}{name}{BOLD:#}{end}\n"));
    }
    text
}

/// The columns of a line.
struct Columns {
    name: usize,
    bar: usize,
    time: usize,
    /// Room for what the resource waited for; 0 if there is none.
    note: usize,
}

impl Columns {
    fn of(chart: &Chart, width: usize) -> Self {
        let names = chart.bars.iter().map(|bar| one_line(&bar.path()).width());
        let longest = names.max().unwrap_or_default();
        let note = if width >= WIDE { width / 5 } else { 0 };
        let works = chart.bars.iter().map(|bar| bar.work(chart.until));
        let times = works.map(|work| time(work, chart.until).width());
        let time = times.max().unwrap_or_default();
        let gaps = 2 + 1 + 1 + usize::from(note > 0) * 2;
        let rest = width.saturating_sub(time + note + gaps);
        let name = longest.min(rest * 2 / 5).max(4);
        Self {
            name,
            bar: rest.saturating_sub(name).max(LEAST_BAR),
            time,
            note,
        }
    }

    /// Returns the line of the ticks.
    fn axis(&self, until: Duration) -> String {
        // A label has to fit between two ticks.
        let fits = |step: Duration, label: &str| self.column(step, until) >= label.width() + 2;
        let mut line = String::new();
        for (at, label) in ticks(until, fits) {
            let column = self.column(at, until);
            let label = format!("|{label}");
            if column + label.width() > self.bar + 1 + self.time {
                break;
            }
            line.push_str(&" ".repeat(column.saturating_sub(line.width())));
            line.push_str(&label);
        }
        format!("{:1$}{DIM}{line}{DIM:#}\n", "", 2 + self.name + 1)
    }

    /// Returns the line of a resource. Adds the characters of its bar to `used`.
    fn row(&self, chart: &Chart, index: usize, is_on_path: bool, used: &mut Vec<char>) -> String {
        let bar = &chart.bars[index];
        let name = shorten(&bar.path(), self.name);
        let gap = self.name.saturating_sub(name.width());
        let name = if is_on_path {
            format!("* {BOLD}{name}{BOLD:#}")
        } else {
            format!("  {name}")
        };
        let cells = self.cells(bar, chart.until);
        for cell in &cells {
            if *cell != ' ' && !used.contains(cell) {
                used.push(*cell);
            }
        }
        let work = time(bar.work(chart.until), chart.until);
        let note = note(chart, bar);
        let note = if self.note > 0 && !note.is_empty() {
            format!("  {DIM}{}{DIM:#}", shorten(&note, self.note))
        } else {
            String::new()
        };
        let cells = styled(&cells);
        format!("{name}{:gap$} {cells} {work:>1$}{note}\n", "", self.time)
    }

    /// Returns the characters of a bar, one for each column.
    fn cells(&self, bar: &Bar, until: Duration) -> Vec<char> {
        let mut cells = vec![' '; self.bar];
        for span in &bar.spans {
            let working = match span.phase {
                Phase::Forward => WORKING,
                Phase::Cleanup | Phase::Rollback | Phase::RollbackCleanup => UNDOING,
            };
            let end = span.end_or(until);
            let stable = span.configured.unwrap_or(end).min(end);
            let [waits, start, stable, end] =
                [span.waits_from, span.start, stable, end].map(|at| self.column(at, until));
            let start = start.min(self.bar - 1);
            let end = end.max(start + 1).min(self.bar);
            for cell in &mut cells[waits.min(start)..start] {
                if *cell == ' ' {
                    *cell = WAITING;
                }
            }
            for (offset, cell) in cells[start..end].iter_mut().enumerate() {
                let is_stable = offset > 0 && start + offset >= stable;
                *cell = if is_stable { STABILIZING } else { working };
            }
            if let Some(mark) = mark(span) {
                cells[end - 1] = mark;
            }
        }
        cells
    }

    /// Returns the column of a time.
    fn column(&self, at: Duration, until: Duration) -> usize {
        let (at, until) = (millis(at), millis(until).max(1));
        usize::try_from(at * self.bar as u64 / until).unwrap_or(self.bar)
    }
}

/// Returns the character at the end of a bar.
fn mark(span: &Span) -> Option<char> {
    match span.outcome {
        Outcome::Failed => Some(FAILED),
        Outcome::Cancelled => Some(CANCELLED),
        Outcome::Open => Some(RUNNING),
        Outcome::Complete | Outcome::Skipped => None,
    }
}

/// Returns what a resource waited for, or how it ended.
fn note(chart: &Chart, bar: &Bar) -> String {
    if let Some(failure) = bar.failure() {
        return format!("{} failed", failure.action.as_str());
    }
    let ends = match bar.outcome() {
        Outcome::Cancelled => Some("cancelled"),
        Outcome::Skipped => Some("retained"),
        _ => None,
    };
    let after = bar.spans.first().and_then(|span| span.after);
    let after = after.map(|after| format!("after {}", chart.bars[after.bar].path()));
    let replaced = bar.is_replaced.then_some("replaced").map(str::to_owned);
    let notes = ends
        .map(str::to_owned)
        .into_iter()
        .chain(replaced)
        .chain(after);
    notes.collect::<Vec<_>>().join(", ")
}

/// Returns the characters of a bar with their styles.
fn styled(cells: &[char]) -> String {
    let style = |cell: char| -> Option<Style> {
        match cell {
            WAITING => Some(DIM),
            WORKING | STABILIZING => Some(ADD),
            UNDOING | CANCELLED => Some(CHANGE),
            FAILED => Some(REMOVE),
            _ => None,
        }
    };
    let mut text = String::new();
    let runs = cells.chunk_by(|one, other| one == other);
    for run in runs {
        let cells: String = run.iter().collect();
        match run.first().and_then(|cell| style(*cell)) {
            Some(style) => text.push_str(&format!("{style}{cells}{style:#}")),
            None => text.push_str(&cells),
        }
    }
    text
}

/// Returns a text of at most `width` columns: a longer one without its middle.
fn shorten(text: &str, width: usize) -> String {
    let text = one_line(text);
    if text.width() <= width {
        return text.into_owned();
    }
    let room = width.saturating_sub(1);
    let tail = take(text.chars().rev(), room / 2);
    let tail: String = tail.chars().rev().collect();
    let head = take(text.chars(), room - tail.width());
    format!("{head}…{tail}")
}

/// Returns the first characters that fit into `width` columns.
fn take(characters: impl Iterator<Item = char>, width: usize) -> String {
    let mut columns = 0;
    let fits = |character: &char| {
        columns += character.width().unwrap_or(0);
        columns <= width
    };
    characters.take_while(fits).collect()
}

#[cfg(test)]
mod tests;
