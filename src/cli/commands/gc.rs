//! `stackctl gc`: deletes from the artifact bucket what nothing refers to.

use super::{Context, Exit};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::context::listen;
use crate::operations::garbage_collection::{Done, GarbageCollection};
use crate::operations::graph::layout::Layout;
use crate::operations::session::Session;
use crate::plan::garbage::{Collection, Unknown};
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::garbage::{GarbageDocument, Place};
use crate::present::json::stacks::Kind;

/// The arguments of `stackctl gc`.
#[derive(Debug, Clone, clap::Args)]
pub struct Args {
    /// Show what would be marked and deleted, and change nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// Mark and delete without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// The form of what is shown
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

impl Args {
    /// Returns whether the command may ask a question.
    pub(crate) fn asks(&self) -> bool {
        !self.yes && !self.dry_run
    }

    /// Returns how the output of several stacks is put together.
    pub(crate) fn layout(&self) -> Layout {
        match self.format {
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Gc),
        }
    }
}

/// Marks what nothing refers to, and deletes what was marked an hour ago.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let interrupt = listen(context)?;
    let reached = session.reach(&interrupt).await?;
    let account = reached.identity.account.clone();
    let region = reached.connection.region().to_owned();
    let opened = GarbageCollection::open(&session, reached);
    let Some(mut garbage) = interrupt.guard(opened).await? else {
        presenter.note("There is no artifact bucket: nothing to delete.");
        return Ok(Exit::Done);
    };
    let bucket = garbage.bucket().to_owned();
    let place = Place {
        bucket: &bucket,
        account: &account,
        region: &region,
        project: &session.settings().project,
    };
    let shown = interrupt.guard(garbage.look()).await?;
    let is_json = args.format == Format::Json;
    if !is_json {
        presenter.data(&human::garbage::collection(&place, &shown));
    }
    warn_of_unknown(&session, &shown);
    if args.dry_run || shown.is_empty() {
        if is_json {
            presenter.json(&GarbageDocument::planned(&place, &shown))?;
        }
        return exit(&shown);
    }
    if !args.yes {
        let asked = interrupt.guard(confirm(&session, &place, &shown)).await;
        asked.map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error.hint("nothing was marked or deleted"),
            _ => error,
        })?;
    }
    let collected = interrupt.guard(garbage.collect(&shown)).await;
    let done = collected.map_err(|error| {
        let again = format!("`{}` does the rest", session.command("gc"));
        match error.kind() {
            ErrorKind::Interrupted => error.hint(again),
            _ => error,
        }
    })?;
    if is_json {
        presenter.json(&GarbageDocument::done(
            &place,
            &done.collection,
            &done.failed,
        ))?;
    } else {
        presenter.note(&human::garbage::done(&done.collection, done.failed.len()));
    }
    if shown.unknown.is_empty() {
        warn_of_unknown(&session, &done.collection);
    }
    check_failures(&session, &done)?;
    exit(&done.collection)
}

/// Says why nothing is marked or deleted.
fn warn_of_unknown(session: &Session<'_>, collection: &Collection) {
    for unknown in &collection.unknown {
        let reason = unknown.reason();
        let message = format!("nothing is marked or deleted: {reason}");
        session.presenter().warning(&message);
    }
}

/// Fails if the caller may not read what has to be known.
fn exit(collection: &Collection) -> Result<Exit> {
    let is_denied = |it: &Unknown| matches!(it, Unknown::Denied(_));
    if !collection.unknown.iter().any(is_denied) {
        return Ok(Exit::Done);
    }
    let message = "what cannot be read may refer to every object, so everything is kept";
    Err(Error::new(ErrorKind::Service, message)
        .hint("the permissions that `gc` needs are in docs/gc.md"))
}

fn check_failures(session: &Session<'_>, done: &Done) -> Result<()> {
    let Some(first) = done.failed.first() else {
        return Ok(());
    };
    let count = human::count(done.failed.len(), "version");
    Err(Error::new(
        ErrorKind::Service,
        format!(
            "S3 did not delete {count}; the first is of `{}`: {}",
            first.key, first.reason
        ),
    )
    .hint("the caller needs `s3:DeleteObject` and `s3:DeleteObjectVersion`, and no object lock may hold an object")
    .hint(format!("`{}` tries again", session.command("gc"))))
}

async fn confirm(session: &Session<'_>, place: &Place<'_>, shown: &Collection) -> Result<()> {
    let presenter = session.presenter();
    if presenter.is_interactive() {
        presenter.note(&format!(
            "\n{} Only 'yes' will be accepted.",
            human::garbage::question(place, shown)
        ));
    }
    let command = session.command("gc --yes");
    presenter
        .confirm("Collect:", &command, "nothing was deleted")
        .await
}
