//! Reads the tags of a Jinja source before the engine does.
//!
//! The engine reports an unclosed tag, block or string at the end of the text, and it drops a comment
//! without a word, even if the comment began in the middle of a shell script. This scan finds both at
//! the place where they begin. It also hides dynamic references such as `{{resolve:ssm:/name}}`, which
//! belong to CloudFormation, from the engine: a private character of the same length replaces their
//! opening braces, so that every byte offset stays valid.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::limits::{DEPTH, LIMIT};
use super::{code, comment};
use crate::diagnostic::{Diagnostic, Place, SourceFile};

/// The delimiters that the engine reads, and the private control characters that hide them from the
/// engine. Each pair has the same length in bytes.
const HIDDEN: [(&str, &str); 3] = [("{{", "\u{91}"), ("{%", "\u{92}"), ("{#", "\u{93}")];

/// The start of a dynamic reference.
const REFERENCE: &str = "{{resolve:";

/// The help for a delimiter that is meant as text.
pub(super) const LITERAL: &str =
    "if it is meant as text, put the text between `{% raw %}` and `{% endraw %}`";

/// The statements that an `end` statement of the same name closes. `set` is one of them if it assigns
/// nothing.
const BLOCKS: [&str; 9] = [
    "autoescape",
    "block",
    "call",
    "filter",
    "for",
    "if",
    "macro",
    "set",
    "with",
];

/// The tags of a source.
#[derive(Debug, Default)]
pub(super) struct Tags {
    /// The tags in the order of the text, without comments and raw blocks.
    pub(super) tags: Vec<Tag>,
    /// The opening braces of dynamic references.
    references: Vec<usize>,
}

/// A `{{ … }}` or `{% … %}`.
#[derive(Debug, Clone)]
pub(super) struct Tag {
    /// The byte range with the delimiters.
    pub(super) span: Range<usize>,
    /// The byte range between the delimiters.
    pub(super) code: Range<usize>,
    /// Whether it is a statement.
    pub(super) is_statement: bool,
    /// Whether it contains a `=` outside brackets.
    assigns: bool,
}

impl Tag {
    /// Returns the first word of a statement.
    fn keyword<'a>(&self, text: &'a str) -> &'a str {
        code::word(text.get(self.code.clone()).unwrap_or_default().trim_start())
    }
}

impl Tags {
    /// Returns the text for the engine: the same text with hidden dynamic references.
    pub(super) fn hide_references<'a>(&self, text: &'a str) -> Cow<'a, str> {
        if self.references.is_empty() {
            return Cow::Borrowed(text);
        }
        let (shown, hidden) = HIDDEN[0];
        let mut out = String::with_capacity(text.len());
        let mut done = 0;
        for start in &self.references {
            out.push_str(text.get(done..*start).unwrap_or_default());
            out.push_str(hidden);
            done = start + shown.len();
        }
        out.push_str(text.get(done..).unwrap_or_default());
        Cow::Owned(out)
    }

    /// Returns the strings in each statement that opens another file.
    pub(super) fn included<'a>(&self, text: &'a str) -> Vec<Vec<&'a str>> {
        let opens = |tag: &&Tag| {
            tag.is_statement
                && matches!(tag.keyword(text), "include" | "import" | "from" | "extends")
        };
        let opening = self.tags.iter().filter(opens);
        opening
            .map(|tag| code::strings(text.get(tag.code.clone()).unwrap_or_default()))
            .collect()
    }

    /// Returns the tag around a byte offset.
    pub(super) fn around(&self, offset: usize) -> Option<&Tag> {
        self.tags.iter().find(|tag| tag.span.contains(&offset))
    }
}

/// Returns the text with all delimiters hidden, so that the engine copies it as it is.
pub(super) fn hide_all(text: &str) -> String {
    let mut out = text.to_owned();
    for (shown, hidden) in HIDDEN {
        out = out.replace(shown, hidden);
    }
    out
}

/// Returns the rendered text with every hidden delimiter in its place.
pub(super) fn reveal(mut text: String) -> String {
    for (shown, hidden) in HIDDEN {
        if text.contains(hidden) {
            text = text.replace(hidden, shown);
        }
    }
    text
}

