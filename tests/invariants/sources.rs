//! The sources of the program, as the rules read them.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// Returns a place as a person writes it.
pub(crate) fn place(module: &str, code: &str, offset: usize) -> String {
    let line = code[..offset].matches('\n').count() + 1;
    format!("src/{module}.rs:{line}")
}

/// Returns whether a module is one of these or inside one.
pub(crate) fn within(module: &str, modules: &[&str]) -> bool {
    modules.iter().any(|outer| {
        let rest = module.strip_prefix(outer);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    })
}

/// The product's modules, such as `present/human`, with their code.
pub(crate) static SOURCES: LazyLock<Vec<(String, String)>> = LazyLock::new(read_sources);

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
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
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

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns Rust code without its comments, without what is inside its strings and characters, and
/// up to its unit tests, every line in its place.
pub(crate) fn code_of(text: &str) -> String {
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
