//! The Markdown of several stacks, as one comment.

use super::page::{LIMIT, escaped};
use crate::present::human::count;

/// Characters for the line that says how much was omitted.
const RESERVE: usize = 200;

/// The text of one of several stacks.
#[derive(Debug)]
pub struct StackText {
    /// Its key, after the environment if there are several.
    pub label: String,
    /// Its own comment; empty if there is none.
    pub text: String,
    /// Why the command failed for it.
    pub error: Option<String>,
}

/// Returns one comment of at most 65,536 characters. Its first line is the marker of `kind` (`plan`,
/// `diff`) for `name`, by which a bot finds it again. The texts of stacks that do not fit are shortened to
/// their first lines.
pub fn stacks(kind: &str, name: &str, stacks: &[StackText]) -> String {
    let marker = format!("<!-- stackctl:{kind} {} -->\n", name.replace('>', ""));
    let blocks: Vec<[String; 2]> = stacks.iter().map(blocks).collect();
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
    text
}

/// Returns the whole text of a stack under its name, and its first lines.
fn blocks(stack: &StackText) -> [String; 2] {
    let heading = format!("\n### {}\n\n", escaped(&stack.label));
    let error = stack.error.as_deref().map_or_else(String::new, |error| {
        format!("\n**Failed:** {}\n", escaped(error))
    });
    let text = match stack.text.split_once('\n') {
        Some((first, rest)) if first.starts_with("<!--") => rest,
        _ => stack.text.as_str(),
    };
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
    use super::{StackText, stacks};

    fn stack(label: &str, text: &str, error: Option<&str>) -> StackText {
        StackText {
            label: label.to_owned(),
            text: text.to_owned(),
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
        assert_eq!(
            stacks("plan", "demo dev", &both),
            "<!-- stackctl:plan demo dev -->\n\n### network\n\n\n**Failed:** no &#42;access&#42;\n\n\
             ### app\n\n<b>Plan: 1 to add</b>\n\nStack app\n\ndetails\n"
        );
    }

    #[test]
    fn a_comment_is_never_too_long() {
        let long = format!("<b>Plan</b>\n\nStack\n\n{}\n", "x".repeat(40_000));
        let three = ["a", "b", "c"].map(|label| stack(label, &long, None));
        let text = stacks("plan", "demo", &three);
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
        let text = stacks("plan", "demo", &many);
        assert!(text.chars().count() <= 65_536);
        assert!(text.contains("details of 5000 stacks are omitted"));
    }
}
