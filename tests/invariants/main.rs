//! The rules of the design that no compiler checks, read off the sources.
//!
//! Each rule says which files it is about and what they must not contain. Comments, the contents of
//! strings, and tests are left out of what is read, so that a rule can be spoken about freely.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod sources;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use sources::{SOURCES, code_of, files, place, root, within};

/// Modules that turn values into values: no waiting, no clock, no environment, no files.
const PURE: &[&str] = &[
    "artifact/archive",
    "artifact/code_diff",
    "artifact/digest",
    "artifact/pip_log",
    "artifact/requirements/lock_file",
    "artifact/requirements/marker",
    "artifact/requirements/target",
    "artifact/requirements/version",
    "artifact/requirements/wheel_name",
    "cloudformation",
    "config/manifest",
    "config/origin",
    "config/secret",
    "config/settings",
    "diagnostic",
    "operations/graph/schedule",
    "operations/init/existing/kind",
    "operations/init/existing/manifest_text",
    "operations/init/existing/parameter_file",
    "operations/init/existing/remarks",
    "operations/init/existing/sam_config",
    "operations/init/name",
    "plan/cause",
    "plan/checkup",
    "plan/comparison",
    "plan/equivalence",
    "plan/garbage",
    "plan/masking",
    "plan/model",
    "plan/output_effect",
    "plan/predict",
    "plan/property",
    "plan/record",
    "plan/resource_graph",
    "plan/risk",
    "plan/stack_reads",
    "plan/stack_set",
    "plan/values",
    "present/html",
    "present/graph",
    "present/human",
    "present/json",
    "present/markdown",
    "present/unified",
    "present/words",
    "template/capability",
    "template/diff",
    "template/edits",
    "template/emit",
    "template/evaluate",
    "template/local_paths",
    "template/node",
    "template/render",
    "template/schema_table",
    "template/stack_policy",
    "template/validate",
    "util/shell_word",
    "util/suggest",
];

/// Modules that may touch files: they own the files they touch.
const FILES: &[&str] = &[
    "artifact/package",
    "artifact/requirements/pip",
    "artifact/requirements/wheel_cache",
    "artifact/unzip",
    "artifact/zip_reader",
    "operations/init/existing/code",
    "operations/init/existing/source",
    "operations/init/folder",
    "cli/commands/local",
    "config/cache",
    "config/project",
    "emulator",
    "operations/output_file",
    "plan/last_deployed",
    "plan/operation_record",
    "plan/plan_file",
    "util/interrupt",
    "util/new_file",
    "util/permissions",
    "util/program",
    "util/regular_file",
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
        &["print!", "println!", "eprint!", "eprintln!", "stdin()"],
    );
    // There, secrets are masked.
    let streams = ["present/streams", "config/ambient"];
    forbid(
        |module| !within(module, &streams),
        &["stdout()", "stderr()"],
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
    forbid(|module| !within(module, FILES), &["fs::", "File::"]);
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

/// The rooms of the program, from the command line down. A room uses those below it alone.
const ROOMS: [&str; 14] = [
    "cli",
    "operations",
    "present",
    "emulator",
    "forge",
    "aws",
    "plan",
    "cloudformation",
    "template",
    "artifact",
    "config",
    "util",
    "error",
    "diagnostic",
];

#[test]
fn rooms_use_the_rooms_below_them_alone() {
    let floor = |module: &str| {
        let room = module.split('/').next();
        ROOMS.iter().position(|known| Some(*known) == room)
    };
    let mut upwards = Vec::new();
    for (module, used) in uses() {
        if module == "main" || module == "lib" {
            continue;
        }
        let (from, to) = (floor(&module), floor(&used));
        assert!(from.is_some(), "`{module}` is in no room");
        if to < from {
            upwards.push(format!("{module} uses {used}"));
        }
    }
    assert!(
        upwards.is_empty(),
        "these point upwards:\n{}",
        upwards.join("\n")
    );
}

#[test]
fn files_do_not_use_each_other_in_a_circle() {
    // A module and the modules inside it are one thing: they may use each other.
    let is_family = |one: &str, other: &str| within(one, &[other]) || within(other, &[one]);
    let mut arrows: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, used) in uses() {
        if !is_family(&module, &used) {
            arrows.entry(module).or_default().insert(used);
        }
    }
    let reachable = |start: &str| {
        let mut found = BTreeSet::new();
        let mut next: Vec<&str> = vec![start];
        while let Some(module) = next.pop() {
            for used in arrows.get(module).into_iter().flatten() {
                if found.insert(used.as_str()) {
                    next.push(used);
                }
            }
        }
        found
    };
    let circular: Vec<&String> = arrows
        .keys()
        .filter(|module| reachable(module).contains(module.as_str()))
        .collect();
    assert!(circular.is_empty(), "in a circle: {circular:#?}");
}

#[test]
fn commands_do_not_know_each_other() {
    let commands: Vec<String> = uses()
        .into_iter()
        .filter(|(module, used)| {
            let is_command = |module: &str| module.starts_with("cli/commands/");
            is_command(module) && is_command(used)
        })
        .map(|(module, used)| format!("{module} uses {used}"))
        .collect();
    assert!(commands.is_empty(), "{commands:#?}");
}

