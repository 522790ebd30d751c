//! The capabilities that a template requires before CloudFormation deploys it.

use std::fmt;

use super::{Resource, Template};

/// A capability that `CreateChangeSet` requires.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// The template contains IAM resources.
    Iam,
    /// The template contains IAM resources with custom names. Includes [`Capability::Iam`].
    NamedIam,
    /// Macros or transforms change the template before the deployment.
    AutoExpand,
}

impl Capability {
    /// Returns the name in the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Iam => "CAPABILITY_IAM",
            Self::NamedIam => "CAPABILITY_NAMED_IAM",
            Self::AutoExpand => "CAPABILITY_AUTO_EXPAND",
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The properties that give an IAM resource a custom name (the `Capabilities` parameter of
/// `CreateStack`). The `PolicyName` of an inline policy is not one of them.
const NAMES: [&str; 5] = [
    "RoleName",
    "UserName",
    "GroupName",
    "ManagedPolicyName",
    "InstanceProfileName",
];

/// Returns the required capabilities, sorted.
///
/// The templates of nested stacks are not read; see [`merge`].
pub(super) fn required(template: &Template) -> Vec<Capability> {
    let mut needed = Vec::new();
    let iam: Vec<_> = template.resources().filter(is_iam).collect();
    if iam.iter().any(has_own_name) {
        needed.push(Capability::NamedIam);
    } else if !iam.is_empty() || template.is_serverless() {
        // The transform adds a role to a serverless function.
        needed.push(Capability::Iam);
    }
    if template.has_transforms() {
        needed.push(Capability::AutoExpand);
    }
    needed
}

/// Returns the capabilities of several templates together, sorted: those of a stack cover its nested
/// stacks.
pub fn merge(needed: impl IntoIterator<Item = Capability>) -> Vec<Capability> {
    let mut merged: Vec<Capability> = needed.into_iter().collect();
    merged.sort_unstable();
    merged.dedup();
    if merged.contains(&Capability::NamedIam) {
        merged.retain(|capability| *capability != Capability::Iam);
    }
    merged
}

fn is_iam(resource: &Resource<'_>) -> bool {
    resource
        .kind()
        .is_some_and(|kind| kind.starts_with("AWS::IAM::"))
}

fn has_own_name(resource: &Resource<'_>) -> bool {
    // These types refer to an existing user or group by its name.
    let attaches = matches!(
        resource.kind(),
        Some(
            "AWS::IAM::UserToGroupAddition"
                | "AWS::IAM::AccessKey"
                | "AWS::IAM::RolePolicy"
                | "AWS::IAM::UserPolicy"
                | "AWS::IAM::GroupPolicy"
        )
    );
    !attaches
        && resource
            .properties()
            .is_some_and(|properties| NAMES.iter().any(|name| properties.get(name).is_some()))
}
