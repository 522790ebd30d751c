//! Findings as text in the style of `rustc`: the message, the source line with carets, and the help.

use std::ops::Range;

use annotate_snippets::{AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};
use crate::present::visible::{one_line, visible};
use crate::present::wrap;

/// The columns before the text of a help line: the gutter and `= help: `.
const HELP_MARGIN: usize = 14;
/// The minimum width of wrapped help, in columns.
const HELP_MIN_WIDTH: usize = 30;

/// Returns the findings as text, separated by empty lines, without a final newline.
///
/// Source lines wider than `width` columns are trimmed around the marked part, and help is wrapped. If
/// `color` is set, the text contains ANSI styles.
pub fn render(diagnostics: &[Diagnostic], width: usize, color: bool) -> String {
    let renderer = if color {
        Renderer::styled()
    } else {
        Renderer::plain()
    };
    let renderer = renderer.term_width(width);
    let texts: Vec<String> = diagnostics
        .iter()
        .map(|diagnostic| renderer.render(&[group(diagnostic, width)]))
        .collect();
    texts.join("\n\n")
}

fn group(diagnostic: &Diagnostic, width: usize) -> Group<'_> {
    let level = match diagnostic.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let mut group = level
        .primary_title(visible(&diagnostic.message))
        .id(one_line(&diagnostic.rule))
        .elements(snippets(&diagnostic.places));
    for help in &diagnostic.help {
        let width = width.saturating_sub(HELP_MARGIN).max(HELP_MIN_WIDTH);
        let lines = wrap::exact_words(&visible(help), width);
        group = group.element(Level::HELP.message(lines.join("\n")));
    }
    group
}

/// Returns one snippet per source file. The first place is the primary one.
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
            // A template that includes itself names the same place several times.
            Some((_, places)) if places.iter().any(|(_, known)| *known == place) => {}
            Some((_, places)) => places.push((kind, place)),
            None => by_source.push((source, vec![(kind, place)])),
        }
    }
    by_source
        .into_iter()
        .map(|(source, places)| snippet(source, &places))
        .collect()
}

fn snippet<'a>(
    source: &'a SourceFile,
    places: &[(AnnotationKind, &'a Place)],
) -> Snippet<'a, annotate_snippets::Annotation<'a>> {
    let spans: Vec<Range<usize>> = places
        .iter()
        .map(|(_, place)| first_line(&source.text, &place.span))
        .collect();
    let lines = lines_around(&source.text, &spans);
    let before = source.text.get(..lines.start).unwrap_or_default();
    let quoted = source.text.get(lines.clone()).unwrap_or_default();
    let shown = visible_lines(quoted);
    // Where a byte of the source is among the escapes.
    let place_of = |offset: usize| {
        let before = quoted.get(..offset.saturating_sub(lines.start));
        let at = before.map_or(0, |before| visible_lines(before).len());
        boundary(&shown, at)
    };
    let mut snippet = Snippet::source(shown.clone())
        .line_start(before.matches('\n').count().saturating_add(1))
        .path(one_line(&source.name));
    for ((kind, place), span) in places.iter().zip(spans) {
        let mut annotation = kind.span(place_of(span.start)..place_of(span.end));
        if !place.label.is_empty() {
            annotation = annotation.label(one_line(&place.label));
        }
        snippet = snippet.annotation(annotation);
    }
    snippet
}

/// Returns lines of a file with their hidden characters as escapes, and with `\n` as line breaks.
fn visible_lines(text: &str) -> String {
    visible(&text.replace("\r\n", "\n")).into_owned()
}

/// Returns the byte range of the lines from the first to the last span. The renderer reads only this
/// part, so that many findings in a long text stay fast.
fn lines_around(text: &str, spans: &[Range<usize>]) -> Range<usize> {
    let first = spans.iter().map(|span| span.start).min().unwrap_or(0);
    let last = spans.iter().map(|span| span.end).max().unwrap_or(first);
    let before = text.get(..first).unwrap_or_default();
    // After the final newline, only the line before it can be quoted.
    let is_at_end = first == text.len() && before.ends_with('\n');
    let before = if is_at_end {
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

/// Returns the part of a span on its first line, on character boundaries. Marking every line of a long
/// list would only make the output longer.
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

#[cfg(test)]
mod tests {
    use std::ops::Range;
    use std::sync::Arc;

    use super::render;
    use crate::diagnostic::{Diagnostic, Place, SourceFile};
    use crate::present::style;

    fn place(source: &Arc<SourceFile>, span: Range<usize>, label: &str) -> Place {
        Place {
            source: Arc::clone(source),
            span,
            label: label.to_owned(),
        }
    }

    #[test]
    fn places_in_the_same_file_share_a_snippet() {
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
    fn only_the_first_line_of_a_long_span_is_marked() {
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
    fn a_place_late_in_a_long_file_has_the_right_line_number() {
        let text = (1..=5000).map(|line| format!("key{line} = 1\n"));
        let source = SourceFile::new("manifest.toml", text.collect::<String>());
        let end = source.text.len();
        let at = |key: &str| {
            let start = source.text.find(key).unwrap_or_default();
            start..start + key.len()
        };
        let finding = Diagnostic::error("a-rule", "is wrong", place(&source, at("key4711"), ""))
            .at(place(&source, at("key4709"), "unlike this"));
        let at_end = Diagnostic::error("a-rule", "is missing", place(&source, end..end, ""));
        insta::assert_snapshot!(render(&[finding, at_end], 80, false), @r"
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
    fn any_span_can_be_rendered() {
        for text in ["", "é", "a\nb", "\u{1b}[2J\0", "\t\u{202e}x\r\n"] {
            let source = SourceFile::new("x", text);
            for start in 0..8 {
                for end in 0..8 {
                    let finding =
                        Diagnostic::error("a-rule", "is\nwrong", place(&source, start..end, text));
                    let plain = render(std::slice::from_ref(&finding), 1, false);
                    assert!(plain.contains("a-rule"), "{text:?} {start}..{end}");
                    assert!(!plain.contains('\u{1b}'), "{text:?} {start}..{end}");
                    let styled = style::plain(&style::marked(&render(&[finding], 1, true)));
                    assert_eq!(plain, styled, "styles do not change the text");
                }
            }
        }
    }
}
