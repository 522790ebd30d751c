//! Loss of stored data.

use super::{Guard, Kind, Risk, Severity, Subject};
use crate::cloudformation::deletion::DeletionOutcome;
use crate::cloudformation::stateful::stored_data;
use crate::template::policy::{Policy, deletion_policy, update_replace_policy};

pub(super) fn risk(subject: &Subject<'_>, protected_types: &[String]) -> Option<Risk> {
    let lost = stored_data(subject.resource_type(), protected_types)?;
    match subject.is_certainly_replaced() {
        Some(certain) => Some(replacement(subject, lost, certain)),
        None => subject.is_removed().then(|| removal(subject, lost)),
    }
}

fn removal(subject: &Subject<'_>, lost: &str) -> Risk {
    let risk = |severity, reason: String| subject.risk(Kind::Data, severity, reason);
    match outcome_of_removal(subject) {
        DeletionOutcome::Retained | DeletionOutcome::LeftBehind => risk(
            Severity::Note,
            format!("is removed from the stack but kept, with {lost} (DeletionPolicy)"),
        ),
        DeletionOutcome::Snapshotted => guarded(
            risk(
                Severity::Warning,
                format!("is deleted after a snapshot of {lost}"),
            ),
            Guard::Delete,
        ),
        DeletionOutcome::Unknown => guarded(
            risk(
                Severity::Danger,
                format!(
                    "may be deleted with {lost}: its `DeletionPolicy` is computed from a value that is not known"
                ),
            )
            .remedy("deploy `DeletionPolicy: Retain` first, then remove it"),
            Guard::Delete,
        ),
        DeletionOutcome::Deleted if subject.resource_type() == "AWS::S3::Bucket" => guarded(
            risk(
                Severity::Danger,
                format!("is deleted with {lost}; the deletion fails unless it is empty"),
            )
            .remedy("deploy `DeletionPolicy: Retain` first, then remove it"),
            Guard::Delete,
        ),
        DeletionOutcome::Deleted => guarded(
            risk(Severity::Danger, format!("is deleted with {lost}"))
                .remedy("deploy `DeletionPolicy: Retain` first, then remove it"),
            Guard::Delete,
        ),
    }
}

fn replacement(subject: &Subject<'_>, lost: &str, certain: bool) -> Risk {
    let is = if certain {
        "is replaced"
    } else {
        "may be replaced"
    };
    let outcome = outcome_of_replacement(subject);
    let (severity, reason) = match outcome {
        DeletionOutcome::Deleted => (
            Severity::Danger,
            format!("{is}: the old resource is deleted with {lost}"),
        ),
        DeletionOutcome::Unknown => (
            Severity::Danger,
            format!(
                "{is}: the old resource may be deleted with {lost}, because its `UpdateReplacePolicy` is \
                 computed from a value that is not known"
            ),
        ),
        DeletionOutcome::Snapshotted => (
            Severity::Warning,
            format!(
                "{is}: the old resource is deleted after a snapshot, the new one starts without {lost}"
            ),
        ),
        DeletionOutcome::Retained | DeletionOutcome::LeftBehind => (
            Severity::Warning,
            format!(
                "{is}: the old resource is kept outside the stack, the new one starts without {lost}"
            ),
        ),
    };
    let severity = if certain {
        severity
    } else {
        severity.min(Severity::Warning)
    };
    let mut risk = subject.risk(Kind::Data, severity, reason);
    if matches!(outcome, DeletionOutcome::Deleted | DeletionOutcome::Unknown) {
        risk = risk.remedy("add `UpdateReplacePolicy: Retain` to keep the old resource");
    }
    guarded(risk, Guard::Replace)
}

fn guarded(mut risk: Risk, guard: Guard) -> Risk {
    risk.guard = Some(guard);
    risk
}

/// Returns what happens to a removed resource, from the change set if it says so, otherwise from the
/// deployed template.
pub(super) fn outcome_of_removal(subject: &Subject<'_>) -> DeletionOutcome {
    let deployed = || deletion_policy(subject.resource_type(), subject.model.before.as_ref(), None);
    let action = subject.change.policy_action.as_deref();
    DeletionOutcome::of(action.map_or_else(deployed, Policy::of_action))
}

/// Returns what happens to the old resource of a replacement.
fn outcome_of_replacement(subject: &Subject<'_>) -> DeletionOutcome {
    let model = subject.model;
    let declared = || {
        let resource = model.after.as_ref().or(model.before.as_ref());
        resource.map_or(Policy::Delete, |it| update_replace_policy(it, None))
    };
    let action = subject.change.policy_action.as_deref();
    DeletionOutcome::of(action.map_or_else(declared, Policy::of_action))
}
