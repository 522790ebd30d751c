//! Faults that users of the program found: each is a folder with the smallest input and a script.
//!
//! The scripts run the real program as a user would. This file holds what the program must answer;
//! the folders' own `expected` files are notes for people.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::corpus::{self, copy_folder};

/// What the program must answer to the script of one folder.
struct Case {
    folder: &'static str,
    /// Texts that the output must contain.
    shows: &'static [&'static str],
    /// Texts that the output must not contain.
    lacks: &'static [&'static str],
}

/// Returns a case whose output must contain these texts.
const fn shows(folder: &'static str, shows: &'static [&'static str]) -> Case {
    Case {
        folder,
        shows,
        lacks: &[],
    }
}

/// Returns a case whose output must contain the first texts and none of the others.
const fn shows_without(
    folder: &'static str,
    shows: &'static [&'static str],
    lacks: &'static [&'static str],
) -> Case {
    Case {
        folder,
        shows,
        lacks,
    }
}

/// How many scripts run at the same time. Most of their time passes in sleeps.
const THREADS: usize = 4;

const VALID: &[&str] = &["is valid for `dev`", "\nexit 0"];

/// The folders that no script can run: another test has the same input.
const ELSEWHERE: [(&str, &str); 2] = [
    (
        "aws/ca-bundle",
        "needs a TLS server: the test of credential set-ups starts one",
    ),
    (
        "template/plan-layout-only-unsaid",
        "serves a recorded change set: `tests/cli/change_sets.rs`",
    ),
];

