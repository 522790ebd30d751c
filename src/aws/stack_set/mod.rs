//! The calls about one stack set: read it, its instances and operations; request operations.

mod convert;
mod request;

use std::cmp::Reverse;

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_cloudformation::operation::list_stack_instances::ListStackInstancesOutput;
use aws_sdk_cloudformation::operation::list_stack_set_operation_results::ListStackSetOperationResultsOutput;
use aws_sdk_cloudformation::operation::list_stack_set_operations::ListStackSetOperationsOutput;
use aws_sdk_cloudformation::types as sdk;
use indexmap::IndexMap;

use super::Connection;
use super::fault::{self, has_code};
use super::stack;
use super::stack::pages::Pages;
use crate::cloudformation::stack_set::instance::Instance;
use crate::cloudformation::stack_set::operation::{SetOperation, TargetResult};
use crate::cloudformation::stack_set::{StackSet, Target};
use crate::config::settings::CallAs;
use crate::error::{Error, Result};

pub use request::{Definition, Request, Sent, create, request};

/// CloudFormation's answers about one stack set, by its name.
#[derive(Debug, Clone)]
pub struct StackSetService {
    connection: Connection,
    client: Client,
    name: String,
    call_as: CallAs,
}

impl StackSetService {
    /// Returns the service for the stack set `name`.
    pub fn new(connection: &Connection, name: impl Into<String>, call_as: CallAs) -> Self {
        Self {
            connection: connection.clone(),
            client: connection.cloudformation(),
            name: name.into(),
            call_as,
        }
    }

    /// Returns the stack set, or `None` if there is none of that name.
    pub async fn describe(&self) -> Result<Option<StackSet>> {
        let request = self.client.describe_stack_set().stack_set_name(&self.name);
        match request.set_call_as(self.call_as()).send().await {
            Ok(answer) => {
                let set = answer.stack_set;
                let set = set.ok_or_else(|| fault::incomplete("DescribeStackSet", "StackSet"))?;
                let set = convert::stack_set(set, &self.name);
                Ok(Some(set).filter(|set| set.status != "DELETED"))
            }
            Err(error) if is_missing(&error) => Ok(None),
            Err(error) => Err(self.fault("describe", &error)),
        }
    }

    /// Returns all instances in the order of the API; none if there is no stack set.
    pub async fn instances(&self) -> Result<Vec<Instance>> {
        let request = self.client.list_stack_instances();
        let request = request.stack_set_name(&self.name);
        let mut pages = Pages::new(
            request.set_call_as(self.call_as()).into_paginator().send(),
            ListStackInstancesOutput::next_token,
            "the list of the stack set's instances",
        );
        let mut instances = Vec::new();
        while let Some(page) = pages.next().await? {
            let page = match page {
                Err(error) if is_missing(&error) => return Ok(Vec::new()),
                page => page.map_err(|error| self.fault("list the instances of", &error))?,
            };
            let next = page.next_token.as_deref();
            let page = fault::list(page.summaries, next, "ListStackInstances", "Summaries")?;
            for instance in page {
                instances.push(convert::instance(instance)?);
            }
        }
        Ok(instances)
    }

    /// Returns the parameters of an instance that have another value than in the stack set; none if the
    /// instance does not exist.
    pub async fn overrides(&self, target: &Target) -> Result<IndexMap<String, String>> {
        let request = self.client.describe_stack_instance();
        let request = request
            .stack_set_name(&self.name)
            .stack_instance_account(&target.account)
            .stack_instance_region(&target.region)
            .set_call_as(self.call_as());
        match request.send().await {
            Ok(answer) => {
                let instance = answer.stack_instance;
                let overrides = instance.and_then(|it| it.parameter_overrides);
                Ok(convert::parameters(overrides))
            }
            Err(error) if has_code(&error, "StackInstanceNotFoundException") => Ok(IndexMap::new()),
            Err(error) => Err(self.fault(&format!("describe the instance {target} of"), &error)),
        }
    }

