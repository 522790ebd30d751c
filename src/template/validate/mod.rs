//! Checks a template without AWS.
//!
//! CloudFormation reports one mistake at a time, late, and only by logical id. These checks report all
//! mistakes at once, each at its line, with a similar name if one is misspelled. They check the template
//! language, which is the same in every region and account, and the names of types and properties.
//! The values of properties are left to the linter and to CloudFormation.
//!
//! A transform may add sections, resources and attributes. So if a template has a transform, only
//! mistakes that the transform does not correct are reported: see `transforms`.

pub mod parameters;

mod conditions;
mod cycles;
mod exports;
mod functions;
pub mod limits;
mod lookups;
mod loops;
mod mappings;
pub mod moved;
pub mod nested;
mod pattern;
mod permissions;
mod physical_names;
mod references;
pub(crate) mod schema_names;
mod serverless;
mod shape;
mod similar_type;
pub mod stack_output;
mod transforms;
mod values;

use std::cell::Cell;
use std::ops::Range;

use super::Template;
use super::reference::Reference;
use super::syntax::place;
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::util::suggest::LONGEST;
use transforms::Transforms;

/// Returns all errors and warnings, in the order of the text.
pub fn validate(template: &Template) -> Vec<Diagnostic> {
    let mut checks = Checks::new(template);
    shape::check(&mut checks);
    transforms::check(&mut checks);
    values::check(&mut checks);
    functions::check(&mut checks);
    conditions::check(&mut checks);
    mappings::check(&mut checks);
    lookups::check(&mut checks);
    references::check(&mut checks);
    parameters::check_definitions(&mut checks);
    exports::check(&mut checks);
    cycles::check(&mut checks);
    limits::check(&mut checks);
    permissions::check(&mut checks);
    schema_names::check(&mut checks);
    physical_names::check(&mut checks);
    let mut found = checks.found;
    found.sort_by_key(|diagnostic| diagnostic.places.first().map(|place| place.span.start));
    found
}

/// Returns the references to names that do not exist, in the order of the text.
pub fn undefined_references(template: &Template) -> Vec<Reference<'_>> {
    references::undefined_references(&Checks::new(template))
}

/// Collects the errors and warnings of one template.
struct Checks<'a> {
    template: &'a Template,
    transforms: Transforms<'a>,
    found: Vec<Diagnostic>,
    /// How many names may still be compared for suggestions.
    comparisons_left: Cell<usize>,
}

/// How many names are compared for suggestions: those of 100 findings in a template of 500 resources.
const COMPARISONS: usize = 50_000;

impl<'a> Checks<'a> {
    fn new(template: &'a Template) -> Self {
        Self {
            template,
            transforms: Transforms::of(template),
            found: Vec::new(),
            comparisons_left: Cell::new(COMPARISONS),
        }
    }

    fn place(&self, span: &Range<usize>, label: impl Into<String>) -> Place {
        place(self.template.source(), span.clone(), label)
    }

    fn error(
        &self,
        rule: &'static str,
        text: impl Into<String>,
        span: &Range<usize>,
    ) -> Diagnostic {
        Diagnostic::error(rule, text, self.place(span, ""))
    }

    /// Returns an error; a warning if a macro of the account may correct it.
    fn mistake(
        &self,
        rule: &'static str,
        text: impl Into<String>,
        span: &Range<usize>,
    ) -> Diagnostic {
        let mut found = self.error(rule, text, span);
        if self.transforms.may_change(span) {
            found.severity = Severity::Warning;
        }
        found
    }

    fn warning(
        &self,
        rule: &'static str,
        text: impl Into<String>,
        span: &Range<usize>,
    ) -> Diagnostic {
        Diagnostic::warning(rule, text, self.place(span, ""))
    }

    fn push(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// Returns `did you mean …?` with the most similar candidate, if one is similar enough. Who has very
    /// many findings gets no suggestion for the last of them.
    fn suggestion<'b>(
        &self,
        name: &str,
        candidates: impl IntoIterator<Item = &'b str>,
    ) -> Option<String> {
        let left = self.comparisons_left.get();
        let compared = Cell::new(0);
        let counted = candidates.into_iter().take(left);
        let counted = counted.inspect(|_| compared.set(compared.get() + 1));
        let found = suggestion(name, counted);
        self.comparisons_left.set(left - compared.get());
        found
    }
}

/// Returns `did you mean …?` with the most similar candidate, if one is similar enough.
fn suggestion<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    nearest(name, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// Returns the most similar candidate, if one is similar enough.
fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if name.len() > LONGEST {
        return None;
    }
    let name = name.to_lowercase();
    candidates
        .into_iter()
        .filter(|candidate| candidate.len().abs_diff(name.len()) <= LONGEST / 3)
        .map(|candidate| {
            (
                strsim::osa_distance(&name, &candidate.to_lowercase()),
                candidate,
            )
        })
        .filter(|(distance, candidate)| *distance <= 1.max(candidate.len().min(name.len()) / 3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests;
