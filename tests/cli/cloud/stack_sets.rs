//! CloudFormation: stack sets. An operation ends after some polls, and each poll shows more of it.

use std::collections::BTreeMap;

use super::account::{Account, Fault};
use super::call::Call;
use super::xml;

/// A stack set.
#[derive(Debug, Clone, Default)]
pub(crate) struct StackSet {
    pub(crate) name: String,
    pub(crate) id: String,
    pub(crate) template: String,
    pub(crate) description: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) administration_role: String,
    pub(crate) execution_role: String,
    pub(crate) permission_model: String,
    pub(crate) auto_deployment: String,
    pub(crate) is_managed: bool,
    pub(crate) units: Vec<String>,
    pub(crate) is_deleted: bool,
    pub(crate) instances: Vec<Instance>,
    pub(crate) operations: Vec<Operation>,
    pub(crate) was_checked: bool,
}

/// An instance of a stack set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Instance {
    pub(crate) account: String,
    pub(crate) region: String,
    pub(crate) unit: String,
    pub(crate) status: String,
    pub(crate) detail: String,
    pub(crate) reason: String,
    pub(crate) overrides: BTreeMap<String, String>,
    pub(crate) has_drifted: bool,
}

/// An operation of a stack set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Operation {
    pub(crate) id: String,
    pub(crate) action: String,
    pub(crate) status: String,
    /// The targets with their results, in the order of the work.
    pub(crate) results: Vec<(Instance, String, String)>,
    tolerance: usize,
    retains: bool,
    /// How often it was described.
    pub(crate) polls: usize,
}

/// What a test sets up for all stack sets of an account.
#[derive(Debug, Clone, Default)]
pub(crate) struct SetWorld {
    /// After how many polls an operation ends.
    pub(crate) polls: usize,
    /// Why operations fail in a target, by `ACCOUNT/REGION`.
    pub(crate) failing: BTreeMap<String, String>,
    /// The accounts of organizational units.
    pub(crate) organization: BTreeMap<String, Vec<String>>,
}

type Answer = Result<String, Fault>;

/// The operations that this module answers.
pub(super) const OPERATIONS: [&str; 15] = [
    "CreateStackSet",
    "UpdateStackSet",
    "DeleteStackSet",
    "DescribeStackSet",
    "ListStackSets",
    "ListStackInstances",
    "DescribeStackInstance",
    "CreateStackInstances",
    "UpdateStackInstances",
    "DeleteStackInstances",
    "DetectStackSetDrift",
    "StopStackSetOperation",
    "DescribeStackSetOperation",
    "ListStackSetOperations",
    "ListStackSetOperationResults",
];

impl Account {
    /// Returns the stack set of this name that is not deleted.
    #[track_caller]
    pub(crate) fn stack_set(&mut self, name: &str) -> &mut StackSet {
        let mut sets = self.stack_sets.iter_mut();
        let set = sets.find(|set| set.name == name && !set.is_deleted);
        set.unwrap_or_else(|| panic!("there is no stack set {name}"))
    }

