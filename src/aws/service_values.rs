//! The values of parameters that SSM Parameter Store and Secrets Manager hold.

use std::fmt;

use aws_sdk_cloudformation::error::ProvideErrorMetadata as _;
use serde::Deserialize;
use serde_json::json;

use super::json_call::{CallError, JsonClient, Request, SECRETS_MANAGER, SSM, Service};
use super::{Connection, fault};
use crate::config::secret::Secret;
use crate::config::settings::ServiceSource;
use crate::error::Result;

/// The errors that are about the value, and not about the connection or the credentials.
const ABOUT_THE_VALUE: [&str; 9] = [
    "DecryptionFailure",
    "InvalidKeyId",
    "InvalidParameterException",
    "InvalidRequestException",
    "KMSAccessDeniedException",
    "ParameterNotFound",
    "ParameterVersionNotFound",
    "ResourceNotFoundException",
    "ValidationException",
];

/// What a service has under a name.
pub(crate) enum ServiceValue {
    /// A text.
    Text {
        /// The text.
        value: Secret,
        /// Whether it is a `SecureString` of SSM.
        is_secure: bool,
    },
    /// Bytes, which no parameter can be.
    Binary,
    /// No value that the caller may read.
    Refused(Refusal),
}

/// Why a service returns no value.
pub(crate) struct Refusal {
    /// What it says.
    pub(crate) message: String,
    /// Whether there is no such value.
    pub(crate) is_missing: bool,
    /// The permission that the caller lacks, if that is the reason.
    pub(crate) permission: Option<&'static str>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ParameterAnswer {
    parameter: Option<Parameter>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Parameter {
    value: Option<Hidden>,
    #[serde(rename = "Type")]
    kind: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SecretAnswer {
    secret_string: Option<Hidden>,
    secret_binary: Option<Hidden>,
}

/// A text that its debug form does not show.
#[derive(Deserialize)]
#[serde(transparent)]
struct Hidden(String);

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(…)")
    }
}

/// Reads what a service has, decrypted. An ARN is read in its own region.
///
/// # Errors
///
/// If the service does not answer, or the credentials are no longer valid.
pub(crate) async fn read(connection: &Connection, source: &ServiceSource) -> Result<ServiceValue> {
    let (service, request) = request(source);
    let client: JsonClient = connection.json_in(service, source.region());
    let read = async || match source {
        ServiceSource::Ssm(_) => client.send(request.clone()).await.map(of_parameter),
        ServiceSource::Secret(_) => client.send(request.clone()).await.map(of_secret),
    };
    match read().await {
        Ok(Some(value)) => Ok(value),
        Ok(None) => Err(match source {
            ServiceSource::Ssm(_) => fault::incomplete("GetParameter", "Parameter.Value"),
            ServiceSource::Secret(_) => fault::incomplete("GetSecretValue", "SecretString"),
        }),
        Err(error) => match refusal(source, &error) {
            Some(refusal) => Ok(ServiceValue::Refused(refusal)),
            None => Err(connection.fault(format!("read {}", source.whole()), &error)),
        },
    }
}

fn request(source: &ServiceSource) -> (Service, Request) {
    let id = source.id();
    match source {
        ServiceSource::Ssm(_) => {
            let input = json!({ "Name": id, "WithDecryption": true });
            (SSM, Request::json("1.1", "AmazonSSM.GetParameter", &input))
        }
        ServiceSource::Secret(_) => {
            let input = json!({ "SecretId": id });
            let target = "secretsmanager.GetSecretValue";
            (SECRETS_MANAGER, Request::json("1.1", target, &input))
        }
    }
}

fn of_parameter(answer: ParameterAnswer) -> Option<ServiceValue> {
    let parameter = answer.parameter?;
    Some(ServiceValue::Text {
        value: Secret::new(parameter.value?.0),
        is_secure: parameter.kind.as_deref() == Some("SecureString"),
    })
}

fn of_secret(answer: SecretAnswer) -> Option<ServiceValue> {
    match (answer.secret_string, answer.secret_binary) {
        (Some(text), _) => Some(ServiceValue::Text {
            value: Secret::new(text.0),
            is_secure: false,
        }),
        (None, Some(_)) => Some(ServiceValue::Binary),
        (None, None) => None,
    }
}

/// Returns why a service returns no value, if that is what an error says.
fn refusal(source: &ServiceSource, error: &CallError) -> Option<Refusal> {
    let answer = error.as_service_error()?;
    let code = answer.code()?;
    let is_denied = fault::is_denied(error) || code == "KMSAccessDeniedException";
    if !is_denied && !ABOUT_THE_VALUE.contains(&code) {
        return None;
    }
    // Whoever may read the value, but may not use its key, gets the same error code.
    let message = answer.message().unwrap_or("the service gave no reason");
    let words = message.to_ascii_lowercase();
    let is_about_key = ["kms", "ciphertext"].iter().any(|it| words.contains(it));
    let permission = match source {
        _ if is_about_key => "kms:Decrypt",
        ServiceSource::Ssm(_) => "ssm:GetParameter",
        ServiceSource::Secret(_) => "secretsmanager:GetSecretValue",
    };
    Some(Refusal {
        message: format!("{message} ({code})"),
        is_missing: code.ends_with("NotFound") || code.ends_with("NotFoundException"),
        permission: is_denied.then_some(permission),
    })
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use serde_json::json;

    use super::{ServiceValue, of_parameter, of_secret};

    #[test]
    fn answers_are_texts_or_bytes_and_show_nothing() {
        let parameter = |kind: &str| {
            let answer = json!({ "Parameter": { "Name": "n", "Type": kind, "Value": "hunter2" } });
            let answer = serde_json::from_value(answer).unwrap();
            assert!(!format!("{answer:?}").contains("hunter2"));
            of_parameter(answer)
        };
        for (kind, secure) in [
            ("String", false),
            ("StringList", false),
            ("SecureString", true),
        ] {
            let Some(ServiceValue::Text { value, is_secure }) = parameter(kind) else {
                panic!("{kind} is a text")
            };
            assert_eq!((value.expose(), is_secure), ("hunter2", secure));
        }
        let secret = |answer| of_secret(serde_json::from_value(answer).unwrap());
        let text = secret(json!({ "SecretString": "hunter2" }));
        assert!(matches!(text, Some(ServiceValue::Text { .. })));
        let binary = secret(json!({ "SecretBinary": "aGk=" }));
        assert!(matches!(binary, Some(ServiceValue::Binary)));
        assert!(secret(json!({})).is_none());
        assert!(of_parameter(serde_json::from_value(json!({})).unwrap()).is_none());
    }
}
