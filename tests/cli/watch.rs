//! `watch`: plans again, or applies, on every save.

use std::fs;
use std::io::Write as _;

use serde_json::Value;

use crate::cloud::{Cloud, Progress};
use crate::demo;
use crate::sandbox::{Running, Sandbox};

/// What is printed when a run is done.
const WAITING: &str = "Waiting for a save";

/// The beginning of the line that names what was saved.
const SAVED: &str = "Saved: ";

/// Starts `watch` and waits until its first run is done.
fn watch(sandbox: &Sandbox, arguments: &[&str]) -> Running {
    let arguments = [&["watch"], arguments].concat();
    let mut running = sandbox.spawn(&arguments);
    running.wait_for_stderr(WAITING);
    running
}

/// Returns the deployed project, in which `watch` may apply.
fn applicable() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::deployed();
    sandbox.append("manifest.toml", "\n[environments.dev]\nwatch = \"apply\"\n");
    (sandbox, cloud)
}

/// Writes the handler's code.
fn save(sandbox: &Sandbox, text: &str) {
    sandbox.write("handler/app.py", text);
}

/// Returns the lines that name what was saved.
fn saved(running: &Running) -> Vec<String> {
    let text = running.stderr();
    let lines = text.lines().filter_map(|line| line.strip_prefix(SAVED));
    lines.map(str::to_owned).collect()
}

/// Ends `watch` by Ctrl-C and returns what it has printed.
#[track_caller]
fn end(mut running: Running, sandbox: &Sandbox) -> crate::sandbox::Finished {
    running.interrupt();
    let finished = running.wait().expect_code(130);
    assert_eq!(
        sandbox.temporary_leftovers(),
        [""; 0].map(std::path::PathBuf::from)
    );
    finished
}

