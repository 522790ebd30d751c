//! Findings without the secrets in the lines that they quote.
//!
//! The lines are masked before they are drawn, because a long line is cut, and a part of a secret cannot
//! be found any more.

use std::ops::Range;
use std::sync::Arc;

use crate::config::secret::{MASK, Redactor};
use crate::diagnostic::{Diagnostic, SourceFile};

/// Returns the texts that findings point at, each once.
pub(super) fn sources(diagnostics: &[Diagnostic]) -> Vec<&Arc<SourceFile>> {
    let mut sources: Vec<&Arc<SourceFile>> = Vec::new();
    for place in diagnostics.iter().flat_map(|it| &it.places) {
        if !sources
            .iter()
            .any(|known| Arc::ptr_eq(known, &place.source))
        {
            sources.push(&place.source);
        }
    }
    sources
}

/// Returns the findings without the secrets in their texts and in the texts that they point at. The
/// places are moved with the text.
pub(super) fn without_secrets(diagnostics: &[Diagnostic], redactor: &Redactor) -> Vec<Diagnostic> {
    let masked = |text: &mut String| {
        if let Some(shown) = redactor.redact(text) {
            *text = shown;
        }
    };
    let sources: Vec<(&Arc<SourceFile>, Masked)> = sources(diagnostics)
        .into_iter()
        .map(|source| (source, Masked::of(source, redactor)))
        .collect();
    let mut shown = diagnostics.to_vec();
    for diagnostic in &mut shown {
        masked(&mut diagnostic.message);
        diagnostic.help.iter_mut().for_each(masked);
        for place in &mut diagnostic.places {
            masked(&mut place.label);
            let mut known = sources.iter();
            if let Some((_, masked)) = known.find(|(it, _)| Arc::ptr_eq(it, &place.source)) {
                place.span = masked.place(&place.span);
                place.source = Arc::clone(&masked.source);
            }
        }
    }
    shown
}

/// A text without its secrets.
struct Masked {
    source: Arc<SourceFile>,
    /// The place of each secret in the original text, and of what replaces it.
    secrets: Vec<(Range<usize>, Range<usize>)>,
}

impl Masked {
    fn of(source: &Arc<SourceFile>, redactor: &Redactor) -> Self {
        let found = redactor.find(&source.text);
        if found.is_empty() {
            return Self {
                source: Arc::clone(source),
                secrets: Vec::new(),
            };
        }
        let part = |range: Range<usize>| source.text.get(range).unwrap_or_default();
        let mut text = String::with_capacity(source.text.len());
        let mut secrets = Vec::with_capacity(found.len());
        let mut copied = 0;
        for secret in found {
            text.push_str(part(copied..secret.start));
            let start = text.len();
            text.push_str(MASK);
            // The other lines keep their numbers.
            text.push_str(&"\n".repeat(part(secret.clone()).matches('\n').count()));
            copied = secret.end;
            secrets.push((secret, start..text.len()));
        }
        text.push_str(part(copied..source.text.len()));
        Self {
            source: SourceFile::new(&source.name, text),
            secrets,
        }
    }

    /// Returns the place of a range of the original text. What begins or ends inside a secret begins or
    /// ends with its mask.
    fn place(&self, range: &Range<usize>) -> Range<usize> {
        let start = self.offset(range.start, |mask| mask.start);
        let end = self.offset(range.end, |mask| mask.start + MASK.len());
        start..end.max(start)
    }

    fn offset(&self, original: usize, inside: impl Fn(&Range<usize>) -> usize) -> usize {
        let before = self
            .secrets
            .partition_point(|(secret, _)| secret.start < original);
        match before
            .checked_sub(1)
            .and_then(|last| self.secrets.get(last))
        {
            Some((secret, mask)) if original < secret.end => inside(mask),
            Some((secret, mask)) => mask.end + (original - secret.end),
            None => original,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;
    use crate::config::secret::{Redactor, Secret};
    use crate::diagnostic::{Diagnostic, Place, SourceFile};

    #[test]
    fn places_move_with_the_text() {
        let text = "a: hunter2-and-more\nb: 'line one of it\n  line two of it' # x\nc: d\n";
        let source = SourceFile::new("t", text);
        let at = |part: &str| {
            let start = text.find(part).unwrap_or_default();
            Place {
                source: source.clone(),
                span: start..start + part.len(),
                label: "hunter2-and-more".to_owned(),
            }
        };
        let secrets = ["hunter2-and-more", "line one of it\n  line two of it"];
        let redactor = Redactor::new(&secrets.map(Secret::new));
        let finding = Diagnostic::error("r", "not hunter2-and-more", at("hunter2-and-more"))
            .at(at("and-more\nb"))
            .at(at("d\n"))
            .help("no hunter2-and-more");
        let shown = without_secrets(&[finding], &redactor).remove(0);
        let parts: Vec<&str> = shown
            .places
            .iter()
            .map(|place| &place.source.text[place.span.clone()])
            .collect();
        assert_eq!(parts, ["(secret)", "(secret)\nb", "d\n"]);
        let masked = &shown.places[0].source;
        assert_eq!(masked.text, "a: (secret)\nb: '(secret)\n' # x\nc: d\n");
        assert_eq!(shown.message, "not (secret)");
        assert_eq!(
            (shown.help[0].as_str(), shown.places[0].label.as_str()),
            ("no (secret)", "(secret)")
        );
    }

    #[test]
    fn a_cut_line_shows_no_part_of_a_secret() {
        let secret = "s3cr3t".repeat(20);
        let text = format!("key: {secret} {{ wrong }} {secret}\n");
        let start = text.find("wrong").unwrap_or_default();
        let source = SourceFile::new("t", text);
        let place = Place {
            source,
            span: start..start + 5,
            label: String::new(),
        };
        let redactor = Redactor::new(&[Secret::new(secret)]);
        let shown = without_secrets(&[Diagnostic::error("r", "wrong", place)], &redactor);
        let shown = crate::present::diagnostic::render(&shown, 60, false);
        assert!(!shown.contains("s3c") && shown.contains("wrong"), "{shown}");
    }
}
