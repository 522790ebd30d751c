//! Overlays the layers and fills [`Settings`].
//!
//! The layers are merged as spanned values, weakest first, and only the result is read. So the rule
//! of precedence stands in one place, every value brings its origin along, and a key needs no code
//! of its own to be overlaid.

use std::sync::Arc;

use semver::{Version, VersionReq};

use super::layers::{self, Merged};
use super::overrides::{self, Given, Overrides};
use super::{ParameterValue, Settings};
use super::{artifacts, moved, stack_set, stacks};
use crate::config::ambient::Ambient;
use crate::config::manifest::checks;
use crate::config::manifest::keys::{self, KEYS, TAG_LIMIT};
use crate::config::manifest::node::{self, Entry, Node, Table, Value, table};
use crate::config::manifest::{LOCAL, Manifest, Scope, read_layer};
use crate::config::origin::Origin;
use crate::config::secret::Secret;
use crate::diagnostic::{Diagnostic, Place, capped};
use crate::error::{Error, Result};
use crate::util::suggest::{join_first, nearest, quoted};

/// Returns the settings for the chosen environment.
///
/// # Errors
///
/// A refusal where `required_version` excludes this stackctl, before anything else is looked at:
/// a newer manifest may well hold keys that this version does not know. Otherwise an input error
/// with every mistake in the manifest, the variables and the flags.
pub fn resolve(manifest: &Manifest, overrides: &Overrides, ambient: &Ambient) -> Result<Settings> {
    let chosen = overrides.stack.as_deref();
    let mut all = resolve_stacks(manifest, overrides, ambient, |stacks| one(stacks, chosen))?;
    all.pop().ok_or_else(|| several(&manifest.stacks()))
}

/// Returns the settings of the stacks that `choose` chooses, for the chosen environment. They are in the order
/// of the graph.
///
/// # Errors
///
/// As [`resolve`].
pub(super) fn resolve_stacks<'m>(
    manifest: &'m Manifest,
    overrides: &Overrides,
    ambient: &Ambient,
    choose: impl FnOnce(&[&'m str]) -> Result<Vec<&'m str>, Diagnostic>,
) -> Result<Vec<Settings>> {
    check_version(&manifest.top, env!("CARGO_PKG_VERSION"))?;
    let mut problems = manifest.diagnostics().to_vec();
    let given = overrides::collect(overrides, ambient, &mut problems);
    let environment = choose_environment(manifest, &given, &mut problems);
    let environment = environment.as_deref();
    if let Some(table) = environment.and_then(|name| manifest.environments.get(name)) {
        check_version(table, env!("CARGO_PKG_VERSION"))?;
    }
    let mut warnings = Vec::new();
    let merged = layers::merge(manifest, environment, &given, &mut problems, &mut warnings);
    let chosen = choose(&manifest.stacks()).unwrap_or_else(|problem| {
        problems.push(problem);
        Vec::new()
    });
    let is_chosen = |it: &Merged| {
        it.stack
            .as_deref()
            .is_none_or(|stack| chosen.contains(&stack))
    };
    let order = stacks::check(manifest, &merged, &mut problems);

    let mut read = Vec::new();
    for merged in order.into_iter().filter(|it| is_chosen(it)) {
        let (mut values, found) = read_layer(&merged.table, Scope::Merged, &[]);
        // What could not be read is neither missing nor wrong.
        if !manifest.is_partial() {
            layers::add_new(&mut problems, found);
            layers::add_other(&mut problems, missing(manifest, &merged.table));
            layers::add_other(&mut problems, too_many_tags(&merged.table));
            layers::add_other(&mut problems, artifacts::check(&merged.table));
            layers::add_other(&mut problems, moved::check(&merged.table));
            layers::add_other(&mut problems, stack_set::check(&merged.table));
        }
        name_stack(&mut values, merged, &mut problems);
        read.push((values, merged));
    }
    if !problems.is_empty() {
        problems.extend(warnings);
        return Err(report(manifest, problems));
    }
    let mut all = Vec::new();
    for (values, merged) in read {
        let mut settings = build(values, merged, ambient)?;
        settings.warnings.clone_from(&warnings);
        all.push(settings);
    }
    Ok(all)
}

/// Returns the one stack to work on: the chosen one or, if the project has only one, that one. Returns none if
/// there are several.
fn one<'m>(stacks: &[&'m str], chosen: Option<&str>) -> Result<Vec<&'m str>, Diagnostic> {
    match (chosen, stacks) {
        (None, [only]) => Ok(vec![only]),
        (None, _) => Ok(Vec::new()),
        (Some(name), _) => stacks
            .iter()
            .find(|stack| **stack == name)
            .map(|stack| vec![*stack])
            .ok_or_else(|| stacks::unknown(stacks, name)),
    }
}

/// Returns the error of a command that works on one stack, for a project with several.
fn several(stacks: &[&str]) -> Error {
    const SHOWN: usize = 20;
    let names = stacks.iter().map(|name| format!("`-s {name}`"));
    Error::input(format!(
        "the project has {} stacks, and this works on one stack",
        stacks.len()
    ))
    .hint(format!("choose one: {}", join_first(names, SHOWN)))
}

