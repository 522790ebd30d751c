//! Which source gives the credentials of a run.
//!
//! The order and the rules are those of botocore (`create_credential_resolver`), so that stackctl acts
//! as the same user as boto3 and the AWS CLI on the same machine. `docs/credentials.md` lists them.

use super::super::shared_config::{Profile, SharedConfig, SharedFile};
use super::super::variables::{Variables, not_a_word};
use crate::error::{Error, Result};
use crate::util::suggest::{nearest, quoted};

/// A source of credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws) enum Source {
    /// Keys from variables or a file.
    Keys(Keys),
    /// A role that is assumed with the credentials of another source.
    Role(Role, Box<Source>),
    /// A role that is assumed with a token from a file.
    WebIdentity {
        role: String,
        session: Option<String>,
        token_file: String,
    },
    /// IAM Identity Center: `aws sso login`.
    SignOn(SignOn),
    /// `aws login`: the name of the session.
    LoginSession(String),
    /// A command line that prints credentials.
    Process(String),
    /// The credentials of a container, from the URL that its variables name.
    Container,
    /// The role of an EC2 instance, if this is one.
    Metadata,
}

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::aws) struct Keys {
    pub(in crate::aws) id: String,
    pub(in crate::aws) secret: String,
    pub(in crate::aws) token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Keys").field(&self.id).finish()
    }
}

/// A role that a profile assumes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::aws) struct Role {
    pub(in crate::aws) arn: String,
    pub(in crate::aws) session: Option<String>,
    pub(in crate::aws) external_id: Option<String>,
    pub(in crate::aws) seconds: Option<i32>,
    /// The serial number or ARN of the MFA device whose code is needed.
    pub(in crate::aws) mfa: Option<String>,
}

/// A role that single sign-on gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::aws) struct SignOn {
    pub(in crate::aws) account: String,
    pub(in crate::aws) role: String,
    pub(in crate::aws) region: String,
    pub(in crate::aws) start_url: String,
    /// The `sso-session`; without one, the token is cached under the URL.
    pub(in crate::aws) session: Option<String>,
}

/// What is looked through.
#[derive(Debug, Clone, Copy)]
pub(in crate::aws) struct Search<'a> {
    pub(in crate::aws) shared: &'a SharedConfig,
    pub(in crate::aws) variables: &'a Variables,
    /// Whether the user chose the profile, by a flag or in the manifest. Variables with credentials
    /// then do not count.
    pub(in crate::aws) is_chosen: bool,
}

impl Source {
    /// Returns what it is, in words.
    fn description(&self) -> String {
        match self {
            Self::Keys(keys) if keys.token.is_some() => "temporary keys".to_owned(),
            Self::Keys(_) => "an access key".to_owned(),
            Self::Role(role, source) => {
                format!(
                    "the role {}, assumed with {}",
                    role.arn,
                    source.description()
                )
            }
            Self::WebIdentity {
                role, token_file, ..
            } => format!("the role {role}, assumed with the token in `{token_file}`"),
            Self::SignOn(sign_on) => match &sign_on.session {
                Some(session) => format!("single sign-on, session `{session}`"),
                None => format!("single sign-on at {}", sign_on.start_url),
            },
            Self::LoginSession(_) => "`aws login`".to_owned(),
            Self::Process(_) => "its `credential_process`".to_owned(),
            Self::Container => "the container's credentials".to_owned(),
            Self::Metadata => "the role of this machine (EC2 metadata)".to_owned(),
        }
    }

    /// Returns the source on which this one rests.
    pub(in crate::aws) fn base(&self) -> &Self {
        match self {
            Self::Role(_, source) => source.base(),
            _ => self,
        }
    }

    /// Returns the MFA devices whose codes are needed, in the order of their use.
    pub(in crate::aws) fn devices(&self) -> Vec<&str> {
        match self {
            Self::Role(role, source) => {
                let mut devices = source.devices();
                devices.extend(role.mfa.as_deref());
                devices
            }
            _ => Vec::new(),
        }
    }
}

