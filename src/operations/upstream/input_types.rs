//! Checks the parameters whose values are outputs of other stacks of the project, without a call.
//!
//! The templates of those stacks are read from the project. What is not known before they are deployed is
//! not checked.

use super::project_stacks::{ProjectStacks, template_of, values_of};
use crate::diagnostic::{Diagnostic, Place};
use crate::error::Result;
use crate::operations::session::Session;
use crate::template::evaluate::Evaluator;
use crate::template::validate::stack_output::misfit;
use crate::template::{Parameter, Template};
use crate::util::suggest::{nearest, quoted};

/// A parameter that gets an output of another stack.
struct Input<'a> {
    parameter: Parameter<'a>,
    /// The key of the other stack.
    stack: &'a str,
    output: &'a str,
    /// The place in the manifest.
    place: Place,
}

/// Returns what is wrong with the parameters of a template that get outputs of other stacks.
///
/// # Errors
///
/// If the settings of a stack of the project are wrong.
pub(crate) fn check(session: &Session<'_>, template: &Template) -> Result<Vec<Diagnostic>> {
    let own = session.settings();
    let inputs: Vec<Input<'_>> = own
        .parameters
        .iter()
        .filter_map(|(name, value)| {
            let (stack, output) = value.stack_output()?;
            let origin = own.origins.get(&format!("parameters.{name}"));
            Some(Input {
                parameter: template.parameter(name)?,
                stack,
                output,
                place: origin.place(""),
            })
        })
        .collect();
    if inputs.is_empty() {
        return Ok(Vec::new());
    }
    let project = ProjectStacks::of(session)?;
    let mut found = Vec::new();
    for (key, settings) in project.others(own.stack_key.as_deref().unwrap_or_default()) {
        let mut of_stack = inputs.iter().filter(|it| it.stack == key).peekable();
        if of_stack.peek().is_none() {
            continue;
        }
        let Some(template) = template_of(session, settings) else {
            continue;
        };
        let values = values_of(settings, &template);
        let evaluator = Evaluator::new(&template, &values);
        found.extend(of_stack.filter_map(|input| check_one(input, &evaluator)));
    }
    Ok(found)
}

fn check_one(input: &Input<'_>, evaluator: &Evaluator<'_>) -> Option<Diagnostic> {
    let Input {
        parameter,
        stack,
        output,
        place,
    } = input;
    let template = evaluator.template();
    let mut outputs = template.outputs();
    let Some(found) = outputs.find(|it| it.entry.name == *output) else {
        if template.may_have_other_outputs() {
            return None;
        }
        let message = format!("the template of the stack `{stack}` has no output `{output}`");
        let problem = Diagnostic::error("unknown-output", message, place.clone());
        let names = || template.outputs().map(|it| it.entry.name);
        return Some(match nearest(output, names()) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None if names().next().is_none() => problem.help("it has no outputs"),
            None => problem.help(format!("its outputs are {}", quoted(names()))),
        });
    };
    let misfit = misfit(&found, evaluator, parameter)?;
    let message = format!(
        "the output `{output}` of the stack `{stack}` {}",
        misfit.message
    );
    let place = place.clone();
    let problem = if misfit.is_certain {
        Diagnostic::error("output-not-allowed", message, place)
    } else {
        Diagnostic::warning("output-not-allowed", message, place)
    };
    Some(problem.help(format!(
        "name another output, or change the type of the parameter `{}`",
        parameter.entry.name
    )))
}
