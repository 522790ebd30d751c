//! What the caller may do: simulated by IAM if it may ask that, otherwise as far as the calls of the other
//! checks show it.
//!
//! What is not known is never claimed. The simulation does not cover everything either: the policies of a
//! session are not in it, and those of the organization only partly.

use std::collections::{BTreeMap, BTreeSet};

use super::bucket::ReadBucket;
use super::stack::ReadStack;
use super::within;
use crate::aws::actions::{self, COMMANDS, Call, On};
use crate::aws::iam::{Decision, Simulation};
use crate::aws::store::Store;
use crate::aws::{Connection, Identity, lacks_permission, partition_of};
use crate::cloudformation::stack::Resource;
use crate::config::settings::{ParameterValue, ServiceSource, Settings};
use crate::error::{Error, Result};
use crate::operations::session::Session;
use crate::plan::checkup::{Check, Topic};

const PERMISSIONS: Topic = Topic::Permissions;

/// How many actions are shown in a line.
const SHOWN: usize = 6;

/// How many resources of one kind are simulated.
const RESOURCES: usize = 10;

/// What is known of the actions of a call.
type Known = BTreeMap<(On, String), Decision>;

/// What IAM said.
#[derive(Debug)]
pub(super) enum Simulated {
    /// The decisions by what the action works on.
    Known(Known),
    /// Why nothing is known.
    Unknown(Error),
    /// The emulator does not check the caller's permissions.
    Emulated,
}

/// What the calls of the other checks show.
pub(super) struct Seen<'a> {
    pub(super) stack: &'a ReadStack,
    pub(super) bucket: &'a ReadBucket,
}

/// Asks IAM for each action on each kind of resource, at the same time.
pub(super) async fn simulate(
    session: &Session<'_>,
    connection: &Connection,
    identity: &Identity,
    stack: &ReadStack,
) -> Simulated {
    if session.settings().emulator {
        return Simulated::Emulated;
    }
    let simulated = within(async {
        let simulation = Simulation::of(connection, identity).await?;
        let resources = resources(session, connection, identity, stack);
        let asked = resources.iter().map(|(on, arns)| {
            let simulation = &simulation;
            async move {
                let names = actions_on(*on);
                let arns: Vec<&str> = arns.iter().map(String::as_str).collect();
                let decisions = simulation.decisions(&names, &arns).await?;
                let decisions = decisions.into_iter();
                Ok::<_, Error>(decisions.map(|(name, it)| ((*on, name), it)))
            }
        });
        let answers: Result<Vec<_>> = futures_util::future::try_join_all(asked).await;
        Ok(answers?.into_iter().flatten().collect::<Known>())
    });
    match simulated.await {
        Ok(known) => Simulated::Known(known),
        Err(error) => Simulated::Unknown(error),
    }
}

/// Returns the actions of all commands on a kind of resource.
fn actions_on(on: On) -> Vec<&'static str> {
    let calls = COMMANDS.iter().flat_map(|it| actions::of_command(it));
    let calls = calls.filter(|call| call.on == on);
    let names: BTreeSet<&str> = calls.flat_map(|call| call.actions).copied().collect();
    names.into_iter().collect()
}

