//! What a template asks a person to agree to before CloudFormation deploys it.

use std::fmt;

use super::{Resource, Template};

/// Something that `CreateChangeSet` wants to be acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Capability {
    /// The template has IAM resources.
    Iam,
    /// The template has IAM resources with names of its own choice. Includes [`Capability::Iam`].
    NamedIam,
    /// Macros or transforms change the template before it is deployed.
    AutoExpand,
}

impl Capability {
    /// Returns the name that the API knows it by.
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

/// The properties that name an IAM resource, from the `Capabilities` parameter of `CreateStack`. The
/// `PolicyName` of an inline policy is not one: it names nothing outside its role.
const NAMES: [&str; 5] = [
    "RoleName",
    "UserName",
    "GroupName",
    "ManagedPolicyName",
    "InstanceProfileName",
];

/// Returns what the template itself shows to be needed, sorted.
///
/// A nested stack needs what its own template needs, which cannot be seen from here; CloudFormation
/// then refuses and says what is missing.
pub(super) fn required(template: &Template) -> Vec<Capability> {
    let mut needed = Vec::new();
    let serverless = template
        .transforms()
        .any(|name| name.starts_with("AWS::Serverless"));
    let iam: Vec<_> = template.resources().filter(is_iam).collect();
    if iam.iter().any(has_own_name) {
        needed.push(Capability::NamedIam);
    } else if !iam.is_empty() || serverless {
        // A serverless function brings its role.
        needed.push(Capability::Iam);
    }
    if template.has_transforms() {
        needed.push(Capability::AutoExpand);
    }
    needed
}

fn is_iam(resource: &Resource<'_>) -> bool {
    resource
        .kind()
        .is_some_and(|kind| kind.starts_with("AWS::IAM::"))
}

fn has_own_name(resource: &Resource<'_>) -> bool {
    // These attach something to a user or group that exists already: the name is a reference.
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
