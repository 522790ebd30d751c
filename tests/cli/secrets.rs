//! Secrets never leave the program: random secrets in every place, all commands and formats, and a
//! service that returns the secrets in every spelling.
#![expect(clippy::print_stdout, reason = "the seed and the counts are shown")]

use std::fmt::Write as _;
use std::hash::{BuildHasher, RandomState};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use crate::cloud::{Cloud, Deployment};
use crate::demo;
use crate::sandbox::{Finished, Sandbox};

/// A place in which a secret is, and the secret.
struct Placed {
    place: &'static str,
    secret: String,
}

/// A small generator of random numbers. `SECRETS_SEED=…` repeats a run, `SECRETS_ROUNDS=…` tries more
/// sets of secrets.
struct Random(u64);

impl Random {
    fn new() -> Self {
        let given = std::env::var("SECRETS_SEED").ok();
        let seed = given.map_or_else(|| RandomState::new().hash_one(1), |it| it.parse().unwrap());
        println!("SECRETS_SEED={seed}");
        Self(seed | 1)
    }

    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 16).unwrap() % limit
    }

    /// Returns a secret of 12 to 40 characters of a random alphabet.
    fn secret(&mut self) -> String {
        const LETTERS: &str = "abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789";
        const ALPHABETS: [&str; 8] = [
            "",
            "-_./+=",
            "\"'\\`",
            "%&+;<>#@!?*~^|$()[]",
            "äöüßéñ日本語密码😀🔑",
            "  \n",
            "\\nrtu0\\x41",
            "'' \"\" && %% 41",
        ];
        let symbols: Vec<char> = ALPHABETS[self.below(ALPHABETS.len())].chars().collect();
        let letters: Vec<char> = LETTERS.chars().collect();
        let length = 12 + self.below(28);
        let mut secret = String::new();
        for position in 0..length {
            let is_edge = position == 0 || position == length - 1;
            let is_symbol = !is_edge && !symbols.is_empty() && self.below(3) == 0;
            let from = if is_symbol { &symbols } else { &letters };
            secret.push(from[self.below(from.len())]);
        }
        secret
    }
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn inside(quoted: &str) -> String {
    quoted[1..quoted.len() - 1].to_owned()
}

/// Returns the spellings of a secret that a service may return and that must not be printed.
fn spellings(secret: &str) -> Vec<String> {
    let percent = |keep: &str| {
        let mut text = String::new();
        for character in secret.chars() {
            if character.is_ascii_alphanumeric() || keep.contains(character) {
                text.push(character);
            } else {
                let mut bytes = [0; 4];
                for byte in character.encode_utf8(&mut bytes).bytes() {
                    write!(text, "%{byte:02X}").unwrap();
                }
            }
        }
        text
    };
    let xml = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let once = inside(&json(secret));
    let hex = secret
        .bytes()
        .fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
    let mut all = vec![
        secret.to_owned(),
        inside(&json(&once)),
        inside(&json(&inside(&json(&once)))),
        once,
        percent("-._~"),
        percent("-._~!*'()"),
        percent("-._~").replace("%20", "+"),
        xml.replace('"', "&quot;").replace('\'', "&#39;"),
        xml,
        hex.to_uppercase(),
        hex,
        secret.replace('\'', "'\\''"),
        secret.replace('\'', "''"),
    ];
    for line in secret
        .lines()
        .map(str::trim)
        .filter(|it| it.chars().count() >= 6)
    {
        all.push(line.to_owned());
    }
    all.sort();
    all.dedup();
    all
}

/// Returns what base64 of a text with a secret contains, whatever is around the secret.
fn in_base64(secret: &str) -> Vec<String> {
    let cores = (0..3).flat_map(|shift| {
        let text = format!("{}{secret}", "x".repeat(shift));
        // The characters at the edges depend on what is around the secret.
        let end = text.len() / 3 * 4;
        let core = |encoded: String| encoded[if shift == 0 { 0 } else { 4 }..end].to_owned();
        [
            core(STANDARD.encode(&text)),
            core(URL_SAFE_NO_PAD.encode(&text)),
        ]
    });
    cores.collect()
}

