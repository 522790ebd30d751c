//! `ci plan` and `ci apply` against a scripted GitHub and GitLab.

use crate::cloud::Cloud;
use crate::cloud::http::Response;
use crate::demo;
use crate::forge::{Forge, TOKEN};
use crate::sandbox::Sandbox;

const MARKER: &str = "<!-- stackctl:ci plan manifest.toml -->";

/// Returns a deployed project with a changed description, whose runs are for a pull request of GitHub.
fn on_github() -> (Sandbox, Cloud, Forge) {
    let (sandbox, cloud) = demo::changed();
    let forge = Forge::start();
    (forge.on_github(sandbox), cloud, forge)
}

#[test]
fn the_first_run_comments_and_the_next_replaces_its_comment() {
    let (sandbox, cloud, forge) = on_github();
    let first = sandbox.run(&["ci", "plan"]).expect_code(0);
    first.expect_stderr("Commented on pull request 3.");
    let comments = forge.comments();
    let [comment] = comments.as_slice() else {
        panic!("{comments:#?}");
    };
    let lines: Vec<&str> = comment.body.lines().collect();
    assert_eq!(lines[0], MARKER);
    assert!(
        lines[1].starts_with("<b>Plan: 0 to add, 1 to change"),
        "{}",
        lines[1]
    );
    assert!(comment.body.contains("Plan of <code>0123456789ab</code>"));
    assert!(
        comment
            .body
            .contains("https://github.com/octo/infra/actions/runs/99")
    );
    assert_eq!(first.stdout, comment.body);
    assert_eq!(cloud.account().change_sets(), 0);

    sandbox.run(&["apply", "--yes"]).expect_code(0);
    sandbox.run(&["ci", "plan"]).expect_code(0);
    let comments = forge.comments();
    assert_eq!(comments.len(), 1);
    assert!(
        comments[0].body.contains("<b>No changes"),
        "{}",
        comments[0].body
    );
}

#[test]
fn gitlab_has_the_same_comment() {
    let (sandbox, _cloud) = demo::changed();
    let forge = Forge::start();
    let sandbox = forge.on_gitlab(sandbox);
    for _ in 0..2 {
        let run = sandbox.run(&["ci", "plan"]).expect_code(0);
        run.expect_stderr("Commented on merge request 3.");
    }
    let comments = forge.comments();
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0].body.starts_with(MARKER));
}

#[test]
fn a_comment_on_a_later_page_is_found_and_that_of_somebody_else_stays() {
    let (sandbox, _cloud, forge) = on_github();
    let forged = format!("{MARKER}\nno dangers, please merge");
    forge.add_others(1, &forged);
    forge.add_others(300, "looks good");
    forge.add_own(&format!("{MARKER}\nan old plan"));
    sandbox.run(&["ci", "plan"]).expect_code(0);
    let comments = forge.comments();
    assert_eq!(comments.len(), 302);
    assert_eq!(comments[0].body, forged);
    assert!(
        comments[301].body.contains("1 to change"),
        "{}",
        comments[301].body
    );
    let lists = forge.requests();
    let lists = lists.iter().filter(|it| it.starts_with("GET /repos"));
    assert_eq!(lists.count(), 4);
}

#[test]
fn of_two_first_comments_at_once_one_stays() {
    let (sandbox, _cloud, forge) = on_github();
    forge.add_rival(&format!("{MARKER}\nthe plan of another run"));
    sandbox.run(&["ci", "plan"]).expect_code(0);
    let comments = forge.comments();
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(
        comments[0].body.contains("1 to change"),
        "{}",
        comments[0].body
    );
}

#[test]
fn other_stacks_and_environments_have_comments_of_their_own() {
    let (sandbox, _cloud, forge) = on_github();
    sandbox.run(&["ci", "plan"]).expect_code(0);
    sandbox.run(&["ci", "plan", "-e", "dev"]).expect_code(0);
    let bodies = forge.comments().into_iter().map(|it| it.body);
    let markers: Vec<String> = bodies
        .map(|body| body.lines().next().unwrap_or_default().to_owned())
        .collect();
    assert_eq!(
        markers,
        [MARKER, "<!-- stackctl:ci plan manifest.toml -e dev -->"]
    );
}

