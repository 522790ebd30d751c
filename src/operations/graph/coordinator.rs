//! Several stacks that are planned, shown and deployed in one run, each by a task of its own.
//!
//! A task calls these functions in this order: [`Member::upstream`], [`Member::show`],
//! [`Member::consent`], [`Member::run`], [`Member::end`]. Each waits until the [`Schedule`] allows the
//! step. [`Coordinator::run`] runs the tasks, and one more that asks the user, once for all.

use std::cell::{Cell, RefCell};
use std::rc::Rc;

use tokio::sync::{Semaphore, SemaphorePermit, watch};

use super::group::Group;
use super::runner::{self, READS};
use super::schedule::{Schedule, Stage, Turn};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::context::Context;
use crate::present::format::Format;
use crate::present::stack_state::StackState;
use crate::present::{Presenter, human};
use crate::util::interrupt::Interrupt;

/// Why the task of a stack does not go on.
#[derive(Debug)]
pub(crate) enum Halt {
    /// Its plan or its deployment failed.
    Failed(Error),
    /// This stack, which it needs, was not done.
    NotBegun { because: usize },
    /// The user did not agree, or interrupted the run.
    Stopped,
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// What a stack asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Asked {
    /// What tells the stack apart.
    pub(crate) label: String,
    /// Its key in `[stacks]`.
    pub(crate) key: String,
    /// The stack with its account and region.
    pub(crate) place: String,
    /// What is lost, such as `Table is deleted with its items`.
    pub(crate) losses: Vec<String>,
    /// The options that allow it and do not name the stack.
    pub(crate) unqualified: Vec<String>,
    /// Whether nothing has to be done.
    pub(crate) is_empty: bool,
}

impl Asked {
    /// Returns the request of a stack that needs no consent.
    pub(crate) fn nothing(context: &Context) -> Self {
        Self {
            label: context.label().to_owned(),
            is_empty: true,
            ..Self::default()
        }
    }
}

/// The stacks of one run.
pub(crate) struct Coordinator {
    /// What tells the stacks apart.
    labels: Vec<String>,
    /// Their keys in `[stacks]`.
    keys: Vec<Option<String>>,
    schedule: RefCell<Schedule>,
    changed: watch::Sender<()>,
    asked: RefCell<Vec<Option<Asked>>>,
    /// The stacks whose plans a guard refuses, which keeps all of them from being executed.
    objections: RefCell<Vec<String>>,
    /// Why nothing more is begun.
    refusal: RefCell<Option<Error>>,
    interrupt: Interrupt,
    /// How many stacks are read at the same time.
    reads: Semaphore,
    presenter: Presenter,
    has_printed: Cell<bool>,
}

impl Coordinator {
    /// Returns the coordinator of these stacks: `needs` are the stacks that each one needs, which are
    /// before it.
    pub(crate) fn new(
        context: &Context,
        members: &[Rc<Context>],
        needs: Vec<Vec<usize>>,
        interrupt: Interrupt,
    ) -> Self {
        let labels = members.iter().map(|member| member.label().to_owned());
        let keys = members.iter().map(|member| member.target()?.stack.clone());
        Self {
            labels: labels.collect(),
            keys: keys.collect(),
            asked: RefCell::new(vec![None; needs.len()]),
            schedule: RefCell::new(Schedule::new(needs, context.jobs())),
            changed: watch::Sender::new(()),
            objections: RefCell::default(),
            refusal: RefCell::default(),
            interrupt,
            reads: Semaphore::new(READS),
            presenter: context.presenter().clone(),
            has_printed: Cell::new(false),
        }
    }

