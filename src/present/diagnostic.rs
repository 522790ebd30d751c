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
    let mut by_source: Vec<(&SourceFile, Vec<(AnnotationKind, &Place)>)> = Vec::new();
    for (index, place) in places.iter().enumerate() {
        let kind = if index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let source: &SourceFile = &place.source;
        match by_source.iter_mut().find(|(known, _)| *known == source) {
            // A template that includes itself leads through one place again and again.
            Some((_, here)) if here.iter().any(|(_, known)| *known == place) => {}
            Some((_, here)) => here.push((kind, place)),
            None => by_source.push((source, vec![(kind, place)])),
        }
    }
    by_source
        .into_iter()
        .map(|(source, here)| snippet(source, &here))
        .collect()
}

fn snippet<'a>(
    source: &'a SourceFile,
    here: &[(AnnotationKind, &'a Place)],
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let spans: Vec<Range<usize>> = here
        .iter()
        .map(|(_, place)| first_line(&source.text, &place.span))
        .collect();
    let lines = lines_around(&source.text, &spans);
    let before = source.text.get(..lines.start).unwrap_or_default();
    let quoted = source.text.get(lines.clone()).unwrap_or_default();
    let mut snippet = Snippet::source(quoted)
        .line_start(before.matches('\n').count().saturating_add(1))
        .path(clean(&source.name));
    for ((kind, place), span) in here.iter().zip(spans) {
        let start = span.start.saturating_sub(lines.start);
        let mut annotation = kind.span(start..span.end.saturating_sub(lines.start));
        if !place.label.is_empty() {
            annotation = annotation.label(clean(&place.label));
        }
        snippet = snippet.annotation(annotation);
    }
    snippet
}

/// Returns the whole lines from the first to the last span. To look at no more of a text is what
/// keeps a long list of findings in a long text quick to draw.
fn lines_around(text: &str, spans: &[Range<usize>]) -> Range<usize> {
    let first = spans.iter().map(|span| span.start).min().unwrap_or(0);
    let last = spans.iter().map(|span| span.end).max().unwrap_or(first);
    let before = text.get(..first).unwrap_or_default();
    // Behind the final newline there is nothing to quote but the line before.
    let is_behind = first == text.len() && before.ends_with('\n');
    let before = if is_behind {
        before.trim_end_matches('\n')
    } else {
        before
    };
    let start = before.rfind('\n').map_or(0, |newline| newline + 1);
    let rest = text.get(last..).unwrap_or_default();
    let end = rest
        .find('\n')
        .map_or(text.len(), |newline| last.saturating_add(newline + 1));
    start..end
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
    fn a_place_far_down_is_quoted_with_its_own_line() {
        let text = (1..=5000).map(|line| format!("key{line} = 1\n"));
        let source = SourceFile::new("manifest.toml", text.collect::<String>());
        let end = source.text.len();
        let at = |key: &str| {
            let start = source.text.find(key).unwrap_or_default();
            start..start + key.len()
        };
        let finding = Diagnostic::error("a-rule", "is wrong", place(&source, at("key4711"), ""))
            .at(place(&source, at("key4709"), "unlike this"));
        let behind = Diagnostic::error("a-rule", "is missing", place(&source, end..end, ""));
        insta::assert_snapshot!(render(&[finding, behind], 80, false), @r"
        error[a-rule]: is wrong
            --> manifest.toml:4711:1
             |
        4709 | key4709 = 1
             | ------- unlike this
        4710 | key4710 = 1
        4711 | key4711 = 1
             | ^^^^^^^

        error[a-rule]: is missing
            --> manifest.toml:5000:13
             |
        5000 | key5000 = 1
             |            ^
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
