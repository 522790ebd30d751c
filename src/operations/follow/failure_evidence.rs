//! What explains a failure beyond the events: findings of hooks, and the logs of functions of custom
//! resources. Each source is optional. All are asked at the same time and have two seconds.

use std::time::Duration;

use futures_util::future::join_all;
use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use crate::aws::functions::Functions;
use crate::aws::logs::{LogAnswer, LogQuery, LogService, PERMISSION};
use crate::aws::stack::StackService;
use crate::aws::stack::hooks::{self, HookAnswer};
use crate::cloudformation::diagnosis::{Role, role};
use crate::cloudformation::event::{Event, Hook};
use crate::cloudformation::failure_evidence::{EvidenceReport, FailureEvidence, LogTail};
use crate::cloudformation::function::lines::is_of_platform;
use crate::cloudformation::function::{
    FUNCTION_TYPE, FaultFinder, Function, name_of_arn, stream_in,
};
use crate::diagnostic::SourceFile;
use crate::error::Result;
use crate::template::Template;
use crate::template::custom_resource::{function_of, is_custom};

/// How long all sources together may take.
const LIMIT: Duration = Duration::from_secs(2);
/// How many hooks and how many functions are asked about.
const SOURCES: usize = 3;
/// How many last lines of a log are shown.
const LINES: usize = 20;
/// How long before the failure the lines may begin, in milliseconds: the longest that a function runs.
const LONGEST: i64 = 15 * 60 * 1000;
/// How far the clocks of two services may be apart, in milliseconds.
const SKEW: i64 = 5_000;

/// Returns the time until which the sources that are asked from now on may take.
pub(crate) fn deadline() -> Instant {
    Instant::now() + LIMIT
}

/// Returns what explains the failures among the events of an operation, oldest first. `template` is what
/// was deployed, if that is known.
pub(crate) async fn of_events(
    service: &StackService,
    events: &[Event],
    template: Option<&Template>,
    deadline: Instant,
) -> EvidenceReport {
    let hooks = failed_hooks(events).into_iter().take(SOURCES);
    let hooks = join_all(hooks.map(|(event, hook)| async move {
        let what = format!("the findings of the hook {}", hook.name);
        let read = async {
            let answer = hooks::of_event(service, event, hook).await?;
            Ok(hook_evidence(answer, &what))
        };
        within(deadline, &what, read).await
    }));
    let logs = failed_custom_resources(events).into_iter().take(SOURCES);
    let logs = join_all(logs.map(|event| async move {
        let what = format!("the log of the function of `{}`", event.path());
        let read = log_evidence(service, event, events, template);
        within(deadline, &what, read).await
    }));
    let (hooks, logs) = tokio::join!(hooks, logs);
    merged(hooks.into_iter().chain(logs))
}

/// Returns the findings of the hooks that made a change set fail.
pub(crate) async fn of_change_set(service: &StackService, change_set: &str) -> EvidenceReport {
    let what = "the findings of the hooks";
    let read = async {
        let answer = hooks::of_change_set(service, change_set).await?;
        Ok(hook_evidence(answer, what))
    };
    merged([within(deadline(), what, read).await])
}

/// Returns what a source says; if it does not answer in time or fails, what was left out and why.
pub(super) async fn within(
    deadline: Instant,
    what: &str,
    read: impl Future<Output = Result<EvidenceReport>>,
) -> EvidenceReport {
    let reason = match timeout_at(deadline, read).await {
        Ok(Ok(report)) => return report,
        Ok(Err(error)) => error.to_string(),
        Err(_) => format!("no answer within {} seconds", LIMIT.as_secs()),
    };
    left_out(what, &reason)
}

fn left_out(what: &str, reason: &str) -> EvidenceReport {
    EvidenceReport {
        left_out: vec![format!("{what}: left out: {reason}")],
        ..EvidenceReport::default()
    }
}

fn merged(reports: impl IntoIterator<Item = EvidenceReport>) -> EvidenceReport {
    let mut all = EvidenceReport::default();
    for report in reports {
        all.found.extend(report.found);
        for left_out in report.left_out {
            if !all.left_out.contains(&left_out) {
                all.left_out.push(left_out);
            }
        }
    }
    all
}

