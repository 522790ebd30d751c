//! Charts of small operations.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use super::{Chart, Dependencies, Outcome, Phase};
use crate::cloudformation::event::Event;
use crate::cloudformation::status::{CONFIGURED, ResourceStatus};
use crate::diagnostic::SourceFile;
use crate::template::{STACK_TYPE, Template};

const ROOT: &str = "arn:root";

/// Returns events from lines such as `5 Vpc CREATE_COMPLETE reason`: the second, the resource (`-` for
/// the stack itself), the status, and the reason. A resource `Net/Vpc` is in the nested stack `Net`.
fn events(lines: &[&str]) -> Vec<Event> {
    let event = |(number, line): (usize, &&str)| {
        let mut words = line.splitn(4, ' ');
        let mut word = || words.next().unwrap_or_default();
        let (second, path, status, reason) = (word(), word(), word(), word());
        let (stack, name) = path.rsplit_once('/').unwrap_or(("", path));
        let nested_in = stack.split('/').filter(|it| !it.is_empty());
        let stack_id = match stack {
            "" => ROOT.to_owned(),
            stack => format!("arn:{stack}"),
        };
        let is_nested = lines.iter().any(|it| it.contains(&format!(" {path}/")));
        let time = second.parse().ok().map(SignedDuration::from_secs_f64);
        Event {
            id: number.to_string(),
            time: time.map(|time| Timestamp::UNIX_EPOCH + time),
            physical_id: match (name, is_nested) {
                ("-", _) => stack_id.clone(),
                (_, true) => format!("arn:{path}"),
                _ => String::new(),
            },
            stack_id,
            nested_in: nested_in.map(str::to_owned).collect(),
            logical_id: name.to_owned(),
            resource_type: if is_nested { STACK_TYPE } else { "AWS::Test" }.to_owned(),
            status: ResourceStatus::from_wire(status),
            detailed_status: (reason == CONFIGURED).then(|| reason.to_owned()),
            reason: Some(reason.to_owned()).filter(|it| !it.is_empty() && it != CONFIGURED),
            ..Event::default()
        }
    };
    lines.iter().enumerate().map(event).collect()
}

/// Returns the dependencies of a template with these lines, such as `Vpc` and `Subnet: Vpc, Gateway`.
fn dependencies(stack: &[&str], lines: &[&str]) -> Dependencies {
    let mut dependencies = Dependencies::default();
    let resources = lines.iter().map(|line| {
        let (name, needs) = line.split_once(": ").unwrap_or((line, ""));
        format!("  {name}: {{Type: AWS::Test::It, DependsOn: [{needs}]}}\n")
    });
    let text = format!("Resources:\n{}", resources.collect::<String>());
    let source = SourceFile::new("template.yaml", text);
    let template = Template::parse(&source).unwrap();
    let stack: Vec<String> = stack.iter().map(|it| (*it).to_owned()).collect();
    dependencies.add(&stack, &template);
    dependencies
}

fn chart(lines: &[&str], dependencies: &Dependencies) -> Chart {
    Chart::of(&events(lines), dependencies, None).unwrap()
}

/// Returns the steps of the critical path as `0-5 Vpc`; `.` if only CloudFormation worked.
fn path(chart: &Chart) -> Vec<String> {
    let steps = chart.critical_path.steps.iter().map(|step| {
        let name = step
            .bar
            .map_or(".".to_owned(), |bar| chart.bars[bar].path());
        let [from, to] = [step.from, step.to].map(|it| it.as_secs_f64());
        format!("{from}-{to} {name}")
    });
    steps.collect()
}

/// Returns the resources as `Subnet 5-9 after Vpc Template`, one for each action.
fn spans(chart: &Chart) -> Vec<String> {
    let mut texts = Vec::new();
    for bar in &chart.bars {
        for span in &bar.spans {
            let from = if span.knows_start {
                span.start.as_secs_f64().to_string()
            } else {
                "?".to_owned()
            };
            let to = span
                .end
                .map_or(String::new(), |end| end.as_secs_f64().to_string());
            let after = span.after.map_or(String::new(), |after| {
                format!(" after {} {:?}", chart.bars[after.bar].path(), after.basis)
            });
            let outcome = match span.outcome {
                Outcome::Complete => String::new(),
                outcome => format!(" {outcome:?}"),
            };
            let action = span.action.as_str();
            texts.push(format!(
                "{} {action} {from}-{to}{outcome}{after}",
                bar.path()
            ));
        }
    }
    texts
}

