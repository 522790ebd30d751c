//! Who uses what a stack exports.

use aws_sdk_cloudformation::error::ProvideErrorMetadata;

use super::StackService;
use crate::error::Result;

impl StackService {
    /// Returns the names of the stacks that import an export of the account and region; `None` where
    /// the caller may not ask (`cloudformation:ListImports`).
    pub async fn importers(&self, export: &str) -> Result<Option<Vec<String>>> {
        let request = self.client.list_imports().export_name(export);
        let mut pages = request.into_paginator().send();
        let mut importers = Vec::new();
        while let Some(page) = pages.next().await {
            match page {
                Ok(page) => importers.extend(page.imports.unwrap_or_default()),
                Err(error) => {
                    let answer = error.as_service_error();
                    let code = answer.and_then(ProvideErrorMetadata::code);
                    let message = answer.and_then(ProvideErrorMetadata::message);
                    return match (code, message) {
                        (Some(code), _) if code.starts_with("AccessDenied") => Ok(None),
                        // "Export 'X' is not imported by any stack." is an error to the service.
                        (_, Some(message)) if message.contains("not imported by any stack") => {
                            Ok(Some(Vec::new()))
                        }
                        _ => Err(self
                            .connection
                            .fault(format!("list the imports of `{export}`"), &error)),
                    };
                }
            }
        }
        Ok(Some(importers))
    }
}
