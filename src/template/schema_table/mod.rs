//! The create-only properties of each resource type, the lists that have no order, the property that
//! names a resource, and the [`names`] of all properties.
//!
//! CloudFormation replaces a resource if a create-only property changes. A change set shows that;
//! without a change set, the resource provider schemas contain the same information. The schemas are
//! many megabytes. `scripts/schema-table.py` extracts the paths for about 1,900 types and compresses
//! them to 54 kB.
//!
//! The table is decompressed once, at its first use.

pub mod names;
pub mod permissions;

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::OnceLock;

use serde::Deserialize;

/// The output of `scripts/schema-table.py`.
const PACKED: &[u8] = include_bytes!("table.zip");

/// Whether a changed property replaces its resource, in the order of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recreation {
    /// The resource is updated in place.
    Never,
    /// The resource is replaced in some cases.
    Conditionally,
    /// The resource is replaced.
    Always,
}

impl Recreation {
    /// Returns the value in the change set API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Conditionally => "Conditionally",
            Self::Always => "Always",
        }
    }
}

/// The create-only properties and the unordered lists of one resource type.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Lifecycle {
    /// The paths of create-only properties, such as `Foo/*/Bar`; `*` is any element of a list.
    create: Vec<String>,
    /// The paths of properties that are create-only in some cases.
    conditional: Vec<String>,
    /// The paths of lists whose order does not count.
    unordered: Vec<String>,
    /// The create-only property that is the primary identifier and the name.
    identifier: Option<String>,
    /// The create-only property that probably names the resource.
    name: Option<String>,
}

#[derive(Default, Deserialize)]
struct Table {
    types: HashMap<String, Lifecycle>,
}

/// Types whose schema does not say that their names are unique, with the property within whose value
/// they are.
const UNIQUE: [(&str, Option<&str>); 14] = [
    ("AWS::ApiGateway::ApiKey", None),
    (
        "AWS::ApplicationAutoScaling::ScalingPolicy",
        Some("ScalingTargetId"),
    ),
    ("AWS::CodeBuild::Project", None),
    ("AWS::EC2::LaunchTemplate", None),
    ("AWS::EC2::SecurityGroup", Some("VpcId")),
    ("AWS::ECS::Service", Some("Cluster")),
    ("AWS::ElasticLoadBalancingV2::LoadBalancer", None),
    ("AWS::ElasticLoadBalancingV2::TargetGroup", None),
    ("AWS::Events::Rule", Some("EventBusName")),
    ("AWS::IAM::ManagedPolicy", None),
    ("AWS::SNS::Topic", None),
    ("AWS::SQS::Queue", None),
    ("AWS::SecretsManager::Secret", None),
    ("AWS::StepFunctions::StateMachine", None),
];

/// The property that fixes the physical name of a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NameProperty {
    /// The name of the property.
    pub name: &'static str,
    /// Whether two resources can certainly not have the same name.
    pub is_unique: bool,
    /// The property within whose value the name is unique; `None` if it is so in the whole region.
    pub scope: Option<&'static str>,
}

/// Returns the property that fixes the physical name of a type; `None` if none is known.
pub fn name_property(resource_type: &str) -> Option<NameProperty> {
    let lifecycle = of(resource_type)?;
    let unique = UNIQUE.iter().find(|(known, _)| *known == resource_type);
    let identifier = lifecycle.identifier.as_deref();
    Some(NameProperty {
        name: identifier.or(lifecycle.name.as_deref())?,
        is_unique: identifier.is_some() || unique.is_some(),
        scope: unique.and_then(|(_, scope)| *scope),
    })
}

/// Returns what is known about a type such as `AWS::S3::Bucket`; `None` if the type has no public
/// schema.
pub fn of(resource_type: &str) -> Option<&'static Lifecycle> {
    static TABLE: OnceLock<Table> = OnceLock::new();
    // A test checks that the embedded table can be read.
    let table = TABLE.get_or_init(|| parse(PACKED).unwrap_or_default());
    table.types.get(resource_type)
}

fn parse(packed: &[u8]) -> Option<Table> {
    serde_json::from_slice(&unpack(packed)?).ok()
}

/// Returns the content of the only file in a zip.
fn unpack(packed: &[u8]) -> Option<Vec<u8>> {
    let mut archive = zip::ZipArchive::new(Cursor::new(packed)).ok()?;
    let mut text = Vec::new();
    archive.by_index(0).ok()?.read_to_end(&mut text).ok()?;
    Some(text)
}

/// Returns the part of each line after the type, by type, of a packed table. It is kept as long as the process.
fn lines(packed: &[u8]) -> HashMap<&'static str, &'static str> {
    // A test checks that each embedded table can be read.
    let text = String::from_utf8(unpack(packed).unwrap_or_default());
    let text: &'static str = text.unwrap_or_default().leak();
    text.lines()
        .filter_map(|line| line.split_once('|'))
        .collect()
}

