//! `apply` over several stacks: plans and consent for all, order, failures, plans that are made again.

use crate::cloud::{Cloud, Progress};
use crate::sandbox::Sandbox;

/// A diamond: `left` and `right` need `network`, and `app` needs both.
const MANIFEST: &str = r#"
project = "demo"
region = "eu-west-1"
allow_endpoint = true

[stacks.app]
template = "app.yaml"
parameters.Left = { from_stack = "left", output = "Name" }
needs = ["right"]

[stacks.network]
template = "network.yaml"
parameters.Title = "one"

[stacks.left]
template = "side.yaml"
parameters.Network = { from_stack = "network", output = "Name" }

[stacks.right]
template = "right.yaml"
needs = ["network"]

[environments.prod]
"#;

const NETWORK: &str = "Parameters:
  Title: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Title}}
Outputs:
  Name: {Value: !Ref Title}
";

const SIDE: &str = "Parameters:
  Network: {Type: String}
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref Network}}
Outputs:
  Name: {Value: !Sub '${Network}-left'}
";

pub(crate) const RIGHT: &str = "Resources:
  Right: {Type: AWS::SNS::Topic, Properties: {DisplayName: right}}
";

const APP: &str = "Parameters:
  Left: {Type: String}
Resources:
  App: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref Left}}
";

/// The command that destroys everything without a question: the queue stores messages.
const DESTROY: [&str; 4] = ["destroy", "--yes", "--allow-delete", "left:Queue"];

fn project() -> (Sandbox, Cloud) {
    let cloud = Cloud::start();
    let sandbox = Sandbox::new()
        .file("manifest.toml", MANIFEST)
        .file("network.yaml", NETWORK)
        .file("side.yaml", SIDE)
        .file("right.yaml", RIGHT)
        .file("app.yaml", APP)
        .cloud(&cloud);
    (sandbox, cloud)
}

pub(crate) fn deployed() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = project();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Adds a topic to the resources of a template.
pub(crate) fn add_topic(sandbox: &Sandbox, template: &str) {
    let more = "Resources:\n  More: {Type: AWS::SNS::Topic}";
    sandbox.edit(template, "Resources:", more);
}

/// Returns the stacks whose change sets were executed, in their order.
pub(crate) fn executed(cloud: &Cloud) -> Vec<String> {
    let calls = cloud.calls_of("ExecuteChangeSet");
    let stacks = calls.iter().map(|call| {
        let id = call.parameter("ChangeSetName");
        let account = cloud.account();
        let mut stacks = account.stacks.iter();
        let found = stacks.find(|stack| stack.executed.iter().any(|set| set.id == id));
        let name = found.map_or(id, |stack| &stack.name);
        let name = name.trim_start_matches("demo-").trim_end_matches("-dev");
        name.to_owned()
    });
    stacks.collect()
}

#[test]
fn a_new_project_is_deployed_in_the_order_of_the_graph_without_a_question() {
    let (sandbox, cloud) = project();
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("4 stacks: 4 done\n");
    let order = executed(&cloud);
    assert_eq!(order.len(), 4, "{order:?}");
    assert_eq!((&*order[0], &*order[3]), ("network", "app"), "{order:?}");
    // A second run has nothing to do, and asks nothing.
    cloud.forget_calls();
    let again = sandbox.run(&["apply"]).expect_code(0);
    again.expect_stderr("4 stacks: 4 unchanged\n");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn what_does_not_change_an_input_is_deployed_with_the_plan_that_was_shown() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("4 stacks: 1 done, 3 unchanged\n");
    assert_eq!(executed(&cloud), ["right"]);
}

#[test]
fn a_changed_input_is_known_and_its_plan_is_the_same_again() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("manifest.toml", "\"one\"", "\"two\"");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    applied.expect_stderr("3 done, 1 unchanged");
    assert_eq!(executed(&cloud), ["network", "left", "app"]);
    let mut account = cloud.account();
    let app = account.stack("demo-app-dev").deployed.clone().unwrap();
    assert_eq!(app.parameters["Left"], "two-left");
}

#[test]
fn what_needs_a_failed_stack_is_not_begun_and_the_rest_goes_on() {
    let (sandbox, cloud) = project();
    cloud.account().fail("Queue", "no more queues");
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(3);
    applied.expect_stderr("2 done, 1 rolled back, 1 not begun");
    applied.expect_stderr("left was not done");
    // The next run does what is left.
    cloud.account().failing.clear();
    cloud.forget_calls();
    let again = sandbox.run(&["apply", "--yes"]).expect_code(0);
    again.expect_stderr("2 done, 2 unchanged");
    assert_eq!(executed(&cloud), ["left", "app"]);
}

