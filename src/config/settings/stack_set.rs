//! The distribution of a stack as a stack set: the table `[stacks.NAME.stack_set]`.

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

/// The accounts and regions to which CloudFormation itself distributes a stack.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StackSetSettings {
    /// The target accounts, 12 digits each.
    pub accounts: Vec<String>,
    /// The target organizational units.
    pub organizational_units: Vec<String>,
    /// The target regions, in the order in which they are deployed.
    pub regions: Vec<String>,
    /// The permission model; without it, CloudFormation's default.
    pub permissions: Option<PermissionModel>,
    /// The failed accounts in each region after which CloudFormation stops: a number or a percentage.
    pub failure_tolerance: Option<String>,
    /// The accounts that are deployed at once: a number or a percentage.
    pub max_concurrent: Option<String>,
    /// Whether CloudFormation deploys to accounts that join the organizational units.
    pub auto_deployment: Option<bool>,
    /// The role with which CloudFormation assumes the execution role.
    pub administration_role: Option<String>,
    /// The name of the role in each target account.
    pub execution_role: Option<String>,
    /// The bucket of the artifacts by region.
    pub artifact_buckets: IndexMap<String, String>,
    /// By target, which is `ACCOUNT`, `REGION` or `ACCOUNT/REGION`: the values of parameters.
    pub overrides: IndexMap<String, IndexMap<String, String>>,
}

/// Who gives the permissions to deploy to the targets (`PermissionModel`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PermissionModel {
    /// Roles of the user in each account.
    SelfManaged,
    /// AWS Organizations.
    ServiceManaged,
}
