//! What the caller may do, as IAM itself simulates it (`SimulatePrincipalPolicy`).
//!
//! The simulation evaluates the policies of the user or the role, with its permissions boundary. It does not
//! know the policies of a session, and those of the organization only partly.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json_call::{IAM, JsonClient, Request};
use super::{Connection, Identity, partition, service_reference};
use crate::error::{Error, ErrorKind, Result};

/// The version of IAM's API.
const VERSION: &str = "2010-05-08";

/// The maximum number of pages of one simulation. A page has 100 results (`MaxItems`).
const PAGES: usize = 10;

/// Whether an action is allowed on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Decision {
    /// The policies allow it.
    Allowed,
    /// No policy allows it.
    Missing,
    /// A policy denies it.
    Denied,
}

/// IAM's answers about the caller.
#[derive(Debug)]
pub struct Simulation<'a> {
    connection: &'a Connection,
    client: JsonClient,
    /// The ARN of the user or the role.
    principal: String,
}

/// Whose policies are simulated.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Principal {
    /// A user or a role, by its ARN.
    Arn(String),
    /// The role of a session, by its name: the ARN of a session lacks the path of its role.
    Role(String),
    /// Something that has no policies of its own to simulate, in words.
    Other(&'static str),
}

/// The content of the answer to `SimulatePrincipalPolicy`.
#[derive(Debug, Deserialize)]
struct SimulationAnswer {
    #[serde(rename = "SimulatePrincipalPolicyResult")]
    result: SimulationResult,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct SimulationResult {
    evaluation_results: Option<Vec<EvaluationResult>>,
    is_truncated: Option<String>,
    marker: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EvaluationResult {
    eval_action_name: String,
    eval_decision: String,
    /// The results for each resource, if there are several.
    resource_specific_results: Option<Vec<ResourceResult>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResourceResult {
    eval_resource_decision: String,
}

/// The content of the answer to `GetRole`.
#[derive(Debug, Deserialize)]
struct RoleAnswer {
    #[serde(rename = "GetRoleResult")]
    result: RoleResult,
}

#[derive(Debug, Deserialize)]
struct RoleResult {
    #[serde(rename = "Role")]
    role: Role,
}

#[derive(Debug, Deserialize)]
struct Role {
    #[serde(rename = "Arn")]
    arn: String,
}

impl Decision {
    /// Returns the decision by its name in the API; `None` for one that this version does not know.
    fn from_wire(name: &str) -> Option<Self> {
        match name {
            "allowed" => Some(Self::Allowed),
            "implicitDeny" => Some(Self::Missing),
            "explicitDeny" => Some(Self::Denied),
            _ => None,
        }
    }
}

/// Returns the parameters that say to which service a role is passed: a policy may allow it only to CloudFormation.
fn passed_to() -> impl Iterator<Item = (String, String)> {
    let services = service_reference::passed_to().iter().enumerate();
    let values = services.map(|(at, service)| {
        let field = format!("ContextKeyValues.member.{}", at + 1);
        (field, service.clone())
    });
    let key = [
        ("ContextKeyName", "iam:PassedToService"),
        ("ContextKeyType", "string"),
    ];
    let key = key.map(|(field, value)| (field.to_owned(), value.to_owned()));
    let entries = key.into_iter().chain(values);
    entries.map(|(field, value)| (format!("ContextEntries.member.1.{field}"), value))
}

impl<'a> Simulation<'a> {
    /// Returns the simulation for a caller. The role of a session is looked up.
    ///
    /// # Errors
    ///
    /// If the caller has no policies that IAM could simulate, or may not read its role.
    pub async fn of(connection: &'a Connection, identity: &Identity) -> Result<Self> {
        let (_, region) = partition::iam(connection.region());
        let client = connection.json_in(IAM, Some(region));
        let principal = match principal(&identity.arn) {
            Principal::Arn(arn) => arn,
            Principal::Role(name) => {
                let parameters = [("RoleName".to_owned(), name.clone())];
                let request = Request::query("GetRole", VERSION, &parameters);
                let answer: RoleAnswer = client
                    .send(request)
                    .await
                    .map_err(|error| connection.fault(format!("read the role `{name}`"), &error))?;
                answer.result.role.arn
            }
            Principal::Other(reason) => {
                return Err(Error::new(ErrorKind::Service, reason));
            }
        };
        Ok(Self {
            connection,
            client,
            principal,
        })
    }

    /// Returns whether each action is allowed on all of these resources. An action that IAM did not answer
    /// for is not in the result.
    ///
    /// # Errors
    ///
    /// If the caller may not simulate its own policies.
    pub async fn decisions(
        &self,
        actions: &[&str],
        resources: &[&str],
    ) -> Result<BTreeMap<String, Decision>> {
        let mut decisions = BTreeMap::new();
        let mut marker: Option<String> = None;
        for _ in 0..PAGES {
            let mut parameters = vec![("PolicySourceArn".to_owned(), self.principal.clone())];
            for (list, values) in [("ActionNames", actions), ("ResourceArns", resources)] {
                let members = values.iter().enumerate();
                parameters.extend(members.map(|(at, value)| {
                    let key = format!("{list}.member.{}", at + 1);
                    (key, (*value).to_owned())
                }));
            }
            parameters.extend(passed_to());
            if let Some(marker) = marker.take() {
                parameters.push(("Marker".to_owned(), marker));
            }
            let request = Request::query("SimulatePrincipalPolicy", VERSION, &parameters);
            let answer: SimulationAnswer = self.client.send(request).await.map_err(|error| {
                let doing = "simulate what the caller may do";
                self.connection.fault(doing, &error)
            })?;
            let result = answer.result;
            for evaluated in result.evaluation_results.unwrap_or_default() {
                let of_resources = evaluated.resource_specific_results.unwrap_or_default();
                let of_resources = of_resources
                    .iter()
                    .map(|it| it.eval_resource_decision.as_str());
                let all = of_resources.chain([evaluated.eval_decision.as_str()]);
                let Some(worst) = all.filter_map(Decision::from_wire).max() else {
                    continue;
                };
                let known = decisions.entry(evaluated.eval_action_name).or_insert(worst);
                *known = worst.max(*known);
            }
            marker = result.marker;
            if result.is_truncated.as_deref() != Some("true") || marker.is_none() {
                break;
            }
        }
        Ok(decisions)
    }
}

/// Returns whose policies hold for the caller with this ARN.
fn principal(arn: &str) -> Principal {
    let mut parts = arn.splitn(6, ':').skip(2);
    let service = parts.next().unwrap_or_default();
    let resource = parts.nth(2).unwrap_or_default();
    let mut words = resource.split('/');
    match (service, words.next(), words.next()) {
        ("iam", Some("user" | "role"), Some(_)) => Principal::Arn(arn.to_owned()),
        ("iam", Some("root"), None) => {
            Principal::Other("the caller is the account's root user, whom no policy of IAM limits")
        }
        ("sts", Some("assumed-role"), Some(name)) => Principal::Role(name.to_owned()),
        ("sts", Some("federated-user"), _) => {
            Principal::Other("the caller is a federated user, whose policies IAM does not simulate")
        }
        _ => Principal::Other("the caller is neither a user nor a role"),
    }
}

#[cfg(test)]
mod tests {
    use super::{Principal, principal};

    #[test]
    fn a_session_has_the_policies_of_its_role() {
        let user = "arn:aws:iam::123456789012:user/team/me";
        let role = "arn:aws-cn:iam::123456789012:role/x";
        let session = "arn:aws-us-gov:sts::123456789012:assumed-role/Deployer/i-0123:x";
        assert_eq!(principal(user), Principal::Arn(user.to_owned()));
        assert_eq!(principal(role), Principal::Arn(role.to_owned()));
        assert_eq!(principal(session), Principal::Role("Deployer".to_owned()));
        for other in [
            "arn:aws:iam::123456789012:root",
            "arn:aws:sts::123456789012:federated-user/me",
            "arn:aws:iam::123456789012:user",
            "arn:aws:sts::1",
            "",
        ] {
            let found = principal(other);
            assert!(matches!(found, Principal::Other(_)), "{other}");
        }
    }
}