#[test]
fn a_declined_question_changes_nothing() {
    let (sandbox, cloud) = project();
    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Apply:").type_line("no");
    let declined = running.wait().expect_code(4);
    declined.expect_stderr("not applied: the answer was not `yes`");
    assert!(executed(&cloud).is_empty());
    assert_eq!(cloud.account().change_sets(), 0);
    let refused = sandbox.run(&["apply"]).expect_code(4);
    refused.expect_stderr("cannot ask a question without a terminal");
    refused.expect_stderr("run `stackctl apply --yes -s 'network,left,right,app' -e dev`");
}

#[test]
fn a_plan_that_differs_from_the_one_shown_is_refused_or_asked_again() {
    let (sandbox, cloud) = deployed();
    // Its output is known only after the deployment.
    sandbox.edit(
        "network.yaml",
        "{Value: !Ref Title}",
        "{Value: !GetAtt Topic.TopicName}",
    );
    let refused = sandbox.run(&["apply", "--yes"]).expect_code(4);
    refused.expect_stderr("not applied: the plan is not the one that was shown");
    refused.expect_stderr("--accept-replans");
    assert_eq!(executed(&cloud), ["network"]);
    cloud.forget_calls();
    sandbox
        .run(&["apply", "--yes", "--accept-replans"])
        .expect_code(0);
}

#[test]
fn a_plan_that_differs_from_the_one_shown_is_asked_about_on_a_terminal() {
    let (sandbox, cloud) = deployed();
    sandbox.edit(
        "network.yaml",
        "{Value: !Ref Title}",
        "{Value: !GetAtt Topic.TopicName}",
    );
    let mut running = sandbox.spawn_on_terminal(&["apply"]);
    running.wait_for_stderr("Apply:").type_line("yes");
    let question =
        |stack: &str| format!("Do you want to apply these changes to `demo-{stack}-dev`");
    running
        .wait_for_stderr("This plan is not the one that was shown")
        .wait_for_stderr(&question("left"))
        .type_line("yes");
    running.wait_for_stderr(&question("app")).type_line("no");
    let ended = running.wait().expect_code(4);
    ended.expect_stderr("not applied: the answer was not `yes`");
    ended.expect_stderr("2 done, 1 unchanged, 1 refused");
    assert_eq!(executed(&cloud), ["network", "left"]);
    assert_eq!(cloud.account().change_sets(), 0);
    // The next run does what was declined.
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(executed(&cloud), ["app"]);
}

#[test]
fn no_line_of_one_of_several_stacks_is_blank() {
    let (sandbox, _cloud) = project();
    let applied = sandbox.run(&["apply", "--yes"]).expect_code(0);
    let is_blank = |line: &&str| line.trim_end().ends_with('|');
    let blank: Vec<&str> = applied.stderr.lines().filter(is_blank).collect();
    assert!(blank.is_empty(), "{blank:?}\n{applied}");
    applied.expect_stderr("| Applied: demo-network-dev is CREATE_COMPLETE.");
}

#[test]
fn the_plan_of_one_stack_offline_says_which_values_of_others_it_took() {
    let (sandbox, _cloud) = project();
    let offline = ["plan", "--offline", "-s", "left"];
    let unknown = sandbox.run(&offline).expect_code(0);
    unknown.expect_stdout("Network");
    unknown.expect_stdout("(not known offline: output Name of network)");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let known = sandbox.run(&offline).expect_code(0);
    known.expect_stdout("Network: \"one\" (of the last deployment: output Name of network)");
    assert!(!known.stdout.contains("Provisional"), "{known}");
    let document = sandbox.json(&offline);
    let input = &document["provisional"][0];
    assert_eq!(
        (&input["change"], &input["before"]),
        (&"offline".into(), &"one".into())
    );
}

#[test]
fn a_parameter_for_all_stacks_that_none_declares_is_reported_once() {
    let (sandbox, _cloud) = project();
    let shared = "region = \"eu-west-1\"\nparameters.Titel = \"two\"\nparameters.Left = \"x\"\n";
    sandbox.edit("manifest.toml", "region = \"eu-west-1\"\n", shared);
    let validated = sandbox.run(&["validate"]).expect_code(0);
    let message = "no stack's template declares the parameter `Titel`";
    assert_eq!(validated.stderr.matches(message).count(), 1, "{validated}");
    validated.expect_stderr("did you mean `Title`?");
    assert!(
        !validated.stderr.contains("parameter `Left`"),
        "{validated}"
    );
    // What linted the templates, or did not, is printed once.
    let linted = validated.stderr.matches("inted").count();
    assert_eq!(linted, 1, "{validated}");
    let ignored = "\n[lint]\nignore = [\"undeclared-parameter\"]\n";
    sandbox.append("manifest.toml", ignored);
    let validated = sandbox.run(&["validate"]).expect_code(0);
    assert!(!validated.stderr.contains(message), "{validated}");
}

