//! The change sets of a stack, whoever created them.

use aws_sdk_cloudformation::operation::list_change_sets::ListChangeSetsOutput;
use jiff::Timestamp;

use super::pages::Pages;
use super::{Requested, StackService, convert, is_missing};
use crate::aws::fault;
use crate::error::Result;

/// A change set in the list of its stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedChangeSet {
    /// Its ARN.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was requested.
    pub created: Option<Timestamp>,
    /// Whether it can be executed or is being executed, such as `AVAILABLE`.
    pub execution_status: String,
}

/// Returns the change sets of the stack with this ARN, none if it does not exist. Executed
/// ones are not among them.
pub async fn change_sets(service: &StackService, stack_id: &str) -> Result<Vec<ListedChangeSet>> {
    let request = service.client.list_change_sets().stack_name(stack_id);
    let answers = request.into_paginator().send();
    let mut pages = Pages::new(
        answers,
        ListChangeSetsOutput::next_token,
        "the list of change sets",
    );
    let mut listed = Vec::new();
    while let Some(page) = pages.next().await? {
        let page = match page {
            Ok(page) => page,
            Err(error) if is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(service.connection.fault("list the change sets", &error)),
        };
        let next = page.next_token.as_deref();
        let sets = fault::list(page.summaries, next, "ListChangeSets", "Summaries")?;
        listed.extend(sets.into_iter().filter_map(|set| {
            Some(ListedChangeSet {
                id: set.change_set_id?,
                name: set.change_set_name.unwrap_or_default(),
                created: set.creation_time.and_then(convert::time),
                execution_status: set
                    .execution_status
                    .map_or_else(String::new, |status| status.as_str().to_owned()),
            })
        }));
    }
    Ok(listed)
}

/// Returns whether a change set's stack has other change sets.
pub async fn has_other_change_sets(service: &StackService, ours: &Requested) -> Result<bool> {
    let listed = change_sets(service, &ours.stack_id).await?;
    Ok(listed.iter().any(|set| set.id != ours.change_set_id))
}
