//! One stack at CloudFormation: describe it, plan a change set, execute it, follow what happens.

pub mod change_set;
mod convert;
pub mod drift;
pub mod drift_revert;
pub mod events;
pub mod exports;
pub mod hooks;
pub mod identifiers;
pub mod inventory;
pub mod listing;
pub(super) mod pages;
pub mod policy;
pub mod recovery;
pub mod refactor;
mod request;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::list_stack_resources::ListStackResourcesOutput;
use aws_sdk_cloudformation::types::{DeletionMode, TemplateStage};

use super::{Connection, fault};
use crate::cloudformation::deletion::DeletionRequest;
use crate::cloudformation::service_message;
use crate::cloudformation::stack::{Resource, Stack};
use crate::error::Result;
use inventory::Read;
use pages::Pages;

pub(super) use convert::time;
pub use drift::DetectionUpdate;
pub use events::PollUpdate;
pub use listing::ListedChangeSet;
pub(super) use request::parameter;
pub use request::{ChangeSetRequest, ImportedResource, Purpose, TemplateSource};

/// How many polls of a running operation may fail in a row before polling stops. The
/// SDK makes several attempts in each, and the pauses between them grow.
const PATIENCE: u32 = 30;

/// CloudFormation's answers about one stack, by its name.
#[derive(Debug, Clone)]
pub struct StackService {
    connection: Connection,
    client: Client,
    name: String,
}

/// A change set that has been requested; it may not be created yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Requested {
    /// The change set's ARN.
    pub change_set_id: String,
    /// The stack's ARN.
    pub stack_id: String,
}

impl StackService {
    /// Returns the service for the stack `name`.
    pub fn new(connection: &Connection, name: impl Into<String>) -> Self {
        Self {
            connection: connection.clone(),
            client: connection.cloudformation(),
            name: name.into(),
        }
    }

