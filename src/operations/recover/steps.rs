//! The steps of a recovery: what can be done about a stack's state, and doing it.

use crate::aws::stack::events;
use crate::aws::stack::listing;
use crate::aws::stack::recovery;
use jiff::Timestamp;

use crate::aws::stack::StackService;
use crate::aws::store::Store;
use crate::cloudformation::diagnosis::causes;
use crate::cloudformation::event::{Event, Timeline, last_operation};
use crate::cloudformation::recovery::history::History;
use crate::cloudformation::recovery::{Call, Choices, Recovery, StackState};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::{is_leftover, temporary_name};
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{RunningOperation, interrupt_prompt};
use crate::operations::recover::last_good;
use crate::operations::reread;
use crate::operations::session::Session;
use crate::present::event_filter::EventFilter;
use crate::template::Template;
use crate::util::interrupt::Interrupt;
use crate::util::shell_word::quote;

/// How many events are read, at most, to find out how a stack came to its state.
const MOST_EVENTS: usize = 5_000;

/// Reads what a recovery depends on, and returns what can be done.
///
/// # Errors
///
/// If a call fails.
pub(crate) async fn inspect(
    session: &Session<'_>,
    service: &StackService,
    store: &Store,
    stack: &Stack,
    choices: &Choices,
) -> Result<Recovery> {
    let (resources, template, events, change_sets) = tokio::try_join!(
        service.resources(),
        service.template(),
        events::until(service, &stack.id, is_enough),
        listing::change_sets(service, &stack.id)
    )?;
    let nested = recovery::failed_in_nested(service, &resources).await?;
    let history = History::of(&events);
    let last_good = if stack.is_express && stack.status == StackStatus::UpdateFailed {
        let (text, given) = (template.as_deref(), choices.template.as_ref());
        let services = (service, store);
        last_good::find(session, services, (stack, &history), text, given).await?
    } else {
        None
    };
    let template = template.and_then(deployed_template);
    let now = Timestamp::now();
    let (leftovers, others): (Vec<_>, Vec<_>) = change_sets
        .into_iter()
        .partition(|set| is_leftover(set, now));
    let mut timeline = Timeline::of(&stack.id);
    let recent = last_operation(&events).unwrap_or(events.len());
    timeline.absorb(&stack.id, events.iter().take(recent).cloned().collect());
    timeline.advance();
    let state = StackState {
        stack,
        history,
        resources,
        nested,
        template: template.as_ref(),
        last_good,
        leftover_change_sets: leftovers.into_iter().map(|set| set.id).collect(),
        change_sets: others.into_iter().map(|set| set.name).collect(),
        protected_types: &session.settings().stack.protected_types,
        role: session.settings().stack.role_arn.as_deref(),
    };
    let cause = causes(timeline.events()).first;
    let cause = cause.map(|cause| cause.event.clone());
    Ok(Recovery::of(state, cause, choices))
}

pub(crate) fn deployed_template(text: String) -> Option<Template> {
    Template::parse_deployed(&SourceFile::new("the deployed template", text)).ok()
}

/// Returns whether older events would add nothing, or too little to read on.
fn is_enough(newest_first: &[Event]) -> bool {
    newest_first.len() >= MOST_EVENTS || History::of(newest_first).is_complete()
}

/// Refuses to delete a stack with termination protection.
pub(crate) fn check_protection(session: &Session<'_>, stack: &Stack, calls: &[Call]) -> Result<()> {
    let deletes = calls
        .iter()
        .any(|call| matches!(call, Call::DeleteStack(_)));
    if !deletes || !stack.termination_protection {
        return Ok(());
    }
    let region = session.settings().region.as_deref();
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
pub(crate) fn options_for(choices: &Choices) -> Vec<String> {
    let chosen = [
        ("--skip", &choices.skip),
        ("--retain", &choices.retain),
        ("--allow-delete", &choices.allow_delete),
    ];
    let options = chosen.into_iter().flat_map(|(option, names)| {
        let names = names.iter();
        names.map(move |name| format!("{option} {}", quote(name)))
    });
    let force = choices.force_delete.then(|| "--force-delete".to_owned());
    let template = choices.template.as_ref();
    let template = template.map(|(name, _)| format!("--template {}", quote(name)));
    options.chain(force).chain(template).collect()
}

/// Asks whether to make the calls that were shown.
///
/// # Errors
///
/// Refused unless the answer is `yes`.
pub(crate) async fn confirm(
    session: &Session<'_>,
    stack: &Stack,
    choices: &Choices,
    recovery: &Recovery,
) -> Result<()> {
    let presenter = session.presenter();
    if presenter.is_interactive() {
        let lost = recovery.losses();
        if !lost.is_empty() {
            presenter.note(&format!("\nLost: {}.", lost.join("; ")));
        }
        presenter.note(&format!(
            "\nDo you want to do this to {}? Only 'yes' will be accepted.",
            stack.place()
        ));
    }
    let mut words = vec!["recover --yes".to_owned()];
    words.extend(options_for(choices));
    let command = session.command(&words.join(" "));
    presenter
        .confirm("Recover:", &command, "nothing was done")
        .await
}

/// One step of a recovery.
pub(crate) struct Step<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) service: &'a StackService,
    pub(crate) stack: &'a Stack,
    pub(crate) filter: EventFilter,
}