    pub(super) fn stack_sets(&mut self, call: &Call) -> Answer {
        let name = call.parameter("StackSetName").to_owned();
        let is_it = |set: &StackSet| set.name == name && !set.is_deleted;
        let index = self.stack_sets.iter().position(is_it);
        match (call.operation.as_str(), index) {
            ("ListStackSets", _) => {
                let sets = self.stack_sets.iter().filter(|set| !set.is_deleted);
                let sets = sets.map(|set| xml::text("StackSetName", &set.name));
                Ok(xml::members("Summaries", sets.collect::<Vec<_>>()))
            }
            ("CreateStackSet", Some(_)) => Err(Fault::new(
                409,
                "NameAlreadyExistsException",
                "The name already exists.",
            )),
            ("CreateStackSet", None) => {
                let number = self.next_number();
                let id = format!("{name}:00000000-0000-4000-8000-{number:012}");
                let mut set = StackSet {
                    name,
                    id: id.clone(),
                    permission_model: call.parameter("PermissionModel").to_owned(),
                    ..StackSet::default()
                };
                Self::define(&mut set, call)?;
                self.stack_sets.push(set);
                Ok(xml::text("StackSetId", &id))
            }
            (_, None) => Err(Fault::new(
                404,
                "StackSetNotFoundException",
                format!("StackSet {name} not found"),
            )),
            ("DescribeStackSet", Some(index)) => {
                Ok(xml::element("StackSet", &describe(&self.stack_sets[index])))
            }
            ("ListStackInstances", Some(index)) => {
                let items = self.stack_sets[index].instances.iter().map(summary);
                Ok(self.page(call, "Summaries", items.collect()))
            }
            ("DescribeStackInstance", Some(index)) => {
                let account = call.parameter("StackInstanceAccount");
                let region = call.parameter("StackInstanceRegion");
                let mut instances = self.stack_sets[index].instances.iter();
                let instance = instances.find(|it| it.account == account && it.region == region);
                let instance = instance.ok_or_else(|| {
                    Fault::new(404, "StackInstanceNotFoundException", "no such instance")
                })?;
                let names = ("ParameterKey", "ParameterValue");
                let overrides = xml::pairs("ParameterOverrides", names, &instance.overrides);
                Ok(xml::element(
                    "StackInstance",
                    &(summary(instance) + &overrides),
                ))
            }
            ("ListStackSetOperations", Some(index)) => {
                let operations = self.stack_sets[index].operations.iter().rev();
                let items = operations.map(|it| {
                    xml::text("OperationId", &it.id)
                        + &xml::text("Action", &it.action)
                        + &xml::text("Status", &it.status)
                });
                Ok(self.page(call, "Summaries", items.collect()))
            }
            ("DeleteStackSet", Some(index)) => {
                let set = &mut self.stack_sets[index];
                if !set.instances.is_empty() {
                    let message = "StackSet is not empty";
                    return Err(Fault::new(409, "StackSetNotEmptyException", message));
                }
                set.is_deleted = true;
                Ok(String::new())
            }
            (
                "DescribeStackSetOperation"
                | "ListStackSetOperationResults"
                | "StopStackSetOperation",
                Some(index),
            ) => self.set_operation(index, call),
            (_, Some(index)) => self.begin_set_operation(index, call),
        }
    }

    /// Answers a call about one operation of a stack set.
    fn set_operation(&mut self, index: usize, call: &Call) -> Answer {
        let id = call.parameter("OperationId");
        let set = &mut self.stack_sets[index];
        let position = set.operations.iter().position(|it| it.id == id);
        let position = position
            .ok_or_else(|| Fault::new(404, "OperationNotFoundException", "no such operation"))?;
        match call.operation.as_str() {
            "StopStackSetOperation" => {
                let operation = &mut set.operations[position];
                for (_, status, _) in &mut operation.results {
                    if status == "PENDING" {
                        "CANCELLED".clone_into(status);
                    }
                }
                "STOPPING".clone_into(&mut operation.status);
                Ok(String::new())
            }
            "ListStackSetOperationResults" => {
                let results = set.operations[position].results.iter();
                let items = results.map(|(it, status, reason)| {
                    xml::text("Account", &it.account)
                        + &xml::text("Region", &it.region)
                        + &xml::text("Status", status)
                        + &xml::optional("StatusReason", reason)
                });
                let items = items.collect();
                Ok(self.page(call, "Summaries", items))
            }
            _ => {
                advance(set, position, &self.set_world);
                Ok(describe_operation(set, position))
            }
        }
    }

