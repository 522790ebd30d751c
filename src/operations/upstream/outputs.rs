//! Parameters whose values are outputs of other stacks of the project (`from_stack` in the manifest).
//!
//! Each stack is read where its own settings say that it is: in its region, in its account, under its
//! name. It is read at the same time as the stack that gets the values, and once in a process.

use std::collections::BTreeSet;

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use indexmap::{IndexMap, IndexSet};

use super::known::ReadStack;
use super::project_stacks::{ProjectStacks, is_same_place, key_of};
use crate::aws::Connection;
use crate::aws::stack::StackService;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::manifest::PARAMETER_BYTES;
use crate::config::secret::Secret;
use crate::config::settings::{ParameterValue, Settings};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::error::{Error, Result};
use crate::operations::missing_value::{self, MissingValue};
use crate::operations::session::Session;
use crate::plan::masking;
use crate::template::Template;
use crate::util::suggest::nearest;

/// How many stacks are read at once.
const AT_ONCE: usize = 8;

/// The values that other stacks have for parameters.
#[derive(Debug, Default)]
pub(crate) struct StackValues {
    /// The values, by the parameters' names.
    pub(crate) values: IndexMap<String, StackValue>,
    /// The parameters without a value whose stacks this run plans too, each with what is wrong.
    pub(crate) missing: IndexMap<String, Diagnostic>,
    /// The parameters whose values the run may still change.
    pub(crate) uncertain: BTreeSet<String>,
}

/// The value of an output.
#[derive(Debug)]
pub(crate) enum StackValue {
    /// It may be printed.
    Plain(String),
    /// It is a secret of its stack.
    Secret(Secret),
}

/// Reads the values of those parameters that are outputs of other stacks. `connection` is that of the
/// session's own stack.
///
/// # Errors
///
/// With every output that does not exist, at its place in the manifest, unless this run plans its stack;
/// the first failed call.
pub(crate) async fn read(
    session: &Session<'_>,
    connection: &Connection,
    parameters: &IndexMap<String, ParameterValue>,
) -> Result<StackValues> {
    let sources = parameters.iter().filter_map(|(name, value)| {
        let (stack, output) = value.stack_output()?;
        Some((name, stack, output))
    });
    let sources: Vec<(&String, &str, &str)> = sources.collect();
    if sources.is_empty() {
        return Ok(StackValues::default());
    }
    let project = ProjectStacks::of(session)?;
    let once: IndexSet<&str> = sources.iter().map(|(_, stack, _)| *stack).collect();
    let upstream = session.context().upstream();
    let project = &project;
    let calls = stream::iter(once).map(async |key| {
        // `settings` has refused keys that do not exist.
        let Some(settings) = project.with_key(key) else {
            return Ok(None);
        };
        let fetch = async || fetch(session, connection, settings).await;
        let read = upstream.read(&key_of(session, key), fetch).await;
        let read = read.map_err(|error| {
            let own = session.settings().stack_key.as_deref().unwrap_or_default();
            error.within(format!(
                "cannot read the outputs of `{key}`, which `{own}` uses"
            ))
        })?;
        Ok::<_, Error>(Some((key, settings, read)))
    });
    let answers: Vec<_> = calls.buffered(AT_ONCE).try_collect().await?;
    let mut read = StackValues::default();
    let mut found = Vec::new();
    for (parameter, key, output) in sources {
        let mut answers = answers.iter().flatten();
        let Some((_, settings, answer)) = answers.find(|(other, ..)| *other == key) else {
            continue;
        };
        match value_of(session, (key, settings), answer, output) {
            Ok(value) => {
                if let StackValue::Secret(secret) = &value {
                    session.presenter().secrets().add(secret);
                }
                read.values.insert(parameter.clone(), value);
            }
            Err(missing) => {
                let problem = missing.of_parameter(session, parameter, "no-stack-output");
                if upstream.is_expected(&key_of(session, key)) {
                    read.missing.insert(parameter.clone(), problem);
                } else {
                    found.push(problem);
                }
            }
        }
    }
    missing_value::check(found)?;
    Ok(read)
}

