//! AWS's own rules, in this process: `cloudformation-validate`.
//!
//! Its engine takes longer to build than to run. A command asks once, on a thread of its own, so the
//! engine is built while the network waits and nothing needs to keep it.

use cloudformation_validate::{
    CompositeEngine, CompositeEngineConfig, DetailLevel, Diagnostic, ExternalRuleSource,
    PseudoParameterOverrides, ReportStatus, SchemaValidator, Severity as Level, ValidateConfig,
    validate_bytes_with_path, version,
};

use super::{Finding, Subject};
use crate::diagnostic::Severity;
use crate::error::{Error, ErrorKind, Result};

/// Builds the engine and runs it. Everything it finds comes back: what is shown is decided elsewhere.
pub(super) fn run(subject: &Subject) -> Result<(String, Vec<Finding>)> {
    let policies = subject.policies.iter().map(|policy| ExternalRuleSource {
        name: policy.name.clone(),
        content: policy.text.clone(),
    });
    let engine = CompositeEngine::new(CompositeEngineConfig::new().with_guard_rules(policies))
        .map_err(|error| {
            Error::input(format!("the policies cannot be read: {error:#}"))
                .hint("`policies/*.guard` hold rules of CloudFormation Guard")
        })?;
    let config = ValidateConfig {
        detail_level: DetailLevel::Standard,
        severity_level: Level::Info,
        parameter_overrides: subject.parameters.clone().into_iter().collect(),
        pseudo_parameter_overrides: PseudoParameterOverrides {
            region: subject.region.clone(),
            ..PseudoParameterOverrides::default()
        },
        ..ValidateConfig::default()
    };
    let text = subject.source.text.as_bytes();
    let report = validate_bytes_with_path(
        &engine,
        &SchemaValidator::default(),
        text,
        config,
        subject.source.name.clone(),
    )
    .map_err(|error| Error::new(ErrorKind::System, format!("the linter failed: {error}")))?;
    let mut name = format!("cloudformation-validate {}", version());
    if report.status == ReportStatus::AnalysisIncomplete {
        name.push_str(", which did not get through all of it");
    }
    Ok((name, report.diagnostics.into_iter().map(finding).collect()))
}

fn finding(found: Diagnostic) -> Finding {
    let usize = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
    let (start, end) = found.location.map_or(((1, 1), (1, 1)), |span| {
        (
            (usize(span.start_line), usize(span.start_column)),
            (usize(span.end_line), usize(span.end_column)),
        )
    });
    Finding {
        severity: match found.severity {
            Level::Debug | Level::Info => Severity::Note,
            Level::Warn => Severity::Warning,
            Level::Error | Level::Fatal => Severity::Error,
        },
        rule: found.rule_id,
        message: found.message,
        start,
        end,
        help: found.suggested_fix.into_iter().collect(),
    }
}
