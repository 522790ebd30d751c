//! The warning about characters that `GetTemplate` did not keep: it returns a `?` for each one outside ASCII.
//!
//! Nobody can see in the text whether a `?` was one. So each line with a `?` in a value is named, except for
//! the query of a URL and the groups of a pattern; and a file that was deployed shows whether it is the
//! same text.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::diagnostic::SourceFile;
use crate::template::{Template, lost};

/// How many lines are shown.
const MOST_LINES: usize = 20;
/// The longest line that is shown whole, in bytes.
const WIDTH: usize = 120;

/// How the project's template is related to the deployed one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Origin {
    /// It is the text that `GetTemplate` returned.
    Deployed {
        /// The byte ranges of the values and keys with a `?`.
        lost: Vec<Range<usize>>,
    },
    /// It is a file with the deployed text. Whether `GetTemplate` has lost characters of it.
    File { is_restored: bool },
    /// It is a file with another text.
    OtherFile,
}

impl Origin {
    /// Returns the origin of a deployed template.
    pub(super) fn of_deployed(template: &Template) -> Self {
        Self::Deployed {
            lost: lost::places(template.root()),
        }
    }

    /// Returns the origin of a file, which may be the deployed template.
    pub(super) fn of_file(text: &str, deployed: &str) -> Self {
        if text == deployed {
            return Self::File { is_restored: false };
        }
        if lost::is_masked(text, deployed) {
            Self::File { is_restored: true }
        } else {
            Self::OtherFile
        }
    }
}

/// Returns the warning about the lines in which characters may be lost; `None` if there is none.
pub(super) fn warning(source: &SourceFile, lost: &[Range<usize>]) -> Option<String> {
    let places = places(&source.text, lost);
    let what = match places.len() {
        0 => return None,
        1 => "a line has a `?`".to_owned(),
        count => format!("{count} lines have a `?`"),
    };
    let mut warning = format!(
        "{what}, which CloudFormation also returns in place of every character outside ASCII:"
    );
    for (line, part) in places.iter().take(MOST_LINES) {
        warning.push_str(&format!("\n  {}:{line}: {part}", source.name));
    }
    if places.len() > MOST_LINES {
        warning.push_str(&format!("\n  … and {} more", places.len() - MOST_LINES));
    }
    Some(warning)
}

/// Returns the number and a part of each line with a `?` in these ranges. A long line, such as that of
/// a minified template, is returned once for each range.
fn places(text: &str, lost: &[Range<usize>]) -> Vec<(usize, String)> {
    let starts: Vec<usize> = std::iter::once(0)
        .chain(text.match_indices('\n').map(|(at, _)| at + 1))
        .collect();
    let mut places = Vec::new();
    let mut seen = BTreeSet::new();
    for range in lost {
        let mut at = range.start;
        while let Some(found) = text.get(at..range.end).and_then(|rest| rest.find('?')) {
            let offset = at + found;
            if is_syntax(text, offset) {
                at = offset + 1;
                continue;
            }
            let number = starts.partition_point(|start| *start <= offset);
            let start = number.checked_sub(1).and_then(|it| starts.get(it));
            let start = start.copied().unwrap_or(0);
            let rest = text.get(start..).unwrap_or_default();
            let line = rest.lines().next().unwrap_or_default();
            // The next line; a long one has the rest of the range.
            at = (start + line.len() + 1).max(offset + 1);
            if line.len() <= WIDTH {
                if seen.insert(number) {
                    places.push((number, line.trim().to_owned()));
                }
            } else {
                let before = line.get(..offset - start).unwrap_or_default();
                let before: Vec<char> = before.chars().rev().take(WIDTH / 4).collect();
                let after = line.get(offset - start..).unwrap_or_default();
                let part = before
                    .into_iter()
                    .rev()
                    .chain(after.chars().take(WIDTH / 2));
                let part: String = part.collect();
                places.push((number, format!("… {} …", part.trim())));
            }
        }
    }
    places
}

/// Returns whether the `?` at this place starts the query of a URL (`?name=`) or is part of a group in a
/// pattern (`(?:`).
fn is_syntax(text: &str, offset: usize) -> bool {
    let before = text.get(..offset).unwrap_or_default().chars().next_back();
    let after = text.get(offset + 1..).unwrap_or_default();
    let is_name = |it: char| it.is_ascii_alphanumeric() || "_-.".contains(it);
    let name = after.find(|it| !is_name(it)).unwrap_or(after.len());
    let is_query = name > 0 && after.get(name..).is_some_and(|rest| rest.starts_with('='));
    let is_group = before == Some('(') && after.starts_with([':', '=', '!', '<', 'i', 'P']);
    is_query && before.is_some_and(|it| !it.is_whitespace()) || is_group
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::{Origin, warning};
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    #[test]
    fn lines_of_values_with_a_question_mark_are_named() {
        let text = "# who? nobody\nDescription: Gr??e\nResources:\n  A:\n    Type: AWS::SNS::Topic\n    \
                    Metadata:\n      Text: |\n        one\n        two ?\n      \"k?y\": 1 # no?\n";
        let source = SourceFile::new("template.yaml", text);
        let template = Template::parse(&source).unwrap();
        let Origin::Deployed { lost } = Origin::of_deployed(&template) else {
            panic!("it is the deployed text");
        };
        insta::assert_snapshot!(warning(&source, &lost).unwrap(), @r#"
        3 lines have a `?`, which CloudFormation also returns in place of every character outside ASCII:
          template.yaml:2: Description: Gr??e
          template.yaml:9: two ?
          template.yaml:10: "k?y": 1 # no?
        "#);
        assert_eq!(warning(&source, &[]), None);
        let text = "A: https://a.b/c?region=x#y\nB: ^(?:a|b)(?i)$\nC: why ?x=\n";
        let source = SourceFile::new("t", text);
        let whole = 0..text.len();
        let found = warning(&source, std::slice::from_ref(&whole)).unwrap();
        assert!(
            found.contains("a line has") && found.contains("t:3: C"),
            "{found}"
        );
    }

    #[test]
    fn file_is_the_deployed_text_if_only_lost_characters_differ() {
        let restored = Origin::File { is_restored: true };
        for (file, deployed, expected) in [
            ("a: b", "a: b", Origin::File { is_restored: false }),
            ("a: ü?", "a: ??", restored.clone()),
            ("a: ü", "a: ??", restored.clone()),
            ("a: 日本", "a: ??", restored.clone()),
            ("a: 𝄞", "a: ??", restored.clone()),
            ("a: 𝄞", "a: ????", restored),
            ("a: u", "a: ?", Origin::OtherFile),
            ("a: ü", "a: b", Origin::OtherFile),
            ("a: ü\n", "a: ?", Origin::OtherFile),
        ] {
            assert_eq!(
                Origin::of_file(file, deployed),
                expected,
                "{file} {deployed}"
            );
        }
    }
}
