//! A plan as Markdown, for a comment on a pull request.
//!
//! The first line is a marker that stays the same from run to run, so that a bot can find its comment
//! and replace it. Values come from anywhere and may hold anything: they stand only in fenced blocks
//! whose fence is longer than any run of backticks in them, and names stand escaped in HTML. GitHub
//! takes [`LIMIT`] characters; what does not fit is left out by whole blocks, and the end says so.

use similar::{ChangeTag, TextDiff};

use crate::change_set::{Change, ChangeSet, Effect, Replacement};
use crate::plan::property::property_changes;
use crate::plan::{Content, Operation, Plan, ValueChange};
use crate::present::human::{count, size};
use crate::risk::Severity;

/// How many characters a comment on GitHub may have.
pub const LIMIT: usize = 65_536;

/// Room for the last line, which says what was left out.
const RESERVE: usize = 300;

/// Returns the whole plan, at most [`LIMIT`] characters.
pub fn plan(plan: &Plan) -> String {
    let mut page = Page::new(heading(plan));
    if plan.is_empty() {
        return page.text;
    }
    let (possible, certain): (Vec<_>, Vec<_>) = plan
        .changes()
        .iter()
        .partition(|change| change.effect() == Effect::Possible);
    let dangers = dangers(plan);
    if !dangers.is_empty() {
        page.push(&details("Danger", &fenced(&dangers), true), "");
    }
    for change in certain {
        let block = resource(plan, change, "");
        page.push(&block, &title_alone(change, ""));
    }
    let nested = plan.change_set.iter().flat_map(ChangeSet::tree);
    for (path, set) in nested.filter(|(path, _)| !path.is_empty()) {
        let parent = escaped(&format!("{}/", path.join("/")));
        for change in &set.changes {
            page.push(
                &resource(plan, change, &parent),
                &title_alone(change, &parent),
            );
        }
    }
    if !possible.is_empty() {
        let lines: Vec<String> = possible
            .iter()
            .map(|change| format!("? {} {}", change.logical_id, change.resource_type))
            .collect();
        let title = "May change, depending on other resources (not counted)";
        page.push(&details(title, &fenced(&lines), false), "");
    }
    let artifacts: Vec<String> = plan
        .artifacts
        .iter()
        .filter(|artifact| !artifact.deployed)
        .map(|artifact| {
            format!(
                "+ {} {}, {}",
                artifact.name,
                artifact.key,
                size(artifact.size)
            )
        })
        .collect();
    section(&mut page, "Service checks", &checks(plan));
    section(&mut page, "Code", &artifacts);
    section(&mut page, "Parameters", &values(&plan.parameters));
    section(&mut page, "Outputs", &values(&plan.outputs));
    section(&mut page, "Tags", &values(&plan.tags));
    section(&mut page, "Stack settings", &values(&plan.settings));
    page.finish(&format!("stackctl plan -e {}", plan.target.environment))
}

/// A text that grows by whole blocks and never past the limit.
struct Page {
    text: String,
    length: usize,
    left_out: usize,
}

impl Page {
    fn new(heading: String) -> Self {
        Self {
            length: heading.chars().count(),
            text: heading,
            left_out: 0,
        }
    }

    /// Adds a block; where it does not fit, a shorter one in its place, or nothing.
    fn push(&mut self, block: &str, shorter: &str) {
        let room = LIMIT.saturating_sub(RESERVE).saturating_sub(self.length);
        let length = block.chars().count();
        if length <= room {
            self.text.push_str(block);
            self.length += length;
            return;
        }
        self.left_out += 1;
        let length = shorter.chars().count();
        if length <= room {
            self.text.push_str(shorter);
            self.length += length;
        }
    }

    fn finish(mut self, command: &str) -> String {
        if self.left_out > 0 {
            self.text.push_str(&format!(
                "\n**The details of {} are left out here; `{command}` shows all.**\n",
                count(self.left_out, "part")
            ));
        }
        self.text
    }
}

fn heading(plan: &Plan) -> String {
    let target = &plan.target;
    let verdict = match (plan.is_empty(), &plan.prediction) {
        (true, Some(_)) => "No changes are predicted.".to_owned(),
        (true, None) => "No changes. The stack matches the files.".to_owned(),
        (false, _) => plan.summary().to_string(),
    };
    let stack = match plan.operation {
        Operation::Create => "New stack",
        Operation::Update => "Stack",
    };
    let mut text = format!(
        "<!-- stackctl:plan {} -->\n<b>{}</b>\n\n\
         {stack} <code>{}</code>, environment <code>{}</code>, account <code>{}</code>, \
         region <code>{}</code>\n",
        target.stack.replace('>', ""),
        escaped(&verdict),
        escaped(&target.stack),
        escaped(&target.environment),
        escaped(&target.account),
        escaped(&target.region),
    );
    if let Some(basis) = &plan.prediction {
        text.push_str(&format!("\nA prediction: {}.\n", escaped(basis)));
    }
    for warning in plan.warnings() {
        text.push_str(&format!("\nWarning: {}\n", escaped(&warning)));
    }
    if plan.changes().is_empty() && !plan.is_empty() {
        text.push_str("\nNo resource changes; only outputs, tags, conditions or metadata.\n");
    }
    text
}

