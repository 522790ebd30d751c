//! The last operation as a timeline: in the terminal, as a page and as JSON.

use serde_json::{Value, json};

use crate::cloud::{Cloud, Progress};
use crate::demo;
use crate::sandbox::Sandbox;

/// Returns the deployed project, whose creation has these events: the second, the resource (empty for the
/// stack itself), the status, and further members.
fn with_events(events: &[(f64, &str, &str, &str)]) -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    let id = cloud.account().stack("demo-dev").id.clone();
    let member = |(number, (second, name, status, more)): (usize, &(f64, &str, &str, &str))| {
        let (logical_id, physical_id) = match *name {
            "" => ("demo-dev", id.as_str()),
            name => (name, name),
        };
        format!(
            "<member><EventId>{number}</EventId><StackId>{id}</StackId><StackName>demo-dev</StackName>\
             <LogicalResourceId>{logical_id}</LogicalResourceId>\
             <PhysicalResourceId>{physical_id}</PhysicalResourceId>\
             <ResourceType>AWS::Test::Resource</ResourceType>\
             <Timestamp>2026-01-02T03:{:02}:{:06.3}Z</Timestamp>\
             <ResourceStatus>{status}</ResourceStatus>{more}</member>",
            (second / 60.0).floor(),
            second % 60.0
        )
    };
    let oldest_first: Vec<String> = events.iter().enumerate().map(member).collect();
    let newest_first: String = oldest_first.into_iter().rev().collect();
    cloud
        .on("DescribeStackEvents")
        .reply_result(&format!("<StackEvents>{newest_first}</StackEvents>"));
    (sandbox, cloud)
}

fn created() -> (Sandbox, Cloud) {
    let configured = "<DetailedStatus>CONFIGURATION_COMPLETE</DetailedStatus>";
    with_events(&[
        (0.0, "", "CREATE_IN_PROGRESS", ""),
        (1.0, "Bucket", "CREATE_IN_PROGRESS", ""),
        (1.0, "Role", "CREATE_IN_PROGRESS", ""),
        (20.0, "Role", "CREATE_IN_PROGRESS", configured),
        (24.0, "Role", "CREATE_COMPLETE", ""),
        (26.5, "Bucket", "CREATE_COMPLETE", ""),
        (26.0, "Handler", "CREATE_IN_PROGRESS", ""),
        (71.0, "Handler", "CREATE_COMPLETE", ""),
        (72.0, "", "CREATE_COMPLETE", ""),
    ])
}

