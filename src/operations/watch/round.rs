//! One run of `watch`: what it does, and how it ended.

use std::cell::{Cell, OnceCell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::watch::Sender;
use tokio::time::Instant;

use super::WatchOptions;
use super::outcome::Outcome;
use super::queue::Phase;
use super::report::Report;
use crate::aws::Connection;
use crate::cloudformation::change_set::Action;
use crate::cloudformation::function::FUNCTION_TYPE;
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::build;
use crate::operations::context::{Context, listen};
use crate::operations::deploy::application::Application;
use crate::operations::deploy::consent::Consent;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::options::DeployOptions;
use crate::operations::deploy::{import, moves, readiness};
use crate::operations::hotswap::{self, Hotswap, HotswapDecision};
use crate::operations::logs::{self, LogOptions};
use crate::operations::prepare::prepare;
use crate::operations::session::Session;
use crate::operations::upstream::inputs;
use crate::plan::Plan;
use crate::present::event_filter::EventFilter;
use crate::present::format::{Format, PlanFormat};
use crate::util::interrupt::Interrupt;

/// What is known of a stack between two swaps, and of which stack.
pub(super) type Known = Rc<RefCell<Option<(String, Hotswap)>>>;

/// One run.
pub(super) struct Round<'a> {
    pub(super) options: WatchOptions,
    pub(super) report: &'a Report,
    pub(super) phase: &'a Sender<Phase>,
    pub(super) started: Instant,
    pub(super) known: Known,
    /// Whether the environment does not allow what the command line asks for.
    pub(super) is_forbidden: Cell<bool>,
    /// Whether the run has failed.
    pub(super) has_failed: Cell<bool>,
}

