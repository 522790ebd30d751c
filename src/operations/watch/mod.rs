//! The command `watch`: plans, applies or swaps code again whenever a file is saved.
//!
//! Each run begins with nothing but the connections of the one before. It records what it reads of the
//! project ([`Reads`]), and a save is whatever makes that differ from what is there: so exactly the files
//! that matter are watched, and nothing is lost between a read and the first word of the system.
//!
//! A save stops a run that plans, which then deletes its change set; a run that deploys goes on, and one more
//! run begins after it. So the last save always wins.

mod debounce;
mod outcome;
mod queue;
mod report;
mod round;

use std::cell::Cell;
use std::path::PathBuf;
use std::pin::{Pin, pin};

use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::context::{Context, Run, listen};
use crate::config::project::watcher::{Change, Watcher};
use crate::config::project::{Differences, Project, Reads};
use crate::error::{ErrorKind, Result};
use crate::present::format::{Format, PlanFormat};
use crate::util::interrupt::Interrupt;
use debounce::Debounce;
use outcome::Outcome;
use queue::{Phase, Queue, Step};
use report::Report;
use round::{Known, Round};

/// What is done on each save.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct WatchOptions {
    /// Whether the changes are applied.
    pub(crate) applies: bool,
    /// Whether the code of functions is sent past CloudFormation.
    pub(crate) hotswaps: bool,
    /// Whether the logs of the changed functions are shown.
    pub(crate) logs: bool,
    /// Whether the files are looked at again and again.
    pub(crate) polls: bool,
    /// The form of the output.
    pub(crate) format: Format,
}

/// What the command line does for each run.
pub(crate) struct Commands<O, P> {
    /// Chooses the stack again: the manifest may have changed.
    pub(crate) open: O,
    /// Shows the plan.
    pub(crate) plan: P,
}

