//! The functions of a deployed stack: their configuration, the lines of their logs, and what both say
//! about a failure.

mod configuration;
mod fault;
mod finder;
pub mod lines;
mod live;
mod log;

pub use configuration::Configuration;
pub use fault::{Fault, FaultKind};
pub use finder::FaultFinder;
pub use live::{LiveCode, LiveFunction, Update};
pub use log::{LogLine, SeenLines, filter_terms, function_of_stream, stream_in};

/// The resource type of functions, also of those that a transform creates.
pub const FUNCTION_TYPE: &str = "AWS::Lambda::Function";

/// A function of a stack or of one of its nested stacks.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Function {
    /// The logical id, after those of the nested stacks that lead to it, such as `Api/Handler`.
    pub path: String,
    /// The name or ARN of the stack that has it.
    pub stack: String,
    /// The physical id: its name.
    pub name: String,
    /// The configuration; `None` if it could not be read.
    pub configuration: Option<Configuration>,
}

impl Function {
    /// Returns the logical id in the stack that has it.
    pub fn id(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or(&self.path)
    }

    /// Returns the log group: that of the configuration, or the default one.
    pub fn log_group(&self) -> String {
        let configured = self.configuration.as_ref();
        let configured = configured.and_then(|it| it.log_group.clone());
        configured.unwrap_or_else(|| format!("/aws/lambda/{}", self.name))
    }
}

/// Returns the name of a function from its ARN, in any region.
pub fn name_in_arn(arn: &str) -> Option<&str> {
    let region = arn.split(':').nth(3)?;
    name_of_arn(arn, region)
}

/// Returns the name of a function from its ARN, if the function is in this region:
/// `arn:…:lambda:REGION:ACCOUNT:function:NAME`, with or without a version or an alias.
pub fn name_of_arn<'a>(arn: &'a str, region: &str) -> Option<&'a str> {
    let parts: Vec<&str> = arn.split(':').collect();
    match parts.as_slice() {
        ["arn", _, "lambda", at, _, "function", name, ..] if *at == region && !name.is_empty() => {
            Some(name)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{Configuration, Function, name_of_arn};

    #[test]
    fn log_group_is_the_configured_or_the_default_one() {
        let mut function = Function {
            path: "Handler".to_owned(),
            name: "demo-handler".to_owned(),
            ..Function::default()
        };
        assert_eq!(function.log_group(), "/aws/lambda/demo-handler");
        function.configuration = Some(Configuration::default());
        assert_eq!(function.log_group(), "/aws/lambda/demo-handler");
        function.configuration = Some(Configuration {
            log_group: Some("shared".to_owned()),
            ..Configuration::default()
        });
        assert_eq!(function.log_group(), "shared");
    }

    #[test]
    fn only_the_arn_of_a_function_in_the_region_has_a_name() {
        let cases = [
            ("arn:aws:lambda:eu-west-1:1:function:f", Some("f")),
            ("arn:aws-cn:lambda:eu-west-1:1:function:f:live", Some("f")),
            ("arn:aws:lambda:us-east-1:1:function:f", None),
            ("arn:aws:sns:eu-west-1:1:topic", None),
            ("arn:aws:lambda:eu-west-1:1:function:", None),
            ("f", None),
        ];
        for (arn, name) in cases {
            assert_eq!(name_of_arn(arn, "eu-west-1"), name, "{arn}");
        }
    }
}
