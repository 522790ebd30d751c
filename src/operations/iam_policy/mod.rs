//! What a policy has to allow: the calls of commands for a stack, and what CloudFormation needs for the stack's
//! resources.
//!
//! Nothing is sent anywhere. The ARNs come from the manifest and the template, so what only a deployed stack knows is
//! `*`: the random end of a name, an account that the manifest does not name.

mod names;
mod resources;

use std::collections::BTreeSet;

use indexmap::IndexMap;

use super::call_targets::{CallTargets, ResourceNames};
use super::resource_graph::{known_values, read_files, root_of};
use super::session::Session;
use super::upstream::project_stacks::ProjectStacks;
use crate::aws::actions::{self, Call, On};
use crate::aws::place::Place;
use crate::aws::store::default_bucket;
use crate::aws::{partition_of, service_reference};
use crate::config::settings::Settings;
use crate::error::Result;
use crate::plan::iam_policy::{Condition, Grants};
use crate::template::node::Node;
use crate::template::{Parameter, Template};
pub(crate) use resources::of_resources;

/// The text that stands for any account or region.
const ANY: &str = "*";

/// What a stack needs.
#[derive(Debug, Default)]
pub(crate) struct Needed {
    /// What has to be allowed.
    pub(crate) grants: Grants,
    /// What the reader has to know about it.
    pub(crate) notes: BTreeSet<String>,
}

impl Needed {
    /// Adds what another stack needs.
    pub(crate) fn extend(&mut self, other: Self) {
        self.grants.extend(other.grants);
        self.notes.extend(other.notes);
    }

    fn note(&mut self, text: impl Into<String>) {
        self.notes.insert(text.into());
    }
}

/// Returns what the calls of commands need for the stack. `account` counts if the manifest names none.
///
/// # Errors
///
/// What is wrong with the template.
pub(crate) fn of_commands(
    session: &Session<'_>,
    commands: &[&str],
    account: Option<&str>,
) -> Result<Needed> {
    let settings = session.settings();
    let mut needed = Needed::default();
    if is_emulated(settings, &mut needed) {
        return Ok(needed);
    }
    let place = place(session, account, &mut needed);
    let tree = read_files(session)?;
    let template = root_of(session, &tree)?;
    let values = known_values(session, template);
    let children: Vec<&Template> = tree.children().map(|(_, it)| it).collect();
    let names = match settings.stack_set {
        // Its stacks are those of other accounts.
        Some(_) => ResourceNames::default(),
        None => names::of(settings, template, &values, &children),
    };
    let made = || default_bucket(&place.account, &place.region);
    let targets = CallTargets {
        settings,
        place: &place,
        bucket: settings.artifact_bucket.clone().unwrap_or_else(made),
        names,
    };
    let arns = targets.arns();
    for command in commands {
        for call in actions::of_command(command).filter(|it| is_possible(it, command, settings)) {
            for permission in call.permissions() {
                let condition = match permission.on {
                    On::ServiceRole | On::AdministrationRole => {
                        Condition::PassedTo(service_reference::passed_to().to_vec())
                    }
                    _ => Condition::None,
                };
                for arn in targets.of_permission(permission, &arns) {
                    let condition = condition.clone();
                    needed.grants.allow(permission.action, &arn, condition);
                }
            }
        }
    }
    let creates = |it: &&str| {
        actions::find("cloudformation", "CreateChangeSet").is_some_and(|call| call.is_made_by(it))
    };
    if settings.stack_set.is_none() && commands.iter().any(creates) {
        inputs(session, &place, &mut needed)?;
        of_change_sets(&place, template, &values, &mut needed);
        if settings.stack.role_arn.is_none() {
            needed.note(
                "CloudFormation creates the resources with the same credentials: it needs what `--resources` prints \
                 too, or a role of its own (`stack.role_arn`)",
            );
        }
    }
    Ok(needed)
}

