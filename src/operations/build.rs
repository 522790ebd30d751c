//! What the files say, ready to be deployed: packaged, rendered, parsed and checked.
//!
//! A build needs no network, so it runs on a thread of its own while the first calls to AWS wait for
//! their answers. Therefore it prints nothing: its warnings are part of its result.

use std::iter;
use std::sync::Arc;

use indexmap::IndexMap;

use super::cdk_assets::CdkAssets;
use super::examine::{examine, is_wrong, stack_policy};
use super::package_tree::{ChildTemplate, UploadedFile};
use super::session::Session;
use super::upstream::outputs::StackValue;
use crate::artifact::package::{Artifact, PackagedOnce};
use crate::artifact::requirements::Packages;
use crate::aws::stack::ImportedResource;
use crate::cloudformation::stack::{NO_ECHO, Stack};
use crate::config::project::Project;
use crate::config::secret::{Secret, Secrets};
use crate::config::settings::{ParameterValue, Settings};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::error::{Error, Result};
use crate::plan::{PlannedArtifact, masking};
use crate::present::Presenter;
use crate::template::capability;
use crate::template::lint;
use crate::template::render::RenderedTemplate;
use crate::template::stack_policy::StackPolicy;
use crate::template::validate::schema_names::is_unknown_name;
use crate::template::{Parameter, Template};