#[test]
fn ctrl_c_asks_once_for_all_and_what_runs_is_cancelled() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    add_topic(&sandbox, "app.yaml");
    add_topic(&sandbox, "side.yaml");
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn_on_terminal(&["apply", "--yes"]);
    running.wait_until("two updates", || {
        cloud.calls_of("ExecuteChangeSet").len() == 2
    });
    running
        .wait_for_stderr("UPDATE_IN_PROGRESS")
        .wait_until("the second one", || {
            cloud.calls_of("DescribeStackEvents").len() > 8
        });
    running.interrupt();
    running
        .wait_for_stderr("Leave or cancel:")
        .type_line("cancel");
    running.wait_until("both are cancelled", || {
        cloud.calls_of("CancelUpdateStack").len() == 2
    });
    cloud.account().progress = Progress::Done;
    let ended = running.wait().expect_code(3);
    let questions = ended.stderr.matches("Leave the operations on").count();
    assert_eq!(questions, 1, "{}", ended.stderr);
    ended.expect_stderr("1 unchanged, 2 rolled back, 1 not begun");
}

#[test]
fn an_interrupted_run_without_a_terminal_leaves_what_runs_and_names_one_command() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    add_topic(&sandbox, "side.yaml");
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running.wait_until("two updates", || {
        cloud.calls_of("ExecuteChangeSet").len() == 2
    });
    running.interrupt();
    let ended = running.wait().expect_code(130);
    assert_eq!(ended.stderr.matches("hint:").count(), 1, "{}", ended.stderr);
    ended.expect_stderr("`stackctl apply --yes --wait -s");
    // The command follows what runs, and deploys nothing twice.
    cloud.account().progress = Progress::Done;
    cloud.forget_calls();
    sandbox.run(&["apply", "--yes", "--wait"]).expect_code(0);
    assert!(executed(&cloud).is_empty());
}

#[test]
fn jobs_limits_how_many_stacks_are_deployed_at_once() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    add_topic(&sandbox, "side.yaml");
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["apply", "--yes", "--jobs", "1"]);
    running.wait_until("one update", || {
        cloud.calls_of("DescribeStackEvents").len() > 6
    });
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
    cloud.account().progress = Progress::Done;
    running.wait().expect_code(0);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 2);
}

#[test]
fn the_outputs_of_all_stacks_are_one_document() {
    let (sandbox, _cloud) = project();
    let file = ["apply", "--yes", "--outputs-file", "outputs.json"];
    sandbox.run(&file).expect_code(0);
    let text = std::fs::read_to_string(sandbox.path("outputs.json")).unwrap();
    let document: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(document["schema"], "stackctl.outputs-of-stacks/1");
    let left = &document["stacks"][1];
    assert_eq!(left["stack"], "left");
    assert_eq!(left["document"]["outputs"]["Name"]["value"], "one-left");
}

#[test]
fn destroy_goes_against_the_order_after_one_question() {
    let (sandbox, cloud) = deployed();
    let deleted = |cloud: &Cloud| -> Vec<String> {
        let calls = cloud.calls_of("DeleteStack");
        let calls = calls.iter().map(|call| {
            let id = call.parameter("StackName").to_owned();
            let name = id.split('/').nth(1).unwrap_or(&id).to_owned();
            name.trim_start_matches("demo-")
                .trim_end_matches("-dev")
                .to_owned()
        });
        calls.collect()
    };
    let mut running = sandbox.spawn_on_terminal(&["destroy"]);
    running.wait_for_stderr("Type the project's name, demo, to destroy them:");
    running.type_line("no");
    let declined = running.wait().expect_code(4);
    declined.expect_stderr("not destroyed: the answer was not the project's name");
    assert!(deleted(&cloud).is_empty());
    let destroyed = sandbox.run(&DESTROY).expect_code(0);
    destroyed.expect_stderr("4 stacks: 4 done");
    let order = deleted(&cloud);
    assert_eq!(
        (order.len(), &*order[0], &*order[3]),
        (4, "app", "network"),
        "{order:?}"
    );
    sandbox
        .run(&DESTROY)
        .expect_code(0)
        .expect_stderr("4 unchanged");
}

#[test]
fn a_stack_that_another_one_uses_is_not_destroyed_alone() {
    let (sandbox, cloud) = deployed();
    let refused = sandbox
        .run(&["destroy", "-s", "left", "--yes"])
        .expect_code(4);
    refused.expect_stderr("not destroyed: `app` (`demo-app-dev`) uses `left`");
    refused.expect_stderr("`stackctl destroy -s 'left,app' -e dev`");
    refused.expect_stderr("--allow-dependent app");
    let both = sandbox
        .run(&["destroy", "-s", "left,network", "--yes"])
        .expect_code(4);
    both.expect_stderr("uses `left`");
    assert!(cloud.calls_of("DeleteStack").is_empty());
    let allowed = [
        "destroy",
        "-s",
        "left",
        "--yes",
        "--allow-dependent",
        "app",
        "--allow-delete",
        "Queue",
    ];
    sandbox.run(&allowed).expect_code(0);
    assert_eq!(cloud.calls_of("DeleteStack").len(), 1);
}