fn report(manifest: &Manifest, problems: Vec<Diagnostic>) -> Error {
    let only_manifest = problems
        .iter()
        .filter_map(|problem| problem.places.first())
        .all(|place| Arc::ptr_eq(&place.source, &manifest.source));
    let what = if only_manifest {
        format!("`{}` has", manifest.source.name)
    } else {
        "the settings have".to_owned()
    };
    let message = match problems.len() {
        1 => format!("{what} an error"),
        count => format!("{what} {count} errors"),
    };
    Error::input(message).with_diagnostics(capped(problems))
}

/// Refuses where the layer's `required_version` excludes this version. A requirement that cannot be
/// read is left to the walk.
fn check_version(layer: &Table, version: &str) -> Result<()> {
    let Some(Entry { node, .. }) = layer.get("required_version") else {
        return Ok(());
    };
    let Value::String(text) = &node.value else {
        return Ok(());
    };
    let (Ok(required), Ok(mut own)) = (VersionReq::parse(text), Version::parse(version)) else {
        return Ok(());
    };
    // A pre-release counts as the release that it leads to, or no requirement would admit it.
    own.pre = semver::Prerelease::EMPTY;
    if required.matches(&own) {
        return Ok(());
    }
    let place = Diagnostic::error(
        "required-version",
        format!("this is stackctl {version}, which `{text}` does not admit"),
        node.origin.place(""),
    );
    Err(Error::refused(format!(
        "the manifest requires stackctl `{text}`, this is {version}"
    ))
    .with_diagnostics(vec![place])
    .hint("install a version that matches, or change `required_version`"))
}

/// Returns the chosen environment's name, if it is one of the manifest's.
fn choose_environment(
    manifest: &Manifest,
    given: &[Given],
    problems: &mut Vec<Diagnostic>,
) -> Option<String> {
    let chosen = given.iter().rev().find(|one| one.sets("environment"));
    let Some(chosen) = chosen else {
        return manifest
            .environments()
            .first()
            .map(|name| (*name).to_owned());
    };
    let node = chosen.to_node();
    let name = node.scalar()?;
    let known = manifest.environments();
    if known.contains(&name.as_str()) {
        return Some(name);
    }
    let mut problem = Diagnostic::error(
        "unknown-environment",
        format!("the manifest has no environment `{name}`"),
        node.origin.place(""),
    );
    if let Some(meant) = nearest(&name, known.iter().copied()) {
        problem = problem.help(format!("did you mean `{meant}`?"));
    }
    let is_built_in = !manifest.environments.contains_key(LOCAL);
    problem = problem.help(format!(
        "the environments are {}; a new one needs a table `[environments.{name}]`",
        quoted(known)
    ));
    if is_built_in {
        problem = problem.help(format!(
            "`{LOCAL}` is built in: an emulator on this machine"
        ));
    }
    problems.push(problem);
    None
}

/// Returns an error for every key that must be there and is not.
fn missing(manifest: &Manifest, merged: &Table) -> Vec<Diagnostic> {
    let mut problems = Vec::new();
    if !merged.contains_key("project") && !is_misspelt(manifest, "project") {
        problems.push(missing_key(manifest, "project", "project = \"site\""));
    }
    if let Some(verify) = table(merged, "verify")
        && (verify.contains_key("upload")
            || verify.contains_key("expect")
            || is_true(verify, "after_apply"))
    {
        for (name, keys) in [("upload", ["bucket", "file"]), ("expect", ["table", "key"])] {
            let Some(part) = table(verify, name) else {
                problems.push(missing_verify(merged, verify, name, name));
                continue;
            };
            for key in keys.into_iter().filter(|key| !part.contains_key(*key)) {
                problems.push(missing_verify(
                    merged,
                    verify,
                    name,
                    &format!("{name}.{key}"),
                ));
            }
        }
    }
    problems
}

/// Returns an error if the manifest's tags and stackctl's own two are more than CloudFormation takes.
fn too_many_tags(merged: &Table) -> Option<Diagnostic> {
    const OWN: usize = 2;
    let tags = table(merged, "tags")?;
    let limit = TAG_LIMIT - OWN;
    let is_over = tags.len() > limit && tags.len() <= TAG_LIMIT && is_true(merged, "own_tags");
    let last = tags.values().last().filter(|_| is_over)?;
    let message = format!("`tags` has {} tags, and stackctl adds {OWN}", tags.len());
    let problem = Diagnostic::error("out-of-range", message, last.key.place(""));
    Some(problem.help(format!(
        "a stack has at most {TAG_LIMIT} tags: remove some, or write `own_tags = false`"
    )))
}

/// Returns whether the top level has an unknown key that was probably meant to be this one.
fn is_misspelt(manifest: &Manifest, key: &str) -> bool {
    let known: Vec<&str> = keys::names(KEYS).collect();
    manifest
        .top
        .keys()
        .filter(|candidate| !known.contains(&candidate.as_str()))
        .any(|candidate| nearest(candidate, known.iter().copied()) == Some(key))
}

