//! The policies of a resource: what happens to it if it leaves the stack, or to the old resource if it
//! is replaced.
//!
//! A template with the transform `AWS::LanguageExtensions` may compute a policy from parameters,
//! mappings and conditions. A policy that cannot be computed before the deployment is
//! [`Policy::Unknown`]; a caller must expect that the resource is deleted.

use super::evaluate::{Evaluated, Evaluator};
use super::node::Node;

/// What happens to a resource if it leaves the stack or is replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Policy {
    /// The resource is deleted with its data.
    Delete,
    /// The resource is retained.
    Retain,
    /// The resource is retained, unless the creation of the stack fails.
    RetainExceptOnCreate,
    /// The resource is deleted after a snapshot.
    Snapshot,
    /// The policy is computed from a value that is not known.
    Unknown,
}

impl Policy {
    /// Returns the policy that a template names.
    fn of(text: &str) -> Self {
        match text {
            "Delete" => Self::Delete,
            "Retain" => Self::Retain,
            "RetainExceptOnCreate" => Self::RetainExceptOnCreate,
            "Snapshot" => Self::Snapshot,
            _ => Self::Unknown,
        }
    }

    /// Returns the name that a change set has for the policy; `None` if it is not known.
    pub const fn action(self) -> Option<&'static str> {
        match self {
            Self::Delete => Some("Delete"),
            // RetainExceptOnCreate deletes a resource only in the rollback of its creation.
            Self::Retain | Self::RetainExceptOnCreate => Some("Retain"),
            Self::Snapshot => Some("Snapshot"),
            Self::Unknown => None,
        }
    }

    /// Returns the policy that a change set names, such as `ReplaceAndDelete`.
    pub fn of_action(action: &str) -> Self {
        Self::of(action.strip_prefix("ReplaceAnd").unwrap_or(action))
    }

    /// Returns whether the resource or its data is certainly kept.
    pub const fn keeps(self) -> bool {
        matches!(
            self,
            Self::Retain | Self::RetainExceptOnCreate | Self::Snapshot
        )
    }
}

/// Returns the `DeletionPolicy` of a resource, or CloudFormation's default for its type: `Snapshot`
/// for a database cluster and for a database instance outside a cluster, otherwise `Delete` (the
/// template reference, "`DeletionPolicy` attribute").
///
/// `resource` is the declaration in the template; `None` if it is not known. `evaluator` computes the
/// functions of that template; without it, a computed policy is unknown.
pub fn deletion_policy<'a>(
    kind: &str,
    resource: Option<&'a Node>,
    evaluator: Option<&Evaluator<'a>>,
) -> Policy {
    let Some(resource) = resource else {
        return default_policy(kind, Some(false));
    };
    stated(resource, "DeletionPolicy", evaluator)
        .unwrap_or_else(|| default_policy(kind, is_in_cluster(resource, evaluator)))
}

/// Returns the `UpdateReplacePolicy` of a resource; the default is `Delete`. The arguments are those of
/// [`deletion_policy`].
pub fn update_replace_policy<'a>(resource: &'a Node, evaluator: Option<&Evaluator<'a>>) -> Policy {
    stated(resource, "UpdateReplacePolicy", evaluator).unwrap_or(Policy::Delete)
}

/// Returns the policy in an attribute of a resource; `None` if the resource has none.
pub fn stated<'a>(
    resource: &'a Node,
    attribute: &str,
    evaluator: Option<&Evaluator<'a>>,
) -> Option<Policy> {
    let node = resource.get(attribute)?;
    let Some(evaluator) = evaluator else {
        return Some(node.as_str().map_or(Policy::Unknown, Policy::of));
    };
    match evaluator.value(node) {
        Evaluated::Nothing => None,
        Evaluated::Scalar(text) => Some(Policy::of(&text)),
        _ => Some(Policy::Unknown),
    }
}

/// Returns whether a template computes a policy of one of its resources.
pub fn has_computed_policies<'a>(mut resources: impl Iterator<Item = &'a Node>) -> bool {
    resources.any(|resource| {
        let policy = ["DeletionPolicy", "UpdateReplacePolicy"].map(|name| resource.get(name));
        let is_computed = |node: &Node| node.as_map().is_some();
        policy
            .into_iter()
            .chain([cluster(resource)])
            .flatten()
            .any(is_computed)
    })
}

/// Returns the default of a type. `in_cluster` says whether a database instance belongs to a cluster;
/// `None` if that is not known.
fn default_policy(kind: &str, in_cluster: Option<bool>) -> Policy {
    match (kind, in_cluster) {
        ("AWS::RDS::DBCluster", _) | ("AWS::RDS::DBInstance", Some(false)) => Policy::Snapshot,
        ("AWS::RDS::DBInstance", None) => Policy::Unknown,
        _ => Policy::Delete,
    }
}

/// Returns the cluster that a database instance names.
fn cluster(resource: &Node) -> Option<&Node> {
    resource.get("Properties")?.get("DBClusterIdentifier")
}

