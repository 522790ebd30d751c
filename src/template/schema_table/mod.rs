//! Which properties of a resource cannot be changed in place, and which lists have no order.
//!
//! CloudFormation replaces a resource when a create-only property changes, and says so in a change
//! set. Where there is nobody to ask, the resource provider schemas say the same beforehand. They
//! are many megabytes; what is needed of them are lists of paths for each of some 1,900 types, which
//! `scripts/schema-table.py` takes out of them and compresses to 52 kB.
//!
//! The table is unpacked when it is first asked, once.

use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::sync::OnceLock;

use serde::Deserialize;

/// Made by `scripts/schema-table.py`.
const PACKED: &[u8] = include_bytes!("table.zip");

/// What a changed property does to its resource. The order is that of severity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Recreation {
    /// The resource is changed in place.
    Never,
    /// The resource is replaced in some cases.
    Conditionally,
    /// The resource is replaced.
    Always,
}

impl Recreation {
    /// Returns the word of the change set API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Never => "Never",
            Self::Conditionally => "Conditionally",
            Self::Always => "Always",
        }
    }
}

/// The properties of one resource type that cannot simply be changed or compared.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Lifecycle {
    /// Create-only: paths such as `Foo/*/Bar`, in which `*` is any element.
    create: Vec<String>,
    /// Create-only in some cases.
    conditional: Vec<String>,
    /// Lists whose order means nothing.
    unordered: Vec<String>,
}

#[derive(Default, Deserialize)]
struct Table {
    types: HashMap<String, Lifecycle>,
}

/// Returns what is known about a type such as `AWS::S3::Bucket`; `None` for one that has no public
/// schema.
pub fn of(resource_type: &str) -> Option<&'static Lifecycle> {
    static TABLE: OnceLock<Table> = OnceLock::new();
    // The table is part of the program: that it can be read is proved by a test, not at run time.
    let table = TABLE.get_or_init(|| unpack(PACKED).unwrap_or_default());
    table.types.get(resource_type)
}

fn unpack(packed: &[u8]) -> Option<Table> {
    let mut archive = zip::ZipArchive::new(Cursor::new(packed)).ok()?;
    let mut text = Vec::new();
    archive.by_index(0).ok()?.read_to_end(&mut text).ok()?;
    serde_json::from_slice(&text).ok()
}

impl Lifecycle {
    /// Returns what a change at a path does. The path leads from the properties to the value:
    /// names, and indexes of lists. A change of a whole object counts as one of all that is in it.
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
    /// leads from the properties to the list; each step through a list is `*` or an index.
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

/// Returns whether one of two paths leads through the other.
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
    use super::{PACKED, Recreation, of, unpack};

    #[test]
    fn the_table_is_small_and_whole() {
        assert!(PACKED.len() < 150_000, "{} bytes", PACKED.len());
        let table = unpack(PACKED).map_or(0, |table| table.types.len());
        assert!(table > 1500, "{table} types");
        assert!(unpack(b"").is_none());
    }

    #[test]
    fn a_path_is_looked_up_from_both_ends() {
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
