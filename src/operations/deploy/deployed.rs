//! What AWS says of one stack, read before a deployment.

use std::cell::OnceCell;

use indexmap::IndexMap;

use super::service_values::{self, ServiceValues};
use crate::aws::stack::StackService;
use crate::aws::stack::policy;
use crate::aws::{Connection, Identity};
use crate::cloudformation::function::LiveFunction;
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::StackStatus;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::error::{Error, ErrorKind, Result};
use crate::operations::live_code;
use crate::operations::session::Session;
use crate::operations::upstream::known::ReadStack;
use crate::operations::upstream::outputs::{self, StackValues};
use crate::operations::upstream::project_stacks::key_of;
use crate::plan::deployed_code::deployed_codes;
use crate::plan::predict::Side;
use crate::template::Template;

/// What AWS says of one stack, and the connection to it.
#[derive(Debug)]
pub(super) struct Deployed {
    pub(super) connection: Connection,
    pub(super) service: StackService,
    pub(super) identity: Identity,
    pub(super) state: DeployedState,
    /// The values that services have for parameters, if they are sent.
    pub(super) values: ServiceValues,
    /// The values that other stacks have for parameters.
    pub(super) inputs: StackValues,
}

/// What is read for the values of parameters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Values {
    /// All of them: they are sent.
    Sent,
    /// Those of other stacks: a change set exists that was made with all of them.
    Fixed,
    /// Those of other stacks, as far as they exist: they are only compared.
    Compared,
    /// None: an earlier deployment has the values.
    None,
}

/// What a deployment changes.
#[derive(Debug)]
pub(super) struct DeployedState {
    /// The stack; `None` if there is none of that name.
    pub(super) stack: Option<Stack>,
    /// The template that was last deployed.
    pub(super) template: Option<String>,
    /// What was read of it, once somebody has asked.
    model: OnceCell<std::result::Result<Template, Vec<Diagnostic>>>,
    /// The stack policy; read only if the manifest names one.
    pub(super) policy: Option<String>,
    /// The functions whose code is an artifact, by logical id; `None` if they were not read.
    pub(super) live: Option<IndexMap<String, LiveFunction>>,
}

impl DeployedState {
    /// Reads the stack, its template and its policy at the same time.
    /// With `has_live`, also the code of its functions, if the environment allows to change it without
    /// CloudFormation.
    pub(super) async fn read(
        session: &Session<'_>,
        service: &StackService,
        has_live: bool,
    ) -> Result<Self> {
        let resources = async {
            if has_live && session.settings().allows_hotswap() {
                service.resources().await.map(Some)
            } else {
                Ok(None)
            }
        };
        let policy = async {
            // If the manifest names no policy, nobody compares it.
            match session.settings().stack.policy {
                Some(_) => policy::read(service).await,
                None => Ok(None),
            }
        };
        let (mut stack, template, policy, resources) =
            tokio::try_join!(service.describe(), service.template(), policy, resources)?;
        session.hide_parameters(stack.as_mut());
        let mut state = Self {
            stack,
            template,
            model: OnceCell::new(),
            policy,
            live: None,
        };
        if let Some(resources) = resources {
            state.live = state.read_live(session, service, &resources).await?;
        }
        Ok(state)
    }

    /// Reads the code of the functions; `None` if there is no stack, or its template cannot be read.
    async fn read_live(
        &self,
        session: &Session<'_>,
        service: &StackService,
        resources: &[Resource],
    ) -> Result<Option<IndexMap<String, LiveFunction>>> {
        let (Some(stack), Some(Ok(template))) = (&self.stack, self.model()) else {
            return Ok(None);
        };
        let side = Side::new(template, &stack.parameters);
        let codes = deployed_codes(side, &session.settings().project);
        let ids = codes.iter().map(|code| code.logical_id.as_str());
        let live = live_code::read(service.connection(), resources, ids).await?;
        if live.values().any(|function| function.code.is_none()) {
            session.presenter().note(
                "Whether each function runs the code of the stack could not be read: it was deleted, or \
                 the caller lacks `lambda:GetFunctionConfiguration`.",
            );
        }
        Ok(Some(live))
    }

    /// Returns the template that was last deployed, or what is wrong with it; `None` if there is none.
    pub(super) fn model(&self) -> Option<std::result::Result<&Template, &[Diagnostic]>> {
        let text = self.template.as_deref()?;
        let model = self.model.get_or_init(|| {
            Template::parse_deployed(&SourceFile::new("the deployed template", text))
        });
        Some(model.as_ref().map_err(Vec::as_slice))
    }

    /// Replaces the template that was last deployed.
    pub(super) fn set_template(&mut self, text: String) {
        self.template = Some(text);
        self.model = OnceCell::new();
    }

    /// Returns whether the stack was read before an operation on the stack with this ARN ended. `ended` is the
    /// stack that the operation left.
    pub(super) fn is_older(&self, ended: Option<&Stack>, id: Option<&str>) -> bool {
        is_older(self.stack.as_ref(), ended, id)
    }

