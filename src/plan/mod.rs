//! Plans: what a deployment would do.
//!
//! CloudFormation's change set lists the changes in detail, but not always with values. A [`Plan`]
//! combines it with the deployment's target, the artifacts, the parameters and tags that differ, and
//! the risks of the changes.

pub mod cause;
pub mod checkup;
pub mod comparison;
pub mod deployed_code;
pub mod drift_properties;
pub mod equivalence;
pub mod export_use;
pub mod garbage;
pub mod hotswap;
pub mod iam_policy;
pub mod last_deployed;
pub mod masking;
pub mod model;
pub mod moves;
pub mod operation_record;
pub mod output_effect;
pub mod plan_file;
pub mod predict;
pub mod property;
pub mod provisional;
pub mod record;
pub mod resource_graph;
pub mod risk;
pub mod stack_reads;
pub mod stack_set;
pub mod suggested_moves;
pub mod values;

use crate::artifact::code_diff::CodeChange;
use crate::cloudformation::change_set::validation::LocatedValidation;
use crate::cloudformation::change_set::{Change, ChangeSet, Summary};
use crate::cloudformation::refactor::Move;
use crate::config::settings::DeploymentMode;
use crate::plan::risk::Assessment;
use cause::Cause;
use deployed_code::CodeRevert;
use export_use::ExportUse;
use model::Models;
use output_effect::OutputEffects;
pub use property::{Content, PropertyChange};
use provisional::ProvisionalInput;
use resource_graph::ResourceGraph;
use suggested_moves::SuggestedMove;
pub use values::ValueChange;

/// The endpoint of a plan that was made without one.
pub const NO_ENDPOINT: &str = "none";

/// The target of a deployment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Target {
    /// The account, 12 digits.
    pub account: String,
    /// The region.
    pub region: String,
    /// `AWS`, the URL of another endpoint, or [`NO_ENDPOINT`].
    pub endpoint: String,
    /// The stack's name.
    pub stack: String,
    /// The manifest's environment.
    pub environment: String,
}

/// Whether a deployment creates or updates the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Operation {
    /// The stack does not exist yet.
    Create,
    /// The stack exists.
    #[default]
    Update,
}

/// What a deployment would do.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Plan {
    /// The target of the deployment.
    pub target: Target,
    /// Whether the stack is created or updated.
    pub operation: Operation,
    /// The capabilities that the deployment acknowledges.
    pub capabilities: Vec<String>,
    /// The artifacts that the template refers to.
    pub artifacts: Vec<PlannedArtifact>,
    /// The changes in the code of deployed artifacts.
    pub code: Vec<CodeChange>,
    /// The parameters whose value differs.
    pub parameters: Vec<ValueChange>,
    /// The stack tags whose value differs.
    pub tags: Vec<ValueChange>,
    /// The stack settings that differ, such as the termination protection.
    pub settings: Vec<ValueChange>,
    /// The basis of a predicted plan; `None` if CloudFormation created the change set.
    pub prediction: Option<String>,
    /// The change set; `None` if none was needed.
    pub change_set: Option<ChangeSet>,
    /// The findings of CloudFormation's own checks.
    pub validations: Vec<LocatedValidation>,
    /// The outputs whose definition differs.
    pub outputs: Vec<ValueChange>,
    /// The differences between the stack and the files that the service does not deploy, such as
    /// `Description` or `Metadata.Owner`; empty unless it finds no changes.
    pub ignored: Vec<String>,
    /// The changed resources before and after.
    pub models: Models,
    /// The resources and their references, with what the plan does with each.
    pub graph: ResourceGraph,
    /// The risks of the changes.
    pub assessment: Assessment,
    /// The functions that run other code than the deployed template names, and get that code again.
    pub code_reverts: Vec<CodeRevert>,
    /// The resources that get a new logical id before everything else. The changes are those that remain.
    pub moved: Vec<Move>,
    /// The likely renames among the changes.
    pub suggested_moves: Vec<SuggestedMove>,
    /// What happens to the outputs and the exports.
    pub effects: OutputEffects,
    /// The exports that change or may change and that somebody uses, or perhaps uses.
    pub exports: Vec<ExportUse>,
    /// The parameters whose values another stack of the run changes before this plan is executed.
    pub provisional: Vec<ProvisionalInput>,
    /// The mode of the deployment.
    pub mode: DeploymentMode,
    /// Whether CloudFormation's validations before the deployment are disabled.
    pub skips_validation: bool,
}

/// An artifact of a plan.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlannedArtifact {
    /// The name in the manifest.
    pub name: String,
    /// The key in the artifact bucket.
    pub key: String,
    /// The zip's size in bytes.
    pub size: u64,
    /// Whether the deployed template has the same key.
    pub deployed: bool,
}

impl Plan {
    /// Returns the changes of the change set; empty if there is no change set.
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

    /// Returns the causes of property changes that are not edits, in the order of the changes.
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

    /// Returns how many resources are added, changed, replaced and so on, including nested stacks.
    pub fn summary(&self) -> Summary {
        self.change_set
            .as_ref()
            .map(ChangeSet::summary)
            .unwrap_or_default()
    }

    /// Returns the warnings of the change sets, which say why the plan is incomplete. Each starts with
    /// its nested stack, if it has one.
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
    /// A change set without resource changes may still deploy outputs, conditions or metadata.
    pub fn is_empty(&self) -> bool {
        self.moved.is_empty()
            && self.code_reverts.is_empty()
            && self.settings.is_empty()
            && self.change_set.as_ref().is_none_or(ChangeSet::is_unchanged)
    }
}
