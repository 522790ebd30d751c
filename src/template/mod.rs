//! The CloudFormation template as a model: read, looked at, checked, compared and written.
//!
//! The text comes from rendering or from CloudFormation, in YAML or JSON, with functions in their short
//! or long form; [`Template::parse`] makes one tree of it whose every value knows its bytes in the
//! text, so that whatever is said later can point at a line. All of this is pure: nothing here reads a
//! file, the clock or the environment.
//!
//! | module | noun |
//! | --- | --- |
//! | [`node`] | a value with its place |
//! | `yaml`, `json` | text → node |
//! | [`emit`] | node → ASCII YAML, what is sent |
//! | [`evaluate`] | what the values come to before anything is deployed |
//! | `intrinsic` | the functions' names and short forms |
//! | [`reference`](mod@reference) | who refers to whom |
//! | [`capability`] | what must be acknowledged |
//! | [`pointer`] | a place in a resource, as CloudFormation names it |
//! | [`policy`] | what becomes of a resource that leaves its stack |
//! | [`diff`] | what two templates differ in |
//! | [`shorthand`] | a value in as few words as tell what it is |
//! | [`validate`] | what is wrong with one |

pub mod capability;
pub mod diff;
pub mod emit;
pub mod evaluate;
mod intrinsic;
pub(crate) mod json;
pub mod lint;
pub mod node;
pub mod pointer;
pub mod policy;
pub mod reference;
pub mod render;
pub mod schema_table;
pub mod shorthand;
pub mod stack_policy;
mod syntax;
pub mod validate;
mod yaml;

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, SourceFile};

use capability::Capability;
use node::{Map, Node};
use reference::Reference;
use syntax::Findings;

/// The type of a stack as a resource: one nested in another, and a stack that reports about itself.
pub const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// A template whose text is well-formed. Whether it makes sense is for the checks to say.
#[derive(Debug, Clone)]
pub struct Template {
    source: Arc<SourceFile>,
    root: Node,
}

impl Template {
    /// Reads a template: as JSON where the text starts with `{`, else as YAML.
    ///
    /// # Errors
    ///
    /// All that is wrong with the text: the first error of the syntax, and every duplicate key, alias,
    /// merge key and unknown tag before it. Duplicate keys of a JSON text are found only if its syntax is
    /// right.
    pub fn parse(source: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let mut findings = Findings::new(source);
        let text = source.text.trim_start_matches('\u{feff}').trim_start();
        let root = if text.starts_with('{') {
            json::parse(&mut findings)
        } else {
            yaml::parse(&mut findings)
        };
        let found = findings.into_diagnostics();
        if !found.is_empty() {
            return Err(found);
        }
        let mut findings = Findings::new(source);
        match root {
            Some(root) if root.as_map().is_some() => {
                return Ok(Self {
                    source: Arc::clone(source),
                    root,
                });
            }
            Some(root) if root.value != node::Value::Null => {
                let message = format!(
                    "a template is a map of sections, but this is {}",
                    root.noun()
                );
                findings.error("not-a-template", message, root.span, None);
            }
            _ => findings.error("not-a-template", "the template is empty", 0..0, None),
        }
        Err(findings.into_diagnostics())
    }

