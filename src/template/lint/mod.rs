//! Runs a linter on the rendered template.
//!
//! stackctl's own checks cover the template language. The values of properties, retired runtimes and
//! best practices change often, so they are left to a linter: AWS's own rules with the feature `lint`,
//! otherwise `cfn-lint` if it is installed. The findings become [`Diagnostic`]s with places in the
//! rendered text.

#[cfg(feature = "lint")]
mod built_in;
#[cfg(not(feature = "lint"))]
mod cfn_lint;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::config::ambient::Ambient;
use crate::config::settings::LintSettings;
use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};
use crate::error::Result;
use crate::template::validate::schema_names::is_unknown_name;

/// Whether the linter is built in and so fast enough for `plan` and `apply`.
pub const IS_BUILT_IN: bool = cfg!(feature = "lint");

/// The input of the linter.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The rendered template.
    pub source: Arc<SourceFile>,
    /// The region to which the template will be deployed, if it is known.
    pub region: Option<String>,
    /// The values of the parameters, without secrets.
    pub parameters: IndexMap<String, String>,
    /// The project's Guard policies.
    pub policies: Vec<Arc<SourceFile>>,
    /// Which findings are ignored.
    pub settings: LintSettings,
    /// The project's folder, which may contain a configuration of the linter.
    pub root: PathBuf,
    /// Where the linter is, and what its environment is made of.
    pub ambient: Ambient,
}

/// The result of a linter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The name of the linter, with its version if it is known.
    pub linter: String,
    /// The findings, in the order of the rendered text.
    pub findings: Vec<Diagnostic>,
}

/// Returns the linter's name and version; `None` if there is none.
///
/// # Errors
///
/// If it is installed and does not run.
pub fn available(ambient: &Ambient) -> Result<Option<String>> {
    #[cfg(feature = "lint")]
    let found = {
        let _ = ambient;
        Ok(Some("AWS's own rules, built in".to_owned()))
    };
    #[cfg(not(feature = "lint"))]
    let found = cfn_lint::version(ambient);
    found
}

/// Runs the built-in linter, or `cfn-lint`. Returns `None` if neither is available.
///
/// # Errors
///
/// If the linter fails or a Guard policy cannot be read.
pub fn lint(subject: &Subject) -> Result<Option<Report>> {
    #[cfg(feature = "lint")]
    let ran = built_in::run(subject).map(Some);
    #[cfg(not(feature = "lint"))]
    let ran = cfn_lint::run(subject);
    Ok(ran?.map(|(linter, found)| Report {
        linter,
        findings: select(subject, found),
    }))
}

/// Adds the findings of a linter to stackctl's own findings, in the order of the text. If stackctl
/// reports an error on a line, the linter's findings on that line are dropped as duplicates. A warning
/// about an unknown name is dropped if the linter reports that name too; its help is kept.
pub fn merge(own: Vec<Diagnostic>, mut linted: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let line = |diagnostic: &Diagnostic| {
        let place = diagnostic.places.first()?;
        Some((
            place.source.name.clone(),
            place.source.position(place.span.start).0,
        ))
    };
    let errors = own.iter().filter(|it| it.severity == Severity::Error);
    let known: Vec<_> = errors.map(line).collect();
    // The linter reports a circular dependency at every resource that is part of it.
    let has_cycle = own.iter().any(|it| it.rule == "circular-dependency");
    let is_known = |it: &Diagnostic| known.contains(&line(it)) || has_cycle && it.rule == "E3004";
    linted.retain(|it| !is_known(it));
    let mut all = own;
    all.retain_mut(|it| {
        if !is_unknown_name(it) {
            return true;
        }
        let own_line = line(it);
        let is_same = |found: &Diagnostic| {
            let number = found.rule.get(1..).unwrap_or_default();
            UNKNOWN_NAME_RULES.contains(&number) && line(found) == own_line
        };
        let Some(found) = linted.iter_mut().find(|found| is_same(found)) else {
            return true;
        };
        if !found.message.contains("id you mean") {
            found.help.append(&mut it.help);
        }
        false
    });
    all.extend(linted);
    all.sort_by_cached_key(line);
    all
}

/// The numbers of the rules of both linters that report unknown types, properties and attributes, such
/// as `E3002` and `F3002`.
const UNKNOWN_NAME_RULES: [&str; 4] = ["3002", "3006", "1010", "6101"];

/// A finding as the linter returns it. Lines and columns count from 1; the end is exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    rule: String,
    severity: Severity,
    message: String,
    start: (usize, usize),
    end: (usize, usize),
    help: Vec<String>,
}

/// Returns the findings that the settings do not ignore, with their places.
fn select(subject: &Subject, found: Vec<Finding>) -> Vec<Diagnostic> {
    let least = subject.settings.severity.unwrap_or(Severity::Warning);
    let lines = line_starts(&subject.source.text);
    let mut findings: Vec<Diagnostic> = found
        .into_iter()
        .filter(|finding| finding.severity >= least)
        .filter(|finding| !subject.settings.ignore.contains(&finding.rule))
        .map(|finding| {
            let place = Place {
                source: Arc::clone(&subject.source),
                span: span(&subject.source.text, &lines, finding.start, finding.end),
                label: String::new(),
            };
            let message = finding.message.trim().trim_end_matches('.').to_owned();
            let mut diagnostic = Diagnostic::new(finding.severity, finding.rule, message, place);
            diagnostic.help = finding.help;
            diagnostic
        })
        .collect();
    findings.sort_by_key(|finding| finding.places.first().map(|place| place.span.start));
    findings.dedup();
    findings
}

/// Returns the byte offset at which each line begins.
fn line_starts(text: &str) -> Vec<usize> {
    let newlines = text.match_indices('\n').map(|(at, _)| at + 1);
    std::iter::once(0).chain(newlines).collect()
}

