//! Maps byte ranges of the rendered text to byte ranges of the template.
//!
//! The engine returns, for each range of the text, the range of the template that produced it. Literal
//! text maps byte by byte. The output of an expression maps to the expression. If the expression is a
//! plain dotted path, such as `vars.size`, the map also contains the manifest key of the
//! value. For loop variables, filters and macros it contains only the place in the template.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{OutputSpan, OutputSpanKind};

use crate::diagnostic::SourceFile;

/// The opened templates, by their name in the engine.
pub(super) type Sources = BTreeMap<String, Arc<SourceFile>>;

/// The names in the context of a template that are also keys of the manifest.
const ROOTS: [&str; 5] = [
    "project",
    "environment",
    "key_pair",
    "artifact_bucket",
    "allowed_ssh_cidrs",
];

/// The source of a range of the rendered text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Location {
    /// The template or an included template.
    pub source: Arc<SourceFile>,
    /// The byte range in the source.
    pub span: Range<usize>,
    /// The manifest key whose value was printed, such as `vars.size`; `None` if there is none.
    pub manifest_key: Option<String>,
}

/// The map from the rendered text to its sources.
#[derive(Debug, Clone, Default)]
pub(super) struct LineMap {
    /// The segments in the order of the text, without overlaps.
    segments: Vec<Segment>,
}

#[derive(Debug, Clone)]
struct Segment {
    output: Range<usize>,
    source: Arc<SourceFile>,
    span: Range<usize>,
    /// Whether the output is a copy of the source.
    literal: bool,
    manifest_key: Option<String>,
}

impl Segment {
    /// Returns the start in the source of the byte at `offset` in the text.
    fn start(&self, offset: usize) -> usize {
        if self.literal {
            let into = offset.saturating_sub(self.output.start);
            self.span.start.saturating_add(into).min(self.span.end)
        } else {
            self.span.start
        }
    }

    /// Returns the end in the source of a range that ends at `offset` in the text.
    fn end(&self, offset: usize) -> usize {
        if self.literal {
            self.start(offset)
        } else {
            self.span.end
        }
    }
}

impl LineMap {
    pub(super) fn new(spans: &[OutputSpan], sources: &Sources) -> Self {
        let segment = |span: &OutputSpan| {
            let source = sources.get(span.name())?;
            let literal = span.kind() == OutputSpanKind::Raw;
            let expression = source.text.get(span.source_range())?;
            Some(Segment {
                output: span.output_range(),
                source: Arc::clone(source),
                span: span.source_range(),
                literal,
                manifest_key: (!literal).then(|| manifest_key(expression)).flatten(),
            })
        };
        Self {
            segments: spans.iter().filter_map(segment).collect(),
        }
    }

    /// Returns the map of a text that is its own source.
    pub(super) fn identity(source: &Arc<SourceFile>) -> Self {
        let all = 0..source.text.len();
        let segment = Segment {
            output: all.clone(),
            source: Arc::clone(source),
            span: all,
            literal: true,
            manifest_key: None,
        };
        Self {
            segments: Vec::from_iter((!source.text.is_empty()).then_some(segment)),
        }
    }

    /// Returns the source of a range of the text; `None` if the text is empty.
    pub(super) fn locate(&self, rendered: Range<usize>) -> Option<Location> {
        let first = self.find(rendered.start)?;
        let start = first.start(rendered.start);
        let end = self
            .find(rendered.end.saturating_sub(1).max(rendered.start))
            .filter(|last| Arc::ptr_eq(&last.source, &first.source))
            .map(|last| last.end(rendered.end))
            .filter(|end| *end >= start)
            .unwrap_or_else(|| end_of_line(first, start));
        let end = if rendered.is_empty() { start } else { end };
        let manifest_key = self
            .segments
            .iter()
            .skip_while(|segment| segment.output.end <= rendered.start)
            .take_while(|segment| {
                segment.output.start < rendered.end.max(rendered.start.saturating_add(1))
            })
            .find_map(|segment| segment.manifest_key.clone());
        Some(Location {
            source: Arc::clone(&first.source),
            span: start..end,
            manifest_key,
        })
    }

    /// Returns the segment of the byte at `offset`, or the last segment if `offset` is after the end.
    fn find(&self, offset: usize) -> Option<&Segment> {
        let index = self
            .segments
            .partition_point(|segment| segment.output.end <= offset);
        self.segments.get(index).or(self.segments.last())
    }
}

/// Returns the end of the line that contains `start`, at most the end of the segment.
fn end_of_line(segment: &Segment, start: usize) -> usize {
    let rest = segment
        .source
        .text
        .get(start..segment.span.end)
        .unwrap_or_default();
    start + rest.find('\n').unwrap_or(rest.len())
}

/// Returns the manifest key of a plain dotted path; `None` for any other expression.
fn manifest_key(expression: &str) -> Option<String> {
    let is_name = |part: &str| {
        let mut characters = part.chars();
        characters
            .next()
            .is_some_and(|first| first.is_alphabetic() || first == '_')
            && characters.all(|other| other.is_alphanumeric() || other == '_')
    };
    let path = expression.trim();
    if !path.split('.').all(is_name) {
        return None;
    }
    match path.split_once('.') {
        Some(("vars" | "parameters", _)) => Some(path.to_owned()),
        Some(("artifacts", rest)) => rest
            .strip_suffix(".key")
            .map(|name| format!("artifacts.{name}.path")),
        None if path == "allowed_ssh_cidrs" => Some("allowed_ssh_cidr".to_owned()),
        None if ROOTS.contains(&path) => Some(path.to_owned()),
        _ => None,
    }
}
