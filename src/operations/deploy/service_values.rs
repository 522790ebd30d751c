//! Parameters whose values are in a service of AWS (`from_ssm`, `from_secret` in the manifest).
//!
//! They are read at the same time as the deployed stack, and only by commands that send them. Every value
//! is a secret from then on, whatever the service calls it.

use futures_util::stream::{self, StreamExt as _, TryStreamExt as _};
use indexmap::{IndexMap, IndexSet};

use crate::aws::Connection;
use crate::aws::service_values::{self, ServiceValue};
use crate::config::manifest::PARAMETER_BYTES;
use crate::config::secret::Secret;
use crate::config::settings::{ParameterValue, ServiceSource};
use crate::error::{Error, Result};
use crate::operations::missing_value::{self, MissingValue};
use crate::operations::session::Session;
use crate::template::json;
use crate::template::node::Node;

/// How many values are read at once: `GetParameter` accepts 40 requests a second by default.
const AT_ONCE: usize = 8;

/// The values that services have for parameters.
#[derive(Debug, Default)]
pub(crate) struct ServiceValues {
    /// The values by the parameters' names.
    pub(crate) values: IndexMap<String, Secret>,
    /// The parameters whose values are secrets of SSM (`SecureString`).
    pub(crate) secure: Vec<String>,
}

/// Reads the values of those parameters that are in a service.
///
/// # Errors
///
/// With every value that cannot be sent, at its place in the manifest; the first failed call.
pub(crate) async fn read(
    session: &Session<'_>,
    connection: &Connection,
    parameters: &IndexMap<String, ParameterValue>,
) -> Result<ServiceValues> {
    let sources: Vec<(&String, &ServiceSource)> = parameters
        .iter()
        .filter_map(|(name, value)| match value {
            ParameterValue::FromService { source, .. } => Some((name, source)),
            _ => None,
        })
        .collect();
    // Several keys of one secret are one call.
    let once: IndexSet<ServiceSource> = sources.iter().map(|(_, it)| it.whole()).collect();
    let calls = stream::iter(once).map(async |source| {
        let value = service_values::read(connection, &source).await?;
        if let ServiceValue::Text { value, .. } = &value {
            session.presenter().secrets().add(value);
        }
        Ok::<_, Error>((source, value))
    });
    let answers: IndexMap<_, _> = calls.buffered(AT_ONCE).try_collect().await?;
    let mut read = ServiceValues::default();
    let mut found = Vec::new();
    for (name, source) in sources {
        let Some(answer) = answers.get(&source.whole()) else {
            continue;
        };
        match value_of(source, answer, connection.region()) {
            Ok(value) => {
                session.presenter().secrets().add(&value);
                if matches!(
                    answer,
                    ServiceValue::Text {
                        is_secure: true,
                        ..
                    }
                ) {
                    read.secure.push(name.clone());
                }
                read.values.insert(name.clone(), value);
            }
            Err(mut missing) => {
                if session.settings().emulator && is_missing(answer) {
                    missing.help = vec![format!(
                        "the emulator has values of its own: create this one there with the AWS CLI, after \
                         `eval \"$({})\"`",
                        session.command("local env")
                    )];
                }
                found.push(missing.of_parameter(session, name, "no-service-value"));
            }
        }
    }
    missing_value::check(found)?;
    Ok(read)
}

/// Returns whether a service has no such value.
fn is_missing(answer: &ServiceValue) -> bool {
    matches!(answer, ServiceValue::Refused(refusal) if refusal.is_missing)
}

/// Returns the value that is sent. `region` is the stack's.
fn value_of(
    source: &ServiceSource,
    answer: &ServiceValue,
    region: &str,
) -> std::result::Result<Secret, MissingValue> {
    let text = match answer {
        ServiceValue::Text { value, .. } => value,
        ServiceValue::Binary => {
            let message = format!("the secret `{}` is binary", source.id());
            return Err(MissingValue::new(message).help("store it as text (`SecretString`)"));
        }
        ServiceValue::Refused(refusal) => {
            let region = source.region().unwrap_or(region);
            let missing = MissingValue::new(format!(
                "{} cannot be read in {region}: {}",
                source.whole(),
                refusal.message
            ));
            return Err(match refusal.permission {
                Some(permission) => missing.help(format!(
                    "the credentials need the permission `{permission}`"
                )),
                None if refusal.is_missing => missing.help(
                    "create it in this region and account, or name another one; an ARN also names one \
                     of another region or account",
                ),
                None => missing,
            });
        }
    };
    let value = match source.key() {
        None => text.clone(),
        Some(key) => member(text, key)
            .map_err(|message| MissingValue::new(format!("{} {message}", source.whole())))?,
    };
    let length = value.expose().len();
    if length == 0 {
        return Err(MissingValue::new(format!("{source} is empty")));
    }
    if length > PARAMETER_BYTES {
        let message = format!("{source} has {length} bytes");
        return Err(MissingValue::new(message).help(format!(
            "CloudFormation takes {PARAMETER_BYTES} bytes a parameter; a template can read a longer one \
             itself with `{{{{resolve:…}}}}`"
        )));
    }
    Ok(value)
}

