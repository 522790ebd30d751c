//! What Tab offers: the protocol of each shell, the values of a project, and hostile names.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::demo;
use crate::sandbox::{Finished, Input, Sandbox};

const SHELLS: [&str; 5] = ["bash", "elvish", "fish", "powershell", "zsh"];

/// Asks as the script for fish does: the words before the cursor, and the one at the cursor.
fn ask(sandbox: &Sandbox, words: &[&str], word: &str) -> Finished {
    let word = format!("--word={word}");
    let start = ["completions", "fish", &word, "--", "stackctl"];
    let shown = sandbox.run(&[&start[..], words].concat()).expect_code(0);
    assert_eq!(shown.stderr, "", "{words:?}");
    shown
}

/// Returns the words that are offered, without their descriptions.
fn words(sandbox: &Sandbox, words: &[&str], word: &str) -> Vec<String> {
    let shown = ask(sandbox, words, word);
    let mut lines = shown.stdout.lines();
    assert_eq!(lines.next(), Some("words"), "{shown}");
    let words = lines.map(|line| line.split('\t').next().unwrap().to_owned());
    words.collect()
}

/// A project of two stacks, of which one differs in an environment.
fn project() -> Sandbox {
    let resource = |id: &str, kind: &str| format!("  {id}:\n    Type: {kind}\n");
    let network = "Resources:\n".to_owned()
        + &resource("Vpc", "AWS::EC2::VPC")
        + &resource("Shared", "AWS::SQS::Queue")
        + "Outputs:\n  VpcId:\n    Description: The network\n    Value: !Ref Vpc\n";
    let app = "Parameters:
  Size: { Type: String, AllowedValues: [small, large, '$(reboot)'] }
  Password: { Type: String, NoEcho: true, AllowedValues: [hunter22] }
Resources:
{% if vars.extra %}
  Extra:
    Type: AWS::S3::Bucket
{% endif %}
  Handler:
    Type: AWS::Lambda::Function
    Properties:
      Code: { S3Bucket: b, S3Key: '{{ artifacts.code.key }}' }
  Shared:
    Type: AWS::SQS::Queue
Outputs:
  Url: { Value: !Ref Shared }
";
    Sandbox::new()
        .file("network.yaml", network)
        .file("app.yaml.j2", app)
        .file(
            "manifest.toml",
            r#"project = "demo"
region = "eu-west-1"
[vars]
extra = false
[stacks.network]
template = "network.yaml"
[stacks.app]
template = "app.yaml.j2"
parameters = { Size = "small", Password = "hunter22" }
artifacts.code.path = "code"
[environments.prod]
region = "us-east-1"
profile = "production"
vars.extra = true
[environments.preview]
"#,
        )
}

#[test]
fn values_are_those_of_the_chosen_stacks() {
    let sandbox = project();
    assert_eq!(
        words(&sandbox, &["plan", "-e"], ""),
        ["dev", "prod", "preview", "local"]
    );
    assert_eq!(words(&sandbox, &["plan"], "-epro"), ["-eprod"]);
    assert_eq!(words(&sandbox, &["-s"], ""), ["network", "app"]);
    assert_eq!(words(&sandbox, &["-s"], "app,"), ["app,network"]);
    assert_eq!(
        words(&sandbox, &["--region"], ""),
        ["us-east-1", "eu-west-1"]
    );
    assert_eq!(words(&sandbox, &["--profile"], ""), ["production"]);
    assert_eq!(words(&sandbox, &["outputs"], ""), ["VpcId", "Url"]);
    assert_eq!(words(&sandbox, &["outputs", "-s", "app"], ""), ["Url"]);
    assert_eq!(words(&sandbox, &["logs", "--function"], ""), ["Handler"]);
    // Two stacks have `Shared`. Only in production, there is `Extra`.
    assert_eq!(
        words(&sandbox, &["apply", "--allow-replace"], ""),
        ["Vpc", "app:Shared", "network:Shared", "Handler"]
    );
    assert_eq!(
        words(
            &sandbox,
            &["apply", "-e", "prod", "-s", "a*", "--allow-delete"],
            ""
        ),
        ["Extra", "Handler", "Shared"]
    );
    assert_eq!(
        words(
            &sandbox,
            &["drift", "--set", "vars.extra=true", "--only"],
            "Extra,S"
        ),
        ["Extra,Shared"]
    );
}

