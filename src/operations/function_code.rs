//! The functions of a template whose code is an artifact.

use indexmap::IndexMap;

use crate::artifact::package::Artifact;
use crate::config::settings::{Architecture, ArtifactSettings, Settings};
use crate::diagnostic::{Diagnostic, Place};
use crate::template::node::Node;
use crate::template::{Resource, Template};

/// Returns the functions of a template by logical id, each with the artifact that is its code.
pub(crate) fn functions<'b>(
    template: &'b Template,
    artifacts: &'b IndexMap<String, Artifact>,
) -> Vec<(&'b str, &'b Artifact)> {
    let functions = template.resources().filter_map(|resource| {
        let code = template.function_code(resource)?;
        let artifact = artifacts
            .values()
            .find(|artifact| code.contains_text(&artifact.key))?;
        Some((resource.logical_id(), artifact))
    });
    functions.collect()
}

/// Warns of functions whose runtime or architecture is not that of the Python packages in their
/// artifact: such a function deploys, and fails when it imports them. Only values that are written in
/// the template are compared.
pub(crate) fn check_packages(
    settings: &Settings,
    template: &Template,
    artifacts: &IndexMap<String, Artifact>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (id, artifact) in functions(template, artifacts) {
        let of_manifest = settings.artifacts.get(&artifact.name);
        let packaged = of_manifest.filter(|artifact| artifact.requirements.is_some());
        if let (Some(packaged), Some(resource)) = (packaged, template.resource(id)) {
            found.extend(mismatches(template, resource, &artifact.name, packaged));
        }
    }
    found
}

fn mismatches(
    template: &Template,
    resource: Resource<'_>,
    name: &str,
    packaged: &ArtifactSettings,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let id = resource.logical_id();
    let mut warn = |at: &Node, runs: &str, packages: &str, help: String| {
        let message = format!(
            "`{id}` runs on {runs}, but the packages in the artifact `{name}` are for {packages}"
        );
        let place = Place {
            source: template.source().clone(),
            span: at.span.clone(),
            label: String::new(),
        };
        let warning = Diagnostic::warning("package-target", message, place);
        found.push(warning.help(help));
    };
    let runtime = template.property(resource, "Runtime");
    if let (Some(node), Some(python)) = (runtime, &packaged.python)
        && let Some(version) = node.as_str().and_then(|it| it.strip_prefix("python"))
        && version != python
    {
        let help = format!("set `python = \"{version}\"` under `[artifacts.{name}]`");
        warn(
            node,
            &format!("python{version}"),
            &format!("python{python}"),
            help,
        );
    }
    let target = match packaged.architecture.unwrap_or_default() {
        Architecture::X86_64 => "x86_64",
        Architecture::Arm64 => "arm64",
    };
    let listed = template.property(resource, "Architectures");
    let first = listed.and_then(|it| it.as_list()?.first());
    let (at, runs) = match (listed, first.and_then(Node::as_str)) {
        (None, _) => (resource.properties(), "x86_64"),
        (Some(_), Some(runs)) => (first, runs),
        // Not written in the template.
        (Some(_), None) => (None, target),
    };
    if let Some(at) = at.filter(|_| runs != target) {
        let help = format!(
            "set `architecture = \"{runs}\"` under `[artifacts.{name}]`, or `Architectures: [{target}]` here"
        );
        warn(at, runs, target, help);
    }
    found
}
