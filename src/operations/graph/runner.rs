//! Runs a command for each of several stacks at the same time, reports how it ended for each, and returns
//! one exit code.
//!
//! Each stack has a task of its own on the one thread of the program. So a failure, and even a panic, of
//! one does not end the others. After the first signal no further stack begins; a command that waits for
//! signals ends by itself, and any other is ended.

use std::any::Any;
use std::collections::HashMap;
use std::panic::resume_unwind;
use std::rc::Rc;
use std::time::Duration;

use tokio::task::{Id, JoinError, JoinSet, LocalSet};
use tokio::time::MissedTickBehavior;
use tracing::Instrument as _;

use super::exit_code::worst;
use super::group::Group;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::context::{Context, OpenedTarget, shared_interrupt};
use crate::present::human;
use crate::present::stack_state::StackState;
use crate::util::interrupt::Interrupt;
use crate::util::span;

/// How many stacks are read at the same time.
pub(crate) const READS: usize = 32;

/// How often the table is drawn again.
const TICK: Duration = Duration::from_millis(200);

/// How often a command is asked again whether it handles a signal by itself.
const AFTER_SIGNAL: Duration = Duration::from_millis(50);

/// Runs `command` for each stack, at most `at_once` at the same time, beginning in the order of the
/// group. Returns the most important of their exit codes.
///
/// # Errors
///
/// If the signals cannot be listened for, or the output cannot be written; [`ErrorKind::Interrupted`]
/// after a signal, if it kept a command from its end. The error of a stack is printed, and is its part of
/// the exit code.
///
/// # Panics
///
/// If a command has panicked, after all others have ended and the report was printed.
pub(crate) async fn run<F, W>(mut group: Group<'_>, at_once: usize, command: F) -> Result<u8>
where
    F: Fn(Rc<Context>) -> W,
    W: Future<Output = Result<u8>> + 'static,
{
    let interrupt = shared_interrupt(group.context())?;
    interrupt.resume_all_with(vec![group.resume()]);
    let local = LocalSet::new();
    let mut run = Run {
        results: group.members().iter().map(|_| None).collect(),
        panic: None,
    };
    local
        .run_until(run.all(&mut group, at_once.max(1), &interrupt, &command))
        .await;
    run.finish(group)
}

/// How far the stacks are.
struct Run {
    /// How the command ended for each; `None` if it has not.
    results: Vec<Option<Result<u8>>>,
    /// The first panic.
    panic: Option<Box<dyn Any + Send>>,
}

impl Run {
    async fn all<F, W>(
        &mut self,
        group: &mut Group<'_>,
        at_once: usize,
        interrupt: &Interrupt,
        command: &F,
    ) where
        F: Fn(Rc<Context>) -> W,
        W: Future<Output = Result<u8>> + 'static,
    {
        let presenter = group.context().presenter();
        let mut waiting = group.members().to_vec().into_iter().enumerate();
        let mut tasks: JoinSet<Result<u8>> = JoinSet::new();
        let mut rows: HashMap<Id, usize> = HashMap::new();
        let mut tick = tokio::time::interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while tasks.len() < at_once
                && !interrupt.is_requested()
                && let Some((row, member)) = waiting.next()
            {
                member.presenter().set_state(StackState::Running, "");
                let span = span::command_for(group.command(), member.label());
                let work = command(Rc::clone(&member));
                let guarded = until_signal(member, interrupt.clone(), work).instrument(span);
                rows.insert(tasks.spawn_local(guarded).id(), row);
            }
            tokio::select! {
                joined = tasks.join_next_with_id() => match joined {
                    None => break,
                    Some(joined) => self.record(group, &rows, joined),
                },
                _ = tick.tick() => presenter.refresh_stacks(),
            }
            group.print(&self.results);
        }
        for (row, member) in waiting {
            member.presenter().set_state(StackState::NotBegun, "");
            self.set(row, Err(Error::new(ErrorKind::Interrupted, "interrupted")));
        }
    }

    /// Keeps how the command ended for a stack, and shows it.
    fn record(
        &mut self,
        group: &Group<'_>,
        rows: &HashMap<Id, usize>,
        joined: Result<(Id, Result<u8>), JoinError>,
    ) {
        let (id, result) = match joined {
            Ok(ended) => ended,
            Err(failed) => {
                let id = failed.id();
                let error = Error::new(ErrorKind::System, "stackctl has a fault: it panicked");
                if failed.is_panic() {
                    self.panic.get_or_insert(failed.into_panic());
                }
                (id, Err(error.hint("the message of the panic is above")))
            }
        };
        let Some((row, member)) = rows
            .get(&id)
            .and_then(|row| Some((*row, group.members().get(*row)?)))
        else {
            return;
        };
        conclude(member, &result);
        self.set(row, result);
    }

    fn set(&mut self, row: usize, result: Result<u8>) {
        if let Some(slot) = self.results.get_mut(row) {
            *slot = Some(result);
        }
    }

    /// Prints what is left to print, and the report.
    fn finish(self, mut group: Group<'_>) -> Result<u8> {
        let presenter = group.context().presenter();
        let rows = presenter.end_stacks();
        let written = group.finish(&self.results);
        let report = human::stacks::report(&rows, presenter.screen_width());
        presenter.note(&format!("\n{report}"));
        if let Some(panic) = self.panic {
            resume_unwind(panic);
        }
        written?;
        if let Some(interrupted) = interruption(&self.results) {
            return Err(interrupted);
        }
        let codes = self.results.iter().flatten().map(|result| match result {
            Ok(code) => *code,
            Err(error) => error.kind().exit_code(),
        });
        Ok(worst(codes))
    }
}

