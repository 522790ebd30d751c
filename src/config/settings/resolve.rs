//! Overlays the layers and fills [`Settings`].
//!
//! The layers are merged as spanned values, weakest first, and only the result is read. So the rule
//! of precedence stands in one place, every value brings its origin along, and a key needs no code
//! of its own to be overlaid.

use std::sync::Arc;

use semver::{Version, VersionReq};

use super::overrides::{self, Given, Overrides};
use super::{ParameterValue, Settings};
use super::{artifacts, moved};
use crate::config::ambient::Ambient;
use crate::config::manifest::checks;
use crate::config::manifest::keys::{self, KEYS, Key, Kind, TAG_LIMIT};
use crate::config::manifest::node::{self, Entry, Node, Table, Value, table};
use crate::config::manifest::{LOCAL, Manifest, Scope, read_layer};
use crate::config::origin::Origin;
use crate::config::secret::Secret;
use crate::diagnostic::{Diagnostic, Place};
use crate::error::{Error, Result};
use crate::util::suggest::{nearest, quoted};

/// Returns the settings for the chosen environment.
///
/// # Errors
///
/// A refusal where `required_version` excludes this stackctl, before anything else is looked at:
/// a newer manifest may well hold keys that this version does not know. Otherwise an input error
/// with every mistake in the manifest, the variables and the flags.
pub fn resolve(manifest: &Manifest, overrides: &Overrides, ambient: &Ambient) -> Result<Settings> {
    check_version(&manifest.top, env!("CARGO_PKG_VERSION"))?;
    let mut problems = manifest.diagnostics().to_vec();
    let given = overrides::collect(overrides, ambient, &mut problems);
    let environment = choose(manifest, &given, &mut problems);

    let mut merged = defaults(KEYS);
    if environment.as_deref() == Some(LOCAL) {
        node::overlay(&mut merged, &local_defaults());
    }
    node::overlay(&mut merged, &manifest.top);
    if let Some(table) = environment
        .as_ref()
        .and_then(|name| manifest.environments.get(name))
    {
        check_version(table, env!("CARGO_PKG_VERSION"))?;
        node::overlay(&mut merged, table);
    }
    let mut warnings = Vec::new();
    let above = overrides::layer(&given, &merged, &mut problems, &mut warnings);
    problems.extend(read_layer(&above, Scope::Override, &[]).1);
    node::overlay(&mut merged, &above);

    let (mut values, found) = read_layer(&merged, Scope::Merged, &[]);
    // What could not be read is neither missing nor wrong.
    if !manifest.is_partial() {
        add_new(&mut problems, found);
        problems.extend(missing(manifest, &merged));
        problems.extend(too_many_tags(&merged));
        problems.extend(artifacts::check(&merged));
        problems.extend(moved::check(&merged));
    }
    name_stack(&mut values, &merged, &mut problems);
    if problems.is_empty() {
        let mut settings = build(values, &merged, ambient)?;
        settings.warnings = warnings;
        Ok(settings)
    } else {
        problems.extend(warnings);
        Err(report(manifest, problems))
    }
}

/// Adds what was found by reading all layers together, unless it was found in its own layer.
fn add_new(problems: &mut Vec<Diagnostic>, found: Vec<Diagnostic>) {
    for problem in found {
        let is_known = |other: &Diagnostic| {
            other.rule == problem.rule && same_place(other.places.first(), problem.places.first())
        };
        if !problems.iter().any(is_known) {
            problems.push(problem);
        }
    }
}

fn same_place(one: Option<&Place>, other: Option<&Place>) -> bool {
    matches!((one, other), (Some(one), Some(other))
        if one.span == other.span && one.source == other.source)
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
    Error::input(message).with_diagnostics(problems)
}

/// Returns the weakest layer: the defaults of the table of keys.
pub(super) fn defaults(keys: &[Key]) -> Table {
    let mut table = Table::new();
    for key in keys {
        let node = match (&key.kind, key.default) {
            (Kind::Table(inner), _) => Node {
                value: Value::Table(defaults(inner)),
                origin: Origin::Default,
            },
            (_, default) => {
                let default = default.map(|toml| node::parse_value(toml, &Origin::Default, 0));
                let Some(Ok(node)) = default else { continue };
                node
            }
        };
        if !matches!(&node.value, Value::Table(inner) if inner.is_empty()) {
            let entry = Entry {
                key: Origin::Default,
                node,
            };
            table.insert(key.name.to_owned(), entry);
        }
    }
    table
}

/// Returns the layer of the environment `local`, which needs no table.
fn local_defaults() -> Table {
    let node = Node {
        value: Value::Boolean(true),
        origin: Origin::Default,
    };
    let entry = Entry {
        key: Origin::Default,
        node,
    };
    Table::from([("emulator".to_owned(), entry)])
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
fn choose(manifest: &Manifest, given: &[Given], problems: &mut Vec<Diagnostic>) -> Option<String> {
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
fn name_stack(values: &mut toml::Table, merged: &Table, problems: &mut Vec<Diagnostic>) {
    let text = |key: &str| values.get(key).and_then(toml::Value::as_str);
    let (Some(name), Some(project), Some(environment)) =
        (text("stack_name"), text("project"), text("environment"))
    else {
        return;
    };
    let name = name
        .replace("{project}", project)
        .replace("{environment}", environment);
    let written = |key: &str| {
        let entry = merged.get(key)?;
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
fn build(mut values: toml::Table, merged: &Table, ambient: &Ambient) -> Result<Settings> {
    // Without a file to upload there is no smoke test, whatever its defaults.
    if table(merged, "verify").is_none_or(|verify| !verify.contains_key("upload")) {
        values.remove("verify");
    }
    let mut settings: Settings = values
        .try_into()
        .map_err(|error| Error::system("the settings do not fit the manifest's keys", error))?;
    node::note_origins(merged, "", &mut settings.origins);
    if settings.emulator {
        // The emulator never sees real credentials, and it has an account of its own.
        settings.profile = None;
        settings.account = None;
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