    /// Takes over what a request says of a stack set.
    fn define(set: &mut StackSet, call: &Call) -> Result<(), Fault> {
        let (body, url) = (
            call.parameter("TemplateBody"),
            call.parameter("TemplateURL"),
        );
        if body.is_empty() == url.is_empty() {
            return Err(Fault::validation("exactly one template is needed"));
        }
        if !body.is_empty() {
            body.clone_into(&mut set.template);
        }
        call.parameter("Description")
            .clone_into(&mut set.description);
        let old = std::mem::take(&mut set.parameters);
        for number in 1.. {
            let member = |name: &str| format!("Parameters.member.{number}.{name}");
            let key = call.parameter(&member("ParameterKey"));
            if key.is_empty() {
                break;
            }
            let value = match call.parameter(&member("UsePreviousValue")) {
                "true" => old.get(key).cloned().unwrap_or_default(),
                _ => call.parameter(&member("ParameterValue")).to_owned(),
            };
            set.parameters.insert(key.to_owned(), value);
        }
        set.tags = call.pairs("Tags", "Key", "Value");
        call.parameter("AdministrationRoleARN")
            .clone_into(&mut set.administration_role);
        call.parameter("ExecutionRoleName")
            .clone_into(&mut set.execution_role);
        call.parameter("AutoDeployment.Enabled")
            .clone_into(&mut set.auto_deployment);
        match call.parameter("ManagedExecution.Active") {
            "" => {}
            active => set.is_managed = active == "true",
        }
        Ok(())
    }

    /// Begins an operation.
    fn begin_set_operation(&mut self, index: usize, call: &Call) -> Answer {
        let mut set = self.stack_sets[index].clone();
        let id = call.parameter("OperationId").to_owned();
        if set.operations.iter().any(|it| it.id == id) {
            let message = "The operation ID already exists.";
            return Err(Fault::new(
                409,
                "OperationIdAlreadyExistsException",
                message,
            ));
        }
        let is_over = |it: &Operation| ["SUCCEEDED", "FAILED", "STOPPED"].contains(&&*it.status);
        if !set.is_managed && !set.operations.iter().all(is_over) {
            let message = "Another Operation on StackSet is in progress";
            return Err(Fault::new(409, "OperationInProgressException", message));
        }
        let action = match call.operation.as_str() {
            "CreateStackInstances" => "CREATE",
            "DeleteStackInstances" => "DELETE",
            "DetectStackSetDrift" => "DETECT_DRIFT",
            _ => "UPDATE",
        };
        if call.operation == "UpdateStackSet" {
            let before = (set.template.clone(), set.parameters.clone());
            Self::define(&mut set, call)?;
            if before != (set.template.clone(), set.parameters.clone()) {
                for instance in &mut set.instances {
                    if instance.status == "CURRENT" {
                        "OUTDATED".clone_into(&mut instance.status);
                    }
                }
            }
        }
        let targets = self.targets(&mut set, call)?;
        let overrides = call.pairs("ParameterOverrides", "ParameterKey", "ParameterValue");
        for target in &targets {
            let known = set.instances.iter_mut();
            let mut known = known.filter(|it| is_same(it, target));
            match known.next() {
                Some(known) if call.operation == "UpdateStackInstances" => {
                    known.overrides.clone_from(&overrides);
                }
                Some(_) => {}
                None if action == "CREATE" => set.instances.push(Instance {
                    status: "OUTDATED".to_owned(),
                    detail: "PENDING".to_owned(),
                    overrides: overrides.clone(),
                    ..target.clone()
                }),
                None => {
                    let message = "The specified stack instance doesn't exist.";
                    return Err(Fault::new(404, "StackInstanceNotFoundException", message));
                }
            }
        }
        let tolerance = call.parameter("OperationPreferences.FailureToleranceCount");
        set.operations.push(Operation {
            id: id.clone(),
            action: action.to_owned(),
            status: "QUEUED".to_owned(),
            results: targets
                .into_iter()
                .map(|it| (it, "PENDING".to_owned(), String::new()))
                .collect(),
            tolerance: tolerance.parse().unwrap_or_default(),
            retains: call.parameter("RetainStacks") == "true",
            polls: 0,
        });
        let position = set.operations.len() - 1;
        if self.set_world.polls == 0 {
            finish(&mut set, position, &self.set_world);
        }
        self.stack_sets[index] = set;
        Ok(xml::text("OperationId", &id))
    }

