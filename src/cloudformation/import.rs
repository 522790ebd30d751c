//! Resources that a stack could take over.

use indexmap::IndexMap;

/// A resource of the template that the stack does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// The logical id in the template.
    pub logical_id: String,
    /// The type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The properties that identify an existing resource, with the value that the template gives; `None`
    /// if the template gives none.
    pub identifier: IndexMap<String, Option<String>>,
    /// Why it cannot be imported as it is; `None` if nothing is known against it.
    pub obstacle: Option<Obstacle>,
}

/// Why a resource cannot be imported as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Obstacle {
    /// CloudFormation cannot import the type.
    Unsupported,
    /// The endpoint does not return how the type is identified.
    Unknown,
    /// The resource has no `DeletionPolicy`, which an import requires.
    NoPolicy,
    /// A stack has the resource already.
    Owned(Owner),
}

/// The stack that has a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Owner {
    /// The stack's name.
    pub stack: String,
    /// The logical id in that stack.
    pub logical_id: String,
}

impl Candidate {
    /// Returns whether every identifying property is known.
    pub fn is_identified(&self) -> bool {
        !self.identifier.is_empty() && self.identifier.values().all(Option::is_some)
    }

    /// Returns the physical id, if a single known property identifies the resource.
    pub fn physical_id(&self) -> Option<&str> {
        let mut values = self.identifier.values();
        match (values.next(), values.next()) {
            (Some(Some(value)), None) => Some(value),
            _ => None,
        }
    }
}