    /// Returns the task's part of one stack.
    pub(crate) fn member(&self, stack: usize) -> Member<'_> {
        Member {
            coordinator: self,
            stack,
        }
    }

    /// Returns what tells a stack apart.
    pub(crate) fn label(&self, stack: usize) -> &str {
        self.labels.get(stack).map_or("", String::as_str)
    }

    /// Returns the key of a stack in `[stacks]`.
    pub(crate) fn key(&self, stack: usize) -> Option<&str> {
        self.keys.get(stack)?.as_deref()
    }

    /// Returns what tells the stacks apart that have failed.
    pub(crate) fn failed(&self) -> Vec<&str> {
        let schedule = self.schedule.borrow();
        let all = self.labels.iter().zip(schedule.stages());
        let failed = all.filter(|(_, stage)| **stage == Stage::Failed);
        failed.map(|(label, _)| label.as_str()).collect()
    }

    /// Returns whether a stack is as it should be.
    pub(super) fn is_done(&self, stack: usize) -> bool {
        self.schedule.borrow().stages().get(stack) == Some(&Stage::Done)
    }

    /// Returns the error that ended the run as a whole.
    pub(crate) fn take_refusal(&self) -> Option<Error> {
        self.refusal.take()
    }

    /// Runs a task for each stack of the group, and asks once for all. `task` gets the context of a stack and
    /// its place in the group. Returns the most important of the exit codes.
    ///
    /// # Errors
    ///
    /// Those of [`runner::run`].
    pub(super) async fn run<F, W>(
        &self,
        group: Group<'_>,
        ask: impl AsyncFnOnce(&[Asked], &[&str]) -> Result<()>,
        task: F,
    ) -> Result<u8>
    where
        F: Fn(Rc<Context>, usize) -> W,
        W: Future<Output = Result<u8>> + 'static,
    {
        let count = group.members().len();
        let next = Cell::new(0);
        let begun = runner::run(group, count, |context| {
            let stack = next.get();
            next.set(stack + 1);
            task(context, stack)
        });
        let asking = async {
            tokio::join!(self.obtain_consent(ask), self.stop_on_interrupt());
            std::future::pending().await
        };
        tokio::select! {
            biased;
            code = begun => code,
            never = asking => never,
        }
    }

    /// Returns the exit code of a run; the error of one that was interrupted, with the hint on how to go on.
    ///
    /// # Errors
    ///
    /// That of the run; [`ErrorKind::Interrupted`] also if nothing was left to be done for the signal.
    pub(super) fn finish(&self, code: Result<u8>, resume: &str) -> Result<u8> {
        let code = code.map_err(|error| match error.kind() {
            ErrorKind::Interrupted => {
                Error::new(ErrorKind::Interrupted, error.to_string()).hint(resume)
            }
            _ => error,
        })?;
        if self.interrupt.is_requested() && code == 0 {
            return Err(Error::new(ErrorKind::Interrupted, "interrupted"));
        }
        Ok(code)
    }

    /// Asks for consent once every plan was shown or cannot be. `ask` gets what each stack asks for; it is
    /// not called if nothing has to be done. The others are the labels of those that cannot be done.
    async fn obtain_consent(&self, ask: impl AsyncFnOnce(&[Asked], &[&str]) -> Result<()>) {
        self.when(|schedule| schedule.is_shown().then_some(()))
            .await;
        let (mut asked, mut others) = (Vec::new(), Vec::new());
        for (label, slot) in self.labels.iter().zip(&*self.asked.borrow()) {
            match slot {
                Some(it) => asked.push(it.clone()),
                None => others.push(label.as_str()),
            }
        }
        let objections = self.objections.borrow().join(", ");
        let agreed = if !objections.is_empty() {
            // Each objection was printed.
            Err(Error::refused(format!(
                "nothing was applied, because of {objections}"
            )))
        } else if asked.iter().all(|it| it.is_empty) {
            Ok(())
        } else {
            self.interrupt.guard(ask(&asked, &others)).await
        };
        match agreed {
            Ok(()) => self.update(Schedule::agree),
            Err(error) => self.refuse(error),
        }
    }

    /// Begins nothing more, for a reason that concerns the whole run. The first reason counts.
    pub(crate) fn refuse(&self, error: Error) {
        self.refusal.borrow_mut().get_or_insert(error);
        self.update(Schedule::stop);
    }

    /// Begins nothing more as soon as the user interrupts the run.
    async fn stop_on_interrupt(&self) {
        self.interrupt.requested().await;
        self.update(Schedule::stop);
    }

    fn update(&self, change: impl FnOnce(&mut Schedule)) {
        change(&mut self.schedule.borrow_mut());
        self.changed.send_replace(());
    }

    /// Waits until the schedule gives an answer.
    async fn when<T>(&self, mut answer: impl FnMut(&mut Schedule) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        loop {
            changes.mark_unchanged();
            let given = answer(&mut self.schedule.borrow_mut());
            if let Some(given) = given {
                return given;
            }
            // The sender lives as long as the coordinator.
            let _ = changes.changed().await;
        }
    }
}

/// The part of one stack's task.
#[derive(Clone, Copy)]
pub(crate) struct Member<'a> {
    coordinator: &'a Coordinator,
    stack: usize,
}

