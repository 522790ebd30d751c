//! Reads the answer of a service: its output, or its error.

use std::error::Error as StdError;
use std::fmt;

use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::orchestrator::{HttpResponse, OrchestratorError};
use aws_smithy_types::error::ErrorMetadata;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use aws_types::request_id::RequestId;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::xml;

/// The error that a service returned, or the reason why its answer could not be read.
#[derive(Debug)]
pub(in crate::aws) struct Failure {
    metadata: ErrorMetadata,
    source: Option<BoxError>,
}

impl Failure {
    fn unreadable(error: impl Into<BoxError>) -> Self {
        Self {
            metadata: ErrorMetadata::default(),
            source: Some(error.into()),
        }
    }
}

impl ProvideErrorMetadata for Failure {
    fn meta(&self) -> &ErrorMetadata {
        &self.metadata
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.metadata.code() {
            Some(code) => write!(f, "service error ({code})"),
            None => f.write_str("unhandled error"),
        }
    }
}

impl StdError for Failure {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        let source = self.source.as_deref();
        source.map(|source| source as &(dyn StdError + 'static))
    }
}

/// Reads the answer to a call, which is in XML or in JSON.
pub(super) fn read<T: DeserializeOwned>(
    answer: &HttpResponse,
    is_xml: bool,
) -> Result<T, OrchestratorError<Failure>> {
    tracing::debug!(request_id = ?answer.request_id());
    let body = answer.body().bytes().unwrap_or_default();
    if answer.status().is_success() {
        let output = value(body, is_xml);
        let output = output.and_then(|it| serde_json::from_value(it).map_err(Failure::unreadable));
        output.map_err(OrchestratorError::operation)
    } else {
        Err(OrchestratorError::operation(failure(answer, body, is_xml)))
    }
}

/// Returns the content of an answer. An empty one is `{}`.
fn value(body: &[u8], is_xml: bool) -> Result<Value, Failure> {
    if body.is_empty() {
        return Ok(Value::Object(serde_json::Map::new()));
    }
    if is_xml {
        let text = std::str::from_utf8(body).map_err(Failure::unreadable)?;
        return xml::to_json(text).map_err(Failure::unreadable);
    }
    serde_json::from_slice(body).map_err(Failure::unreadable)
}

/// Returns the error that an answer reports. Its code is in the header `x-amzn-errortype` or in the
/// body's member `code` or `__type`, in XML in the element `Error`.
fn failure(answer: &HttpResponse, body: &[u8], is_xml: bool) -> Failure {
    let mut body: Value = match value(body, is_xml) {
        Ok(body) => body,
        Err(unreadable) => return unreadable,
    };
    if is_xml {
        body = body["Error"].take();
    }
    let member = |names: &[&str]| {
        let mut values = names.iter().filter_map(|name| body[name].as_str());
        values.next().map(str::to_owned)
    };
    let header = answer.headers().get("x-amzn-errortype").map(str::to_owned);
    let mut metadata = ErrorMetadata::builder();
    if let Some(code) = header.or_else(|| member(&["code", "__type", "Code"])) {
        metadata = metadata.code(bare(&code));
    }
    if let Some(message) = member(&["message", "Message", "errorMessage"]) {
        metadata = metadata.message(message);
    }
    Failure {
        metadata: metadata.build(),
        source: None,
    }
}

/// Returns an error code without namespace and URL. Services send codes such as
/// `com.amazonaws.dynamodb.v20120810#ThrottlingException` or `ThrottlingException:http://…/`.
fn bare(code: &str) -> &str {
    let code = code.split(':').next().unwrap_or(code);
    code.split_once('#').map_or(code, |(_, code)| code)
}