#[test]
fn a_save_is_planned_again() {
    let (sandbox, cloud) = demo::deployed();
    let mut running = watch(&sandbox, &[]);
    save(&sandbox, "def handler(event, context):\n    return 2\n");
    running.wait_for_stderr_times(WAITING, 2);
    assert_eq!(saved(&running), ["`handler/app.py`"]);
    let finished = end(running, &sandbox);
    finished.expect_stdout("Plan: 0 to add, 1 to change");
    finished.expect_stdout("return 2");
    finished.expect_stderr("Nothing was deployed.");
    assert!(cloud.calls_of("ExecuteChangeSet").is_empty());
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn a_broken_manifest_is_shown_until_it_is_mended() {
    let (sandbox, _cloud) = demo::deployed();
    sandbox.edit(
        "manifest.toml",
        "description = \"first\"",
        "description = \"first",
    );
    let mut running = sandbox.spawn(&["watch"]);
    running.wait_for_stderr(WAITING);
    assert!(
        running.stderr().contains("manifest.toml:"),
        "{}",
        running.stderr()
    );
    // Nothing else could mend it.
    save(&sandbox, "x = 1\n");
    sandbox.edit(
        "manifest.toml",
        "description = \"first",
        "description = \"second\"",
    );
    running.wait_for_stderr_times(WAITING, 2);
    assert_eq!(saved(&running), ["`manifest.toml`"]);
    sandbox.edit(
        "stack.yaml.j2",
        "{{ vars.description }}",
        "{{ vars.descriptoin }}",
    );
    running.wait_for_stderr_times(WAITING, 3);
    running.wait_for_stderr("stack.yaml.j2:");
    sandbox.edit(
        "stack.yaml.j2",
        "{{ vars.descriptoin }}",
        "{{ vars.description }}",
    );
    running.wait_for_stderr_times(WAITING, 4);
    end(running, &sandbox).expect_stdout("second");
}

#[test]
fn what_no_run_reads_is_no_save() {
    let (sandbox, _cloud) = demo::deployed();
    sandbox.edit(
        "manifest.toml",
        "path = \"handler\"",
        "path = \"handler\"\nexclude = [\"*.md\"]",
    );
    sandbox.write("handler/a.md", "");
    let mut running = watch(&sandbox, &[]);
    for ignored in [
        "notes.txt",
        "other/app.py",
        "handler/notes.md",
        "handler/__pycache__/app.pyc",
        "handler/.app.py.swp",
        "handler/app.py~",
        "handler/4913",
    ] {
        sandbox.write(ignored, "x");
    }
    fs::create_dir(sandbox.path("handler/empty")).unwrap();
    fs::remove_file(sandbox.path("handler/4913")).unwrap();
    fs::read(sandbox.path("handler/app.py")).unwrap();
    sandbox.append("handler/app.py", "# saved\n");
    running.wait_for_stderr_times(WAITING, 2);
    sandbox.write("handler/empty/new.py", "");
    running.wait_for_stderr_times(WAITING, 3);
    assert_eq!(
        saved(&running),
        ["`handler/app.py`", "`handler/empty/new.py`"]
    );
    end(running, &sandbox);
}

#[test]
fn every_way_to_save_is_one() {
    let (sandbox, _cloud) = demo::deployed();
    sandbox.write("part.yaml.j2", "# part\n");
    sandbox.edit(
        "stack.yaml.j2",
        "Resources:\n",
        "{% include \"part.yaml.j2\" %}\nResources:\n",
    );
    let mut running = watch(&sandbox, &[]);
    let app = sandbox.path("handler/app.py");
    let steps: [&dyn Fn(); 6] = [
        // A file beside it takes its place.
        &|| {
            fs::write(sandbox.path("handler/app.py.tmp"), "a = 1\n").unwrap();
            fs::rename(sandbox.path("handler/app.py.tmp"), &app).unwrap();
        },
        &|| fs::remove_file(sandbox.path("part.yaml.j2")).unwrap(),
        &|| sandbox.write("part.yaml.j2", "# again\n"),
        // A folder is replaced, as a checkout does.
        &|| {
            fs::rename(sandbox.path("handler"), sandbox.path("old")).unwrap();
            fs::create_dir(sandbox.path("handler")).unwrap();
            fs::write(&app, "b = 22\n").unwrap();
        },
        &|| fs::write(&app, "c = 333\n").unwrap(),
        &|| sandbox.write("handler/deep/down/new.py", "d = 4\n"),
    ];
    for (number, step) in steps.iter().enumerate() {
        step();
        running.wait_for_stderr_times(WAITING, number + 2);
    }
    let saved = saved(&running);
    assert_eq!(saved.len(), steps.len(), "{saved:#?}");
    assert_eq!(saved[1], "`part.yaml.j2`");
    assert_eq!(saved[4], "`handler/app.py`");
    assert_eq!(saved[5], "`handler/deep/down/new.py`");
    end(running, &sandbox);
}

#[test]
fn a_save_stops_a_plan_that_runs() {
    let (sandbox, cloud) = demo::deployed();
    let mut running = watch(&sandbox, &[]);
    cloud.account().pending_describes = usize::MAX;
    sandbox.edit("manifest.toml", "first", "second");
    running.wait_for_call(&cloud, "DescribeChangeSet");
    // The change set of the next run is complete at once.
    cloud.account().pending_describes = 0;
    sandbox.edit("manifest.toml", "second", "third");
    running.wait_for_stderr_times(WAITING, 2);
    assert_eq!(saved(&running), ["`manifest.toml`"; 2]);
    assert_eq!(cloud.calls_of("CreateChangeSet").len(), 2);
    assert_eq!(cloud.calls_of("DeleteChangeSet").len(), 2);
    let finished = end(running, &sandbox);
    finished.expect_stdout("third");
    let text = finished.to_string();
    assert!(
        !text.contains("second") && !text.contains("error: stopped"),
        "{text}"
    );
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn the_build_of_an_artifact_is_no_save_of_its_own() {
    let (sandbox, _cloud) = demo::deployed();
    let sandbox = sandbox.env("PATH", "/usr/bin:/bin");
    let build =
        "mkdir -p dist cache; cp source/app.py dist/; date +%N > cache/x; date +%N > dist/stamp";
    let build = format!("path = \"dist\"\nbuild = [\"sh\", \"-c\", '''{build}''']");
    sandbox.edit("manifest.toml", "path = \"handler\"", &build);
    sandbox.write("source/app.py", "a = 1\n");
    let mut running = watch(&sandbox, &[]);
    // What the build writes outside of the artifact is taken for a source once.
    running.wait_for_stderr_times(WAITING, 2);
    sandbox.write("source/app.py", "b = 22\n");
    running.wait_for_stderr_times(WAITING, 3);
    sandbox.write("source/new.py", "c = 3\n");
    running.wait_for_stderr_times(WAITING, 4);
    assert_eq!(
        saved(&running),
        ["`cache/x`", "`source/app.py`", "`source/new.py`"]
    );
    end(running, &sandbox);
}

#[test]
fn a_run_in_json_is_one_object_a_line() {
    let (sandbox, _cloud) = demo::deployed();
    let mut running = sandbox.spawn(&["watch", "--format", "json", "-q"]);
    running.wait_for_stdout("\"done\"");
    demo::change_code(&sandbox);
    running.wait_for_stdout("handler/app.py");
    sandbox.edit("manifest.toml", "[vars]", "[varz]");
    running.wait_for_stdout("\"failed\"");
    running.interrupt();
    let text = running.stdout();
    let lines = text.lines().map(serde_json::from_str::<Value>);
    let lines: Vec<Value> = lines.collect::<Result<_, _>>().unwrap();
    let of = |event: &str| -> Vec<&Value> {
        let lines = lines
            .iter()
            .filter(|line| line["schema"] == "stackctl.watch/1");
        lines.filter(|line| line["event"] == event).collect()
    };
    assert_eq!(of("saved")[0]["files"], serde_json::json!([]));
    assert_eq!(
        of("saved")[1]["files"],
        serde_json::json!(["handler/app.py"])
    );
    assert_eq!(of("done")[0]["outcome"], "planned");
    assert_eq!(of("done")[0]["exit_code"], 0);
    let failed = of("done").pop().unwrap();
    assert_eq!(
        (&failed["outcome"], &failed["exit_code"]),
        (&"failed".into(), &1.into())
    );
    let finding = &failed["error"]["findings"][0];
    assert_eq!(finding["places"][0]["file"], "manifest.toml", "{failed}");
    let plans = lines
        .iter()
        .filter(|line| line["schema"] == "stackctl.plan/1");
    assert!(plans.count() >= 1, "{text}");
    running.wait().expect_code(130);
}

#[test]
fn an_environment_has_to_allow_apply() {
    let (sandbox, cloud) = demo::deployed();
    let refused = sandbox.run(&["watch", "--apply"]).expect_code(4);
    refused.expect_stderr("does not allow `watch --apply`");
    refused.expect_stderr("watch = \"apply\"");
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

#[test]
fn several_stacks_are_refused_with_their_names() {
    let sandbox = Sandbox::new().file(
        "manifest.toml",
        "project = \"two\"\nregion = \"eu-west-1\"\n[stacks.a]\ntemplate = \"a.yaml\"\n[stacks.b]\ntemplate = \"a.yaml\"\n",
    );
    let refused = sandbox.run(&["watch"]).expect_code(1);
    refused.expect_stderr("`watch` works on one stack, and 2 are chosen");
    refused.expect_stderr("choose one with `-s`: `a`, `b`");
    Sandbox::far_from_any_project()
        .run(&["watch"])
        .expect_code(1)
        .expect_stderr("there is no `manifest.toml`");
}

#[test]
fn a_save_is_applied() {
    let (sandbox, cloud) = applicable();
    let mut running = watch(&sandbox, &["--apply", "--no-logs"]);
    demo::change_description(&sandbox);
    running.wait_for_stderr_times(WAITING, 2);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 1);
    // A guard refuses, and the next save is applied.
    let template = fs::read_to_string(sandbox.path("stack.yaml.j2")).unwrap();
    let (start, end_of_roles) = (
        template.find("  Role:").unwrap(),
        template.find("Outputs:").unwrap(),
    );
    let without_bucket = format!("Resources:\n{}", &template[start..end_of_roles]);
    sandbox.write("stack.yaml.j2", without_bucket);
    running.wait_for_stderr_times(WAITING, 3);
    running.wait_for_stderr("not applied: `Bucket`");
    sandbox.write("stack.yaml.j2", template);
    running.wait_for_stderr_times(WAITING, 4);
    sandbox.edit("manifest.toml", "second", "third");
    running.wait_for_stderr_times(WAITING, 5);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 2);
    let finished = end(running, &sandbox);
    finished.expect_stderr("`demo-dev` is UPDATE_COMPLETE, deployed from the files at");
    assert_eq!(cloud.account().change_sets(), 0);
}

#[test]
fn saves_during_a_deployment_are_deployed_once_after_it() {
    let (sandbox, cloud) = applicable();
    let mut running = watch(&sandbox, &["--apply", "--no-logs"]);
    cloud.account().progress = Progress::Paused;
    sandbox.edit("manifest.toml", "first", "second");
    running.wait_for_stderr("_IN_PROGRESS  demo-dev");
    for description in ["third", "fourth", "fifth"] {
        let manifest = demo::MANIFEST.replace("first", description);
        let allowed = "\n[environments.dev]\nwatch = \"apply\"\n";
        sandbox.write("manifest.toml", manifest + allowed);
        running.wait_for_stderr("the files are deployed again after it");
    }
    cloud.account().progress = Progress::Done;
    running.wait_for_stderr_times(WAITING, 3);
    assert_eq!(cloud.calls_of("ExecuteChangeSet").len(), 2);
    let finished = end(running, &sandbox);
    finished.expect_stdout("fifth");
    let text = finished.to_string();
    assert_eq!(
        text.matches("are deployed again after it").count(),
        1,
        "{text}"
    );
    assert!(
        !text.contains("third") && !text.contains("fourth"),
        "{text}"
    );
}

#[test]
fn one_screen_is_replaced() {
    let (sandbox, _cloud) = demo::deployed();
    let mut running = sandbox.spawn_on_screen(&["watch"]);
    running.wait_for_stderr(WAITING);
    sandbox.edit("manifest.toml", "[vars]", "[varz]");
    running.wait_for_stderr_times(WAITING, 2);
    let text = running.stderr();
    let screens: Vec<&str> = text.split("\u{1b}[H\u{1b}[2J").collect();
    assert_eq!(screens.len(), 3, "{text}");
    assert!(screens[1].contains("No changes"), "{text}");
    assert!(screens[2].contains("manifest.toml:"), "{text}");
    assert!(screens[2].contains("varz"), "{text}");
    // The terminal is closed.
    running.hang_up();
    running.wait().expect_code(130);
}

#[test]
fn ctrl_c_while_a_plan_is_made_leaves_nothing() {
    let (sandbox, cloud) = demo::changed();
    let mut running = demo::spawn_until_described(&sandbox, &cloud, &["watch"]);
    running.terminate();
    running.wait().expect_code(130);
    assert_eq!(cloud.account().change_sets(), 0);
}

/// Saves many times, some of it broken, some of it while a deployment runs, and returns how many
/// deployments there were.
fn save_many_times(saves: usize) -> usize {
    let (sandbox, cloud) = applicable();
    let mut running = watch(&sandbox, &["--apply", "--no-logs"]);
    let descriptors = |running: &Running| {
        let folder = format!("/proc/{}/fd", running.id());
        fs::read_dir(folder).map_or(0, Iterator::count)
    };
    let mut before = (0, None);
    for number in 0..saves {
        if number == saves / 2 {
            // All connections are open.
            before = (descriptors(&running), running.peak_memory());
        }
        let text = match number % 5 {
            // No plan knows that this is broken.
            0 => "def handler(:\n".to_owned(),
            _ => format!("def handler(event, context):\n    return {number}\n"),
        };
        save(&sandbox, &text);
        if number % 10 == 3 {
            sandbox.edit("manifest.toml", "[vars]", "[vars");
        }
        // Some saves meet a run, some a pause.
        std::thread::sleep(std::time::Duration::from_millis((number as u64 * 37) % 150));
        if number % 10 == 3 {
            sandbox.edit("manifest.toml", "[vars", "[vars]");
        }
    }
    save(&sandbox, "last = True\n");
    running.wait_until("the end of the last deployment", || {
        let plan = sandbox.run(&["plan", "--detailed-exitcode", "-q"]);
        plan.code() == 0
    });
    let after = (descriptors(&running), running.peak_memory());
    assert!(after.0 <= before.0 + 8, "{before:?} {after:?}");
    if let (Some(before), Some(after)) = (before.1, after.1) {
        assert!(after < before + 16 * 1024 * 1024, "{before} {after}");
    }
    let figures = format!("{saves} saves: descriptors and bytes {before:?}, {after:?}\n");
    std::io::stderr().write_all(figures.as_bytes()).unwrap();
    end(running, &sandbox);
    assert_eq!(cloud.account().change_sets(), 0);
    cloud.calls_of("ExecuteChangeSet").len()
}

#[test]
fn many_saves_end_with_the_last_one() {
    assert!(save_many_times(12) >= 1);
}

#[test]
#[ignore = "a hundred saves take half a minute"]
fn a_hundred_saves_end_with_the_last_one() {
    let deployments = save_many_times(100);
    assert!((2..=101).contains(&deployments), "{deployments}");
}