/// What the files say, ready to be deployed.
#[derive(Debug)]
pub(crate) struct Build {
    /// The zips, by name.
    pub(crate) artifacts: IndexMap<String, Artifact>,
    /// The nested templates, each after its own children.
    pub(crate) children: Vec<ChildTemplate>,
    /// The files that are uploaded as they are.
    pub(crate) files: Vec<UploadedFile>,
    /// What a template that the AWS CDK has synthesized refers to.
    pub(crate) assets: CdkAssets,
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

/// What an earlier deployment sent besides the template of its stack.
#[derive(Debug)]
pub(crate) struct SentObjects {
    /// The zips, by name.
    pub(crate) artifacts: IndexMap<String, Artifact>,
    /// The nested templates, each after its own children.
    pub(crate) children: Vec<ChildTemplate>,
    /// The files that are uploaded as they are.
    pub(crate) files: Vec<UploadedFile>,
    /// The capabilities.
    pub(crate) capabilities: Vec<String>,
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
        (wheels, packaged): (&Packages, &PackagedOnce),
        secrets: &Secrets,
    ) -> Result<Self> {
        let stack_policy = stack_policy(project, settings)?;
        let artifacts = packaged.build_all(project, settings, wheels)?;
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
            let assets = packaged.assets.templates(project);
            let children = packaged.children.iter().map(|child| &child.template);
            let needed = children
                .chain(&assets)
                .flat_map(Template::required_capabilities);
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
            assets: packaged.assets,
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
        let source = SourceFile::new("the template that is sent", &*body);
        let template = Template::parse_deployed(&source).map_err(|found| {
            Error::input("the template that is sent cannot be read").with_diagnostics(found)
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
            assets: CdkAssets::default(),
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

    /// Returns the build of an earlier deployment: a template that was sent, and what it refers to.
    ///
    /// # Errors
    ///
    /// If the text is no template.
    pub(crate) fn sent(source: &Arc<SourceFile>, objects: SentObjects) -> Result<Self> {
        let template = Template::parse_deployed(source).map_err(|found| {
            Error::refused(format!("{} cannot be read", source.name)).with_diagnostics(found)
        })?;
        Ok(Self {
            artifacts: objects.artifacts,
            children: objects.children,
            files: objects.files,
            assets: CdkAssets::default(),
            rendered: RenderedTemplate::finished(source),
            body: source.text.clone(),
            capabilities: objects.capabilities,
            stack_policy: None,
            parameters: IndexMap::new(),
            imports: Vec::new(),
            warnings: Vec::new(),
            template,
        })
    }

    /// Returns the build that deploys this template with the values and the capabilities of `stack`.
    ///
    /// # Errors
    ///
    /// If the template is not one, which its parts rule out.
    pub(crate) fn redeploying(&self, body: String, stack: &Stack) -> Result<Self> {
        let mut build = self.importing(body, Vec::new(), Some(stack))?;
        build.capabilities.extend_from_slice(&stack.capabilities);
        build.capabilities.sort_unstable();
        build.capabilities.dedup();
        Ok(build)
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

    /// Sets the values of parameters that were read from a service.
    pub(crate) fn set_service_values(&mut self, values: IndexMap<String, Secret>) {
        for (name, read) in values {
            if let Some(ParameterValue::FromService { value, .. }) = self.parameters.get_mut(&name)
            {
                *value = Some(read);
            }
        }
    }

    /// Sets the values of parameters that are outputs of other stacks.
    pub(crate) fn set_stack_values(&mut self, values: IndexMap<String, StackValue>) {
        for (name, read) in values {
            if let Some(ParameterValue::FromStack { value, secret, .. }) =
                self.parameters.get_mut(&name)
            {
                (*value, *secret) = match read {
                    StackValue::Plain(text) => (Some(text), None),
                    StackValue::Secret(text) => (None, Some(text)),
                };
            }
        }
    }

    /// Checks that every value from a service or from another stack was read, since a parameter without a
    /// value is not sent.
    ///
    /// # Errors
    ///
    /// If one was not.
    pub(crate) fn check_read_values(&self) -> Result<()> {
        let mut unread = self.unread_parameters();
        match unread.next() {
            None => Ok(()),
            Some(name) => Err(Error::input(format!(
                "the value of the parameter `{name}` was not read"
            ))),
        }
    }

    /// Returns the parameters whose values have to be read and were not.
    pub(crate) fn unread_parameters(&self) -> impl Iterator<Item = &String> {
        let unread = self.parameters.iter().filter(|(_, value)| match value {
            ParameterValue::FromService { value, .. } => value.is_none(),
            ParameterValue::FromStack { value, secret, .. } => value.is_none() && secret.is_none(),
            _ => false,
        });
        unread.map(|(name, _)| name)
    }

    /// Returns whether a parameter gets its value from outside the project, which may have changed although
    /// no file has.
    pub(crate) fn has_outside_values(&self) -> bool {
        self.parameters
            .values()
            .any(ParameterValue::is_from_outside)
    }

    /// Returns the parameters that may be shown and kept. `deployed` has the stack's values, for those that
    /// keep theirs.
    pub(crate) fn plain_parameters(
        &self,
        deployed: Option<&IndexMap<String, String>>,
    ) -> IndexMap<String, String> {
        let plain = self.parameters.iter().filter_map(|(name, value)| {
            let value = match value {
                ParameterValue::Plain(value)
                | ParameterValue::FromStack {
                    value: Some(value), ..
                } => value,
                ParameterValue::FromEnvironment { .. }
                | ParameterValue::FromService { .. }
                | ParameterValue::FromStack {
                    secret: Some(_), ..
                } => return None,
                // A value that was not read may be the one that is deployed.
                ParameterValue::FromStack { .. } | ParameterValue::Previous { .. } => {
                    deployed?.get(name).filter(|value| *value != NO_ECHO)?
                }
            };
            (!self.is_no_echo(name)).then(|| (name.clone(), value.clone()))
        });
        plain.collect()
    }

    /// Returns the values with which the template is evaluated. Those of `NoEcho` parameters and of
    /// parameters from outside the project are masked, as in the parameters of a stack, and so are values
    /// that were not read. `deployed` has the stack's values, for those that keep theirs.
    pub(crate) fn values(
        &self,
        deployed: Option<&IndexMap<String, String>>,
    ) -> IndexMap<String, String> {
        let secrets = self.template.parameters().filter(Parameter::no_echo);
        let secrets = secrets.map(|it| it.entry.name);
        let outside = masking::from_outside(&self.parameters).map(String::as_str);
        let unread = self.unread_parameters().map(String::as_str);
        let masked = secrets.chain(outside).chain(unread);
        let masked = masked.map(|name| (name.to_owned(), NO_ECHO.to_owned()));
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
        (wheels, session.context().packaged()),
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
    let packaged = session.context().packaged().clone();
    let make = move || Build::make(&project, &settings, (&wheels, &packaged), &secrets);
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
