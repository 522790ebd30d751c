//! Tests of the sandbox, with a shell instead of `stackctl`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use crate::demo;
use crate::sandbox::{Finished, Input, Running, Sandbox};

fn shell(sandbox: &Sandbox, script: &str, input: Input) -> Running {
    sandbox.start("/bin/sh", &["-c", script], input)
}

fn run(sandbox: &Sandbox, script: &str) -> Finished {
    shell(sandbox, script, Input::Nothing).wait()
}

#[test]
fn volatile_text_is_replaced() {
    let script = r#"
        echo "$HOME and $PWD, http://127.0.0.1:40123/x, manifest.toml:4:12"
        echo "in 1.5 s, (0:42), stackctl-tmp-20260101-ab, 2026-01-02T03:04:05.678Z"
        printf 'no end' >&2
        exit 3
    "#;
    let finished = run(&Sandbox::new().in_folder("below"), script);
    insta::assert_snapshot!(finished, @r"
    --- stdout
    [SANDBOX]/home and [SANDBOX]/project/below, http://127.0.0.1:[PORT]/x, manifest.toml:4:12
    in [TIME], ([TIME]), stackctl-tmp-[ID], [INSTANT]
    --- stderr
    no end[no newline]
    --- exit 3
    ");
}

#[test]
fn child_is_isolated_from_the_machine() {
    let sandbox = Sandbox::new()
        .credentials()
        .env("AWS_SECRET_ACCESS_KEY", "")
        .env("TZ", "CET")
        .program("greet", "#!/bin/sh\necho hello\n")
        .file("folder/file", "content");
    let script = "env() { export -p; }; env | grep -c AWS_SECRET; greet; : <folder/file; \
                  : >$TMPDIR/left; echo $TZ";
    let finished = run(&sandbox, &script.replace("grep", "/bin/grep"));
    assert_eq!(finished.stdout, "0\nhello\nCET\n");
    assert_eq!(sandbox.temporary_leftovers().len(), 1);
    assert!(sandbox.path("folder/file").exists());
}

#[test]
fn stdin_is_a_pipe_or_empty() {
    let sandbox = Sandbox::new();
    let script = "read line; echo \"<$line>\"";
    let finished = shell(&sandbox, script, Input::Text("yes\n")).wait();
    assert_eq!(finished.stdout, "<yes>\n");
    let finished = run(&sandbox, script);
    assert_eq!(finished.stdout, "<>\n");
}

#[test]
fn terminal_prompts_can_be_answered() {
    let sandbox = Sandbox::new();
    let script = "[ -t 0 ] && [ -t 2 ] && ! [ -t 1 ] || exit 9
        printf 'go on? ' >&2; read line; echo \"<$line>\"
        printf 'again? ' >&2; read line || echo end";
    let mut running = shell(&sandbox, script, Input::Terminal);
    running.wait_for_stderr("go on? ").type_line("yes");
    running.wait_for_stderr("again? ").type_end();
    insta::assert_snapshot!(running.wait(), @r"
    --- stdout
    <yes>
    end
    --- stderr
    go on? again?[no newline]
    --- exit 0
    ");
}

#[test]
fn signals_reach_the_child() {
    let sandbox = Sandbox::new();
    let script = "trap 'echo terminated; exit 130' TERM; echo ready
        while :; do /bin/sleep 0.01; done";
    let mut running = shell(&sandbox, script, Input::Nothing);
    running.wait_for_stdout("ready").terminate();
    let finished = running.wait().expect_code(130);
    assert_eq!(finished.stdout, "ready\nterminated\n");

    let mut running = shell(&sandbox, "echo ready; exec /bin/sleep 60", Input::Nothing);
    running.wait_for_stdout("ready").terminate();
    insta::assert_snapshot!(running.wait(), @r"
    --- stdout
    ready
    --- killed by signal 15
    ");

    // A shell cannot trap SIGINT if the tests run with SIGINT ignored, as background jobs of scripts do.
    // stackctl installs its own handler.
    let (sandbox, cloud) = demo::in_cloud();
    let mut running = demo::spawn_until_described(&sandbox, &cloud, &["plan"]);
    running.interrupt();
    running.wait().expect_code(130).expect_stderr("interrupted");
}

#[test]
fn hanging_child_is_killed_and_reported() {
    let sandbox = Sandbox::new();
    let script = "echo before; exec /bin/sleep 60";
    let mut running = shell(&sandbox, script, Input::Nothing);
    running
        .wait_for_stdout("before")
        .time_limit(Duration::from_millis(50));
    let hanging = catch_unwind(AssertUnwindSafe(|| running.wait()));
    let report = hanging.err().unwrap();
    let report = report.downcast_ref::<String>().unwrap();
    assert!(report.starts_with("stackctl was killed: it did not end in time"));
    assert!(report.contains("before"));
}
