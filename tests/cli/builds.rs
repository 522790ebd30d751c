//! `build`: the program that makes an artifact's files.

use std::path::Path;

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::{Running, Sandbox};

/// Returns the demo with a `build` for its handler, and the system's programs on its `PATH`.
fn with_build(script: &str) -> Sandbox {
    let sandbox = demo::files().env("PATH", "/usr/bin:/bin");
    let build = format!("path = \"handler\"\nbuild = [\"sh\", \"-c\", '''{script}''']");
    sandbox.edit("manifest.toml", "path = \"handler\"", &build);
    sandbox
}

/// Returns the files of the handler's zip.
fn files(sandbox: &Sandbox, arguments: &[&str]) -> Vec<String> {
    let document = sandbox.run(arguments).expect_code(0).json();
    let files = document["artifacts"][0]["files"].as_array().unwrap();
    let paths = files.iter().map(|file| file["path"].as_str().unwrap());
    paths.map(str::to_owned).collect()
}

#[test]
fn build_makes_the_files_that_are_packaged() {
    // It runs in the manifest's folder, wherever the command runs.
    let sandbox = with_build("echo made > handler/made.txt; echo secret is $KEPT")
        .env("KEPT", "there")
        .in_folder("deep/down");
    let finished = sandbox.run(&["package", "--format", "json"]);
    let finished = finished.expect_code(0);
    finished.expect_stderr("Building `handler`: sh -c");
    finished.expect_stderr("secret is there");
    let paths = files(&sandbox, &["package", "--format", "json", "-q"]);
    assert_eq!(paths, ["app.py", "made.txt"]);
}

#[test]
fn every_command_that_packages_builds_once() {
    for arguments in [
        &["package"][..],
        &["render", "--build"],
        &["validate", "--build"],
        &["plan", "--offline"],
        &["plan"],
        &["diff"],
        &["apply", "--yes"],
    ] {
        let cloud = Cloud::start();
        let sandbox = with_build("echo . >> count.txt").cloud(&cloud);
        sandbox.append(
            "manifest.toml",
            "\n[artifacts.other]\npath = \"handler\"\nbuild = [\"sh\", \"-c\", '''echo . >> count.txt''']\n",
        );
        sandbox.run(arguments);
        let count = std::fs::read_to_string(sandbox.path("count.txt")).unwrap();
        assert_eq!(count, ".\n", "{arguments:?}");
    }
}

#[test]
fn commands_that_only_check_or_print_build_nothing_on_their_own() {
    for command in ["validate", "render"] {
        let sandbox = with_build("touch ran");
        // The folder may only exist after the build, and so may the lock file.
        sandbox.append(
            "manifest.toml",
            "\n[artifacts.made]\npath = \"dist\"\nrequirements = \"dist/lock.txt\"\npython = \"3.12\"\n\
             build = [\"./tool\"]\n",
        );
        let finished = sandbox.run(&[command]).expect_code(0);
        assert!(!sandbox.path("ran").exists(), "{finished}");
        finished.expect_stderr(
            "Not built: `handler`. Its key is a placeholder, `demo/handler/not-built.zip`; \
             `--build` runs `sh -c 'touch ran'`.",
        );
        finished.expect_stderr("Not built: `made`.");
        if command == "render" {
            finished.expect_stdout("S3Key: \"demo/handler/not-built.zip\"");
        }
        sandbox.run(&[command, "--build"]).expect_code(1);
        assert!(sandbox.path("ran").exists());
    }
}

#[test]
fn failing_build_shows_its_output_and_stops_before_any_call() {
    for quiet in [&[][..], &["--quiet"]] {
        for command in [&["plan"][..], &["apply", "--yes"], &["diff"]] {
            let cloud = Cloud::start();
            let sandbox = with_build("echo out; echo err >&2; exit 7").cloud(&cloud);
            let finished = sandbox.run(&[command, quiet].concat()).expect_code(1);
            assert_eq!(cloud.operations(), [""; 0], "{finished}");
            assert_eq!(finished.stdout, "");
            for part in [
                "out\nerr\n",
                "failed with exit code 7",
                "manifest.toml:10:9",
                "error: the artifact `handler` cannot be built",
            ] {
                assert!(finished.stderr.contains(part), "{part}: {finished}");
            }
        }
    }
}

#[test]
fn quiet_build_that_succeeds_prints_nothing() {
    let finished = with_build("echo out")
        .run(&["package", "-q"])
        .expect_code(0);
    assert_eq!(finished.stderr, "");
}

#[test]
fn build_without_its_program_is_an_error_at_its_line() {
    let sandbox = demo::files();
    let build = "path = \"handler\"\nbuild = [\"npm\", \"run\", \"build\"]";
    sandbox.edit("manifest.toml", "path = \"handler\"", build);
    insta::assert_snapshot!(sandbox.run(&["render", "--build"]), @r#"
    --- stderr
    Building `handler`: npm run build
    error[build-failed]: there is no program `npm` in the folders of PATH
      --> manifest.toml:10:9
       |
    10 | build = ["npm", "run", "build"]
       |         ^^^^^^^^^^^^^^^^^^^^^^^
       |
       = help: install it, or write a path: `./npm`

    error: the artifact `handler` cannot be built
    --- exit 1
    "#);
}

#[test]
fn interrupt_ends_the_build_and_what_it_started() {
    for arguments in [&["package"][..], &["plan"]] {
        for send in [Running::interrupt, Running::terminate, Running::hang_up] {
            let cloud = Cloud::start();
            let script = "sleep 300 & echo $! > child.txt; echo go $((1 + 1)); wait";
            let sandbox = with_build(script).cloud(&cloud);
            let mut running = sandbox.spawn(arguments);
            running.wait_for_stderr("go 2");
            send(&mut running);
            running.wait().expect_code(130);
            assert_eq!(cloud.operations(), [""; 0]);
            let child = std::fs::read_to_string(sandbox.path("child.txt")).unwrap();
            let is_running = || {
                let status = Path::new("/proc").join(child.trim()).join("status");
                let status = std::fs::read_to_string(status).unwrap_or_default();
                !status.is_empty() && !status.contains("State:\tZ")
            };
            let ended = (0..100).any(|_| {
                std::thread::sleep(std::time::Duration::from_millis(20));
                !is_running()
            });
            assert!(ended, "the child of the build is still running");
        }
    }
}

#[test]
fn interrupt_still_ends_the_command_after_its_build() {
    // The linter runs after the build, on the only thread.
    let sandbox = with_build("true");
    let linting = sandbox.path("linting");
    let linter = format!("#!/bin/sh\ntouch {}\nexec sleep 300\n", linting.display());
    let sandbox = sandbox.program("cfn-lint", &linter);
    let bin = sandbox.cache().with_file_name("bin");
    let sandbox = sandbox.env("PATH", &format!("{}:/usr/bin:/bin", bin.display()));
    let mut running = sandbox.spawn(&["validate", "--build"]);
    running.wait_until("the linter runs", || linting.exists());
    running.interrupt();
    running.wait().expect_code(130);
}