/// Returns a text of a service with the secrets in every spelling.
fn echo(placed: &[Placed]) -> String {
    let mut text = "the service returns".to_owned();
    for Placed { secret, .. } in placed {
        for spelled in spellings(secret) {
            write!(text, " ({spelled})").unwrap();
        }
        for shift in 0..3 {
            let inner = format!("{}{secret} and more", "x".repeat(shift));
            write!(text, " {}", STANDARD.encode(&inner)).unwrap();
            write!(text, " {}", URL_SAFE_NO_PAD.encode(&inner)).unwrap();
        }
    }
    text
}

/// Returns a project with a secret in every place, and the secrets.
fn project(random: &mut Random) -> (Sandbox, Cloud, Vec<Placed>) {
    let mut secrets = [
        "an environment variable",
        "the manifest",
        "--set",
        "a default",
        "a default of a nested template",
        "a value for a nested template",
        "the credentials",
        "the session token",
    ]
    .map(|place| Placed {
        place,
        secret: random.secret(),
    });
    for placed in &mut secrets[6..] {
        // A header has no other characters.
        placed.secret.retain(|it| it.is_ascii_alphanumeric());
        placed.secret.push_str("abcdefghijklmnop");
    }
    let text = |index: usize| json(&secrets[index].secret);
    let (sandbox, cloud) = demo::in_cloud();
    let sandbox = sandbox
        .env("DB_PASSWORD", &secrets[0].secret)
        .env("AWS_SECRET_ACCESS_KEY", &secrets[6].secret)
        .env("AWS_SESSION_TOKEN", &secrets[7].secret);
    let manifest = format!(
        "{}\n[parameters]\nPassword = {{ from_env = \"DB_PASSWORD\" }}\nToken = {}\n",
        demo::manifest_without_variables(),
        text(1)
    );
    sandbox.write("manifest.toml", manifest);
    let parameter = |name: &str, default: Option<String>| {
        let default = default.map_or_else(String::new, |it| format!("\n    Default: {it}"));
        format!("  {name}:\n    Type: String\n    NoEcho: true{default}\n")
    };
    let parameters = [
        parameter("Password", None),
        parameter("Token", None),
        parameter("Given", Some("\"\"".to_owned())),
        parameter("Fallback", Some(text(3))),
    ];
    let outputs = "  Login:\n    Value: !Sub \"${Password}:${Token}:${Given}:${Fallback}\"\n";
    let nested = format!(
        "  Nested:\n    Type: AWS::CloudFormation::Stack\n    Properties:\n      \
         TemplateURL: nested.yaml\n      Parameters:\n        Passed: {}\n",
        text(5)
    );
    let template = demo::TEMPLATE
        .replace("Resources:\n", &format!("Parameters:\n{}Resources:\n", parameters.concat()))
        .replace("\"{{ vars.description }}\"", "!Ref Password")
        .replace(
            "FunctionName: demo-handler",
            "FunctionName: demo-handler\n      Description: !Join ['-', [!Ref Token, !Ref Given, !Ref Fallback]]",
        )
        .replace("Outputs:\n", &format!("{nested}Outputs:\n"))
        + outputs;
    sandbox.write("stack.yaml.j2", template);
    let child = format!(
        "Parameters:\n{}{}Resources:\n  Topic:\n    Type: AWS::SNS::Topic\n    Properties:\n      \
         DisplayName: !Sub '${{Inner}} ${{Passed}}'\n",
        parameter("Inner", Some(text(4))),
        parameter("Passed", None)
    );
    sandbox.write("nested.yaml", child);
    (sandbox, cloud, secrets.into())
}

/// Fails if a text contains one of the secrets, in any spelling.
#[track_caller]
fn keeps(text: &str, secrets: &[Placed], what: &str) {
    for Placed { place, secret } in secrets {
        for spelled in spellings(secret).into_iter().chain(in_base64(secret)) {
            assert!(
                !text.contains(&spelled),
                "{what}: the secret of {place}, {secret:?}, is printed as {spelled:?}:\n{text}"
            );
        }
    }
}

fn keeps_quiet(finished: &Finished, secrets: &[Placed], what: &str) {
    keeps(&finished.stdout, secrets, what);
    keeps(&finished.stderr, secrets, what);
}

