//! One stack, as it is deployed and as the files want it: what `plan`, `apply` and `diff` share.

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::pending_change_set::PendingChangeSet;
use super::{code_check, offline};
use crate::artifact::code_diff::CodeChange;
use crate::aws::stack::StackService;
use crate::aws::store::{ObjectState, Store};
use crate::aws::{Connection, Identity};
use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::settings::ParameterValue;
use crate::diagnostic::SourceFile;
use crate::error::Result;
use crate::operations::build::Build;
use crate::operations::session::Session;
use crate::plan::plan_file::Fingerprint;
use crate::plan::predict::{self, Side};
use crate::plan::risk;
use crate::plan::{Operation, Plan, PlannedArtifact, Target, ValueChange, masking, model, values};
use crate::present::human;
use crate::template::Template;
use crate::util::interrupt::Interrupt;

/// How many objects are looked for or uploaded at once: enough to fill a line, few enough to leave
/// something of it to others.
const AT_ONCE: usize = 8;

/// A stack as it is deployed beside what the files say.
#[derive(Debug)]
pub(crate) struct Deployment<'a> {
    pub(crate) session: &'a Session<'a>,
    pub(crate) interrupt: Interrupt,
    pub(crate) connection: Connection,
    pub(crate) service: StackService,
    pub(crate) identity: Identity,
    pub(crate) build: Build,
    /// The stack; `None` where there is none of that name.
    pub(crate) stack: Option<Stack>,
    /// The template that was last deployed.
    pub(crate) deployed_template: Option<String>,
    /// The stack policy; read only where the manifest names one.
    pub(crate) deployed_policy: Option<String>,
}

/// The other side of a deployment: what AWS says.
struct Deployed {
    connection: Connection,
    service: StackService,
    identity: Identity,
    stack: Option<Stack>,
    template: Option<String>,
    policy: Option<String>,
}

impl Deployed {
    /// Asks for everything at once.
    async fn read(session: &Session<'_>) -> Result<Self> {
        let connection = session.connect().await?;
        let service = StackService::new(&connection, &session.settings.stack_name);
        let (identity, stack, template, policy) = tokio::try_join!(
            connection.identity(),
            service.describe(),
            service.template(),
            policy(session, &service)
        )?;
        session.check_account(&identity)?;
        Ok(Self {
            connection,
            service,
            identity,
            stack,
            template,
            policy,
        })
    }

    /// Reads while the files are built. What is wrong with them is the first to be said, whatever
    /// AWS answers.
    async fn read_concurrently<B>(
        session: &Session<'_>,
        build: impl Future<Output = Result<B>>,
    ) -> Result<(B, Self)> {
        if session.settings.emulator {
            // It is neither installed nor started for files that are wrong.
            return Ok((build.await?, Self::read(session).await?));
        }
        let deployed = async { Ok(Self::read(session).await) };
        let (build, deployed) = tokio::try_join!(build, deployed)?;
        Ok((build, deployed?))
    }
}

/// Returns the stack policy where the manifest names one; otherwise nobody compares it.
async fn policy(session: &Session<'_>, service: &StackService) -> Result<Option<String>> {
    match session.settings.stack.policy {
        Some(_) => service.policy().await,
        None => Ok(None),
    }
}

impl<'a> Deployment<'a> {
    /// Builds what the files say and reads what is deployed, side by side; nothing is written.
    ///
    /// # Errors
    ///
    /// What is wrong with the files, or a secret's variable that is not set; what the linter found,
    /// unless nothing is to be deployed; refused where the credentials belong to another account than
    /// the manifest allows.
    pub(crate) async fn open(session: &'a Session<'a>) -> Result<Self> {
        let interrupt = Interrupt::listen()?;
        let building = session.build_concurrently();
        let build = async {
            let build = building.await?;
            build.check_variables()?;
            let linting = session.start_linting(&build.rendered)?;
            Ok((build, linting))
        };
        let read = interrupt.guard(Deployed::read_concurrently(session, build));
        let ((build, linting), deployed) = read.await?;
        let deployment = Self::of(session, interrupt, build, deployed);
        if let Some(linting) = linting
            && !deployment.is_unchanged()
        {
            let finished = session.finish_linting(linting, &deployment.build.rendered);
            deployment.interrupt.guard(finished).await?;
        }
        Ok(deployment)
    }

    /// As [`open`](Self::open), for a command that sends no parameters: it needs no secret.
    pub(crate) async fn open_to_compare(session: &'a Session<'a>) -> Result<Self> {
        let interrupt = Interrupt::listen()?;
        let read = Deployed::read_concurrently(session, session.build_concurrently());
        let (build, deployed) = interrupt.guard(read).await?;
        Ok(Self::of(session, interrupt, build, deployed))
    }

    fn of(
        session: &'a Session<'a>,
        interrupt: Interrupt,
        build: Build,
        deployed: Deployed,
    ) -> Self {
        let deployment = Self {
            session,
            interrupt,
            connection: deployed.connection,
            service: deployed.service,
            identity: deployed.identity,
            build,
            stack: deployed.stack,
            deployed_template: deployed.template,
            deployed_policy: deployed.policy,
        };
        for secret in deployment
            .deployed_model()
            .iter()
            .flat_map(masking::defaults)
        {
            session.presenter().mask(&secret);
        }
        deployment
    }

    /// Returns what differs in the code of the artifacts. It is an answer of its own, so that it can
    /// be asked for beside others.
    pub(crate) async fn compare_code(&self) -> Vec<CodeChange> {
        let project = &self.session.settings.project;
        let template = self.deployed_template.as_deref();
        code_check::compare(&self.store(), project, &self.build, template).await
    }

