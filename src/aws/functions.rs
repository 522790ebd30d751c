//! The code that Lambda really runs: its digest, and where it can be downloaded.
//!
//! CloudFormation reports that it has updated a function; only Lambda reports the code. A change in
//! the console at the same time, or a bucket that returned another object, shows only here.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::json_call::{JsonClient, LAMBDA, Request};
use super::{Connection, download, fault};
use crate::artifact::digest::Digest;
use crate::cloudformation::function::{Configuration, LiveCode, Update};
use crate::config::secret::Secret;
use crate::error::{Error, ErrorKind, Result};

/// Lambda's answers about functions.
#[derive(Debug, Clone)]
pub struct Functions {
    connection: Connection,
    client: JsonClient,
}

/// The part of a function's configuration that is read (`GetFunctionConfiguration`).
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ConfigurationAnswer {
    #[serde(rename = "CodeSha256")]
    code_sha256: Option<String>,
    state: Option<String>,
    state_reason: Option<String>,
    state_reason_code: Option<String>,
    last_update_status: Option<String>,
    last_update_status_reason: Option<String>,
    last_update_status_reason_code: Option<String>,
    revision_id: Option<String>,
    package_type: Option<String>,
    signing_job_arn: Option<String>,
    signing_profile_version_arn: Option<String>,
    logging_config: Option<LoggingConfig>,
}

#[derive(Debug, Deserialize)]
struct LoggingConfig {
    #[serde(rename = "LogGroup")]
    log_group: Option<String>,
}

/// Returns a text that is not empty.
fn text(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Returns a reason with its code.
fn with_code(reason: Option<String>, code: Option<String>) -> Option<String> {
    match (text(reason), text(code)) {
        (Some(reason), Some(code)) => Some(format!("{reason} ({code})")),
        (reason, code) => reason.or(code),
    }
}

impl ConfigurationAnswer {
    /// Returns what it says about the code.
    fn live_code(self, operation: &str) -> Result<LiveCode> {
        let is_pending = self.state.as_deref() == Some("Pending");
        let update = match self.last_update_status.as_deref() {
            _ if is_pending => Update::Running,
            Some("InProgress") => Update::Running,
            Some("Failed") => Update::Failed(with_code(
                self.last_update_status_reason,
                self.last_update_status_reason_code,
            )),
            _ => Update::Done,
        };
        let is_image = self.package_type.as_deref() == Some("Image");
        let signed = text(self.signing_job_arn).or(text(self.signing_profile_version_arn));
        let sha256 = text(self.code_sha256);
        Ok(LiveCode {
            sha256: sha256.ok_or_else(|| fault::incomplete(operation, "CodeSha256"))?,
            revision: text(self.revision_id),
            is_image,
            is_signed: signed.is_some(),
            update,
        })
    }
}

impl From<ConfigurationAnswer> for Configuration {
    fn from(answer: ConfigurationAnswer) -> Self {
        Self {
            log_group: text(answer.logging_config.and_then(|it| it.log_group)),
            state: text(answer.state),
            state_reason: with_code(answer.state_reason, answer.state_reason_code),
            last_update_status: text(answer.last_update_status),
            last_update_reason: with_code(
                answer.last_update_status_reason,
                answer.last_update_status_reason_code,
            ),
        }
    }
}

/// The code that a function gets (`UpdateFunctionCode`).
#[derive(Debug, Clone, Copy)]
pub enum NewCode<'a> {
    /// A zip, sent with the request: at most [`INLINE_LIMIT`] bytes.
    Zip(&'a [u8]),
    /// An object of S3 in the function's region.
    Object {
        /// The name of the bucket.
        bucket: &'a str,
        /// The key of the object.
        key: &'a str,
    },
}

/// How Lambda answered a request for new code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CodeUpdate {
    /// It accepted the code. The update may still be running.
    Accepted(LiveCode),
    /// The function has another revision than the given one (`PreconditionFailedException`).
    OtherRevision,
    /// Another update of the function is running (`ResourceConflictException`).
    Busy,
}

