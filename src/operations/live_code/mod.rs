//! The code that the functions of a stack run, in environments that allow to change it without
//! CloudFormation.

pub(crate) mod send;

use futures_util::stream::{self, StreamExt, TryStreamExt};
use indexmap::IndexMap;

use crate::aws::functions::Functions;
use crate::aws::{Connection, is_missing};
use crate::cloudformation::function::LiveFunction;
use crate::cloudformation::stack::Resource;
use crate::error::Result;

/// How many functions are read or updated at once. Lambda's control plane accepts 15 calls per second,
/// a limit that cannot be raised (Lambda quotas).
pub(crate) const AT_ONCE: usize = 8;

/// Returns the functions with these logical ids, as far as they are among the resources of the stack.
/// A function that the caller may not read, or that was deleted outside of the stack, has no code.
///
/// # Errors
///
/// If the service does not answer.
pub(crate) async fn read(
    connection: &Connection,
    resources: &[Resource],
    logical_ids: impl Iterator<Item = &str>,
) -> Result<IndexMap<String, LiveFunction>> {
    let functions = Functions::new(connection);
    let named = logical_ids.filter_map(|id| {
        let resource = resources.iter().find(|it| it.logical_id == id)?;
        let is_deleted = resource.status == "DELETE_COMPLETE";
        let name = resource.physical_id.clone().filter(|_| !is_deleted)?;
        Some((id.to_owned(), name))
    });
    let named: Vec<(String, String)> = named.collect();
    stream::iter(named)
        .map(async |(id, name)| {
            let code = match functions.live_code(&name).await {
                Err(error) if is_missing(&error) => None,
                code => code?,
            };
            Ok((id, LiveFunction { name, code }))
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await
}