/// Returns the ARNs of what the calls work on. A kind of which the stack has nothing is left out.
fn resources(
    session: &Session<'_>,
    connection: &Connection,
    identity: &Identity,
    stack: &ReadStack,
) -> BTreeMap<On, Vec<String>> {
    let settings = session.settings();
    let (region, account) = (connection.region(), identity.account.as_str());
    let partition = partition_of(region);
    let name = &settings.stack_name;
    let store = Store::new(connection, settings, account);
    let bucket = format!("arn:{partition}:s3:::{}", store.bucket());
    let regional =
        |service: &str, rest: &str| format!("arn:{partition}:{service}:{region}:{account}:{rest}");
    let mut resources = BTreeMap::from([
        (On::Anything, vec!["*".to_owned()]),
        (On::Object, vec![format!("{bucket}/{}/*", settings.project)]),
        (On::Bucket, vec![bucket]),
    ]);
    if settings.stack_set.is_some() {
        let set = regional("cloudformation", &format!("stackset/{name}:*"));
        resources.insert(On::StackSet, vec![set]);
    } else {
        let stack = regional("cloudformation", &format!("stack/{name}/*"));
        resources.insert(On::Stack, vec![stack]);
    }
    let listed = stack.resources.as_deref().unwrap_or_default();
    let mut add = |on: On, arns: Vec<String>| {
        if !arns.is_empty() {
            resources.insert(on, arns);
        }
    };
    let of_type = |kind: &str| physical_ids(listed, kind);
    let functions = of_type("AWS::Lambda::Function");
    add(
        On::Function,
        each(&functions, |it| {
            regional("lambda", &format!("function:{it}"))
        }),
    );
    add(
        On::LogGroup,
        each(&functions, |it| {
            regional("logs", &format!("log-group:/aws/lambda/{it}:*"))
        }),
    );
    let buckets = of_type("AWS::S3::Bucket");
    add(
        On::OwnBucket,
        each(&buckets, |it| format!("arn:{partition}:s3:::{it}")),
    );
    add(
        On::OwnObject,
        each(&buckets, |it| format!("arn:{partition}:s3:::{it}/*")),
    );
    let tables = of_type("AWS::DynamoDB::Table");
    add(
        On::Table,
        each(&tables, |it| regional("dynamodb", &format!("table/{it}"))),
    );
    let (parameters, secrets) = sources(settings);
    add(
        On::Parameter,
        each(&parameters, |it| match it.strip_prefix("arn:") {
            Some(_) => it.to_owned(),
            None => regional("ssm", &format!("parameter/{}", it.trim_start_matches('/'))),
        }),
    );
    add(
        On::Secret,
        each(&secrets, |it| match it.strip_prefix("arn:") {
            Some(_) => it.to_owned(),
            // A secret's ARN ends with six characters that its name does not tell.
            None => regional("secretsmanager", &format!("secret:{it}-??????")),
        }),
    );
    add(
        On::ServiceRole,
        settings.stack.role_arn.clone().into_iter().collect(),
    );
    resources
}

fn each(names: &[&str], arn: impl Fn(&str) -> String) -> Vec<String> {
    names.iter().take(RESOURCES).map(|it| arn(it)).collect()
}

fn physical_ids<'r>(resources: &'r [Resource], kind: &str) -> Vec<&'r str> {
    let resources = resources.iter();
    let of_type = resources.filter(|it| it.resource_type == kind && it.status != "DELETE_COMPLETE");
    of_type.filter_map(|it| it.physical_id.as_deref()).collect()
}

/// Returns the SSM parameters and the secrets whose values are sent.
fn sources(settings: &Settings) -> (Vec<&str>, Vec<&str>) {
    let (mut parameters, mut secrets) = (Vec::new(), Vec::new());
    for value in settings.parameters.values() {
        if let ParameterValue::FromService { source, .. } = value {
            match source {
                // A version or a label is not part of the name.
                ServiceSource::Ssm(id) if !id.starts_with("arn:") => {
                    parameters.push(id.split(':').next().unwrap_or(id));
                }
                ServiceSource::Ssm(id) => parameters.push(id),
                ServiceSource::Secret(_) => secrets.push(source.id()),
            }
        }
    }
    (parameters, secrets)
}

/// Returns a check for each command.
pub(super) fn judge(session: &Session<'_>, simulated: Simulated, seen: &Seen<'_>) -> Vec<Check> {
    match simulated {
        Simulated::Emulated => vec![Check::skipped(
            PERMISSIONS,
            "permissions",
            "the emulator does not check the caller's permissions",
        )],
        Simulated::Known(known) => {
            let note = Check::ok(PERMISSIONS, "simulation", "by IAM (SimulatePrincipalPolicy)").detail(
                "policies of the organization, of a session and of the resources may not be covered, and \
                 not what CloudFormation itself needs for the template's resources",
            );
            let mut checks = vec![note];
            checks.extend(commands(session).map(|it| of_simulation(it, &known)));
            checks
        }
        Simulated::Unknown(error) => {
            let summary = format!("not possible: {}", error.in_one_line());
            let note = Check::skipped(PERMISSIONS, "simulation", summary)
                .detail("the caller needs `iam:SimulatePrincipalPolicy` and `iam:GetRole` for it");
            let mut checks = vec![note];
            let seen = evidence(seen);
            checks.extend(commands(session).map(|it| of_evidence(it, &seen)));
            checks
        }
    }
}

