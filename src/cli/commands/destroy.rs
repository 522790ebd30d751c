//! `stackctl destroy`: shows what is deleted and what stays, asks, deletes, follows it to its end.
//!
//! The command first checks for what makes CloudFormation fail: exports that other stacks import, and
//! buckets that hold objects. If the deletion fails anyway, hints name the commands that help.

use super::{Context, Exit};
use crate::aws::stack::StackService;
use crate::aws::store::Store;
use crate::aws::store::empty;
use crate::cloudformation::deletion::{
    DeletionOutcome, DeletionPlan, DeletionRequest, ResourceDeletion, resource_deletions,
};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::temporary_name;
use crate::operations::context::listen;
use crate::operations::deletion_plan;
use crate::operations::express_failure;
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::operations::session::Session;
use crate::present::event_filter::EventFilter;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::deletion::DeletionDocument;
use crate::util::interrupt::Interrupt;
use crate::util::shell_word::quote;

/// The arguments of `stackctl destroy`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Delete without asking for the stack's name
    #[arg(long, short = 'y')]
    yes: bool,
    /// Empty this bucket first, including all versions; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    empty: Vec<String>,
    /// Delete this resource with the data that it stores; required with `--yes`; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_delete: Vec<String>,
    /// Leave this resource behind; CloudFormation accepts that only after a deletion has failed
    /// (`DELETE_FAILED`); may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    retain: Vec<String>,
    /// Delete in EXPRESS mode: CloudFormation does not wait until the resources are gone
    #[arg(long)]
    express: bool,
    /// Show what would happen, or why it would be refused, and delete nothing
    #[arg(long, conflicts_with = "yes")]
    dry_run: bool,
    /// The form of what is shown before the deletion
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
    /// Which events are shown while the deletion runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventFilter,
}

/// Deletes the stack.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let interrupt = listen(context)?;
    let reached = session.reach(&interrupt).await?;
    let (connection, service) = (reached.connection, reached.service);
    let Some(stack) = reached.stack else {
        let name = service.name();
        presenter.note(&format!("There is no stack `{name}`: nothing to do."));
        return Ok(Exit::Done);
    };
    let deletion = Deletion {
        session: &session,
        interrupt: &interrupt,
        service: &service,
        stack: &stack,
        args: &args,
    };
    if stack.status == StackStatus::DeleteInProgress && !args.dry_run {
        presenter.note("The stack is being deleted already.");
        return deletion.join().await;
    }
    deletion.check_ready()?;

    let store = Store::new(&connection, session.settings(), &reached.identity.account);
    let names = [args.retain.as_slice(), &args.empty];
    let look = deletion_plan::make(&session, &connection, &store, &stack, names);
    let deletion_plan = interrupt.guard(look).await?;
    deletion.check_names(&deletion_plan)?;
    match args.format {
        Format::Human => presenter.data(&human::deletion::deletion_plan(
            &stack,
            &deletion_plan,
            deletion.mode(),
            presenter.width(),
        )),
        Format::Json => {
            let document = DeletionDocument::of(&stack, &deletion_plan, deletion.mode());
            presenter.json(&document)?;
        }
    }
    deletion.print_failures(&deletion_plan);
    check_exports(&deletion_plan)?;
    let buckets = deletion.full_buckets(&deletion_plan)?;
    if args.dry_run {
        return Ok(Exit::Done);
    }
    if args.yes {
        deletion.check_losses(&deletion_plan)?;
    } else {
        let confirmed = interrupt.guard(deletion.confirm(&deletion_plan)).await;
        confirmed.map_err(|error| match error.kind() {
            ErrorKind::Interrupted => error.hint("nothing was deleted"),
            _ => error,
        })?;
    }
    let must_empty = !buckets.is_empty();
    if must_empty {
        interrupt.guard(deletion.check_again()).await?;
    }
    for bucket in buckets {
        let emptied = empty::empty_bucket(&store, &bucket, |count| {
            presenter.progress(&format!("emptying {bucket}: {count} versions deleted"));
        });
        let count = interrupt.guard(emptied).await?;
        let count = human::count(count, "version");
        presenter.note(&format!("Emptied {bucket}: {count}."));
    }
    if must_empty {
        interrupt.guard(deletion.check_again()).await?;
    }
    deletion.delete().await?;
    for left in &deletion_plan.resources {
        if !left.outcome.is_deleted() {
            let name = left.resource.physical_id.as_deref();
            presenter.note(&format!(
                "Left behind: {} {}",
                left.resource.resource_type,
                name.unwrap_or("(never created)")
            ));
        }
    }
    Ok(Exit::Done)
}

