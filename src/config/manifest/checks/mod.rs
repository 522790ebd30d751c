//! The rules for single values: what a name, a network or a duration must look like.
//!
//! Each check takes the text and returns the value or a [`Fault`] that says what is wrong, what is
//! allowed and, where it can be guessed, what was meant. Where the text stands is not known here.

mod arn;
mod network;
mod source;
mod stack_set;

use std::ops::RangeInclusive;
use std::path::{Component, Path};
use std::time::Duration;

use crate::diagnostic::Severity;
use crate::util::suggest::{nearest, quoted};
pub(crate) use arn::{alarm_arn, role_arn, topic_arn};
pub(crate) use network::{cidr, world};
pub(crate) use source::{secret, ssm_parameter};
pub(crate) use stack_set::{
    account_filter, amount, call_as, concurrency_mode, organizational_unit, override_target,
    region_concurrency, role_name,
};

/// The Pythons of Lambda's runtimes, by their minor versions.
pub(crate) const PYTHONS: [&str; 6] = ["3.9", "3.10", "3.11", "3.12", "3.13", "3.14"];

/// What is wrong with a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    /// The rule's name, see [`Diagnostic::rule`](crate::diagnostic::Diagnostic::rule).
    pub(crate) rule: &'static str,
    /// What is wrong, completing a sentence that begins with the key.
    pub(crate) message: String,
    /// What is allowed, and what was probably meant.
    pub(crate) help: Vec<String>,
}

impl Fault {
    pub(crate) fn new(rule: &'static str, message: impl Into<String>) -> Self {
        Self {
            rule,
            message: message.into(),
            help: Vec::new(),
        }
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

/// Adds the known value that is near to a text, or all of them if none is.
fn suggest<const N: usize>(fault: Fault, text: &str, known: [&str; N], plural: &str) -> Fault {
    match nearest(text, known) {
        Some(meant) => fault.help(format!("did you mean `{meant}`?")),
        None => fault.help(format!("the {plural} are {}", quoted(known))),
    }
}

/// A value, or what is wrong with it.
pub(crate) type Checked<T> = Result<T, Fault>;

/// Any text.
#[expect(
    clippy::unnecessary_wraps,
    reason = "the table of keys prescribes the signature"
)]
pub(crate) fn any(_: &str) -> Checked<()> {
    Ok(())
}

/// Any text but the empty one.
pub(crate) fn filled(text: &str) -> Checked<()> {
    if text.trim().is_empty() {
        return Err(Fault::new("empty-value", "is empty").help("leave the key out, or fill it in"));
    }
    Ok(())
}

/// A path relative to the manifest and inside its folder.
pub(crate) fn path(text: &str) -> Checked<()> {
    filled(text)?;
    let inside = |part| matches!(part, Component::Normal(_) | Component::CurDir);
    if Path::new(text).components().all(inside) {
        return Ok(());
    }
    Err(Fault::new("bad-path", "points outside the project")
        .help("a path is relative to the manifest's folder, inside it and without `..`"))
}

/// A glob of files to leave out of a zip.
pub(crate) fn glob(text: &str) -> Checked<()> {
    filled(text)?;
    globset::Glob::new(text).map_err(|error| {
        Fault::new("bad-glob", format!("is not a glob: {}", error.kind()))
            .help("globs look like `tests/**` or `*.md`")
    })?;
    Ok(())
}

/// The Python of a Lambda runtime.
pub(crate) fn python(text: &str) -> Checked<()> {
    if PYTHONS.contains(&text) {
        return Ok(());
    }
    let fault = Fault::new("bad-python", "is not the Python of a Lambda runtime");
    let version = text.trim_start_matches("python");
    let minor = version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".");
    Err(match nearest(&minor, PYTHONS) {
        Some(meant) if meant == minor => fault.help(format!("did you mean `{meant}`?")),
        _ => fault.help(format!("the versions are {}", quoted(PYTHONS))),
    })
}

