//! The steps of `action.yml` and the script of `docs/ci/gitlab.yml`, run by a shell as the forges run them.
//! `gh` and `curl` are scripts.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::{Arc, Mutex};

use regex_lite::{Captures, Regex};
use serde_json::{Value, json};

use crate::cloud::http::{Request, Response, read_request, write_response};
use crate::demo;
use crate::forge::Forge;
use crate::listener::Listener;
use crate::sandbox::{Finished, Input, Sandbox};

const COMMIT: &str = "0123456789abcdef0123456789abcdef01234567";
const HEAD: &str = "89abcdef0123456789abcdef0123456789abcdef";

/// Notes its arguments, and answers from files of the project.
const GH: &str = r#"#!/bin/sh
echo "$*" >>gh.log
case "$*" in
  "api repos/octo/infra/commits/"*) cat pulls.json ;;
  "api repos/octo/infra/actions/artifacts"*) cat artifacts.json ;;
  "api --paginate"*) cat issues.json ;;
  "run download"*) for last; do :; done; cp saved.json "$last/plan.json" ;;
  "attestation verify"*) test -e ../../attested ;;
  "issue "*) while [ $# -gt 0 ]; do if [ "$1" = --body-file ]; then cp "$2" issue.md; fi; shift; done ;;
esac
"#;

/// "Downloads" the archive of the home folder.
const CURL: &str = r#"#!/bin/sh
for last; do :; done
echo "$last" >"$HOME/url"
while [ "$1" != --output ]; do shift; done
cp "$HOME/archive.tar.gz" "$2"
"#;

/// A run of the action with its inputs.
struct Action {
    sandbox: Sandbox,
    inputs: BTreeMap<&'static str, &'static str>,
}

impl Action {
    fn new(sandbox: Sandbox, command: &'static str) -> Self {
        let stackctl = env!("CARGO_BIN_EXE_stackctl");
        let bin = sandbox.path("../bin").display().to_string();
        let temporary = sandbox.path("../temporary").display().to_string();
        fs::create_dir_all(&temporary).unwrap();
        let sandbox = sandbox
            .program("gh", GH)
            .program("curl", CURL)
            .program("stackctl", &format!("#!/bin/sh\nexec {stackctl} \"$@\"\n"))
            .env("PATH", &format!("{bin}:/usr/bin:/bin"))
            .env("AWS_SDK_UA_APP_ID", "ci")
            .env("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR"))
            .env("GITHUB_SERVER_URL", "https://github.com")
            .env("GITHUB_REPOSITORY", "octo/infra")
            .env("GITHUB_SHA", COMMIT)
            .env("GITHUB_RUN_ID", "99")
            .env("GITHUB_OUTPUT", &format!("{temporary}/output"))
            .env("GITHUB_PATH", &format!("{temporary}/path"))
            .env("RUNNER_OS", "Linux")
            .env("RUNNER_ARCH", "X64")
            .env("RUNNER_TEMP", &temporary);
        let inputs = BTreeMap::from([
            ("command", command),
            ("fail-on", "never"),
            ("working-directory", "."),
            ("token", crate::forge::TOKEN),
        ]);
        Self { sandbox, inputs }
    }

    /// Runs a step after the one that names the plan.
    fn step(&self, name: &str) -> Finished {
        if name != "Name the plan" {
            self.step("Name the plan").expect_code(0);
        }
        let step = step(name);
        let mut script = String::new();
        for (name, value) in &step.env {
            let value = self.evaluate(value).replace('\'', r"'\''");
            script.push_str(&format!("export {name}='{value}'\n"));
        }
        script.push_str(&step.run);
        let arguments = ["--noprofile", "--norc", "-eo", "pipefail", "-c", &script];
        self.sandbox
            .start("/bin/bash", &arguments, Input::Nothing)
            .wait()
    }

    /// Returns a text with the values of its expressions.
    fn evaluate(&self, text: &str) -> String {
        let expression = Regex::new(r"\$\{\{ (.*?) \}\}").unwrap();
        let value = |found: &Captures| {
            let expression = &found[1];
            if let Some((_, output)) = expression.split_once("outputs.") {
                return self.output(output);
            }
            if expression == "inputs.repository || github.action_repository" {
                return "octo/stackctl".to_owned();
            }
            let input = expression.strip_prefix("inputs.").expect(expression);
            let value = self.inputs.get(input).copied();
            value.unwrap_or_default().to_owned()
        };
        expression.replace_all(text, value).into_owned()
    }

    /// Returns an output of the step that names the plan.
    fn output(&self, name: &str) -> String {
        let text = fs::read_to_string(self.sandbox.path("../temporary/output")).unwrap();
        let mut lines = text.lines().filter_map(|line| line.split_once('='));
        lines
            .find(|(found, _)| *found == name)
            .unwrap()
            .1
            .to_owned()
    }

    fn log(&self) -> String {
        fs::read_to_string(self.sandbox.path("gh.log")).unwrap_or_default()
    }

    fn write(&self, path: &str, document: &Value) {
        self.sandbox.write(path, document.to_string());
    }
}

