//! `login_session`: the credentials that `aws login` cached.
//!
//! They are good for 15 minutes at a time, and the AWS CLI renews them whenever it runs. To renew them
//! takes a signature that only a large part of the SDK can make, so stackctl leaves that to the CLI.

use std::path::Path;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use serde::Deserialize;

use super::super::shared_config::SIZE;
use super::super::variables::Variables;
use super::unavailable::Unavailable;
use crate::artifact::digest::Digest;
use crate::util::regular_file;

/// The folder of the cached tokens.
const FOLDER: &str = "~/.aws/login/cache";

/// A cached token.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Token {
    access_token: AccessToken,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AccessToken {
    access_key_id: String,
    secret_access_key: String,
    session_token: String,
    expires_at: Timestamp,
}

/// Returns the cached credentials of a session.
pub(super) fn load(variables: &Variables, session: &str) -> Result<Credentials, Unavailable> {
    let missing =
        |reason: &str| Unavailable::LoginSession(format!("the session `{session}` {reason}"));
    let folder = variables.filled("AWS_LOGIN_CACHE_DIRECTORY").ok().flatten();
    let folder = variables.expand(folder.as_deref().unwrap_or(FOLDER));
    let name = Digest::of(session).hex();
    let path = format!("{}/{name}.json", folder.unwrap_or_default());
    let token = regular_file::read(Path::new(&path), SIZE);
    let token = token.map_err(|_| missing("has no cached credentials"))?;
    let token: Token = serde_json::from_slice(&token)
        .map_err(|_| missing("has cached credentials that cannot be read"))?;
    let token = token.access_token;
    if token.expires_at <= Timestamp::now() {
        return Err(missing("has expired credentials"));
    }
    Ok(Credentials::new(
        token.access_key_id,
        token.secret_access_key,
        Some(token.session_token),
        Some(token.expires_at.into()),
        "login_session",
    ))
}
