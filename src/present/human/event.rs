//! Events for people, one line each.

use std::time::Duration;

use unicode_width::UnicodeWidthStr;

use super::clock;
use crate::cloudformation::event::{Event, Timeline};
use crate::cloudformation::service_message;
use crate::cloudformation::status::{ResourceStatus, Sentiment};
use crate::present::style::{ADD, BOLD, DIM, REMOVE};
use crate::present::visible::{one_line, visible};
use crate::present::wrap;
use crate::util::time::to_the_second;

/// The widest status that usually occurs: `CREATE_IN_PROGRESS`.
const STATUS_WIDTH: usize = 18;

/// The column at which the logical ids begin, and the further lines of a long event.
const NAME_COLUMN: usize = 6 + 2 + STATUS_WIDTH + 2;

/// The widest logical id that moves the types of all other events.
const NAME_WIDTH: usize = 32;

/// Returns the width of the longest logical id, for the column of the types.
pub fn name_width<'a>(events: impl IntoIterator<Item = &'a Event>) -> usize {
    let widths = events.into_iter().map(|event| event.path().width());
    widths.max().unwrap_or(0).min(NAME_WIDTH)
}

/// Returns an event without a newline at its end: the time since the start of the operation, status,
/// logical id in a column of `name_width`, type, and reason. It is one line, broken at spaces if there
/// is a `width`.
pub fn line(event: &Event, elapsed: Duration, name_width: usize, width: Option<usize>) -> String {
    let time = clock(elapsed);
    let details = details(event, name_width, width);
    format!("{DIM}{time:>6}{DIM:#}  {details}")
}

/// Returns an event as one line like [`line()`], but with the date and time in UTC.
pub fn dated(event: &Event, name_width: usize) -> String {
    let time = event.time.map(to_the_second).unwrap_or_default();
    format!(
        "{DIM}{time:<20}{DIM:#}  {}",
        details(event, name_width, None)
    )
}

fn details(event: &Event, name_width: usize, width: Option<usize>) -> String {
    let sentiment = if event.is_bad() {
        Sentiment::Bad
    } else {
        event.status.sentiment()
    };
    let style = match sentiment {
        Sentiment::Good => ADD,
        Sentiment::Neutral => DIM,
        Sentiment::Bad => REMOVE,
    };
    let status = format!("{:<STATUS_WIDTH$}", one_line(event.status.as_str()));
    let path = event.path();
    let name = one_line(&path);
    let padding = name_width.saturating_sub(name.width());
    let line = format!(
        "{style}{status}{style:#}  {BOLD}{name}{BOLD:#}{:padding$}",
        ""
    );
    let column = NAME_COLUMN - STATUS_WIDTH + status.width() + name.width() + padding;
    let hook = event.hook.as_ref().map(|hook| {
        let reason = hook.reason.as_deref().unwrap_or_default();
        format!("{} {} {reason}", hook.name, hook.status)
    });
    let reason = event.reason.as_deref().map(plain);
    let mut rest = one_line(&event.resource_type).into_owned();
    for detail in [reason, hook.as_deref(), phase(event)]
        .into_iter()
        .flatten()
    {
        rest.push_str(": ");
        rest.push_str(visible(&detail.replace('\n', " ")).trim_end());
    }
    with_rest(line, column, &rest, width)
}

/// Adds the type and the reason to a line that ends at `column`, broken at spaces.
fn with_rest(mut line: String, column: usize, rest: &str, width: Option<usize>) -> String {
    let (kind, reason) = rest.split_once(' ').unwrap_or((rest, ""));
    let room = width.unwrap_or(usize::MAX);
    let mut column = column + 2 + kind.width();
    if column > room {
        line.push_str(&format!("\n{:NAME_COLUMN$}", ""));
        column = NAME_COLUMN + kind.width();
    } else {
        line.push_str("  ");
    }
    line.push_str(&format!("{DIM}{kind}{DIM:#}"));
    if column + 1 + reason.width() <= room || reason.is_empty() {
        if !reason.is_empty() {
            line.push_str(&format!(" {reason}"));
        }
        return line;
    }
    for part in wrap::words(reason, room.saturating_sub(NAME_COLUMN)) {
        line.push_str(&format!("\n{:NAME_COLUMN$}{part}", ""));
    }
    line
}

/// Returns the reason of an event. A long standard phrase of CloudFormation is shortened.
fn plain(reason: &str) -> &str {
    if service_message::is_replacement(reason) {
        "replacing it with a new resource"
    } else {
        reason
    }
}

/// Returns an explanation of a status whose name does not show what CloudFormation is doing.
fn phase(event: &Event) -> Option<&'static str> {
    match event.status.as_str() {
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => Some("deleting replaced and removed resources"),
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => {
            Some("deleting resources that the failed update created")
        }
        _ => None,
    }
}

/// Returns the progress line: the phase, and the number of finished and `expected` resources.
pub fn progress(timeline: &Timeline, expected: usize) -> String {
    let status = timeline.own_status().map(ResourceStatus::as_str);
    let phase = match status.unwrap_or_default() {
        status if status.ends_with("CLEANUP_IN_PROGRESS") => "cleaning up · ",
        status if status.contains("ROLLBACK") => "rolling back · ",
        _ => "",
    };
    let done = timeline.finished_resources();
    let resources = expected.max(timeline.resources());
    format!("{phase}{done}/{resources} resources")
}

