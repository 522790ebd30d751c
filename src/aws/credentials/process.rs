//! `credential_process`: a program that prints credentials as JSON.

use std::process::Stdio;

use aws_credential_types::Credentials;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use tokio::process::Command;

use super::unavailable::Unavailable;

/// What the program prints.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    expiration: Option<Timestamp>,
}

/// Runs a command line without a shell, as botocore does, and returns the credentials that it prints.
pub(super) async fn run(command: &str) -> Result<Credentials, Unavailable> {
    let unusable = |reason: String| Unavailable::Unusable(format!("`credential_process` {reason}"));
    let words = shlex::split(command).unwrap_or_default();
    let Some((program, arguments)) = words.split_first() else {
        return Err(unusable("names no program".to_owned()));
    };
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|error| unusable(format!("cannot start `{program}`: {error}")))?;
    if !output.status.success() {
        let printed = String::from_utf8_lossy(&output.stderr);
        let printed = printed.trim();
        let colon = if printed.is_empty() { "" } else { ": " };
        return Err(unusable(format!(
            "`{program}` ended with {}{colon}{printed}",
            output.status
        )));
    }
    // The text of the parser's error may quote the output, which holds a secret.
    let unreadable = |error: serde_json::Error| {
        let (line, column) = (error.line(), error.column());
        unusable(format!(
            "`{program}` printed something else than credentials (line {line}, column {column})"
        ))
    };
    let answer: Value = serde_json::from_slice(&output.stdout).map_err(unreadable)?;
    if answer["Version"] != 1 {
        let message = format!("`{program}` printed no `\"Version\": 1`");
        return Err(unusable(message));
    }
    let answer = Answer::deserialize(answer).map_err(|_| {
        unusable(format!(
            "`{program}` printed credentials in which a member is missing or wrong"
        ))
    })?;
    Ok(Credentials::new(
        answer.access_key_id,
        answer.secret_access_key,
        answer.session_token,
        answer.expiration.map(Into::into),
        "credential_process",
    ))
}