fn saving(chart: &Chart) -> Option<(String, u64)> {
    let saving = chart.critical_path.saving?;
    Some((chart.bars[saving.bar].path(), saving.time.as_secs()))
}

#[test]
fn the_critical_path_follows_what_released_each_resource_last() {
    let lines = [
        "0 - CREATE_IN_PROGRESS User Initiated",
        "1 Vpc CREATE_IN_PROGRESS",
        "1 Role CREATE_IN_PROGRESS",
        "11 Vpc CREATE_COMPLETE",
        "12 Subnet CREATE_IN_PROGRESS",
        "15 Subnet CREATE_COMPLETE",
        "21 Role CREATE_COMPLETE",
        "22 Function CREATE_IN_PROGRESS",
        "30 Function CREATE_COMPLETE",
        "31 - CREATE_COMPLETE",
    ];
    let template = ["Vpc", "Role", "Subnet: Vpc", "Function: Subnet, Role"];
    let chart = chart(&lines, &dependencies(&[], &template));
    assert_eq!(
        spans(&chart),
        [
            "Vpc create 1-11",
            "Role create 1-21",
            "Subnet create 12-15 after Vpc Template",
            "Function create 22-30 after Role Template",
        ]
    );
    assert_eq!(
        path(&chart),
        ["0-1 .", "1-21 Role", "21-22 .", "22-30 Function", "30-31 ."]
    );
    assert_eq!(chart.critical_path.work, Duration::from_secs(28));
    assert_eq!(chart.bars[3].wait(), Duration::from_secs(22));
    // Without the role, the function would start after the subnet: only 6 seconds earlier.
    assert_eq!(saving(&chart), Some(("Function".to_owned(), 8)));
}

#[test]
fn what_takes_long_saves_little_if_another_path_is_nearly_as_long() {
    let lines = [
        "0 - CREATE_IN_PROGRESS",
        "0 Slow CREATE_IN_PROGRESS",
        "0 Slower CREATE_IN_PROGRESS",
        "90 Slow CREATE_COMPLETE",
        "100 Slower CREATE_COMPLETE",
        "100 End CREATE_IN_PROGRESS",
        "120 End CREATE_COMPLETE",
        "120 - CREATE_COMPLETE",
    ];
    let template = ["Slow", "Slower", "End: Slow, Slower"];
    let chart = chart(&lines, &dependencies(&[], &template));
    assert_eq!(path(&chart), ["0-100 Slower", "100-120 End"]);
    assert_eq!(saving(&chart), Some(("End".to_owned(), 20)));
}

#[test]
fn a_dependent_may_start_when_the_configuration_is_complete() {
    let lines = [
        "0 - CREATE_IN_PROGRESS",
        "0 Service CREATE_IN_PROGRESS",
        "10 Service CREATE_IN_PROGRESS CONFIGURATION_COMPLETE",
        "11 Alarm CREATE_IN_PROGRESS",
        "40 Service CREATE_COMPLETE",
        "90 Alarm CREATE_COMPLETE",
        "90 - CREATE_COMPLETE",
    ];
    let chart = chart(&lines, &dependencies(&[], &["Service", "Alarm: Service"]));
    assert_eq!(
        chart.bars[0].spans[0].configured,
        Some(Duration::from_secs(10))
    );
    assert_eq!(path(&chart), ["0-10 Service", "10-11 .", "11-90 Alarm"]);
}

#[test]
fn without_a_template_the_time_decides() {
    let lines = [
        "0 - CREATE_IN_PROGRESS",
        "1 One CREATE_IN_PROGRESS",
        "30 One CREATE_COMPLETE",
        "31 Two CREATE_IN_PROGRESS",
        // It begins long after the last end: that is no reason.
        "32 Two CREATE_COMPLETE",
        "90 Three CREATE_IN_PROGRESS",
        "91 Three CREATE_COMPLETE",
        "91 - CREATE_COMPLETE",
    ];
    let chart = chart(&lines, &Dependencies::default());
    assert_eq!(
        spans(&chart),
        [
            "One create 1-30",
            "Two create 31-32 after One Time",
            "Three create 90-91",
        ]
    );
    assert_eq!(path(&chart), ["0-90 .", "90-91 Three"]);
}

#[test]
fn a_resource_without_an_action_passes_the_dependency_on() {
    let lines = [
        "0 - UPDATE_IN_PROGRESS",
        "0 Role UPDATE_IN_PROGRESS",
        "9 Role UPDATE_COMPLETE",
        "10 Alias UPDATE_IN_PROGRESS",
        "12 Alias UPDATE_COMPLETE",
        "12 - UPDATE_COMPLETE",
    ];
    let template = ["Role", "Function: Role", "Alias: Function"];
    let chart = chart(&lines, &dependencies(&[], &template));
    assert_eq!(spans(&chart)[1], "Alias update 10-12 after Role Template");
}

