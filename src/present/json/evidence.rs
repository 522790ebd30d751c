//! What explains a failure beyond the events, in the JSON documents about failures.

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::failure_evidence::{
    Annotation, EvidenceReport, FailureEvidence, HookResult, LogTail,
};

/// The evidence of a failure.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct EvidenceEntries<'a> {
    hooks: Vec<HookEntry<'a>>,
    logs: Vec<LogEntry<'a>>,
    left_out: &'a [String],
}

#[derive(Debug, Serialize, JsonSchema)]
struct HookEntry<'a> {
    id: &'a str,
    name: &'a str,
    target: Option<&'a str>,
    status: Option<&'a str>,
    reason: Option<&'a str>,
    failure_mode: Option<&'a str>,
    invocation_point: Option<&'a str>,
    annotations: Vec<AnnotationEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct AnnotationEntry<'a> {
    name: Option<&'a str>,
    status: Option<&'a str>,
    message: Option<&'a str>,
    remediation: Option<&'a str>,
    link: Option<&'a str>,
    severity: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LogEntry<'a> {
    resource: &'a str,
    function: &'a str,
    log_group: &'a str,
    cause: Option<String>,
    lines: &'a [String],
}

impl<'a> EvidenceEntries<'a> {
    /// Returns the entries for the evidence.
    pub(super) fn of(report: &'a EvidenceReport) -> Self {
        let mut entries = Self {
            hooks: Vec::new(),
            logs: Vec::new(),
            left_out: &report.left_out,
        };
        for found in &report.found {
            match found {
                FailureEvidence::Hook(hook) => entries.hooks.push(of_hook(hook)),
                FailureEvidence::Log(tail) => entries.logs.push(of_log(tail, found.cause())),
            }
        }
        entries
    }
}

fn of_hook(hook: &HookResult) -> HookEntry<'_> {
    HookEntry {
        id: &hook.id,
        name: &hook.name,
        target: hook.target.as_deref(),
        status: hook.status.as_deref(),
        reason: hook.reason.as_deref(),
        failure_mode: hook.failure_mode.as_deref(),
        invocation_point: hook.invocation_point.as_deref(),
        annotations: hook.annotations.iter().map(of_annotation).collect(),
    }
}

fn of_annotation(annotation: &Annotation) -> AnnotationEntry<'_> {
    AnnotationEntry {
        name: annotation.name.as_deref(),
        status: annotation.status.as_deref(),
        message: annotation.message.as_deref(),
        remediation: annotation.remediation.as_deref(),
        link: annotation.link.as_deref(),
        severity: annotation.severity.as_deref(),
    }
}

fn of_log(tail: &LogTail, cause: Option<String>) -> LogEntry<'_> {
    LogEntry {
        resource: &tail.resource,
        function: &tail.function,
        log_group: &tail.group,
        cause,
        lines: &tail.lines,
    }
}
