//! What most commands begin with: the project, its settings, and the way to AWS.

use std::io;
use std::path::Path;

use indexmap::IndexMap;
use serde::Serialize;

use super::Context;
use super::local::tell;
use crate::aws::{Connection, Emulation, Identity};
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::{Error, Result};
use crate::local::Local;
use crate::manifest::{self, checks::nearest};
use crate::origin::Origin;
use crate::package::{self, Artifact};
use crate::plan::secrets;
use crate::present::Presenter;
use crate::project::Project;
use crate::render::{self, RenderedTemplate};
use crate::settings::{self, ParameterValue, Settings};
use crate::stack::Stack;
use crate::stack_policy::StackPolicy;
use crate::template::Template;
use crate::template::validate::{
    self,
    parameters::{Given, check_values},
};

/// A project, opened for one environment.
#[derive(Debug)]
pub(super) struct Session<'a> {
    pub(super) context: &'a Context,
    pub(super) project: Project,
    pub(super) settings: Settings,
}

/// What the files say, ready to be deployed.
#[derive(Debug)]
pub(super) struct Build {
    /// The zips, by name.
    pub(super) artifacts: IndexMap<String, Artifact>,
    /// The rendered text, which knows where in the files each part of it came from.
    pub(super) rendered: RenderedTemplate,
    /// The rendered template.
    pub(super) template: Template,
    /// What is sent to CloudFormation: the rendered text where that is ASCII, else the same
    /// template with every other character escaped, because `GetTemplate` gives those back as `?`.
    pub(super) body: String,
    /// The capabilities that it needs, or that the manifest gives.
    pub(super) capabilities: Vec<String>,
    /// The stack policy, where the manifest names one.
    pub(super) stack_policy: Option<StackPolicy>,
    /// The value of every parameter of the template, defaults included.
    pub(super) parameters: IndexMap<String, ParameterValue>,
}

impl Build {
    /// Checks that the variable of every secret parameter is set, as only those need who send them.
    ///
    /// # Errors
    ///
    /// The first variable that is not set.
    pub(super) fn check_variables(&self) -> Result<()> {
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
}

/// A rendered template with what was found in it.
#[derive(Debug)]
pub(super) struct Checked {
    /// Its model; `None` where the text is no template at all.
    pub(super) template: Option<Template>,
    /// The findings, at their places in the template and the manifest.
    pub(super) findings: Vec<Diagnostic>,
}

/// Returns whether a finding keeps the template from being deployed.
pub(super) fn is_wrong(findings: &[Diagnostic]) -> bool {
    findings
        .iter()
        .any(|finding| finding.severity == Severity::Error)
}

impl<'a> Session<'a> {
    /// Opens the project and resolves its settings. Nothing is sent anywhere.
    pub(super) fn open(context: &'a Context) -> Result<Self> {
        Self::open_environment(context, context.global.environment.clone())
    }

    /// Opens the project for an environment; `None` means the manifest's default.
    pub(super) fn open_environment(
        context: &'a Context,
        environment: Option<String>,
    ) -> Result<Self> {
        let ambient = &context.ambient;
        let project = Project::find(&ambient.current_dir, context.global.manifest.as_deref())?;
        let overrides = context.overrides(environment);
        let settings =
            settings::resolve(&manifest::parse(project.manifest()), &overrides, ambient)?;
        for parameter in settings.parameters.values() {
            if let ParameterValue::FromEnvironment {
                value: Some(secret),
                ..
            } = parameter
            {
                context.presenter.mask(secret);
            }
        }
        Ok(Self {
            context,
            project,
            settings,
        })
    }

    pub(super) fn presenter(&self) -> &Presenter {
        &self.context.presenter
    }

    /// Returns a command line of this program for this environment, for hints.
    pub(super) fn command(&self, command: &str) -> String {
        format!("stackctl {command} -e {}", self.settings.environment)
    }

    /// Packages the artifacts, renders the template, parses and checks it. Warnings are shown.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the files, at its place in the template or the manifest.
    pub(super) fn build(&self) -> Result<Build> {
        let stack_policy = self.stack_policy()?;
        let artifacts = package::build_all(&self.project, &self.settings)?;
        let rendered = self.render(&artifacts)?;
        let checked = self.check(&rendered);
        let Some(template) = checked.template.filter(|_| !is_wrong(&checked.findings)) else {
            let name = self.settings.template.display();
            return Err(
                Error::input(format!("`{name}` is not a valid CloudFormation template"))
                    .with_diagnostics(checked.findings),
            );
        };
        self.presenter().diagnostics(&checked.findings);
        let capabilities = self.settings.stack.capabilities.clone().unwrap_or_else(|| {
            template
                .required_capabilities()
                .iter()
                .map(ToString::to_string)
                .collect()
        });
        let parameters = self.parameters(&template);
        for secret in secrets::sent(&template, &parameters) {
            self.presenter().mask(&secret);
        }
        let body = rendered.body(&template)?.into_owned();
        Ok(Build {
            artifacts,
            rendered,
            template,
            body,
            capabilities,
            stack_policy,
            parameters,
        })
    }