const COMMANDS: [&[&str]; 59] = [
    &["validate", "-vv"],
    &["validate", "--format", "json"],
    &["validate", "--format", "sarif"],
    &["render"],
    &["graph", "--format", "svg"],
    &["graph", "--plan"],
    &["package"],
    &["package", "--format", "json"],
    &["config", "show"],
    &["config", "show", "--format", "json"],
    &["plan", "-vv"],
    &["plan", "--color", "always"],
    &["plan", "--format", "json"],
    &["plan", "--format", "markdown"],
    &["plan", "--format", "html"],
    &["plan", "--offline"],
    &["plan", "--offline", "--format", "json"],
    &["plan", "--offline", "--format", "markdown"],
    &["plan", "--offline", "--format", "html"],
    &["plan", "--out", "plan.json"],
    &["apply", "plan.json", "--yes"],
    &["apply", "--yes", "-vv", "--outputs-file", "out.json"],
    &["diff", "-v"],
    &["diff", "--format", "json"],
    &["diff", "--format", "markdown"],
    &["diff", "--format", "html"],
    &["diff", "--format", "unified"],
    &["diff", "old.yaml", "stack.yaml.j2"],
    &["diff", "old.yaml", "stack.yaml.j2", "--format", "json"],
    &["diff", "old.yaml", "stack.yaml.j2", "--format", "markdown"],
    &["diff", "old.yaml", "stack.yaml.j2", "--format", "unified"],
    &["drift"],
    &["drift", "--format", "json"],
    &["status", "-vv"],
    &["status", "--format", "json"],
    &["events"],
    &["events", "--format", "json"],
    &["logs"],
    &["logs", "--format", "json"],
    &["outputs"],
    &["outputs", "--format", "json"],
    &["outputs", "Login"],
    &["history"],
    &["history", "1"],
    &["history", "1", "--format", "json"],
    &["history", "--diff", "1", "1"],
    &["rollback", "--to", "1", "--yes", "-vv"],
    &["recover"],
    &["recover", "--format", "json"],
    &["cancel", "--yes"],
    &["doctor", "-vv"],
    &["doctor", "--format", "json"],
    &["gc", "--dry-run"],
    &["gc", "--yes", "--format", "json"],
    &["verify"],
    &["orphan", "Bucket"],
    &["orphan", "Bucket", "--format", "json"],
    &["orphan", "Bucket", "--yes", "-vv"],
    &["destroy", "--yes", "-vv"],
];

/// Every call of the commands.
const OPERATIONS: [&str; 12] = [
    "DescribeStacks",
    "GetTemplate",
    "GetCallerIdentity",
    "CreateChangeSet",
    "DescribeChangeSet",
    "ExecuteChangeSet",
    "DescribeStackEvents",
    "ListStackResources",
    "DetectStackDrift",
    "DeleteStack",
    "HeadBucket",
    "PutObject",
];

