//! The rules for ARNs.

use super::{Checked, Fault};

/// The parts of an ARN.
pub(super) struct Arn<'t> {
    pub(super) partition: &'t str,
    pub(super) service: &'t str,
    pub(super) region: &'t str,
    pub(super) account: &'t str,
    pub(super) resource: &'t str,
}

impl<'t> Arn<'t> {
    /// Returns the parts of an ARN; `None` if the text does not begin as one. A part that is missing is
    /// empty.
    pub(super) fn parse(text: &'t str) -> Option<Self> {
        let mut parts = text.strip_prefix("arn:")?.splitn(5, ':');
        let mut next = || parts.next().unwrap_or_default();
        Some(Self {
            partition: next(),
            service: next(),
            region: next(),
            account: next(),
            resource: next(),
        })
    }
}

/// An IAM role's ARN (`CreateChangeSet`, `RoleARN`: 20 to 2,048 characters).
pub(crate) fn role_arn(text: &str) -> Checked<()> {
    arn(text, "iam", "arn:aws:iam::123456789012:role/deploy")
}

/// An SNS topic's ARN.
pub(crate) fn topic_arn(text: &str) -> Checked<()> {
    arn(
        text,
        "sns",
        "arn:aws:sns:eu-west-1:123456789012:deployments",
    )
}

/// A CloudWatch alarm's ARN.
pub(crate) fn alarm_arn(text: &str) -> Checked<()> {
    arn(
        text,
        "cloudwatch",
        "arn:aws:cloudwatch:eu-west-1:123456789012:alarm:errors",
    )
}

fn arn(text: &str, service: &str, example: &str) -> Checked<()> {
    let is_shaped = |arn: Arn<'_>| {
        arn.partition.starts_with("aws")
            && arn.service == service
            && arn.account.len() == 12
            && arn.account.bytes().all(|byte| byte.is_ascii_digit())
            && !arn.resource.is_empty()
    };
    if !Arn::parse(text).is_some_and(is_shaped) || text.len() > 2048 {
        return Err(Fault::new(
            "bad-arn",
            format!("is not the ARN of this kind of thing ({service})"),
        )
        .help(format!("it looks like `{example}`")));
    }
    Ok(())
}
