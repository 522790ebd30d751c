//! Roles that are handed to something that runs.

use super::{Kind, Risk, Severity, Subject};
use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::template::shorthand::text;

/// The properties that say which role a resource of any type runs with.
const PROPERTIES: [&str; 12] = [
    "ExecutionRoleArn",
    "IamInstanceProfile",
    "InstanceProfile",
    "JobRoleArn",
    "Role",
    "RoleARN",
    "RoleArn",
    "ServiceRole",
    "ServiceRoleArn",
    "ServiceRoleARN",
    "TaskRoleArn",
    "TaskExecutionRoleArn",
];

pub(super) fn risks(subject: &Subject<'_>) -> Vec<Risk> {
    let changed = PROPERTIES.iter().filter_map(|property| {
        let [before, after] = subject.model.property(&[property]);
        let after = after.filter(|after| before != Some(*after))?;
        let role = text(after);
        if subject.is_new() {
            let reason = format!("runs with the role `{role}`");
            return Some(subject.risk(Kind::Role, Severity::Note, reason));
        }
        if role.contains(KNOWN_AFTER_APPLY) {
            return None;
        }
        let reason = match before {
            Some(before) => format!("runs with the role `{role}` instead of `{}`", text(before)),
            None => format!("runs with the role `{role}` from now on"),
        };
        Some(subject.risk(Kind::Role, Severity::Warning, reason))
    });
    changed.collect()
}
