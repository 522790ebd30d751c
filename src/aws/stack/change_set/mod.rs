//! A change set, read until nothing of it is missing.
//!
//! The service tells it in parts: in pages; with property values, which may leave changes out, and
//! without them; each nested stack in a change set of its own; the findings of its checks as events.
//! All parts are asked for, side by side where they do not depend on each other. Whatever a server
//! answers, the reading ends: pages, depth and repetitions are bounded.

mod convert;

use std::collections::HashSet;
use std::time::Duration;

use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::describe_change_set::builders::DescribeChangeSetFluentBuilder;
use aws_sdk_cloudformation::operation::describe_change_set::{
    DescribeChangeSetError, DescribeChangeSetOutput,
};
use aws_sdk_cloudformation::operation::describe_events::DescribeEventsOutput;
use aws_sdk_cloudformation::types::TemplateStage;

use tokio::time::Instant;

use super::pages::Pages;
use super::{StackService, is_missing};
use crate::aws::backoff::Backoff;
use crate::aws::fault;
use crate::cloudformation::change_set::validation::Validation;
use crate::cloudformation::change_set::{ChangeSet, failure, merge};
use crate::error::{Error, ErrorKind, Result};
pub(super) use convert::validation;

/// How often the findings that a failed change set announces are read again: over about 5 seconds.
const LOOKS: usize = 8;

/// How deep nested stacks are followed. The service itself has no stacks as deep as this.
const DEPTH: usize = 20;

/// How long the creation of a change set may take: as long as the AWS CLI waits for one
/// (`change-set-create-complete`).
const CREATION: Duration = Duration::from_hours(1);

/// Waits until the change set is made or has failed, and returns all that the service says of
/// it: every page, property values, nested change sets, the findings of its checks.
///
/// # Errors
///
/// If a call fails, or the change set is not made after an hour.
pub async fn wait(service: &StackService, id: &str) -> Result<ChangeSet> {
    wait_showing(service, id, |_| {}).await
}

/// As [`wait`]. `seen` is called with the time since the first look at a change set that is not made
/// yet.
///
/// # Errors
///
/// Those of [`wait`].
pub async fn wait_showing(
    service: &StackService,
    id: &str,
    mut seen: impl FnMut(Duration),
) -> Result<ChangeSet> {
    let mut change_set = if let Some(change_set) = change_set_at_once(service, id).await? {
        change_set
    } else {
        let mut backoff = Backoff::polling(&service.connection);
        let started = Instant::now();
        let first = loop {
            if started.elapsed() >= CREATION {
                return Err(endless(service));
            }
            seen(started.elapsed());
            backoff.pause().await;
            let page = first_page(service, id, true).await?;
            if page.0.is_terminal() {
                break page;
            }
        };
        complete(service, id, first, true).await?
    };
    let mut seen = HashSet::from([change_set.id.clone()]);
    read_nested(service, &mut change_set, &mut seen, DEPTH).await?;
    Ok(change_set)
}

fn endless(service: &StackService) -> Error {
    let minutes = CREATION.as_secs() / 60;
    Error::new(
        ErrorKind::Service,
        format!(
            "CloudFormation is still creating the change set for `{}` after {minutes} minutes",
            service.name
        ),
    )
}

/// Returns the whole change set if it is settled already, which small ones often are: all of
/// its parts are asked for together, in the hope that none has to be asked for again.
async fn change_set_at_once(service: &StackService, id: &str) -> Result<Option<ChangeSet>> {
    let validations = async { Ok(validations(service, id).await) };
    let (valued, plain, findings) = tokio::try_join!(
        first_page(service, id, true),
        first_page(service, id, false),
        validations
    )?;
    // Events are found by the ARN alone.
    let is_arn = valued.0.id == id;
    if !is_arn || !valued.0.is_terminal() || !plain.0.is_terminal() {
        return Ok(None);
    }
    let (valued, plain) = tokio::try_join!(
        remaining_pages(service, id, valued.0, valued.1, true),
        remaining_pages(service, id, plain.0, plain.1, false)
    )?;
    Ok(Some(merged(service, id, valued, plain, findings).await))
}

