//! The table of known causes. `known.toml` in this folder describes its columns.

use std::sync::LazyLock;

use regex_lite::{Regex, RegexBuilder};
use serde::Deserialize;

use super::reason::Reason;

/// Characters around a name in a message, which are not part of the name.
const WRAPPING: &[char] = &[
    '"', '\'', '`', '[', ']', '(', ')', '{', '}', ',', '.', ';', ':',
];

/// A row: how a cause is recognized, and what helps against it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Known {
    pub(super) category: String,
    #[serde(default)]
    reasons: Vec<Pattern>,
    #[serde(default)]
    handler: Vec<String>,
    #[serde(default)]
    errors: Vec<Pattern>,
    #[serde(default)]
    http: Vec<u16>,
    #[serde(default)]
    refined_by: Vec<String>,
    pub(super) call: Option<String>,
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

/// The table: `known.toml` describes its lists.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Table {
    own: Vec<Known>,
    code: Vec<Known>,
    cause: Vec<Known>,
    last: Vec<Known>,
}

/// A failure that is looked up.
#[derive(Debug, Clone, Copy)]
pub(super) struct Failure<'a> {
    /// The type of the resource; empty for a call.
    pub(super) kind: &'a str,
    /// The status of the resource; empty for a call.
    pub(super) status: &'a str,
    /// The reason.
    pub(super) reason: Reason<'a>,
}

/// The values that a hint can use, by name.
pub(super) type Values = Vec<(String, String)>;

/// The rows in their order, compiled when the first reason is looked up. The file is embedded in the
/// program, and a test parses it, so parsing cannot fail here.
pub(super) static TABLE: LazyLock<Table> = LazyLock::new(|| read().unwrap_or_default());

fn read() -> Result<Table, toml::de::Error> {
    toml::from_str(include_str!("known.toml"))
}

impl Table {
    /// Returns the row for a failed resource, with the named groups of its expression.
    pub(super) fn of_event(&self, failure: Failure<'_>) -> Option<(&Known, Values)> {
        first(&self.own, failure)
            .or_else(|| self.of_code(failure, |_| true))
            .or_else(|| first(&self.cause, failure))
            .or_else(|| Some((coded(&self.last, failure)?, Values::new())))
    }

    /// Returns the row for a refused call, with the named groups of its expression.
    pub(super) fn of_call(&self, failure: Failure<'_>) -> Option<(&Known, Values)> {
        let is_for_calls = |row: &Known| row.call.is_some();
        first(&self.own, failure)
            .or_else(|| self.of_code(failure, is_for_calls))
            .or_else(|| first(self.cause.iter().filter(|row| is_for_calls(row)), failure))
    }

    /// Returns the row of a category.
    pub(super) fn of_category(&self, category: &str) -> Option<&Known> {
        self.own.iter().find(|row| row.category == category)
    }

    /// Returns the row that the codes of a reason decide, or a row that says more about it.
    fn of_code(
        &self,
        failure: Failure<'_>,
        is_for_it: impl Fn(&Known) -> bool,
    ) -> Option<(&Known, Values)> {
        let decided = coded(&self.code, failure).filter(|row| is_for_it(row))?;
        let refining = self.cause.iter().filter(|row| {
            is_for_it(row)
                && (row.category == decided.category || decided.refined_by.contains(&row.category))
        });
        first(refining, failure).or_else(|| Some((decided, Values::new())))
    }
}

/// Returns the first row whose words are in the message.
fn first<'t>(
    rows: impl IntoIterator<Item = &'t Known>,
    failure: Failure<'_>,
) -> Option<(&'t Known, Values)> {
    let mut rows = rows.into_iter().filter(|row| row.is_about(failure));
    rows.find_map(|row| {
        let mut reasons = row.reasons.iter();
        let values = reasons.find_map(|pattern| pattern.values(failure.reason.message))?;
        Some((row, values))
    })
}

/// Returns the first row with a code of the reason. The code of the handler decides before that of the
/// service, and this before the HTTP status.
fn coded<'t>(rows: &'t [Known], failure: Failure<'_>) -> Option<&'t Known> {
    let reason = failure.reason;
    let find = |has: &dyn Fn(&Known) -> bool| {
        let mut rows = rows.iter().filter(|row| row.is_about(failure));
        rows.find(|row| has(row))
    };
    find(&|row| row.handler.iter().any(|it| reason.handler_code == Some(it)))
        .or_else(|| {
            let code = reason.error_code?;
            find(&|row| row.errors.iter().any(|pattern| pattern.0.is_match(code)))
        })
        .or_else(|| {
            let status = reason.http_status?;
            find(&|row| row.http.contains(&status))
        })
}

