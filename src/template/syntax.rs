//! Shared by the YAML and the JSON reader: diagnostics, and the limit of nesting.

use std::ops::Range;
use std::sync::Arc;

use crate::diagnostic::{Diagnostic, Place, SourceFile};

/// The maximum number of nested lists and maps in a template. CloudFormation documents no limit; real
/// templates have about 30 levels, and functions that recurse over the tree can handle this depth.
pub(super) const MAX_DEPTH: usize = 128;

/// The rule for duplicate keys.
pub(super) const DUPLICATE_KEY: &str = "duplicate-key";

/// The rule for tags that are not CloudFormation's.
pub(super) const UNKNOWN_TAG: &str = "unknown-tag";

/// Collects the errors in one text.
pub(super) struct Findings<'a> {
    source: &'a Arc<SourceFile>,
    found: Vec<Diagnostic>,
}

impl<'a> Findings<'a> {
    pub(super) fn new(source: &'a Arc<SourceFile>) -> Self {
        Self {
            source,
            found: Vec::new(),
        }
    }

    pub(super) fn source(&self) -> &'a SourceFile {
        self.source
    }

    pub(super) fn into_diagnostics(self) -> Vec<Diagnostic> {
        self.found
    }

    pub(super) fn error(
        &mut self,
        rule: &'static str,
        message: impl Into<String>,
        span: Range<usize>,
        help: Option<&str>,
    ) {
        let mut diagnostic = Diagnostic::error(rule, message, place(self.source, span, ""));
        diagnostic.help.extend(help.map(str::to_owned));
        self.found.push(diagnostic);
    }

    pub(super) fn too_deep(&mut self, span: Range<usize>) {
        self.error(
            "nesting-too-deep",
            format!("more than {MAX_DEPTH} levels of nesting"),
            span,
            None,
        );
    }

    pub(super) fn duplicate_key(&mut self, key: &str, first: &Range<usize>, second: Range<usize>) {
        self.found.push(
            Diagnostic::error(
                DUPLICATE_KEY,
                format!("the map has the key `{key}` twice"),
                place(self.source, second, "repeated here"),
            )
            .at(place(self.source, first.clone(), "first used here")),
        );
    }
}

/// Returns a place in `source`.
pub(super) fn place(
    source: &Arc<SourceFile>,
    span: Range<usize>,
    label: impl Into<String>,
) -> Place {
    Place {
        source: Arc::clone(source),
        span,
        label: label.into(),
    }
}
