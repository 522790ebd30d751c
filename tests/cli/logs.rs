//! `logs`: the log lines of the functions.

use serde_json::{Value, json};

use crate::cloud::{Call, Cloud, Response};
use crate::demo;
use crate::sandbox::Sandbox;

/// The time of the log lines, in milliseconds.
const TIME: i64 = 1_767_323_045_006;

/// Deploys the project with a second function.
fn two_functions() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    let worker = "  Worker:\n    Type: AWS::Lambda::Function\n    Properties:\n      FunctionName: demo-worker\n      \
                  Handler: app.handler\n      Runtime: python3.13\n      Role: !GetAtt Role.Arn\n      \
                  Code: { ZipFile: \"pass\" }\nOutputs:\n";
    sandbox.edit("stack.yaml.j2", "Outputs:\n", worker);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    cloud.forget_calls();
    (sandbox, cloud)
}

/// Returns a page of log lines: id, milliseconds after [`TIME`], text.
pub(crate) fn page(lines: &[(&str, i64, &str)], next: Option<&str>) -> Response {
    let events: Vec<Value> = lines
        .iter()
        .map(|(id, time, message)| {
            json!({
                "eventId": id, "timestamp": TIME + time, "message": message,
                "logStreamName": "2026/01/02/[$LATEST]0123",
            })
        })
        .collect();
    let body = json!({ "events": events, "nextToken": next });
    Response::new(200, body.to_string())
}

/// Returns a condition for calls about a log group.
fn of_group(group: &'static str) -> impl Fn(&Call) -> bool + Send {
    move |call| input(call)["logGroupName"] == group
}

/// Returns the JSON body of a call.
pub(crate) fn input(call: &Call) -> Value {
    serde_json::from_slice(&call.request.body).unwrap()
}