    /// Returns the artifact bucket of this account and region.
    pub(crate) fn store(&self) -> Store {
        Store::new(
            &self.connection,
            &self.session.settings,
            &self.identity.account,
        )
    }

    /// Uploads the artifacts that the bucket does not hold yet, several at a time; makes the bucket
    /// where needed.
    pub(crate) async fn upload(&self) -> Result<()> {
        let presenter = self.session.presenter();
        let store = self.store();
        let held = stream::iter(self.build.artifacts.values())
            .map(async |artifact| {
                Ok((artifact, store.held(&artifact.key, &artifact.digest).await?))
            })
            .buffered(AT_ONCE)
            .try_collect::<Vec<_>>();
        // Whether there is a bucket at all is asked beside, and matters only where one is needed.
        let (held, bucket) = tokio::join!(held, store.bucket_state());
        let mut missing = held?;
        missing.retain(|(_, held)| *held != ObjectState::Same);
        if missing.is_empty() {
            return Ok(());
        }
        store.complete(bucket?, |said| presenter.note(said)).await?;
        stream::iter(missing)
            .map(Ok)
            .try_for_each_concurrent(AT_ONCE, async |(artifact, held)| {
                store.store(artifact, held).await?;
                presenter.note(&format!(
                    "Uploaded {} to s3://{}/{}",
                    human::size(artifact.size),
                    store.bucket(),
                    artifact.key
                ));
                Ok(())
            })
            .await
    }

    /// Reads again what is deployed: it has changed since.
    pub(crate) async fn read_again(&mut self) -> Result<()> {
        (self.stack, self.deployed_template, self.deployed_policy) = tokio::try_join!(
            self.service.describe(),
            self.service.template(),
            policy(self.session, &self.service)
        )?;
        Ok(())
    }

    /// Returns whether the stack has resources, so that a change set updates it.
    pub(crate) fn operation(&self) -> Operation {
        match &self.stack {
            Some(stack) if stack.status.exists() => Operation::Update,
            _ => Operation::Create,
        }
    }

    /// Returns whether everything that is sent is byte for byte what was last deployed with
    /// success, so that no change set is needed to know that nothing changes.
    ///
    /// Templates that may change without a changed file are left to the service.
    pub(crate) fn is_unchanged(&self) -> bool {
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
        // Whether a secret differs is nothing that can be seen.
        let has_secrets = stack.masked_parameters().next().is_some()
            || self.build.template.parameters().any(|it| it.no_echo());
        succeeded
            && same_options
            && !has_secrets
            && !self.build.template.may_change_unseen()
            && self.deployed_template.as_deref() == Some(self.build.body.as_str())
            && self.parameter_changes().is_empty()
            && values::tag_changes(self.stack.as_ref(), &self.session.settings.tags).is_empty()
    }

    /// Returns what the files say, as it is kept in a saved plan.
    pub(crate) fn fingerprint(&self, salt: &str) -> Fingerprint {
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
        .with_policy(build.stack_policy.as_ref())
    }

    /// Returns the plan with a change set, or with none where nothing has to be asked.
    pub(crate) fn plan(&self, pending: Option<&PendingChangeSet>) -> Plan {
        let change_set = pending.map(|pending| pending.change_set.clone());
        let settings = &self.session.settings;
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
        let deployed_model = self.deployed_model();
        let changes = change_set.as_ref().map_or(&[][..], |set| &set.changes);
        let models = model::models(changes, deployed_model.as_ref(), Some(&self.build.template));
        let settings_changes = self.settings_changes();
        let types = &settings.stack.protected_types;
        let nested = change_set.as_ref().map(|set| risk::of_nested(set, types));
        let mut assessment = risk::assess(changes, &models, types).with(nested.unwrap_or_default());
        let of_settings = risk::of_settings(&settings.stack_name, &settings_changes);
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
            code: pending.map_or_else(Vec::new, |pending| pending.code.clone()),
            parameters: self.parameter_changes(),
            tags: values::tag_changes(self.stack.as_ref(), &settings.tags),
            settings: settings_changes,
            prediction: None,
            change_set,
        }
    }

    /// Returns all that the service says of a change set, without the secrets in it.
    pub(crate) async fn read_change_set(&self, id: &str) -> Result<ChangeSet> {
        let mut change_set = self.service.wait_for_change_set(id).await?;
        let build = &self.build;
        let deployed = self.deployed_model();
        if let (Some(template), Some(stack)) = (&deployed, &self.stack) {
            let before = Side {
                template,
                parameters: &stack.parameters,
            };
            let after = Side {
                template: &build.template,
                parameters: &offline::plain_parameters(build),
            };
            if predict::complete(&mut change_set.changes, before, after) {
                let warning = "the service does not say which resources are replaced: that is \
                               foreseen from the templates";
                change_set.warnings.push(warning.to_owned());
            }
        }
        let sent = build.parameters.iter().filter_map(|(name, value)| {
            matches!(value, ParameterValue::FromEnvironment { .. }).then_some(name)
        });
        let masked = self.stack.iter().flat_map(Stack::masked_parameters);
        let known = masking::sent(&build.template, &build.parameters);
        let templates = [deployed.as_ref(), Some(&build.template)];
        for secret in masking::hide(&mut change_set, templates, sent.chain(masked), &known) {
            self.session.presenter().mask(&secret);
        }
        Ok(change_set)
    }

    /// Returns the template that was last deployed, as far as it can be read.
    fn deployed_model(&self) -> Option<Template> {
        let text = self.deployed_template.as_deref()?;
        Template::parse(&SourceFile::new("the deployed template", text)).ok()
    }

    fn parameter_changes(&self) -> Vec<ValueChange> {
        let build = &self.build;
        values::parameter_changes(self.stack.as_ref(), &build.template, &build.parameters)
    }
}
