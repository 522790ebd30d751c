//! The CloudFormation template: rendering, parsing, checking, comparing and writing.
//!
//! The text comes from the renderer or from CloudFormation, as YAML or JSON, with functions in their
//! short or long form. [`Template::parse`] returns a tree in which every value has its byte range in
//! the text, so that a message can point at a line. Except for [`lint`], which may run `cfn-lint`,
//! nothing here reads a file, the clock or the environment.
//!
//! | module | contents |
//! | --- | --- |
//! | [`render`] | Jinja source → template text, with a map from the text back to the source |
//! | `yaml`, `json`, `syntax` | template text → nodes |
//! | [`node`] | a value and its place in the text |
//! | `entry` | the entries of the sections: parameters, resources, outputs |
//! | [`local_paths`] | the local files and folders that a template names, and the references that replace them |
//! | [`edits`] | edits of a text, and the way back to the old text |
//! | [`emit`] | nodes → the ASCII YAML that is sent |
//! | [`import`] | the template of an import: the deployed one and the imported resources |
//! | [`rename`](mod@rename) | new logical ids in the deployed text |
//! | [`orphan`] | the templates that take resources out of a stack without deleting them |
//! | `lost` | the characters that `GetTemplate` returns as `?` |
//! | `intrinsic` | the names and short forms of functions |
//! | [`reference`](mod@reference) | the references between the parts of a template |
//! | [`pointer`](mod@pointer) | JSON pointers, as CloudFormation writes the path of a property |
//! | [`evaluate`] | the values that are known before the deployment |
//! | [`capability`] | the capabilities that `CreateChangeSet` requires |
//! | [`policy`] | the deletion policy of a resource |
//! | [`log_permission`](mod@log_permission) | whether a function may write its log |
//! | [`stack_policy`] | the policy that protects a stack's resources from updates |
//! | [`schema_table`] | create-only and unordered properties of each resource type |
//! | [`validate`] | stackctl's own checks |
//! | [`lint`] | the checks of a linter |
//! | [`diff`] | the differences between two templates |
//! | [`shorthand`] | a value as one short line |

pub mod capability;
pub mod cdk_assets;
pub mod custom_resource;
pub mod diff;
pub mod edits;
pub mod emit;
mod entry;
pub mod evaluate;
pub mod import;
mod intrinsic;
pub(crate) mod json;
pub mod lint;
pub mod local_paths;
pub mod log_permission;
pub(crate) mod lost;
pub mod node;
pub mod orphan;
pub mod pointer;
pub mod policy;
pub mod reference;
pub mod rename;
pub mod render;
pub mod schema_table;
pub mod shorthand;
pub mod stack_policy;
mod syntax;
pub mod validate;
mod yaml;

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};

use capability::Capability;
pub use entry::{Entry, Output, Parameter, Resource};
use node::{Map, Node};
use reference::Reference;
use syntax::Findings;

/// The resource type of a stack: of a nested stack, and of the stack itself in its own events.
pub const STACK_TYPE: &str = "AWS::CloudFormation::Stack";

/// The rule for duplicate keys, and the help if they are only a warning.
const DUPLICATES: (&str, &str) = (
    syntax::DUPLICATE_KEY,
    "CloudFormation reads the last of the two values",
);

/// The transforms of AWS that neither add, remove nor change outputs, except for loops. The names of some end
/// with a version.
const KEEP_OUTPUTS: [&str; 4] = [
    "AWS::CodeDeployBlueGreen",
    "AWS::LanguageExtensions",
    "AWS::SecretsManager",
    "AWS::Serverless",
];

/// Returns the name of a transform: `Name`, or `{Name: Name, Parameters: …}`.
fn transform_name(transform: &Node) -> Option<&str> {
    let map = || transform.get("Name")?.as_str();
    transform.as_str().or_else(map)
}

/// A template whose syntax is correct. [`validate`] checks its contents.
#[derive(Debug, Clone)]
pub struct Template {
    source: Arc<SourceFile>,
    root: Node,
    warnings: Vec<Diagnostic>,
}