/// Returns a change as a block. `parent` is the path of the nested stack that it is in.
fn resource(plan: &Plan, change: &Change, parent: &str) -> String {
    let mut lines = Vec::new();
    // The templates of nested stacks are not at hand.
    let properties = if parent.is_empty() {
        plan.properties(change)
    } else {
        property_changes(change, None, &[])
    };
    for property in properties {
        if property.before.is_none() && property.after.is_none() {
            lines.push(format!("! {}", property.path));
        } else {
            let [before, after] = [&property.before, &property.after];
            let [before, after] = [before, after].map(|value| value.as_ref().map(Content::text));
            push_value(&mut lines, &property.path, before, after);
        }
        let forces = match property.requires_recreation.as_deref() {
            Some("Always") if change.effect() == Effect::Replace => Some("forces replacement"),
            Some("Conditionally") => Some("may force replacement"),
            _ => None,
        };
        for note in forces.into_iter().chain(property.cause.as_deref()) {
            lines.push(format!("# {note}"));
        }
    }
    if lines.is_empty() {
        return title_alone(change, parent);
    }
    let open = matches!(change.effect(), Effect::Replace | Effect::Remove);
    details(&title(change, parent), &fenced(&lines), open)
}

/// Returns the first line of a change, as HTML.
fn title(change: &Change, parent: &str) -> String {
    let (sign, words) = match change.effect() {
        Effect::Add => ("+", ""),
        Effect::Update => ("~", ""),
        Effect::Replace => ("-/+", ", is replaced"),
        Effect::Remove => ("-", ", is removed"),
        Effect::Import => ("&lt;-", ", is imported"),
        Effect::Sync => ("↺", ", takes the live values"),
        Effect::Possible => ("?", ", may change"),
    };
    let unsure = match change.replacement {
        Some(Replacement::Conditional) => ", may be replaced",
        _ => "",
    };
    let policy = change.policy_action.as_deref();
    let policy = policy
        .filter(|policy| !policy.ends_with("Delete"))
        .map(|policy| format!(", policy {}", escaped(policy)))
        .unwrap_or_default();
    format!(
        "<code>{sign}</code> <b>{parent}{}</b> {}{words}{unsure}{policy}",
        escaped(&change.logical_id),
        escaped(&change.resource_type)
    )
}

fn title_alone(change: &Change, parent: &str) -> String {
    format!("\n{}\n", title(change, parent))
}

fn section(page: &mut Page, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        page.push(&details(title, &fenced(lines), false), "");
    }
}

/// Returns what is dangerous, the worst first.
fn dangers(plan: &Plan) -> Vec<String> {
    let risks = plan.assessment.risks.iter();
    let shown = risks.filter(|risk| risk.severity > Severity::Note);
    shown
        .map(|risk| format!("! {}: {}", risk.logical_id, risk.reason))
        .collect()
}

/// Returns what the service's own checks found, one line each.
fn checks(plan: &Plan) -> Vec<String> {
    let found = plan.validations.iter().map(|found| {
        let sign = if found.validation.is_fatal() {
            '-'
        } else {
            '!'
        };
        let place = found.places.first().map_or(String::new(), |place| {
            let (line, column) = place.source.position(place.span.start);
            format!(" ({}:{line}:{column})", place.source.name)
        });
        format!("{sign} {}{place}", found.validation.message())
    });
    found.collect()
}

fn values(changes: &[ValueChange]) -> Vec<String> {
    let mut lines = Vec::new();
    for change in changes {
        let (before, after) = (change.before.as_deref(), change.after.as_deref());
        push_value(&mut lines, &change.name, before, after);
    }
    lines
}

/// Adds the lines of a value before and after, those of a long text as a diff.
fn push_value(lines: &mut Vec<String>, name: &str, before: Option<&str>, after: Option<&str>) {
    let is_long = |value: Option<&str>| value.is_some_and(|value| value.contains('\n'));
    if !is_long(before) && !is_long(after) {
        let line = |sign, value| format!("{sign} {name}: {value}");
        lines.extend(before.map(|value| line('-', value)));
        lines.extend(after.map(|value| line('+', value)));
        return;
    }
    lines.push(format!("  {name}:"));
    let (before, after) = (before.unwrap_or_default(), after.unwrap_or_default());
    for line in TextDiff::from_lines(before, after).iter_all_changes() {
        let sign = match line.tag() {
            ChangeTag::Delete => '-',
            ChangeTag::Insert => '+',
            ChangeTag::Equal => ' ',
        };
        lines.push(format!("{sign}   {}", line.value().trim_end_matches('\n')));
    }
}

fn details(title: &str, inside: &str, open: bool) -> String {
    let open = if open { " open" } else { "" };
    format!("\n<details{open}><summary>{title}</summary>\n\n{inside}\n</details>\n")
}

/// Returns lines as a diff block that nothing in them can end.
fn fenced(lines: &[String]) -> String {
    let text = lines.join("\n");
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat(longest.max(2) + 1);
    format!("{fence}diff\n{text}\n{fence}\n")
}

/// Returns text that stands for itself in HTML and in Markdown, on one line.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\r' => safe.push(' '),
            '&' | '<' | '>' | '`' | '*' | '_' | '[' | ']' | '|' | '\\' | '@' | '#' | '~' => {
                safe.push_str(&format!("&#{};", u32::from(character)));
            }
            _ => safe.push(character),
        }
    }
    safe
}

#[cfg(test)]
#[path = "markdown/tests.rs"]
mod tests;
