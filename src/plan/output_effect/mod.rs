//! What a plan does to the outputs of its stack, and to its exports.
//!
//! Other stacks use these values, so they must know which of them a deployment changes. A change set
//! lists resources only. The values before are those of the deployed stack. The values after come from
//! the new template: a value that it computes from parameters, mappings and conditions is known; a value
//! of a resource is the old one unless the deployment changes the resource in a way that may change it.
//!
//! If a value is not said to change, it does not change. If that is not certain, it may change.

mod comparison;
mod stability;

use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::stack::Output as DeployedOutput;
use crate::plan::predict::Side;
use crate::template::evaluate::Evaluator;
use comparison::Comparison;
use stability::Stability;

/// A planned deployment of one stack.
#[derive(Debug, Clone, Copy)]
pub struct Deployment<'a> {
    /// The deployed template with its values; `None` if there is none, or if it cannot be read.
    pub before: Option<Side<'a>>,
    /// The outputs of the deployed stack, empty if there is none; `None` if they are not known.
    pub outputs: Option<&'a [DeployedOutput]>,
    /// The new template with its values.
    pub after: Side<'a>,
    /// The changes; `None` if nothing is deployed.
    pub change_set: Option<&'a ChangeSet>,
}

/// What a plan does to the outputs and the exports of a stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutputEffects {
    /// The outputs, in the order of the new template, then those that are removed.
    pub outputs: Vec<OutputEffect>,
    /// The exports, in the same order.
    pub exports: Vec<OutputEffect>,
}

/// What a plan does to one output or export.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputEffect {
    /// The name of the output or the export.
    pub name: String,
    /// The name of the output.
    pub output: String,
    /// What happens to it.
    pub effect: Effect,
    /// Whether that is certain.
    pub is_certain: bool,
    /// The deployed value; `None` if there is none or if it is not known.
    pub before: Option<String>,
    /// The new value; `None` if there is none or if it is known only after the deployment.
    pub after: Option<String>,
    /// The name of a new output with the same definition, if this one is removed; the new name of an
    /// export.
    pub renamed: Option<String>,
    /// Why, as a sentence without a full stop; `None` if nothing happens.
    pub cause: Option<String>,
}

/// What happens to an output or an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// It keeps its value.
    Unchanged,
    /// It is new.
    Added,
    /// It gets another value.
    Changed,
    /// It is removed.
    Removed,
}

impl OutputEffect {
    /// Returns whether somebody who uses the value may notice the deployment.
    pub fn affects_users(&self) -> bool {
        matches!(self.effect, Effect::Changed | Effect::Removed)
    }

    /// Returns what happens as words that follow a name.
    pub const fn words(&self) -> &'static str {
        match (self.effect, self.is_certain) {
            (Effect::Unchanged, _) => "does not change",
            (Effect::Added, true) => "is added",
            (Effect::Added, false) => "may be added",
            (Effect::Changed, true) => "changes",
            (Effect::Changed, false) => "may change",
            (Effect::Removed, true) => "is removed",
            (Effect::Removed, false) => "may be removed",
        }
    }

    /// Returns the name in JSON.
    pub const fn as_str(&self) -> &'static str {
        match (self.effect, self.is_certain) {
            (Effect::Unchanged, _) => "unchanged",
            (Effect::Added, true) => "added",
            (Effect::Added, false) => "may-be-added",
            (Effect::Changed, true) => "changed",
            (Effect::Changed, false) => "may-change",
            (Effect::Removed, true) => "removed",
            (Effect::Removed, false) => "may-be-removed",
        }
    }
}

impl OutputEffects {
    /// Returns what the plan does to an output; `None` if the stack has no such output, neither before
    /// nor after.
    pub fn output(&self, name: &str) -> Option<&OutputEffect> {
        self.outputs.iter().find(|effect| effect.name == name)
    }

    /// Returns the exports whose users may notice the deployment.
    pub fn endangered_exports(&self) -> impl Iterator<Item = &OutputEffect> {
        self.exports.iter().filter(|it| it.affects_users())
    }
}

/// Returns what a planned deployment does to each output and each export.
pub fn output_effects(deployment: &Deployment<'_>) -> OutputEffects {
    let changes = deployment.change_set.filter(|set| !set.is_unchanged());
    let Some(set) = changes else {
        return unchanged(deployment);
    };
    let before = deployment.before;
    let before = before.map(|side| Evaluator::new(side.template, side.parameters));
    let after = Evaluator::new(deployment.after.template, deployment.after.parameters);
    let comparison = Comparison {
        deployed: deployment.outputs,
        stability: Stability::new(before.as_ref(), &after, deployment.after, set),
        before: before.as_ref(),
        after: &after,
    };
    comparison.effects()
}

/// Returns the effects of a deployment that changes nothing.
fn unchanged(deployment: &Deployment<'_>) -> OutputEffects {
    let mut effects = OutputEffects::default();
    for output in deployment.outputs.unwrap_or_default() {
        let effect = OutputEffect {
            before: Some(output.value.clone()),
            after: Some(output.value.clone()),
            ..effect(&output.name, &output.name, Effect::Unchanged)
        };
        if let Some(export) = &output.export {
            effects.exports.push(OutputEffect {
                name: export.clone(),
                ..effect.clone()
            });
        }
        effects.outputs.push(effect);
    }
    if deployment.outputs.is_none() {
        let outputs = deployment.after.template.outputs();
        let names = outputs.map(|output| output.entry.name);
        effects.outputs = names
            .map(|name| effect(name, name, Effect::Unchanged))
            .collect();
    }
    effects
}

/// Returns a certain effect without values.
fn effect(name: &str, output: &str, effect: Effect) -> OutputEffect {
    OutputEffect {
        name: name.to_owned(),
        output: output.to_owned(),
        effect,
        is_certain: true,
        before: None,
        after: None,
        renamed: None,
        cause: None,
    }
}

#[cfg(test)]
mod tests;