/// Returns the first private character in a text, which could not be told from a hidden delimiter.
pub(super) fn private_character(text: &str) -> Option<Range<usize>> {
    let starts = HIDDEN.iter().filter_map(|(_, hidden)| text.find(hidden));
    let start = starts.min()?;
    Some(start..start + HIDDEN[0].1.len())
}

/// Reads the tags of a source. Stops at what only the engine can explain.
///
/// # Errors
///
/// If a delimiter, a block or a string is not closed, if a comment contains what looks like a part of
/// the template, or if the text contains a private character.
pub(super) fn scan(source: &Arc<SourceFile>) -> Result<Tags, Diagnostic> {
    let mut scanner = Scanner {
        source,
        text: &source.text,
        tags: Tags::default(),
        open: Vec::new(),
        long_string: None,
        elifs: 0,
    };
    if let Some(span) = private_character(&source.text) {
        let place = scanner.place(span);
        return Err(Diagnostic::error(
            "template-syntax",
            "a private control character in the template",
            place,
        )
        .help("remove the character: YAML does not allow it either"));
    }
    scanner.run()?;
    Ok(scanner.tags)
}

/// Whether the scan goes on.
enum Next {
    /// From this byte.
    At(usize),
    /// No: the engine reports the error.
    Engine,
}

struct Scanner<'a> {
    source: &'a Arc<SourceFile>,
    text: &'a str,
    tags: Tags,
    /// The open blocks: the name and the place of the opening tag.
    open: Vec<(&'a str, Range<usize>)>,
    /// The first string over several lines with a closing delimiter in it: probably not closed.
    long_string: Option<usize>,
    /// The number of `elif` tags.
    elifs: usize,
}

impl<'a> Scanner<'a> {
    fn run(&mut self) -> Result<(), Diagnostic> {
        let mut at = 0;
        while let Some(start) = self.rest(at).find('{').map(|found| at + found) {
            let rest = self.rest(start);
            let next = if rest.starts_with(REFERENCE) {
                self.reference(start)?
            } else if rest.starts_with("{{") && !rest.starts_with("{{{resolve:") {
                self.tag(start, false)?
            } else if rest.starts_with("{%") {
                match raw_tag(self.rest(start + 2), "raw") {
                    Some(length) => self.raw(start, start + 2 + length)?,
                    None => self.tag(start, true)?,
                }
            } else if rest.starts_with("{#") {
                self.comment(start)?
            } else {
                Next::At(start + 1)
            };
            match next {
                Next::At(next) => at = next,
                Next::Engine => return Ok(()),
            }
        }
        match self.open.pop() {
            Some((name, span)) => Err(self.unclosed_block(name, span, None)),
            None => Ok(()),
        }
    }