const CASES: &[Case] = &[
    // Legal templates.
    shows("template/bash-length-comment", VALID),
    shows(
        "template/bash-length-swallows",
        &["n=${#a[@]}\n        rm b\n        echo 1 #}\n", "\nexit 0"],
    ),
    // A plain file is never rendered: `{#` opens a YAML map, and `#` is no comment there.
    shows(
        "template/jinja-comment-swallows-bash",
        &["error[yaml-syntax]", "t.yaml:12:4", "\nexit 1"],
    ),
    shows("template/jinja-unclosed-place", VALID),
    shows("template/ssm-document-braces", VALID),
    shows("template/export-name-under-conditions", VALID),
    shows("template/flow-close-indent", VALID),
    shows("template/flow-indentation", VALID),
    shows("template/quoted-scalar-indent", VALID),
    shows("template/module-sub-resource", VALID),
    shows("template/null-in-sam", VALID),
    shows("template/null-under-transform", VALID),
    shows("template/parameter-type-undocumented", VALID),
    // `resolve()` is a function of rendered templates, and this template has another name. Its
    // references would be valid.
    shows(
        "template/dynrefs-in-mappings",
        &["error[template-not-rendered]", "t.yaml:3:14", "\nexit 1"],
    ),
    // Illegal templates.
    shows(
        "template/condition-cycle",
        &["error[circular-condition]: the conditions `A` and `B` depend on each other"],
    ),
    shows(
        "template/default-against-pattern",
        &["error[default-not-allowed]: the default `abc` does not match the pattern `[0-9]+`"],
    ),
    shows(
        "template/duplicate-key",
        &["error[duplicate-key]", "t.yaml:6:7"],
    ),
    shows(
        "template/findinmap-unknown-key",
        &["error[unknown-mapping-key]: the mapping `M` has no key `nope` under `a`"],
    ),
    shows(
        "template/foreach-without-transform",
        &[
            "error[missing-transform]: `Fn::ForEach` needs",
            "AWS::LanguageExtensions",
        ],
    ),
    shows(
        "template/globals-without-transform-hint",
        &[
            "error[unknown-section]",
            "Transform: AWS::Serverless-2016-10-31",
        ],
    ),
    shows(
        "template/if-with-inline-condition",
        &["error[wrong-argument]: `Fn::If` takes a condition's name"],
    ),
    shows(
        "template/no-error-condition-in-rules",
        &["error[function-not-allowed]: `Condition` is not allowed in the `Rules` section"],
    ),
    shows(
        "template/no-error-export-name-of-resource",
        &["error[export-name-not-fixed]", "the resource `V`"],
    ),
    shows(
        "template/no-error-metadata-text",
        &["error[wrong-shape]: `Metadata` must be a map"],
    ),
    shows(
        "template/no-error-numeric-key",
        &["error[numeric-key]", "`123456789012`"],
    ),
    shows(
        "template/parameter-resource-same-name",
        &["error[duplicate-name]: `Q` is the name of a parameter and of a resource"],
    ),
    shows(
        "template/sam-without-transform",
        &["error[missing-transform]: the type `AWS::Serverless::Function` needs"],
    ),
    // Differences.
    shows_without(
        "template/deletion-policy-computed-understated",
        &["- DB  AWS::RDS::DBInstance", "\nexit 2"],
        &["policy Snapshot"],
    ),
    shows(
        "template/diff-eof-newline",
        &["~ Value # only adds line breaks at the end", "\nexit 2"],
    ),
    shows_without(
        "template/diff-removed-by-condition-and-edited",
        &["- A  AWS::S3::Bucket", "because parameter `P` changed"],
        &["no change, the value stays the same"],
    ),
    shows_without(
        "template/diff-slash-in-key",
        &[
            "~ MethodResponses[0].ResponseModels.application/json: \"Empty\" → \"Full\"",
            "Diff: 1 difference.",
        ],
        &["application.json", "no change"],
    ),
    shows_without(
        "template/invisible-difference",
        &["\"abc\" → \"abc\\u001b[0m\\u200b\\u202e\"", "\nexit 2"],
        &["\u{200b}", "\u{202e}"],
    ),
    shows(
        "template/leading-zero-number-equals-text",
        &["Diff: ", "\nexit 2"],
    ),
    // Servers, credentials, regions.
    shows_without(
        "aws/aws-login-profile",
        &["error: ", "aws login", "rc=1"],
        &["cargo", "feature"],
    ),
    shows_without(
        "aws/broken-aws-config",
        &[".aws/config:7"],
        &["no AWS region is configured"],
    ),
    shows(
        "aws/capabilities-refusal-without-hint",
        &["hint: ", "capabilities = [\"CAPABILITY_NAMED_IAM\"]"],
    ),
    // The script shows control characters as `cat -v` does.
    shows_without(
        "aws/control-characters-in-reason",
        &["real cause"],
        &["^M", "M-BM-^["],
    ),
    shows("aws/empty-control-character", &["rc=0"]),
    shows_without(
        "aws/empty-or-padded-aws-region",
        &["error: ", "AWS_REGION"],
        &["interceptor"],
    ),
    shows_without(
        "aws/exclude-dot-slash",
        &[
            "./secret.pem -> \"path\": \"app.py\" \n",
            "secret.pem -> \"path\": \"app.py\" \n",
        ],
        &["./secret.pem -> \"path\": \"app.py\" \"path\": \"secret.pem\""],
    ),
    shows("aws/max-attempts", &["rc=0\n7\n"]),
    shows_without(
        "aws/mfa-profile",
        &["error: ", "MFA", "mfa_serial", "rc=1"],
        &["Error {"],
    ),
    // Three refusals, which print no key.
    shows_without("aws/package-out-inside-artifact", &[], &["zip"]),
    shows_without(
        "aws/panic-key-newline",
        &["AWS_ACCESS_KEY_ID", "rc=1"],
        &["panicked", "rc=101"],
    ),
    shows_without(
        "aws/partition-eusc-iso",
        &[
            "eusc-de-east-1 arn:aws-eusc:s3",
            "us-iso-east-1 arn:aws-iso:s3",
            "us-isob-east-1 arn:aws-iso-b:s3",
            "eu-isoe-west-1 arn:aws-iso-e:s3",
            "us-isof-south-1 arn:aws-iso-f:s3",
            "cn-north-1 arn:aws-cn:s3",
        ],
        &["is not an AWS endpoint"],
    ),
    shows(
        "aws/profile-assume-role-no-region",
        &["UPDATE_COMPLETE", "rc=0"],
    ),
    shows(
        "aws/stale-does-not-exist",
        &["Applied: demo-dev is CREATE_COMPLETE.", "rc=0"],
    ),
    shows(
        "aws/stale-status-success",
        &["UPDATE_ROLLBACK_COMPLETE", "rc=3"],
    ),
];

