//! Artifacts: packages folders as reproducible zips and compares zips file by file.

pub mod archive;
pub mod build_command;
pub mod code_diff;
pub mod digest;
pub mod package;
pub(crate) mod pip_log;
pub(crate) mod python;
pub mod requirements;
pub mod unbuilt;
pub mod unzip;
pub mod zip_reader;
