//! What the service's own checks found, each with the line of the template that it is about.

use super::danger::wrap;
use crate::cloudformation::change_set::validation::LocatedValidation;
use crate::present::style::{BOLD, DIM, ERROR, WARNING};

/// Adds the findings, those first that keep the change set from being made.
pub(super) fn push(text: &mut String, found: &[LocatedValidation], width: usize) {
    if found.is_empty() {
        return;
    }
    text.push_str(&format!("\n{BOLD}Service checks{BOLD:#}\n"));
    let (fatal, warnings): (Vec<_>, Vec<_>) =
        found.iter().partition(|found| found.validation.is_fatal());
    for found in fatal.into_iter().chain(warnings) {
        let (style, word) = if found.validation.is_fatal() {
            (ERROR, "error")
        } else {
            (WARNING, "warning")
        };
        let stack = if found.nested_in.is_empty() {
            String::new()
        } else {
            format!("nested stack `{}`, ", found.nested_in.join("/"))
        };
        let message = found.validation.message();
        let said = format!("{word}: {stack}{message}");
        for (number, line) in wrap(&said, width.saturating_sub(4)).iter().enumerate() {
            match line.strip_prefix(word).filter(|_| number == 0) {
                Some(rest) => text.push_str(&format!("  {style}{word}{style:#}{rest}\n")),
                None => text.push_str(&format!("    {line}\n")),
            }
        }
        for place in &found.places {
            let (line, column) = place.source.position(place.span.start);
            let name = &place.source.name;
            let label = if place.label.is_empty() {
                String::new()
            } else {
                format!(" ({})", place.label)
            };
            text.push_str(&format!("    {DIM}{name}:{line}:{column}{label}{DIM:#}\n"));
        }
    }
}
