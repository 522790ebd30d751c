//! What the values of a template come to, as far as that is known before anything is deployed.
//!
//! Parameters, mappings and conditions are known; what a resource will be called is not. So a value
//! is evaluated as far as possible, and what is left stays as a text in which the unknown parts
//! stand as `${Name}`. Two such texts are equal where the values will be, as long as the resources
//! they name stay what they are, and each carries the list of those resources. What a text cannot
//! show, such as the entries of a mapping among which an unknown key chooses, stands beside it and
//! is compared too.

mod condition;

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeSet;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use indexmap::IndexMap;
use serde_json::Value as Json;

use super::node::{Node, Value};
use super::{Parameter, Template};

/// A value, as far as it is known. What it has in common with the template is borrowed from there.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluated<'a> {
    /// `AWS::NoValue`: as if it were not there.
    Nothing,
    /// A text; to CloudFormation every scalar is one.
    Scalar(Cow<'a, str>),
    /// A list.
    List(Vec<Evaluated<'a>>),
    /// A map.
    Map(IndexMap<&'a str, Evaluated<'a>>),
    /// Something that is not known before the deployment.
    Unknown(Unknown),
}

/// What is known about an unknown value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The value with its unknown parts as `${Name}` or `${Name.Attribute}`.
    pub text: String,
    /// The resources that it depends on.
    pub uses: BTreeSet<Use>,
    /// The conditions and the parts of mappings that decide it, in full.
    pub depends_on: BTreeSet<String>,
}

/// A resource on which a value depends.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// Its logical id.
    pub resource: String,
    /// The attribute; `None` for what `Ref` gives.
    pub attribute: Option<String>,
}

impl<'a> Evaluated<'a> {
    /// Returns the value as text: lists and maps as JSON.
    pub fn text(&self) -> String {
        match self {
            Self::Scalar(text) => text.clone().into_owned(),
            Self::Unknown(unknown) => unknown.text.clone(),
            Self::Nothing => String::new(),
            Self::List(_) | Self::Map(_) => self.json().to_string(),
        }
    }

    fn json(&self) -> Json {
        match self {
            Self::List(list) => list.iter().map(Self::json).collect(),
            Self::Map(map) => map
                .iter()
                .map(|(key, value)| ((*key).to_owned(), value.json()))
                .collect(),
            _ => Json::String(self.text()),
        }
    }

    /// Calls `found` with every use of a resource and the path to the value that holds it.
    pub fn for_each_use(
        &self,
        path: &mut Vec<Cow<'a, str>>,
        found: &mut impl FnMut(&[Cow<'a, str>], &Use),
    ) {
        match self {
            Self::Nothing | Self::Scalar(_) => {}
            Self::Unknown(unknown) => unknown.uses.iter().for_each(|used| found(path, used)),
            Self::List(list) => {
                for (index, value) in list.iter().enumerate() {
                    path.push(index.to_string().into());
                    value.for_each_use(path, found);
                    path.pop();
                }
            }
            Self::Map(map) => {
                for (key, value) in map {
                    path.push(Cow::Borrowed(key));
                    value.for_each_use(path, found);
                    path.pop();
                }
            }
        }
    }

    fn unknown(text: impl Into<String>) -> Self {
        Self::Unknown(Unknown {
            text: text.into(),
            uses: BTreeSet::new(),
            depends_on: BTreeSet::new(),
        })
    }

    fn scalar(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => Some(text),
            _ => None,
        }
    }

    fn list(&self) -> Option<&[Evaluated<'a>]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    fn is_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Nothing | Self::Scalar(_) => true,
            Self::List(list) => list.iter().all(Self::is_known),
            Self::Map(map) => map.values().all(Self::is_known),
        }
    }

    fn uses(&self) -> BTreeSet<Use> {
        let mut uses = BTreeSet::new();
        self.for_each_use(&mut Vec::new(), &mut |_, used| {
            uses.insert(used.clone());
        });
        uses
    }

