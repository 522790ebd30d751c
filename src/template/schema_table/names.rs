//! The names of the properties of each resource type, and of its attributes for `Fn::GetAtt`.
//!
//! `scripts/schema-table.py` writes one line per type, 860 kB in all and 210 kB compressed:
//!
//! ```text
//! TYPE|LEVEL;LEVEL;…|ATTRIBUTE,ATTRIBUTE,…
//! ```
//!
//! A level is the list of the names that a map may have, such as `Key,Value`. The first level is the
//! level of the properties. `Name=3` is a property whose value has level 3 of the same line; the
//! values of other properties are not checked, since they are scalars or free maps. `*` is any name.
//! A list has the level of its elements.
//!
//! The table is decompressed at its first use; only the lines of the types that are looked up are
//! parsed.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::lines;

/// The output of `scripts/schema-table.py`.
const PACKED: &[u8] = include_bytes!("names.zip");

/// The names that a type has in its schema.
#[derive(Debug)]
pub struct TypeNames {
    levels: Vec<Vec<(&'static str, Option<usize>)>>,
    attributes: Vec<&'static str>,
}

/// The names that are known in one map of a type.
#[derive(Debug, Clone, Copy)]
pub struct Level<'a> {
    names: &'a TypeNames,
    number: usize,
}

/// What the schema says about a property.
#[derive(Debug, Clone, Copy)]
pub enum Property<'a> {
    /// There is no property of this name.
    Unknown,
    /// The property exists; what it contains is not known.
    Known,
    /// The property exists; it contains a map, or a list of maps, with these names.
    Nested(Level<'a>),
}

/// Returns the names of a type; `None` if the type has no public schema.
pub fn of(resource_type: &str) -> Option<TypeNames> {
    table()
        .get(resource_type)
        .map(|line| TypeNames::parse(line))
}

/// Returns whether the type has a public schema.
pub fn is_known(resource_type: &str) -> bool {
    table().contains_key(resource_type)
}

/// Returns all types that have a public schema, in no particular order.
pub fn types() -> impl Iterator<Item = &'static str> {
    table().keys().copied()
}

/// Returns the part of each line after the type, by type.
fn table() -> &'static HashMap<&'static str, &'static str> {
    static TABLE: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| lines(PACKED))
}

impl TypeNames {
    fn parse(line: &'static str) -> Self {
        let (levels, attributes) = line.split_once('|').unwrap_or((line, ""));
        let member = |member: &'static str| match member.split_once('=') {
            Some((name, level)) => (name, level.parse().ok()),
            None => (member, None),
        };
        let list = |text: &'static str| text.split(',').filter(|name| !name.is_empty());
        let level = |level: &'static str| list(level).map(member).collect();
        Self {
            levels: levels.split(';').map(level).collect(),
            attributes: list(attributes).collect(),
        }
    }

    /// Returns the names of the properties.
    pub fn properties(&self) -> Level<'_> {
        Level {
            names: self,
            number: 0,
        }
    }

    /// Returns the attributes that `Fn::GetAtt` returns, such as `Arn` or `Endpoint.Address`.
    pub fn attributes(&self) -> impl Iterator<Item = &'static str> {
        self.attributes.iter().copied()
    }

    /// Returns whether `Fn::GetAtt` may return the attribute.
    ///
    /// For some types it returns properties that the schema does not list as attributes. So every
    /// property counts as an attribute.
    pub fn may_have_attribute(&self, attribute: &str) -> bool {
        if self.attributes.contains(&attribute) {
            return true;
        }
        let mut level = self.properties();
        for step in attribute.split('.') {
            match level.property(step) {
                Property::Unknown => return false,
                Property::Known => return true,
                Property::Nested(below) => level = below,
            }
        }
        true
    }
}

