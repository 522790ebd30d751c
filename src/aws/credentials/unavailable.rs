//! Why there are no credentials, for the error that the user reads.

/// Why a source gave no credentials. The SDK carries it through its own errors.
#[derive(Debug, thiserror::Error)]
pub(in crate::aws) enum Unavailable {
    /// No source is configured, and the machine has no role.
    #[error("no source of credentials is configured")]
    Nothing,
    /// `aws sso login` is missing.
    #[error("{0}")]
    SignOnSession(String),
    /// `aws login` is missing.
    #[error("{0}")]
    LoginSession(String),
    /// The code of an MFA device is good for one call.
    #[error("the credentials that the code of `{0}` gave have expired")]
    CodeUsed(String),
    /// A source answered with something that is not usable.
    #[error("{0}")]
    Unusable(String),
}
