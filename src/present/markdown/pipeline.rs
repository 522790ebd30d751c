//! What a pipeline writes on the request that it is about.

use super::comment::{Comment, Weight};
use super::page::{escaped, prose};
use crate::error::Error;

/// The most characters of an error.
const ERROR: usize = 4_000;

/// What a run of a pipeline did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// It planned.
    Plan,
    /// It applied a saved plan.
    Apply,
}

/// What the first and the last line of a comment say.
#[derive(Debug, Clone, Default)]
pub struct Frame {
    /// What tells the comment apart from others of the same request: the manifest and the options that
    /// choose stacks.
    pub key: String,
    /// The commit.
    pub commit: Option<String>,
    /// The page of the run.
    pub page: Option<String>,
    /// The command that executes the saved plan.
    pub apply: Option<String>,
}

/// Returns the comment of a run that planned. `planned` is `None` if the command failed before it had a
/// plan.
pub fn planned(
    frame: &Frame,
    planned: Option<&Comment>,
    error: Option<&Error>,
    limit: usize,
) -> String {
    let mut text = planned.map_or("", Comment::body);
    let mut failure = String::new();
    if let Some(error) = error {
        let verb = if text.is_empty() { "plan" } else { "finish" };
        failure = format!("<b>stackctl could not {verb}.</b>\n{}", shown(error));
    }
    let marker = marker(Step::Plan, &frame.key);
    let footer = footer(Step::Plan, frame);
    let length = |text: &str| text.chars().count();
    let rest = length(&marker) + length(&failure) + length(&footer);
    let omitted = "<b>The plan is too long for a comment; the log of the run shows it.</b>\n";
    if rest + length(text) > limit {
        text = omitted;
    }
    format!("{marker}{failure}{text}{footer}")
}

/// Returns the comment of a run that applied a saved plan.
pub fn applied(frame: &Frame, exit_code: u8, error: Option<&Error>) -> String {
    let verdict = match exit_code {
        0 => "Applied.",
        3 => "The deployment failed and was rolled back.",
        4 => "Refused: nothing was changed.",
        130 => "Interrupted: what runs in CloudFormation continues.",
        _ => "The deployment failed.",
    };
    let error = error.map(shown).unwrap_or_default();
    let marker = marker(Step::Apply, &frame.key);
    let footer = footer(Step::Apply, frame);
    format!("{marker}<b>{verdict}</b>\n{error}{footer}")
}

/// Returns how much attention a run needs that planned.
pub fn weight(planned: Option<&Comment>, error: Option<&Error>) -> Weight {
    match (planned, error) {
        (_, Some(_)) | (None, None) => Weight::Failed,
        (Some(comment), None) => comment.weight,
    }
}

fn marker(step: Step, key: &str) -> String {
    let step = match step {
        Step::Plan => "plan",
        Step::Apply => "apply",
    };
    // A comment in HTML ends at `-->`, and may contain no `--` elsewhere.
    let is_kept = |c: &char| !c.is_control() && !matches!(c, '<' | '>');
    let key: String = key.chars().filter(is_kept).take(300).collect();
    let key = key.replace("--", "-\u{200b}-");
    format!("<!-- stackctl:ci {step} {key} -->\n")
}

/// Returns an error with its hints.
fn shown(error: &Error) -> String {
    let message: String = error.in_one_line().chars().take(ERROR).collect();
    let mut text = format!("\n{}\n", prose(&message));
    for hint in error.hints().iter().take(5) {
        let hint: String = hint.chars().take(ERROR / 5).collect();
        text.push_str(&format!("\nhint: {}\n", prose(&hint)));
    }
    text
}

fn footer(step: Step, frame: &Frame) -> String {
    let mut parts = Vec::new();
    if let Some(commit) = &frame.commit {
        let commit: String = commit.chars().take(12).collect();
        let of = match step {
            Step::Plan => "Plan of",
            Step::Apply => "From",
        };
        parts.push(format!("{of} <code>{}</code>", escaped(&commit)));
    }
    if let Some(page) = frame.page.as_ref().filter(|page| page.len() <= 400) {
        parts.push(format!(
            "<a href=\"{}\">log of the run</a>",
            page.replace('&', "&amp;")
        ));
    }
    parts.push(concat!("stackctl ", env!("CARGO_PKG_VERSION")).to_owned());
    let mut text = format!("\n<sub>{}</sub>\n", parts.join(" · "));
    if let Some(apply) = frame.apply.as_ref().filter(|apply| apply.len() <= 200) {
        text.push_str(&format!(
            "\n<sub><code>{}</code> executes exactly this plan, and refuses if something has changed.</sub>\n",
            escaped(apply)
        ));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Frame, applied, planned};
    use crate::error::Error;
    use crate::present::markdown::comment::{Comment, Weight};

    fn frame() -> Frame {
        Frame {
            key: "infra/manifest.toml -e prod".to_owned(),
            commit: Some("0123456789abcdef".to_owned()),
            page: Some("https://github.com/o/r/actions/runs/1".to_owned()),
            apply: None,
        }
    }

    fn comment(text: &str) -> Comment {
        Comment {
            text: text.to_owned(),
            weight: Weight::Changes,
        }
    }

    #[test]
    fn the_marker_of_the_pipeline_is_the_first_line() {
        let plan = comment("<!-- stackctl:plan demo-dev -->\n<b>Plan: 1 to add</b>\n");
        let version = env!("CARGO_PKG_VERSION");
        assert_eq!(
            planned(&frame(), Some(&plan), None, 65_536),
            format!(
                "<!-- stackctl:ci plan infra/manifest.toml -e prod -->\n<b>Plan: 1 to add</b>\n\n\
                 <sub>Plan of <code>0123456789ab</code> · \
                 <a href=\"https://github.com/o/r/actions/runs/1\">log of the run</a> · \
                 stackctl {version}</sub>\n"
            )
        );
    }

    #[test]
    fn a_key_cannot_end_the_marker() {
        let frame = Frame {
            key: "a --> <b>\n--set x".to_owned(),
            ..Frame::default()
        };
        let text = applied(&frame, 0, None);
        let marker = text.lines().next().unwrap_or_default();
        assert_eq!(
            marker,
            "<!-- stackctl:ci apply a -\u{200b}- b-\u{200b}-set x -->"
        );
    }

    #[test]
    fn an_error_becomes_no_markup_and_mentions_nobody() {
        let error =
            Error::refused("the plan is stale: @all [x](http://y) <img> `a|b`").hint("plan again");
        let text = applied(&frame(), 4, Some(&error));
        assert!(
            text.contains("<b>Refused: nothing was changed.</b>"),
            "{text}"
        );
        assert!(!text.contains("@all") && !text.contains("<img>") && !text.contains("http://y"));
        assert!(text.contains("hint: plan again"), "{text}");
    }

    #[test]
    fn a_comment_that_is_too_long_says_so() {
        let plan = comment(&"x".repeat(70_000));
        let text = planned(&frame(), Some(&plan), None, 65_536);
        assert!(text.contains("too long for a comment"));
        let text = planned(&frame(), Some(&plan), None, 1_000_000);
        assert!(text.len() > 70_000);
    }
}
