//! The references between the parts of a template: every `Ref`, `Fn::GetAtt`, variable of an
//! `Fn::Sub`, `DependsOn`, and use of a condition or a mapping, with the byte range of the name.

use std::collections::HashSet;
use std::ops::Range;

use super::Template;
use super::node::{Member, Node};

/// A reference to a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reference<'a> {
    /// The kind of reference.
    pub kind: ReferenceKind,
    /// The name: a logical id, a parameter, a condition, a mapping or a pseudo parameter.
    pub target: &'a str,
    /// The attribute of `Fn::GetAtt` or of `${Resource.Attribute}`; `None` if there is none or if it
    /// is computed.
    pub attribute: Option<&'a str>,
    /// The byte range of the name; of the whole value, if the place of the name is unknown.
    pub span: Range<usize>,
    /// The section that contains the reference, such as `Resources`.
    pub section: &'a str,
    /// The entry of the section that contains the reference, such as a logical id.
    pub owner: &'a str,
}

/// A kind of reference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReferenceKind {
    /// `Ref`.
    Ref,
    /// `Fn::GetAtt`.
    GetAtt,
    /// A variable in the text of an `Fn::Sub`.
    Sub,
    /// The `DependsOn` of a resource.
    DependsOn,
    /// The name of a condition.
    Condition,
    /// The name of a mapping in `Fn::FindInMap`.
    FindInMap,
}

/// A `${…}` in the text of an `Fn::Sub`.
pub(super) struct Variable<'a> {
    /// The text between the braces.
    pub(super) name: &'a str,
    /// The byte range in the template's text.
    pub(super) span: Range<usize>,
}

/// Returns each `${…}` in the text of an `Fn::Sub`: its byte range with the braces, and the text between
/// them without white space around it.
pub(super) fn placeholders(text: &str) -> impl Iterator<Item = (Range<usize>, &str)> {
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + text[from..].find("${")?;
        let inside = &text[start + 2..];
        let close = inside.find('}')?;
        from = start + 2 + close + 1;
        Some((start..from, inside[..close].trim()))
    })
}

/// Returns the variables in the text of an `Fn::Sub`; `${!Literal}` is not a variable.
pub(super) fn sub_variables<'a>(source: &str, text: &'a str, node: &Node) -> Vec<Variable<'a>> {
    let mut variables = Vec::new();
    let written = source.get(node.span.clone()).unwrap_or("");
    let mut from = 0;
    for (_, name) in placeholders(text) {
        // The source may contain escapes and line breaks that the value does not contain, so the
        // search for each variable starts after the previous one.
        let found = written.get(from..).and_then(|behind| {
            behind
                .match_indices(name)
                .find(|(at, _)| behind[..*at].trim_end().ends_with("${"))
        });
        let span = match found {
            Some((at, _)) => {
                let start = node.span.start + from + at;
                from += at + name.len();
                start..start + name.len()
            }
            None => node.span.clone(),
        };
        if !name.starts_with('!') {
            variables.push(Variable { name, span });
        }
    }
    variables
}

/// Returns every reference of the template, section by section, in the order of the text.
pub(super) fn collect(template: &Template) -> Vec<Reference<'_>> {
    let mut found = Vec::new();
    for section in [
        "Parameters",
        "Rules",
        "Conditions",
        "Globals",
        "Resources",
        "Outputs",
        "Hooks",
    ] {
        let Some((section, map)) = template.named_section(section) else {
            continue;
        };
        for (owner, member) in map {
            let mut walk = Walk {
                template,
                section,
                owner,
                found: &mut found,
                names_conditions: matches!(section, "Conditions" | "Rules"),
                locals: HashSet::new(),
            };
            walk.entry(owner, member);
        }
    }
    found
}

struct Walk<'a, 'f> {
    template: &'a Template,
    section: &'a str,
    owner: &'a str,
    found: &'f mut Vec<Reference<'a>>,
    /// Whether `{ Condition: Name }` is a reference to a condition in this section.
    names_conditions: bool,
    /// The loop variables of the enclosing `Fn::ForEach`.
    locals: HashSet<&'a str>,
}

