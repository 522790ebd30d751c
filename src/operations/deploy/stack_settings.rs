//! What a stack has beside its template: the protection from deletion and the stack policy.
//!
//! No change set carries them. They are compared with the manifest like everything else, shown in the
//! plan, and set once the deployment has succeeded.

use super::deployment::Deployment;
use crate::error::Result;
use crate::plan::ValueChange;

const PROTECTION: &str = "termination_protection";
const POLICY: &str = "policy";

impl Deployment<'_> {
    /// Returns the settings that the manifest wants otherwise. What it does not name stays as it is.
    pub(crate) fn settings_changes(&self) -> Vec<ValueChange> {
        let changes = [self.protection_change(), self.policy_change()];
        changes.into_iter().flatten().collect()
    }

    /// Returns every setting of the stack that differs, those that a change set carries too: what it
    /// was allowed to do, whom it tells, who acts for it, what makes it roll back.
    ///
    /// A role that the manifest does not name stays with the stack (`CreateChangeSet`).
    pub(crate) fn all_settings_changes(&self) -> Vec<ValueChange> {
        let settings = &self.session.settings.stack;
        let Some(stack) = self.stack.as_ref().filter(|stack| stack.status.exists()) else {
            return self.settings_changes();
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
                [set(&stack.capabilities), set(&self.build.capabilities)],
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
        carried.chain(self.settings_changes()).collect()
    }

    /// Sets what has to be changed on the stack, which exists by now.
    pub(crate) async fn change_settings(&self, changes: &[ValueChange]) -> Result<()> {
        let presenter = self.session.presenter();
        let changes_to = |name: &str| changes.iter().any(|change| change.name == name);
        if let (true, Some(on)) = (
            changes_to(PROTECTION),
            self.session.settings.stack.termination_protection,
        ) {
            self.service.protect(on).await?;
            let state = if on { "on" } else { "off" };
            presenter.note(&format!("Termination protection is {state}."));
        }
        if let (true, Some(policy)) = (changes_to(POLICY), &self.build.stack_policy) {
            self.service.set_policy(&policy.text()).await?;
            presenter.note("The stack policy is set.");
        }
        Ok(())
    }

    fn protection_change(&self) -> Option<ValueChange> {
        let desired = self.session.settings.stack.termination_protection?;
        let stack = self.stack.as_ref();
        let deployed = stack.is_some_and(|stack| stack.termination_protection);
        (deployed != desired).then(|| ValueChange {
            name: PROTECTION.to_owned(),
            before: stack.is_some().then(|| deployed.to_string()),
            after: Some(desired.to_string()),
        })
    }

    fn policy_change(&self) -> Option<ValueChange> {
        let desired = self.build.stack_policy.as_ref()?;
        let deployed = self.deployed_policy.as_ref();
        let same = deployed.is_some_and(|deployed| desired.is(deployed));
        (!same).then(|| ValueChange {
            name: POLICY.to_owned(),
            before: deployed.cloned(),
            after: Some(desired.text()),
        })
    }
}

/// Returns names in one order, whose own means nothing; `None` for no names.
fn set(names: &[String]) -> Option<String> {
    let mut names = names.to_vec();
    names.sort_unstable();
    names.dedup();
    (!names.is_empty()).then(|| names.join(", "))
}
