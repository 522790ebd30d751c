//! A stack as CloudFormation describes it.

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::cloudformation::status::StackStatus;
use crate::error::{Error, Result};

/// What stands for the value of a `NoEcho` parameter in every answer of the API.
pub(crate) const NO_ECHO: &str = "****";

/// A stack as it is deployed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Stack {
    /// The ARN, which names this very stack even after another takes its name.
    pub id: String,
    /// The name.
    pub name: String,
    /// The status.
    pub status: StackStatus,
    /// Why it has that status, where the service says so.
    pub status_reason: Option<String>,
    /// The parameters' values; those of `NoEcho` parameters are masked by the service.
    pub parameters: IndexMap<String, String>,
    /// The tags, without those that AWS itself adds (`aws:…`).
    pub tags: IndexMap<String, String>,
    /// The outputs in the service's order.
    pub outputs: Vec<Output>,
    /// The capabilities that the last operation was given.
    pub capabilities: Vec<String>,
    /// The SNS topics that receive its events.
    pub notification_arns: Vec<String>,
    /// The role that CloudFormation assumes.
    pub role_arn: Option<String>,
    /// The alarms that roll an operation back, by ARN.
    pub rollback_alarms: Vec<String>,
    /// How long the alarms are watched, in minutes.
    pub rollback_monitoring_minutes: Option<u32>,
    /// Whether it is protected from deletion.
    pub termination_protection: bool,
    /// When it was made.
    pub created: Option<Timestamp>,
    /// When it was last updated.
    pub updated: Option<Timestamp>,
}

/// Returns the name in a stack's ARN, `arn:…:stack/NAME/UUID`; what is none comes back as it is.
pub fn name_of(id: &str) -> &str {
    id.split('/').nth(1).unwrap_or(id)
}

/// One output of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// What the template says about it.
    pub description: Option<String>,
    /// The name under which other stacks of the account and region import it.
    pub export: Option<String>,
}

/// One resource of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Resource {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in the world, once it has one.
    pub physical_id: Option<String>,
    /// Its type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// Its status, as it came.
    pub status: String,
    /// Why it has that status, where the service says so.
    pub reason: Option<String>,
}

impl Stack {
    /// Returns the value of an output that is needed.
    ///
    /// # Errors
    ///
    /// Where there is none of that name; the hint lists those that there are.
    pub fn required_output(&self, name: &str) -> Result<&str> {
        self.output(name).ok_or_else(|| {
            let names: Vec<&str> = self
                .outputs
                .iter()
                .map(|output| output.name.as_str())
                .collect();
            let hint = match names.as_slice() {
                [] => "it has no outputs at all".to_owned(),
                names => format!("its outputs are {}", names.join(", ")),
            };
            Error::input(format!("the stack `{}` has no output `{name}`", self.name)).hint(hint)
        })
    }

    /// Returns the value of an output.
    pub fn output(&self, name: &str) -> Option<&str> {
        self.outputs
            .iter()
            .find(|output| output.name == name)
            .map(|output| output.value.as_str())
    }

    /// Returns whether a parameter's value is masked, so that it cannot be compared.
    pub fn is_masked(&self, parameter: &str) -> bool {
        self.parameters
            .get(parameter)
            .is_some_and(|value| value == NO_ECHO)
    }

    /// Returns the names of the parameters whose value is masked.
    pub fn masked_parameters(&self) -> impl Iterator<Item = &String> {
        let masked = self
            .parameters
            .iter()
            .filter(|(_, value)| *value == NO_ECHO);
        masked.map(|(name, _)| name)
    }

    /// Returns the account in the stack's ARN.
    pub fn account(&self) -> Option<&str> {
        self.id.split(':').nth(4)
    }
}
