//! What the manifest for a template will contain, before it is written.

use indexmap::IndexMap;

use super::code::Code;
use crate::operations::init::name;
use crate::template::{Parameter, Template};

/// What a manifest will contain.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) project: String,
    /// The template's path, relative to the manifest.
    pub(super) path: &'a str,
    /// The template; `None` if it has to be rendered first.
    pub(super) template: Option<&'a Template>,
    /// The default environment, if it is not stackctl's.
    pub(super) environment: Option<String>,
    /// What holds in every environment.
    pub(super) top: Layer,
    /// What holds in one environment.
    pub(super) environments: IndexMap<String, Layer>,
    /// The template's local paths.
    pub(super) code: Code,
    /// What is worth knowing about the template: paragraphs of a comment.
    pub(super) remarks: Vec<String>,
}

/// Values of the manifest's top level, or of one environment.
#[derive(Debug, Default)]
pub(super) struct Layer {
    /// Values of keys that are no tables, such as `region`.
    pub(super) keys: IndexMap<&'static str, Sourced<String>>,
    pub(super) tags: IndexMap<String, Sourced<String>>,
    /// Values of `[stack]`, each a text or a list of texts.
    pub(super) stack: IndexMap<&'static str, Sourced<Setting>>,
    pub(super) parameters: IndexMap<String, Sourced<Value>>,
}

/// A value, and the file that it is from.
#[derive(Debug, Clone)]
pub(super) struct Sourced<T> {
    pub(super) value: T,
    /// The file's name; empty if the user gave the value.
    pub(super) from: String,
}

/// The value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Value {
    Text(String),
    /// A secret, which is read from this environment variable.
    Secret(String),
}

/// The value of a key of `[stack]`.
#[derive(Debug, Clone)]
pub(super) enum Setting {
    Text(String),
    List(Vec<String>),
}

impl Layer {
    /// Returns whether there is no value.
    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
            && self.tags.is_empty()
            && self.stack.is_empty()
            && self.parameters.is_empty()
    }

    /// Sets the value of a parameter and returns what was set. The value of a secret is dropped; it is read
    /// from an environment variable.
    pub(super) fn set_parameter(
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
    pub(super) fn new(value: T, from: &str) -> Self {
        Self {
            value,
            from: from.to_owned(),
        }
    }
}
