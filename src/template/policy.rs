//! What becomes of a resource that leaves its stack.

use super::node::Node;

/// Returns the `DeletionPolicy` of a resource of this type, with what CloudFormation does where the
/// template does not say: it takes a snapshot of a database cluster, and of a database instance
/// outside one, and deletes everything else (the template reference, "`DeletionPolicy` attribute").
///
/// `resource` is the resource as a template has it; `None` where that is not known.
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
