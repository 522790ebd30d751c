//! The documentation and the program describe the same commands, keys and documents.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use regex_lite::Regex;
use serde_json::Value;
use stackctl::cli::args::Cli;
use stackctl::present::json::schemas::DOCUMENTS;

use crate::sandbox::{Sandbox, schema};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Returns every Markdown page of the repository.
fn pages() -> Vec<PathBuf> {
    let in_folder = |folder: PathBuf| {
        fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
    };
    in_folder(root().to_owned())
        .chain(in_folder(root().join("docs")))
        .collect()
}

/// Returns the blocks of code in this language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line == format!("```{language}") {
            let block: Vec<&str> = lines.by_ref().take_while(|line| *line != "```").collect();
            blocks.push(block.join("\n"));
        }
    }
    blocks
}

/// Adds the keys of a schema's tables, each with the heading of its section.
fn keys(schema: &Value, heading: &str, prefix: &str, found: &mut Vec<(String, String)>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{prefix}{key}");
        let section = matches!(
            key.as_str(),
            "artifacts"
                | "environments"
                | "import"
                | "moved"
                | "parameters"
                | "stack_set"
                | "stacks"
                | "vars"
        ) || (heading == "### Top level"
            && ["history", "lint", "stack", "ssh", "verify"].contains(&key.as_str()));
        match (section, key.as_str()) {
            (true, "environments") => {
                let environment = &inner["additionalProperties"]["properties"];
                for key in ["emulator", "watch"] {
                    assert!(environment[key].is_object());
                    found.push(("### `[environments.NAME]`".to_owned(), key.to_owned()));
                }
            }
            (true, "stacks") => {
                found.push(("### `[stacks.NAME]`".to_owned(), "stacks".to_owned()));
            }
            (true, "stack_set") => {
                found.push(("### `[stacks.NAME]`".to_owned(), "stack_set".to_owned()));
                keys(inner, "### `[stacks.NAME.stack_set]`", "", found);
            }
            (true, "artifacts") => {
                keys(
                    &inner["additionalProperties"],
                    "### `[artifacts.NAME]`",
                    "",
                    found,
                );
            }
            (true, _) => keys(inner, &format!("### `[{key}]`"), "", found),
            (false, _) => {
                found.push((heading.to_owned(), name.clone()));
                if heading != "### Top level" {
                    keys(inner, heading, &format!("{name}."), found);
                }
            }
        }
    }
}

#[test]
fn every_manifest_key_is_documented() {
    let page = read("docs/manifest.md");
    let schema = Sandbox::new().run(&["schema"]).expect_code(0).json();
    let mut found = Vec::new();
    keys(&schema, "### Top level", "", &mut found);
    let mut of_a_stack = schema["properties"]["stacks"]["additionalProperties"].clone();
    let top = schema["properties"].as_object().unwrap();
    let properties = of_a_stack["properties"].as_object_mut().unwrap();
    properties.retain(|key, _| !top.contains_key(key));
    keys(&of_a_stack, "### `[stacks.NAME]`", "", &mut found);
    assert!(found.len() > 35, "{found:?}");
    for (heading, key) in found {
        let section = page
            .split_once(&format!("{heading}\n"))
            .unwrap_or_else(|| panic!("{heading} is missing"))
            .1;
        let section = section.split("\n##").next().unwrap();
        assert!(
            section.contains(&format!("\n| `{key}`")),
            "`{key}` is not in the table below {heading}"
        );
    }
}

#[test]
fn manifests_in_the_documentation_are_valid() {
    for page in [
        "README.md",
        "docs/from-sam.md",
        "docs/manifest.md",
        "docs/stacks.md",
        "docs/your-own-template.md",
    ] {
        let manifests = blocks(&read(page), "toml");
        let manifests = manifests
            .iter()
            .filter(|text| text.starts_with("project = "));
        assert!(manifests.clone().count() > 0, "{page} has no manifest");
        for manifest in manifests {
            Sandbox::new()
                .file("manifest.toml", manifest)
                .run(&["config", "show"])
                .expect_code(0);
        }
    }
}

