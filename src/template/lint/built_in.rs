//! The built-in linter: AWS's `cloudformation-validate`.
//!
//! Building its engine takes longer than running it. Each command runs it only once, on a separate
//! thread, so the engine is not kept.

use cloudformation_validate::{
    CompositeEngine, CompositeEngineConfig, DetailLevel, Diagnostic, ExternalRuleSource,
    PseudoParameterOverrides, ReportStatus, SchemaValidator, Severity as Level, ValidateConfig,
    validate_bytes_with_path, version,
};

use super::{Finding, Subject};
use crate::diagnostic::Severity;
use crate::error::{Error, ErrorKind, Result};

/// Builds and runs the engine. Returns its name and all findings, without a filter.
pub(super) fn run(subject: &Subject) -> Result<(String, Vec<Finding>)> {
    let policies = subject.policies.iter().map(|policy| ExternalRuleSource {
        name: policy.name.clone(),
        content: policy.text.clone(),
    });
    let engine = CompositeEngine::new(CompositeEngineConfig::new().with_guard_rules(policies))
        .map_err(|error| {
            Error::input(format!("the policies cannot be read: {error:#}"))
                .hint("the files `policies/*.guard` must contain CloudFormation Guard rules")
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
        name.push_str(" (its analysis is incomplete)");
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