/// The architecture of a Lambda function.
pub(crate) fn architecture(text: &str) -> Checked<()> {
    const KNOWN: [&str; 2] = ["x86_64", "arm64"];
    if KNOWN.contains(&text) {
        return Ok(());
    }
    let fault = Fault::new("bad-architecture", "is not an architecture of Lambda");
    Err(match text.to_ascii_lowercase().as_str() {
        "aarch64" | "arm" => fault.help("did you mean `arm64`?"),
        "amd64" | "x64" | "x86-64" | "x86" => fault.help("did you mean `x86_64`?"),
        _ => fault.help("the architectures are `x86_64` and `arm64`"),
    })
}

/// The mode of operations on a stack.
pub(crate) fn deployment_mode(text: &str) -> Checked<()> {
    const KNOWN: [&str; 2] = ["standard", "express"];
    if KNOWN.contains(&text) {
        return Ok(());
    }
    let fault = Fault::new("bad-deployment-mode", "is not a mode of CloudFormation");
    Err(suggest(fault, &text.to_ascii_lowercase(), KNOWN, "modes"))
}

/// What `watch` may do in an environment.
pub(crate) fn watch(text: &str) -> Checked<()> {
    const KNOWN: [&str; 2] = ["apply", "hotswap"];
    if KNOWN.contains(&text) {
        return Ok(());
    }
    let fault = Fault::new("bad-watch", "is nothing that `watch` can be allowed to do");
    Err(suggest(fault, &text.to_ascii_lowercase(), KNOWN, "values"))
}

/// An argument of a program.
pub(crate) fn argument(text: &str) -> Checked<()> {
    if text.contains('\0') {
        return Err(Fault::new("bad-argument", "has a NUL character")
            .help("an argument of a program cannot contain it"));
    }
    Ok(())
}

/// A project's name: it becomes part of the stack's name and follows that one's rules.
pub(crate) fn project(text: &str) -> Checked<()> {
    name(text, "bad-project", 128, |c| c.is_ascii_alphanumeric())
        .map_err(|fault| fault.help("a project is letters, digits and hyphens, starting with a letter, at most 128 characters"))
}

/// A stack's key in `[stacks]`: it becomes part of the stack's name and follows that one's rules.
pub(crate) fn stack_key(text: &str) -> Checked<()> {
    name(text, "bad-stack", 128, |c| c.is_ascii_alphanumeric()).map_err(|fault| {
        fault.help("a stack is letters, digits and hyphens, starting with a letter, because its name holds it")
    })
}

/// An output's name (CloudFormation: a logical id, letters and digits).
pub(crate) fn output(text: &str) -> Checked<()> {
    if is_logical_id(text) {
        return Ok(());
    }
    Err(Fault::new("bad-output", "is not the name of an output")
        .help("an output is letters and digits, at most 255 characters"))
}

/// The permission model of a stack set.
pub(crate) fn permissions(text: &str) -> Checked<()> {
    const KNOWN: [&str; 2] = ["self-managed", "service-managed"];
    if KNOWN.contains(&text) {
        return Ok(());
    }
    let fault = Fault::new("bad-permissions", "is not a permission model of StackSets");
    let lower = text.to_ascii_lowercase().replace('_', "-");
    Err(suggest(fault, &lower, KNOWN, "models"))
}

/// An environment's name: it becomes part of bucket names, which have no capitals and at most 63
/// characters for everything together.
pub(crate) fn environment(text: &str) -> Checked<()> {
    let lower = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    name(text, "bad-environment", 32, lower).map_err(|fault| {
        fault.help("an environment is lower-case letters, digits and hyphens, starting with a letter, at most 32 characters, because bucket names hold it")
    })
}

/// The name that no artifact may have: its keys would be among those of the records of deployments.
const RECORDS: &str = "history";

/// An artifact's name: it becomes part of the object's key.
pub(crate) fn artifact(text: &str) -> Checked<()> {
    if text == RECORDS {
        let fault = Fault::new("bad-artifact", "is not allowed as a name");
        return Err(
            fault.help("the records of the deployments are kept under it; choose another name")
        );
    }
    let allowed = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name(text, "bad-artifact", 128, allowed).map_err(|fault| {
        fault.help("an artifact is letters, digits, `_` and hyphens, starting with a letter")
    })
}

