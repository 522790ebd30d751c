//! Findings as text in the style of `rustc`: the message, the source line with carets, and the help.

use std::ops::Range;
use std::ptr;

use annotate_snippets::{Annotation, AnnotationKind, Group, Level, Renderer, Snippet};

use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};
use crate::present::visible::{one_line, visible};
use crate::present::wrap;

/// The columns before the text of a help line: the gutter and `= help: `.
const HELP_MARGIN: usize = 14;
/// The minimum width of wrapped help, in columns.
const HELP_MIN_WIDTH: usize = 30;

/// The maximum number of places of a finding that are shown.
const SHOWN: usize = 32;

/// The largest distance of a place from the first one in the same file, in bytes. Places that are
/// farther away are not shown, because the renderer reads everything between them.
const FAR: usize = 64 * 1024;

/// How much of a long line is read before and after its marked part, in bytes: more than the width of a
/// terminal.
const NEAR: usize = 1024;

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
        .map(|diagnostic| {
            let (group, moved) = group(diagnostic, width);
            let drawn = renderer.render(&[group]);
            moved.iter().fold(drawn, |drawn, column| {
                drawn.replacen(&column.drawn, &column.right, 1)
            })
        })
        .collect();
    texts.join("\n\n")
}

/// A place in a line whose beginning is left out, as the renderer writes it and as it is right.
struct Column {
    drawn: String,
    right: String,
}

fn group(diagnostic: &Diagnostic, width: usize) -> (Group<'_>, Vec<Column>) {
    let level = match diagnostic.severity {
        Severity::Note => Level::NOTE,
        Severity::Warning => Level::WARNING,
        Severity::Error => Level::ERROR,
    };
    let (snippets, moved) = snippets(&diagnostic.places);
    let mut group = level
        .primary_title(visible(&diagnostic.message))
        .id(one_line(&diagnostic.rule))
        .elements(snippets);
    for help in &diagnostic.help {
        let width = width.saturating_sub(HELP_MARGIN).max(HELP_MIN_WIDTH);
        let lines = wrap::exact_words(&visible(help), width);
        group = group.element(Level::HELP.message(lines.join("\n")));
    }
    (group, moved)
}

/// Returns one snippet per source file. The first place is the primary one.
fn snippets(places: &[Place]) -> (Vec<Marked<'_>>, Vec<Column>) {
    let mut by_source: Vec<(&SourceFile, Vec<(AnnotationKind, &Place)>)> = Vec::new();
    for (index, place) in places.iter().take(SHOWN).enumerate() {
        let kind = if index == 0 {
            AnnotationKind::Primary
        } else {
            AnnotationKind::Context
        };
        let source: &SourceFile = &place.source;
        let is_same = |known: &SourceFile| ptr::eq(known, source) || known == source;
        match by_source.iter_mut().find(|(known, _)| is_same(known)) {
            // A template that includes itself names the same place several times.
            Some((_, places)) if places.iter().any(|(_, known)| *known == place) => {}
            Some((_, places)) => places.push((kind, place)),
            None => by_source.push((source, vec![(kind, place)])),
        }
    }
    let mut columns = Vec::new();
    let snippets = by_source.into_iter().map(|(source, places)| {
        let (snippet, column) = snippet(source, &places);
        columns.extend(column);
        snippet
    });
    (snippets.collect(), columns)
}

type Marked<'a> = Snippet<'a, Annotation<'a>>;

