//! One stack: what is deployed and what the files say. `plan`, `apply` and `diff` share it.

use std::cell::Cell;
use std::collections::BTreeSet;

use indexmap::IndexMap;
use tokio::time::Instant;

use super::deployed::{Deployed, DeployedState, Values};
use super::previous_values;
use super::service_values::ServiceValues;
use crate::aws::stack::StackService;
use crate::aws::store::Store;
use crate::aws::{Connection, Identity};
use crate::cloudformation::function::LiveFunction;
use crate::cloudformation::stack::{Stack, pseudo_parameters};
use crate::cloudformation::status::StackStatus;
use crate::config::secret::Secret;
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::error::Result;
use crate::operations::build::{self, Build};
use crate::operations::context::listen;
use crate::operations::examine::visible_secret;
use crate::operations::lint;
use crate::operations::prepare::prepare;
use crate::operations::reread;
use crate::operations::session::Session;
use crate::operations::upstream::outputs::StackValue;
use crate::operations::upstream::provisional_inputs::Inputs;
use crate::plan::record::Record;
use crate::plan::{Operation, ValueChange, masking, values};
use crate::template::{Parameter, Template};
use crate::util::interrupt::Interrupt;

/// One stack: what is deployed and what the files say.
#[derive(Debug)]
pub(crate) struct Deployment<'a> {
    session: &'a Session<'a>,
    interrupt: Interrupt,
    build: Build,
    /// The session and the build of the files, if `session` and `build` are those of an import.
    files: Option<(&'a Session<'a>, Build)>,
    deployed: Deployed,
    /// The earlier deployment that is deployed again.
    rollback: Option<&'a Record>,
    /// The command that deploys, if it is neither `apply` nor `rollback`.
    command: Option<String>,
    /// Whether this run has uploaded something.
    has_uploaded: Cell<bool>,
    /// When this run has looked for the objects that the execution of a change set needs.
    objects_checked: Cell<Option<Instant>>,
}

impl<'a> Deployment<'a> {
    /// Builds what the files say and reads what is deployed, at the same time. Nothing is written.
    ///
    /// # Errors
    ///
    /// What is wrong with the files, or a secret's variable that is not set; what the linter found,
    /// unless there is nothing to deploy; refused if the credentials belong to another account than
    /// the manifest allows.
    pub(crate) async fn open(session: &'a Session<'a>) -> Result<Self> {
        Self::open_to(session, Values::Sent, |_| Ok(())).await
    }

    /// As [`open`](Self::open), if `check` accepts what the files say, for a change set that exists: it
    /// needs no value from a service. The emulator is started only after the check.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open); those of `check`.
    pub(crate) async fn open_checked(
        session: &'a Session<'a>,
        check: impl FnOnce(&Build) -> Result<()>,
    ) -> Result<Self> {
        Self::open_to(session, Values::Fixed, check).await
    }

    async fn open_to(
        session: &'a Session<'a>,
        reading: Values,
        check: impl FnOnce(&Build) -> Result<()>,
    ) -> Result<Self> {
        let interrupt = listen(session.context())?;
        // A build that fails stops before any call to AWS.
        let wheels = interrupt.guard(prepare(session)).await?;
        let building = build::build_concurrently(session, wheels);
        // What the files say is complete only with the values of other stacks.
        let mut parameters = session.settings().parameters.values();
        let needs_stacks = parameters.any(|it| it.stack_output().is_some());
        let (early, late) = if needs_stacks {
            (None, Some(check))
        } else {
            (Some(check), None)
        };
        let build = async {
            let build = building.await?;
            build.check_variables()?;
            early.map_or(Ok(()), |check| check(&build))?;
            let linter = lint::start(session, &build.rendered)?;
            Ok((build, linter))
        };
        let read = interrupt.guard(Deployed::read_concurrently(session, build, reading));
        let ((mut build, linter), mut deployed) = read.await?;
        let values = std::mem::take(&mut deployed.values);
        warn_of_visible_secrets(session, &build, &values);
        build.set_service_values(values.values);
        let inputs = std::mem::take(&mut deployed.inputs.values);
        set_stack_values(session, &mut build, inputs);
        late.map_or(Ok(()), |check| check(&build))?;
        let deployment = Self::of(session, interrupt, build, deployed);
        previous_values::check(&deployment.build, session.settings(), deployment.stack())?;
        if let Some(linter) = linter
            && !deployment.is_unchanged()
        {
            let finished = lint::finish(session, linter, &deployment.build);
            deployment.interrupt.guard(finished).await?;
        }
        Ok(deployment)
    }

