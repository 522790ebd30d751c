//! The permissions that CloudFormation needs to create, read, update and delete resources of each type.
//!
//! Each handler of a resource provider schema names the actions that it may need. `scripts/schema-table.py` writes
//! one line per type, about 390 kB in all and 66 kB compressed:
//!
//! ```text
//! TYPE|SERVICE:ACTION,ACTION,…;SERVICE:ACTION,…
//! ```
//!
//! An action may end with `*`. Which of them a resource needs depends on its properties, and a few schemas leave
//! actions out, so this is not the least that is needed, nor certainly all.

use std::collections::HashMap;
use std::sync::OnceLock;

use super::lines;

/// The output of `scripts/schema-table.py`.
const PACKED: &[u8] = include_bytes!("permissions.zip");

/// Returns the actions of a type, such as `s3:CreateBucket`; `None` if the type has no public schema with handlers.
pub fn of(resource_type: &str) -> Option<Vec<String>> {
    let services = table().get(resource_type)?.split(';');
    let services = services.filter_map(|it| it.split_once(':'));
    let actions = services.flat_map(|(service, names)| {
        let names = names.split(',');
        names.map(move |name| format!("{service}:{name}"))
    });
    Some(actions.collect())
}

/// Returns the part of each line after the type, by type.
fn table() -> &'static HashMap<&'static str, &'static str> {
    static TABLE: OnceLock<HashMap<&'static str, &'static str>> = OnceLock::new();
    TABLE.get_or_init(|| lines(PACKED))
}

#[cfg(test)]
mod tests {
    use super::{PACKED, of, table};

    #[test]
    fn the_table_is_small_and_complete() {
        assert!(PACKED.len() < 80_000, "{} bytes", PACKED.len());
        assert!(table().len() > 1_700, "{} types", table().len());
        let actions = of("AWS::S3::Bucket").unwrap_or_default();
        for action in [
            "s3:CreateBucket",
            "s3:PutEncryptionConfiguration",
            "iam:PassRole",
        ] {
            assert!(actions.iter().any(|it| it == action), "{action}");
        }
        assert_eq!(of("Custom::Thing"), None);
    }
}
