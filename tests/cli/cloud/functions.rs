//! Lambda: the code of the functions.

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::account::Account;
use super::buckets::sha256;
use super::call::Call;
use super::error;
use super::http::Response;

/// What Lambda says of one function besides the digest of its code.
#[derive(Debug, Clone, Default)]
pub(crate) struct Function {
    /// How often its revision has changed.
    pub(crate) revision: usize,
    /// How often its configuration is read until a running update has ended.
    pub(crate) running: usize,
    /// How often its configuration is read until an update of its code has ended.
    pub(crate) update_takes: usize,
    /// The reason why its updates fail; empty means that they succeed.
    pub(crate) failure: String,
    /// Whether its last update has failed.
    pub(crate) has_failed: bool,
    /// The digest that Lambda reports after an update, in the place of that of the code that was sent.
    pub(crate) gets: Option<String>,
    /// Further members of its configuration, such as `SigningJobArn`.
    pub(crate) more: BTreeMap<String, Value>,
}

impl Account {
    /// Lets somebody else change the code of a function.
    pub(crate) fn change_code(&mut self, name: &str, digest: &str) {
        assert!(self.functions.contains_key(name), "there is no {name}");
        self.functions.insert(name.to_owned(), digest.to_owned());
        self.function(name).revision += 1;
    }

    /// Returns what Lambda says of a function.
    pub(crate) fn function(&mut self, name: &str) -> &mut Function {
        self.function_states.entry(name.to_owned()).or_default()
    }

    pub(super) fn lambda(&mut self, call: &Call) -> Response {
        let name = call.parameter("FunctionName").to_owned();
        if !self.functions.contains_key(&name) {
            let message = format!("Function not found: {name}");
            return error(call, 404, "ResourceNotFoundException", &message);
        }
        match call.operation.as_str() {
            "UpdateFunctionCode" => self.update_code(call, &name),
            "GetFunction" => {
                let configuration = self.configuration(&name);
                Response::new(200, json!({ "Configuration": configuration }).to_string())
            }
            _ => {
                let function = self.function(&name);
                let was_running = function.running > 0;
                function.running = function.running.saturating_sub(1);
                if was_running && function.running == 0 {
                    // The end of an update is a revision of its own.
                    function.revision += 1;
                }
                Response::new(200, self.configuration(&name).to_string())
            }
        }
    }

    fn configuration(&mut self, name: &str) -> Value {
        let digest = self.functions[name].clone();
        let function = self.function(name);
        let mut answer = json!({
            "FunctionName": name,
            "CodeSha256": digest,
            "RevisionId": format!("{name}-{}", function.revision),
            "PackageType": "Zip",
            "State": "Active",
            "LastUpdateStatus": match (function.running, function.has_failed) {
                (0, true) => "Failed",
                (0, false) => "Successful",
                _ => "InProgress",
            },
        });
        if function.has_failed {
            answer["LastUpdateStatusReason"] = json!(function.failure);
            answer["LastUpdateStatusReasonCode"] = json!("InternalError");
        }
        for (key, value) in &function.more {
            answer[key] = value.clone();
        }
        answer
    }

    fn update_code(&mut self, call: &Call, name: &str) -> Response {
        let input: Value = serde_json::from_slice(&call.request.body).unwrap();
        let function = self.function(name);
        if function.running > 0 {
            let message = "An update is in progress for resource";
            return error(call, 409, "ResourceConflictException", message);
        }
        let revision = format!("{name}-{}", function.revision);
        if input["RevisionId"]
            .as_str()
            .is_some_and(|it| it != revision)
        {
            let message = "The RevisionId provided does not match the latest RevisionId";
            return error(call, 412, "PreconditionFailedException", message);
        }
        let digest = if let Some(zip) = input["ZipFile"].as_str() {
            sha256(&STANDARD.decode(zip).unwrap())
        } else {
            let text = |name: &str| input[name].as_str().unwrap_or_default();
            let bucket = self.buckets.get(text("S3Bucket"));
            let Some(zip) = bucket.and_then(|bucket| bucket.get(text("S3Key"))) else {
                let message = "Error occurred while GetObject. S3 Error Code: NoSuchKey.";
                return error(call, 400, "InvalidParameterValueException", message);
            };
            sha256(zip)
        };
        let function = self.function(name);
        function.revision += 1;
        function.running = function.update_takes;
        function.has_failed = !function.failure.is_empty();
        let digest = function.gets.clone().unwrap_or(digest);
        if !function.has_failed {
            self.functions.insert(name.to_owned(), digest);
        }
        Response::new(200, self.configuration(name).to_string())
    }
}