/// Returns a change set with all its parts but the nested ones, from its first page on.
async fn complete(
    service: &StackService,
    id: &str,
    (first, token): (ChangeSet, Option<String>),
    with_validations: bool,
) -> Result<ChangeSet> {
    // Events are found by the ARN alone.
    let arn = if first.id.is_empty() { id } else { &first.id }.to_owned();
    let plain = async {
        let (first, token) = first_page(service, id, false).await?;
        remaining_pages(service, id, first, token, false).await
    };
    let validations = async {
        if with_validations {
            Ok(validations(service, &arn).await)
        } else {
            Ok(Findings::default())
        }
    };
    let (valued, plain, findings) = tokio::try_join!(
        remaining_pages(service, id, first, token, true),
        plain,
        validations
    )?;
    Ok(merged(service, &arn, valued, plain, findings).await)
}

/// Returns a change set as it is with property values and without, and what the service's checks
/// found, as one.
async fn merged(
    service: &StackService,
    arn: &str,
    valued: ChangeSet,
    plain: ChangeSet,
    findings: Findings,
) -> ChangeSet {
    let mut change_set = merge::merged(valued, plain);
    change_set.validations = findings.found;
    change_set.warnings.extend(findings.warning);
    if findings.is_readable {
        await_findings(service, arn, &mut change_set).await;
    }
    change_set
}

/// Reads the findings again if the change set has failed before they are available.
async fn await_findings(service: &StackService, arn: &str, change_set: &mut ChangeSet) {
    let mut backoff = Backoff::polling(&service.connection);
    for _ in 0..LOOKS {
        if !failure::awaits_findings(change_set) {
            return;
        }
        backoff.pause().await;
        change_set.validations = validations(service, arn).await.found;
    }
    if failure::awaits_findings(change_set) {
        change_set
            .warnings
            .push("the service has not said in time what its checks found; try again".to_owned());
    }
}

/// Reads the change sets of nested stacks. They settle before their root does, or the root has
/// failed and does not wait for them either.
async fn read_nested(
    service: &StackService,
    parent: &mut ChangeSet,
    seen: &mut HashSet<String>,
    depth: usize,
) -> Result<()> {
    let changes = parent.changes.iter();
    let listed = changes.filter_map(|change| change.nested_change_set.as_deref());
    let ids: Vec<String> = listed
        .chain(failure::failed_child(parent))
        .map(str::to_owned)
        .collect();
    for id in ids {
        if seen.contains(&id) {
            continue;
        }
        if depth == 0 {
            parent.warnings.push(format!(
                "nested stacks deeper than {DEPTH} are not shown: {id}"
            ));
            continue;
        }
        seen.insert(id.clone());
        let first = match describe_first_page(service, &id, true).await {
            Ok(answer) => first_page_of(answer)?,
            Err(error) if is_missing(&error) => {
                parent
                    .warnings
                    .push(format!("the nested change set {id} does not exist"));
                continue;
            }
            Err(error) => {
                return Err(service
                    .connection
                    .fault("describe a nested change set", &error));
            }
        };
        let failed = first.0.is_failed();
        let deployed = first.0.stack_id.clone();
        let templates = async {
            // They show which values are secret and where a finding is; a plan can do without them.
            Ok(tokio::join!(
                nested_template(service, Some(&id), None),
                template_of_nested(service, &deployed)
            ))
        };
        let (mut nested, templates) =
            tokio::try_join!(complete(service, &id, first, failed), templates)?;
        (nested.template, nested.deployed_template) = templates;
        Box::pin(read_nested(service, &mut nested, seen, depth - 1)).await?;
        nested.id = id;
        parent.nested.push(nested);
    }
    Ok(())
}

/// Returns the template of the nested stack with this ARN, as it was deployed last; `None` if it
/// cannot be read.
pub async fn template_of_nested(service: &StackService, stack_id: &str) -> Option<String> {
    nested_template(service, None, Some(stack_id)).await
}

