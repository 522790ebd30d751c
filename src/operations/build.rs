//! What the files say, ready to be deployed: packaged, rendered, parsed and checked.
//!
//! A build needs no network, so it runs on a thread of its own while the first calls to AWS wait for
//! their answers. Therefore it prints nothing: its warnings are part of its result.

use std::iter;

use indexmap::IndexMap;

use super::artifact_folders::unmatched_globs;
use super::function_code::check_packages;
use super::package_tree::{ChildTemplate, Packaged, Parsed, Tree, UploadedFile, stacks};
use super::session::Session;
use crate::artifact::package::{self, Artifact};
use crate::artifact::requirements::Packages;
use crate::aws::stack::ImportedResource;
use crate::cloudformation::stack::{NO_ECHO, Stack};
use crate::config::origin::Origin;
use crate::config::project::Project;
use crate::config::secret::Secrets;
use crate::config::settings::{ParameterValue, Settings};
use crate::diagnostic::{Diagnostic, Severity, SourceFile, capped};
use crate::error::{Error, Result};
use crate::plan::PlannedArtifact;
use crate::present::Presenter;
use crate::template::capability;
use crate::template::lint;
use crate::template::render::{self, RenderedTemplate};
use crate::template::stack_policy::StackPolicy;
use crate::template::validate;
use crate::template::validate::parameters::{Given, check_values};
use crate::template::validate::schema_names::is_unknown_name;
use crate::template::{Parameter, Template};
use crate::util::suggest::nearest;

/// What the files say, ready to be deployed.
#[derive(Debug)]
pub(crate) struct Build {
    /// The zips, by name.
    pub(crate) artifacts: IndexMap<String, Artifact>,
    /// The nested templates, each after its own children.
    pub(crate) children: Vec<ChildTemplate>,
    /// The files that are uploaded as they are.
    pub(crate) files: Vec<UploadedFile>,
    /// The rendered text, with the place in the files from which each part came.
    pub(crate) rendered: RenderedTemplate,
    /// The rendered template.
    pub(crate) template: Template,
    /// What is sent to CloudFormation: the rendered text if it is ASCII, else the same template with
    /// all other characters escaped, because `GetTemplate` returns those as `?`.
    pub(crate) body: String,
    /// The capabilities that the template needs, or those of the manifest.
    pub(crate) capabilities: Vec<String>,
    /// The stack policy, if the manifest names one.
    pub(crate) stack_policy: Option<StackPolicy>,
    /// The value of every parameter of the template, defaults included.
    pub(crate) parameters: IndexMap<String, ParameterValue>,
    /// The existing resources that the deployment imports. If there are any, it does nothing else.
    pub(crate) imports: Vec<ImportedResource>,
    /// Findings in the files that do not prevent a deployment.
    warnings: Vec<Diagnostic>,
}

