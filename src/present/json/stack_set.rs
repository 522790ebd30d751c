//! The JSON documents of stack sets: `stackctl.stack-set-plan/1`, `stackctl.stack-set/1`,
//! `stackctl.stack-set-drift/1` and `stackctl.stack-set-destroy/1`.

use indexmap::IndexMap;
use schemars::JsonSchema;
use serde::Serialize;

use super::plan::{PlanDocument, ValueEntry, value};
use crate::cloudformation::deletion::ResourceDeletion;
use crate::cloudformation::stack_set::group::Group;
use crate::cloudformation::stack_set::instance::Instance;
use crate::cloudformation::stack_set::operation::SetOperation;
use crate::cloudformation::stack_set::{SetDrift, StackSet};
use crate::config::settings::Permissions;
use crate::plan::stack_set::{StackSetPlan, Step, TargetEntry};

/// The JSON document of a plan.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StackSetPlanDocument<'a> {
    #[schemars(extend("const" = "stackctl.stack-set-plan/1"))]
    schema: &'static str,
    account: &'a str,
    region: &'a str,
    endpoint: &'a str,
    stack_set: &'a str,
    environment: &'a str,
    permissions: &'static str,
    is_new: bool,
    has_changes: bool,
    warnings: &'a [String],
    settings: Vec<ValueEntry<'a>>,
    targets: Vec<TargetRow<'a>>,
    operations: Vec<OperationRow>,
    /// What changes in each target: a `stackctl.plan/1`, predicted.
    template: PlanDocument<'a>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct TargetRow<'a> {
    account: &'a str,
    region: &'a str,
    action: &'static str,
    status: Option<&'a str>,
    reason: Option<&'a str>,
    organizational_unit: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct OperationRow {
    kind: &'static str,
    /// Null if it is for all instances.
    accounts: Option<Vec<String>>,
    organizational_units: Option<Vec<String>>,
    regions: Vec<String>,
    overrides: IndexMap<String, String>,
    retain_stacks: bool,
}

impl<'a> StackSetPlanDocument<'a> {
    /// Returns the document of a plan.
    pub fn of(plan: &'a StackSetPlan) -> Self {
        let target = &plan.template.target;
        let is_service = plan.permissions == Permissions::ServiceManaged;
        let steps = plan.steps().into_iter();
        Self {
            schema: "stackctl.stack-set-plan/1",
            account: &target.account,
            region: &target.region,
            endpoint: &target.endpoint,
            stack_set: &target.stack,
            environment: &target.environment,
            permissions: plan.permissions.as_str(),
            is_new: plan.is_new,
            has_changes: !plan.is_empty(),
            warnings: &plan.warnings,
            settings: plan.settings.iter().map(value).collect(),
            targets: plan.targets.entries.iter().map(target_row).collect(),
            operations: steps.map(|step| operation_row(step, is_service)).collect(),
            template: PlanDocument::of(&plan.template),
        }
    }
}

fn target_row(entry: &TargetEntry) -> TargetRow<'_> {
    TargetRow {
        account: &entry.target.account,
        region: &entry.target.region,
        action: entry.action.as_str(),
        status: entry.status.as_deref(),
        reason: entry.reason.as_deref(),
        organizational_unit: entry.organizational_unit.as_deref(),
    }
}

fn operation_row(step: Step, is_service: bool) -> OperationRow {
    let row = |kind, group: Option<Group>, regions: Vec<String>, retains| {
        let group = group.unwrap_or_default();
        let is_all = group.accounts.is_empty();
        let chosen = group.choice.map(|it| it.accounts);
        let (accounts, units) = match (is_all, is_service) {
            (true, _) => (None, None),
            (_, true) => (chosen, Some(group.accounts)),
            (_, false) => (Some(group.accounts), None),
        };
        OperationRow {
            kind,
            accounts,
            organizational_units: units,
            regions,
            overrides: group.overrides,
            retain_stacks: retains,
        }
    };
    match step {
        Step::Update(update) => row("update", update.only, update.regions, false),
        Step::Override(group) => {
            let regions = group.regions.clone();
            row("override", Some(group), regions, false)
        }
        Step::Add(group) => {
            let regions = group.regions.clone();
            row("add", Some(group), regions, false)
        }
        Step::Remove(removal) => {
            let regions = removal.group.regions.clone();
            row("remove", Some(removal.group), regions, removal.retains)
        }
    }
}

