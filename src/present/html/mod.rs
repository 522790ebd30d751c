//! Pages for a browser.
//!
//! A page is one file that needs no network. Every text in it is escaped by the type that writes it: see
//! [`markup`].

pub mod events;
pub mod markup;
pub mod page;