/// A parameter's name (CloudFormation: a logical id, letters and digits).
pub(crate) fn parameter(text: &str) -> Checked<()> {
    if is_logical_id(text) {
        return Ok(());
    }
    Err(
        Fault::new("bad-parameter", "is not a CloudFormation parameter's name")
            .help("a parameter is letters and digits, at most 255 characters"),
    )
}

/// The logical id of a resource.
pub(crate) fn logical_id(text: &str) -> Checked<()> {
    if is_logical_id(text) {
        return Ok(());
    }
    Err(Fault::new("bad-logical-id", "is not a logical id")
        .help("a logical id is letters and digits, at most 255 characters"))
}

fn is_logical_id(text: &str) -> bool {
    (1..=255).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_alphanumeric())
}

/// A stack's name with `{project}`, `{environment}` and `{stack}` in it. The length is known only when those
/// are, and whether there is a `{stack}`.
pub(crate) fn stack_name(text: &str) -> Checked<()> {
    const PLACEHOLDERS: [&str; 3] = ["project", "environment", "stack"];
    let mut plain = String::new();
    filled(text)?;
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        let Some((word, behind)) = after.split_once('}') else {
            return Err(Fault::new("bad-stack-name", "has a `{` without its `}`"));
        };
        if !PLACEHOLDERS.contains(&word) {
            let fault = Fault::new(
                "bad-stack-name",
                format!("has an unknown placeholder `{{{word}}}`"),
            );
            return Err(match nearest(word, PLACEHOLDERS) {
                Some(meant) => fault.help(format!("did you mean `{{{meant}}}`?")),
                None => fault.help("the placeholders are `{project}` and `{environment}`"),
            });
        }
        // Each placeholder begins with a letter and hold nothing that a stack's name may not.
        plain.push_str(before);
        plain.push('a');
        rest = behind;
    }
    plain.push_str(rest);
    final_stack_name(&plain)
}

/// A stack's name as CloudFormation takes it (`CreateStack`, `StackName`).
pub(crate) fn final_stack_name(text: &str) -> Checked<()> {
    name(text, "bad-stack-name", 128, |c| c.is_ascii_alphanumeric())
        .map_err(|fault| fault.help("a stack's name is letters, digits and hyphens, starting with a letter, at most 128 characters"))
}

fn name(
    text: &str,
    rule: &'static str,
    limit: usize,
    allowed: impl Fn(char) -> bool,
) -> Checked<()> {
    let wrong = |what: String| Err(Fault::new(rule, what));
    let Some(first) = text.chars().next() else {
        return wrong("is empty".to_owned());
    };
    if let Some(bad) = text.chars().find(|c| !allowed(*c) && *c != '-') {
        return wrong(format!("may not contain `{}`", bad.escape_debug()));
    }
    if !(first.is_ascii_alphabetic() && allowed(first)) {
        return wrong(format!("may not start with `{first}`"));
    }
    if text.len() > limit {
        return wrong(format!("has {} characters", text.len()));
    }
    Ok(())
}

/// An account id.
pub(crate) fn account(text: &str) -> Checked<()> {
    if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let fault = Fault::new("bad-account", "is not an AWS account id");
    Err(if digits.len() == 12 {
        fault.help(format!("write the 12 digits alone: `{digits}`"))
    } else {
        fault.help(format!(
            "an account id has 12 digits; here are {}",
            digits.len()
        ))
    })
}

