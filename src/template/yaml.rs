//! YAML text → [`Node`], with short-form intrinsic functions already long.
//!
//! The scanner and the grammar are saphyr-parser's; this module turns its events into the tree. It is
//! strict where CloudFormation is: no aliases, no merge keys, one document, only CloudFormation's own
//! tags. Everything else that is wrong is collected as well, up to the first error of the syntax
//! itself, after which nothing can be said.

use std::borrow::Cow;
use std::ops::Range;

use indexmap::map::Entry;
use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::intrinsic;
use super::node::{Map, Member, Node, Value, plain_value};
use super::syntax::{Findings, MAX_DEPTH};

/// Reads the text, which is one YAML document. What is wrong goes to `findings`; returns `None` where
/// there is no tree at all.
pub(super) fn parse(findings: &mut Findings<'_>) -> Option<Node> {
    let text: &str = &findings.source().text;
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str(text),
        offsets: Offsets::new(text),
        findings,
    };
    match reader.document() {
        Ok(node) => node,
        Err(Stop::Syntax(error)) => {
            reader.syntax_error(&error);
            None
        }
        Err(Stop::Reported) => None,
    }
}

/// Why the reading ended early.
enum Stop {
    Syntax(ScanError),
    Reported,
}

impl From<ScanError> for Stop {
    fn from(error: ScanError) -> Self {
        Self::Syntax(error)
    }
}

struct Reader<'a, 'f, 's> {
    text: &'a str,
    parser: Parser<'a, StrInput<'a>>,
    offsets: Offsets<'a>,
    findings: &'f mut Findings<'s>,
}

