//! What a deployment of a stack set would do: which targets are added, updated and removed, and what
//! changes in each of them.

pub mod targets;

use std::collections::{BTreeMap, BTreeSet};

use crate::cloudformation::stack_set::Target;
use crate::cloudformation::stack_set::group::Group;
use crate::config::settings::Permissions;
use crate::plan::equivalence::{self, values};
use crate::plan::{Plan, ValueChange};
use targets::TargetChanges;

/// What a deployment of a stack set would do.
#[derive(Debug, Clone, PartialEq)]
pub struct StackSetPlan {
    /// What changes in each target, with the account and the region of the stack set itself. Nobody asks
    /// the targets: it is predicted from the two templates.
    pub template: Plan,
    /// Whether the stack set does not exist yet.
    pub is_new: bool,
    /// Whether what the stack set says changes: its template, parameters, tags or settings.
    pub is_changed: bool,
    /// Who creates the roles.
    pub permissions: Permissions,
    /// The settings of the stack set that differ.
    pub settings: Vec<ValueChange>,
    /// What happens to the targets.
    pub targets: TargetChanges,
    /// What the user should know about it.
    pub warnings: Vec<String>,
}

impl StackSetPlan {
    /// Returns whether there is nothing to deploy.
    pub fn is_empty(&self) -> bool {
        !self.is_new && self.steps().is_empty()
    }

    /// Returns the operations, in the order in which they run.
    pub fn steps(&self) -> Vec<Step> {
        let changes = &self.targets;
        let update = changes.update.iter().cloned().map(Step::Update);
        let values = changes.overrides.iter().cloned().map(Step::Override);
        let added = changes.added.iter().cloned().map(Step::Add);
        let removed = changes.removed.iter().cloned().map(Step::Remove);
        // A new stack set is created with what it says.
        let update = update.filter(|_| !self.is_new);
        update.chain(values).chain(added).chain(removed).collect()
    }

    /// Returns how a plan that was made again differs from this one, which was shown, as parts of a sentence;
    /// empty if it does the same. `has_transforms` is as for [`equivalence::differences`].
    pub fn differences(&self, again: &Self, has_transforms: bool) -> Vec<String> {
        let mut found = equivalence::differences(&self.template, &again.template, has_transforms);
        let settings = (&self.settings, &again.settings);
        found.extend(values("setting", settings.0, settings.1, |_| false));
        let actions = |plan: &Self| -> BTreeMap<String, TargetAction> {
            let entries = plan.targets.entries.iter();
            entries
                .map(|it| (it.target.to_string(), it.action))
                .collect()
        };
        let (then, now) = (actions(self), actions(again));
        let targets: BTreeSet<&String> = then.keys().chain(now.keys()).collect();
        let differing = targets
            .into_iter()
            .filter(|it| then.get(*it) != now.get(*it));
        found.extend(differing.map(|target| format!("the target {target}")));
        found
    }
}

/// An operation of a stack set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// What the stack set says changes, and its instances follow.
    Update(Update),
    /// Instances get other values of parameters than the stack set has.
    Override(Group),
    /// Instances are added.
    Add(Group),
    /// Instances are removed.
    Remove(Removal),
}

/// The instances that an update is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Update {
    /// The accounts and regions; `None` means all instances.
    pub only: Option<Group>,
    /// The regions, in the order in which the operation works.
    pub regions: Vec<String>,
}

/// Instances that are removed by one operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Removal {
    /// The instances.
    pub group: Group,
    /// Whether their stacks stay, outside of any stack set.
    pub retains: bool,
}

/// What happens to a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TargetAction {
    /// An instance is added.
    Add,
    /// The instance is updated.
    Update,
    /// The instance and its stack are removed.
    Remove,
    /// The instance is removed, and its stack stays.
    Leave,
    /// The instance stays as it is.
    Keep,
}

impl TargetAction {
    /// Returns the name in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Update => "update",
            Self::Remove => "remove",
            Self::Leave => "leave",
            Self::Keep => "keep",
        }
    }
}

/// A target, and what happens to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetEntry {
    /// The account, or the organizational unit of accounts that are added, with the region.
    pub target: Target,
    /// What happens to it.
    pub action: TargetAction,
    /// The status of its instance; `None` if it has none.
    pub status: Option<String>,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
    /// The organizational unit; `None` with self-managed permissions.
    pub organizational_unit: Option<String>,
}
