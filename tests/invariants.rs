//! The rules of the design that no compiler checks, read off the sources.
//!
//! Each rule says which files it is about and what they must not contain. Comments, the contents of
//! strings, and tests are left out of what is read, so that a rule can be spoken about freely.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Modules that turn values into values: no waiting, no clock, no environment, no files.
const PURE: &[&str] = &[
    "artifact/archive",
    "artifact/code_diff",
    "artifact/digest",
    "cloudformation",
    "config/manifest",
    "config/origin",
    "config/secret",
    "config/settings",
    "diagnostic",
    "plan/cause",
    "plan/comparison",
    "plan/masking",
    "plan/model",
    "plan/predict",
    "plan/property",
    "plan/risk",
    "plan/values",
    "present/human",
    "present/json",
    "present/markdown",
    "present/unified",
    "present/words",
    "template/capability",
    "template/diff",
    "template/emit",
    "template/evaluate",
    "template/node",
    "template/render",
    "template/schema_table",
    "template/stack_policy",
    "template/validate",
    "util/shell_word",
    "util/suggest",
];

/// Modules that may touch files: they own the files they touch.
const FILES: [&str; 8] = [
    "artifact/package",
    "cli/commands/init",
    "cli/commands/local",
    "config/project",
    "emulator",
    "operations/output_file",
    "plan/last_deployed",
    "plan/plan_file",
];

#[test]
fn only_aws_names_an_sdk_type() {
    forbid(
        |module| !within(module, &["aws"]),
        &[
            "aws_config",
            "aws_credential_types",
            "aws_runtime",
            "aws_sdk_",
            "aws_smithy",
            "aws_types",
        ],
    );
}

#[test]
fn only_present_writes_to_the_terminal() {
    // `ambient` asks what the streams are; it writes to none.
    forbid(
        |module| !within(module, &["present", "config/ambient"]),
        &[
            "print!",
            "println!",
            "eprint!",
            "eprintln!",
            "stdout()",
            "stderr()",
            "stdin()",
        ],
    );
}

#[test]
fn pure_modules_neither_wait_nor_look_around() {
    forbid(
        |module| within(module, PURE),
        &[
            "async",
            ".await",
            "env::",
            "File::",
            "fs::",
            "Instant::now",
            "SystemTime",
            "Timestamp::now",
            "Zoned::now",
        ],
    );
}

#[test]
fn the_environment_is_read_once() {
    forbid(
        |module| !within(module, &["config/ambient"]),
        &[
            "env::var",
            "env::vars",
            "env::current_dir",
            "env::temp_dir",
            "env::args",
        ],
    );
}

#[test]
fn files_are_touched_by_their_owners_alone() {
    forbid(|module| !within(module, &FILES), &["fs::", "File::"]);
}

#[test]
fn nothing_panics_on_purpose() {
    forbid(
        |_| true,
        &[
            ".unwrap()",
            ".expect(",
            "panic!",
            "todo!",
            "unimplemented!",
            "unreachable!",
        ],
    );
}

/// What AWS says in words changes without notice; codes, statuses and types do not.
#[test]
fn only_service_message_decides_by_the_text_of_a_message() {
    let rooms = ["aws", "cli", "cloudformation", "operations"];
    let owner = "cloudformation/service_message";
    forbid(
        |module| within(module, &rooms) && module != owner,
        &[
            "message.contains(",
            "message.starts_with(",
            "reason.contains(",
            "reason.starts_with(",
            "to_string().contains(",
            "to_string().starts_with(",
        ],
    );
}

/// A bucket of the right name may belong to somebody else: every call says whose it must be.
#[test]
fn every_call_of_s3_names_the_expected_owner() {
    let called = regex_lite::Regex::new(
        r"\.(abort|complete|copy|delete|get|head|list|put|upload)_(bucket|multipart|object|part|public)\w*\(\)",
    )
    .unwrap();
    let mut missing = Vec::new();
    for (module, code) in SOURCES.iter() {
        if !within(module, &["aws"]) {
            continue;
        }
        for call in called.find_iter(code) {
            let rest = &code[call.start()..];
            let end = rest.find(".send()").unwrap_or(rest.len());
            if !rest[..end].contains(".expected_bucket_owner(") {
                missing.push(format!(
                    "{}: {}",
                    place(module, code, call.start()),
                    call.as_str()
                ));
            }
        }
    }
    assert!(
        missing.is_empty(),
        "without an expected owner:\n{}",
        missing.join("\n")
    );
}

/// A file that grows past this usually holds two nouns.
#[test]
fn files_stay_short() {
    let long: Vec<String> = files(&root().join("src"))
        .into_iter()
        .chain(files(&root().join("tests")))
        .filter(|path| path.extension().is_some_and(|extension| extension == "rs"))
        .map(|path| (fs::read_to_string(&path).unwrap().lines().count(), path))
        .filter(|(lines, _)| *lines > 600)
        .map(|(lines, path)| format!("{lines} {}", path.display()))
        .collect();
    assert!(long.is_empty(), "too long:\n{}", long.join("\n"));
}

