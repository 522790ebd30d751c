//! Policies of IAM: what they allow, as few statements as possible, and within the limits of their sizes.

mod pattern;
pub mod trust;

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

/// How many characters a managed policy may have, without white space
/// ([quotas](https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html)).
pub const MANAGED: usize = 6_144;

/// How many characters all inline policies of a role may have together, without white space.
pub const INLINE: usize = 10_240;

const VERSION: &str = "2012-10-17";

/// When an action is allowed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Condition {
    /// Always.
    None,
    /// If the role is passed to one of these services.
    PassedTo(Vec<String>),
    /// If this service makes the call with the caller's credentials.
    CalledVia(&'static str),
}

/// What is allowed: actions on resources.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Grants(BTreeMap<(Condition, String), BTreeSet<String>>);

/// A policy, as IAM reads it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Policy {
    version: &'static str,
    statement: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    effect: &'static str,
    action: Vec<String>,
    resource: Vec<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    condition: BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>>,
}

impl Grants {
    /// Adds that an action is allowed on a resource, an ARN in which `*` stands for any text.
    pub fn allow(&mut self, action: &str, resource: &str, condition: Condition) {
        let key = (condition, action.to_owned());
        self.0.entry(key).or_default().insert(resource.to_owned());
    }

    /// Adds what others allow.
    pub fn extend(&mut self, others: Self) {
        for (key, resources) in others.0 {
            self.0.entry(key).or_default().extend(resources);
        }
    }

    /// Returns whether nothing is allowed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns the policies that allow this together, each with at most `limit` characters.
    pub fn policies(&self, limit: usize) -> Vec<Policy> {
        let mut waiting = self.statements();
        waiting.reverse();
        let mut policies: Vec<Policy> = Vec::new();
        while let Some(statement) = waiting.pop() {
            if let Some(last) = policies.last_mut() {
                last.statement.push(statement);
                if last.characters() <= limit {
                    continue;
                }
                waiting.extend(last.statement.pop());
                if last.statement.is_empty() {
                    // It has a policy of its own, and is too large for it.
                    policies.pop();
                    let Some((one, other)) = waiting.pop().and_then(Statement::halved) else {
                        continue;
                    };
                    waiting.extend([other, one]);
                }
            } else {
                waiting.push(statement);
            }
            policies.push(Policy {
                version: VERSION,
                statement: Vec::new(),
            });
        }
        policies.retain(|it| !it.statement.is_empty());
        policies
    }

    /// Returns one statement for all actions on the same resources.
    fn statements(&self) -> Vec<Statement> {
        let mut actions: BTreeMap<(&Condition, Vec<String>), Vec<String>> = BTreeMap::new();
        for ((condition, action), resources) in &self.0 {
            let key = (condition, pattern::without_covered(resources));
            actions.entry(key).or_default().push(action.clone());
        }
        let statements = actions
            .into_iter()
            .map(|((condition, resource), action)| Statement {
                effect: "Allow",
                action,
                resource,
                condition: condition.members(),
            });
        statements.collect()
    }
}

impl Policy {
    /// Returns the number of its characters as IAM counts them, without white space.
    pub fn characters(&self) -> usize {
        let text = serde_json::to_string(self).unwrap_or_default();
        text.chars().filter(|it| !it.is_whitespace()).count()
    }
}

impl Condition {
    fn members(&self) -> BTreeMap<&'static str, BTreeMap<&'static str, Vec<String>>> {
        let (operator, key, values) = match self {
            Self::None => return BTreeMap::new(),
            Self::PassedTo(services) => ("StringEquals", "iam:PassedToService", services.clone()),
            Self::CalledVia(service) => (
                "ForAnyValue:StringEquals",
                "aws:CalledVia",
                vec![(*service).to_owned()],
            ),
        };
        BTreeMap::from([(operator, BTreeMap::from([(key, values)]))])
    }
}

impl Statement {
    /// Returns two statements that allow the same; `None` if it has one action on one resource.
    fn halved(mut self) -> Option<(Self, Self)> {
        let mut other = self.clone();
        if self.action.len() > 1 {
            other.action = self.action.split_off(self.action.len() / 2);
        } else if self.resource.len() > 1 {
            other.resource = self.resource.split_off(self.resource.len() / 2);
        } else {
            return None;
        }
        Some((self, other))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{Condition, Grants, MANAGED, Policy};

    fn grants(allowed: &[(&str, &str)]) -> Grants {
        let mut grants = Grants::default();
        for (action, resource) in allowed {
            grants.allow(action, resource, Condition::None);
        }
        grants
    }

    fn value(policy: &Policy) -> Value {
        serde_json::to_value(policy).unwrap_or_default()
    }

    #[test]
    fn actions_on_the_same_resources_are_one_statement() {
        let mut grants = grants(&[("s3:B", "x"), ("s3:A", "x"), ("s3:A", "y"), ("s3:C", "x")]);
        grants.allow(
            "iam:PassRole",
            "role",
            Condition::PassedTo(vec!["cloudformation.amazonaws.com".to_owned()]),
        );
        let policies = grants.policies(MANAGED);
        let statements = json!([
            {"Effect": "Allow", "Action": ["s3:B", "s3:C"], "Resource": ["x"]},
            {"Effect": "Allow", "Action": ["s3:A"], "Resource": ["x", "y"]},
            {
                "Effect": "Allow", "Action": ["iam:PassRole"], "Resource": ["role"],
                "Condition": {
                    "StringEquals": {"iam:PassedToService": ["cloudformation.amazonaws.com"]}
                }
            },
        ]);
        assert_eq!(
            policies.iter().map(value).collect::<Vec<_>>(),
            [json!({"Version": "2012-10-17", "Statement": statements})]
        );
    }

    #[test]
    fn a_resource_that_another_covers_is_left_out() {
        let grants = grants(&[("a:A", "arn:x/*"), ("a:A", "arn:x/y/*"), ("a:B", "*")]);
        let policies = grants.policies(MANAGED);
        let statements = json!([
            {"Effect": "Allow", "Action": ["a:B"], "Resource": ["*"]},
            {"Effect": "Allow", "Action": ["a:A"], "Resource": ["arn:x/*"]},
        ]);
        assert_eq!(value(&policies[0])["Statement"], statements);
    }

    #[test]
    fn policies_are_within_the_limit_and_allow_the_same_together() {
        let mut all = Grants::default();
        for number in 0..400 {
            all.allow(&format!("service:Action{number}"), "*", Condition::None);
            all.allow("service:Other", &format!("arn:{number}"), Condition::None);
        }
        let policies = all.policies(1_000);
        assert!(policies.len() > 8, "{}", policies.len());
        let mut found = Grants::default();
        for policy in &policies {
            assert!(policy.characters() <= 1_000, "{}", policy.characters());
            for statement in &policy.statement {
                for action in &statement.action {
                    for resource in &statement.resource {
                        found.allow(action, resource, Condition::None);
                    }
                }
            }
        }
        assert_eq!(found, all);
    }

    #[test]
    fn nothing_is_no_policy() {
        assert_eq!(Grants::default().policies(MANAGED), []);
    }

    #[test]
    fn white_space_does_not_count() {
        let [policy] = &grants(&[("a:A", "a b")]).policies(MANAGED)[..] else {
            panic!("not one policy");
        };
        let text = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["a:A"],"Resource":["ab"]}]}"#;
        assert_eq!(policy.characters(), text.len());
    }
}
