//! The checks of `doctor` for people.

use unicode_width::UnicodeWidthStr;

use super::count;
use crate::plan::checkup::{Check, Checkup, Topic, Verdict};
use crate::present::style::{ADD, BOLD, DIM, ERROR, HINT, Style, WARNING};
use crate::present::visible::one_line;
use crate::present::wrap;

/// The width of the longest verdict.
const VERDICT: usize = 7;

/// The space between columns.
const GAP: usize = 2;

/// The word before what helps.
const FIX: &str = "fix: ";

/// Returns the checks in groups, each in a line with its verdict, and what helps below those that need it.
pub fn checkup(checkup: &Checkup, width: usize) -> String {
    let names = checkup.checks.iter().map(|check| check.name.width());
    let name_width = names.max().unwrap_or_default();
    let mut text = String::new();
    for topic in Topic::ALL {
        let mut checks = checkup.checks.iter();
        let mut checks = checks.by_ref().filter(|it| it.topic == topic).peekable();
        if checks.peek().is_none() {
            continue;
        }
        if !text.is_empty() {
            text.push('\n');
        }
        text.push_str(&format!("{BOLD}{}{BOLD:#}\n", topic.title()));
        for check in checks {
            push(&mut text, check, name_width, width);
        }
    }
    text.push('\n');
    for line in wrap::words(&format!("Doctor: {}.", totals(checkup)), width) {
        text.push_str(&format!("{BOLD}{line}{BOLD:#}\n"));
    }
    text
}

/// Returns how many checks ended how: `9 ok, 2 warnings, 0 failed, 1 skipped`.
pub fn totals(checkup: &Checkup) -> String {
    let parts = Verdict::ALL.map(|verdict| {
        let number = checkup.count(verdict);
        match verdict {
            Verdict::Warning => count(number, "warning"),
            other => format!("{number} {}", other.as_str()),
        }
    });
    parts.join(", ")
}

fn push(text: &mut String, check: &Check, name_width: usize, width: usize) {
    let style = style(check.verdict);
    let word = check.verdict.as_str();
    let name = &check.name;
    let pad = |used: usize, column: usize| " ".repeat(column.saturating_sub(used));
    let head = format!(
        "  {style}{word}{style:#}{}{name}{}",
        pad(word.len(), VERDICT + GAP),
        pad(name.width(), name_width + GAP)
    );
    let column = GAP + VERDICT + GAP + name_width + GAP;
    let indent = " ".repeat(column);
    let room = width.saturating_sub(column).max(20);
    let is_dim = check.verdict == Verdict::Skipped;
    let mut first = head;
    for line in wrap::words(&one_line(&check.summary), room) {
        let line = if is_dim {
            format!("{DIM}{line}{DIM:#}")
        } else {
            line
        };
        text.push_str(&format!("{first}{line}\n"));
        first.clone_from(&indent);
    }
    for detail in &check.details {
        for line in wrap::words(&one_line(detail), room) {
            text.push_str(&format!("{indent}{DIM}{line}{DIM:#}\n"));
        }
    }
    for remedy in &check.remedies {
        let inner = room.saturating_sub(FIX.len());
        for (number, line) in wrap::words(&one_line(remedy), inner).iter().enumerate() {
            let before = if number == 0 {
                format!("{HINT}{FIX}{HINT:#}")
            } else {
                " ".repeat(FIX.len())
            };
            text.push_str(&format!("{indent}{before}{line}\n"));
        }
    }
}

fn style(verdict: Verdict) -> Style {
    match verdict {
        Verdict::Ok => ADD,
        Verdict::Warning => WARNING,
        Verdict::Failed => ERROR,
        Verdict::Skipped => DIM,
    }
}

#[cfg(test)]
mod tests {
    use super::checkup;
    use crate::plan::checkup::{Check, Checkup, Topic};
    use crate::present::style;

    fn found() -> Checkup {
        Checkup {
            checks: vec![
                Check::ok(Topic::Project, "manifest", "manifest.toml"),
                Check::warning(
                    Topic::Account,
                    "expiry",
                    "the credentials expire in 4 minutes, and nothing renews them by itself",
                )
                .detail("at 2026-03-01T12:00:00Z")
                .remedy("run `aws sso login --profile work` before a long deployment begins"),
                Check::failed(Topic::Account, "clock", "a\u{1b}[2Jb"),
                Check::skipped(Topic::Machine, "python", "nothing needs it"),
            ],
            ..Checkup::default()
        }
    }

    #[test]
    fn each_check_is_a_line_and_what_helps_is_below_it() {
        insta::assert_snapshot!(style::plain(&checkup(&found(), 80)), @r"
        Project
          ok       manifest  manifest.toml

        AWS account
          warning  expiry    the credentials expire in 4 minutes, and nothing renews
                             them by itself
                             at 2026-03-01T12:00:00Z
                             fix: run `aws sso login --profile work` before a long
                                  deployment begins
          failed   clock     a\u001b[2Jb

        This machine
          skipped  python    nothing needs it

        Doctor: 1 ok, 1 warning, 1 failed, 1 skipped.
        ");
    }

    #[test]
    fn no_line_of_words_is_wider_than_the_terminal() {
        for width in [20, 40, 60, 80, 120] {
            let text = style::plain(&checkup(&found(), width));
            let longest = text.lines().map(str::len).max();
            assert!(
                longest <= Some(width.max(41)),
                "{width}: {longest:?}\n{text}"
            );
        }
    }
}