    /// Returns the targets of a request, region by region.
    fn targets(&self, set: &mut StackSet, call: &Call) -> Result<Vec<Instance>, Fault> {
        let regions = call.list("Regions");
        let accounts = call.list("Accounts");
        let units = call.list("DeploymentTargets.OrganizationalUnitIds");
        let filtered = call.list("DeploymentTargets.Accounts");
        let filter = call.parameter("DeploymentTargets.AccountFilterType");
        if accounts.is_empty() && units.is_empty() {
            let is_whole = ["UpdateStackSet", "DetectStackSetDrift"].contains(&&*call.operation);
            if !is_whole {
                return Err(Fault::validation("no targets"));
            }
            let works = |it: &&Instance| it.status != "INOPERABLE";
            let mut all: Vec<_> = set.instances.iter().filter(works).cloned().collect();
            let order = call.list("OperationPreferences.RegionOrder");
            all.sort_by_key(|it| order.iter().position(|region| *region == it.region));
            return Ok(all);
        }
        if regions.is_empty() || !accounts.is_empty() && set.permission_model != "SELF_MANAGED" {
            return Err(Fault::validation("accounts and regions do not fit"));
        }
        let mut targets = Vec::new();
        for region in &regions {
            let target = |account: &String, unit: &str| Instance {
                account: account.clone(),
                region: region.clone(),
                unit: unit.to_owned(),
                ..Instance::default()
            };
            targets.extend(accounts.iter().map(|account| target(account, "")));
            for unit in &units {
                let members = self.set_world.organization.get(unit);
                let members = members.into_iter().flatten();
                let members = members.filter(|account| match filter {
                    "INTERSECTION" => filtered.contains(account),
                    "DIFFERENCE" => !filtered.contains(account),
                    _ => true,
                });
                targets.extend(members.map(|account| target(account, unit)));
            }
        }
        for unit in units {
            if call.operation == "CreateStackInstances" && !set.units.contains(&unit) {
                set.units.push(unit);
            } else if call.operation == "DeleteStackInstances" && filtered.is_empty() {
                set.units.retain(|it| *it != unit);
            }
        }
        if call.operation == "DeleteStackInstances" {
            targets.retain(|it| set.instances.iter().any(|known| is_same(known, it)));
        }
        Ok(targets)
    }
}

fn is_same(one: &Instance, other: &Instance) -> bool {
    one.account == other.account && one.region == other.region
}

/// Shows more of an operation: the first poll that it runs, later ones its end.
fn advance(set: &mut StackSet, position: usize, world: &SetWorld) {
    let operation = &mut set.operations[position];
    if ["SUCCEEDED", "FAILED", "STOPPED"].contains(&&*operation.status) {
        return;
    }
    operation.polls += 1;
    if operation.status == "STOPPING" {
        "STOPPED".clone_into(&mut operation.status);
        return;
    }
    if operation.polls > world.polls {
        finish(set, position, world);
    } else if operation.polls > 1 {
        "RUNNING".clone_into(&mut operation.status);
        if let Some((_, status, _)) = operation.results.first_mut() {
            "RUNNING".clone_into(status);
        }
    }
}

