//! What the deletion of a stack does to each of its resources.

use crate::stack::Resource;
use crate::template::Template;

/// What becomes of a resource when its stack is deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It is deleted, with what it holds.
    Deleted,
    /// It stays, and belongs to no stack any more.
    Retained,
    /// It is deleted after a snapshot is taken.
    Snapshotted,
}

impl Fate {
    /// Returns the word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Deleted => "deleted",
            Self::Retained => "stays",
            Self::Snapshotted => "deleted after a snapshot",
        }
    }
}

/// A resource and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doomed {
    /// The resource.
    pub resource: Resource,
    /// What becomes of it.
    pub fate: Fate,
}

/// Returns what becomes of each resource that still exists, by the deployed template's
/// `DeletionPolicy`. Without a policy CloudFormation snapshots clusters and instances of databases
/// that support it and deletes the rest.
pub fn fates(resources: Vec<Resource>, template: Option<&Template>) -> Vec<Doomed> {
    resources
        .into_iter()
        .filter(|resource| resource.status != "DELETE_COMPLETE")
        .map(|resource| {
            let policy = template
                .and_then(|template| template.resource(&resource.logical_id)?.deletion_policy());
            let fate = match policy {
                // RetainExceptOnCreate deletes only what a failed creation made.
                Some("Retain" | "RetainExceptOnCreate") => Fate::Retained,
                Some("Snapshot") => Fate::Snapshotted,
                None if is_snapshotted_by_default(&resource.resource_type) => Fate::Snapshotted,
                _ => Fate::Deleted,
            };
            Doomed { resource, fate }
        })
        .collect()
}

/// Returns whether CloudFormation's default policy for a type is `Snapshot` (`DeletionPolicy`
/// attribute reference: `AWS::RDS::DBCluster`, and `AWS::RDS::DBInstance` outside a cluster).
fn is_snapshotted_by_default(resource_type: &str) -> bool {
    matches!(
        resource_type,
        "AWS::RDS::DBCluster" | "AWS::RDS::DBInstance"
    )
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use super::{Fate, fates};
    use crate::diagnostic::SourceFile;
    use crate::stack::Resource;
    use crate::template::Template;

    #[test]
    fn the_deployed_template_decides_what_stays() {
        let text = "Resources:\n  \
                    Kept: {Type: 'AWS::S3::Bucket', DeletionPolicy: RetainExceptOnCreate}\n  \
                    Gone: {Type: 'AWS::S3::Bucket'}\n  \
                    Saved: {Type: 'AWS::RDS::DBCluster'}\n";
        let template = Template::parse(&SourceFile::new("t", text)).unwrap();
        let resource = |logical_id: &str, resource_type: &str, status: &str| Resource {
            logical_id: logical_id.to_owned(),
            physical_id: None,
            resource_type: resource_type.to_owned(),
            status: status.to_owned(),
        };
        let doomed = fates(
            vec![
                resource("Kept", "AWS::S3::Bucket", "CREATE_COMPLETE"),
                resource("Gone", "AWS::S3::Bucket", "CREATE_COMPLETE"),
                resource("Saved", "AWS::RDS::DBCluster", "CREATE_COMPLETE"),
                resource("Past", "AWS::S3::Bucket", "DELETE_COMPLETE"),
            ],
            Some(&template),
        );
        let fates: Vec<_> = doomed.iter().map(|doomed| doomed.fate).collect();
        assert_eq!(fates, [Fate::Retained, Fate::Deleted, Fate::Snapshotted]);
    }
}
