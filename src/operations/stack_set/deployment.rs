//! What the files say of a stack set, what is deployed of it, and the plan that leads from one to the
//! other.

use indexmap::IndexMap;

use super::access::{Access, State};
use super::checks;
use crate::artifact::digest::Digest;
use crate::aws::stack::TemplateSource;
use crate::aws::stack_set::Definition;
use crate::aws::store::{Object, ObjectState, Store, bucket};
use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::stack_set::{self, StackSet};
use crate::cloudformation::status::StackStatus;
use crate::config::settings::Permissions;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::error::Result;
use crate::operations::build::{self, Build};
use crate::operations::context::listen;
use crate::operations::deploy::deployment::set_stack_values;
use crate::operations::deploy::{previous_values, service_values};
use crate::operations::package_tree::template_key;
use crate::operations::prepare::prepare;
use crate::operations::session::Session;
use crate::operations::upstream::outputs::{self, StackValue};
use crate::operations::upstream::provisional_inputs::Inputs;
use crate::operations::{lint, reread};
use crate::plan::predict::{Side, predict};
use crate::plan::provisional::ProvisionalInput;
use crate::plan::stack_set::StackSetPlan;
use crate::plan::stack_set::targets::{Deployed, changes};
use crate::plan::{Operation, Plan, Target, ValueChange, masking, model, risk, values};
use crate::present::human;
use crate::template::Template;
use crate::template::render::INLINE_LIMIT;

/// A stack set: what the files say and what is deployed.
#[derive(Debug)]
pub(crate) struct SetDeployment<'a> {
    pub(crate) access: Access<'a>,
    pub(crate) build: Build,
    pub(crate) state: State,
    /// The deployed template; `None` if there is none or it cannot be read.
    pub(crate) deployed: Option<Template>,
    /// The parameters without a value that are outputs of other stacks, each with what is wrong.
    missing: IndexMap<String, Diagnostic>,
    /// What other stacks of the run do to the parameters.
    inputs: Vec<ProvisionalInput>,
}

impl<'a> SetDeployment<'a> {
    /// Builds what the files say and reads what is deployed. Nothing is written.
    ///
    /// # Errors
    ///
    /// What is wrong with the files, or cannot be deployed by a stack set; those of [`Access::open`].
    pub(crate) async fn open(session: &'a Session<'a>, sends: bool) -> Result<Self> {
        let interrupt = listen(session.context())?;
        let wheels = interrupt.guard(prepare(session)).await?;
        let build = build::build_concurrently(session, wheels);
        let mut build = interrupt.guard(build).await?;
        checks::check(session, &build)?;
        if sends {
            build.check_variables()?;
        }
        let linter = if sends {
            lint::start(session, &build.rendered)?
        } else {
            None
        };
        let access = Access::with(session, interrupt).await?;
        let parameters = build.parameters.clone();
        if sends {
            let values = service_values::read(session, &access.connection, &parameters);
            let values = access.interrupt.guard(values).await?;
            build.set_service_values(values.values);
        }
        let inputs = outputs::read(session, &access.connection, &parameters);
        let inputs = match access.interrupt.guard(inputs).await {
            Ok(inputs) => inputs,
            Err(error) if sends => return Err(error),
            Err(_) => outputs::StackValues::default(),
        };
        set_stack_values(session, &mut build, inputs.values);
        let state = access.read().await?;
        let mut deployment = Self {
            access,
            build,
            state: State::default(),
            deployed: None,
            missing: inputs.missing,
            inputs: Vec::new(),
        };
        deployment.take(state).await?;
        if sends {
            let stack = deployment.as_stack();
            previous_values::check(&deployment.build, session.settings(), stack.as_ref())?;
        }
        if let Some(linter) = linter {
            let finished = lint::finish(session, linter, &deployment.build);
            deployment.access.interrupt.guard(finished).await?;
        }
        Ok(deployment)
    }

    /// Waits for the plans of the stacks whose outputs are parameters of the stack set. A new value that is
    /// known is used instead of the deployed one.
    ///
    /// # Errors
    ///
    /// If a stack will not have an output that the stack set reads.
    pub(crate) async fn take_inputs(&mut self) -> Result<()> {
        let session = self.access.session;
        let deployed = self.as_stack();
        let inputs = Inputs {
            session,
            interrupt: &self.access.interrupt,
            build: &self.build,
            deployed: deployed.as_ref(),
            missing: &self.missing,
        };
        self.inputs = inputs.provisional().await?;
        let known = self.inputs.iter().filter_map(|input| {
            let value = StackValue::Plain(input.after()?.to_owned());
            Some((input.parameter.clone(), value))
        });
        set_stack_values(session, &mut self.build, known.collect());
        Ok(())
    }