/// Returns the byte range between two places, cut at the end of its first line. If the places are
/// invalid, returns the whole line without its indentation.
fn span(text: &str, lines: &[usize], start: (usize, usize), end: (usize, usize)) -> Range<usize> {
    let number = start.0.saturating_sub(1).min(lines.len().saturating_sub(1));
    let from = lines.get(number).copied().unwrap_or(0);
    let line = text.get(from..).unwrap_or_default();
    let line = line.split('\n').next().unwrap_or_default().trim_end();
    let column = |column: usize| {
        let mut indices = line.char_indices().map(|(at, _)| at);
        indices.nth(column.saturating_sub(1)).unwrap_or(line.len())
    };
    let begins = column(start.1);
    let ends = if end.0 == start.0 {
        column(end.1)
    } else {
        line.len()
    };
    if begins < ends {
        return from + begins..from + ends;
    }
    let indentation = line.len() - line.trim_start().len();
    from + indentation..from + line.len()
}

#[cfg(test)]
mod tests {
    use super::{Finding, Subject, line_starts, merge, select, span};
    use crate::config::settings::LintSettings;
    use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};

    #[test]
    fn places_become_ranges_within_one_line() {
        let text = "a: 1\n  key: välue  \nend";
        let lines = line_starts(text);
        let cases = [
            ((2, 3), (2, 6), "key"),
            ((2, 8), (2, 13), "välue"),
            ((2, 3), (3, 1), "key: välue"),
            ((2, 9), (2, 9), "key: välue"),
            ((3, 1), (9, 9), "end"),
            ((99, 7), (99, 9), "end"),
            ((0, 0), (0, 0), "a: 1"),
            ((u32::MAX as usize, 1), (1, 1), "end"),
        ];
        for (start, end, expected) in cases {
            assert_eq!(&text[span(text, &lines, start, end)], expected, "{start:?}");
        }
        assert_eq!(span("", &line_starts(""), (1, 1), (1, 2)), 0..0);
    }

    #[test]
    fn a_circular_dependency_is_reported_once() {
        let source = SourceFile::new("t", "a\nb\nc\n");
        let at = |rule: &'static str, span| {
            let label = String::new();
            let source = std::sync::Arc::clone(&source);
            Diagnostic::error(
                rule,
                "is wrong",
                Place {
                    source,
                    span,
                    label,
                },
            )
        };
        let linted = || vec![at("E3004", 0..1), at("E3004", 4..5), at("E1", 4..5)];
        let rules = |own| {
            let merged = merge(own, linted());
            let rules = merged.iter().map(|it| it.rule.to_string());
            rules.collect::<Vec<_>>()
        };
        assert_eq!(
            rules(vec![at("circular-dependency", 2..3)]),
            ["circular-dependency", "E1"]
        );
        assert_eq!(rules(Vec::new()), ["E3004", "E3004", "E1"]);
    }

    #[test]
    fn an_unknown_name_is_reported_once() {
        let source = SourceFile::new("t", "a\nb\nc\n");
        let at = |rule: &'static str, message: &str, span| {
            let label = String::new();
            let source = std::sync::Arc::clone(&source);
            let place = Place {
                source,
                span,
                label,
            };
            Diagnostic::warning(rule, message, place)
        };
        let own = |rule, span| at(rule, "own", span).help("own help");
        let merged = merge(
            vec![
                own("unknown-property", 0..1),
                own("unknown-resource-type", 2..3),
                own("unknown-property", 4..5),
                own("yaml-boolean", 2..3),
            ],
            vec![
                at("E3002", "not allowed. Did you mean 'b'?", 0..1),
                at("F3006", "does not exist", 2..3),
                at("W3002", "does not exist", 2..3),
                at("W1", "another rule", 4..5),
            ],
        );
        let shown: Vec<_> = merged
            .iter()
            .map(|it| (it.rule.as_ref(), it.help.len()))
            .collect();
        assert_eq!(
            shown,
            [
                ("E3002", 0),
                ("yaml-boolean", 1),
                ("F3006", 1),
                ("W3002", 0),
                ("unknown-property", 1),
                ("W1", 0)
            ]
        );
    }

    #[test]
    fn findings_that_the_manifest_ignores_are_dropped() {
        let finding = |rule: &str, severity, line| Finding {
            rule: rule.to_owned(),
            severity,
            message: "Something is off. ".to_owned(),
            start: (line, 1),
            end: (line, 2),
            help: Vec::new(),
        };
        let found = vec![
            finding("W1", Severity::Warning, 2),
            finding("E1", Severity::Error, 1),
            finding("E1", Severity::Error, 1),
            finding("I1", Severity::Note, 1),
        ];
        let mut subject = Subject {
            source: SourceFile::new("t", "a\nb\n"),
            region: None,
            parameters: indexmap::IndexMap::new(),
            policies: Vec::new(),
            settings: LintSettings::default(),
            root: std::path::PathBuf::new(),
            ambient: crate::config::ambient::Ambient::default(),
        };
        let rules = |subject: &Subject| {
            let selected = select(subject, found.clone());
            assert!(selected.iter().all(|it| it.message == "Something is off"));
            let rules = selected.iter().map(|finding| finding.rule.to_string());
            rules.collect::<Vec<_>>()
        };
        assert_eq!(rules(&subject), ["E1", "W1"]);
        subject.settings.severity = Some(Severity::Note);
        assert_eq!(rules(&subject), ["E1", "I1", "W1"]);
        subject.settings.severity = Some(Severity::Error);
        assert_eq!(rules(&subject), ["E1"]);
        subject.settings.severity = None;
        subject.settings.ignore = vec!["E1".to_owned()];
        assert_eq!(rules(&subject), ["W1"]);
    }
}
