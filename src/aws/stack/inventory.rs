//! All stacks and stack sets of the account and region, with the texts that they were made of.

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::operation::describe_stacks::DescribeStacksOutput;
use aws_sdk_cloudformation::operation::list_stack_sets::ListStackSetsOutput;
use aws_sdk_cloudformation::types::{StackSetStatus, TemplateStage};

use super::pages::Pages;
use super::{StackService, convert, is_missing};
use crate::aws::{Endpoint, fault};
use crate::cloudformation::stack::Stack;
use crate::error::Result;

/// What could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<T> {
    /// It was read.
    Known(T),
    /// It does not exist, or not any more.
    Missing,
    /// The caller may not read it.
    Denied,
}

/// Returns all stacks of the account and region that are not deleted, nested ones too.
pub async fn stacks(service: &StackService) -> Result<Vec<Stack>> {
    let mut pages = Pages::new(
        service.client.describe_stacks().into_paginator().send(),
        DescribeStacksOutput::next_token,
        "the list of stacks",
    );
    let mut stacks = Vec::new();
    while let Some(page) = pages.next().await? {
        let page = page.map_err(|error| service.connection.fault("list the stacks", &error))?;
        let next = page.next_token.as_deref();
        let page = fault::list(page.stacks, next, "DescribeStacks", "Stacks")?;
        for stack in page {
            stacks.push(convert::stack(stack)?);
        }
    }
    Ok(stacks)
}

/// Returns a template of a stack or, with `change_set`, of a change set, each by its name or ARN: as it was
/// sent, or as transforms and macros have left it.
pub async fn template(
    service: &StackService,
    stack: &str,
    change_set: Option<&str>,
    is_processed: bool,
) -> Result<Read<String>> {
    let stage = if is_processed {
        TemplateStage::Processed
    } else {
        TemplateStage::Original
    };
    let request = service
        .client
        .get_template()
        .stack_name(stack)
        .set_change_set_name(change_set.map(str::to_owned))
        .template_stage(stage);
    match request.send().await {
        Ok(answer) => Ok(answer.template_body.map_or(Read::Missing, Read::Known)),
        Err(error) if is_missing(&error) => Ok(Read::Missing),
        Err(error) if fault::is_denied(&error) => Ok(Read::Denied),
        Err(error) => {
            let doing = format!("read the template of `{}`", change_set.unwrap_or(stack));
            Err(service.connection.fault(doing, &error))
        }
    }
}

/// Returns the values of a change set's parameters, by its ARN.
pub async fn change_set_values(service: &StackService, id: &str) -> Result<Read<Vec<String>>> {
    let request = service.client.describe_change_set().change_set_name(id);
    match request.send().await {
        Ok(answer) => {
            let parameters = answer.parameters.unwrap_or_default().into_iter();
            let values = parameters.filter_map(|it| it.parameter_value);
            Ok(Read::Known(values.collect()))
        }
        Err(error) if is_missing(&error) => Ok(Read::Missing),
        Err(error) if fault::is_denied(&error) => Ok(Read::Denied),
        Err(error) => Err(service.connection.fault("describe the change set", &error)),
    }
}

/// Returns the names of all stack sets that are not deleted. A server that is not AWS's and does not
/// know stack sets has none.
pub async fn stack_sets(service: &StackService) -> Result<Read<Vec<String>>> {
    let request = service
        .client
        .list_stack_sets()
        .status(StackSetStatus::Active);
    let mut pages = Pages::new(
        request.into_paginator().send(),
        ListStackSetsOutput::next_token,
        "the list of stack sets",
    );
    let mut names = Vec::new();
    while let Some(page) = pages.next().await? {
        match page {
            Ok(page) => {
                let sets = page.summaries.unwrap_or_default().into_iter();
                names.extend(sets.filter_map(|set| set.stack_set_name));
            }
            Err(error) if fault::is_denied(&error) => return Ok(Read::Denied),
            Err(error)
                if *service.connection.endpoint() != Endpoint::Aws
                    && error.code() == Some("InvalidAction") =>
            {
                return Ok(Read::Missing);
            }
            Err(error) => return Err(service.connection.fault("list the stack sets", &error)),
        }
    }
    Ok(Read::Known(names))
}

/// Returns the template of a stack set and the values of its parameters, each a text.
pub async fn stack_set_texts(service: &StackService, name: &str) -> Result<Read<Vec<String>>> {
    let request = service.client.describe_stack_set().stack_set_name(name);
    match request.send().await {
        Ok(answer) => Ok(answer.stack_set.map_or(Read::Missing, |set| {
            let parameters = set.parameters.unwrap_or_default().into_iter();
            let values = parameters.filter_map(|it| it.parameter_value);
            Read::Known(set.template_body.into_iter().chain(values).collect())
        })),
        Err(error) if error.code() == Some("StackSetNotFoundException") => Ok(Read::Missing),
        Err(error) if fault::is_denied(&error) => Ok(Read::Denied),
        Err(error) => {
            let doing = format!("read the stack set `{name}`");
            Err(service.connection.fault(doing, &error))
        }
    }
}
