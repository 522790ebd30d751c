//! Finds the line of a difference in the file that the user edits.

use std::collections::HashMap;
use std::sync::Arc;

use crate::diagnostic::SourceFile;
use crate::template::Template;
use crate::template::diff::Starts;
use crate::template::render::RenderedTemplate;

/// The location of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// The path of the file, or another name of the text.
    pub file: Arc<str>,
    /// The line, from 1.
    pub line: usize,
    /// The manifest key that provides the value, such as `vars.size`.
    pub manifest_key: Option<String>,
}

/// Finds lines in the texts of the two templates.
pub(super) struct Places<'a> {
    before: &'a Arc<SourceFile>,
    after: &'a Arc<SourceFile>,
    rendered: Option<&'a RenderedTemplate>,
    /// The name and the offsets of the line breaks of each text, by its address.
    texts: HashMap<*const SourceFile, (Arc<str>, Vec<usize>)>,
}

impl<'a> Places<'a> {
    pub(super) fn new(
        before: &'a Template,
        after: &'a Template,
        rendered: Option<&'a RenderedTemplate>,
    ) -> Self {
        Self {
            before: before.source(),
            after: after.source(),
            rendered,
            texts: HashMap::new(),
        }
    }

    /// Returns the places before and after.
    pub(super) fn of(&mut self, starts: Starts) -> [Option<Place>; 2] {
        [
            starts.before.map(|start| self.place(self.before, start)),
            starts.after.map(|start| self.after(start)),
        ]
    }

    fn after(&mut self, start: usize) -> Place {
        // The manifest key is the one whose value is on the same line.
        let text = self.after.text.get(start..).unwrap_or_default();
        let end = start + text.find('\n').unwrap_or(text.len());
        let Some(found) = self.rendered.and_then(|it| it.locate(start..end)) else {
            return self.place(self.after, start);
        };
        Place {
            manifest_key: found.manifest_key,
            ..self.place(&found.source, found.span.start)
        }
    }

    fn place(&mut self, source: &Arc<SourceFile>, start: usize) -> Place {
        let (file, breaks) = self.texts.entry(Arc::as_ptr(source)).or_insert_with(|| {
            let breaks = source.text.match_indices('\n').map(|(at, _)| at);
            (source.name.as_str().into(), breaks.collect())
        });
        Place {
            file: Arc::clone(file),
            line: breaks.partition_point(|at| *at < start) + 1,
            manifest_key: None,
        }
    }
}
