//! The Markdown of several stacks, as one comment.

use std::cmp::Reverse;

use super::comment::{Comment, Weight};
use super::page::{LIMIT, escaped};
use crate::present::human::count;

/// Characters for the line that says how much was omitted, and for what a pipeline adds.
const RESERVE: usize = 1_000;

/// The text of one of several stacks.
#[derive(Debug)]
pub struct StackText {
    /// Its key, after the environment if there are several.
    pub label: String,
    /// Its own comment; `None` if the command failed before.
    pub comment: Option<Comment>,
    /// Why the command failed for it.
    pub error: Option<String>,
}

impl StackText {
    fn weight(&self) -> Weight {
        let of_comment = self.comment.as_ref().map(|comment| comment.weight);
        match self.error {
            Some(_) => Weight::Failed,
            None => of_comment.unwrap_or(Weight::Unchanged),
        }
    }
}

/// Returns one comment of at most 65,536 characters. Its first line is the marker of `kind` (`plan`,
/// `diff`) for `name`, by which a bot finds it again. What needs the most attention comes first. The texts
/// of stacks that do not fit are shortened to their first lines.
pub fn stacks(kind: &str, name: &str, stacks: &[StackText]) -> Comment {
    let marker = format!("<!-- stackctl:{kind} {} -->\n", name.replace('>', ""));
    let mut ordered: Vec<&StackText> = stacks.iter().collect();
    ordered.sort_by_key(|stack| Reverse(stack.weight()));
    let weight = ordered.first().map(|stack| stack.weight());
    let blocks: Vec<[String; 2]> = ordered.into_iter().map(blocks).collect();
    let length = |text: &str| text.chars().count();
    let mut room = LIMIT
        .saturating_sub(RESERVE)
        .saturating_sub(length(&marker));
    let mut shown: Vec<&str> = Vec::with_capacity(blocks.len());
    for [_, short] in &blocks {
        let short = if length(short) <= room {
            short.as_str()
        } else {
            ""
        };
        room -= length(short);
        shown.push(short);
    }
    for ([full, short], shown) in blocks.iter().zip(&mut shown) {
        let more = length(full).saturating_sub(length(short));
        if !shown.is_empty() && more <= room {
            room -= more;
            *shown = full;
        }
    }
    let mut text = marker + &shown.concat();
    let pairs = blocks.iter().zip(&shown);
    let shortened = pairs.filter(|([full, _], shown)| full != *shown);
    match shortened.count() {
        0 => {}
        number => text.push_str(&format!(
            "\n**The details of {} are omitted; run `stackctl {kind} -s NAME` to see everything.**\n",
            count(number, "stack")
        )),
    }
    Comment {
        text,
        weight: weight.unwrap_or(Weight::Unchanged),
    }
}

/// Returns the whole text of a stack under its name, and its first lines.
fn blocks(stack: &StackText) -> [String; 2] {
    let heading = format!("\n### {}\n\n", escaped(&stack.label));
    let error = stack.error.as_deref().map_or_else(String::new, |error| {
        format!("\n**Failed:** {}\n", escaped(error))
    });
    let text = stack.comment.as_ref().map_or("", Comment::body);
    // The verdict, an empty line, and what it is about.
    let paragraphs: Vec<&str> = text.splitn(3, "\n\n").collect();
    let short = match paragraphs.as_slice() {
        [verdict, about, _] => format!("{verdict}\n\n{}\n", about.trim_end()),
        _ => text.to_owned(),
    };
    [text, &short].map(|text| format!("{heading}{text}{error}"))
}

#[cfg(test)]
mod tests {
    use super::{Comment, StackText, Weight, stacks};

    fn stack(label: &str, text: &str, error: Option<&str>) -> StackText {
        StackText {
            label: label.to_owned(),
            comment: (!text.is_empty()).then(|| Comment {
                text: text.to_owned(),
                weight: Weight::Changes,
            }),
            error: error.map(str::to_owned),
        }
    }

    #[test]
    fn there_is_one_marker() {
        let app =
            "<!-- stackctl:plan demo-app -->\n<b>Plan: 1 to add</b>\n\nStack app\n\ndetails\n";
        let both = [
            stack("network", "", Some("no *access*")),
            stack("app", app, None),
        ];
        let comment = stacks("plan", "demo dev", &both);
        assert_eq!(comment.weight, Weight::Failed);
        assert_eq!(
            comment.text,
            "<!-- stackctl:plan demo dev -->\n\n### network\n\n\n**Failed:** no &#42;access&#42;\n\n\
             ### app\n\n<b>Plan: 1 to add</b>\n\nStack app\n\ndetails\n"
        );
    }

    #[test]
    fn what_needs_the_most_attention_comes_first() {
        let weights = [
            ("same", Weight::Unchanged),
            ("danger", Weight::Danger),
            ("change", Weight::Changes),
            ("later", Weight::Danger),
        ];
        let texts = weights.map(|(label, weight)| StackText {
            label: label.to_owned(),
            comment: Some(Comment {
                text: String::new(),
                weight,
            }),
            error: None,
        });
        let comment = stacks("plan", "demo", &texts);
        let headings = comment.text.lines().filter(|line| line.starts_with("###"));
        let headings: Vec<&str> = headings.collect();
        assert_eq!(
            headings,
            ["### danger", "### later", "### change", "### same"]
        );
        assert_eq!(comment.weight, Weight::Danger);
    }

    #[test]
    fn a_comment_is_never_too_long() {
        let long = format!("<b>Plan</b>\n\nStack\n\n{}\n", "x".repeat(40_000));
        let three = ["a", "b", "c"].map(|label| stack(label, &long, None));
        let text = stacks("plan", "demo", &three).text;
        assert!(text.chars().count() <= 65_536);
        assert!(
            text.contains("### c\n\n<b>Plan</b>\n\nStack\n"),
            "{}",
            &text[40_000..]
        );
        assert!(text.contains("details of 2 stacks are omitted"));
        let many: Vec<_> = (0..5_000)
            .map(|n| stack(&n.to_string(), &long, None))
            .collect();
        let text = stacks("plan", "demo", &many).text;
        assert!(text.chars().count() <= 65_536);
        assert!(text.contains("details of 5000 stacks are omitted"));
    }
}
