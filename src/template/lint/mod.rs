//! What a linter says about the rendered template.
//!
//! stackctl's own checks find what keeps a template from being a template. What a property may hold,
//! which runtimes are retired and what is unwise is a large and moving body of knowledge that others
//! keep: AWS's own rules, compiled in with the feature `lint`, or else `cfn-lint` where it is
//! installed. Whichever runs, its findings become [`Diagnostic`]s at places in the rendered text.

#[cfg(feature = "lint")]
mod built_in;
#[cfg(not(feature = "lint"))]
mod cfn_lint;

use std::ops::Range;
use std::path::PathBuf;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::config::settings::LintSettings;
use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};
use crate::error::Result;

/// Whether the linter is part of this program, so that `plan` and `apply` can afford it.
pub const IS_BUILT_IN: bool = cfg!(feature = "lint");

/// What the linter is asked about.
#[derive(Debug, Clone)]
pub struct Subject {
    /// The rendered template.
    pub source: Arc<SourceFile>,
    /// The region that the template will be deployed to, where it is known.
    pub region: Option<String>,
    /// The parameters' values, without secrets.
    pub parameters: IndexMap<String, String>,
    /// The project's Guard policies.
    pub policies: Vec<Arc<SourceFile>>,
    /// What is left out.
    pub settings: LintSettings,
    /// The project's folder, where a linter looks for its own configuration.
    pub root: PathBuf,
}

/// What a linter found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Its name and, where it tells, its version.
    pub linter: String,
    /// Its findings, at places in the rendered text, in their order there.
    pub findings: Vec<Diagnostic>,
}

/// Runs the linter that there is; `None` where there is none.
///
/// # Errors
///
/// Where the linter itself fails, or a Guard policy cannot be read.
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

/// Adds a linter's findings to stackctl's own, at their places in the text. Where both speak about
/// one line, and stackctl calls it an error, the linter only says the same in other words.
pub fn merge(own: Vec<Diagnostic>, linted: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let line = |diagnostic: &Diagnostic| {
        let place = diagnostic.places.first()?;
        Some((
            place.source.name.clone(),
            place.source.position(place.span.start).0,
        ))
    };
    let errors = own.iter().filter(|it| it.severity == Severity::Error);
    let known: Vec<_> = errors.map(line).collect();
    // Of a circle, the linter speaks at every resource that is part of it.
    let has_circle = own.iter().any(|it| it.rule == "circular-dependency");
    let is_known = |it: &Diagnostic| known.contains(&line(it)) || has_circle && it.rule == "E3004";
    let mut all = own;
    all.extend(linted.into_iter().filter(|it| !is_known(it)));
    all.sort_by_cached_key(line);
    all
}

/// A finding as linters give it: lines and columns from 1, the end exclusive.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Finding {
    rule: String,
    severity: Severity,
    message: String,
    start: (usize, usize),
    end: (usize, usize),
    help: Vec<String>,
}

/// Leaves out what the settings leave out, and places the rest.
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

/// Returns the stretch between two places, cut to the line where it begins; the whole line, without
/// its indentation, where the places make no sense.
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
    fn places_become_stretches_of_one_line() {
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
    fn a_circle_is_reported_once() {
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
    fn what_the_manifest_leaves_out_is_left_out() {
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