    /// Returns the service for another stack, by its name or ARN.
    #[must_use]
    pub fn of_stack(&self, name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..self.clone()
        }
    }

    /// Returns the stack's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the connection that it calls with.
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the stack, or `None` if there is none of that name.
    pub async fn describe(&self) -> Result<Option<Stack>> {
        self.describe_by(&self.name).await
    }

    /// Returns the stack with this name or ARN. By ARN, deleted stacks are found for 90 days
    /// (`DescribeStacks`).
    pub async fn describe_by(&self, name_or_id: &str) -> Result<Option<Stack>> {
        match self
            .client
            .describe_stacks()
            .stack_name(name_or_id)
            .send()
            .await
        {
            // A stack that does not exist is an error to the service, so there is always one.
            Ok(answer) => {
                let stack = answer.stacks.unwrap_or_default().into_iter().next();
                let stack = stack.ok_or_else(|| fault::incomplete("DescribeStacks", "Stacks"))?;
                convert::stack(stack).map(Some)
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self
                .connection
                .fault(format!("describe the stack `{}`", self.name), &error)),
        }
    }

    /// Returns the template as it was last deployed, byte for byte except that the service keeps
    /// no character outside ASCII; `None` if there is no stack or no template.
    pub async fn template(&self) -> Result<Option<String>> {
        self.template_at(TemplateStage::Original).await
    }

    /// Returns the template as transforms and macros have left it: that of the resources that the
    /// stack really has. `None` as for [`template`](Self::template).
    pub async fn processed_template(&self) -> Result<Option<String>> {
        self.template_at(TemplateStage::Processed).await
    }

    /// Returns the template of a change set of the stack, also of one that was executed; `None` if it
    /// cannot be read.
    pub async fn template_of_change_set(&self, name: &str) -> Option<String> {
        match inventory::template(self, &self.name, Some(name), false).await {
            Ok(Read::Known(text)) => Some(text),
            _ => None,
        }
    }

    async fn template_at(&self, stage: TemplateStage) -> Result<Option<String>> {
        let request = self.client.get_template().stack_name(&self.name);
        match request.template_stage(stage).send().await {
            Ok(answer) => Ok(answer.template_body),
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => {
                let doing = format!("read the template of the stack `{}`", self.name);
                Err(self.connection.fault(doing, &error))
            }
        }
    }

    /// Requests a change set and returns at once; [`change_set::wait`] waits for it.
    pub async fn create_change_set(&self, request: &ChangeSetRequest<'_>) -> Result<Requested> {
        let builder = request.fill(self.client.create_change_set().stack_name(&self.name));
        let answer = match builder.send().await {
            Ok(answer) => answer,
            Err(error) => {
                // Nobody else uses this name: an earlier attempt arrived, and its answer did not.
                let exists = matches!(
                    error.code(),
                    Some("AlreadyExists" | "AlreadyExistsException")
                );
                let made = if exists {
                    self.find_change_set(request.name).await?
                } else {
                    None
                };
                return made.ok_or_else(|| {
                    let doing = format!("create a change set for `{}`", self.name);
                    self.connection.fault(doing, &error)
                });
            }
        };
        match (answer.id, answer.stack_id) {
            (Some(change_set_id), Some(stack_id)) => Ok(Requested {
                change_set_id,
                stack_id,
            }),
            (Some(change_set_id), None) => Ok(Requested {
                change_set_id,
                stack_id: self.name.clone(),
            }),
            (None, _) => Err(fault::incomplete("CreateChangeSet", "Id")),
        }
    }

    /// Returns the ARN of the stack that a change set belongs to; `None` if it does not exist.
    pub async fn find_change_set(&self, name: &str) -> Result<Option<Requested>> {
        let request = self
            .client
            .describe_change_set()
            .change_set_name(name)
            .stack_name(&self.name);
        match request.send().await {
            Ok(answer) => {
                Ok(answer
                    .change_set_id
                    .zip(answer.stack_id)
                    .map(|(change_set_id, stack_id)| Requested {
                        change_set_id,
                        stack_id,
                    }))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.connection.fault("describe the change set", &error)),
        }
    }

    /// Deletes a change set; one that is gone already is no error.
    pub async fn delete_change_set(&self, id: &str) -> Result<()> {
        let request = self
            .client
            .delete_change_set()
            .change_set_name(id)
            .stack_name(&self.name);
        match request.send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(self.connection.fault("delete the change set", &error)),
        }
    }

    /// Executes a change set. The token makes a repeated request harmless. `keeps` turns rollback off:
    /// what fails stays as it is then.
    pub async fn execute(&self, change_set_id: &str, token: &str, keeps: bool) -> Result<()> {
        self.client
            .execute_change_set()
            .change_set_name(change_set_id)
            .client_request_token(token)
            .set_disable_rollback(keeps.then_some(true))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| self.connection.fault("execute the change set", &error))
    }

    /// Returns the stack's resources in the service's order; none if there is no stack.
    pub async fn resources(&self) -> Result<Vec<Resource>> {
        let request = self.client.list_stack_resources().stack_name(&self.name);
        let mut pages = Pages::new(
            request.into_paginator().send(),
            ListStackResourcesOutput::next_token,
            "the list of the stack's resources",
        );
        let mut resources = Vec::new();
        while let Some(page) = pages.next().await? {
            let page = match page {
                Err(error) if is_missing(&error) => return Ok(Vec::new()),
                page => page
                    .map_err(|error| self.connection.fault("list the stack's resources", &error))?,
            };
            let (operation, member) = ("ListStackResources", "StackResourceSummaries");
            let next = page.next_token.as_deref();
            let page = fault::list(page.stack_resource_summaries, next, operation, member)?;
            resources.extend(page.into_iter().map(convert::resource));
        }
        Ok(resources)
    }

    /// Asks for the deletion of a stack by its ARN and returns at once.
    pub async fn delete(
        &self,
        stack_id: &str,
        token: &str,
        role: Option<&str>,
        request: &DeletionRequest,
    ) -> Result<()> {
        let retained = request.retained.clone();
        self.client
            .delete_stack()
            .stack_name(stack_id)
            .client_request_token(token)
            .set_role_arn(role.map(str::to_owned))
            .set_retain_resources((!retained.is_empty()).then_some(retained))
            .set_deletion_mode(request.is_forced.then_some(DeletionMode::ForceDeleteStack))
            .set_deployment_config(request::deployment_config(request.mode, false))
            .send()
            .await
            .map(|_| ())
            .map_err(|error| {
                self.connection
                    .fault(format!("delete the stack `{}`", self.name), &error)
            })
    }

    /// Turns the protection from deletion on or off.
    pub async fn protect(&self, on: bool) -> Result<()> {
        self.client
            .update_termination_protection()
            .stack_name(&self.name)
            .enable_termination_protection(on)
            .send()
            .await
            .map(|_| ())
            .map_err(|error| {
                self.connection
                    .fault("change the stack's termination protection", &error)
            })
    }
}

/// Returns whether an error means that the stack or the change set does not exist.
pub(in crate::aws) fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    match error.code() {
        Some("ChangeSetNotFound" | "ChangeSetNotFoundException") => true,
        Some("ValidationError") => error.message().is_some_and(service_message::is_missing),
        _ => false,
    }
}