/// Returns the commands that the project can use.
fn commands(session: &Session<'_>) -> impl Iterator<Item = &'static str> {
    let settings = session.settings();
    let (is_set, verifies) = (settings.stack_set.is_some(), settings.verify.is_some());
    let of_sets = ["plan", "apply", "diff", "drift", "status", "destroy"];
    COMMANDS
        .into_iter()
        .filter(move |it| !is_set || of_sets.contains(it))
        .filter(move |it| verifies || *it != "verify")
}

/// Returns what IAM said of a command.
fn of_simulation(command: &str, known: &Known) -> Check {
    let mut missing: BTreeSet<&str> = BTreeSet::new();
    let mut denied: BTreeSet<&str> = BTreeSet::new();
    let mut less: BTreeSet<&str> = BTreeSet::new();
    let mut count = 0;
    for call in actions::of_command(command) {
        for action in call.actions {
            let Some(decision) = known.get(&(call.on, (*action).to_owned())) else {
                continue;
            };
            count += 1;
            match decision {
                Decision::Allowed => {}
                _ if !call.is_needed_by(command) => {
                    less.insert(action);
                }
                Decision::Missing => {
                    missing.insert(action);
                }
                Decision::Denied => {
                    denied.insert(action);
                }
            }
        }
    }
    less.retain(|it| !missing.contains(it) && !denied.contains(it));
    let check = if missing.is_empty() && denied.is_empty() {
        let actions = if count == 1 { "action" } else { "actions" };
        Check::ok(
            PERMISSIONS,
            command,
            format!("{} of {count} {actions} allowed", count - less.len()),
        )
    } else {
        let mut parts = Vec::new();
        if !missing.is_empty() {
            parts.push(format!("not allowed: {}", listed(&missing)));
        }
        if !denied.is_empty() {
            parts.push(format!("denied by a policy: {}", listed(&denied)));
        }
        let check = refused(command, parts.join("; "));
        if missing.is_empty() {
            check.remedy("change the policy that denies it, or use another role (`--profile`)")
        } else {
            check.remedy("allow it in a policy of this user or role, or use another (`--profile`)")
        }
    };
    if less.is_empty() {
        check
    } else {
        check.detail(format!(
            "needed in some cases only, and not allowed: {}",
            listed(&less)
        ))
    }
}

/// Returns the check of a command that lacks a permission. Every deployment begins with a plan; not every
/// caller has to be able to do more.
fn refused(command: &str, summary: String) -> Check {
    if command == "plan" {
        Check::failed(PERMISSIONS, command, summary)
    } else {
        Check::warning(PERMISSIONS, command, summary)
    }
}

fn listed(actions: &BTreeSet<&str>) -> String {
    let quoted: Vec<String> = actions.iter().map(|it| format!("`{it}`")).collect();
    crate::util::suggest::join_first(quoted.into_iter(), SHOWN)
}

/// Returns the actions that AWS allowed or denied in the calls of the other checks.
fn evidence(seen: &Seen<'_>) -> BTreeMap<&'static str, bool> {
    let mut known = BTreeMap::from([]);
    let mut add = |action, error: Option<&Error>| match error {
        None => drop(known.insert(action, true)),
        Some(error) if lacks_permission(error) => drop(known.insert(action, false)),
        Some(_) => {}
    };
    add(
        "cloudformation:DescribeStacks",
        seen.stack.stack.as_ref().err(),
    );
    add(
        "cloudformation:ListStackResources",
        seen.stack.resources.as_ref().err(),
    );
    add(
        "cloudformation:ListChangeSets",
        seen.stack.change_sets.as_ref().err(),
    );
    known.extend(seen.bucket.seen.iter().copied());
    known
}

/// Returns what the calls of the other checks show of a command.
fn of_evidence(command: &str, seen: &BTreeMap<&'static str, bool>) -> Check {
    let calls = actions::of_command(command).filter(|it: &&Call| it.is_needed_by(command));
    let needed: BTreeSet<&str> = calls.flat_map(|it| it.actions).copied().collect();
    let known = |wanted: bool| -> BTreeSet<&str> {
        let actions = needed.iter().copied();
        actions.filter(|it| seen.get(it) == Some(&wanted)).collect()
    };
    let (allowed, denied) = (known(true), known(false));
    if denied.is_empty() {
        let reason = format!(
            "not known: {} of {} actions were tried and allowed",
            allowed.len(),
            needed.len()
        );
        return Check::skipped(PERMISSIONS, command, reason);
    }
    refused(command, format!("denied: {}", listed(&denied)))
        .remedy("allow it in a policy of this user or role, or use another (`--profile`)")
}
