//! `stackctl recover`: says what a stuck state means, shows the calls that lead out of it, makes them.
//!
//! It reads neither the template's files nor the artifacts: a project that cannot be built at the
//! moment has a stack that can be recovered all the same.

use jiff::Timestamp;

use super::{Context, Exit};
use crate::aws::stack::StackService;
use crate::cli::args::{EventsShown, Format};
use crate::cloudformation::diagnosis::causes;
use crate::cloudformation::event::{Event, Timeline, last_operation};
use crate::cloudformation::recovery::history::History;
use crate::cloudformation::recovery::table::RecoveryAction;
use crate::cloudformation::recovery::{Call, Choices, Found, Recovery};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::deploy::pending_change_set::{is_abandoned, temporary_name};
use crate::operations::follow::Running;
use crate::operations::recover::drift_revert::DriftRevert;
use crate::operations::session::Session;
use crate::present::human;
use crate::present::json::recovery::RecoveryDocument;
use crate::template::Template;
use crate::util::interrupt::Interrupt;
use crate::util::shell_word;

/// How far back the events are read that say how a stack came to its state.
const MOST_EVENTS: usize = 5_000;

/// The arguments of `stackctl recover`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Makes the calls without asking
    #[arg(long, short = 'y')]
    yes: bool,
    /// Leaves this resource out of a rollback that fails at it; may be given several times
    #[arg(long, value_name = "LOGICAL_ID")]
    skip: Vec<String>,
    /// Leaves this resource behind where its deletion fails; may be given several times
    #[arg(long, value_name = "LOGICAL_ID")]
    retain: Vec<String>,
    /// Allows a resource that holds data to be deleted; may be given several times
    #[arg(long, value_name = "LOGICAL_ID")]
    allow_delete: Vec<String>,
    /// Which events are shown while an operation runs
    #[arg(long, value_name = "WHICH", default_value = "all")]
    events: EventsShown,
    /// The form of what was found; as JSON nothing is waited for and no call is made
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "human",
        conflicts_with = "yes"
    )]
    format: Format,
}

/// Leads the stack out of its state, step by step, until it takes changes again or is gone.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    let session = Session::open(context)?;
    let presenter = session.presenter();
    let interrupt = Interrupt::listen()?;
    let reached = session.reach(&interrupt).await?;
    let (service, mut stack) = (reached.service, reached.stack);
    let choices = Choices {
        skip: args.skip,
        retain: args.retain,
        allow_delete: args.allow_delete,
    };
    let mut steps = 0;
    loop {
        let Some(found) = stack.filter(|stack| stack.status != StackStatus::DeleteComplete) else {
            if args.format == Format::Json {
                presenter.json(&RecoveryDocument::of_nothing(service.name()))?;
            }
            presenter.note(&match steps {
                0 => format!("There is no stack `{}`.", service.name()),
                _ => format!("\n{} is gone.", service.name()),
            });
            presenter.hint(&format!("`{}` deploys it", session.command("apply")));
            return Ok(Exit::Done);
        };
        let recovery = interrupt
            .guard(look(&session, &service, &found, &choices))
            .await?;
        let acts = !matches!(
            recovery.action,
            RecoveryAction::Nothing | RecoveryAction::Follow | RecoveryAction::Manual
        );
        let calls = if acts {
            recovery.calls(&choices)?
        } else {
            Vec::new()
        };
        let command = |short: &str| session.command(short);
        if args.format == Format::Json {
            let document = RecoveryDocument::of(&found, &recovery, &calls, command);
            presenter.json(&document)?;
            return Ok(Exit::Done);
        }
        if recovery.action == RecoveryAction::Nothing && steps > 0 {
            presenter.note(&format!("\n{} is {}.", found.name, found.status));
            return Ok(Exit::Done);
        }
        if steps > 0 {
            presenter.note("");
        }
        steps += 1;
        if recovery.action != RecoveryAction::Nothing {
            let width = presenter.width();
            let text = human::recovery::recovery(&found, &recovery, &calls, command, width);
            presenter.data(&text);
        }
        let resume = session.command("recover");
        stack = match recovery.action {
            RecoveryAction::Nothing => {
                let template = interrupt.guard(service.template()).await?;
                let drift_revert = DriftRevert {
                    session: &session,
                    interrupt: &interrupt,
                    connection: &reached.connection,
                    service: &service,
                    identity: &reached.identity,
                    stack: &found,
                    template: template.and_then(deployed_template),
                    shown: args.events,
                };
                drift_revert.run(recovery, args.yes).await?;
                return Ok(Exit::Done);
            }
            RecoveryAction::Manual => return Err(nothing_done(&found, &recovery)),
            RecoveryAction::Follow => {
                presenter.note("");
                let running = Running::join(&session, &interrupt, &service, &found.id, &resume);
                running.await?.showing(args.events).follow().await?
            }
            RecoveryAction::Delete
            | RecoveryAction::RollBack
            | RecoveryAction::ContinueRollback => {
                check_guards(&session, &recovery, &choices)?;
                check_protection(&session, &found, &calls)?;
                if !args.yes {
                    interrupt.guard(confirm(&session, &choices)).await?;
                }
                let step = Step {
                    session: &session,
                    interrupt: &interrupt,
                    service: &service,
                    stack: &found,
                    shown: args.events,
                };
                step.take(&calls).await?
            }
        };
    }
}

