//! Parses YAML text into a [`Node`] and converts short-form functions to their long form.
//!
//! The parser is granit-parser, which reads YAML as libyaml does; this module converts its events to the
//! tree. Like CloudFormation, it rejects aliases, merge keys, a second document and unknown tags. It
//! collects all errors up to the first syntax error.

mod failure;

use std::borrow::Cow;
use std::ops::Range;

use granit_parser::{Event, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag, options};
use indexmap::map::Entry;

use super::intrinsic;
use super::node::{Map, Member, Node, Value, plain_value};
use super::syntax::{Findings, MAX_DEPTH, UNKNOWN_TAG};

/// The namespace of YAML's own tags, which are written `!!str`, `!!int` and so on.
const YAML_TAGS: &str = "tag:yaml.org,2002:";

/// Returns the parser's options for reading YAML as libyaml, the AWS CLI and cfn-lint do.
fn like_libyaml() -> Options {
    options! {
        block_scalar_eof_without_line_feed: true,
        bom_inside_document_as_content: true,
        // Every alias is reported, even if its anchor does not exist, and parsing continues.
        emit_unresolved_aliases: true,
    }
}

/// Reads the text, which is one YAML document. Errors go to `findings`; returns `None` if there is no
/// tree.
pub(super) fn parse(findings: &mut Findings<'_>) -> Option<Node> {
    let text: &str = &findings.source().text;
    let mut reader = Reader {
        text,
        parser: Parser::new_from_str_with_options(text, like_libyaml()),
        findings,
    };
    match reader.document() {
        Ok(node) => node,
        Err(Stop::Syntax(error)) => {
            failure::report(&error, findings);
            None
        }
        Err(Stop::Reported) => None,
    }
}

/// The reason why parsing stopped early.
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
    findings: &'f mut Findings<'s>,
}

