//! Files in the deployed pipeline: bucket, function, table, dead-letter queue.

use std::collections::BTreeSet;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::project::Project;

/// Much more than the function needs, for a busy machine.
const TIME_LIMIT: Duration = Duration::from_mins(1);

#[test]
fn every_uploaded_file_gets_an_item() {
    let project = Project::unverified().deployed();
    let mut keys: Vec<String> = (0..16).map(|number| format!("many/{number}.txt")).collect();
    for key in [
        "with space.png",
        "a+b & c=d%20.txt",
        "grüße/日本語 🎉.jpg",
        "quote\"'<>.txt",
    ] {
        keys.push(key.to_owned());
    }
    let uploads: Vec<_> = keys
        .iter()
        .map(|key| {
            let object = json!({
                "Bucket": project.bucket(), "Key": key, "Body": key, "ContentType": "text/x-test",
            });
            ("s3", "put_object", object)
        })
        .collect();
    assert_eq!(uploads.len(), 20);
    let answers = project.aws_at_once(&uploads);

    let items = wait_for(&|| project.items(), |items| items.len() == keys.len());
    let names = items.iter().map(|item| text(item, "fileName"));
    assert_eq!(
        names.collect::<BTreeSet<_>>(),
        keys.iter().map(String::as_str).collect()
    );
    for item in &items {
        let key = text(item, "fileName");
        let index = keys.iter().position(|known| known == key).unwrap();
        assert_eq!(item["size"]["N"], key.len().to_string());
        assert_eq!(text(item, "bucket"), project.bucket());
        assert_eq!(
            text(item, "location"),
            format!("s3://{}/{key}", project.bucket())
        );
        assert_eq!(text(item, "contentType"), "text/x-test");
        assert_eq!(text(item, "versionId"), answers[index]["VersionId"]);
        let etag = answers[index]["ETag"].as_str().unwrap();
        assert_eq!(text(item, "etag"), etag.trim_matches('"'));
    }
}

#[test]
fn failed_invocations_reach_the_dead_letter_queue() {
    let project = Project::unverified();
    let handler = "def handler(event, context):\n    raise RuntimeError('out of order')\n";
    project.write("handler/app.py", handler);
    let project = project.deployed();
    let object = json!({"Bucket": project.bucket(), "Key": "lost file.txt", "Body": "x"});
    project.aws("s3", "put_object", object);

    let url = project
        .run(&["outputs", "DeadLetterQueueUrl"])
        .expect_code(0);
    let receive = json!({"QueueUrl": url.stdout.trim(), "WaitTimeSeconds": 1});
    let messages = wait_for(
        &|| project.aws("sqs", "receive_message", receive.clone())["Messages"].clone(),
        Value::is_array,
    );
    let letter: Value = serde_json::from_str(messages[0]["Body"].as_str().unwrap()).unwrap();
    let failed = &letter["requestPayload"]["Records"][0]["s3"]["object"]["key"];
    assert_eq!(failed, "lost+file.txt");
    assert_eq!(project.items(), Vec::<Value>::new());
}

#[test]
fn failed_verification_is_reported_and_cleaned_up() {
    let project = Project::shipped();
    let handler = "def handler(event, context):\n    print('seen and ignored')\n";
    project.write("handler/app.py", handler);
    project.edit("manifest.toml", "timeout = \"60s\"", "timeout = \"2s\"");
    let applied = project.run(&["apply", "--yes"]).expect_code(1);
    let message = "error: no item came within 2 seconds of the upload";
    for line in ["is CREATE_COMPLETE.", message] {
        applied.expect_stderr(line);
    }
    assert_eq!(project.versions(), [""; 0], "the probe is removed");

    // The function is warm after its first run, so the next log line arrives in time.
    let group = format!("/aws/lambda/{}-handler", project.stack());
    wait_for(
        &|| project.aws("logs", "filter_log_events", json!({"logGroupName": group})),
        |log| log.to_string().contains("seen and ignored"),
    );
    let verified = project.run(&["verify"]).expect_code(1);
    for line in [
        message,
        "the last lines of the log group",
        "seen and ignored",
    ] {
        verified.expect_stderr(line);
    }
    assert_eq!(project.versions(), [""; 0], "the probe is removed");
}

#[test]
fn verify_works_on_a_deployed_pipeline() {
    let project = Project::unverified().deployed();
    let verified = project.run(&["verify", "--format", "json"]).expect_code(0);
    let document = verified.json();
    assert_eq!(document["schema"], "stackctl.verify/1");
    assert_eq!(document["item"]["fileName"], document["key"]);
    assert!(document["latency_ms"].as_u64().unwrap() < 60_000);
    assert_eq!(project.versions(), [""; 0], "no version is left");
    assert_eq!(project.items(), Vec::<Value>::new());
    project.run(&["apply", "--verify"]).expect_code(0);
}

fn text<'a>(item: &'a Value, attribute: &str) -> &'a str {
    item[attribute]["S"].as_str().unwrap()
}

/// Asks until the result is as expected.
#[track_caller]
fn wait_for<T: std::fmt::Debug>(ask: &impl Fn() -> T, good: impl Fn(&T) -> bool) -> T {
    let deadline = Instant::now() + TIME_LIMIT;
    loop {
        let answer = ask();
        if good(&answer) {
            return answer;
        }
        assert!(Instant::now() < deadline, "{answer:#?}");
        thread::sleep(Duration::from_millis(50));
    }
}
