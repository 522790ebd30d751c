//! The entries of the sections of a template: parameters, resources and outputs.

use std::ops::Range;

use super::node::Node;

/// A named entry of a section.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The name.
    pub name: &'a str,
    /// The byte range of the name.
    pub name_span: &'a Range<usize>,
    /// The value.
    pub node: &'a Node,
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// The name and the declaration of the parameter.
    pub entry: Entry<'a>,
}

impl<'a> Parameter<'a> {
    /// Returns the type, such as `String` or `AWS::EC2::VPC::Id`.
    pub fn kind(&self) -> Option<&'a str> {
        self.entry.node.get("Type")?.as_str()
    }

    /// Returns the default value.
    pub fn default(&self) -> Option<&'a Node> {
        self.entry.node.get("Default")
    }

    /// Returns whether the value must never be printed (`NoEcho`).
    pub fn no_echo(&self) -> bool {
        let no_echo = self.entry.node.get("NoEcho");
        no_echo
            .and_then(Node::scalar)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Returns the allowed values; `None` if the parameter does not list them.
    pub fn allowed_values(&self) -> Option<&'a [Node]> {
        self.entry.node.get("AllowedValues")?.as_list()
    }

    /// Returns whether CloudFormation reads the value from SSM Parameter Store for every change set.
    pub fn is_from_ssm(&self) -> bool {
        self.kind()
            .is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value<"))
    }
}

/// A resource.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// The logical id and the declaration of the resource.
    pub entry: Entry<'a>,
}

impl<'a> Resource<'a> {
    /// Returns the logical id.
    pub fn logical_id(&self) -> &'a str {
        self.entry.name
    }

    /// Returns the type, such as `AWS::S3::Bucket`.
    pub fn kind(&self) -> Option<&'a str> {
        self.entry.node.get("Type")?.as_str()
    }

    /// Returns the properties.
    pub fn properties(&self) -> Option<&'a Node> {
        self.entry.node.get("Properties")
    }

    /// Returns the value of an attribute of the resource, such as `UpdatePolicy`.
    pub fn attribute(&self, name: &str) -> Option<&'a Node> {
        self.entry.node.get(name)
    }

    /// Returns the logical ids in `DependsOn`, which may be a string or a list.
    pub fn depends_on(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let node = self.attribute("DependsOn");
        let list = node.map(Node::elements).unwrap_or_default();
        list.iter().filter_map(Node::as_str)
    }

    /// Returns the condition under which the resource exists.
    pub fn condition(&self) -> Option<&'a str> {
        self.attribute("Condition")?.as_str()
    }
}

/// An output.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// The name and the declaration of the output.
    pub entry: Entry<'a>,
}

impl<'a> Output<'a> {
    /// Returns the value.
    pub fn value(&self) -> Option<&'a Node> {
        self.entry.node.get("Value")
    }

    /// Returns the name by which other stacks import the output.
    pub fn export_name(&self) -> Option<&'a Node> {
        self.entry.node.get("Export")?.get("Name")
    }

    /// Returns the condition under which the output exists.
    pub fn condition(&self) -> Option<&'a str> {
        self.entry.node.get("Condition")?.as_str()
    }
}