/// A path of the machine that a file was written on helps nobody elsewhere.
#[test]
fn no_file_names_a_folder_of_this_machine() {
    const SHARED: [&str; 5] = ["/", "/home", "/opt", "/tmp", "/usr"];
    let root = root();
    let folders: Vec<String> = [Some(root), root.parent()]
        .into_iter()
        .flatten()
        .map(|folder| folder.display().to_string())
        .filter(|folder| !SHARED.contains(&folder.as_str()))
        .map(|folder| folder + "/")
        .collect();
    let mut found = Vec::new();
    for path in files(root) {
        let text = fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&text);
        if folders.iter().any(|folder| text.contains(folder)) {
            found.push(path.display().to_string());
        }
    }
    assert!(
        found.is_empty(),
        "these name {folders:?}:\n{}",
        found.join("\n")
    );
}

#[test]
fn the_rules_name_modules_that_exist() {
    for name in PURE.iter().chain(&FILES) {
        let found = SOURCES.iter().any(|(module, _)| within(module, &[name]));
        assert!(found, "there is no module {name}");
    }
}

#[test]
fn the_reader_sees_code_alone() {
    let text = r##"
        a("b \" c", r#"d " e"#, '"', 'f'); // g "h"
        /* i */ let j: &'static str = "k
        l";
        #[cfg(test)]
        #[expect(x, reason = "y")]
        mod tests { m() }
    "##;
    let code: String = code_of(text).split_whitespace().collect();
    let expected = "a(Q,r#Q#,'','');letj:&'staticstr=Q;";
    assert_eq!(code, expected.replace('Q', "\"\""));
}

/// Fails with every place where a chosen module contains one of the words.
fn forbid(chosen: impl Fn(&str) -> bool, words: &[&str]) {
    let mut found = Vec::new();
    for (module, code) in SOURCES.iter() {
        if !chosen(module) {
            continue;
        }
        for word in words {
            for (start, _) in code.match_indices(word) {
                // `fs::` is not in `offs::`, nor `print!` in `eprint!`.
                let before = code[..start].chars().next_back();
                let inside = |c: char| c.is_alphanumeric() || c == '_';
                let begins = word.starts_with(inside);
                if !(begins && before.is_some_and(inside)) {
                    found.push(format!("{}: {word}", place(module, code, start)));
                }
            }
        }
    }
    assert!(found.is_empty(), "not allowed here:\n{}", found.join("\n"));
}

fn place(module: &str, code: &str, offset: usize) -> String {
    let line = code[..offset].matches('\n').count() + 1;
    format!("src/{module}.rs:{line}")
}

/// Returns whether a module is one of these or inside one.
fn within(module: &str, modules: &[&str]) -> bool {
    modules.iter().any(|outer| {
        let rest = module.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The product's modules, such as `present/human`, with their code.
static SOURCES: LazyLock<Vec<(String, String)>> = LazyLock::new(read_sources);

fn read_sources() -> Vec<(String, String)> {
    let source = root().join("src");
    let mut sources = Vec::new();
    for path in files(&source) {
        let module = path.strip_prefix(&source).unwrap().with_extension("");
        let module = module.to_str().unwrap();
        let is_rust = path.extension().is_some_and(|extension| extension == "rs");
        if is_rust && !module.ends_with("tests") {
            let module = module.strip_suffix("/mod").unwrap_or(module).to_owned();
            sources.push((module, code_of(&fs::read_to_string(&path).unwrap())));
        }
    }
    assert!(sources.len() > 20, "the sources were not found");
    sources
}

/// Returns the files below a folder, but for what Cargo, Git and Python's tools leave there.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let hidden = name.starts_with('.') && name != ".ci" && name != ".gitignore";
        if hidden || name == "__pycache__" || name == "target" {
            continue;
        }
        if entry.file_type().unwrap().is_dir() {
            found.extend(files(&entry.path()));
        } else {
            found.push(entry.path());
        }
    }
    found.sort();
    found
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns Rust code without its comments, without what is inside its strings and characters, and
/// up to its unit tests, every line in its place.
fn code_of(text: &str) -> String {
    let tokens = [
        r"//[^\n]*",
        r"/\*.*?\*/",
        r####"r###".*?"###"####,
        r###"r##".*?"##"###,
        r##"r#".*?"#"##,
        r#"r".*?""#,
        r#""(?:[^"\\]|\\.)*""#,
        r"'(?:[^'\\\n]|\\[^\n]{1,9}?)'",
    ];
    let tokens = regex_lite::Regex::new(&format!("(?s){}", tokens.join("|"))).unwrap();
    let code = tokens.replace_all(text, |found: &regex_lite::Captures<'_>| {
        let found = &found[0];
        let lines = "\n".repeat(found.matches('\n').count());
        let ends = match found
            .trim_start_matches('r')
            .trim_start_matches('#')
            .chars()
            .next()
        {
            Some('"') => found.split_once('"').map(|(start, _)| (start, "\"")),
            Some('\'') => Some(("", "'")),
            _ => None,
        };
        ends.map_or(lines.clone(), |(start, quote)| {
            let end = start.trim_start_matches('r');
            format!("{start}{quote}{lines}{quote}{end}")
        })
    });
    let unit_tests = r"(?s)#\[cfg\(test\)\]\s*(#\[[^\]]*\]\s*)*mod tests \{.*";
    let unit_tests = regex_lite::Regex::new(unit_tests).unwrap();
    unit_tests.replace(&code, "").into_owned()
}