impl Build {
    /// Returns the template and the nested ones.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Template> {
        let children = self.children.iter().map(|child| &child.template);
        std::iter::once(&self.template).chain(children)
    }

    /// Returns whether a template names the artifact's zip.
    pub(crate) fn uses(&self, artifact: &Artifact) -> bool {
        let children = self.children.iter().map(|child| &child.body);
        let mut texts = iter::once(&self.body).chain(children);
        texts.any(|text| text.contains(&artifact.key))
    }

    /// Returns the artifacts that a template uses, as a plan shows them; `deployed` is the text of the deployed template.
    pub(crate) fn planned_artifacts(&self, deployed: &str) -> Vec<PlannedArtifact> {
        // A deployed nested template is known if it is one of the files: its key is its content.
        let mut texts = vec![deployed];
        for child in self.children.iter().rev() {
            if texts.iter().any(|text| text.contains(&child.key)) {
                texts.push(&child.body);
            }
        }
        let used = self.artifacts.values().filter(|it| self.uses(it));
        used.map(|artifact| PlannedArtifact {
            name: artifact.name.clone(),
            key: artifact.key.clone(),
            size: artifact.size,
            deployed: texts.iter().any(|text| text.contains(&artifact.key)),
        })
        .collect()
    }

    /// Packages the artifacts, renders the template, parses and checks it.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files, at its place in the template or the manifest.
    fn make(
        project: &Project,
        settings: &Settings,
        wheels: &Packages,
        secrets: &Secrets,
    ) -> Result<Self> {
        let stack_policy = stack_policy(project, settings)?;
        let artifacts = package::build_all(project, settings, wheels)?;
        let (packaged, checked) = examine(project, settings, artifacts, secrets)?;
        let is_right = !is_wrong(&checked.findings);
        let (Some(template), Some(packaged), true) = (checked.template, packaged, is_right) else {
            let name = settings.template.display();
            return Err(
                Error::input(format!("`{name}` is not a valid CloudFormation template"))
                    .with_diagnostics(checked.findings),
            );
        };
        let capabilities = settings.stack.capabilities.clone().unwrap_or_else(|| {
            let children = packaged.children.iter().map(|child| &child.template);
            let needed = children.flat_map(Template::required_capabilities);
            capability::merge(template.required_capabilities().into_iter().chain(needed))
                .iter()
                .map(ToString::to_string)
                .collect()
        });
        let parameters = parameters(settings, &template);
        let rendered = packaged.root;
        let body = rendered.body(&template)?.into_owned();
        Ok(Self {
            artifacts: packaged.artifacts,
            children: packaged.children,
            files: packaged.files,
            rendered,
            template,
            body,
            capabilities,
            stack_policy,
            parameters,
            imports: Vec::new(),
            warnings: checked.findings,
        })
    }

    /// Returns the build that imports these resources with this template, and changes nothing else in
    /// `stack`; `None` if there is no stack yet.
    ///
    /// # Errors
    ///
    /// If the template is not one, which its parts rule out.
    pub(crate) fn importing(
        &self,
        body: String,
        imports: Vec<ImportedResource>,
        stack: Option<&Stack>,
    ) -> Result<Self> {
        let source = SourceFile::new("the template of the import", &*body);
        let template = Template::parse(&source).map_err(|found| {
            Error::input("the template of the import cannot be read").with_diagnostics(found)
        })?;
        let parameters = match stack {
            Some(stack) => previous_parameters(stack, &template),
            None => self.parameters.clone(),
        };
        let capabilities = template.required_capabilities();
        Ok(Self {
            artifacts: IndexMap::new(),
            children: Vec::new(),
            files: Vec::new(),
            rendered: self.rendered.clone(),
            template,
            body,
            capabilities: capabilities.iter().map(ToString::to_string).collect(),
            stack_policy: None,
            parameters,
            imports,
            warnings: Vec::new(),
        })
    }

    /// Checks that the variable of every secret parameter is set. Only a command that sends parameters
    /// needs that.
    ///
    /// # Errors
    ///
    /// If a variable is not set; the message names the first.
    pub(crate) fn check_variables(&self) -> Result<()> {
        for (name, value) in &self.parameters {
            if let ParameterValue::FromEnvironment {
                variable,
                value: None,
            } = value
            {
                return Err(Error::input(format!(
                    "the parameter `{name}` is read from {variable}, which is not set"
                ))
                .hint(format!("export {variable} before running the command")));
            }
        }
        Ok(())
    }

    /// Returns the parameters that may be shown and kept. `deployed` has the stack's values, for those that
    /// keep theirs.
    pub(crate) fn plain_parameters(
        &self,
        deployed: Option<&IndexMap<String, String>>,
    ) -> IndexMap<String, String> {
        let plain = self.parameters.iter().filter_map(|(name, value)| {
            let value = match value {
                ParameterValue::Plain(value) => value,
                ParameterValue::FromEnvironment { .. } => return None,
                ParameterValue::Previous { .. } => {
                    deployed?.get(name).filter(|value| *value != NO_ECHO)?
                }
            };
            (!self.is_no_echo(name)).then(|| (name.clone(), value.clone()))
        });
        plain.collect()
    }

    /// Returns the values with which the template is evaluated; those of `NoEcho` parameters are masked,
    /// as in the parameters of a stack. `deployed` has the stack's values, for those that keep theirs.
    pub(crate) fn values(
        &self,
        deployed: Option<&IndexMap<String, String>>,
    ) -> IndexMap<String, String> {
        let secrets = self.template.parameters().filter(Parameter::no_echo);
        let masked = secrets.map(|it| (it.entry.name.to_owned(), NO_ECHO.to_owned()));
        let mut values = self.plain_parameters(deployed);
        values.extend(masked);
        values
    }

    /// Returns whether a parameter keeps the value that it has in the deployed stack.
    pub(crate) fn keeps_value(&self, parameter: &str) -> bool {
        let value = self.parameters.get(parameter);
        matches!(value, Some(ParameterValue::Previous { .. }))
    }

    /// Returns the warnings that are shown with the findings of the built-in linter.
    pub(crate) fn warnings_for_linter(&self) -> Vec<Diagnostic> {
        let warnings = self.warnings.iter().filter(|it| is_for_linter(it));
        warnings.cloned().collect()
    }

    /// Returns whether the template declares the parameter with `NoEcho`.
    pub(crate) fn is_no_echo(&self, parameter: &str) -> bool {
        let parameter = self.template.parameter(parameter);
        parameter.is_some_and(|parameter| parameter.no_echo())
    }
}

