//! `stackctl recover`: explains why a stack is stuck, shows the calls that repair it, and makes them.
//!
//! The command reads neither the template's files nor the artifacts, so it can repair the stack of a
//! project that does not build.

use std::path::PathBuf;

use super::{Context, Exit};
use crate::aws;
use crate::aws::store::Store;
use crate::cloudformation::recovery::table::RecoveryAction;
use crate::cloudformation::recovery::{Call, Choices, Recovery};
use crate::cloudformation::service_message;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::project;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::context::listen;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::operations::recover::drift_revert::DriftRevert;
use crate::operations::recover::last_good;
use crate::operations::recover::steps::{self, Step, options_for};
use crate::operations::session::{Reached, Session};
use crate::present::event_filter::EventFilter;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::recovery::RecoveryDocument;
use crate::util::interrupt::Interrupt;
use crate::util::shell_word::quote;

/// How many steps one run makes. The longest recovery has four: it waits for an operation, continues a
/// rollback, rolls back, and deletes the stack.
const MOST_STEPS: usize = 8;

/// The arguments of `stackctl recover`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Make the calls without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// Skip this resource in a rollback that fails at it; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    skip: Vec<String>,
    /// Leave this resource behind if its deletion fails; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    retain: Vec<String>,
    /// Allow a resource that holds data to be deleted; may be repeated
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_delete: Vec<String>,
    /// Leave behind what could not be deleted, and delete the rest (`DELETE_FAILED`)
    #[arg(long, conflicts_with_all = ["skip", "retain", "template"])]
    force_delete: bool,
    /// After an update that failed in EXPRESS mode: the last template that succeeded, as it was deployed
    #[arg(long, value_name = "FILE")]
    template: Option<PathBuf>,
    /// Which events are shown while an operation runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventFilter,
    /// The form of the output; with `json` the command waits for nothing and makes no call
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        conflicts_with = "yes"
    )]
    format: Format,
}

/// One run of the command.
struct Run<'a> {
    session: &'a Session<'a>,
    interrupt: &'a Interrupt,
    reached: Reached,
    choices: Choices,
    yes: bool,
    events: EventFilter,
    /// Whether CloudFormation's message said that the stack failed in EXPRESS mode.
    failed_in_express: bool,
    /// Whether this run has deployed the last template that succeeded.
    has_deployed: bool,
}

/// Repairs the stack, step by step, until it accepts changes again or is gone.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open_stack(context)?;
    let presenter = session.presenter();
    let given = args.template.as_deref().map(|path| {
        let source = project::named_text(&context.ambient().current_dir, path)?;
        Ok((path.display().to_string(), source.text.clone()))
    });
    let choices = Choices {
        template: given.transpose()?,
        skip: args.skip,
        retain: args.retain,
        allow_delete: args.allow_delete,
        force_delete: args.force_delete,
    };
    let interrupt = listen(context)?;
    let mut reached = session.reach(&interrupt).await?;
    let mut stack = reached.stack.take();
    let mut run = Run {
        session: &session,
        interrupt: &interrupt,
        reached,
        choices,
        yes: args.yes,
        events: args.events,
        failed_in_express: false,
        has_deployed: false,
    };
    let mut steps = 0;
    loop {
        let Some(mut found) = stack.filter(|stack| stack.status != StackStatus::DeleteComplete)
        else {
            print_missing(&session, run.reached.service.name(), args.format, steps)?;
            return Ok(Exit::Done);
        };
        found.is_express |= run.failed_in_express && found.status.as_str().ends_with("_FAILED");
        let (service, choices) = (&run.reached.service, &run.choices);
        let store = run.store();
        let recovery = steps::inspect(&session, service, &store, &found, choices);
        let recovery = interrupt.guard(recovery).await?;
        if steps == 0 {
            recovery.check_choices(choices)?;
        }
        let acts = !matches!(
            recovery.action,
            RecoveryAction::Nothing | RecoveryAction::Follow | RecoveryAction::Manual
        );
        let calls = acts.then(|| recovery.calls(choices)).transpose()?;
        let calls = calls.unwrap_or_default();
        if args.format == Format::Json {
            let command = |short: &str| session.command(short);
            presenter.json(&RecoveryDocument::of(&found, &recovery, &calls, command))?;
            return Ok(Exit::Done);
        }
        if recovery.action == RecoveryAction::Nothing && steps > 0 {
            run.print_end(&found, &recovery);
            return Ok(Exit::Done);
        }
        if steps == MOST_STEPS {
            return Err(endless(&session, &found));
        }
        if steps > 0 {
            presenter.note("");
        }
        steps += 1;
        stack = match recovery.action {
            RecoveryAction::Nothing => {
                run.revert_drift(&found, recovery).await?;
                return Ok(Exit::Done);
            }
            RecoveryAction::Manual => {
                run.print(&found, &recovery, &calls);
                return Err(nothing_done(&found, &recovery));
            }
            RecoveryAction::Follow => {
                run.print(&found, &recovery, &calls);
                run.follow(&found).await?
            }
            RecoveryAction::Delete
            | RecoveryAction::RollBack
            | RecoveryAction::ContinueRollback
            | RecoveryAction::DeployLastGood => {
                run.print(&found, &recovery, &calls);
                run.make(found, &recovery, calls).await?
            }
        };
    }
}

