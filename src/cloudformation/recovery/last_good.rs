//! The last template that was deployed successfully. An update to it ends a failure in EXPRESS mode, after
//! which CloudFormation rolls nothing back.

use std::fmt;

use indexmap::IndexMap;
use jiff::Timestamp;

use crate::util::time::to_the_second;

/// Where a template comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The file that the user named.
    File(String),
    /// The record of the last deployment that succeeded, which has this number and ended at about this
    /// time.
    Record(u64, Timestamp),
    /// The last deployment from this machine, which ended at about this time.
    Cache(Timestamp),
    /// The service, whose template of the stack is not the one that failed.
    Service,
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(name) => f.write_str(name),
            Self::Record(number, at) => {
                let at = to_the_second(*at);
                write!(f, "deployment {number} of the history ({at})")
            }
            Self::Cache(at) => {
                let at = to_the_second(*at);
                write!(f, "the last deployment from this machine ({at})")
            }
            Self::Service => f.write_str("CloudFormation's template of the stack"),
        }
    }
}

/// The last template that was deployed successfully, and how it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LastGood {
    /// Where the template comes from.
    pub source: Source,
    /// The template.
    pub template: String,
    /// The URL of the template; `None` if it is sent with the request.
    pub url: Option<String>,
    /// The template whose deployment failed; `None` if it cannot be read.
    pub failed: Option<String>,
    /// The parameters of the template. One without a value keeps the stack's.
    pub parameters: IndexMap<String, Option<String>>,
    /// The capabilities.
    pub capabilities: Vec<String>,
}

impl LastGood {
    /// Returns the parameters of the request, by their names in the API; some may be empty. The template
    /// and the values are described.
    pub(super) fn parameters(&self) -> Vec<(&'static str, Vec<String>)> {
        let size = self.template.len();
        let template = vec![format!("{size} bytes, from {}", self.source)];
        let name = match self.url {
            Some(_) => "TemplateURL",
            None => "TemplateBody",
        };
        let values = self.parameters.iter().map(|(name, value)| match value {
            Some(value) => format!("{name}={value}"),
            None => format!("{name} (previous value)"),
        });
        vec![
            (name, template),
            ("Parameters", values.collect()),
            ("Capabilities", self.capabilities.clone()),
        ]
    }
}