/// Reads what there is to know of a stack before its recovery.
pub(crate) async fn look(
    session: &Session<'_>,
    service: &StackService,
    stack: &Stack,
    choices: &Choices,
) -> Result<Recovery> {
    let (resources, template, events, change_sets) = tokio::try_join!(
        service.resources(),
        service.template(),
        service.events_until(&stack.id, tells_enough),
        service.change_sets(&stack.id)
    )?;
    let nested = service.failed_in_nested(&resources).await?;
    let template = template.and_then(deployed_template);
    let now = Timestamp::now();
    let (abandoned, others): (Vec<_>, Vec<_>) = change_sets
        .into_iter()
        .partition(|set| is_abandoned(set, now));
    let mut timeline = Timeline::of(&stack.id);
    let recent = last_operation(&events).unwrap_or(events.len());
    timeline.absorb(&stack.id, events.iter().take(recent).cloned().collect());
    timeline.advance();
    let found = Found {
        stack,
        history: History::of(&events),
        resources,
        nested,
        template: template.as_ref(),
        abandoned: abandoned.into_iter().map(|set| set.id).collect(),
        change_sets: others.into_iter().map(|set| set.name).collect(),
        protected_types: &session.settings.stack.protected_types,
        role: session.settings.stack.role_arn.as_deref(),
    };
    let cause = causes(timeline.events()).first;
    let cause = cause.map(|cause| cause.event.clone());
    Ok(Recovery::of(found, cause, choices))
}

fn deployed_template(text: String) -> Option<Template> {
    Template::parse(&SourceFile::new("the deployed template", text)).ok()
}

/// Returns whether older events would tell nothing more, or not enough to go on looking.
fn tells_enough(newest_first: &[Event]) -> bool {
    newest_first.len() >= MOST_EVENTS || History::of(newest_first).is_complete()
}

