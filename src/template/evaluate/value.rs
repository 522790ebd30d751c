//! Values, as far as they are known before the deployment.

use std::borrow::Cow;
use std::collections::BTreeSet;

use indexmap::IndexMap;
use serde_json::Value as Json;

/// A value, as far as it is known. Parts that are copied unchanged from the template are borrowed.
#[derive(Debug, Clone, PartialEq)]
pub enum Evaluated<'a> {
    /// `AWS::NoValue`: the value is absent.
    Nothing,
    /// A scalar, as a text: CloudFormation treats every scalar as a string.
    Scalar(Cow<'a, str>),
    /// A list.
    List(Vec<Evaluated<'a>>),
    /// A map.
    Map(IndexMap<&'a str, Evaluated<'a>>),
    /// A value that is not known before the deployment.
    Unknown(Unknown),
}

/// What is known about an unknown value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unknown {
    /// The value, with each unknown part written as `${Name}` or `${Name.Attribute}`.
    pub text: String,
    /// The resources that the value uses.
    pub uses: BTreeSet<Use>,
    /// What the value depends on and the text does not show: the fingerprints of conditions, and
    /// entries of mappings.
    pub dependencies: BTreeSet<String>,
}

/// A resource that a value uses.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Use {
    /// The logical id of the resource.
    pub resource: String,
    /// The attribute; `None` if the value uses what `Ref` returns.
    pub attribute: Option<String>,
}

impl<'a> Evaluated<'a> {
    /// Returns the value as text; lists and maps are written as JSON.
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

    /// Calls `visit` for each use of a resource, with the path to the value that contains it.
    pub fn for_each_use(
        &self,
        path: &mut Vec<Cow<'a, str>>,
        visit: &mut impl FnMut(&[Cow<'a, str>], &Use),
    ) {
        match self {
            Self::Nothing | Self::Scalar(_) => {}
            Self::Unknown(unknown) => unknown.uses.iter().for_each(|used| visit(path, used)),
            Self::List(list) => {
                for (index, value) in list.iter().enumerate() {
                    path.push(index.to_string().into());
                    value.for_each_use(path, visit);
                    path.pop();
                }
            }
            Self::Map(map) => {
                for (key, value) in map {
                    path.push(Cow::Borrowed(key));
                    value.for_each_use(path, visit);
                    path.pop();
                }
            }
        }
    }

    pub(super) fn unknown(text: impl Into<String>) -> Self {
        Self::Unknown(Unknown {
            text: text.into(),
            uses: BTreeSet::new(),
            dependencies: BTreeSet::new(),
        })
    }

    pub(super) fn scalar(&self) -> Option<&str> {
        match self {
            Self::Scalar(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn list(&self) -> Option<&[Evaluated<'a>]> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    pub(super) fn is_known(&self) -> bool {
        match self {
            Self::Unknown(_) => false,
            Self::Nothing | Self::Scalar(_) => true,
            Self::List(list) => list.iter().all(Self::is_known),
            Self::Map(map) => map.values().all(Self::is_known),
        }
    }

    /// Returns the resources that the value uses.
    pub fn uses(&self) -> BTreeSet<Use> {
        let mut uses = BTreeSet::new();
        self.for_each_use(&mut Vec::new(), &mut |_, used| {
            uses.insert(used.clone());
        });
        uses
    }

    /// Adds the dependencies of the unknown parts of the value.
    pub(super) fn collect_dependencies(&self, dependencies: &mut BTreeSet<String>) {
        match self {
            Self::Nothing | Self::Scalar(_) => {}
            Self::Unknown(unknown) => dependencies.extend(unknown.dependencies.iter().cloned()),
            Self::List(list) => list
                .iter()
                .for_each(|value| value.collect_dependencies(dependencies)),
            Self::Map(map) => map
                .values()
                .for_each(|value| value.collect_dependencies(dependencies)),
        }
    }
}
