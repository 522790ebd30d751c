//! What keeps an object of the artifact bucket.

use super::{digest, gc, keys, put, put_at, versions, with_garbage, writes};
use crate::cloud::{ACCOUNT, ChangeSet, Cloud, Deployment, Response, xml};
use crate::demo::ARTIFACT_BUCKET;

/// Adds something that refers to the key in a text, and perhaps to the object of a template.
type Refer = fn(&Cloud, &str);

/// The ways to refer to an object.
const REFERENCES: [(&str, Refer); 9] = [
    ("a template of another stack", |cloud, key| {
        let template = format!("Resources: {{}}\nDescription: {key}\n");
        cloud.account().deploy("other", Deployment::of(template));
    }),
    ("a parameter of another stack", |cloud, key| {
        let parameters = [("Key".to_owned(), key.to_owned())].into();
        let template = "Parameters: { Key: { Type: String } }\nResources: {}\n";
        let deployment = Deployment {
            parameters,
            ..Deployment::of(template)
        };
        cloud.account().deploy("other", deployment);
    }),
    ("a change set", |cloud, key| {
        add_change_set(cloud, Deployment::of(format!("Description: {key}")));
    }),
    ("a parameter of a change set", |cloud, key| {
        let parameters = [("Key".to_owned(), key.to_owned())].into();
        add_change_set(
            cloud,
            Deployment {
                parameters,
                ..Deployment::default()
            },
        );
    }),
    ("a change set of a new stack", |cloud, key| {
        cloud.account().review("demo-dev-2");
        let deployment = Deployment::of(format!("Description: {key}"));
        cloud
            .account()
            .stack("demo-dev-2")
            .change_sets
            .push(ChangeSet {
                id: "arn:new".to_owned(),
                created: "2026-01-01T00:00:00.000Z".to_owned(),
                deployment,
                ..ChangeSet::default()
            });
    }),
    ("a nested template in the bucket", |cloud, key| {
        let grandchild = put(cloud, "templates", "yaml", &format!("Description: {key}"));
        let child = put(
            cloud,
            "templates",
            "yaml",
            &format!("Description: {grandchild}"),
        );
        let template = format!("Resources: {{}}\nDescription: {child}\n");
        cloud.account().deploy("other", Deployment::of(template));
    }),
    ("a hidden template in the bucket", |cloud, key| {
        let child = put(cloud, "templates", "yaml", &format!("Description: {key}"));
        put_at(cloud, &child, None);
        let template = format!("Resources: {{}}\nDescription: {child}\n");
        cloud.account().deploy("other", Deployment::of(template));
    }),
    ("a record", |cloud, key| {
        let record = "demo/history/demo-gone/00000001.json";
        put_at(cloud, record, Some(&format!("{{\"key\": \"{key}\"}}")));
    }),
    ("a stack set", |cloud, key| {
        let set = xml::text("StackSetName", "everywhere") + &xml::text("TemplateBody", key);
        cloud
            .on("ListStackSets")
            .reply_result(&xml::members("Summaries", [set.clone()]));
        cloud
            .on("DescribeStackSet")
            .reply_result(&xml::element("StackSet", &set));
    }),
];

fn add_change_set(cloud: &Cloud, deployment: Deployment) {
    cloud
        .account()
        .stack("demo-dev")
        .change_sets
        .push(ChangeSet {
            id: "arn:theirs".to_owned(),
            created: "2026-01-01T00:00:00.000Z".to_owned(),
            name: "theirs".to_owned(),
            deployment,
            ..ChangeSet::default()
        });
}

#[test]
fn everything_that_refers_to_an_object_keeps_it() {
    std::thread::scope(|scope| {
        for (what, refer) in REFERENCES {
            scope.spawn(move || {
                let (sandbox, cloud, garbage) = with_garbage();
                refer(&cloud, &garbage);
                cloud.account().page_size = 2;
                let finished = gc(&sandbox).expect_code(0);
                assert_eq!(versions(&cloud, &garbage), "v", "{what}: {finished}");
            });
        }
    });
}