#[test]
fn manifest_option_and_variables_choose_the_project() {
    let sandbox = project().in_folder("below/it");
    assert_eq!(words(&sandbox, &["-s"], "n"), ["network"]);
    let elsewhere = Sandbox::far_from_any_project();
    assert!(words(&elsewhere, &["-s"], "").is_empty());
    let manifest = sandbox.path("manifest.toml");
    let manifest = manifest.to_str().unwrap();
    assert_eq!(
        words(&elsewhere, &["--manifest", manifest, "-s"], "n"),
        ["network"]
    );
    let option = format!("--manifest={manifest}");
    assert_eq!(words(&elsewhere, &["plan", &option, "-s"], "a"), ["app"]);
    let elsewhere = elsewhere
        .env("STACKCTL_MANIFEST", manifest)
        .env("STACKCTL_ENV", "prod");
    assert_eq!(words(&elsewhere, &["orphan"], "E"), ["Extra"]);
    assert!(words(&elsewhere, &["orphan", "-e", "dev"], "E").is_empty());
}

#[test]
fn settings_are_completed_to_their_value() {
    let sandbox = project();
    let set = |word: &str| words(&sandbox, &["plan", "--set"], word);
    assert_eq!(set("va"), ["vars."]);
    assert_eq!(set("vars."), ["vars.extra="]);
    assert_eq!(set("stacks."), ["stacks.network.", "stacks.app."]);
    assert_eq!(set("stacks.app.artifacts."), ["stacks.app.artifacts.code."]);
    assert_eq!(
        set("stacks.app.artifacts.code.p"),
        [
            "stacks.app.artifacts.code.path=",
            "stacks.app.artifacts.code.python="
        ]
    );
    assert_eq!(
        set("parameters."),
        ["parameters.Size=", "parameters.Password="]
    );
    assert!(set("stacks.network.parameters.").is_empty());
    assert_eq!(set("own_tags="), ["own_tags=true", "own_tags=false"]);
    assert_eq!(
        set("environment=pr"),
        ["environment=prod", "environment=preview"]
    );
    assert_eq!(
        set("stack.deployment_mode=e"),
        ["stack.deployment_mode=express"]
    );
    // A shell would interpret the third value, and the values of a secret are secret.
    assert_eq!(
        set("parameters.Size="),
        ["parameters.Size=small", "parameters.Size=large"]
    );
    assert!(set("parameters.Password=").is_empty());
    for nothing in [
        "nonsense.",
        "vars.extra.more.",
        "project.",
        "=",
        "..",
        "stacks.app=",
        ".",
    ] {
        assert!(set(nothing).is_empty(), "{nothing}");
    }
    assert_eq!(
        words(&sandbox, &["plan"], "--set=stacks.app.parameters.S"),
        ["--set=stacks.app.parameters.Size="]
    );
}

#[test]
fn resources_of_the_last_deployment_are_offered() {
    let (sandbox, cloud) = demo::deployed();
    let ids = words(&sandbox, &["apply", "--allow-delete"], "");
    assert_eq!(ids, ["Bucket", "Role", "Handler"]);
    demo::rename_bucket(&sandbox);
    let ids = words(&sandbox, &["apply", "--allow-delete"], "");
    assert_eq!(ids, ["Files", "Role", "Handler", "Bucket"]);
    assert_eq!(words(&sandbox, &["outputs"], ""), ["BucketName"]);
    assert!(cloud.calls().is_empty());
}

