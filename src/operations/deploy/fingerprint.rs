//! The digests of what the files say, by which a saved plan and its change set belong together.

use super::options::DeployOptions;
use crate::config::settings::Settings;
use crate::error::Result;
use crate::operations::build::Build;
use crate::plan::plan_file::Fingerprint;

/// The description of every change set of stackctl.
pub(crate) const DESCRIPTION: &str = "made by stackctl";

/// Returns the digests of what the files say.
pub(super) fn fingerprint(build: &Build, settings: &Settings, salt: &str) -> Fingerprint {
    let artifacts = build.artifacts.values();
    Fingerprint::of(
        salt,
        &build.body,
        &build.parameters,
        |name| build.is_no_echo(name),
        &settings.tags,
        settings.stack.termination_protection,
        artifacts.map(|artifact| (artifact.name.clone(), artifact.digest)),
    )
    .with_policy(build.stack_policy.as_ref())
}

/// Returns the description of the change set of a saved plan. It contains a digest of what the files say
/// and of the change set's name.
///
/// # Errors
///
/// If the digests cannot be written as JSON.
pub(super) fn description(
    build: &Build,
    settings: &Settings,
    name: &str,
    options: DeployOptions,
) -> Result<String> {
    let mark = fingerprint(build, settings, name).mark(
        options.on_failure,
        options.mode,
        options.skips_validation,
    )?;
    Ok(format!("{DESCRIPTION} for the saved plan {mark}"))
}