impl<'a> Reader<'a, '_, '_> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        while let Some(next) = self.parser.next_event() {
            let (event, span) = next?;
            match event {
                Event::DocumentStart(_) if root.is_some() => {
                    let span = self.offsets.span(&span);
                    self.findings.error(
                        "multiple-documents",
                        "a second YAML document, and a template is only one",
                        span,
                        Some("remove the `---` and what follows it"),
                    );
                    return Err(Stop::Reported);
                }
                Event::Nothing
                | Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(_)
                | Event::DocumentEnd => {}
                event => root = Some(self.node(event, &span, 0)?),
            }
        }
        Ok(root)
    }

    fn next(&mut self) -> Result<(Event<'a>, Span), Stop> {
        self.parser
            .next_event()
            .map_or(Err(Stop::Reported), |next| Ok(next?))
    }

    fn node(&mut self, event: Event<'a>, span: &Span, depth: usize) -> Result<Node, Stop> {
        let bytes = self.offsets.span(span);
        if depth > MAX_DEPTH {
            self.findings.error(
                "nesting-too-deep",
                format!("more than {MAX_DEPTH} levels of nesting"),
                bytes,
                None,
            );
            return Err(Stop::Reported);
        }
        match event {
            Event::Scalar(text, style, _, tag) => {
                let span = self.scalar_span(bytes, style);
                Ok(self.scalar(text, style, tag.as_deref(), span))
            }
            Event::SequenceStart(_, tag) => {
                let (list, end) = self.list(&bytes, depth)?;
                let node = Node {
                    span: bytes.start..end,
                    value: Value::List(list),
                };
                Ok(self.tagged(tag.as_deref(), node))
            }
            Event::MappingStart(_, tag) => {
                let (map, end) = self.map(&bytes, depth)?;
                let node = Node {
                    span: bytes.start..end,
                    value: Value::Map(map),
                };
                Ok(self.tagged(tag.as_deref(), node))
            }
            Event::Alias(_) => {
                self.findings.error(
                    "yaml-alias",
                    "an alias, which CloudFormation does not support",
                    bytes.clone(),
                    Some("write the value out, or let the template engine repeat it"),
                );
                Ok(Node {
                    span: bytes,
                    value: Value::Null,
                })
            }
            _ => Err(Stop::Reported),
        }
    }

    fn list(&mut self, start: &Range<usize>, depth: usize) -> Result<(Vec<Node>, usize), Stop> {
        let mut list = Vec::new();
        let mut end = start.end;
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok((list, self.collection_end(end, &span)));
            }
            let node = self.node(event, &span, depth + 1)?;
            end = end.max(node.span.end);
            list.push(node);
        }
    }

    fn map(&mut self, start: &Range<usize>, depth: usize) -> Result<(Map, usize), Stop> {
        let mut map = Map::new();
        let mut end = start.end;
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                return Ok((map, self.collection_end(end, &span)));
            }
            let (key, key_span) = self.key(event, &span, depth)?;
            let (event, span) = self.next()?;
            let node = self.node(event, &span, depth + 1)?;
            end = end.max(key_span.end).max(node.span.end);
            let Some(key) = key else { continue };
            match map.entry(key) {
                Entry::Occupied(entry) => {
                    let first = entry.get().key_span.clone();
                    self.findings.duplicate_key(entry.key(), &first, key_span);
                }
                Entry::Vacant(entry) => {
                    entry.insert(Member { key_span, node });
                }
            }
        }
    }

    /// Reads a key. `None` where it is not one; that is reported already.
    fn key(
        &mut self,
        event: Event<'a>,
        span: &Span,
        depth: usize,
    ) -> Result<(Option<String>, Range<usize>), Stop> {
        let bytes = self.offsets.span(span);
        let Event::Scalar(text, style, _, tag) = event else {
            let node = self.node(event, span, depth + 1)?;
            self.findings.error(
                "invalid-key",
                format!("{} as a key; keys are strings", node.noun()),
                node.span.clone(),
                None,
            );
            return Ok((None, node.span));
        };
        let plain = style == ScalarStyle::Plain;
        let problem = if plain && text == "<<" {
            Some((
                "merge-key",
                "a merge key, which CloudFormation does not support",
                "write the members out, or let the template engine repeat them",
            ))
        } else if plain && text.is_empty() {
            Some((
                "invalid-key",
                "the key is missing",
                "write a key before the `:`",
            ))
        } else if tag.as_deref().is_some_and(|tag| !is_string_tag(tag)) {
            Some((
                "invalid-key",
                "a key with a tag; keys are strings",
                "remove the tag",
            ))
        } else {
            None
        };
        if let Some((rule, message, help)) = problem {
            self.findings
                .error(rule, message, bytes.clone(), Some(help));
            return Ok((None, bytes));
        }
        Ok((Some(text.into_owned()), bytes))
    }

    fn scalar(
        &mut self,
        text: Cow<'a, str>,
        style: ScalarStyle,
        tag: Option<&Tag>,
        span: Range<usize>,
    ) -> Node {
        // A tag takes the place of guessing: what stands behind `!GetAZs` is text even where it is empty.
        let as_string = style != ScalarStyle::Plain
            || tag.is_some_and(|tag| !tag.is_yaml_core_schema() || is_string_tag(tag));
        let value = if as_string {
            Value::String(text.into_owned())
        } else {
            plain_value(text)
        };
        self.tagged(tag, Node { span, value })
    }

    /// Returns the call that a tag makes of its node, or the node itself for YAML's own tags.
    fn tagged(&mut self, tag: Option<&Tag>, node: Node) -> Node {
        let Some(tag) = tag else { return node };
        if is_non_specific(tag) {
            return node;
        }
        if tag.is_yaml_core_schema() {
            const SUPPORTED: [&str; 7] = ["str", "int", "float", "bool", "null", "seq", "map"];
            if !SUPPORTED.contains(&tag.suffix.as_str()) {
                self.findings.error(
                    "unknown-tag",
                    format!(
                        "the YAML tag `!!{}`, which CloudFormation does not support",
                        tag.suffix
                    ),
                    node.span.clone(),
                    None,
                );
            }
            return node;
        }
        let written = tag.to_string();
        let span = node.span.clone();
        let (tag_span, argument) = self.split_tag(&written, &span);
        let known = Some(tag).filter(|tag| tag.handle == "!");
        let Some(name) = known.and_then(|tag| intrinsic::long_name(&tag.suffix)) else {
            let near = intrinsic::nearest_short_form(&tag.suffix);
            self.findings.error(
                "unknown-tag",
                format!("`{written}` is no function of CloudFormation"),
                tag_span,
                near.map(|near| format!("there is `!{near}`")).as_deref(),
            );
            return node;
        };
        let argument = Node {
            span: argument,
            ..node
        };
        intrinsic::call(name, argument, tag_span, span)
    }

    /// Returns the bytes of the tag and those of the value behind it. The parser's span covers both,
    /// with an anchor and comments between them.
    fn split_tag(&self, written: &str, span: &Range<usize>) -> (Range<usize>, Range<usize>) {
        let text = self.text.get(span.clone()).unwrap_or("");
        let Some(tag) = text
            .find(written)
            .filter(|tag| *tag == 0 || text.starts_with('&'))
        else {
            return (span.clone(), span.clone());
        };
        let mut rest = text.get(tag + written.len()..).unwrap_or("").trim_start();
        while rest.starts_with('#') {
            rest = rest
                .split_once('\n')
                .map_or("", |(_, rest)| rest)
                .trim_start();
        }
        let tag = span.start + tag;
        (tag..tag + written.len(), span.end - rest.len()..span.end)
    }

    /// Returns the span of a scalar without the line breaks that follow a block scalar.
    fn scalar_span(&self, span: Range<usize>, style: ScalarStyle) -> Range<usize> {
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let text = self.text.get(span.clone()).unwrap_or("");
                span.start..span.start + text.trim_end().len()
            }
            _ => span,
        }
    }

    /// Returns where a collection ends: at its bracket in flow style, else where its last child does.
    fn collection_end(&self, last_child: usize, end: &Span) -> usize {
        let end = self.offsets.span(end);
        if end.is_empty() {
            last_child
        } else {
            last_child.max(end.end)
        }
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let at = self.offsets.byte(error.marker().index());
        let rest = self.text.get(at..).unwrap_or("");
        let next = rest.chars().next();
        let line = self
            .text
            .get(..at)
            .unwrap_or("")
            .rsplit('\n')
            .next()
            .unwrap_or("");
        let indented_by_tab = line.trim_start_matches(' ').starts_with('\t')
            || (line.trim().is_empty() && next == Some('\t'));
        let help = if indented_by_tab {
            Some("YAML is indented with spaces, never with tabs")
        } else if next == Some('%') || next == Some('@') || next == Some('`') {
            Some("a value that starts with this character must stand in quotes")
        } else if error.info() == "invalid indentation" {
            Some("within brackets too, a line is indented at least as far as the key before them")
        } else if error.info().contains("mapping values are not allowed") {
            Some("a value that contains `: ` must stand in quotes; or the line is indented too far")
        } else if error.info().contains("did not find expected key")
            || error.info().contains("could not find expected ':'")
            || error.info().contains("expected ':'")
        {
            Some("compare the indentation with the line above; does a key lack its `:`?")
        } else {
            None
        };
        let length = next.filter(|next| *next != '\n').map_or(0, char::len_utf8);
        self.findings.error(
            "yaml-syntax",
            format!("this is not YAML: {}", error.info()),
            at..at + length,
            help,
        );
    }
}

