//! What a deployment would do, in the words in which it is shown.
//!
//! CloudFormation's change set says what happens, detail by detail and not always with values. A
//! [`Plan`] joins it with what stackctl knows itself: where it goes, which artifacts are uploaded,
//! which parameters and tags differ, which of the changes are dangerous.

pub mod cause;
pub mod comparison;
pub mod drift_properties;
pub mod last_deployed;
pub mod masking;
pub mod model;
pub mod plan_file;
pub mod predict;
pub mod property;
pub mod risk;
pub mod values;

use crate::artifact::code_diff::CodeChange;
use crate::cloudformation::change_set::validation::LocatedValidation;
use crate::cloudformation::change_set::{Change, ChangeSet, Summary};
use crate::plan::risk::Assessment;
use cause::Cause;
use model::Models;
pub use property::{Content, PropertyChange};
pub use values::ValueChange;

/// Where a plan goes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// `AWS`, or the URL of another endpoint.
    pub endpoint: String,
    /// The stack's name.
    pub stack: String,
    /// The manifest's environment.
    pub environment: String,
}

/// Whether the stack is made or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operation {
    /// There is no such stack yet.
    Create,
    /// The stack is there.
    #[default]
    Update,
}

/// What a deployment would do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// Where it goes.
    pub target: Target,
    /// Whether the stack is made or changed.
    pub operation: Operation,
    /// The capabilities that it asks for.
    pub capabilities: Vec<String>,
    /// The artifacts that the template refers to.
    pub artifacts: Vec<PlannedArtifact>,
    /// What differs in the code of artifacts that are deployed already.
    pub code: Vec<CodeChange>,
    /// Parameters whose value differs.
    pub parameters: Vec<ValueChange>,
    /// Tags of the stack whose value differs.
    pub tags: Vec<ValueChange>,
    /// The stack's own settings that differ, such as its termination protection.
    pub settings: Vec<ValueChange>,
    /// What the plan rests on where it was only predicted; `None` where the service made it.
    pub prediction: Option<String>,
    /// The change set; `None` where none was needed.
    pub change_set: Option<ChangeSet>,
    /// What the service's own checks found.
    pub validations: Vec<LocatedValidation>,
    /// Outputs that are defined differently.
    pub outputs: Vec<ValueChange>,
    /// The changed resources before and after.
    pub models: Models,
    /// What is dangerous about it.
    pub assessment: Assessment,
}

/// An artifact of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedArtifact {
    /// Its name in the manifest.
    pub name: String,
    /// Its key in the artifact bucket.
    pub key: String,
    /// The zip's size in bytes.
    pub size: u64,
    /// Whether the deployed template names the same key.
    pub deployed: bool,
}

impl Plan {
    /// Returns the changes, none where there is no change set.
    pub fn changes(&self) -> &[Change] {
        self.change_set
            .as_ref()
            .map_or(&[], |change_set| &change_set.changes)
    }

    /// Returns the changed properties of a resource.
    pub fn properties(&self, change: &Change) -> Vec<PropertyChange> {
        let model = self.models.get(&change.logical_id);
        property::property_changes(change, model, self.changes())
    }

    /// Returns why properties change that nobody edited, in the order of the changes.
    pub fn causes(&self) -> Vec<Cause> {
        let details = self.changes().iter().flat_map(|change| {
            change.details.iter().filter_map(|detail| {
                Some(Cause {
                    logical_id: change.logical_id.clone(),
                    property: property::path(detail),
                    text: cause::sentence(detail, self.changes())?,
                    source: detail.change_source.clone()?,
                    entity: detail.causing_entity.clone(),
                })
            })
        });
        details.collect()
    }

    /// Returns how many resources are added, changed and so on, those of nested stacks included.
    pub fn summary(&self) -> Summary {
        self.change_set
            .as_ref()
            .map(ChangeSet::summary)
            .unwrap_or_default()
    }

    /// Returns what keeps the plan from being complete, with the nested stack that it is about.
    pub fn warnings(&self) -> Vec<String> {
        let sets = self.change_set.iter().flat_map(ChangeSet::tree);
        let warnings = sets.flat_map(|(path, set)| {
            set.warnings.iter().map(move |warning| {
                if path.is_empty() {
                    warning.clone()
                } else {
                    format!("nested stack `{}`: {warning}", path.join("/"))
                }
            })
        });
        warnings.collect()
    }

    /// Returns whether there is nothing to deploy.
    ///
    /// A change set without changes still deploys something: outputs, conditions or metadata.
    pub fn is_empty(&self) -> bool {
        self.settings.is_empty() && self.change_set.as_ref().is_none_or(ChangeSet::is_unchanged)
    }
}