/// Ends an operation: region by region, as long as no more targets fail than tolerated.
fn finish(set: &mut StackSet, position: usize, world: &SetWorld) {
    let mut operation = set.operations[position].clone();
    let mut is_stopped = false;
    let mut region = String::new();
    let mut failures = 0;
    for (target, status, reason) in &mut operation.results {
        if target.region != region {
            region.clone_from(&target.region);
            failures = 0;
        }
        let known = set.instances.iter().position(|it| is_same(it, target));
        let failure = world
            .failing
            .get(&format!("{}/{}", target.account, target.region))
            .filter(|_| !operation.retains);
        let (end, detail, why) = match failure {
            _ if is_stopped => (
                "CANCELLED",
                "OUTDATED",
                "Cancelled since failure tolerance has exceeded",
            ),
            Some(why) => {
                failures += 1;
                is_stopped = failures > operation.tolerance;
                let state = match operation.action.as_str() {
                    "DELETE" => "INOPERABLE",
                    _ => "OUTDATED",
                };
                ("FAILED", state, why.as_str())
            }
            None => ("SUCCEEDED", "CURRENT", ""),
        };
        end.clone_into(status);
        why.clone_into(reason);
        let Some(known) = known else { continue };
        if operation.action == "DELETE" && end == "SUCCEEDED" {
            set.instances.remove(known);
        } else if operation.action != "DETECT_DRIFT"
            && !(operation.action == "DELETE" && end == "CANCELLED")
        {
            detail.clone_into(&mut set.instances[known].status);
            end.clone_into(&mut set.instances[known].detail);
            why.clone_into(&mut set.instances[known].reason);
        }
    }
    let end = if is_stopped { "FAILED" } else { "SUCCEEDED" };
    end.clone_into(&mut operation.status);
    set.was_checked |= operation.action == "DETECT_DRIFT";
    set.operations[position] = operation;
}

fn describe_operation(set: &StackSet, position: usize) -> String {
    let it = &set.operations[position];
    let failed = it.results.iter().filter(|it| it.1 == "FAILED").count();
    let details = xml::text("FailedStackInstancesCount", &failed.to_string());
    xml::element(
        "StackSetOperation",
        &(xml::text("OperationId", &it.id)
            + &xml::text("StackSetId", &set.id)
            + &xml::text("Action", &it.action)
            + &xml::text("Status", &it.status)
            + &xml::element("StatusDetails", &details)),
    )
}

fn describe(set: &StackSet) -> String {
    let drifted = set.instances.iter().filter(|it| it.has_drifted).count();
    let drift = match drifted {
        0 => "IN_SYNC",
        _ => "DRIFTED",
    };
    let drift = xml::text("DriftStatus", drift)
        + &xml::text("TotalStackInstancesCount", &set.instances.len().to_string())
        + &xml::text("DriftedStackInstancesCount", &drifted.to_string());
    let names = ("ParameterKey", "ParameterValue");
    let mut text = xml::text("StackSetName", &set.name)
        + &xml::text("StackSetId", &set.id)
        + &xml::text("Status", "ACTIVE")
        + &xml::text("TemplateBody", &set.template)
        + &xml::optional("Description", &set.description)
        + &xml::pairs("Parameters", names, &set.parameters)
        + &xml::pairs("Tags", ("Key", "Value"), &set.tags)
        + &xml::text("PermissionModel", &set.permission_model)
        + &xml::optional("AdministrationRoleARN", &set.administration_role)
        + &xml::optional("ExecutionRoleName", &set.execution_role);
    if set.is_managed {
        text += &xml::element("ManagedExecution", &xml::text("Active", "true"));
    }
    if !set.auto_deployment.is_empty() {
        let enabled = xml::text("Enabled", &set.auto_deployment);
        text += &xml::element("AutoDeployment", &enabled);
    }
    let units = set.units.iter().map(|unit| xml::element("member", unit));
    text += &xml::element("OrganizationalUnitIds", &units.collect::<String>());
    if set.was_checked {
        text += &xml::element("StackSetDriftDetectionDetails", &drift);
    }
    text
}

fn summary(it: &Instance) -> String {
    let detail = xml::optional("DetailedStatus", &it.detail);
    xml::text("Account", &it.account)
        + &xml::text("Region", &it.region)
        + &xml::text("Status", &it.status)
        + &xml::element("StackInstanceStatus", &detail)
        + &xml::optional("StatusReason", &it.reason)
        + &xml::optional("OrganizationalUnitId", &it.unit)
        + &xml::text(
            "DriftStatus",
            if it.has_drifted {
                "DRIFTED"
            } else {
                "NOT_CHECKED"
            },
        )
}