/// Returns the warning that CloudFormation has not answered for `duration`. `poll_error` is the error
/// of the last call.
pub fn unresponsive(duration: Duration, poll_error: Option<&str>) -> String {
    let cause = poll_error.map(|error| format!(" (last error: {})", error.replace('\n', " ")));
    format!(
        "no answer from CloudFormation for {} s; still trying{}",
        duration.as_secs(),
        cause.unwrap_or_default()
    )
}

/// Returns the message that CloudFormation answers again, after `duration` without an answer.
pub fn recovered(duration: Duration) -> String {
    format!(
        "CloudFormation answered again after {} s.",
        duration.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{dated, line, progress, recovered, unresponsive};
    use crate::cloudformation::event::{Event, Hook, Timeline};
    use crate::cloudformation::status::ResourceStatus;
    use crate::present::style;

    fn event(logical_id: &str, status: &str, reason: &str) -> Event {
        Event {
            id: format!("{logical_id}-{status}"),
            time: Some(Timestamp::UNIX_EPOCH),
            stack_id: "arn".to_owned(),
            logical_id: logical_id.to_owned(),
            physical_id: if logical_id == "demo" { "arn" } else { "" }.to_owned(),
            resource_type: "AWS::S3::Bucket".to_owned(),
            status: ResourceStatus::from_wire(status),
            reason: (!reason.is_empty()).then(|| reason.to_owned()),
            ..Event::default()
        }
    }

    #[test]
    fn an_event_is_one_line_with_its_reason() {
        let nested = Event {
            nested_in: vec!["Storage".to_owned()],
            ..event("Bucket", "CREATE_FAILED", "dev-bucket\nalready exists")
        };
        let hooked = Event {
            hook: Some(Hook {
                name: "Private::Guard::Hook".to_owned(),
                status: "HOOK_COMPLETE_FAILED".to_owned(),
                reason: Some("no public buckets".to_owned()),
                failure_mode: None,
                ..Hook::default()
            }),
            ..event("Bucket", "CREATE_IN_PROGRESS", "")
        };
        let replaced = "Requested update requires the creation of a new physical resource; hence \
                        creating one.";
        let lines = [
            line(&nested, Duration::from_secs(65), 14, None),
            line(&hooked, Duration::from_secs(3700), 14, None),
            line(&nested, Duration::from_secs(65), 14, Some(80)),
            line(&hooked, Duration::from_secs(3700), 14, Some(60)),
            dated(&event("Bucket", "UPDATE_IN_PROGRESS", replaced), 14),
            dated(
                &event("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", ""),
                14,
            ),
            dated(
                &Event {
                    time: None,
                    ..event("Bucket", "SOMETHING_NEW", "x")
                },
                14,
            ),
        ];
        let text = style::plain(&lines.join("\n"));
        insta::assert_snapshot!(text, @"
          1:05  CREATE_FAILED       Storage/Bucket  AWS::S3::Bucket: dev-bucket already exists
        1:01:40  CREATE_IN_PROGRESS  Bucket          AWS::S3::Bucket: Private::Guard::Hook HOOK_COMPLETE_FAILED no public buckets
          1:05  CREATE_FAILED       Storage/Bucket  AWS::S3::Bucket:
                                    dev-bucket already exists
        1:01:40  CREATE_IN_PROGRESS  Bucket          AWS::S3::Bucket:
                                    Private::Guard::Hook
                                    HOOK_COMPLETE_FAILED no public
                                    buckets
        1970-01-01 00:00:00Z  UPDATE_IN_PROGRESS  Bucket          AWS::S3::Bucket: replacing it with a new resource
        1970-01-01 00:00:00Z  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo            AWS::S3::Bucket: deleting replaced and removed resources
                              SOMETHING_NEW       Bucket          AWS::S3::Bucket: x
        ");
    }

    #[test]
    fn an_unresponsive_service_is_reported_with_the_last_error() {
        let duration = Duration::from_millis(20_400);
        let warning = "no answer from CloudFormation for 20 s; still trying";
        assert_eq!(unresponsive(duration, None), warning);
        let error = "dispatch failure:\nConnection refused";
        let with_error = format!("{warning} (last error: dispatch failure: Connection refused)");
        assert_eq!(unresponsive(duration, Some(error)), with_error);
        let message = "CloudFormation answered again after 65 s.";
        assert_eq!(recovered(Duration::from_secs(65)), message);
    }

    #[test]
    fn the_progress_line_shows_the_phase_and_the_finished_resources() {
        let text = |newest_first: &[(&str, &str)]| {
            let mut timeline = Timeline::of("arn");
            let events = newest_first
                .iter()
                .map(|(name, status)| event(name, status, ""));
            timeline.absorb("arn", events.collect());
            timeline.advance();
            progress(&timeline, 3)
        };
        let begun = ("demo", "UPDATE_IN_PROGRESS");
        let done = ("Bucket", "UPDATE_COMPLETE");
        let cases: [(&[_], &str); 3] = [
            (&[done, begun], "1/3 resources"),
            (
                &[("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), done, begun],
                "cleaning up · 1/3 resources",
            ),
            (
                &[("demo", "UPDATE_ROLLBACK_IN_PROGRESS"), begun],
                "rolling back · 0/3 resources",
            ),
        ];
        for (events, expected) in cases {
            assert_eq!(text(events), expected);
        }
    }
}