impl Step<'_> {
    /// Makes the calls and follows the operation that they start. Returns the stack as it ended; `None`
    /// if it is gone.
    ///
    /// # Errors
    ///
    /// Refused if the stack changed since it was shown; of kind [`ErrorKind::Deployment`], with the
    /// cause, if the stack is stuck again.
    pub(crate) async fn take(&self, calls: &[Call]) -> Result<Option<Stack>> {
        let Self {
            session,
            interrupt,
            service,
            stack,
            ..
        } = self;
        interrupt.guard(self.check_again()).await?;
        let resume = session.command("recover");
        let operation =
            RunningOperation::before_request(session, interrupt, service, stack, &resume);
        let mut operation = interrupt.guard(operation).await?.showing(self.filter);
        session.presenter().note("");
        let role = session.settings().stack.role_arn.as_deref();
        for call in calls {
            let token = temporary_name();
            let sent = recovery::perform(service, call, &stack.id, &token, role);
            operation.request(sent).await?;
        }
        let ended = interrupt_prompt::follow(&mut operation).await?;
        let is_forced = |call: &Call| matches!(call, Call::DeleteStack(it) if it.is_forced);
        if calls.iter().any(is_forced) {
            self.print_left_behind(operation.timeline());
        }
        match ended {
            Some(ended) if ended.status.as_str().ends_with("_FAILED") => {
                let error = Error::new(
                    ErrorKind::Deployment,
                    format!(
                        "the stack `{}` is stuck again ({})",
                        ended.name, ended.status
                    ),
                );
                let error = FailureReport::new(&operation, None).explain(error).await;
                Err(error.hint(format!("`{resume}` shows the reason")))
            }
            ended => Ok(ended.filter(|stack| stack.status != StackStatus::DeleteComplete)),
        }
    }

    /// Prints what a forced deletion left behind.
    fn print_left_behind(&self, timeline: &Timeline) {
        for event in timeline.events() {
            if event.status.as_str() == "DELETE_SKIPPED" {
                let (kind, id) = (&event.resource_type, &event.physical_id);
                self.session
                    .presenter()
                    .note(&format!("Left behind: {kind} {id}"));
            }
        }
    }

    /// Reads the stack again, just before the first call: somebody may have begun to use it.
    async fn check_again(&self) -> Result<()> {
        let is_same = self.is_same().await?;
        let is_empty_stack = self.stack.status == StackStatus::ReviewInProgress;
        let in_use = is_empty_stack && {
            let sets = listing::change_sets(self.service, &self.stack.id).await?;
            let now = Timestamp::now();
            sets.iter().any(|set| !is_leftover(set, now))
        };
        if is_same && !in_use {
            return Ok(());
        }
        Err(Error::refused(format!(
            "nothing was done: the stack `{}` changed since it was shown",
            self.stack.name
        ))
        .hint(format!("look again: `{}`", self.session.command("recover"))))
    }

    /// Returns whether the stack has the status that was shown. A read may be old, also after that status
    /// was proven: if the newest event says that nothing changed, the stack is read again.
    async fn is_same(&self) -> Result<bool> {
        let (id, shown) = (&self.stack.id, self.stack.status.as_str());
        let read = async || {
            tokio::try_join!(
                self.service.describe_by(id),
                events::newest_of_stack(self.service, id)
            )
        };
        let is_same = |now: &Option<Stack>| {
            let now = now.as_ref();
            now.is_some_and(|now| now.status.as_str() == shown)
        };
        let (now, _) = reread::until_current(read, |(now, event)| {
            let event = event.as_ref();
            !is_same(now) && event.is_some_and(|event| event.status.as_str() == shown)
        })
        .await?;
        Ok(is_same(&now))
    }
}
