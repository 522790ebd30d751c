//! Findings as SARIF 2.1.0 (OASIS), the format of analyzer results for code hosts and editors.
//!
//! The log contains the rules, levels, messages, and places (file, line, and column).

use serde::Serialize;

use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::present::visible::visible;

/// Findings as one SARIF log with one run.
#[derive(Debug, Serialize)]
pub struct SarifDocument {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Debug, Serialize)]
struct Run {
    tool: Tool,
    #[serde(rename = "columnKind")]
    column_kind: &'static str,
    results: Vec<Finding>,
}

#[derive(Debug, Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Debug, Serialize)]
struct Driver {
    name: &'static str,
    version: &'static str,
    rules: Vec<Rule>,
}

#[derive(Debug, Serialize)]
struct Rule {
    id: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Finding {
    rule_id: String,
    level: &'static str,
    message: Message,
    locations: Vec<Location>,
    related_locations: Vec<Location>,
}

#[derive(Debug, Serialize)]
struct Message {
    text: String,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message>,
    physical_location: PhysicalLocation,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Debug, Serialize)]
struct ArtifactLocation {
    uri: String,
}

/// Lines and columns start at 1, and the end is exclusive. Columns count Unicode code points.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

impl SarifDocument {
    /// Returns the document for these findings.
    pub fn of(findings: &[Diagnostic]) -> Self {
        let mut rules: Vec<String> = findings.iter().map(|it| it.rule.to_string()).collect();
        rules.sort_unstable();
        rules.dedup();
        let driver = Driver {
            name: "stackctl",
            version: env!("CARGO_PKG_VERSION"),
            rules: rules.into_iter().map(|id| Rule { id }).collect(),
        };
        Self {
            schema: "https://json.schemastore.org/sarif-2.1.0.json",
            version: "2.1.0",
            runs: [Run {
                tool: Tool { driver },
                column_kind: "unicodeCodePoints",
                results: findings.iter().map(finding).collect(),
            }],
        }
    }
}

fn finding(finding: &Diagnostic) -> Finding {
    let mut text = finding.message.clone();
    for help in &finding.help {
        text.push('\n');
        text.push_str(help);
    }
    let mut places = finding.places.iter();
    Finding {
        rule_id: finding.rule.to_string(),
        level: match finding.severity {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        },
        message: Message {
            text: visible(&text).into_owned(),
        },
        locations: places.next().map(location).into_iter().collect(),
        related_locations: places.map(location).collect(),
    }
}

fn location(place: &Place) -> Location {
    let (start_line, start_column) = place.source.position(place.span.start);
    let (end_line, end_column) = place.source.position(place.span.end);
    let label = &place.label;
    Location {
        message: (!label.is_empty()).then(|| Message {
            text: visible(label).into_owned(),
        }),
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation {
                uri: uri(&place.source.name),
            },
            region: Region {
                start_line,
                start_column,
                end_line,
                end_column,
            },
        },
    }
}

/// Returns a relative path as a URI reference. Reserved and non-ASCII characters are percent-encoded.
fn uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            uri.push(char::from(byte));
        } else {
            uri.push_str(&format!("%{byte:02X}"));
        }
    }
    uri
}