impl Template {
    /// Parses a template: as JSON if the text starts with `{`, otherwise as YAML.
    ///
    /// # Errors
    ///
    /// If the text has a syntax error, a duplicate key, an alias, a merge key or an unknown tag.
    /// Returns the first syntax error and all other problems before it. Duplicate keys of a JSON text are
    /// found only if its syntax is right.
    pub fn parse(source: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let (root, found) = read(source);
        Self::of(source, root, found, Vec::new())
    }

    /// Parses a template that is deployed or only compared, as CloudFormation reads it: the last of
    /// duplicate keys counts. [`Template::warnings`] names the duplicate keys.
    ///
    /// # Errors
    ///
    /// As [`Template::parse`], except for duplicate keys.
    pub fn parse_deployed(source: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        Self::parse_with(source, &[DUPLICATES])
    }

    /// Parses a template that is only compared with another one: as [`Template::parse_deployed`], and
    /// the tags of other programs, such as `!Rain::Embed`, are keys of the values.
    ///
    /// # Errors
    ///
    /// As [`Template::parse_deployed`], except for unknown tags.
    pub fn parse_compared(source: &Arc<SourceFile>) -> Result<Self, Vec<Diagnostic>> {
        let tags = (syntax::UNKNOWN_TAG, "the tag is compared as it is");
        Self::parse_with(source, &[DUPLICATES, tags])
    }

    /// Parses a template. What breaks one of the rules is a warning, with the rule's help.
    fn parse_with(
        source: &Arc<SourceFile>,
        accepted: &[(&str, &str)],
    ) -> Result<Self, Vec<Diagnostic>> {
        let (root, found) = read(source);
        let (mut errors, mut warnings) = (Vec::new(), Vec::new());
        for found in found {
            match accepted.iter().find(|(rule, _)| *rule == found.rule) {
                Some((_, help)) => {
                    let severity = Severity::Warning;
                    let found = Diagnostic { severity, ..found };
                    warnings.push(found.help(*help));
                }
                None => errors.push(found),
            }
        }
        Self::of(source, root, errors, warnings)
    }

    /// Returns the template, unless something is wrong with the text.
    fn of(
        source: &Arc<SourceFile>,
        root: Option<Node>,
        found: Vec<Diagnostic>,
        warnings: Vec<Diagnostic>,
    ) -> Result<Self, Vec<Diagnostic>> {
        if !found.is_empty() {
            return Err(found);
        }
        let mut findings = Findings::new(source);
        match root {
            Some(root) if root.as_map().is_some() => {
                return Ok(Self {
                    source: Arc::clone(source),
                    root,
                    warnings,
                });
            }
            Some(root) if root.value != node::Value::Null => {
                let message = format!(
                    "a template must be a map of sections, but this is {}",
                    root.noun()
                );
                findings.error("not-a-template", message, root.span, None);
            }
            _ => findings.error("not-a-template", "the template is empty", 0..0, None),
        }
        Err(findings.into_diagnostics())
    }

    /// Returns the warnings of [`Template::parse_deployed`] and [`Template::parse_compared`].
    pub fn warnings(&self) -> &[Diagnostic] {
        &self.warnings
    }

