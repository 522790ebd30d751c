//! SSM Parameter Store and Secrets Manager, as far as one value is read.

use serde_json::{Value, json};

use super::account::Account;
use super::call::Call;
use super::error;
use super::http::Response;

impl Account {
    /// Sets an SSM parameter.
    pub(crate) fn set_parameter(&mut self, name: &str, kind: &str, value: &str) {
        let answer = json!({ "Parameter": { "Name": name, "Type": kind, "Value": value } });
        self.values.insert(("ssm", name.to_owned()), answer);
    }

    /// Sets a secret.
    pub(crate) fn set_secret(&mut self, name: &str, text: &str) {
        let answer = json!({ "Name": name, "SecretString": text });
        self.values
            .insert(("secretsmanager", name.to_owned()), answer);
    }

    pub(super) fn value(&self, call: &Call) -> Response {
        let input: Value = serde_json::from_slice(&call.request.body).unwrap();
        let (service, name, code) = if call.service == "ssm" {
            assert_eq!(input["WithDecryption"], true);
            ("ssm", &input["Name"], "ParameterNotFound")
        } else {
            let code = "ResourceNotFoundException";
            ("secretsmanager", &input["SecretId"], code)
        };
        let name = name.as_str().unwrap_or_default().to_owned();
        match self.values.get(&(service, name)) {
            Some(answer) => Response::new(200, answer.to_string()),
            None => error(call, 400, code, "there is no such value"),
        }
    }
}
