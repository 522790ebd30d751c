//! Evaluates the values of a template as far as possible before anything is deployed.
//!
//! Parameters, mappings and conditions are known; the physical id of a resource is not. An unknown
//! value becomes a text in which each unknown part is written as `${Name}`. If two such texts are
//! equal, so are the deployed values, unless a resource that they use is replaced; so each unknown
//! value lists the resources that it uses. It also lists dependencies that its text does not show,
//! such as the entries of a mapping if the key is unknown. They are compared too.
//!
//! A few functions inside each other can describe a text of any length, so each function is evaluated
//! once, and the size of its value is limited. A value over the limit is unknown. It is compared by the
//! function and by everything that the function may read.

pub mod coexistence;
mod condition;
mod size;
mod value;

use std::borrow::Cow;
use std::cell::{Cell, OnceCell, RefCell};
use std::collections::{BTreeSet, HashMap};
use std::ptr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;

use super::node::{Node, Value};
use super::{Parameter, Template};
pub use value::{Evaluated, Unknown, Use};

/// The value of a `NoEcho` parameter in every response of the API.
pub(crate) const NO_ECHO: &str = "****";

/// Evaluates a template with the given parameter values.
#[derive(Debug)]
pub struct Evaluator<'a> {
    template: &'a Template,
    /// The values of parameters, and of pseudo parameters such as `AWS::Region` if they are known.
    values: &'a IndexMap<String, String>,
    conditions: RefCell<condition::Decisions<'a>>,
    /// The values of functions, by the address of their node.
    calls: RefCell<HashMap<usize, Evaluated<'a>>>,
    /// How many bytes the values of functions may still have.
    left: Cell<usize>,
    /// A number that is equal for everything that functions may read.
    surroundings: OnceCell<u64>,
}

impl<'a> Evaluator<'a> {
    /// Returns an evaluator. A parameter that is not in `values` has its default, or is unknown if it
    /// has none. A parameter whose value is masked is unknown.
    pub fn new(template: &'a Template, values: &'a IndexMap<String, String>) -> Self {
        Self {
            template,
            values,
            conditions: RefCell::default(),
            calls: RefCell::default(),
            left: Cell::new(size::TOTAL),
            surroundings: OnceCell::new(),
        }
    }

