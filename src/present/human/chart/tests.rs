//! Tests of the chart.

use std::time::Duration;

use jiff::Timestamp;

use super::{chart, shorten};
use crate::cloudformation::chart::{
    Action, After, Bar, Basis, Chart, CriticalPath, Outcome, Phase, Saving, Span, Step,
};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::present::style;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn span(waits_from: u64, start: u64, end: u64) -> Span {
    Span {
        action: Action::Create,
        phase: Phase::Forward,
        waits_from: seconds(waits_from),
        after: None,
        start: seconds(start),
        knows_start: true,
        configured: None,
        end: Some(seconds(end)),
        outcome: Outcome::Complete,
        reason: None,
    }
}

fn bar(name: &str, spans: Vec<Span>) -> Bar {
    Bar {
        nested_in: Vec::new(),
        logical_id: name.to_owned(),
        resource_type: "AWS::Test::Thing".to_owned(),
        is_replaced: false,
        is_outer: false,
        spans,
    }
}

fn failed() -> Chart {
    let back = |start, end| Span {
        phase: Phase::Rollback,
        action: Action::Delete,
        after: Some(After {
            bar: 2,
            basis: Basis::Phase,
        }),
        ..span(150, start, end)
    };
    let service = Span {
        configured: Some(seconds(60)),
        ..span(0, 10, 100)
    };
    let alarm = Span {
        after: Some(After {
            bar: 0,
            basis: Basis::Template,
        }),
        outcome: Outcome::Failed,
        ..span(0, 61, 150)
    };
    let queue = Span {
        outcome: Outcome::Cancelled,
        ..span(0, 20, 150)
    };
    let step = |bar, from, to| Step {
        bar,
        from: seconds(from),
        to: seconds(to),
    };
    Chart {
        began: Timestamp::UNIX_EPOCH,
        until: seconds(200),
        is_running: false,
        phases: Vec::new(),
        bars: vec![
            bar("Service", vec![service, back(155, 190)]),
            bar("Queue", vec![queue]),
            bar("AlarmWithALongLogicalIdOfACdkProject4F2A9C", vec![alarm]),
        ],
        critical_path: CriticalPath {
            steps: vec![
                step(None, 0, 10),
                step(Some(0), 10, 60),
                step(None, 60, 61),
                step(Some(2), 61, 150),
                step(None, 150, 155),
                step(Some(0), 155, 190),
                step(None, 190, 200),
            ],
            work: seconds(174),
            saving: Some(Saving {
                bar: 2,
                time: seconds(89),
            }),
        },
    }
}

fn stack() -> Stack {
    Stack {
        name: "demo-dev".to_owned(),
        status: StackStatus::RollbackComplete,
        ..Stack::default()
    }
}

fn shown(of: &Chart, width: usize) -> String {
    let text = style::plain(&chart(&stack(), of, width, "stackctl events --format html"));
    for line in text.lines() {
        let columns = unicode_width::UnicodeWidthStr::width(line);
        assert!(columns <= width, "{columns} of {width} columns: {line}");
    }
    text
}

