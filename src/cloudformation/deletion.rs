//! What the deletion of a stack would do: to each of its resources, and to other stacks.

use crate::cloudformation::service_message;
use crate::cloudformation::stack::Resource;
use crate::cloudformation::stateful::stored_data;
use crate::template::node::Node;
use crate::template::policy::deletion_policy;
use crate::template::{STACK_TYPE, Template};

/// The type of a bucket, which CloudFormation deletes only when it is empty.
const BUCKET: &str = "AWS::S3::Bucket";

/// What becomes of a resource when its stack is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeletionOutcome {
    /// It is deleted, with what it holds.
    Deleted,
    /// It stays, and belongs to no stack any more.
    Retained,
    /// It is deleted after a snapshot is taken.
    Snapshotted,
    /// An earlier deletion has left it behind already.
    LeftBehind,
}

impl DeletionOutcome {
    /// Returns the name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Retained => "retained",
            Self::Snapshotted => "snapshotted",
            Self::LeftBehind => "left-behind",
        }
    }

    /// Returns the words for it.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Retained => "stays",
            Self::Snapshotted => "deleted after a snapshot",
            Self::LeftBehind => "left behind before",
        }
    }

    /// Returns whether the resource is there no more when the stack is gone.
    pub const fn is_end(self) -> bool {
        matches!(self, Self::Deleted | Self::Snapshotted)
    }
}

/// A resource and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceDeletion {
    /// Its logical id; in a nested stack behind the nested stack's own, as in `Storage/Files`.
    pub path: String,
    /// The resource.
    pub resource: Resource,
    /// What becomes of it.
    pub outcome: DeletionOutcome,
    /// What is lost with it, such as `its items`; `None` where it holds no data.
    pub lost: Option<&'static str>,
    /// What a bucket that is deleted holds; `None` for everything else, and where nobody may look.
    pub contents: Option<Contents>,
    /// Whether the bucket is to be emptied first.
    pub emptied: bool,
}

/// How much is in a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// How many versions and delete markers were counted, at most 1,000 (`ListObjectVersions`).
    pub versions: usize,
    /// Whether there are more.
    pub more: bool,
}

impl Contents {
    /// Returns whether the bucket can be deleted as it is.
    pub const fn is_empty(self) -> bool {
        self.versions == 0 && !self.more
    }
}

/// An export that other stacks import, which keeps the stack from being deleted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedExport {
    /// The export's name.
    pub name: String,
    /// The importing stacks' names.
    pub importers: Vec<String>,
}

/// Everything that the deletion of a stack would do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DeletionPlan {
    /// The resources that exist, those of nested stacks behind the nested stack.
    pub resources: Vec<ResourceDeletion>,
    /// The exports that keep the stack from being deleted.
    pub exports: Vec<UsedExport>,
}

impl DeletionPlan {
    /// Returns the buckets that would be deleted.
    pub fn buckets(&self) -> impl Iterator<Item = &ResourceDeletion> {
        self.resources.iter().filter(|deletion| {
            deletion.resource.resource_type == BUCKET && deletion.outcome.is_end()
        })
    }

    /// Returns how many resources have this fate.
    pub fn count(&self, outcome: DeletionOutcome) -> usize {
        self.resources
            .iter()
            .filter(|deletion| deletion.outcome == outcome)
            .count()
    }
}

impl ResourceDeletion {
    /// Returns the ARN of the nested stack that it is, with resources of its own, where that is deleted.
    pub fn deleted_stack(&self) -> Option<&str> {
        let is_deleted = self.resource.resource_type == STACK_TYPE && self.outcome.is_end();
        self.resource.physical_id.as_deref().filter(|_| is_deleted)
    }

    /// Returns whether it is a bucket that CloudFormation could not delete because it is not empty.
    pub fn is_full_bucket(&self) -> bool {
        self.resource.resource_type == BUCKET
            && (self.resource.reason.as_deref()).is_some_and(service_message::is_not_empty)
    }
}

/// Returns what becomes of each resource of one stack that still exists, by the `DeletionPolicy` in
/// the deployed template. `within` is the path of the nested stack that they are in, empty for the
/// stack itself; `retain` names those that are to be left behind.
pub fn resource_deletions(
    resources: Vec<Resource>,
    template: Option<&Template>,
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
            let declared =
                template.and_then(|it| Some(it.resource(&resource.logical_id)?.entry.node));
            let outcome = if resource.status == "DELETE_SKIPPED" {
                DeletionOutcome::LeftBehind
            } else if retain.contains(&path) {
                DeletionOutcome::Retained
            } else {
                outcome(&resource.resource_type, declared)
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

/// Returns what a resource's `DeletionPolicy` does.
fn outcome(resource_type: &str, declared: Option<&Node>) -> DeletionOutcome {
    match deletion_policy(resource_type, declared) {
        // RetainExceptOnCreate deletes only what a failed creation made.
        "Retain" | "RetainExceptOnCreate" => DeletionOutcome::Retained,
        "Snapshot" => DeletionOutcome::Snapshotted,
        _ => DeletionOutcome::Deleted,
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use super::{DeletionOutcome, resource_deletions};
    use crate::cloudformation::stack::Resource;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    #[test]
    fn the_deployed_template_decides_what_stays() {
        let text = "Resources:\n  \
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
        let deletion = resource_deletions(resources, Some(&template), "Nested", &retain, &[]);
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
