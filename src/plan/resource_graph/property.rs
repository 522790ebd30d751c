//! The property of a resource that contains a reference.

use std::ops::Range;

use crate::template::node::{Node, Value};

/// Returns the path of the property whose value contains `span`, such as `Environment.Variables.TABLE`. It
/// ends at the outermost function.
pub(super) fn property(resource: &Node, span: &Range<usize>) -> String {
    let contains = |node: &Node| node.span.start <= span.start && span.end <= node.span.end;
    let mut path = String::new();
    let mut node = resource;
    while node.intrinsic().is_none() {
        let inside = match &node.value {
            Value::Map(map) => {
                let mut members = map.iter();
                let found = members.find(|(_, member)| contains(&member.node));
                found.map(|(key, member)| {
                    if !path.is_empty() {
                        path.push('.');
                    }
                    path.push_str(key);
                    &member.node
                })
            }
            Value::List(list) => {
                // The elements are in the order of the text, and there may be very many.
                let index = list.partition_point(|node| node.span.end < span.end);
                let found = list.get(index).filter(|node| contains(node));
                found.inspect(|_| path.push_str(&format!("[{index}]")))
            }
            _ => None,
        };
        match inside {
            Some(inside) => node = inside,
            None => break,
        }
    }
    match path.strip_prefix("Properties.") {
        Some(inside) => inside.to_owned(),
        None => path,
    }
}