/// Returns the lines of one source with these places.
fn snippet<'a>(
    source: &'a SourceFile,
    places: &[(AnnotationKind, &'a Place)],
) -> (Marked<'a>, Option<Column>) {
    let text = &source.text;
    let first = places.first().map_or(0, |(_, place)| place.span.start);
    let shown = places
        .iter()
        .filter(|(_, place)| place.span.start.abs_diff(first) <= FAR);
    let places: Vec<(AnnotationKind, &Place)> = shown.copied().collect();
    let spans: Vec<Range<usize>> = places
        .iter()
        .map(|(_, place)| first_line(text, &place.span))
        .collect();
    let whole = lines_around(text, &spans);
    let lines = near(text, &whole, &spans);
    let before = text.get(..lines.start).unwrap_or_default();
    let quoted = text.get(lines.clone()).unwrap_or_default();
    let shown = visible_lines(quoted);
    // Where a byte of the source is among the escapes.
    let place_of = |offset: usize| {
        let offset = offset.min(lines.end).saturating_sub(lines.start);
        let before = quoted.get(..boundary(quoted, offset));
        let at = before.map_or(0, |before| visible_lines(before).len());
        boundary(&shown, at)
    };
    let line = before.matches('\n').count().saturating_add(1);
    let mut snippet = Snippet::source(shown.clone())
        .line_start(line)
        .path(one_line(&source.name));
    let column = (lines.start != whole.start).then(|| {
        let before = shown.get(..place_of(first)).unwrap_or_default();
        let newlines = before.matches('\n').count();
        let last = before.rsplit('\n').next().unwrap_or_default();
        let name = one_line(&source.name);
        let (line_of_place, right) = source.position(first);
        Column {
            drawn: format!("{name}:{}:{}", line + newlines, last.chars().count() + 1),
            right: format!("{name}:{line_of_place}:{right}"),
        }
    });
    for ((kind, place), span) in places.iter().zip(spans) {
        let mut annotation = kind.span(place_of(span.start)..place_of(span.end));
        if !place.label.is_empty() {
            annotation = annotation.label(one_line(&place.label));
        }
        snippet = snippet.annotation(annotation);
    }
    (snippet, column)
}

/// Returns the part of these lines that is read: without the beginning and the end of long lines.
fn near(text: &str, lines: &Range<usize>, spans: &[Range<usize>]) -> Range<usize> {
    let starts = || spans.iter().map(|span| span.start);
    let first = starts().min().unwrap_or(lines.start);
    let last = starts().max().unwrap_or(lines.start);
    let start = if first.saturating_sub(lines.start) > 2 * NEAR {
        boundary(text, first - NEAR)
    } else {
        lines.start
    };
    let end = if lines.end.saturating_sub(last) > 2 * NEAR {
        boundary(text, last.saturating_add(NEAR))
    } else {
        lines.end
    };
    start..end
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
    fn findings_on_a_line_of_a_megabyte_are_drawn_in_no_time() {
        let text = format!("first\n{}", "{\"Ref\": \"Nö\"}, ".repeat(60_000));
        let source = SourceFile::new("t.json", text);
        let starts = source.text.match_indices("Nö").map(|(start, _)| start);
        let findings: Vec<Diagnostic> = starts
            .skip(49_900)
            .take(100)
            .map(|start| {
                Diagnostic::error("a-rule", "is wrong", place(&source, start..start + 3, ""))
            })
            .collect();
        let begin = std::time::Instant::now();
        let drawn = render(&findings, 60, false);
        assert!(begin.elapsed() < std::time::Duration::from_secs(10));
        insta::assert_snapshot!(drawn.split("\n\n").next().unwrap_or_default(), @r#"
        error[a-rule]: is wrong
         --> t.json:2:748510
          |
        2 | ...{"Ref": "Nö"}, {"Ref": "Nö"}, {"Ref": "Nö"}, {"Ref...
          |                            ^^
        "#);
    }

    #[test]
    fn many_places_of_a_finding_are_drawn_in_no_time() {
        let source = SourceFile::new("t", "name: value\n".repeat(50_000));
        let mut finding = Diagnostic::error("a-rule", "is wrong", place(&source, 0..4, ""));
        for line in 1..50_000 {
            finding = finding.at(place(&source, line * 12..line * 12 + 4, "and here"));
        }
        let drawn = render(&[finding], 80, false);
        assert_eq!(drawn.matches("and here").count(), 31);
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