    /// Adds what decides the unknown parts of the value.
    fn collect_dependencies(&self, fingerprints: &mut BTreeSet<String>) {
        match self {
            Self::Nothing | Self::Scalar(_) => {}
            Self::Unknown(unknown) => fingerprints.extend(unknown.depends_on.iter().cloned()),
            Self::List(list) => list
                .iter()
                .for_each(|value| value.collect_dependencies(fingerprints)),
            Self::Map(map) => map
                .values()
                .for_each(|value| value.collect_dependencies(fingerprints)),
        }
    }
}

/// A template with the values that its parameters are given.
#[derive(Debug)]
pub struct Evaluator<'a> {
    template: &'a Template,
    /// Values of parameters, and of pseudo parameters such as `AWS::Region` where they are known.
    values: &'a IndexMap<String, String>,
    /// The named conditions that were decided already.
    conditions: RefCell<condition::Known<'a>>,
}

impl<'a> Evaluator<'a> {
    /// Returns an evaluator. A parameter without a value has its default; without one it is unknown.
    pub fn new(template: &'a Template, values: &'a IndexMap<String, String>) -> Self {
        Self {
            template,
            values,
            conditions: RefCell::default(),
        }
    }

    /// Returns what a value comes to.
    pub fn value(&self, node: &'a Node) -> Evaluated<'a> {
        if let Some((function, member)) = node.intrinsic() {
            return self.call(function, &member.node);
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
            _ => node.scalar().map_or(Evaluated::Nothing, Evaluated::Scalar),
        }
    }

    fn list(&self, nodes: &'a [Node]) -> Vec<Evaluated<'a>> {
        let values = nodes.iter().map(|node| self.value(node));
        values
            .filter(|value| *value != Evaluated::Nothing)
            .collect()
    }

    fn call(&self, function: &str, argument: &'a Node) -> Evaluated<'a> {
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
            // What is not known before the deployment keeps its look, so that it can be compared.
            let value = self.value(argument);
            let mut depends_on = BTreeSet::from_iter(self.fingerprint(function, argument));
            value.collect_dependencies(&mut depends_on);
            Evaluated::Unknown(Unknown {
                text: format!("{function}({})", value.text()),
                uses: value.uses(),
                depends_on,
            })
        })
    }

    /// Returns what decides a call that cannot be evaluated and is not seen in its text: the
    /// condition of an `Fn::If`, the mapping's entries that an `Fn::FindInMap` may yield.
    fn fingerprint(&self, function: &str, argument: &'a Node) -> Option<String> {
        let [name, keys @ ..] = argument.as_list()? else {
            return None;
        };
        match function {
            "Fn::If" => Some(format!("If {}", self.condition_ground(name.as_str()?))),
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

    fn reference(&self, name: &str) -> Evaluated<'a> {
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
        let default = || parameter.default()?.scalar();
        let Some(value) = given.or_else(default) else {
            return Evaluated::unknown(format!("${{{name}}}"));
        };
        let kind = parameter.kind().unwrap_or("String");
        if parameter.is_from_ssm() {
            // Only the service reads the parameter store; another name there is another value.
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
            rest = after;
        }
        parts.push(Evaluated::Scalar(rest.into()));
        Some(concatenated(&parts, ""))
    }

    fn choose(&self, argument: &'a Node) -> Option<Evaluated<'a>> {
        let [condition, yes, no] = argument.as_list()? else {
            return None;
        };
        let chosen = if self.decide(condition).holds? {
            yes
        } else {
            no
        };
        Some(self.value(chosen))
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
        let delimiter = self.value(delimiter);
        Some(concatenated(self.value(list).list()?, delimiter.scalar()?))
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
        depends_on: BTreeSet::new(),
    })
}

/// Returns the parts as one text, unknown where one of them is.
fn concatenated<'a>(parts: &[Evaluated<'a>], delimiter: &str) -> Evaluated<'a> {
    let texts: Vec<String> = parts.iter().map(Evaluated::text).collect();
    let text = texts.join(delimiter);
    if parts.iter().all(Evaluated::is_known) {
        return Evaluated::Scalar(text.into());
    }
    let uses = parts.iter().flat_map(Evaluated::uses).collect();
    let mut depends_on = BTreeSet::new();
    for part in parts {
        part.collect_dependencies(&mut depends_on);
    }
    Evaluated::Unknown(Unknown {
        text,
        uses,
        depends_on,
    })
}

#[cfg(test)]
mod tests;