#[test]
fn program_answers_every_recorded_fault_right() {
    let Some(root) = corpus::cases() else {
        return;
    };
    let copy = tempfile::tempdir().unwrap();
    let copied = copy.path().join("cases");
    copy_folder(&root, &copied);
    let programs = copy.path().join("programs");
    std::fs::create_dir(&programs).unwrap();
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_stackctl"), programs.join("stackctl")).unwrap();

    let mut unknown = scripts(&copied);
    unknown.retain(|folder| {
        let has_case = CASES.iter().any(|case| case.folder == folder);
        !has_case && ELSEWHERE.iter().all(|(name, _)| name != folder)
    });
    assert!(unknown.is_empty(), "no expectation for {unknown:?}");

    let failures: Vec<String> = std::thread::scope(|threads| {
        let started: Vec<_> = CASES
            .chunks(CASES.len().div_ceil(THREADS))
            .map(|cases| {
                threads.spawn(|| {
                    let failures = cases
                        .iter()
                        .filter_map(|case| failure(case, &run(&copied, case.folder, &programs)));
                    failures.collect::<Vec<_>>()
                })
            })
            .collect();
        started
            .into_iter()
            .flat_map(|thread| thread.join().unwrap())
            .collect()
    });
    crate::report!(
        "recorded faults: {} run, {} in other tests, {} wrong",
        CASES.len(),
        ELSEWHERE.len(),
        failures.len()
    );
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

/// Returns the folders with a script, as `template/NAME` and `aws/NAME`.
fn scripts(root: &Path) -> Vec<String> {
    let mut found: Vec<String> = corpus::files(root)
        .into_iter()
        .filter(|path| path.file_name().is_some_and(|name| name == "run"))
        .map(|path| {
            let folder = path.parent().unwrap().strip_prefix(root).unwrap();
            folder.to_str().unwrap().to_owned()
        })
        .collect();
    found.sort();
    found
}

/// Runs the script of a folder and returns what it printed, with `exit CODE` as the last line.
fn run(root: &Path, folder: &str, programs: &Path) -> String {
    let folder = root.join(folder);
    let output = Command::new("timeout")
        .args(["120", "bash", "-c", "exec bash ./run 2>&1"])
        .current_dir(&folder)
        .env_clear()
        .env("STACKCTL", env!("CARGO_BIN_EXE_stackctl"))
        .env("HOME", root)
        .env("PATH", format!("{}:/usr/bin:/bin", programs.display()))
        .env("LC_ALL", "C.UTF-8")
        // Pauses between calls pass faster.
        .env("STACKCTL_TEST_PACE", "20")
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    format!("{printed}\nexit {}\n", output.status.code().unwrap_or(-1))
}

/// Returns what is wrong with the output of a case, or `None`.
fn failure(case: &Case, output: &str) -> Option<String> {
    let missing = case.shows.iter().find(|text| !output.contains(**text));
    let found = case.lacks.iter().find(|text| output.contains(**text));
    let problem = match (missing, found) {
        (Some(text), _) => format!("does not show {text:?}"),
        (None, Some(text)) => format!("shows {text:?}"),
        (None, None) => return None,
    };
    Some(format!("{} {problem}:\n{output}", case.folder))
}