    /// Checks that a stack that exists has a template. Without it, everything would look new.
    ///
    /// # Errors
    ///
    /// If the service returns none.
    pub(super) fn check(&self) -> Result<()> {
        let stack = self.stack.as_ref().filter(|stack| stack.status.exists());
        let (Some(stack), None) = (stack, &self.template) else {
            return Ok(());
        };
        let name = &stack.name;
        Err(Error::new(
            ErrorKind::Service,
            format!("the stack `{name}` exists, but the service returns no template of it"),
        )
        .hint(
            "run the command again; if an emulator or a proxy answers here, check that it is the \
             right one",
        ))
    }
}

impl Deployed {
    /// Connects and reads everything at the same time.
    ///
    /// # Errors
    ///
    /// Refused if the credentials belong to another account than the manifest allows.
    pub(super) async fn read(session: &Session<'_>, reading: Values) -> Result<Self> {
        let connection = session.connect().await?;
        let service = StackService::new(&connection, &session.settings().stack_name);
        // What is wrong with a value is said only if the account is the right one.
        let values = async {
            Ok(if reading == Values::Sent {
                service_values::read(session, &connection, &session.settings().parameters).await
            } else {
                Ok(ServiceValues::default())
            })
        };
        let inputs = async {
            let parameters = &session.settings().parameters;
            Ok(match reading {
                Values::None => Ok(StackValues::default()),
                Values::Compared => {
                    let read = outputs::read(session, &connection, parameters).await;
                    Ok(read.unwrap_or_default())
                }
                Values::Sent | Values::Fixed => {
                    outputs::read(session, &connection, parameters).await
                }
            })
        };
        let state = async {
            let state = DeployedState::read(session, &service, reading != Values::Compared).await?;
            publish(session, &state);
            Ok(state)
        };
        let (identity, state, values, inputs) =
            tokio::try_join!(connection.identity(), state, values, inputs)?;
        session.check_account(&identity)?;
        state.check()?;
        let (values, inputs) = (values?, inputs?);
        Ok(Self {
            connection,
            service,
            identity,
            state,
            values,
            inputs,
        })
    }

    /// Reads while `build` runs. An error of `build` is reported first, whatever AWS answers.
    ///
    /// # Errors
    ///
    /// Those of `build`; those of [`read`](Self::read).
    pub(super) async fn read_concurrently<B>(
        session: &Session<'_>,
        build: impl Future<Output = Result<B>>,
        reading: Values,
    ) -> Result<(B, Self)> {
        if session.settings().emulator {
            // The emulator is neither installed nor started if the files are wrong.
            return Ok((build.await?, Self::read(session, reading).await?));
        }
        let deployed = async { Ok(Self::read(session, reading).await) };
        let (build, deployed) = tokio::try_join!(build, deployed)?;
        Ok((build, deployed?))
    }
}

/// Lets the other stacks of the run know the stack, so that they do not read it again.
fn publish(session: &Session<'_>, state: &DeployedState) {
    if let Some(key) = &session.settings().stack_key {
        let upstream = session.context().upstream();
        upstream.publish(&key_of(session, key), || {
            let template = state.model().and_then(std::result::Result::ok);
            let secrets = |stack: &Stack| outputs::secret_outputs(stack, template);
            ReadStack {
                secrets: state.stack.as_ref().map(secrets).unwrap_or_default(),
                stack: state.stack.clone(),
            }
        });
    }
}

/// Returns whether a read of a stack is from before an operation on the stack with this ARN ended.
fn is_older(read: Option<&Stack>, ended: Option<&Stack>, id: Option<&str>) -> bool {
    match (read, ended) {
        (None, None) => false,
        (None, Some(_)) => true,
        // A new stack of the same name has another ARN.
        (Some(read), None) => Some(read.id.as_str()) == id,
        (Some(read), Some(ended)) => {
            let is_running =
                !read.status.is_terminal() && read.status != StackStatus::ReviewInProgress;
            read.id == ended.id
                && (read.updated < ended.updated || read.status != ended.status && !is_running)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_older;
    use crate::cloudformation::stack::Stack;
    use crate::cloudformation::status::StackStatus;

    #[test]
    fn a_read_that_contradicts_the_end_of_the_operation_is_older() {
        let stack = |id: &str, status: &str| {
            Some(Stack {
                id: id.to_owned(),
                status: StackStatus::from_wire(status),
                ..Stack::default()
            })
        };
        let complete = stack("a", "UPDATE_COMPLETE");
        let cases = [
            (complete.clone(), complete.clone(), false),
            (stack("a", "CREATE_COMPLETE"), complete.clone(), true),
            (stack("a", "REVIEW_IN_PROGRESS"), complete.clone(), true),
            (None, complete.clone(), true),
            // Somebody has begun another operation, or has created the stack again.
            (stack("a", "UPDATE_IN_PROGRESS"), complete.clone(), false),
            (stack("b", "CREATE_COMPLETE"), complete.clone(), false),
            (None, None, false),
            (complete.clone(), None, true),
            (stack("b", "CREATE_COMPLETE"), None, false),
        ];
        for (read, ended, expected) in cases {
            let older = is_older(read.as_ref(), ended.as_ref(), Some("a"));
            assert_eq!(older, expected, "{read:?} {ended:?}");
        }
    }
}