impl Lifecycle {
    /// Returns whether a change at a path replaces the resource. The path starts at the properties and
    /// consists of names and list indexes. A change of an object counts as a change of everything in
    /// it.
    pub fn recreation<S: AsRef<str>>(&self, path: &[S]) -> Recreation {
        let touches = |listed: &String| touches(listed, path);
        if self.create.iter().any(touches) {
            Recreation::Always
        } else if self.conditional.iter().any(touches) {
            Recreation::Conditionally
        } else {
            Recreation::Never
        }
    }

    /// Returns whether the list at a path is a set, such as the rules of a security group. The path
    /// starts at the properties; a list element is `*` or an index.
    pub fn is_set<S: AsRef<str>>(&self, path: &[S]) -> bool {
        self.unordered.iter().any(|listed| {
            let mut steps = path.iter().map(AsRef::as_ref);
            listed.split('/').all(|step| {
                steps.next().is_some_and(|own| match step {
                    "*" => is_index(own),
                    _ => step == own,
                })
            }) && steps.next().is_none()
        })
    }
}

fn is_index(step: &str) -> bool {
    step == "*" || step.bytes().all(|byte| byte.is_ascii_digit())
}

/// Returns whether one of two paths is a prefix of the other, without list indexes.
fn touches<S: AsRef<str>>(listed: &str, path: &[S]) -> bool {
    let listed = listed.split('/').filter(|step| !is_index(step));
    let path = path
        .iter()
        .map(AsRef::as_ref)
        .filter(|step| !is_index(step));
    listed.zip(path).all(|(one, other)| one == other)
}

#[cfg(test)]
mod tests {
    use super::{PACKED, Recreation, name_property, of, parse};

    #[test]
    fn the_table_is_small_and_complete() {
        assert!(PACKED.len() < 150_000, "{} bytes", PACKED.len());
        let table = parse(PACKED).map_or(0, |table| table.types.len());
        assert!(table > 1500, "{table} types");
        assert!(parse(b"").is_none());
    }

    #[test]
    fn a_path_matches_its_parents_and_its_children() {
        let cases = [
            ("AWS::S3::Bucket", "BucketName", Recreation::Always),
            ("AWS::S3::Bucket", "Tags/0/Value", Recreation::Never),
            (
                "AWS::DynamoDB::Table",
                "KeySchema/1/AttributeName",
                Recreation::Conditionally,
            ),
            ("AWS::DynamoDB::Table", "TableName", Recreation::Always),
            ("AWS::Lambda::Function", "Code/S3Key", Recreation::Never),
            ("AWS::Lambda::Function", "FunctionName", Recreation::Always),
            (
                "AWS::Batch::ComputeEnvironment",
                "ComputeResources",
                Recreation::Always,
            ),
            (
                "AWS::Batch::ComputeEnvironment",
                "ComputeResources/MinvCpus",
                Recreation::Never,
            ),
        ];
        for (kind, path, expected) in cases {
            let path: Vec<String> = path.split('/').map(str::to_owned).collect();
            let found = of(kind).map(|lifecycle| lifecycle.recreation(&path));
            assert_eq!(found, Some(expected), "{kind} {path:?}");
        }
        assert!(of("Custom::Thing").is_none());
    }

    #[test]
    fn the_property_of_the_physical_name_is_known() {
        let cases = [
            ("AWS::S3::Bucket", Some(("BucketName", true, None))),
            ("AWS::Lambda::Function", Some(("FunctionName", true, None))),
            ("AWS::SQS::Queue", Some(("QueueName", true, None))),
            (
                "AWS::ECS::Service",
                Some(("ServiceName", true, Some("Cluster"))),
            ),
            ("AWS::Batch::SchedulingPolicy", Some(("Name", false, None))),
            ("AWS::EC2::Instance", None),
        ];
        for (kind, expected) in cases {
            let found = name_property(kind).map(|it| (it.name, it.is_unique, it.scope));
            assert_eq!(found, expected, "{kind}");
        }
        let named = parse(PACKED).map_or(0, |table| {
            let named = table.types.values().filter(|it| it.identifier.is_some());
            named.count()
        });
        assert!(named > 200, "{named} types");
    }

    #[test]
    fn some_lists_are_sets() {
        let cases = [
            ("AWS::EC2::SecurityGroup", "SecurityGroupIngress", true),
            ("AWS::EC2::SecurityGroup", "SecurityGroupIngress/0", false),
            ("AWS::EC2::SecurityGroup", "GroupName", false),
            ("AWS::IAM::Role", "ManagedPolicyArns", true),
            ("AWS::EC2::Instance", "NetworkInterfaces/*/GroupSet", true),
            ("AWS::EC2::Instance", "NetworkInterfaces/3/GroupSet", true),
            ("AWS::EC2::Instance", "NetworkInterfaces/x/GroupSet", false),
            ("AWS::CodePipeline::Pipeline", "Stages", false),
        ];
        for (kind, path, expected) in cases {
            let path: Vec<&str> = path.split('/').collect();
            let found = of(kind).map(|lifecycle| lifecycle.is_set(&path));
            assert_eq!(found, Some(expected), "{kind} {path:?}");
        }
    }
}