/// Returns the events of failed hooks, one for each hook and resource.
fn failed_hooks(events: &[Event]) -> Vec<(&Event, &Hook)> {
    let mut found: Vec<(&Event, &Hook)> = Vec::new();
    for event in events {
        let Some(hook) = event.hook.as_ref().filter(|hook| hook.is_failure()) else {
            continue;
        };
        let is_known = found
            .iter()
            .any(|(other, known)| is_same_resource(other, event) && known.name == hook.name);
        if !is_known {
            found.push((event, hook));
        }
    }
    found
}

/// Returns the failures of custom resources, the first one of each.
fn failed_custom_resources(events: &[Event]) -> Vec<&Event> {
    let mut found: Vec<&Event> = Vec::new();
    for event in events
        .iter()
        .filter(|event| is_custom(&event.resource_type))
    {
        let is_root = event.status.is_failure() && role(event) == Role::Root;
        if is_root && !found.iter().any(|known| is_same_resource(known, event)) {
            found.push(event);
        }
    }
    found
}

fn is_same_resource(one: &Event, other: &Event) -> bool {
    one.stack_id == other.stack_id && one.logical_id == other.logical_id
}

fn hook_evidence(answer: HookAnswer, what: &str) -> EvidenceReport {
    match answer {
        HookAnswer::Read(results) => EvidenceReport {
            found: results.into_iter().map(FailureEvidence::Hook).collect(),
            ..EvidenceReport::default()
        },
        HookAnswer::Denied(permission) => {
            left_out(what, &format!("the caller lacks `{permission}`"))
        }
    }
}

/// Returns the end of the log of a custom resource's function at the time of the failure.
async fn log_evidence(
    service: &StackService,
    event: &Event,
    events: &[Event],
    template: Option<&Template>,
) -> Result<EvidenceReport> {
    let Some(name) = function_name(service, event, events, template).await? else {
        return Ok(EvidenceReport::default());
    };
    let connection = service.connection();
    // Without the permission, or if the function is gone already, it is the default log group.
    let configuration = Functions::new(connection).configuration(&name).await;
    let function = Function {
        path: event.path(),
        configuration: configuration.ok().flatten(),
        name,
        ..Function::default()
    };
    let group = function.log_group();
    let (start, end) = window(event, events);
    let reason = event.reason.as_deref().unwrap_or_default();
    let query = LogQuery {
        group: group.clone(),
        start,
        end,
        stream: stream_in(reason).map(str::to_owned),
        ..LogQuery::default()
    };
    let logs = LogService::new(connection);
    let lines = match logs.tail(&query, usize::MAX, |_| true).await? {
        LogAnswer::Read(lines) => lines,
        LogAnswer::Missing => Vec::new(),
        LogAnswer::Denied => {
            let what = format!("the log group `{group}`");
            return Ok(left_out(&what, &format!("the caller lacks `{PERMISSION}`")));
        }
    };
    let fault = FaultFinder::find(lines.iter().map(|line| line.text.as_str()));
    let own = lines.iter().filter(|line| !is_of_platform(&line.text));
    let own: Vec<&str> = own.flat_map(|line| line.text.lines()).collect();
    let last = own.iter().skip(own.len().saturating_sub(LINES));
    Ok(EvidenceReport {
        found: vec![FailureEvidence::Log(LogTail {
            resource: function.path,
            function: function.name,
            group,
            lines: last.map(|line| (*line).to_owned()).collect(),
            fault,
        })],
        ..EvidenceReport::default()
    })
}

/// Returns the first and the last time of the lines that belong to a failure, in milliseconds.
fn window(failed: &Event, events: &[Event]) -> (i64, Option<i64>) {
    let end = failed.time.map(Timestamp::as_millisecond);
    let mut same = events
        .iter()
        .filter(|event| is_same_resource(event, failed));
    let begun = same.find_map(|event| event.time);
    let earliest = end.map_or(0, |end| end.saturating_sub(LONGEST));
    let start = begun.map_or(earliest, |begun| begun.as_millisecond().max(earliest));
    (
        start.saturating_sub(SKEW).max(0),
        end.map(|end| end.saturating_add(SKEW)),
    )
}