fn is_true(table: &Table, key: &str) -> bool {
    matches!(
        table.get(key),
        Some(Entry {
            node: Node {
                value: Value::Boolean(true),
                ..
            },
            ..
        })
    )
}

/// Points below the last plain key of the top level: from the first `[table]` on, keys belong to
/// that table.
fn missing_key(manifest: &Manifest, key: &str, example: &str) -> Diagnostic {
    let end = manifest
        .top
        .values()
        .filter(|entry| !matches!(entry.node.value, Value::Table(_)))
        .map(|entry| entry.node.origin.place("").span.end)
        .max()
        .unwrap_or(0);
    let place = Place {
        source: Arc::clone(&manifest.source),
        span: end..end,
        label: match end {
            0 => format!("add `{example}` here"),
            _ => format!("add `{example}` below this line"),
        },
    };
    let mut problem = Diagnostic::error("missing-key", format!("`{key}` is missing"), place);
    let stray = manifest.top.iter().find_map(|(name, entry)| {
        let Value::Table(inner) = &entry.node.value else {
            return None;
        };
        inner.get(key).map(|entry| (name, entry))
    });
    if let Some((name, entry)) = stray {
        problem = problem
            .at(entry.key.place(format!("this one belongs to `[{name}]`")))
            .help("move it above the first `[table]`");
    }
    problem
}

fn missing_verify(merged: &Table, verify: &Table, name: &str, key: &str) -> Diagnostic {
    let example = match name {
        "upload" => "upload = { bucket = \"BucketName\", file = \"tests/data/pixel.png\" }",
        _ => "expect = { table = \"TableName\", key = \"fileName\" }",
    };
    let origin = verify
        .get(name)
        .or_else(|| verify.get("upload"))
        .or_else(|| verify.get("expect"))
        .or_else(|| verify.get("after_apply"))
        .or_else(|| merged.get("verify"))
        .map_or(&Origin::Default, |entry| &entry.node.origin);
    Diagnostic::error(
        "missing-key",
        format!("`verify.{key}` is missing"),
        origin.place(""),
    )
    .help(format!("write `{example}`"))
}

/// Replaces the placeholders of the stack's name, and reports a name that is too long now.
fn name_stack(values: &mut toml::Table, merged: &Merged, problems: &mut Vec<Diagnostic>) {
    let text = |key: &str| values.get(key).and_then(toml::Value::as_str);
    let (Some(name), Some(project), Some(environment)) =
        (text("stack_name"), text("project"), text("environment"))
    else {
        return;
    };
    let name = stacks::name(name, project, environment, merged.stack.as_deref());
    let written = |key: &str| {
        let entry = merged.table.get(key)?;
        (entry.node.origin != Origin::Default).then_some(&entry.node.origin)
    };
    if let Err(fault) = checks::final_stack_name(&name)
        && let Some(origin) = written("stack_name").or_else(|| written("project"))
    {
        let mut problem = Diagnostic::error(
            fault.rule,
            format!("the stack's name `{name}` {}", fault.message),
            origin.place(""),
        );
        problem.help = fault.help;
        problems.push(problem);
    }
    values.insert("stack_name".to_owned(), name.into());
}

/// Builds the settings from checked values that are complete.
fn build(mut values: toml::Table, merged: &Merged, ambient: &Ambient) -> Result<Settings> {
    let Merged {
        stack,
        table: merged,
    } = merged;
    // Without a file to upload there is no smoke test, whatever its defaults.
    if table(merged, "verify").is_none_or(|verify| !verify.contains_key("upload")) {
        values.remove("verify");
    }
    let mut settings: Settings = values
        .try_into()
        .map_err(|error| Error::system("the settings do not fit the manifest's keys", error))?;
    node::note_origins(merged, "", &mut settings.origins);
    settings.stack_key.clone_from(stack);
    settings.needs = stacks::needs(merged);
    if settings.emulator {
        // The emulator never sees real credentials. It has an account of its own, and in a project of
        // several stacks each stack may have another one.
        settings.profile = None;
        if settings.stack_key.is_none() {
            settings.account = None;
        }
    }
    let own = [
        ("stackctl:project", &settings.project),
        ("stackctl:environment", &settings.environment),
    ];
    for (name, value) in own.into_iter().filter(|_| settings.own_tags) {
        settings
            .origins
            .set(format!("tags.{name}"), Origin::Default);
        settings.tags.insert(name.to_owned(), value.clone());
    }
    for (name, artifact) in &mut settings.artifacts {
        if artifact.path.as_os_str().is_empty() {
            artifact.path = name.into();
        }
    }
    for value in settings.parameters.values_mut() {
        if let ParameterValue::FromEnvironment { variable, value } = value {
            *value = ambient.variable(variable).map(Secret::new);
        }
    }
    Ok(settings)
}
