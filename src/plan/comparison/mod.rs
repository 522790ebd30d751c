//! Compares the deployed stack with the project's files, without a change set.
//!
//! The same comparison works for two template files. A difference between two templates may change
//! nothing, or replace a resource that was not edited. So each [`Difference`] has its lines in both
//! texts and the predicted [`Effect`] of a deployment.

mod difference;
pub mod live;
mod place;
mod prediction;

use crate::artifact::code_diff::CodeChange;
use crate::cloudformation::refactor::Move;
use crate::plan::ValueChange;
use crate::plan::predict::{Side, predict};
use crate::template::Template;
use crate::template::diff;
use crate::template::render::RenderedTemplate;
use crate::util::parallel::both;
pub use difference::{Dangling, Difference, Row};
pub use place::Place;
use place::Places;
use prediction::PredictedEffects;

/// The differences between a deployed stack and the files, or between two templates.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison<'a> {
    /// The stack's name; `None` if two files are compared.
    pub stack: Option<String>,
    /// The names of the two sides, such as the paths of two files.
    pub names: [String; 2],
    /// The names to which the comparison is limited; empty if it is not limited.
    pub only: Vec<String>,
    /// The resources that are compared although their logical ids differ, because the manifest renames
    /// them.
    pub moved: Vec<Move>,
    /// The differences of the templates, and the resources that change because of them.
    pub template: Vec<Difference<'a>>,
    /// The reasons why the predicted effects are uncertain, one sentence each.
    pub limits: Vec<String>,
    /// The changes in the code of the artifacts. Their keys differ in the template too.
    pub code: Vec<CodeChange>,
    /// The parameters whose value differs.
    pub parameters: Vec<ValueChange>,
    /// The stack tags whose value differs.
    pub tags: Vec<ValueChange>,
    /// The stack settings that differ.
    pub settings: Vec<ValueChange>,
}

/// The predicted effect of a difference on the stack's resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// No resource changes.
    None,
    /// A resource is created.
    Add,
    /// A resource is updated in place.
    Update,
    /// A resource may be updated, depending on an unknown value.
    MayChange,
    /// A resource is updated, and replaced in some cases.
    MayReplace,
    /// A resource is replaced.
    Replace,
    /// A resource is deleted, or retained if its `DeletionPolicy` says so.
    Remove,
}

impl Effect {
    /// Returns the name in JSON.
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
    /// Returns the comparison of two templates with the values of their parameters. `rendered` is the
    /// rendered text of the new template, if it was rendered. `names` are the names of the two sides.
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
            moved: Vec::new(),
            template: difference::differences(found, &effects, &mut places, after.template),
            limits: limits(before, after),
            code: Vec::new(),
            parameters: Vec::new(),
            tags: Vec::new(),
            settings: Vec::new(),
        }
    }

    /// Returns how many template entries, parameters, tags, settings and logical ids differ. Resources that change
    /// only because of others are not counted.
    pub fn count(&self) -> usize {
        let entries = self.template.iter().filter(|it| it.status.is_some());
        entries.count()
            + self.parameters.len()
            + self.tags.len()
            + self.settings.len()
            + self.moved.len()
    }

    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }

    /// Keeps only the entries with these names: logical ids and names of parameters, outputs and other
    /// entries. Removes the code, tag and setting changes.
    pub fn retain(&mut self, names: &[String]) {
        let is_named = |name: &str| names.iter().any(|it| it == name);
        self.template.retain(|it| it.name.is_some_and(is_named));
        self.parameters.retain(|it| is_named(&it.name));
        self.moved.retain(|it| is_named(&it.to));
        self.code.clear();
        self.tags.clear();
        self.settings.clear();
        self.only = names.to_vec();
    }
}

/// Returns the reasons why a prediction is uncertain.
fn limits(before: Side<'_>, after: Side<'_>) -> Vec<String> {
    let mut limits = Vec::new();
    let mut transforms: Vec<&str> = [before.template, after.template]
        .into_iter()
        .flat_map(Template::transforms)
        .collect();
    transforms.sort_unstable();
    transforms.dedup();
    for name in transforms {
        limits.push(format!("the transform `{name}` may change the resources"));
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