/// Reads a stack where its settings say that it is.
async fn fetch(session: &Session<'_>, own: &Connection, settings: &Settings) -> Result<ReadStack> {
    let other = session.with_settings(settings.clone());
    let is_here = is_same_place(session.settings(), settings);
    let connection = if is_here {
        own.clone()
    } else {
        other.connect().await?
    };
    let service = StackService::new(&connection, &settings.stack_name);
    // Another profile or region may belong to another account.
    let checks = !is_here && !settings.emulator && settings.account.is_some();
    let identity = async {
        if checks {
            connection.identity().await.map(Some)
        } else {
            Ok(None)
        }
    };
    let (mut stack, identity) = tokio::try_join!(service.describe(), identity)?;
    if let Some(identity) = identity {
        other.check_account(&identity)?;
    }
    other.hide_parameters(stack.as_mut());
    let has_secrets = stack
        .as_ref()
        .is_some_and(|it| it.masked_parameters().next().is_some());
    let secrets = match &stack {
        // Only a secret parameter can make an output a secret.
        Some(stack) if has_secrets => {
            let template = service.template().await?;
            let template = template.and_then(|text| {
                let source = SourceFile::new("the deployed template", text);
                Template::parse_deployed(&source).ok()
            });
            secret_outputs(stack, template.as_ref())
        }
        _ => BTreeSet::new(),
    };
    Ok(ReadStack { stack, secrets })
}

/// Lets the other stacks of the run know a stack whose plan was executed. `template` is the one that was
/// deployed.
pub(crate) fn applied(session: &Session<'_>, stack: &Stack, template: &Template) {
    if let Some(key) = &session.settings().stack_key {
        let secrets = secret_outputs(stack, Some(template));
        let upstream = session.context().upstream();
        upstream.applied(&key_of(session, key), stack.clone(), secrets);
    }
}

/// Returns the names of the outputs whose values are secrets: all of them, if the template of a stack
/// with secrets cannot be read.
pub(crate) fn secret_outputs(stack: &Stack, template: Option<&Template>) -> BTreeSet<String> {
    let has_secrets = stack.masked_parameters().next().is_some();
    let Some(template) = template else {
        let all = stack.outputs.iter().filter(|_| has_secrets);
        return all.map(|output| output.name.clone()).collect();
    };
    let mut shown = stack.clone();
    masking::hide_outputs(&mut shown, template);
    let outputs = stack.outputs.iter().zip(&shown.outputs);
    let hidden = outputs.filter(|(actual, shown)| actual.value != shown.value);
    hidden.map(|(actual, _)| actual.name.clone()).collect()
}

/// Returns the value of an output of a stack of the project.
fn value_of(
    session: &Session<'_>,
    (key, settings): (&str, &Settings),
    read: &ReadStack,
    output: &str,
) -> std::result::Result<StackValue, MissingValue> {
    let command = |name: &str| {
        let environment = session.settings().environment.as_str();
        session.context().command_for(name, &[key], &[environment])
    };
    let name = &settings.stack_name;
    let stack = read.stack.as_ref().filter(|stack| stack.status.exists());
    let Some(stack) = stack else {
        let message = format!("the stack `{key}` (`{name}`) is not deployed");
        let help = format!("`{}` deploys it", command("apply"));
        return Err(MissingValue::new(message).help(help));
    };
    if has_no_outputs(&stack.status) {
        let message = format!("the stack `{key}` (`{name}`) is {}", stack.status);
        let help = format!("`{}` deploys it again", command("apply"));
        return Err(MissingValue::new(message).help(help));
    }
    let Some(value) = stack.output(output) else {
        return Err(no_output(stack, key, output, &command("apply")));
    };
    if value.is_empty() {
        let message = format!("the output `{output}` of the stack `{key}` is empty");
        return Err(MissingValue::new(message));
    }
    if value.len() > PARAMETER_BYTES {
        let message = format!(
            "the output `{output}` of the stack `{key}` has {} bytes",
            value.len()
        );
        let help = format!("CloudFormation takes {PARAMETER_BYTES} bytes a parameter");
        return Err(MissingValue::new(message).help(help));
    }
    Ok(if read.secrets.contains(output) {
        StackValue::Secret(Secret::new(value))
    } else {
        StackValue::Plain(value.to_owned())
    })
}

/// Returns whether a stack in this status was never created as a whole, so that its outputs do not exist.
fn has_no_outputs(status: &StackStatus) -> bool {
    matches!(
        status,
        StackStatus::CreateFailed
            | StackStatus::RollbackInProgress
            | StackStatus::RollbackFailed
            | StackStatus::RollbackComplete
            | StackStatus::DeleteInProgress
            | StackStatus::DeleteFailed
    )
}

fn no_output(stack: &Stack, key: &str, output: &str, apply: &str) -> MissingValue {
    let names: Vec<&str> = stack.outputs.iter().map(|it| it.name.as_str()).collect();
    let message = format!(
        "the stack `{key}` (`{}`) has no output `{output}`",
        stack.name
    );
    let mut missing = MissingValue::new(message);
    if let Some(meant) = nearest(output, names.iter().copied()) {
        missing = missing.help(format!("did you mean `{meant}`?"));
    }
    missing.help(match names.as_slice() {
        [] => format!("the stack has no outputs; `{apply}` deploys those that the files have"),
        names => format!(
            "its outputs are {}; `{apply}` deploys those that the files have",
            names.join(", ")
        ),
    })
}
