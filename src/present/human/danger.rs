//! The risks of a plan for people. They come first in a plan.
//!
//! Each line starts with the severity as a word. Notes, such as the rules of a new security group, are
//! only counted unless `-v` is given, because every new stack has many of them and they would hide the
//! important lines.

use unicode_width::UnicodeWidthStr;

use super::count;
use crate::plan::risk::access::{Statement, StatementChange};
use crate::plan::risk::{Assessment, Kind, Risk, Severity};
use crate::present::style::{BOLD, DIM, ERROR, HINT, WARNING};
use crate::present::visible::one_line;
use crate::present::wrap;

/// The columns before the text of a risk.
const INDENT: usize = 11;
/// The columns between two cells of a table.
const GAP: usize = 2;

/// Returns the risks and the changed permissions, or an empty text if there are none.
///
/// Notes are omitted unless `verbose`.
pub fn danger(assessment: &Assessment, verbose: bool, width: usize) -> String {
    let mut text = String::new();
    // The table of permissions already shows every permission; only dangerous ones are repeated here.
    let shown: Vec<&Risk> = assessment
        .risks
        .iter()
        .filter(|risk| verbose || risk.severity > Severity::Note)
        .filter(|risk| risk.kind != Kind::Permission || risk.severity == Severity::Danger)
        .collect();
    if !shown.is_empty() {
        text.push_str(&format!("\n{BOLD}Danger{BOLD:#}\n"));
    }
    for risk in shown {
        push_risk(&mut text, risk, width);
    }
    push_permissions(&mut text, &assessment.statements, verbose, width);
    text
}

/// Returns a line with the number of omitted notes, or an empty text if none were omitted.
pub fn notes(assessment: &Assessment, verbose: bool) -> String {
    let risks = &assessment.risks;
    let notes = risks
        .iter()
        .filter(|risk| risk.severity == Severity::Note)
        .count();
    if notes == 0 || verbose {
        return String::new();
    }
    format!(
        "\n{DIM}{} on access and roles of new or retained resources (-v lists them){DIM:#}\n",
        count(notes, "note")
    )
}

fn push_risk(text: &mut String, risk: &Risk, width: usize) {
    let (style, word) = match risk.severity {
        Severity::Danger => (ERROR, "DANGER"),
        Severity::Warning => (WARNING, "WARNING"),
        Severity::Note => (DIM, "NOTE"),
    };
    let indent = " ".repeat(INDENT);
    let name = one_line(&risk.logical_id);
    let sentence = format!("{name} {}", risk.reason);
    let mut lines = wrap::words(&sentence, width.saturating_sub(INDENT)).into_iter();
    let first = lines.next().unwrap_or_default();
    // The logical id is one word, so the first line starts with all of it.
    let rest = first.strip_prefix(&*name).unwrap_or(&first);
    text.push_str(&format!(
        "  {style}{word:<9}{style:#}{BOLD}{name}{BOLD:#}{rest}\n"
    ));
    for line in lines {
        text.push_str(&format!("{indent}{line}\n"));
    }
    if let Some(remedy) = &risk.remedy {
        let fix = format!("fix: {remedy}");
        let mut lines = String::new();
        wrap::push(&mut lines, &fix, [&indent; 2], width);
        text.push_str(&lines.replacen("fix:", &format!("{HINT}fix{HINT:#}:"), 1));
    }
}

/// Adds the changed statements as a table, or as lists if the table would be too wide.
fn push_permissions(text: &mut String, changes: &[StatementChange], verbose: bool, width: usize) {
    const HEADING: [&str; 6] = ["", "effect", "action", "resource", "principal", "condition"];
    let is_risky = changes
        .iter()
        .any(|change| change.severity > Severity::Note || !change.is_added);
    if changes.is_empty() || !is_risky && !verbose {
        return;
    }
    text.push_str(&format!(
        "\n{BOLD}Permissions{BOLD:#} {DIM}in policies that change{DIM:#}\n"
    ));
    let rows: Vec<[Vec<String>; 6]> = changes.iter().map(row).collect();
    let mut widths = HEADING.map(UnicodeWidthStr::width);
    for row in &rows {
        for (cell, widest) in row.iter().zip(&mut widths) {
            let cell = cell.iter().map(|line| line.width()).max().unwrap_or(0);
            *widest = (*widest).max(cell);
        }
    }
    let total: usize = 2 + widths.iter().map(|width| width + GAP).sum::<usize>();
    if total > width {
        for row in &rows {
            push_stacked(text, HEADING, row, width);
        }
        return;
    }
    let heading = HEADING.map(|name| vec![name.to_owned()]);
    push_row(text, &heading, &widths);
    for row in &rows {
        push_row(text, row, &widths);
    }
}

fn push_row(text: &mut String, row: &[Vec<String>; 6], widths: &[usize; 6]) {
    let height = row.iter().map(Vec::len).max().unwrap_or(0);
    for number in 0..height {
        let mut line = String::from("  ");
        for (cell, width) in row.iter().zip(widths) {
            let cell = cell.get(number).map_or("", String::as_str);
            line.push_str(cell);
            line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + GAP));
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
}

fn push_stacked(text: &mut String, heading: [&str; 6], row: &[Vec<String>; 6], width: usize) {
    let [sign, effect, cells @ ..] = row;
    text.push_str(&format!("  {} {}\n", sign.join(" "), effect.join(" ")));
    for (name, cell) in heading.iter().skip(2).zip(cells) {
        if cell.iter().all(String::is_empty) {
            continue;
        }
        let value = cell.join(", ");
        let mut name = *name;
        for line in wrap::words(&value, width.saturating_sub(16)) {
            text.push_str(&format!("      {DIM}{name:<10}{DIM:#}{line}\n"));
            name = "";
        }
    }
}

fn row(change: &StatementChange) -> [Vec<String>; 6] {
    let Statement {
        effect,
        actions,
        resources,
        principals,
        condition,
        is_managed_policy,
    } = &change.statement;
    let lines = |names: &crate::plan::risk::access::Names| {
        let values = names.values.iter();
        let mut lines: Vec<String> = values.map(|it| one_line(it).into_owned()).collect();
        if let Some(first) = lines.first_mut().filter(|_| names.not) {
            *first = format!("all but {first}");
        }
        lines
    };
    let sign = if change.is_added { "+" } else { "-" };
    let effect = if *is_managed_policy { "policy" } else { effect };
    [
        vec![sign.to_owned()],
        vec![effect.to_owned()],
        lines(actions),
        lines(resources),
        lines(principals),
        condition.iter().cloned().collect(),
    ]
}