    /// Returns the template that is evaluated.
    pub const fn template(&self) -> &'a Template {
        self.template
    }

    /// Returns whether the condition with this name holds; `None` if that is not known.
    pub fn condition(&self, name: &str) -> Option<bool> {
        condition::named(self, name).holds
    }

    /// Returns a number that is equal for conditions that always evaluate to the same result, even if
    /// they are in different templates.
    pub fn condition_fingerprint(&self, name: &str) -> u64 {
        condition::named(self, name).fingerprint
    }

    /// Returns the value of a node.
    pub fn value(&self, node: &'a Node) -> Evaluated<'a> {
        if let Some((function, member)) = node.intrinsic() {
            let address = ptr::from_ref(node).addr();
            if let Some(known) = self.calls.borrow().get(&address) {
                return known.clone();
            }
            let value = self.call(function, &member.node);
            self.calls.borrow_mut().insert(address, value.clone());
            return value;
        }
        match &node.value {
            Value::List(list) => Evaluated::List(self.list(list)),
            Value::Map(map) => {
                let members = map
                    .iter()
                    .map(|(key, member)| (key.as_str(), self.value(&member.node)))
                    .filter(|(_, value)| *value != Evaluated::Nothing);
                Evaluated::Map(members.collect())
            }
            _ if node.is_rewritten_number() => rewritten(&node.scalar().unwrap_or_default()),
            _ => node.scalar().map_or(Evaluated::Nothing, Evaluated::Scalar),
        }
    }

    fn list(&self, nodes: &'a [Node]) -> Vec<Evaluated<'a>> {
        let values = nodes.iter().map(|node| self.value(node));
        values
            .filter(|value| *value != Evaluated::Nothing)
            .collect()
    }

    /// Returns the value of a function, if its size is within the limits.
    fn call(&self, function: &str, argument: &'a Node) -> Evaluated<'a> {
        let value = match self.left.get() {
            0 => None,
            _ => Some(self.called(function, argument)),
        };
        let size = value.as_ref().map_or(0, size::of);
        let has_room = size <= self.left.get().min(size::LONGEST);
        self.spend(size);
        value
            .filter(|_| has_room)
            .unwrap_or_else(|| self.too_large(function, argument))
    }

    /// Counts bytes that a value has, or that were needed to see that it is too large.
    fn spend(&self, bytes: usize) {
        self.left.set(self.left.get().saturating_sub(bytes));
    }

    /// Returns the value of a function whose value is too large.
    fn too_large(&self, function: &str, argument: &'a Node) -> Evaluated<'a> {
        let mut uses = BTreeSet::new();
        size::uses(self.template, argument, &mut uses);
        let surroundings = || size::surroundings(self.template, self.values);
        let surroundings = *self.surroundings.get_or_init(surroundings);
        let fingerprint = size::fingerprint(surroundings, argument);
        Evaluated::Unknown(Unknown {
            text: format!("{function}(…)"),
            uses,
            dependencies: BTreeSet::from([format!("too large {fingerprint}")]),
        })
    }

    fn called(&self, function: &str, argument: &'a Node) -> Evaluated<'a> {
        let result = match function {
            "Ref" => argument.as_str().map(|name| self.reference(name)),
            "Fn::GetAtt" => self.get_att(argument),
            "Fn::Sub" => self.sub(argument),
            "Fn::If" => self.choose(argument),
            "Fn::FindInMap" => self.find_in_map(argument),
            "Fn::Join" => self.join(argument),
            "Fn::Select" => self.select(argument),
            "Fn::Split" => self.split(argument),
            "Fn::Base64" => self
                .value(argument)
                .scalar()
                .map(|text| Evaluated::Scalar(STANDARD.encode(text).into())),
            "Fn::Length" => self
                .value(argument)
                .list()
                .map(|list| Evaluated::Scalar(list.len().to_string().into())),
            _ => None,
        };
        result.unwrap_or_else(|| {
            // An unknown call keeps its name and arguments, so that it can be compared.
            let value = self.value(argument);
            if size::of(&value) > size::LONGEST {
                self.spend(size::LONGEST);
                return self.too_large(function, argument);
            }
            let mut dependencies = BTreeSet::from_iter(self.dependency(function, argument));
            value.collect_dependencies(&mut dependencies);
            Evaluated::Unknown(Unknown {
                text: format!("{function}({})", value.text()),
                uses: value.uses(),
                dependencies,
            })
        })
    }

    /// Returns the dependency of a call that cannot be evaluated, if its text does not show it: the
    /// condition of an `Fn::If`, or the entries that an `Fn::FindInMap` may return.
    fn dependency(&self, function: &str, argument: &'a Node) -> Option<String> {
        let [name, keys @ ..] = argument.as_list()? else {
            return None;
        };
        match function {
            "Fn::If" => {
                let fingerprint = self.condition_fingerprint(name.as_str()?);
                Some(format!("If {fingerprint}"))
            }
            "Fn::FindInMap" => {
                let map = self.value(name);
                let mapping = &self.template.section("Mappings")?.get(map.scalar()?)?.node;
                let [first, second] = [0, 1].map(|index| Some(self.value(keys.get(index)?)));
                let (first, second) = (first?, second?);
                let levels = mapping.as_map()?.iter();
                let levels = levels.filter(|(key, _)| first.scalar().is_none_or(|it| it == *key));
                let mut entries: Vec<String> = Vec::new();
                for (level, member) in levels {
                    for (key, member) in member.node.as_map().into_iter().flatten() {
                        if second.scalar().is_none_or(|it| it == key) {
                            let value = self.value(&member.node).text();
                            entries.push(format!("{level}.{key}={value}"));
                        }
                    }
                }
                entries.sort_unstable();
                Some(entries.join(" "))
            }
            _ => None,
        }
    }

    /// Returns the value of `Ref` with this name.
    pub fn reference(&self, name: &str) -> Evaluated<'a> {
        if name == "AWS::NoValue" {
            return Evaluated::Nothing;
        }
        if let Some(parameter) = self.template.parameter(name) {
            return self.parameter(name, parameter);
        }
        if let Some(value) = self.values.get(name) {
            return Evaluated::Scalar(Cow::Borrowed(value));
        }
        if name.starts_with("AWS::") {
            return Evaluated::unknown(format!("${{{name}}}"));
        }
        used(name, None)
    }

    fn parameter(&self, name: &str, parameter: Parameter<'a>) -> Evaluated<'a> {
        let given = self
            .values
            .get(name)
            .map(|value| Cow::Borrowed(value.as_str()));
        if given.is_none()
            && let Some(default) = parameter.default().filter(|it| it.is_rewritten_number())
        {
            return rewritten(&default.scalar().unwrap_or_default());
        }
        let default = || parameter.default()?.scalar();
        let Some(value) = given.or_else(default) else {
            return Evaluated::unknown(format!("${{{name}}}"));
        };
        if value == NO_ECHO {
            return Evaluated::unknown(format!("${{{name}}}"));
        }
        let kind = parameter.kind().unwrap_or("String");
        if parameter.is_from_ssm() {
            // Only CloudFormation reads the parameter store. A different name is a different value.
            return Evaluated::unknown(format!("{{{{resolve:ssm:{value}}}}}"));
        }
        if kind == "CommaDelimitedList" || kind.starts_with("List<") {
            let items = value.split(',').map(str::trim);
            return Evaluated::List(
                items
                    .map(|it| Evaluated::Scalar(it.to_owned().into()))
                    .collect(),
            );
        }
        Evaluated::Scalar(value)
    }

    fn get_att(&self, argument: &'a Node) -> Option<Evaluated<'a>> {
        let (resource, attribute) = match argument.as_list() {
            Some([resource, attribute]) => (resource.as_str()?, self.value(attribute)),
            Some(_) => return None,
            None => {
                let (resource, attribute) = argument.as_str()?.split_once('.')?;
                (resource, Evaluated::Scalar(attribute.into()))
            }
        };
        Some(used(resource, Some(attribute.scalar()?)))
    }

    fn sub(&self, argument: &'a Node) -> Option<Evaluated<'a>> {
        let (text, own) = match argument.as_list() {
            Some([text, own]) => (text.as_str()?, own.as_map()),
            Some([text]) => (text.as_str()?, None),
            Some(_) => return None,
            None => (argument.as_str()?, None),
        };
        let mut parts = Vec::new();
        let mut size = 0_usize;
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once("${") {
            let (name, after) = behind.split_once('}')?;
            parts.push(Evaluated::Scalar(before.into()));
            let name = name.trim();
            parts.push(if let Some(literal) = name.strip_prefix('!') {
                Evaluated::Scalar(format!("${{{literal}}}").into())
            } else if let Some(member) = own.and_then(|own| own.get(name)) {
                self.value(&member.node)
            } else if let Some((resource, attribute)) = name.split_once('.') {
                used(resource, Some(attribute))
            } else {
                self.reference(name)
            });
            size = size.saturating_add(parts.last().map_or(0, size::of));
            if size > size::LONGEST {
                self.spend(size);
                return Some(self.too_large("Fn::Sub", argument));
            }
            rest = after;
        }
        parts.push(Evaluated::Scalar(rest.into()));
        Some(concatenated(&parts, ""))
    }

    fn choose(&self, argument: &'a Node) -> Option<Evaluated<'a>> {
        let [condition, yes, no] = argument.as_list()? else {
            return None;
        };
        let holds = condition::decide(self, condition).holds?;
        Some(self.value(if holds { yes } else { no }))
    }

    fn find_in_map(&self, argument: &'a Node) -> Option<Evaluated<'a>> {
        let [map, first, second, default @ ..] = argument.as_list()? else {
            return None;
        };
        let (map, first, second) = (self.value(map), self.value(first), self.value(second));
        let mapping = self.template.section("Mappings")?.get(map.scalar()?)?;
        let found = mapping.node.get(first.scalar()?);
        match found.and_then(|level| level.get(second.scalar()?)) {
            Some(node) => Some(self.value(node)),
            None => Some(self.value(default.first()?.get("DefaultValue")?)),
        }
    }

    fn join(&self, argument: &'a Node) -> Option<Evaluated<'a>> {
        let [delimiter, list] = argument.as_list()? else {
            return None;
        };
        let (delimiter, list) = (self.value(delimiter), self.value(list));
        let (delimiter, parts) = (delimiter.scalar()?, list.list()?);
        let delimiters = delimiter.len().saturating_mul(parts.len());
        if delimiters.saturating_add(size::of(&list)) > size::LONGEST {
            self.spend(size::LONGEST);
            return Some(self.too_large("Fn::Join", argument));
        }
        Some(concatenated(parts, delimiter))
    }

    fn select(&self, argument: &'a Node) -> Option<Evaluated<'a>> {
        let [index, list] = argument.as_list()? else {
            return None;
        };
        let index: usize = self.value(index).scalar()?.parse().ok()?;
        self.value(list).list()?.get(index).cloned()
    }

    fn split(&self, argument: &'a Node) -> Option<Evaluated<'a>> {
        let [delimiter, text] = argument.as_list()? else {
            return None;
        };
        let (delimiter, text) = (self.value(delimiter), self.value(text));
        let delimiter = delimiter.scalar().filter(|it| !it.is_empty())?;
        let parts = text.scalar()?.split(delimiter);
        Some(Evaluated::List(
            parts
                .map(|it| Evaluated::Scalar(it.to_owned().into()))
                .collect(),
        ))
    }
}

/// Returns the value of a number that CloudFormation may write in another way. It differs from the
/// string with the same text.
fn rewritten<'a>(text: &str) -> Evaluated<'a> {
    Evaluated::Unknown(Unknown {
        text: text.to_owned(),
        uses: BTreeSet::new(),
        dependencies: BTreeSet::from(["number".to_owned()]),
    })
}

fn used<'a>(resource: &str, attribute: Option<&str>) -> Evaluated<'a> {
    let text = match attribute {
        Some(attribute) => format!("${{{resource}.{attribute}}}"),
        None => format!("${{{resource}}}"),
    };
    Evaluated::Unknown(Unknown {
        text,
        uses: BTreeSet::from([Use {
            resource: resource.to_owned(),
            attribute: attribute.map(str::to_owned),
        }]),
        dependencies: BTreeSet::new(),
    })
}

/// Returns the parts as one text; it is unknown if one of the parts is unknown.
fn concatenated<'a>(parts: &[Evaluated<'a>], delimiter: &str) -> Evaluated<'a> {
    let texts: Vec<String> = parts.iter().map(Evaluated::text).collect();
    let text = texts.join(delimiter);
    if parts.iter().all(Evaluated::is_known) {
        return Evaluated::Scalar(text.into());
    }
    let uses = parts.iter().flat_map(Evaluated::uses).collect();
    let mut dependencies = BTreeSet::new();
    for part in parts {
        part.collect_dependencies(&mut dependencies);
    }
    Evaluated::Unknown(Unknown {
        text,
        uses,
        dependencies,
    })
}

#[cfg(test)]
mod tests;
