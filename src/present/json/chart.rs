//! `chart` in `stackctl.events/1`: the timeline of an operation.

use std::time::Duration;

use schemars::JsonSchema;
use serde::Serialize;

use crate::cloudformation::chart::{Bar, Chart, Span};

/// The timeline of an operation. All times are seconds since its first event.
#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ChartEntry<'a> {
    began: String,
    seconds: f64,
    running: bool,
    phases: Vec<PhaseEntry>,
    resources: Vec<ResourceEntry<'a>>,
    critical_path: PathEntry<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PhaseEntry {
    phase: &'static str,
    from: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct ResourceEntry<'a> {
    #[serde(flatten)]
    resource: Resource<'a>,
    #[serde(rename = "type")]
    resource_type: &'a str,
    replaced: bool,
    seconds: f64,
    spans: Vec<SpanEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Resource<'a> {
    nested_in: &'a [String],
    logical_id: &'a str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SpanEntry<'a> {
    action: &'static str,
    phase: &'static str,
    waits_from: f64,
    waits_for: Option<WaitEntry<'a>>,
    /// Null if the start is not known.
    from: Option<f64>,
    configured: Option<f64>,
    /// Null if the action is running.
    to: Option<f64>,
    outcome: &'static str,
    reason: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct WaitEntry<'a> {
    #[serde(flatten)]
    resource: Resource<'a>,
    known_by: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
struct PathEntry<'a> {
    seconds: f64,
    steps: Vec<StepEntry<'a>>,
    saving: Option<SavingEntry<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct StepEntry<'a> {
    /// Null if only CloudFormation worked.
    resource: Option<Resource<'a>>,
    from: f64,
    to: f64,
}

#[derive(Debug, Serialize, JsonSchema)]
struct SavingEntry<'a> {
    #[serde(flatten)]
    resource: Resource<'a>,
    seconds: f64,
}

impl<'a> ChartEntry<'a> {
    /// Returns the entry for a chart.
    pub(super) fn of(chart: &'a Chart) -> Self {
        let resource = |index: usize| resource(&chart.bars[index]);
        let phases = chart.phases.iter().map(|(phase, from)| PhaseEntry {
            phase: phase.as_str(),
            from: seconds(*from),
        });
        let resources = chart.bars.iter().map(|bar| ResourceEntry {
            resource: self::resource(bar),
            resource_type: &bar.resource_type,
            replaced: bar.is_replaced,
            seconds: seconds(bar.work(chart.until)),
            spans: bar.spans.iter().map(|it| span(chart, it)).collect(),
        });
        let path = &chart.critical_path;
        let steps = path.steps.iter().map(|step| StepEntry {
            resource: step.bar.map(resource),
            from: seconds(step.from),
            to: seconds(step.to),
        });
        Self {
            began: chart.began.to_string(),
            seconds: seconds(chart.until),
            running: chart.is_running,
            phases: phases.collect(),
            resources: resources.collect(),
            critical_path: PathEntry {
                seconds: seconds(path.work),
                steps: steps.collect(),
                saving: path.saving.map(|saving| SavingEntry {
                    resource: resource(saving.bar),
                    seconds: seconds(saving.time),
                }),
            },
        }
    }
}

fn span<'a>(chart: &'a Chart, span: &'a Span) -> SpanEntry<'a> {
    SpanEntry {
        action: span.action.as_str(),
        phase: span.phase.as_str(),
        waits_from: seconds(span.waits_from),
        waits_for: span.after.map(|after| WaitEntry {
            resource: resource(&chart.bars[after.bar]),
            known_by: after.basis.as_str(),
        }),
        from: span.knows_start.then(|| seconds(span.start)),
        configured: span.configured.map(seconds),
        to: span.end.map(seconds),
        outcome: span.outcome.as_str(),
        reason: span.reason.as_deref(),
    }
}

fn resource(bar: &Bar) -> Resource<'_> {
    Resource {
        nested_in: &bar.nested_in,
        logical_id: &bar.logical_id,
    }
}

/// Returns the seconds, to the millisecond.
fn seconds(duration: Duration) -> f64 {
    Duration::from_millis(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)).as_secs_f64()
}
