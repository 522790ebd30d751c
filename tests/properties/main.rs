//! What holds for every input, not only for the examples that somebody thought of.
//!
//! Properties are tried on values that proptest makes up and, where one fails, makes as small as it
//! can. Everything that reads a file from outside is also run on mutated seeds, by the functions that
//! `fuzz/` runs on its own.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod change_sets;
mod events;
mod files;
mod line_map;
mod mutations;
mod targets;
mod templates;
mod texts;
