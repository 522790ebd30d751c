//! Events as lines, one each.

use std::time::Duration;

use super::clock;
use crate::cloudformation::event::{Event, Timeline};
use crate::cloudformation::status::{ResourceStatus, Sentiment};
use crate::present::style::{ADD, BOLD, DIM, REMOVE};

/// The widest status that usually occurs: `CREATE_IN_PROGRESS`.
const STATUS_WIDTH: usize = 18;

/// Returns an event as one line, without a newline: how long after the operation's beginning it
/// happened, status, logical id, type, reason.
pub fn line(event: &Event, elapsed: Duration) -> String {
    let time = clock(elapsed);
    format!("{DIM}{time:>6}{DIM:#}  {}", details(event))
}

/// Returns an event as [`line()`] does, with the date and the time in UTC.
pub fn dated(event: &Event) -> String {
    let time = event.time.map_or_else(String::new, |time| {
        time.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
    });
    format!("{DIM}{time:<20}{DIM:#}  {}", details(event))
}

fn details(event: &Event) -> String {
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
    let status = format!("{:<STATUS_WIDTH$}", event.status.as_str());
    let mut line = format!(
        "{style}{status}{style:#}  {BOLD}{}{BOLD:#}  {DIM}{}{DIM:#}",
        event.path(),
        event.resource_type
    );
    let hook = event.hook.as_ref().map(|hook| {
        let found = hook.reason.as_deref().unwrap_or_default();
        format!("{} {} {found}", hook.name, hook.status)
    });
    let reason = event.reason.as_deref().map(plain);
    for said in [reason, hook.as_deref(), phase(event)]
        .into_iter()
        .flatten()
    {
        line.push_str(": ");
        line.push_str(said.replace('\n', " ").trim_end());
    }
    line
}

/// Returns a reason that is one of the service's fixed phrases in fewer words.
fn plain(reason: &str) -> &str {
    const REPLACED: &str = "Requested update requires the creation of a new physical resource";
    if reason.starts_with(REPLACED) {
        "replaced by a new one"
    } else {
        reason
    }
}

/// Returns what goes on in a stack after an event whose status says so only to those who know.
fn phase(event: &Event) -> Option<&'static str> {
    match event.status.as_str() {
        "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS" => Some("deleting what was replaced or removed"),
        "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS" => {
            Some("deleting what the failed update had made")
        }
        _ => None,
    }
}

/// Returns the line under the events: what goes on, how many of the expected resources are done, and
/// the time.
pub fn progress(timeline: &Timeline, expected: usize, elapsed: Duration) -> String {
    let status = timeline.own_status().map(ResourceStatus::as_str);
    let doing = match status.unwrap_or_default() {
        status if status.ends_with("CLEANUP_IN_PROGRESS") => "cleaning up · ",
        status if status.contains("ROLLBACK") => "rolling back · ",
        _ => "",
    };
    let done = timeline.finished_resources();
    let resources = expected.max(timeline.resources());
    format!("{doing}{done}/{resources} resources · {}", clock(elapsed))
}

/// Returns the warning that nothing was heard of the service for so long; `trouble` is why the last
/// call failed.
pub fn unresponsive(lasts: Duration, trouble: Option<&str>) -> String {
    let why = trouble.map(|trouble| format!(" (last: {})", trouble.replace('\n', " ")));
    format!(
        "no answer from CloudFormation for {} s; still trying{}",
        lasts.as_secs(),
        why.unwrap_or_default()
    )
}

/// Returns the line that ends such a silence.
pub fn answers_again(lasted: Duration) -> String {
    format!(
        "CloudFormation answers again, after {} s.",
        lasted.as_secs()
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use jiff::Timestamp;

    use super::{answers_again, dated, line, progress, unresponsive};
    use crate::cloudformation::event::{Event, Hook, Timeline};
    use crate::cloudformation::status::ResourceStatus;

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
            }),
            ..event("Bucket", "CREATE_IN_PROGRESS", "")
        };
        let replaced = "Requested update requires the creation of a new physical resource; hence \
                        creating one.";
        let lines = [
            line(&nested, Duration::from_secs(65)),
            line(&hooked, Duration::from_secs(3700)),
            dated(&event("Bucket", "UPDATE_IN_PROGRESS", replaced)),
            dated(&event("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", "")),
            dated(&Event {
                time: None,
                ..event("Bucket", "SOMETHING_NEW", "x")
            }),
        ];
        let text = anstream::adapter::strip_str(&lines.join("\n")).to_string();
        insta::assert_snapshot!(text, @r"
          1:05  CREATE_FAILED       Storage/Bucket  AWS::S3::Bucket: dev-bucket already exists
        1:01:40  CREATE_IN_PROGRESS  Bucket  AWS::S3::Bucket: Private::Guard::Hook HOOK_COMPLETE_FAILED no public buckets
        1970-01-01 00:00:00Z  UPDATE_IN_PROGRESS  Bucket  AWS::S3::Bucket: replaced by a new one
        1970-01-01 00:00:00Z  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo  AWS::S3::Bucket: deleting what was replaced or removed
                              SOMETHING_NEW       Bucket  AWS::S3::Bucket: x
        ");
    }

    #[test]
    fn a_silence_is_told_with_the_last_trouble() {
        let lasts = Duration::from_millis(20_400);
        let said = "no answer from CloudFormation for 20 s; still trying";
        assert_eq!(unresponsive(lasts, None), said);
        let trouble = "dispatch failure:\nConnection refused";
        let with_trouble = format!("{said} (last: dispatch failure: Connection refused)");
        assert_eq!(unresponsive(lasts, Some(trouble)), with_trouble);
        let back = "CloudFormation answers again, after 65 s.";
        assert_eq!(answers_again(Duration::from_secs(65)), back);
    }

    #[test]
    fn the_progress_line_says_what_goes_on() {
        let text = |newest_first: &[(&str, &str)]| {
            let mut timeline = Timeline::of("arn");
            let events = newest_first
                .iter()
                .map(|(name, status)| event(name, status, ""));
            timeline.absorb("arn", events.collect());
            timeline.advance();
            progress(&timeline, 3, Duration::from_secs(42))
        };
        let begun = ("demo", "UPDATE_IN_PROGRESS");
        let done = ("Bucket", "UPDATE_COMPLETE");
        let cases: [(&[_], &str); 3] = [
            (&[done, begun], "1/3 resources · 0:42"),
            (
                &[("demo", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"), done, begun],
                "cleaning up · 1/3 resources · 0:42",
            ),
            (
                &[("demo", "UPDATE_ROLLBACK_IN_PROGRESS"), begun],
                "rolling back · 0/3 resources · 0:42",
            ),
        ];
        for (events, expected) in cases {
            assert_eq!(text(events), expected);
        }
    }
}
