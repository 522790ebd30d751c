//! Several stacks for people: the table that is drawn again and again while a command works on them,
//! and the report at its end.

use std::time::Duration;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::{clock, count};
use crate::present::stack_state::StackState;
use crate::present::style::{BOLD, DIM};
use crate::present::visible::one_line;

/// The width of the longest state.
const STATE_WIDTH: usize = 11;

/// The width of a duration below ten hours.
const CLOCK_WIDTH: usize = 7;

/// The states in the order in which they are counted.
const STATES: [StackState; 10] = [
    StackState::Running,
    StackState::Waiting,
    StackState::Done,
    StackState::Unchanged,
    StackState::Differs,
    StackState::Failed,
    StackState::RolledBack,
    StackState::Refused,
    StackState::NotBegun,
    StackState::Interrupted,
];

/// One of several stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StackRow {
    /// The stack's name in the manifest, after the environment if there are several.
    pub label: String,
    /// How far the command is.
    pub state: StackState,
    /// What happens now, or why it ended so; empty if the state says it all.
    pub detail: String,
    /// How long it runs or ran; `None` if it has not begun.
    pub elapsed: Option<Duration>,
}

/// Returns the table in at most `height` lines of at most `width` columns. Stacks that do not fit are
/// counted in the last line: first those that have not begun, then those that are done.
pub fn table(rows: &[StackRow], width: usize, height: usize) -> Vec<String> {
    let label_width = label_width(rows, width);
    let room = height.max(1);
    let shown = shown(rows, room);
    let is_shown = |index: &usize| shown.contains(index);
    let lines = (0..rows.len()).filter(is_shown);
    let mut lines: Vec<String> = lines
        .filter_map(|index| rows.get(index))
        .map(|row| line(row, label_width, Some(width)))
        .collect();
    let left_out: Vec<&StackRow> = (0..rows.len())
        .filter(|index| !is_shown(index))
        .filter_map(|index| rows.get(index))
        .collect();
    if !left_out.is_empty() {
        let states: Vec<StackState> = left_out.iter().map(|row| row.state).collect();
        let text = format!("… and {} more: {}", left_out.len(), tally(&states));
        lines.push(format!("{DIM}{}{DIM:#}", cut(&text, width)));
    }
    lines
}

/// Returns what became of each stack, and how many of them ended in which way. Lines are cut at `width`;
/// `None` means that they are not.
pub fn report(rows: &[StackRow], width: Option<usize>) -> String {
    let label_width = label_width(rows, width.unwrap_or(usize::MAX));
    let lines = rows.iter().map(|row| line(row, label_width, width) + "\n");
    let text: String = lines.collect();
    let states: Vec<StackState> = rows.iter().map(|row| row.state).collect();
    format!(
        "{text}{BOLD}{}: {}{BOLD:#}",
        count(rows.len(), "stack"),
        tally(&states)
    )
}

/// Returns the line above what a command prints about one of several stacks.
pub fn heading(label: &str, facts: &[&str]) -> String {
    let facts = facts.join(" · ");
    let facts = if facts.is_empty() {
        String::new()
    } else {
        format!("  {DIM}{}{DIM:#}", one_line(&facts))
    };
    format!("{BOLD}── {}{BOLD:#}{facts}\n", one_line(label))
}

/// Returns the indexes of the rows that are shown in so many lines.
fn shown(rows: &[StackRow], room: usize) -> Vec<usize> {
    if rows.len() <= room {
        return (0..rows.len()).collect();
    }
    let urgency = |state: StackState| match state {
        StackState::Running => 0,
        state if state.is_bad() => 1,
        StackState::Differs => 2,
        StackState::Done | StackState::Unchanged => 3,
        _ => 4,
    };
    let mut order: Vec<usize> = (0..rows.len()).collect();
    order.sort_by_key(|index| rows.get(*index).map(|row| urgency(row.state)));
    // The last line counts the others.
    order.truncate(room.saturating_sub(1));
    order
}

fn label_width(rows: &[StackRow], width: usize) -> usize {
    let labels = rows.iter().map(|row| one_line(&row.label).width());
    labels.max().unwrap_or(0).min((width / 3).max(8))
}

/// Returns `2 running, 3 done`.
fn tally(states: &[StackState]) -> String {
    let counted = STATES.iter().filter_map(|state| {
        let number = states.iter().filter(|it| *it == state).count();
        (number > 0).then(|| format!("{number} {}", state.word()))
    });
    counted.collect::<Vec<_>>().join(", ")
}

