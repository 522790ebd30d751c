//! Why a property changes that was not edited.
//!
//! A detail of a change set names a source and an entity. What happens to that entity is in another
//! change of the change set, and the sentence needs both: a reference to a replaced resource is a
//! certain cause, a reference to a resource that is only updated is not.

use crate::cloudformation::change_set::{Change, Detail, Effect, Replacement};

/// Why a property of a resource changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The logical id of the resource that changes.
    pub logical_id: String,
    /// The property's path.
    pub property: String,
    /// The change source of the API, such as `ParameterReference`.
    pub source: String,
    /// The parameter, resource or attribute that causes the change; `None` if the API names none.
    pub entity: Option<String>,
    /// The sentence, such as "because parameter `Size` changed".
    pub text: String,
}

/// Returns the cause of a detail as a sentence; `None` if the template was edited or the cause is not
/// known.
pub fn sentence(detail: &Detail, changes: &[Change]) -> Option<String> {
    let entity = detail.causing_entity.as_deref();
    match (detail.change_source.as_deref()?, entity) {
        ("ParameterReference", Some(name)) => Some(format!("because parameter `{name}` changed")),
        ("ResourceReference", Some(name)) => {
            let is_certain = detail.evaluation.as_deref() != Some("Dynamic");
            let otherwise = if is_certain {
                "changes"
            } else {
                "may be replaced"
            };
            let outcome = outcome(name, changes).unwrap_or(otherwise);
            Some(format!("because `{name}` {outcome}"))
        }
        ("ResourceAttribute", Some(attribute)) => {
            let name = attribute.split('.').next().unwrap_or(attribute);
            Some(match outcome(name, changes) {
                Some(outcome) => format!("because `{name}` {outcome}"),
                None => format!("because `{attribute}` may change"),
            })
        }
        ("Automatic", _) => {
            Some("because CloudFormation checks nested stacks in every update".to_owned())
        }
        ("NoModification", _) if detail.drift.is_some() => {
            Some("because the live value has drifted".to_owned())
        }
        // The edit also overwrites a change made outside the stack.
        ("DirectModification", _) => {
            let previous = detail.drift.as_ref()?.previous.as_ref()?;
            Some(format!(
                "and the live value has drifted from \"{previous}\""
            ))
        }
        ("NoModification", _) => None,
        (source, Some(name)) => Some(format!("because of `{name}` ({source})")),
        (source, None) => Some(format!("because of {source}")),
    }
}

/// Returns what happens to a resource; `None` if it is only updated.
fn outcome(logical_id: &str, changes: &[Change]) -> Option<&'static str> {
    let change = changes
        .iter()
        .find(|change| change.logical_id == logical_id)?;
    match change.effect() {
        Effect::Replace => Some("is replaced"),
        Effect::Add => Some("is new"),
        Effect::Remove => Some("is removed"),
        _ if change.replacement == Some(Replacement::Conditional) => Some("may be replaced"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::sentence;
    use crate::cloudformation::change_set::{Action, Change, Detail, PropertyDrift, Replacement};

    #[test]
    fn the_sentence_depends_on_the_change_of_the_causing_entity() {
        let change = |logical_id: &str, action, replacement| Change {
            logical_id: logical_id.to_owned(),
            action,
            replacement,
            ..Change::default()
        };
        let changes = [
            change("Replaced", Action::Modify, Some(Replacement::True)),
            change("Perhaps", Action::Modify, Some(Replacement::Conditional)),
            change("Updated", Action::Modify, Some(Replacement::False)),
            change("New", Action::Add, None),
        ];
        let cases = [
            ("ParameterReference", "P", "because parameter `P` changed"),
            (
                "ResourceReference",
                "Replaced",
                "because `Replaced` is replaced",
            ),
            (
                "ResourceReference",
                "Perhaps",
                "because `Perhaps` may be replaced",
            ),
            ("ResourceReference", "Updated", "because `Updated` changes"),
            (
                "ResourceAttribute",
                "Replaced.Arn",
                "because `Replaced` is replaced",
            ),
            (
                "ResourceAttribute",
                "Updated.Arn",
                "because `Updated.Arn` may change",
            ),
            ("ResourceAttribute", "New.Arn", "because `New` is new"),
            ("Surprise", "X", "because of `X` (Surprise)"),
        ];
        for (source, entity, expected) in cases {
            let detail = Detail {
                change_source: Some(source.to_owned()),
                causing_entity: Some(entity.to_owned()),
                ..Detail::default()
            };
            assert_eq!(sentence(&detail, &changes).as_deref(), Some(expected));
        }
        let mut reverted = Detail {
            change_source: Some("NoModification".to_owned()),
            ..Detail::default()
        };
        assert_eq!(sentence(&reverted, &changes), None);
        reverted.drift = Some(PropertyDrift::default());
        let expected = "because the live value has drifted";
        assert_eq!(sentence(&reverted, &changes).as_deref(), Some(expected));
        let direct = Detail {
            change_source: Some("DirectModification".to_owned()),
            ..Detail::default()
        };
        assert_eq!(sentence(&direct, &changes), None);
    }
}
