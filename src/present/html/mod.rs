//! Pages for a browser.
//!
//! A page is one file that needs no network. Every text in it is escaped by the type that writes it: see
//! [`markup`]. What is common to all pages is in [`page`].

mod change;
mod code;
mod danger;
pub mod diff;
mod document;
pub mod events;
mod item;
mod limits;
mod lines;
mod live;
pub mod markup;
pub mod page;
mod picture;
pub mod plan;
pub mod stack_set;
pub mod stacks;
mod value;

#[cfg(test)]
mod tests;