#[test]
fn a_failed_update_goes_back_and_cleans_up() {
    let replaced = "Requested update requires the creation of a new physical resource; hence creating \
                    one.";
    let topic = format!("1 Topic UPDATE_IN_PROGRESS {replaced}");
    let lines = [
        "0 - UPDATE_IN_PROGRESS",
        &topic,
        "1 Table UPDATE_IN_PROGRESS",
        "1 Queue CREATE_IN_PROGRESS",
        "4 Topic UPDATE_COMPLETE",
        "20 Table UPDATE_FAILED the limit is reached",
        "20 Queue CREATE_FAILED Resource creation cancelled",
        "21 - UPDATE_ROLLBACK_IN_PROGRESS",
        "22 Table UPDATE_IN_PROGRESS",
        "22 Topic UPDATE_IN_PROGRESS",
        "25 Topic UPDATE_COMPLETE",
        "40 Table UPDATE_COMPLETE",
        "41 - UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS",
        "42 Topic DELETE_IN_PROGRESS",
        "42 Queue DELETE_SKIPPED",
        "50 Topic DELETE_COMPLETE",
        "51 - UPDATE_ROLLBACK_COMPLETE",
    ];
    let template = ["Topic", "Table", "Queue"];
    let chart = chart(&lines, &dependencies(&[], &template));
    assert_eq!(
        spans(&chart),
        [
            "Topic update 1-4",
            "Topic update 22-25 after Table Phase",
            "Topic delete 42-50 after Table Phase",
            "Table update 1-20 Failed",
            "Table update 22-40 after Table Phase",
            "Queue create 1-20 Cancelled",
            "Queue delete ?-42 Skipped after Table Phase",
        ]
    );
    let phases: Vec<(Phase, u64)> = chart
        .phases
        .iter()
        .map(|(phase, at)| (*phase, at.as_secs()))
        .collect();
    assert_eq!(
        phases,
        [
            (Phase::Forward, 0),
            (Phase::Rollback, 21),
            (Phase::RollbackCleanup, 41)
        ]
    );
    assert!(chart.bars[0].is_replaced && !chart.bars[1].is_replaced);
    let failure = chart.bars[1].failure().unwrap();
    assert_eq!(failure.reason.as_deref(), Some("the limit is reached"));
    assert_eq!(
        path(&chart),
        [
            "0-1 .",
            "1-20 Table",
            "20-22 .",
            "22-40 Table",
            "40-42 .",
            "42-50 Topic",
            "50-51 ."
        ]
    );
    assert_eq!(saving(&chart), Some(("Table".to_owned(), 31)));
}

#[test]
fn a_deletion_waits_for_what_depends_on_the_resource() {
    let lines = [
        "0 - DELETE_IN_PROGRESS",
        "1 Function DELETE_IN_PROGRESS",
        "5 Function DELETE_FAILED",
        "6 Function DELETE_IN_PROGRESS",
        "9 Function DELETE_COMPLETE",
        "10 Role DELETE_IN_PROGRESS",
        "12 Role DELETE_COMPLETE",
        "12 - DELETE_COMPLETE",
    ];
    let chart = chart(&lines, &dependencies(&[], &["Role", "Function: Role"]));
    assert_eq!(
        spans(&chart),
        [
            "Function delete 1-5 Failed",
            "Function delete 6-9",
            "Role delete 10-12 after Function Template",
        ]
    );
}

#[test]
fn the_path_goes_through_a_nested_stack() {
    let lines = [
        "0 - CREATE_IN_PROGRESS",
        "1 Net CREATE_IN_PROGRESS",
        "2 Net/- CREATE_IN_PROGRESS",
        "3 Net/Vpc CREATE_IN_PROGRESS",
        "3 Net/Logs CREATE_IN_PROGRESS",
        "4 Net/Logs CREATE_COMPLETE",
        "13 Net/Vpc CREATE_COMPLETE",
        "14 Net/Subnet CREATE_IN_PROGRESS",
        "20 Net/Subnet CREATE_COMPLETE",
        "21 Net/- CREATE_COMPLETE",
        "22 Net CREATE_COMPLETE",
        "23 App CREATE_IN_PROGRESS",
        "30 App CREATE_COMPLETE",
        "30 - CREATE_COMPLETE",
    ];
    let mut template = dependencies(&[], &["Net", "App: Net"]);
    let inner = dependencies(&["Net"], &["Vpc", "Logs", "Subnet: Vpc"]);
    template.stacks.extend(inner.stacks);
    let chart = chart(&lines, &template);
    assert_eq!(
        path(&chart),
        [
            "0-3 .",
            "3-13 Net/Vpc",
            "13-14 .",
            "14-20 Net/Subnet",
            "20-23 .",
            "23-30 App"
        ]
    );
    assert!(chart.bars[0].is_outer && !chart.bars[1].is_outer);
    // The resources of a nested stack wait from its own beginning.
    assert_eq!(chart.bars[1].wait(), Duration::from_secs(1));
    assert_eq!(saving(&chart), Some(("Net/Vpc".to_owned(), 10)));
}

