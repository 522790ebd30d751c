//! `stackctl.events/1` and `stackctl.event/1`: the events of a stack, as one document or one per line.

use schemars::JsonSchema;
use serde::Serialize;

use super::chart::ChartEntry;
use super::evidence::EvidenceEntries;
use crate::cloudformation::chart::Chart;
use crate::cloudformation::diagnosis::{Role, advice, role};
use crate::cloudformation::event::Event;
use crate::cloudformation::failure_evidence::EvidenceReport;
use crate::cloudformation::stack::Stack;

/// The JSON document of a stack's events, oldest first.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventsDocument<'a> {
    #[schemars(extend("const" = "stackctl.events/1"))]
    schema: &'static str,
    stack: &'a str,
    id: &'a str,
    status: &'a str,
    events: Vec<EventEntry<'a>>,
    evidence: Option<EvidenceEntries<'a>>,
    chart: Option<ChartEntry<'a>>,
}

/// The JSON document of one event.
#[derive(Debug, Serialize, JsonSchema)]
pub struct EventLine<'a> {
    #[schemars(extend("const" = "stackctl.event/1"))]
    schema: &'static str,
    #[serde(flatten)]
    event: EventEntry<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct EventEntry<'a> {
    id: &'a str,
    time: Option<String>,
    stack_id: &'a str,
    nested_in: &'a [String],
    logical_id: &'a str,
    physical_id: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    status: &'a str,
    detailed_status: Option<&'a str>,
    reason: Option<&'a str>,
    token: Option<&'a str>,
    operation_id: Option<&'a str>,
    hook: Option<HookEntry<'a>>,
    role: &'static str,
    category: Option<&'static str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct HookEntry<'a> {
    name: &'a str,
    status: &'a str,
    reason: Option<&'a str>,
    failure_mode: Option<&'a str>,
    invocation_point: Option<&'a str>,
    invocation_id: Option<&'a str>,
}

impl<'a> EventsDocument<'a> {
    /// Returns the document for the events of a stack. `evidence` is what explains its failures, if that
    /// was asked for.
    pub fn of(stack: &'a Stack, events: &'a [Event], evidence: Option<&'a EvidenceReport>) -> Self {
        Self {
            schema: "stackctl.events/1",
            stack: &stack.name,
            id: &stack.id,
            status: stack.status.as_str(),
            events: events.iter().map(entry).collect(),
            evidence: evidence.map(EvidenceEntries::of),
            chart: None,
        }
    }

    /// Adds the timeline of the operation.
    #[must_use]
    pub fn with_chart(self, chart: &'a Chart) -> Self {
        Self {
            chart: Some(ChartEntry::of(chart)),
            ..self
        }
    }
}

impl<'a> EventLine<'a> {
    /// Returns the document for one event.
    pub fn of(event: &'a Event) -> Self {
        Self {
            schema: "stackctl.event/1",
            event: entry(event),
        }
    }
}

fn entry(event: &Event) -> EventEntry<'_> {
    let role = role(event);
    EventEntry {
        id: &event.id,
        time: event.time.map(|time| time.to_string()),
        stack_id: &event.stack_id,
        nested_in: &event.nested_in,
        logical_id: &event.logical_id,
        physical_id: &event.physical_id,
        resource_type: &event.resource_type,
        status: event.status.as_str(),
        detailed_status: event.detailed_status.as_deref(),
        reason: event.reason.as_deref(),
        token: event.token.as_deref(),
        operation_id: event.operation.as_deref(),
        hook: event.hook.as_ref().map(|hook| HookEntry {
            name: &hook.name,
            status: &hook.status,
            reason: hook.reason.as_deref(),
            failure_mode: hook.failure_mode.as_deref(),
            invocation_point: hook.invocation_point.as_deref(),
            invocation_id: hook.invocation_id.as_deref(),
        }),
        role: role.as_str(),
        category: matches!(role, Role::Root | Role::Explanation)
            .then(|| advice(event))
            .flatten()
            .map(|advice| advice.category()),
    }
}
