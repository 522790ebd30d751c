//! Named values that differ: parameters, tags, outputs, settings.

use std::collections::HashSet;

use indexmap::IndexMap;

use crate::cloudformation::stack::Stack;
use crate::config::settings::ParameterValue;
use crate::template::diff::diff;
use crate::template::node::Node;
use crate::template::shorthand::reference;
use crate::template::{Template, emit};

/// A named value before and after. Both values of a secret are `None`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ValueChange {
    /// The name.
    pub name: String,
    /// The deployed value.
    pub before: Option<String>,
    /// The value in the project's files.
    pub after: Option<String>,
}

/// Returns the parameters that differ from the stack's. Secrets cannot be compared and are omitted.
pub fn parameter_changes(
    stack: Option<&Stack>,
    template: &Template,
    parameters: &IndexMap<String, ParameterValue>,
) -> Vec<ValueChange> {
    let deployed = stack.map(|stack| &stack.parameters);
    let plain = parameters.iter().filter_map(|(name, value)| match value {
        ParameterValue::Plain(_) | ParameterValue::FromStack { .. }
            if stack.is_none_or(|stack| !stack.is_masked(name))
                && !template.parameter(name).is_some_and(|it| it.no_echo()) =>
        {
            Some((name, value.plain()?))
        }
        _ => None,
    });
    value_changes(deployed, &plain.collect(), |name| {
        !parameters.contains_key(name)
    })
}

/// Returns the tags that differ from the stack's.
pub fn tag_changes(stack: Option<&Stack>, tags: &IndexMap<String, String>) -> Vec<ValueChange> {
    let desired = tags
        .iter()
        .map(|(name, value)| (name, value.as_str()))
        .collect();
    value_changes(stack.map(|stack| &stack.tags), &desired, |name| {
        !tags.contains_key(name)
    })
}

/// Returns the values that differ. A deployed value that is not desired is a change only if
/// `is_removed` returns true for its name.
pub(crate) fn value_changes(
    deployed: Option<&IndexMap<String, String>>,
    desired: &IndexMap<&String, &str>,
    is_removed: impl Fn(&String) -> bool,
) -> Vec<ValueChange> {
    let before = |name: &String| deployed.and_then(|deployed| deployed.get(name)).cloned();
    let changed = desired.iter().filter_map(|(name, after)| {
        let before = before(name);
        (before.as_deref() != Some(after)).then(|| ValueChange {
            name: (*name).clone(),
            before,
            after: Some((*after).to_owned()),
        })
    });
    let removed = deployed
        .into_iter()
        .flatten()
        .filter(|(name, _)| is_removed(name))
        .map(|(name, value)| ValueChange {
            name: name.clone(),
            before: Some(value.clone()),
            after: None,
        });
    changed.chain(removed).collect()
}

/// Returns the outputs whose definition is added, changed or removed.
///
/// An output with the same definition may get a new value, which is known only after the deployment.
pub fn output_changes(deployed: Option<&Template>, desired: &Template) -> Vec<ValueChange> {
    let Some(deployed) = deployed else {
        let names = desired.outputs().map(|output| ValueChange {
            name: output.entry.name.to_owned(),
            before: None,
            after: output.value().map(definition),
        });
        return names.collect();
    };
    let diff = diff(deployed, desired);
    let outputs = diff
        .entries
        .iter()
        .filter(|entry| entry.section == "Outputs");
    let changes = outputs.filter_map(|entry| {
        let sides = [entry.before, entry.after];
        let values = sides.map(|side| side?.get("Value").map(definition));
        // If only the description or the export differs, compare the whole definition.
        let [before, after] = if values[0] == values[1] {
            sides.map(|side| side.map(definition))
        } else {
            values
        };
        Some(ValueChange {
            name: entry.name?.to_owned(),
            before,
            after,
        })
    });
    changes.collect()
}

/// Returns the names of what differs between a stack and the files: entries of the templates such as
/// `Outputs.Name` or `Description`, parameters and tags.
pub fn differing_names(
    deployed: &Template,
    desired: &Template,
    parameters: &[ValueChange],
    tags: &[ValueChange],
) -> Vec<String> {
    let diff = diff(deployed, desired);
    let entries = diff.entries.iter().map(|entry| match entry.name {
        Some(name) => format!("{}.{name}", entry.section),
        None => entry.section.to_owned(),
    });
    let mut names: Vec<String> = entries.collect();
    for (section, changes) in [("Parameters", parameters), ("Tags", tags)] {
        names.extend(changes.iter().map(|it| format!("{section}.{}", it.name)));
    }
    let mut seen = HashSet::new();
    names.retain(|name| seen.insert(name.clone()));
    names
}

/// Returns a scalar as its text, a reference as `${Name}`, and any other value as YAML.
fn definition(node: &Node) -> String {
    match node.scalar() {
        Some(scalar) => scalar.into_owned(),
        None => reference(node).unwrap_or_else(|| emit::to_yaml(node).trim_end().to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::{ValueChange, output_changes, value_changes};
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    fn tuples(changes: &[ValueChange]) -> Vec<(&str, Option<&str>, Option<&str>)> {
        changes
            .iter()
            .map(|change| {
                let values = (change.before.as_deref(), change.after.as_deref());
                (change.name.as_str(), values.0, values.1)
            })
            .collect()
    }

    #[test]
    fn output_changes_compare_definitions() {
        let template = |outputs: &str| {
            let text = format!("Resources: {{}}\nOutputs:\n{outputs}");
            Template::parse(&SourceFile::new("t", text))
        };
        let (Ok(old), Ok(new)) = (
            template(
                "  Gone: {Value: 1}\n  Same: {Value: !Ref A}\n  Moved: {Value: !Ref A}\n  WithDescription: {Value: x}\n",
            ),
            template(
                "  Same: {Value: {Ref: A}}\n  Moved: {Value: !Ref B}\n  New: {Value: 2}\n  WithDescription: {Value: x, Description: d}\n",
            ),
        ) else {
            panic!("the templates are valid")
        };
        let changes = output_changes(Some(&old), &new);
        assert_eq!(
            tuples(&changes),
            [
                ("Gone", Some("1"), None),
                ("Moved", Some("${A}"), Some("${B}")),
                ("New", None, Some("2")),
                (
                    "WithDescription",
                    Some("Value: x"),
                    Some("Value: x\nDescription: d")
                ),
            ]
        );
        assert_eq!(output_changes(None, &new).len(), 4);
    }

    #[test]
    fn values_are_added_changed_or_removed() {
        let deployed = IndexMap::from([
            ("same".to_owned(), "1".to_owned()),
            ("changed".to_owned(), "1".to_owned()),
            ("removed".to_owned(), "1".to_owned()),
        ]);
        let names = ["same".to_owned(), "changed".to_owned(), "added".to_owned()];
        let desired = names.iter().zip(["1", "2", "3"]).collect();
        let changes = value_changes(Some(&deployed), &desired, |name| !names.contains(name));
        assert_eq!(
            tuples(&changes),
            [
                ("changed", Some("1"), Some("2")),
                ("added", None, Some("3")),
                ("removed", Some("1"), None)
            ]
        );
    }
}
