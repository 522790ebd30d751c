//! Events as lines, one each.

use std::time::Duration;

use super::clock;
use crate::event::{Event, Timeline};
use crate::present::style::{ADD, BOLD, DIM, REMOVE};
use crate::status::Sentiment;

/// The widest status that usually occurs: `CREATE_IN_PROGRESS`.
const STATUS_WIDTH: usize = 18;

/// Returns an event as one line, without a newline: elapsed time, status, logical id, type, reason.
pub fn line(event: &Event, elapsed: Duration) -> String {
    let style = match event.status.sentiment() {
        Sentiment::Good => ADD,
        Sentiment::Neutral => DIM,
        Sentiment::Bad => REMOVE,
    };
    let time = clock(elapsed);
    let status = format!("{:<STATUS_WIDTH$}", event.status.as_str());
    let mut line = format!(
        "{DIM}{time:>6}{DIM:#}  {style}{status}{style:#}  {BOLD}{}{BOLD:#}  {DIM}{}{DIM:#}",
        event.path(),
        event.resource_type
    );
    if let Some(reason) = &event.reason {
        line.push_str(": ");
        line.push_str(&reason.replace('\n', " "));
    }
    line
}

/// Returns the line under the events: how many of the expected resources are done, and the time.
pub fn progress(timeline: &Timeline, expected: usize, elapsed: Duration) -> String {
    let done = timeline.settled_resources();
    format!(
        "{done}/{} resources · {}",
        expected.max(done),
        clock(elapsed)
    )
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::line;
    use crate::event::Event;
    use crate::status::ResourceStatus;

    #[test]
    fn an_event_is_one_line_with_its_reason() {
        let event = Event {
            nested_in: vec!["Storage".to_owned()],
            logical_id: "Bucket".to_owned(),
            resource_type: "AWS::S3::Bucket".to_owned(),
            status: ResourceStatus::from_wire("CREATE_FAILED"),
            reason: Some("dev-bucket\nalready exists".to_owned()),
            ..Event::default()
        };
        let line = line(&event, Duration::from_secs(65));
        assert_eq!(
            anstream::adapter::strip_str(&line).to_string(),
            "  1:05  CREATE_FAILED       Storage/Bucket  AWS::S3::Bucket: dev-bucket already exists"
        );
    }
}