#[test]
fn a_random_secret_never_leaves_in_any_spelling() {
    let mut random = Random::new();
    let (mut runs, mut texts) = (0, 0);
    let rounds = std::env::var("SECRETS_ROUNDS").map_or(1, |it| it.parse().unwrap());
    for _ in 0..rounds {
        let (sandbox, cloud, secrets) = project(&mut random);
        let echo = echo(&secrets);
        let given = format!("parameters.Given={}", secrets[2].secret);
        sandbox.write(
            "old.yaml",
            std::fs::read(sandbox.path("stack.yaml.j2")).unwrap(),
        );
        sandbox.edit(
            "old.yaml",
            "NoEcho: true",
            "Description: x\n    NoEcho: true",
        );
        let mut run = |arguments: &[&str], what: &str| {
            let arguments = [arguments, &["--set", &given]].concat();
            let finished = sandbox.run(&arguments);
            keeps_quiet(&finished, &secrets, &format!("{what} {arguments:?}"));
            runs += 1;
            texts += secrets.len();
            finished
        };
        run(&["apply", "--yes"], "first").expect_code(0);
        {
            let mut account = cloud.account();
            let stack = account.stack("demo-dev");
            stack.status_reason.clone_from(&echo);
            stack.outputs.insert("Echo".to_owned(), echo.clone());
            for resource in stack.resources.values_mut() {
                resource.reason.clone_from(&echo);
            }
            for event in &mut stack.events {
                event.reason.clone_from(&echo);
            }
        }
        for command in COMMANDS {
            let finished = run(command, "deployed");
            if ["status", "events"].contains(&command[0]) {
                finished.expect_stdout("(secret)");
            }
            if !["drift", "recover", "cancel", "verify", "orphan", "destroy"].contains(&command[0])
            {
                finished.expect_code(0);
            }
        }
        for file in ["plan.json", "out.json"] {
            let text = std::fs::read_to_string(sandbox.path(file)).unwrap();
            keeps(&text, &secrets, file);
        }
        for object in &cloud.account().buckets[demo::ARTIFACT_BUCKET].objects {
            if let Some(body) = object
                .body
                .as_ref()
                .filter(|_| object.key.contains("/history/"))
            {
                keeps(&String::from_utf8_lossy(body), &secrets, &object.key);
            }
        }
        let cached = std::fs::read_dir(sandbox.cache().join("deployed")).unwrap();
        for entry in cached {
            let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
            keeps(&text, &secrets, "the cached template");
        }
        for operation in OPERATIONS {
            cloud
                .on(operation)
                .times(2)
                .error(400, "ValidationError", &echo);
            for command in [
                "plan",
                "apply --yes",
                "diff",
                "status",
                "drift",
                "recover",
                "destroy --yes",
            ] {
                let command: Vec<&str> = command.split(' ').collect();
                run(&command, operation);
            }
        }
        // A template that is none is quoted in the error.
        sandbox.append("stack.yaml.j2", "  Broken: [\n");
        for command in [
            "validate",
            "plan",
            "diff",
            "render",
            "config show",
            "status",
        ] {
            let command: Vec<&str> = command.split(' ').collect();
            run(&command, "broken");
        }
    }
    println!("{runs} runs, {texts} secrets looked for in their output, none found");
}

#[test]
fn a_question_and_its_hints_contain_no_secret() {
    let (sandbox, _cloud, secrets) = project(&mut Random::new());
    let given = format!("parameters.Given={}", secrets[2].secret);
    let finished = sandbox.answer(&["apply", "--set", &given], "Apply:", "no");
    keeps_quiet(&finished, &secrets, "apply");
    let finished = sandbox.run(&["apply", "--set", &given]);
    keeps_quiet(&finished, &secrets, "apply without a terminal");
    finished.expect_stderr("(secret)");
}

#[test]
fn a_copied_mask_is_not_deployed() {
    let (sandbox, cloud, _) = project(&mut Random::new());
    for mask in ["(secret)", "****"] {
        let given = format!("parameters.Given={mask}");
        let finished = sandbox
            .run(&["apply", "--yes", "--set", &given])
            .expect_code(1);
        finished
            .expect_stderr("error[masked-value]: the value of the parameter `Given` is the text");
    }
    assert!(cloud.calls_of("CreateChangeSet").is_empty());
}

/// A default that is too short to be searched for is masked where it is declared.
#[test]
fn short_defaults_are_masked_by_their_place() {
    let sandbox = demo::files();
    let template = |default: &str| {
        format!(
            "Parameters:\n  Pin: {{Type: String, NoEcho: true, Default: {default}}}\n\
             Resources:\n  R: {{Type: 'AWS::SNS::Topic', Properties: {{DisplayName: !Ref Pin}}}}\n"
        )
    };
    sandbox.write("a.yaml", template("zq1"));
    sandbox.write("b.yaml", template("zq2"));
    for format in ["human", "json", "markdown", "html", "unified"] {
        let finished = sandbox.run(&["diff", "a.yaml", "b.yaml", "--format", format]);
        let text = finished.to_string();
        assert!(!text.contains("zq") && text.contains("Default"), "{text}");
        assert!(text.contains("another value"), "{text}");
    }
    let manifest = demo::MANIFEST.to_owned() + "\n[parameters]\nPin = \"zq3\"\n";
    sandbox.write("manifest.toml", manifest);
    let template = template("zq1") + &demo::TEMPLATE.replace("Resources:\n", "");
    sandbox.write("stack.yaml.j2", template);
    let shown = sandbox.run(&["config", "show"]).expect_code(0);
    assert!(!shown.stdout.contains("zq"), "{shown}");
    shown.expect_stdout("(secret)");
}