/// The deletion of one stack.
struct Deletion<'a> {
    session: &'a Session<'a>,
    interrupt: &'a Interrupt,
    service: &'a StackService,
    stack: &'a Stack,
    args: &'a Args,
}

impl Deletion<'_> {
    /// Returns the mode of the deletion.
    fn mode(&self) -> DeploymentMode {
        let mode = self.session.settings().stack.deployment_mode;
        mode.or_express(self.args.express)
    }

    /// Refuses if CloudFormation would not begin.
    fn check_ready(&self) -> Result<()> {
        let (session, stack) = (self.session, self.stack);
        if !stack.status.is_terminal() {
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
        if !self.args.retain.is_empty() && stack.status != StackStatus::DeleteFailed {
            return Err(Error::refused(format!(
                "CloudFormation accepts --retain only after a deletion has failed, and the stack \
                 `{}` is {}",
                stack.name, stack.status
            ))
            .hint(format!(
                "to keep a resource from the start, give it `DeletionPolicy: Retain` and run `{}` \
                 first",
                session.command("apply")
            )));
        }
        Ok(())
    }

    /// Refuses names on the command line that the stack does not have.
    fn check_names(&self, deletion_plan: &DeletionPlan) -> Result<()> {
        for name in &self.args.empty {
            let mut buckets = deletion_plan.buckets();
            if !buckets.any(|deletion| deletion.path == *name) {
                return Err(Error::refused(format!(
                    "the stack has no bucket `{name}` to empty"
                )));
            }
        }
        for name in &self.args.retain {
            let mut resources = deletion_plan.resources.iter();
            let is_own = |deletion: &ResourceDeletion| deletion.resource.logical_id == *name;
            if !resources.any(|deletion| deletion.path == *name && is_own(deletion)) {
                return Err(Error::refused(format!(
                    "the stack itself has no resource `{name}` to leave behind"
                )));
            }
        }
        Ok(())
    }

    /// Prints where an earlier deletion failed.
    fn print_failures(&self, deletion_plan: &DeletionPlan) {
        for deletion in &deletion_plan.resources {
            if let ("DELETE_FAILED", Some(reason)) =
                (deletion.resource.status.as_str(), &deletion.resource.reason)
            {
                let path = &deletion.path;
                self.session
                    .presenter()
                    .note(&format!("The last deletion stopped at {path}: {reason}"));
            }
        }
    }

    /// Returns the names of the buckets to empty.
    ///
    /// # Errors
    ///
    /// Refused if a bucket that will be deleted holds something and was not named.
    fn full_buckets(&self, deletion_plan: &DeletionPlan) -> Result<Vec<String>> {
        let named = &self.args.empty;
        let (named_ones, unnamed): (Vec<_>, Vec<_>) = deletion_plan
            .buckets()
            .filter(|deletion| {
                let full = deletion.contents.map(|contents| !contents.is_empty());
                // A bucket that the caller may not read is emptied if it is named.
                full.unwrap_or(deletion.emptied)
            })
            .partition(|deletion| deletion.emptied);
        if unnamed.is_empty() {
            let physical = |deletion: &ResourceDeletion| deletion.resource.physical_id.clone();
            return Ok(named_ones.into_iter().filter_map(physical).collect());
        }
        let unnamed: Vec<&str> = unnamed
            .iter()
            .map(|deletion| deletion.path.as_str())
            .collect();
        let all = named.iter().map(String::as_str);
        let error = Error::refused(format!(
            "CloudFormation cannot delete a bucket that holds objects: {}",
            unnamed.join(", ")
        ))
        .hint(format!(
            "to delete all their objects and versions too: `{}`",
            self.command("--empty", all.chain(unnamed.iter().copied()))
        ));
        if self.stack.status != StackStatus::DeleteFailed {
            return Err(error);
        }
        let retain = self.command("--retain", unnamed.iter().copied());
        Err(error.hint(format!("to leave them behind: `{retain}`")))
    }

    /// Refuses to lose what a resource stores, unless the command line names the resource. A script
    /// gives `--yes` without having seen what is lost. A deletion that failed was confirmed before.
    fn check_losses(&self, deletion_plan: &DeletionPlan) -> Result<()> {
        if self.stack.status == StackStatus::DeleteFailed {
            return Ok(());
        }
        let named = &self.args.allow_delete;
        let guarded: Vec<&ResourceDeletion> = deletion_plan
            .losses()
            .filter(|deletion| !deletion.is_bucket() && !named.contains(&deletion.path))
            .collect();
        if guarded.is_empty() {
            return Ok(());
        }
        let losses: Vec<String> = guarded
            .iter()
            .map(|deletion| format!("`{}` {}", deletion.path, deletion.loss()))
            .collect();
        let more = guarded.iter().map(|deletion| deletion.path.as_str());
        Err(
            Error::refused(format!("not destroyed: {}", losses.join("; "))).hint(format!(
                "if that is what you want: `{}`",
                self.without_question(more)
            )),
        )
    }

    /// Returns this command line with `--yes`, and with `--allow-delete` for more resources.
    fn without_question<'n>(&self, more: impl Iterator<Item = &'n str>) -> String {
        let args = self.args;
        let options = [
            ("--empty", &args.empty),
            ("--retain", &args.retain),
            ("--allow-delete", &args.allow_delete),
        ];
        let given = options
            .into_iter()
            .flat_map(|(option, names)| names.iter().map(move |name| (option, name.as_str())));
        let more = more.map(|name| ("--allow-delete", name));
        let command = given
            .chain(more)
            .fold(self.words("destroy --yes"), |command, (option, name)| {
                format!("{command} {option} {}", quote(name))
            });
        self.session.command(&command)
    }

    /// Asks for the stack's name, and checks that the stack has not changed since it was shown.
    async fn confirm(&self, deletion_plan: &DeletionPlan) -> Result<()> {
        let stack = self.stack;
        let presenter = self.session.presenter();
        if presenter.is_interactive() {
            let losses: Vec<String> = deletion_plan
                .losses()
                .map(|deletion| format!("{} {}", deletion.path, deletion.loss()))
                .collect();
            let lost = match losses.as_slice() {
                [] => "No stored data is lost.".to_owned(),
                losses => format!("Lost: {}.", losses.join("; ")),
            };
            presenter.note(&format!(
                "\nThis deletes the stack {}. {lost}",
                stack.place()
            ));
        }
        let question = format!("Type the stack's name, {}, to destroy it:", stack.name);
        let command = self.without_question(std::iter::empty());
        if presenter.ask(&question, &command).await? != stack.name {
            return Err(Error::refused(
                "not destroyed: the answer was not the stack's name",
            ));
        }
        self.check_again().await
    }

    /// Checks that the stack has not changed since it was shown: what is emptied cannot be restored,
    /// and emptying takes time.
    async fn check_again(&self) -> Result<()> {
        let stack = self.stack;
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

    async fn delete(&self) -> Result<()> {
        let stack = self.stack;
        let resume = self.session.command("destroy");
        let operation = RunningOperation::before_request(
            self.session,
            self.interrupt,
            self.service,
            stack,
            &resume,
        );
        let operation = self.interrupt.guard(operation).await?;
        self.session.presenter().note("");
        let role = self.session.settings().stack.role_arn.as_deref();
        let token = temporary_name();
        let request = DeletionRequest {
            retained: self.args.retain.clone(),
            is_forced: false,
            mode: self.mode(),
        };
        let sent = self.service.delete(&stack.id, &token, role, &request);
        let sent = operation.request(sent).await;
        sent.map_err(|error| {
            express_failure::explain(self.session, stack, error, "destroy --express")
        })?;
        self.follow_deletion(operation).await
    }

    /// Follows a deletion that somebody else has started.
    async fn join(&self) -> Result<Exit> {
        let resume = self.session.command("destroy");
        let operation = RunningOperation::join(
            self.session,
            self.interrupt,
            self.service,
            self.stack,
            &resume,
        );
        self.follow_deletion(operation.await?).await?;
        Ok(Exit::Done)
    }

    async fn follow_deletion(&self, operation: RunningOperation<'_>) -> Result<()> {
        let mut operation = operation.showing(self.args.events);
        let ended = interrupt_prompt::follow(&mut operation).await?;
        let is_gone = |stack: &Stack| stack.status == StackStatus::DeleteComplete;
        let stack = match ended {
            Some(stack) if !is_gone(&stack) => stack,
            gone => {
                self.print_destroyed(gone.as_ref());
                return Ok(());
            }
        };
        let error = Error::new(
            ErrorKind::Deployment,
            format!(
                "the stack `{}` could not be deleted ({})",
                stack.name, stack.status
            ),
        );
        // Without the resources, the events still name what failed.
        let resources = self.interrupt.guard(self.service.resources()).await;
        let resources = resources.unwrap_or_default();
        let mut failures = resource_deletions(resources, None, "", &[], &[]);
        failures.retain(|deletion| {
            deletion.resource.status == "DELETE_FAILED"
                && deletion.outcome != DeletionOutcome::LeftBehind
        });
        let error = FailureReport::new(&operation, None).explain(error).await;
        Err(self.remediation(error, &failures))
    }

    /// Prints that the stack is gone; `gone` is what the service still says of it.
    fn print_destroyed(&self, gone: Option<&Stack>) {
        let name = &self.stack.name;
        let presenter = self.session.presenter();
        let is_express = self.mode() == DeploymentMode::Express;
        if is_express && gone.is_some_and(|stack| !stack.is_express) {
            presenter.warning(
                "this endpoint does not support EXPRESS mode: it deleted the stack in the standard mode",
            );
        }
        let rest = if is_express {
            " In EXPRESS mode, the deletion of its resources may still be running."
        } else {
            ""
        };
        presenter.note(&format!("Destroyed: {name} is gone.{rest}"));
    }

    /// Adds the commands that help after a failed deletion.
    fn remediation(&self, error: Error, failures: &[ResourceDeletion]) -> Error {
        let names = |chosen: &dyn Fn(&ResourceDeletion) -> bool| -> Vec<&str> {
            let chosen = failures.iter().filter(|deletion| chosen(deletion));
            chosen.map(|deletion| deletion.path.as_str()).collect()
        };
        let full = names(&ResourceDeletion::is_full_bucket);
        let all = names(&|_| true);
        let mut error = error;
        if !full.is_empty() {
            error = error.hint(format!(
                "to delete what {} holds, and the stack: `{}`",
                full.join(" and "),
                self.command("--empty", full.iter().copied())
            ));
        }
        if full.len() < all.len() || all.is_empty() {
            error = error.hint(format!(
                "fix the cause, then run `{}` again",
                self.session.command("destroy")
            ));
        }
        if !all.is_empty() {
            error = error.hint(format!(
                "to leave {} behind and delete the rest: `{}`",
                all.join(" and "),
                self.command("--retain", all.iter().copied())
            ));
        }
        error
    }

    /// Returns the beginning of a command line, in the same mode.
    fn words(&self, command: &str) -> String {
        let express = if self.args.express { " --express" } else { "" };
        format!("{command}{express}")
    }

    /// Returns the command line with an option for each name.
    fn command<'n>(&self, option: &str, names: impl Iterator<Item = &'n str>) -> String {
        let command = names.fold(self.words("destroy"), |command, name| {
            format!("{command} {option} {}", quote(name))
        });
        self.session.command(&command)
    }
}

/// Refuses the deletion while other stacks import what this one exports.
fn check_exports(deletion_plan: &DeletionPlan) -> Result<()> {
    let uses = deletion_plan.exports.iter().map(|export| {
        let importers = export.importers.join(", ");
        format!("`{}` ({importers})", export.name)
    });
    let uses: Vec<String> = uses.collect();
    if uses.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "other stacks import what this one exports: {}",
        uses.join(", ")
    ))
    .hint("destroy those stacks first, or deploy them without the imports"))
}
