//! Draws findings as `rustc` does: the message, the quoted line with a caret, and help below it.

use std::ops::Range;

use annotate_snippets::{
    AnnotationKind, Group, Level, Renderer, Snippet, normalize_untrusted_str as clean,
};

use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};

/// Columns that a line of help needs besides its text: the gutter and `= help: `.
const HELP_MARGIN: usize = 14;
/// Help is not wrapped narrower than this, in columns.
const HELP_MINIMUM: usize = 30;

/// Returns the findings as text, one below the other with an empty line between them, without a
/// final newline.
///
/// Quoted lines longer than `width` columns are trimmed around what is pointed at, and help is
/// wrapped. With `color` the text holds ANSI styles; it says the same without them.
pub fn render(diagnostics: &[Diagnostic], width: usize, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(width);
    let drawn: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| renderer.render(&[group(diagnostic, width)]))
        .collect();
    drawn.join("\n\n")
}

fn group(diagnostic: &Diagnostic, width: usize) -> Group<'_> {
    let level = match diagnostic.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let mut group = level
        .primary_title(clean(&diagnostic.message))
        .id(diagnostic.rule.as_ref())
        .elements(snippets(&diagnostic.places));
    for help in &diagnostic.help {
        let text = wrap(
            &clean(help),
            width.saturating_sub(HELP_MARGIN).max(HELP_MINIMUM),
        );
        group = group.element(Level::HELP.message(text));
    }
    group
}

/// Returns one snippet a text; the first place is the primary one.
fn snippets(places: &[Place]) -> Vec<Snippet<'_, annotate_snippets::Annotation<'_>>> {
    let mut by_source: Vec<(&SourceFile, Snippet<'_, _>)> = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let kind = if index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let mut annotation = kind.span(first_line(&place.source.text, &place.span));
        if !place.label.is_empty() {
            annotation = annotation.label(clean(&place.label));
        }
        let source: &SourceFile = &place.source;
        let known = by_source.iter().position(|(known, _)| *known == source);
        let (source, snippet) = match known {
            Some(position) => by_source.remove(position),
            None => (
                source,
                Snippet::source(source.text.as_str()).path(clean(&source.name)),
            ),
        };
        by_source.insert(
            known.unwrap_or(by_source.len()),
            (source, snippet.annotation(annotation)),
        );
    }
    by_source.into_iter().map(|(_, snippet)| snippet).collect()
}

/// Returns the part of a span that stands on its first line, on character boundaries: a caret below
/// one line says where, and a bracket down the whole of a long list would not say more.
fn first_line(text: &str, span: &Range<usize>) -> Range<usize> {
    let start = boundary(text, span.start);
    let end = boundary(text, span.end.max(start));
    let line = text.get(start..end).unwrap_or_default();
    let line = line.split_once('\n').map_or(line, |(line, _)| line);
    start..start.saturating_add(line.trim_end_matches('\r').len())
}

fn boundary(text: &str, offset: usize) -> usize {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset = offset.saturating_sub(1);
    }
    offset
}

/// Breaks text between words so that no line is wider than `width`, where that is possible.
fn wrap(text: &str, width: usize) -> String {
    let mut wrapped = String::new();
    let mut column: usize = 0;
    for word in text.split(' ') {
        let length = unicode_width::UnicodeWidthStr::width(word);
        if column > 0 && column.saturating_add(length).saturating_add(1) > width {
            wrapped.push('\n');
            column = 0;
        } else if !wrapped.is_empty() {
            wrapped.push(' ');
            column += 1;
        }
        wrapped.push_str(word);
        column += length;
    }
    wrapped
}

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;

    use super::render;
    use crate::diagnostic::{Diagnostic, Place, SourceFile};

    fn place(source: &Arc<SourceFile>, span: Range<usize>, label: &str) -> Place {
        Place {
            source: Arc::clone(source),
            span,
            label: label.to_owned(),
        }
    }

    #[test]
    fn places_in_one_text_share_a_snippet_and_others_follow() {
        let template = SourceFile::new("stack.yaml.j2", "A: 1\nB: !Ref C\nC: 2\n");
        let manifest = SourceFile::new("manifest.toml", "region = \"x\"\n");
        let finding = Diagnostic::warning("a-rule", "is odd", place(&template, 8..14, "here"))
            .at(place(&manifest, 9..12, "set here"))
            .at(place(&template, 0..1, "and there"))
            .help("do this");
        insta::assert_snapshot!(render(&[finding], 80, false), @r#"
    warning[a-rule]: is odd
     --> stack.yaml.j2:2:4
      |
    1 | A: 1
      | - and there
    2 | B: !Ref C
      |    ^^^^^^ here
      |
     ::: manifest.toml:1:10
      |
    1 | region = "x"
      |          --- set here
      |
      = help: do this
    "#);
    }

    #[test]
    fn long_lines_are_trimmed_and_help_is_wrapped() {
        let text = format!(
            "key = \"{}\" # wrong {}\n",
            "a".repeat(200),
            "b".repeat(200)
        );
        let start = text.find("wrong").unwrap_or_default();
        let source = SourceFile::new("manifest.toml", text);
        let finding = Diagnostic::error("a-rule", "is wrong", place(&source, start..start + 5, ""))
            .help("one two three four five six seven eight nine ten eleven twelve");
        insta::assert_snapshot!(render(&[finding], 60, false), @r#"
    error[a-rule]: is wrong
     --> manifest.toml:1:212
      |
    1 | ...aaaaaaaaaaaaaaaaaa" # wrong bbbbbbbbbbbbbbbbbbbbbb...
      |                          ^^^^^
      |
      = help: one two three four five six seven eight nine
              ten eleven twelve
    "#);
    }

    #[test]
    fn a_span_over_several_lines_is_drawn_on_its_first() {
        let source = SourceFile::new("manifest.toml", "a = [\r\n  1,\r\n  2,\r\n]\r\n");
        let finding = Diagnostic::error("a-rule", "is wrong", place(&source, 4..18, ""));
        insta::assert_snapshot!(render(&[finding], 80, false), @r"
    error[a-rule]: is wrong
     --> manifest.toml:1:5
      |
    1 | a = [
      |     ^
    ");
    }

    #[test]
    fn any_span_can_be_drawn() {
        for text in ["", "é", "a\nb", "\u{1b}[2J\0", "\t\u{202e}x\r\n"] {
            let source = SourceFile::new("x", text);
            for start in 0..8 {
                for end in 0..8 {
                    let finding =
                        Diagnostic::error("a-rule", "is\nwrong", place(&source, start..end, text));
                    let drawn = render(std::slice::from_ref(&finding), 1, false);
                    assert!(drawn.contains("a-rule"), "{text:?} {start}..{end}");
                    assert!(!drawn.contains('\u{1b}'), "{text:?} {start}..{end}");
                    let styled =
                        anstream::adapter::strip_str(&render(&[finding], 1, true)).to_string();
                    assert_eq!(drawn, styled, "colour says no more");
                }
            }
        }
    }
}