impl Run<'_> {
    /// Returns the artifact bucket.
    fn store(&self) -> Store {
        let account = &self.reached.identity.account;
        Store::new(&self.reached.connection, self.session.settings(), account)
    }

    /// Prints the state of the stack, the calls, and what an update changes.
    fn print(&self, stack: &Stack, recovery: &Recovery, calls: &[Call]) {
        let (session, presenter) = (self.session, self.session.presenter());
        let command = |short: &str| session.command(short);
        let width = presenter.width();
        presenter.data(&human::recovery::recovery(
            stack, recovery, calls, command, width,
        ));
        let last_good = recovery.last_good.as_ref();
        if let Some(text) = last_good.and_then(|it| last_good::comparison(session, stack, it)) {
            presenter.data(&format!("\nWhat the update changes\n{text}"));
        }
    }

    /// Prints that the stack accepts changes again.
    fn print_end(&self, stack: &Stack, recovery: &Recovery) {
        let (session, presenter) = (self.session, self.session.presenter());
        presenter.note(&format!("\n{} is {}.", stack.name, stack.status));
        print_skipped(session, recovery, &self.choices);
        if self.has_deployed {
            let apply = session.command("apply --express");
            presenter.hint(&format!(
                "fix the cause, then deploy the change again: `{apply}`"
            ));
        }
    }

    /// Follows the operation that is running. Returns the stack as it ended.
    async fn follow(&self, stack: &Stack) -> Result<Option<Stack>> {
        let (session, service) = (self.session, &self.reached.service);
        session.presenter().note("");
        let resume = session.command("recover");
        let joined = RunningOperation::join(session, self.interrupt, service, stack, &resume);
        let mut operation = joined.await?.showing(self.events);
        interrupt_prompt::follow(&mut operation).await
    }

    /// Detects the drift of a stack that is not stuck, and reverts it.
    async fn revert_drift(&self, stack: &Stack, recovery: Recovery) -> Result<()> {
        let service = &self.reached.service;
        let template = self.interrupt.guard(service.template()).await?;
        let drift_revert = DriftRevert {
            session: self.session,
            interrupt: self.interrupt,
            connection: &self.reached.connection,
            service,
            identity: &self.reached.identity,
            stack,
            template: template.and_then(steps::deployed_template),
            filter: self.events,
        };
        drift_revert.run(recovery, self.yes).await
    }

    /// Asks, makes the calls, and follows the operation. Returns the stack as it ended.
    async fn make(
        &mut self,
        stack: Stack,
        recovery: &Recovery,
        mut calls: Vec<Call>,
    ) -> Result<Option<Stack>> {
        let (session, choices, reached) = (self.session, &self.choices, &self.reached);
        check_guards(session, recovery, choices)?;
        steps::check_protection(session, &stack, &calls)?;
        if !self.yes {
            let confirmed = steps::confirm(session, &stack, choices, recovery);
            self.interrupt.guard(confirmed).await?;
        }
        let store = self.store();
        let uploaded = last_good::upload(session, &store, &mut calls);
        self.interrupt.guard(uploaded).await?;
        let step = Step {
            session,
            interrupt: self.interrupt,
            service: &reached.service,
            stack: &stack,
            filter: self.events,
        };
        match step.take(&calls).await {
            // The service's message says what its description of the stack did not.
            Err(error) if !stack.is_express && is_about_express(&error) => {
                let reason = aws::service_message(&error).unwrap_or_default();
                session.presenter().warning(&format!("{error}: {reason}"));
                self.failed_in_express = true;
                Ok(Some(stack))
            }
            taken => {
                self.has_deployed |= recovery.action == RecoveryAction::DeployLastGood;
                taken
            }
        }
    }
}

