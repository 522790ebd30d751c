//! The risks of a plan: data loss, new access, protections that are turned off.
//!
//! A long plan hides the one line that matters. Each rule compares a resource before and after, and
//! returns what a reviewer must notice, why, and how to avoid it. Most rules are tables: which types
//! store data, which property fixes a name, which property turns on a protection.
//!
//! An unknown value is no risk: a value that is known only after the deployment raises no warning.
//! If a replacement is only possible, the text says "may be replaced".

pub mod access;
mod guard;
mod name;
pub mod network;
mod role;
mod stateful;

use crate::cloudformation::change_set::{Action, Change, ChangeSet, Effect, Replacement};
use crate::cloudformation::stateful::stored_data;
use crate::plan::model::{Model, Models, models};
use crate::plan::values::ValueChange;
use access::StatementChange;

/// A risk of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// The resource; the stack's name for a setting of the stack itself; the name of an export or an
    /// output.
    pub logical_id: String,
    /// The kind of risk.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// What happens, as a fragment that follows the resource's name.
    pub reason: String,
    /// How to avoid it; `None` if no remedy is known.
    pub remedy: Option<String>,
    /// The option that must name the resource before `apply` continues; `None` if it needs none.
    pub guard: Option<Guard>,
}

/// A change that `apply` refuses unless an option names the resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// `--allow-replace`
    Replace,
    /// `--allow-delete`
    Delete,
}

impl Guard {
    /// Returns the option of `apply` that allows the change.
    pub const fn option(self) -> &'static str {
        match self {
            Self::Replace => "--allow-replace",
            Self::Delete => "--allow-delete",
        }
    }
}

/// The kind of a risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Stored data is deleted, or stays in an old resource that the new one does not use.
    Data,
    /// The replacement cannot succeed.
    Impossible,
    /// The resource cannot be created: another resource of the stack has its physical name.
    NameTaken,
    /// A security group allows traffic that it did not allow before.
    Port,
    /// A principal gets permissions that it did not have before.
    Permission,
    /// A resource becomes public.
    Public,
    /// Encryption, logging, versioning or another protection is turned off.
    Protection,
    /// A resource runs with a different role than before.
    Role,
    /// An export changes or is removed although a stack imports it.
    Export,
    /// An output changes or is removed although another stack of the project reads it.
    Output,
}

impl Kind {
    /// Returns the name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Impossible => "impossible-replacement",
            Self::NameTaken => "name-taken",
            Self::Port => "port",
            Self::Permission => "permission",
            Self::Public => "public-access",
            Self::Protection => "protection",
            Self::Role => "role",
            Self::Export => "export-in-use",
            Self::Output => "output-in-use",
        }
    }
}

/// The severity of a risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Information: the resource is new, or nothing is lost.
    Note,
    /// Check it before the deployment.
    Warning,
    /// Cannot be undone, or gives everyone access.
    Danger,
}

impl Severity {
    /// Returns the name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Danger => "danger",
        }
    }
}

/// All risks of a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// The risks, the most severe first, then in the order of the changes.
    pub risks: Vec<Risk>,
    /// The policy statements that are added or removed.
    pub statements: Vec<StatementChange>,
}

/// A changed resource with its model, the input of the rules.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    change: &'a Change,
    model: &'a Model,
}

impl<'a> Subject<'a> {
    fn risk(&self, kind: Kind, severity: Severity, reason: impl Into<String>) -> Risk {
        Risk {
            logical_id: self.change.logical_id.clone(),
            kind,
            severity,
            reason: reason.into(),
            remedy: None,
            guard: None,
        }
    }

    fn resource_type(&self) -> &'a str {
        &self.change.resource_type
    }

    /// Returns whether the resource is new to the stack.
    fn is_new(&self) -> bool {
        matches!(self.change.action, Action::Add | Action::Import)
    }

    fn is_removed(&self) -> bool {
        self.change.effect() == Effect::Remove
    }

    /// Returns whether the resource is certainly replaced; `None` if it is not replaced.
    fn is_certainly_replaced(&self) -> Option<bool> {
        if matches!(self.change.action, Action::Add | Action::Remove) {
            return None;
        }
        match self.change.replacement {
            Some(Replacement::True) => Some(true),
            Some(Replacement::Conditional) => Some(false),
            _ => None,
        }
    }
}

