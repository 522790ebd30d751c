//! One stack, as it is deployed and as the files want it: what `plan`, `apply` and `diff` share.

use std::hash::{BuildHasher, RandomState};
use std::time::Instant;

use jiff::Timestamp;

use super::session::{Build, Session};
use crate::aws::stack::{ChangeSetRequest, ListedChangeSet, StackService, TemplateSource};
use crate::aws::store::Store;
use crate::aws::{Connection, Identity};
use crate::change_set::ChangeSet;
use crate::change_set::validation::{LocatedValidation, Validation};
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Event, Timeline};
use crate::interrupt::Interrupt;
use crate::plan::{Operation, Plan, PlannedArtifact, Target, ValueChange, model, secrets, values};
use crate::plan_file::Fingerprint;
use crate::present::human;
use crate::render::INLINE_LIMIT;
use crate::risk;
use crate::settings::ParameterValue;
use crate::stack::Stack;
use crate::status::StackStatus;
use crate::template::Template;

/// The prefix of change sets that stackctl makes and removes again.
const TEMPORARY: &str = "stackctl-tmp-";

/// The prefix of change sets that belong to a saved plan.
const SAVED: &str = "stackctl-plan-";

/// After this long, in milliseconds, nobody waits in front of a temporary change set any more.
const ABANDONED_AFTER: i64 = 60 * 60 * 1000;

/// What a change set is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// It ends with the command that made it.
    Command,
    /// It stays, for a saved plan.
    SavedPlan,
}

/// A stack as it is deployed beside what the files say.
#[derive(Debug)]
pub(super) struct Deployment<'a> {
    pub(super) session: &'a Session<'a>,
    pub(super) interrupt: Interrupt,
    pub(super) connection: Connection,
    pub(super) service: StackService,
    pub(super) identity: Identity,
    pub(super) build: Build,
    /// The stack; `None` where there is none of that name.
    pub(super) stack: Option<Stack>,
    /// The template that was last deployed.
    pub(super) deployed_template: Option<String>,
}

/// A change set that was made for this run.
#[derive(Debug)]
pub(super) struct Proposal {
    pub(super) stack_id: String,
    pub(super) change_set: ChangeSet,
    /// The stack's newest events before anything is executed.
    pub(super) earlier_events: Vec<Event>,
}

impl<'a> Deployment<'a> {
    /// Builds what the files say and reads what is deployed; nothing is written.
    ///
    /// # Errors
    ///
    /// What is wrong with the files, and a secret's variable that is not set, before anything is
    /// sent; refused where the credentials belong to another account than the manifest allows.
    pub(super) async fn open(session: &'a Session<'a>) -> Result<Self> {
        let build = session.build()?;
        build.check_variables()?;
        Self::read(session, build).await
    }

    /// As [`open`](Self::open), for a command that sends no parameters: it needs no secret.
    pub(super) async fn open_to_compare(session: &'a Session<'a>) -> Result<Self> {
        Self::read(session, session.build()?).await
    }

    async fn read(session: &'a Session<'a>, build: Build) -> Result<Self> {
        let interrupt = Interrupt::listen()?;
        let connection = interrupt.guard(session.connect()).await?;
        let service = StackService::new(&connection, &session.settings.stack_name);
        let read = async {
            tokio::try_join!(
                connection.identity(),
                service.describe(),
                service.template()
            )
        };
        let (identity, stack, deployed_template) = interrupt.guard(read).await?;
        session.check_account(&identity)?;
        Ok(Self {
            session,
            interrupt,
            connection,
            service,
            identity,
            build,
            stack,
            deployed_template,
        })
    }

    /// Returns the artifact bucket of this account and region.
    pub(super) fn store(&self) -> Store {
        Store::new(
            &self.connection,
            &self.session.settings,
            &self.identity.account,
        )
    }

