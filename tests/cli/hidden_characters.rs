//! Control sequences and invisible characters in a template, in a file's name, on the command line or in
//! an answer of the service never reach the terminal, a comment or a log: they are shown as escapes.

use crate::cloud::Cloud;
use crate::demo;
use crate::sandbox::{Finished, Sandbox};

/// One of each kind, as a string of YAML: a color, C1, directions, zero-width, a tag, CR, and a command
/// of a build server on a line of its own.
const HOSTILE: &str =
    r#""a\e[31mb\x9B2Jc\u202Ed\u2066e\u200Bf\U000E0041g\rh\n::add-mask::i\n##[x]j""#;
/// Some of them, as a server sends them in XML.
const FROM_SERVER: &str =
    "real\r\u{9b}31m \u{202e}cause\u{200b}\nerror: all is well\n::stop-commands::x";

/// Fails the test if a text has a character that is not seen, or that controls the terminal. If
/// `colored`, stackctl's own colors are left out first.
#[track_caller]
fn is_clean(finished: &Finished, colored: bool) {
    for text in [&finished.stdout, &finished.stderr] {
        let mut text = text.clone();
        if colored {
            for code in [
                "0", "1", "2", "31", "32", "33", "36", "91", "92", "93", "94", "96",
            ] {
                text = text.replace(&format!("\u{1b}[{code}m"), "");
            }
        }
        let is_hidden = |c: char| {
            c.is_control() && !matches!(c, '\n' | '\t')
                || matches!(c, '\u{a0}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}')
                || matches!(c, '\u{2066}'..='\u{2069}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
                || matches!(c, '\u{fdd0}'..='\u{fdef}')
        };
        let found = text.chars().find(|c| is_hidden(*c));
        assert!(found.is_none(), "{found:?} in {text:?}");
        for line in text.lines() {
            assert!(!line.trim_start().starts_with("::"), "{line:?}");
            assert!(!line.contains("##["), "{line:?}");
        }
    }
}

/// Returns a project whose texts are hostile wherever a template may have any text.
fn hostile() -> (Sandbox, Cloud) {
    let (sandbox, cloud) = demo::in_cloud();
    let template = demo::TEMPLATE
        .replace("\"{{ vars.description }}\"", HOSTILE)
        .replace(
            "Resources:\n",
            &format!("Description: {HOSTILE}\nResources:\n"),
        )
        + &format!(
            "  Odd:\n    Value: {}\n",
            // XML, the service's format, cannot carry the first character.
            HOSTILE.replace("\\e", "")
        );
    sandbox.write("stack.yaml.j2", template);
    sandbox.write("manifest.toml", demo::manifest_without_variables());
    (sandbox, cloud)
}

#[test]
fn no_command_prints_a_control_sequence_of_a_template() {
    let (sandbox, _cloud) = hostile();
    let old = sandbox.path("stack.yaml.j2");
    let text = std::fs::read_to_string(old).unwrap();
    sandbox.write("old.yaml", text.replace("a\\e", "z\\e"));
    sandbox.write("new.yaml", text.replace("\u{202e}", ""));
    for arguments in [
        "plan --offline",
        "plan -v",
        "plan --format markdown",
        "plan --format html",
        "plan --format json",
        "validate",
        "validate --format sarif",
        "diff old.yaml new.yaml",
        "diff old.yaml new.yaml --format markdown",
        "diff old.yaml new.yaml --format html",
        "diff old.yaml new.yaml --format unified",
        "apply --yes -vv",
        "status",
        "outputs",
        "outputs --format json",
        "events",
        "logs",
        "config show",
        "destroy --yes",
    ] {
        let arguments: Vec<&str> = arguments.split(' ').collect();
        let json = arguments.contains(&"json") || arguments.contains(&"sarif");
        let finished = sandbox.run(&arguments).expect_code(0);
        is_clean(&finished, false);
        if !json && arguments[0] != "destroy" {
            let colored = [&arguments[..], &["--color", "always"]].concat();
            is_clean(&sandbox.run(&colored).expect_code(0), true);
        }
    }
}

#[test]
fn a_value_is_shown_with_its_escapes() {
    let (sandbox, _cloud) = hostile();
    let plan = sandbox.run(&["plan", "-v"]).expect_code(0);
    plan.expect_stdout("a\\u001b[31mb\\u009b2Jc\\u202ed\\u2066e\\u200bf\\U000e0041g\\r\n");
    plan.expect_stdout("\\u0023#[x]j");
    // Programs get the value.
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    let value = "a[31mb\u{9b}2Jc\u{202e}d\u{2066}e\u{200b}f\u{e0041}g\rh\n::add-mask::i\n##[x]j";
    let outputs = sandbox.json(&["outputs"]);
    assert!(
        outputs
            .to_string()
            .contains(&serde_json::json!(value).to_string()),
        "{outputs}"
    );
    let bare = sandbox.run(&["outputs", "Odd"]).expect_code(0);
    assert_eq!(bare.stdout, format!("{value}\n"));
}

#[test]
fn a_difference_of_invisible_characters_is_seen() {
    let sandbox = Sandbox::new()
        .file("old.yaml", "Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: abc\n")
        .file("new.yaml", "Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n      DisplayName: a\u{200b}b\u{202e}c\n");
    let finished = sandbox
        .run(&["diff", "old.yaml", "new.yaml"])
        .expect_code(0);
    finished.expect_stdout("\"abc\" → \"a\\u200bb\\u202ec\"");
}

#[test]
fn the_service_cannot_forge_the_output() {
    let (sandbox, cloud) = demo::in_cloud();
    cloud.account().fail("Bucket", FROM_SERVER);
    let failed = sandbox.run(&["apply", "--yes", "-v"]).expect_code(3);
    is_clean(&failed, false);
    failed.expect_stderr("real\\r\\u009b31m \\u202ecause\\u200b");
    let forged = |finished: &Finished| {
        let mut lines = finished.stderr.lines();
        lines.any(|line| line.starts_with("error: all is well"))
    };
    assert!(!forged(&failed), "{failed}");
    for command in ["events", "status", "recover --dry-run"] {
        let finished = sandbox.run(&command.split(' ').collect::<Vec<_>>());
        is_clean(&finished, false);
        assert!(!forged(&finished), "{finished}");
    }
    for code in ["AccessDenied", "ValidationError", "Odd\u{202e}"] {
        let (sandbox, cloud) = demo::in_cloud();
        cloud.on("CreateChangeSet").error(400, code, FROM_SERVER);
        let refused = sandbox.run(&["plan", "-vv"]).expect_code(1);
        is_clean(&refused, false);
        assert!(!forged(&refused), "{refused}");
    }
}

#[test]
fn findings_show_hidden_characters_at_their_place() {
    let template = "Resources:\n  A:\n    Type: AWS::SNS::Topic\n    Properties:\n      \
        TopicName: !Ref \"Odd\u{2066}\" # \u{202e}x\u{200b}y\n";
    let sandbox = demo::files().file("stack.yaml.j2", template);
    sandbox.write("manifest.toml", demo::manifest_without_variables());
    let finished = sandbox.run(&["validate"]).expect_code(1);
    is_clean(&finished, false);
    insta::assert_snapshot!(finished, @r#"
    --- stderr
    Not linted: cfn-lint is not installed.
    error[undefined-reference]: there is no parameter or resource `Odd\u2066`
     --> stack.yaml.j2:5:23
      |
    5 |       TopicName: !Ref "Odd\u2066" # \u202ex\u200by
      |                       ^^^^^^^^^^^

    error: `stack.yaml.j2` is not a valid CloudFormation template
    --- exit 1
    "#);
    is_clean(&sandbox.run(&["validate", "--color", "always"]), true);
}

#[test]
fn arguments_and_file_names_are_shown_with_escapes() {
    let sandbox = demo::files().file("odd\u{1b}[31m\n::x::.yaml", "Resources: 1\n");
    for arguments in [
        &["plan", "--odd\u{1b}]0;title\u{7}"][..],
        &["pl\u{1b}[8man"],
        &["plan", "--format", "\u{9b}31m\u{202e}"],
        &["validate", "-e", "\u{1b}[2J"],
        &["validate", "--manifest", "gone\u{1b}[31m\r"],
        &[
            "validate",
            "--set",
            "vars.a\u{202e}=1",
            "--set",
            "odd\u{1b}[31m=1",
        ],
        &["diff", "odd\u{1b}[31m\n::x::.yaml", "gone\u{9b}"],
        &["outputs", "gone\u{1b}[31m"],
        &["apply", "gone\u{1b}[31m.json"],
        &["plan", "--offline", "--out", "gone\u{1b}[31m/x"],
    ] {
        let finished = sandbox.run(arguments);
        assert!(finished.code() != 0, "{finished}");
        is_clean(&finished, false);
    }
}

#[test]
fn the_output_of_a_build_keeps_only_its_colors() {
    let sandbox = demo::files().program(
        "make",
        "#!/bin/sh\nprintf '\\033[32mok\\033[0m \\033[2J\\033]0;title\\007 \\302\\23331m\\n'\n",
    );
    sandbox.edit(
        "manifest.toml",
        "path = \"handler\"",
        "path = \"handler\"\nbuild = [\"make\"]",
    );
    let finished = sandbox
        .run(&["package", "--color", "always"])
        .expect_code(0);
    is_clean(&finished, true);
    finished.expect_stderr("\u{1b}[32mok\u{1b}[0m \\u001b[2J\\u001b]0;title\\u0007 \\u009b31m");
    let plain = sandbox.run(&["package"]).expect_code(0);
    plain.expect_stderr("ok \\u001b[2J");
}
