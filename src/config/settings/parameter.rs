//! The values of CloudFormation parameters, and where they come from.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::config::secret::Secret;

/// The value of a CloudFormation parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum ParameterValue {
    /// Given in the manifest, a variable or a flag; may be printed.
    Plain(String),
    /// Read from an environment variable; never printed.
    FromEnvironment {
        /// The variable's name.
        #[serde(rename = "from_env")]
        variable: String,
        /// Its value; `None` where it is not set, which only commands that send it refuse.
        #[serde(skip)]
        value: Option<Secret>,
    },
    /// Read from a service of AWS when it is sent; never printed.
    FromService {
        /// Where the value is.
        #[serde(flatten)]
        source: ServiceSource,
        /// The value; `None` until it is read, which only commands that send it do.
        #[serde(skip)]
        value: Option<Secret>,
    },
    /// An output of another stack of the project.
    FromStack {
        /// The stack's key in `[stacks]`.
        #[serde(rename = "from_stack")]
        stack: String,
        /// The output's name.
        output: String,
        /// Its value; `None` until it is read, which only commands that send it do.
        #[serde(skip)]
        value: Option<String>,
        /// Its value, if it is a secret of its stack; never printed.
        #[serde(skip)]
        secret: Option<Secret>,
    },
    /// The value that the parameter has in the deployed stack, whatever it is.
    Previous {
        /// Always `true`.
        use_previous: bool,
    },
}

impl ParameterValue {
    /// Returns whether the value comes from outside the project, so that it is never printed and may
    /// have changed although no file has.
    pub fn is_from_outside(&self) -> bool {
        matches!(
            self,
            Self::FromEnvironment { .. }
                | Self::FromService { .. }
                | Self::FromStack {
                    secret: Some(_),
                    ..
                }
        )
    }

    /// Returns the value if it is known and may be printed: a value of the manifest, or an output of another
    /// stack that was read.
    pub fn plain(&self) -> Option<&str> {
        match self {
            Self::Plain(value) => Some(value),
            Self::FromStack { value, .. } => value.as_deref(),
            _ => None,
        }
    }

    /// Returns the stack and the output of it that is the value: the key in `[stacks]`, and the name of the
    /// output. Returns `None` if the value is no output of another stack.
    pub fn stack_output(&self) -> Option<(&str, &str)> {
        match self {
            Self::FromStack { stack, output, .. } => Some((stack, output)),
            _ => None,
        }
    }

    /// Returns the secret that is sent; `None` if the value is no secret or is not known.
    pub fn secret(&self) -> Option<&Secret> {
        match self {
            Self::FromEnvironment { value, .. } | Self::FromService { value, .. } => value.as_ref(),
            Self::FromStack { secret, .. } => secret.as_ref(),
            Self::Plain(_) | Self::Previous { .. } => None,
        }
    }
}

/// Where a service of AWS has the value of a parameter.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum ServiceSource {
    /// A parameter of SSM Parameter Store, by its name or ARN, perhaps with a version or a label.
    #[serde(rename = "from_ssm")]
    Ssm(String),
    /// A secret of Secrets Manager, by its name or ARN, perhaps with `#` and a key of its JSON.
    #[serde(rename = "from_secret")]
    Secret(String),
}

impl ServiceSource {
    /// Returns the name or the ARN by which the service knows it.
    pub fn id(&self) -> &str {
        match self {
            Self::Ssm(id) => id,
            Self::Secret(text) => text.split_once('#').map_or(text, |(id, _)| id),
        }
    }

    /// Returns the key of the secret's JSON whose value is sent; `None` if the whole text is.
    pub fn key(&self) -> Option<&str> {
        match self {
            Self::Ssm(_) => None,
            Self::Secret(text) => text.split_once('#').map(|(_, key)| key),
        }
    }

    /// Returns what one call reads: the whole secret, also if one key of it is sent.
    #[must_use]
    pub fn whole(&self) -> Self {
        match self {
            Self::Ssm(_) => self.clone(),
            Self::Secret(_) => Self::Secret(self.id().to_owned()),
        }
    }

    /// Returns the region of an ARN; `None` if the source is a name, which is looked up in the region
    /// of the stack.
    pub fn region(&self) -> Option<&str> {
        let arn = self.id().strip_prefix("arn:")?;
        arn.split(':').nth(2)
    }
}

impl fmt::Display for ServiceSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = self.id();
        match (self, self.key()) {
            (Self::Ssm(_), _) => write!(f, "the SSM parameter `{id}`"),
            (Self::Secret(_), None) => write!(f, "the secret `{id}`"),
            (Self::Secret(_), Some(key)) => write!(f, "the key `{key}` of the secret `{id}`"),
        }
    }
}
