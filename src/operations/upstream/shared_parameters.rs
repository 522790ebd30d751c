//! Checks the parameters that the manifest gives to all stacks, each of which takes those that its template
//! declares.

use super::project_stacks::{ProjectStacks, template_of};
use crate::diagnostic::Diagnostic;
use crate::error::Result;
use crate::operations::session::Session;
use crate::util::suggest::nearest;

/// The rule of the warning.
const RULE: &str = "undeclared-parameter";

/// Returns warnings about parameters for all stacks that the template of none declares. The first stack of
/// the project reports them.
///
/// # Errors
///
/// If the settings of a stack of the project are wrong.
pub(crate) fn check(session: &Session<'_>) -> Result<Vec<Diagnostic>> {
    let settings = session.settings();
    let shared = |name: &&String| settings.is_of_all_stacks(&format!("parameters.{name}"));
    let shared: Vec<&String> = settings.parameters.keys().filter(shared).collect();
    if shared.is_empty() || settings.lint.ignore.iter().any(|it| it == RULE) {
        return Ok(Vec::new());
    }
    let project = ProjectStacks::of(session)?;
    if project.first() != settings.stack_key.as_deref() {
        return Ok(Vec::new());
    }
    let mut declared = Vec::new();
    for (_, stack) in project.all() {
        // What a template declares that cannot be read is not known.
        let Some(template) = template_of(session, stack) else {
            return Ok(Vec::new());
        };
        let names = template.parameters().map(|it| it.entry.name.to_owned());
        declared.extend(names);
    }
    let undeclared = shared.into_iter().filter(|name| !declared.contains(name));
    let warnings = undeclared.map(|name| {
        let origin = settings.origins.get(&format!("parameters.{name}"));
        let message = format!("no stack's template declares the parameter `{name}`");
        let warning = Diagnostic::warning(RULE, message, origin.place(""));
        match nearest(name, declared.iter().map(String::as_str)) {
            Some(meant) => warning.help(format!("did you mean `{meant}`?")),
            None => warning.help("declare it in a template, or remove it here"),
        }
    });
    Ok(warnings.collect())
}
