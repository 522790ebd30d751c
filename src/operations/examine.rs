//! What is wrong with the files: everything local is read, packaged and checked.

use std::iter;

use indexmap::IndexMap;

use super::artifact_folders::unmatched_globs;
use super::cdk_assets;
use super::function_code::check_packages;
use super::package_tree::{Packaged, Parsed, Tree, stacks};
use crate::artifact::package::Artifact;
use crate::config::origin::Origin;
use crate::config::project::Project;
use crate::config::secret::Secrets;
use crate::config::settings::{ParameterValue, ServiceSource, Settings};
use crate::diagnostic::{Diagnostic, Place, Severity, capped};
use crate::error::{Error, Result};
use crate::template::Template;
use crate::template::render::{self, RenderedTemplate};
use crate::template::stack_policy::StackPolicy;
use crate::template::validate;
use crate::template::validate::moved::{Moved, check_moved};
use crate::template::validate::parameters::{Given, check_values};
use crate::util::suggest::nearest;

/// A rendered template with what was found in it.
#[derive(Debug)]
pub(crate) struct Checked {
    /// Its model; `None` if the text is not a template.
    pub(crate) template: Option<Template>,
    /// The findings, at their places in the template and the manifest.
    pub(crate) findings: Vec<Diagnostic>,
}

