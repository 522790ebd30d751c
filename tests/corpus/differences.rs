//! Pairs of templates with known differences.

use std::collections::{BTreeMap, BTreeSet};

use indexmap::IndexMap;
use serde_json::{Value, json};
use stackctl::diagnostic::SourceFile;
use stackctl::plan::comparison::{Comparison, Effect};
use stackctl::plan::predict::Side;
use stackctl::template::Template;
use stackctl::template::diff::{Diff, Segment, diff, values};

use crate::corpus;

fn template(name: &str, text: &str) -> Option<Template> {
    Template::parse_compared(&SourceFile::new(name, text)).ok()
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
/// The lists distinguish `DependsOn: A` and `DependsOn: [A]`, which CloudFormation does not.
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

/// A recorded edit of a template.
struct Edit {
    name: String,
    file: Value,
    old: Template,
    new: Template,
}

/// Returns the edits below these folders of the corpus whose two versions can be read, and how many
/// cannot; `None` if there is no corpus.
fn edits(folders: &[&str]) -> Option<(Vec<Edit>, usize)> {
    let root = corpus::folder("template-history")?;
    let paths = folders
        .iter()
        .flat_map(|folder| corpus::files(&root.join(folder)));
    let (mut edits, mut unreadable) = (Vec::new(), 0);
    for path in paths {
        let name = path.display().to_string();
        let file = corpus::json(&path);
        let read = |key: &str| template(&name, file[key].as_str().unwrap());
        match (read("old_text"), read("new_text")) {
            (Some(old), Some(new)) => edits.push(Edit {
                name,
                file,
                old,
                new,
            }),
            _ => unreadable += 1,
        }
    }
    Some((edits, unreadable))
}

#[test]
fn json_and_yaml_versions_of_a_template_are_equal() {
    let Some(folder) = corpus::folder("templates") else {
        return;
    };
    let twins = corpus::json(&folder.join("twin-pairs.json"));
    let (mut equal, mut different, mut skipped) = (0, 0, 0);
    for pair in twins["pairs"].as_array().unwrap() {
        let path = |key: &str| folder.join(pair[key].as_str().unwrap());
        let read = |key: &str| {
            Template::parse_compared(&corpus::source(&folder, &path(key)).unwrap()).ok()
        };
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
            // The list distinguishes a missing value and an empty text, as in `Fn::GetAZs`, so it
            // may contain more resources.
            assert!(
                expected.is_superset(&found),
                "{}: {found:?} {expected:?}",
                pair["json"]
            );
        }
    }
    crate::report!(
        "corpus: {equal} equal and {different} different twins, {skipped} cannot be read"
    );
    corpus::expect_cases("equal pairs", equal, 51);
    corpus::expect_cases("different pairs", different, 15);
}

#[test]
fn edits_without_meaning_make_no_difference() {
    let Some((edits, unreadable)) = edits(&["semantic-noop"]) else {
        return;
    };
    for edit in &edits {
        let found = diff(&edit.old, &edit.new);
        assert!(found.is_empty(), "{}: {found:?}", edit.name);
    }
    let count = edits.len();
    crate::report!("corpus: {count} edits without meaning, {unreadable} cannot be read");
    corpus::expect_cases("edits without meaning", count, 15);
}

#[test]
fn diff_names_exactly_the_edited_resources() {
    let Some((edits, unreadable)) = edits(&["resource", "no-resource-change"]) else {
        return;
    };
    for edit in &edits {
        let mut found = entries(&diff(&edit.old, &edit.new));
        found.retain(|entry| entry.starts_with("/Resources/"));
        let paths = &edit.file["changed_paths"];
        let expected = named_resources(paths);
        let context = format!("{}: {found:?} {expected:?}", edit.name);
        assert!(found.is_superset(&expected), "{context}");
        let reordered = |id: &String| {
            let path = format!("{id}/DependsOn");
            paths.as_array().unwrap().contains(&path.into())
        };
        let mut unexpected = found.difference(&expected);
        assert!(unexpected.all(reordered), "{context}");
    }
    let count = edits.len();
    crate::report!("corpus: {count} edits, {unreadable} cannot be read");
    corpus::expect_cases("edits", count, 60);
}