/// Packages the artifacts, renders the template, parses and checks it. Warnings are shown.
///
/// # Errors
///
/// Everything that is wrong with the files, at its place in the template or the manifest.
pub(crate) fn build(session: &Session<'_>, wheels: &Packages) -> Result<Build> {
    let build = Build::make(
        session.project(),
        session.settings(),
        wheels,
        session.presenter().secrets(),
    )?;
    announce(&build, session.presenter());
    Ok(build)
}

/// As [`build`], on a thread of its own, so that calls to AWS run at the same time. The build begins
/// before the returned future is polled.
pub(crate) fn build_concurrently<'a>(
    session: &Session<'a>,
    wheels: Packages,
) -> impl Future<Output = Result<Build>> + use<'a> {
    let (project, settings) = (session.project().clone(), session.settings().clone());
    let presenter = session.presenter();
    let secrets = presenter.secrets().clone();
    let make = move || Build::make(&project, &settings, &wheels, &secrets);
    let thread = tokio::task::spawn_blocking(make);
    async move {
        let build = thread
            .await
            .map_err(|error| Error::system("cannot build what the files say", error))??;
        announce(&build, presenter);
        Ok(build)
    }
}

/// Shows the warnings.
fn announce(build: &Build, presenter: &Presenter) {
    let shown = build.warnings.iter().filter(|it| !is_for_linter(it));
    presenter.diagnostics(&shown.cloned().collect::<Vec<_>>());
}

/// Returns whether a warning is shown with the findings of the built-in linter, which checks the same
/// names.
fn is_for_linter(warning: &Diagnostic) -> bool {
    lint::IS_BUILT_IN && is_unknown_name(warning)
}

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
    let (packaged, parsed) = tree.package(project, settings, artifacts)?;
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

/// Checks a template, and the parameters given to it.
fn check(settings: &Settings, rendered: &RenderedTemplate, parsed: Parsed) -> Checked {
    let origins = &settings.origins;
    let (template, found) = match parsed {
        Err(found) => (None, found),
        Ok(template) => {
            let given: Vec<Given<'_>> = settings
                .parameters
                .iter()
                .map(|(name, value)| {
                    let place = origins.get(&format!("parameters.{name}")).place("");
                    let value = match value {
                        ParameterValue::Plain(value) => Some(value.as_str()),
                        ParameterValue::FromEnvironment { .. }
                        | ParameterValue::Previous { .. } => None,
                    };
                    Given {
                        name,
                        value,
                        place: Some(place),
                    }
                })
                .collect();
            let mut found = validate::validate(&template);
            found.extend(check_values(&template, &given));
            (Some(template), found)
        }
    };
    Checked {
        template,
        findings: located(settings, rendered, found),
    }
}

/// Returns the parameters of a stack, each with the value that it has.
fn previous_parameters(stack: &Stack, template: &Template) -> IndexMap<String, ParameterValue> {
    let declared = template.parameters().map(|parameter| parameter.entry.name);
    let names = declared.filter_map(|name| stack.parameters.get_key_value(name));
    names
        .map(|(name, _)| {
            (
                name.clone(),
                ParameterValue::Previous { use_previous: true },
            )
        })
        .collect()
}

/// Returns the value of every parameter: the manifest's, else the template's default.
fn parameters(settings: &Settings, template: &Template) -> IndexMap<String, ParameterValue> {
    let mut parameters = IndexMap::new();
    for parameter in template.parameters() {
        let given = settings.parameters.get(parameter.entry.name).cloned();
        let value = given.or_else(|| {
            let default = parameter.default()?.scalar()?;
            Some(ParameterValue::Plain(default.into_owned()))
        });
        if let Some(value) = value {
            parameters.insert(parameter.entry.name.to_owned(), value);
        }
    }
    parameters
}