/// Returns whether CloudFormation refused a call because the stack failed in EXPRESS mode.
fn is_about_express(error: &Error) -> bool {
    aws::service_message(error).is_some_and(|message| {
        service_message::cannot_roll_back_express(message)
            || service_message::requires_express(message)
    })
}

/// Prints that there is no stack, or none any more after these steps.
fn print_missing(session: &Session<'_>, name: &str, format: Format, steps: usize) -> Result<()> {
    let presenter = session.presenter();
    if format == Format::Json {
        presenter.json(&RecoveryDocument::of_missing_stack(name))?;
    }
    presenter.note(&match steps {
        0 => format!("There is no stack `{name}`."),
        _ => format!("\n{name} is gone."),
    });
    presenter.hint(&format!("`{}` deploys it", session.command("apply")));
    Ok(())
}

/// Prints which resources the rollback left as they were.
fn print_skipped(session: &Session<'_>, recovery: &Recovery, choices: &Choices) {
    let mut skipped = recovery.skipped.clone();
    if recovery.status == StackStatus::UpdateRollbackComplete {
        skipped.extend_from_slice(&choices.skip);
    }
    skipped.sort_unstable();
    skipped.dedup();
    if !skipped.is_empty() {
        session.presenter().note(&format!(
            "Skipped, and perhaps different from the template: {}. `{}` shows the differences.",
            skipped.join(", "),
            session.command("drift")
        ));
    }
}

fn endless(session: &Session<'_>, stack: &Stack) -> Error {
    let (name, status) = (&stack.name, &stack.status);
    Error::new(
        ErrorKind::Deployment,
        format!("the stack `{name}` is {status} after {MOST_STEPS} steps"),
    )
    .hint(format!("look again: `{}`", session.command("recover")))
}

fn nothing_done(stack: &Stack, recovery: &Recovery) -> Error {
    if stack.status == StackStatus::ReviewInProgress {
        return Error::refused(format!(
            "not deleted: the stack `{}` has change sets that somebody may still need: {}",
            stack.name,
            recovery.change_sets.join(", ")
        ));
    }
    Error::refused(format!(
        "nothing was done: you have to decide what to do about {}",
        stack.status
    ))
}

/// Refuses to lose what a resource stores, unless the command line names the resource.
fn check_guards(session: &Session<'_>, recovery: &Recovery, choices: &Choices) -> Result<()> {
    let guarded = recovery.guarded(choices);
    if guarded.is_empty() {
        return Ok(());
    }
    let mut words = vec!["recover".to_owned()];
    words.extend(options_for(choices));
    let mut losses = Vec::new();
    for deletion in guarded {
        let name = &deletion.resource.logical_id;
        let lost = deletion.lost.unwrap_or_default();
        words.push(format!("--allow-delete {}", quote(name)));
        losses.push(format!("`{name}` would be deleted with {lost}"));
    }
    let command = session.command(&words.join(" "));
    Err(
        Error::refused(format!("nothing was done: {}", losses.join("; ")))
            .hint(format!("if that is what you want: `{command}`")),
    )
}
