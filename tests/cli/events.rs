//! Events during and after an operation, and the report of a failure.

use serde_json::Value;

use crate::cloud::{Progress, xml};
use crate::demo;
use crate::sandbox::Finished;

/// Returns the events of a JSON document as `logical_id STATUS`.
fn statuses(document: &Value) -> Vec<String> {
    let events = document["events"].as_array().unwrap().iter();
    let text = |event: &Value, name: &str| event[name].as_str().unwrap().to_owned();
    events
        .map(|event| format!("{} {}", text(event, "logical_id"), text(event, "status")))
        .collect()
}

/// Returns the output without the timestamp at the start of each event.
fn undated(finished: &Finished) -> String {
    let finished = finished.to_string();
    let lines = finished.lines().map(|line| match line.split_once("Z  ") {
        Some((when, event)) if when.starts_with("20") => format!("[WHEN]  {event}\n"),
        _ => format!("{line}\n"),
    });
    lines.collect()
}

/// Returns the statuses and names of the events in stderr, without times and reasons.
fn shown(finished: &Finished) -> Vec<String> {
    let is_status = |word: &str| word.chars().all(|c| c.is_ascii_uppercase() || c == '_');
    let words = finished.stderr.lines().filter_map(|line| {
        let words: Vec<&str> = line.split_whitespace().skip(1).take(2).collect();
        let status = words
            .first()
            .filter(|word| word.contains('_') && is_status(word));
        status.map(|_| words.join(" "))
    });
    words.collect()
}

#[test]
fn events_shows_the_last_operation_or_what_the_flags_select() {
    let (sandbox, cloud) = demo::changed();
    // The pages are read as far as needed.
    cloud.account().page_size = 2;
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let update = [
        "demo-dev UPDATE_IN_PROGRESS",
        "Role UPDATE_IN_PROGRESS",
        "Role UPDATE_COMPLETE",
        "demo-dev UPDATE_COMPLETE_CLEANUP_IN_PROGRESS",
        "demo-dev UPDATE_COMPLETE",
    ];
    let last = sandbox.run(&["events", "--format", "json"]).expect_code(0);
    let document = last.json();
    assert_eq!(document["schema"], "stackctl.events/1");
    assert_eq!(document["status"], "UPDATE_COMPLETE");
    assert_eq!(statuses(&document), update);
    let all = sandbox.json(&["events", "--all"]);
    let all = statuses(&all);
    assert_eq!(all.len(), cloud.account().stack("demo-dev").events.len());
    assert!(all[0].ends_with("CREATE_IN_PROGRESS") && all.ends_with(&update.map(str::to_owned)));

    insta::assert_snapshot!(undated(&sandbox.run(&["events", "--limit", "2"])), @r"
    --- stdout
    [WHEN]  UPDATE_COMPLETE_CLEANUP_IN_PROGRESS  demo-dev  AWS::CloudFormation::Stack: deleting replaced and removed resources
    [WHEN]  UPDATE_COMPLETE     demo-dev  AWS::CloudFormation::Stack
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(&["events", "--failed"]), @r"
    --- stderr
    There are no such events.
    --- exit 0
    ");
}

#[test]
fn events_of_an_older_operation_are_not_shown() {
    let (sandbox, cloud) = demo::changed();
    cloud.account().page_size = 1;
    cloud.account().progress = Progress::Events(1);
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(0);
    assert_eq!(
        shown(&finished),
        [
            "UPDATE_IN_PROGRESS demo-dev",
            "UPDATE_IN_PROGRESS Role",
            "UPDATE_COMPLETE Role",
            "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS demo-dev",
            "UPDATE_COMPLETE demo-dev",
        ]
    );
}

#[test]
fn follow_prints_a_running_operation_to_its_end() {
    let (sandbox, cloud) = demo::changed();
    demo::leave_running(&sandbox, &cloud);
    sandbox.run(&["events"]).expect_code(0).expect_stderr(
        "hint: an operation is running (UPDATE_IN_PROGRESS): `stackctl events --follow -e dev`",
    );

    let mut following = sandbox.spawn(&["events", "--follow"]);
    following.wait_for_stdout("UPDATE_IN_PROGRESS").interrupt();
    let finished = following.wait().expect_code(130);
    finished
        .expect_stderr("the operation continues; follow it with `stackctl events --follow -e dev`");

    cloud.account().progress = Progress::Events(1);
    let followed = sandbox.run(&["events", "--follow", "--format", "json"]);
    let followed = followed.expect_code(0);
    let lines: Vec<Value> = followed
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5, "{followed}");
    assert!(
        lines
            .iter()
            .all(|line| line["schema"] == "stackctl.event/1")
    );
    assert_eq!(lines[4]["status"], "UPDATE_COMPLETE");
    assert_eq!(lines[4]["role"], "progress");
    // After the operation has ended, the same events are printed again.
    let again = sandbox
        .run(&["events", "-f", "--format", "json"])
        .expect_code(0);
    assert_eq!(again.stdout, followed.stdout);
}