fn line(row: &StackRow, label_width: usize, width: Option<usize>) -> String {
    let label = cut(&one_line(&row.label), label_width);
    let label_gap = label_width.saturating_sub(label.width());
    let word = row.state.word();
    let state_gap = STATE_WIDTH.saturating_sub(word.len());
    let elapsed = row.elapsed.map_or_else(String::new, clock);
    let style = row.state.style();
    let used = label_width + 2 + STATE_WIDTH + 1 + CLOCK_WIDTH + 2;
    let detail = row.detail.lines().next().unwrap_or_default();
    let detail = one_line(detail);
    let detail = match width {
        Some(width) => cut(&detail, width.saturating_sub(used)),
        None => detail.into_owned(),
    };
    let text = format!(
        "{BOLD}{label}{BOLD:#}{:label_gap$}  {style}{word}{style:#}{:state_gap$} \
         {DIM}{elapsed:>CLOCK_WIDTH$}{DIM:#}",
        "", ""
    );
    match (detail.is_empty(), row.elapsed) {
        (true, Some(_)) => text,
        (true, None) => format!(
            "{BOLD}{label}{BOLD:#}{:label_gap$}  {style}{word}{style:#}",
            ""
        ),
        (false, _) => format!("{text}  {detail}"),
    }
}

/// Returns the text in at most `width` columns, with `…` in place of what does not fit.
fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut cut = String::new();
    let mut used = 0;
    for character in text.chars() {
        used += character.width().unwrap_or(0);
        if used >= width {
            break;
        }
        cut.push(character);
    }
    if width > 0 {
        cut.push('…');
    }
    cut
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use unicode_width::UnicodeWidthStr;

    use super::{StackRow, heading, report, table};
    use crate::present::stack_state::StackState;
    use crate::present::style;

    fn row(label: &str, state: StackState, detail: &str, seconds: u64) -> StackRow {
        let elapsed = (state != StackState::Waiting && state != StackState::NotBegun)
            .then(|| Duration::from_secs(seconds));
        StackRow {
            label: label.to_owned(),
            state,
            detail: detail.to_owned(),
            elapsed,
        }
    }

    fn five() -> Vec<StackRow> {
        vec![
            row("network", StackState::Done, "", 42),
            row("app", StackState::Running, "3/10 resources", 12),
            row(
                "data",
                StackState::Failed,
                "Table: access denied\nmore",
                3723,
            ),
            row("edge", StackState::NotBegun, "data failed", 0),
            row("jobs", StackState::Waiting, "", 0),
        ]
    }

    fn lines(rows: &[StackRow], width: usize, height: usize) -> String {
        style::plain(&table(rows, width, height).join("\n"))
    }

    #[test]
    fn a_line_shows_state_time_and_detail() {
        insta::assert_snapshot!(lines(&five(), 80, 24), @r"
        network  done           0:42
        app      running        0:12  3/10 resources
        data     failed      1:02:03  Table: access denied
        edge     not begun            data failed
        jobs     waiting
        ");
    }

    #[test]
    fn what_does_not_fit_on_the_screen_is_counted() {
        insta::assert_snapshot!(lines(&five(), 80, 4), @r"
        app      running        0:12  3/10 resources
        data     failed      1:02:03  Table: access denied
        edge     not begun            data failed
        … and 2 more: 1 waiting, 1 done
        ");
        assert_eq!(
            lines(&five(), 80, 1),
            "… and 5 more: 1 running, 1 waiting, 1 done, 1 failed, 1 not begun"
        );
        assert_eq!(table(&five(), 80, 0).len(), 1);
    }

    #[test]
    fn no_line_is_wider_than_the_screen() {
        let long = "a reason that is longer than the screen is wide and goes on ".repeat(3);
        let mut rows = five();
        rows.push(row(&"name-".repeat(40), StackState::Failed, &long, 1));
        rows.push(row("wide", StackState::Failed, &"世界".repeat(60), 1));
        for width in [20, 40, 79, 119] {
            for height in [2, 4, 50] {
                for line in table(&rows, width, height) {
                    let line = style::plain(&line);
                    assert!(line.width() <= width.max(30), "{width}: {line}");
                }
            }
        }
    }

    #[test]
    fn the_report_names_every_stack_and_counts_them() {
        insta::assert_snapshot!(style::plain(&report(&five(), None)), @r"
        network  done           0:42
        app      running        0:12  3/10 resources
        data     failed      1:02:03  Table: access denied
        edge     not begun            data failed
        jobs     waiting
        5 stacks: 1 running, 1 waiting, 1 done, 1 failed, 1 not begun
        ");
    }

    #[test]
    fn the_report_of_a_pipe_is_not_cut() {
        let long = "x".repeat(300);
        let rows = [row("app", StackState::Failed, &long, 1)];
        assert!(report(&rows, None).contains(&long));
        assert!(!report(&rows, Some(80)).contains(&long));
    }

    #[test]
    fn a_heading_names_what_is_known() {
        let text = style::plain(&heading("app", &["dev", "eu-west-1"]));
        assert_eq!(text, "── app  dev · eu-west-1\n");
        assert_eq!(style::plain(&heading("app", &[])), "── app\n");
    }
}