/// Returns the template of a nested stack, or of its change set; `None` if it cannot be read.
async fn nested_template(
    service: &StackService,
    change_set: Option<&str>,
    stack: Option<&str>,
) -> Option<String> {
    let request = service
        .client
        .get_template()
        .set_change_set_name(change_set.map(str::to_owned))
        .set_stack_name(stack.map(str::to_owned))
        .template_stage(TemplateStage::Original);
    request.send().await.ok()?.template_body
}

async fn remaining_pages(
    service: &StackService,
    id: &str,
    mut change_set: ChangeSet,
    token: Option<String>,
    values: bool,
) -> Result<ChangeSet> {
    let Some(token) = token.filter(|token| !token.is_empty()) else {
        return Ok(change_set);
    };
    let request = change_set_request(service, id, values).next_token(&token);
    let pages = Pages::new(
        request.into_paginator().send(),
        DescribeChangeSetOutput::next_token,
        "the change set",
    );
    let mut pages = pages.after(token);
    while let Some(page) = pages.next().await? {
        let page =
            page.map_err(|error| service.connection.fault("describe the change set", &error))?;
        change_set.add_changes(convert::change_set(page)?.changes);
    }
    Ok(change_set)
}

async fn first_page(
    service: &StackService,
    id: &str,
    values: bool,
) -> Result<(ChangeSet, Option<String>)> {
    let answer = describe_first_page(service, id, values)
        .await
        .map_err(|error| service.connection.fault("describe the change set", &error))?;
    first_page_of(answer)
}

fn first_page_of(mut answer: DescribeChangeSetOutput) -> Result<(ChangeSet, Option<String>)> {
    let token = answer.next_token.take();
    Ok((convert::change_set(answer)?, token))
}

async fn describe_first_page(
    service: &StackService,
    id: &str,
    values: bool,
) -> Result<DescribeChangeSetOutput, SdkError<DescribeChangeSetError>> {
    change_set_request(service, id, values).send().await
}

fn change_set_request(
    service: &StackService,
    id: &str,
    values: bool,
) -> DescribeChangeSetFluentBuilder {
    // An ARN says which stack it belongs to, and that of a nested one is another than ours.
    let stack = (!id.starts_with("arn:")).then(|| service.name.clone());
    service
        .client
        .describe_change_set()
        .change_set_name(id)
        .set_stack_name(stack)
        .include_property_values(values)
}

/// Returns what the service's checks found, with a warning if that may not be read.
///
/// The operation is younger than most servers that speak the API, and a plan does not need it:
/// an endpoint that does not know it has no checks.
async fn validations(service: &StackService, arn: &str) -> Findings {
    let mut findings = Findings::default();
    let request = service.client.describe_events().change_set_name(arn);
    let mut pages = Pages::new(
        request.into_paginator().send(),
        DescribeEventsOutput::next_token,
        "the change set's events",
    );
    loop {
        let page = match pages.next().await {
            Ok(Some(Ok(page))) => page,
            Ok(None) => {
                findings.is_readable = true;
                return findings;
            }
            Ok(Some(Err(error))) => {
                findings.warning = fault::is_denied(&error).then(|| {
                    let reason = error.message().or(error.code()).unwrap_or_default();
                    format!("the service's own checks cannot be read: {reason}")
                });
                return findings;
            }
            Err(error) => {
                findings.warning = Some(error.to_string());
                return findings;
            }
        };
        for event in page.operation_events.unwrap_or_default() {
            let Some(validation) = convert::validation(event) else {
                continue;
            };
            if !findings.found.contains(&validation) {
                findings.found.push(validation);
            }
        }
    }
}

/// What the service's checks found, as far as it could be read.
#[derive(Debug, Default)]
struct Findings {
    found: Vec<Validation>,
    warning: Option<String>,
    /// Whether the events were read to their end.
    is_readable: bool,
}
