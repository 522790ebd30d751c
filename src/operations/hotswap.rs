//! Sending the code of functions without CloudFormation (hotswap), for `watch`.
//!
//! [`Hotswap::open`] takes over what a deployment has read. Before each build, [`Hotswap::catch_up`]
//! waits for a running operation and reads again what it has changed. [`Hotswap::decide`] says which
//! functions get their new code and why the other changes need a deployment, and [`Hotswap::swap`] sends
//! the code. The stack then lags behind: its template still names the earlier code, until the next
//! `apply`. Nothing is remembered anywhere else: `plan` and `apply` compare the code that runs with that
//! of the template.

use std::io::Read as _;
use std::time::Duration;

use futures_util::stream::{self, StreamExt};
use indexmap::IndexMap;
use tokio::time::Instant;

use crate::artifact::package::Artifact;
use crate::aws::functions::{Functions, INLINE_LIMIT, NewCode};
use crate::aws::stack::StackService;
use crate::aws::store::{Object, ObjectState, Store};
use crate::aws::{Backoff, Connection};
use crate::cloudformation::function::{LiveCode, LiveFunction};
use crate::cloudformation::stack::{Stack, pseudo_parameters};
use crate::cloudformation::status::StackStatus;
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::operations::build::Build;
use crate::operations::deploy::deployment::Deployment;
use crate::operations::function_code;
use crate::operations::live_code::{self, AT_ONCE, send::Sending};
use crate::operations::session::Session;
use crate::plan::deployed_code::{DeployedCode, deployed_codes};
use crate::plan::hotswap::{Facts, Wanted, decide};
use crate::plan::predict::{Side, predict};
use crate::plan::{ValueChange, values};
use crate::present::human;
use crate::template::Template;

/// What is deployed, as far as it is needed to send code without CloudFormation.
pub(crate) struct Hotswap {
    service: StackService,
    functions: Functions,
    store: Store,
    account: String,
    region: String,
    stack: Stack,
    text: String,
    template: Template,
    /// The template as its transforms have left it; `None` if it could not be read.
    processed: Option<Template>,
    /// The functions whose code is an artifact, by logical id.
    live: IndexMap<String, LiveFunction>,
}

/// What happens to a build of the files.
#[derive(Debug, Default)]
pub(crate) struct HotswapDecision {
    /// The functions that get new code without CloudFormation.
    pub(crate) swaps: Vec<Swap>,
    /// Why everything else needs a deployment, a sentence each.
    pub(crate) others: Vec<String>,
}

/// New code for a function.
#[derive(Debug)]
pub(crate) struct Swap {
    /// The logical id of the function.
    pub(crate) logical_id: String,
    /// The name of the function.
    pub(crate) name: String,
    /// The new code.
    pub(crate) artifact: Artifact,
}

/// How the update of a function ended.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The logical id of the function.
    pub(crate) logical_id: String,
    /// The name of the function.
    pub(crate) name: String,
    /// How long it took.
    pub(crate) took: Duration,
    /// Why the function does not run the new code, if it does not.
    pub(crate) result: Result<()>,
}

/// Refuses to send code without CloudFormation in an environment whose table does not allow it.
///
/// # Errors
///
/// Refused, with the key to write.
pub(crate) fn check_allowed(session: &Session<'_>) -> Result<()> {
    let settings = session.settings();
    if settings.allows_hotswap() {
        return Ok(());
    }
    let environment = &settings.environment;
    Err(Error::refused(format!(
        "the environment `{environment}` does not allow `--hotswap`"
    ))
    .hint(format!(
        "write `watch = \"hotswap\"` into `[environments.{environment}]` of the manifest if code may go \
         past the stack there"
    )))
}

impl Hotswap {
    /// Takes over what a deployment has read of a deployed stack.
    ///
    /// # Errors
    ///
    /// Refused if the environment does not allow it, or if there is no stack yet; if the deployed template
    /// cannot be read; if a call fails.
    pub(crate) async fn open(deployment: &Deployment<'_>) -> Result<Self> {
        let session = deployment.session();
        check_allowed(session)?;
        let stack = deployment.stack().filter(|stack| stack.status.exists());
        let text = deployment.deployed_template();
        let (Some(stack), Some(text)) = (stack, text) else {
            let name = &session.settings().stack_name;
            return Err(
                Error::refused(format!("the stack `{name}` is not deployed yet"))
                    .hint(format!("`{}` deploys it", session.command("apply"))),
            );
        };
        let service = deployment.service();
        let template = parsed(text)?;
        Ok(Self {
            processed: processed(service, &template).await,
            live: deployment.live_functions().cloned().unwrap_or_default(),
            functions: Functions::new(deployment.connection()),
            store: deployment.store(),
            account: deployment.identity().account.clone(),
            region: deployment.connection().region().to_owned(),
            service: service.clone(),
            stack: stack.clone(),
            text: text.to_owned(),
            template,
        })
    }

