//! `stackctl history`: the stack's deployments, and what each changed.

use super::{Context, Exit};
use crate::aws::store::Store;
use crate::cloudformation::stack::Stack;
use crate::error::{Error, Result};
use crate::operations::context::listen;
use crate::operations::graph::layout::Layout;
use crate::operations::history::{self, versions::Versions};
use crate::operations::session::{Reached, Session};
use crate::operations::stack_set;
use crate::plan::record::Record;
use crate::plan::record::history::History;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::diff::DiffDocument;
use crate::present::json::history::HistoryDocument;
use crate::present::json::stacks::Kind;

/// The equal lines around a difference inside a text.
const CONTEXT: usize = 2;

/// The arguments of `stackctl history`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// One deployment: show what it changed
    #[arg(value_name = "NUMBER", conflicts_with = "diff")]
    number: Option<u64>,
    /// Show how two deployments differ
    #[arg(long, num_args = 2, value_names = ["OLD", "NEW"])]
    diff: Vec<u64>,
    /// How many of the newest deployments are shown
    #[arg(long, value_name = "N", default_value = "50", value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

impl Args {
    /// Returns how the output of several stacks is put together, or what works on one stack alone.
    pub(crate) fn layout(&self) -> Result<Layout, &'static str> {
        if self.number.is_some() {
            return Err("history NUMBER");
        }
        if !self.diff.is_empty() {
            return Err("history --diff");
        }
        Ok(match self.format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::History),
        })
    }
}

/// Shows the deployments, one of them, or how two differ.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    if stack_set::has_none(&session, "history") {
        return Ok(Exit::Done);
    }
    let interrupt = listen(context)?;
    let Reached {
        connection,
        identity,
        stack,
        ..
    } = session.reach(&interrupt).await?;
    let store = Store::new(&connection, session.settings(), &identity.account);
    let numbers: Vec<u64> = args.number.iter().chain(&args.diff).copied().collect();
    let limit = usize::try_from(args.limit).unwrap_or(usize::MAX);
    let read = history::read(&session, &store, limit, &numbers);
    let history = interrupt.guard(read).await?;
    let shown = Shown {
        session: &session,
        store: &store,
        history: &history,
        stack: stack.as_ref(),
        format: args.format,
    };
    let compared = async {
        match (args.number, args.diff.as_slice()) {
            (Some(number), _) => {
                let record = shown.record(number)?;
                let base = history.base(record);
                shown.compare(base, record, true).await
            }
            (None, [old, new]) => {
                let (old, new) = (shown.record(*old)?, shown.record(*new)?);
                shown.compare(Some(old), new, false).await
            }
            (None, _) => shown.list(),
        }
    };
    interrupt.guard(compared).await?;
    Ok(Exit::Done)
}

/// What is shown, and how.
struct Shown<'a> {
    session: &'a Session<'a>,
    store: &'a Store,
    history: &'a History,
    stack: Option<&'a Stack>,
    format: Format,
}

impl<'a> Shown<'a> {
    fn record(&self, number: u64) -> Result<&'a Record> {
        let list = format!(
            "`{}` lists the deployments",
            self.session.command("history")
        );
        let entry = self.history.entry(number).ok_or_else(|| {
            Error::input(format!("there is no record of deployment {number}")).hint(list)
        })?;
        entry.record.as_deref().map_err(|reason| {
            Error::input(format!(
                "the record of deployment {number} cannot be read: {reason}"
            ))
        })
    }

    fn document(&self) -> HistoryDocument<'a> {
        let name = &self.session.settings().stack_name;
        HistoryDocument::of(name, self.store.bucket(), self.history, self.stack)
    }

    fn list(&self) -> Result<()> {
        let presenter = self.session.presenter();
        if self.format == Format::Json {
            return presenter.json(&self.document());
        }
        if self.history.entries.is_empty() {
            let error = history::nothing(self.session, self.store);
            presenter.note(&format!("Nothing to show: {error}."));
            error.hints().iter().for_each(|hint| presenter.hint(hint));
            return Ok(());
        }
        let width = presenter.width();
        presenter.data(&human::history::table_of(self.history, self.stack, width));
        Ok(())
    }

    /// Shows how two deployments differ, after the facts of the later one if `is_one`.
    async fn compare(&self, old: Option<&'a Record>, new: &'a Record, is_one: bool) -> Result<()> {
        let presenter = self.session.presenter();
        let versions = Versions::read(self.store, old, new, presenter.secrets()).await?;
        let comparison = versions.comparison();
        if self.format == Format::Json {
            let records = if is_one {
                vec![new]
            } else {
                old.into_iter().chain([new]).collect()
            };
            let differences = DiffDocument::of(&comparison);
            return presenter.json(&self.document().comparing(records, differences));
        }
        if is_one {
            presenter.data(&(human::history::record(new) + "\n"));
        }
        let frame = human::diff::Frame {
            width: presenter.width(),
            context: CONTEXT,
        };
        presenter.data(&human::diff::diff(&comparison, frame));
        Ok(())
    }
}
