//! Packaging: memory, temporary files and interrupted uploads.

use std::fs::File;
use std::thread;
use std::time::Duration;

use crate::demo;

/// The size limit of an unzipped artifact, in bytes.
const LIMIT: u64 = 250 * 1024 * 1024;

#[test]
fn memory_does_not_grow_with_the_artifact() {
    let sandbox = demo::files();
    let large = File::create(sandbox.path("handler/model.bin")).unwrap();
    large.set_len(LIMIT - 1024 * 1024).unwrap();
    let mut running = sandbox.spawn(&["package"]);
    let mut peak = 0;
    // Only Linux reports the memory of another process.
    while let Some(bytes) = running.peak_memory() {
        peak = peak.max(bytes);
        thread::sleep(Duration::from_millis(5));
    }
    running.wait().expect_code(0);
    assert!(peak > 0 || cfg!(not(target_os = "linux")), "not measured");
    assert!(peak < 64 * 1024 * 1024, "{peak} bytes");
}

#[test]
fn killed_process_leaves_no_zip_behind() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.on("PutObject").delay(60_000).carry_on();
    let mut running = sandbox.spawn(&["apply", "--yes"]);
    running.wait_for_call(&cloud, "PutObject");
    let left = sandbox.temporary_leftovers();
    assert!(left.is_empty(), "while it is uploaded: {left:?}");
    // Dropping the child kills it with SIGKILL.
    drop(running);
    let left = sandbox.temporary_leftovers();
    assert!(left.is_empty(), "after it was killed: {left:?}");
}

#[test]
fn interrupted_upload_restarts_from_the_first_byte() {
    let (sandbox, cloud) = demo::in_cloud();
    demo::add_artifact_bucket(&cloud);
    let zip = sandbox.run(&["package", "--out", "zips"]).expect_code(0);
    let expected = std::fs::read(sandbox.path("zips/handler.zip")).unwrap();
    cloud.on("PutObject").times(2).drop_connection();
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    // After the zip: the text of the template, and the record.
    assert_eq!(cloud.calls_of("PutObject").len(), 3 + 2);
    let account = cloud.account();
    let bucket = &account.buckets[demo::ARTIFACT_BUCKET];
    let key = bucket.keys()[0].to_owned();
    assert_eq!(bucket.get(&key), Some(expected.as_slice()), "{zip}");
}
