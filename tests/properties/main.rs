//! Properties that hold for every input.
//!
//! proptest generates the values and shrinks those that fail. Every parser of user input is also
//! run on mutated seeds, with the functions that `fuzz/` runs too.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod change_sets;
mod charts;
mod events;
mod files;
mod garbage;
mod line_map;
mod mutations;
mod output_effects;
mod targets;
mod templates;
mod texts;
