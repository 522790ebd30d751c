//! Physical names that are taken: replacements and renames that cannot succeed.
//!
//! CloudFormation creates resources before it deletes others. So a replacement that keeps its name
//! fails, and so does a resource under a new logical id that takes over the name of a removed one.

use std::collections::HashMap;

use super::{Kind, Risk, Severity, Subject};
use crate::cloudformation::change_set::Action;
use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::template::schema_table::{NameProperty, name_property};

/// Returns the risks of a deployment that cannot succeed because of a name.
pub(super) fn risks(subjects: &[Subject<'_>]) -> Vec<Risk> {
    let mut holders: HashMap<(&str, &str), Vec<&Subject<'_>>> = HashMap::new();
    for subject in subjects.iter().filter(|it| !it.is_new()) {
        for name in names_before(subject) {
            let key = (subject.resource_type(), name);
            holders.entry(key).or_default().push(subject);
        }
    }
    let mut risks = Vec::new();
    for subject in subjects {
        let replaced = subject.is_certainly_replaced();
        if let Some(certain) = replaced {
            risks.extend(kept_name(subject, certain));
        }
        let Some(name) = subject.model.names[1].as_deref() else {
            continue;
        };
        // An imported resource has its name already.
        let is_created = subject.change.action == Action::Add || replaced.is_some();
        let key = (subject.resource_type(), name);
        let mut holders = holders.get(&key).into_iter().flatten();
        let holder = holders.find(|it| it.change.logical_id != subject.change.logical_id);
        if let Some(holder) = holder.filter(|_| is_created) {
            risks.extend(taken_name(subject, holder, name));
        }
    }
    risks
}

/// Returns the names that a resource has before the deployment: the fixed one, and the physical id,
/// which is the name for most types.
fn names_before<'a>(subject: &Subject<'a>) -> Vec<&'a str> {
    let fixed = subject.model.names[0].as_deref();
    let physical = subject.change.physical_id.as_deref();
    let mut names: Vec<&str> = fixed.into_iter().chain(physical).collect();
    names.dedup();
    names
}

/// Returns the risk that a replacement fails because the new resource has the same name as the old
/// one.
fn kept_name(subject: &Subject<'_>, certain: bool) -> Option<Risk> {
    let property = name_property(subject.resource_type())?;
    let [before, after] = subject.model.property(&[property.name]);
    let (before, after) = (before?, after?);
    let name = match subject.model.names.each_ref().map(Option::as_deref) {
        [Some(old), Some(new)] if old != new => return None,
        [Some(_), Some(new)] => Some(new),
        _ if before != after => return None,
        _ => None,
    };
    let is_unknown = |text: &str| text.contains(KNOWN_AFTER_APPLY);
    if after.scalar().as_deref().is_some_and(is_unknown) {
        return None;
    }
    let what = match name {
        Some(name) => format!(
            "its {} is fixed to `{name}`, and the old resource still has that name",
            property.name
        ),
        None => format!(
            "its {} does not change, and the old resource still has that name",
            property.name
        ),
    };
    // An unchanged function may still return a different name.
    let (severity, fails) = if certain && name.is_some() && property.is_unique {
        (Severity::Danger, "cannot be replaced")
    } else {
        (Severity::Warning, "probably cannot be replaced")
    };
    let risk = subject.risk(Kind::Impossible, severity, format!("{fails}: {what}"));
    Some(risk.remedy(format!(
        "change `{}` in the same deployment, or remove it",
        property.name
    )))
}

/// Returns the risk that a resource cannot be created because another resource of the stack has its
/// name.
fn taken_name(subject: &Subject<'_>, holder: &Subject<'_>, name: &str) -> Option<Risk> {
    let NameProperty {
        name: property,
        is_unique,
        scope,
    } = name_property(subject.resource_type())?;
    if let Some(scope) = scope {
        let ours = subject.model.property(&[scope])[1];
        let theirs = holder.model.property(&[scope])[0];
        if ours != theirs {
            return None;
        }
    }
    let (new, old) = (&subject.change.logical_id, &holder.change.logical_id);
    let is_certain = is_unique && subject.is_certainly_replaced() != Some(false);
    let (severity, fails) = if is_certain {
        (Severity::Danger, "cannot be created")
    } else {
        (Severity::Warning, "probably cannot be created")
    };
    let (state, remedy) = if holder.is_removed() {
        (
            format!("`{old}`, which leaves the stack only afterwards, has"),
            format!(
                "keep the logical ID `{old}`, name the rename in `[moved]`, or give `{new}` another \
                 `{property}`"
            ),
        )
    } else {
        (
            format!("`{old}` has"),
            format!("give `{new}` another `{property}`, or deploy the change of `{old}` first"),
        )
    };
    let reason = format!("{fails}: {state} the same {property} `{name}`");
    Some(
        subject
            .risk(Kind::NameTaken, severity, reason)
            .remedy(remedy),
    )
}