/// What a step of `action.yml` runs, and its variables.
struct Step {
    env: Vec<(String, String)>,
    run: String,
}

fn step(name: &str) -> Step {
    let action = read("action.yml");
    let steps = action.split("    - name: ").skip(1);
    let text = steps
        .clone()
        .find(|it| it.lines().next() == Some(name))
        .unwrap();
    let (head, run) = text.split_once("      run: |\n").unwrap();
    let run: Vec<&str> = run
        .lines()
        .map(|line| line.trim_start_matches("        "))
        .collect();
    let env = head.split_once("      env:\n").map_or("", |(_, env)| env);
    let env = env.lines().filter_map(|line| line.strip_prefix("        "));
    let env = env.filter_map(|line| line.split_once(": "));
    Step {
        env: env
            .map(|(name, value)| (name.into(), value.into()))
            .collect(),
        run: run.join("\n"),
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

/// Returns a script of `gitlab.yml` without its indentation.
fn unindented(script: &str) -> String {
    let lines = script.lines().map(|it| it.get(6..).unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns whether the programs of GitHub's machines are here. The project itself needs none of them.
fn can_run() -> bool {
    let programs = ["/bin/bash", "/usr/bin/jq", "/usr/bin/shasum"];
    let missing: Vec<&str> = programs
        .into_iter()
        .filter(|it| !Path::new(it).exists())
        .collect();
    if !missing.is_empty() {
        let _ = writeln!(
            std::io::stderr(),
            "skipped 1 case: {missing:?} are not installed"
        );
    }
    missing.is_empty()
}

#[test]
fn the_archive_is_installed_if_its_digest_or_its_attestation_is_right() {
    if !can_run() {
        return;
    }
    let mut action = Action::new(Sandbox::new(), "none");
    let pack = "mkdir -p $HOME/stackctl-x && cp ../bin/stackctl $HOME/stackctl-x && \
                tar -C $HOME -czf $HOME/archive.tar.gz stackctl-x && shasum -a 256 $HOME/archive.tar.gz";
    let made = action
        .sandbox
        .start("/bin/sh", &["-c", pack], Input::Nothing);
    let made = made.wait().expect_code(0).stdout;
    let digest: &'static str = made.split(' ').next().unwrap().to_owned().leak();

    // Nobody has attested the archive.
    action.step("Install").expect_code(1);
    fs::write(action.sandbox.path("../attested"), "").unwrap();
    action
        .step("Install")
        .expect_code(0)
        .expect_stdout("stackctl 0.1.0");
    assert!(action.log().is_empty());
    let url = fs::read_to_string(action.sandbox.path("../home/url")).unwrap();
    let expected = "https://github.com/octo/stackctl/releases/download/v0.1.0/\
                    stackctl-0.1.0-x86_64-unknown-linux-gnu.tar.gz";
    assert_eq!(url.trim(), expected);

    fs::remove_file(action.sandbox.path("../attested")).unwrap();
    action.inputs.insert("sha256", digest);
    action.step("Install").expect_code(0);
    action.inputs.insert("sha256", "0000");
    let refused = action.step("Install").expect_code(1);
    refused.expect_stdout("expected 0000");
}

#[test]
fn the_reviewed_plan_is_applied_after_the_merge() {
    if !can_run() {
        return;
    }
    let forge = Forge::start();
    let (sandbox, cloud) = demo::changed();
    let mut action = Action::new(forge.on_github(sandbox), "plan");
    action.inputs.insert("arguments", "-e dev");
    action.step("Plan").expect_code(0);
    assert_eq!(forge.comments().len(), 1);
    let plan = fs::read(action.output("file")).unwrap();
    action.sandbox.write("saved.json", plan);

    action.inputs.insert("command", "apply");
    action.write("pulls.json", &json!([]));
    action
        .step("Apply")
        .expect_code(1)
        .expect_stdout("no merged pull request has the commit");
    let pull = json!({"merged_at": "2026-01-01T00:00:00Z", "merge_commit_sha": COMMIT, "head": {"sha": HEAD}});
    action.write("pulls.json", &json!([pull]));
    // The plan of another commit, of a fork, and one that has expired.
    let artifact = |head: &str, from: u32, expired: bool, run: u32| {
        json!({"expired": expired, "created_at": format!("2026-01-01T00:00:{run:02}Z"), "workflow_run":
            {"id": run, "head_sha": head, "repository_id": 1, "head_repository_id": from}})
    };
    let useless = [
        artifact(COMMIT, 1, false, 11),
        artifact(HEAD, 2, false, 12),
        artifact(HEAD, 1, true, 13),
    ];
    action.write("artifacts.json", &json!({ "artifacts": useless }));
    action
        .step("Apply")
        .expect_code(1)
        .expect_stdout("has no saved plan stackctl-plan-");
    let [first, second, third] = useless;
    let right = [
        artifact(HEAD, 1, false, 9),
        artifact(HEAD, 1, false, 10),
        first,
        second,
        third,
    ];
    action.write("artifacts.json", &json!({ "artifacts": right }));
    action.step("Apply").expect_code(0);
    assert!(
        action.log().contains("run download 10 "),
        "{}",
        action.log()
    );
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
}

#[test]
fn drift_has_one_issue_that_is_closed_when_it_is_gone() {
    if !can_run() {
        return;
    }
    let mut action = Action::new(Sandbox::new(), "drift");
    action.inputs.insert("arguments", "-e dev");
    let says = |action: Action, text: &str, code: i32| {
        let script = format!("#!/bin/sh\necho \"$*\" >stackctl.log\necho '{text}'\nexit {code}\n");
        Action {
            sandbox: action.sandbox.program("stackctl", &script),
            inputs: action.inputs,
        }
    };
    let action = says(action, "Nothing has drifted.", 0);
    action.write("issues.json", &json!([]));
    action.step("Drift").expect_code(0);
    assert!(!action.log().contains("issue "), "{}", action.log());

    let action = says(
        action,
        "Drift:\n```\n@all <!-- stackctl:ci --> [x](https://x)",
        2,
    );
    action.step("Drift").expect_code(0);
    assert!(action.log().contains("issue create"), "{}", action.log());
    let body = fs::read_to_string(action.sandbox.path("issue.md")).unwrap();
    let (marker, text) = body.split_once('\n').unwrap();
    assert!(marker.starts_with("<!-- stackctl-drift-"), "{body}");
    assert!(
        text.lines().skip(2).all(|line| line.starts_with("    ")),
        "{body}"
    );

    // Somebody else's issue, and a pull request, have the same marker.
    let issue =
        |number: u32, kind: &str| json!({"number": number, "user": {"type": kind}, "body": body});
    let mut request = issue(6, "Bot");
    request["pull_request"] = json!({});
    action.write(
        "issues.json",
        &json!([issue(5, "User"), request, issue(7, "Bot")]),
    );
    action.step("Drift").expect_code(0);
    assert!(action.log().contains("issue edit 7 "), "{}", action.log());
    let action = says(action, "error: denied", 1);
    action.step("Drift").expect_code(1);
    let action = says(action, "Nothing has drifted.", 0);
    action.step("Drift").expect_code(0);
    assert!(action.log().contains("issue close 7 "), "{}", action.log());
    let arguments = fs::read_to_string(action.sandbox.path("stackctl.log")).unwrap();
    assert_eq!(arguments, "drift --exit-code -e dev\n");
}

#[test]
fn a_merged_plan_of_gitlab_is_downloaded() {
    let listener = Listener::start(|stream| {
        let mut reader = std::io::BufReader::new(stream);
        while let Some(request) = read_request(&mut reader)? {
            assert_eq!(request.header("private-token"), "token");
            let merged = json!([{"state": "merged", "iid": 3, "merge_commit_sha": COMMIT,
                "squash_commit_sha": null, "sha": HEAD}]);
            let answer = match request.path.as_str() {
                path if path.ends_with("/merge_requests") => merged,
                path if path.ends_with("/3/pipelines") => {
                    json!([{"id": 8, "project_id": 41}, {"id": 9, "project_id": 42}])
                }
                path if path.ends_with("/9/jobs") => {
                    json!([{"id": 70, "name": "test"}, {"id": 71, "name": "plan"}])
                }
                path if path.ends_with("/jobs/71/artifacts/stackctl-plan.json") => {
                    json!({"plan": true})
                }
                _ => json!(null),
            };
            write_response(
                reader.get_mut(),
                &request.method,
                &Response::new(200, answer.to_string()),
            )?;
        }
        Ok(())
    });
    let file = read("docs/ci/gitlab.yml");
    let script = file
        .split("<<'PYTHON'\n")
        .nth(1)
        .unwrap()
        .split("      PYTHON\n")
        .next()
        .unwrap();
    let script = unindented(script);
    let run = |commit: &str| {
        let sandbox = Sandbox::new()
            .env("PATH", &std::env::var("PATH").unwrap())
            .env("CI_API_V4_URL", &listener.url())
            .env("CI_PROJECT_ID", "42")
            .env("CI_COMMIT_SHA", commit)
            .env("STACKCTL_PLAN_JOB", "plan")
            .env("GITLAB_TOKEN", "token");
        let ended = sandbox
            .start("python3", &["-c", &script], Input::Nothing)
            .wait();
        let plan = fs::read_to_string(sandbox.path("stackctl-plan.json"));
        (ended, plan.unwrap_or_default())
    };
    let (ended, plan) = run(COMMIT);
    ended.expect_code(0);
    assert_eq!(plan, r#"{"plan":true}"#);
    let (ended, _) = run("ffff");
    ended
        .expect_code(1)
        .expect_stderr("no merged merge request has the commit ffff");
}

/// Issues of GitLab, which the token's user and somebody else have written.
#[derive(Default)]
struct Issues(Mutex<Vec<Value>>);

impl Issues {
    const USER: u32 = 7;

    fn answer(&self, request: &Request) -> Value {
        assert_eq!(request.header("private-token"), "token");
        let mut issues = self.0.lock().unwrap();
        let fields: Value = serde_json::from_slice(&request.body).unwrap_or_default();
        let path = request.path.strip_prefix("/projects/42/issues");
        let number: Option<usize> = path
            .and_then(|path| path.split('/').nth(1))
            .map(|number| number.parse().unwrap());
        match (request.method.as_str(), number) {
            ("GET", None) if request.path == "/user" => json!({"id": Self::USER}),
            ("GET", None) => {
                let page: usize = request.query["page"].parse().unwrap();
                let found = issues.iter().filter(|issue| {
                    issue["state"] == request.query["state"].as_str()
                        && issue["author"].as_u64() == request.query["author_id"].parse().ok()
                });
                found.skip((page - 1) * 100).take(100).cloned().collect()
            }
            ("POST", None) => {
                Self::add(&mut issues, Self::USER, &fields["description"]);
                json!({})
            }
            ("POST", Some(number)) => {
                issues[number - 1]["note"] = fields["body"].clone();
                json!({})
            }
            ("PUT", Some(number)) if fields["state_event"] == "close" => {
                issues[number - 1]["state"] = json!("closed");
                json!({})
            }
            ("PUT", Some(number)) => {
                issues[number - 1]["description"] = fields["description"].clone();
                json!({})
            }
            other => panic!("{other:?}"),
        }
    }

    fn add(issues: &mut Vec<Value>, author: u32, description: &Value) {
        let number = issues.len() + 1;
        issues.push(
            json!({"iid": number, "author": author, "state": "opened", "description": description}),
        );
    }

    fn descriptions(&self) -> Vec<String> {
        let issues = self.0.lock().unwrap();
        let open = issues.iter().filter(|issue| issue["state"] == "opened");
        let texts = open.filter_map(|issue| issue["description"].as_str());
        texts.map(str::to_owned).collect()
    }
}

#[test]
fn drift_on_gitlab_has_one_issue_that_is_closed_when_it_is_gone() {
    let issues = Arc::new(Issues::default());
    let server = Arc::clone(&issues);
    let listener = Listener::start(move |stream| {
        let mut reader = std::io::BufReader::new(stream);
        while let Some(request) = read_request(&mut reader)? {
            let answer = server.answer(&request).to_string();
            let answer = Response::new(200, answer);
            write_response(reader.get_mut(), &request.method, &answer)?;
        }
        Ok(())
    });
    let file = read("docs/ci/gitlab.yml");
    let job = file.split("\n.stackctl-drift:\n").nth(1).unwrap();
    let script = job.split("    - |\n").nth(1).unwrap();
    let script = unindented(script);
    let run = |text: &str, code: i32, token: &str| {
        let sandbox = Sandbox::new();
        let bin = sandbox.path("../bin").display().to_string();
        let path = std::env::var("PATH").unwrap();
        let stackctl = format!("#!/bin/sh\necho '{text}'\nexit {code}\n");
        let sandbox = sandbox
            .program("stackctl", &stackctl)
            .env("PATH", &format!("{bin}:{path}"))
            .env("CI_API_V4_URL", &listener.url())
            .env("CI_PROJECT_ID", "42")
            .env("CI_JOB_NAME", "drift")
            .env("CI_JOB_URL", "https://gitlab.com/octo/infra/-/jobs/9")
            .env("STACKCTL_ARGUMENTS", "-e dev")
            .env("GITLAB_TOKEN", token);
        let arguments = ["-e", "-c", &script];
        sandbox.start("/bin/sh", &arguments, Input::Nothing).wait()
    };
    // Without a token, the pipeline fails.
    run("Drift", 2, "").expect_code(2);
    run("error: denied", 1, "token").expect_code(1);
    run("Nothing has drifted.", 0, "token").expect_code(0);
    assert!(issues.descriptions().is_empty());

    for _ in 0..100 {
        Issues::add(&mut issues.0.lock().unwrap(), Issues::USER, &json!("mine"));
    }
    run("Drift:\n/close\n```\n@all", 2, "token").expect_code(0);
    let found = issues.descriptions();
    assert_eq!(found.len(), 101);
    let (marker, text) = found[100].split_once('\n').unwrap();
    assert!(marker.starts_with("<!-- stackctl-drift-"), "{marker}");
    let mut lines = text.lines().skip(2);
    assert!(lines.all(|line| line.starts_with("    ")), "{text}");
    // Somebody else's issue has the same marker, and is left alone.
    let other = json!(format!("{marker}\nother"));
    Issues::add(&mut issues.0.lock().unwrap(), 1, &other);
    run("Drift: more", 2, "token").expect_code(0);
    let found = issues.descriptions();
    assert_eq!(found.len(), 102);
    assert!(found[100].contains("    Drift: more\n"), "{}", found[100]);
    run("Nothing has drifted.", 0, "token").expect_code(0);
    let found = issues.descriptions();
    assert_eq!(found.len(), 101);
    assert!(found[100].ends_with("\nother"), "{}", found[100]);
}
