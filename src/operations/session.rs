//! What most commands begin with: the project, its settings, and the connection to AWS.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use indexmap::IndexMap;

use super::context::Context;
use crate::aws::stack::StackService;
use crate::aws::{Connection, Emulation, Identity};
use crate::cloudformation::stack::Stack;
use crate::config::manifest;
use crate::config::project::{Project, relative_path};
use crate::config::secret::Secrets;
use crate::config::settings::{self, Settings};
use crate::diagnostic::SourceFile;
use crate::emulator::{Local, Progress};
use crate::error::{Error, Result};
use crate::plan::masking;
use crate::present::Presenter;
use crate::template::Template;
use crate::util::interrupt::Interrupt;
use crate::util::span;

/// The maximum number of nested templates that are read for their secrets.
const MOST_NESTED: usize = 200;

/// A project, opened for one environment.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    context: &'a Context,
    project: Project,
    settings: Settings,
}

/// A connection to AWS with credentials that the manifest allows, and the session's stack.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) connection: Connection,
    pub(crate) service: StackService,
    pub(crate) identity: Identity,
    /// The stack; `None` if there is none of that name.
    pub(crate) stack: Option<Stack>,
}

impl<'a> Session<'a> {
    /// Opens the project and resolves its settings. Nothing is sent anywhere.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the manifest.
    pub(crate) fn open(context: &'a Context) -> Result<Self> {
        Self::open_environment(context, context.environment().map(str::to_owned))
    }

    /// As [`open`](Self::open), for a command that works on one stack.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); if the stack is a stack set.
    pub(crate) fn open_stack(context: &'a Context) -> Result<Self> {
        let session = Self::open(context)?;
        session.check_single()?;
        Ok(session)
    }

    /// Refuses a stack set.
    ///
    /// # Errors
    ///
    /// If the stack is one.
    pub(crate) fn check_single(&self) -> Result<()> {
        if self.settings.stack_set.is_none() {
            return Ok(());
        }
        let name = &self.settings.stack_name;
        Err(Error::input(format!(
            "`{name}` is a stack set: this command works on a single stack"
        ))
        .hint(format!(
            "`{}` shows its targets, each with a stack of its own",
            self.command("status")
        )))
    }

    /// Opens the project for an environment; `None` means the manifest's default.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the manifest.
    pub(crate) fn open_environment(
        context: &'a Context,
        environment: Option<String>,
    ) -> Result<Self> {
        if let Some(target) = context.target()
            && environment
                .as_ref()
                .is_none_or(|it| *it == target.settings.environment)
        {
            let (project, settings) = (target.project.clone(), target.settings.clone());
            return Ok(Self::with(context, project, settings));
        }
        let folder = &context.ambient().current_dir;
        let needs_none = context.manifest().is_none() && context.names_project();
        let without = needs_none.then(|| Project::without_manifest(folder, environment.as_deref()));
        let project = match (without.flatten(), context.project()) {
            (Some(project), _) => project,
            (None, Some(project)) => project.clone(),
            (None, None) => context.find_project()?,
        };
        Self::of(context, project, environment)
    }

    /// Opens a project for an environment; `None` means the manifest's default.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the manifest.
    pub(crate) fn of(
        context: &'a Context,
        project: Project,
        environment: Option<String>,
    ) -> Result<Self> {
        let ambient = context.ambient();
        let overrides = context.overrides_for(environment);
        let settings =
            settings::resolve(&manifest::parse(project.manifest()), &overrides, ambient)?;
        Ok(Self::with(context, project, settings))
    }

    fn with(context: &'a Context, project: Project, mut settings: Settings) -> Self {
        learn_secrets(&project, &settings, context.presenter().secrets());
        context.presenter().diagnostics(&settings.warnings);
        project.add_default_artifact(&mut settings);
        span::record_stack(&settings.stack_name, &settings.environment);
        Self {
            context,
            project,
            settings,
        }
    }

    /// Returns this session with other settings.
    pub(crate) fn with_settings(&self, settings: Settings) -> Self {
        Self {
            context: self.context,
            project: self.project.clone(),
            settings,
        }
    }

