//! The way to the stack set of a session, and what is deployed of it.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use indexmap::IndexMap;

use crate::aws::stack_set::StackSetService;
use crate::aws::{Connection, Identity};
use crate::cloudformation::stack;
use crate::cloudformation::stack_set::instance::Instance;
use crate::cloudformation::stack_set::operation::SetOperation;
use crate::cloudformation::stack_set::{StackSet, Target};
use crate::config::settings::StackSetSettings;
use crate::error::{Error, Result};
use crate::operations::context::listen;
use crate::operations::session::Session;
use crate::util::interrupt::Interrupt;

/// How many instances are described at once.
const AT_ONCE: usize = 8;

/// The way to the stack set of a session.
#[derive(Debug)]
pub(crate) struct Access<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) settings: &'a StackSetSettings,
    pub(crate) interrupt: Interrupt,
    pub(crate) connection: Connection,
    pub(crate) identity: Identity,
    pub(crate) service: StackSetService,
}

/// What is deployed of a stack set.
#[derive(Debug, Default)]
pub(crate) struct State {
    /// The stack set; `None` if there is none.
    pub(crate) set: Option<StackSet>,
    /// Its instances.
    pub(crate) instances: Vec<Instance>,
    /// Its latest operations, the latest first.
    pub(crate) operations: Vec<SetOperation>,
    /// The values of parameters that instances have instead of those of the stack set; `None` if the
    /// manifest says nothing of them.
    pub(crate) overrides: Option<IndexMap<Target, IndexMap<String, String>>>,
}

impl<'a> Access<'a> {
    /// Connects to AWS. Nothing is read of the stack set yet.
    ///
    /// # Errors
    ///
    /// Refused if the credentials belong to another account than the manifest allows.
    pub(crate) async fn open(session: &'a Session<'a>) -> Result<Self> {
        let interrupt = listen(session.context())?;
        Self::with(session, interrupt).await
    }

    /// As [`open`](Self::open), with what listens for Ctrl-C already.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub(crate) async fn with(session: &'a Session<'a>, interrupt: Interrupt) -> Result<Self> {
        let Some(settings) = &session.settings().stack_set else {
            return Err(Error::input("the stack is no stack set"));
        };
        let connection = interrupt.guard(session.connect()).await?;
        let identity = interrupt.guard(connection.identity()).await?;
        session.check_account(&identity)?;
        let name = &session.settings().stack_name;
        let service = StackSetService::new(&connection, name, settings.call_as);
        Ok(Self {
            session,
            settings,
            interrupt,
            connection,
            identity,
            service,
        })
    }

    /// Returns the stack set's name.
    pub(crate) fn name(&self) -> &'a str {
        &self.session.settings().stack_name
    }

    /// Returns the stack set with its account and region, for questions.
    pub(crate) fn place(&self) -> String {
        let (account, region) = (&self.identity.account, self.connection.region());
        stack::place(self.name(), account, region)
    }

    /// Reads the stack set, its instances and its latest operations.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(crate) async fn read(&self) -> Result<State> {
        let service = &self.service;
        let read = async {
            tokio::try_join!(
                service.describe(),
                service.instances(),
                service.latest_operations()
            )
        };
        let (set, instances, operations) = self.interrupt.guard(read).await?;
        if set.is_none() {
            return Ok(State::default());
        }
        Ok(State {
            set,
            instances,
            operations,
            overrides: None,
        })
    }

    /// Reads the values of parameters that instances have instead of those of the stack set, if the
    /// manifest says something of them: that takes a call for each instance.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(crate) async fn read_overrides(&self, state: &mut State) -> Result<()> {
        if self.settings.overrides.is_none() {
            return Ok(());
        }
        let targets = state.instances.iter().map(|it| it.target.clone());
        let read = stream::iter(targets).map(async |target| {
            let overrides = self.service.overrides(&target).await?;
            Ok::<_, Error>((target, overrides))
        });
        let read = read.buffered(AT_ONCE).try_collect();
        state.overrides = Some(self.interrupt.guard(read).await?);
        Ok(())
    }
}

impl State {
    /// Returns the operations that have not ended.
    pub(crate) fn running(&self) -> impl Iterator<Item = &SetOperation> {
        let operations = self.operations.iter();
        operations.filter(|operation| !operation.status.is_terminal())
    }
}
