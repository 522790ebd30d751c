//! The results of CloudFormation's own validations, each with its lines of the template.

use crate::cloudformation::change_set::validation::LocatedValidation;
use crate::present::style::{BOLD, DIM, ERROR, WARNING};
use crate::present::wrap;

/// Adds the findings. Those that prevent the deployment come first.
pub(super) fn push(text: &mut String, findings: &[LocatedValidation], width: usize) {
    if findings.is_empty() {
        return;
    }
    text.push_str(&format!("\n{BOLD}Service checks{BOLD:#}\n"));
    let (fatal, warnings): (Vec<_>, Vec<_>) =
        findings.iter().partition(|it| it.validation.is_fatal());
    for finding in fatal.into_iter().chain(warnings) {
        let (style, word) = if finding.validation.is_fatal() {
            (ERROR, "error")
        } else {
            (WARNING, "warning")
        };
        let stack = if finding.nested_in.is_empty() {
            String::new()
        } else {
            format!("nested stack `{}`, ", finding.nested_in.join("/"))
        };
        let message = finding.validation.message();
        let sentence = format!("{word}: {stack}{message}");
        for (number, line) in wrap::words(&sentence, width.saturating_sub(4))
            .iter()
            .enumerate()
        {
            match line.strip_prefix(word).filter(|_| number == 0) {
                Some(rest) => text.push_str(&format!("  {style}{word}{style:#}{rest}\n")),
                None => text.push_str(&format!("    {line}\n")),
            }
        }
        for place in &finding.places {
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
