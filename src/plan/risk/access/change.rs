//! The statements that a change set adds and removes, and the risks of them.

use std::collections::HashSet;

use super::{Scope, Statement, own_principal, statements};
use crate::cloudformation::deletion::DeletionOutcome;
use crate::plan::risk::stateful::outcome_of_removal;
use crate::plan::risk::{Kind, Risk, Severity, Subject};

/// The type whose policy grants no permission. It filters the calls that other policies allow, and
/// the policy of a gateway endpoint must name `*` as its principal.
const FILTER: &str = "AWS::EC2::VPCEndpoint";

/// A statement that is added or removed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementChange {
    /// The logical id of the resource that has the policy.
    pub logical_id: String,
    /// Whether the statement is added; `false` if it is removed.
    pub is_added: bool,
    /// The statement.
    pub statement: Statement,
    /// The severity of the change.
    pub severity: Severity,
}

/// Returns the statements that the changes add and remove, over all policies of the stack.
pub(in crate::plan::risk) fn statement_changes(subjects: &[Subject<'_>]) -> Vec<StatementChange> {
    let side = |after: bool| -> Vec<(&Subject<'_>, Statement)> {
        let found = subjects.iter().flat_map(|subject| {
            let model = subject.model;
            // A resource that is retained keeps its policies.
            let stays =
                subject.is_removed() && outcome_of_removal(subject) == DeletionOutcome::Retained;
            let side = if after && !stays {
                &model.after
            } else {
                &model.before
            };
            let id = &subject.change.logical_id;
            let statements = side
                .as_ref()
                .map(|side| statements(id, subject.resource_type(), side));
            statements
                .unwrap_or_default()
                .into_iter()
                .map(move |statement| (subject, statement))
        });
        found.collect()
    };
    let (before, after) = (side(false), side(true));
    let old: HashSet<&Statement> = before.iter().map(|(_, statement)| statement).collect();
    let new: HashSet<&Statement> = after.iter().map(|(_, statement)| statement).collect();
    let allowed: Vec<&Statement> = old.iter().copied().filter(|it| it.allows()).collect();
    let created: HashSet<String> = subjects
        .iter()
        .filter(|subject| subject.is_new())
        .map(|subject| own_principal(&subject.change.logical_id))
        .collect();
    let change =
        |subject: &Subject<'_>, statement: &Statement, is_added, severity| StatementChange {
            logical_id: subject.change.logical_id.clone(),
            is_added,
            statement: statement.clone(),
            severity,
        };
    let removed = before
        .iter()
        .filter(|(_, it)| !new.contains(it))
        .map(|(subject, it)| {
            // A removed resource needs no Deny statement.
            let widens = !it.allows() && !subject.is_removed();
            let severity = if widens {
                Severity::Warning
            } else {
                Severity::Note
            };
            change(subject, it, false, severity)
        });
    let added = after
        .iter()
        .filter(|(_, it)| !old.contains(it))
        .map(|(subject, it)| {
            let narrower = !it.allows() || allowed.iter().any(|old| old.covers(it));
            let is_filter = subject.resource_type() == FILTER;
            let comes_with_new = subject.is_new()
                && it
                    .principals
                    .values
                    .iter()
                    .all(|name| created.contains(name) || name.starts_with("Service:"));
            let severity = if narrower || is_filter && subject.is_new() {
                Severity::Note
            } else if is_filter {
                Severity::Warning
            } else if it.is_public() || it.is_sweeping() {
                Severity::Danger
            } else if comes_with_new {
                Severity::Note
            } else {
                Severity::Warning
            };
            change(subject, it, true, severity)
        });
    removed.chain(added).collect()
}

/// Returns a risk for each changed statement that gives permissions.
pub(in crate::plan::risk) fn risks(
    changes: &[StatementChange],
    subjects: &[Subject<'_>],
) -> Vec<Risk> {
    let risky = changes.iter().filter(|change| {
        change.severity > Severity::Note || change.is_added && change.statement.allows()
    });
    risky
        .filter_map(|change| {
            let subject = subjects
                .iter()
                .find(|subject| subject.change.logical_id == change.logical_id)?;
            let statement = &change.statement;
            let is_filter = subject.resource_type() == FILTER;
            let (kind, reason) = if !change.is_added {
                (Kind::Permission, format!("no longer has: {statement}"))
            } else if is_filter {
                (Kind::Permission, format!("now passes calls: {statement}"))
            } else if statement.is_public() {
                let text = format!("now allows everyone to do {}", Scope(statement));
                (Kind::Public, text)
            } else if statement.is_managed_policy {
                let text = format!("gets the managed policy {}", statement.actions);
                (Kind::Permission, text)
            } else if statement.principals.values == [own_principal(&change.logical_id)] {
                (Kind::Permission, format!("may now do {}", Scope(statement)))
            } else {
                let principals = &statement.principals;
                let text = format!("now allows {principals} to do {}", Scope(statement));
                (Kind::Permission, text)
            };
            Some(subject.risk(kind, change.severity, reason))
        })
        .collect()
}
