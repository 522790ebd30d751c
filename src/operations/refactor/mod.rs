//! Renaming resources of a stack by CloudFormation's stack refactoring, as `moved` of the manifest asks.
//!
//! A refactor is created, checked and shown, and only then executed. It belongs to nobody's process: one
//! that a run has left behind is found again by the record in the cache folder, or by its description.

pub(crate) mod earlier;
pub(crate) mod execution;
pub(crate) mod request;

use crate::cloudformation::refactor::{Move, Refactor};

/// A refactor and what it moves.
#[derive(Debug)]
pub(crate) struct ShownRefactor {
    pub(crate) refactor: Refactor,
    pub(crate) moves: Vec<Move>,
}
