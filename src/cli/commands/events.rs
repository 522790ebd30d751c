//! `stackctl events`: what happened to the stack and its resources, and what is happening now.

use super::{Context, Exit};
use crate::aws::stack::StackService;
use crate::aws::stack::events;
use crate::cloudformation::event::{Event, Timeline};
use crate::cloudformation::failure_evidence::{EvidenceReport, FailureEvidence};
use crate::cloudformation::stack::Stack;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::context::listen;
use crate::operations::follow::failure_report::FailureReport;
use crate::operations::follow::{EventOutput, RunningOperation, failure_evidence};
use crate::operations::graph::layout::Layout;
use crate::operations::operation_chart::{self, OperationChart};
use crate::operations::session::Session;
use crate::operations::stack_set;
use crate::present::event_filter::EventFilter;
use crate::present::format::EventsFormat as Format;
use crate::present::html;
use crate::present::html::page::PageKind;
use crate::present::human;
use crate::present::json::event::EventsDocument;
use crate::present::json::stacks::Kind;
use crate::util::interrupt::Interrupt;

/// The arguments of `stackctl events`.
#[derive(Debug, Clone, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub struct Args {
    /// Follow the operation to its end
    #[arg(long, short = 'f')]
    follow: bool,
    /// Show all events that are kept, not only those of the last operation
    #[arg(long, conflicts_with = "follow")]
    all: bool,
    /// Show only the N newest events
    #[arg(long, value_name = "N", conflicts_with = "follow")]
    limit: Option<usize>,
    /// Show only failures, without those that only follow from another failure, and what explains them
    #[arg(long)]
    failed: bool,
    /// Show the last operation as a timeline: a bar for each resource, what it waited for, and the
    /// critical path
    #[arg(long, conflicts_with_all = ["follow", "all", "limit", "failed"])]
    chart: bool,
    /// The ARN of the stack, also of one deleted in the last 90 days [default: the stack by its name]
    #[arg(long, value_name = "ARN")]
    stack_id: Option<String>,
    /// The form of the output
    #[arg(long, value_name = "FORMAT", default_value = "human")]
    format: Format,
}

impl Args {
    /// Returns how the output of several stacks is put together, or what works on one stack alone.
    pub(crate) fn layout(&self) -> Result<Layout, &'static str> {
        if self.stack_id.is_some() {
            return Err("events --stack-id");
        }
        Ok(match self.format {
            _ if self.follow => Layout::Lines,
            Format::Human => Layout::Blocks,
            Format::Json => Layout::Json(Kind::Events),
            Format::Html => Layout::Html(PageKind::Events),
        })
    }
}

impl Args {
    /// Returns whether the last operation is shown as a timeline.
    fn shows_chart(&self) -> bool {
        self.chart || self.format == Format::Html
    }

    /// Checks what the command line cannot: a page is about the last operation.
    fn check(&self) -> Result<()> {
        let others = [
            ("--follow", self.follow),
            ("--all", self.all),
            ("--limit", self.limit.is_some()),
            ("--failed", self.failed),
        ];
        let other = others.into_iter().find(|(_, is_given)| *is_given);
        match other {
            Some((option, _)) if self.format == Format::Html => {
                let message = format!("`--format html` cannot be used with `{option}`");
                let error = Error::new(ErrorKind::Usage, message);
                Err(error.hint("a page shows the last operation; `--format json` has the events"))
            }
            _ => Ok(()),
        }
    }
}

/// Shows the events of the stack and of the stacks nested in it, oldest first.
///
/// # Errors
///
/// If there is no such stack; with `--follow`, if the operation failed.
pub async fn run(context: &Context, args: Args) -> Result<Exit> {
    args.check()?;
    let session = Session::open(context)?;
    if stack_set::has_none(&session, "events") {
        return Ok(Exit::Done);
    }
    let interrupt = listen(context)?;
    let connection = interrupt.guard(session.connect()).await?;
    let service = StackService::new(&connection, &session.settings().stack_name);
    let stack = interrupt.guard(find(&session, &service, &args)).await?;
    let filter = if args.failed {
        EventFilter::Errors
    } else {
        EventFilter::All
    };
    if args.follow {
        return follow(&session, &interrupt, &service, &stack, filter, args.format).await;
    }
    let read = async {
        let mut timeline = if args.all {
            Timeline::of(&stack.id)
        } else {
            let is_running = !stack.status.is_terminal();
            events::last_operation(&service, &stack.id, is_running).await?
        };
        events::catch_up(&service, &stack.id, &mut timeline, true).await?;
        Ok(timeline)
    };
    let mut timeline = interrupt.guard(read).await?;
    let mut events = timeline.advance();
    if args.shows_chart() {
        let read = operation_chart::read(&service, &events, !stack.status.is_terminal());
        let read = interrupt.guard(async { Ok(read.await) }).await?;
        show_chart(&session, &stack, &events, &read, args.format)?;
        hint_at_running(&session, &stack);
        return Ok(Exit::Done);
    }
    let evidence = if args.failed {
        Some(interrupt.guard(explain(&service, &events)).await?)
    } else {
        None
    };
    events.retain(|event| filter.includes(event));
    if let Some(limit) = args.limit {
        events.drain(..events.len().saturating_sub(limit));
    }
    let presenter = session.presenter();
    match args.format {
        Format::Json => presenter.json(&EventsDocument::of(&stack, &events, evidence.as_ref()))?,
        Format::Human | Format::Html if events.is_empty() => {
            presenter.note("There are no such events.");
        }
        Format::Human | Format::Html => {
            let name_width = human::event::name_width(&events);
            let lines: Vec<String> = events
                .iter()
                .map(|event| human::event::dated(event, name_width) + "\n")
                .collect();
            presenter.data(&lines.concat());
        }
    }
    if let (Format::Human, Some(evidence)) = (args.format, &evidence) {
        let causes = evidence.found.iter().filter_map(FailureEvidence::cause);
        let hints = evidence.found.iter().flat_map(FailureEvidence::hints);
        for hint in causes.chain(hints).chain(evidence.left_out.clone()) {
            presenter.hint(&hint);
        }
    }
    hint_at_running(&session, &stack);
    Ok(Exit::Done)
}