/// Returns whether the tag says that the scalar is a string: `!!str`, or `!` alone.
fn is_string_tag(tag: &Tag) -> bool {
    (tag.is_yaml_core_schema() && tag.suffix == "str") || is_non_specific(tag)
}

fn is_non_specific(tag: &Tag) -> bool {
    tag.handle.is_empty() && tag.suffix == "!"
}

/// Translates the scanner's positions, which count characters, into byte offsets.
struct Offsets<'a> {
    text: &'a str,
    /// The byte offset of every [`Offsets::STRIDE`]th character; empty where all are ASCII.
    marks: Vec<usize>,
}

impl<'a> Offsets<'a> {
    const STRIDE: usize = 16;

    fn new(text: &'a str) -> Self {
        let marks = if text.is_ascii() {
            Vec::new()
        } else {
            text.char_indices()
                .step_by(Self::STRIDE)
                .map(|(byte, _)| byte)
                .collect()
        };
        Self { text, marks }
    }

    fn byte(&self, character: usize) -> usize {
        if self.marks.is_empty() {
            return character.min(self.text.len());
        }
        let Some(&mark) = self.marks.get(character / Self::STRIDE) else {
            return self.text.len();
        };
        let rest = self.text.get(mark..).unwrap_or("");
        rest.char_indices()
            .nth(character % Self::STRIDE)
            .map_or(self.text.len(), |(byte, _)| mark + byte)
    }

    fn span(&self, span: &Span) -> Range<usize> {
        let start = self.byte(span.start.index());
        start..self.byte(span.end.index()).max(start)
    }
}
