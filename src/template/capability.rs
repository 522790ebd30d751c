//! The capabilities that a template requires before CloudFormation deploys it.

use std::fmt;

use super::node::{Map, Node};
use super::{Entry, Resource, Template};

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
    let mut resources = Vec::new();
    if let Some(section) = template.section("Resources") {
        collect(section, &mut resources);
    }
    if resources.iter().any(|it| is_iam(it) && has_own_name(it)) {
        needed.push(Capability::NamedIam);
    } else if resources
        .iter()
        .any(|it| is_iam(it) || makes_iam(template, it))
    {
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

/// Collects the resources of a section, and those in the bodies of its `Fn::ForEach` loops.
fn collect<'a>(section: &'a Map, resources: &mut Vec<Resource<'a>>) {
    for (name, member) in section {
        if name.starts_with("Fn::ForEach::") {
            let argument = member.node.as_list().unwrap_or_default();
            if let Some(body) = argument.get(2).and_then(Node::as_map) {
                collect(body, resources);
            }
        } else {
            let entry = Entry {
                name,
                name_span: &member.key_span,
                node: &member.node,
            };
            resources.push(Resource { entry });
        }
    }
}

/// Returns whether a known transform may create an IAM resource for this resource.
///
/// AWS SAM creates a role for a function without one, for connectors, for deployment preferences and
/// for schedules. None of these has a name of its own.
fn makes_iam(template: &Template, resource: &Resource<'_>) -> bool {
    let kind = resource.kind().unwrap_or_default();
    if kind == "AWS::SecretsManager::RotationSchedule" {
        let properties = resource.properties();
        let is_hosted = |name: &str| name.starts_with("AWS::SecretsManager-");
        return template.transforms().any(is_hosted)
            && properties.is_some_and(|it| it.get("HostedRotationLambda").is_some());
    }
    if !template.is_serverless() {
        return false;
    }
    if resource.attribute("Connectors").is_some() {
        return true;
    }
    let Some(kind) = kind.strip_prefix("AWS::Serverless::") else {
        return false;
    };
    let has = |name: &str| template.property(*resource, name).is_some();
    match kind {
        "Api" | "HttpApi" | "LayerVersion" | "SimpleTable" => false,
        "Function" => {
            let events = resource.properties().and_then(|it| it.get("Events"));
            let has_schedule = events.is_some_and(|it| it.contains_text("ScheduleV2"));
            !has("Role") || has("DeploymentPreference") || has_schedule
        }
        "StateMachine" => !has("Role") || has("Events"),
        _ => true,
    }
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
