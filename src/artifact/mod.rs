//! Artifacts: folders packaged as reproducible zips, and zips compared file by file.

pub mod archive;
pub mod code_diff;
pub mod digest;
pub mod package;