/// The largest zip that can be sent with a request, in bytes: 50 MB (Lambda quotas, "Deployment package
/// (.zip file archive) size").
pub const INLINE_LIMIT: u64 = 50 * 1024 * 1024;

/// The code of a function (`GetFunction`).
#[derive(Debug, Deserialize)]
struct Answer {
    #[serde(rename = "Configuration")]
    configuration: Option<ConfigurationAnswer>,
    #[serde(rename = "Code")]
    code: Option<Location>,
}

/// Where the code of a function is.
#[derive(Debug, Deserialize)]
struct Location {
    #[serde(rename = "Location")]
    location: Option<String>,
    #[serde(rename = "ImageUri")]
    image: Option<String>,
}

/// The code of a function.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Code {
    /// A zip.
    Zip {
        /// Where it can be downloaded for ten minutes, by whoever knows it (`GetFunction`).
        url: Secret,
        /// Its SHA-256 in Base64.
        digest: Option<String>,
    },
    /// The URI of a container image.
    Image(String),
}

impl Functions {
    /// Returns the functions of the connection's account and region; nothing is sent yet.
    pub fn new(connection: &Connection) -> Self {
        Self {
            connection: connection.clone(),
            client: connection.json(LAMBDA),
        }
    }

    /// Returns the SHA-256 of a function's zip in Base64 (`CodeSha256`), by the function's name or
    /// ARN; `None` if the caller may not ask for it (`lambda:GetFunctionConfiguration`).
    ///
    /// # Errors
    ///
    /// If there is no such function, or the service does not answer.
    pub async fn code_sha256(&self, function: &str) -> Result<Option<String>> {
        let Some(answer) = self.configuration_answer(function).await? else {
            return Ok(None);
        };
        let digest = answer.code_sha256.map(Some);
        digest.ok_or_else(|| fault::incomplete("GetFunctionConfiguration", "CodeSha256"))
    }

    /// Returns what Lambda reports about the code of a function, by its name or ARN; `None` if the caller
    /// may not ask for it (`lambda:GetFunctionConfiguration`).
    ///
    /// # Errors
    ///
    /// If there is no such function, or the service does not answer.
    pub async fn live_code(&self, function: &str) -> Result<Option<LiveCode>> {
        let answer = self.configuration_answer(function).await?;
        let code = answer.map(|answer| answer.live_code("GetFunctionConfiguration"));
        code.transpose()
    }

    /// Sends new code for the unpublished version of a function. If `revision` is given, the function must
    /// still have it. Returns at once: the update may be running.
    ///
    /// # Errors
    ///
    /// If the service refuses the code for another reason than another update, or does not answer.
    pub async fn update_code(
        &self,
        function: &str,
        code: NewCode<'_>,
        revision: Option<&str>,
    ) -> Result<CodeUpdate> {
        let mut body = match code {
            // A large zip is not copied more often than needed.
            NewCode::Zip(zip) => {
                let mut body = String::with_capacity(zip.len() / 3 * 4 + 256);
                body.push_str("{\"ZipFile\":\"");
                STANDARD.encode_string(zip, &mut body);
                body.push('"');
                body
            }
            NewCode::Object { bucket, key } => {
                format!("{{\"S3Bucket\":{},\"S3Key\":{}", json!(bucket), json!(key))
            }
        };
        if let Some(revision) = revision {
            body.push_str(&format!(",\"RevisionId\":{}", json!(revision)));
        }
        body.push('}');
        let path = ["2015-03-31", "functions", function, "code"];
        let request = Request::put("UpdateFunctionCode", &path, body).patient();
        match self.client.send::<ConfigurationAnswer>(request).await {
            Ok(answer) => answer
                .live_code("UpdateFunctionCode")
                .map(CodeUpdate::Accepted),
            Err(error) if fault::has_code(&error, "PreconditionFailedException") => {
                Ok(CodeUpdate::OtherRevision)
            }
            Err(error) if fault::has_code(&error, "ResourceConflictException") => {
                Ok(CodeUpdate::Busy)
            }
            Err(error) => {
                let doing = format!("send new code to the function `{function}`");
                Err(self.connection.fault(doing, &error))
            }
        }
    }