    /// Returns whether the session is for the stack that the command works on. Otherwise it reads the
    /// outputs of another one.
    fn is_of_context(&self) -> bool {
        let target = self.context.target();
        target.is_none_or(|target| target.stack == self.settings.stack_key)
    }

    pub(crate) fn context(&self) -> &'a Context {
        self.context
    }

    pub(crate) fn project(&self) -> &Project {
        &self.project
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    pub(crate) fn presenter(&self) -> &'a Presenter {
        self.context.presenter()
    }

    /// Returns a command line of this program for this project and environment, for hints.
    pub(crate) fn command(&self, command: &str) -> String {
        self.context
            .command(command, Some(&self.settings.environment))
    }

    /// Returns the local environment of this project and environment.
    ///
    /// # Errors
    ///
    /// If there is no folder for its state.
    pub(crate) fn local(&self) -> Result<Local> {
        Local::new(
            self.context.ambient(),
            self.project.root(),
            &self.settings.environment,
            self.settings.region.as_deref(),
        )
    }

    /// Connects to AWS, or to the emulator, which is installed and started if needed.
    ///
    /// # Errors
    ///
    /// If there are no credentials or no region, or the emulator does not start.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        let connection = self.open_connection().await?;
        if self.is_of_context() {
            self.context.set_region(connection.region());
        }
        Ok(connection)
    }

    async fn open_connection(&self) -> Result<Connection> {
        let secrets = self.presenter().secrets();
        if !self.settings.emulator {
            let pool = self.context.pool();
            let mut connection = Connection::open(&self.settings, None, secrets, pool).await?;
            let without_account = self.context.command("apply", Some("local"));
            connection.suggest(without_account, self.command("doctor"));
            self.ask_for_codes(&connection).await?;
            return Ok(connection);
        }
        let local = self.local()?;
        let emulator = local
            .ensure_running(|step| print_progress(self.presenter(), step))
            .await?
            .in_account(self.settings.account.as_deref());
        self.presenter().clear_progress();
        if let Some(key_pair) = &self.settings.key_pair {
            Local::ensure_key_pair(&emulator, key_pair).await?;
        }
        let emulation = Emulation::from(&emulator);
        let pool = self.context.pool();
        Connection::open(&self.settings, Some(&emulation), secrets, pool).await
    }

    /// Asks for the codes of the MFA devices that the credentials need.
    ///
    /// # Errors
    ///
    /// If nobody can answer.
    async fn ask_for_codes(&self, connection: &Connection) -> Result<()> {
        let presenter = self.presenter();
        let _alone = connection.ask_alone().await;
        for device in connection.mfa_devices() {
            if !presenter.is_interactive() {
                return Err(Error::input(format!(
                    "the profile needs a code of the MFA device `{device}` (`mfa_serial`)"
                ))
                .hint("run the command on a terminal, where stackctl asks for the code")
                .hint(
                    "or run `aws sts assume-role` with the code, and export the three values that it prints",
                ));
            }
            let question = format!("Code of the MFA device {device}:");
            // No command does without a code, so none is named.
            let code = presenter.ask(&question, "").await?;
            connection.set_mfa_code(&device, code);
        }
        Ok(())
    }

    /// Prepares the emulator for templates with transforms: installs the SAM translator if one of them
    /// needs it. Does nothing for AWS.
    ///
    /// # Errors
    ///
    /// If the translator cannot be installed.
    pub(crate) async fn prepare_transforms(
        &self,
        mut templates: impl Iterator<Item = &Template>,
    ) -> Result<()> {
        if self.settings.emulator && templates.any(Template::is_serverless) {
            self.local()?
                .ensure_translator(|step| print_progress(self.presenter(), step))
                .await?;
            self.presenter().clear_progress();
        }
        Ok(())
    }

    /// Connects to AWS and reads the stack.
    ///
    /// # Errors
    ///
    /// Refused if the credentials belong to another account than the manifest allows.
    pub(crate) async fn reach(&self, interrupt: &Interrupt) -> Result<Reached> {
        let connection = interrupt.guard(self.connect()).await?;
        let service = StackService::new(&connection, &self.settings.stack_name);
        let read = async { tokio::try_join!(connection.identity(), service.describe()) };
        let (identity, mut stack) = interrupt.guard(read).await?;
        self.check_account(&identity)?;
        self.hide_parameters(stack.as_mut());
        Ok(Reached {
            connection,
            service,
            identity,
            stack,
        })
    }

    /// Refuses credentials of another account than the manifest allows.
    pub(crate) fn check_account(&self, identity: &Identity) -> Result<()> {
        if self.is_of_context() {
            self.context.set_account(&identity.account);
        }
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

    /// Masks the parameters of a stack whose values come from outside the project.
    pub(crate) fn hide_parameters(&self, stack: Option<&mut Stack>) {
        if let Some(stack) = stack {
            self.hide_values(&mut stack.parameters);
        }
    }

    /// Masks the values of parameters, by name, that come from outside the project.
    pub(crate) fn hide_values(&self, parameters: &mut IndexMap<String, String>) {
        let secrets = self.presenter().secrets();
        masking::hide_parameters(parameters, &self.settings.parameters, secrets);
    }

    /// Returns the stack, or an error that names the command that deploys it.
    pub(crate) fn deployed(&self, stack: Option<Stack>) -> Result<Stack> {
        stack.filter(|stack| stack.status.exists()).ok_or_else(|| {
            Error::input(format!(
                "the stack `{}` is not deployed",
                self.settings.stack_name
            ))
            .hint(format!("`{}` deploys it", self.command("apply")))
        })
    }
}

