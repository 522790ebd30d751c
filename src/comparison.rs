//! What is deployed against what the files say, without asking CloudFormation to plan anything.

use crate::code::CodeChange;
use crate::plan::ValueChange;
use crate::template::diff::Diff;

/// The differences between a deployed stack and the files.
#[derive(Debug, Clone, PartialEq)]
pub struct Comparison<'a> {
    /// The templates' differences, deployed → desired.
    pub template: Diff<'a>,
    /// What differs in the code of the artifacts; their keys differ in the template too.
    pub code: Vec<CodeChange>,
    /// Parameters whose value differs.
    pub parameters: Vec<ValueChange>,
    /// Tags of the stack whose value differs.
    pub tags: Vec<ValueChange>,
    /// The stack's own settings that differ.
    pub settings: Vec<ValueChange>,
}

impl Comparison<'_> {
    /// Returns how many template entries, parameters, tags and settings differ.
    pub fn count(&self) -> usize {
        self.template.entries.len() + self.parameters.len() + self.tags.len() + self.settings.len()
    }

    /// Returns whether nothing differs.
    pub fn is_empty(&self) -> bool {
        self.count() == 0
    }
}
