//! How existing resources are identified, and which stack has them.

use aws_sdk_cloudformation::error::ProvideErrorMetadata;
use serde_json::json;

use super::StackService;
use crate::aws::fault;
use crate::cloudformation::import::Owner;
use crate::error::Result;

/// The properties that identify the resources of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identifier {
    /// The type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The names of the properties. All of them identify a resource together.
    pub properties: Vec<String>,
}

/// Returns how resources are identified when they are imported, by their logical ids and types. A type
/// that CloudFormation cannot import is not in the list. Some endpoints return no list at all.
///
/// # Errors
///
/// If the service refuses a type or the call.
pub async fn of_types(
    service: &StackService,
    types: impl Iterator<Item = (&str, &str)>,
) -> Result<Vec<Identifier>> {
    // The types alone decide, so nothing else of a template is sent.
    let types = types.map(|(id, kind)| (id.to_owned(), json!({"Type": kind})));
    let types: serde_json::Map<_, _> = types.collect();
    let template = json!({"Resources": types}).to_string();
    let request = service
        .client
        .get_template_summary()
        .template_body(template);
    let answer = request.send().await.map_err(|error| {
        let doing = "read how the resources are identified";
        service.connection.fault(doing, &error)
    })?;
    let summaries = answer.resource_identifier_summaries.unwrap_or_default();
    let identifiers = summaries.into_iter().filter_map(|summary| {
        Some(Identifier {
            resource_type: summary.resource_type?,
            properties: summary.resource_identifiers.unwrap_or_default(),
        })
    });
    Ok(identifiers.collect())
}

/// Returns the stack that has the resource with this physical id; `None` if no stack has it or if the
/// caller may not ask.
///
/// # Errors
///
/// If the call fails for another reason.
pub async fn owner(service: &StackService, physical_id: &str) -> Result<Option<Owner>> {
    let request = service.client.describe_stack_resources();
    match request.physical_resource_id(physical_id).send().await {
        Ok(answer) => {
            let resource = answer
                .stack_resources
                .unwrap_or_default()
                .into_iter()
                .next();
            Ok(resource.and_then(|resource| {
                Some(Owner {
                    stack: resource.stack_name?,
                    logical_id: resource.logical_resource_id?,
                })
            }))
        }
        Err(error) if fault::is_denied(&error) => Ok(None),
        // That no stack has the resource is an error to the service.
        Err(error) if error.code() == Some("ValidationError") => Ok(None),
        Err(error) => {
            let doing = format!("find the stack of `{physical_id}`");
            Err(service.connection.fault(doing, &error))
        }
    }
}
