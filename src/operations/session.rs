//! What most commands begin with: the project, its settings, and the way to AWS.

use std::fs::{self, OpenOptions};
use std::io;
use std::path::Path;

use serde::Serialize;

use crate::aws::stack::StackService;
use crate::aws::{Connection, Emulation, Identity};
use crate::cli::commands::Context;
use crate::cli::commands::local::tell;
use crate::cloudformation::stack::Stack;
use crate::config::manifest;
use crate::config::project::Project;
use crate::config::settings::{self, ParameterValue, Settings};
use crate::emulator::Local;
use crate::error::{Error, Result};
use crate::present::Presenter;
use crate::util::interrupt::Interrupt;

/// A project, opened for one environment.
#[derive(Debug)]
pub(crate) struct Session<'a> {
    pub(crate) context: &'a Context,
    pub(crate) project: Project,
    pub(crate) settings: Settings,
}

/// The stack of a session, reached with credentials that the manifest allows.
#[derive(Debug)]
pub(crate) struct Reached {
    pub(crate) connection: Connection,
    pub(crate) service: StackService,
    pub(crate) identity: Identity,
    /// The stack; `None` where there is none of that name.
    pub(crate) stack: Option<Stack>,
}

impl<'a> Session<'a> {
    /// Opens the project and resolves its settings. Nothing is sent anywhere.
    pub(crate) fn open(context: &'a Context) -> Result<Self> {
        Self::open_environment(context, context.global.environment.clone())
    }

    /// Opens the project for an environment; `None` means the manifest's default.
    pub(crate) fn open_environment(
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

    pub(crate) fn presenter(&self) -> &Presenter {
        &self.context.presenter
    }

    /// Returns a command line of this program for this project and environment, for hints.
    pub(crate) fn command(&self, command: &str) -> String {
        self.context
            .command(command, Some(&self.settings.environment))
    }

    /// Opens the way to AWS, or to the emulator, which is installed and started where needed.
    pub(crate) async fn connect(&self) -> Result<Connection> {
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

    /// Opens the way to AWS and looks at the stack.
    ///
    /// # Errors
    ///
    /// Refused where the credentials belong to another account than the manifest allows.
    pub(crate) async fn reach(&self, interrupt: &Interrupt) -> Result<Reached> {
        let connection = interrupt.guard(self.connect()).await?;
        let service = StackService::new(&connection, &self.settings.stack_name);
        let read = async { tokio::try_join!(connection.identity(), service.describe()) };
        let (identity, stack) = interrupt.guard(read).await?;
        self.check_account(&identity)?;
        Ok(Reached {
            connection,
            service,
            identity,
            stack,
        })
    }

    /// Refuses credentials of another account than the manifest allows.
    pub(crate) fn check_account(&self, identity: &Identity) -> Result<()> {
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
    pub(crate) fn deployed(&self, stack: Option<Stack>) -> Result<Stack> {
        stack.filter(|stack| stack.status.exists()).ok_or_else(|| {
            Error::input(format!(
                "the stack `{}` is not deployed",
                self.settings.stack_name
            ))
            .hint(format!("`{}` deploys it", self.command("apply")))
        })
    }

    /// Looks whether [`write_json`](Self::write_json) will be able to write, and changes nothing.
    pub(crate) fn check_writable(&self, path: &Path) -> Result<()> {
        let path = self.context.ambient.current_dir.join(path);
        let exists = match path.metadata() {
            // A device or a pipe is opened once only.
            Ok(found) if !found.is_file() && !found.is_dir() => return Ok(()),
            found => found.is_ok(),
        };
        let opened = OpenOptions::new().append(true).create(true).open(&path);
        opened.map_err(|error| cannot_write(&path, error))?;
        if !exists {
            // It was made to see whether that can be done.
            let _ = fs::remove_file(&path);
        }
        Ok(())
    }

    /// Writes a JSON document to a file that the user named.
    pub(crate) fn write_json(&self, path: &Path, document: &impl Serialize) -> Result<()> {
        let path = self.context.ambient.current_dir.join(path);
        let mut text = serde_json::to_vec_pretty(document)
            .map_err(|error| cannot_write(&path, error.into()))?;
        text.push(b'\n');
        fs::write(&path, text).map_err(|error| cannot_write(&path, error))
    }

    /// Returns the local environment of this project and environment.
    pub(crate) fn local(&self) -> Result<Local> {
        Local::new(
            &self.context.ambient,
            self.project.root(),
            &self.settings.environment,
            self.settings.region.as_deref(),
        )
    }
}

fn cannot_write(path: &Path, error: io::Error) -> Error {
    Error::system(format!("cannot write `{}`", path.display()), error)
}