/// Returns the value of a key of a secret's JSON, or what is wrong. Numbers stay as they are written.
fn member(text: &Secret, key: &str) -> std::result::Result<Secret, String> {
    let document = json::document(text.expose());
    let Some(map) = document.as_ref().and_then(Node::as_map) else {
        return Err(format!("is no JSON object, so it has no key `{key}`"));
    };
    let Some(member) = map.get(key).map(|member| &member.node) else {
        return Err(format!("has no key `{key}`"));
    };
    match member.scalar() {
        Some(text) => Ok(Secret::new(text)),
        None => Err(format!(
            "has {} under the key `{key}`, not a text",
            member.noun()
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::value_of;
    use crate::aws::service_values::{Refusal, ServiceValue};
    use crate::config::secret::Secret;
    use crate::config::settings::ServiceSource;

    fn text(text: &str) -> ServiceValue {
        ServiceValue::Text {
            value: Secret::new(text),
            is_secure: false,
        }
    }

    fn shown(source: &ServiceSource, answer: &ServiceValue) -> String {
        match value_of(source, answer, "eu-west-1") {
            Ok(value) => format!("= {}", value.expose()),
            Err(missing) => format!("{} | {}", missing.message, missing.help.join(" | ")),
        }
    }

    #[test]
    fn a_value_is_the_text_or_the_member_of_its_json() {
        let document = r#"{"user": "u", "port": 5432, "id": 1.10, "on": true, "a#b": "x", "": "y",
                           "list": [1], "none": null, "empty": ""}"#;
        for (key, expected) in [
            ("user", "= u"),
            ("port", "= 5432"),
            ("id", "= 1.10"),
            ("on", "= true"),
            ("a#b", "= x"),
            (
                "list",
                "the secret `db` has a list under the key `list`, not a text | ",
            ),
            (
                "none",
                "the secret `db` has null under the key `none`, not a text | ",
            ),
            ("User", "the secret `db` has no key `User` | "),
            ("empty", "the key `empty` of the secret `db` is empty | "),
        ] {
            let source = ServiceSource::Secret(format!("db#{key}"));
            assert_eq!(shown(&source, &text(document)), expected);
        }
        let source = ServiceSource::Secret("db#key".to_owned());
        for no_object in ["hunter2", "[1]", "{broken", "\"x\"", ""] {
            assert_eq!(
                shown(&source, &text(no_object)),
                "the secret `db` is no JSON object, so it has no key `key` | "
            );
        }
        let whole = ServiceSource::Secret("db".to_owned());
        assert_eq!(shown(&whole, &text("{\"a\": 1}\n")), "= {\"a\": 1}\n");
    }

    #[test]
    fn what_cannot_be_a_parameter_says_why() {
        let ssm = ServiceSource::Ssm("/a".to_owned());
        assert_eq!(shown(&ssm, &text("")), "the SSM parameter `/a` is empty | ");
        assert_eq!(shown(&ssm, &text(&"x".repeat(4096))).len(), 4098);
        let long = shown(&ssm, &text(&"ä".repeat(2049)));
        assert!(
            long.starts_with("the SSM parameter `/a` has 4098 bytes | "),
            "{long}"
        );
        let secret = ServiceSource::Secret("s#k".to_owned());
        let binary = shown(&secret, &ServiceValue::Binary);
        assert!(
            binary.starts_with("the secret `s` is binary | "),
            "{binary}"
        );
        let refused = |permission, is_missing| {
            ServiceValue::Refused(Refusal {
                message: "no (Code)".to_owned(),
                is_missing,
                permission,
            })
        };
        let arn = "arn:aws:ssm:us-east-1:123456789012:parameter/a".to_owned();
        for (source, answer, expected) in [
            (
                &ssm,
                refused(None, false),
                "the SSM parameter `/a` cannot be read in eu-west-1: no (Code) | ",
            ),
            (
                &ssm,
                refused(Some("kms:Decrypt"), false),
                "permission `kms:Decrypt`",
            ),
            (
                &secret,
                refused(None, true),
                "the secret `s` cannot be read in eu-west-1: no (Code) | create it",
            ),
            (
                &ServiceSource::Ssm(arn),
                refused(None, true),
                "cannot be read in us-east-1",
            ),
        ] {
            let shown = shown(source, &answer);
            assert!(shown.contains(expected), "{shown}");
        }
    }
}