impl Risk {
    fn remedy(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = Some(remedy.into());
        self
    }
}

impl Assessment {
    /// Returns the risks and statements of both assessments, the most severe risks first.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.risks.extend(other.risks);
        self.statements.extend(other.statements);
        self.risks
            .sort_by_key(|risk| std::cmp::Reverse(risk.severity));
        self
    }
}

/// Returns the risks of the changes.
///
/// `protected_types` are further types that store data, such as `My::Own::Store` or `My::Own::*`.
pub fn assess(changes: &[Change], models: &Models, protected_types: &[String]) -> Assessment {
    let nothing = Model::default();
    let subjects: Vec<Subject<'_>> = changes
        .iter()
        .map(|change| Subject {
            change,
            model: models.get(&change.logical_id).unwrap_or(&nothing),
        })
        .collect();
    let statements = access::statement_changes(&subjects);
    let mut risks = Vec::new();
    for subject in &subjects {
        risks.extend(stateful::risk(subject, protected_types));
        risks.extend(guard::risks(subject));
        risks.extend(role::risks(subject));
    }
    risks.extend(name::risks(&subjects));
    risks.extend(network::risks(&subjects));
    risks.extend(access::risks(&statements, &subjects));
    risks.sort_by_key(|risk| std::cmp::Reverse(risk.severity));
    Assessment { risks, statements }
}

/// Returns the risks inside nested stacks. Each logical id includes the path of its nested stack, such
/// as `Database/Table`.
///
/// If the template of a nested stack cannot be parsed, the rules use only the change set.
pub fn of_nested(set: &ChangeSet, protected_types: &[String]) -> Assessment {
    let mut all = Assessment::default();
    for (path, nested) in set.tree().into_iter().filter(|(path, _)| !path.is_empty()) {
        let [deployed, desired] = nested.templates();
        let models = models(&nested.changes, deployed.as_ref(), desired.as_ref());
        let found = assess(&nested.changes, &models, protected_types);
        let within = |logical_id: &str| format!("{}/{logical_id}", path.join("/"));
        all.risks.extend(found.risks.into_iter().map(|risk| Risk {
            logical_id: within(&risk.logical_id),
            ..risk
        }));
        let statements = found.statements.into_iter();
        all.statements
            .extend(statements.map(|change| StatementChange {
                logical_id: within(&change.logical_id),
                ..change
            }));
    }
    all
}

/// Returns a risk for each resource that stores data and that a rollback to an earlier deployment changes:
/// the data stays as it is. The other rules report data that is lost.
pub fn of_rollback(changes: &[Change], protected_types: &[String]) -> Vec<Risk> {
    let stored = |change: &Change| {
        let stored = stored_data(&change.resource_type, protected_types)?;
        let reason = match change.effect() {
            Effect::Add => {
                "is created without its earlier data: data does not roll back".to_owned()
            }
            Effect::Update | Effect::Sync | Effect::Possible => format!(
                "is rolled back, but not what it stores ({stored}): data does not roll back"
            ),
            Effect::Remove | Effect::Replace | Effect::Import => return None,
        };
        Some(Risk {
            logical_id: change.logical_id.clone(),
            kind: Kind::Data,
            severity: Severity::Warning,
            reason,
            remedy: None,
            guard: None,
        })
    };
    changes.iter().filter_map(stored).collect()
}

/// Returns the risk of changed stack settings; `None` if there is none.
pub fn of_settings(stack: &str, settings: &[ValueChange]) -> Option<Risk> {
    let dropped = settings.iter().any(|setting| {
        setting.name == "termination_protection"
            && setting.before.as_deref() == Some("true")
            && setting.after.as_deref() != Some("true")
    });
    dropped.then(|| Risk {
        logical_id: stack.to_owned(),
        kind: Kind::Protection,
        severity: Severity::Danger,
        reason: "loses its termination protection".to_owned(),
        remedy: Some("keep `termination_protection = true` in `[stack]`".to_owned()),
        guard: None,
    })
}

#[cfg(test)]
mod tests;