impl Round<'_> {
    /// Returns the format of the plan.
    pub(super) fn plan_format(&self) -> PlanFormat {
        match self.options.format {
            Format::Human => PlanFormat::Human,
            Format::Json => PlanFormat::Json,
        }
    }

    /// Deploys what the files say, with all guards of `apply`, and shows the logs of the functions that changed.
    ///
    /// # Errors
    ///
    /// Refused if the environment does not allow it, or by a guard; whatever keeps the deployment from
    /// succeeding.
    pub(super) async fn apply(&self, context: &Context) -> Result<()> {
        let session = Session::open_stack(context)?;
        check_allowed(&session).inspect_err(|_| self.is_forbidden.set(true))?;
        let settings = session.settings();
        let ended = RefCell::new(None);
        let repeated = |more: &[String]| {
            let words = [&["apply".to_owned()], more].concat();
            session.command(&words.join(" "))
        };
        let application = Application {
            consent: Consent {
                yes: true,
                stack: settings.stack_key.clone(),
                allow_replace: &[],
                allow_delete: &[],
                repeated: &repeated,
            },
            options: DeployOptions {
                mode: DeploymentMode::Standard,
                ..DeployOptions::default()
            },
            events: EventFilter::All,
            verify: false,
            outputs_file: None,
            ended: Some(&ended),
        };
        let import_session = OnceCell::new();
        let mut deployment = Deployment::open(&session).await?;
        inputs::provisional(&mut deployment).await?;
        readiness::prepare(&mut deployment, true, true, EventFilter::All).await?;
        let deployment = moves::refuse_pending(deployment).await?;
        let mut deployment = import::first(deployment, &import_session)?;
        let prepared = application.prepare(&deployment).await?;
        let (plan, pending) = (&prepared.plan, prepared.pending.as_ref());
        let agreed = self.show(&deployment, plan).and_then(|()| {
            let checked = application.consent.check(&deployment, plan, pending);
            checked.and_then(|()| self.deploy(deployment.interrupt()))
        });
        if let Err(error) = agreed {
            return Err(prepared.discard_after(&deployment, error).await);
        }
        application.execute(&mut deployment, &prepared).await?;
        let functions = changed_functions(plan);
        let stack = ended.take();
        let outcome = match &stack {
            Some(stack) if !plan.is_empty() => Outcome::Applied {
                stack: stack.name.clone(),
                status: stack.status.to_string(),
                functions: functions.clone(),
            },
            _ => Outcome::Unchanged(settings.stack_name.clone()),
        };
        self.done(context, &outcome)?;
        match stack {
            Some(stack) if !functions.is_empty() => {
                let connection = deployment.connection();
                self.follow_logs(&session, connection, &stack, functions)
                    .await
            }
            _ => Ok(()),
        }
    }

    /// Sends the code of functions past CloudFormation where nothing else of them has changed. Returns whether
    /// that was all; everything else needs a deployment, and the reasons were shown.
    ///
    /// # Errors
    ///
    /// Refused if the environment does not allow it; what is wrong with the files; if a function does not run
    /// the new code.
    pub(super) async fn hotswap(&self, context: &Context) -> Result<bool> {
        let session = Session::open_stack(context)?;
        hotswap::check_allowed(&session).inspect_err(|_| self.is_forbidden.set(true))?;
        let interrupt = listen(context)?;
        let target = target(&session);
        let known = self.known.take().filter(|(known, _)| *known == target);
        let (mut hotswap, decision) = if let Some((_, mut hotswap)) = known {
            let wheels = interrupt.guard(prepare(&session)).await;
            let building = wheels.map(|wheels| build::build_concurrently(&session, wheels));
            let both = async {
                let building = async { building?.await };
                let (build, caught_up) = tokio::join!(building, hotswap.catch_up(&session));
                caught_up.map(|()| build)
            };
            let build = match interrupt.guard(both).await? {
                Ok(build) => build,
                Err(error) => {
                    // What is wrong with the files says nothing about the stack.
                    self.known.replace(Some((target, hotswap)));
                    return Err(error);
                }
            };
            let decision = hotswap.decide(&session, &build);
            (hotswap, decision)
        } else {
            let deployment = Deployment::open(&session).await?;
            if deployment
                .stack()
                .is_none_or(|stack| !stack.status.exists())
            {
                explain(context, &["the stack is not deployed yet".to_owned()]);
                return Ok(false);
            }
            let hotswap = interrupt.guard(Hotswap::open(&deployment)).await?;
            let decision = hotswap.decide(&session, deployment.build());
            (hotswap, decision)
        };
        let HotswapDecision { swaps, others } = decision;
        let mut failed = None;
        if !swaps.is_empty() {
            self.deploy(&interrupt)?;
            let swapped = async { Ok(hotswap.swap(&swaps).await) };
            for outcome in interrupt.guard(swapped).await? {
                let (id, seconds) = (&outcome.logical_id, outcome.took.as_secs_f64());
                match outcome.result {
                    Ok(()) => self.report.swapped(id, seconds),
                    Err(error) => {
                        let error = error.within(format!("the code of `{id}` was not swapped"));
                        failed = Some(self.keep_first(failed, error));
                    }
                }
            }
        }
        let (connection, stack) = (hotswap.connection().clone(), hotswap.stack().clone());
        let lag = hotswap.lag(&session).unwrap_or_default();
        self.known.replace(Some((target, hotswap)));
        if let Some(error) = failed {
            return Err(error);
        }
        if !others.is_empty() {
            self.phase.send_replace(Phase::Planning);
            explain(context, &others);
            return Ok(false);
        }
        if swaps.is_empty() {
            self.done(context, &Outcome::Unchanged(stack.name))?;
            return Ok(true);
        }
        let functions: Vec<String> = swaps.into_iter().map(|swap| swap.logical_id).collect();
        let swapped = Outcome::Swapped {
            functions: functions.clone(),
            lag,
        };
        self.done(context, &swapped)?;
        self.follow_logs(&session, &connection, &stack, functions)
            .await?;
        Ok(true)
    }

    /// Returns the first error, and shows a further one.
    fn keep_first(&self, first: Option<Error>, error: Error) -> Error {
        match first {
            None => error,
            Some(first) => {
                self.report.also_failed(&error);
                first
            }
        }
    }

    fn show(&self, deployment: &Deployment<'_>, plan: &Plan) -> Result<()> {
        self.plan_format()
            .print(plan, deployment.session().presenter())?;
        import::explain(deployment);
        Ok(())
    }

    /// Says that the run changes the stack from now on.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Interrupted`] if a save has stopped the run before.
    fn deploy(&self, interrupt: &Interrupt) -> Result<()> {
        if interrupt.is_requested() {
            return Err(Error::new(ErrorKind::Interrupted, "stopped"));
        }
        self.phase.send_replace(Phase::Deploying);
        Ok(())
    }

    /// Reports how the run ended. From now on, it can be stopped.
    ///
    /// # Errors
    ///
    /// If the output cannot be written as JSON.
    pub(super) fn done(&self, context: &Context, outcome: &Outcome) -> Result<()> {
        self.report.print_kept(context.presenter())?;
        self.report.done(outcome, self.started.elapsed())?;
        self.phase.send_replace(Phase::Done);
        Ok(())
    }

    /// Reports why the run failed, unless it was stopped.
    pub(super) fn failed(&self, error: Error) {
        let phase = *self.phase.borrow();
        let is_stopped = error.kind() == ErrorKind::Interrupted && phase != Phase::Deploying;
        if !is_stopped {
            self.report.failed(error, phase, self.started.elapsed());
        }
        self.phase.send_replace(Phase::Done);
    }

    /// Shows the log lines of these functions since the run began, until it is stopped.
    async fn follow_logs(
        &self,
        session: &Session<'_>,
        connection: &Connection,
        stack: &Stack,
        functions: Vec<String>,
    ) -> Result<()> {
        if !self.options.logs {
            return Ok(());
        }
        let options = LogOptions {
            functions,
            since: self.started.elapsed() + Duration::from_secs(1),
            filter: None,
            follow: true,
            format: self.options.format,
        };
        let interrupt = listen(session.context())?;
        logs::run(session, &interrupt, connection, stack, &options).await
    }
}

/// Shows why code is not swapped.
fn explain(context: &Context, reasons: &[String]) {
    for reason in reasons {
        context.presenter().note(&format!("Not swapped: {reason}."));
    }
}

/// Refuses an environment that does not allow it.
fn check_allowed(session: &Session<'_>) -> Result<()> {
    let settings = session.settings();
    if settings.allows_watch_to_apply() {
        return Ok(());
    }
    let environment = &settings.environment;
    Err(Error::refused(format!(
        "the environment `{environment}` does not allow `watch --apply`"
    ))
    .hint(format!(
        "write `watch = \"apply\"` into `[environments.{environment}]`, or leave out `--apply`"
    )))
}

/// Returns what tells the stack and its credentials from others.
fn target(session: &Session<'_>) -> String {
    let settings = session.settings();
    let parts = [
        Some(&settings.stack_name),
        settings.region.as_ref(),
        settings.profile.as_ref(),
        settings.account.as_ref(),
        settings.artifact_bucket.as_ref(),
    ];
    format!("{parts:?}, {}", settings.emulator)
}

/// Returns the logical ids of the functions that a plan adds or changes.
fn changed_functions(plan: &Plan) -> Vec<String> {
    let functions = plan.changes().iter().filter(|change| {
        change.resource_type == FUNCTION_TYPE
            && matches!(change.action, Action::Add | Action::Modify)
    });
    functions.map(|change| change.logical_id.clone()).collect()
}