    /// Returns the text of the template and its name.
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.source
    }

    /// Returns a place in the text of the template.
    pub(crate) fn place(&self, span: Range<usize>) -> Place {
        syntax::place(&self.source, span, "")
    }

    /// Returns the root of the tree, which is a map.
    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Returns the entries of a section; `None` if the section is missing or not a map.
    pub fn section(&self, name: &str) -> Option<&Map> {
        self.root.get(name)?.as_map()
    }

    /// Returns the name and the entries of a section, both borrowed from the template.
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

    /// Returns the parameter with this name.
    pub fn parameter(&self, name: &str) -> Option<Parameter<'_>> {
        self.entry("Parameters", name)
            .map(|entry| Parameter { entry })
    }

    /// Replaces the defaults of the parameters with `NoEcho`. `replacement` gets the name and the
    /// default. The places and the text stay.
    pub fn replace_no_echo_defaults(&mut self, replacement: impl Fn(&str, &str) -> &'static str) {
        let secret = self.parameters().filter(Parameter::no_echo);
        let values: Vec<(String, String)> = secret
            .filter_map(|parameter| {
                let default = parameter.default()?.scalar()?.into_owned();
                Some((parameter.entry.name.to_owned(), default))
            })
            .collect();
        for (name, default) in values {
            let path = ["Parameters", &name, "Default"];
            if let Some(node) = self.root.at_mut(&path) {
                node.value = node::Value::String(replacement(&name, &default).to_owned());
            }
        }
    }

    /// Returns the text with another default of the parameters with `NoEcho`.
    pub fn with_no_echo_defaults(&self, default: &str) -> String {
        let secret = self.parameters().filter(Parameter::no_echo);
        let defaults = secret.filter_map(|parameter| {
            let span = parameter
                .default()
                .filter(|it| it.scalar().is_some())?
                .span
                .clone();
            let written = self.source.text.get(span.clone())?;
            // A block ends with its last line.
            let end = if written.ends_with('\n') { "\n" } else { "" };
            let text = format!("\"{default}\"{end}");
            Some(edits::Edit { range: span, text })
        });
        edits::Edits::apply(&self.source.text, defaults.collect()).0
    }

    /// Returns the mappings in the order of the text.
    pub fn mappings(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries("Mappings")
    }

    /// Returns the conditions in the order of the text.
    pub fn conditions(&self) -> impl Iterator<Item = Entry<'_>> {
        self.entries("Conditions")
    }

    /// Returns the resources in the order of the text, without the resources that a loop or a
    /// transform will create.
    pub fn resources(&self) -> impl Iterator<Item = Resource<'_>> {
        self.entries("Resources").map(|entry| Resource { entry })
    }

    /// Returns the resource with this logical id.
    pub fn resource(&self, logical_id: &str) -> Option<Resource<'_>> {
        self.entry("Resources", logical_id)
            .map(|entry| Resource { entry })
    }

    /// Returns the outputs in the order of the text.
    pub fn outputs(&self) -> impl Iterator<Item = Output<'_>> {
        self.entries("Outputs").map(|entry| Output { entry })
    }

    /// Returns the output with this name.
    pub fn output(&self, name: &str) -> Option<Output<'_>> {
        let entry = self.entry("Outputs", name);
        entry.map(|entry| Output { entry })
    }

    /// Returns the names of the transforms in the `Transform` section.
    pub fn transforms(&self) -> impl Iterator<Item = &str> {
        let transform = self.root.get("Transform");
        let list = transform.map(Node::elements).unwrap_or_default();
        list.iter().filter_map(transform_name)
    }

    /// Returns the name of the first transform that may change every output; `None` if there is none.
    pub fn macro_name(&self) -> Option<&str> {
        let keeps_outputs = |name: &str| {
            let mut known = KEEP_OUTPUTS.iter();
            known.any(|it| {
                let version = name.strip_prefix(it);
                version.is_some_and(|it| it.is_empty() || it.starts_with('-'))
            })
        };
        self.transforms().find(|name| !keeps_outputs(name))
    }

    /// Returns whether a macro, a loop or an included file may create outputs that the template does not
    /// declare by name.
    pub fn may_have_other_outputs(&self) -> bool {
        let outputs = self.section("Outputs");
        let mut names = outputs.into_iter().flat_map(Map::keys);
        self.macro_name().is_some()
            || self.root.get("Fn::Transform").is_some()
            || names.any(|name| name.starts_with("Fn::"))
    }

    /// Returns the properties that `Globals` gives to the resources of this SAM type; `None` for other
    /// types.
    pub fn globals(&self, resource: Resource<'_>) -> Option<&Node> {
        let name = resource.kind()?.strip_prefix("AWS::Serverless::")?;
        self.root.get("Globals")?.get(name)
    }

    /// Returns a property of a resource, or the one that `Globals` gives to it.
    pub fn property<'a>(&'a self, resource: Resource<'a>, name: &str) -> Option<&'a Node> {
        let own = resource.properties().and_then(|it| it.get(name));
        own.or_else(|| self.globals(resource)?.get(name))
    }

    /// Returns the code of a function, also of a SAM function; `None` if the resource is no function.
    pub fn function_code<'a>(&'a self, resource: Resource<'a>) -> Option<&'a Node> {
        match resource.kind()? {
            "AWS::Lambda::Function" => resource.properties()?.get("Code"),
            "AWS::Serverless::Function" => self.property(resource, "CodeUri"),
            _ => None,
        }
    }

    /// Returns whether a macro changes the template before the deployment: whether it has a
    /// `Transform` section or an `Fn::Transform`.
    pub fn has_transforms(&self) -> bool {
        self.root.get("Transform").is_some()
            || any(&self.root, &|node| node.get("Fn::Transform").is_some())
    }

    /// Returns whether the template is a SAM template.
    pub fn is_serverless(&self) -> bool {
        self.transforms()
            .any(|name| name.starts_with("AWS::Serverless"))
    }

    /// Returns whether a resource is a nested stack.
    pub fn has_nested_stacks(&self) -> bool {
        self.resources()
            .any(|resource| resource.kind() == Some(STACK_TYPE))
    }

    /// Returns every reference, in the order of the text within each section.
    pub fn references(&self) -> Vec<Reference<'_>> {
        reference::collect(self)
    }

    /// Returns the capabilities that this template requires, sorted. A nested stack may require more.
    pub fn required_capabilities(&self) -> Vec<Capability> {
        capability::required(self)
    }

    /// Returns whether the deployment uses data from outside the template and its parameters, so that
    /// deploying the same text again may change something: a parameter from SSM, a dynamic reference
    /// without a version, a transform, a nested stack or the output of another stack.
    pub fn has_external_inputs(&self) -> bool {
        self.parameters().any(|parameter| parameter.is_from_ssm())
            || self.has_nested_stacks()
            || self.has_transforms()
            || any(&self.root, &|node| {
                node.get("Fn::GetStackOutput").is_some()
                    || node.as_str().is_some_and(has_unversioned_reference)
            })
    }

    /// Returns the dynamic references without a version, each once, in their order.
    pub fn unversioned_references(&self) -> Vec<String> {
        let mut found: Vec<String> = Vec::new();
        self.root.visit(&mut |node| {
            let text = node.as_str().unwrap_or_default();
            for reference in text.split("{{resolve:").skip(1) {
                let Some((inner, _)) = reference.split_once("}}") else {
                    continue;
                };
                let reference = format!("{{{{resolve:{inner}}}}}");
                if has_unversioned_reference(&reference) && !found.contains(&reference) {
                    found.push(reference);
                }
            }
        });
        found
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

/// Reads the tree of a template, and what is wrong with its text.
fn read(source: &Arc<SourceFile>) -> (Option<Node>, Vec<Diagnostic>) {
    let mut findings = Findings::new(source);
    let text = source.text.trim_start_matches('\u{feff}').trim_start();
    let root = if text.starts_with('{') {
        json::parse(&mut findings)
    } else {
        yaml::parse(&mut findings)
    };
    (root, findings.into_diagnostics())
}

/// Returns whether `matches` is true for a node or one of its descendants.
fn any(node: &Node, matches: &impl Fn(&Node) -> bool) -> bool {
    matches(node)
        || match &node.value {
            node::Value::Map(map) => map.values().any(|member| any(&member.node, matches)),
            node::Value::List(list) => list.iter().any(|node| any(node, matches)),
            _ => false,
        }
}

/// Returns whether the text contains a dynamic reference without a version.
///
/// Dynamic references have the form `{{resolve:ssm:NAME:VERSION}}`,
/// `{{resolve:ssm-secure:NAME:VERSION}}` or
/// `{{resolve:secretsmanager:SECRET:SecretString:KEY:STAGE:VERSION}}`.
pub(crate) fn has_unversioned_reference(text: &str) -> bool {
    text.split("{{resolve:").skip(1).any(|reference| {
        let reference = reference.split("}}").next().unwrap_or(reference);
        match reference.split_once(':') {
            Some(("ssm" | "ssm-secure", name)) => {
                !name.rsplit_once(':').is_some_and(|(_, version)| {
                    !version.is_empty() && version.bytes().all(|it| it.is_ascii_digit())
                })
            }
            // A secret may be an ARN, which contains colons.
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