#[test]
fn broken_files_have_no_values_and_make_no_noise() {
    let sandbox = project();
    let all = [
        (&["-e"][..], ""),
        (&["-s"], ""),
        (&["outputs"], ""),
        (&["orphan"], ""),
        (&["--set"], "parameters."),
        (&["--set"], "parameters.Size="),
    ];
    for (path, contents) in [
        ("app.yaml.j2", "{% if %}"),
        ("app.yaml.j2", "Resources: ["),
        ("app.yaml.j2", "{{ undefined_name }}"),
        ("app.yaml.j2", "\u{0}\u{1}"),
        ("network.yaml", "- a\n- list\n"),
        ("manifest.toml", "project = [\n[stacks"),
        ("manifest.toml", "stacks = 1\nenvironments = []\n"),
        ("manifest.toml", ""),
    ] {
        let before = std::fs::read(sandbox.path(path)).unwrap();
        sandbox.write(path, contents);
        for (before, word) in all {
            words(&sandbox, before, word);
        }
        sandbox.write(path, before);
    }
    std::fs::remove_file(sandbox.path("network.yaml")).unwrap();
    assert_eq!(words(&sandbox, &["outputs"], ""), ["Url"]);
    for before in [
        &["nonsense"][..],
        &["plan", "--nonsense"],
        &["--", "plan"],
        &["-e"],
    ] {
        ask(&sandbox, before, "");
        ask(&sandbox, before, "--");
        ask(&sandbox, before, "\u{fffd}=\u{1b}");
    }
    // Words that are no text are no error that is seen: the scripts drop stderr.
    assert_eq!(
        sandbox.run(&["completions", "fish"]).expect_code(0).stderr,
        ""
    );
}

/// Names that a shell would interpret, in each place from which values come.
fn hostile() -> Sandbox {
    let names = [
        "$(touch pwned)",
        "`touch pwned`",
        "a b",
        "it's",
        "q\\\"q",
        "x;y",
        "--yes",
        "t\\tt",
        "n\\nn",
        "*",
    ];
    let quoted: Vec<String> = names.iter().map(|name| format!("\"{name}\"")).collect();
    let table = |value: &str| {
        let members = quoted.iter().map(|name| format!("  {name}: {value}\n"));
        members.collect::<String>()
    };
    let template = format!(
        "Parameters:\n{}Resources:\n{}  Plain:\n    Type: \"AWS::\\e[31m\\tX\\n$(touch pwned)\"\nOutputs:\n{}",
        table("{ Type: String }"),
        table("{ Type: AWS::SQS::Queue }"),
        table("{ Value: x }")
    );
    let keys = quoted.iter().map(|name| format!("{name} = 1\n"));
    let keys = keys.collect::<Vec<_>>().concat();
    Sandbox::new().file("template.yaml", template).file(
        "manifest.toml",
        format!("project = \"demo\"\ntemplate = \"template.yaml\"\n[vars]\n{keys}"),
    )
}

#[test]
fn hostile_names_are_not_offered() {
    let sandbox = hostile();
    assert_eq!(words(&sandbox, &["orphan"], ""), ["Plain"]);
    // There is no output to offer, only options, and `--yes` is none of them.
    let options = words(&sandbox, &["outputs"], "");
    assert!(
        options
            .iter()
            .all(|it| it.starts_with("--") && it != "--yes")
    );
    // This is no option, because the word begins before it.
    assert_eq!(words(&sandbox, &["--set"], "vars."), ["vars.--yes="]);
    assert_eq!(
        words(&sandbox, &["--set"], "parameters."),
        ["parameters.--yes="]
    );
    let shown = ask(&sandbox, &["orphan"], "P").stdout;
    assert_eq!(shown.lines().count(), 2, "{shown:?}");
    assert!(
        !shown.contains('\u{1b}') && shown.matches('\t').count() == 1,
        "{shown:?}"
    );
}

