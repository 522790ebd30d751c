//! One command over several stacks: output, report, exit code.

use serde_json::Value;

use crate::cloud::{Cloud, Deployment};
use crate::drift;
use crate::sandbox::Sandbox;

const MANIFEST: &str = r#"
project = "demo"
region = "eu-west-1"
allow_endpoint = true

[stacks.edge]
template = "queue.yaml"
region = "us-east-1"
needs = ["app"]

[stacks.network]
template = "topic.yaml"

[stacks.app]
template = "queue.yaml"
needs = ["network"]

[environments.prod]
"#;

const TOPIC: &str = "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\nOutputs:\n  TopicArn:\n    \
    Value: !Ref Topic\n";

const QUEUE: &str = "Resources:\n  Queue:\n    Type: AWS::SQS::Queue\n";

/// The stacks in the order of the graph.
const ORDER: [&str; 3] = ["network", "app", "edge"];

fn files() -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("topic.yaml", TOPIC)
        .file("queue.yaml", QUEUE)
}

fn in_cloud() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    (files().cloud(&cloud), cloud)
}

/// Returns the project with all stacks of the environment `dev` deployed as the files say.
fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = in_cloud();
    for stack in ORDER {
        let template = if stack == "network" { TOPIC } else { QUEUE };
        let name = format!("demo-{stack}-dev");
        let deployment = Deployment::of_demo(template);
        cloud.account().deploy(&name, deployment);
    }
    (sandbox, cloud)
}

/// Returns the members of a document's stacks by a name.
fn members<'d>(document: &'d Value, name: &str) -> Vec<&'d Value> {
    let stacks = document["stacks"].as_array().unwrap();
    stacks.iter().map(|entry| &entry[name]).collect()
}