/// The JSON document of a stack set as it is.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StackSetDocument<'a> {
    #[schemars(extend("const" = "stackctl.stack-set/1"))]
    schema: &'static str,
    stack_set: &'a str,
    exists: bool,
    id: Option<&'a str>,
    arn: Option<&'a str>,
    description: Option<&'a str>,
    permissions: Option<&'static str>,
    administration_role: Option<&'a str>,
    execution_role: Option<&'a str>,
    auto_deployment: Option<bool>,
    managed_execution: Option<bool>,
    organizational_units: &'a [String],
    parameters: Option<&'a IndexMap<String, String>>,
    tags: Option<&'a IndexMap<String, String>>,
    instances: Vec<InstanceRow<'a>>,
    operations: Vec<LatestOperation<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct InstanceRow<'a> {
    account: &'a str,
    region: &'a str,
    stack_id: Option<&'a str>,
    status: &'a str,
    detailed_status: Option<&'a str>,
    reason: Option<&'a str>,
    organizational_unit: Option<&'a str>,
    drift: Option<&'a str>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LatestOperation<'a> {
    id: &'a str,
    action: &'a str,
    status: &'a str,
    reason: Option<&'a str>,
    failed: Option<usize>,
    begun: Option<String>,
    ended: Option<String>,
}

impl<'a> StackSetDocument<'a> {
    /// Returns the document of a stack set; `set` is `None` if there is none of that name.
    pub fn of(
        name: &'a str,
        set: Option<&'a StackSet>,
        instances: &'a [Instance],
        operations: &'a [SetOperation],
    ) -> Self {
        let time = |time: Option<jiff::Timestamp>| time.map(|it| it.to_string());
        let operations = operations.iter().map(|it| LatestOperation {
            id: &it.id,
            action: &it.action,
            status: it.status.as_str(),
            reason: it.reason.as_deref(),
            failed: it.failed,
            begun: time(it.created),
            ended: time(it.ended),
        });
        Self {
            schema: "stackctl.stack-set/1",
            stack_set: name,
            exists: set.is_some(),
            id: set.map(|it| it.id.as_str()),
            arn: set.map(|it| it.arn.as_str()).filter(|it| !it.is_empty()),
            description: set.map(|it| it.description.as_str()),
            permissions: set.map(|it| it.permissions.as_str()),
            administration_role: set.and_then(StackSet::administration_role),
            execution_role: set.and_then(StackSet::execution_role),
            auto_deployment: set.and_then(|it| it.auto_deployment).map(|it| it.enabled),
            managed_execution: set.map(|it| it.managed_execution),
            organizational_units: set.map_or(&[], |it| &it.organizational_units),
            parameters: set.map(|it| &it.parameters),
            tags: set.map(|it| &it.tags),
            instances: rows(instances),
            operations: operations.collect(),
        }
    }
}

fn rows(instances: &[Instance]) -> Vec<InstanceRow<'_>> {
    let rows = instances.iter().map(|it| InstanceRow {
        account: &it.target.account,
        region: &it.target.region,
        stack_id: it.stack_id.as_deref(),
        status: it.status.as_str(),
        detailed_status: it.detailed_status.as_deref(),
        reason: it.reason.as_deref(),
        organizational_unit: it.organizational_unit.as_deref(),
        drift: it.drift.as_deref(),
    });
    rows.collect()
}

/// The JSON document of a drift detection.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StackSetDriftDocument<'a> {
    #[schemars(extend("const" = "stackctl.stack-set-drift/1"))]
    schema: &'static str,
    stack_set: &'a str,
    drift: &'a str,
    drifted: usize,
    in_sync: usize,
    failed: usize,
    instances: Vec<InstanceRow<'a>>,
}

impl<'a> StackSetDriftDocument<'a> {
    /// Returns the document of a drift detection.
    pub fn of(set: &'a StackSet, drift: &'a SetDrift, instances: &'a [Instance]) -> Self {
        Self {
            schema: "stackctl.stack-set-drift/1",
            stack_set: &set.name,
            drift: &drift.status,
            drifted: drift.drifted,
            in_sync: drift.in_sync,
            failed: drift.failed,
            instances: rows(instances),
        }
    }
}

/// The JSON document of what the deletion of a stack set would do.
#[derive(Debug, Serialize, JsonSchema)]
pub struct StackSetDeletionDocument<'a> {
    #[schemars(extend("const" = "stackctl.stack-set-destroy/1"))]
    schema: &'static str,
    stack_set: &'a str,
    instances: Vec<InstanceRow<'a>>,
    /// The targets whose stacks stay, as `ACCOUNT/REGION`.
    retained: &'a [String],
    /// What is lost in each target whose stack is deleted.
    lost: Vec<LostRow<'a>>,
}

#[derive(Debug, Serialize, JsonSchema)]
struct LostRow<'a> {
    logical_id: &'a str,
    #[serde(rename = "type")]
    resource_type: &'a str,
    outcome: &'static str,
}

impl<'a> StackSetDeletionDocument<'a> {
    /// Returns the document of a deletion.
    pub fn of(
        set: &'a StackSet,
        instances: &'a [Instance],
        retained: &'a [String],
        losses: &'a [ResourceDeletion],
    ) -> Self {
        let lost = losses.iter().map(|it| LostRow {
            logical_id: &it.path,
            resource_type: &it.resource.resource_type,
            outcome: it.outcome.as_str(),
        });
        Self {
            schema: "stackctl.stack-set-destroy/1",
            stack_set: &set.name,
            instances: rows(instances),
            retained,
            lost: lost.collect(),
        }
    }
}