    fn rest(&self, at: usize) -> &'a str {
        self.text.get(at..).unwrap_or_default()
    }

    /// Reads the start of a dynamic reference. Its name may contain tags, so its end is text.
    fn reference(&mut self, start: usize) -> Result<Next, Diagnostic> {
        let line = self.rest(start).lines().next().unwrap_or_default();
        if !ends_reference(line) {
            let problem = self.error("the dynamic reference is not closed", self.line(start));
            return Err(problem.help("close it with `}}` on the same line"));
        }
        self.tags.references.push(start);
        Ok(Next::At(start + REFERENCE.len()))
    }

    fn raw(&mut self, start: usize, body: usize) -> Result<Next, Diagnostic> {
        let mut at = body;
        while let Some(found) = self.rest(at).find("{%") {
            at += found + 2;
            if let Some(length) = raw_tag(self.rest(at), "endraw") {
                return Ok(Next::At(at + length));
            }
        }
        let problem = self.error("`{% raw %}` is not closed", start..body);
        Err(problem.help("close it with `{% endraw %}`"))
    }

    fn comment(&mut self, start: usize) -> Result<Next, Diagnostic> {
        if let Some(written) = comment::literal(self.text, start) {
            return Err(self.literal_comment(start, &written));
        }
        let Some(length) = self.rest(start + 2).find("#}") else {
            let problem = self.error("the comment `{#` is not closed", self.line(start));
            return Err(problem.help("close it with `#}`").help(LITERAL));
        };
        let end = start + 2 + length + 2;
        let Some(message) = comment::swallowed(self.text, start..end) else {
            return Ok(Next::At(end));
        };
        let until = Place {
            source: Arc::clone(self.source),
            span: end - 2..end,
            label: "the comment ends here".to_owned(),
        };
        let place = self.place(start..start + 2);
        let problem = Diagnostic::error("template-comment", message, place);
        Err(problem.at(until).help(LITERAL))
    }

    fn literal_comment(&self, start: usize, written: &str) -> Diagnostic {
        let message = format!("`{{#` in `{written}` starts a comment of the template engine");
        Diagnostic::error("template-comment", message, self.place(start..start + 2)).help(format!(
            "write `{{% raw %}}{written}{{% endraw %}}`, or put all of the text between \
             `{{% raw %}}` and `{{% endraw %}}`"
        ))
    }

    /// Reads a tag as the engine does: a closing delimiter counts outside of strings and brackets.
    fn tag(&mut self, start: usize, is_statement: bool) -> Result<Next, Diagnostic> {
        let (opening, closing) = if is_statement {
            ("{%", "%}")
        } else {
            ("{{", "}}")
        };
        let bytes = self.text.as_bytes();
        let modifier = matches!(bytes.get(start + 2), Some(b'-' | b'+'));
        let code = start + 2 + usize::from(modifier);
        let mut brackets: Vec<usize> = Vec::new();
        let mut assigns = false;
        let mut at = code;
        while let Some(byte) = bytes.get(at) {
            let rest = bytes.get(at..).unwrap_or_default();
            if brackets.is_empty() && rest.starts_with(closing.as_bytes()) {
                let before = bytes.get(at - 1).filter(|_| at > code);
                let end = at - usize::from(matches!(before, Some(b'-' | b'+')));
                let tag = Tag {
                    span: start..at + 2,
                    code: code..end,
                    is_statement,
                    assigns,
                };
                self.check_depth(&tag)?;
                if is_statement {
                    self.statement(&tag)?;
                }
                self.tags.tags.push(tag);
                return Ok(Next::At(at + 2));
            }
            match byte {
                b'"' | b'\'' => match code::string_length(self.rest(at)) {
                    Some(length) => {
                        self.look_at_string(at..at + length);
                        at += length;
                        continue;
                    }
                    None => return Err(self.unclosed_string(at)),
                },
                b'{' if matches!(bytes.get(at + 1), Some(b'{' | b'%' | b'#')) => {
                    return Err(self.unclosed(start, opening, closing));
                }
                b'(' | b'[' | b'{' => brackets.push(at),
                b')' | b']' | b'}' => match brackets.pop() {
                    Some(open) if closes(bytes.get(open).copied(), *byte) => {}
                    Some(open) => {
                        let span = open..open + 1;
                        let written = self.text.get(span.clone()).unwrap_or_default();
                        let message = format!("`{written}` is not closed");
                        return Err(self.first_cause(self.error(message, span)));
                    }
                    None => return Ok(Next::Engine),
                },
                b'=' if brackets.is_empty() => {
                    let before = bytes.get(at - 1);
                    assigns |= bytes.get(at + 1) != Some(&b'=')
                        && !matches!(before, Some(b'=' | b'!' | b'<' | b'>'));
                }
                _ => {}
            }
            at += 1;
        }
        Err(self.unclosed(start, opening, closing))
    }

    /// Refuses what the engine would read with one function call inside another for each operator or
    /// branch.
    fn check_depth(&mut self, tag: &Tag) -> Result<(), Diagnostic> {
        let code = self.text.get(tag.code.clone()).unwrap_or_default();
        if code.len() > DEPTH && code::operators(code) > DEPTH {
            let message = format!("the expression has more than {DEPTH} operators");
            return Err(self.limit(message, self.line(tag.span.start)));
        }
        if tag.is_statement && tag.keyword(self.text) == "elif" {
            self.elifs += 1;
            if self.elifs > DEPTH {
                let message = format!("the template has more than {DEPTH} `elif` tags");
                return Err(self.limit(message, tag.span.clone()));
            }
        }
        Ok(())
    }

    fn limit(&self, message: String, span: Range<usize>) -> Diagnostic {
        Diagnostic::error(LIMIT, message, self.place(span))
    }

    /// Opens or closes a block.
    fn statement(&mut self, tag: &Tag) -> Result<(), Diagnostic> {
        let keyword = tag.keyword(self.text);
        if BLOCKS.contains(&keyword) {
            if keyword != "set" || !tag.assigns {
                self.open.push((keyword, tag.span.clone()));
            }
            return Ok(());
        }
        let name = keyword.strip_prefix("end").unwrap_or_default();
        if !BLOCKS.contains(&name) {
            return Ok(());
        }
        match self.open.pop() {
            Some((open, _)) if open == name => Ok(()),
            Some((open, span)) if self.open.iter().any(|(outer, _)| *outer == name) => {
                Err(self.unclosed_block(open, span, Some(tag.span.clone())))
            }
            _ => {
                let message = format!("`{{% end{name} %}}` closes nothing: no `{name}` is open");
                let problem = self.error(message, tag.span.clone());
                Err(self.first_cause(problem))
            }
        }
    }

    fn look_at_string(&mut self, span: Range<usize>) {
        let string = self.text.get(span.clone()).unwrap_or_default();
        let is_suspect = string.contains('\n') && (string.contains("}}") || string.contains("%}"));
        if is_suspect && self.long_string.is_none() {
            self.long_string = Some(span.start);
        }
    }

    fn unclosed(&self, start: usize, opening: &str, closing: &str) -> Diagnostic {
        let message = format!("`{opening}` is not closed");
        let problem = self
            .error(message, self.line(start))
            .help(format!("close it with `{closing}`"))
            .help(LITERAL);
        self.first_cause(problem)
    }

    fn unclosed_string(&self, start: usize) -> Diagnostic {
        let problem = self.error("the string is not closed", self.line(start));
        self.first_cause(problem)
    }

    fn unclosed_block(
        &self,
        name: &str,
        span: Range<usize>,
        before: Option<Range<usize>>,
    ) -> Diagnostic {
        let message = format!("`{{% {name} … %}}` is not closed");
        let mut problem = self.error(message, span);
        if let Some(span) = before {
            problem = problem.at(Place {
                source: Arc::clone(self.source),
                span,
                label: format!("`{{% end{name} %}}` is missing before this"),
            });
        }
        self.first_cause(problem.help(format!("close it with `{{% end{name} %}}`")))
    }

    /// Returns the error for a string that was probably not closed, if one precedes the problem.
    fn first_cause(&self, problem: Diagnostic) -> Diagnostic {
        match self.long_string {
            Some(string) => self.error("the string is not closed", self.line(string)),
            None => problem,
        }
    }

    fn error(&self, message: impl Into<String>, span: Range<usize>) -> Diagnostic {
        Diagnostic::error("template-syntax", message, self.place(span))
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place {
            source: Arc::clone(self.source),
            span,
            label: String::new(),
        }
    }

    /// Returns the rest of the line from `start`.
    fn line(&self, start: usize) -> Range<usize> {
        let line = self.rest(start).lines().next().unwrap_or_default();
        start..start + line.trim_end().len()
    }
}

