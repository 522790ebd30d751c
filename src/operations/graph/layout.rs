//! How the output of several stacks is put together.

use crate::present::html::page::PageKind;
use crate::present::json::stacks::Kind;

/// How the output of several stacks is put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Layout {
    /// A block for each stack, under a line that names the stack and its place.
    Blocks,
    /// A block for each stack, which names its place itself, under a line with the stack's key.
    PlacedBlocks,
    /// One JSON document that holds each stack's own.
    Json(Kind),
    /// One SARIF log with the findings in all stacks.
    Sarif,
    /// One comment with the text of each stack below one marker.
    Markdown,
    /// One page with an article for each stack.
    Html(PageKind),
    /// One YAML stream with a document for each stack.
    Templates,
    /// Lines as they come, each with the name of its stack.
    Lines,
}
