//! Why something changes that nobody edited, in words.
//!
//! The service names a source and an entity; what became of that entity stands elsewhere in the change
//! set. Only both together make a sentence that is true: a reference to a resource that is replaced is
//! a certain cause, a reference to one that is only changed is not.

use crate::cloudformation::change_set::{Change, Detail, Effect, Replacement};

/// Why a property of a resource changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// The resource that changes.
    pub logical_id: String,
    /// The property's path.
    pub property: String,
    /// The source as the service names it, such as `ParameterReference`.
    pub source: String,
    /// The parameter, resource or attribute that causes it, where the service names one.
    pub entity: Option<String>,
    /// The sentence, such as "because parameter `Size` changed".
    pub text: String,
}

/// Returns the sentence for a detail; `None` where the template itself changed, or nothing is said.
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
        ("Automatic", _) => Some("because a nested stack is checked each time".to_owned()),
        ("NoModification", _) if detail.drift.is_some() => {
            Some("because the live value has drifted".to_owned())
        }
        // An edit overwrites what somebody else has put there, which the edit alone does not tell.
        ("DirectModification", _) => {
            let previous = detail.drift.as_ref()?.previous.as_ref()?;
            Some(format!("and it has drifted from \"{previous}\""))
        }
        ("NoModification", _) => None,
        (source, Some(name)) => Some(format!("because of `{name}` ({source})")),
        (source, None) => Some(format!("because of {source}")),
    }
}

/// Returns what becomes of a resource that is not merely changed.
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
    fn a_sentence_says_no_more_than_the_change_set() {
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
        let said = "because the live value has drifted";
        assert_eq!(sentence(&reverted, &changes).as_deref(), Some(said));
        let direct = Detail {
            change_source: Some("DirectModification".to_owned()),
            ..Detail::default()
        };
        assert_eq!(sentence(&direct, &changes), None);
    }
}