#[test]
fn all_stacks_that_use_one_also_through_others_are_named() {
    let (sandbox, cloud) = deployed();
    let refused = sandbox
        .run(&["destroy", "-s", "network", "--yes"])
        .expect_code(4);
    for sentence in [
        "`left` (`demo-left-dev`) uses `network`",
        "`right` (`demo-right-dev`) uses `network`",
        "`app` (`demo-app-dev`) uses `",
    ] {
        refused.expect_stderr(sentence);
    }
    refused.expect_stderr(
        "to destroy all of them: `stackctl destroy -s 'network,app,left,right' -e dev`",
    );
    // The one that uses these alone keeps what it uses.
    refused.expect_stderr("--allow-dependent left --allow-dependent right -s network");
    assert!(cloud.calls_of("DeleteStack").is_empty());
    // Those that do not exist use nothing.
    let app = ["destroy", "-s", "app", "--yes"];
    sandbox.run(&app).expect_code(0);
    let refused = sandbox
        .run(&["destroy", "-s", "network", "--yes"])
        .expect_code(4);
    assert!(!refused.stderr.contains("demo-app-dev"), "{refused}");
}

#[test]
fn a_deletion_that_fails_leaves_what_the_stack_depends_on() {
    let (sandbox, cloud) = deployed();
    let is_right = |call: &crate::cloud::Call| call.parameter("StackName").contains("right");
    let refusal = cloud.on("DeleteStack").only(is_right);
    refusal.error(400, "ValidationError", "this stack is needed");
    let failed = sandbox.run(&DESTROY).expect_code(1);
    failed.expect_stderr("2 done, 1 failed, 1 not begun");
    assert_eq!(
        cloud.account().stack("demo-network-dev").status,
        "CREATE_COMPLETE"
    );
}

#[test]
fn names_of_resources_name_their_stack_if_several_are_destroyed() {
    let (sandbox, _cloud) = deployed();
    let refused = sandbox
        .run(&["destroy", "--yes", "--allow-delete", "App"])
        .expect_code(1);
    refused.expect_stderr("does not say in which of the stacks the resource is");
    let unknown = ["destroy", "--yes", "--allow-delete", "web:App"];
    let unknown = sandbox.run(&unknown).expect_code(1);
    unknown.expect_stderr("names the stack `web`, which is not destroyed");
}

#[test]
fn a_guard_of_one_stack_keeps_all_from_being_deployed() {
    let (sandbox, cloud) = deployed();
    sandbox.edit("right.yaml", "DisplayName: right", "DisplayName: other");
    sandbox.edit("side.yaml", "  Queue: {", "  Other: {");
    let refused = sandbox.run(&["apply", "--yes"]).expect_code(4);
    refused.expect_stderr("nothing was applied, because of left");
    refused.expect_stderr("left:Queue");
    assert!(executed(&cloud).is_empty());
    assert_eq!(cloud.account().change_sets(), 0);
    let allowed = ["apply", "--yes", "--allow-delete", "left:Queue"];
    sandbox.run(&allowed).expect_code(0);
}

#[test]
fn a_resource_that_two_stacks_lose_is_allowed_with_the_name_of_its_stack_alone() {
    let (sandbox, cloud) = project();
    let queue = "Resources:\n  Queue: {Type: AWS::SQS::Queue}";
    sandbox.edit("right.yaml", "Resources:", queue);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    sandbox.edit("right.yaml", queue, "Resources:");
    sandbox.edit("side.yaml", "  Queue: {", "  Other: {");
    let ambiguous = ["apply", "--yes", "--allow-delete", "Queue"];
    let refused = sandbox.run(&ambiguous).expect_code(4);
    refused.expect_stderr("`--allow-delete Queue` may be meant for left or for right");
    refused.expect_stderr("`--allow-delete left:Queue` or `--allow-delete right:Queue`");
    assert!(executed(&cloud).is_empty());
    assert_eq!(cloud.account().change_sets(), 0);
    // The name of one stack allows it for that one alone.
    let one = ["apply", "--yes", "--allow-delete", "left:Queue"];
    let refused = sandbox.run(&one).expect_code(4);
    refused.expect_stderr("right:Queue");
    assert!(executed(&cloud).is_empty());
    let both = [&one[..], &["--allow-delete", "right:Queue"]].concat();
    sandbox.run(&both).expect_code(0);
}