#[test]
fn waiting_working_and_ends_have_characters_of_their_own() {
    insta::assert_snapshot!(shown(&failed(), 80), @"
    demo-dev  ROLLBACK_COMPLETE  1970-01-01 00:00:00Z  3:20 in all  3 resources

                                   |0    |0:30  |1:00 |1:30  |2:00  |2:30 |3:00
    * Service                      ··███████████▓▓▓▓▓▓▓▓▓           ·▒▒▒▒▒▒▒    2:05
      Queue                        ····████████████████████████████/            2:10
    * AlarmWithALong…Project4F2A9C ·············███████████████████×            1:29

    · waiting  █ working  ▓ becoming stable  ▒ rolling back or cleaning up  × failed
    / cancelled  * critical path

    Critical path: 2:54 of 3:20
         1:25  Service  AWS::Test::Thing
         1:29  AlarmWithALongLogicalIdOfACdkProject4F2A9C  AWS::Test::Thing
         0:26  CloudFormation itself

    AlarmWithALongLogicalIdOfACdkProject4F2A9C would save most: up to 1:29
    ");
    insta::assert_snapshot!(shown(&failed(), 120), @"
    demo-dev  ROLLBACK_COMPLETE  1970-01-01 00:00:00Z  3:20 in all  3 resources

                                         |0     |0:30   |1:00   |1:30   |2:00   |2:30  |3:00
    * Service                            ··█████████████▓▓▓▓▓▓▓▓▓▓▓             ·▒▒▒▒▒▒▒▒▒    2:05
      Queue                              ·····█████████████████████████████████/              2:10  cancelled
    * AlarmWithALongLog…CdkProject4F2A9C ···············███████████████████████×              1:29  create failed

    · waiting  █ working  ▓ becoming stable  ▒ rolling back or cleaning up  × failed  / cancelled  * critical path

    Critical path: 2:54 of 3:20
         1:25  Service  AWS::Test::Thing
         1:29  AlarmWithALongLogicalIdOfACdkProject4F2A9C  AWS::Test::Thing
         0:26  CloudFormation itself

    AlarmWithALongLogicalIdOfACdkProject4F2A9C would save most: up to 1:29
    ");
    insta::assert_snapshot!(shown(&failed(), 40), @"
    demo-dev  ROLLBACK_COMPLETE
    1970-01-01 00:00:00Z  3:20 in all
    3 resources

                   |0    |1:00 |2:00 |3:00
    * Service      ·█████▓▓▓▓     ▒▒▒▒  2:05
      Queue        ··████████████/      2:10
    * AlarmW…F2A9C ······████████×      1:29

    · waiting  █ working  ▓ becoming stable
    ▒ rolling back or cleaning up  × failed
    / cancelled  * critical path

    Critical path: 2:54 of 3:20
         1:25  Service  AWS::Test::Thing
         1:29  AlarmWithALong…kProject4F2A9C
         0:26  CloudFormation itself

    AlarmW…F2A9C would save most: up to 1:29
    ");
}

#[test]
fn of_many_resources_the_short_ones_have_no_line() {
    let mut many = failed();
    many.bars.extend((0..500).map(|number| {
        let name = format!("Resource{number}");
        bar(
            &name,
            vec![span(0, number % 150, number % 150 + 1 + number % 7)],
        )
    }));
    let text = shown(&many, 80);
    assert_eq!(
        text.lines()
            .filter(|line| line.contains("Resource"))
            .count(),
        47
    );
    assert!(
        text.contains("… and 453 more resources that took at most 0:07: `stackctl events"),
        "{text}"
    );
    for name in ["* Service", "  Queue", "* AlarmWith"] {
        assert!(text.contains(name), "{text}");
    }
}

#[test]
fn short_operations_have_tenths_of_seconds() {
    let mut short = failed();
    short.until = Duration::from_millis(480);
    short.bars.truncate(1);
    short.bars[0].spans = vec![Span {
        end: Some(Duration::from_millis(480)),
        ..span(0, 0, 0)
    }];
    short.critical_path = CriticalPath::default();
    insta::assert_snapshot!(shown(&short, 60), @"
    demo-dev  ROLLBACK_COMPLETE  1970-01-01 00:00:00Z
    0.5 s in all  1 resource

              |0       |0.1 s   |0.2 s   |0.3 s   |0.4 s
      Service ████████████████████████████████████████████ 0.5 s

    █ working
    ");
    // Nothing has a length.
    short.until = Duration::ZERO;
    assert!(shown(&short, 20).contains("Se…e"));
}

#[test]
fn long_names_lose_their_middle() {
    assert_eq!(shorten("Bucket", 6), "Bucket");
    assert_eq!(shorten("BucketPolicy", 7), "Buc…icy");
    assert_eq!(shorten("日本語日本語", 6), "日…語");
    assert_eq!(shorten("a\u{1b}[2J", 20), "a\\u001b[2J");
    assert_eq!(shorten("abc", 0), "…");
}