/// A region's name. New regions appear, so only the shape is checked.
pub(crate) fn region(text: &str) -> Checked<()> {
    let shaped = |text: &str| {
        let mut parts: Vec<&str> = text.split('-').collect();
        let number = parts.pop().unwrap_or_default();
        parts.len() >= 2
            && !number.is_empty()
            && number.bytes().all(|byte| byte.is_ascii_digit())
            && parts
                .iter()
                .all(|part| part.len() >= 2 && part.bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    if shaped(text) {
        return Ok(());
    }
    let fault = Fault::new("bad-region", "is not an AWS region's name");
    let without_zone = text.trim_end_matches(|c: char| c.is_ascii_lowercase());
    let lower = text.trim().to_ascii_lowercase().replace('_', "-");
    Err(if shaped(without_zone) {
        fault.help(format!(
            "that is an availability zone; its region is `{without_zone}`"
        ))
    } else if shaped(&lower) {
        fault.help(format!("did you mean `{lower}`?"))
    } else {
        fault.help("regions look like `eu-west-1`")
    })
}

/// A bucket's name (S3 user guide, general purpose bucket naming rules).
pub(crate) fn bucket(text: &str) -> Checked<()> {
    const PREFIXES: [&str; 3] = ["xn--", "sthree-", "amzn-s3-demo-"];
    const SUFFIXES: [&str; 5] = ["-s3alias", "--ol-s3", ".mrap", "--x-s3", "--table-s3"];
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '-' | '.');
    let edge = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit();
    let wrong = if !(3..=63).contains(&text.len()) {
        format!("has {} characters", text.chars().count())
    } else if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        format!("may not contain `{}`", bad.escape_debug())
    } else if !text.starts_with(edge) || !text.ends_with(edge) {
        "must start and end with a letter or a digit".to_owned()
    } else if text.contains("..") {
        "may not contain two dots in a row".to_owned()
    } else if text.parse::<std::net::Ipv4Addr>().is_ok() {
        "may not look like an IP address".to_owned()
    } else if let Some(prefix) = PREFIXES.iter().find(|prefix| text.starts_with(*prefix)) {
        format!("may not start with `{prefix}`, which S3 keeps for itself")
    } else if let Some(suffix) = SUFFIXES.iter().find(|suffix| text.ends_with(*suffix)) {
        format!("may not end with `{suffix}`, which S3 keeps for itself")
    } else {
        return Ok(());
    };
    Err(Fault::new("bad-bucket", wrong)
        .help("a bucket's name is 3 to 63 lower-case letters, digits, hyphens and dots"))
}

/// A key pair's name (EC2: up to 255 ASCII characters).
pub(crate) fn key_pair(text: &str) -> Checked<()> {
    filled(text)?;
    if text.len() > 255 || !text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Err(Fault::new("bad-key-pair", "is not a key pair's name")
            .help("a key pair's name is at most 255 ASCII characters"));
    }
    Ok(())
}

/// A login name that `ssh` cannot mistake for an option.
pub(crate) fn user(text: &str) -> Checked<()> {
    filled(text)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    if text.starts_with('-') || !text.chars().all(plain) {
        return Err(Fault::new("bad-user", "is not a login name")
            .help("Amazon Linux's is `ec2-user`, Ubuntu's is `ubuntu`"));
    }
    Ok(())
}

/// An environment variable's name.
pub(crate) fn variable(text: &str) -> Checked<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if text.is_empty() || text.starts_with(|c: char| c.is_ascii_digit()) || !text.chars().all(plain)
    {
        return Err(
            Fault::new("bad-variable", "is not an environment variable's name")
                .help("write the name alone, such as `DB_PASSWORD`, without `$`"),
        );
    }
    Ok(())
}

/// The versions of stackctl that may work with a manifest.
pub(crate) fn version(text: &str) -> Checked<()> {
    semver::VersionReq::parse(text).map_err(|error| {
        Fault::new(
            "bad-version",
            format!("is not a version requirement: {error}"),
        )
        .help("requirements look like `>=0.1`, `0.1` or `>=0.1, <0.3`")
    })?;
    Ok(())
}

