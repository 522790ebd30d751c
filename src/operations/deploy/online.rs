//! The plan of a deployment, from a change set.

use super::deployment::Deployment;
use super::options::DeployOptions;
use super::pending_change_set::{PendingChangeSet, Purpose};
use super::{code_reverts, service_validations, stack_settings};
use crate::artifact::code_diff::CodeChange;
use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::stack::Output;
use crate::config::settings::DeploymentMode;
use crate::error::Result;
use crate::operations::resource_graph;
use crate::plan::output_effect::{self, output_effects};
use crate::plan::predict::Side;
use crate::plan::risk::{self, Assessment};
use crate::plan::suggested_moves::suggest;
use crate::plan::{Plan, Target, masking, model, provisional, values};

/// Returns the plan with a change set, or without one if nothing has to be changed.
pub(crate) fn plan(deployment: &Deployment<'_>, pending: Option<&PendingChangeSet>) -> Plan {
    let change_set = pending.map(|pending| pending.change_set().clone());
    let code = pending.map_or_else(Vec::new, |pending| pending.code().to_vec());
    let options = pending.map(PendingChangeSet::options).unwrap_or_default();
    Plan {
        mode: options.mode,
        skips_validation: options.skips_validation,
        ..of(deployment, change_set, code)
    }
}

/// Returns the plan of a deployment that is not executed: the change set is deleted again.
///
/// # Errors
///
/// Whatever keeps the change set from being created or deleted.
pub(crate) async fn preview(deployment: &Deployment<'_>, options: DeployOptions) -> Result<Plan> {
    if !options.revert_drift && deployment.is_unchanged() {
        return Ok(plan(deployment, None));
    }
    let pending = PendingChangeSet::create(deployment, Purpose::Command, options).await?;
    let plan = plan(deployment, Some(&pending));
    if pending.change_set().is_executable() {
        pending.discard(deployment).await?;
    }
    Ok(plan)
}

/// Returns the outputs of the deployed stack, without the values of secrets.
fn shown_outputs(deployment: &Deployment<'_>) -> Vec<Output> {
    let Some(stack) = deployment.stack().filter(|stack| stack.status.exists()) else {
        return Vec::new();
    };
    let mut stack = stack.clone();
    if let Some(template) = deployment.deployed_model() {
        masking::hide_outputs(&mut stack, template);
    }
    stack.outputs
}

/// Returns the plan with the changes of a change set, and with the changed code of artifacts.
pub(super) fn of(
    deployment: &Deployment<'_>,
    change_set: Option<ChangeSet>,
    code: Vec<CodeChange>,
) -> Plan {
    let build = deployment.build();
    let settings = deployment.session().settings();
    let deployed = deployment.deployed_template().unwrap_or_default();
    let deployed_model = deployment.deployed_model();
    let changes = change_set.as_ref().map_or(&[][..], |set| &set.changes);
    let mut models = model::models(changes, deployed_model, Some(&build.template));
    let [then, now] = deployment.values();
    let before = deployed_model.map(|it| Side::new(it, &then));
    let after = Side::new(&build.template, &now);
    model::evaluate(&mut models, [before, Some(after)]);
    let settings_changes = stack_settings::changes(deployment);
    let types = &settings.stack.protected_types;
    let nested = change_set.as_ref().map(|set| risk::of_nested(set, types));
    let mut assessment = risk::assess(changes, &models, types).with(nested.unwrap_or_default());
    let of_settings = risk::of_settings(&settings.stack_name, &settings_changes);
    assessment.risks.splice(0..0, of_settings);
    if deployment.rollback().is_some() {
        let of_rollback = Assessment {
            risks: risk::of_rollback(changes, types),
            ..Assessment::default()
        };
        assessment = assessment.with(of_rollback);
    }
    let validations = change_set
        .as_ref()
        .map(|change_set| service_validations::located(deployment, change_set))
        .unwrap_or_default();
    let parameters = deployment.parameter_changes();
    let tags = values::tag_changes(deployment.stack(), &settings.tags);
    let is_unchanged = change_set.as_ref().is_some_and(ChangeSet::is_unchanged);
    let ignored = match deployed_model {
        Some(deployed) if is_unchanged => {
            values::differing_names(deployed, &build.template, &parameters, &tags)
        }
        _ => Vec::new(),
    };
    let suggested_moves = deployed_model.map_or_else(Vec::new, |deployed| {
        suggest(changes, deployed, &build.template, types)
    });
    let outputs = shown_outputs(deployment);
    let mut effects = output_effects(&output_effect::Deployment {
        before,
        outputs: Some(&outputs),
        after,
        change_set: change_set.as_ref(),
    });
    provisional::carry(&mut effects, &build.template, deployment.uncertain());
    let graph = resource_graph::of_plan(build, &now, settings, change_set.as_ref(), deployed_model);
    Plan {
        effects,
        code_reverts: code_reverts::find(deployment, changes),
        exports: Vec::new(),
        provisional: Vec::new(),
        moved: Vec::new(),
        suggested_moves,
        ignored,
        validations,
        models,
        graph,
        assessment,
        outputs: values::output_changes(deployed_model, &build.template),
        target: Target {
            account: deployment.identity().account.clone(),
            region: deployment.connection().region().to_owned(),
            endpoint: deployment.connection().endpoint().to_string(),
            stack: settings.stack_name.clone(),
            environment: settings.environment.clone(),
        },
        operation: deployment.operation(),
        capabilities: build.capabilities.clone(),
        artifacts: build.planned_artifacts(deployed),
        code,
        parameters,
        tags,
        settings: settings_changes,
        prediction: None,
        change_set,
        mode: DeploymentMode::default(),
        skips_validation: false,
    }
}
