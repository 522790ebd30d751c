//! The redactor, with secrets of all kinds in all spellings.
#![expect(clippy::print_stdout, reason = "the counts and times are shown")]

use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};

use super::Redactor;
use crate::config::secret::Secret;

fn redact(text: &str, secrets: &[&str]) -> String {
    let secrets: Vec<Secret> = secrets.iter().map(|it| Secret::new(*it)).collect();
    let redactor = Redactor::new(&secrets);
    redactor.redact(text).unwrap_or_else(|| text.to_owned())
}

fn json(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn hex(text: &str) -> String {
    let digits = text.bytes().map(|byte| format!("{byte:02x}"));
    digits.collect::<Vec<_>>().concat()
}

/// Returns a text in percent-encoding with digits in lower case.
fn lower_case(percent: &str) -> String {
    let mut parts = percent.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (digits, rest) = part.split_at(2);
        format!("{text}%{}{rest}", digits.to_lowercase())
    })
}

/// Returns a secret in many spellings, each with its name.
fn spellings(secret: &str) -> Vec<(&'static str, String)> {
    let percent: String = secret
        .chars()
        .map(|it| match it {
            it if it.is_ascii_alphanumeric() || "-._~".contains(it) => it.to_string(),
            it => {
                let bytes = it.encode_utf8(&mut [0; 4]).as_bytes().to_vec();
                let escapes = bytes.iter().map(|byte| format!("%{byte:02X}"));
                escapes.collect::<Vec<_>>().concat()
            }
        })
        .collect();
    let xml = secret
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let html = xml.replace('"', "&quot;").replace('\'', "&#39;");
    let document = json(secret);
    let yaml = format!("'{}'", secret.replace('\'', "''"));
    let ascii: String = document
        .encode_utf16()
        .map(|unit| match u8::try_from(unit) {
            Ok(byte) if byte < 0x80 => char::from(byte).to_string(),
            _ => format!("\\u{unit:04x}"),
        })
        .collect();
    let mut all = vec![
        ("as it is", secret.to_owned()),
        ("JSON", document.clone()),
        ("JSON in JSON", json(&document)),
        ("JSON in JSON in JSON", json(&json(&document))),
        ("ASCII JSON", ascii.clone()),
        ("ASCII JSON in JSON", json(&ascii)),
        ("URL", percent.clone()),
        ("URL, lower case", lower_case(&percent)),
        ("URL in URL", percent.replace('%', "%25")),
        ("form", percent.replace("%20", "+")),
        ("URL in JSON", json(&percent)),
        ("XML", xml.clone()),
        ("HTML", html.clone()),
        ("HTML in JSON", json(&html)),
        ("JSON in XML", document.replace('"', "&quot;")),
        ("hex", hex(secret)),
        ("upper case hex", hex(secret).to_uppercase()),
        ("hex after a digit", format!("0{}", hex(secret))),
        ("shell", format!("'{}'", secret.replace('\'', "'\\''"))),
        ("shell word", crate::util::shell_word::quote(secret)),
        ("YAML", yaml.clone()),
        ("debug", format!("{secret:?}")),
        ("folded YAML", yaml.replace(' ', "\n    ")),
    ];
    for before in ["", "u", "us", "usr:"] {
        let inner = format!("{before}{secret}!");
        all.push(("base64", STANDARD.encode(&inner)));
        all.push(("base64 without padding", STANDARD_NO_PAD.encode(&inner)));
        all.push(("URL-safe base64", URL_SAFE.encode(&inner)));
        let unpadded = URL_SAFE_NO_PAD.encode(&inner);
        all.push(("base64 after a letter", format!("x{unpadded}")));
        let twice = STANDARD.encode(STANDARD.encode(&inner));
        all.push(("base64 in base64", twice));
        let document = format!("{{\"{before}\":{}}}", json(secret));
        all.push(("JSON in base64", STANDARD.encode(document)));
        let lines = STANDARD.encode(format!("{before}{secret} and more text to fill lines"));
        let lines: Vec<&str> = (0..lines.len())
            .step_by(16)
            .map(|at| &lines[at..lines.len().min(at + 16)])
            .collect();
        all.push(("lines of base64", lines.join("\n")));
        all.push(("lines of base64 in JSON", json(&lines.join("\r\n"))));
    }
    all
}

