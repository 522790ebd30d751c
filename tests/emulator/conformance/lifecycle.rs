//! The lifecycle of a stack, the same on every implementation.
//!
//! Each step returns what the implementation lacks. A step does not know the implementation.
//! Whatever is lacking, stackctl must end with a documented exit code and a reason.

use std::fs;

use serde_json::Value;

use crate::sandbox::{Finished, Sandbox};

use super::server::Server;

/// The documented exit codes.
const CODES: [i32; 5] = [0, 1, 2, 3, 4];

/// What a step lacks; empty if everything works as on AWS.
pub(super) type Lacks = Vec<&'static str>;

/// A stack on one implementation.
pub(super) struct Life<'a> {
    pub(super) sandbox: Sandbox,
    /// The environment of the manifest.
    pub(super) environment: &'static str,
    /// The server on which another bucket can be created if that of stackctl does not work.
    pub(super) server: Option<&'a Server>,
    /// The `--set` options of the following commands.
    pub(super) changes: Vec<String>,
}

/// A step of the lifecycle.
type Step = fn(&mut Life<'_>) -> Lacks;

/// The steps in order, with their names in the table.
pub(super) const STEPS: [(&str, Step); 12] = [
    ("plan of a new stack", plan_of_a_new_stack),
    ("create", create),
    ("outputs", outputs),
    ("no change", no_change),
    ("code change", code_change),
    ("parameter change", parameter_change),
    ("diff", diff),
    ("replacement", replacement),
    ("drift", drift),
    ("failure and rollback", failure_and_rollback),
    ("recover", recover),
    ("destroy", destroy),
];

impl Life<'_> {
    /// Runs stackctl, which must end with a documented exit code.
    fn run(&self, arguments: &[&str]) -> Finished {
        let mut all = arguments.to_vec();
        all.extend(["-e", self.environment]);
        for change in &self.changes {
            all.extend(["--set", change]);
        }
        let finished = self.sandbox.run(&all);
        let code = finished.code();
        assert!(CODES.contains(&code), "{arguments:?}\n{finished}");
        let explained = finished.stderr.contains("error: ");
        assert!(
            matches!(code, 0 | 2) || explained,
            "{arguments:?}\n{finished}"
        );
        finished
    }

    fn code(&self, arguments: &[&str]) -> i32 {
        self.run(arguments).code()
    }

    /// Destroys the stack with all that it stores, and returns the exit code.
    fn destroy(&self) -> i32 {
        let stored = ["Queue", "Store"];
        let allowed = stored.iter().flat_map(|id| ["--allow-delete", id]);
        let arguments: Vec<&str> = ["destroy", "--yes"].into_iter().chain(allowed).collect();
        self.code(&arguments)
    }

    /// Returns a plan as JSON. The exit code must be 0.
    fn plan(&self) -> Value {
        self.run(&["plan", "--format", "json"])
            .expect_code(0)
            .json()
    }

    /// Returns the stack's status; empty if there is no stack.
    fn status(&self) -> String {
        let status = self.run(&["status", "--format", "json"]).expect_code(0);
        let status = status.json();
        status["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the physical id of a resource.
    fn physical_id(&self, logical_id: &str) -> Option<String> {
        let status = self.run(&["status", "--format", "json"]).expect_code(0);
        let status = status.json();
        let mut resources = status["resources"].as_array()?.iter();
        let found = resources.find(|resource| resource["logical_id"] == logical_id)?;
        Some(found["physical_id"].as_str()?.to_owned())
    }

    fn change(&mut self, key: &str, value: &str) {
        let start = format!("{key}=");
        self.changes.retain(|change| !change.starts_with(&start));
        self.changes.push(start + value);
    }

    fn is_whole(&self) -> bool {
        !self
            .changes
            .iter()
            .any(|change| change == "vars.whole=false")
    }
}

/// Returns the names of the things that are not there.
fn lacking<const N: usize>(things: [(&'static str, bool); N]) -> Lacks {
    let lacking = things.into_iter().filter(|(_, there)| !there);
    lacking.map(|(name, _)| name).collect()
}

/// Returns the logical ids of a plan's changes, sorted.
fn changed(plan: &Value) -> Vec<&str> {
    let changes = plan["changes"].as_array().unwrap().iter();
    let mut names: Vec<&str> = changes.filter_map(|it| it["logical_id"].as_str()).collect();
    names.sort_unstable();
    names
}

fn plan_of_a_new_stack(life: &mut Life<'_>) -> Lacks {
    let code = life.code(&["plan", "--detailed-exitcode"]);
    let plan = life.plan();
    lacking([
        (
            "changes",
            code == 2 && changed(&plan) == ["Function", "Queue", "Role", "Store"],
        ),
        ("a trace of it can be removed", life.status().is_empty()),
    ])
}

fn create(life: &mut Life<'_>) -> Lacks {
    let mut lacks = Vec::new();
    let mut applied = life.run(&["apply", "--yes"]);
    if let (1 | 4, Some(server)) = (applied.code(), life.server) {
        lacks.push("a bucket that admits TLS alone, without TLS");
        server.make_bucket("files-of-a-life");
        life.change("artifact_bucket", "files-of-a-life");
        applied = life.run(&["apply", "--yes"]);
    }
    if applied.code() == 3 {
        lacks.push("functions and tables");
        life.change("vars.whole", "false");
        life.change("stack_name", "part-of-a-life");
        applied = life.run(&["apply", "--yes"]);
    }
    let applied = applied.expect_code(0);
    let of_each = ["Role", "Queue", "Store"].iter().all(|resource| {
        let lines = applied.stderr.lines();
        let of_it = lines.filter(|line| {
            let mut words = line.split_whitespace().skip(2);
            words.next() == Some(resource) && words.next().is_some_and(|it| it.starts_with("AWS::"))
        });
        of_it.count() >= 2
    });
    lacks.extend(lacking([
        ("the status", life.status() == "CREATE_COMPLETE"),
        ("events of each resource", of_each),
    ]));
    lacks
}

fn outputs(life: &mut Life<'_>) -> Lacks {
    let output = life.run(&["outputs", "StoreName"]);
    let store = life.physical_id("Store");
    lacking([(
        "outputs",
        output.code() == 0 && Some(output.stdout.trim_end()) == store.as_deref(),
    )])
}

fn no_change(life: &mut Life<'_>) -> Lacks {
    let same = life.code(&["plan", "--detailed-exitcode"]);
    assert_eq!(same, 0, "what is deployed is the same to the byte");
    let path = life.sandbox.path("templates/stack.yaml.j2");
    let text = fs::read_to_string(&path).unwrap();
    life.sandbox
        .write("templates/stack.yaml.j2", format!("# a remark\n{text}"));
    let remarked = life.code(&["plan", "--detailed-exitcode"]);
    life.sandbox.write("templates/stack.yaml.j2", text);
    lacking([("a change set without a change is recognized", remarked == 0)])
}

fn code_change(life: &mut Life<'_>) -> Lacks {
    if !life.is_whole() {
        return vec!["functions"];
    }
    life.sandbox.write(
        "handler/app.py",
        "def handler(event, context):\n    return 2\n",
    );
    let plan = life.plan();
    let applied = life.run(&["apply", "--yes"]).expect_code(0);
    let again = life.run(&["apply", "--yes"]).expect_code(0);
    lacking([
        ("the function alone changes", changed(&plan) == ["Function"]),
        ("it is uploaded", applied.stderr.contains("Uploaded ")),
        ("no change after it", again.stdout.contains("No changes.")),
    ])
}

fn parameter_change(life: &mut Life<'_>) -> Lacks {
    life.change("parameters.Seconds", "40");
    let plan = life.plan();
    let causes = plan["cause"].as_array().unwrap();
    let applied = life.run(&["apply", "--yes"]).expect_code(0);
    lacking([
        ("the resource that it changes", changed(&plan) == ["Queue"]),
        ("the parameter as the cause", !causes.is_empty()),
        (
            "the checksum of what was uploaded",
            !applied.stderr.contains("Uploaded "),
        ),
        (
            "no change after it",
            life.code(&["plan", "--detailed-exitcode"]) == 0,
        ),
    ])
}

fn diff(life: &mut Life<'_>) -> Lacks {
    let same = life.code(&["diff", "--exit-code"]);
    let other = life.run(&["diff", "--exit-code", "--set", "vars.key=second"]);
    assert_eq!(other.code(), 2, "{other}");
    other.expect_stdout("Store");
    lacking([("the deployed stack as it was asked for", same == 0)])
}

fn replacement(life: &mut Life<'_>) -> Lacks {
    life.change("vars.key", "second");
    let plan = life.plan();
    let changes = plan["changes"].as_array().unwrap();
    let store = changes.iter().find(|it| it["logical_id"] == "Store");
    assert!(
        store.is_some_and(|it| it["replacement"] == "True"),
        "{plan:#}"
    );
    let refused = life.run(&["apply", "--yes"]);
    let message = "data is lost only where that is allowed";
    assert_eq!(refused.code(), 4, "{message}\n{refused}");
    let before = life.physical_id("Store");
    let code = life.code(&["apply", "--yes", "--allow-replace", "Store"]);
    let after = life.physical_id("Store");
    let warnings = plan["warnings"].to_string();
    lacking([
        (
            "the service's own word for it",
            !warnings.contains("predicts"),
        ),
        (
            "it is done",
            code == 0 && after.is_some() && after != before,
        ),
    ])
}

fn drift(life: &mut Life<'_>) -> Lacks {
    let code = life.code(&["drift", "--exit-code"]);
    lacking([("drift detection", code == 0)])
}

fn failure_and_rollback(life: &mut Life<'_>) -> Lacks {
    life.change("vars.key_pair", "nobodys");
    let failed = life.run(&["apply", "--yes"]);
    let status = life.status();
    life.change("vars.key_pair", "");
    if failed.code() == 0 {
        life.run(&["apply", "--yes"]).expect_code(0);
        return vec!["failures"];
    }
    lacking([
        ("the failure is one of the deployment", failed.code() == 3),
        ("the cause", failed.stderr.contains("nobodys")),
        ("the rollback", status == "UPDATE_ROLLBACK_COMPLETE"),
        (
            "all is as before",
            life.code(&["plan", "--detailed-exitcode"]) == 0,
        ),
    ])
}

/// A failed creation leaves an empty stack, which `recover` deletes.
fn recover(life: &mut Life<'_>) -> Lacks {
    let lived = life.changes.clone();
    life.change("stack_name", "stuck-in-life");
    life.change("project", "stuck");
    life.change("vars.key_pair", "nobodys");
    let failed = life.code(&["apply", "--yes"]);
    let status = life.status();
    let recovered = life.code(&["recover", "--yes"]);
    let gone = life.status().is_empty();
    life.destroy();
    life.changes = lived;
    if failed == 0 {
        return vec!["failures"];
    }
    lacking([
        ("the shell", status == "ROLLBACK_COMPLETE"),
        ("its deletion", recovered == 0 && gone),
    ])
}

fn destroy(life: &mut Life<'_>) -> Lacks {
    let code = life.destroy();
    let again = life.destroy();
    lacking([
        ("the stack is gone", code == 0 && life.status().is_empty()),
        ("once", again == 0),
    ])
}
