//! Packaging as a process: what it needs of the machine.

use std::fs::File;
use std::thread;
use std::time::Duration;

use crate::demo;

/// What an artifact may unzip to.
const LIMIT: u64 = 250 * 1024 * 1024;

#[test]
fn memory_does_not_grow_with_the_artifact() {
    let sandbox = demo::files();
    let large = File::create(sandbox.path("handler/model.bin")).unwrap();
    large.set_len(LIMIT - 1024 * 1024).unwrap();
    let mut running = sandbox.spawn(&["package"]);
    let mut peak = 0;
    // Where the system does not tell, nothing is checked.
    while let Some(bytes) = running.peak_memory() {
        peak = peak.max(bytes);
        thread::sleep(Duration::from_millis(5));
    }
    running.wait().expect_code(0);
    assert!(peak < 64 * 1024 * 1024, "{peak} bytes");
}
