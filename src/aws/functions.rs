//! The code that Lambda really runs, as its digest.
//!
//! CloudFormation reports that it has updated a function; only Lambda reports the code. A change in
//! the console at the same time, or a bucket that returned another object, shows only here.

use serde::Deserialize;

use super::json_call::{JsonClient, LAMBDA, Request};
use super::{Connection, fault};
use crate::error::Result;

/// Lambda's answers about functions.
#[derive(Debug, Clone)]
pub struct Functions {
    connection: Connection,
    client: JsonClient,
}

/// The part of a function's configuration that is read (`GetFunctionConfiguration`).
#[derive(Debug, Deserialize)]
struct Configuration {
    #[serde(rename = "CodeSha256")]
    code_sha256: Option<String>,
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
        let path = ["2015-03-31", "functions", function, "configuration"];
        let request = Request::get("GetFunctionConfiguration", &path);
        match self.client.send::<Configuration>(request).await {
            Ok(configuration) => configuration
                .code_sha256
                .map(Some)
                .ok_or_else(|| fault::incomplete("GetFunctionConfiguration", "CodeSha256")),
            Err(error) if fault::is_denied(&error) => Ok(None),
            Err(error) => Err(self
                .connection
                .fault(format!("read the function `{function}`"), &error)),
        }
    }
}