fn nothing_done(stack: &Stack, recovery: &Recovery) -> Error {
    if stack.status == StackStatus::ReviewInProgress {
        return Error::refused(format!(
            "not deleted: the stack `{}` holds change sets that somebody may still want: {}",
            stack.name,
            recovery.change_sets.join(", ")
        ));
    }
    Error::refused(format!(
        "nothing was done: what to do about {} is for you to decide",
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
    words.extend(spelled(choices));
    let mut said = Vec::new();
    for deletion in guarded {
        let name = &deletion.resource.logical_id;
        let lost = deletion.lost.unwrap_or_default();
        words.push(format!("--allow-delete {}", shell_word::quote(name)));
        said.push(format!("`{name}` would be deleted with {lost}"));
    }
    let command = session.command(&words.join(" "));
    Err(
        Error::refused(format!("nothing was done: {}", said.join("; ")))
            .hint(format!("if that is what you want: `{command}`")),
    )
}

/// Refuses to delete a stack that is protected from that.
pub(crate) fn check_protection(session: &Session<'_>, stack: &Stack, calls: &[Call]) -> Result<()> {
    let deletes = calls
        .iter()
        .any(|call| matches!(call, Call::DeleteStack(_)));
    if !deletes || !stack.termination_protection {
        return Ok(());
    }
    let region = session.settings.region.as_deref();
    let region = region.map_or_else(String::new, |region| format!(" --region {region}"));
    Err(Error::refused(format!(
        "the stack `{}` is protected from deletion",
        stack.name
    ))
    .hint(format!(
        "turn that off first: `aws cloudformation update-termination-protection \
         --no-enable-termination-protection --stack-name {}{region}`",
        stack.name
    )))
}

/// Returns the options that make the same choices again.
fn spelled(choices: &Choices) -> Vec<String> {
    let chosen = [
        ("--skip", &choices.skip),
        ("--retain", &choices.retain),
        ("--allow-delete", &choices.allow_delete),
    ];
    let options = chosen.into_iter().flat_map(|(option, names)| {
        let names = names.iter();
        names.map(move |name| format!("{option} {}", shell_word::quote(name)))
    });
    options.collect()
}

pub(crate) async fn confirm(session: &Session<'_>, choices: &Choices) -> Result<()> {
    let presenter = session.presenter();
    if presenter.is_interactive() {
        presenter.note("\nDo you want to do this? Only 'yes' will be accepted.");
    }
    let mut words = vec!["recover --yes".to_owned()];
    words.extend(spelled(choices));
    let command = session.command(&words.join(" "));
    let answer = presenter.ask("Recover:", &command).await?;
    if answer == "yes" {
        return Ok(());
    }
    Err(Error::refused("nothing was done: the answer was not `yes`"))
}

/// One step out of a state.
pub(crate) struct Step<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) service: &'a StackService,
    pub(crate) stack: &'a Stack,
    pub(crate) shown: EventsShown,
}

impl Step<'_> {
    /// Makes the calls and follows what they begin. Returns the stack as it ended; `None` where it is
    /// gone.
    ///
    /// # Errors
    ///
    /// Refused where the state is not the one that was shown any more; of kind
    /// [`ErrorKind::Deployment`], with the cause, where the stack is stuck again.
    pub(crate) async fn take(&self, calls: &[Call]) -> Result<Option<Stack>> {
        let Self {
            session,
            interrupt,
            service,
            stack,
            ..
        } = self;
        self.check_again().await?;
        let resume = session.command("recover");
        let earlier = service.latest_events(&stack.id).await?;
        let mut running = Running::after(&earlier, session, interrupt, service, &stack.id, &resume)
            .showing(self.shown);
        session.presenter().note("");
        let role = session.settings.stack.role_arn.as_deref();
        for call in calls {
            service
                .perform(call, &stack.id, &temporary_name(), role)
                .await?;
        }
        let ended = running.follow().await?;
        match ended {
            Some(ended) if ended.status.as_str().ends_with("_FAILED") => {
                let error = Error::new(
                    ErrorKind::Deployment,
                    format!(
                        "the stack `{}` is stuck again ({})",
                        ended.name, ended.status
                    ),
                );
                let error = running.explain(error, None).await;
                Err(error.hint(format!("`{resume}` says what is in the way now")))
            }
            ended => Ok(ended.filter(|stack| stack.status != StackStatus::DeleteComplete)),
        }
    }

    /// Looks again, just before the first call: somebody may have begun to use the stack.
    async fn check_again(&self) -> Result<()> {
        let now = self.service.describe_by(&self.stack.id).await?;
        let is_same = now.is_some_and(|now| now.status == self.stack.status);
        let is_shell = self.stack.status == StackStatus::ReviewInProgress;
        let in_use = is_shell && {
            let sets = self.service.change_sets(&self.stack.id).await?;
            let now = Timestamp::now();
            sets.iter().any(|set| !is_abandoned(set, now))
        };
        if is_same && !in_use {
            return Ok(());
        }
        Err(Error::refused(format!(
            "nothing was done: somebody else is using the stack `{}` by now",
            self.stack.name
        ))
        .hint(format!("look again: `{}`", self.session.command("recover"))))
    }
}
