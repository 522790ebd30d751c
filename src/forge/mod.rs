//! Code forges: the comment of a run on the pull request or merge request that it is about.
//!
//! GitHub and GitLab are reached by their REST APIs. Which forge, project and request a run belongs to is
//! what the variables of its pipeline say.

mod api;
mod comment;
mod pipeline;
mod rest;

pub(crate) use comment::{Published, publish};
pub(crate) use pipeline::Pipeline;
pub(crate) use rest::Failure;