    /// Returns an operation, or `None` if there is none of that id.
    pub async fn operation(&self, id: &str) -> Result<Option<SetOperation>> {
        let request = self.client.describe_stack_set_operation();
        let request = request.stack_set_name(&self.name).operation_id(id);
        match request.set_call_as(self.call_as()).send().await {
            Ok(answer) => {
                let operation = answer.stack_set_operation.ok_or_else(|| {
                    fault::incomplete("DescribeStackSetOperation", "StackSetOperation")
                })?;
                convert::operation(operation, id).map(Some)
            }
            Err(error) if has_code(&error, "OperationNotFoundException") => Ok(None),
            // Servers that are not AWS's answer as for a stack.
            Err(error) if is_missing(&error) || stack::is_missing(&error) => Ok(None),
            Err(error) => Err(self.fault("describe the operation of", &error)),
        }
    }

    /// Returns the operations on the first page that has any, the latest first; none if there is no stack
    /// set.
    pub async fn latest_operations(&self) -> Result<Vec<SetOperation>> {
        let request = self.client.list_stack_set_operations();
        let request = request.stack_set_name(&self.name);
        let mut pages = Pages::new(
            request.set_call_as(self.call_as()).into_paginator().send(),
            ListStackSetOperationsOutput::next_token,
            "the list of the stack set's operations",
        );
        let mut operations = Vec::new();
        while let Some(page) = pages.next().await? {
            let page = match page {
                Err(error) if is_missing(&error) => return Ok(Vec::new()),
                page => page.map_err(|error| self.fault("list the operations of", &error))?,
            };
            let next = page.next_token.as_deref();
            let page = fault::list(page.summaries, next, "ListStackSetOperations", "Summaries")?;
            for summary in page {
                operations.push(convert::summary(summary)?);
            }
            if !operations.is_empty() {
                break;
            }
        }
        // The API lists the latest first, and other servers the oldest.
        operations.sort_by_key(|operation| Reverse(operation.created));
        Ok(operations)
    }

    /// Returns what an operation did in each target so far; none if there is no such operation.
    pub async fn results(&self, id: &str) -> Result<Vec<TargetResult>> {
        let request = self.client.list_stack_set_operation_results();
        let request = request.stack_set_name(&self.name).operation_id(id);
        let mut pages = Pages::new(
            request.set_call_as(self.call_as()).into_paginator().send(),
            ListStackSetOperationResultsOutput::next_token,
            "the list of the operation's results",
        );
        let mut results = Vec::new();
        while let Some(page) = pages.next().await? {
            let page = match page {
                Err(error) if has_code(&error, "OperationNotFoundException") => break,
                page => page.map_err(|error| self.fault("list the results of", &error))?,
            };
            let (operation, member) = ("ListStackSetOperationResults", "Summaries");
            let next = page.next_token.as_deref();
            let page = fault::list(page.summaries, next, operation, member)?;
            for result in page {
                results.push(convert::result(result)?);
            }
        }
        Ok(results)
    }

    /// Requests that an operation stops: targets that it has not begun are left out.
    pub async fn stop(&self, id: &str) -> Result<()> {
        let request = self.client.stop_stack_set_operation();
        let request = request.stack_set_name(&self.name).operation_id(id);
        let sent = request.set_call_as(self.call_as()).send().await;
        sent.map(|_| ())
            .map_err(|error| self.fault("stop the operation of", &error))
    }

    /// Deletes the stack set, which must have no instances. One that is gone already is no error.
    pub async fn delete(&self) -> Result<()> {
        let request = self.client.delete_stack_set().stack_set_name(&self.name);
        match request.set_call_as(self.call_as()).send().await {
            Ok(_) => Ok(()),
            Err(error) if is_missing(&error) => Ok(()),
            Err(error) => Err(self.fault("delete", &error)),
        }
    }

    /// Returns who calls; `None` means the account itself.
    fn call_as(&self) -> Option<sdk::CallAs> {
        match self.call_as {
            CallAs::Own => None,
            CallAs::DelegatedAdmin => Some(sdk::CallAs::DelegatedAdmin),
        }
    }

    /// Returns the error for a failed call; `doing` completes "cannot … the stack set".
    fn fault<E>(&self, doing: &str, error: &SdkError<E>) -> Error
    where
        E: ProvideErrorMetadata + std::error::Error + Send + Sync + 'static,
    {
        let doing = format!("{doing} the stack set `{}`", self.name);
        let is_unknown = has_code(error, "InvalidAction");
        let failed = self.connection.fault(doing, error);
        if is_unknown {
            return failed.hint("this endpoint does not support stack sets");
        }
        failed
    }
}

/// Returns whether an error means that the stack set does not exist.
fn is_missing<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> bool {
    has_code(error, "StackSetNotFoundException")
}