    /// Reads again what is deployed.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(crate) async fn read_again(&mut self) -> Result<()> {
        let state = self.access.read().await?;
        self.take(state).await
    }

    /// Reads until the stack set exists, which was created just now.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(crate) async fn read_created(&mut self) -> Result<()> {
        let read = async || self.access.read().await;
        let state = reread::until_current(read, |state| state.set.is_none()).await?;
        self.take(state).await
    }

    async fn take(&mut self, mut state: State) -> Result<()> {
        self.access.read_overrides(&mut state).await?;
        let text = state.set.as_ref().and_then(|set| set.template.as_deref());
        let source = text.map(|text| SourceFile::new("the deployed template", text));
        self.deployed = source.and_then(|source| Template::parse_deployed(&source).ok());
        if let Some(deployed) = &self.deployed {
            let declared = masking::declared(deployed);
            let session = self.access.session;
            let given = &session.settings().parameters;
            masking::learn(session.presenter().secrets(), &declared, given);
        }
        self.state = state;
        Ok(())
    }

    /// Returns the stack set as if it were one stack, for what compares parameters and tags.
    pub(crate) fn as_stack(&self) -> Option<Stack> {
        let set = self.state.set.as_ref()?;
        let mut stack = Stack {
            id: set.id.clone(),
            name: set.name.clone(),
            status: StackStatus::UpdateComplete,
            parameters: set.parameters.clone(),
            tags: set.tags.clone(),
            capabilities: set.capabilities.clone(),
            ..Stack::default()
        };
        self.access.session.hide_parameters(Some(&mut stack));
        Some(stack)
    }

    /// Returns the values with which the deployed template and that of the files are evaluated.
    pub(crate) fn values(&self) -> [IndexMap<String, String>; 2] {
        let then = self.as_stack().map(|it| it.parameters).unwrap_or_default();
        let now = self.build.values(Some(&then));
        [then, now]
    }

    /// Returns the plan.
    pub(crate) fn plan(&self) -> StackSetPlan {
        let template = self.template_plan();
        let settings = self.setting_changes();
        let set = self.state.set.as_ref();
        let same_template = self
            .deployed
            .as_ref()
            .is_some_and(|it| it.root() == self.build.template.root());
        let is_changed = set.is_some()
            && !(same_template
                && template.parameters.is_empty()
                && template.tags.is_empty()
                && settings.is_empty()
                && !self.inputs.iter().any(ProvisionalInput::is_unknown));
        let deployed = Deployed {
            set,
            instances: &self.state.instances,
            overrides: self.state.overrides.as_ref(),
        };
        let targets = changes(self.access.settings, deployed, is_changed);
        let mut plan = StackSetPlan {
            is_new: set.is_none(),
            is_changed,
            permissions: self.access.settings.permissions,
            template,
            settings,
            targets,
            warnings: Vec::new(),
        };
        let marks_all = !same_template || !plan.template.parameters.is_empty();
        plan.warnings = checks::warnings(
            (self.access.settings, &self.access.identity.account),
            &self.state.instances,
            &plan,
            is_changed && marks_all,
        );
        plan
    }

    /// Returns what changes in each target, predicted from the two templates.
    fn template_plan(&self) -> Plan {
        let (session, build) = (self.access.session, &self.build);
        let settings = session.settings();
        let stack = self.as_stack();
        let [then, now] = self.values();
        let mut desired = build.template.clone();
        let mut deployed = self.deployed.clone();
        if let Some(deployed) = &mut deployed {
            masking::hide_defaults(deployed, &mut desired);
        }
        let before = deployed.as_ref().map(|it| Side::new(it, &then));
        let after = Side::new(&desired, &now);
        let changes = predict(before, after);
        let mut models = model::models(&changes, deployed.as_ref(), Some(&desired));
        model::evaluate(&mut models, [before, Some(after)]);
        let assessment = risk::assess(&changes, &models, &settings.stack.protected_types);
        Plan {
            target: Target {
                account: self.access.identity.account.clone(),
                region: self.access.connection.region().to_owned(),
                endpoint: self.access.connection.endpoint().to_string(),
                stack: settings.stack_name.clone(),
                environment: settings.environment.clone(),
            },
            operation: match stack {
                Some(_) => Operation::Update,
                None => Operation::Create,
            },
            prediction: Some(
                "compared with the template of the stack set; no target is asked".to_owned(),
            ),
            capabilities: build.capabilities.clone(),
            parameters: values::parameter_changes(
                stack.as_ref(),
                &build.template,
                &build.parameters,
            ),
            tags: values::tag_changes(stack.as_ref(), &settings.tags),
            outputs: values::output_changes(deployed.as_ref(), &build.template),
            provisional: self.inputs.clone(),
            change_set: Some(ChangeSet {
                changes,
                ..ChangeSet::default()
            }),
            models,
            assessment,
            ..Plan::default()
        }
    }

    /// Returns the settings of the stack set that differ.
    fn setting_changes(&self) -> Vec<ValueChange> {
        let Some(set) = &self.state.set else {
            return Vec::new();
        };
        let wanted = self.access.settings;
        let permissions = wanted.permissions;
        let owned = |text: Option<&str>| text.map(str::to_owned);
        let administration = wanted.administration_role.as_deref();
        let execution = wanted.execution_role.as_deref();
        let automatic = |enabled: bool, retains: bool| match (enabled, retains) {
            (false, _) => "off".to_owned(),
            (true, false) => "on".to_owned(),
            (true, true) => "on, and retains stacks".to_owned(),
        };
        let is_service = permissions == Permissions::ServiceManaged;
        let deployed = set.auto_deployment.unwrap_or_default();
        let rows = [
            (
                "permissions",
                Some(set.permissions.as_str().to_owned()),
                Some(permissions.as_str().to_owned()),
            ),
            (
                "administration_role",
                owned(set.administration_role()),
                owned(stack_set::administration_role(permissions, administration)),
            ),
            (
                "execution_role",
                owned(set.execution_role()),
                owned(stack_set::execution_role(permissions, execution)),
            ),
            (
                "auto_deployment",
                is_service.then(|| automatic(deployed.enabled, deployed.retains_stacks)),
                is_service.then(|| {
                    let enabled = wanted.auto_deployment.unwrap_or_default();
                    automatic(enabled, wanted.retain_stacks_on_account_removal)
                }),
            ),
            (
                "managed_execution",
                wanted
                    .managed_execution
                    .map(|_| set.managed_execution.to_string()),
                wanted.managed_execution.map(|it| it.to_string()),
            ),
        ];
        let changed = rows
            .into_iter()
            .filter(|(_, before, after)| before != after);
        changed
            .map(|(name, before, after)| ValueChange {
                name: name.to_owned(),
                before,
                after,
            })
            .collect()
    }

    /// Returns what is sent when the stack set is created or updated.
    pub(crate) fn definition(&self, template: &TemplateSource) -> Definition<'_> {
        Definition {
            description: self.description(),
            template: template.clone(),
            parameters: &self.build.parameters,
            tags: &self.access.session.settings().tags,
            capabilities: &self.build.capabilities,
        }
    }

    /// Returns the description that the stack set has or gets.
    fn description(&self) -> String {
        let settings = self.access.session.settings();
        match &self.state.set {
            Some(StackSet { description, .. }) if !description.is_empty() => description.clone(),
            _ => format!(
                "{} ({}), deployed by stackctl",
                settings.project, settings.environment
            ),
        }
    }

    /// Returns the template as it is sent. A large one is uploaded first.
    ///
    /// # Errors
    ///
    /// If S3 refuses a call.
    pub(crate) async fn template_source(&self) -> Result<TemplateSource> {
        let body = &self.build.body;
        if body.len() <= INLINE_LIMIT {
            return Ok(TemplateSource::Body(body.clone()));
        }
        let session = self.access.session;
        let account = &self.access.identity.account;
        let store = Store::new(&self.access.connection, session.settings(), account);
        let digest = Digest::of(body);
        let key = template_key(&session.settings().project, &digest);
        let object = Object::template(&key, &digest, body);
        let upload = async {
            let (state, bucket) =
                tokio::join!(store.object_state(&key, &digest), bucket::state(&store));
            let state = state?;
            if state == ObjectState::Same {
                return Ok(());
            }
            let presenter = session.presenter();
            bucket::prepare(&store, bucket?, |text| presenter.note(text)).await?;
            store.store(&object, state).await?;
            presenter.note(&format!(
                "Uploaded {} to s3://{}/{key}",
                human::size(object.size()),
                store.bucket()
            ));
            Ok(())
        };
        self.access.interrupt.guard(upload).await?;
        Ok(TemplateSource::Url(store.url(&key)))
    }
}
