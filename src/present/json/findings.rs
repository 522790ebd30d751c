//! `stackctl.validate/1`: the findings in the files.

use schemars::JsonSchema;
use serde::Serialize;

use crate::diagnostic::{Diagnostic, Place, Severity};

/// The JSON document of findings.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FindingsDocument<'a> {
    #[schemars(extend("const" = "stackctl.validate/1"))]
    schema: &'static str,
    valid: bool,
    findings: Vec<Finding<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct Finding<'a> {
    severity: &'static str,
    rule: &'a str,
    message: &'a str,
    places: Vec<PlaceEntry<'a>>,
    help: &'a [String],
}

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct PlaceEntry<'a> {
    file: &'a str,
    line: usize,
    column: usize,
    label: &'a str,
}

impl<'a> FindingsDocument<'a> {
    /// Returns the document for these findings.
    pub fn of(findings: &'a [Diagnostic]) -> Self {
        Self {
            schema: "stackctl.validate/1",
            valid: findings
                .iter()
                .all(|finding| finding.severity != Severity::Error),
            findings: findings.iter().map(finding).collect(),
        }
    }
}

pub(super) fn finding(finding: &Diagnostic) -> Finding<'_> {
    Finding {
        severity: finding.severity.as_str(),
        rule: &finding.rule,
        message: &finding.message,
        places: finding.places.iter().map(place).collect(),
        help: &finding.help,
    }
}

pub(super) fn place(place: &Place) -> PlaceEntry<'_> {
    let (line, column) = place.source.position(place.span.start);
    PlaceEntry {
        file: &place.source.name,
        line,
        column,
        label: &place.label,
    }
}
