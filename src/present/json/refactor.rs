//! `stackctl.refactor/1`: the resources that a refactor renames, and how far it is.

use schemars::JsonSchema;
use serde::Serialize;

use super::plan::{MoveEntry, moved};
use crate::cloudformation::refactor::{Move, Refactor};
use crate::cloudformation::stack::Stack;

/// How a run of `refactor` ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// All resources have the ids that the manifest asks for.
    NothingToDo,
    /// The refactor was created and shown, and not executed.
    Shown,
    /// The resources have their new ids.
    Renamed,
}

/// The JSON document of a refactor.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RefactorDocument<'a> {
    #[schemars(extend("const" = "stackctl.refactor/1"))]
    schema: &'static str,
    stack: &'a str,
    stack_id: Option<&'a str>,
    outcome: Outcome,
    /// The id of the refactor; null if there was nothing to do.
    refactor_id: Option<&'a str>,
    moved: Vec<MoveEntry<'a>>,
}

impl<'a> RefactorDocument<'a> {
    /// Returns the document of a refactor of a stack.
    pub fn of(
        stack: &'a Stack,
        outcome: Outcome,
        refactor: &'a Refactor,
        moves: &'a [Move],
    ) -> Self {
        Self {
            outcome,
            refactor_id: Some(&refactor.id),
            moved: moves.iter().map(moved).collect(),
            ..Self::of_nothing(&stack.name, Some(stack))
        }
    }

    /// Returns the document of a stack with nothing to rename; `stack` is `None` if it was not read.
    pub fn of_nothing(name: &'a str, stack: Option<&'a Stack>) -> Self {
        Self {
            schema: "stackctl.refactor/1",
            stack: name,
            stack_id: stack.map(|stack| stack.id.as_str()),
            outcome: Outcome::NothingToDo,
            refactor_id: None,
            moved: Vec::new(),
        }
    }
}