#[test]
fn lines_of_all_functions_are_merged_by_time() {
    let (sandbox, cloud) = two_functions();
    let handler = || of_group("/aws/lambda/demo-handler");
    let read = || cloud.on("FilterLogEvents").only(handler());
    // The second page begins with a line of the first, and the last page repeats its token.
    read().times(1).reply(page(
        &[
            ("1", 0, "START RequestId: 1\n"),
            ("3", 20, "first\nsecond\n"),
        ],
        Some("more"),
    ));
    read().reply(page(
        &[("3", 20, "first\nsecond\n"), ("5", 40, "last\n")],
        Some("more"),
    ));
    cloud
        .on("FilterLogEvents")
        .only(of_group("/aws/lambda/demo-worker"))
        .reply(page(&[("2", 10, "worker\n"), ("4", 30, "done\n")], None));
    insta::assert_snapshot!(sandbox.run(&["logs"]), @"
    --- stdout
    2026-01-02 [TIME]:05.006Z  Handler  START RequestId: 1
    2026-01-02 [TIME]:05.016Z  Worker   worker
    2026-01-02 [TIME]:05.026Z  Handler  first
                                       second
    2026-01-02 [TIME]:05.036Z  Worker   done
    2026-01-02 [TIME]:05.046Z  Handler  last
    --- exit 0
    ");
    let calls = cloud.calls_of("FilterLogEvents");
    let start = input(&calls[0])["startTime"].as_i64().unwrap();
    let now = jiff::Timestamp::now().as_millisecond();
    assert!((599_000..660_000).contains(&(now - start)), "{start} {now}");
    assert_eq!(input(&calls[0])["filterPattern"], Value::Null);

    // One function, two hours, as JSON.
    cloud.forget_calls();
    let arguments = [
        "logs",
        "--function",
        "Worker",
        "--since",
        "2h",
        "--format",
        "json",
    ];
    let lines = sandbox.run(&arguments).expect_code(0).stdout;
    let lines: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(
        lines[0],
        json!({
            "schema": "stackctl.log/1", "time": "2026-01-02T03:04:05.016Z", "function": "Worker",
            "name": "demo-worker", "log_group": "/aws/lambda/demo-worker",
            "log_stream": "2026/01/02/[$LATEST]0123", "id": "2", "platform": false, "message": "worker",
        })
    );
    assert_eq!(lines.len(), 2);
    let calls = cloud.calls_of("FilterLogEvents");
    assert_eq!(calls.len(), 1, "only the group of the function is read");
    let start = input(&calls[0])["startTime"].as_i64().unwrap();
    assert!((7_199_000..7_260_000).contains(&(now - start + 1_000)));
}

#[test]
fn wrong_functions_and_durations_are_refused() {
    let (sandbox, cloud) = two_functions();
    insta::assert_snapshot!(sandbox.run(&["logs", "--function", "Handlr"]), @"
    --- stderr
    error: the stack `demo-dev` has no function `Handlr`
    hint: did you mean `Handler`?
    --- exit 1
    ");
    insta::assert_snapshot!(sandbox.run(&["logs", "--function", "Zzz"]), @"
    --- stderr
    error: the stack `demo-dev` has no function `Zzz`
    hint: its functions are `Handler`, `Worker`
    --- exit 1
    ");
    for (since, message) in [
        ("10", "it has no unit: for seconds, write `10s`"),
        ("soon", "it is not a duration: durations look like"),
        ("0s", "it must be at least a second"),
        ("-1h", "must be at least a second"),
    ] {
        let since = format!("--since={since}");
        sandbox
            .run(&["logs", &since])
            .expect_code(64)
            .expect_stderr(message);
    }
    assert!(cloud.calls_of("FilterLogEvents").is_empty());
    // A name in AWS is known too, and a very long time is everything.
    let arguments = ["logs", "--function", "demo-worker", "--since", "999999h"];
    sandbox
        .run(&arguments)
        .expect_code(0)
        .expect_stderr("There are no log lines since then.");
    assert_eq!(input(&cloud.calls_of("FilterLogEvents")[0])["startTime"], 0);
}

#[test]
fn filter_is_literal() {
    let (sandbox, cloud) = demo::deployed();
    let lines = [
        ("1", 0, "say \"hi\" 100% [x]"),
        ("2", 1, "say hi 100% [x]"),
        ("3", 2, "SAY \"HI\" 100% [X]"),
    ];
    cloud.on("FilterLogEvents").reply(page(&lines, None));
    let found = sandbox
        .run(&["logs", "--filter", "\"hi\" 100% [x]"])
        .expect_code(0);
    assert_eq!(found.stdout.lines().count(), 1, "{found}");
    found.expect_stdout("say \"hi\" 100% [x]");
    let sent = input(&cloud.calls_of("FilterLogEvents")[0])["filterPattern"].clone();
    assert_eq!(sent, "\"hi\" \"100\" \"[x]\"");
    let none = sandbox.run(&["logs", "--filter", "nothing"]).expect_code(0);
    none.expect_stderr("There are no log lines with this text since then.");
    assert_eq!(none.stdout, "");
}

#[test]
fn logs_that_are_missing_or_denied_are_named() {
    let (sandbox, cloud) = two_functions();
    let missing = "The specified log group does not exist.";
    cloud
        .on("FilterLogEvents")
        .only(of_group("/aws/lambda/demo-handler"))
        .error(400, "ResourceNotFoundException", missing);
    let denied = "User: tester is not authorized to perform: logs:FilterLogEvents";
    cloud
        .on("FilterLogEvents")
        .error(400, "AccessDeniedException", denied);
    insta::assert_snapshot!(sandbox.run(&["logs"]), @"
    --- stderr
    warning: cannot read the log `/aws/lambda/demo-worker`: the caller lacks `logs:FilterLogEvents`
    warning: the function `Handler` cannot write its log: its role `Role` (line 6 of the deployed template) lacks `logs:CreateLogStream`, `logs:PutLogEvents` and `logs:CreateLogGroup`
    `Handler`: no lines yet; the log group `/aws/lambda/demo-handler` does not exist.
    There are no log lines since then.
    --- exit 0
    ");
    insta::assert_snapshot!(sandbox.run(&["logs", "--function", "Worker"]), @"
    --- stderr
    error: cannot read the log `/aws/lambda/demo-worker`: the caller lacks `logs:FilterLogEvents`
    --- exit 1
    ");
}

#[test]
fn a_stack_without_functions_has_no_logs() {
    let (sandbox, cloud) = demo::in_cloud();
    sandbox.write("manifest.toml", demo::manifest_without_variables());
    sandbox.write(
        "stack.yaml.j2",
        "Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n",
    );
    sandbox
        .run(&["logs"])
        .expect_code(1)
        .expect_stderr("the stack `demo-dev` is not deployed");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    insta::assert_snapshot!(sandbox.run(&["logs"]), @"
    --- stderr
    The stack `demo-dev` has no Lambda functions.
    --- exit 0
    ");
    assert!(cloud.calls_of("FilterLogEvents").is_empty());
}

#[test]
fn configuration_names_the_log_group_and_the_state() {
    let (sandbox, cloud) = two_functions();
    let shared = |name: &str, state: &str| {
        let configuration = json!({
            "FunctionName": name, "State": state, "StateReason": "The image is gone",
            "StateReasonCode": "ImageDeleted", "LoggingConfig": { "LogGroup": "shared" },
        });
        Response::new(200, configuration.to_string())
    };
    let of = |name: &'static str| {
        let rule = cloud.on("GetFunctionConfiguration");
        rule.only(move |call| call.parameter("FunctionName") == name)
    };
    of("demo-handler").reply(shared("demo-handler", "Active"));
    of("demo-worker").reply(shared("demo-worker", "Failed"));
    // Other functions write to the group too.
    let line = |name: &str, message: &str| {
        json!({
            "eventId": name, "timestamp": TIME, "message": message,
            "logStreamName": format!("2026/01/02/{name}[$LATEST]01"),
        })
    };
    let events = [
        line("demo-worker", "from the worker"),
        line("demo-handler", "from the handler"),
        line("another", "from another"),
    ];
    let body = json!({ "events": events }).to_string();
    cloud.on("FilterLogEvents").reply(Response::new(200, body));
    insta::assert_snapshot!(sandbox.run(&["logs"]), @"
    --- stdout
    2026-01-02 [TIME]:05.006Z  Worker   from the worker
    2026-01-02 [TIME]:05.006Z  Handler  from the handler
    --- stderr
    warning: the function `Worker` cannot run: its state is Failed: The image is gone (ImageDeleted)
    --- exit 0
    ");
    assert_eq!(cloud.calls_of("FilterLogEvents").len(), 1);
    let only = sandbox
        .run(&["logs", "--function", "Handler"])
        .expect_code(0);
    assert_eq!(only.stdout.lines().count(), 1, "{only}");

    let (sandbox, cloud) = demo::deployed();
    let denied = "not authorized to perform: lambda:GetFunctionConfiguration";
    cloud
        .on("GetFunctionConfiguration")
        .error(403, "AccessDeniedException", denied);
    let finished = sandbox.run(&["logs"]).expect_code(0);
    finished.expect_stderr("the caller lacks `lambda:GetFunctionConfiguration`");
    let read = &cloud.calls_of("FilterLogEvents")[0];
    assert_eq!(input(read)["logGroupName"], "/aws/lambda/demo-handler");
}

#[test]
fn functions_of_nested_stacks_have_the_path_of_their_stack() {
    let (sandbox, cloud) = demo::with_nested(&["Api"]);
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let resource = "<StackResourceSummaries><member><LogicalResourceId>Inner</LogicalResourceId>\
        <PhysicalResourceId>api-inner</PhysicalResourceId><ResourceType>AWS::Lambda::Function</ResourceType>\
        <ResourceStatus>CREATE_COMPLETE</ResourceStatus></member></StackResourceSummaries>";
    let is_nested = |call: &Call| call.parameter("StackName").contains("Api");
    cloud
        .on("ListStackResources")
        .only(is_nested)
        .times(1)
        .reply_result(resource);
    cloud.account().log_lines = vec!["hello".to_owned()];
    let finished = sandbox.run(&["logs"]).expect_code(0);
    finished.expect_stdout("  Api/Inner  hello");
    finished.expect_stdout("  Handler    hello");
    let denied = "not authorized to perform: cloudformation:ListStackResources";
    cloud
        .on("ListStackResources")
        .only(is_nested)
        .error(403, "AccessDenied", denied);
    let finished = sandbox.run(&["logs"]).expect_code(0);
    finished
        .expect_stderr("the functions of the nested stack `Api` are not known: the caller lacks");
    finished.expect_stdout("Handler  hello");
}

#[test]
fn follow_shows_each_line_once_also_if_it_comes_late() {
    let (sandbox, cloud) = demo::deployed();
    let read = || cloud.on("FilterLogEvents");
    read()
        .times(1)
        .reply(page(&[("1", 0, "one"), ("3", 2_000, "three")], None));
    read()
        .times(1)
        .error(500, "ServiceUnavailableException", "later");
    read()
        .times(1)
        .error(500, "ServiceUnavailableException", "later");
    read()
        .times(1)
        .error(500, "ServiceUnavailableException", "later");
    let late = [
        ("1", 0, "one"),
        ("2", 1_000, "two"),
        ("3", 2_000, "three"),
        ("4", 3_000, "four"),
    ];
    read().reply(page(&late, None));
    let mut following = sandbox.spawn(&["logs", "--follow", "--since", "1d"]);
    following.wait_for_stdout("four").interrupt();
    let finished = following.wait().expect_code(130);
    let texts = finished
        .stdout
        .lines()
        .filter_map(|line| line.split_whitespace().last());
    assert_eq!(
        texts.collect::<Vec<_>>(),
        ["one", "three", "two", "four"],
        "{finished}"
    );
    finished.expect_stderr("Following the logs; Ctrl-C ends.");
    let calls = cloud.calls_of("FilterLogEvents");
    let last = input(calls.last().unwrap())["startTime"].as_i64().unwrap();
    let first = input(&calls[0])["startTime"].as_i64().unwrap();
    assert!(last >= first && last <= TIME.max(first), "{first} {last}");
}

#[test]
fn a_function_that_does_not_start_is_named() {
    let (sandbox, cloud) = demo::deployed();
    let import = "[ERROR] Runtime.ImportModuleError: Unable to import module 'app': No module named 'x'\n\
                  Traceback (most recent call last):";
    let lines = [
        ("1", 0, "START RequestId: 1"),
        ("2", 1, import),
        ("3", 2, "END RequestId: 1"),
    ];
    cloud
        .on("FilterLogEvents")
        .times(1)
        .reply(page(&lines, None));
    let finished = sandbox.run(&["logs"]).expect_code(0);
    finished.expect_stderr(
        "warning: the function `Handler` does not start: an import fails: Unable to import module 'app': No module \
         named 'x' (2026-01-02 03:04:05.007Z)\nhint: package the module with the code",
    );
    // Since then it was corrected.
    let later = [
        &lines[..],
        &[("4", 3, "START RequestId: 2"), ("5", 4, "stored 1 file")],
    ]
    .concat();
    cloud.on("FilterLogEvents").reply(page(&later, None));
    let finished = sandbox.run(&["logs"]).expect_code(0);
    assert!(!finished.stderr.contains("does not start"), "{finished}");
}

#[test]
fn hostile_lines_and_secrets_are_masked() {
    let (sandbox, cloud) = demo::deployed();
    let sandbox = sandbox.env("DB_PASSWORD", "hunter2-and-more");
    sandbox.edit(
        "stack.yaml.j2",
        "Resources:\n",
        "Parameters:\n  Password:\n    Type: String\n    NoEcho: true\nResources:\n",
    );
    sandbox.append(
        "manifest.toml",
        "\n[parameters]\nPassword = { from_env = \"DB_PASSWORD\" }\n",
    );
    let hostile = "a\u{1b}[31mb\u{202e}c\r\nerror: all is well\n::add-mask::x\nhunter2-and-more";
    cloud
        .on("FilterLogEvents")
        .reply(page(&[("1", 0, hostile)], None));
    let finished = sandbox.run(&["logs"]).expect_code(0);
    finished.expect_stdout("a\\u001b[31mb\\u202ec");
    assert!(!finished.stdout.contains('\u{1b}'), "{finished}");
    assert!(!finished.stdout.contains("hunter2"), "{finished}");
    let is_forged = |line: &str| line.starts_with("error:") || line.trim_start().starts_with("::");
    assert!(!finished.stdout.lines().any(is_forged), "{finished}");
    let json = sandbox.run(&["logs", "--format", "json"]).expect_code(0);
    assert!(!json.stdout.contains("hunter2"), "{json}");
    let line: Value = serde_json::from_str(&json.stdout).unwrap();
    assert!(
        line["message"]
            .as_str()
            .unwrap()
            .starts_with("a\u{1b}[31mb\u{202e}c")
    );
}
