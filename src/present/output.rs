//! What a command prints to stdout: at once, or kept until the output of the stacks before it was printed.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;

use serde::Serialize;
use serde_json::{Map, Value};

use super::html::page::{self, Article};
use super::markdown::comment::Comment;
use super::streams::Streams;
use crate::error::{Error, Result};

/// A part of the output that was kept.
#[derive(Debug, Clone)]
pub enum Part {
    /// Text for people, with styles.
    Text(String),
    /// Text for a program, such as a template.
    Exact(String),
    /// Text for a comment on a pull request.
    Comment(Comment),
    /// One JSON document.
    Document(Value),
    /// What a page says about the stack.
    Page(Box<Article>),
}

impl Part {
    /// Returns whether nothing would be printed.
    pub fn is_empty(&self) -> bool {
        match self {
            Self::Text(text) | Self::Exact(text) => text.is_empty(),
            Self::Comment(_) | Self::Document(_) | Self::Page(_) => false,
        }
    }
}

/// Where the output of one of several stacks goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberOutput {
    /// It is kept, and [taken](super::Presenter::take_output) at the end.
    Kept,
    /// Each line is printed at once, with the name of its stack.
    Lines,
}

/// What a command prints to stdout.
#[derive(Debug, Clone)]
pub(super) struct Output {
    target: Target,
    /// The first error of a write to stdout.
    write_error: Rc<RefCell<Option<io::Error>>>,
    /// Whether the reader of stdout has closed its pipe.
    is_closed: Rc<Cell<bool>>,
}

#[derive(Debug, Clone)]
enum Target {
    Direct,
    Kept(Rc<RefCell<Vec<Part>>>),
    /// Lines with the name of the stack, and JSON objects with these members first.
    Lines(Map<String, Value>),
}

impl Output {
    /// Returns the output of a command on one stack.
    pub(super) fn direct() -> Self {
        Self {
            target: Target::Direct,
            write_error: Rc::default(),
            is_closed: Rc::default(),
        }
    }

    /// Returns the output of a command on one of several stacks. `names` are the members that a line of JSON
    /// begins with.
    pub(super) fn of_member(&self, kind: MemberOutput, names: Map<String, Value>) -> Self {
        Self {
            target: match kind {
                MemberOutput::Kept => Target::Kept(Rc::default()),
                MemberOutput::Lines => Target::Lines(names),
            },
            write_error: Rc::clone(&self.write_error),
            is_closed: Rc::clone(&self.is_closed),
        }
    }

    /// Returns what was kept.
    pub(super) fn take(&self) -> Vec<Part> {
        match &self.target {
            Target::Kept(parts) => parts.take(),
            _ => Vec::new(),
        }
    }

    pub(super) fn data(&self, streams: &Streams, text: &str) {
        match &self.target {
            Target::Direct => self.keep_error(streams.data(text)),
            Target::Kept(parts) => parts.borrow_mut().push(Part::Text(text.to_owned())),
            Target::Lines(_) => self.keep_error(streams.data(&streams.prefixed(text))),
        }
    }

    pub(super) fn exact_data(&self, streams: &Streams, text: &str) {
        match &self.target {
            Target::Direct => self.keep_error(streams.exact_data(text)),
            Target::Kept(parts) => parts.borrow_mut().push(Part::Exact(text.to_owned())),
            Target::Lines(_) => self.keep_error(streams.data(&streams.prefixed(text))),
        }
    }

    pub(super) fn page(&self, streams: &Streams, article: Article) {
        match &self.target {
            Target::Kept(parts) => parts.borrow_mut().push(Part::Page(Box::new(article))),
            Target::Direct | Target::Lines(_) => {
                self.keep_error(streams.page(&page::page(&article)));
            }
        }
    }

    pub(super) fn document(&self, streams: &Streams, document: &str) {
        self.keep_error(streams.page(document));
    }

    pub(super) fn comment(&self, streams: &Streams, comment: Comment) {
        match &self.target {
            Target::Kept(parts) => parts.borrow_mut().push(Part::Comment(comment)),
            _ => self.data(streams, &comment.text),
        }
    }

    pub(super) fn json(&self, streams: &Streams, document: &impl Serialize) -> Result<()> {
        match &self.target {
            Target::Direct => {
                let text = serde_json::to_string_pretty(document).map_err(not_json)?;
                self.keep_error(streams.json(&(text + "\n")));
            }
            Target::Kept(parts) => {
                let value = serde_json::to_value(document).map_err(not_json)?;
                parts.borrow_mut().push(Part::Document(value));
            }
            Target::Lines(_) => self.json_line(streams, document)?,
        }
        Ok(())
    }

    pub(super) fn json_line(&self, streams: &Streams, document: &impl Serialize) -> Result<()> {
        let text = match &self.target {
            Target::Lines(names) => {
                let value = serde_json::to_value(document).map_err(not_json)?;
                serde_json::to_string(&with_names(names, value)).map_err(not_json)?
            }
            _ => serde_json::to_string(document).map_err(not_json)?,
        };
        self.keep_error(streams.json(&(text + "\n")));
        Ok(())
    }

    /// Returns the first error of a write.
    pub(super) fn take_error(&self) -> Option<io::Error> {
        self.write_error.take()
    }

    pub(super) fn is_closed(&self) -> bool {
        self.is_closed.get()
    }

    fn keep_error(&self, written: io::Result<()>) {
        match written {
            // A reader that closes its pipe has read enough.
            Err(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                self.write_error.borrow_mut().get_or_insert(error);
            }
            Err(_) => self.is_closed.set(true),
            Ok(()) => {}
        }
    }
}

/// Returns a document with the names of its stack after its schema.
fn with_names(names: &Map<String, Value>, document: Value) -> Value {
    let Value::Object(mut members) = document else {
        return document;
    };
    let mut all = Map::new();
    if let Some(schema) = members.shift_remove("schema") {
        all.insert("schema".to_owned(), schema);
    }
    all.extend(names.clone());
    for (name, value) in members {
        // What the document says about itself holds.
        all.insert(name, value);
    }
    Value::Object(all)
}

fn not_json(error: serde_json::Error) -> Error {
    Error::system("cannot write JSON", error)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use serde_json::json;

    use super::with_names;

    #[test]
    fn a_line_names_its_stack_after_the_schema() {
        let names = json!({ "stack": "app", "environment": "dev" });
        let line = with_names(
            names.as_object().unwrap(),
            json!({ "schema": "stackctl.event/1", "status": "X" }),
        );
        assert_eq!(
            line.to_string(),
            r#"{"schema":"stackctl.event/1","stack":"app","environment":"dev","status":"X"}"#
        );
        assert_eq!(
            with_names(names.as_object().unwrap(), json!([1])),
            json!([1])
        );
    }
}