/// Secrets of many alphabets.
const SECRETS: [&str; 17] = [
    "hunter2-and-more",
    "correct horse battery staple",
    "p@ss w0rd! & <more> \"quoted\" 'single'",
    "back\\slash\\n\\u0041 and C:\\new\\table",
    "100%25 %41%zz +plus+ %",
    "pässwörd mit Umlauten",
    "日本語のパスワード",
    "emoji 😀 and 👩‍👩‍👧 here",
    "line one\nline two\r\n\tline three\n",
    "&amp;&lt;already&gt;&#39;escaped",
    "it's a \"test\" of 'quotes' '' \"\"",
    "----BEGIN something+/=like==base64",
    "$(rm -rf /) `x` ${HOME} !! ~",
    "a;b|c&d>e<f(g)h[i]j{k}l*m?n#o~p=q%r",
    "{\"user\": \"admin\", \"password\": \"s3cr3t-value\"}",
    "postgres://user:pa55word@host:5432/db?x=1&y=2",
    "0123456789abcdef0123456789abcdef",
];

#[test]
fn a_secret_is_replaced_in_every_spelling() {
    let mut count = 0;
    for secret in SECRETS {
        let redactor = Redactor::new(&[Secret::new(secret)]);
        let spellings = spellings(secret);
        for (name, spelled) in &spellings {
            for text in [
                spelled.clone(),
                format!("before {spelled} after"),
                format!("key=\"{spelled}\","),
                json(&format!("{{\"a\": \"{spelled}\"}}")),
            ] {
                let shown = redactor.redact(&text).unwrap_or_default();
                assert!(shown.contains("(secret)"), "{name}: {text}");
                let rest = shown.replace("(secret)", "");
                for (other, spelled) in &spellings {
                    assert!(!rest.contains(spelled), "{name}, {other}: {shown}");
                }
                count += 1;
            }
        }
    }
    println!("{count} texts with secrets");
}

#[test]
fn a_secret_of_escapes_alone_is_replaced_in_every_usual_spelling() {
    let secret = "\"'\\\"'\\'\"' \\\\\" %41";
    let redactor = Redactor::new(&[Secret::new(secret)]);
    for (name, spelled) in spellings(secret) {
        // Two different escapes at once leave too little to search for.
        let is_mixed = name.contains(" in ") || name.contains("folded");
        if !is_mixed || name.contains("base64") {
            let shown = redactor.redact(&format!("a: {spelled}, b"));
            let shown = shown.unwrap_or_default();
            assert!(shown.contains("(secret)"), "{name}: {spelled}");
        }
    }
}

#[test]
fn nothing_else_is_replaced() {
    let text =
        "before key=\"value\", dXNlcjpvdGhlci10ZXh0 deadbeefdeadbeef %41 \\u0041 &amp; after";
    assert_eq!(redact(text, &SECRETS), text);
    assert_eq!(redact("a hunter2-and-more, b", &SECRETS), "a (secret), b");
    assert_eq!(
        redact(
            &format!("x {} y", STANDARD.encode("user:hunter2-and-more@")),
            &SECRETS
        ),
        "x dXNlcj(secret)QA== y"
    );
}

#[test]
fn a_secret_is_replaced_in_every_form() {
    let secret = "key \"one\"\nsecond-line\n";
    let once = serde_json::json!({ "value": secret }).to_string();
    let twice = serde_json::json!({ "context": once }).to_string();
    let thrice = serde_json::json!({ "document": twice }).to_string();
    let by_line = "  - key \"one\"\n  + second-line\n".to_owned();
    for text in [secret.to_owned(), once, twice, thrice, by_line] {
        let shown = redact(&text, &[secret]);
        assert!(
            !shown.contains("one") && !shown.contains("second"),
            "{shown}"
        );
        assert!(shown.contains("(secret)"), "{shown}");
    }
}

#[test]
fn a_secret_that_contains_another_is_replaced_completely() {
    assert_eq!(
        redact("a passphrase, a pass", &["pass", "passphrase"]),
        "a (secret), a (secret)"
    );
    assert_eq!(
        redact("x abcdefghijkl y", &["abcdefgh", "efghijkl"]),
        "x (secret) y"
    );
}

#[test]
fn secrets_that_are_too_short_are_not_replaced() {
    assert_eq!(
        redact("a true abc and b", &["", "a\nb", "abc", "true"]),
        "a true abc and b"
    );
}

#[test]
fn a_short_secret_is_replaced_only_as_a_whole_word() {
    assert_eq!(
        redact(
            "\"demo12\" u:demo12@h demo123 my-demo12 demo12 ädemo12 “demo12”",
            &["demo12"]
        ),
        "\"(secret)\" u:(secret)@h demo123 my-demo12 (secret) ädemo12 “(secret)”"
    );
    // The escape is no part of a word.
    assert_eq!(
        redact(r"x\ndemo12\tdemo123", &["demo12"]),
        r"x\n(secret)\tdemo123"
    );
    let inside = STANDARD.encode("user: demo12");
    assert!(redact(&inside, &["demo12"]).contains("(secret)"));
}