    /// Returns the text and its name.
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.source
    }

    /// Returns the whole tree; it is a map.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns a section's entries; `None` where it is missing or no map.
    pub fn section(&self, name: &str) -> Option<&Map> {
        self.root.get(name)?.as_map()
    }

    /// Returns a section with its name, both borrowed from the template.
    fn named_section(&self, name: &str) -> Option<(&str, &Map)> {
        let (name, member) = self.root.as_map()?.get_key_value(name)?;
        Some((name, member.node.as_map()?))
    }

    /// Returns the description.
    pub fn description(&self) -> Option<&str> {
        self.root.get("Description")?.as_str()
    }

    /// Returns the parameters in the order of the text.
    pub fn parameters(&self) -> impl Iterator<Item = Parameter<'_>> {
        self.entries("Parameters").map(|entry| Parameter { entry })
    }

    /// Returns the parameter of this name.
    pub fn parameter(&self, name: &str) -> Option<Parameter<'_>> {
        self.entry("Parameters", name)
            .map(|entry| Parameter { entry })
    }

    /// Returns the mappings in the order of the text.
    pub fn mappings(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries("Mappings")
    }

    /// Returns the conditions in the order of the text.
    pub fn conditions(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries("Conditions")
    }

    /// Returns the resources in the order of the text, without those that a loop or a transform will
    /// make.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.entries("Resources").map(|entry| Resource { entry })
    }

    /// Returns the resource of this logical id.
    pub fn resource(&self, logical_id: &str) -> Option<Resource<'_>> {
        self.entry("Resources", logical_id)
            .map(|entry| Resource { entry })
    }

    /// Returns the outputs in the order of the text.
    pub fn outputs(&self) -> impl Iterator<Item = Output<'_>> {
        self.entries("Outputs").map(|entry| Output { entry })
    }

    /// Returns the names of the transforms that the whole template goes through.
    pub fn transforms(&self) -> impl Iterator<Item = &str> {
        let transform = self.root.get("Transform");
        let list = transform.map(Node::elements).unwrap_or_default();
        list.iter()
            .filter_map(|node| node.as_str().or_else(|| node.get("Name")?.as_str()))
    }

    /// Returns whether anything in the template is replaced by a macro before it is deployed: a
    /// `Transform` section or an `Fn::Transform`.
    pub fn has_transforms(&self) -> bool {
        self.root.get("Transform").is_some()
            || any(&self.root, &|node| node.get("Fn::Transform").is_some())
    }

    /// Returns whether a resource is a stack of its own.
    pub fn has_nested_stacks(&self) -> bool {
        self.resources()
            .any(|resource| resource.kind() == Some(STACK_TYPE))
    }

    /// Returns every use of a name, in the order of the text within each section.
    pub fn references(&self) -> Vec<Reference<'_>> {
        reference::collect(self)
    }

    /// Returns the capabilities that deploying this needs as far as the template shows it, sorted. A
    /// nested stack may need more.
    pub fn required_capabilities(&self) -> Vec<Capability> {
        capability::required(self)
    }

    /// Returns whether deploying the same text with the same parameters may still change something,
    /// because part of the result comes from elsewhere: a parameter read from SSM, a dynamic reference
    /// without a version, a transform, a nested stack or another stack's output.
    pub fn may_change_unseen(&self) -> bool {
        self.parameters().any(|parameter| parameter.is_from_ssm())
            || self.has_nested_stacks()
            || self.has_transforms()
            || any(&self.root, &|node| {
                node.get("Fn::GetStackOutput").is_some()
                    || node.as_str().is_some_and(has_unversioned_reference)
            })
    }

    fn entries(&self, section: &str) -> impl Iterator<Item = Entry<'_>> {
        self.section(section)
            .into_iter()
            .flatten()
            .filter(|(name, _)| !name.starts_with("Fn::"))
            .map(|(name, member)| Entry {
                name,
                name_span: &member.key_span,
                node: &member.node,
            })
    }

    fn entry(&self, section: &str, name: &str) -> Option<Entry<'_>> {
        let (name, member) = self.section(section)?.get_key_value(name)?;
        Some(Entry {
            name,
            name_span: &member.key_span,
            node: &member.node,
        })
    }
}

/// A named entry of a section.
#[derive(Debug, Clone, Copy)]
pub struct Entry<'a> {
    /// The name.
    pub name: &'a str,
    /// The name's bytes.
    pub name_span: &'a Range<usize>,
    /// The value.
    pub node: &'a Node,
}