#[test]
fn code_that_lambda_reads_from_the_bucket_stays() {
    let (sandbox, cloud, garbage) = with_garbage();
    let layer = put(&cloud, "layer", "zip", "layer");
    let unneeded = put(&cloud, "layer", "zip", "unneeded");
    let configuration = |cloud: &Cloud| {
        let policy = r#"{"Statement": [{"Effect": "Allow", "Action": "s3:GetObject*", "Principal": {"Service": "lambda.amazonaws.com"}}]}"#;
        let mut account = cloud.account();
        let bucket = account.buckets.get_mut(ARTIFACT_BUCKET).unwrap();
        bucket
            .configuration
            .insert("BucketPolicy".to_owned(), policy.to_owned());
    };
    let json = |body: serde_json::Value| Response::new(200, body.to_string());
    let stored = |key: &str| serde_json::json!({ "ResolvedS3Object": { "S3Bucket": ARTIFACT_BUCKET, "S3Key": key, "S3ObjectVersion": "1" } });
    // Lambda may not read the bucket, so it is not asked.
    sandbox
        .run(&["gc", "--dry-run"])
        .expect_code(0)
        .expect_stdout("3 to mark");
    configuration(&cloud);
    let functions = "ListFunctions";
    cloud
        .on(functions)
        .only(|call| call.parameter("Marker").is_empty())
        .reply(json(serde_json::json!({
            "Functions": [{ "FunctionName": "other", "Version": "$LATEST" }], "NextMarker": "next",
        })));
    cloud.on(functions).reply(json(serde_json::json!({
        "Functions": [{ "FunctionName": "kept", "Version": "3" }, { "FunctionName": "gone", "Version": "1" }],
    })));
    cloud
        .on("GetFunction")
        .only(|call| call.parameter("FunctionName") == "kept" && call.parameter("Qualifier") == "3")
        .reply(json(serde_json::json!({ "Code": stored(&garbage) })));
    cloud
        .on("GetFunction")
        .only(|call| call.parameter("FunctionName") == "other")
        .reply(json(
            serde_json::json!({ "Code": { "Location": "https://x" } }),
        ));
    cloud.on("ListLayers").reply(json(
        serde_json::json!({ "Layers": [{ "LayerName": "deps" }] }),
    ));
    cloud.on("ListLayerVersions").reply(json(
        serde_json::json!({ "LayerVersions": [{ "Version": 7 }] }),
    ));
    cloud
        .on("GetLayerVersion")
        .reply(json(serde_json::json!({ "Content": stored(&layer) })));
    let document = sandbox.json(&["gc", "--dry-run"]);
    assert_eq!(keys(&document, "mark"), [unneeded.as_str()]);

    let (sandbox, cloud, garbage) = with_garbage();
    configuration(&cloud);
    for operation in [functions, "ListLayers"] {
        cloud
            .on(operation)
            .error(403, "AccessDeniedException", "no");
    }
    let finished = gc(&sandbox).expect_code(1);
    finished.expect_stderr("`lambda:ListFunctions`");
    assert_eq!(versions(&cloud, &garbage), "v");
}

#[test]
fn text_that_may_not_be_read_keeps_everything() {
    for (operation, permission) in [
        ("GetTemplate", "`cloudformation:GetTemplate`"),
        ("ListChangeSets", "`cloudformation:ListChangeSets`"),
        ("DescribeChangeSet", "`cloudformation:DescribeChangeSet`"),
        ("ListStackSets", "`cloudformation:ListStackSets`"),
        ("GetObject", "`s3:GetObject`"),
    ] {
        let (sandbox, cloud, garbage) = with_garbage();
        add_change_set(&cloud, Deployment::default());
        put_at(&cloud, "demo/history/demo-dev/00000001.json", Some("{}"));
        cloud.on(operation).error(403, "AccessDenied", "no");
        let finished = gc(&sandbox).expect_code(1);
        finished.expect_stderr("nothing is marked or deleted: ");
        finished.expect_stderr(permission);
        assert_eq!(writes(&cloud), 0, "{operation}");
        assert_eq!(versions(&cloud, &garbage), "v", "{operation}");
    }
    // A permission that is lost between the two looks.
    let (sandbox, cloud, garbage) = with_garbage();
    cloud
        .on("ListChangeSets")
        .after(1)
        .error(403, "AccessDenied", "no");
    gc(&sandbox).expect_code(1);
    assert_eq!(versions(&cloud, &garbage), "v");
}