#[test]
fn the_chart_shows_waiting_working_and_the_critical_path() {
    let (sandbox, cloud) = created();
    insta::assert_snapshot!(sandbox.run(&["events", "--chart"]), @"
    --- stdout
    demo-dev  CREATE_COMPLETE  2026-01-02 [TIME]:00Z  [TIME] in all  3 resources

              |0      |0:10    |0:20    |0:30    |0:40   |0:50    |1:00    |1:10
      Bucket  ███████████████████████                                         [TIME]
    * Role    █████████████████▓▓▓▓                                           [TIME]
    * Handler ······················████████████████████████████████████████  [TIME]  after Role

    · waiting  █ working  ▓ becoming stable  * critical path

    Critical path: [TIME] of [TIME]
         [TIME]  Role  AWS::Test::Resource
         [TIME]  Handler  AWS::Test::Resource
         [TIME]  CloudFormation itself

    Handler would save most: up to [TIME]
    --- exit 0
    ");
    assert_eq!(cloud.calls_of("GetTemplate").len(), 1);
    for columns in ["40", "80", "120"] {
        let (sandbox, _cloud) = created();
        let shown = sandbox.env("COLUMNS", columns).run(&["events", "--chart"]);
        let width = |line: &str| unicode_width::UnicodeWidthStr::width(line);
        let widest = shown.stdout.lines().map(width).max().unwrap();
        assert!(widest <= columns.parse().unwrap(), "{shown}");
        assert!(!shown.stdout.contains('\u{1b}'), "{shown}");
    }
}

#[test]
fn json_has_the_chart_if_it_was_asked_for() {
    let (sandbox, _cloud) = created();
    assert_eq!(sandbox.json(&["events"])["chart"], Value::Null);
    let document = sandbox.json(&["events", "--chart"]);
    assert_eq!(document["schema"], "stackctl.events/1");
    assert_eq!(
        document["events"][3]["detailed_status"],
        "CONFIGURATION_COMPLETE"
    );
    let chart = &document["chart"];
    assert_eq!(chart["began"], "2026-01-02T03:00:00Z");
    assert_eq!(chart["seconds"], 72.0);
    assert_eq!(chart["running"], false);
    assert_eq!(chart["phases"], json!([{"phase": "forward", "from": 0.0}]));
    let path = json!({
        "seconds": 64.0,
        "steps": [
            {"resource": null, "from": 0.0, "to": 1.0},
            {"resource": {"nested_in": [], "logical_id": "Role"}, "from": 1.0, "to": 20.0},
            {"resource": null, "from": 20.0, "to": 26.0},
            {"resource": {"nested_in": [], "logical_id": "Handler"}, "from": 26.0, "to": 71.0},
            {"resource": null, "from": 71.0, "to": 72.0},
        ],
        "saving": {"nested_in": [], "logical_id": "Handler", "seconds": 44.5},
    });
    assert_eq!(chart["critical_path"], path);
    let handler = json!({
        "nested_in": [],
        "logical_id": "Handler",
        "type": "AWS::Test::Resource",
        "replaced": false,
        "seconds": 45.0,
        "spans": [{
            "action": "create",
            "phase": "forward",
            "waits_from": 0.0,
            "waits_for": {"nested_in": [], "logical_id": "Role", "known_by": "template"},
            "from": 26.0,
            "configured": null,
            "to": 71.0,
            "outcome": "complete",
            "reason": null,
        }],
    });
    assert_eq!(chart["resources"][2], handler);
}

#[test]
fn without_the_template_the_times_decide() {
    let (sandbox, cloud) = created();
    cloud
        .on("GetTemplate")
        .error(403, "AccessDenied", "no access to the template");
    let shown = sandbox.run(&["events", "--chart"]).expect_code(0);
    shown.expect_stderr(
        "hint: the template of the stack is not known: cloudformation:GetTemplate is not allowed; what \
         its resources waited for is taken from the times",
    );
    let document = sandbox.json(&["events", "--chart"]);
    let after = &document["chart"]["resources"][2]["spans"][0]["waits_for"];
    assert_eq!(
        *after,
        json!({"nested_in": [], "logical_id": "Role", "known_by": "time"})
    );
}

#[test]
fn the_page_shows_the_timeline_with_all_text_escaped() {
    let (sandbox, _cloud) = with_events(&[
        (0.0, "", "UPDATE_IN_PROGRESS", ""),
        (
            1.0,
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "CREATE_IN_PROGRESS",
            "",
        ),
        (
            9.0,
            "&lt;script&gt;alert(1)&lt;/script&gt;",
            "CREATE_FAILED",
            "<ResourceStatusReason>&quot;&gt;&lt;img onerror=x&gt;</ResourceStatusReason>",
        ),
        (9.0, "Role", "UPDATE_FAILED", ""),
        (10.0, "", "UPDATE_FAILED", ""),
    ]);
    let page = sandbox
        .run(&["events", "--format", "html"])
        .expect_code(0)
        .stdout;
    assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
    assert!(
        page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"),
        "{page}"
    );
    assert!(
        !page.contains("<script>alert") && !page.contains("<img"),
        "{page}"
    );
    assert!(page.contains("class=\"timeline\"") && page.contains("id=\"resource-Role\""));
    // Every link has its target.
    for link in page.split("href=\"#").skip(1) {
        let target = link.split('"').next().unwrap();
        assert!(page.contains(&format!("id=\"{target}\"")), "{target}");
    }
}

#[test]
fn a_page_is_about_the_last_operation() {
    let (sandbox, _cloud) = created();
    for option in [
        &["--follow"][..],
        &["--all"],
        &["--limit", "2"],
        &["--failed"],
    ] {
        let page = [&["events", "--format", "html"], option].concat();
        let finished = sandbox.run(&page).expect_code(64);
        finished.expect_stderr(&format!(
            "`--format html` cannot be used with `{}`",
            option[0]
        ));
        let chart = [&["events", "--chart"], option].concat();
        sandbox.run(&chart).expect_code(64);
    }
}

#[test]
fn a_running_operation_is_shown_until_now() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    cloud.account().progress = Progress::Events(1);
    sandbox.run(&["events"]).expect_code(0);
    cloud.account().progress = Progress::Paused;
    let document = sandbox.json(&["events", "--chart"]);
    assert_eq!(document["chart"]["running"], true);
    assert_eq!(document["chart"]["critical_path"]["saving"], Value::Null);
}
