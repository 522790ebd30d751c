//! The saved plans of several stacks, in one file.
//!
//! The file holds the plan of each stack, in the order of the graph, as the file of one stack would. It ends
//! with a digest of its content, too.

use std::path::Path;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    PlanFile, SCHEMA_OF_STACKS, changed, check_digest, digest_of, read_text, schema_of, write_text,
};
use crate::error::Result;

/// The saved plans of several stacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlanFiles {
    #[schemars(extend("const" = "stackctl.plan-files/1"))]
    schema: String,
    /// The plans, in the order of the graph.
    pub stacks: Vec<StackPlan>,
    /// The SHA-256 of all fields above.
    digest: String,
}

/// The saved plan of one of several stacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StackPlan {
    /// The stack's key in `[stacks]`; `None` in a project of one stack.
    pub stack: Option<String>,
    /// Its plan.
    pub plan: PlanFile,
}

/// What a file of saved plans holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SavedFile {
    /// The plan of one stack.
    OfStack(Box<PlanFile>),
    /// The plans of several stacks.
    OfStacks(PlanFiles),
}

impl SavedFile {
    /// Reads a file of saved plans.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, and the errors of [`PlanFile::parse`] and [`PlanFiles::parse`].
    pub fn read(path: &Path) -> Result<Self> {
        let shown = path.display().to_string();
        let text = read_text(path)?;
        if schema_of(&text).as_deref() == Some(SCHEMA_OF_STACKS) {
            return PlanFiles::parse(&text, &shown).map(Self::OfStacks);
        }
        let plan = PlanFile::parse(&text, &shown)?;
        Ok(Self::OfStack(Box::new(plan)))
    }
}

impl PlanFiles {
    /// Returns the file for these plans.
    ///
    /// # Errors
    ///
    /// If they cannot be written as JSON.
    pub fn new(stacks: Vec<StackPlan>) -> Result<Self> {
        let mut file = Self {
            schema: SCHEMA_OF_STACKS.to_owned(),
            stacks,
            digest: String::new(),
        };
        file.digest = file.computed_digest()?;
        Ok(file)
    }

    /// Parses the content of a file. `shown` is the name of the file in error messages.
    ///
    /// # Errors
    ///
    /// Refused if the text does not match its own digest, or if one of the plans does not.
    pub fn parse(text: &[u8], shown: &str) -> Result<Self> {
        let file: Self = serde_json::from_slice(text).map_err(|error| changed(&error, shown))?;
        check_digest(&file.digest, &file.computed_digest()?, shown)?;
        for entry in &file.stacks {
            entry.plan.check_digest(shown)?;
        }
        Ok(file)
    }

    /// Writes the file atomically. Only its owner can read it.
    ///
    /// # Errors
    ///
    /// The errors of [`PlanFile::check_writable`].
    pub fn write(&self, path: &Path) -> Result<()> {
        write_text(self, path)
    }

    fn computed_digest(&self) -> Result<String> {
        let unsigned = Self {
            digest: String::new(),
            ..self.clone()
        };
        digest_of(&unsigned)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::PlanFiles;

    #[test]
    fn a_changed_file_is_refused() {
        let file = PlanFiles::new(Vec::new()).unwrap();
        let text = serde_json::to_string(&file).unwrap();
        assert_eq!(PlanFiles::parse(text.as_bytes(), "p").unwrap(), file);
        let changed = text.replace("\"stacks\":[]", "\"stacks\":[ ],\"more\":1");
        let error = PlanFiles::parse(changed.as_bytes(), "p").unwrap_err();
        assert!(error.to_string().contains("was changed"));
        let other = text.replace(&file.digest, "0");
        let error = PlanFiles::parse(other.as_bytes(), "p").unwrap_err();
        assert!(error.to_string().contains("its own digest"));
    }
}
