//! The configuration: the manifest, the settings that result from it, and the project's files.

pub mod ambient;
pub(crate) mod cache;
pub mod manifest;
pub mod origin;
pub mod project;
pub mod secret;
pub mod settings;