impl<'a> Level<'a> {
    /// Returns what the schema says about a name.
    pub fn property(self, name: &str) -> Property<'a> {
        let named = |wanted: &str| self.members().iter().find(|(known, _)| *known == wanted);
        match named(name).or_else(|| named("*")) {
            None => Property::Unknown,
            Some((_, None)) => Property::Known,
            Some((_, Some(number))) => Property::Nested(Level {
                names: self.names,
                number: *number,
            }),
        }
    }

    /// Returns the names of the properties.
    pub fn names(self) -> impl Iterator<Item = &'static str> + use<'a> {
        self.members().iter().map(|(name, _)| *name)
    }

    fn members(self) -> &'a [(&'static str, Option<usize>)] {
        self.names
            .levels
            .get(self.number)
            .map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    use super::{PACKED, Property, TypeNames, of, table};

    #[test]
    fn the_table_is_small_and_complete() {
        assert!(PACKED.len() < 250_000, "{} bytes", PACKED.len());
        assert!(table().len() > 1500, "{} types", table().len());
        for (kind, line) in table() {
            let names = TypeNames::parse(line);
            let count = names.levels.len();
            let members = || names.levels.iter().flatten();
            assert!(members().count() > 0, "{kind}");
            for (name, level) in members() {
                assert!(!name.contains('='), "{kind}: {name}");
                assert!(level.is_none_or(|level| level < count), "{kind}: {name}");
            }
        }
    }

    /// Returns `unknown`, `known` or the number of names below the property.
    fn look(kind: &str, path: &str) -> Option<String> {
        let names = of(kind)?;
        let mut level = names.properties();
        let mut found = String::new();
        for step in path.split('/') {
            found = match level.property(step) {
                Property::Unknown => "unknown".to_owned(),
                Property::Known => "known".to_owned(),
                Property::Nested(below) => {
                    level = below;
                    format!("{} names", below.names().count())
                }
            };
        }
        Some(found)
    }

    #[test]
    fn names_are_found_at_their_level() {
        let cases = [
            ("AWS::S3::Bucket", "BucketName", "known"),
            ("AWS::S3::Bucket", "BucketNme", "unknown"),
            ("AWS::S3::Bucket", "VersioningConfiguration", "1 names"),
            ("AWS::S3::Bucket", "VersioningConfiguration/Status", "known"),
            (
                "AWS::S3::Bucket",
                "VersioningConfiguration/Sttus",
                "unknown",
            ),
            // A list has the names of its elements.
            ("AWS::S3::Bucket", "Tags/Key", "known"),
            // Read-only.
            ("AWS::S3::Bucket", "Arn", "known"),
            // Free maps and documents.
            ("AWS::IAM::Role", "AssumeRolePolicyDocument", "known"),
            ("AWS::IAM::Role", "Policies/PolicyDocument", "known"),
            ("AWS::Lambda::Function", "Environment/Variables", "known"),
            ("AWS::CloudFormation::Stack", "Parameters", "known"),
            ("AWS::CloudFormation::CustomResource", "Anything", "known"),
            ("AWS::DynamoDB::Table", "KeySchema", "known"),
            // A definition that contains itself.
            (
                "AWS::WAFv2::WebACL",
                "Rules/Statement/NotStatement/Statement/AndStatement/Statements/OrStatement",
                "1 names",
            ),
            // A map with free keys, and one of several shapes.
            ("AWS::Serverless::Function", "Events/Any/Typ", "unknown"),
            (
                "AWS::Serverless::Function",
                "Events/Any/Properties/Queue",
                "known",
            ),
            (
                "AWS::Serverless::Function",
                "Events/Any/Properties/Quue",
                "unknown",
            ),
            ("AWS::Serverless::Function", "CodeUri/Key", "known"),
        ];
        for (kind, path, expected) in cases {
            assert_eq!(look(kind, path).as_deref(), Some(expected), "{kind} {path}");
        }
        assert_eq!(look("Custom::Thing", "X"), None);
    }

    #[test]
    fn attributes_are_known() {
        let cases = [
            ("AWS::S3::Bucket", "Arn", true),
            ("AWS::S3::Bucket", "Ar", false),
            ("AWS::RDS::DBInstance", "Endpoint.Address", true),
            ("AWS::RDS::DBInstance", "Endpoint.Adress", false),
            ("AWS::CloudFormation::Stack", "Tags", true),
            ("AWS::CloudFormation::CustomResource", "Anything", true),
        ];
        for (kind, attribute, expected) in cases {
            let found = of(kind).map(|names| names.may_have_attribute(attribute));
            assert_eq!(found, Some(expected), "{kind} {attribute}");
        }
    }
}
