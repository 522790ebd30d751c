//! `--format html`: one self-contained page on stdout.

use crate::demo;
use crate::drift::drifted;
use crate::sandbox::{Finished, Sandbox};

/// Fails the test if stdout is not one page that loads nothing.
#[track_caller]
fn is_page(finished: &Finished) {
    let page = &finished.stdout;
    assert!(
        page.starts_with("<!DOCTYPE html>\n<html lang=\"en\">"),
        "{page}"
    );
    assert!(page.ends_with("</html>\n"), "{page}");
    assert_eq!(page.matches("<html").count(), 1);
    assert_eq!(page.matches("<script>").count(), 1);
    assert!(
        page.contains("content=\"default-src &#39;none&#39;;"),
        "{page}"
    );
    for loading in [" src=", "<link", "<iframe", "<img", "url(", "@import"] {
        assert!(!page.contains(loading), "{loading}");
    }
}

#[test]
fn a_plan_is_a_page() {
    let (sandbox, _cloud) = demo::changed();
    let plan = ["plan", "--format", "html", "--detailed-exitcode"];
    let finished = sandbox.run(&plan).expect_code(2);
    is_page(&finished);
    for text in [
        "<title>Plan: demo-dev</title>",
        "<h1 class=\"name\">demo-dev</h1>",
        "<dd>123456789012</dd>",
        "<p class=\"sentence\">Plan: ",
        "<svg ",
        "data-kind=\"change\"",
    ] {
        finished.expect_stdout(text);
    }
    // The advice is for a terminal, and the same plan is the same page.
    assert!(!finished.stderr.contains("browser"), "{finished}");
    assert_eq!(sandbox.run(&plan).stdout, finished.stdout);
}

#[test]
fn a_prediction_is_a_page_that_says_so() {
    let sandbox = demo::files();
    let finished = sandbox
        .run(&["plan", "--offline", "--format", "html"])
        .expect_code(0);
    is_page(&finished);
    finished.expect_stdout("Prediction: ");
    finished.expect_stdout("data-kind=\"add\"");
}

#[test]
fn a_plan_without_changes_is_a_short_page() {
    let (sandbox, _cloud) = demo::deployed();
    let finished = sandbox.run(&["plan", "--format", "html"]).expect_code(0);
    is_page(&finished);
    finished.expect_stdout("No changes. The stack matches the files.");
    assert!(!finished.stdout.contains("<svg"), "{finished}");
}

#[test]
fn changed_code_is_side_by_side() {
    let (sandbox, _cloud) = demo::deployed();
    demo::change_code(&sandbox);
    for command in ["plan", "diff"] {
        let finished = sandbox.run(&[command, "--format", "html"]).expect_code(0);
        is_page(&finished);
        finished.expect_stdout("<del data-n=\"2\">    return <mark>1</mark></del>");
        finished.expect_stdout("<ins data-n=\"2\">    return <mark>2</mark></ins>");
    }
}

#[test]
fn two_templates_are_compared_in_a_page() {
    let template = |size: &str| {
        format!(
            "Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties: {{DisplayName: {size}}}\n"
        )
    };
    let sandbox = Sandbox::new()
        .file("old.yaml", template("small"))
        .file("new.yaml", template("'<b>large</b>'"));
    let finished = sandbox
        .run(&[
            "diff",
            "old.yaml",
            "new.yaml",
            "--format",
            "html",
            "--exit-code",
        ])
        .expect_code(2);
    is_page(&finished);
    finished.expect_stdout("<title>Differences: old.yaml → new.yaml</title>");
    finished.expect_stdout("<del>small</del>");
    finished.expect_stdout("<ins>&lt;b&gt;large&lt;/b&gt;</ins>");
}

#[test]
fn drift_has_three_values() {
    let (sandbox, _cloud) = drifted();
    let finished = sandbox
        .run(&["diff", "--live", "--format", "html"])
        .expect_code(0);
    is_page(&finished);
    for text in [
        "<dt>Deployed</dt><dd><code>python3.13</code></dd>",
        "<dt>Live</dt><dd><code>python3.12</code></dd>",
        "<dt>Desired</dt><dd><code>python3.13</code></dd>",
        "keeps the live value",
        "is deleted",
    ] {
        finished.expect_stdout(text);
    }
}