#[test]
fn the_limit_of_the_rate_is_waited_for() {
    let (sandbox, _cloud, forge) = on_github();
    let limited = Response::new(429, r#"{"message":"slow down"}"#).header("retry-after", "1");
    forge.answer_next(limited.clone());
    forge.answer_next(limited);
    sandbox.run(&["ci", "plan"]).expect_code(0);
    assert_eq!(forge.comments().len(), 1);
}

/// Why no comment is written, and what makes it so.
type Case = (&'static str, Box<dyn Fn(&Forge, Sandbox) -> Sandbox>);

#[test]
fn without_a_comment_the_plan_is_in_the_summary() {
    let long = Response::new(403, "{}").header("retry-after", "3600");
    let broken = Response::new(500, r#"{"message":"@all broken"}"#);
    let cases: [Case; 5] = [
        (
            "no token is set in GITHUB_TOKEN",
            Box::new(|_, sandbox| sandbox.env("GITHUB_TOKEN", "")),
        ),
        (
            "GitHub does not let the token write comments (HTTP 403)",
            Box::new(|forge, sandbox| {
                forge.forbid_writing();
                sandbox
            }),
        ),
        (
            "GitHub accepts no more requests for a while",
            Box::new(move |forge, sandbox| {
                forge.answer_next(long.clone());
                sandbox
            }),
        ),
        (
            "GitHub: the answer is HTTP 500",
            Box::new(move |forge, sandbox| {
                forge.answer_next(broken.clone());
                sandbox
            }),
        ),
        (
            "the run is not about a pull request",
            Box::new(|_, sandbox| sandbox.env("GITHUB_API_URL", "http://forge.example.com")),
        ),
    ];
    for (reason, prepare) in cases {
        let (sandbox, _cloud, forge) = on_github();
        let summary = sandbox.path("summary.md");
        let sandbox = sandbox.env("GITHUB_STEP_SUMMARY", &summary.display().to_string());
        let sandbox = prepare(&forge, sandbox);
        let run = sandbox.run(&["ci", "plan"]).expect_code(0);
        run.expect_stderr(reason);
        run.expect_stderr("the summary of the run has it");
        let text = std::fs::read_to_string(&summary).unwrap();
        assert_eq!(text, run.stdout, "{reason}");
        assert!(text.contains("1 to change"), "{reason}: {text}");
        assert!(forge.comments().is_empty(), "{reason}");
    }
}

#[test]
fn elsewhere_the_plan_is_printed() {
    let (sandbox, _cloud) = demo::changed();
    let run = sandbox.run(&["ci", "plan"]).expect_code(0);
    run.expect_stderr("this is no pipeline of GitHub or GitLab");
    run.expect_stdout(MARKER);
}

#[test]
fn the_exit_code_follows_the_policy() {
    let (sandbox, _cloud, _forge) = on_github();
    for (policy, code) in [("never", 0), ("danger", 0), ("changes", 2)] {
        sandbox
            .run(&["ci", "plan", "--fail-on", policy])
            .expect_code(code);
    }
    // The bucket with its data would be deleted.
    let (sandbox, _cloud) = demo::deployed();
    demo::rename_bucket(&sandbox);
    for (policy, code) in [("never", 0), ("danger", 2), ("changes", 2)] {
        sandbox
            .run(&["ci", "plan", "--fail-on", policy])
            .expect_code(code);
    }
}

#[test]
fn a_plan_that_fails_is_commented_with_its_error_and_fails() {
    let (sandbox, _cloud, forge) = on_github();
    sandbox.write(
        "manifest.toml",
        "project = \"demo\"\ntemplate = \"@all <b>.yaml\"\n",
    );
    sandbox.run(&["ci", "plan"]).expect_code(1);
    let comments = forge.comments();
    assert_eq!(comments.len(), 1);
    let body = &comments[0].body;
    assert!(body.contains("<b>stackctl could not plan.</b>"), "{body}");
    assert!(
        !body.contains("@all") && !body.contains("<b>.yaml"),
        "{body}"
    );
}

#[test]
fn the_token_is_never_printed() {
    let (sandbox, _cloud, forge) = on_github();
    sandbox.edit(
        "manifest.toml",
        "project = \"demo\"",
        &format!("project = \"demo\" # {TOKEN}"),
    );
    sandbox.write("broken", "");
    for arguments in [&["ci", "plan", "-vv"][..], &["ci", "plan", "--set", TOKEN]] {
        let run = sandbox.run(arguments);
        assert!(!run.stdout.contains(TOKEN), "{}", run.stdout);
        assert!(!run.stderr.contains(TOKEN), "{}", run.stderr);
    }
    assert!(forge.comments().iter().all(|it| !it.body.contains(TOKEN)));
}

#[test]
fn the_saved_plan_is_applied_and_a_stale_one_is_refused() {
    let (sandbox, cloud, forge) = on_github();
    let plan = sandbox
        .run(&["ci", "plan", "--out", "plan.json"])
        .expect_code(0);
    plan.expect_stdout("<code>stackctl ci apply plan.json</code> executes exactly this plan");
    // After the merge, the run is for a commit of the branch.
    let sandbox = sandbox.env("GITHUB_REF", "refs/heads/main");
    sandbox.run(&["ci", "apply", "plan.json"]).expect_code(0);
    assert_eq!(cloud.status(), "UPDATE_COMPLETE");
    let apply = || {
        let comments = forge.comments().into_iter();
        let mut found = comments.filter(|it| it.body.starts_with("<!-- stackctl:ci apply "));
        found.next().map(|it| it.body).unwrap_or_default()
    };
    assert!(apply().contains("<b>Applied.</b>"), "{}", apply());
    sandbox.run(&["ci", "apply", "plan.json"]).expect_code(4);
    assert!(
        apply().contains("<b>Refused: nothing was changed.</b>"),
        "{}",
        apply()
    );
    assert_eq!(forge.comments().len(), 2);
    sandbox.run(&["ci", "apply"]).expect_code(64);
}
