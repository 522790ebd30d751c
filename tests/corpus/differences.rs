//! Pairs of templates of which it is known what they differ in.

use std::collections::BTreeSet;

use stackctl::diagnostic::SourceFile;
use stackctl::template::Template;
use stackctl::template::diff::{Diff, diff};

use crate::corpus;

fn template(name: &str, text: &str) -> Option<Template> {
    Template::parse(&SourceFile::new(name, text)).ok()
}

/// Returns the entries that differ as `/Section/Name`.
fn entries(diff: &Diff<'_>) -> BTreeSet<String> {
    let path = |entry: &stackctl::template::diff::EntryDiff<'_>| {
        let name = entry
            .name
            .map(|name| format!("/{name}"))
            .unwrap_or_default();
        format!("/{}{name}", entry.section)
    };
    diff.entries.iter().map(path).collect()
}

/// Returns the resources that a recorded list of paths names, such as `/Resources/A/Properties/B`.
///
/// The lists were made by a reader that tells `DependsOn: A` from `DependsOn: [A]`, which CloudFormation
/// does not.
fn named_resources(paths: &serde_json::Value) -> BTreeSet<String> {
    let paths = paths
        .as_array()
        .unwrap()
        .iter()
        .map(|path| path.as_str().unwrap());
    paths
        .filter(|path| path.starts_with("/Resources/") && !path.ends_with("/DependsOn"))
        .map(|path| path.split('/').take(3).collect::<Vec<_>>().join("/"))
        .collect()
}

#[test]
fn twins_in_json_and_yaml_are_equal() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let twins = corpus::json(&folder.join("twin-pairs.json"));
    let (mut equal, mut different, mut skipped) = (0, 0, 0);
    for pair in twins["pairs"].as_array().unwrap() {
        let path = |key: &str| folder.join(pair[key].as_str().unwrap());
        let read = |key: &str| Template::parse(&corpus::source(&folder, &path(key)).unwrap()).ok();
        let (Some(json), Some(yaml)) = (read("json"), read("yaml")) else {
            skipped += 1;
            continue;
        };
        let found = diff(&json, &yaml);
        if pair["semantically_equal"] == true {
            equal += 1;
            assert!(found.is_empty(), "{}: {:?}", pair["json"], entries(&found));
        } else {
            different += 1;
            let expected = named_resources(&pair["differing_paths"]);
            let mut found = entries(&found);
            found.retain(|entry| entry.starts_with("/Resources/"));
            // The reader that made the list tells no value from an empty text, as in `Fn::GetAZs`, so
            // it may list more.
            assert!(
                expected.is_superset(&found),
                "{}: {found:?} {expected:?}",
                pair["json"]
            );
        }
    }
    eprintln!("corpus: {equal} equal and {different} different twins, {skipped} cannot be read");
}

#[test]
fn edits_that_mean_nothing_make_no_difference() {
    let Some(folder) = corpus::folder("template-history/semantic-noop") else {
        return;
    };
    let (mut run, mut skipped) = (0, 0);
    for path in corpus::files(&folder) {
        let edit = corpus::json(&path);
        let read = |key: &str| template(&path.display().to_string(), edit[key].as_str().unwrap());
        let (Some(old), Some(new)) = (read("old_text"), read("new_text")) else {
            skipped += 1;
            continue;
        };
        let found = diff(&old, &new);
        assert!(found.is_empty(), "{}: {found:?}", path.display());
        run += 1;
    }
    eprintln!("corpus: {run} edits without meaning, {skipped} cannot be read");
}

#[test]
fn every_edited_resource_is_named_and_no_other() {
    let Some(folder) = corpus::folder("template-history") else {
        return;
    };
    let (mut run, mut skipped) = (0, 0);
    for class in ["resource", "no-resource-change"] {
        for path in corpus::files(&folder.join(class)) {
            let edit = corpus::json(&path);
            let read =
                |key: &str| template(&path.display().to_string(), edit[key].as_str().unwrap());
            let (Some(old), Some(new)) = (read("old_text"), read("new_text")) else {
                skipped += 1;
                continue;
            };
            let mut found = entries(&diff(&old, &new));
            found.retain(|entry| entry.starts_with("/Resources/"));
            let expected = named_resources(&edit["changed_paths"]);
            assert!(
                found.is_superset(&expected),
                "{}: {found:?} {expected:?}",
                path.display()
            );
            let reordered = |id: &String| {
                let path = format!("{id}/DependsOn");
                edit["changed_paths"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .any(|it| *it == path.as_str())
            };
            assert!(
                found
                    .iter()
                    .all(|id| expected.contains(id) || reordered(id)),
                "{}: {found:?} {expected:?}",
                path.display()
            );
            run += 1;
        }
    }
    eprintln!("corpus: {run} edits, {skipped} cannot be read");
}