    /// Returns the configuration of a function, by its name or ARN; `None` if the caller may not ask for
    /// it (`lambda:GetFunctionConfiguration`).
    ///
    /// # Errors
    ///
    /// If there is no such function, or the service does not answer.
    pub async fn configuration(&self, function: &str) -> Result<Option<Configuration>> {
        let answer = self.configuration_answer(function).await?;
        Ok(answer.map(Configuration::from))
    }

    async fn configuration_answer(&self, function: &str) -> Result<Option<ConfigurationAnswer>> {
        let path = ["2015-03-31", "functions", function, "configuration"];
        let request = Request::get("GetFunctionConfiguration", &path);
        self.read(function, request).await
    }

    /// Returns where the code of a function is, by the function's name or ARN; `None` if the caller may
    /// not ask for it (`lambda:GetFunction`).
    ///
    /// # Errors
    ///
    /// If there is no such function, or the service does not answer.
    pub async fn code(&self, function: &str) -> Result<Option<Code>> {
        let path = ["2015-03-31", "functions", function];
        let request = Request::get("GetFunction", &path);
        let Some(answer) = self.read::<Answer>(function, request).await? else {
            return Ok(None);
        };
        match answer.code.map(|code| (code.location, code.image)) {
            Some((_, Some(image))) => Ok(Some(Code::Image(image))),
            Some((Some(url), None)) => Ok(Some(Code::Zip {
                url: Secret::new(url),
                digest: answer.configuration.and_then(|it| it.code_sha256),
            })),
            _ => Err(fault::incomplete("GetFunction", "Code.Location")),
        }
    }

    /// Returns the answer to a request about a function; `None` if the caller may not send it.
    async fn read<T>(&self, function: &str, request: Request) -> Result<Option<T>>
    where
        T: DeserializeOwned + fmt::Debug + Send + Sync + 'static,
    {
        match self.client.send(request).await {
            Ok(answer) => Ok(Some(answer)),
            Err(error) if fault::is_denied(&error) => Ok(None),
            Err(error) => {
                let doing = format!("read the function `{function}`");
                Err(self.connection.fault(doing, &error))
            }
        }
    }

    /// Returns the parts of a signed URL that let in whoever knows them. They must not be printed.
    pub(crate) fn signatures(url: &Secret) -> impl Iterator<Item = Secret> {
        let query = url.expose().split_once('?').map_or("", |(_, query)| query);
        let parts = query.split('&').filter_map(|part| part.split_once('='));
        let parts = parts.filter(|(name, _)| {
            let name = name.to_ascii_lowercase();
            name.ends_with("signature") || name.ends_with("token")
        });
        parts.map(|(_, value)| Secret::new(value))
    }

    /// Downloads the zip of a function.
    ///
    /// # Errors
    ///
    /// If the download fails, or is not the code that Lambda runs.
    pub(crate) async fn download(&self, url: &Secret, digest: Option<&str>) -> Result<Vec<u8>> {
        let zip = download::download(&self.connection, url.expose(), "the zip").await?;
        match digest {
            Some(digest) if digest != Digest::of(&zip).base64() => Err(Error::new(
                ErrorKind::Service,
                "the downloaded zip is not the code that Lambda reports: their digests differ",
            )),
            _ => Ok(zip),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Functions;
    use crate::config::secret::Secret;

    #[test]
    fn signature_and_token_of_a_url_are_secrets() {
        let url = "https://b.s3.amazonaws.com/k?versionId=1&X-Amz-Security-Token=tok&X-Amz-Date=2\
                   &X-Amz-Signature=sig";
        let found = |url: &str| -> Vec<String> {
            let url = Secret::new(url);
            let found = Functions::signatures(&url);
            found.map(|it| it.expose().to_owned()).collect()
        };
        assert_eq!(found(url), ["tok", "sig"]);
        assert!(found("https://a/b").is_empty());
    }
}