/// Returns the name of a custom resource's function: from the event, or else from the template.
async fn function_name(
    service: &StackService,
    event: &Event,
    events: &[Event],
    template: Option<&Template>,
) -> Result<Option<String>> {
    let region = service.connection().region();
    if let Some(token) = &event.service_token {
        return Ok(name_of_arn(token, region).map(str::to_owned));
    }
    if !event.nested_in.is_empty() {
        return Ok(None);
    }
    let read;
    let template = if let Some(template) = template {
        template
    } else {
        let Some(text) = service.template().await? else {
            return Ok(None);
        };
        let Ok(parsed) = Template::parse_deployed(&SourceFile::new("deployed", text)) else {
            return Ok(None);
        };
        read = parsed;
        &read
    };
    let Some(function) = function_of(template, &event.logical_id) else {
        return Ok(None);
    };
    if let Some(name) = name_of_arn(function, region) {
        return Ok(Some(name.to_owned()));
    }
    let of_events = events.iter().find(|known| {
        known.resource_type == FUNCTION_TYPE
            && known.stack_id == event.stack_id
            && known.logical_id == function
            && !known.physical_id.is_empty()
    });
    if let Some(known) = of_events {
        return Ok(Some(known.physical_id.clone()));
    }
    let resources = service.resources().await?;
    let resource = resources.into_iter().find(|it| it.logical_id == function);
    Ok(resource.and_then(|resource| resource.physical_id))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time::{Instant, sleep};

    use super::{EvidenceReport, Timestamp, failed_custom_resources, failed_hooks, window, within};
    use crate::cloudformation::event::{Event, Hook};
    use crate::cloudformation::status::ResourceStatus;
    use crate::error::Error;

    #[tokio::test]
    async fn sources_that_take_too_long_or_fail_are_left_out() {
        let begun = Instant::now();
        let deadline = begun + Duration::from_millis(100);
        let slow = async {
            sleep(Duration::from_mins(1)).await;
            Ok(EvidenceReport::default())
        };
        let fast = async { Ok(EvidenceReport::default()) };
        let failed = async { Err(Error::input("cannot read it")) };
        let (slow, fast, failed) = tokio::join!(
            within(deadline, "the log", slow),
            within(deadline, "the log", fast),
            within(deadline, "the findings", failed)
        );
        assert!(begun.elapsed() < Duration::from_secs(30));
        let expected = ["the log: left out: no answer within 2 seconds"];
        assert_eq!(slow.left_out, expected);
        assert_eq!(fast, EvidenceReport::default());
        assert_eq!(failed.left_out, ["the findings: left out: cannot read it"]);
    }

    fn event(logical_id: &str, kind: &str, status: &str, second: i64) -> Event {
        Event {
            stack_id: "arn".to_owned(),
            logical_id: logical_id.to_owned(),
            resource_type: kind.to_owned(),
            status: ResourceStatus::from_wire(status),
            reason: status.ends_with("FAILED").then(|| "no".to_owned()),
            time: Timestamp::from_second(second).ok(),
            ..Event::default()
        }
    }

    #[test]
    fn failures_of_custom_resources_and_hooks_are_asked_about_once() {
        let hooked = Event {
            hook: Some(Hook {
                name: "Private::Guard::Hook".to_owned(),
                status: "HOOK_COMPLETE_FAILED".to_owned(),
                ..Hook::default()
            }),
            ..event("Bucket", "AWS::S3::Bucket", "CREATE_IN_PROGRESS", 1)
        };
        let cancelled = Event {
            reason: Some("Resource creation cancelled".to_owned()),
            ..event("Other", "Custom::Other", "CREATE_FAILED", 5)
        };
        let events = [
            event("Custom", "Custom::Thing", "CREATE_IN_PROGRESS", 2),
            event("Plain", "AWS::SNS::Topic", "CREATE_FAILED", 3),
            event("Custom", "Custom::Thing", "CREATE_FAILED", 4),
            cancelled,
            event("Custom", "Custom::Thing", "DELETE_FAILED", 6),
            event(
                "Old",
                "AWS::CloudFormation::CustomResource",
                "UPDATE_FAILED",
                7,
            ),
            hooked.clone(),
            hooked,
        ];
        let failed = failed_custom_resources(&events);
        let names: Vec<&str> = failed.iter().map(|it| it.logical_id.as_str()).collect();
        assert_eq!(names, ["Custom", "Old"]);
        assert_eq!(failed_hooks(&events).len(), 1);
        assert_eq!(window(failed[0], &events), (0, Some(9_000)));
    }

    #[test]
    fn a_long_wait_for_a_function_is_not_read_in_full() {
        let events = [
            event("Custom", "Custom::Thing", "CREATE_IN_PROGRESS", 10_000),
            event("Custom", "Custom::Thing", "CREATE_FAILED", 13_600),
        ];
        let (start, end) = window(&events[1], &events);
        assert_eq!((start, end), (12_695_000, Some(13_605_000)));
    }
}
