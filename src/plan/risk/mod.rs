//! What is dangerous about a change: data that is lost, doors that open, guards that fall.
//!
//! A long plan hides the one line that matters. Each rule here looks at the resource before and after
//! and says what a careful reader would have to notice, why, and how to avoid it. The rules are data
//! where they can be: which types hold data, which property fixes a name, which property guards what.
//!
//! What is not known is not dangerous by itself: a value that only the deployment makes known raises
//! no alarm, and a replacement that is only possible is worded so.

pub mod access;
mod guard;
pub mod network;
mod role;
mod stateful;

use crate::cloudformation::change_set::{Action, Change, ChangeSet, Effect, Replacement};
use crate::diagnostic::SourceFile;
use crate::plan::model::{Model, Models, models};
use crate::plan::values::ValueChange;
use crate::template::Template;
use access::StatementChange;

/// Something dangerous about a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Risk {
    /// The resource; the stack's name for a setting of the stack itself.
    pub logical_id: String,
    /// What is at stake.
    pub kind: Kind,
    /// How much it matters.
    pub severity: Severity,
    /// What happens, as a fragment that follows the resource's name.
    pub reason: String,
    /// How to avoid it, where there is a way.
    pub remedy: Option<String>,
    /// What `apply` has to be allowed by name; `None` where it does not ask.
    pub guard: Option<Guard>,
}

/// What `apply` refuses unless the resource is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// `--allow-replace`
    Replace,
    /// `--allow-delete`
    Delete,
}

impl Guard {
    /// Returns the option of `apply` that allows it.
    pub const fn option(self) -> &'static str {
        match self {
            Self::Replace => "--allow-replace",
            Self::Delete => "--allow-delete",
        }
    }
}

/// What is at stake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Stored data is lost, or left behind where the new resource does not see it.
    Data,
    /// The replacement cannot work.
    Impossible,
    /// A port opens, or opens wider.
    Port,
    /// Somebody may do more than before.
    Permission,
    /// Something becomes public.
    Public,
    /// Encryption, logging, versioning or another protection is dropped.
    Protection,
    /// Something runs with another role than before.
    Role,
}

impl Kind {
    /// Returns the name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Impossible => "impossible-replacement",
            Self::Port => "port",
            Self::Permission => "permission",
            Self::Public => "public-access",
            Self::Protection => "protection",
            Self::Role => "role",
        }
    }
}

/// How much a risk matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// Worth knowing; what it concerns is new, or nothing is lost.
    Note,
    /// To be looked at before the deployment.
    Warning,
    /// Cannot be undone, or opens something to everybody.
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

/// Everything dangerous about a plan.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Assessment {
    /// The risks, the worst first, then in the order of the changes.
    pub risks: Vec<Risk>,
    /// The policy statements that are added or removed.
    pub statements: Vec<StatementChange>,
}

/// A changed resource, as the rules see it.
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

    /// Returns whether the resource is replaced for certain; `None` where it is not replaced at all.
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
    /// Returns both together, the worst first.
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        self.risks.extend(other.risks);
        self.statements.extend(other.statements);
        self.risks
            .sort_by_key(|risk| std::cmp::Reverse(risk.severity));
        self
    }
}

/// Returns everything dangerous about the changes.
///
/// `protected_types` are types, such as `AWS::SQS::Queue` or `AWS::SQS::*`, that hold data beside those
/// that are known to.
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
        risks.extend(stateful::risks(subject, protected_types));
        risks.extend(guard::risks(subject));
        risks.extend(role::risks(subject));
    }
    risks.extend(network::risks(&subjects));
    risks.extend(access::risks(&statements, &subjects));
    risks.sort_by_key(|risk| std::cmp::Reverse(risk.severity));
    Assessment { risks, statements }
}

/// Returns everything dangerous inside nested stacks. Each resource is named with those that lead to it,
/// such as `Database/Table`.
///
/// Where the template of one cannot be read, only what the service itself says of a resource counts.
pub fn of_nested(set: &ChangeSet, protected_types: &[String]) -> Assessment {
    let mut all = Assessment::default();
    for (path, nested) in set.tree().into_iter().filter(|(path, _)| !path.is_empty()) {
        let [deployed, desired] = [&nested.deployed_template, &nested.template]
            .map(|text| Template::parse(&SourceFile::new("nested", text.as_deref()?)).ok());
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

/// Returns what is dangerous about changed settings of the stack itself.
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
