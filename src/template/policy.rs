//! The deletion policy of a resource.

use super::node::Node;

/// Returns the `DeletionPolicy` of a resource, or CloudFormation's default for its type: `Snapshot`
/// for a database cluster and for a database instance outside a cluster, otherwise `Delete` (the
/// template reference, "`DeletionPolicy` attribute").
///
/// `resource` is the declaration in the template; `None` if it is not known.
pub fn deletion_policy<'a>(kind: &str, resource: Option<&'a Node>) -> &'a str {
    let in_cluster = || {
        let properties = resource.and_then(|resource| resource.get("Properties"));
        properties.is_some_and(|it| it.get("DBClusterIdentifier").is_some())
    };
    let stated = resource.and_then(|resource| resource.get("DeletionPolicy")?.as_str());
    stated.unwrap_or_else(|| match kind {
        "AWS::RDS::DBCluster" => "Snapshot",
        "AWS::RDS::DBInstance" if !in_cluster() => "Snapshot",
        _ => "Delete",
    })
}