impl<'a> Reader<'a, '_, '_> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        while let Some(next) = self.parser.next_event() {
            let (event, span) = next?;
            match event {
                Event::DocumentStart(..) if root.is_some() => {
                    let span = self.bytes(&span);
                    self.findings.error(
                        "multiple-documents",
                        "a template must be a single YAML document",
                        span,
                        Some("remove the `---` and the text after it"),
                    );
                    return Err(Stop::Reported);
                }
                Event::StreamStart
                | Event::StreamEnd
                | Event::DocumentStart(..)
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
        let bytes = self.bytes(span);
        if depth > MAX_DEPTH {
            self.findings.too_deep(bytes);
            return Err(Stop::Reported);
        }
        let (node, tag) = match event {
            Event::Scalar(text, style, _, tag) => {
                let value = scalar(text, style, tag.as_deref());
                let span = self.scalar_span(bytes, style);
                (Node { span, value }, tag)
            }
            Event::SequenceStart(_, _, tag) => {
                let (list, end) = self.list(&bytes, depth)?;
                let span = bytes.start..end;
                let value = Value::List(list);
                (Node { span, value }, tag)
            }
            Event::MappingStart(_, _, tag) => {
                let (map, end) = self.map(&bytes, depth)?;
                let span = bytes.start..end;
                let value = Value::Map(map);
                (Node { span, value }, tag)
            }
            Event::Alias(_) | Event::UnresolvedAlias(_) => {
                self.findings.error(
                    "yaml-alias",
                    "CloudFormation does not support aliases",
                    bytes.clone(),
                    Some("repeat the value, or generate it with the template engine"),
                );
                let value = Value::Null;
                (Node { span: bytes, value }, None)
            }
            _ => return Err(Stop::Reported),
        };
        let Some(tag) = tag else { return Ok(node) };
        let tag_span = span
            .tag_span()
            .map_or_else(|| node.span.clone(), |span| self.bytes(&span));
        Ok(self.tagged(&tag, tag_span, node))
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
                Entry::Occupied(mut entry) => {
                    let first = entry.get().key_span.clone();
                    self.findings.duplicate_key(entry.key(), &first, key_span);
                    entry.get_mut().node = node;
                }
                Entry::Vacant(entry) => {
                    entry.insert(Member { key_span, node });
                }
            }
        }
    }

    /// Reads a key. Returns `None` after reporting a key that is not a string.
    fn key(
        &mut self,
        event: Event<'a>,
        span: &Span,
        depth: usize,
    ) -> Result<(Option<String>, Range<usize>), Stop> {
        let bytes = self.bytes(span);
        let Event::Scalar(text, style, _, tag) = event else {
            let is_alias = event.is_alias();
            let node = self.node(event, span, depth + 1)?;
            if is_alias {
                return Ok((None, node.span));
            }
            self.findings.error(
                "invalid-key",
                format!("a key must be a string, but this is {}", node.noun()),
                node.span.clone(),
                None,
            );
            return Ok((None, node.span));
        };
        let plain = style == ScalarStyle::Plain;
        let problem = if plain && text == "<<" {
            Some((
                "merge-key",
                "CloudFormation does not support merge keys",
                "repeat the members, or generate them with the template engine",
            ))
        } else if plain && bytes.is_empty() {
            Some((
                "invalid-key",
                "the key is missing",
                "write a key before the `:`",
            ))
        } else if tag.as_deref().is_some_and(|tag| !is_string_tag(tag)) {
            Some((
                "invalid-key",
                "a key must be a string without a tag",
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

    /// Returns the function call for a node with a tag, or the node itself if the tag is YAML's own.
    /// A tag of another program becomes the only key of a map, so that it can be compared.
    fn tagged(&mut self, tag: &Tag, tag_span: Range<usize>, node: Node) -> Node {
        if is_non_specific(tag) {
            return node;
        }
        if let Some(name) = tag.suffix_in_namespace(YAML_TAGS) {
            if !tag.is_yaml_core_schema() {
                self.findings.error(
                    UNKNOWN_TAG,
                    format!("CloudFormation does not support the YAML tag `!!{name}`"),
                    tag_span.clone(),
                    None,
                );
                return foreign(format!("!!{name}"), tag_span, node);
            }
            return node;
        }
        let name = if tag.handle() == "!" {
            intrinsic::long_name(tag.suffix())
        } else {
            None
        };
        let Some(name) = name else {
            let written = self.text.get(tag_span.clone()).unwrap_or_default();
            let written = written.to_owned();
            let near = intrinsic::nearest_short_form(tag.suffix());
            self.findings.error(
                UNKNOWN_TAG,
                format!("`{written}` is not a CloudFormation function"),
                tag_span.clone(),
                near.map(|near| format!("did you mean `!{near}`?"))
                    .as_deref(),
            );
            return foreign(written, tag_span, node);
        };
        let span = tag_span.start..node.span.end;
        intrinsic::call(name, node, tag_span, span)
    }

    /// Returns the span of a scalar without the line breaks after a block scalar.
    fn scalar_span(&self, span: Range<usize>, style: ScalarStyle) -> Range<usize> {
        match style {
            ScalarStyle::Literal | ScalarStyle::Folded => {
                let text = self.text.get(span.clone()).unwrap_or("");
                span.start..span.start + text.trim_end().len()
            }
            _ => span,
        }
    }

    /// Returns the end of a collection: of its closing bracket in flow style, otherwise of its last child.
    fn collection_end(&self, last_child: usize, end: &Span) -> usize {
        let end = self.bytes(end);
        if end.is_empty() {
            last_child
        } else {
            last_child.max(end.end)
        }
    }

    /// Returns the byte range of a span. The parser always knows it for a text in memory.
    fn bytes(&self, span: &Span) -> Range<usize> {
        let end = self.text.len();
        span.byte_range().unwrap_or(end..end)
    }
}

/// Returns a value with the tag of another program, as a map with the tag as its only key.
fn foreign(tag: String, tag_span: Range<usize>, node: Node) -> Node {
    let span = tag_span.start..node.span.end.max(tag_span.end);
    let member = Member {
        key_span: tag_span,
        node,
    };
    Node {
        span,
        value: Value::Map(Map::from_iter([(tag, member)])),
    }
}

/// Returns the value of a scalar. The parser returns `~` as the text of a missing value.
fn scalar(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Value {
    // Text after a tag such as `!GetAZs` is a string, even if it is empty.
    let as_string = style != ScalarStyle::Plain
        || tag.is_some_and(|tag| !tag.is_yaml_core_schema() || is_string_tag(tag));
    if as_string {
        Value::String(text.into_owned())
    } else {
        plain_value(text)
    }
}

/// Returns whether the tag marks a string: `!!str` or `!`.
fn is_string_tag(tag: &Tag) -> bool {
    tag.is_yaml_core_schema_tag("str") || is_non_specific(tag)
}

fn is_non_specific(tag: &Tag) -> bool {
    tag.handle().is_empty() && tag.suffix() == "!"
}

#[cfg(test)]
mod tests;