/// Adds the values of parameters from the environment, and the defaults and values of the parameters
/// that the template declares with `NoEcho`, as far as that can be read without rendering it. So commands
/// that do not need the template mask them, too.
fn learn_secrets(project: &Project, settings: &Settings, secrets: &Secrets) {
    for parameter in settings.parameters.values() {
        if let Some(secret) = parameter.secret() {
            secrets.add(secret);
        }
    }
    // A template that cannot be read is an error of the commands that need it.
    let Ok(folder) = project.template(&settings.template) else {
        return;
    };
    let declared = masking::declared_in(folder.main());
    masking::learn(secrets, &declared, &settings.parameters);
    let mut texts = vec![Arc::clone(folder.main())];
    let mut nested: Vec<PathBuf> = nested_paths(&settings.template, folder.main());
    let mut names = BTreeSet::new();
    let mut seen = BTreeSet::new();
    while let Some(path) = nested.pop() {
        if seen.len() >= MOST_NESTED || !seen.insert(path.clone()) {
            continue;
        }
        let Ok(folder) = project.nested_template(&path) else {
            continue;
        };
        let declared = masking::declared_in(folder.main());
        masking::learn(secrets, &declared, &IndexMap::new());
        names.extend(declared.into_iter().map(|it| it.name));
        nested.extend(nested_paths(&path, folder.main()));
        texts.push(Arc::clone(folder.main()));
    }
    // A value that a template passes to a nested one stands beside the name.
    for (text, name) in texts
        .iter()
        .flat_map(|text| names.iter().map(move |name| (text, name)))
    {
        let values = masking::literals(&text.text, name);
        for value in &values {
            secrets.add(value);
        }
    }
}

/// Returns the paths of the nested templates that a template names.
fn nested_paths(template: &Path, source: &SourceFile) -> Vec<PathBuf> {
    let written = masking::nested_in(&source.text).into_iter();
    let local = written.filter(|text| !text.contains("://"));
    let paths = local.filter_map(|text| relative_path(template, &text));
    paths.collect()
}

/// Shows what the start of the emulator is doing. A first start deserves a line that stays.
pub(crate) fn print_progress(presenter: &Presenter, step: Progress) {
    match step {
        Progress::CreatingEnvironment => {
            presenter.note("Installing the emulator; this happens once …");
            presenter.progress("creating a virtual environment");
        }
        Progress::Installing => presenter.progress("fetching the packages"),
        Progress::InstallingTranslator => {
            presenter.note("Installing the SAM translator for the emulator; this happens once …");
            presenter.progress("fetching the packages");
        }
        Progress::Starting => presenter.progress("starting the emulator"),
        Progress::StateLost => presenter.warning(
            "the emulator was killed before it could save, so its state is gone: it starts empty",
        ),
    }
}