impl<'a> Walk<'a, '_> {
    fn entry(&mut self, owner: &'a str, member: &'a Member) {
        if owner.starts_with("Fn::") {
            return self.call(owner, member);
        }
        let Some(map) = member.node.as_map() else {
            return self.value(&member.node);
        };
        for (key, member) in map {
            match (self.section, key.as_str()) {
                ("Resources", "DependsOn") => {
                    for node in member.node.elements() {
                        self.name(ReferenceKind::DependsOn, node);
                    }
                }
                ("Resources" | "Outputs", "Condition") => {
                    self.name(ReferenceKind::Condition, &member.node);
                }
                _ if map.len() == 1 => self.value_of(key, member),
                _ => self.value(&member.node),
            }
        }
    }

    fn value(&mut self, node: &'a Node) {
        if let Some(map) = node.as_map() {
            let alone = map.len() == 1;
            for (key, member) in map {
                if alone || key.starts_with("Fn::ForEach::") {
                    self.value_of(key, member);
                } else {
                    self.value(&member.node);
                }
            }
        }
        for node in node.as_list().unwrap_or_default() {
            self.value(node);
        }
    }

    /// Visits the value of a map's only key, which may be a call.
    fn value_of(&mut self, key: &'a str, member: &'a Member) {
        if key == "Ref" || key.starts_with("Fn::") {
            self.call(key, member);
        } else if key == "Condition" && self.names_conditions {
            self.name(ReferenceKind::Condition, &member.node);
        } else {
            self.value(&member.node);
        }
    }

    fn call(&mut self, function: &'a str, member: &'a Member) {
        let argument = &member.node;
        match function {
            "Ref" => self.name(ReferenceKind::Ref, argument),
            "Fn::GetAtt" => self.get_att(argument),
            "Fn::Sub" => self.sub(argument),
            "Fn::If" => {
                let list = argument.as_list().unwrap_or_default();
                if let Some((condition, branches)) = list.split_first() {
                    match condition.as_str() {
                        Some(_) => self.name(ReferenceKind::Condition, condition),
                        None => self.value(condition),
                    }
                    for node in branches {
                        self.value(node);
                    }
                }
            }
            "Fn::FindInMap" => {
                let list = argument.as_list().unwrap_or_default();
                if let Some((map, keys)) = list.split_first() {
                    match map.as_str() {
                        Some(_) => self.name(ReferenceKind::FindInMap, map),
                        None => self.value(map),
                    }
                    for node in keys {
                        self.value(node);
                    }
                }
            }
            _ if function.starts_with("Fn::ForEach::") => self.for_each(argument),
            _ => self.value(argument),
        }
    }

    /// `Fn::ForEach::Loop: [Variable, [values …], { body }]`
    fn for_each(&mut self, argument: &'a Node) {
        let Some([variable, collection, body, ..]) = argument.as_list() else {
            return self.value(argument);
        };
        self.value(collection);
        let variable = variable.as_str().filter(|name| self.locals.insert(name));
        self.value(body);
        if let Some(name) = variable {
            self.locals.remove(name);
        }
    }

    fn get_att(&mut self, argument: &'a Node) {
        if let Some([resource, attribute, ..]) = argument.as_list() {
            if let Some(target) = resource.as_str() {
                self.push(
                    ReferenceKind::GetAtt,
                    target,
                    attribute.as_str(),
                    resource.span.clone(),
                );
            } else {
                self.value(resource);
            }
            self.value(attribute);
        } else if let Some((target, attribute)) =
            argument.as_str().and_then(|it| it.split_once('.'))
        {
            self.push(
                ReferenceKind::GetAtt,
                target,
                Some(attribute),
                argument.span.clone(),
            );
        }
    }

    fn sub(&mut self, argument: &'a Node) {
        let (text, own) = match argument.as_list() {
            Some([text, own, ..]) => (text, own.as_map()),
            Some([text]) => (text, None),
            Some([]) => return,
            None => (argument, None),
        };
        if let Some(string) = text.as_str() {
            for variable in sub_variables(&self.template.source().text, string, text) {
                if own.is_some_and(|own| own.contains_key(variable.name)) {
                    continue;
                }
                let (target, attribute) = match variable.name.split_once('.') {
                    Some((target, attribute)) => (target, Some(attribute)),
                    None => (variable.name, None),
                };
                let mut span = variable.span;
                if span.len() == variable.name.len() {
                    span.end = span.start + target.len();
                }
                self.push(ReferenceKind::Sub, target, attribute, span);
            }
        }
        for member in own.into_iter().flat_map(indexmap::IndexMap::values) {
            self.value(&member.node);
        }
    }

    fn name(&mut self, kind: ReferenceKind, node: &'a Node) {
        match node.as_str() {
            Some(target) => self.push(kind, target, None, node.span.clone()),
            None => self.value(node),
        }
    }

    fn push(
        &mut self,
        kind: ReferenceKind,
        target: &'a str,
        attribute: Option<&'a str>,
        span: Range<usize>,
    ) {
        // A name that contains a loop variable is unknown until the loop is expanded.
        let looped = !self.locals.is_empty()
            && (self.locals.contains(target) || target.contains("${") || target.contains("&{"));
        if !looped {
            let (section, owner) = (self.section, self.owner);
            self.found.push(Reference {
                kind,
                target,
                attribute,
                span,
                section,
                owner,
            });
        }
    }
}