fn hint_at_running(session: &Session<'_>, stack: &Stack) {
    if !stack.status.is_terminal() {
        session.presenter().hint(&format!(
            "an operation is running ({}): `{}` follows it",
            stack.status,
            session.command("events --follow")
        ));
    }
}

/// Shows the timeline of the last operation.
fn show_chart(
    session: &Session<'_>,
    stack: &Stack,
    events: &[Event],
    read: &OperationChart,
    format: Format,
) -> Result<()> {
    let presenter = session.presenter();
    match (format, &read.chart) {
        (Format::Json, chart) => {
            let document = EventsDocument::of(stack, events, None);
            match chart {
                Some(chart) => presenter.json(&document.with_chart(chart))?,
                None => presenter.json(&document)?,
            }
        }
        (Format::Html, chart) => {
            let context = presenter.page_context();
            let chart = chart.as_ref();
            presenter.page(html::events::events(stack, chart, &read.left_out, context));
        }
        (Format::Human, None) => presenter.note("There are no events of resources."),
        (Format::Human, Some(chart)) => {
            let all = session.command("events --format html");
            let text = human::chart::chart(stack, chart, presenter.width(), &all);
            presenter.data(&text);
        }
    }
    for reason in &read.left_out {
        presenter.hint(&format!(
            "{reason}; what its resources waited for is taken from the times"
        ));
    }
    Ok(())
}

/// Returns what explains the failures beyond the events.
async fn explain(service: &StackService, events: &[Event]) -> Result<EvidenceReport> {
    let deadline = failure_evidence::deadline();
    Ok(failure_evidence::of_events(service, events, None, deadline).await)
}

/// Returns the stack by its ARN, or by its name, also if it was deleted.
async fn find(session: &Session<'_>, service: &StackService, args: &Args) -> Result<Stack> {
    let missing = |what: &str| Error::input(format!("there is no stack `{what}`"));
    if let Some(id) = &args.stack_id {
        let found = service.describe_by(id).await?;
        return found.ok_or_else(|| missing(id).hint("deleted stacks are kept for 90 days"));
    }
    if let Some(stack) = service.describe().await? {
        return Ok(stack);
    }
    let deleted = match events::last_deleted(service).await? {
        Some(id) => service.describe_by(&id).await?,
        None => None,
    };
    let presenter = session.presenter();
    match deleted {
        Some(stack) => {
            presenter.note(&format!(
                "The stack `{}` was deleted: {}",
                stack.name, stack.id
            ));
            Ok(stack)
        }
        None => {
            Err(missing(service.name()).hint(format!("`{}` deploys it", session.command("apply"))))
        }
    }
}

/// Shows the events of the last operation, or of the running one until it ends.
async fn follow(
    session: &Session<'_>,
    interrupt: &Interrupt,
    service: &StackService,
    stack: &Stack,
    filter: EventFilter,
    format: Format,
) -> Result<Exit> {
    let resume = session.command("events --follow");
    let output = match format {
        Format::Human | Format::Html => EventOutput::Data,
        Format::Json => EventOutput::Json,
    };
    let mut operation = RunningOperation::join(session, interrupt, service, stack, &resume)
        .await?
        .showing(filter)
        .printing(output);
    let ended = operation.poll_until_interrupted().await?;
    // The first read of the stack may have been an old one.
    if operation.was_followed() && !operation.succeeded(ended.as_ref()) {
        let report = FailureReport::new(&operation, None);
        return Err(report.error(ended.as_ref()).await);
    }
    Ok(Exit::Done)
}
