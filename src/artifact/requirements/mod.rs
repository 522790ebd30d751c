//! The Python packages of an artifact: its `requirements`.

/// The packages of each artifact.
#[derive(Debug, Clone, Default)]
pub struct Packages {}