/// Shows how the command ended for a stack.
fn conclude(member: &Context, result: &Result<u8>) {
    let presenter = member.presenter();
    if let Some(key) = member.target().and_then(OpenedTarget::key) {
        member.upstream().ended(&key);
    }
    match result {
        Ok(0) => presenter.conclude(StackState::Done),
        Ok(2) => presenter.conclude(StackState::Differs),
        Ok(_) => presenter.conclude(StackState::Failed),
        Err(error) => {
            // One error at the end says it for all.
            if error.kind() != ErrorKind::Interrupted {
                presenter.error(error);
            }
            let state = StackState::of_error(error.kind());
            presenter.set_state(state, &error.in_one_line());
        }
    }
}

/// Returns the error of a run that was interrupted, with the hints of all its stacks.
fn interruption(results: &[Option<Result<u8>>]) -> Option<Error> {
    let errors = results.iter().flatten().filter_map(|it| it.as_ref().err());
    let mut interrupted = errors.filter(|it| it.kind() == ErrorKind::Interrupted);
    let first = interrupted.next()?;
    let mut error = Error::new(ErrorKind::Interrupted, first.to_string());
    let mut hints: Vec<&String> = Vec::new();
    for hint in [first]
        .into_iter()
        .chain(interrupted)
        .flat_map(Error::hints)
    {
        if !hints.contains(&hint) {
            hints.push(hint);
            error = error.hint(hint);
        }
    }
    Some(error)
}