/// The copy for offline plans has no secret defaults, and still shows that nothing changed.
#[test]
fn cached_template_without_defaults_is_unchanged() {
    let (sandbox, cloud) = demo::in_cloud();
    let parameters =
        "Parameters:\n  Pin:\n    Type: String\n    NoEcho: true\n    Default: zq1\nResources:\n";
    let template = demo::TEMPLATE
        .replace("Resources:\n", parameters)
        .replace("\"{{ vars.description }}\"", "!Ref Pin");
    sandbox.write("stack.yaml.j2", template);
    sandbox.write("manifest.toml", demo::manifest_without_variables());
    sandbox.run(&["apply", "--yes"]).expect_code(0);
    for entry in std::fs::read_dir(sandbox.cache().join("deployed")).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        assert!(!text.contains("zq1"), "{text}");
    }
    cloud.forget_calls();
    let plan = sandbox.run(&["plan", "--offline"]).expect_code(0);
    plan.expect_stdout("No changes are predicted.");
}

#[test]
fn secrets_of_a_deployed_template_are_masked() {
    let (sandbox, cloud) = demo::in_cloud();
    let secret = "deployed-secret-4711";
    let template = format!(
        "Parameters:\n  Pin:\n    Type: String\n    NoEcho: true\n    Default: {secret}\n{}",
        demo::TEMPLATE.replace("{{ vars.description }}", "first")
    );
    let deployment = Deployment {
        parameters: [("Pin".to_owned(), secret.to_owned())].into(),
        ..Deployment::of(template)
    };
    let mut account = cloud.account();
    account.deploy("demo-dev", deployment);
    let encoded = STANDARD.encode(format!("pin={secret}"));
    account
        .stack("demo-dev")
        .outputs
        .insert("Echo".to_owned(), format!("{secret} {encoded}"));
    drop(account);
    for command in [
        &["plan"][..],
        &["diff"],
        &["outputs"],
        &["status"],
        &["status", "--format", "json"],
    ] {
        let text = sandbox.run(command).to_string();
        assert!(!text.contains(secret) && !text.contains(&encoded), "{text}");
    }
}

#[test]
fn credentials_of_a_profile_are_masked() {
    let (sandbox, cloud) = demo::in_cloud();
    let (key, token) = ("profileKey4711abcdef", "profileToken4711abcdef");
    let mut account = cloud.account();
    account.deploy("demo-dev", Deployment::default());
    let echo = format!("{key} {}", STANDARD.encode(token));
    let outputs = &mut account.stack("demo-dev").outputs;
    outputs.insert("Echo".to_owned(), echo);
    drop(account);
    let keys = format!(
        "aws_access_key_id = AKIAOPS\naws_secret_access_key = {key}\naws_session_token = {token}\n"
    );
    sandbox.write("credentials", format!("[ops]\n{keys}"));
    let script = format!(
        "#!/bin/sh\necho '{{\"Version\": 1, \"AccessKeyId\": \"AKIAOPS\", \"SecretAccessKey\": \
         \"{key}\", \"SessionToken\": \"{token}\"}}'\n"
    );
    sandbox.write("config", "[profile process]\ncredential_process = helper\n");
    let (credentials, config) = (sandbox.path("credentials"), sandbox.path("config"));
    let sandbox = sandbox
        .program("helper", &script)
        .env("AWS_SHARED_CREDENTIALS_FILE", credentials.to_str().unwrap())
        .env("AWS_CONFIG_FILE", config.to_str().unwrap());
    for profile in ["ops", "process"] {
        let finished = sandbox.run(&["outputs", "--profile", profile]);
        let text = finished.expect_code(0).to_string();
        assert!(text.contains("(secret)"), "{text}");
        assert!(!text.contains(key), "{text}");
        assert!(!text.contains(&STANDARD.encode(token)), "{text}");
    }
}
