//! The effects of deleting a stack, on its resources and on other stacks.

use crate::cloudformation::service_message;
use crate::cloudformation::stack::Resource;
use crate::cloudformation::stateful::stored_data;
use crate::config::settings::DeploymentMode;
use crate::template::STACK_TYPE;
use crate::template::evaluate::Evaluator;
use crate::template::policy::{Policy, deletion_policy};

/// The type of a bucket, which CloudFormation deletes only when it is empty.
const BUCKET: &str = "AWS::S3::Bucket";

/// How the deletion of a stack is requested.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeletionRequest {
    /// The resources to leave behind, by logical id. CloudFormation accepts them only in `DELETE_FAILED`.
    pub retained: Vec<String>,
    /// Whether the resources that could not be deleted, and those that they depend on, are left behind
    /// (`FORCE_DELETE_STACK`). CloudFormation accepts that only in `DELETE_FAILED`.
    pub is_forced: bool,
    /// The mode of the deletion.
    pub mode: DeploymentMode,
}

/// What happens to a resource if its stack is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionOutcome {
    /// The resource is deleted with its data.
    Deleted,
    /// The resource is retained, outside of any stack.
    Retained,
    /// The resource is deleted after a snapshot.
    Snapshotted,
    /// The resource may be deleted with its data: its policy is computed from a value that is not known.
    Unknown,
    /// An earlier deletion retained the resource.
    LeftBehind,
}

impl DeletionOutcome {
    /// Returns the name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Retained => "retained",
            Self::Snapshotted => "snapshotted",
            Self::Unknown => "unknown",
            Self::LeftBehind => "left-behind",
        }
    }

    /// Returns the text for messages.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Retained => "retained",
            Self::Snapshotted => "deleted after a snapshot",
            Self::Unknown => "may be deleted",
            Self::LeftBehind => "retained earlier",
        }
    }

    /// Returns the outcome of a policy.
    pub const fn of(policy: Policy) -> Self {
        match policy {
            Policy::Delete => Self::Deleted,
            // RetainExceptOnCreate deletes a resource only in the rollback of its creation.
            Policy::Retain | Policy::RetainExceptOnCreate => Self::Retained,
            Policy::Snapshot => Self::Snapshotted,
            Policy::Unknown => Self::Unknown,
        }
    }

    /// Returns whether the resource is deleted with the stack. If that is not known, it counts as
    /// deleted.
    pub const fn is_deleted(self) -> bool {
        matches!(self, Self::Deleted | Self::Snapshotted | Self::Unknown)
    }
}

/// A resource, and what happens to it if the stack is deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceDeletion {
    /// The logical id, after the path of its nested stack, such as `Storage/Files`.
    pub path: String,
    /// The resource.
    pub resource: Resource,
    /// What happens to the resource.
    pub outcome: DeletionOutcome,
    /// The data that is lost, such as `its items`; `None` if the resource stores no data.
    pub lost: Option<&'static str>,
    /// The contents of a bucket that is deleted; `None` for other resources, and if they cannot be
    /// listed.
    pub contents: Option<Contents>,
    /// Whether the bucket is emptied first.
    pub emptied: bool,
}

/// The contents of a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// How many versions and delete markers were counted, at most 1,000 (the page size of
    /// `ListObjectVersions`).
    pub versions: usize,
    /// Whether the bucket contains more.
    pub more: bool,
}

impl Contents {
    /// Returns whether the bucket is empty.
    pub const fn is_empty(self) -> bool {
        self.versions == 0 && !self.more
    }
}

/// An export that other stacks import, which prevents the deletion of the stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedExport {
    /// The export's name.
    pub name: String,
    /// The importing stacks' names.
    pub importers: Vec<String>,
}

/// The effects of deleting a stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeletionPlan {
    /// The existing resources. Those of a nested stack follow the nested stack.
    pub resources: Vec<ResourceDeletion>,
    /// The exports that prevent the deletion.
    pub exports: Vec<UsedExport>,
}

impl DeletionPlan {
    /// Returns the buckets that would be deleted.
    pub fn buckets(&self) -> impl Iterator<Item = &ResourceDeletion> {
        self.resources.iter().filter(|deletion| {
            deletion.resource.resource_type == BUCKET && deletion.outcome.is_deleted()
        })
    }

    /// Returns the resources whose data is lost: those that are deleted and store data. An empty bucket
    /// has none, and a bucket that is neither empty nor emptied cannot be deleted.
    pub fn losses(&self) -> impl Iterator<Item = &ResourceDeletion> {
        self.resources.iter().filter(|deletion| {
            let is_deleted = deletion.outcome.is_deleted();
            let is_there = deletion.resource.physical_id.is_some();
            let holds_data = if deletion.resource.resource_type == BUCKET {
                deletion.emptied && !deletion.contents.is_some_and(Contents::is_empty)
            } else {
                deletion.lost.is_some()
            };
            is_deleted && is_there && holds_data
        })
    }

    /// Returns the number of resources with an outcome.
    pub fn count(&self, outcome: DeletionOutcome) -> usize {
        self.resources
            .iter()
            .filter(|deletion| deletion.outcome == outcome)
            .count()
    }
}

impl ResourceDeletion {
    /// Returns the ARN of the nested stack if the resource is one and is deleted.
    pub fn deleted_stack(&self) -> Option<&str> {
        let is_deleted = self.resource.resource_type == STACK_TYPE && self.outcome.is_deleted();
        self.resource.physical_id.as_deref().filter(|_| is_deleted)
    }