    /// Uploads the artifacts that the bucket does not hold yet; makes the bucket where needed.
    pub(super) async fn upload(&self) -> Result<()> {
        let presenter = self.session.presenter();
        let store = self.store();
        let mut missing = Vec::new();
        for artifact in self.build.artifacts.values() {
            if !store.holds(&artifact.key, &artifact.digest).await? {
                missing.push(artifact);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        store.ensure_bucket(|said| presenter.note(said)).await?;
        for artifact in missing {
            store.store(artifact).await?;
            presenter.note(&format!(
                "Uploaded {} to s3://{}/{}",
                human::size(artifact.size),
                store.bucket(),
                artifact.key
            ));
        }
        Ok(())
    }

    /// Waits for an operation that is running on the stack and reads again what is deployed.
    pub(super) async fn settle(&mut self) -> Result<()> {
        let Some(stack) = self
            .stack
            .as_ref()
            .filter(|stack| !stack.status.is_settled())
        else {
            return Ok(());
        };
        let presenter = self.session.presenter();
        presenter.note(&format!(
            "Waiting for the running operation ({}) …",
            stack.status
        ));
        let started = Instant::now();
        let mut timeline = Timeline::after(&self.service.latest_events(&stack.id).await?);
        let follow = self.service.follow(&stack.id, &mut timeline, |new, _| {
            for event in new {
                presenter.note(&human::event::line(event, started.elapsed()));
            }
        });
        self.interrupt.guard(follow).await?;
        (self.stack, self.deployed_template) =
            tokio::try_join!(self.service.describe(), self.service.template())?;
        Ok(())
    }

    /// Refuses a stack that cannot take a change set now.
    pub(super) fn check_ready(&self) -> Result<()> {
        let Some(stack) = &self.stack else {
            return Ok(());
        };
        let name = &stack.name;
        let session = self.session;
        match &stack.status {
            status if !status.is_settled() => Err(Error::refused(format!(
                "an operation is running on the stack `{name}` ({status})"
            ))
            .hint(format!(
                "`{}` waits for it and goes on",
                session.command("apply --wait")
            ))
            .hint(format!("`{}` shows it", session.command("status")))),
            StackStatus::RollbackComplete
            | StackStatus::RollbackFailed
            | StackStatus::CreateFailed => Err(Error::refused(format!(
                "the stack `{name}` is {}: its creation failed, and it can only be deleted",
                stack.status
            ))
            .hint(format!(
                "run `{}`, then apply again",
                session.command("destroy")
            ))),
            StackStatus::UpdateRollbackFailed | StackStatus::DeleteFailed => Err(Error::refused(
                format!("the stack `{name}` is {} and takes no change", stack.status),
            )
            .hint(format!(
                "`{}` shows what is in the way",
                session.command("status")
            ))),
            _ => Ok(()),
        }
    }

    /// Returns whether the stack has resources, so that a change set updates it.
    pub(super) fn operation(&self) -> Operation {
        match &self.stack {
            Some(stack) if stack.status.exists() => Operation::Update,
            _ => Operation::Create,
        }
    }

    /// Returns whether everything that is sent is byte for byte what was last deployed with
    /// success, so that no change set is needed to know that nothing changes.
    ///
    /// Templates that may change without a changed file are left to the service.
    pub(super) fn is_unchanged(&self) -> bool {
        let Some(stack) = &self.stack else {
            return false;
        };
        let settings = &self.session.settings.stack;
        let succeeded = matches!(
            stack.status,
            StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete
        );
        let same_options = stack.role_arn == settings.role_arn
            && stack.notification_arns == settings.notification_arns
            && stack.rollback_alarms == settings.rollback_alarms
            && stack.rollback_monitoring_minutes.unwrap_or(0)
                == settings.rollback_monitoring_minutes.unwrap_or(0);
        let has_secrets = stack.parameters.keys().any(|name| stack.is_masked(name));
        succeeded
            && same_options
            && !has_secrets
            && !self.build.template.may_change_unseen()
            && self.deployed_template.as_deref() == Some(self.build.body.as_str())
            && values::parameter_changes(self.stack.as_ref(), &self.build.parameters).is_empty()
            && values::tag_changes(self.stack.as_ref(), &self.session.settings.tags).is_empty()
    }

    /// Asks for a change set and waits for it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the change set from being made. What was made by then is removed again.
    pub(super) async fn propose(&self, purpose: Purpose) -> Result<Proposal> {
        let name = match purpose {
            Purpose::Command => temporary_name(),
            Purpose::SavedPlan => unique_name(SAVED),
        };
        match self.interrupt.guard(self.make_change_set(&name)).await {
            Ok(proposal) if proposal.change_set.is_executable() => Ok(proposal),
            Ok(proposal) if proposal.change_set.is_unchanged() => {
                self.discard(&name).await?;
                Ok(proposal)
            }
            Ok(proposal) => {
                let change_set = &proposal.change_set;
                let diagnostics = change_set
                    .validations
                    .iter()
                    .filter_map(|validation| self.locate(validation));
                let diagnostics = diagnostics.collect();
                let failed = change_set.to_error(self.service.name());
                let failed = failed.with_diagnostics(diagnostics);
                Err(self.abandon(&name, failed).await)
            }
            Err(error) => Err(self.abandon(&name, error).await),
        }
    }

    /// Removes the change set of a run that ends before it is executed, and returns why it ends. An
    /// interrupt says that there is nothing to clean up.
    pub(super) async fn abandon(&self, change_set: &str, why: Error) -> Error {
        match self.discard(change_set).await {
            Ok(()) if why.kind() == ErrorKind::Interrupted => {
                why.hint("the stack was not changed, and no change set is left behind")
            }
            Ok(()) => why,
            Err(error) => {
                // The first error is the one to report.
                self.session.presenter().warning(&format!(
                    "the change set `{change_set}` could not be removed: {error}"
                ));
                why
            }
        }
    }

    async fn make_change_set(&self, name: &str) -> Result<Proposal> {
        let body = &self.build.body;
        let template = if body.len() > INLINE_LIMIT {
            let store = self.store();
            store
                .ensure_bucket(|said| self.session.presenter().note(said))
                .await?;
            let project = &self.session.settings.project;
            TemplateSource::Url(store.store_template(project, body).await?)
        } else {
            TemplateSource::Body(body.clone())
        };
        let request = ChangeSetRequest {
            name,
            creates: self.operation() == Operation::Create,
            includes_nested: self.build.template.has_nested_stacks(),
            template,
            parameters: &self.build.parameters,
            tags: &self.session.settings.tags,
            capabilities: &self.build.capabilities,
            settings: &self.session.settings.stack,
        };
        let requested = self.service.create_change_set(&request).await?;
        let prune = async {
            self.prune(&requested.stack_id).await;
            Ok(())
        };
        let (mut change_set, earlier_events, ()) = tokio::try_join!(
            self.service.settled_change_set(&requested.change_set_id),
            self.service.latest_events(&requested.stack_id),
            prune
        )?;
        change_set.mask_parameters(|name| self.is_secret(name));
        Ok(Proposal {
            stack_id: requested.stack_id,
            change_set,
            earlier_events,
        })
    }

    /// Returns whether a parameter's value must never be shown, now or since the last deployment.
    fn is_secret(&self, parameter: &str) -> bool {
        let template = &self.build.template;
        let value = self.build.parameters.get(parameter);
        let stack = self.stack.as_ref();
        matches!(value, Some(ParameterValue::FromEnvironment { .. }))
            || template.parameter(parameter).is_some_and(|it| it.no_echo())
            || stack.is_some_and(|stack| stack.is_masked(parameter))
    }

    /// Removes the temporary change sets that a run which was killed left on the stack.
    ///
    /// Nothing depends on it: where it may not be done, the next run tries again.
    async fn prune(&self, stack_id: &str) {
        let Ok(listed) = self.service.change_sets(stack_id).await else {
            return;
        };
        let now = Timestamp::now();
        for set in listed.iter().filter(|set| is_abandoned(set, now)) {
            let presenter = self.session.presenter();
            match self.service.delete_change_set(&set.id).await {
                Ok(()) => presenter.detail(&format!(
                    "removed the change set `{}`, which an earlier run left behind",
                    set.name
                )),
                Err(error) => presenter.detail(&error.to_string()),
            }
        }
    }

    /// Returns what the files say, as it is kept in a saved plan.
    pub(super) fn fingerprint(&self, salt: &str) -> Fingerprint {
        let build = &self.build;
        let no_echo = |name: &str| {
            let parameter = build.template.parameter(name);
            parameter.is_some_and(|parameter| parameter.no_echo())
        };
        let artifacts = build.artifacts.values();
        Fingerprint::of(
            salt,
            &build.body,
            &build.parameters,
            no_echo,
            &self.session.settings.tags,
            self.session.settings.stack.termination_protection,
            artifacts.map(|artifact| (artifact.name.clone(), artifact.digest)),
        )
    }

    /// Removes a change set of this run and, where this run made the stack's empty shell, that too.
    pub(super) async fn discard(&self, change_set: &str) -> Result<()> {
        let Some(found) = self.service.find_change_set(change_set).await? else {
            return Ok(());
        };
        self.service.delete_change_set(&found.change_set_id).await?;
        if self.stack.is_some() {
            return Ok(());
        }
        // Somebody may have begun to use the new stack in the meantime: look again, just before.
        let shell = self.service.describe_by(&found.stack_id).await?;
        let in_review = shell.is_some_and(|shell| shell.status == StackStatus::ReviewInProgress);
        if in_review && !self.service.has_change_sets_beside(&found).await? {
            let token = temporary_name();
            self.service.delete(&found.stack_id, &token, None).await?;
        }
        Ok(())
    }

    /// Returns a finding of the service at its place in the template and the manifest.
    fn locate(&self, validation: &Validation) -> Option<Diagnostic> {
        let found = validation.diagnostic(&self.build.template)?;
        let origins = &self.session.settings.origins;
        Some(self.build.rendered.translate(found, origins))
    }

    fn located_validations(&self, change_set: &ChangeSet) -> Vec<LocatedValidation> {
        let tree = change_set.tree().into_iter();
        let found = tree.flat_map(|(path, set)| {
            set.validations.iter().map(move |validation| {
                // The template of a nested stack is not among the project's files.
                let own = path.is_empty().then(|| self.locate(validation)).flatten();
                LocatedValidation {
                    validation: validation.clone(),
                    nested_in: path.iter().map(ToString::to_string).collect(),
                    places: own.map(|found| found.places).unwrap_or_default(),
                }
            })
        });
        found.collect()
    }

    /// Returns the plan with a change set, or with none where nothing has to be asked.
    pub(super) fn plan(&self, change_set: Option<ChangeSet>) -> Plan {
        let settings = &self.session.settings;
        let stack = self.stack.as_ref();
        let deployed = self.deployed_template.as_deref().unwrap_or_default();
        let artifacts = self
            .build
            .artifacts
            .values()
            .map(|artifact| PlannedArtifact {
                name: artifact.name.clone(),
                key: artifact.key.clone(),
                size: artifact.size,
                deployed: deployed.contains(&artifact.key),
            });
        let deployed_model = self
            .deployed_template
            .as_ref()
            .and_then(|text| Template::parse(&SourceFile::new("deployed", text)).ok());
        let changes = change_set.as_ref().map_or(&[][..], |set| &set.changes);
        let templates: Vec<&Template> = deployed_model
            .iter()
            .chain([&self.build.template])
            .collect();
        for secret in secrets::values(changes, &templates) {
            self.session.presenter().mask(&secret);
        }
        let models = model::models(changes, deployed_model.as_ref(), Some(&self.build.template));
        let protection: Vec<ValueChange> = self.protection_change().into_iter().collect();
        let types = &settings.stack.protected_types;
        let nested = change_set.as_ref().map(|set| risk::of_nested(set, types));
        let mut assessment = risk::assess(changes, &models, types).with(nested.unwrap_or_default());
        let of_settings = risk::of_settings(&settings.stack_name, &protection);
        assessment.risks.splice(0..0, of_settings);
        let validations = change_set
            .as_ref()
            .map(|change_set| self.located_validations(change_set))
            .unwrap_or_default();
        Plan {
            validations,
            models,
            assessment,
            outputs: values::output_changes(deployed_model.as_ref(), &self.build.template),
            target: Target {
                account: self.identity.account.clone(),
                region: self.connection.region().to_owned(),
                endpoint: self.connection.endpoint().to_string(),
                stack: settings.stack_name.clone(),
                environment: settings.environment.clone(),
            },
            operation: self.operation(),
            capabilities: self.build.capabilities.clone(),
            artifacts: artifacts.collect(),
            parameters: values::parameter_changes(stack, &self.build.parameters),
            tags: values::tag_changes(stack, &settings.tags),
            settings: protection,
            prediction: None,
            change_set,
        }
    }

    /// Returns the change of the termination protection, where the manifest asks for one.
    pub(super) fn protection_change(&self) -> Option<ValueChange> {
        let desired = self.session.settings.stack.termination_protection?;
        let deployed = self
            .stack
            .as_ref()
            .is_some_and(|stack| stack.termination_protection);
        (deployed != desired).then(|| ValueChange {
            name: "termination_protection".to_owned(),
            before: self.stack.is_some().then(|| deployed.to_string()),
            after: Some(desired.to_string()),
        })
    }
}

/// Returns whether a change set is a temporary one that its run did not live to remove.
fn is_abandoned(set: &ListedChangeSet, now: Timestamp) -> bool {
    let is_old = set.created.is_some_and(|created| {
        now.as_millisecond()
            .saturating_sub(created.as_millisecond())
            > ABANDONED_AFTER
    });
    let is_executing = set.execution_status.starts_with("EXECUTE_");
    set.name.starts_with(TEMPORARY) && is_old && !is_executing
}

/// Returns a name that no other run uses; it also serves as a client request token.
pub(super) fn temporary_name() -> String {
    unique_name(TEMPORARY)
}

fn unique_name(prefix: &str) -> String {
    // The standard hasher's keys are random: enough to tell two runs of one millisecond apart.
    let random = RandomState::new().hash_one(std::process::id());
    format!(
        "{prefix}{}-{random:016x}",
        Timestamp::now().as_millisecond()
    )
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{ListedChangeSet, is_abandoned};

    #[test]
    fn only_old_temporary_change_sets_that_are_not_executed_count_as_abandoned() {
        let now = Timestamp::UNIX_EPOCH;
        let cases = [
            ("stackctl-tmp-1", Some(61), "AVAILABLE", true),
            ("stackctl-tmp-1", Some(61), "UNAVAILABLE", true),
            ("stackctl-tmp-1", Some(61), "EXECUTE_IN_PROGRESS", false),
            ("stackctl-tmp-1", Some(59), "AVAILABLE", false),
            ("stackctl-tmp-1", None, "AVAILABLE", false),
            ("stackctl-plan-1", Some(6000), "AVAILABLE", false),
            ("release-42", Some(6000), "AVAILABLE", false),
        ];
        for (name, minutes, execution_status, expected) in cases {
            let set = ListedChangeSet {
                id: String::new(),
                name: name.to_owned(),
                created: minutes.map(|minutes| now - SignedDuration::from_mins(minutes)),
                execution_status: execution_status.to_owned(),
            };
            assert_eq!(is_abandoned(&set, now), expected, "{set:?}");
        }
    }
}