impl Known {
    /// Returns whether the row is about the type and the status of a failure.
    fn is_about(&self, failure: Failure<'_>) -> bool {
        let types = &self.types;
        (types.is_empty() || types.iter().any(|it| failure.kind.starts_with(it)))
            && failure.status.starts_with(&self.during)
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
    use std::collections::{BTreeSet, HashSet};

    use super::{Pattern, Table, fill, read};

    /// Returns the names that a text uses.
    fn names(text: &str) -> Vec<&str> {
        text.split(['{', '}']).skip(1).step_by(2).collect()
    }

    #[test]
    fn every_row_is_complete_and_its_hint_can_be_filled() {
        let table = read().unwrap_or_else(|error| panic!("{error}"));
        let lists = [
            (&table.own, false),
            (&table.code, true),
            (&table.cause, false),
            (&table.last, true),
        ];
        let categories: HashSet<&str> = lists
            .iter()
            .flat_map(|(rows, _)| rows.iter())
            .map(|row| row.category.as_str())
            .collect();
        let mut count = 0;
        for (row, has_codes) in lists
            .into_iter()
            .flat_map(|(rows, has_codes)| rows.iter().map(move |row| (row, has_codes)))
        {
            let name = &row.category;
            assert!(!name.is_empty() && !row.hint.is_empty());
            let codes = row.handler.len() + row.errors.len() + row.http.len();
            assert_eq!(codes > 0, has_codes, "{name}: {}", row.hint);
            assert_eq!(row.reasons.is_empty(), has_codes, "{name}: {}", row.hint);
            let is_kebab = |c: char| c.is_ascii_lowercase() || c == '-';
            assert!(name.chars().all(is_kebab), "{name}");
            for used in [Some(&row.hint), row.call.as_ref()]
                .into_iter()
                .flatten()
                .flat_map(|it| names(it))
            {
                let has_group =
                    |pattern: &Pattern| pattern.0.capture_names().any(|it| it == Some(used));
                let known = ["logical_id", "type", "quotas"].contains(&used)
                    || !has_codes && row.reasons.iter().all(has_group);
                assert!(known, "{name}: {used} in {:?}", row.hint);
            }
            for refining in &row.refined_by {
                assert!(categories.contains(refining.as_str()), "{name}: {refining}");
            }
            assert!(!row.hint.ends_with('.'), "{}", row.hint);
            assert!(
                ["", "CREATE", "UPDATE", "DELETE"].contains(&row.during.as_str()),
                "{name}"
            );
            count += 1;
        }
        assert!(count > 100, "{count}");
    }

    #[test]
    fn the_documentation_lists_the_categories() {
        let table = read().unwrap_or_else(|error| panic!("{error}"));
        let rows = [&table.own, &table.code, &table.cause, &table.last];
        let rows = rows.into_iter().flatten();
        let categories: BTreeSet<&str> = rows.map(|row| row.category.as_str()).collect();
        let page = include_str!("../../../docs/failures.md");
        let documented = page.lines().filter_map(|line| line.strip_prefix("| `"));
        let documented = documented.filter_map(|line| Some(line.split_once('`')?.0));
        assert_eq!(documented.collect::<BTreeSet<_>>(), categories);
    }

    #[test]
    fn a_malformed_table_is_an_error() {
        let row = "category = 'a'\nhint = 'b'\n";
        let table = |wrong: &str| {
            let rows = ["own", "code", "last"].map(|list| format!("[[{list}]]\n{row}"));
            format!("{}[[cause]]\n{row}{wrong}", rows.concat())
        };
        assert!(toml::from_str::<Table>(&table("reasons = ['c']")).is_ok());
        for wrong in [
            "reasons = ['(']",
            "reasons = ['(?<1>x)']",
            "errors = ['[']",
            "http = ['4']",
            "reasons = []\nother = 1",
            "reasons = []\nrun = 'x'",
        ] {
            assert!(toml::from_str::<Table>(&table(wrong)).is_err(), "{wrong}");
        }
        assert!(toml::from_str::<Table>("").is_err());
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