#[test]
fn follow_reports_the_cause_of_a_failure() {
    let (sandbox, cloud) = demo::changed();
    let reason = "Resource handler returned message: \"User: arn:aws:iam::1:user/ann is not \
        authorized to perform: iam:UpdateRole on resource: role demo because no identity-based policy \
        allows it (Service: Iam, Status Code: 403, Request ID: 1)\" (RequestToken: 2, \
        HandlerErrorCode: AccessDenied)";
    cloud.account().fail("Role", reason);
    demo::leave_running(&sandbox, &cloud);
    cloud.account().progress = Progress::Events(3);
    let followed = sandbox.run(&["events", "--follow", "--failed"]);
    insta::assert_snapshot!(undated(&followed), @r#"
    --- stdout
    [WHEN]  UPDATE_FAILED       Role      AWS::IAM::Role: Resource handler returned message: "User: arn:aws:iam::1:user/ann is not authorized to perform: iam:UpdateRole on resource: role demo because no identity-based policy allows it (Service: Iam, Status Code: 403, Request ID: 1)" (RequestToken: 2, HandlerErrorCode: AccessDenied)
    --- stderr
    error: the deployment failed and was rolled back (UPDATE_ROLLBACK_COMPLETE): the stack is as it was
      caused by: AWS::IAM::Role Role UPDATE_FAILED: User: arn:aws:iam::1:user/ann is not authorized to perform: iam:UpdateRole on resource: role demo because no identity-based policy allows it
    hint: the deploying principal (the caller, or `stack.role_arn`) needs iam:UpdateRole on role demo: allow it in a policy of that user or role
    hint: fix the cause, then run `stackctl apply -e dev`
    --- exit 3
    "#);
}

#[test]
fn deleted_stack_is_found_by_name_or_arn() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud
        .on("ListStacks")
        .times(1)
        .reply_result("<StackSummaries/>");
    insta::assert_snapshot!(sandbox.run(&["events"]), @r"
    --- stderr
    error: there is no stack `demo-dev`
    hint: `stackctl apply -e dev` deploys it
    --- exit 1
    ");

    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.run(&["destroy", "--yes"]).expect_code(0);
    let id = cloud.account().stack("demo-dev").id.clone();
    let summary = |name: &str, id: &str, day: u8| {
        format!(
            "<member><StackName>{name}</StackName><StackId>{id}</StackId>\
             <DeletionTime>2025-06-{day:02}T00:00:00Z</DeletionTime>\
             <StackStatus>DELETE_COMPLETE</StackStatus></member>"
        )
    };
    cloud.on("ListStacks").reply_result(&format!(
        "<StackSummaries>{}{}{}</StackSummaries>",
        summary("demo-dev", "arn:older", 1),
        summary("demo-dev", &id, 3),
        summary("other", "arn:other", 4)
    ));
    let by_name = sandbox.run(&["events"]).expect_code(0);
    assert!(
        by_name
            .stderr
            .starts_with("The stack `demo-dev` was deleted: arn:"),
        "{by_name}"
    );
    by_name.expect_stdout("DELETE_COMPLETE");
    let by_arn = sandbox.run(&["events", "--stack-id", &id]).expect_code(0);
    assert_eq!(by_arn.stdout, by_name.stdout);
    assert_eq!(by_arn.stderr, "");
}

#[test]
fn events_and_cause_of_a_nested_stack_are_shown() {
    let (sandbox, cloud) = demo::with_nested(&["Network"]);
    let embedded = "Embedded stack arn:x was not successfully created: The following resource(s) \
        failed to create: [Logs, Vpc].";
    cloud.account().fail("Network", embedded);
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["apply", "--yes", "-v"]);
    running.wait_for_stderr("CREATE_IN_PROGRESS");
    let taken = "/logs/demo already exists in stack arn:aws:cloudformation:eu-west-1:1:stack/old";
    {
        let mut account = cloud.account();
        account.nest(
            "Network",
            &[
                ("", "CREATE_IN_PROGRESS", ""),
                ("Vpc", "CREATE_FAILED", "Resource creation cancelled"),
                ("Logs", "CREATE_FAILED", taken),
            ],
        );
        account.progress = Progress::Events(4);
    }
    let finished = running.wait().expect_code(3);
    let shown = shown(&finished);
    for line in [
        "CREATE_FAILED Network/Logs",
        "CREATE_IN_PROGRESS Network/(stack)",
    ] {
        let count = shown.iter().filter(|shown| *shown == line).count();
        assert_eq!(count, 1, "{line}\n{finished}");
    }
    let message = finished.stderr.find("error[").unwrap();
    insta::assert_snapshot!(&finished.stderr[message..], @r"
    error[deployment-failed]: `Network/Logs`: /logs/demo already exists in stack arn:aws:cloudformation:eu-west-1:1:stack/old
      --> stack.yaml.j2:26:3
       |
    26 |   Network:
       |   ^^^^^^^

    error: the deployment failed and was rolled back (ROLLBACK_COMPLETE): only the empty stack is left
      caused by: AWS::Test::Resource Network/Logs CREATE_FAILED: /logs/demo already exists in stack arn:aws:cloudformation:eu-west-1:1:stack/old (and 2 more were cancelled because of it)
    hint: the stack arn:aws:cloudformation:eu-west-1:1:stack/old has a resource with this name: choose another name, or remove the resource from that stack first
    hint: fix the cause, then run `stackctl apply -e dev` to recreate the stack
    ");
}

#[test]
fn nested_failure_is_shown_in_the_nested_template() {
    let inner = "# R\u{e9}seau\nResources:\n  Logs:\n    Type: AWS::Logs::LogGroup\n    \
        Properties:\n      LogGroupName: /logs/demo\n";
    for local in [true, false] {
        let (sandbox, cloud) = demo::with_nested(&["Network"]);
        if local {
            sandbox.write("network.yaml", inner);
        }
        let kept = inner.replace('\u{e9}', "?");
        cloud
            .on("GetTemplate")
            .only(|call| call.parameter("StackName").contains("/Network/"))
            .reply_result(&xml::element("TemplateBody", &kept));
        let embedded = "Embedded stack arn:x was not successfully created: The following resource(s) \
            failed to create: [Logs].";
        cloud.account().fail("Network", embedded);
        cloud.account().progress = Progress::Paused;
        let mut running = sandbox.spawn(&["apply", "--yes", "--events", "none"]);
        running.wait_for_call(&cloud, "ExecuteChangeSet");
        running.wait_until("the begin", || {
            let mut account = cloud.account();
            !account.stack("demo-dev").pending().is_empty()
        });
        {
            let mut account = cloud.account();
            let taken = "/logs/demo already exists";
            account.nest(
                "Network",
                &[
                    ("", "CREATE_IN_PROGRESS", ""),
                    ("Logs", "CREATE_FAILED", taken),
                ],
            );
            account.progress = Progress::Events(4);
        }
        let finished = running.wait().expect_code(3);
        let message = finished.stderr.find("error[").unwrap();
        let message = &finished.stderr[message..];
        let (place, rest) = message.split_once("\nerror: ").unwrap();
        assert!(
            rest.contains("Network/Logs CREATE_FAILED: /logs/demo already"),
            "{rest}"
        );
        if local {
            insta::assert_snapshot!(place, @r"
            error[deployment-failed]: `Network/Logs`: /logs/demo already exists
             --> network.yaml:6:21
              |
            6 |       LogGroupName: /logs/demo
              |                     ^^^^^^^^^^
            ");
        } else {
            insta::assert_snapshot!(place, @r"
            error[deployment-failed]: `Network/Logs`: /logs/demo already exists
             --> the template of `Network`:6:21
              |
            6 |       LogGroupName: /logs/demo
              |                     ^^^^^^^^^^
            ");
        }
    }
}

#[test]
fn failed_hook_is_the_cause() {
    let (sandbox, cloud) = demo::in_cloud();
    let reason = "The following hook(s) failed: [Private::Guard::Hook]";
    cloud.account().fail("Bucket", reason);
    cloud.account().progress = Progress::Paused;
    let mut running = sandbox.spawn(&["apply", "--yes", "--events", "errors"]);
    running.wait_for_call(&cloud, "DescribeStackEvents");
    running.wait_until("execution", || {
        !cloud.calls_of("ExecuteChangeSet").is_empty()
    });
    {
        let mut account = cloud.account();
        let pending = account.stack("demo-dev").pending();
        pending[0].members = "<HookType>Private::Guard::Hook</HookType>\
            <HookStatus>HOOK_COMPLETE_FAILED</HookStatus>\
            <HookStatusReason>buckets need a key</HookStatusReason>\
            <HookFailureMode>FAIL</HookFailureMode>"
            .to_owned();
        account.progress = Progress::Done;
    }
    insta::assert_snapshot!(running.wait().without_stdout(), @"
    --- stderr
    [UPLOAD]

      [TIME]  CREATE_IN_PROGRESS  Bucket    AWS::S3::Bucket: Private::Guard::Hook HOOK_COMPLETE_FAILED buckets need a key
      [TIME]  CREATE_FAILED       Bucket    AWS::S3::Bucket: The following hook(s) failed: [Private::Guard::Hook]
    error[deployment-failed]: `Bucket`: The following hook(s) failed: [Private::Guard::Hook]
     --> stack.yaml.j2:2:3
      |
    2 |   Bucket:
      |   ^^^^^^

    error: the deployment failed and was rolled back (ROLLBACK_COMPLETE): only the empty stack is left
      caused by: AWS::S3::Bucket Bucket CREATE_FAILED: The following hook(s) failed: [Private::Guard::Hook]
      caused by: buckets need a key
    hint: the hook Private::Guard::Hook of this account or organization rejects the resource: change the property that it checks, or ask the owner of the hook
    hint: fix the cause, then run `stackctl apply -e dev` to recreate the stack
    --- exit 3
    ");
}

#[test]
fn encoded_authorization_message_is_decoded_if_permitted() {
    let reason = "You are not authorized to perform this operation. Encoded authorization failure \
        message: 4GYwd8aZ-x_Kq0000000000000000 (Service: AmazonEC2; Status Code: 403)";
    let decoded = "{&quot;explicitDeny&quot;:true,&quot;context&quot;:{&quot;action&quot;:\
        &quot;s3:CreateBucket&quot;,&quot;resource&quot;:&quot;arn:aws:s3:::demo&quot;}}";
    for permitted in [true, false] {
        let (sandbox, cloud) = demo::in_cloud();
        cloud.account().fail("Bucket", reason);
        let rule = cloud.on("DecodeAuthorizationMessage");
        if permitted {
            rule.reply_result(&xml::element("DecodedMessage", decoded));
        } else {
            rule.error(403, "AccessDenied", "no");
        }
        let finished = sandbox
            .run(&["apply", "--yes", "--events", "none"])
            .expect_code(3);
        assert!(shown(&finished).is_empty(), "{finished}");
        let hint = if permitted {
            "hint: a policy denies s3:CreateBucket on arn:aws:s3:::demo explicitly"
        } else {
            "hint: the deploying principal (the caller, or `stack.role_arn`) lacks a permission"
        };
        finished.expect_stderr(hint);
        assert_eq!(
            finished.stderr.contains("4GYwd8aZ"),
            !permitted,
            "{finished}"
        );
    }
}

#[test]
fn unreadable_events_do_not_change_the_result() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud
        .on("DescribeStackEvents")
        .after(1)
        .error(403, "AccessDenied", "no more events");
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(0);
    finished.expect_stderr("Applied: demo-dev is CREATE_COMPLETE.");
}

#[test]
fn credentials_that_expire_during_an_operation_are_reported() {
    let (sandbox, cloud) = demo::changed();
    cloud.account().progress = Progress::Paused;
    cloud
        .on("DescribeStacks")
        .after(2)
        .error(403, "ExpiredToken", "The security token is expired");
    let finished = sandbox.run(&["apply", "--yes", "--events", "none"]);
    insta::assert_snapshot!(finished.without_stdout(), @"
    --- stderr

    error: cannot describe the stack `demo-dev`
      caused by: The security token is expired (ExpiredToken)
    hint: the credentials have expired: run `aws sso login`
    hint: or export fresh AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN
    hint: the operation continues; follow it with `stackctl events --follow -e dev`
    hint: `stackctl apply --wait -e dev` waits for its end and continues from there
    --- exit 1
    ");
}

#[test]
fn unresponsive_service_is_reported_once() {
    let (sandbox, cloud) = demo::changed();
    let polls = cloud.on("DescribeStacks").times(1);
    let polls = polls.only(|call| call.parameter("StackName").starts_with("arn:"));
    // Longer than the time before the warning, and shorter than the time limit of a call.
    polls.delay(22_000).carry_on();
    let finished = sandbox.run(&["apply", "--yes"]).expect_code(0);
    for message in [
        "warning: no answer from CloudFormation for 20 s; still trying\n",
        "CloudFormation answered again after 22 s.\n",
        "Applied: demo-dev is UPDATE_COMPLETE.",
    ] {
        assert_eq!(finished.stderr.matches(message).count(), 1, "{finished}");
    }
}

#[test]
fn circular_page_tokens_end_the_reading() {
    let (sandbox, cloud) = demo::deployed();
    for (from, to) in [("", "a"), ("a", "b"), ("b", "a")] {
        let asked = cloud.on("DescribeStackEvents");
        let asked = asked.only(move |call| call.parameter("NextToken") == from);
        asked.reply_result(&xml::element("NextToken", to));
    }
    sandbox.run(&["events", "--all"]).expect_code(0);
    assert_eq!(cloud.calls_of("DescribeStackEvents").len(), 3);
}
