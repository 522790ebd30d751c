//! The table of known causes. `known.toml` in this folder describes its columns.

use std::sync::LazyLock;

use regex_lite::{Regex, RegexBuilder};
use serde::Deserialize;

/// Characters around a name in a message, which are not part of the name.
const WRAPPING: &[char] = &[
    '"', '\'', '`', '[', ']', '(', ')', '{', '}', ',', '.', ';', ':',
];

/// A cause that is recognized by the text of the reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) category: String,
    reasons: Vec<Pattern>,
    #[serde(default)]
    types: Vec<String>,
    #[serde(default)]
    during: String,
    #[serde(default)]
    pub(super) properties: Vec<String>,
    pub(super) hint: String,
    pub(super) run: Option<Remedy>,
}

/// A command of stackctl that helps against a cause.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Remedy {
    /// `plan`
    Plan,
    /// `status`
    Status,
    /// `validate`
    Validate,
    /// `destroy`
    Destroy,
    /// `destroy`, which empties the bucket first.
    DestroyEmptying,
}

/// A regular expression that ignores case and in which `.` also matches a line break.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
struct Pattern(Regex);

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    cause: Vec<Known>,
}

/// The values that a hint can use, by name.
pub(super) type Values = Vec<(String, String)>;

/// The rows in their order, compiled when the first reason is looked up. The file is embedded in the
/// program, and a test parses it, so parsing cannot fail here.
pub(super) static KNOWN: LazyLock<Vec<Known>> = LazyLock::new(|| read().unwrap_or_default().cause);

fn read() -> Result<Table, toml::de::Error> {
    toml::from_str(include_str!("known.toml"))
}

impl Known {
    /// Returns the named groups of the first expression that is found in the reason; `None` if the row
    /// does not apply.
    pub(super) fn values(&self, resource_type: &str, status: &str, reason: &str) -> Option<Values> {
        let types = &self.types;
        let applies = (types.is_empty() || types.iter().any(|it| resource_type.starts_with(it)))
            && status.starts_with(&self.during);
        let mut reasons = self.reasons.iter().filter(|_| applies);
        reasons.find_map(|pattern| pattern.values(reason))
    }
}

impl Remedy {
    /// Returns the command for a resource, without the program's name and the environment.
    pub fn command(self, logical_id: &str) -> String {
        match self {
            Self::Plan => "plan".to_owned(),
            Self::Status => "status".to_owned(),
            Self::Validate => "validate".to_owned(),
            Self::Destroy => "destroy".to_owned(),
            Self::DestroyEmptying => format!("destroy --empty {logical_id}"),
        }
    }
}

impl TryFrom<String> for Pattern {
    type Error = regex_lite::Error;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        RegexBuilder::new(&text)
            .case_insensitive(true)
            .dot_matches_new_line(true)
            .build()
            .map(Self)
    }
}

impl Pattern {
    fn values(&self, reason: &str) -> Option<Values> {
        let found = self.0.captures(reason)?;
        let groups = self.0.capture_names().flatten().filter_map(|name| {
            let value = found.name(name)?.as_str().trim_matches(WRAPPING);
            Some((name.to_owned(), value.to_owned()))
        });
        Some(groups.collect())
    }
}

/// Returns a text with each `{name}` replaced by its value; `None` if a value is missing.
pub(super) fn fill(text: &str, values: &[(String, String)]) -> Option<String> {
    let value = |name: &str| values.iter().find(|(known, _)| known == name);
    let pieces = text.split(['{', '}']).enumerate();
    pieces
        .map(|(number, piece)| match number % 2 {
            0 => Some(piece),
            _ => value(piece).map(|(_, value)| value.as_str()),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Pattern, Table, fill, read};

    /// Returns the names that a text uses.
    fn names(text: &str) -> Vec<&str> {
        text.split(['{', '}']).skip(1).step_by(2).collect()
    }

    #[test]
    fn every_row_is_complete_and_its_hint_can_be_filled() {
        let rows = read().unwrap_or_else(|error| panic!("{error}")).cause;
        assert!(rows.len() > 50, "{}", rows.len());
        for row in rows {
            let name = row.category;
            assert!(!name.is_empty() && !row.hint.is_empty() && !row.reasons.is_empty());
            let is_kebab = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(name.chars().all(is_kebab), "{name}");
            for used in names(&row.hint) {
                let has_group =
                    |pattern: &Pattern| pattern.0.capture_names().any(|it| it == Some(used));
                let known =
                    ["logical_id", "type"].contains(&used) || row.reasons.iter().all(has_group);
                assert!(known, "{name}: {used} in {:?}", row.hint);
            }
            assert!(!row.hint.ends_with('.'), "{}", row.hint);
            assert!(
                ["", "CREATE", "UPDATE", "DELETE"].contains(&row.during.as_str()),
                "{name}"
            );
        }
    }

    #[test]
    fn a_malformed_table_is_an_error() {
        let row = "[[cause]]\ncategory = 'a'\nhint = 'b'\n";
        assert!(toml::from_str::<Table>(&format!("{row}reasons = ['c']")).is_ok());
        for wrong in [
            "",
            "reasons = ['(']",
            "reasons = ['(?<1>x)']",
            "reasons = []\nother = 1",
            "reasons = []\nrun = 'x'",
        ] {
            let table = format!("{row}{wrong}");
            assert!(toml::from_str::<Table>(&table).is_err(), "{wrong}");
        }
    }

    #[test]
    fn groups_are_read_and_filled() {
        let cases: [(&str, &str, Option<&[&str]>); 8] = [
            ("already exists", "The name Already Exists.", Some(&[])),
            (
                r"(?<name>\S+) already exists",
                "Error: 'my-bucket' already exists",
                Some(&["my-bucket"]),
            ),
            (
                r"export (?<export>\S+) cannot be .* in use by (?<user>\S+)",
                "Export a:b cannot be deleted as it is in use by stack-b and stack-c.",
                Some(&["a:b", "stack-b"]),
            ),
            (
                r"image id (?<ami>\S+) does not exist",
                "The image id '[ami-0123]' does not exist (Service: Ec2)",
                Some(&["ami-0123"]),
            ),
            (
                r"perform: (?<action>\S+) on resource: (?<resource>\S+)",
                "is not authorized to perform: s3:PutX on resource: \"arn:aws:s3:::b\" because no",
                Some(&["s3:PutX", "arn:aws:s3:::b"]),
            ),
            (
                r"the .* is (?<what>\S+)",
                "The big\nthing is über, says AWS",
                Some(&["über"]),
            ),
            (r"(?<x>\S+) of (?<y>\S+)", "ß", None),
            (r"a (?<x>\S+)", "a ", None),
        ];
        for (pattern, text, expected) in cases {
            let compiled = Pattern::try_from(pattern.to_owned());
            let compiled = compiled.unwrap_or_else(|error| panic!("{pattern}: {error}"));
            let found = compiled.values(text);
            let values: Option<Vec<&str>> = found
                .as_ref()
                .map(|found| found.iter().map(|(_, value)| value.as_str()).collect());
            assert_eq!(values.as_deref(), expected, "{pattern}");
        }
        let known = [("name".to_owned(), "{b}".to_owned())];
        assert_eq!(
            fill("a {name} `*`", &known).as_deref(),
            Some("a {b} `*`"),
            "a value is not filled again"
        );
        assert_eq!(fill("a {other}", &known), None);
    }
}
