//! What is drawn below the last line of stderr: a progress line, or the table of several stacks.
//!
//! Whatever is written removes it first, and the table is drawn again after that. While a question
//! waits for its answer, the table is not drawn, and what other stacks write is held back.

use std::time::{Duration, Instant};

use super::human::stacks::{self, StackRow};
use super::stack_state::StackState;
use super::style;

/// How old a drawn table gets before it is made again: thousands of stacks change often.
const FRESH: Duration = Duration::from_millis(50);

/// The line that the next write replaces, the table, and the open question.
#[derive(Debug, Default)]
pub(super) struct Screen {
    has_progress: bool,
    /// The stacks of a command that works on several.
    members: Vec<Member>,
    /// The size of the table; `None` if it is not drawn.
    table: Option<Size>,
    /// The lines of the table as they are on the screen now.
    drawn: Vec<String>,
    /// When those lines were made.
    made: Option<Instant>,
    /// Whether the cursor is on the line of a question.
    is_question_open: bool,
    /// What was written while a question waits for its answer; `None` if none does.
    held: Option<String>,
}

/// The most columns and lines of the table, and whether it is colored.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) width: usize,
    pub(super) height: usize,
    pub(super) is_colored: bool,
}

#[derive(Debug, Default)]
struct Member {
    label: String,
    state: StackState,
    detail: String,
    began: Option<Instant>,
    took: Option<Duration>,
}

impl Screen {
    /// Begins a table with a line for each label. It is drawn if there is a `size`.
    pub(super) fn begin(&mut self, labels: &[String], size: Option<Size>) {
        let members = labels.iter().map(|label| Member {
            label: label.clone(),
            ..Member::default()
        });
        self.members = members.collect();
        self.table = size;
    }

    /// Returns what ends the table and removes it from the screen.
    pub(super) fn end(&mut self, width: usize) -> String {
        self.table = None;
        self.erase(width)
    }

    /// Sets the state of a stack. Its time runs from its beginning to its final state.
    pub(super) fn set_state(&mut self, row: usize, state: StackState, detail: &str, now: Instant) {
        let Some(member) = self.members.get_mut(row) else {
            return;
        };
        member.state = state;
        detail.clone_into(&mut member.detail);
        if state == StackState::Running {
            member.began.get_or_insert(now);
            member.took = None;
        } else if state.is_final() {
            member.took = member.began.map(|began| now - began);
        }
    }

    /// Sets the final state of a stack if it has none.
    pub(super) fn conclude(&mut self, row: usize, state: StackState, now: Instant) {
        if self.members.get(row).is_some_and(|it| !it.state.is_final()) {
            self.set_state(row, state, "", now);
        }
    }

    /// Sets what happens to a stack now.
    pub(super) fn set_detail(&mut self, row: usize, detail: &str) {
        if let Some(member) = self.members.get_mut(row)
            && !member.state.is_final()
        {
            detail.clone_into(&mut member.detail);
        }
    }

    /// Returns the stacks as they are now.
    pub(super) fn rows(&self, now: Instant) -> Vec<StackRow> {
        let rows = self.members.iter().map(|member| StackRow {
            label: member.label.clone(),
            state: member.state,
            detail: member.detail.clone(),
            elapsed: member.took.or_else(|| {
                member
                    .began
                    .map(|began| now.saturating_duration_since(began))
            }),
        });
        rows.collect()
    }

    /// Returns whether a question waits for its answer.
    pub(super) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Returns what is to be written for a message: the message between what removes the table and what
    /// draws it again. `None` means that it is held back until a question is answered.
    pub(super) fn message(&mut self, text: &str, width: usize, now: Instant) -> Option<String> {
        if let Some(held) = &mut self.held {
            held.push_str(text);
            return None;
        }
        let before = self.drawn.clone();
        let mut shown = self.erase(width);
        if std::mem::take(&mut self.is_question_open) {
            // After an interrupt, the cursor is still on the line of the question.
            shown.push('\n');
        }
        shown.push_str(text);
        if self.is_fresh(now) && !before.is_empty() {
            shown.extend(before.iter().map(|line| format!("{line}\n")));
            self.drawn = before;
        } else {
            shown.push_str(&self.draw(now));
        }
        Some(shown)
    }

    /// Returns what is to be written for a question. Until [`close_question`](Self::close_question), what
    /// others write is held back if several stacks share the screen.
    pub(super) fn open_question(&mut self, text: &str, width: usize) -> String {
        let mut shown = self.erase(width);
        if std::mem::replace(&mut self.is_question_open, true) {
            shown.push('\n');
        }
        shown.push_str(text);
        if !self.members.is_empty() {
            self.held = Some(String::new());
        }
        shown
    }

    /// Says that the answer ended with a line break, so that the cursor is on a new line.
    pub(super) fn answer(&mut self) {
        self.is_question_open = false;
    }

    /// Returns what was held back, to be written now.
    pub(super) fn close_question(&mut self, width: usize, now: Instant) -> Option<String> {
        let held = self.held.take()?;
        if held.is_empty() {
            return (!self.is_question_open).then(|| self.draw(now));
        }
        self.message(&held, width, now)
    }

