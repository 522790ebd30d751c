//! Drift detection: started, awaited, read.
//!
//! It takes from seconds to minutes, and CloudFormation tells nothing but that it goes on. One stack
//! has at most one detection at a time. What it found stays with the stack until the next one.

use std::time::Duration;

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::operation::describe_stack_resource_drifts::DescribeStackResourceDriftsOutput;
use aws_sdk_cloudformation::types as sdk;

use super::pages::Pages;
use super::{PATIENCE, StackService, convert};
use crate::aws::backoff::Backoff;
use crate::aws::fault;
use crate::cloudformation::drift::{Detection, Difference, DriftStatus, ResourceDrift};
use crate::cloudformation::service_message;
use crate::error::{Error, ErrorKind, Result};

/// How many resources one detection can name (`LogicalResourceIds` in the service's model). For
/// more, the whole stack is checked.
const MOST_NAMES: usize = 200;

/// How long a detection may take, with the one before it. The service documents no limit; a stack has at
/// most 500 resources, each of which takes seconds.
const LONGEST: Duration = Duration::from_hours(1);

/// The progress of a detection.
#[derive(Debug)]
pub enum DetectionUpdate<'a> {
    /// It has been running for this time.
    Running(Duration),
    /// Another detection is running; ours starts after it.
    Waiting(Duration),
    /// A call failed; it is repeated.
    PollError(&'a Error),
}

/// Detects drift of the resources `only`, of all if it is empty, and waits for the end.
/// Returns how it ended; [`resource_drifts`] returns what it found.
///
/// A detection that is already running is awaited, not joined: no answer says which resources it
/// checks.
/// A look that fails decides nothing.
///
/// # Errors
///
/// If the service refuses to detect drift, or cannot be asked for a long time; at once where
/// only a permission or new credentials help.
pub async fn detect(
    service: &StackService,
    only: &[String],
    mut seen: impl FnMut(DetectionUpdate<'_>),
) -> Result<Detection> {
    let started = tokio::time::Instant::now();
    let id = begin_detection(service, only, started, &mut seen).await?;
    let mut backoff = Backoff::polling(&service.connection);
    let mut failures = 0;
    loop {
        let request = service.client.describe_stack_drift_detection_status();
        match request.stack_drift_detection_id(&id).send().await {
            Ok(answer) => {
                failures = 0;
                let detection = detection(&id, answer)?;
                if detection.is_terminal() {
                    return Ok(detection);
                }
                check_time(service, started)?;
                seen(DetectionUpdate::Running(started.elapsed()));
            }
            Err(error) => {
                let is_final = fault::is_denied(&error) || failures >= PATIENCE;
                let error = service
                    .connection
                    .fault("read how the detection goes", &error);
                if is_final || fault::needs_login(&error) {
                    return Err(error);
                }
                failures += 1;
                seen(DetectionUpdate::PollError(&error));
                backoff.ease();
            }
        }
        backoff.pause().await;
    }
}

/// Returns the id of a new detection, which begins after the one that runs.
async fn begin_detection(
    service: &StackService,
    only: &[String],
    started: tokio::time::Instant,
    seen: &mut impl FnMut(DetectionUpdate<'_>),
) -> Result<String> {
    let mut backoff = Backoff::polling(&service.connection);
    loop {
        let request = service
            .client
            .detect_stack_drift()
            .stack_name(&service.name);
        let is_named = !only.is_empty() && only.len() <= MOST_NAMES;
        let ids = is_named.then(|| only.to_vec());
        let error = match request.set_logical_resource_ids(ids).send().await {
            Ok(answer) => {
                let id = answer.stack_drift_detection_id;
                return id
                    .ok_or_else(|| fault::incomplete("DetectStackDrift", "StackDriftDetectionId"));
            }
            Err(error) => error,
        };
        let message = error.message().unwrap_or_default();
        if !service_message::is_drift_detection_running(message) {
            let doing = format!("detect drift of the stack `{}`", service.name);
            return Err(service.connection.fault(doing, &error));
        }
        check_time(service, started)?;
        seen(DetectionUpdate::Waiting(started.elapsed()));
        backoff.pause().await;
    }
}

fn check_time(service: &StackService, started: tokio::time::Instant) -> Result<()> {
    if started.elapsed() < LONGEST {
        return Ok(());
    }
    let minutes = LONGEST.as_secs() / 60;
    Err(Error::new(
        ErrorKind::Service,
        format!(
            "a drift detection of the stack `{}` is still running after {minutes} minutes",
            service.name
        ),
    ))
}

/// Returns what the last detections found, resource by resource.
pub async fn resource_drifts(service: &StackService) -> Result<Vec<ResourceDrift>> {
    let request = service.client.describe_stack_resource_drifts();
    let request = request.stack_name(&service.name);
    let mut pages = Pages::new(
        request.into_paginator().send(),
        DescribeStackResourceDriftsOutput::next_token,
        "the stack's drift",
    );
    let mut drifts = Vec::new();
    while let Some(page) = pages.next().await? {
        let page = page.map_err(|error| {
            let doing = format!("read the drift of the stack `{}`", service.name);
            service.connection.fault(doing, &error)
        })?;
        let (operation, member) = ("DescribeStackResourceDrifts", "StackResourceDrifts");
        let next = page.next_token.as_deref();
        let page = fault::list(page.stack_resource_drifts, next, operation, member)?;
        drifts.extend(page.into_iter().map(resource_drift));
    }
    Ok(drifts)
}

fn detection(
    id: &str,
    answer: aws_sdk_cloudformation::operation::describe_stack_drift_detection_status::DescribeStackDriftDetectionStatusOutput,
) -> Result<Detection> {
    let text = |value: Option<&str>| value.unwrap_or("UNKNOWN").to_owned();
    Ok(Detection {
        id: id.to_owned(),
        status: fault::text(
            answer
                .detection_status
                .as_ref()
                .map(sdk::StackDriftDetectionStatus::as_str),
            "DescribeStackDriftDetectionStatus",
            "DetectionStatus",
        )?,
        stack_status: text(
            answer
                .stack_drift_status
                .as_ref()
                .map(sdk::StackDriftStatus::as_str),
        ),
        reason: answer.detection_status_reason.filter(|it| !it.is_empty()),
        started: answer.timestamp.and_then(convert::time),
    })
}

fn resource_drift(drift: sdk::StackResourceDrift) -> ResourceDrift {
    let status = drift.stack_resource_drift_status;
    let differences = drift.property_differences.unwrap_or_default();
    ResourceDrift {
        logical_id: drift.logical_resource_id.unwrap_or_default(),
        physical_id: drift.physical_resource_id.filter(|id| !id.is_empty()),
        resource_type: drift.resource_type.unwrap_or_default(),
        status: DriftStatus::from_wire(status.as_ref().map_or("UNKNOWN", |it| it.as_str())),
        reason: drift.drift_status_reason.filter(|it| !it.is_empty()),
        expected: drift.expected_properties,
        actual: drift.actual_properties,
        differences: differences.into_iter().map(difference).collect(),
        checked: drift.timestamp.and_then(convert::time),
    }
}

fn difference(difference: sdk::PropertyDifference) -> Difference {
    let kind = difference.difference_type;
    Difference::new(
        difference.property_path.unwrap_or_default(),
        kind.as_ref().map_or("", |kind| kind.as_str()),
        difference.expected_value,
        difference.actual_value,
    )
}