/// A duration of at least a second.
pub(crate) fn duration(text: &str) -> Checked<Duration> {
    let fault = |message: String| {
        Err(Fault::new("bad-duration", message).help("durations look like `60s`, `5m` or `1m 30s`"))
    };
    match text.parse::<jiff::SignedDuration>() {
        Err(_) if text.trim().parse::<u64>().is_ok() => {
            let help = format!("for seconds, write `{}s`", text.trim());
            Err(Fault::new("bad-duration", "has no unit").help(help))
        }
        Err(_) => fault("is not a duration".to_owned()),
        Ok(duration) => match Duration::try_from(duration) {
            Ok(duration) if duration >= Duration::from_secs(1) => Ok(duration),
            _ => fault("must be at least a second".to_owned()),
        },
    }
}

/// One of CloudFormation's capabilities.
pub(crate) fn capability(text: &str) -> Checked<()> {
    const KNOWN: [&str; 3] = [
        "CAPABILITY_IAM",
        "CAPABILITY_NAMED_IAM",
        "CAPABILITY_AUTO_EXPAND",
    ];
    if KNOWN.contains(&text) {
        return Ok(());
    }
    let fault = Fault::new("bad-capability", "is not a capability");
    let upper = text.to_ascii_uppercase();
    Err(suggest(fault, &upper, KNOWN, "capabilities"))
}

/// The id of a linter's rule, such as `W3010`, or the name of a Guard rule.
pub(crate) fn lint_rule(text: &str) -> Checked<()> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(is_part) {
        return Ok(());
    }
    Err(Fault::new("bad-lint-rule", "is not the id of a rule")
        .help("ids are letters, digits, `_` and `-`, such as `W3010`"))
}

/// The least severity of the linter's findings that are shown.
pub(crate) fn severity(text: &str) -> Checked<Severity> {
    const KNOWN: [Severity; 3] = [Severity::Note, Severity::Warning, Severity::Error];
    let known = KNOWN.into_iter().find(|known| known.as_str() == text);
    known.ok_or_else(|| {
        Fault::new("bad-severity", "is not a severity").help(format!(
            "the severities are {}",
            quoted(KNOWN.map(Severity::as_str))
        ))
    })
}

/// An integer within an API's limits.
pub(crate) fn integer(number: i64, allowed: &RangeInclusive<u32>) -> Checked<u32> {
    u32::try_from(number)
        .ok()
        .filter(|number| allowed.contains(number))
        .ok_or_else(|| {
            let fault = Fault::new("out-of-range", format!("may not be {number}"));
            match *allowed.end() {
                u32::MAX => fault.help(format!("it must be at least {}", allowed.start())),
                end => fault.help(format!("it must be from {} to {end}", allowed.start())),
            }
        })
}

/// A tag's key (CloudFormation `Tag`, and the AWS tagging rules).
pub(crate) fn tag_key(text: &str) -> Checked<()> {
    let lower = text.to_ascii_lowercase();
    if let Some(prefix) = ["aws:", "stackctl:"]
        .into_iter()
        .find(|prefix| lower.starts_with(prefix))
    {
        return Err(Fault::new(
            "reserved-tag",
            format!("starts with `{prefix}`, which is reserved"),
        )
        .help("tags that start with `aws:` are set by AWS, those with `stackctl:` by stackctl"));
    }
    tag_text(text, 128)
}

/// A tag's value.
pub(crate) fn tag_value(text: &str) -> Checked<()> {
    tag_text(text, 256)
}

fn tag_text(text: &str, limit: usize) -> Checked<()> {
    let allowed = |c: char| c.is_alphanumeric() || " _.:/=+-@".contains(c);
    let length = text.chars().count();
    let wrong = if length == 0 {
        "is empty".to_owned()
    } else if length > limit {
        format!("has {length} characters")
    } else if let Some(bad) = text.chars().find(|c| !allowed(*c)) {
        format!("may not contain `{}`", bad.escape_debug())
    } else {
        return Ok(());
    };
    Err(Fault::new("bad-tag", wrong).help(format!(
        "a tag has 1 to {limit} letters, digits, spaces and `_ . : / = + - @`"
    )))
}

#[cfg(test)]
mod tests;