#[test]
fn readme_lists_every_command() {
    let readme = read("README.md");
    for command in Cli::command().get_subcommands() {
        let name = command.get_name();
        assert!(
            readme.contains(&format!("\n| `{name}")),
            "`{name}` is not in the table of commands"
        );
    }
}

#[test]
fn every_json_schema_is_documented() {
    let page = read("docs/output.md");
    let schema = Regex::new("\"(stackctl\\.[a-z-]+/[0-9]+)\"").unwrap();
    let sources = sources(&root().join("src"));
    let schemas: BTreeSet<&str> = sources
        .iter()
        .flat_map(|text| schema.captures_iter(text))
        .filter_map(|found| Some(found.get(1)?.as_str()))
        .collect();
    assert!(schemas.len() >= 16, "{schemas:?}");
    for name in schemas {
        assert!(page.contains(&format!("### `{name}`")), "{name}");
    }
}

/// Returns the texts of all Rust files below a folder, but for files of unit tests.
fn sources(folder: &Path) -> Vec<String> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            texts.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs")
            && !path.ends_with("tests.rs")
        {
            texts.push(fs::read_to_string(path).unwrap());
        }
    }
    texts
}

#[test]
fn links_between_pages_have_targets() {
    let mut links = 0;
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {target}", page.display());
            links += 1;
        }
    }
    assert!(links > 20, "{links} links");
}

/// The published copies of the schemas. `STACKCTL_UPDATE_DOCS=1 cargo test` updates them.
#[test]
fn published_schemas_are_up_to_date() {
    let folder = root().join("docs/schemas");
    let page = read("docs/output.md");
    for document in DOCUMENTS {
        let name = document.file_name();
        let schema = serde_json::to_string_pretty(&document.schema()).unwrap() + "\n";
        let path = folder.join(&name);
        if std::env::var_os("STACKCTL_UPDATE_DOCS").is_some() {
            fs::write(&path, &schema).unwrap();
        }
        let published = fs::read_to_string(&path).unwrap_or_default();
        assert!(
            schema == published,
            "docs/schemas/{name} is not up to date: this command writes it:\n    \
             STACKCTL_UPDATE_DOCS=1 cargo test --test cli published_schemas"
        );
        let link = format!("(schemas/{name})");
        assert!(page.contains(&link), "docs/output.md has no link {link}");
    }
    let published = fs::read_dir(&folder).unwrap();
    assert_eq!(
        published.count(),
        DOCUMENTS.len(),
        "a schema of no document"
    );
}

#[test]
fn every_json_document_has_a_schema() {
    let name = Regex::new("\"(stackctl\\.[a-z-]+/[0-9]+)\"").unwrap();
    for text in sources(&root().join("src")) {
        for found in name.captures_iter(&text) {
            let document = serde_json::json!({ "schema": found[1] });
            // The document lacks members, but its schema is known.
            let difference = schema::check_document(&document).unwrap_err();
            assert!(!difference.contains("has no JSON Schema"), "{difference}");
        }
    }
}

/// Every claim of the page has tests, which exist.
#[test]
fn every_security_claim_has_its_test() {
    let page = read("docs/security.md");
    let sources: String = ["src", "tests"].into_iter().map(rust_files).collect();
    let mut claims = 0;
    let mut is_table = false;
    for line in page.lines() {
        let Some(cells) = line.strip_prefix("| ").and_then(|it| it.strip_suffix(" |")) else {
            is_table = false;
            continue;
        };
        let (claim, last) = cells.rsplit_once(" | ").unwrap_or((cells, ""));
        if last == "test" {
            is_table = true;
        } else if is_table && last != "---" {
            claims += 1;
            let mut names = last.split('`').skip(1).step_by(2).peekable();
            assert!(names.peek().is_some(), "no test: {claim}");
            for name in names {
                let is_test = sources.contains(&format!("fn {name}("));
                assert!(is_test, "there is no test `{name}`: {claim}");
            }
        }
    }
    assert!(claims > 30, "{claims} claims");
}

/// Returns the text of all Rust files in a folder of the repository.
fn rust_files(folder: &str) -> String {
    let mut text = String::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "rs") {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}
