//! Stacks and their resources, as CloudFormation describes them.

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::cloudformation::status::StackStatus;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, Result};
use crate::util::suggest::quoted;

pub(crate) use crate::template::evaluate::NO_ECHO;

/// Returns the pseudo parameters whose values are known before a deployment.
pub fn pseudo_parameters(
    account: &str,
    region: &str,
    stack: &str,
) -> impl Iterator<Item = (String, String)> {
    let known = [
        ("AWS::AccountId", account),
        ("AWS::Region", region),
        ("AWS::StackName", stack),
    ];
    known
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .into_iter()
}

/// A deployed stack.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    /// The ARN. A new stack with the same name has a different ARN.
    pub id: String,
    /// The name.
    pub name: String,
    /// The ARN of the root stack, if the stack is nested.
    pub root_id: Option<String>,
    /// The status.
    pub status: StackStatus,
    /// The reason of the status; `None` if the API gives none.
    pub status_reason: Option<String>,
    /// The values of the parameters by name. The API masks those with `NoEcho`.
    pub parameters: IndexMap<String, String>,
    /// The tags, without those that AWS adds (`aws:…`).
    pub tags: IndexMap<String, String>,
    /// The outputs, in the order of the API.
    pub outputs: Vec<Output>,
    /// The capabilities of the last operation.
    pub capabilities: Vec<String>,
    /// The SNS topics that receive the stack's events.
    pub notification_arns: Vec<String>,
    /// The role that CloudFormation assumes.
    pub role_arn: Option<String>,
    /// The ARNs of the alarms that roll back an operation.
    pub rollback_alarms: Vec<String>,
    /// The types of those of these alarms that are no simple ones, such as composite alarms, by ARN.
    pub alarm_types: IndexMap<String, String>,
    /// How long the alarms are monitored, in minutes.
    pub rollback_monitoring_minutes: Option<u32>,
    /// Whether termination protection is on.
    pub termination_protection: bool,
    /// Whether the last operation was deployed in EXPRESS mode (`DeploymentConfig`).
    pub is_express: bool,
    /// The time of the creation.
    pub created: Option<Timestamp>,
    /// The time of the last update.
    pub updated: Option<Timestamp>,
}

/// Returns the name in a stack's ARN, `arn:…:stack/NAME/UUID`. Returns other texts unchanged.
pub fn name_of(id: &str) -> &str {
    id.split('/').nth(1).unwrap_or(id)
}

/// An output of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// The name.
    pub name: String,
    /// The value.
    pub value: String,
    /// The description in the template.
    pub description: Option<String>,
    /// The export name, with which other stacks of the account and region import the output.
    pub export: Option<String>,
}

/// A resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// The logical id.
    pub logical_id: String,
    /// The physical id; `None` if the resource does not exist yet.
    pub physical_id: Option<String>,
    /// The resource type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The status, unchanged from the API.
    pub status: String,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
}

/// Returns a stack's name with its account and region, for questions.
pub fn place(name: &str, account: &str, region: &str) -> String {
    format!("`{name}` (account {account}, region {region})")
}

impl Stack {
    /// Returns the stack's name with its account and region, for questions.
    pub fn place(&self) -> String {
        place(
            &self.name,
            self.account().unwrap_or("unknown"),
            self.region().unwrap_or("unknown"),
        )
    }

    /// Returns the value of a required output.
    ///
    /// # Errors
    ///
    /// If the stack does not have the output. The hint lists its outputs.
    pub fn required_output(&self, name: &str) -> Result<&str> {
        self.output(name).ok_or_else(|| {
            Error::input(format!("the stack `{}` has no output `{name}`", self.name))
                .hint(self.list_of_outputs())
        })
    }

    /// Returns the value of the first of these outputs that the stack has and that is not empty.
    ///
    /// # Errors
    ///
    /// If there is none. The message names `key`, the manifest key with the names of the outputs, and
    /// the hint lists the stack's outputs.
    pub fn output_of_key(&self, key: &str, names: &[&str]) -> Result<&str> {
        let values = names.iter().filter_map(|name| self.output(name));
        let mut values = values.filter(|value| !value.is_empty());
        values.next().ok_or_else(|| {
            Error::input(format!(
                "`{key}` names {}, which the stack `{}` does not have as an output",
                quoted(names.iter().copied()),
                self.name
            ))
            .hint(self.list_of_outputs())
        })
    }

    /// Returns the mode of the last operation.
    pub fn mode(&self) -> DeploymentMode {
        DeploymentMode::Standard.or_express(self.is_express)
    }

    fn list_of_outputs(&self) -> String {
        let names: Vec<&str> = self
            .outputs
            .iter()
            .map(|output| output.name.as_str())
            .collect();
        match names.as_slice() {
            [] => "the stack has no outputs".to_owned(),
            names => format!("its outputs are {}", names.join(", ")),
        }
    }

    /// Returns the value of an output; `None` if the stack does not have it.
    pub fn output(&self, name: &str) -> Option<&str> {
        self.outputs
            .iter()
            .find(|output| output.name == name)
            .map(|output| output.value.as_str())
    }

    /// Returns whether a parameter's value is masked.
    pub fn is_masked(&self, parameter: &str) -> bool {
        self.parameters
            .get(parameter)
            .is_some_and(|value| value == NO_ECHO)
    }

    /// Returns the names of the masked parameters.
    pub fn masked_parameters(&self) -> impl Iterator<Item = &String> {
        let masked = self
            .parameters
            .iter()
            .filter(|(_, value)| *value == NO_ECHO);
        masked.map(|(name, _)| name)
    }

    /// Returns the values with which the deployed template is evaluated: the parameters, and the pseudo
    /// parameters that are in the stack's ARN.
    pub fn values(&self) -> IndexMap<String, String> {
        let mut values = self.parameters.clone();
        if let (Some(account), Some(region)) = (self.account(), self.region()) {
            values.extend(pseudo_parameters(account, region, &self.name));
        }
        values
    }

    /// Returns the region in the stack's ARN; `None` if the ARN is invalid.
    pub fn region(&self) -> Option<&str> {
        self.id.split(':').nth(3)
    }

    /// Returns the account in the stack's ARN; `None` if the ARN is invalid.
    pub fn account(&self) -> Option<&str> {
        self.id.split(':').nth(4)
    }
}