/// Returns the steps of a path without indexes, which differ between the two sides. A key may
/// contain slashes.
fn steps(path: &str) -> impl Iterator<Item = &str> {
    let is_index = |step: &&str| !step.is_empty() && step.bytes().all(|it| it.is_ascii_digit());
    path.split('/').filter(move |step| !is_index(step))
}

/// Returns the paths of all differences, without the elements of lists.
fn paths(diff: &Diff<'_>) -> Vec<String> {
    let mut paths = Vec::new();
    for entry in &diff.entries {
        let mut start = format!("/{}", entry.section);
        start.extend(entry.name.map(|name| format!("/{name}")));
        if entry.changes.is_empty() {
            paths.push(start.clone());
        }
        for change in &entry.changes {
            let keys = change.path.iter().filter_map(|segment| match segment {
                Segment::Key(key) => Some(format!("/{key}")),
                Segment::Element { .. } => None,
            });
            paths.push(keys.fold(start.clone(), |path, key| path + &key));
        }
    }
    paths
}

#[test]
fn diff_names_every_edited_path() {
    let Some((edits, _)) = edits(&["resource"]) else {
        return;
    };
    let mut named = 0;
    let mut unnamed = Vec::new();
    for edit in &edits {
        let found = paths(&diff(&edit.old, &edit.new));
        let expected = edit.file["changed_paths"].as_array().unwrap();
        for path in expected.iter().map(|path| path.as_str().unwrap()) {
            // The path of a list that became longer ends with `[len]`.
            let path = path.trim_end_matches("[len]");
            let is_named = found.iter().any(|found| {
                steps(found)
                    .zip(steps(path))
                    .all(|(one, other)| one == other)
            });
            if is_named {
                named += 1;
            } else {
                unnamed.push(path.to_owned());
            }
        }
    }
    // The list distinguishes `DependsOn: A` and `DependsOn: [A]`, and it does not know which lists
    // are unordered.
    let is_excused = |path: &String| {
        path.ends_with("/DependsOn") || path.contains("/DependsOn/") || is_in_list(path)
    };
    let count = edits.len();
    crate::report!("corpus: {count} edits, {named} paths named; not named: {unnamed:?}");
    assert!(unnamed.iter().all(is_excused), "{unnamed:?}");
    corpus::expect_cases("named paths", named, 336);
}

/// Returns whether a path leads into a list. The elements may only be in another order.
fn is_in_list(path: &str) -> bool {
    path.split('/')
        .any(|step| !step.is_empty() && step.bytes().all(|it| it.is_ascii_digit()))
}

/// Returns the effect on each resource that differs or that changes because of another resource.
fn effects(before: &Template, after: &Template) -> BTreeMap<String, (Effect, Option<String>)> {
    let unknown = IndexMap::new();
    let sides = [before, after].map(|template| Side::new(template, &unknown));
    let names = ["old", "new"].map(str::to_owned);
    let comparison = Comparison::of_templates(sides[0], sides[1], None, names);
    let resources = comparison
        .template
        .iter()
        .filter(|it| it.section == "Resources");
    resources
        .filter_map(|it| Some((it.name?.to_owned(), (it.effect, it.cause.clone()))))
        .collect()
}

/// Returns why cdk-diff, which has a change set or no schema, may disagree.
fn excuse(
    case: &Value,
    id: &str,
    theirs: &str,
    ours: Option<&(Effect, Option<String>)>,
) -> Option<&'static str> {
    let has_change_set = !case["change_set"].is_null();
    let effect = ours.map(|(effect, _)| *effect);
    let why = ours.and_then(|(_, why)| why.as_deref());
    let resource = &case["new_template"]["Resources"][id];
    match theirs {
        _ if has_change_set => {
            Some("the peer was given a change set that says more or something else")
        }
        "WILL_UPDATE"
            if effect == Some(Effect::None)
                && why == Some("only changes the order of operations") =>
        {
            Some("DependsOn alone is a change of the template and none of AWS's")
        }
        _ if effect == Some(Effect::None) && has_foreign_attributes(resource) => {
            Some("the template has attributes that CloudFormation does not know")
        }
        _ if resource["Type"]
            .as_str()
            .is_none_or(|it| !it.contains("::")) =>
        {
            Some("this is no resource, or of no type")
        }
        _ => None,
    }
}