    /// Returns the connection to the stack.
    pub(crate) fn connection(&self) -> &Connection {
        self.service.connection()
    }

    /// Returns the stack, as it was read last.
    pub(crate) fn stack(&self) -> &Stack {
        &self.stack
    }

    /// Waits for a running operation on the stack, and reads again what has changed since. May run while
    /// the files are built.
    ///
    /// # Errors
    ///
    /// If the stack is gone; if a call fails.
    pub(crate) async fn catch_up(&mut self, session: &Session<'_>) -> Result<()> {
        let presenter = session.presenter();
        let begun = Instant::now();
        let mut backoff = None;
        let stack = loop {
            let Some(mut stack) = self
                .service
                .describe()
                .await?
                .filter(|it| it.status.exists())
            else {
                let name = &self.stack.name;
                return Err(Error::refused(format!("the stack `{name}` is gone")));
            };
            session.hide_parameters(Some(&mut stack));
            if stack.status.is_terminal() {
                break stack;
            }
            presenter.progress(&format!(
                "waiting for the running operation ({}) · {}",
                stack.status,
                human::clock(begun.elapsed())
            ));
            let service = &self.service;
            let backoff = backoff.get_or_insert_with(|| Backoff::polling(service.connection()));
            backoff.pause().await;
        };
        presenter.clear_progress();
        // An answer may be older than what is known.
        let is_older = stack.id == self.stack.id && stack.updated < self.stack.updated;
        if is_older || stack == self.stack {
            return Ok(());
        }
        let is_same = stack.id == self.stack.id && stack.updated == self.stack.updated;
        self.stack = stack;
        if is_same {
            Ok(())
        } else {
            self.read_again(session).await
        }
    }

    /// Reads the template, the resources and the functions again.
    async fn read_again(&mut self, session: &Session<'_>) -> Result<()> {
        let (text, resources) =
            tokio::try_join!(self.service.template(), self.service.resources())?;
        let name = &self.stack.name;
        let text = text.ok_or_else(|| {
            Error::refused(format!(
                "the service returns no template of the stack `{name}`"
            ))
        })?;
        self.template = parsed(&text)?;
        self.text = text;
        self.processed = processed(&self.service, &self.template).await;
        let codes = self.deployed(session);
        let ids = codes.iter().map(|code| code.logical_id.as_str());
        self.live = live_code::read(self.service.connection(), &resources, ids).await?;
        Ok(())
    }

    /// Returns the values with which the deployed template is evaluated.
    fn values(&self) -> IndexMap<String, String> {
        let mut values = self.stack.parameters.clone();
        values.extend(self.pseudo());
        values
    }

    fn pseudo(&self) -> impl Iterator<Item = (String, String)> {
        pseudo_parameters(&self.account, &self.region, &self.stack.name)
    }

    /// Returns the code that the deployed template gives to the functions.
    fn deployed(&self, session: &Session<'_>) -> Vec<DeployedCode> {
        let values = self.values();
        deployed_codes(
            Side::new(&self.template, &values),
            &session.settings().project,
        )
    }

    /// Decides which functions get new code. Nothing is read or sent.
    pub(crate) fn decide(&self, session: &Session<'_>, build: &Build) -> HotswapDecision {
        let settings = session.settings();
        if !accepts_code(&self.stack.status) {
            let (name, status) = (&self.stack.name, &self.stack.status);
            let reason = format!("no code is sent: the stack `{name}` is {status}");
            return HotswapDecision {
                swaps: Vec::new(),
                others: vec![reason],
            };
        }
        let then = self.values();
        let mut now = build.values(Some(&self.stack.parameters));
        now.extend(self.pseudo());
        let before = Side::new(&self.template, &then);
        let after = Side::new(&build.template, &now);
        let changes = predict(Some(before), after);
        let functions = function_code::functions(&build.template, &build.artifacts);
        let wanted: Vec<Wanted> = functions
            .iter()
            .map(|(id, artifact)| Wanted {
                logical_id: (*id).to_owned(),
                key: artifact.key.clone(),
                sha256: artifact.digest.base64(),
            })
            .collect();
        let rest = self.rest(session, build);
        let decision = decide(&Facts {
            changes: &changes,
            before,
            after,
            processed: self.processed.as_ref(),
            live: &self.live,
            wanted: &wanted,
            protected_types: &settings.stack.protected_types,
            rest: &rest,
        });
        let swaps = functions.into_iter().filter_map(|(id, artifact)| {
            decision.functions.iter().find(|it| *it == id)?;
            Some(Swap {
                logical_id: id.to_owned(),
                name: self.live.get(id)?.name.clone(),
                artifact: artifact.clone(),
            })
        });
        HotswapDecision {
            swaps: swaps.collect(),
            others: decision.others,
        }
    }