#[test]
fn stack_that_may_go_back_keeps_everything_unless_a_record_says_what_it_needs() {
    let (sandbox, cloud, garbage) = with_garbage();
    for status in [
        "UPDATE_IN_PROGRESS",
        "UPDATE_FAILED",
        "UPDATE_ROLLBACK_FAILED",
    ] {
        cloud.set_status(status);
        insta::allow_duplicates! {
            let finished = gc(&sandbox).without_stdout();
            let shown = finished.to_string().replace(status, "[STATUS]");
            insta::assert_snapshot!(shown, @"
            --- stderr
            warning: nothing is marked or deleted: the stack `demo-dev` is [STATUS], and it is not known what it may go back to
            --- exit 0
            ");
        }
        assert_eq!(versions(&cloud, &garbage), "v", "{status}");
    }
    // The record of the last deployment that succeeded.
    let token = {
        let mut account = cloud.account();
        let events = account.stack("demo-dev").events.clone();
        let success = events
            .iter()
            .rev()
            .find(|event| event.status == "CREATE_COMPLETE");
        success.unwrap().token.clone()
    };
    let previous = put(&cloud, "old", "zip", "previous");
    let record = record(&token, &previous);
    put_at(&cloud, "demo/history/demo-dev/00000900.json", Some(&record));
    gc(&sandbox).expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "vm");
    assert_eq!(versions(&cloud, &previous), "v");
}

/// Returns a record of the operation with this token, which names a key.
fn record(token: &str, key: &str) -> String {
    serde_json::json!({
        "schema": "stackctl.record/1",
        "number": 900,
        "stackctl": "0.1.0",
        "project": "demo",
        "environment": "dev",
        "account": ACCOUNT,
        "region": "eu-west-1",
        "stack": "demo-dev",
        "operation_id": token,
        "started": "2026-01-01T00:00:00Z",
        "ended": "2026-01-01T00:00:00Z",
        "outcome": "succeeded",
        "template": { "key": key, "sha256": digest("previous") },
    })
    .to_string()
}

#[test]
fn stack_of_another_project_that_may_go_back_does_not_matter() {
    let (sandbox, cloud, garbage) = with_garbage();
    let template = "Resources: {}\n";
    cloud.account().deploy("other", Deployment::of(template));
    "UPDATE_IN_PROGRESS".clone_into(&mut cloud.account().stack("other").status);
    gc(&sandbox).expect_code(0);
    assert_eq!(versions(&cloud, &garbage), "vm");
}

#[test]
fn stack_that_changes_while_it_is_read_is_read_again() {
    let stack = |cloud: &Cloud, number: usize| {
        let stack = cloud.account().stack("demo-dev").to_xml();
        let updated = xml::text(
            "LastUpdatedTime",
            &format!("2026-01-01T00:00:{number:02}.000Z"),
        );
        xml::members("Stacks", [stack + &updated])
    };
    let (sandbox, cloud, garbage) = with_garbage();
    for number in 0..2 {
        let described = stack(&cloud, number);
        let all = cloud
            .on("DescribeStacks")
            .only(|call| call.parameter("StackName").is_empty());
        all.times(1).reply_result(&described);
    }
    sandbox
        .run(&["gc", "--dry-run"])
        .expect_code(0)
        .expect_stdout("1 to mark");
    assert_eq!(cloud.calls_of("GetTemplate").len(), 3);

    let (sandbox, cloud, garbage_too) = with_garbage();
    for number in 0..20 {
        let described = stack(&cloud, number);
        let all = cloud
            .on("DescribeStacks")
            .only(|call| call.parameter("StackName").is_empty());
        all.times(1).reply_result(&described);
    }
    let finished = gc(&sandbox).expect_code(0);
    finished.expect_stderr("the stack `demo-dev` changes while it is read");
    assert_eq!(
        (versions(&cloud, &garbage_too).as_str(), garbage),
        ("v", garbage_too)
    );
}