/// Returns whether a resource has attributes that CloudFormation does not know.
fn has_foreign_attributes(resource: &Value) -> bool {
    const KNOWN: [&str; 4] = ["Type", "Properties", "DependsOn", "Metadata"];
    let mut keys = resource
        .as_object()
        .into_iter()
        .flatten()
        .map(|(key, _)| key.as_str());
    keys.any(|key| !KNOWN.contains(&key) && !key.ends_with("Policy") && key != "Condition")
}

#[test]
fn effects_agree_with_cdk_diff() {
    let Some(folder) = corpus::folder("cdk-diff") else {
        return;
    };
    let (mut run, mut agreeing, mut excused) = (0, 0, 0);
    let mut wrong = Vec::new();
    for path in corpus::files(&folder) {
        let case = corpus::json(&path);
        if case["result"]["isEmpty"].is_null() {
            continue;
        }
        let read = |key: &str| {
            let text = match &case[key] {
                Value::Null => json!({}),
                text => text.clone(),
            };
            template(&path.display().to_string(), &text.to_string())
        };
        let (Some(old), Some(new)) = (read("old_template"), read("new_template")) else {
            crate::report!("corpus: {} cannot be read", path.display());
            continue;
        };
        run += 1;
        let ours = effects(&old, &new);
        let theirs: BTreeMap<&String, &str> = case["result"]["resources"]
            .as_object()
            .into_iter()
            .flatten()
            .map(|(id, resource)| (id, resource["changeImpact"].as_str().unwrap_or("NO_CHANGE")))
            .collect();
        let ids: BTreeSet<&String> = theirs.keys().copied().chain(ours.keys()).collect();
        for id in ids {
            let impact = theirs.get(id).copied().unwrap_or("NO_CHANGE");
            let own = ours.get(id);
            let same = matches!(
                (impact, own.map(|(effect, _)| *effect)),
                ("NO_CHANGE", None | Some(Effect::None))
                    | ("WILL_CREATE", Some(Effect::Add))
                    | ("WILL_UPDATE", Some(Effect::Update))
                    | ("WILL_REPLACE", Some(Effect::Replace))
                    | ("MAY_REPLACE", Some(Effect::MayReplace))
                    | ("WILL_DESTROY" | "WILL_ORPHAN", Some(Effect::Remove))
            );
            let name = path.file_stem().unwrap().to_string_lossy();
            if same {
                agreeing += 1;
            } else if let Some(reason) = excuse(&case, id, impact, own) {
                excused += 1;
                crate::report!("corpus: {name}: {id}: {impact}, here {own:?}: {reason}");
            } else {
                wrong.push(format!("{name}: {id}: {impact}, here {own:?}"));
            }
        }
    }
    crate::report!("corpus: {run} pairs, {agreeing} resources agree but for {excused}");
    assert!(wrong.is_empty(), "{wrong:#?}");
    corpus::expect_cases("resources that agree", agreeing, 32);
}

#[test]
fn equality_agrees_with_rain() {
    let Some(folder) = corpus::folder("peers/rain-diff") else {
        return;
    };
    let (mut run, mut agreeing) = (0, 0);
    for path in corpus::files(&folder) {
        let case = corpus::json(&path);
        let name = path.file_stem().unwrap().to_string_lossy().into_owned();
        let wrapped = |key: &str| {
            let text = json!({"Resources": {"R": {"V": case[key]}}});
            template(&name, &text.to_string()).unwrap()
        };
        let (old, new) = (wrapped("old"), wrapped("new"));
        let text = ["rain_string", "rain_long"].map(|key| case[key].as_str().unwrap_or_default());
        let theirs = text.concat();
        let is_same = !["(+)", "(-)", "(>)"]
            .iter()
            .any(|mark| theirs.contains(mark));
        let changes = values(old.root(), new.root());
        run += 1;
        if changes.is_empty() == is_same {
            agreeing += 1;
            continue;
        }
        // CloudFormation treats a number as its text, and rain does not.
        let is_text = case["old"].is_number() != case["new"].is_number();
        crate::report!("corpus: {name}: {theirs}, here {}", changes.len());
        assert!(is_text, "{name}: {theirs} {changes:?}");
    }
    crate::report!("corpus: {agreeing} of {run} pairs agree with rain");
    corpus::expect_cases("pairs that agree", agreeing, 16);
}