/// A parameter.
#[derive(Debug, Clone, Copy)]
pub struct Parameter<'a> {
    /// Its name and value.
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

    /// Returns whether the value must never be shown.
    pub fn no_echo(&self) -> bool {
        let no_echo = self.entry.node.get("NoEcho");
        no_echo
            .and_then(Node::scalar)
            .is_some_and(|text| text.eq_ignore_ascii_case("true"))
    }

    /// Returns the only values allowed, where they are listed.
    pub fn allowed_values(&self) -> Option<&'a [Node]> {
        self.entry.node.get("AllowedValues")?.as_list()
    }

    /// Returns whether CloudFormation reads the value from SSM's Parameter Store with every change set.
    pub fn is_from_ssm(&self) -> bool {
        self.kind()
            .is_some_and(|kind| kind.starts_with("AWS::SSM::Parameter::Value<"))
    }
}

/// A resource.
#[derive(Debug, Clone, Copy)]
pub struct Resource<'a> {
    /// Its logical id and value.
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

    /// Returns the value of an attribute beside `Properties`, such as `UpdatePolicy`.
    pub fn attribute(&self, name: &str) -> Option<&'a Node> {
        self.entry.node.get(name)
    }

    /// Returns the logical ids that this resource waits for by `DependsOn`, written as a string or a
    /// list.
    pub fn depends_on(&self) -> impl Iterator<Item = &'a str> + use<'a> {
        let node = self.attribute("DependsOn");
        let list = node.map(Node::elements).unwrap_or_default();
        list.iter().filter_map(Node::as_str)
    }

    /// Returns the condition under which the resource exists.
    pub fn condition(&self) -> Option<&'a str> {
        self.attribute("Condition")?.as_str()
    }

    /// Returns what happens to the resource when it leaves the stack; `None` where the template leaves
    /// it to CloudFormation.
    pub fn deletion_policy(&self) -> Option<&'a str> {
        self.attribute("DeletionPolicy")?.as_str()
    }

    /// Returns what happens to the old resource when it is replaced.
    pub fn update_replace_policy(&self) -> Option<&'a str> {
        self.attribute("UpdateReplacePolicy")?.as_str()
    }
}

/// An output.
#[derive(Debug, Clone, Copy)]
pub struct Output<'a> {
    /// Its name and value.
    pub entry: Entry<'a>,
}

impl<'a> Output<'a> {
    /// Returns the value.
    pub fn value(&self) -> Option<&'a Node> {
        self.entry.node.get("Value")
    }

    /// Returns the name under which other stacks import it.
    pub fn export_name(&self) -> Option<&'a Node> {
        self.entry.node.get("Export")?.get("Name")
    }

    /// Returns the condition under which the output exists.
    pub fn condition(&self) -> Option<&'a str> {
        self.entry.node.get("Condition")?.as_str()
    }
}

/// Returns whether `found` holds for a node or one of its descendants.
fn any(node: &Node, found: &impl Fn(&Node) -> bool) -> bool {
    found(node)
        || match &node.value {
            node::Value::Map(map) => map.values().any(|member| any(&member.node, found)),
            node::Value::List(list) => list.iter().any(|node| any(node, found)),
            _ => false,
        }
}

/// Returns whether the text holds a dynamic reference that names no version.
///
/// They look like `{{resolve:ssm:NAME:VERSION}}`, `{{resolve:ssm-secure:NAME:VERSION}}` and
/// `{{resolve:secretsmanager:SECRET:SecretString:KEY:STAGE:VERSION}}`.
fn has_unversioned_reference(text: &str) -> bool {
    text.split("{{resolve:").skip(1).any(|reference| {
        let reference = reference.split("}}").next().unwrap_or(reference);
        match reference.split_once(':') {
            Some(("ssm" | "ssm-secure", name)) => {
                !name.rsplit_once(':').is_some_and(|(_, version)| {
                    !version.is_empty() && version.bytes().all(|it| it.is_ascii_digit())
                })
            }
            // A secret may be an ARN, which has colons of its own.
            Some(("secretsmanager", rest)) => {
                let fields = rest
                    .split_once(":SecretString")
                    .map_or("", |(_, fields)| fields);
                fields.split(':').nth(3).is_none_or(str::is_empty)
            }
            _ => true,
        }
    })
}

#[cfg(test)]
mod tests;