#[test]
fn parts_of_a_secret_are_secret() {
    let document = r#"{"user":"administrator","password":"s3cr3t-value","port":54321987}"#;
    assert_eq!(
        redact("s3cr3t-value 54321987", &[document]),
        "(secret) (secret)"
    );
    let url = "postgres://user:pa55word@host/db";
    assert_eq!(
        redact("login pa55word failed", &[url]),
        "login (secret) failed"
    );
}

#[test]
fn styles_and_broken_lines_hide_nothing() {
    let secret = "correct-horse-battery";
    assert_eq!(
        redact("- correct-\x1B[1mhorse-\x1B[0mbattery.", &[secret]),
        "- (secret)\x1B[1m\x1B[0m."
    );
    let mark = |codes: &str| format!("\u{FDD0}0123456789abcdef[{codes}m\u{FDD1}");
    let (begin, end) = (mark("1;32"), mark("0"));
    assert_eq!(
        redact(
            &format!("{begin}correct-{end}horse-{begin}battery{end}"),
            &[secret]
        ),
        format!("{begin}(secret){end}{begin}{end}")
    );
    assert_eq!(
        redact("- correct-hor\n    se-battery.", &[secret]),
        "- (secret)."
    );
    assert_eq!(
        redact("correct-\u{200B}horse-\u{7}battery", &[secret]),
        "(secret)"
    );
}

#[test]
fn json_stays_json() {
    let secrets = ["user: password", "12345678", "a\", \"b\\", "resources"];
    let redactor = Redactor::new(&secrets.map(Secret::new));
    let document = serde_json::json!({
        "resources": [{"user": "password", "n": 12_345_678, "text": "x a\", \"b\\ y"}],
        "12345678": true,
        "nested": "{\"user\": \"password\"}",
    });
    let shown = redactor
        .redact_json(&document.to_string())
        .unwrap_or_default();
    let shown: serde_json::Value = serde_json::from_str(&shown).unwrap_or_default();
    assert_eq!(
        shown,
        serde_json::json!({
            "resources": [{"user": "password", "n": "(secret)", "text": "x (secret) y"}],
            "(secret)": true,
            "nested": "{\"(secret)\"}",
        })
    );
    assert_eq!(
        redactor.redact_json("{\"a\": [1, true, null, \"b\"]}"),
        None
    );
}

#[test]
fn keys_and_signatures_are_recognized() {
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIEow\nAAAA=\n-----END RSA PRIVATE KEY-----";
    assert_eq!(
        redact(key, &[]),
        "-----BEGIN RSA PRIVATE KEY-----(secret)-----END RSA PRIVATE KEY-----"
    );
    assert_eq!(
        redact("-----BEGIN PRIVATE KEY-----\\nMIIE\\nAAAA, cut", &[]),
        "-----BEGIN PRIVATE KEY-----(secret), cut"
    );
    assert_eq!(
        redact("no PRIVATE KEY----- here", &[]),
        "no PRIVATE KEY----- here"
    );
    let url =
        "https://b.s3/x?X-Amz-Expires=5&X-Amz-Security-Token=IQoJ%2F%3D&X-Amz-Signature=0a1b2c.";
    assert_eq!(
        redact(url, &[]),
        "https://b.s3/x?X-Amz-Expires=5&X-Amz-Security-Token=(secret)&X-Amz-Signature=(secret)"
    );
}

#[test]
fn the_time_grows_with_the_length() {
    let line = "2026-01-01T00:00:00Z AWS::S3::Bucket arn:aws:s3:::demo-data \
                {\"key\": \"value\\n\", \"dXNlcjpwYXNzd29yZA==\": \"%20&amp;\"}\n";
    let secrets: Vec<Secret> = SECRETS.map(Secret::new).into();
    let redactor = Redactor::new(&secrets);
    let seconds = |bytes: usize, text: &str| {
        let text = text.repeat(bytes / text.len());
        let started = Instant::now();
        let _ = redactor.find(&text);
        started.elapsed().as_secs_f64()
    };
    for text in [
        line,
        "a",
        "0",
        "\\",
        "%",
        "&",
        "%25",
        "'",
        "\\u00",
        "aaaaaaaaaa ",
    ] {
        let (small, large) = (seconds(50_000, text), seconds(400_000, text));
        println!("{text:?}: 50 kB in {small:.3} s, 400 kB in {large:.3} s");
        assert!(large < small * 40.0 + 0.5, "{text:?}: {small} {large}");
    }
}
