//! Checks the renamed resources of the manifest against the template.

use super::suggestion;
use crate::diagnostic::{Diagnostic, Place};
use crate::template::Template;
use crate::template::syntax::place;

/// A resource with a new logical id.
#[derive(Debug, Clone)]
pub struct Moved<'a> {
    /// The id in the deployed stack.
    pub old: &'a str,
    /// The id in the template.
    pub new: &'a str,
    /// The place that sets the new id.
    pub place: Place,
}

/// Returns the errors in the renamed resources: an old id that the template still has, or a new one that
/// it lacks.
pub fn check_moved<'a>(
    template: &Template,
    moved: impl IntoIterator<Item = Moved<'a>>,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for Moved {
        old,
        new,
        place: here,
    } in moved
    {
        if let Some(resource) = template.resource(old) {
            let message =
                format!("`moved` renames `{old}` to `{new}`, but the template has `{old}`");
            let span = resource.entry.name_span.clone();
            let problem = Diagnostic::error("moved-resource-kept", message, here);
            found.push(
                problem
                    .at(place(template.source(), span, "declared here"))
                    .help(match template.resource(new) {
                        Some(_) => {
                            format!("remove `{old}` from the template, or the line in `[moved]`")
                        }
                        None => format!(
                            "call it `{new}` in the template, or remove the line in `[moved]`"
                        ),
                    }),
            );
        } else if template.resource(new).is_none() && !template.has_transforms() {
            let message =
                format!("`moved` renames `{old}` to `{new}`, which the template does not have");
            let problem = Diagnostic::error("unknown-resource", message, here);
            let names = template.resources().map(|it| it.logical_id());
            found.push(match suggestion(new, names) {
                Some(suggestion) => problem.help(suggestion),
                None => problem.help(
                    "add the resource to the template; if only some environments have it, write the line \
                     in `[environments.NAME.moved]`",
                ),
            });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::{Moved, check_moved};
    use crate::diagnostic::{Place, SourceFile};
    use crate::template::Template;

    #[test]
    fn an_old_id_that_stays_and_a_new_one_that_is_missing_are_errors() {
        let cases = [
            ("Resources: {B: {Type: T}}", "A", "B", None),
            (
                "Resources: {A: {Type: T}}",
                "A",
                "B",
                Some("call it `B` in the template, or remove the line in `[moved]`"),
            ),
            (
                "Resources: {A: {Type: T}, B: {Type: T}}",
                "A",
                "B",
                Some("remove `A` from the template, or the line in `[moved]`"),
            ),
            (
                "Resources: {Files: {Type: T}}",
                "A",
                "File",
                Some("did you mean `Files`?"),
            ),
            (
                "Resources: {Files: {Type: T}}",
                "A",
                "Table",
                Some(
                    "add the resource to the template; if only some environments have it, write the line \
                     in `[environments.NAME.moved]`",
                ),
            ),
            // A transform may create it.
            (
                "Transform: M\nResources: {Files: {Type: T}}",
                "A",
                "Table",
                None,
            ),
        ];
        for (text, old, new, help) in cases {
            let template = Template::parse(&SourceFile::new("t", text));
            let template = template.unwrap_or_else(|found| panic!("{found:?}"));
            let place = Place {
                source: SourceFile::new("m", ""),
                span: 0..0,
                label: String::new(),
            };
            let found = check_moved(&template, [Moved { old, new, place }]);
            let found = found.first().and_then(|it| it.help.first());
            assert_eq!(found.map(String::as_str), help, "{text}");
        }
    }
}
