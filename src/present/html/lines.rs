//! The difference of two texts of several lines, side by side if the window is wide.
//!
//! The old lines of a place come before the new ones, so that a narrow window, a screen reader and a
//! reader without a style have a plain difference. The style puts the new lines beside the old ones. An
//! equal line is in the document twice, and the second one is only for the eye.

use super::markup::{Attribute, Writer};
use crate::present::human::count;
use crate::present::line_diff::{Line, numbered};

/// The number of equal lines around a difference.
pub(super) const CONTEXT: usize = 3;
/// The highest number of lines of one difference that are shown.
pub(super) const MOST_LINES: usize = 400;
/// The highest number of characters of one line that are shown.
const MOST_CHARACTERS: usize = 2_000;
/// The part of a line, in tenths, that must be equal before the rest is marked.
const LEAST_EQUAL: usize = 4;

/// Adds the difference of two texts. A text that is `None` does not exist on that side.
pub(super) fn write(html: &mut Writer<'_>, before: Option<&str>, after: Option<&str>) {
    let context = html.context();
    let [before, after] = [before, after].map(|it| it.map(|text| context.masked(text)));
    let is_split = before.is_some() && after.is_some();
    let [old, new] = [&before, &after].map(|it| it.as_deref().unwrap_or_default());
    let lines = numbered(old, new, CONTEXT);
    let class = if is_split { "diff split" } else { "diff" };
    let total = lines.iter().flatten().count();
    html.element("div", &[Attribute::Class(class)], |html| {
        let mut hunk: Vec<&Line> = Vec::new();
        let mut shown = 0;
        let mut last = [0, 0];
        for line in &lines {
            if shown == MOST_LINES {
                break;
            }
            match line {
                Some(line) => {
                    if hunk.is_empty() {
                        write_gap(html, last, line);
                    }
                    for (known, number) in last.iter_mut().zip(line.numbers) {
                        *known = number.unwrap_or(*known);
                    }
                    hunk.push(line);
                    shown += 1;
                }
                None => write_hunk(html, &std::mem::take(&mut hunk), is_split),
            }
        }
        write_hunk(html, &hunk, is_split);
        if total > shown {
            let left_out = count(total - shown, "more line");
            html.leaf("p", "gap", &format!("… {left_out}, not in this page"));
        }
    });
    html.new_line();
}

/// Adds how many equal lines are between two hunks.
fn write_gap(html: &mut Writer<'_>, last: [usize; 2], next: &Line) {
    let sides = last.into_iter().zip(next.numbers);
    let omitted = sides.filter_map(|(last, number)| Some(number?.saturating_sub(last + 1)));
    let omitted = omitted.min().unwrap_or(0);
    if omitted > 0 {
        let lines = count(omitted, "equal line");
        html.leaf("p", "gap", &format!("… {lines}"));
    }
}

fn write_hunk(html: &mut Writer<'_>, lines: &[&Line], is_split: bool) {
    if lines.is_empty() {
        return;
    }
    let mut rest = lines;
    while let Some(first) = rest.first() {
        let is_equal = first.sign == ' ';
        let length = rest
            .iter()
            .take_while(|line| (line.sign == ' ') == is_equal)
            .count();
        let (run, others) = rest.split_at(length);
        rest = others;
        html.element("div", &[Attribute::Class("hunk")], |html| {
            if is_equal {
                write_equal(html, run, is_split);
            } else {
                write_changed(html, run);
            }
        });
    }
}

fn write_equal(html: &mut Writer<'_>, lines: &[&Line], is_split: bool) {
    for line in lines {
        let [before, after] = line.numbers.map(Option::unwrap_or_default);
        let attributes = [Attribute::Class("same"), Attribute::Count("n", before)];
        html.element("div", &attributes, |html| write_text(html, &line.text));
        if is_split {
            let attributes = [
                Attribute::Class("twin"),
                Attribute::Count("n", after),
                Attribute::Fixed("aria-hidden", "true"),
            ];
            html.element("div", &attributes, |html| write_text(html, &line.text));
        }
    }
}

/// Adds old lines and the new ones that take their place. Of two lines that are much alike, the parts that
/// differ are marked.
fn write_changed(html: &mut Writer<'_>, lines: &[&Line]) {
    let (old, new): (Vec<&Line>, Vec<&Line>) = lines.iter().partition(|line| line.sign == '-');
    let pairs: Vec<Option<[usize; 2]>> = old
        .iter()
        .zip(&new)
        .map(|(old, new)| equal_ends(&old.text, &new.text))
        .collect();
    for (name, side, lines) in [("del", 0, &old), ("ins", 1, &new)] {
        for (number, line) in lines.iter().enumerate() {
            let [before, after] = line.numbers;
            let shown = if side == 0 { before } else { after };
            let attributes = [Attribute::Count("n", shown.unwrap_or_default())];
            html.element(name, &attributes, |html| {
                match pairs.get(number).copied().flatten() {
                    Some(ends) => write_marked(html, &line.text, ends),
                    None => write_text(html, &line.text),
                }
            });
        }
    }
}

