//! The linter: started when the template is rendered; its report is read before anything is written.
//!
//! AWS's own rules run on a thread of their own while calls to AWS wait for their answers. In a build
//! without those rules, `plan` and `apply` do not lint: starting another program takes a second, which
//! only `validate` may spend.

use std::num::NonZero;
use std::sync::LazyLock;
use std::thread;

use indexmap::IndexMap;
use tokio::sync::{Semaphore, oneshot};

use super::build::Build;
use super::examine::is_wrong;
use super::session::Session;
use crate::config::settings::{ParameterValue, Settings};
use crate::diagnostic::{Diagnostic, capped};
use crate::error::{Error, Result};
use crate::template::lint::{self, Report, Subject};
use crate::template::render::RenderedTemplate;

/// A linter that runs on its own thread.
#[derive(Debug)]
pub(crate) struct RunningLinter(oneshot::Receiver<Result<Option<Report>>>);

/// Returns what the linter is asked about a rendered template.
///
/// # Errors
///
/// If a policy of the project cannot be read.
pub(crate) fn subject(session: &Session<'_>, rendered: &RenderedTemplate) -> Result<Subject> {
    let (project, settings) = (session.project(), session.settings());
    let plain = settings.parameters.iter().filter_map(|(name, value)| {
        let ParameterValue::Plain(value) = value else {
            return None;
        };
        Some((name.clone(), value.clone()))
    });
    Ok(Subject {
        source: rendered.source().clone(),
        region: settings.region.clone(),
        parameters: plain.collect::<IndexMap<_, _>>(),
        policies: project.policies()?,
        settings: settings.lint.clone(),
        root: project.root().to_path_buf(),
        ambient: session.context().ambient().clone(),
    })
}

/// Starts the linter if it is part of this program.
///
/// # Errors
///
/// If a policy of the project cannot be read.
pub(crate) fn start(
    session: &Session<'_>,
    rendered: &RenderedTemplate,
) -> Result<Option<RunningLinter>> {
    if !lint::IS_BUILT_IN {
        return Ok(None);
    }
    let subject = subject(session, rendered)?;
    let (sender, receiver) = oneshot::channel();
    thread::spawn(move || {
        // If the command has ended, nobody receives the report.
        let _ = sender.send(lint::lint(&subject));
    });
    Ok(Some(RunningLinter(receiver)))
}

/// Runs the linter on a thread of its own; as many run at the same time as there are processors.
///
/// # Errors
///
/// If the linter failed.
pub(crate) async fn on_thread(subject: Subject) -> Result<Option<Report>> {
    static RUNNING: LazyLock<Semaphore> = LazyLock::new(|| Semaphore::new(processors()));
    // The semaphore is never closed.
    let _running = RUNNING.acquire().await.ok();
    let linted = tokio::task::spawn_blocking(move || lint::lint(&subject)).await;
    linted.map_err(|error| Error::system("the linter ended without an answer", error))?
}

/// Returns how many threads this machine can run at the same time.
pub(crate) fn processors() -> usize {
    thread::available_parallelism().map_or(1, NonZero::get)
}

/// Waits for the linter and shows what it found.
///
/// # Errors
///
/// If the linter failed, or found an error.
pub(crate) async fn finish(
    session: &Session<'_>,
    linter: RunningLinter,
    build: &Build,
) -> Result<()> {
    match linter.0.await {
        Ok(report) => apply_findings(session, report?, build),
        Err(_) => Err(Error::input("the linter ended without an answer")),
    }
}

/// Runs the linter if it is part of this program, and shows what it found.
///
/// # Errors
///
/// If the linter failed, or found an error.
pub(crate) fn run(session: &Session<'_>, build: &Build) -> Result<()> {
    if !lint::IS_BUILT_IN {
        return Ok(());
    }
    let report = lint::lint(&subject(session, &build.rendered)?)?;
    apply_findings(session, report, build)
}

/// Returns the linter's findings at their places in the template and the manifest; of very many, only the
/// first.
pub(crate) fn located(
    settings: &Settings,
    report: Report,
    rendered: &RenderedTemplate,
) -> Vec<Diagnostic> {
    let findings = capped(report.findings).into_iter();
    findings
        .map(|finding| rendered.translate(finding, &settings.origins))
        .collect()
}

fn apply_findings(session: &Session<'_>, report: Option<Report>, build: &Build) -> Result<()> {
    let Some(report) = report else {
        return Ok(());
    };
    let settings = session.settings();
    let name = settings.template.display();
    let linter = report.linter.clone();
    let findings = located(settings, report, &build.rendered);
    let findings = lint::merge(build.warnings_for_linter(), findings);
    if !is_wrong(&findings) {
        session.presenter().diagnostics(&findings);
        return Ok(());
    }
    Err(Error::input(format!("{linter} found errors in `{name}`"))
        .with_diagnostics(findings)
        .hint("correct them, or name their rules in the manifest: `[lint] ignore = [\"RULE\"]`"))
}
