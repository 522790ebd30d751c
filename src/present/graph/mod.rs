//! The resource graph as text, Mermaid, DOT and SVG. All texts in it are hostile: each format escapes them
//! in one place.
//!
//! What happens by the plan is a sign in the label, as in a plan: color only repeats it.

mod dot;
mod label;
mod layout;
mod legend;
mod mermaid;
mod palette;
mod svg;
mod text;

pub use dot::dot;
pub use mermaid::mermaid;
pub use palette::style;
pub use svg::{Usage, svg};
pub use text::text;

#[cfg(test)]
mod tests;
