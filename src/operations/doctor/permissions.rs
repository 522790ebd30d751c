//! What the caller may do: simulated by IAM if it may ask that, otherwise as far as the calls of the other
//! checks show it.
//!
//! What is not known is never claimed. The simulation does not cover everything either: the policies of a
//! session are not in it, and those of the organization only partly.

use std::collections::{BTreeMap, BTreeSet};

use super::bucket::ReadBucket;
use super::stack::ReadStack;
use super::within;
use crate::aws::actions::{self, COMMANDS, Call, On, Permission};
use crate::aws::iam::{Decision, Simulation};
use crate::aws::place::Place;
use crate::aws::store::Store;
use crate::aws::{Connection, Identity, lacks_permission, partition_of};
use crate::cloudformation::stack::Resource;
use crate::error::{Error, Result};
use crate::operations::call_targets::{CallTargets, ResourceNames};
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
    let permissions = calls.flat_map(Call::permissions);
    let names: BTreeSet<&str> = permissions
        .filter(|it| it.on == on)
        .map(|it| it.action)
        .collect();
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
    let place = Place {
        partition: partition_of(connection.region()).to_owned(),
        region: connection.region().to_owned(),
        account: identity.account.clone(),
    };
    let listed = stack.resources.as_deref().unwrap_or_default();
    let functions = physical_ids(listed, "AWS::Lambda::Function");
    let log_groups = functions.iter().map(|it| format!("/aws/lambda/{it}"));
    let targets = CallTargets {
        settings,
        place: &place,
        bucket: Store::new(connection, settings, &identity.account)
            .bucket()
            .to_owned(),
        names: ResourceNames {
            stacks: Vec::new(),
            log_groups: log_groups.collect(),
            functions,
            buckets: physical_ids(listed, "AWS::S3::Bucket"),
            tables: physical_ids(listed, "AWS::DynamoDB::Table"),
        },
    };
    targets.arns()
}

/// Returns the names of a few resources of a type.
fn physical_ids(resources: &[Resource], kind: &str) -> Vec<String> {
    let resources = resources.iter();
    let of_type = resources.filter(|it| it.resource_type == kind && it.status != "DELETE_COMPLETE");
    let names = of_type.filter_map(|it| it.physical_id.clone());
    names.take(RESOURCES).collect()
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
        for Permission { action, on } in call.permissions() {
            let Some(decision) = known.get(&(on, action.to_owned())) else {
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
    let permissions = calls.flat_map(Call::permissions);
    let needed: BTreeSet<&str> = permissions.map(|it| it.action).collect();
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
