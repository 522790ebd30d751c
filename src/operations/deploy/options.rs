//! What the command line asks of a deployment, beyond what the manifest says.

use crate::cloudformation::on_failure::OnFailure;
use crate::config::settings::DeploymentMode;

/// The options of `plan` and `apply` that shape a change set or its execution.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct DeployOptions {
    /// What CloudFormation does if the deployment fails.
    pub(crate) on_failure: OnFailure,
    /// Whether existing resources with the names that the template gives become part of the stack.
    pub(crate) import_existing: bool,
    /// Whether the change set is drift-aware: it reverts what was changed outside of CloudFormation.
    pub(crate) revert_drift: bool,
    /// The mode in which the change set is executed.
    pub(crate) mode: DeploymentMode,
    /// Whether CloudFormation's validations before the deployment are disabled.
    pub(crate) skips_validation: bool,
}
