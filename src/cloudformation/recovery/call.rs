//! The calls that a recovery sends, and their parameters.

use super::last_good::LastGood;
use crate::cloudformation::deletion::DeletionRequest;
use crate::config::settings::DeploymentMode;

/// A call of the API.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Call {
    /// Delete a change set, by ARN, that an earlier run of stackctl did not delete.
    DeleteChangeSet(String),
    /// Delete the stack.
    DeleteStack(DeletionRequest),
    /// Deploy the last template that succeeded, in EXPRESS mode.
    UpdateStack(Box<LastGood>),
    /// Roll back to the last stable state, or delete all resources if the stack has none.
    RollbackStack,
    /// Continue a rollback and skip these resources.
    ContinueUpdateRollback(Vec<String>),
    /// Cancel a running update, which rolls it back.
    CancelUpdateStack,
}

impl Call {
    /// Returns the operation's name in the API.
    pub const fn operation(&self) -> &'static str {
        match self {
            Self::DeleteChangeSet(_) => "DeleteChangeSet",
            Self::DeleteStack(_) => "DeleteStack",
            Self::UpdateStack(_) => "UpdateStack",
            Self::RollbackStack => "RollbackStack",
            Self::ContinueUpdateRollback(_) => "ContinueUpdateRollback",
            Self::CancelUpdateStack => "CancelUpdateStack",
        }
    }

    /// Returns its parameters, by their names in the API, without the stack and the role.
    pub(super) fn parameters(&self) -> impl Iterator<Item = (&'static str, Vec<String>)> {
        let lists = match self {
            Self::DeleteChangeSet(id) => vec![("ChangeSetName", vec![id.clone()])],
            Self::DeleteStack(request) => deletion_parameters(request),
            Self::UpdateStack(update) => {
                let mut lists = update.parameters();
                lists.extend(deployment_config(DeploymentMode::Express, true));
                lists
            }
            Self::ContinueUpdateRollback(skipped) => vec![("ResourcesToSkip", skipped.clone())],
            Self::RollbackStack | Self::CancelUpdateStack => Vec::new(),
        };
        lists.into_iter().filter(|(_, values)| !values.is_empty())
    }
}

/// Returns the parameters of a deletion, by their names in the API.
fn deletion_parameters(request: &DeletionRequest) -> Vec<(&'static str, Vec<String>)> {
    let forced = request
        .is_forced
        .then(|| ("DeletionMode", vec!["FORCE_DELETE_STACK".to_owned()]));
    [("RetainResources", request.retained.clone())]
        .into_iter()
        .chain(forced)
        .chain(deployment_config(request.mode, false))
        .collect()
}

/// Returns the configuration of an operation, by its name in the API; `None` in the standard mode.
fn deployment_config(
    mode: DeploymentMode,
    disables_rollback: bool,
) -> Option<(&'static str, Vec<String>)> {
    let config = || {
        vec![
            "Mode=EXPRESS".to_owned(),
            format!("DisableRollback={disables_rollback}"),
        ]
    };
    (mode == DeploymentMode::Express).then(|| ("DeploymentConfig", config()))
}
