//! Who uses what a stack exports.

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use aws_sdk_cloudformation::operation::list_imports::ListImportsOutput;

use super::StackService;
use super::pages::Pages;
use crate::aws::fault;
use crate::cloudformation::service_message;
use crate::error::Result;

/// Returns the names of the stacks that import an export of the account and region; `None` if
/// the caller may not ask (`cloudformation:ListImports`).
pub async fn importers(service: &StackService, export: &str) -> Result<Option<Vec<String>>> {
    let request = service.client.list_imports().export_name(export);
    let answers = request.into_paginator().send();
    let mut pages = Pages::new(
        answers,
        ListImportsOutput::next_token,
        "the list of imports",
    );
    let mut importers = Vec::new();
    while let Some(page) = pages.next().await? {
        match page {
            Ok(page) => {
                let next = page.next_token.as_deref();
                importers.extend(fault::list(page.imports, next, "ListImports", "Imports")?);
            }
            Err(error) => {
                if fault::is_denied(&error) {
                    return Ok(None);
                }
                // That nothing imports it is an error to the service.
                let message = error.message().unwrap_or_default();
                if service_message::is_unused_export(message) {
                    return Ok(Some(Vec::new()));
                }
                let doing = format!("list the imports of `{export}`");
                return Err(service.connection.fault(doing, &error));
            }
        }
    }
    Ok(Some(importers))
}
