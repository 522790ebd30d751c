//! Resources that run with a new or a different role.

use super::{Kind, Risk, Severity, Subject};
use crate::plan::model::KNOWN_AFTER_APPLY;
use crate::template::shorthand::text;

/// The properties that set the role of a resource, for every type.
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
            None => format!("runs with the role `{role}` and had none before"),
        };
        Some(subject.risk(Kind::Role, Severity::Warning, reason))
    });
    changed.collect()
}