    /// As [`open`](Self::open), for a command that sends no parameters: it needs no secret.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), without those of secrets and of the linter.
    pub(crate) async fn open_to_compare(session: &'a Session<'a>) -> Result<Self> {
        let interrupt = listen(session.context())?;
        let wheels = interrupt.guard(prepare(session)).await?;
        let build = build::build_concurrently(session, wheels);
        let read = Deployed::read_concurrently(session, build, Values::Compared);
        let (mut build, mut deployed) = interrupt.guard(read).await?;
        let inputs = std::mem::take(&mut deployed.inputs.values);
        set_stack_values(session, &mut build, inputs);
        Ok(Self::of(session, interrupt, build, deployed))
    }

    /// Returns the deployment of an earlier deployment again. `build` is what its record says.
    pub(super) fn of_record(
        session: &'a Session<'a>,
        interrupt: Interrupt,
        build: Build,
        deployed: Deployed,
        record: &'a Record,
    ) -> Self {
        Self {
            rollback: Some(record),
            ..Self::of(session, interrupt, build, deployed)
        }
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
            build,
            files: None,
            deployed,
            rollback: None,
            command: None,
            has_uploaded: Cell::new(false),
            objects_checked: Cell::new(None),
        };
        if let Some(model) = deployment.deployed_model() {
            let declared = masking::declared(model);
            let given = &session.settings().parameters;
            masking::learn(session.presenter().secrets(), &declared, given);
        }
        deployment
    }

    /// Returns the same deployment with the build and the session of an import, or of another deployment
    /// that does not send what the files say.
    pub(crate) fn importing(self, session: &'a Session<'a>, build: Build) -> Self {
        Self {
            session,
            build,
            files: self.files.or(Some((self.session, self.build))),
            ..self
        }
    }

    /// Returns the same deployment as if this template were deployed.
    pub(crate) fn with_deployed_template(mut self, text: String) -> Self {
        self.deployed.state.set_template(text);
        self
    }

    /// Returns what the files say: for an import too, which sends something else.
    pub(crate) fn files(&self) -> (&Build, &Settings) {
        match &self.files {
            Some((session, build)) => (build, session.settings()),
            None => (&self.build, self.session.settings()),
        }
    }

    pub(crate) fn session(&self) -> &'a Session<'a> {
        self.session
    }

    /// Returns the earlier deployment that is deployed again; `None` if the files are deployed.
    pub(crate) fn rollback(&self) -> Option<&'a Record> {
        self.rollback
    }

    /// Returns the same deployment of a command other than `apply` and `rollback`. `command` is that
    /// command with its arguments, for hints.
    pub(crate) fn repeated_by(self, command: String) -> Self {
        Self {
            command: Some(command),
            ..self
        }
    }

    /// Returns the command line that does the same again, with an option, for hints.
    pub(crate) fn again(&self, option: &str) -> String {
        let command = match (&self.command, self.rollback) {
            (Some(command), _) => format!("{command} {option}"),
            (None, Some(record)) => format!("rollback --to {} {option}", record.number),
            (None, None) => format!("apply {option}"),
        };
        self.session.command(command.trim_end())
    }

    /// Returns what is known of the parameters that are outputs of other stacks.
    pub(crate) fn inputs(&self) -> Inputs<'_> {
        Inputs {
            session: self.session,
            interrupt: &self.interrupt,
            build: &self.build,
            deployed: self.stack(),
            missing: &self.deployed.inputs.missing,
        }
    }

    /// Sets the value that the output of another stack will have.
    pub(crate) fn set_input(&mut self, parameter: &str, value: &str) {
        let value = StackValue::Plain(value.to_owned());
        let values = IndexMap::from([(parameter.to_owned(), value)]);
        set_stack_values(self.session, &mut self.build, values);
    }

    /// Returns whether the project's files are what is deployed.
    pub(crate) fn is_of_files(&self) -> bool {
        self.command.is_none() && self.rollback.is_none()
    }

    /// Returns the types of the stack's rollback alarms that are no simple ones, by ARN; those of the
    /// record if a rollback creates the stack.
    pub(crate) fn alarm_types(&self) -> IndexMap<String, String> {
        match (self.stack().filter(|it| it.status.exists()), self.rollback) {
            (Some(stack), _) => stack.alarm_types.clone(),
            (None, Some(record)) => record.settings.alarm_types.clone(),
            (None, None) => IndexMap::new(),
        }
    }

    /// Keeps in mind that the run may still change the value of a parameter.
    pub(crate) fn set_uncertain(&mut self, parameter: &str) {
        let uncertain = &mut self.deployed.inputs.uncertain;
        uncertain.insert(parameter.to_owned());
    }

    /// Returns the parameters whose values the run may still change.
    pub(super) fn uncertain(&self) -> &BTreeSet<String> {
        &self.deployed.inputs.uncertain
    }

    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.interrupt
    }

    pub(crate) fn build(&self) -> &Build {
        &self.build
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.deployed.connection
    }

    pub(crate) fn service(&self) -> &StackService {
        &self.deployed.service
    }

    pub(crate) fn identity(&self) -> &Identity {
        &self.deployed.identity
    }

    /// Returns the stack; `None` if there is none of that name.
    pub(crate) fn stack(&self) -> Option<&Stack> {
        self.deployed.state.stack.as_ref()
    }

    /// Returns the text of the template that was last deployed; `None` if there is no stack, since some
    /// endpoints still return the template of one that is gone.
    pub(crate) fn deployed_template(&self) -> Option<&str> {
        self.stack()?;
        self.deployed.state.template.as_deref()
    }

    /// Returns the template that was last deployed; `None` also if it cannot be read.
    pub(crate) fn deployed_model(&self) -> Option<&Template> {
        self.read_deployed_model()?.ok()
    }

    /// Returns the template that was last deployed, or what is wrong with it; `None` if there is no stack.
    pub(crate) fn read_deployed_model(
        &self,
    ) -> Option<std::result::Result<&Template, &[Diagnostic]>> {
        self.stack()?;
        self.deployed.state.model()
    }

    /// Returns the functions of the stack whose code is an artifact, by logical id; `None` unless the
    /// environment allows to change their code without CloudFormation.
    pub(crate) fn live_functions(&self) -> Option<&IndexMap<String, LiveFunction>> {
        self.deployed.state.live.as_ref()
    }

    /// Returns the deployed stack policy; it is read only if the manifest names one.
    pub(crate) fn deployed_policy(&self) -> Option<&str> {
        self.deployed.state.policy.as_deref()
    }

    /// Returns the artifact bucket of this account and region.
    pub(crate) fn store(&self) -> Store {
        Store::new(
            self.connection(),
            self.session.settings(),
            &self.identity().account,
        )
    }

    /// Remembers that this run has uploaded something.
    pub(super) fn set_uploaded(&self) {
        self.has_uploaded.set(true);
    }

    /// Remembers that this run has looked just now for the objects that the execution of a change set
    /// needs.
    pub(super) fn set_objects_checked(&self) {
        self.objects_checked.set(Some(Instant::now()));
    }

    /// Forgets it, after a question: much may have happened until the answer.
    pub(crate) fn forget_objects_checked(&self) {
        self.objects_checked.set(None);
    }

    /// Returns when this run has last looked for the objects that the execution of a change set needs;
    /// `None` if it has not.
    pub(super) fn objects_checked(&self) -> Option<Instant> {
        self.objects_checked.get()
    }

    /// Returns what is left behind in the artifact bucket if nothing is deployed; `None` if this run has
    /// uploaded nothing.
    pub(crate) fn left_in_bucket(&self) -> Option<String> {
        let bucket = self.store().bucket().to_owned();
        let left =
            format!("the uploaded files stay in `s3://{bucket}`: the next `apply` uses them");
        self.has_uploaded.get().then_some(left)
    }

    /// Reads again what is deployed, after an operation has ended and left this stack; `None` if the
    /// stack is gone. Reads that are older than that are repeated for a limited time.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(crate) async fn read_after(&mut self, ended: Option<&Stack>) -> Result<()> {
        let id = self.stack().map(|stack| stack.id.clone());
        let read = async || DeployedState::read(self.session, self.service(), true).await;
        let is_old = |state: &DeployedState| state.is_older(ended, id.as_deref());
        let state = reread::until_current(read, is_old).await?;
        state.check()?;
        self.deployed.state = state;
        Ok(())
    }

    /// Returns whether a change set creates the stack or updates it.
    pub(crate) fn operation(&self) -> Operation {
        match self.stack() {
            Some(stack) if stack.status.exists() => Operation::Update,
            _ => Operation::Create,
        }
    }

    /// Returns whether everything that would be sent is byte for byte what was last deployed
    /// successfully, so that no change set is needed to know that nothing changes.
    ///
    /// Templates that may change without a changed file are left to the service.
    pub(crate) fn is_unchanged(&self) -> bool {
        let Some(stack) = self.stack() else {
            return false;
        };
        let settings = &self.session.settings().stack;
        let succeeded = matches!(
            stack.status,
            StackStatus::CreateComplete | StackStatus::UpdateComplete | StackStatus::ImportComplete
        );
        let same_options = stack.role_arn == settings.role_arn
            && stack.notification_arns == settings.notification_arns
            && stack.rollback_alarms == settings.rollback_alarms
            && stack.rollback_monitoring_minutes.unwrap_or(0)
                == settings.rollback_monitoring_minutes.unwrap_or(0);
        // The service masks secrets, so nobody can see whether they differ, unless they keep their value.
        let mut masked = stack.masked_parameters();
        let mut declared = self.build.template.parameters().filter(Parameter::no_echo);
        let has_secrets = masked.any(|name| !self.build.keeps_value(name))
            || declared.any(|it| !self.build.keeps_value(it.entry.name));
        succeeded
            && same_options
            && !has_secrets
            && !self.build.has_outside_values()
            && self.build.unread_parameters().next().is_none()
            && !self.build.template.has_external_inputs()
            && self.deployed_template() == Some(self.build.body.as_str())
            && self.parameter_changes().is_empty()
            && values::tag_changes(Some(stack), &self.session.settings().tags).is_empty()
    }

    /// Returns the values with which the deployed template and the project's are evaluated: parameters
    /// and pseudo parameters. Secrets are masked.
    pub(crate) fn values(&self) -> [IndexMap<String, String>; 2] {
        let (account, region) = (&self.identity().account, self.connection().region());
        let name = &self.session.settings().stack_name;
        let deployed = self.stack().map(|stack| &stack.parameters);
        let sides = [
            deployed.cloned().unwrap_or_default(),
            self.build.values(deployed),
        ];
        sides.map(|mut values| {
            values.extend(pseudo_parameters(account, region, name));
            values
        })
    }

    /// Returns the parameters whose values differ from the deployed ones.
    pub(crate) fn parameter_changes(&self) -> Vec<ValueChange> {
        let build = &self.build;
        values::parameter_changes(self.stack(), &build.template, &build.parameters)
    }
}

/// Sets the values of parameters that are outputs of other stacks. One that the template takes as a secret
/// is a secret.
pub(crate) fn set_stack_values(
    session: &Session<'_>,
    build: &mut Build,
    values: IndexMap<String, StackValue>,
) {
    for (name, value) in &values {
        if let StackValue::Plain(text) = value
            && build.is_no_echo(name)
        {
            session
                .presenter()
                .secrets()
                .add(&Secret::new(text.clone()));
        }
    }
    build.set_stack_values(values);
}

/// Warns of secrets of SSM that the stack shows to everybody who may read it.
fn warn_of_visible_secrets(session: &Session<'_>, build: &Build, values: &ServiceValues) {
    let rule = "visible-secret".to_owned();
    if session.settings().lint.ignore.contains(&rule) {
        return;
    }
    let is_visible = |name: &&String| !build.is_no_echo(name);
    let warnings = values.secure.iter().filter(is_visible).map(|name| {
        let place = session
            .settings()
            .origins
            .get(&format!("parameters.{name}"));
        visible_secret(name, place.place(""))
    });
    session
        .presenter()
        .diagnostics(&warnings.collect::<Vec<_>>());
}