impl<'a> Member<'a> {
    /// Returns the coordinator.
    pub(crate) fn coordinator(&self) -> &'a Coordinator {
        self.coordinator
    }

    /// Waits until this stack may be read. It counts until the result is dropped.
    pub(crate) async fn read(&self) -> Option<SemaphorePermit<'a>> {
        // The semaphore is never closed.
        self.coordinator.reads.acquire().await.ok()
    }

    /// Keeps every plan from being executed, because a guard refuses that of this stack.
    pub(crate) fn object(&self) {
        let label = self.coordinator.label(self.stack).to_owned();
        self.coordinator.objections.borrow_mut().push(label);
    }

    /// Waits until the stacks that this one needs were planned, and returns those that may change what it
    /// reads from them.
    ///
    /// # Errors
    ///
    /// [`Halt::NotBegun`] if one of them has failed.
    pub(crate) async fn upstream(&self) -> Result<Vec<usize>, Halt> {
        self.turn(|schedule, stack| schedule.turn_to_plan(stack))
            .await
    }

    /// Waits for its place in the order of the graph, and shows the plan. `changes` is whether the plan may
    /// change what others read from the stack.
    ///
    /// # Errors
    ///
    /// [`Halt::NotBegun`]; those of `show`.
    pub(crate) async fn show(
        &self,
        changes: bool,
        show: impl FnOnce() -> Result<()>,
    ) -> Result<(), Halt> {
        self.update(|schedule, stack| schedule.planned(stack, changes));
        self.turn(|schedule, stack| schedule.turn_to_show(stack))
            .await?;
        show()?;
        Ok(())
    }

    /// [Prints](Self::print) what the stack's own presenter has kept, if it is for people. The others read one
    /// document at the end.
    pub(crate) fn print_if(&self, context: &Context, format: Format) {
        if format == Format::Human {
            self.print(context);
        }
    }

    /// Prints what the stack's own presenter has kept, under a line with the stack's name.
    pub(crate) fn print(&self, context: &Context) {
        let coordinator = self.coordinator;
        let parts = context.presenter().take_output();
        if parts.is_empty() {
            return;
        }
        let gap = if coordinator.has_printed.replace(true) {
            "\n"
        } else {
            ""
        };
        let heading = human::stacks::heading(context.label(), &[]);
        coordinator.presenter.data(&format!("{gap}{heading}"));
        for part in parts {
            coordinator.presenter.part(part);
        }
    }

    /// Asks for consent, and waits for it and for everything that this stack needs.
    ///
    /// # Errors
    ///
    /// [`Halt::NotBegun`] if something that it needs has failed; [`Halt::Stopped`] if the user did not
    /// agree.
    pub(crate) async fn consent(&self, asked: Asked) -> Result<(), Halt> {
        if let Some(slot) = self.coordinator.asked.borrow_mut().get_mut(self.stack) {
            *slot = Some(asked);
        }
        self.update(Schedule::shown);
        self.turn(|schedule, stack| schedule.turn_to_begin(stack))
            .await
    }

    /// Waits until this stack may be deployed.
    ///
    /// # Errors
    ///
    /// [`Halt::Stopped`] if the run has ended by then.
    pub(crate) async fn run(&self) -> Result<(), Halt> {
        self.turn(Schedule::turn_to_run).await
    }

    /// Reports how the task ended.
    pub(crate) fn end<T>(&self, ended: &Result<T, Halt>) {
        self.update(|schedule, stack| match ended {
            Ok(_) => schedule.ended(stack, true),
            Err(Halt::NotBegun { because }) => schedule.not_begun(stack, *because),
            Err(Halt::Failed(_) | Halt::Stopped) => schedule.ended(stack, false),
        });
    }

    /// Shows how the task ended: `Ok` tells whether something was to be done. `undone` follows the name of
    /// the stack that kept this one from being begun, such as `was not deleted`.
    ///
    /// # Errors
    ///
    /// That of a stack that failed.
    pub(crate) fn show_end(
        &self,
        context: &Context,
        ended: Result<bool, Halt>,
        undone: &str,
    ) -> Result<u8> {
        let presenter = context.presenter();
        match ended {
            Ok(true) => presenter.set_state(StackState::Done, ""),
            Ok(false) => presenter.set_state(StackState::Unchanged, ""),
            Err(Halt::Failed(error)) => return Err(error),
            Err(Halt::NotBegun { because }) => {
                let label = self.coordinator.label(because);
                presenter.set_state(StackState::NotBegun, &format!("{label} {undone}"));
            }
            Err(Halt::Stopped) => presenter.set_state(StackState::NotBegun, ""),
        }
        Ok(0)
    }

    fn update(&self, change: impl FnOnce(&mut Schedule, usize)) {
        let stack = self.stack;
        self.coordinator.update(|schedule| change(schedule, stack));
    }

    /// Waits for a turn, or for the user to stop the run.
    async fn turn<T>(&self, turn: impl Fn(&mut Schedule, usize) -> Turn<T>) -> Result<T, Halt> {
        let stack = self.stack;
        let turn = self
            .coordinator
            .when(|schedule| match turn(schedule, stack) {
                Turn::Wait => None,
                turn => Some(turn),
            });
        match turn.await {
            Turn::Go(given) => Ok(given),
            Turn::Never { because } => Err(Halt::NotBegun { because }),
            Turn::Stopped | Turn::Wait => Err(Halt::Stopped),
        }
    }
}