/// Returns whether a finding keeps the template from being deployed.
pub(crate) fn is_wrong(findings: &[Diagnostic]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

/// Reads the stack policy that the manifest names.
///
/// # Errors
///
/// What is wrong with it, at its place.
pub(crate) fn stack_policy(project: &Project, settings: &Settings) -> Result<Option<StackPolicy>> {
    let Some(path) = &settings.stack.policy else {
        return Ok(None);
    };
    let source = project.text(path, "the stack policy").map_err(|error| {
        let origin = settings.origins.get("stack.policy");
        let problem =
            Diagnostic::error("missing-stack-policy", error.to_string(), origin.place(""));
        Error::input("there is no stack policy to set").with_diagnostics(vec![problem])
    })?;
    StackPolicy::parse(&source).map(Some).map_err(|found| {
        Error::input(format!("`{}` is not a stack policy", source.name))
            .with_diagnostics(vec![found])
    })
}

/// Reads the template and everything local that it names. `artifacts` are those of the manifest. The
/// secrets that the templates declare are added to `secrets`, also if there is an error.
///
/// # Errors
///
/// If the template does not exist or cannot be rendered.
pub(crate) fn survey(
    project: &Project,
    settings: &Settings,
    artifacts: &IndexMap<String, Artifact>,
    secrets: &Secrets,
) -> Result<Tree> {
    check_template_exists(project, settings)?;
    let folder = project.template(&settings.template)?;
    Tree::survey(project, settings, &folder, artifacts, secrets)
}

/// Packages the template and everything local that it names, without checking the templates.
///
/// # Errors
///
/// What is wrong with the local paths and the nested templates, at its place; if a file cannot be read.
pub(crate) fn package(
    tree: Tree,
    project: &Project,
    settings: &Settings,
    artifacts: IndexMap<String, Artifact>,
) -> Result<Packaged> {
    if is_wrong(tree.findings()) {
        let name = settings.template.display();
        return Err(Error::input(format!("cannot package what `{name}` names"))
            .with_diagnostics(tree.findings().to_vec()));
    }
    let (packaged, _) = tree.package(project, settings, artifacts)?;
    Ok(packaged)
}

/// Packages the template and everything local that it names, and checks all templates. Warnings that
/// the manifest ignores are left out. The first part of the result is `None` if a local path or a nested template is wrong; the findings say why.
///
/// # Errors
///
/// If the template does not exist or cannot be rendered, or if a file cannot be read.
pub(crate) fn examine(
    project: &Project,
    settings: &Settings,
    artifacts: IndexMap<String, Artifact>,
    secrets: &Secrets,
) -> Result<(Option<Packaged>, Checked)> {
    let mut of_paths = unmatched_globs(settings, &artifacts);
    let (assets, of_assets) = cdk_assets::survey(project, settings)?;
    of_paths.extend(of_assets);
    let tree = survey(project, settings, &artifacts, secrets)?;
    of_paths.extend_from_slice(tree.findings());
    if is_wrong(&of_paths) {
        let mut checked = check(settings, tree.root(), tree.root_template().clone());
        checked.findings.extend(of_paths);
        for (rendered, template) in tree.children() {
            let found = check_child(settings, rendered, template);
            checked.findings.extend(found);
        }
        return Ok((None, checked));
    }
    let (mut packaged, parsed) = tree.package(project, settings, artifacts)?;
    packaged.assets = assets;
    let mut checked = check(settings, &packaged.root, parsed);
    checked.findings.extend(of_paths);
    for child in &packaged.children {
        let mut found = check_child(settings, &child.rendered, &child.template);
        let targets = check_packages(settings, &child.template, &packaged.artifacts);
        found.extend(located(settings, &child.rendered, targets));
        checked.findings.extend(found);
    }
    if let Some(root) = &checked.template {
        let targets = check_packages(settings, root, &packaged.artifacts);
        let found = located(settings, &packaged.root, targets);
        checked.findings.extend(found);
        for secret in stacks::passed_secrets(&packaged, root) {
            secrets.add(&secret);
        }
        let found = stacks::findings(&packaged, root, &settings.origins);
        checked.findings.extend(found);
    }
    let children = packaged.children.iter().map(|child| &child.rendered);
    let templates: Vec<_> = iter::once(&packaged.root).chain(children).collect();
    let unread = render::unread_variables(settings, &templates);
    let unread = located(settings, &packaged.root, unread);
    checked.findings.extend(unread);
    Ok((Some(packaged), checked))
}

/// Returns what is wrong with a nested template, at its places in the files.
fn check_child(
    settings: &Settings,
    rendered: &RenderedTemplate,
    template: &Template,
) -> Vec<Diagnostic> {
    located(settings, rendered, validate::validate(template))
}

/// Returns findings at their places in the files, without the warnings that the manifest ignores; of
/// very many, only the first.
fn located(
    settings: &Settings,
    rendered: &RenderedTemplate,
    found: Vec<Diagnostic>,
) -> Vec<Diagnostic> {
    let is_ignored = |finding: &Diagnostic| {
        let rules = &settings.lint.ignore;
        finding.severity != Severity::Error && rules.iter().any(|rule| *rule == finding.rule)
    };
    let found = found.into_iter().filter(|finding| !is_ignored(finding));
    capped(found.collect())
        .into_iter()
        .map(|finding| rendered.translate(finding, &settings.origins))
        .collect()
}

/// Reports a template that does not exist, at the manifest's `template` key.
fn check_template_exists(project: &Project, settings: &Settings) -> Result<()> {
    let path = &settings.template;
    let Some(siblings) = project.siblings_of_missing(path) else {
        return Ok(());
    };
    let wanted = path.file_name().unwrap_or_default().to_string_lossy();
    let meant = nearest(&wanted, siblings.iter().map(String::as_str))
        .map(|name| format!("did you mean `{}`?", path.with_file_name(name).display()));
    let message = format!("the template `{}` does not exist", project.shown(path));
    let origin = settings.origins.get("template");
    if *origin == Origin::Default {
        let error = Error::input(message);
        return Err(match meant {
            Some(meant) => error.hint(meant),
            None => error.hint("write it, or name another with the manifest's `template` key"),
        });
    }
    let problem = Diagnostic::error("missing-template", message, origin.place(""));
    let problem = match meant {
        Some(meant) => problem.help(meant),
        None => problem.help("the path is relative to the manifest's folder"),
    };
    Err(Error::input("there is no template to render").with_diagnostics(vec![problem]))
}

/// Returns warnings about parameters whose values are in a service of AWS.
fn check_sources(settings: &Settings, template: &Template) -> Vec<Diagnostic> {
    let warnings = settings.parameters.iter().filter_map(|(name, value)| {
        let ParameterValue::FromService { source, .. } = value else {
            return None;
        };
        let parameter = template.parameter(name)?;
        let place = settings.origins.get(&format!("parameters.{name}")).place("");
        let is_secret = matches!(source, ServiceSource::Secret(_));
        if parameter.is_from_ssm() && !is_secret {
            let message = format!(
                "the parameter `{name}` gets a value, but its type makes CloudFormation read one by its name"
            );
            let warning = Diagnostic::warning("read-twice", message, place);
            return Some(warning.help(format!(
                "write the name alone, `{name} = \"{}\"`, or declare the parameter with another type",
                source.id()
            )));
        }
        (is_secret && !parameter.no_echo()).then(|| visible_secret(name, place))
    });
    warnings.collect()
}

/// Returns the warning about a parameter that shows a secret.
pub(crate) fn visible_secret(name: &str, place: Place) -> Diagnostic {
    let message = format!(
        "the parameter `{name}` gets a secret, and whoever may read the stack can read its value"
    );
    Diagnostic::warning("visible-secret", message, place).help(format!(
        "declare `{name}` with `NoEcho: true` in the template"
    ))
}

/// Checks a template, the parameters given to it, and the ids that its resources had before.
fn check(settings: &Settings, rendered: &RenderedTemplate, parsed: Parsed) -> Checked {
    let origins = &settings.origins;
    let (template, found) = match parsed {
        Err(found) => (None, found),
        Ok(template) => {
            let given: Vec<Given<'_>> = settings
                .parameters
                .iter()
                .filter(|(name, _)| {
                    template.parameter(name).is_some()
                        || !settings.is_of_all_stacks(&format!("parameters.{name}"))
                })
                .map(|(name, value)| {
                    let place = origins.get(&format!("parameters.{name}")).place("");
                    Given {
                        name,
                        value: value.plain(),
                        place: Some(place),
                    }
                })
                .collect();
            let mut found = validate::validate(&template);
            found.extend(check_values(&template, &given));
            let moved = settings.moved.iter().map(|(old, new)| Moved {
                old,
                new,
                place: origins.get(&format!("moved.{old}")).place(""),
            });
            found.extend(check_moved(&template, moved));
            found.extend(check_sources(settings, &template));
            (Some(template), found)
        }
    };
    Checked {
        template,
        findings: located(settings, rendered, found),
    }
}