/// Adds a text in which all but its ends is marked. `ends` are the lengths of the ends in bytes.
pub(super) fn write_marked(html: &mut Writer<'_>, text: &str, [start, end]: [usize; 2]) {
    let end = text.len().saturating_sub(end);
    if text.chars().count() > MOST_CHARACTERS {
        return write_text(html, text);
    }
    html.text(text.get(..start).unwrap_or_default());
    let middle = text.get(start..end).unwrap_or_default();
    if !middle.is_empty() {
        html.leaf("mark", "", middle);
    }
    html.text(text.get(end..).unwrap_or_default());
}

fn write_text(html: &mut Writer<'_>, text: &str) {
    match text.char_indices().nth(MOST_CHARACTERS) {
        Some((end, _)) => {
            html.text(text.get(..end).unwrap_or_default());
            let more = count(text.chars().count() - MOST_CHARACTERS, "more character");
            html.leaf("span", "muted", &format!(" … {more}"));
        }
        None => html.text(text),
    }
}

/// Returns the lengths in bytes of the beginning and of the end that two texts have in common; `None` if
/// the rest is too much to be marked.
pub(super) fn equal_ends(one: &str, other: &str) -> Option<[usize; 2]> {
    let pairs = one.chars().zip(other.chars());
    let start: usize = pairs
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one.len_utf8())
        .sum();
    let rests = [one, other].map(|text| text.get(start..).unwrap_or_default());
    let pairs = rests[0].chars().rev().zip(rests[1].chars().rev());
    let end: usize = pairs
        .take_while(|(one, other)| one == other)
        .map(|(one, _)| one.len_utf8())
        .sum();
    // Indentation says little about how much two lines are alike.
    let indentation = one.len() - one.trim_start().len();
    let equal = (start + end).saturating_sub(indentation.min(start));
    let longest = one.trim_start().len().max(other.trim_start().len());
    (longest > 0 && equal * 10 >= longest * LEAST_EQUAL).then_some([start, end])
}

#[cfg(test)]
mod tests {
    use super::{equal_ends, write};
    use crate::present::html::markup::{PageContext, Writer};

    fn shown(before: Option<&str>, after: Option<&str>) -> String {
        let context = PageContext::default();
        let mut html = Writer::new(&context);
        write(&mut html, before, after);
        html.finish().as_str().to_owned()
    }

    #[test]
    fn old_lines_come_before_the_new_ones_with_their_numbers() {
        let before = "0\n1\n2\n3\n4\nsize: small\nx\n";
        let after = "0\n1\n2\n3\n4\nsize: <big>\nx\n";
        insta::assert_snapshot!(shown(Some(before), Some(after)), @r#"
        <div class="diff split"><p class="gap">… 2 equal lines</p><div class="hunk"><div class="same" data-n="3">2</div><div class="twin" data-n="3" aria-hidden="true">2</div><div class="same" data-n="4">3</div><div class="twin" data-n="4" aria-hidden="true">3</div><div class="same" data-n="5">4</div><div class="twin" data-n="5" aria-hidden="true">4</div></div><div class="hunk"><del data-n="6">size: <mark>small</mark></del><ins data-n="6">size: <mark>&lt;big&gt;</mark></ins></div><div class="hunk"><div class="same" data-n="7">x</div><div class="twin" data-n="7" aria-hidden="true">x</div></div></div>
        "#);
    }

    #[test]
    fn a_long_difference_says_how_much_is_left_out() {
        let long: Vec<String> = (0..1_000).map(|line| format!("line {line}\n")).collect();
        let long = long.concat();
        let html = shown(None, Some(&long));
        assert!(html.contains("line 399"));
        assert!(!html.contains("line 400"));
        assert!(
            html.contains("… 600 more lines, not in this page"),
            "{html}"
        );
        let html = shown(None, Some(&"x".repeat(2_500)));
        assert!(html.contains("… 500 more characters"), "{html}");
    }

    #[test]
    fn only_lines_that_are_alike_are_marked() {
        for (one, other, ends) in [
            ("size: 1", "size: 2", Some([6, 0])),
            ("a = é1;", "a = é2;", Some([6, 1])),
            ("same", "same", Some([4, 0])),
            ("        a", "        b", None),
            ("abc", "xyz", None),
            ("", "", None),
            ("aa", "aaa", Some([2, 0])),
        ] {
            assert_eq!(equal_ends(one, other), ends, "{one:?} {other:?}");
        }
    }
}