    /// Returns what differs besides the resources, a sentence each.
    fn rest(&self, session: &Session<'_>, build: &Build) -> Vec<String> {
        let names = |changes: Vec<ValueChange>, what: &str| -> Vec<String> {
            let sentence =
                |change: ValueChange| format!("the {what} `{}` needs a deployment", change.name);
            changes.into_iter().map(sentence).collect()
        };
        let stack = Some(&self.stack);
        let parameters = values::parameter_changes(stack, &build.template, &build.parameters);
        let tags = values::tag_changes(stack, &session.settings().tags);
        let outputs = values::output_changes(Some(&self.template), &build.template);
        let mut rest = names(parameters, "parameter");
        rest.extend(names(tags, "tag"));
        rest.extend(names(outputs, "output"));
        rest
    }

    /// Sends the code of these functions at the same time, and waits until they run it.
    pub(crate) async fn swap(&mut self, swaps: &[Swap]) -> Vec<Outcome> {
        let at_once = swaps.len().min(AT_ONCE);
        let this = &*self;
        let ended: Vec<(Duration, Result<LiveCode>)> = stream::iter(swaps)
            .map(async |swap| {
                let begun = Instant::now();
                let sent = this.send(swap, at_once).await;
                (begun.elapsed(), sent)
            })
            .buffered(AT_ONCE)
            .collect()
            .await;
        let ended = swaps.iter().zip(ended);
        let outcomes = ended.map(|(swap, (took, result))| {
            let result = result.map(|code| {
                if let Some(live) = self.live.get_mut(&swap.logical_id) {
                    live.code = Some(code);
                }
            });
            Outcome {
                logical_id: swap.logical_id.clone(),
                name: swap.name.clone(),
                took,
                result,
            }
        });
        outcomes.collect()
    }

    async fn send(&self, swap: &Swap, at_once: usize) -> Result<LiveCode> {
        let live = self.live.get(&swap.logical_id);
        let Some(known) = live.and_then(|live| live.code.as_ref()) else {
            let name = &swap.name;
            return Err(Error::refused(format!(
                "the code of the function `{name}` is not known"
            )));
        };
        let artifact = &swap.artifact;
        let mut zip = Vec::new();
        let code = if artifact.size <= INLINE_LIMIT {
            let read = artifact.zip().read_to_end(&mut zip);
            read.map_err(|error| Error::system("cannot read the zip of an artifact", error))?;
            NewCode::Zip(&zip)
        } else {
            self.upload(artifact).await?;
            NewCode::Object {
                bucket: self.store.bucket(),
                key: &artifact.key,
            }
        };
        let sending = Sending {
            functions: &self.functions,
            name: &swap.name,
            known,
            code,
            sha256: &artifact.digest.base64(),
            at_once,
        };
        sending.send().await
    }

    /// Uploads an artifact that is too large to be sent with a request, unless the bucket has it.
    async fn upload(&self, artifact: &Artifact) -> Result<()> {
        let object = Object::zip(artifact);
        let state = self.store.state_since(object.key(), object.digest(), None);
        match state.await?.0 {
            ObjectState::Same => Ok(()),
            state => self.store.store(&object, state).await.map(|_| ()),
        }
    }

    /// Returns the sentence that the stack lags behind, with the command that brings it into step; `None`
    /// if every function runs the code that the deployed template gives to it.
    pub(crate) fn lag(&self, session: &Session<'_>) -> Option<String> {
        let deployed = self.deployed(session);
        let lagging = deployed.iter().filter(|code| {
            let live = self.live.get(&code.logical_id);
            let runs = live.and_then(|live| live.code.as_ref());
            runs.is_some_and(|runs| runs.sha256 != code.sha256)
        });
        let names: Vec<String> = lagging.map(|it| format!("`{}`", it.logical_id)).collect();
        if names.is_empty() {
            return None;
        }
        Some(format!(
            "The stack lags behind: its template names other code for {}. `{}` brings it into step.",
            names.join(", "),
            session.command("apply")
        ))
    }
}

/// Returns whether the template of a stack in this status is that of its resources.
fn accepts_code(status: &StackStatus) -> bool {
    matches!(
        status,
        StackStatus::CreateComplete
            | StackStatus::UpdateComplete
            | StackStatus::UpdateRollbackComplete
            | StackStatus::ImportComplete
            | StackStatus::ImportRollbackComplete
    )
}

fn parsed(text: &str) -> Result<Template> {
    let source = SourceFile::new("the deployed template", text);
    Template::parse_deployed(&source).map_err(|found| {
        Error::refused("the deployed template cannot be read").with_diagnostics(found)
    })
}

/// Returns a deployed template as its transforms have left it; `None` if it cannot be read.
async fn processed(service: &StackService, template: &Template) -> Option<Template> {
    if !template.has_transforms() {
        return Some(template.clone());
    }
    let text = service.processed_template().await.ok()??;
    parsed(&text).ok()
}