#[test]
fn a_type_has_its_methods_in_one_file() {
    let inherent =
        regex_lite::Regex::new(r"(?m)^impl(?:<[^\n]*?>)?\s+(?:[a-z_]+::)*([A-Z]\w*)").unwrap();
    let of_a_trait = regex_lite::Regex::new(r"^impl[^{]*\sfor\s").unwrap();
    let mut files: BTreeMap<(String, String), BTreeSet<&str>> = BTreeMap::new();
    for (module, code) in SOURCES.iter() {
        for found in inherent.captures_iter(code) {
            let start = found.get(0).unwrap().start();
            if of_a_trait.is_match(&code[start..]) {
                continue;
            }
            let name = found[1].to_owned();
            let home = defining_module(&name, module, code);
            files.entry((home, name)).or_default().insert(module);
        }
    }
    let spread: Vec<_> = files.iter().filter(|(_, files)| files.len() > 1).collect();
    assert!(spread.is_empty(), "{spread:#?}");
}

/// Returns the module that a file takes a type from: its own, or the one that it imports the type
/// from.
fn defining_module(name: &str, module: &str, code: &str) -> String {
    let own = [format!("struct {name}"), format!("enum {name}")];
    if own
        .iter()
        .any(|definition| code.contains(definition.as_str()))
    {
        return module.to_owned();
    }
    let imported = imports(module, code)
        .into_iter()
        .find(|path| path.rsplit('/').next() == Some(name));
    imported.map_or_else(
        || module.to_owned(),
        |path| {
            path.rsplit_once('/')
                .map_or(path.clone(), |(from, _)| from.to_owned())
        },
    )
}

/// Returns each module with each other module of the program that it uses.
fn uses() -> BTreeSet<(String, String)> {
    let known: BTreeSet<&str> = SOURCES.iter().map(|(module, _)| module.as_str()).collect();
    let mut found = BTreeSet::new();
    for (module, code) in SOURCES.iter() {
        for path in imports(module, code) {
            let mut used = path.as_str();
            while !known.contains(used) {
                match used.rsplit_once('/') {
                    Some((outer, _)) => used = outer,
                    None => break,
                }
            }
            if known.contains(used) && used != module {
                found.insert((module.clone(), used.to_owned()));
            }
        }
    }
    assert!(found.len() > 100, "the imports were not read");
    found
}

/// Returns the paths that a file names with `crate::` or `super::`, as `present/human/plan`.
fn imports(module: &str, code: &str) -> Vec<String> {
    let path = regex_lite::Regex::new(r"\b(crate|super)::").unwrap();
    let mut found = Vec::new();
    let mut end = 0;
    for start in path.captures_iter(code) {
        let whole = start.get(0).unwrap();
        if whole.start() < end {
            continue;
        }
        let outer = match &start[1] {
            "crate" => String::new(),
            _ => module
                .rsplit_once('/')
                .map_or(String::new(), |(outer, _)| outer.to_owned()),
        };
        end = whole.end() + read_path(&code[whole.end()..], &outer, &mut found);
    }
    found
}

/// Reads a path or a group of paths below `outer`. Returns how many bytes it has read.
fn read_path(code: &str, outer: &str, found: &mut Vec<String>) -> usize {
    let join = |name: &str| match (outer, name) {
        (outer, "self") => outer.to_owned(),
        ("", name) => name.to_owned(),
        (outer, "super") => outer
            .rsplit_once('/')
            .map_or(String::new(), |(up, _)| up.to_owned()),
        (outer, name) => format!("{outer}/{name}"),
    };
    if let Some(group) = code.strip_prefix('{') {
        let mut at = 1;
        loop {
            at +=
                group[at - 1..].len() - group[at - 1..].trim_start_matches([' ', '\n', ',']).len();
            if code[at..].starts_with('}') || at >= code.len() {
                return at + 1;
            }
            at += read_path(&code[at..], outer, found).max(1);
        }
    }
    let length = code
        .find(|c: char| !(c.is_alphanumeric() || c == '_'))
        .unwrap_or(code.len());
    let path = join(&code[..length]);
    if let Some(rest) = code[length..].strip_prefix("::") {
        return length + 2 + read_path(rest, &path, found);
    }
    found.push(path);
    length
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
    let found = found.join("\n");
    assert!(found.is_empty(), "these name {folders:?}:\n{found}");
}

#[test]
fn the_wheel_describes_the_same_program() {
    let text = fs::read_to_string(root().join("pyproject.toml")).unwrap();
    let wheel: toml::Table = text.parse().unwrap();
    let project = wheel["project"].as_table().unwrap();
    assert_eq!(project["dynamic"].as_array().unwrap(), &["version".into()]);
    assert_eq!(project["name"].as_str(), Some(env!("CARGO_PKG_NAME")));
    for (key, value) in [
        ("description", env!("CARGO_PKG_DESCRIPTION")),
        ("license", env!("CARGO_PKG_LICENSE")),
        ("readme", env!("CARGO_PKG_README")),
    ] {
        assert_eq!(project[key].as_str(), Some(value), "{key}");
    }
}

#[test]
fn the_rules_name_modules_that_exist() {
    for name in PURE.iter().chain(FILES) {
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