#[test]
fn a_running_operation_has_open_bars_until_now() {
    let lines = [
        "0 - CREATE_IN_PROGRESS",
        "1 One CREATE_IN_PROGRESS",
        "5 One CREATE_COMPLETE",
        "6 Two CREATE_IN_PROGRESS",
    ];
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_mins(1);
    let chart = Chart::of(&events(&lines), &Dependencies::default(), Some(now)).unwrap();
    assert_eq!(chart.until, Duration::from_mins(1));
    let two = &chart.bars[1];
    assert_eq!((two.spans[0].end, two.outcome()), (None, Outcome::Open));
    assert_eq!(two.work(chart.until), Duration::from_secs(54));
    assert_eq!(path(&chart), ["0-1 .", "1-5 One", "5-6 .", "6-60 Two"]);
    assert_eq!(chart.critical_path.saving, None);
    // A clock that is behind changes nothing.
    let early = Chart::of(
        &events(&lines),
        &Dependencies::default(),
        Some(Timestamp::UNIX_EPOCH),
    );
    assert_eq!(early.unwrap().until, Duration::from_secs(6));
}

#[test]
fn an_end_that_comes_after_the_operation_is_not_waited_for() {
    let lines = [
        "0 - CREATE_IN_PROGRESS",
        "1 Service CREATE_IN_PROGRESS",
        "5 Service CREATE_IN_PROGRESS CONFIGURATION_COMPLETE",
        "6 - CREATE_COMPLETE",
    ];
    let chart = chart(&lines, &Dependencies::default());
    assert_eq!(spans(&chart), ["Service create 1-5 Open"]);
    assert_eq!(path(&chart), ["0-1 .", "1-5 Service", "5-6 ."]);
}

#[test]
fn events_out_of_order_or_missing_make_no_negative_time() {
    let lines = [
        "10 - CREATE_IN_PROGRESS",
        // Its start is missing.
        "12 Old CREATE_COMPLETE",
        // The clock of another host.
        "13 Early CREATE_IN_PROGRESS",
        "11 Early CREATE_COMPLETE",
        "x Timeless CREATE_IN_PROGRESS",
        "14 Timeless CREATE_COMPLETE",
        "5 Before CREATE_IN_PROGRESS",
        "15 Before CREATE_COMPLETE",
        "15 - CREATE_COMPLETE",
    ];
    let chart = chart(&lines, &Dependencies::default());
    assert_eq!(
        spans(&chart),
        [
            "Before create 0-5",
            "Timeless create 1-4",
            "Old create ?-2",
            "Early create 3-3 after Old Time",
        ]
    );
    assert_eq!(chart.critical_path.work, Duration::from_secs(5));
    assert_eq!(Chart::of(&[], &Dependencies::default(), None), None);
    let timeless = events(&["x - CREATE_IN_PROGRESS"]);
    assert_eq!(Chart::of(&timeless, &Dependencies::default(), None), None);
}

#[test]
fn actions_at_the_same_time_are_in_no_circle() {
    let lines = [
        "0 - CREATE_IN_PROGRESS",
        "5 A CREATE_IN_PROGRESS",
        "5 B CREATE_IN_PROGRESS",
        "5 B CREATE_COMPLETE",
        "5 A CREATE_COMPLETE",
        "5 C CREATE_IN_PROGRESS",
        "5 C CREATE_COMPLETE",
        "5 - CREATE_COMPLETE",
    ];
    let chart = chart(&lines, &dependencies(&[], &["A: B", "B: C", "C: A"]));
    assert_eq!(chart.bars.len(), 3);
    assert_eq!(path(&chart), ["0-5 ."]);
    assert_eq!(chart.critical_path.saving, None);
}
