//! The template without some of its resources, with values in place of the references to them.

use std::ops::Range;

use super::edit::{removals, written};
use super::literal::Literal;
use crate::template::edits::Edit;
use crate::template::evaluate::{Evaluated, Evaluator, Use};
use crate::template::node::{Map, Member, Node, Value};
use crate::template::reference::placeholders;

/// What becomes of a reference to a resource that leaves the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The value replaces it.
    Replaced(Literal),
    /// It is an entry of `DependsOn`, which is removed.
    Dropped,
    /// It stays: its value is not known.
    Unknown,
}

/// A reference to a resource that leaves the template.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LostReference {
    /// The resource and its attribute.
    pub used: Use,
    /// What becomes of the reference.
    pub outcome: Outcome,
    /// The section that contains it, such as `Resources`.
    pub section: String,
    /// The entry of the section, such as a logical id.
    pub owner: String,
    /// The first steps of the path in the entry, such as `Properties` and `Environment`.
    pub path: Vec<String>,
    /// The byte range in the template.
    pub span: Range<usize>,
}

/// A template without the resources that left it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The text of the template.
    pub text: String,
    /// The references to the resources, in the order of the template.
    pub references: Vec<LostReference>,
}

/// Returns the template without these resources. `values` gives the values that replace the references
/// to them; `evaluator` has the template, and computes the names of attributes.
pub fn without(
    evaluator: &Evaluator<'_>,
    ids: &[&str],
    values: &dyn Fn(&Use) -> Option<Literal>,
) -> Removal {
    let template = evaluator.template();
    let mut removing = Removing {
        evaluator,
        text: &template.source().text,
        ids,
        values,
        edits: Vec::new(),
        references: Vec::new(),
        section: "",
        owner: "",
        path: Vec::new(),
    };
    let root = removing.template(template.root());
    let Removing {
        edits, references, ..
    } = removing;
    Removal {
        text: written(template, &root, edits),
        references,
    }
}

/// A template that is being copied without some of its resources.
struct Removing<'a, 'v> {
    evaluator: &'v Evaluator<'a>,
    text: &'a str,
    ids: &'v [&'v str],
    values: &'v dyn Fn(&Use) -> Option<Literal>,
    edits: Vec<Edit>,
    references: Vec<LostReference>,
    section: &'a str,
    owner: &'a str,
    path: Vec<&'a str>,
}

