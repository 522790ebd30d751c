//! The functions of a deployed stack and of the stacks nested in it, with their configuration.

use std::collections::{BTreeSet, VecDeque};

use futures_util::stream::{self, StreamExt};

use crate::aws::functions::Functions;
use crate::aws::stack::StackService;
use crate::aws::{Connection, lacks_permission};
use crate::cloudformation::function::{FUNCTION_TYPE, Function};
use crate::error::Result;
use crate::template::STACK_TYPE;

/// How many configurations are read at once: the control plane allows 15 calls per second (Lambda
/// quotas).
const AT_ONCE: usize = 8;

/// How deep nested stacks are looked into.
const DEEPEST: usize = 20;

/// The functions of a stack.
#[derive(Debug, Default)]
pub(crate) struct DeployedFunctions {
    /// The functions in the order of the stack's resources, those of nested stacks last.
    pub(crate) functions: Vec<Function>,
    /// What could not be read, one line each, with the permission that it needs.
    pub(crate) left_out: Vec<String>,
}

/// Returns the functions of a stack. A function that does not exist yet has no log and is left out.
///
/// # Errors
///
/// If the resources of the stack cannot be listed.
pub(crate) async fn read(connection: &Connection, stack: &str) -> Result<DeployedFunctions> {
    let mut found = list(connection, stack).await?;
    let service = Functions::new(connection);
    let names: Vec<String> = found.functions.iter().map(|it| it.name.clone()).collect();
    let read = async |name: String| service.configuration(&name).await;
    let configurations: Vec<_> = stream::iter(names)
        .map(read)
        .buffered(AT_ONCE)
        .collect()
        .await;
    let mut is_denied = false;
    for (function, configuration) in found.functions.iter_mut().zip(configurations) {
        match configuration {
            Ok(Some(configuration)) => function.configuration = Some(configuration),
            Ok(None) => is_denied = true,
            // The function was deleted outside of the stack; its log may still exist.
            Err(_) => {}
        }
    }
    if is_denied {
        found.left_out.push(
            "the functions' configurations are not known, so their default log groups are read: the \
             caller lacks `lambda:GetFunctionConfiguration`"
                .to_owned(),
        );
    }
    Ok(found)
}

async fn list(connection: &Connection, stack: &str) -> Result<DeployedFunctions> {
    let mut found = DeployedFunctions::default();
    // A stack is nested in one other, whatever a server answers.
    let mut known = BTreeSet::from([stack.to_owned()]);
    let mut waiting = VecDeque::from([(stack.to_owned(), String::new(), 0)]);
    while let Some((stack, prefix, depth)) = waiting.pop_front() {
        let resources = match StackService::new(connection, &*stack).resources().await {
            Ok(resources) => resources,
            Err(error) if depth > 0 && lacks_permission(&error) => {
                let nested = prefix.trim_end_matches('/');
                found.left_out.push(format!(
                    "the functions of the nested stack `{nested}` are not known: the caller lacks \
                     `cloudformation:ListStackResources` for it"
                ));
                continue;
            }
            Err(error) => return Err(error),
        };
        for resource in resources {
            let is_deleted = resource.status == "DELETE_COMPLETE";
            let Some(physical) = resource.physical_id.filter(|_| !is_deleted) else {
                continue;
            };
            let path = format!("{prefix}{}", resource.logical_id);
            match resource.resource_type.as_str() {
                FUNCTION_TYPE => found.functions.push(Function {
                    path,
                    stack: stack.clone(),
                    name: physical,
                    configuration: None,
                }),
                STACK_TYPE if depth < DEEPEST && known.insert(physical.clone()) => {
                    waiting.push_back((physical, format!("{path}/"), depth + 1));
                }
                _ => {}
            }
        }
    }
    Ok(found)
}
