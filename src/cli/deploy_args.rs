//! The options that `plan` and `apply` share.

use crate::cloudformation::on_failure::OnFailure;
use crate::config::settings::DeploymentMode;
use crate::operations::deploy::options::DeployOptions;

/// The options of `plan` and `apply` that shape a change set or its execution.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option")]
pub(crate) struct DeployArgs {
    /// Keep a deployment that fails as it is then: the same as `--on-failure keep`
    #[arg(long, conflicts_with = "on_failure")]
    no_rollback: bool,
    /// What CloudFormation does with a deployment that fails
    #[arg(long, value_name = "WHAT", default_value = "rollback")]
    on_failure: OnFailure,
    /// Import existing resources that have the names in the template into the stack
    #[arg(long)]
    import_existing: bool,
    /// Also revert what was changed outside of CloudFormation, by a drift-aware change set
    #[arg(long)]
    revert_drift: bool,
    /// Deploy in EXPRESS mode: CloudFormation does not wait until the resources are stable
    #[arg(long)]
    express: bool,
    /// Disable CloudFormation's validations before the deployment
    #[arg(long)]
    no_validation: bool,
}

impl DeployArgs {
    /// Returns what the operations are given. `mode` is the manifest's.
    pub(crate) fn options(self, mode: DeploymentMode) -> DeployOptions {
        DeployOptions {
            on_failure: if self.no_rollback {
                OnFailure::Keep
            } else {
                self.on_failure
            },
            import_existing: self.import_existing,
            revert_drift: self.revert_drift,
            mode: mode.or_express(self.express),
            skips_validation: self.no_validation,
        }
    }

    /// Returns the same options as words of a command line, for hints.
    pub(crate) fn words(self) -> Vec<String> {
        let options = self.options(DeploymentMode::Standard);
        let on_failure = match options.on_failure {
            OnFailure::Rollback => None,
            OnFailure::Keep => Some("--on-failure keep"),
            OnFailure::Delete => Some("--on-failure delete"),
        };
        let import_existing = options.import_existing.then_some("--import-existing");
        let revert_drift = options.revert_drift.then_some("--revert-drift");
        let express = self.express.then_some("--express");
        let no_validation = self.no_validation.then_some("--no-validation");
        [
            on_failure,
            import_existing,
            revert_drift,
            express,
            no_validation,
        ]
        .into_iter()
        .flatten()
        .map(str::to_owned)
        .collect()
    }
}