    /// Returns what draws a progress line of at most `width` columns.
    pub(super) fn progress(&mut self, line: &str, width: usize) -> String {
        self.has_progress = true;
        format!("\r{}\r{line}", " ".repeat(width))
    }

    /// Returns what removes the progress line or the table.
    pub(super) fn erase(&mut self, width: usize) -> String {
        let lines = std::mem::take(&mut self.drawn).len();
        // Line by line: some terminals keep what is cleared as a whole among the lines that were scrolled away.
        let table = if lines > 0 {
            // The terminal may have shown what was typed, such as `^C`.
            format!("\r\u{1b}[2K{}", "\u{1b}[1A\u{1b}[2K".repeat(lines))
        } else {
            String::new()
        };
        if !std::mem::take(&mut self.has_progress) {
            return table;
        }
        format!("{table}\r{}\r", " ".repeat(width))
    }

    /// Returns what draws the table again if it differs from what is on the screen.
    pub(super) fn refresh(&mut self, now: Instant) -> String {
        if self.table.is_none() || self.held.is_some() || self.is_fresh(now) {
            return String::new();
        }
        self.made = Some(now);
        if self.lines(now) == self.drawn {
            return String::new();
        }
        self.erase(0) + &self.draw(now)
    }

    /// Returns what draws the table below the last line.
    pub(super) fn draw(&mut self, now: Instant) -> String {
        if self.held.is_some() {
            return String::new();
        }
        self.made = Some(now);
        self.drawn = self.lines(now);
        let lines = self.drawn.iter().map(|line| format!("{line}\n"));
        lines.collect()
    }

    fn is_fresh(&self, now: Instant) -> bool {
        let age = self.made.map(|made| now.saturating_duration_since(made));
        age.is_some_and(|age| age < FRESH)
    }

    fn lines(&self, now: Instant) -> Vec<String> {
        let Some(size) = self.table else {
            return Vec::new();
        };
        let lines = stacks::table(&self.rows(now), size.width, size.height);
        let shown = |line: &String| style::shown(line, size.is_colored);
        lines.iter().map(shown).collect()
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Screen, Size};
    use crate::present::stack_state::StackState;

    fn screen(size: Option<Size>) -> Screen {
        let mut screen = Screen::default();
        screen.begin(&["app".to_owned(), "db".to_owned()], size);
        screen
    }

    /// What removes a table of two lines.
    const ERASED: &str = "\r\u{1b}[2K\u{1b}[1A\u{1b}[2K\u{1b}[1A\u{1b}[2K";

    const SMALL: Size = Size {
        width: 40,
        height: 10,
        is_colored: false,
    };

    #[test]
    fn a_message_is_written_above_the_table() {
        let now = Instant::now();
        let mut screen = screen(Some(SMALL));
        let table = "app  waiting\ndb   waiting\n";
        assert_eq!(screen.refresh(now), table);
        assert_eq!(screen.refresh(now), "", "nothing has changed");
        let shown = screen.message("hello\n", 40, now);
        assert_eq!(shown.unwrap(), format!("{ERASED}hello\n{table}"));
        assert_eq!(screen.end(40), ERASED);
        assert_eq!(screen.message("bye\n", 40, now).unwrap(), "bye\n");
    }

    #[test]
    fn time_runs_from_the_beginning_of_a_stack_to_its_end() {
        let now = Instant::now();
        let mut screen = screen(None);
        screen.set_state(1, StackState::Running, "", now);
        let later = now + Duration::from_secs(5);
        assert_eq!(screen.rows(later)[1].elapsed, Some(Duration::from_secs(5)));
        screen.set_state(1, StackState::Done, "", later);
        screen.set_detail(1, "too late");
        let row = &screen.rows(later + Duration::from_secs(5))[1];
        assert_eq!(row.elapsed, Some(Duration::from_secs(5)));
        assert_eq!(
            (row.detail.as_str(), screen.rows(later)[0].elapsed),
            ("", None)
        );
    }

    #[test]
    fn what_others_write_waits_for_the_answer() {
        let now = Instant::now();
        let mut screen = screen(Some(SMALL));
        screen.refresh(now);
        assert_eq!(screen.open_question("Yes? ", 40), format!("{ERASED}Yes? "));
        assert_eq!(screen.message("db | event\n", 40, now), None);
        assert_eq!(screen.refresh(now), "");
        screen.answer();
        assert_eq!(
            screen.close_question(40, now).unwrap(),
            "db | event\napp  waiting\ndb   waiting\n"
        );
    }

    #[test]
    fn one_stack_holds_nothing_back() {
        let now = Instant::now();
        let mut screen = Screen::default();
        assert_eq!(screen.open_question("Yes? ", 40), "Yes? ");
        assert_eq!(screen.message("error\n", 40, now).unwrap(), "\nerror\n");
        assert_eq!(screen.close_question(40, now), None);
        assert_eq!(screen.progress("1/2", 3), "\r   \r1/2");
        assert_eq!(screen.message("done\n", 3, now).unwrap(), "\r   \rdone\n");
    }
}