/// Adds what CloudFormation does with the caller's permissions while it creates a change set.
fn of_change_sets(
    place: &Place,
    template: &Template,
    values: &IndexMap<String, String>,
    needed: &mut Needed,
) {
    for parameter in template.parameters().filter(Parameter::is_from_ssm) {
        let name = values.get(parameter.entry.name).map(String::as_str);
        let default = parameter.default().and_then(Node::scalar);
        let arn = place.parameter(name.or(default.as_deref()).unwrap_or(ANY));
        needed
            .grants
            .allow("ssm:GetParameters", &arn, Condition::None);
    }
    for transform in template.transforms() {
        let owner = match transform.strip_prefix("AWS::") {
            Some(_) => "aws",
            None => &place.account,
        };
        let name = transform.trim_start_matches("AWS::");
        let Place {
            partition, region, ..
        } = place;
        let arn = format!("arn:{partition}:cloudformation:{region}:{owner}:transform/{name}");
        let action = "cloudformation:CreateChangeSet";
        needed.grants.allow(action, &arn, Condition::None);
    }
}

/// Adds what reads the outputs of the project's other stacks.
fn inputs(session: &Session<'_>, place: &Place, needed: &mut Needed) -> Result<()> {
    let parameters = session.settings().parameters.values();
    let keys: BTreeSet<&str> = parameters
        .filter_map(|it| it.stack_output().map(|(stack, _)| stack))
        .collect();
    if keys.is_empty() {
        return Ok(());
    }
    let stacks = ProjectStacks::of(session)?;
    for other in keys.into_iter().filter_map(|key| stacks.with_key(key)) {
        let place = Place {
            partition: place.partition.clone(),
            region: other.region.clone().unwrap_or_else(|| place.region.clone()),
            account: other
                .account
                .clone()
                .unwrap_or_else(|| place.account.clone()),
        };
        let arn = place.stack(&other.stack_name);
        let action = "cloudformation:DescribeStacks";
        needed.grants.allow(action, &arn, Condition::None);
    }
    Ok(())
}

/// Returns whether a command can make a call with these settings.
fn is_possible(call: &Call, command: &str, settings: &Settings) -> bool {
    let changes_files = matches!(call.operation, "PutObject" | "DeleteObject");
    match (call.operation, call.on) {
        // It is made with the credentials of somebody who assumes this role.
        ("AssumeRole", _) => false,
        ("GetStackPolicy" | "SetStackPolicy", _) => {
            settings.stack.policy.is_some() || matches!(command, "refactor" | "orphan")
        }
        ("UpdateFunctionCode", _) => settings.allows_hotswap(),
        (_, On::Table) => settings.verify.is_some(),
        (_, On::OwnObject) if changes_files && command != "destroy" => settings.verify.is_some(),
        (
            "CreateBucket"
            | "PutPublicAccessBlock"
            | "PutBucketEncryption"
            | "PutBucketPolicy"
            | "PutBucketTagging"
            | "PutBucketVersioning",
            _,
        ) => settings.artifact_bucket.is_none(),
        // A stack set has no calls for a single stack.
        (_, On::Anything) if call.service == "cloudformation" => {
            settings.stack_set.is_none() || command == "gc"
        }
        _ => true,
    }
}

/// Returns whether the stack is in the emulator, which checks nothing of the caller.
fn is_emulated(settings: &Settings, needed: &mut Needed) -> bool {
    if settings.emulator {
        needed.note(format!(
            "`{}` is a local environment: it checks no permissions of the caller",
            settings.environment
        ));
    }
    settings.emulator
}

/// Returns where the stack is, as far as that is known without a question to AWS.
fn place(session: &Session<'_>, account: Option<&str>, needed: &mut Needed) -> Place {
    let settings = session.settings();
    let ambient = session.context().ambient();
    let variable = |name| ambient.variable(name).filter(|it| !it.is_empty());
    let region = settings.region.as_deref();
    let region =
        region.or_else(|| variable("AWS_REGION").or_else(|| variable("AWS_DEFAULT_REGION")));
    let account = settings.account.as_deref().or(account);
    if region.is_none() {
        needed.note("the region is not known, so the policy is for all: set `region` in the manifest, or pass `--region`");
    }
    if account.is_none() {
        needed.note("the account is not known, so its place in the ARNs is `*`: set `account` in the manifest, or pass `--account`");
    }
    Place {
        partition: region.map_or("aws", partition_of).to_owned(),
        region: region.unwrap_or(ANY).to_owned(),
        account: account.unwrap_or(ANY).to_owned(),
    }
}