/// Runs until the user ends it, or until nobody reads the output any more.
///
/// # Errors
///
/// If there is no project, or the command line chooses no single stack;
/// [`ErrorKind::Interrupted`] if the user ends it.
pub(crate) async fn run<O, P>(
    context: &Context,
    options: WatchOptions,
    commands: Commands<O, P>,
) -> Result<()>
where
    O: Fn(Context) -> Result<Context>,
    P: AsyncFn(&Context, PlanFormat) -> Result<()>,
{
    let interrupt = listen(context)?;
    let project = Project::find(&context.ambient().current_dir, context.manifest())?;
    let manifest = match context.manifest() {
        Some(manifest) => manifest.to_path_buf(),
        None => PathBuf::from(&project.manifest().name),
    };
    let report = Report::new(context.presenter(), options.format);
    let mut watch = Watch {
        context,
        options,
        commands: &commands,
        manifest,
        interrupt,
        report: &report,
        has_failed: false,
        is_first: true,
        watcher: Watcher::new(options.polls).unwrap_or_else(|(watcher, unwatched)| {
            report.unwatched(unwatched);
            watcher
        }),
        queue: Queue::default(),
        known: Known::default(),
    };
    report.begin(&[])?;
    while watch.run_once().await? {
        let saved = watch.queue.begin();
        let names = saved
            .iter()
            .map(|path| match path.strip_prefix(project.root()) {
                Ok(path) => project.shown(path),
                Err(_) => path.display().to_string(),
            });
        report.begin(&names.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// What stays from one run to the next.
struct Watch<'a, O, P> {
    context: &'a Context,
    options: WatchOptions,
    commands: &'a Commands<O, P>,
    /// The manifest that was found first. One in a parent folder does not take its place.
    manifest: PathBuf,
    interrupt: Interrupt,
    report: &'a Report,
    /// Whether the run before has failed. Then the next one connects again.
    has_failed: bool,
    is_first: bool,
    watcher: Watcher,
    queue: Queue,
    known: Known,
}

impl<O, P> Watch<'_, O, P>
where
    O: Fn(Context) -> Result<Context>,
    P: AsyncFn(&Context, PlanFormat) -> Result<()>,
{
    /// Runs once, and waits until a save makes another run necessary. Returns whether there is one.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`] if the user ends it; if the first run cannot begin.
    async fn run_once(&mut self) -> Result<bool> {
        let stop = CancellationToken::new();
        let reads = Reads::recording();
        let (phase, mut phases) = watch::channel(Phase::Planning);
        let run = Run {
            interrupt: self.interrupt.or_stopped(stop.clone()),
            presenter: self.report.of_run(),
            reads: reads.clone(),
            reconnects: std::mem::take(&mut self.has_failed),
        };
        let context = self.context.again(self.manifest.clone(), run);
        let is_first = std::mem::take(&mut self.is_first);
        let round = Round {
            options: self.options,
            report: self.report,
            phase: &phase,
            started: Instant::now(),
            known: Known::clone(&self.known),
            is_forbidden: Cell::new(false),
            has_failed: Cell::new(false),
        };
        let mut running = pin!(run_round(context, self.commands, &round, is_first));
        let mut is_running = true;
        let mut debounce = Debounce::default();
        loop {
            let mut is_quiet = false;
            tokio::select! {
                biased;
                ended = &mut running, if is_running => {
                    ended?;
                    is_running = false;
                    phase.send_replace(Phase::Done);
                    phases.mark_unchanged();
                }
                Ok(()) = phases.changed() => {}
                () = self.interrupt.requested(), if !is_running => {}
                change = self.watcher.next() => {
                    if may_concern(&change, &reads) {
                        debounce.touch(Instant::now(), &change);
                    }
                    continue;
                }
                () = until(debounce.due()) => {
                    debounce.clear();
                    is_quiet = true;
                }
            }
            let reached = *phases.borrow_and_update();
            if reached == Phase::Done || !is_running {
                if self.interrupt.is_requested() {
                    return Err(self.report.leave());
                }
                if self.context.presenter().is_closed() {
                    return Ok(false);
                }
            }
            let Some(found) = self.look(&reads, is_quiet) else {
                debounce.touch(Instant::now(), &Change::At(Vec::new()));
                continue;
            };
            if reached == Phase::Done {
                reads.accept(&found.of_builds);
            }
            match self.queue.absorb(found, reached) {
                Step::Wait => {}
                Step::Queue => self.report.queued(),
                Step::Stop => {
                    stop.cancel();
                    if is_running {
                        running.await?;
                    }
                    self.has_failed = round.has_failed.get();
                    return Ok(true);
                }
            }
        }
    }

    /// Looks at the files, and watches the folders in which a change would matter. Returns `None` if something
    /// has changed and may still be half written.
    fn look(&mut self, reads: &Reads, is_quiet: bool) -> Option<Differences> {
        let mut found = reads.differences();
        match self.watcher.watch(&found.folders) {
            // What has changed after it was read, and before its folder was watched.
            Ok(true) => found = reads.differences(),
            Ok(false) => {}
            Err(unwatched) => self.report.unwatched(unwatched),
        }
        (is_quiet || found.is_empty()).then_some(found)
    }
}

/// Runs once, from the choice of the stack to the logs of its functions. What fails is reported.
///
/// # Errors
///
/// If the first run cannot begin, and no file is to blame.
async fn run_round<O, P>(
    context: Context,
    commands: &Commands<O, P>,
    round: &Round<'_>,
    is_first: bool,
) -> Result<()>
where
    O: Fn(Context) -> Result<Context>,
    P: AsyncFn(&Context, PlanFormat) -> Result<()>,
{
    let context = match (commands.open)(context) {
        Ok(context) => context,
        Err(error) if is_first && error.diagnostics().is_empty() => return Err(error),
        Err(error) => {
            round.failed(error);
            return Ok(());
        }
    };
    if let Err(error) = work(&context, commands, round).await {
        if is_first && round.is_forbidden.get() {
            return Err(error);
        }
        round.report.print_kept(context.presenter())?;
        round.has_failed.set(error.kind() != ErrorKind::Interrupted);
        round.failed(error);
    }
    Ok(())
}

/// Swaps code, applies or plans, as the command line says.
async fn work<O, P>(context: &Context, commands: &Commands<O, P>, round: &Round<'_>) -> Result<()>
where
    P: AsyncFn(&Context, PlanFormat) -> Result<()>,
{
    // The types of these futures are too deep to be one.
    let boxed: Pin<Box<dyn Future<Output = Result<bool>>>>;
    if round.options.hotswaps {
        boxed = Box::pin(round.hotswap(context));
        if boxed.await? {
            return Ok(());
        }
    }
    if round.options.applies {
        let boxed: Pin<Box<dyn Future<Output = Result<()>>>> = Box::pin(round.apply(context));
        return boxed.await;
    }
    (commands.plan)(context, round.plan_format()).await?;
    round.done(context, &Outcome::Planned)
}

/// Returns whether a change may be one of what was read.
fn may_concern(change: &Change, reads: &Reads) -> bool {
    match change {
        Change::Anywhere => true,
        Change::At(paths) | Change::Writing(paths) => paths.iter().any(|path| reads.concerns(path)),
    }
}

/// Waits until this time; without one, for ever.
async fn until(due: Option<Instant>) {
    match due {
        Some(due) => sleep_until(due).await,
        None => std::future::pending().await,
    }
}
