//! Settings of a stack that no change set carries: termination protection and the stack policy.
//!
//! They are compared with the manifest like everything else, shown in the plan, and set after the
//! deployment has succeeded.

use super::deployment::Deployment;
use crate::aws::stack::policy;
use crate::cloudformation::stack::Stack;
use crate::config::settings::StackSettings;
use crate::error::Result;
use crate::plan::ValueChange;

const PROTECTION: &str = "termination_protection";
const POLICY: &str = "policy";

/// Returns settings with everything that a deployment must not change as it is in the stack.
pub(super) fn kept(settings: StackSettings, stack: &Stack) -> StackSettings {
    StackSettings {
        termination_protection: None,
        policy: None,
        role_arn: stack.role_arn.clone(),
        notification_arns: stack.notification_arns.clone(),
        rollback_alarms: stack.rollback_alarms.clone(),
        rollback_monitoring_minutes: stack.rollback_monitoring_minutes,
        ..settings
    }
}

/// Returns the settings that the manifest changes. A setting that it does not name stays as it is.
pub(crate) fn changes(deployment: &Deployment<'_>) -> Vec<ValueChange> {
    let changes = [protection_change(deployment), policy_change(deployment)];
    changes.into_iter().flatten().collect()
}

/// Returns every setting of the stack that differs, also those that a change set carries:
/// capabilities, notification topics, role, and rollback triggers.
///
/// A role that the manifest does not name stays with the stack (`CreateChangeSet`).
pub(crate) fn all_changes(deployment: &Deployment<'_>) -> Vec<ValueChange> {
    let settings = &deployment.session().settings().stack;
    let Some(stack) = deployment.stack().filter(|stack| stack.status.exists()) else {
        return changes(deployment);
    };
    let minutes = |minutes: Option<u32>| minutes.filter(|minutes| *minutes > 0);
    let minutes = [
        minutes(stack.rollback_monitoring_minutes),
        minutes(settings.rollback_monitoring_minutes),
    ]
    .map(|minutes| minutes.map(|minutes| minutes.to_string()));
    let role = settings.role_arn.clone().or_else(|| stack.role_arn.clone());
    let sides = [
        (
            "capabilities",
            [
                set(&stack.capabilities),
                set(&deployment.build().capabilities),
            ],
        ),
        (
            "notification_arns",
            [
                set(&stack.notification_arns),
                set(&settings.notification_arns),
            ],
        ),
        ("role_arn", [stack.role_arn.clone(), role]),
        (
            "rollback_alarms",
            [set(&stack.rollback_alarms), set(&settings.rollback_alarms)],
        ),
        ("rollback_monitoring_minutes", minutes),
    ];
    let carried = sides
        .into_iter()
        .filter(|(_, [before, after])| before != after);
    let carried = carried.map(|(name, [before, after])| ValueChange {
        name: name.to_owned(),
        before,
        after,
    });
    carried.chain(changes(deployment)).collect()
}

/// Sets what has to be changed on the stack, which exists by now.
///
/// # Errors
///
/// If a call fails.
pub(crate) async fn apply(deployment: &Deployment<'_>, changes: &[ValueChange]) -> Result<()> {
    let (session, service) = (deployment.session(), deployment.service());
    let presenter = session.presenter();
    let changes_to = |name: &str| changes.iter().any(|change| change.name == name);
    if let (true, Some(on)) = (
        changes_to(PROTECTION),
        session.settings().stack.termination_protection,
    ) {
        service.protect(on).await?;
        let state = if on { "on" } else { "off" };
        presenter.note(&format!("Termination protection is {state}."));
    }
    if let (true, Some(policy)) = (changes_to(POLICY), &deployment.build().stack_policy) {
        policy::set(service, &policy.text()).await?;
        presenter.note("The stack policy is set.");
    }
    Ok(())
}

fn protection_change(deployment: &Deployment<'_>) -> Option<ValueChange> {
    let settings = &deployment.session().settings().stack;
    let desired = settings.termination_protection?;
    let stack = deployment.stack();
    let deployed = stack.is_some_and(|stack| stack.termination_protection);
    (deployed != desired).then(|| ValueChange {
        name: PROTECTION.to_owned(),
        before: stack.is_some().then(|| deployed.to_string()),
        after: Some(desired.to_string()),
    })
}

fn policy_change(deployment: &Deployment<'_>) -> Option<ValueChange> {
    let desired = deployment.build().stack_policy.as_ref()?;
    let deployed = deployment.deployed_policy();
    let same = deployed.is_some_and(|deployed| desired.is(deployed));
    (!same).then(|| ValueChange {
        name: POLICY.to_owned(),
        before: deployed.map(str::to_owned),
        after: Some(desired.text()),
    })
}

/// Returns names in sorted order, since their own order has no meaning; `None` for no names.
fn set(names: &[String]) -> Option<String> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| names.join(", "))
}
