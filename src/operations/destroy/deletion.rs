//! The deletion of one stack.

use super::options::DeletionOptions;
use crate::aws::Connection;
use crate::aws::stack::StackService;
use crate::aws::store::Store;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, Result};
use crate::operations::session::Session;
use crate::util::interrupt::Interrupt;
use crate::util::shell_word::quote;

/// The deletion of one stack.
pub(crate) struct Deletion<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) interrupt: &'a Interrupt,
    pub(super) options: &'a DeletionOptions,
    pub(super) connection: Connection,
    pub(super) service: StackService,
    pub(super) store: Store,
    pub(super) stack: Stack,
}

impl<'a> Deletion<'a> {
    /// Reads the stack; `None` if there is none.
    ///
    /// # Errors
    ///
    /// Refused if the credentials belong to another account than the manifest allows.
    pub(crate) async fn open(
        session: &'a Session<'a>,
        interrupt: &'a Interrupt,
        options: &'a DeletionOptions,
    ) -> Result<Option<Self>> {
        let reached = session.reach(interrupt).await?;
        let (connection, service) = (reached.connection, reached.service);
        let Some(stack) = reached.stack else {
            let name = service.name();
            let presenter = session.presenter();
            presenter.note(&format!("There is no stack `{name}`: nothing to do."));
            return Ok(None);
        };
        let store = Store::new(&connection, session.settings(), &reached.identity.account);
        Ok(Some(Self {
            session,
            interrupt,
            options,
            connection,
            service,
            store,
            stack,
        }))
    }

    /// Returns whether the stack is being deleted already.
    pub(crate) fn is_running(&self) -> bool {
        self.stack.status == StackStatus::DeleteInProgress
    }

    /// Returns the stack with its account and region.
    pub(crate) fn place(&self) -> String {
        self.stack.place()
    }

    /// Returns the mode of the deletion.
    pub(super) fn mode(&self) -> DeploymentMode {
        let mode = self.session.settings().stack.deployment_mode;
        mode.or_express(self.options.express)
    }

    /// Checks that the stack has not changed since it was shown: what is emptied cannot be restored,
    /// and emptying takes time.
    pub(crate) async fn check_again(&self) -> Result<()> {
        let stack = &self.stack;
        let now = self.service.describe_by(&stack.id).await?;
        let same = now.is_some_and(|now| {
            now.status == stack.status
                && now.updated == stack.updated
                && now.termination_protection == stack.termination_protection
        });
        if same {
            return Ok(());
        }
        Err(Error::refused(format!(
            "not destroyed: the stack `{}` has changed since it was shown",
            stack.name
        ))
        .hint(format!(
            "look at it again: `{}`",
            self.session.command("destroy")
        )))
    }

    /// Returns the beginning of a command line, in the same mode.
    pub(super) fn words(&self, command: &str) -> String {
        let express = if self.options.express {
            " --express"
        } else {
            ""
        };
        format!("{command}{express}")
    }

    /// Returns the command line with an option for each name.
    pub(super) fn command<'n>(&self, option: &str, names: impl Iterator<Item = &'n str>) -> String {
        if let Some(run) = &self.options.run {
            return run.command(option, names);
        }
        let command = names.fold(self.words("destroy"), |command, name| {
            format!("{command} {option} {}", quote(name))
        });
        self.session.command(&command)
    }
}
