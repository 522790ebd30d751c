//! Permissions: the policy statements of the stack before and after.
//!
//! Policies are in many places: inline in a role, attached to several roles, on a bucket, a queue or
//! a key, or as a Lambda permission. This module converts them to one form. So a statement that moves
//! from one policy to another is no change, and a statement that is narrowed is no danger.

mod change;

use std::fmt;

use crate::template::json;
use crate::template::node::{Node, Value};
use crate::template::shorthand::{one_line, text};
pub use change::StatementChange;
pub(super) use change::{risks, statement_changes};

/// A policy statement.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Statement {
    /// `Allow` or `Deny`.
    pub effect: String,
    /// The actions; for an attached managed policy, the policy's ARN.
    pub actions: Names,
    /// The resources. `*` in a resource-based policy is replaced by that resource.
    pub resources: Names,
    /// The principals, such as `Service:lambda.amazonaws.com` or `AWS:${Role}`.
    pub principals: Names,
    /// The conditions, as YAML on one line.
    pub condition: Option<String>,
    /// Whether this is an attached managed policy, whose statements are not known.
    pub is_managed_policy: bool,
}

/// A list of names, or everything except these names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Names {
    /// Whether the list excludes the names, as in `NotAction`.
    pub not: bool,
    /// The names, sorted.
    pub values: Vec<String>,
}

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.not {
            f.write_str("all but ")?;
        }
        f.write_str(&self.values.join(", "))
    }
}

impl fmt::Display for Statement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.effect, self.actions)?;
        if !self.resources.values.is_empty() {
            write!(f, " on {}", self.resources)?;
        }
        if !self.principals.values.is_empty() {
            write!(f, " for {}", self.principals)?;
        }
        match &self.condition {
            Some(condition) => write!(f, " if {condition}"),
            None => Ok(()),
        }
    }
}

impl Names {
    fn of(names: impl IntoIterator<Item = String>) -> Self {
        let mut values: Vec<String> = names.into_iter().collect();
        values.sort_unstable();
        values.dedup();
        Self { not: false, values }
    }

    /// Returns whether this list includes every name of `other`.
    fn covers(&self, other: &Self) -> bool {
        self == other
            || !self.not
                && !other.not
                && other
                    .values
                    .iter()
                    .all(|name| self.values.iter().any(|own| matches(own, name)))
    }

    fn is_everything(&self) -> bool {
        self.not
            || self
                .values
                .iter()
                .any(|value| value == "*" || value == "AWS:*")
    }
}

/// Returns whether a pattern matches the name. Supports `*` only at the end of the pattern.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => name.starts_with(prefix),
        None => pattern == name,
    }
}

impl Statement {
    fn covers(&self, other: &Self) -> bool {
        self.effect == other.effect
            && self.actions.covers(&other.actions)
            && self.resources.covers(&other.resources)
            && self.principals.covers(&other.principals)
            && (self.condition.is_none() || self.condition == other.condition)
    }

    fn allows(&self) -> bool {
        self.effect != "Deny"
    }

    /// Returns whether the statement allows everyone.
    fn is_public(&self) -> bool {
        self.allows() && self.principals.is_everything() && self.condition.is_none()
    }

    /// Returns whether the statement allows all actions, or all of a service, on every resource.
    fn is_sweeping(&self) -> bool {
        let wide = |action: &String| action == "*" || action.ends_with(":*");
        self.allows()
            && self.resources.is_everything()
            && (self.actions.not || self.actions.values.iter().any(wide))
    }
}

/// The text of a statement that a risk quotes: actions, resources and condition.
struct Scope<'a>(&'a Statement);

impl fmt::Display for Scope<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_any = |names: &Names| !names.not && names.values == ["*"];
        let Statement {
            actions, resources, ..
        } = self.0;
        if is_any(actions) {
            f.write_str("everything")?;
        } else {
            write!(f, "{actions}")?;
        }
        if is_any(resources) {
            f.write_str(" on every resource")?;
        } else if !resources.values.is_empty() {
            write!(f, " on {resources}")?;
        }
        match &self.0.condition {
            Some(condition) => write!(f, " if {condition}"),
            None => Ok(()),
        }
    }
}

fn list(node: Option<&Node>) -> &[Node] {
    node.map(Node::elements).unwrap_or_default()
}

/// Returns the policy statements of a resource.
pub fn statements(logical_id: &str, resource_type: &str, resource: &Node) -> Vec<Statement> {
    let Some(properties) = resource.get("Properties") else {
        return Vec::new();
    };
    if resource_type == "AWS::Lambda::Permission" {
        return vec![lambda_permission(properties)];
    }
    let mut found = Vec::new();
    let attached = Attached::of(logical_id, resource_type, properties);
    for (name, member) in properties.as_map().into_iter().flatten() {
        let attached = if name == "AssumeRolePolicyDocument" {
            Attached::Resources(vec![format!("${{{logical_id}.Arn}}")])
        } else {
            attached.clone()
        };
        documents(&member.node, &mut |statement| {
            found.extend(attached.complete(statement));
        });
        if ["ManagedPolicyArns", "ManagedPolicies"].contains(&name.as_str()) {
            found.extend(
                list(Some(&member.node))
                    .iter()
                    .map(|policy| managed_policy(logical_id, policy)),
            );
        }
    }
    found
}

/// What a policy is attached to.
#[derive(Clone)]
enum Attached {
    /// Identities, which are the principals of the statements.
    Principals(Vec<String>),
    /// Resources, which replace `*` in the statements.
    Resources(Vec<String>),
}