impl Search<'_> {
    /// Returns the source of the credentials for the profile of this name. A profile that does not exist
    /// is empty.
    ///
    /// # Errors
    ///
    /// If what is configured is incomplete or contradicts itself.
    pub(in crate::aws) fn source(&self, name: &str, profile: &Profile) -> Result<Source> {
        if !self.is_chosen
            && let Some(keys) = self.keys_of_variables()?
        {
            return Ok(Source::Keys(keys));
        }
        if is_role(profile) {
            return self.role(name, profile, &mut vec![name.to_owned()]);
        }
        if let Some(source) = self.source_of_profile(name, profile, !self.is_chosen)? {
            return Ok(source);
        }
        let in_container = self.container_is_configured()?;
        Ok(if in_container {
            Source::Container
        } else {
            Source::Metadata
        })
    }

    /// Returns where the credentials for the profile of this name come from, in words.
    ///
    /// # Errors
    ///
    /// Those of [`Self::source`].
    pub(in crate::aws) fn description(&self, name: &str, profile: &Profile) -> Result<String> {
        let source = self.source(name, profile)?;
        if !self.is_chosen && self.keys_of_variables()?.is_some() {
            return Ok("the variables AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY".to_owned());
        }
        let by = source.description();
        Ok(match source {
            Source::Container | Source::Metadata => by,
            // A token's file may be named by a variable.
            Source::WebIdentity { .. } if !profile.has("web_identity_token_file") => by,
            _ => format!("the profile `{name}`: {by}"),
        })
    }

    fn container_is_configured(&self) -> Result<bool> {
        for name in [
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI",
        ] {
            if self.variables.filled(name)?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    fn keys_of_variables(&self) -> Result<Option<Keys>> {
        let Some(id) = self.variables.word("AWS_ACCESS_KEY_ID")? else {
            return Ok(None);
        };
        let Some(secret) = self.variables.word("AWS_SECRET_ACCESS_KEY")? else {
            return Err(
                Error::input("AWS_ACCESS_KEY_ID is set, but AWS_SECRET_ACCESS_KEY is not")
                    .hint("export both, or unset AWS_ACCESS_KEY_ID to use a profile"),
            );
        };
        let token = match self.variables.word("AWS_SESSION_TOKEN")? {
            Some(token) => Some(token),
            None => self.variables.word("AWS_SECURITY_TOKEN")?,
        };
        Ok(Some(Keys { id, secret, token }))
    }

    /// Returns the source that a profile without a role names. `by_variables` says whether the
    /// variables of a web identity count too.
    fn source_of_profile(
        &self,
        name: &str,
        profile: &Profile,
        by_variables: bool,
    ) -> Result<Option<Source>> {
        if let Some(source) = self.web_identity(profile, by_variables)? {
            return Ok(Some(source));
        }
        if let Some(sign_on) = self.sign_on(name, profile)? {
            return Ok(Some(Source::SignOn(sign_on)));
        }
        if let Some(keys) = keys_of(name, profile, SharedFile::Credentials)? {
            return Ok(Some(Source::Keys(keys)));
        }
        if let Some(session) = profile.text("login_session") {
            return Ok(Some(Source::LoginSession(session.to_owned())));
        }
        if let Some(command) = profile.text("credential_process") {
            return Ok(Some(Source::Process(command.to_owned())));
        }
        let keys = keys_of(name, profile, SharedFile::Config)?;
        Ok(keys.map(Source::Keys))
    }

    fn web_identity(&self, profile: &Profile, by_variables: bool) -> Result<Option<Source>> {
        let value = |variable: &str, key: &str| -> Result<Option<String>> {
            let of_variable = if by_variables {
                self.variables.get(variable)?
            } else {
                None
            };
            Ok(of_variable.or_else(|| profile.text(key).map(str::to_owned)))
        };
        let token_file = value("AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file")?;
        let Some(token_file) = token_file.filter(|path| !path.is_empty()) else {
            return Ok(None);
        };
        let role = value("AWS_ROLE_ARN", "role_arn")?.filter(|arn| !arn.is_empty());
        let Some(role) = role else {
            return Err(
                Error::input(format!("the web identity token `{token_file}` has no role"))
                    .hint("set AWS_ROLE_ARN, or `role_arn` beside `web_identity_token_file`"),
            );
        };
        Ok(Some(Source::WebIdentity {
            role,
            session: value("AWS_ROLE_SESSION_NAME", "role_session_name")?,
            token_file,
        }))
    }

    fn sign_on(&self, name: &str, profile: &Profile) -> Result<Option<SignOn>> {
        if !profile.has("sso_account_id") && !profile.has("sso_role_name") {
            return Ok(None);
        }
        let session = profile.text("sso_session");
        let settings = match session {
            None => None,
            Some(session) => Some(self.shared.session(session).ok_or_else(|| {
                let place = profile.place("sso_session");
                Error::input(format!(
                    "{place}: the shared AWS configuration has no section `[sso-session {session}]`"
                ))
                .hint(format!("run `aws configure sso --profile {name}`"))
            })?),
        };
        let value = |key: &str| -> Result<String> {
            let own = profile.text(key);
            let shared = settings.and_then(|it| it.text(key));
            if let (Some(own), Some(shared)) = (own, shared)
                && own != shared
            {
                return Err(Error::input(format!(
                    "{}: `{key}` differs from the one of the `sso-session`",
                    profile.place(key)
                ))
                .hint(format!("remove `{key}` from the profile `{name}`")));
            }
            shared.or(own).map(str::to_owned).ok_or_else(|| {
                let key_of_role = ["sso_account_id", "sso_role_name"];
                let place = key_of_role.map(|it| profile.place(it));
                let place = place
                    .into_iter()
                    .find(|it| !it.is_empty())
                    .unwrap_or_default();
                Error::input(format!(
                    "{place}: the profile `{name}` uses single sign-on, and `{key}` is missing"
                ))
                .hint(format!("run `aws configure sso --profile {name}`"))
            })
        };
        Ok(Some(SignOn {
            account: value("sso_account_id")?,
            role: value("sso_role_name")?,
            region: value("sso_region")?,
            start_url: value("sso_start_url")?,
            session: session.map(str::to_owned),
        }))
    }

    /// Returns the role of a profile and what it is assumed with. `visited` ends with the profile.
    fn role(&self, name: &str, profile: &Profile, visited: &mut Vec<String>) -> Result<Source> {
        let text = |key: &str| profile.text(key).map(str::to_owned);
        let role = Role {
            arn: text("role_arn").unwrap_or_default(),
            session: text("role_session_name"),
            external_id: text("external_id"),
            seconds: profile
                .text("duration_seconds")
                .and_then(|it| it.parse().ok()),
            mfa: text("mfa_serial"),
        };
        let wrong = |key: &str, message: String| {
            let place = profile.place(key);
            Error::input(format!("{place}: {message}"))
        };
        let source = match (
            profile.text("source_profile"),
            profile.text("credential_source"),
        ) {
            (Some(_), Some(_)) => {
                return Err(wrong(
                    "credential_source",
                    format!("the profile `{name}` has `source_profile` and `credential_source`"),
                )
                .hint("remove one of the two"));
            }
            (None, None) => {
                return Err(wrong(
                    "role_arn",
                    format!("the profile `{name}` does not say what assumes its role"),
                )
                .hint("add `source_profile = NAME` or `credential_source = Ec2InstanceMetadata`"));
            }
            (None, Some(origin)) => match origin {
                "Environment" => Source::Keys(self.keys_of_variables()?.ok_or_else(|| {
                    wrong(
                        "credential_source",
                        format!("the profile `{name}` needs AWS_ACCESS_KEY_ID, which is not set"),
                    )
                    .hint("export AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
                })?),
                "EcsContainer" => Source::Container,
                "Ec2InstanceMetadata" => Source::Metadata,
                _ => {
                    return Err(wrong(
                        "credential_source",
                        format!("`{origin}` is no source of credentials"),
                    )
                    .hint("allowed are `Environment`, `EcsContainer` and `Ec2InstanceMetadata`"));
                }
            },
            (Some(source), None) => self.source_profile(name, profile, source, visited)?,
        };
        Ok(Source::Role(role, Box::new(source)))
    }

    fn source_profile(
        &self,
        name: &str,
        profile: &Profile,
        source: &str,
        visited: &mut Vec<String>,
    ) -> Result<Source> {
        let place = profile.place("source_profile");
        let Some(from) = self.shared.profile(source) else {
            let message = format!("{place}: the profile `{source}` does not exist");
            let error = Error::input(message);
            return Err(match nearest(source, self.shared.names()) {
                Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                None => error.hint(format!("the profiles are {}", quoted(self.shared.names()))),
            });
        };
        let has_keys = from.has("aws_access_key_id") || from.has("aws_secret_access_key");
        if visited.iter().any(|it| it == source) && (source != name || !has_keys) {
            visited.push(source.to_owned());
            let path = visited.join("` → `");
            return Err(Error::input(format!(
                "{place}: the source profiles form a circle: `{path}`"
            ))
            .hint("one of them needs credentials of its own"));
        }
        visited.push(source.to_owned());
        if is_role(from) && !has_keys {
            return self.role(source, from, visited);
        }
        let found = self.source_of_profile(source, from, false)?;
        found.ok_or_else(|| {
            Error::input(format!(
                "{place}: the profile `{source}` has no credentials"
            ))
            .hint(format!("run `aws configure --profile {source}`"))
        })
    }
}

/// Returns whether a profile assumes a role with other credentials.
fn is_role(profile: &Profile) -> bool {
    profile.has("role_arn") && !profile.has("web_identity_token_file")
}

/// Returns the keys that one of the two files has for a profile.
fn keys_of(name: &str, profile: &Profile, file: SharedFile) -> Result<Option<Keys>> {
    let value = |key: &str| profile.text_of(file, key);
    let Some(id) = value("aws_access_key_id") else {
        return Ok(None);
    };
    let place = profile.place("aws_access_key_id");
    let Some(secret) = value("aws_secret_access_key") else {
        return Err(Error::input(format!(
            "{place}: the profile `{name}` has an access key id without its secret"
        ))
        .hint(format!("run `aws configure --profile {name}`")));
    };
    let token = value("aws_security_token").or_else(|| value("aws_session_token"));
    for (key, text) in [("aws_access_key_id", id), ("aws_secret_access_key", secret)] {
        if let Some(reason) = not_a_word(text) {
            return Err(
                Error::input(format!("{}: `{key}` {reason}", profile.place(key)))
                    .hint(format!("run `aws configure --profile {name}`")),
            );
        }
    }
    Ok(Some(Keys {
        id: id.to_owned(),
        secret: secret.to_owned(),
        token: token.map(str::to_owned),
    }))
}
