//! Stack sets: one template that CloudFormation deploys to many accounts and regions.

pub mod group;
pub mod instance;
pub mod operation;

use indexmap::IndexMap;

use crate::config::settings::{AccountFilter, Permissions};

/// The administration role of self-managed permissions if no other is named.
pub const ADMINISTRATION_ROLE: &str = "AWSCloudFormationStackSetAdministrationRole";

/// The execution role of self-managed permissions if no other is named.
pub const EXECUTION_ROLE: &str = "AWSCloudFormationStackSetExecutionRole";

/// The beginning of the names of the execution roles that CloudFormation creates for service-managed
/// permissions. They cannot deploy transforms, macros and nested stacks.
pub const SERVICE_EXECUTION_ROLE: &str = "stacksets-exec-";

/// A stack set as CloudFormation describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StackSet {
    /// The id, `NAME:UUID`. A new stack set with the same name has a different id.
    pub id: String,
    /// The ARN; empty if the API gives none.
    pub arn: String,
    /// The name.
    pub name: String,
    /// The description; empty if there is none.
    pub description: String,
    /// The status, unchanged from the API: `ACTIVE` or `DELETED`.
    pub status: String,
    /// The template; `None` if the API gives none.
    pub template: Option<String>,
    /// The values of the parameters by name. The API masks those with `NoEcho`.
    pub parameters: IndexMap<String, String>,
    /// The tags.
    pub tags: IndexMap<String, String>,
    /// The capabilities.
    pub capabilities: Vec<String>,
    /// The ARN of the administration role; `None` if the API gives none.
    pub administration_role: Option<String>,
    /// The name of the execution role; `None` if the API gives none.
    pub execution_role: Option<String>,
    /// Who creates the roles.
    pub permissions: Permissions,
    /// Whether accounts that join an organizational unit get the stacks automatically; `None` with
    /// self-managed permissions.
    pub auto_deployment: Option<AutoDeployment>,
    /// Whether operations that do not conflict run at the same time (`ManagedExecution`).
    pub managed_execution: bool,
    /// The organizational units that the stack set is deployed to.
    pub organizational_units: Vec<String>,
    /// The regions that it is deployed to, as far as the API gives them.
    pub regions: Vec<String>,
    /// The result of the last drift detection; `None` if there was none.
    pub drift: Option<SetDrift>,
}

/// Whether accounts that join or leave an organizational unit get or lose the stacks automatically.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AutoDeployment {
    /// Whether it is on.
    pub enabled: bool,
    /// Whether the stacks stay in accounts that leave the organizational unit.
    pub retains_stacks: bool,
}

/// The result of a drift detection of a stack set.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SetDrift {
    /// The drift status, unchanged from the API: `DRIFTED`, `IN_SYNC` or `NOT_CHECKED`.
    pub status: String,
    /// The number of instances that have drifted.
    pub drifted: usize,
    /// The number of instances that have not drifted.
    pub in_sync: usize,
    /// The number of instances for which the detection failed.
    pub failed: usize,
    /// The number of all instances.
    pub total: usize,
}

/// An account or an organizational unit, with a region.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The account, 12 digits, or the id of an organizational unit.
    pub account: String,
    /// The region.
    pub region: String,
}

impl Target {
    /// Returns the target.
    pub fn new(account: impl Into<String>, region: impl Into<String>) -> Self {
        Self {
            account: account.into(),
            region: region.into(),
        }
    }
}

impl std::fmt::Display for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.account, self.region)
    }
}

/// The accounts of organizational units that a request is for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AccountChoice {
    /// How the accounts count.
    pub filter: AccountFilter,
    /// The accounts, 12 digits each.
    pub accounts: Vec<String>,
}

impl StackSet {
    /// Returns the administration role that operations of the stack set assume, by its name or ARN; `None`
    /// with service-managed permissions.
    pub fn administration_role(&self) -> Option<&str> {
        administration_role(self.permissions, self.administration_role.as_deref())
    }

    /// Returns the role that operations of the stack set assume in the targets; `None` if it is one that
    /// CloudFormation creates.
    pub fn execution_role(&self) -> Option<&str> {
        execution_role(self.permissions, self.execution_role.as_deref())
    }
}

/// Returns the administration role by its name or ARN if this one is configured; the name of the default
/// role if none is.
pub fn administration_role(permissions: Permissions, role: Option<&str>) -> Option<&str> {
    let suffix = format!("role/{ADMINISTRATION_ROLE}");
    match permissions {
        Permissions::ServiceManaged => None,
        Permissions::SelfManaged => Some(
            role.filter(|role| !role.is_empty() && !role.ends_with(&suffix))
                .unwrap_or(ADMINISTRATION_ROLE),
        ),
    }
}

/// Returns the execution role if this one is configured; `None` for a role that CloudFormation creates.
pub fn execution_role(permissions: Permissions, role: Option<&str>) -> Option<&str> {
    let role = role.filter(|role| !role.is_empty());
    match permissions {
        Permissions::ServiceManaged => role.filter(|it| !it.starts_with(SERVICE_EXECUTION_ROLE)),
        Permissions::SelfManaged => Some(role.unwrap_or(EXECUTION_ROLE)),
    }
}

#[cfg(test)]
mod tests {
    use super::{administration_role, execution_role};
    use crate::config::settings::Permissions::{SelfManaged, ServiceManaged};

    #[test]
    fn a_role_that_is_not_named_is_the_default_one() {
        let own = "arn:aws:iam::123456789012:role/Own";
        let default = "arn:aws:iam::123456789012:role/AWSCloudFormationStackSetAdministrationRole";
        let name = "AWSCloudFormationStackSetAdministrationRole";
        for (permissions, role, expected) in [
            (SelfManaged, None, Some(name)),
            (SelfManaged, Some(""), Some(name)),
            (SelfManaged, Some(default), Some(name)),
            (SelfManaged, Some(own), Some(own)),
            (ServiceManaged, Some(own), None),
        ] {
            assert_eq!(administration_role(permissions, role), expected, "{role:?}");
        }
        let name = "AWSCloudFormationStackSetExecutionRole";
        for (permissions, role, expected) in [
            (SelfManaged, None, Some(name)),
            (SelfManaged, Some("Own"), Some("Own")),
            (ServiceManaged, None, None),
            (ServiceManaged, Some("stacksets-exec-0a1b"), None),
            (ServiceManaged, Some("Own"), Some("Own")),
        ] {
            assert_eq!(execution_role(permissions, role), expected, "{role:?}");
        }
    }
}
