//! Who may read a bucket according to its policy.
//!
//! Whoever reads an object may need it. The stacks of another account cannot be read, so nothing in a
//! bucket that serves another account is known to be unused. Lambda reads the bucket only for functions
//! whose code stays there (`S3ObjectStorageMode: REFERENCE`), which needs the policy to name it.

use std::collections::BTreeSet;

use serde_json::Value;

/// Who may read a bucket.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readers {
    /// Other accounts, each as a policy names it.
    pub others: BTreeSet<String>,
    /// Whether Lambda may.
    pub lambda: bool,
}

impl Readers {
    /// Returns who may read a bucket of `account` with this policy; `None` if the policy cannot be read.
    pub fn of_policy(policy: &str, account: &str) -> Option<Self> {
        let policy: Value = serde_json::from_str(policy).ok()?;
        let mut readers = Self::default();
        for statement in items(policy.get("Statement")?) {
            if statement.get("Effect").and_then(Value::as_str) == Some("Allow") && reads(statement)
            {
                readers.add(statement, account);
            }
        }
        Some(readers)
    }

    fn add(&mut self, statement: &Value, account: &str) {
        let Some(principal) = statement.get("Principal") else {
            // Everybody but those whom `NotPrincipal` names.
            self.others.insert("everybody".to_owned());
            return;
        };
        let Value::Object(kinds) = principal else {
            self.add_account(principal.as_str().unwrap_or("*"), statement, account);
            return;
        };
        for (kind, names) in kinds {
            for name in items(names).filter_map(Value::as_str) {
                match kind.as_str() {
                    "Service" if name.starts_with("lambda.") || name == "*" => self.lambda = true,
                    "Service" => {}
                    "AWS" => self.add_account(name, statement, account),
                    _ => {
                        self.others.insert(name.to_owned());
                    }
                }
            }
        }
    }

    fn add_account(&mut self, name: &str, statement: &Value, account: &str) {
        let id = name.split(':').nth(4).unwrap_or(name);
        let is_own = id == account || name == "*" && is_limited(statement, account);
        if !is_own {
            let name = if name == "*" { "everybody" } else { name };
            self.others.insert(name.to_owned());
        }
    }
}

/// Returns whether a statement lets somebody read objects.
fn reads(statement: &Value) -> bool {
    let Some(actions) = statement.get("Action") else {
        return true;
    };
    items(actions).filter_map(Value::as_str).any(|action| {
        let action = action.to_ascii_lowercase();
        let before = action.split(['*', '?']).next().unwrap_or_default();
        if before.len() < action.len() {
            "s3:getobjectversion".starts_with(before) || before.starts_with("s3:getobject")
        } else {
            action == "s3:getobject" || action == "s3:getobjectversion"
        }
    })
}

/// Returns whether a condition limits a statement to this account.
fn is_limited(statement: &Value, account: &str) -> bool {
    const KEYS: [&str; 3] = [
        "aws:principalaccount",
        "aws:sourceaccount",
        "aws:sourceowner",
    ];
    let conditions = statement.get("Condition").and_then(Value::as_object);
    conditions.into_iter().flatten().any(|(operator, keys)| {
        let is_equal = ["StringEquals", "StringLike"].contains(&operator.as_str());
        let keys = keys.as_object().into_iter().flatten();
        let mut keys = keys.filter(|(key, _)| KEYS.contains(&&*key.to_ascii_lowercase()));
        is_equal
            && keys.any(|(_, values)| items(values).all(|value| value.as_str() == Some(account)))
    })
}

/// Returns the items of a list, or the value itself.
fn items(value: &Value) -> impl Iterator<Item = &Value> {
    let (list, one) = match value {
        Value::Array(list) => (list.as_slice(), None),
        other => (&[][..], Some(other)),
    };
    list.iter().chain(one)
}

#[cfg(test)]
mod tests {
    use super::Readers;

    const ACCOUNT: &str = "123456789012";

    fn readers(statements: &str) -> (Vec<String>, bool) {
        let policy = format!(r#"{{"Version": "2012-10-17", "Statement": {statements}}}"#);
        let readers = Readers::of_policy(&policy, ACCOUNT).unwrap_or_default();
        (readers.others.into_iter().collect(), readers.lambda)
    }

    #[test]
    fn other_accounts_and_lambda_are_found() {
        let allow = r#""Effect": "Allow", "Action": "s3:GetObject", "Resource": "*""#;
        let cases: [(&str, &[&str], bool); 16] = [
            (
                r#"{"Effect": "Deny", "Action": "s3:*", "Principal": "*"}"#,
                &[],
                false,
            ),
            (
                r#"[{ALLOW, "Principal": {"AWS": "123456789012"}}]"#,
                &[],
                false,
            ),
            (
                r#"[{ALLOW, "Principal": {"AWS": "arn:aws:iam::123456789012:role/x"}}]"#,
                &[],
                false,
            ),
            (
                r#"[{ALLOW, "Principal": {"AWS": ["arn:aws:iam::210987654321:root"]}}]"#,
                &["arn:aws:iam::210987654321:root"],
                false,
            ),
            (
                r#"[{ALLOW, "Principal": {"AWS": "210987654321"}}]"#,
                &["210987654321"],
                false,
            ),
            (r#"[{ALLOW, "Principal": "*"}]"#, &["everybody"], false),
            (
                r#"[{ALLOW, "Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}]"#,
                &["everybody"],
                false,
            ),
            (
                r#"[{ALLOW, "Principal": {"AWS": "*"}, "Condition": {"StringEquals": {"aws:PrincipalAccount": "123456789012"}}}]"#,
                &[],
                false,
            ),
            (
                r#"[{ALLOW, "Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": ["123456789012", "210987654321"]}}}]"#,
                &["everybody"],
                false,
            ),
            (
                r#"[{ALLOW, "NotPrincipal": {"AWS": "210987654321"}}]"#,
                &["everybody"],
                false,
            ),
            (
                r#"[{ALLOW, "Principal": {"Service": "lambda.amazonaws.com"}}]"#,
                &[],
                true,
            ),
            (
                r#"[{ALLOW, "Principal": {"Service": ["logging.s3.amazonaws.com"]}}]"#,
                &[],
                false,
            ),
            (
                r#"[{"Effect": "Allow", "Action": ["s3:PutObject"], "Principal": {"AWS": "210987654321"}}]"#,
                &[],
                false,
            ),
            (
                r#"[{"Effect": "Allow", "Action": ["s3:Get*"], "Principal": {"AWS": "210987654321"}}]"#,
                &["210987654321"],
                false,
            ),
            (
                r#"[{"Effect": "Allow", "NotAction": ["s3:PutObject"], "Principal": {"AWS": "210987654321"}}]"#,
                &["210987654321"],
                false,
            ),
            (
                r#"[{ALLOW, "Principal": {"CanonicalUser": "79a5"}}]"#,
                &["79a5"],
                false,
            ),
        ];
        for (statements, others, lambda) in cases {
            let (found, is_lambda) = readers(&statements.replace("ALLOW", allow));
            assert_eq!(
                (found.as_slice(), is_lambda),
                (
                    &*others.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>(),
                    lambda
                ),
                "{statements}"
            );
        }
    }

    #[test]
    fn a_policy_that_cannot_be_read_is_not_empty() {
        for policy in ["", "{", "[]", "{}", "null"] {
            assert_eq!(Readers::of_policy(policy, ACCOUNT), None, "{policy}");
        }
    }
}
