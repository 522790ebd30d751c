//! The parameters of a stack or a stack set that are outputs of stacks which the run plans, too.

use indexmap::IndexMap;

use super::known::Planned;
use super::project_stacks::key_of;
use crate::cloudformation::stack::Stack;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::operations::build::Build;
use crate::operations::session::Session;
use crate::plan::output_effect::{Effect, OutputEffects};
use crate::plan::provisional::{InputChange, ProvisionalInput};
use crate::util::interrupt::Interrupt;
use crate::util::suggest::nearest;

/// What is known of the parameters of a stack or a stack set that are outputs of stacks.
pub(crate) struct Inputs<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) interrupt: &'a Interrupt,
    pub(crate) build: &'a Build,
    /// The deployed stack, or the stack set as if it were one.
    pub(crate) deployed: Option<&'a Stack>,
    /// The parameters without a value, each with what is wrong.
    pub(crate) missing: &'a IndexMap<String, Diagnostic>,
}

impl Inputs<'_> {
    /// Waits for the plans of the stacks whose outputs are read, and returns what they do to the parameters.
    ///
    /// # Errors
    ///
    /// If a stack will not have an output that is read.
    pub(crate) async fn provisional(&self) -> Result<Vec<ProvisionalInput>> {
        let (session, build) = (self.session, self.build);
        let mut inputs = Vec::new();
        let mut problems = Vec::new();
        for (parameter, value) in &build.parameters {
            let Some((stack, output)) = value.stack_output() else {
                continue;
            };
            let key = key_of(session, stack);
            let planned = session.context().upstream().plan_of(&key);
            let planned = self.interrupt.guard(async { Ok(planned.await) }).await?;
            let missing = self.missing.get(parameter);
            let before = self.deployed.and_then(|it| it.parameters.get(parameter));
            let before = before.filter(|_| !build.is_no_echo(parameter));
            let unplanned = |change| ProvisionalInput {
                parameter: parameter.clone(),
                stack: stack.to_owned(),
                output: output.to_owned(),
                before: before.cloned(),
                change,
                cause: Some(format!("`{stack}` was not planned")),
            };
            match (planned, missing) {
                (Planned::NotChosen, None) => {}
                (Planned::NotChosen, Some(problem)) => problems.push(problem.clone()),
                (Planned::Failed, None) => inputs.push(unplanned(InputChange::MayChange)),
                (Planned::Failed, Some(_)) => inputs.push(unplanned(InputChange::Unknown)),
                (Planned::Does(effects), _) => {
                    let names = (parameter.as_str(), stack);
                    match effects.output(output) {
                        Some(effect) if effect.effect == Effect::Removed && effect.is_certain => {
                            problems.push(without_output(session, names, output, &effects));
                        }
                        Some(effect) => {
                            let is_missing = missing.is_some();
                            inputs.extend(ProvisionalInput::of(names, before, effect, is_missing));
                        }
                        None => problems.push(without_output(session, names, output, &effects)),
                    }
                }
            }
        }
        if !problems.is_empty() {
            return Err(Error::input("a parameter will have no value").with_diagnostics(problems));
        }
        Ok(inputs)
    }
}

/// Returns the problem of a parameter whose stack will not have the output.
fn without_output(
    session: &Session<'_>,
    (parameter, stack): (&str, &str),
    output: &str,
    effects: &OutputEffects,
) -> Diagnostic {
    let origins = &session.settings().origins;
    let place = origins.get(&format!("parameters.{parameter}")).place("");
    let message = format!(
        "the parameter `{parameter}` will have no value: the template of `{stack}` has no output `{output}`"
    );
    let problem = Diagnostic::error("no-stack-output", message, place);
    let kept = effects
        .outputs
        .iter()
        .filter(|it| it.effect != Effect::Removed);
    let names: Vec<&str> = kept.map(|it| it.name.as_str()).collect();
    let renamed = effects.output(output).and_then(|it| it.renamed.as_deref());
    let problem = match renamed.or_else(|| nearest(output, names.iter().copied())) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    };
    match names.as_slice() {
        [] => problem.help("it has no outputs"),
        names => problem.help(format!("its outputs are {}", names.join(", "))),
    }
}
