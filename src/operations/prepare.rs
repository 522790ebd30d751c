//! What must be there before the artifacts are packaged: the results of their `build` commands and
//! the packages of their `requirements`.
//!
//! It comes before everything else that a command does, so that a build that fails stops the command
//! before any call to AWS.

use std::collections::VecDeque;

use indexmap::IndexMap;

use super::context::{end_on_interrupt, listen};
use super::session::Session;
use crate::artifact::build_command::BuildCommand;
use crate::artifact::package::Artifact;
use crate::artifact::requirements::{self, Packages};
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};

/// How many of a build's last lines are kept for a failure if `--quiet` was given.
const KEPT_LINES: usize = 1000;

/// Runs the `build` commands and fetches the packages of the artifacts.
///
/// Dropping the future ends what it has started.
///
/// # Errors
///
/// If a build fails, or what is wrong with a lock file or a package.
pub(crate) async fn prepare(session: &Session<'_>) -> Result<Packages> {
    build_artifacts(session).await?;
    fetch(session, session.settings()).await
}

/// Fetches the packages of the artifacts in these settings.
async fn fetch(session: &Session<'_>, settings: &Settings) -> Result<Packages> {
    // What one stack fetches, the next one finds.
    let _turn = session.context().builds().lock().await;
    let presenter = session.presenter();
    let ambient = session.context().ambient();
    requirements::fetch(session.project(), settings, ambient, |text| {
        presenter.note(text);
    })
    .await
}

/// Returns the artifacts for a command that only checks or prints. It runs the `build` commands, which
/// are the project's own code, only if `builds` is set. The artifacts that they would make are left out: the
/// template gets keys for them that say so.
///
/// # Errors
///
/// Those of [`prepare_alone`] and of [`PackagedOnce::build_all`](crate::artifact::package::PackagedOnce::build_all).
pub(crate) async fn artifacts(
    session: &Session<'_>,
    builds: bool,
) -> Result<IndexMap<String, Artifact>> {
    let (project, settings) = (session.project(), session.settings());
    if builds {
        let packages = prepare_alone(session).await?;
        return session
            .context()
            .packaged()
            .build_all(project, settings, &packages);
    }
    let mut others = settings.clone();
    others
        .artifacts
        .retain(|_, artifact| artifact.build.is_empty());
    let mut needs_packages = others.artifacts.values();
    let packages = if needs_packages.any(|artifact| artifact.requirements.is_some()) {
        let packages = listen(session.context())?
            .guard(fetch(session, &others))
            .await?;
        end_on_interrupt(session.context());
        packages
    } else {
        Packages::default()
    };
    let once = session.context().packaged();
    let mut built = once.build_all(project, &others, &packages)?;
    let mut all = IndexMap::new();
    for (name, artifact) in &settings.artifacts {
        if let Some(built) = built.shift_remove(name) {
            all.insert(name.clone(), built);
            continue;
        }
        let left_out = Artifact::not_built(&settings.project, name)?;
        if let Some(command) = BuildCommand::new(&artifact.build, project.root()) {
            session.presenter().note(&format!(
                "Not built: `{name}`. Its key is a placeholder, `{}`; `--build` runs `{}`.",
                left_out.key,
                command.shown()
            ));
        }
        all.insert(name.clone(), left_out);
    }
    Ok(all)
}

/// As [`prepare`], for a command that does not listen for Ctrl-C otherwise.
///
/// # Errors
///
/// Those of [`prepare`]; [`ErrorKind::Interrupted`](crate::error::ErrorKind::Interrupted) if a signal
/// arrives first.
pub(crate) async fn prepare_alone(session: &Session<'_>) -> Result<Packages> {
    let mut artifacts = session.settings().artifacts.values();
    if artifacts.all(|artifact| artifact.build.is_empty() && artifact.requirements.is_none()) {
        return Ok(Packages::default());
    }
    let packages = listen(session.context())?.guard(prepare(session)).await?;
    end_on_interrupt(session.context());
    Ok(packages)
}

/// Runs the `build` of each artifact, in the order of the manifest. The same command runs once, also for
/// several stacks: they build one after the other.
async fn build_artifacts(session: &Session<'_>) -> Result<()> {
    let settings = session.settings();
    let presenter = session.presenter();
    let path = session.context().ambient().variable("PATH");
    let mut builds = None;
    for (name, artifact) in &settings.artifacts {
        let Some(command) = BuildCommand::new(&artifact.build, session.project().root()) else {
            continue;
        };
        if builds.is_none() {
            builds = Some(session.context().builds().lock().await);
        }
        let ended = builds
            .as_ref()
            .and_then(|builds| builds.get(&command.shown()));
        match ended {
            Some(Ok(())) => continue,
            Some(Err(elsewhere)) => {
                return Err(Error::input(format!(
                    "the artifact `{name}` cannot be built: `{}` failed for `{elsewhere}`",
                    command.shown()
                )));
            }
            None => {}
        }
        let built = settings.artifacts.values();
        let built = built.filter(|it| !it.build.is_empty());
        let project = session.project();
        project.record_sources(built.map(|it| it.path.clone()));
        presenter.note(&format!("Building `{name}`: {}", command.shown()));
        let mut held = VecDeque::new();
        let run = command.run(path.unwrap_or_default(), |line| {
            if presenter.is_quiet() {
                if held.len() == KEPT_LINES {
                    held.pop_front();
                }
                held.push_back(line.to_owned());
            } else {
                presenter.program_line(line);
            }
        });
        let ran = run.await;
        if let Some(builds) = &mut builds {
            let label = session.context().label().to_owned();
            builds.insert(command.shown(), ran.as_ref().copied().map_err(|_| label));
        }
        if let Err(error) = ran {
            for line in &held {
                presenter.program_line(line);
            }
            let origin = settings.origins.get(&format!("artifacts.{name}.build"));
            let mut problem =
                Diagnostic::error("build-failed", error.to_string(), origin.place(""));
            problem.help = error.hints().to_vec();
            let mut failed = Error::new(
                error.kind(),
                format!("the artifact `{name}` cannot be built"),
            );
            if let Some(cause) = std::error::Error::source(&error) {
                failed = failed.caused_by(std::io::Error::other(cause.to_string()));
            }
            return Err(failed.with_diagnostics(vec![problem]));
        }
    }
    Ok(())
}
