//! What the transforms of a template may change.
//!
//! A macro of the account may change everything that it receives. The transforms of AWS do only what
//! they document, so most mistakes are mistakes under them too.

use std::collections::BTreeSet;
use std::ops::Range;

use super::Checks;
use crate::template::node::{Node, Value};
use crate::template::{Template, transform_name};

/// A transform, by what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Transform {
    /// Adds functions, among them loops.
    LanguageExtensions,
    /// Creates resources from those of AWS SAM.
    Serverless,
    /// Creates a function for the rotation of a secret.
    SecretsManager,
    /// Adds the contents of a file.
    Include,
    /// Adds nothing that has a name.
    BlueGreen,
    /// A macro of the account, which may change everything.
    Macro,
}

impl Transform {
    fn of(name: Option<&str>) -> Self {
        match name {
            Some("AWS::LanguageExtensions") => Self::LanguageExtensions,
            Some("AWS::Serverless-2016-10-31") => Self::Serverless,
            Some("AWS::Include") => Self::Include,
            Some("AWS::CodeDeployBlueGreen") => Self::BlueGreen,
            Some(name) if name.starts_with("AWS::SecretsManager-") => Self::SecretsManager,
            _ => Self::Macro,
        }
    }
}

/// Transforms of AWS that are known by their whole name.
const KNOWN: [&str; 7] = [
    "AWS::CodeDeployBlueGreen",
    "AWS::CodeStar",
    "AWS::Include",
    "AWS::LanguageExtensions",
    "AWS::SecretsManager-2020-07-23",
    "AWS::SecretsManager-2024-09-16",
    "AWS::Serverless-2016-10-31",
];

/// Warns of a transform of AWS that is not known: under a macro, much less is checked.
pub(super) fn check(checks: &mut Checks<'_>) {
    let template = checks.template;
    let transform = template.root().get("Transform");
    for node in transform.map(Node::elements).unwrap_or_default() {
        let unknown =
            transform_name(node).filter(|it| it.starts_with("AWS::") && !KNOWN.contains(it));
        let Some(name) = unknown else { continue };
        let text = format!("`{name}` is not a known transform of AWS");
        let found = checks.warning("unknown-transform", text, &node.span);
        checks.push(match checks.suggestion(name, KNOWN) {
            Some(suggestion) => found.help(suggestion),
            None => found,
        });
    }
}

/// What the transforms of a template may change.
#[derive(Debug, Default)]
pub(super) struct Transforms<'a> {
    /// The transforms of the whole template.
    whole: Vec<Transform>,
    /// The sections to which a macro may add entries.
    open_sections: BTreeSet<&'a str>,
    /// The maps that a macro changes, or adds to.
    fragments: Vec<Fragment>,
}

#[derive(Debug)]
struct Fragment {
    span: Range<usize>,
    /// Whether the macro only adds the contents of a file.
    includes: bool,
}

impl<'a> Transforms<'a> {
    pub(super) fn of(template: &'a Template) -> Self {
        let mut transforms = Self::default();
        let root = template.root();
        for key in ["Transform", "Fn::Transform"] {
            let calls = root.get(key).map(Node::elements).unwrap_or_default();
            let calls = calls.iter().map(|call| Transform::of(transform_name(call)));
            transforms.whole.extend(calls);
        }
        for (section, member) in root.as_map().into_iter().flatten() {
            if member.node.get("Fn::Transform").is_some() {
                transforms.open_sections.insert(section);
            }
            transforms.collect_fragments(&member.node);
        }
        transforms
    }

    /// Returns whether this is a transform of the whole template.
    pub(super) fn has(&self, transform: Transform) -> bool {
        self.whole.contains(&transform)
    }

    /// Returns whether a macro of the account may change everything.
    pub(super) fn rewrites(&self) -> bool {
        self.has(Transform::Macro)
    }

    fn collect_fragments(&mut self, node: &'a Node) {
        match &node.value {
            Value::List(list) => list.iter().for_each(|node| self.collect_fragments(node)),
            Value::Map(map) => {
                if let Some(transform) = map.get("Fn::Transform") {
                    let calls = transform.node.elements();
                    self.fragments.push(Fragment {
                        span: node.span.clone(),
                        includes: calls
                            .iter()
                            .all(|call| Transform::of(transform_name(call)) == Transform::Include),
                    });
                }
                for member in map.values() {
                    self.collect_fragments(&member.node);
                }
            }
            _ => {}
        }
    }

    fn adds_anything(&self) -> bool {
        self.rewrites() || self.has(Transform::Include)
    }

    /// Returns whether a macro or a file may add entries to a section.
    pub(super) fn may_add_to(&self, section: &str) -> bool {
        self.adds_anything() || self.open_sections.contains(section)
    }

    /// Returns whether a macro or a file may add references anywhere.
    pub(super) fn may_add_references(&self) -> bool {
        self.adds_anything() || !self.fragments.is_empty()
    }

    /// Returns whether a macro of the account may change the value at this place.
    pub(super) fn may_change(&self, span: &Range<usize>) -> bool {
        let contains = |outer: &Range<usize>| outer.start <= span.start && span.end <= outer.end;
        self.rewrites()
            || self
                .fragments
                .iter()
                .any(|fragment| !fragment.includes && contains(&fragment.span))
    }
}