/// Returns whether a database instance belongs to a cluster; `None` if a condition decides and its
/// value is not known.
fn is_in_cluster<'a>(resource: &'a Node, evaluator: Option<&Evaluator<'a>>) -> Option<bool> {
    let Some(cluster) = cluster(resource) else {
        return Some(false);
    };
    if evaluator.map(|it| it.value(cluster)) == Some(Evaluated::Nothing) {
        return Some(false);
    }
    // Without its condition, an `Fn::If` may be `AWS::NoValue`.
    let is_undecided = |node: &Node| {
        let call = node.intrinsic().filter(|(name, _)| *name == "Fn::If");
        let condition = call.and_then(|(_, member)| member.node.as_list()?.first()?.as_str());
        let decided = evaluator
            .zip(condition)
            .and_then(|(it, name)| it.condition(name));
        call.is_some() && decided.is_none()
    };
    (!is_undecided(cluster)).then_some(true)
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use indexmap::IndexMap;

    use super::{Policy, deletion_policy, update_replace_policy};
    use crate::diagnostic::SourceFile;
    use crate::template::Template;
    use crate::template::evaluate::Evaluator;

    const HEAD: &str = "Parameters:\n  \
        Pol: {Type: String, Default: Retain}\n  \
        Secret: {Type: String}\n  \
        Ssm: {Type: 'AWS::SSM::Parameter::Value<String>', Default: /policy}\n\
        Mappings:\n  Policies:\n    dev: {P: Delete}\n    prod: {P: Snapshot}\n\
        Conditions:\n  Kept: !Equals [!Ref Pol, Retain]\n  Hidden: !Equals [!Ref Secret, x]\n\
        Resources:\n  ";

    fn policies(attributes: &str) -> [Policy; 3] {
        let text = format!("{HEAD}R: {{Type: T, {attributes}}}\n");
        let template = Template::parse(&SourceFile::new("t", &text)).unwrap();
        let values = IndexMap::new();
        let evaluator = Evaluator::new(&template, &values);
        let resource = template.resource("R").unwrap();
        let node = resource.entry.node;
        [
            deletion_policy("T", Some(node), Some(&evaluator)),
            update_replace_policy(node, Some(&evaluator)),
            deletion_policy("T", Some(node), None),
        ]
    }

    #[test]
    fn computed_policies_are_evaluated_and_the_others_are_unknown() {
        use Policy::{Delete, Retain, RetainExceptOnCreate, Snapshot, Unknown};
        let cases = [
            ("Properties: {}", [Delete, Delete, Delete]),
            ("DeletionPolicy: Retain", [Retain, Delete, Retain]),
            (
                "DeletionPolicy: RetainExceptOnCreate, UpdateReplacePolicy: Snapshot",
                [RetainExceptOnCreate, Snapshot, RetainExceptOnCreate],
            ),
            ("DeletionPolicy: !Ref Pol", [Retain, Delete, Unknown]),
            ("UpdateReplacePolicy: !Ref Pol", [Delete, Retain, Delete]),
            (
                "DeletionPolicy: !FindInMap [Policies, prod, P]",
                [Snapshot, Delete, Unknown],
            ),
            (
                "DeletionPolicy: !If [Kept, Retain, Delete]",
                [Retain, Delete, Unknown],
            ),
            (
                "DeletionPolicy: !If [Kept, !Ref 'AWS::NoValue', Retain]",
                [Delete, Delete, Unknown],
            ),
            ("DeletionPolicy: !Sub '${Pol}'", [Retain, Delete, Unknown]),
            (
                "DeletionPolicy: !If [Hidden, Retain, Delete]",
                [Unknown, Delete, Unknown],
            ),
            (
                "DeletionPolicy: !FindInMap [Policies, !Ref Secret, P]",
                [Unknown, Delete, Unknown],
            ),
            ("DeletionPolicy: !Ref Ssm", [Unknown, Delete, Unknown]),
            ("DeletionPolicy: !Ref Secret", [Unknown, Delete, Unknown]),
            ("DeletionPolicy: [Retain]", [Unknown, Delete, Unknown]),
            ("DeletionPolicy: retain", [Unknown, Delete, Unknown]),
        ];
        for (attributes, expected) in cases {
            assert_eq!(policies(attributes), expected, "{attributes}");
        }
    }

    #[test]
    fn a_condition_decides_whether_a_database_is_in_a_cluster() {
        let cases = [
            ("!Ref Pol", Policy::Delete, Policy::Delete),
            (
                "!If [Kept, c, !Ref 'AWS::NoValue']",
                Policy::Delete,
                Policy::Unknown,
            ),
            (
                "!If [Kept, !Ref 'AWS::NoValue', c]",
                Policy::Snapshot,
                Policy::Unknown,
            ),
            (
                "!If [Hidden, c, !Ref 'AWS::NoValue']",
                Policy::Unknown,
                Policy::Unknown,
            ),
            ("!Ref 'AWS::NoValue'", Policy::Snapshot, Policy::Delete),
        ];
        for (cluster, evaluated, plain) in cases {
            let kind = "AWS::RDS::DBInstance";
            let text = format!(
                "{HEAD}R: {{Type: '{kind}', Properties: {{DBClusterIdentifier: {cluster}}}}}\n"
            );
            let template = Template::parse(&SourceFile::new("t", &text)).unwrap();
            let values = IndexMap::new();
            let evaluator = Evaluator::new(&template, &values);
            let node = Some(template.resource("R").unwrap().entry.node);
            let found = deletion_policy(kind, node, Some(&evaluator));
            assert_eq!(found, evaluated, "{cluster}");
            assert_eq!(deletion_policy(kind, node, None), plain, "{cluster}");
        }
    }
}
