//! `stackctl destroy`: shows what is deleted and what stays, asks, deletes, follows it to its end.

use super::operation::Running;
use super::proposal::temporary_name;
use super::session::Session;
use super::{Context, Exit};
use crate::aws::Connection;
use crate::aws::stack::StackService;
use crate::aws::store::Store;
use crate::cli::EventsShown;
use crate::destruction::{Doomed, Fate, fates};
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::interrupt::Interrupt;
use crate::present::human;
use crate::stack::Stack;
use crate::status::StackStatus;
use crate::template::Template;

const BUCKET: &str = "AWS::S3::Bucket";

/// The arguments of `stackctl destroy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Deletes without asking for the stack's name
    #[arg(long, short = 'y')]
    yes: bool,
    /// Empties this bucket first, all versions included; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    empty: Vec<String>,
    /// Which events are shown while the deletion runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventsShown,
}

/// Deletes the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let interrupt = Interrupt::listen()?;
    let connection = interrupt.guard(session.connect()).await?;
    let service = StackService::new(&connection, &session.settings.stack_name);
    let read = async {
        tokio::try_join!(
            connection.identity(),
            service.describe(),
            service.resources(),
            service.template()
        )
    };
    let (identity, stack, resources, template) = interrupt.guard(read).await?;
    session.check_account(&identity)?;
    let Some(stack) = stack else {
        presenter.note(&format!(
            "There is no stack `{}`: nothing to do.",
            service.name()
        ));
        return Ok(Exit::Done);
    };
    check_ready(&session, &stack)?;

    let template = template
        .and_then(|text| Template::parse(&SourceFile::new("the deployed template", text)).ok());
    let doomed = fates(resources, template.as_ref());
    presenter.data(&human::stack::destruction(
        &stack,
        &doomed,
        presenter.width(),
    ));
    let store = Store::new(&connection, &session.settings, &identity.account);
    let buckets = interrupt
        .guard(full_buckets(&session, &store, &doomed, &args.empty))
        .await?;
    if !args.yes {
        interrupt.guard(confirm(&session, &stack)).await?;
    }
    for bucket in buckets {
        let emptied = store.empty_bucket(&bucket, |count| {
            presenter.progress(&format!("emptying {bucket}: {count} versions deleted"));
        });
        let count = interrupt.guard(emptied).await?;
        presenter.note(&format!(
            "Emptied {bucket}: {}.",
            human::count(count, "version")
        ));
    }
    delete(
        &session,
        &interrupt,
        &connection,
        &service,
        &stack,
        args.events,
    )
    .await?;
    presenter.note(&format!("Destroyed: {} is gone.", stack.name));
    for left in doomed.iter().filter(|doomed| doomed.fate == Fate::Retained) {
        let name = left
            .resource
            .physical_id
            .as_deref()
            .unwrap_or("(never made)");
        presenter.note(&format!(
            "Left behind: {} {name}",
            left.resource.resource_type
        ));
    }
    Ok(Exit::Done)
}

fn check_ready(session: &Session<'_>, stack: &Stack) -> Result<()> {
    if !stack.status.is_settled() {
        return Err(Error::refused(format!(
            "an operation is running on the stack `{}` ({})",
            stack.name, stack.status
        ))
        .hint(format!(
            "wait until it has ended: `{}`",
            session.command("status")
        )));
    }
    if stack.termination_protection {
        return Err(Error::refused(format!(
            "the stack `{}` is protected from deletion",
            stack.name
        ))
        .hint(format!(
            "set `stack.termination_protection = false` in the manifest and run `{}` first",
            session.command("apply")
        )));
    }
    Ok(())
}

/// Returns the buckets to empty, by name.
///
/// # Errors
///
/// Refused where a bucket that will be deleted holds something and was not named, or where a name
/// was given that is no bucket of the stack.
async fn full_buckets(
    session: &Session<'_>,
    store: &Store,
    doomed: &[Doomed],
    named: &[String],
) -> Result<Vec<String>> {
    let is_bucket = |doomed: &&Doomed| doomed.resource.resource_type == BUCKET;
    for name in named {
        if !doomed
            .iter()
            .filter(is_bucket)
            .any(|doomed| doomed.resource.logical_id == *name)
        {
            return Err(Error::refused(format!(
                "the stack has no bucket `{name}` to empty"
            )));
        }
    }
    let mut buckets = Vec::new();
    let mut unnamed = Vec::new();
    for doomed in doomed
        .iter()
        .filter(is_bucket)
        .filter(|doomed| doomed.fate == Fate::Deleted)
    {
        let resource = &doomed.resource;
        let Some(bucket) = &resource.physical_id else {
            continue;
        };
        if store.is_empty(bucket).await? {
            continue;
        }
        if named.contains(&resource.logical_id) {
            buckets.push(bucket.clone());
        } else {
            unnamed.push(resource.logical_id.as_str());
        }
    }
    if unnamed.is_empty() {
        return Ok(buckets);
    }
    let flags: Vec<String> = named
        .iter()
        .map(String::as_str)
        .chain(unnamed.iter().copied())
        .map(|name| format!("--empty {name}"))
        .collect();
    Err(Error::refused(format!(
        "CloudFormation cannot delete a bucket that holds objects: {}",
        unnamed.join(", ")
    ))
    .hint(format!(
        "to delete all their objects and versions too: `{} {}`",
        session.command("destroy"),
        flags.join(" ")
    )))
}

async fn confirm(session: &Session<'_>, stack: &Stack) -> Result<()> {
    let question = format!("Type the stack's name, {}, to destroy it:", stack.name);
    let answer = session
        .presenter()
        .ask(&question, &session.command("destroy --yes"))
        .await?;
    if answer == stack.name {
        return Ok(());
    }
    Err(Error::refused(
        "not destroyed: the answer was not the stack's name",
    ))
}

async fn delete(
    session: &Session<'_>,
    interrupt: &Interrupt,
    connection: &Connection,
    service: &StackService,
    stack: &Stack,
    shown: EventsShown,
) -> Result<()> {
    let resume = session.command("destroy");
    let earlier = service.latest_events(&stack.id).await?;
    let mut running = Running::after(
        &earlier,
        session,
        interrupt,
        service,
        &stack.id,
        &session.command("status"),
    )
    .showing(shown);
    let role = session.settings.stack.role_arn.as_deref();
    service.delete(&stack.id, &temporary_name(), role).await?;
    match running.follow().await? {
        None => Ok(()),
        Some(stack) if stack.status == StackStatus::DeleteComplete => Ok(()),
        Some(stack) => {
            let error = Error::new(
                ErrorKind::Deployment,
                format!(
                    "the stack `{}` could not be deleted ({})",
                    stack.name, stack.status
                ),
            );
            let region = connection.region();
            Err(running.explain(error).hint(format!(
                "remove what is in the way (region {region}), then run `{resume}` again"
            )))
        }
    }
}
