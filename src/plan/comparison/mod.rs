//! What is deployed against what the files say, without asking CloudFormation to plan anything.
//!
//! The same comparison serves two template files. A difference of the templates alone says little: it
//! may change nothing, or replace a resource that was not touched at all. So each carries where it
//! stands in both texts and what a deployment would probably make of it.

mod difference;
pub mod live;
mod place;
mod prediction;

use crate::artifact::code_diff::CodeChange;
use crate::plan::ValueChange;
use crate::plan::predict::{Side, predict};
use crate::template::Template;
use crate::template::diff;
use crate::template::render::RenderedTemplate;
use crate::util::parallel::both;
pub use difference::{Difference, Row};
pub use place::Place;
use place::Places;
use prediction::PredictedEffects;

/// The differences between a deployed stack and the files, or between two templates.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison<'a> {
    /// The stack; `None` where two files are compared.
    pub stack: Option<String>,
    /// What the two sides are called, such as the paths of two files.
    pub names: [String; 2],
    /// The only names that it is about; empty where it is about everything.
    pub only: Vec<String>,
    /// The templates' differences, and the resources that change because of them.
    pub template: Vec<Difference<'a>>,
    /// What keeps the predicted effects from being certain, a sentence each.
    pub limits: Vec<String>,
    /// What differs in the code of the artifacts; their keys differ in the template too.
    pub code: Vec<CodeChange>,
    /// Parameters whose value differs.
    pub parameters: Vec<ValueChange>,
    /// Tags of the stack whose value differs.
    pub tags: Vec<ValueChange>,
    /// The stack's own settings that differ.
    pub settings: Vec<ValueChange>,
}

/// What a deployment would probably make of a difference.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// Nothing changes in the stack's resources.
    None,
    /// It is made.
    Add,
    /// It is changed in place.
    Update,
    /// It may change, depending on something that is not known.
    MayChange,
    /// It is changed, and replaced in some cases.
    MayReplace,
    /// It is replaced.
    Replace,
    /// It is deleted, or left behind where its policy says so.
    Remove,
}

impl Effect {
    /// Returns the word of the JSON document.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Add => "add",
            Self::Update => "update",
            Self::MayChange => "may_change",
            Self::MayReplace => "may_replace",
            Self::Replace => "replace",
            Self::Remove => "remove",
        }
    }
}

impl<'a> Comparison<'a> {
    /// Returns the comparison of two templates with the values of their parameters; `rendered` is
    /// what the new one was made from, `names` what the two sides are called.
    pub fn of_templates(
        before: Side<'a>,
        after: Side<'a>,
        rendered: Option<&'a RenderedTemplate>,
        names: [String; 2],
    ) -> Self {
        let (changes, found) = both(
            || predict(Some(before), after),
            || diff::diff(before.template, after.template),
        );
        let effects = PredictedEffects::new(&found, changes, [before.template, after.template]);
        let mut places = Places::new(before.template, after.template, rendered);
        Self {
            stack: None,
            names,
            only: Vec::new(),
            template: difference::differences(found, &effects, &mut places, after.template),
            limits: limits(before, after),
            code: Vec::new(),
            parameters: Vec::new(),
            tags: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// Returns how many template entries, parameters, tags and settings differ. Resources that only
    /// change with others are not counted.
    pub fn count(&self) -> usize {
        let entries = self.template.iter().filter(|it| it.status.is_some());
        entries.count() + self.parameters.len() + self.tags.len() + self.settings.len()
    }

    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Keeps what is about these names: logical ids, and names of parameters, outputs and the like.
    pub fn retain(&mut self, names: &[String]) {
        let is_named = |name: &str| names.iter().any(|it| it == name);
        self.template.retain(|it| it.name.is_some_and(is_named));
        self.parameters.retain(|it| is_named(&it.name));
        self.code.clear();
        self.tags.clear();
        self.settings.clear();
        self.only = names.to_vec();
    }
}

/// Returns what keeps a prediction from being certain.
fn limits(before: Side<'_>, after: Side<'_>) -> Vec<String> {
    let mut limits = Vec::new();
    let mut transforms: Vec<&str> = [before.template, after.template]
        .into_iter()
        .flat_map(Template::transforms)
        .collect();
    transforms.sort_unstable();
    transforms.dedup();
    for name in transforms {
        limits.push(format!(
            "the transform `{name}` decides what the resources become"
        ));
    }
    let unknown: Vec<String> = after
        .template
        .parameters()
        .filter(|it| it.default().is_none() && !after.parameters.contains_key(it.entry.name))
        .map(|it| format!("`{}`", it.entry.name))
        .collect();
    if !unknown.is_empty() {
        limits.push(format!(
            "the values of these parameters are not known: {}",
            unknown.join(", ")
        ));
    }
    limits
}

#[cfg(test)]
mod tests;