/// Waits for the command, or for a signal that the command does not wait for by itself.
async fn until_signal(
    member: Rc<Context>,
    interrupt: Interrupt,
    work: impl Future<Output = Result<u8>>,
) -> Result<u8> {
    let signal = async {
        loop {
            interrupt.requested().await;
            if interrupt.is_requested() && !member.handles_signals() {
                return;
            }
            tokio::time::sleep(AFTER_SIGNAL).await;
        }
    };
    tokio::select! {
        biased;
        result = work => result,
        () = signal => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::cell::{Cell, RefCell};
    use std::panic::{AssertUnwindSafe, catch_unwind};
    use std::path::Path;
    use std::rc::Rc;

    use super::run;
    use crate::config::ambient::Ambient;
    use crate::config::manifest;
    use crate::config::project::Project;
    use crate::config::settings::{Overrides, Selection, choose};
    use crate::error::{Error, Result};
    use crate::operations::context::{Context, OpenedTarget, RepeatedOptions};
    use crate::operations::graph::group::Group;
    use crate::operations::graph::layout::Layout;
    use crate::present::{OutputOptions, Presenter};

    fn ambient() -> Ambient {
        Ambient::new([], "/")
    }

    fn context() -> Context {
        let quiet = OutputOptions {
            quiet: true,
            ..OutputOptions::default()
        };
        let presenter = Presenter::new(quiet, &ambient());
        let overrides = Overrides::default();
        Context::new(
            ambient(),
            presenter,
            None,
            overrides,
            RepeatedOptions::default(),
        )
    }

    fn targets(names: &[&str]) -> Vec<OpenedTarget> {
        let stacks = names
            .iter()
            .map(|name| format!("[stacks.{name}]\ntemplate = \"t.yaml\"\n"));
        let text = "project = \"demo\"\n".to_owned() + &stacks.collect::<String>();
        let project = Project::planned(Path::new("/"), text);
        let manifest = manifest::parse(project.manifest());
        let (selection, overrides) = (Selection::default(), Overrides::default());
        let targets = choose(&manifest, &selection, &overrides, &ambient()).unwrap();
        let opened = targets.into_iter().map(|target| OpenedTarget {
            project: project.clone(),
            stack: target.stack,
            settings: target.settings,
            label: None,
        });
        opened.collect()
    }

    fn run_all<F, W>(names: &[&str], at_once: usize, command: F) -> Result<u8>
    where
        F: Fn(Rc<Context>) -> W,
        W: Future<Output = Result<u8>> + 'static,
    {
        let context = context();
        let group = Group::begin(&context, "plan", Layout::Blocks, targets(names));
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.unwrap().block_on(run(group, at_once, command))
    }

    #[test]
    fn every_stack_runs_once_and_not_too_many_at_the_same_time() {
        let (running, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let begun = Rc::new(RefCell::new(Vec::new()));
        let code = run_all(&["a", "b", "c", "d", "e"], 2, |context| {
            begun.borrow_mut().push(context.label().to_owned());
            let (running, most) = (Rc::clone(&running), Rc::clone(&most));
            async move {
                running.set(running.get() + 1);
                most.set(most.get().max(running.get()));
                tokio::task::yield_now().await;
                running.set(running.get() - 1);
                Ok(if context.label() == "c" { 2 } else { 0 })
            }
        });
        assert_eq!((code.unwrap(), most.get()), (2, 2));
        assert_eq!(*begun.borrow(), ["a", "b", "c", "d", "e"]);
    }

    #[test]
    fn an_error_is_the_exit_code_of_its_stack_alone() {
        let code = run_all(&["a", "b"], 8, |context| async move {
            match context.label() {
                "a" => Err(Error::refused("no")),
                _ => Ok(2),
            }
        });
        assert_eq!(code.unwrap(), 4);
    }

    #[test]
    fn a_panic_goes_on_after_the_others_have_ended() {
        let ended = Rc::new(Cell::new(0));
        let panicked = catch_unwind(AssertUnwindSafe(|| {
            run_all(&["a", "b", "c"], 8, |context| {
                let ended = Rc::clone(&ended);
                async move {
                    assert_ne!(context.label(), "a", "a fault of this test");
                    tokio::time::sleep(std::time::Duration::from_millis(5)).await;
                    ended.set(ended.get() + 1);
                    Ok(0)
                }
            })
        }));
        let message = panicked.unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.contains("a fault of this test"), "{message}");
        assert_eq!(ended.get(), 2);
    }
}
