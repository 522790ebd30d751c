//! `destroy --empty`: which buckets are emptied, and how.

use crate::cloud::{Object, xml};
use crate::demo;
use crate::destroy::nothing_was_deleted;

#[test]
fn bucket_with_objects_must_be_named() {
    let (sandbox, cloud) = demo::in_cloud();
    let second = "Outputs:\n";
    sandbox.edit("stack.yaml.j2", second, "  Second:\n    Type: AWS::S3::Bucket\n    Properties:\n      BucketName: demo-second\nOutputs:\n");
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    demo::put_object(&cloud, "demo-data", "a");
    demo::put_object(&cloud, "demo-second", "b");
    insta::assert_snapshot!(sandbox.run(&["destroy", "--yes"]).without_stdout(), @r"
    --- stderr
    error: CloudFormation cannot delete a bucket that holds objects: Bucket, Second
    hint: to delete all their objects and versions too: `stackctl destroy --empty Bucket --empty Second -e dev`
    --- exit 4
    ");
    let finished = sandbox.run(&["destroy", "--yes", "--empty", "Bucket"]);
    finished.expect_stderr("stackctl destroy --empty Bucket --empty Second -e dev");
    nothing_was_deleted(&cloud);

    let finished = sandbox.run(&["destroy", "--yes", "--empty", "Handler"]);
    insta::assert_snapshot!(finished.without_stdout(), @r"
    --- stderr
    error: the stack has no bucket `Handler` to empty
    --- exit 4
    ");
    nothing_was_deleted(&cloud);
    sandbox
        .run(&["destroy", "--yes", "--empty", "Bucket", "--empty", "Second"])
        .expect_code(0);
    assert!(!cloud.account().buckets.contains_key("demo-second"));
}

#[test]
fn stack_that_somebody_changes_is_neither_emptied_nor_deleted() {
    // The stack is read when it is shown, before the first bucket is emptied, and after the last.
    for (reads, emptied) in [(1, 0), (2, 1)] {
        let (sandbox, cloud) = demo::deployed();
        demo::put_object(&cloud, "demo-data", "a");
        let stack = cloud.account().stack("demo-dev").to_xml();
        let running = stack.replace("CREATE_COMPLETE", "UPDATE_IN_PROGRESS");
        let description = xml::members("Stacks", [running]);
        let described = cloud.on("DescribeStacks").after(reads);
        described.reply_result(&description);
        let finished = sandbox.run(&["destroy", "--yes", "--empty", "Bucket"]);
        finished
            .expect_code(4)
            .expect_stderr("not destroyed: the stack `demo-dev` has changed since it was shown");
        assert_eq!(cloud.calls_of("DeleteObjects").len(), emptied);
        assert!(cloud.calls_of("DeleteStack").is_empty());
    }
}

#[test]
fn bucket_is_emptied_in_pages_and_a_refused_object_fails() {
    let (sandbox, cloud) = demo::deployed();
    cloud.account().page_size = 2;
    for key in ["a", "b", "c", "d", "e"] {
        demo::put_object(&cloud, "demo-data", key);
    }
    let refused = "<DeleteResult><Error><Key>c</Key><Code>AccessDenied</Code>\
        <Message>Access Denied because object protected by object lock.</Message></Error></DeleteResult>";
    cloud
        .on("DeleteObjects")
        .after(1)
        .times(1)
        .reply_xml(refused);
    let finished = sandbox.run(&["destroy", "--yes", "--empty", "Bucket"]);
    insta::assert_snapshot!(finished.without_stdout(), @r"
    --- stderr
    error: cannot empty the bucket `demo-data`: `c` was not deleted: Access Denied because object protected by object lock.
    hint: the caller needs `s3:DeleteObjectVersion`, and no object lock may hold it
    --- exit 1
    ");
    assert!(cloud.calls_of("DeleteStack").is_empty());

    cloud.forget_calls();
    let finished = sandbox.run(&["destroy", "--yes", "--empty", "Bucket"]);
    let finished = finished.expect_code(0);
    finished.expect_stdout("more than 2 versions");
    assert_eq!(cloud.calls_of("DeleteObjects").len(), 2, "three are left");
    for call in cloud.calls_of("DeleteObjects") {
        assert_eq!(
            call.header("x-amz-expected-bucket-owner"),
            crate::cloud::ACCOUNT
        );
    }
}

#[test]
fn emptying_deletes_versions_and_markers_in_pages() {
    let (sandbox, cloud) = demo::deployed();
    {
        let mut account = cloud.account();
        account.page_size = 2;
        let data = account.buckets.get_mut("demo-data").unwrap();
        for (key, body) in [
            ("a", Some(b"1".to_vec())),
            ("a", Some(b"2".to_vec())),
            ("b", None),
        ] {
            let version = format!("version-{}", data.objects.len());
            let key = key.to_owned();
            data.objects.push(Object { key, version, body });
        }
    }
    sandbox
        .run(&["destroy", "--yes", "--empty", "Bucket"])
        .expect_code(0)
        .expect_stderr("Emptied demo-data: 3 versions.");
    assert_eq!(cloud.calls_of("DeleteObjects").len(), 2);
    assert!(!cloud.account().buckets.contains_key("demo-data"));
}

#[test]
fn undeleted_object_is_named() {
    let (sandbox, cloud) = demo::deployed();
    demo::put_object(&cloud, "demo-data", "a");
    cloud.on("DeleteObjects").reply_xml(
        "<DeleteResult><Error><Key>a</Key><Code>AccessDenied</Code></Error></DeleteResult>",
    );
    let finished = sandbox
        .run(&["destroy", "--yes", "--empty", "Bucket"])
        .without_stdout();
    insta::assert_snapshot!(finished, @r"
    --- stderr
    error: cannot empty the bucket `demo-data`: `a` was not deleted: AccessDenied
    hint: the caller needs `s3:DeleteObjectVersion`, and no object lock may hold it
    --- exit 1
    ");
    assert!(cloud.calls_of("DeleteStack").is_empty());
}

#[test]
fn key_that_xml_cannot_carry_is_deleted_alone() {
    let (sandbox, cloud) = demo::deployed();
    let versions = ["a&#x10;b", "c&#xD;d", "plain"].map(|key| {
        format!(
            "<Version><Key>{key}</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest></Version>"
        )
    });
    cloud.on("ListObjectVersions").reply_xml(&format!(
        "<ListVersionsResult><Name>demo-data</Name><IsTruncated>false</IsTruncated>{}</ListVersionsResult>",
        versions.concat()
    ));
    let emptied = ["destroy", "--yes", "--empty", "Bucket"];
    sandbox.run(&emptied).expect_code(0);
    let alone = cloud.calls_of("DeleteObject");
    let alone: Vec<_> = alone
        .iter()
        .map(|it| (it.parameter("Key"), it.parameter("versionId")))
        .collect();
    assert_eq!(alone, [("a\u{10}b", "v1"), ("c\rd", "v1")]);
    let together = cloud.calls_of("DeleteObjects");
    let together = String::from_utf8_lossy(&together[0].request.body).into_owned();
    assert!(together.contains("<Key>plain</Key>"), "{together}");
    assert_eq!(together.matches("<Key>").count(), 1);

    let (sandbox, cloud) = demo::deployed();
    cloud.on("ListObjectVersions").reply_xml(&format!(
        "<ListVersionsResult><Name>demo-data</Name><IsTruncated>false</IsTruncated>{}</ListVersionsResult>",
        versions[0]
    ));
    cloud.on("DeleteObject").error(403, "AccessDenied", "no");
    let refused = sandbox.run(&emptied).expect_code(4);
    refused.expect_stderr("delete `a\\u{10}b`");
    assert!(cloud.calls_of("DeleteStack").is_empty());
}
