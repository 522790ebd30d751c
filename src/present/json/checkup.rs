//! `stackctl.doctor/1`: whether what a deployment needs is in place.

use schemars::JsonSchema;
use serde::Serialize;

use crate::plan::checkup::{Check, Checkup, Verdict};

/// The JSON document of the checks.
#[derive(Debug, Serialize, JsonSchema)]
pub struct CheckupDocument<'a> {
    #[schemars(extend("const" = "stackctl.doctor/1"))]
    schema: &'static str,
    /// The project; null if its manifest could not be read.
    project: Option<&'a str>,
    environment: Option<&'a str>,
    stack: Option<&'a str>,
    /// The account of the credentials; null if it is not known.
    account: Option<&'a str>,
    region: Option<&'a str>,
    /// The worst verdict: `ok`, `warning` or `failed`.
    verdict: &'static str,
    checks: Vec<CheckEntry<'a>>,
    summary: Summary,
}

#[derive(Debug, Serialize, JsonSchema)]
struct CheckEntry<'a> {
    topic: &'static str,
    name: &'a str,
    /// `ok`, `warning`, `failed` or `skipped`.
    verdict: &'static str,
    summary: &'a str,
    details: &'a [String],
    remedies: &'a [String],
}

#[derive(Debug, Serialize, JsonSchema)]
struct Summary {
    ok: usize,
    warnings: usize,
    failed: usize,
    skipped: usize,
}

impl<'a> CheckupDocument<'a> {
    /// Returns the document.
    pub fn of(checkup: &'a Checkup) -> Self {
        Self {
            schema: "stackctl.doctor/1",
            project: checkup.project.as_deref(),
            environment: checkup.environment.as_deref(),
            stack: checkup.stack.as_deref(),
            account: checkup.account.as_deref(),
            region: checkup.region.as_deref(),
            verdict: checkup.verdict().as_str(),
            checks: checkup.checks.iter().map(entry).collect(),
            summary: Summary {
                ok: checkup.count(Verdict::Ok),
                warnings: checkup.count(Verdict::Warning),
                failed: checkup.count(Verdict::Failed),
                skipped: checkup.count(Verdict::Skipped),
            },
        }
    }
}

fn entry(check: &Check) -> CheckEntry<'_> {
    CheckEntry {
        topic: check.topic.as_str(),
        name: &check.name,
        verdict: check.verdict.as_str(),
        summary: &check.summary,
        details: &check.details,
        remedies: &check.remedies,
    }
}
