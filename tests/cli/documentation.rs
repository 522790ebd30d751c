//! The documentation against the program: what it lists exists, and what exists is listed.

use std::fs;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use serde_json::Value;
use stackctl::cli::Cli;

use crate::sandbox::Sandbox;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap()
}

/// Every Markdown page of the repository.
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

/// Adds the keys of a schema's tables, each with the heading that it stands under.
fn keys(schema: &Value, heading: &str, prefix: &str, found: &mut Vec<(String, String)>) {
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let name = format!("{prefix}{key}");
        let section = matches!(
            key.as_str(),
            "artifacts" | "environments" | "parameters" | "vars"
        ) || (heading == "### Top level"
            && ["stack", "ssh", "verify"].contains(&key.as_str()));
        match (section, key.as_str()) {
            (true, "environments") => {
                let environment = &inner["additionalProperties"]["properties"];
                assert!(environment["emulator"].is_object());
                found.push((
                    "### `[environments.NAME]`".to_owned(),
                    "emulator".to_owned(),
                ));
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
fn every_key_of_the_manifest_is_described() {
    let page = read("docs/manifest.md");
    let schema = Sandbox::new().run(&["schema"]).expect_code(0).json();
    let mut found = Vec::new();
    keys(&schema, "### Top level", "", &mut found);
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
fn the_manifests_in_the_documentation_are_right() {
    for page in ["README.md", "docs/manifest.md"] {
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
fn the_readme_lists_every_command() {
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
fn every_json_schema_is_described() {
    let page = read("docs/output.md");
    for name in [
        "plan",
        "plan-file",
        "diff",
        "status",
        "outputs",
        "validate",
        "package",
        "verify",
        "local",
        "config",
        "version",
    ] {
        assert!(page.contains(&format!("### `stackctl.{name}/1`")), "{name}");
    }
}

#[test]
fn links_between_pages_lead_somewhere() {
    for page in pages() {
        let text = fs::read_to_string(&page).unwrap();
        for link in text.split("](").skip(1) {
            let target = link.split([')', '#']).next().unwrap();
            if target.is_empty() || target.contains("://") {
                continue;
            }
            let path = page.parent().unwrap().join(target);
            assert!(path.exists(), "{}: {target}", page.display());
        }
    }
}