fn closes(open: Option<u8>, close: u8) -> bool {
    matches!(
        (open, close),
        (Some(b'('), b')') | (Some(b'['), b']') | (Some(b'{'), b'}')
    )
}

/// Returns the length of a `raw` or `endraw` tag without its `{%`.
fn raw_tag(tag: &str, name: &str) -> Option<usize> {
    let is_space = |byte: char| byte.is_ascii_whitespace();
    let code = tag.strip_prefix(['-', '+']).unwrap_or(tag);
    let rest = code.trim_start_matches(is_space).strip_prefix(name)?;
    let rest = rest.trim_start_matches(is_space);
    let rest = rest.strip_prefix(['-', '+']).unwrap_or(rest);
    let rest = rest.strip_prefix("%}")?;
    Some(tag.len() - rest.len())
}

/// Returns whether the dynamic reference at the start of the line ends on it. Its name may contain tags.
fn ends_reference(line: &str) -> bool {
    let mut depth = 0_usize;
    let mut rest = line;
    while let Some(at) = rest.find(['{', '}']) {
        rest = rest.get(at..).unwrap_or_default();
        let length = if rest.starts_with("{{") {
            depth += 1;
            2
        } else if rest.starts_with("}}") {
            depth = depth.saturating_sub(1);
            if depth == 0 {
                return true;
            }
            2
        } else {
            1
        };
        rest = rest.get(length..).unwrap_or_default();
    }
    false
}

#[cfg(test)]
mod tests;
