//! Checks the parameters whose values are outputs of other stacks of the project, without a call.
//!
//! The templates of those stacks are read from the project. What is not known before they are deployed, or
//! cannot be rendered without its artifacts, is not checked.

use indexmap::IndexMap;

use super::examine;
use super::session::Session;
use crate::config::manifest;
use crate::config::settings::{self, ParameterValue, Selection, Settings};
use crate::diagnostic::{Diagnostic, Place};
use crate::error::Result;
use crate::template::evaluate::{Evaluator, NO_ECHO};
use crate::template::validate::stack_output::{misfit, outputs_are_known};
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
/// If the settings of one of those stacks are wrong.
pub(crate) fn check(session: &Session<'_>, template: &Template) -> Result<Vec<Diagnostic>> {
    let own = session.settings();
    let inputs: Vec<Input<'_>> = own
        .parameters
        .iter()
        .filter_map(|(name, value)| {
            let ParameterValue::FromStack { stack, output, .. } = value else {
                return None;
            };
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
    let selection = Selection {
        stacks: inputs.iter().map(|it| it.stack.to_owned()).collect(),
        ..Selection::default()
    };
    let context = session.context();
    let overrides = context.overrides_for(Some(own.environment.clone()));
    let manifest = manifest::parse(session.project().manifest());
    let targets = settings::choose(&manifest, &selection, &overrides, context.ambient())?;
    let mut found = Vec::new();
    for target in &targets {
        let Some(other) = read(session, &target.settings) else {
            continue;
        };
        let values = values(&target.settings, &other);
        let evaluator = Evaluator::new(&other, &values);
        let of_stack = inputs
            .iter()
            .filter(|it| Some(it.stack) == target.stack.as_deref());
        found.extend(of_stack.filter_map(|input| check_one(input, &evaluator)));
    }
    Ok(found)
}

/// Returns the template of another stack; `None` if it cannot be read by itself.
fn read(session: &Session<'_>, settings: &Settings) -> Option<Template> {
    let secrets = session.presenter().secrets();
    let tree = examine::survey(session.project(), settings, &IndexMap::new(), secrets).ok()?;
    tree.root_template().as_ref().ok().cloned()
}

/// Returns the values of a template's parameters that are known and may be shown; the others are masked.
fn values(settings: &Settings, template: &Template) -> IndexMap<String, String> {
    let given = settings.parameters.iter().map(|(name, value)| {
        let is_secret = template.parameter(name).is_some_and(|it| it.no_echo());
        let value = value.plain().filter(|_| !is_secret).unwrap_or(NO_ECHO);
        (name.clone(), value.to_owned())
    });
    let mut values: IndexMap<String, String> = given.collect();
    for parameter in template.parameters().filter(Parameter::no_echo) {
        values.insert(parameter.entry.name.to_owned(), NO_ECHO.to_owned());
    }
    values
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
        if !outputs_are_known(template) {
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