impl<'a> Removing<'a, '_> {
    fn template(&mut self, root: &'a Node) -> Node {
        self.members(root, |this, section, node| {
            this.section = section;
            match section {
                "Resources" => this.resources(node),
                "Outputs" | "Globals" | "Hooks" => this.entries(node),
                _ => node.clone(),
            }
        })
    }

    /// Copies a map with other values.
    fn members(
        &mut self,
        node: &'a Node,
        mut copy: impl FnMut(&mut Self, &'a str, &'a Node) -> Node,
    ) -> Node {
        let Some(map) = node.as_map() else {
            return node.clone();
        };
        let members = map.iter().map(|(key, member)| {
            let node = copy(self, key, &member.node);
            let key_span = member.key_span.clone();
            (key.clone(), Member { key_span, node })
        });
        let value = Value::Map(members.collect());
        let span = node.span.clone();
        Node { span, value }
    }

    /// Copies a map without the members that `copy` leaves out.
    fn some_members(
        &mut self,
        node: &'a Node,
        mut copy: impl FnMut(&mut Self, &'a str, &'a Node) -> Option<Node>,
    ) -> Node {
        let Some(map) = node.as_map() else {
            return node.clone();
        };
        let mut kept = Map::new();
        let mut items = Vec::new();
        for (key, member) in map {
            let copied = copy(self, key, &member.node);
            let end = member.node.span.end.max(member.key_span.end);
            items.push((member.key_span.start..end, copied.is_none()));
            if let Some(node) = copied {
                let key_span = member.key_span.clone();
                kept.insert(key.clone(), Member { key_span, node });
            }
        }
        self.edits.extend(removals(self.text, node, &items));
        Node {
            span: node.span.clone(),
            value: Value::Map(kept),
        }
    }

    /// Copies the section of the resources, or the body of a loop in it.
    fn resources(&mut self, node: &'a Node) -> Node {
        self.some_members(node, |this, id, node| {
            if this.ids.contains(&id) {
                return None;
            }
            this.owner = id;
            Some(match (id.starts_with("Fn::ForEach::"), &node.value) {
                (true, Value::List(list)) => this.each_of_loop(node, list),
                _ => this.resource(node),
            })
        })
    }

    /// Copies a loop of resources: a variable, the values and the body.
    fn each_of_loop(&mut self, node: &'a Node, list: &'a [Node]) -> Node {
        let copied = list.iter().enumerate().map(|(index, part)| match index {
            2 => self.resources(part),
            _ => self.value(part),
        });
        Node {
            value: Value::List(copied.collect()),
            span: node.span.clone(),
        }
    }

    fn resource(&mut self, node: &'a Node) -> Node {
        self.some_members(node, |this, key, node| match key {
            "DependsOn" => this.depends_on(node),
            "Properties" if node.intrinsic().is_none() => {
                let copied = this.members(node, |this, name, node| {
                    this.path = vec![key, name];
                    this.value(node)
                });
                Some(copied)
            }
            _ => {
                this.path = vec![key];
                Some(this.value(node))
            }
        })
    }

    /// Copies the entries of a section other than the resources.
    fn entries(&mut self, node: &'a Node) -> Node {
        self.members(node, |this, name, node| {
            this.owner = name;
            this.path.clear();
            this.value(node)
        })
    }

    /// Copies a `DependsOn`. Returns `None` if nothing is left of it.
    fn depends_on(&mut self, node: &'a Node) -> Option<Node> {
        self.path = vec!["DependsOn"];
        let is_gone = |node: &Node| node.as_str().is_some_and(|id| self.ids.contains(&id));
        let items: Vec<_> = node.elements().iter().map(|it| (it, is_gone(it))).collect();
        for (gone, _) in items.iter().filter(|(_, is_gone)| *is_gone) {
            let used = Use {
                resource: gone.as_str().unwrap_or_default().to_owned(),
                attribute: None,
            };
            self.note(used, Outcome::Dropped, gone.span.clone());
        }
        if !items.is_empty() && items.iter().all(|(_, is_gone)| *is_gone) {
            return None;
        }
        if node.as_list().is_none() {
            return Some(node.clone());
        }
        let ranges: Vec<_> = items
            .iter()
            .map(|(node, is_gone)| (node.span.clone(), *is_gone))
            .collect();
        self.edits.extend(removals(self.text, node, &ranges));
        let kept = items.into_iter().filter(|(_, is_gone)| !is_gone);
        Some(Node {
            span: node.span.clone(),
            value: Value::List(kept.map(|(node, _)| node.clone()).collect()),
        })
    }

    fn value(&mut self, node: &'a Node) -> Node {
        if let Some((function, member)) = node.intrinsic() {
            let argument = &member.node;
            let used = match function {
                "Ref" => argument.as_str().and_then(|name| self.used(name, None)),
                "Fn::GetAtt" => self.attribute(argument),
                "Fn::Sub" => return self.members(node, |this, _, node| this.sub(node)),
                _ => None,
            };
            if let Some(used) = used {
                return self.replaced(node, used);
            }
        }
        match &node.value {
            Value::Map(_) => self.members(node, |this, _, node| this.value(node)),
            Value::List(list) => Node {
                value: Value::List(list.iter().map(|node| self.value(node)).collect()),
                span: node.span.clone(),
            },
            _ => node.clone(),
        }
    }

    /// Returns the use of a resource, if it leaves the template.
    fn used(&self, resource: &str, attribute: Option<String>) -> Option<Use> {
        self.ids.contains(&resource).then(|| Use {
            resource: resource.to_owned(),
            attribute,
        })
    }

    /// Returns what an `Fn::GetAtt` uses, if the resource leaves the template.
    fn attribute(&self, argument: &'a Node) -> Option<Use> {
        let (resource, attribute) = match argument.as_list() {
            Some([resource, attribute, ..]) => {
                let attribute = match self.evaluator.value(attribute) {
                    Evaluated::Scalar(text) => text.into_owned(),
                    other => other.text(),
                };
                (resource.as_str()?, attribute)
            }
            Some(_) => return None,
            None => {
                let (resource, attribute) = argument.as_str()?.split_once('.')?;
                (resource, attribute.to_owned())
            }
        };
        self.used(resource, Some(attribute))
    }

    /// Returns the value of a reference in place of the reference, if it is known.
    fn replaced(&mut self, node: &Node, used: Use) -> Node {
        let Some(value) = (self.values)(&used) else {
            self.note(used, Outcome::Unknown, node.span.clone());
            return node.clone();
        };
        self.edits.push(Edit {
            range: node.span.clone(),
            text: value.written(),
        });
        let copied = value.node(node.span.clone());
        self.note(used, Outcome::Replaced(value), node.span.clone());
        copied
    }

    /// Copies the argument of an `Fn::Sub`: a text, or a list of a text and a map.
    fn sub(&mut self, argument: &'a Node) -> Node {
        let Some(list) = argument.as_list() else {
            return self.sub_text(argument, None);
        };
        let own = list.get(1).and_then(Node::as_map);
        let copied = list.iter().enumerate().map(|(index, node)| match index {
            0 => self.sub_text(node, own),
            _ => self.value(node),
        });
        Node {
            value: Value::List(copied.collect()),
            span: argument.span.clone(),
        }
    }

    /// Copies the text of an `Fn::Sub` with values in place of its variables. `own` has the variables
    /// that the function defines itself.
    fn sub_text(&mut self, node: &'a Node, own: Option<&Map>) -> Node {
        let Some(text) = node.as_str() else {
            return self.value(node);
        };
        let written = self.text.get(node.span.clone()).unwrap_or_default();
        // Only if both have the same variables is their place in the text known.
        let places: Vec<_> = self.variables(written, own);
        let found = self.variables(text, own);
        let is_known = places.len() == found.len();
        let mut copied = String::with_capacity(text.len());
        let mut end = 0;
        for (index, (range, used)) in found.into_iter().enumerate() {
            let place = places.get(index).filter(|_| is_known).map(|(place, _)| {
                let start = node.span.start;
                start + place.start..start + place.end
            });
            let span = place.clone().unwrap_or_else(|| node.span.clone());
            let Some(Literal::Text(value)) = (self.values)(&used) else {
                self.note(used, Outcome::Unknown, span);
                continue;
            };
            copied.push_str(text.get(end..range.start).unwrap_or_default());
            let escaped = value.replace("${", "${!");
            copied.push_str(&escaped);
            end = range.end;
            if let Some(range) = place {
                let text = escaped;
                self.edits.push(Edit { range, text });
            }
            self.note(used, Outcome::Replaced(Literal::Text(value)), span);
        }
        copied.push_str(text.get(end..).unwrap_or_default());
        Node {
            span: node.span.clone(),
            value: match &node.value {
                // Nothing was replaced: an unquoted word stays one.
                value if copied == text => value.clone(),
                _ => Value::String(copied),
            },
        }
    }

    /// Returns the variables of a text that use a resource which leaves the template, with their braces.
    fn variables(&self, text: &str, own: Option<&Map>) -> Vec<(Range<usize>, Use)> {
        let outer =
            placeholders(text).filter(|(_, name)| own.is_none_or(|own| !own.contains_key(*name)));
        let used = outer.filter_map(|(range, name)| {
            let (resource, attribute) = match name.split_once('.') {
                Some((resource, attribute)) => (resource, Some(attribute.to_owned())),
                None => (name, None),
            };
            Some((range, self.used(resource, attribute)?))
        });
        used.collect()
    }

    fn note(&mut self, used: Use, outcome: Outcome, span: Range<usize>) {
        self.references.push(LostReference {
            used,
            outcome,
            section: self.section.to_owned(),
            owner: self.owner.to_owned(),
            path: self.path.iter().map(ToString::to_string).collect(),
            span,
        });
    }
}
