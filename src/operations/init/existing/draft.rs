//! What the manifest for a template will contain, before it is written.

use indexmap::IndexMap;

use super::code::Code;
use crate::operations::init::name;
use crate::template::{Parameter, Template};

/// What a manifest will contain.
#[derive(Debug)]
pub(in crate::operations::init) struct Draft<'a> {
    pub(in crate::operations::init) project: String,
    /// The template's path, relative to the manifest.
    pub(in crate::operations::init) path: &'a str,
    /// The template; `None` if it has to be rendered first.
    pub(in crate::operations::init) template: Option<&'a Template>,
    /// The default environment, if it is not stackctl's.
    pub(in crate::operations::init) environment: Option<String>,
    /// What holds in every environment.
    pub(in crate::operations::init) top: Layer,
    /// What holds in one environment.
    pub(in crate::operations::init) environments: IndexMap<String, Layer>,
    /// The template's local paths.
    pub(in crate::operations::init) code: Code,
    /// What is worth knowing about the template: paragraphs of a comment.
    pub(in crate::operations::init) remarks: Vec<String>,
}

/// Values of the manifest's top level, or of one environment.
#[derive(Debug, Default)]
pub(in crate::operations::init) struct Layer {
    /// Values of keys that are no tables, such as `region`.
    pub(in crate::operations::init) keys: IndexMap<&'static str, Sourced<Setting>>,
    pub(in crate::operations::init) tags: IndexMap<String, Sourced<String>>,
    /// Values of `[stack]`.
    pub(in crate::operations::init) stack: IndexMap<&'static str, Sourced<Setting>>,
    pub(in crate::operations::init) parameters: IndexMap<String, Sourced<Value>>,
}

/// A value, and the file that it is from.
#[derive(Debug, Clone)]
pub(in crate::operations::init) struct Sourced<T> {
    pub(in crate::operations::init) value: T,
    /// The file's name; empty if the user gave the value.
    pub(in crate::operations::init) from: String,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::operations::init) enum Value {
    Text(String),
    /// A secret, which is read from this environment variable.
    Secret(String),
    /// The value that the deployed stack has.
    Previous,
}

/// The value of a key that is no table.
#[derive(Debug, Clone)]
pub(in crate::operations::init) enum Setting {
    Text(String),
    List(Vec<String>),
    Flag(bool),
    Number(u32),
}

impl Layer {
    /// Returns whether there is no value.
    pub(in crate::operations::init) fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.tags.is_empty()
            && self.stack.is_empty()
            && self.parameters.is_empty()
    }

    /// Sets the value of a parameter and returns what was set. The value of a secret is dropped; it is read
    /// from an environment variable.
    pub(in crate::operations::init) fn set_parameter(
        &mut self,
        project: &str,
        template: Option<&Template>,
        (parameter, value): (&str, &str),
        from: &str,
    ) -> &Value {
        let declared = template.and_then(|template| template.parameter(parameter));
        let value = match declared.filter(Parameter::no_echo) {
            Some(_) => Value::Secret(name::variable(parameter, project)),
            None => Value::Text(value.to_owned()),
        };
        let set = self.parameters.entry(parameter.to_owned());
        let set = set.insert_entry(Sourced::new(value, from));
        &set.into_mut().value
    }
}

impl<T> Sourced<T> {
    pub(in crate::operations::init) fn new(value: T, from: &str) -> Self {
        Self {
            value,
            from: from.to_owned(),
        }
    }
}