impl Attached {
    fn of(logical_id: &str, resource_type: &str, properties: &Node) -> Self {
        let all = |names: &[&str]| -> Vec<String> {
            let nodes = names.iter().flat_map(|name| list(properties.get(name)));
            nodes.map(text).collect()
        };
        let itself = || vec![format!("${{{logical_id}}}")];
        let or_itself = |found: Vec<String>| if found.is_empty() { itself() } else { found };
        let principals = |names: Vec<String>| {
            Self::Principals(names.iter().map(|name| format!("AWS:{name}")).collect())
        };
        match resource_type {
            "AWS::IAM::Role" | "AWS::IAM::User" | "AWS::IAM::Group" | "AWS::SSO::PermissionSet" => {
                principals(itself())
            }
            "AWS::IAM::Policy" | "AWS::IAM::ManagedPolicy" => {
                principals(or_itself(all(&["Roles", "Users", "Groups"])))
            }
            "AWS::IAM::RolePolicy" | "AWS::IAM::UserPolicy" | "AWS::IAM::GroupPolicy" => {
                principals(or_itself(all(&["RoleName", "UserName", "GroupName"])))
            }
            _ => Self::Resources(or_itself(all(&["Bucket", "Queues", "Topics", "SecretId"]))),
        }
    }

    /// Returns a copy of the statement for each identity or resource that the policy is attached to.
    fn complete(&self, statement: Statement) -> Vec<Statement> {
        match self {
            Self::Principals(principals) => principals
                .iter()
                .map(|principal| Statement {
                    principals: Names::of([principal.clone()]),
                    ..statement.clone()
                })
                .collect(),
            Self::Resources(_)
                if !statement.resources.not
                    && statement.resources.values.iter().any(|name| name != "*") =>
            {
                vec![statement]
            }
            Self::Resources(resources) => resources
                .iter()
                .map(|resource| Statement {
                    resources: Names {
                        not: statement.resources.not,
                        values: vec![resource.clone()],
                    },
                    ..statement.clone()
                })
                .collect(),
        }
    }
}

/// Calls `found` with each statement in a value. A policy is a map with a `Statement`, which may be
/// inside a string or an `Fn::If`.
fn documents(node: &Node, found: &mut impl FnMut(Statement)) {
    match &node.value {
        Value::Map(map) => match map.get("Statement") {
            Some(member) => branches(&member.node, found),
            None => map
                .values()
                .for_each(|member| documents(&member.node, found)),
        },
        Value::List(list) => list.iter().for_each(|node| documents(node, found)),
        Value::String(text) => {
            if let Some(inner) = json::document(text) {
                documents(&inner, found);
            }
        }
        _ => {}
    }
}

fn branches(node: &Node, found: &mut impl FnMut(Statement)) {
    if node.get("Effect").is_some() {
        found(statement(node));
        return;
    }
    match &node.value {
        Value::Map(map) => map
            .values()
            .for_each(|member| branches(&member.node, found)),
        Value::List(list) => list.iter().for_each(|node| branches(node, found)),
        _ => {}
    }
}

fn statement(node: &Node) -> Statement {
    let names = |name: &str| {
        let not = format!("Not{name}");
        match node.get(&not) {
            Some(values) => Names {
                not: true,
                ..Names::of(list(Some(values)).iter().map(text))
            },
            None => Names::of(list(node.get(name)).iter().map(text)),
        }
    };
    Statement {
        effect: node.get("Effect").map(text).unwrap_or_default(),
        actions: names("Action"),
        resources: names("Resource"),
        principals: principals(node),
        condition: node.get("Condition").map(one_line),
        is_managed_policy: false,
    }
}

fn principals(statement: &Node) -> Names {
    let (not, node) = match statement.get("NotPrincipal") {
        Some(node) => (true, Some(node)),
        None => (false, statement.get("Principal")),
    };
    let names = match node {
        Some(node) if node.intrinsic().is_none() && node.as_map().is_some() => {
            let kinds = node.as_map().into_iter().flatten();
            let names = kinds.flat_map(|(kind, member)| {
                list(Some(&member.node))
                    .iter()
                    .map(move |name| format!("{kind}:{}", text(name)))
            });
            Names::of(names)
        }
        node => Names::of(list(node).iter().map(text)),
    };
    Names { not, ..names }
}

fn lambda_permission(properties: &Node) -> Statement {
    const CONDITIONS: [&str; 5] = [
        "SourceArn",
        "SourceAccount",
        "PrincipalOrgID",
        "EventSourceToken",
        "FunctionUrlAuthType",
    ];
    let member = |name: &str| properties.get(name).map(text);
    let principal = member("Principal").unwrap_or_default();
    let kind = if principal.contains(".amazonaws.") {
        "Service"
    } else {
        "AWS"
    };
    let conditions: Vec<String> = CONDITIONS
        .iter()
        .filter_map(|name| Some(format!("{name}: {}", member(name)?)))
        .filter(|condition| condition != "FunctionUrlAuthType: NONE")
        .collect();
    Statement {
        effect: "Allow".to_owned(),
        actions: Names::of(member("Action")),
        resources: Names::of(member("FunctionName")),
        principals: Names::of([format!("{kind}:{principal}")]),
        condition: (!conditions.is_empty()).then(|| conditions.join(", ")),
        is_managed_policy: false,
    }
}

fn managed_policy(logical_id: &str, policy: &Node) -> Statement {
    Statement {
        effect: "Allow".to_owned(),
        actions: Names::of([text(policy)]),
        resources: Names::default(),
        principals: Names::of([own_principal(logical_id)]),
        condition: None,
        is_managed_policy: true,
    }
}

/// Returns the principal that an identity of the stack, such as a role, has in statements.
fn own_principal(logical_id: &str) -> String {
    format!("AWS:${{{logical_id}}}")
}
