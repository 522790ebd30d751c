//! The graph of a template and of the nested templates that are known.

use std::collections::VecDeque;

use indexmap::IndexMap;

use super::property::property;
use super::{Link, LinkKind, Node, ResourceGraph};
use crate::cloudformation::stateful::stored_data;
use crate::template::evaluate::{Evaluated, Evaluator, NO_ECHO};
use crate::template::node::{self, Member};
use crate::template::reference::{Reference, ReferenceKind};
use crate::template::{Resource, Template};

/// How many nodes a graph has before no further nested stack is opened. CloudFormation allows one
/// operation on 2,500 resources, but one small template can name another one any number of times.
const MOST_NODES: usize = 5_000;

/// The beginning of the key of a loop.
const LOOP: &str = "Fn::ForEach::";

/// Returns the template of a nested stack, which is a resource of another template; `None` if it is not
/// known.
pub type Nested<'n, 't> = dyn Fn(&Template, Resource<'_>) -> Option<&'t Template> + 'n;

/// Returns the graph of a template.
///
/// `values` are the values of its parameters, as far as they are known; a masked value is not. A resource
/// that certainly does not exist with these values is left out. `nested` finds the templates of nested
/// stacks. `protected_types` are types that store data besides the known ones.
pub fn of_template<'t>(
    template: &'t Template,
    values: &IndexMap<String, String>,
    nested: &Nested<'_, 't>,
    protected_types: &[String],
) -> ResourceGraph {
    let mut graph = ResourceGraph::default();
    let mut open = VecDeque::from([(None, template, values.clone())]);
    while let Some((parent, template, values)) = open.pop_front() {
        let evaluator = Evaluator::new(template, &values);
        add_resources(&mut graph, parent, &evaluator, protected_types);
        for resource in template.resources() {
            let at = graph.find(&graph.id_in(parent, resource.logical_id()));
            let (Some(at), Some(inside)) = (at, nested(template, resource)) else {
                continue;
            };
            if graph.nodes().len() < MOST_NODES {
                open.push_back((Some(at), inside, passed(resource, inside, &evaluator)));
            } else {
                graph.set_hidden(at, "the graph is too large to show what is inside");
            }
        }
    }
    graph
}

/// Adds the resources of one template, and the references between them.
pub(super) fn add_resources(
    graph: &mut ResourceGraph,
    parent: Option<usize>,
    evaluator: &Evaluator<'_>,
    protected_types: &[String],
) {
    let template = evaluator.template();
    for (name, member) in template.section("Resources").into_iter().flatten() {
        let condition = member.node.get("Condition").and_then(node::Node::as_str);
        let is_absent = condition.is_some_and(|name| evaluator.condition(name) == Some(false));
        if is_absent || (name.starts_with("Fn::") && !name.starts_with(LOOP)) {
            continue;
        }
        let resource_type = match name.strip_prefix(LOOP) {
            None => member.node.get("Type").and_then(node::Node::as_str),
            Some(_) => type_in_loop(member),
        };
        let resource_type = resource_type.unwrap_or_default();
        graph.push(Node {
            name: name.clone(),
            resource_type: Some(resource_type.to_owned()),
            parent,
            condition: condition.map(str::to_owned),
            data: stored_data(resource_type, protected_types),
            ..Node::default()
        });
    }
    add_references(graph, parent, template, |_, _| true);
}

/// Adds the references between the resources of a template that are in the graph, if both ends are
/// `wanted`.
pub(super) fn add_references(
    graph: &mut ResourceGraph,
    parent: Option<usize>,
    template: &Template,
    wanted: impl Fn(&Node, &Node) -> bool,
) {
    let resources = template.section("Resources");
    for reference in template.references() {
        let Some(kind) = kind(&reference).filter(|_| reference.section == "Resources") else {
            continue;
        };
        let find = |name: &str| graph.find(&graph.id_in(parent, name));
        let (Some(from), Some(to)) = (find(reference.owner), find(reference.target)) else {
            continue;
        };
        let is_wanted = match (graph.node(from), graph.node(to)) {
            (Some(from), Some(to)) => wanted(from, to),
            _ => false,
        };
        if !is_wanted {
            continue;
        }
        let owner = resources.and_then(|it| it.get(reference.owner));
        let property = match kind {
            LinkKind::DependsOn => "DependsOn".to_owned(),
            _ => owner.map_or_else(String::new, |it| property(&it.node, &reference.span)),
        };
        let link = Link {
            kind,
            property,
            attribute: reference.attribute.map(str::to_owned),
        };
        graph.connect(from, to, link);
    }
}

/// Returns the kind of an edge; `None` for the use of a condition or a mapping.
const fn kind(reference: &Reference<'_>) -> Option<LinkKind> {
    match reference.kind {
        ReferenceKind::Ref => Some(LinkKind::Ref),
        ReferenceKind::GetAtt => Some(LinkKind::GetAtt),
        ReferenceKind::Sub => Some(LinkKind::Sub),
        ReferenceKind::DependsOn => Some(LinkKind::DependsOn),
        ReferenceKind::Condition | ReferenceKind::FindInMap => None,
    }
}

/// Returns the type of the resources that a loop makes, if it is one type.
fn type_in_loop(member: &Member) -> Option<&str> {
    let [_, _, body, ..] = member.node.as_list()? else {
        return None;
    };
    let mut types = body
        .as_map()?
        .values()
        .map(|it| it.node.get("Type")?.as_str());
    let first = types.next()??;
    types.all(|it| it == Some(first)).then_some(first)
}

/// Returns the values that a nested stack gives to the parameters of its template. One that is not known
/// is masked: without a value, the parameter would have its default.
fn passed<'a>(
    stack: Resource<'a>,
    inside: &Template,
    evaluator: &Evaluator<'a>,
) -> IndexMap<String, String> {
    let properties = stack.properties();
    let given = properties.and_then(|it| it.get("Parameters"));
    let known = given.and_then(node::Node::as_map);
    let is_computed =
        given.is_some() && known.is_none_or(|it| it.keys().any(|it| it.starts_with("Fn::")));
    let value = |name: &str| match known.and_then(|it| it.get(name)) {
        Some(member) => match evaluator.value(&member.node) {
            Evaluated::Scalar(text) => Some(text.into_owned()),
            _ => Some(NO_ECHO.to_owned()),
        },
        None => is_computed.then(|| NO_ECHO.to_owned()),
    };
    let parameters = inside.parameters().map(|it| it.entry.name);
    parameters
        .filter_map(|name| Some((name.to_owned(), value(name)?)))
        .collect()
}