#[test]
fn blocks_are_in_the_order_of_the_graph_under_their_names() {
    let (sandbox, _cloud) = deployed();
    // What the others write is in the order in which they end.
    let outputs = sandbox
        .run(&["outputs", "-s", "network,app"])
        .expect_code(0);
    insta::assert_snapshot!(outputs, @r"
    --- stdout
    ── network  demo-network-dev · dev · eu-west-1
    output    value
    TopicArn  demo-network-dev-Topic-1A2B3C
    --- stderr
    app     | The stack has no outputs.

    network  done           [TIME]
    app      done           [TIME]
    2 stacks: 2 done
    --- exit 0
    ");
    let status = sandbox.run(&["status"]).expect_code(0);
    let headings: Vec<&str> = status
        .stdout
        .lines()
        .filter(|it| it.starts_with("──"))
        .collect();
    assert_eq!(
        headings,
        [
            "── network  demo-network-dev · dev · eu-west-1",
            "── app  demo-app-dev · dev · eu-west-1",
            "── edge  demo-edge-dev · dev · us-east-1",
        ]
    );
}

#[test]
fn each_stack_is_called_in_its_region() {
    let (sandbox, cloud) = deployed();
    sandbox.run(&["status", "-q"]).expect_code(0);
    let mut calls: Vec<(String, String)> = cloud
        .calls_of("DescribeStacks")
        .iter()
        .map(|call| (call.parameter("StackName").to_owned(), call.region.clone()))
        .collect();
    calls.sort();
    let expected = [
        ("demo-app-dev", "eu-west-1"),
        ("demo-edge-dev", "us-east-1"),
        ("demo-network-dev", "eu-west-1"),
    ];
    assert_eq!(
        calls,
        expected.map(|(name, region)| (name.to_owned(), region.to_owned()))
    );
}

#[test]
fn an_unchanged_plan_says_so_for_each_stack() {
    let (sandbox, _cloud) = deployed();
    let plan = sandbox.run(&["plan", "--detailed-exitcode"]).expect_code(0);
    plan.expect_stderr("3 stacks: 3 unchanged\n");
    let new = sandbox
        .run(&["plan", "-e", "prod", "--detailed-exitcode"])
        .expect_code(2);
    new.expect_stderr("3 stacks: 3 differs\n");
    new.expect_stderr("1 to add, 0 to change, 0 to replace, 0 to destroy");
}

#[test]
fn one_chosen_stack_is_as_a_project_of_one_stack() {
    let (sandbox, _cloud) = deployed();
    let one = sandbox.run(&["plan", "-s", "app"]).expect_code(0);
    insta::assert_snapshot!(one, @r"
    --- stdout
    Stack        demo-app-dev (environment dev)
    Account      123456789012
    Region       eu-west-1
    Endpoint     http://127.0.0.1:[PORT]

    No changes. The stack matches the files.
    --- exit 0
    ");
    // Hints name the stack.
    sandbox
        .run(&["outputs", "-s", "app", "-e", "prod"])
        .expect_code(1)
        .expect_stderr(
            "error: the stack `demo-app-prod` is not deployed\n\
         hint: `stackctl apply -s app -e prod` deploys it\n",
        );
}

#[test]
fn stacks_and_environments_are_chosen_by_name_list_and_glob() {
    let (sandbox, _cloud) = deployed();
    let chosen = |arguments: &[&str]| {
        let document = sandbox.json(&[&["status"], arguments].concat());
        let (environments, stacks) = (
            members(&document, "environment"),
            members(&document, "stack"),
        );
        let pairs = environments.into_iter().zip(stacks);
        let names = pairs.map(|(environment, stack)| {
            format!(
                "{}/{}",
                environment.as_str().unwrap(),
                stack.as_str().unwrap()
            )
        });
        names.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(chosen(&[]), "dev/network dev/app dev/edge");
    assert_eq!(chosen(&["-s", "edge,network"]), "dev/network dev/edge");
    assert_eq!(chosen(&["-s", "e*", "-s", "app"]), "dev/app dev/edge");
    assert_eq!(chosen(&["-s", "?pp", "-e", "dev,prod"]), "dev/app prod/app");
    assert_eq!(
        chosen(&["-s", "{app,edge}", "--all-envs"]),
        "dev/app dev/edge prod/app prod/edge"
    );
    sandbox
        .run(&["status", "-s", "apq"])
        .expect_code(1)
        .expect_stderr("help: did you mean `app`?");
    sandbox.run(&["status", "-e", "x*"]).expect_code(1);
}

#[test]
fn labels_name_the_environment_if_there_are_several() {
    let (sandbox, _cloud) = deployed();
    let status = sandbox
        .run(&["status", "-s", "app", "-e", "dev,prod"])
        .expect_code(0);
    status.expect_stdout("── dev/app  demo-app-dev · dev · eu-west-1\n");
    status.expect_stderr("prod/app | hint: `stackctl apply -s app -e prod` deploys it\n");
    status.expect_stderr("prod/app  done");
}

#[test]
fn every_document_holds_that_of_each_stack() {
    let (sandbox, cloud) = deployed();
    drift::begins(&cloud);
    drift::ends(&cloud, "DETECTION_COMPLETE", "IN_SYNC", "");
    drift::finds(&cloud, drift::SAME);
    let cases = [
        ("plan", "stackctl.plans/1", "stackctl.plan/1"),
        ("diff", "stackctl.diffs/1", "stackctl.diff/1"),
        ("drift", "stackctl.drifts/1", "stackctl.drift/1"),
        ("status", "stackctl.statuses/1", "stackctl.status/1"),
        (
            "outputs",
            "stackctl.outputs-of-stacks/1",
            "stackctl.outputs/1",
        ),
        ("events", "stackctl.events-of-stacks/1", "stackctl.events/1"),
        ("history", "stackctl.histories/1", "stackctl.history/1"),
        ("validate", "stackctl.validates/1", "stackctl.validate/1"),
        ("package", "stackctl.packages/1", "stackctl.package/1"),
        ("config show", "stackctl.configs/1", "stackctl.config/1"),
    ];
    for (command, of_all, of_one) in cases {
        let words: Vec<&str> = command.split(' ').collect();
        let finished = sandbox.run(&[&words[..], &["--format", "json"]].concat());
        let document = finished.json();
        assert_eq!(document["schema"], of_all, "{command}\n{finished}");
        assert_eq!(members(&document, "stack"), ORDER, "{command}");
        for entry in document["stacks"].as_array().unwrap() {
            assert_eq!(entry["environment"], "dev", "{command}");
            assert_eq!(entry["exit_code"], 0, "{command}\n{finished}");
            assert_eq!(entry["document"]["schema"], of_one, "{command}");
            assert!(entry.get("error").is_none(), "{command}");
        }
        assert_eq!(finished.code(), 0, "{command}");
        // One stack has the document that it always had.
        let one = sandbox.json(&[&words[..], &["-s", "app"]].concat());
        assert_eq!(one["schema"], of_one, "{command}");
        assert_eq!(one, document["stacks"][1]["document"], "{command}");
    }
}

#[test]
fn a_failing_stack_does_not_end_the_others() {
    let (sandbox, cloud) = deployed();
    cloud
        .on("DescribeStacks")
        .only(|call| call.parameter("StackName") == "demo-app-dev")
        .error(403, "AccessDenied", "not allowed");
    let finished = sandbox.run(&["status", "--format", "json"]).expect_code(1);
    let document = finished.json();
    assert_eq!(members(&document, "exit_code"), [0, 1, 0]);
    assert_eq!(document["stacks"][1]["document"], Value::Null);
    let error = &document["stacks"][1]["error"];
    assert!(!error["message"].as_str().unwrap().is_empty(), "{error}");
    assert!(error["hints"].is_array(), "{error}");
    finished.expect_stderr("app     | error: ");
    finished.expect_stderr("3 stacks: 2 done, 1 failed\n");
    let human = sandbox.run(&["status"]).expect_code(1);
    assert!(!human.stdout.contains("── app"), "{human}");
    human.expect_stdout("── edge");
}

#[test]
fn the_worst_exit_code_is_that_of_all() {
    let (sandbox, cloud) = deployed();
    sandbox.edit(
        "manifest.toml",
        "[stacks.network]",
        "[stacks.network]\naccount = \"999999999999\"",
    );
    sandbox.write(
        "queue.yaml",
        QUEUE.to_owned() + "  More:\n    Type: AWS::SQS::Queue\n",
    );
    let plan = ["plan", "--detailed-exitcode"];
    let refused = sandbox.run(&plan).expect_code(4);
    refused.expect_stderr("3 stacks: 2 differs, 1 refused\n");
    refused.expect_stderr("network | error: the credentials belong to account 123456789012");
    cloud
        .on("CreateChangeSet")
        .only(|call| call.parameter("StackName").contains("edge"))
        .error(400, "ValidationError", "broken");
    let failed = sandbox.run(&plan).expect_code(1);
    failed.expect_stderr("3 stacks: 1 differs, 1 failed, 1 refused\n");
    sandbox
        .run(&["plan", "-s", "app", "--detailed-exitcode"])
        .expect_code(2);
    sandbox
        .run(&["diff", "-s", "app,edge", "--exit-code"])
        .expect_code(2);
}

#[test]
fn every_line_of_a_pipe_begins_with_its_stack() {
    let (sandbox, _cloud) = in_cloud();
    let finished = sandbox.run(&["status", "-e", "dev,prod"]).expect_code(0);
    let (lines, report) = finished.stderr.split_once("\n\n").unwrap();
    assert_eq!(lines.lines().count(), 6, "{finished}");
    for line in lines.lines() {
        let (label, text) = line.split_once(" | ").unwrap();
        assert!(label.trim_end().contains('/'), "{line}");
        assert!(text.starts_with("hint: `stackctl apply -s "), "{line}");
    }
    assert_eq!(report.lines().count(), 7, "{finished}");
    let quiet = sandbox.run(&["status", "-q"]).expect_code(0);
    assert_eq!(quiet.stderr, "");
}

#[test]
fn a_terminal_shows_a_line_for_each_stack() {
    let (sandbox, cloud) = deployed();
    cloud
        .on("DescribeStacks")
        .only(|call| call.parameter("StackName") == "demo-edge-dev")
        .delay(600)
        .carry_on();
    let sandbox = sandbox.env("TERM", "xterm").env("NO_COLOR", "1");
    let running = sandbox.spawn_on_terminal(&["status"]);
    let finished = running.wait().expect_code(0);
    finished.expect_stderr(&"\u{1b}[1A\u{1b}[2K".repeat(3));
    finished.expect_stderr("running");
    assert!(
        finished.stderr.ends_with("3 stacks: 3 done\n"),
        "{finished}"
    );
}

#[test]
fn a_terminal_that_moves_no_cursor_gets_lines() {
    for (name, value) in [("TERM", "dumb"), ("CI", "true")] {
        let (sandbox, _cloud) = deployed();
        let sandbox = sandbox.env(name, value).env("NO_COLOR", "1");
        let running = sandbox.spawn_on_terminal(&["outputs", "-s", "app,edge"]);
        let finished = running.wait().expect_code(0);
        assert!(!finished.stderr.contains("\u{1b}[2K"), "{finished}");
        finished.expect_stderr("| The stack has no outputs.");
    }
}

#[test]
fn commands_for_one_stack_refuse_several() {
    let (sandbox, cloud) = deployed();
    let refused = sandbox.run(&["cancel"]).expect_code(1);
    insta::assert_snapshot!(refused, @r"
    --- stderr
    error: `cancel` works on one stack, and 3 are chosen
    hint: choose one with `-s`: `network`, `app`, `edge`
    hint: for example `stackctl cancel -s network -e dev`
    --- exit 1
    ");
    let cases: [&[&str]; 8] = [
        &["ssh"],
        &["outputs", "TopicArn"],
        &["recover"],
        &["logs"],
        &["verify"],
        &["history", "1"],
        &["diff", "--only", "Queue"],
        &["events", "--stack-id", "arn"],
    ];
    for words in cases {
        let refused = sandbox.run(words).expect_code(1);
        refused.expect_stderr("works on one stack, and 3 are chosen");
    }
    assert_eq!(cloud.operations(), Vec::<String>::new());
    // These have nothing to do with a stack.
    sandbox.run(&["version"]).expect_code(0);
    sandbox
        .run(&["diff", "topic.yaml", "queue.yaml"])
        .expect_code(0);
    let ask = ["completions", "fish", "--word=", "--", "stackctl", "-e"];
    let names = sandbox.run(&ask).expect_code(0);
    names.expect_stdout("\nprod\t");
}

#[test]
fn rendered_templates_are_one_stream() {
    let sandbox = files();
    let rendered = sandbox.run(&["render", "-q"]).expect_code(0);
    assert_eq!(
        rendered.stdout,
        format!(
            "# network: topic.yaml\n---\n{TOPIC}# app: queue.yaml\n---\n{QUEUE}\
             # edge: queue.yaml\n---\n{QUEUE}"
        )
    );
    let one = sandbox.run(&["render", "-s", "app"]).expect_code(0);
    assert_eq!(one.stdout, QUEUE);
}

#[test]
fn a_comment_has_one_marker() {
    let (sandbox, _cloud) = deployed();
    let plan = sandbox
        .run(&["plan", "--format", "markdown"])
        .expect_code(0);
    assert!(
        plan.stdout
            .starts_with("<!-- stackctl:plan demo dev -->\n\n### network\n\n<b>No changes"),
        "{plan}"
    );
    assert_eq!(plan.stdout.matches("<!--").count(), 1, "{plan}");
    let diff = sandbox
        .run(&["diff", "--format", "markdown"])
        .expect_code(0);
    assert!(
        diff.stdout.starts_with("<!-- stackctl:diff demo dev -->\n"),
        "{diff}"
    );
}

#[test]
fn a_page_begins_with_a_table_of_the_stacks() {
    let (sandbox, _cloud) = deployed();
    for (command, title) in [("plan", "Plan"), ("diff", "Differences")] {
        let finished = sandbox.run(&[command, "--format", "html"]).expect_code(0);
        let page = &finished.stdout;
        assert!(page.starts_with("<!DOCTYPE html>"), "{page}");
        assert_eq!(page.matches("<!DOCTYPE").count(), 1);
        assert!(
            page.contains(&format!("<title>{title}: demo dev</title>")),
            "{page}"
        );
        for (number, stack) in [(1, "network"), (2, "app"), (3, "edge")] {
            let link = format!("<a href=\"#stack{number}.stack\">{stack}</a>");
            assert!(page.contains(&link), "{page}");
            let article = format!("<article class=\"stack\" id=\"stack{number}.stack\"");
            assert!(page.contains(&article), "{page}");
        }
    }
}

#[test]
fn findings_in_all_stacks_are_one_sarif_run() {
    let sandbox = files();
    sandbox.write("queue.yaml", QUEUE.replace("SQS::Queue", "SQS::Queuez"));
    let log = sandbox.run(&["validate", "--format", "sarif"]).json();
    let runs = log["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1);
    assert_eq!(runs[0]["results"].as_array().unwrap().len(), 1, "{log}");
}

#[test]
fn an_artifact_of_several_stacks_is_built_once() {
    let sandbox = files()
        .file("handler/app.py", "pass\n")
        .program("make-it", "#!/bin/sh\necho built >> runs\n");
    sandbox.write(
        "manifest.toml",
        MANIFEST.to_owned() + "\n[artifacts.handler]\npath = \"handler\"\nbuild = [\"make-it\"]\n",
    );
    // The table has to come before the stacks' own.
    let packaged = sandbox.run(&["package", "--out", "zips"]).expect_code(0);
    assert_eq!(
        std::fs::read_to_string(sandbox.path("runs")).unwrap(),
        "built\n"
    );
    packaged.expect_stderr("Building `handler`: make-it\n");
    for stack in ORDER {
        assert!(
            sandbox.path(&format!("zips/{stack}/handler.zip")).is_file(),
            "{packaged}"
        );
    }
}

#[test]
fn a_build_that_failed_is_not_run_again_for_the_next_stack() {
    let sandbox = files()
        .file("handler/app.py", "pass\n")
        .program("make-it", "#!/bin/sh\necho built >> runs\nexit 3\n");
    sandbox.write(
        "manifest.toml",
        MANIFEST.to_owned() + "\n[artifacts.handler]\npath = \"handler\"\nbuild = [\"make-it\"]\n",
    );
    let packaged = sandbox.run(&["package"]).expect_code(1);
    assert_eq!(
        std::fs::read_to_string(sandbox.path("runs")).unwrap(),
        "built\n"
    );
    packaged.expect_stderr("cannot be built: `make-it` failed for `network`");
    packaged.expect_stderr("3 stacks: 3 failed\n");
}

#[test]
fn an_interrupted_run_reports_and_ends_with_130() {
    let (sandbox, cloud) = deployed();
    cloud.on("DescribeStackResources").delay(20_000).carry_on();
    cloud
        .on("ListStackResources")
        .only(|call| call.parameter("StackName") != "demo-network-dev")
        .delay(20_000)
        .carry_on();
    let mut running = sandbox.spawn(&["status"]);
    running.wait_for_call(&cloud, "ListStackResources");
    std::thread::sleep(std::time::Duration::from_millis(500));
    running.interrupt();
    let finished = running.wait().expect_code(130);
    finished.expect_stderr("3 stacks: 1 done, 2 interrupted\nerror: interrupted\n");
    finished.expect_stdout("── network");
}

#[test]
fn followed_events_of_all_stacks_are_merged() {
    let (sandbox, _cloud) = deployed();
    let human = sandbox.run(&["events", "--follow"]).expect_code(0);
    let labels = ["network | ", "app     | ", "edge    | "];
    for line in human.stdout.lines() {
        assert!(labels.iter().any(|label| line.starts_with(label)), "{line}");
    }
    let json = sandbox
        .run(&["events", "--follow", "--format", "json"])
        .expect_code(0);
    for line in json.stdout.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["schema"], "stackctl.event/1");
        assert!(ORDER.contains(&line["stack"].as_str().unwrap()));
        assert_eq!(line["environment"], "dev");
    }
}

#[test]
fn a_project_of_one_stack_knows_several_environments() {
    let manifest = "project = \"demo\"\nregion = \"eu-west-1\"\ntemplate = \"queue.yaml\"\n\
        allow_endpoint = true\n[environments.prod]\n";
    let cloud = Cloud::start();
    let sandbox = files().cloud(&cloud).file("manifest.toml", manifest);
    let status = sandbox
        .run(&["status", "-e", "dev,prod", "--format", "json"])
        .expect_code(0);
    let document = status.json();
    assert_eq!(members(&document, "stack"), [&Value::Null, &Value::Null]);
    assert_eq!(members(&document, "environment"), ["dev", "prod"]);
    status.expect_stderr("prod  done");
    sandbox.run(&["status", "-s", "app"]).expect_code(1);
}