    /// Returns how the resource loses its data, such as `is deleted with its items`.
    pub fn loss(&self) -> String {
        let lost = self.lost.unwrap_or("its data");
        match self.outcome {
            DeletionOutcome::Snapshotted => format!("is deleted after a snapshot of {lost}"),
            DeletionOutcome::Unknown => {
                format!("may be deleted with {lost}: its DeletionPolicy is not known")
            }
            _ => format!("is deleted with {lost}"),
        }
    }

    /// Returns whether the resource is a bucket.
    pub fn is_bucket(&self) -> bool {
        self.resource.resource_type == BUCKET
    }

    /// Returns whether the resource is a bucket that could not be deleted because it is not empty.
    pub fn is_full_bucket(&self) -> bool {
        self.resource.resource_type == BUCKET
            && (self.resource.reason.as_deref()).is_some_and(service_message::is_not_empty)
    }
}

/// Returns what happens to each existing resource of one stack, from its `DeletionPolicy` in the
/// deployed template. `deployed` evaluates that template. `within` is the path of the nested stack,
/// empty for the root stack. `retain` are the paths of the resources that the deletion retains.
/// `protected_types` are further types that store data.
pub fn resource_deletions(
    resources: Vec<Resource>,
    deployed: Option<&Evaluator<'_>>,
    within: &str,
    retain: &[String],
    protected_types: &[String],
) -> Vec<ResourceDeletion> {
    let existing = resources
        .into_iter()
        .filter(|resource| resource.status != "DELETE_COMPLETE");
    existing
        .map(|resource| {
            let path = match within {
                "" => resource.logical_id.clone(),
                within => format!("{within}/{}", resource.logical_id),
            };
            let declared = deployed
                .and_then(|it| Some(it.template().resource(&resource.logical_id)?.entry.node));
            let outcome = if resource.status == "DELETE_SKIPPED" {
                DeletionOutcome::LeftBehind
            } else if retain.contains(&path) {
                DeletionOutcome::Retained
            } else {
                let kind = &resource.resource_type;
                DeletionOutcome::of(deletion_policy(kind, declared, deployed))
            };
            ResourceDeletion {
                path,
                outcome,
                lost: stored_data(&resource.resource_type, protected_types),
                contents: None,
                emptied: false,
                resource,
            }
        })
        .collect()
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use indexmap::IndexMap;

    use super::{DeletionOutcome, resource_deletions};
    use crate::cloudformation::stack::Resource;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;
    use crate::template::evaluate::Evaluator;

    #[test]
    fn the_deployed_template_decides_what_is_retained() {
        let text = "Parameters: {Kind: {Type: String, Default: Delete}, Secret: {Type: String}}\n\
                    Resources:\n  \
                    Computed: {Type: 'AWS::DynamoDB::Table', DeletionPolicy: !Ref Kind}\n  \
                    Hidden: {Type: 'AWS::DynamoDB::Table', DeletionPolicy: !Ref Secret}\n  \
                    Kept: {Type: 'AWS::S3::Bucket', DeletionPolicy: RetainExceptOnCreate}\n  \
                    Gone: {Type: 'AWS::S3::Bucket'}\n  \
                    Named: {Type: 'AWS::S3::Bucket'}\n  \
                    Saved: {Type: 'AWS::RDS::DBCluster'}\n  \
                    Alone: {Type: 'AWS::RDS::DBInstance'}\n  \
                    Member: {Type: 'AWS::RDS::DBInstance', Properties: {DBClusterIdentifier: c}}\n  \
                    Dropped: {Type: 'AWS::RDS::DBCluster', DeletionPolicy: Delete}\n  \
                    Skipped: {Type: 'AWS::SNS::Topic'}\n";
        let template = Template::parse(&SourceFile::new("t", text)).unwrap();
        let mut resources: Vec<Resource> = template
            .resources()
            .map(|resource| Resource {
                logical_id: resource.logical_id().to_owned(),
                physical_id: None,
                resource_type: resource.kind().unwrap().to_owned(),
                status: "CREATE_COMPLETE".to_owned(),
                reason: None,
            })
            .collect();
        "DELETE_SKIPPED".clone_into(&mut resources.last_mut().unwrap().status);
        let mut past = resources[0].clone();
        "DELETE_COMPLETE".clone_into(&mut past.status);
        resources.push(past);

        let retain = ["Nested/Named".to_owned()];
        let values = IndexMap::from([("Kind".to_owned(), "Retain".to_owned())]);
        let deployed = Evaluator::new(&template, &values);
        let deletion = resource_deletions(resources, Some(&deployed), "Nested", &retain, &[]);
        let resource_deletions: Vec<_> = deletion
            .iter()
            .map(|deletion| {
                (
                    deletion.path.as_str(),
                    deletion.outcome,
                    deletion.lost.is_some(),
                )
            })
            .collect();
        assert_eq!(
            resource_deletions,
            [
                ("Nested/Computed", DeletionOutcome::Retained, true),
                ("Nested/Hidden", DeletionOutcome::Unknown, true),
                ("Nested/Kept", DeletionOutcome::Retained, true),
                ("Nested/Gone", DeletionOutcome::Deleted, true),
                ("Nested/Named", DeletionOutcome::Retained, true),
                ("Nested/Saved", DeletionOutcome::Snapshotted, true),
                ("Nested/Alone", DeletionOutcome::Snapshotted, true),
                ("Nested/Member", DeletionOutcome::Deleted, true),
                ("Nested/Dropped", DeletionOutcome::Deleted, true),
                ("Nested/Skipped", DeletionOutcome::LeftBehind, false),
            ]
        );
    }
}
