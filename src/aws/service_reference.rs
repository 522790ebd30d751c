//! AWS's service reference: which actions of IAM authorize an operation, and what a policy can name for them.
//!
//! `service_reference.json` has, of AWS's
//! [documents](https://docs.aws.amazon.com/service-authorization/latest/reference/service-reference.html), what the
//! table of [`actions`](super::actions) needs, with the day on which it was read. `scripts/service-reference.py`
//! writes it.

use std::collections::HashMap;
use std::sync::OnceLock;

use serde::Deserialize;

const TEXT: &str = include_str!("service_reference.json");

#[derive(Debug, Default, Deserialize)]
struct ServiceReference {
    date: String,
    operations: HashMap<String, Vec<String>>,
    resources: HashMap<String, Vec<String>>,
    passed_to: Vec<String>,
}

/// Returns the actions that may be needed for an operation, such as `s3:GetObject`; none for an operation that the
/// table does not have, or that needs no credentials.
pub fn actions(service: &str, operation: &str) -> &'static [String] {
    let operations = &reference().operations;
    operations
        .get(&format!("{service}:{operation}"))
        .map_or(&[], Vec::as_slice)
}

/// Returns the types of the resources that a policy can name for an action, such as `object`. An action without any
/// needs `*`.
pub fn resource_types(action: &str) -> &'static [String] {
    reference().resources.get(action).map_or(&[], Vec::as_slice)
}

/// Returns the services to which the operations of the table pass a role.
pub fn passed_to() -> &'static [String] {
    &reference().passed_to
}

/// Returns the day on which the reference was read, as `YYYY-MM-DD`.
pub fn date() -> &'static str {
    &reference().date
}

fn reference() -> &'static ServiceReference {
    static REFERENCE: OnceLock<ServiceReference> = OnceLock::new();
    // A test checks that it can be read.
    REFERENCE.get_or_init(|| serde_json::from_str(TEXT).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::{actions, date, passed_to, resource_types};

    #[test]
    fn the_reference_can_be_read() {
        assert_eq!(actions("s3", "HeadBucket"), ["s3:ListBucket"]);
        assert_eq!(
            actions("s3", "PutBucketEncryption"),
            ["s3:PutEncryptionConfiguration"]
        );
        assert_eq!(actions("s3", "Nothing").len(), 0);
        assert_eq!(
            resource_types("s3:ListBucketVersions"),
            ["accesspoint", "bucket"]
        );
        assert_eq!(resource_types("cloudformation:ListStacks").len(), 0);
        assert_eq!(passed_to(), ["cloudformation.amazonaws.com"]);
        assert_eq!(date().len(), 10);
    }
}
