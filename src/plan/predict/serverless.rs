//! SAM resources, which a prediction compares as they are before the transform expands them.

use indexmap::IndexMap;

use crate::template::evaluate::{Evaluated, Evaluator};
use crate::template::node::Node;
use crate::template::{Resource, Template};

/// The common prefix of the types.
const PREFIX: &str = "AWS::Serverless::";

/// The properties whose change replaces the resource that the transform creates for this one. A star
/// means all properties.
const REPLACING: [(&str, &[&str]); 4] = [
    ("Function", &["FunctionName", "PackageType"]),
    ("SimpleTable", &["TableName", "PrimaryKey"]),
    ("StateMachine", &["Name", "Type"]),
    ("LayerVersion", &["*"]),
];

/// Returns whether a change to a property replaces the resource that the transform creates.
pub(super) fn is_replaced(kind: &str, property: &str) -> bool {
    let name = kind.strip_prefix(PREFIX);
    let replacing = REPLACING.iter().find(|(other, _)| Some(*other) == name);
    replacing
        .is_some_and(|(_, properties)| properties.contains(&property) || properties.contains(&"*"))
}

/// Returns the evaluated properties of a resource, with those of `Globals` if it is a SAM resource.
pub(super) fn properties<'a>(
    template: &'a Template,
    resource: Resource<'a>,
    evaluator: &Evaluator<'a>,
) -> IndexMap<&'a str, Evaluated<'a>> {
    let own = match resource.properties().map(|node| evaluator.value(node)) {
        Some(Evaluated::Map(map)) => map,
        _ => IndexMap::new(),
    };
    let globals = template.globals(resource);
    let Some(Evaluated::Map(mut globals)) = globals.map(|node| evaluator.value(node)) else {
        return own;
    };
    if let Some(ignored) = resource.attribute("IgnoreGlobals") {
        let names: Vec<&str> = ignored.elements().iter().filter_map(Node::as_str).collect();
        globals.retain(|name, _| !names.contains(name) && !names.contains(&"*"));
    }
    merge_maps(globals, own)
}

/// Merges as the transform does: maps are merged, lists are joined, and a value of the resource
/// replaces any other value.
fn merge<'a>(global: Evaluated<'a>, own: Evaluated<'a>) -> Evaluated<'a> {
    match (global, own) {
        (Evaluated::Map(global), Evaluated::Map(own)) => Evaluated::Map(merge_maps(global, own)),
        (Evaluated::List(mut global), Evaluated::List(own)) => {
            global.extend(own);
            Evaluated::List(global)
        }
        (_, own) => own,
    }
}

fn merge_maps<'a>(
    mut merged: IndexMap<&'a str, Evaluated<'a>>,
    own: IndexMap<&'a str, Evaluated<'a>>,
) -> IndexMap<&'a str, Evaluated<'a>> {
    for (name, value) in own {
        let value = match merged.swap_remove(name) {
            Some(global) => merge(global, value),
            None => value,
        };
        merged.insert(name, value);
    }
    merged
}