    /// Reads the stack policy that the manifest names.
    ///
    /// # Errors
    ///
    /// What is wrong with it, at its place.
    pub(super) fn stack_policy(&self) -> Result<Option<StackPolicy>> {
        let Some(path) = &self.settings.stack.policy else {
            return Ok(None);
        };
        let source = self
            .project
            .text(path, "the stack policy")
            .map_err(|error| {
                let origin = self.settings.origins.get("stack.policy");
                let problem =
                    Diagnostic::error("missing-stack-policy", error.to_string(), origin.place(""));
                Error::input("there is no stack policy to set").with_diagnostics(vec![problem])
            })?;
        StackPolicy::parse(&source).map(Some).map_err(|found| {
            Error::input(format!("`{}` is not a stack policy", source.name))
                .with_diagnostics(vec![found])
        })
    }

    /// Renders the template with the keys of these artifacts.
    pub(super) fn render(
        &self,
        artifacts: &IndexMap<String, Artifact>,
    ) -> Result<RenderedTemplate> {
        self.check_template_exists()?;
        let folder = self.project.template(&self.settings.template)?;
        render::render(&folder, &self.settings, artifacts)
    }

    /// Points at the manifest's `template` where there is no such file.
    fn check_template_exists(&self) -> Result<()> {
        let path = &self.settings.template;
        let Some(beside) = self.project.beside_missing(path) else {
            return Ok(());
        };
        let wanted = path.file_name().unwrap_or_default().to_string_lossy();
        let meant = nearest(&wanted, beside.iter().map(String::as_str))
            .map(|name| format!("did you mean `{}`?", path.with_file_name(name).display()));
        let message = format!("the template `{}` does not exist", self.project.shown(path));
        let origin = self.settings.origins.get("template");
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

    /// Parses a rendered template and checks it, and the parameters given to it.
    pub(super) fn check(&self, rendered: &RenderedTemplate) -> Checked {
        let (template, found) = match Template::parse(rendered.source()) {
            Err(found) => (None, found),
            Ok(template) => {
                let given: Vec<Given<'_>> = self
                    .settings
                    .parameters
                    .iter()
                    .map(|(name, value)| {
                        let place = self
                            .settings
                            .origins
                            .get(&format!("parameters.{name}"))
                            .place("");
                        let value = match value {
                            ParameterValue::Plain(value) => Some(value.as_str()),
                            ParameterValue::FromEnvironment { .. } => None,
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
        let origins = &self.settings.origins;
        let findings = found
            .into_iter()
            .map(|finding| rendered.translate(finding, origins));
        Checked {
            template,
            findings: findings.collect(),
        }
    }

    /// Returns the value of every parameter: the manifest's, else the template's default.
    fn parameters(&self, template: &Template) -> IndexMap<String, ParameterValue> {
        let mut parameters = IndexMap::new();
        for parameter in template.parameters() {
            let value = self
                .settings
                .parameters
                .get(parameter.entry.name)
                .cloned()
                .or_else(|| {
                    let default = parameter.default()?.scalar()?;
                    Some(ParameterValue::Plain(default.into_owned()))
                });
            if let Some(value) = value {
                parameters.insert(parameter.entry.name.to_owned(), value);
            }
        }
        parameters
    }

    /// Opens the way to AWS, or to the emulator, which is installed and started where needed.
    pub(super) async fn connect(&self) -> Result<Connection> {
        if !self.settings.emulator {
            return Connection::open(&self.settings, None).await;
        }
        let local = self.local()?;
        let emulator = local
            .ensure_running(|step| tell(self.context, step))
            .await?;
        self.presenter().clear_progress();
        if let Some(key_pair) = &self.settings.key_pair {
            Local::ensure_key_pair(&emulator, key_pair)?;
        }
        Connection::open(&self.settings, Some(&Emulation::from(&emulator))).await
    }

    /// Refuses credentials of another account than the manifest allows.
    pub(super) fn check_account(&self, identity: &Identity) -> Result<()> {
        match &self.settings.account {
            Some(account) if !self.settings.emulator && *account != identity.account => {
                Err(Error::refused(format!(
                    "the credentials belong to account {}, and the manifest allows only {account}",
                    identity.account
                ))
                .hint("choose another profile with --profile or AWS_PROFILE"))
            }
            _ => Ok(()),
        }
    }

    /// Returns the stack, or the error that says how to get one.
    pub(super) fn deployed(&self, stack: Option<Stack>) -> Result<Stack> {
        stack.filter(|stack| stack.status.exists()).ok_or_else(|| {
            Error::input(format!(
                "the stack `{}` is not deployed",
                self.settings.stack_name
            ))
            .hint(format!("`{}` deploys it", self.command("apply")))
        })
    }

    /// Writes a JSON document to a file that the user named.
    pub(super) fn write_json(&self, path: &Path, document: &impl Serialize) -> Result<()> {
        let path = self.context.ambient.current_dir.join(path);
        let failed =
            |error: io::Error| Error::system(format!("cannot write {}", path.display()), error);
        let mut text = serde_json::to_vec_pretty(document).map_err(|error| failed(error.into()))?;
        text.push(b'\n');
        std::fs::write(&path, text).map_err(failed)
    }

    /// Returns the local environment of this project and environment.
    pub(super) fn local(&self) -> Result<Local> {
        Local::new(
            &self.context.ambient,
            self.project.root(),
            &self.settings.environment,
            self.settings.region.as_deref(),
        )
    }
}