#[test]
fn each_shell_has_its_protocol() {
    let sandbox = project();
    for (shell, expected) in [
        ("fish", "words\nVpc\tAWS::EC2::VPC\n"),
        ("elvish", "words\nVpc\t \tAWS::EC2::VPC\n"),
        ("powershell", "words\nVpc\tVpc\tAWS::EC2::VPC\n"),
        ("zsh", "words\n=Vpc:AWS::EC2::VPC\n"),
    ] {
        let ask = ["completions", shell, "--word=V", "--", "stackctl", "orphan"];
        assert_eq!(sandbox.run(&ask).expect_code(0).stdout, expected, "{shell}");
        let ask = [
            "completions",
            shell,
            "--word=",
            "--",
            "stackctl",
            "plan",
            "--out",
        ];
        assert_eq!(
            sandbox.run(&ask).expect_code(0).stdout,
            "files\n",
            "{shell}"
        );
        let ask = [
            "completions",
            shell,
            "--word=\"V",
            "--",
            "stackctl",
            "orphan",
        ];
        assert_eq!(sandbox.run(&ask).expect_code(0).stdout, expected, "{shell}");
    }
    for (line, expected) in [
        ("stackctl orphan V", "words\nVpc \n"),
        ("stackctl plan --set=vars.ex", "words\nvars.extra=\n"),
        ("stackctl apply --allow-replace app:", "words\nShared \n"),
        ("stackctl orphan \"V", "words\nVpc\n"),
        ("stackctl orphan V\\pc", ""),
        ("stackctl plan >", "files\n"),
        ("", "words\n"),
    ] {
        let line = format!("--line={line}");
        let shown = sandbox.run(&["completions", "bash", &line]).expect_code(0);
        if line == "--line=" {
            assert!(shown.stdout.starts_with(expected));
        } else {
            assert_eq!(shown.stdout, expected, "{line}");
        }
    }
}

#[test]
fn scripts_ask_the_program_of_the_path() {
    for shell in SHELLS {
        let script = Sandbox::new().run(&["completions", shell]).expect_code(0);
        script.expect_stdout(&format!("completions {shell} "));
        let help = Sandbox::new()
            .run(&["completions", "--help"])
            .expect_code(0);
        assert!(!help.stdout.contains("--word"), "{help}");
    }
}

/// Runs the script in bash, and the function that bash calls at Tab.
fn in_bash(sandbox: &Sandbox, line: &str) -> Option<String> {
    let bash = ["/bin/bash", "/usr/bin/bash", "/usr/local/bin/bash"];
    let bash = bash.into_iter().find(|path| Path::new(path).exists())?;
    let program = sandbox.path("../bin/stackctl");
    if !program.exists() {
        symlink(env!("CARGO_BIN_EXE_stackctl"), program).unwrap();
    }
    let script = r#"
        source <(stackctl completions bash)
        complete -p stackctl >/dev/null || exit 3
        COMP_LINE=$1 COMP_POINT=${#1}
        _stackctl
        printf '<%s>' "${COMPREPLY[@]}"
    "#;
    let arguments = ["--norc", "-c", script, "bash", line];
    let finished = sandbox.start(bash, &arguments, Input::Nothing).wait();
    assert_eq!(finished.code(), 0, "{finished}");
    assert_eq!(finished.stderr, "", "{finished}");
    Some(finished.stdout)
}

#[test]
fn bash_runs_the_script() {
    let sandbox = project();
    let Some(shown) = in_bash(&sandbox, "stackctl plan -e pr") else {
        return;
    };
    assert_eq!(shown, "<prod ><preview >");
    let shown = in_bash(&sandbox, "stackctl plan --set=own_tags=").unwrap();
    assert_eq!(shown, "<true ><false >");
    let hostile = hostile();
    assert_eq!(in_bash(&hostile, "stackctl orphan ").unwrap(), "<Plain >");
    let shown = in_bash(&hostile, "stackctl --set vars.").unwrap();
    assert_eq!(shown, "<vars.--yes=>");
    let line = "stackctl orphan \"$(touch pwned)\" `touch pwned` ";
    assert_eq!(in_bash(&hostile, line).unwrap(), "<Plain >");
    assert!(!hostile.path("pwned").exists());
}

/// An answer must not be felt. The bound is much higher than what is promised, for a busy machine.
#[test]
fn answers_come_soon() {
    let sandbox = Sandbox::new();
    sandbox.run(&["init", "."]).expect_code(0);
    let mut times: Vec<Duration> = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        assert!(!words(&sandbox, &["orphan"], "").is_empty());
        times.push(begun.elapsed());
    }
    times.sort();
    assert!(times[0] < Duration::from_secs(1), "{times:?}");
}
