//! The rules for the places of values in other services.

use super::arn::Arn;
use super::{Checked, Fault, filled};

/// The maximum length of a secret's name in characters (`CreateSecret`).
const SECRET_NAME: usize = 512;

/// The maximum length of the name of an SSM parameter in characters (`GetParameter`).
const PARAMETER_NAME: usize = 2048;

/// The name or the ARN of an SSM parameter, perhaps with a version or a label.
pub(crate) fn ssm_parameter(text: &str) -> Checked<()> {
    const HELP: &str =
        "write a name such as `/app/image`, `/app/image:3` with a version or a label, or an ARN";
    let fault = |message: &str| Fault::new("bad-source", message);
    filled(text)?;
    no_reference(text, HELP)?;
    let (name, suffix) = match Arn::parse(text) {
        Some(arn) => {
            let name = name(&arn, "ssm", "parameter/", "from_ssm")?;
            (name, name.split_once(':').map(|(_, suffix)| suffix))
        }
        None => text
            .split_once(':')
            .map_or((text, None), |(name, suffix)| (name, Some(suffix))),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.' | '-');
    let name = name.split(':').next().unwrap_or_default();
    let is_suffix = suffix.is_none_or(|it| !it.is_empty() && it.chars().all(is_plain));
    let is_name = !name.is_empty() && name.chars().all(|c| is_plain(c) || c == '/');
    if !is_name || !is_suffix || text.len() > PARAMETER_NAME {
        return Err(fault("is not the name of an SSM parameter").help(HELP));
    }
    if Arn::parse(text).is_none() && name.contains('/') && !name.starts_with('/') {
        return Err(fault("is not the name of an SSM parameter").help(format!(
            "a name with `/` begins with one: did you mean `/{text}`?"
        )));
    }
    Ok(())
}

/// The name or the ARN of a secret, perhaps with `#` and a key.
pub(crate) fn secret(text: &str) -> Checked<()> {
    const HELP: &str = "write a name such as `app/database`, `app/database#password` for a key of its JSON, or an ARN";
    let fault = |message: &str| Fault::new("bad-source", message);
    filled(text)?;
    no_reference(text, HELP)?;
    let (id, key) = text
        .split_once('#')
        .map_or((text, None), |(id, key)| (id, Some(key)));
    if key.is_some_and(|key| key.trim().is_empty()) {
        return Err(fault("names no key after `#`").help(HELP));
    }
    let name = match Arn::parse(id) {
        Some(arn) => name(&arn, "secretsmanager", "secret:", "from_secret")?,
        None => id,
    };
    let is_plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '/' | '_' | '+' | '=' | '.' | '@' | '-');
    if name.is_empty() || !name.chars().all(is_plain) || name.len() > SECRET_NAME {
        return Err(fault("is not the name of a secret").help(HELP));
    }
    Ok(())
}

/// Refuses a dynamic reference, which only CloudFormation reads.
fn no_reference(text: &str, help: &str) -> Checked<()> {
    if text.contains("{{") {
        return Err(Fault::new("bad-source", "is a dynamic reference").help(help));
    }
    Ok(())
}

/// Returns the name behind `kind` in the ARN of a resource of `service`.
fn name<'t>(arn: &Arn<'t>, service: &str, kind: &str, key: &str) -> Checked<&'t str> {
    let fault = |message: String| Fault::new("bad-source", message);
    let other = [("ssm", "from_ssm"), ("secretsmanager", "from_secret")];
    if let Some((_, meant)) = other
        .iter()
        .find(|(it, _)| *it == arn.service && *it != service)
    {
        let message = format!("is an ARN of {}", arn.service);
        return Err(fault(message).help(format!("did you mean `{meant}`?")));
    }
    let is_label = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let name = arn.resource.strip_prefix(kind);
    let is_whole = arn.service == service
        && !arn.region.is_empty()
        && arn.region.chars().all(is_label)
        && !arn.account.is_empty()
        && arn.account.chars().all(|c| c.is_ascii_digit());
    match name.filter(|_| is_whole) {
        Some(name) => Ok(name),
        None => Err(
            fault(format!("is not an ARN that `{key}` accepts")).help(format!(
                "such an ARN looks like `arn:aws:{service}:REGION:ACCOUNT:{kind}NAME`"
            )),
        ),
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use super::{secret, ssm_parameter};

    #[test]
    fn names_versions_labels_and_arns_are_sources() {
        for text in [
            "image",
            "/app/image",
            "/app/image:3",
            "/app/image:prod-1",
            "arn:aws:ssm:eu-west-1:123456789012:parameter/app/image",
            "arn:aws-us-gov:ssm:us-gov-west-1:123456789012:parameter/image:4",
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-x86_64",
        ] {
            ssm_parameter(text).unwrap();
        }
        for text in [
            "database",
            "app/database",
            "app/database#password",
            "app/database#a key#with:signs",
            "rds!db-1".replace('!', "+").as_str(),
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:app/database-AbCdEf#password",
        ] {
            secret(text).unwrap();
        }
    }

    #[test]
    fn what_is_no_source_is_explained() {
        for (text, expected) in [
            ("", "is empty"),
            ("app/image", "did you mean `/app/image`?"),
            ("/app/image:", "is not the name of an SSM parameter"),
            ("/app image", "is not the name of an SSM parameter"),
            ("{{resolve:ssm:/app/image}}", "is a dynamic reference"),
            (
                "arn:aws:secretsmanager:eu-west-1:1:secret:x",
                "did you mean `from_secret`?",
            ),
            ("arn:aws:ssm:eu-west-1:1:document/x", "accepts"),
            ("arn:aws:ssm:evil.com/:1:parameter/x", "accepts"),
            ("arn:", "accepts"),
        ] {
            let fault = ssm_parameter(text).unwrap_err();
            let shown = format!("{} {:?}", fault.message, fault.help);
            assert!(shown.contains(expected), "{text}: {shown}");
        }
        for (text, expected) in [
            ("database#", "names no key"),
            ("#password", "is not the name of a secret"),
            ("database:SecretString:password", "database#password"),
            ("{{resolve:secretsmanager:x}}", "is a dynamic reference"),
            (
                "arn:aws:ssm:eu-west-1:1:parameter/x",
                "did you mean `from_ssm`?",
            ),
            ("arn:aws:secretsmanager::1:secret:x", "accepts"),
            (
                "arn:aws:secretsmanager:eu-west-1:1:secret:x:password::",
                "is not the name of a secret",
            ),
        ] {
            let fault = secret(text).unwrap_err();
            let shown = format!("{} {:?}", fault.message, fault.help);
            assert!(shown.contains(expected), "{text}: {shown}");
        }
    }
}
