//! A change set from its request to the moment when it is executed or deleted.
//!
//! It belongs to the run that created it: whatever ends the run before the change set is executed
//! deletes it, and with it the empty stack that it created, unless somebody else uses that stack.

use std::time::Duration;

use crate::aws::stack::change_set;
use crate::aws::stack::events;
use crate::aws::stack::listing;

use super::change_set_deletion::{self, CLEANUP, discard_after, prune};
use super::deployment::Deployment;
use super::fingerprint::{DESCRIPTION, description};
use super::options::DeployOptions;
use super::{code_check, nested_change_sets, readiness, service_validations, upload};
use crate::artifact::code_diff::CodeChange;
use crate::aws::stack::{self, ChangeSetRequest, ListedChangeSet, Requested, TemplateSource};
use crate::cloudformation::change_set::{ChangeSet, failure};
use crate::cloudformation::diagnosis::advice_on_call;
use crate::cloudformation::event::Event;
use crate::cloudformation::on_failure::OnFailure;
use crate::cloudformation::stack::Stack;
use crate::config::settings::DeploymentMode;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::{SAVED, TEMPORARY, temporary_name, unique_name};
use crate::plan::predict::{self, Side};
use crate::plan::{Operation, masking};
use crate::present::human;

/// What a change set is created for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// It ends with the command that created it.
    Command,
    /// It stays, for a saved plan.
    SavedPlan,
}

/// A change set that can be shown and executed.
#[derive(Debug)]
pub(crate) struct PendingChangeSet {
    stack_id: String,
    change_set: ChangeSet,
    earlier_events: Vec<Event>,
    code: Vec<CodeChange>,
    options: DeployOptions,
    /// The names of the stack's other change sets, which the execution deletes.
    others: Vec<String>,
}

impl PendingChangeSet {
    /// Requests a change set and waits until the service has created it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the change set from being created. A change set that exists by then is deleted.
    pub(crate) async fn create(
        deployment: &Deployment<'_>,
        purpose: Purpose,
        options: DeployOptions,
    ) -> Result<Self> {
        deployment.build().check_read_values()?;
        let name = match purpose {
            Purpose::Command => temporary_name(),
            Purpose::SavedPlan => unique_name(SAVED),
        };
        let session = deployment.session();
        let prepare = session.prepare_transforms(deployment.build().templates());
        deployment.interrupt().guard(prepare).await?;
        let description = match purpose {
            Purpose::Command => DESCRIPTION.to_owned(),
            Purpose::SavedPlan => {
                let settings = deployment.session().settings();
                description(deployment.build(), settings, &name, options)?
            }
        };
        let request = Self::request(deployment, (&name, &description), options);
        match deployment.interrupt().guard(request).await {
            Ok(pending) if options.revert_drift && !pending.change_set.reverts_drift() => {
                let error = Error::refused(
                    "this endpoint does not support drift-aware change sets: it ignored the request \
                     to revert drift",
                );
                Err(discard_after(deployment, &name, error).await)
            }
            Ok(pending) if pending.change_set.is_executable() => {
                if let Some(error) = pending.ignored_mode(deployment) {
                    return Err(discard_after(deployment, &name, error).await);
                }
                if options.revert_drift {
                    nested_change_sets::warn_of_unreached(deployment, &pending.change_set);
                }
                Ok(pending)
            }
            Ok(pending) if pending.change_set.is_unchanged() => {
                if options.revert_drift {
                    nested_change_sets::warn_of_unreached(deployment, &pending.change_set);
                }
                pending.discard(deployment).await?;
                Ok(pending)
            }
            Ok(pending) => {
                let change_set = &pending.change_set;
                let failed = failure::to_error(change_set, deployment.service().name());
                let found = service_validations::diagnostics(deployment, change_set);
                let failed = failed.with_diagnostics(found);
                let findings = service_validations::hook_findings(deployment, change_set).await;
                let failed = findings.into_iter().fold(failed, Error::hint);
                let failed = with_advice(deployment, change_set, failed);
                Err(discard_after(deployment, &name, failed).await)
            }
            Err(error) => {
                let error = discard_after(deployment, &name, error).await;
                Err(match error.kind() {
                    ErrorKind::Service => readiness::explain_conflict(deployment, error).await,
                    _ => error,
                })
            }
        }
    }

    /// Reads the change set of a saved plan as it is now.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(crate) async fn read(
        deployment: &Deployment<'_>,
        id: &str,
        stack_id: &str,
        options: DeployOptions,
    ) -> Result<Self> {
        let service = deployment.service();
        let code = async { Ok(code_check::compare(deployment).await) };
        let (change_set, earlier_events, mut others, code) = tokio::try_join!(
            read_change_set(deployment, id),
            events::latest(service, stack_id),
            listing::change_sets(service, stack_id),
            code
        )?;
        others.retain(|other| other.id != id);
        Ok(Self {
            stack_id: stack_id.to_owned(),
            change_set,
            earlier_events,
            code,
            options,
            others: others.into_iter().map(|other| other.name).collect(),
        })
    }

    pub(crate) fn stack_id(&self) -> &str {
        &self.stack_id
    }

    pub(crate) fn change_set(&self) -> &ChangeSet {
        &self.change_set
    }

    /// Returns the stack's newest events before anything is executed.
    pub(crate) fn earlier_events(&self) -> &[Event] {
        &self.earlier_events
    }

    /// Returns what differs in the code of the artifacts.
    pub(crate) fn code(&self) -> &[CodeChange] {
        &self.code
    }

    /// Returns the options with which the change set was created.
    pub(crate) fn options(&self) -> DeployOptions {
        self.options
    }

    /// Returns the error for an endpoint that ignored the mode in which the change set was requested.
    fn ignored_mode(&self, deployment: &Deployment<'_>) -> Option<Error> {
        if self.options.mode == DeploymentMode::Standard {
            return None;
        }
        if !self.change_set.is_express() {
            let error = Error::refused(
                "this endpoint does not support EXPRESS mode: it ignored the request for that mode",
            );
            return Some(error.hint(
                "deploy in the standard mode: leave out `--express`, or set \
                 `stack.deployment_mode = \"standard\"` for this environment",
            ));
        }
        let requested = readiness::disables_rollback(deployment, self.options.on_failure);
        let answered = self.change_set.deployment.disable_rollback;
        let is_other = answered.is_some_and(|answered| answered != requested);
        is_other.then(|| {
            Error::refused(if requested {
                "this endpoint ignored the request to disable rollback in EXPRESS mode"
            } else {
                "this endpoint disables rollback in EXPRESS mode, although rollback was requested"
            })
        })
    }

    /// Prints what CloudFormation does if the deployment fails, unless that is its default, and which
    /// other change sets the execution deletes.
    ///
    /// # Errors
    ///
    /// Refused if the change set replaces a resource while rollback is disabled, which CloudFormation
    /// does not support.
    pub(crate) fn check(&self, deployment: &Deployment<'_>) -> Result<()> {
        let session = deployment.session();
        let presenter = session.presenter();
        if !self.others.is_empty() {
            presenter.note(&format!(
                "\nExecuting this deletes the other change sets of the stack: {}",
                self.others.join(", ")
            ));
        }
        if !readiness::disables_rollback(deployment, self.options.on_failure) {
            let deletes = self.options.on_failure == OnFailure::Delete;
            if deletes && deployment.operation() == Operation::Create {
                presenter.note("\nIf the creation fails, the stack is deleted again.");
            }
            return Ok(());
        }
        let replaced = self.change_set.replaced();
        let was_kept = readiness::was_kept(deployment);
        if replaced.is_empty() {
            presenter.note(&match deployment.stack() {
                Some(stack) if was_kept => format!(
                    "\nThe stack is {}: CloudFormation accepts this change only with rollback disabled.\n\
                     If the deployment fails, everything stays as it is then.",
                    stack.status
                ),
                _ => "\nRollback is disabled: if the deployment fails, everything stays as it is then."
                    .to_owned(),
            });
            if self.change_set.is_express() {
                presenter.note(&format!(
                    "CloudFormation cannot roll a stack back that failed in EXPRESS mode: `{}` then \
                     deploys the last template that succeeded.",
                    session.command("recover")
                ));
            }
            return Ok(());
        }
        let error = Error::refused(format!(
            "not applied: CloudFormation cannot replace resources while rollback is disabled: {}",
            replaced.join(", ")
        ));
        Err(if was_kept {
            let command = session.command("recover");
            error.hint(if self.change_set.is_express() {
                format!("complete the stack with the last template first: `{command}`")
            } else {
                format!("roll the failed operation back first: `{command}`")
            })
        } else {
            error.hint("leave out --no-rollback and --on-failure keep")
        })
    }

    /// Executes the change set. Its name is the client request token by which its events are known.
    ///
    /// # Errors
    ///
    /// If the service refuses, or the user interrupts before the request has arrived; the change set is
    /// deleted then. A lost answer is no failure if the execution has begun.
    pub(crate) async fn execute(&self, deployment: &Deployment<'_>) -> Result<()> {
        let (service, set) = (deployment.service(), &self.change_set);
        let objects = upload::check_objects_again(deployment);
        if let Err(error) = deployment.interrupt().guard(objects).await {
            return Err(self.discard_unless_saved(deployment, error).await);
        }
        // In EXPRESS mode, the change set says it.
        let keeps =
            !set.is_express() && readiness::disables_rollback(deployment, self.options.on_failure);
        let executed = service.execute(&set.id, &set.name, keeps);
        let Err(error) = deployment.interrupt().guard(executed).await else {
            return Ok(());
        };
        let begun = tokio::time::timeout(CLEANUP, self.has_begun(deployment)).await;
        // Without an answer, the operation may be running, and is followed.
        if begun.unwrap_or(true) {
            return Ok(());
        }
        if error.kind() == ErrorKind::Interrupted {
            let error = self.discard_unless_saved(deployment, error).await;
            return Err(if self.is_saved() {
                error.hint("nothing was executed: the plan can still be applied")
            } else {
                error
            });
        }
        let error = readiness::explain_conflict(deployment, error).await;
        let gone = matches!(service.find_change_set(&set.id).await, Ok(None));
        let error = self.discard_unless_saved(deployment, error).await;
        if gone && error.kind() == ErrorKind::Service {
            // Executing one change set deletes the others of its stack.
            return Err(Error::refused(format!(
                "not applied: the stack `{}` changed in the meantime, and the change set is gone",
                service.name()
            ))
            .caused_by(error)
            .hint(format!("plan again: `{}`", deployment.again(""))));
        }
        Err(error)
    }

    /// Returns whether the change set belongs to a saved plan.
    fn is_saved(&self) -> bool {
        !self.change_set.name.starts_with(TEMPORARY)
    }

    /// Deletes the change set after an error, and returns the error. That of a saved plan stays: the plan
    /// can still be applied, such as after another operation has ended.
    async fn discard_unless_saved(&self, deployment: &Deployment<'_>, error: Error) -> Error {
        if self.is_saved() {
            return error;
        }
        discard_after(deployment, &self.change_set.id, error).await
    }

    /// Deletes the change set and, if this run created the empty stack for it, that stack too.
    ///
    /// # Errors
    ///
    /// If a call fails.
    pub(crate) async fn discard(&self, deployment: &Deployment<'_>) -> Result<()> {
        let requested = Requested {
            change_set_id: self.change_set.id.clone(),
            stack_id: self.stack_id.clone(),
        };
        change_set_deletion::discard(deployment, &requested).await
    }

    async fn request(
        deployment: &Deployment<'_>,
        (name, description): (&str, &str),
        options: DeployOptions,
    ) -> Result<Self> {
        let (build, settings) = (deployment.build(), deployment.session().settings());
        let purpose = match deployment.operation() {
            _ if !build.imports.is_empty() => stack::Purpose::Import,
            Operation::Create => stack::Purpose::Create {
                deletes_on_failure: options.on_failure == OnFailure::Delete,
            },
            Operation::Update => stack::Purpose::Update,
        };
        let (template, includes_nested) = tokio::join!(
            template_source(deployment),
            nested_change_sets::are_included(deployment)
        );
        let alarm_types = deployment.alarm_types();
        let request = ChangeSetRequest {
            name,
            description,
            purpose,
            imports: &build.imports,
            imports_existing: options.import_existing && build.imports.is_empty(),
            reverts_drift: options.revert_drift,
            mode: options.mode,
            disables_rollback: readiness::disables_rollback(deployment, options.on_failure),
            skips_validation: options.skips_validation,
            includes_nested,
            template: template?,
            parameters: &build.parameters,
            tags: &settings.tags,
            capabilities: &build.capabilities,
            alarm_types: &alarm_types,
            settings: &settings.stack,
        };
        let service = deployment.service();
        let created = async {
            let requested = service.create_change_set(&request).await?;
            let prune = async { Ok(prune(deployment, &requested).await) };
            // A garbage collection that begins now sees the change set, and what it refers to.
            let objects = async {
                match deployment.objects_checked() {
                    Some(_) => upload::check_objects(deployment).await,
                    None => Ok(()),
                }
            };
            let (change_set, earlier_events, others, ()) = tokio::try_join!(
                read_change_set(deployment, &requested.change_set_id),
                events::latest(service, &requested.stack_id),
                prune,
                objects
            )?;
            Ok((requested.stack_id, change_set, earlier_events, others))
        };
        let code = async { Ok(code_check::compare(deployment).await) };
        let ((stack_id, change_set, earlier_events, others), code) =
            tokio::try_join!(created, code)?;
        Ok(Self {
            stack_id,
            change_set,
            earlier_events,
            code,
            options,
            others,
        })
    }

    /// Returns whether the execution has begun although the answer was an error: the request was
    /// repeated, or only its answer was lost.
    async fn has_begun(&self, deployment: &Deployment<'_>) -> bool {
        let (service, set) = (deployment.service(), &self.change_set);
        let (events, listed) = tokio::join!(
            events::latest(service, &self.stack_id),
            listing::change_sets(service, &self.stack_id)
        );
        let is_ours = |event: &Event| event.token.as_deref() == Some(&set.name);
        let is_executing = |listed: &ListedChangeSet| {
            listed.id == set.id && listed.execution_status.starts_with("EXECUTE_")
        };
        events.is_ok_and(|events| events.iter().any(is_ours))
            || listed.is_ok_and(|sets| sets.iter().any(is_executing))
    }
}

/// Adds what helps against the failure of a change set. The findings of checks need no advice.
fn with_advice(deployment: &Deployment<'_>, change_set: &ChangeSet, error: Error) -> Error {
    let advice = failure::reason(change_set)
        .1
        .and_then(|reason| advice_on_call("", reason));
    let advice = advice.filter(|advice| advice.category() != "early-validation");
    let command = |arguments: &str| deployment.session().command(arguments);
    let hint = advice.and_then(|advice| advice.hint_on_call(command));
    hint.into_iter().fold(error, Error::hint)
}

/// Returns the template as the request carries it. What CloudFormation reads besides the request is
/// uploaded first.
async fn template_source(deployment: &Deployment<'_>) -> Result<TemplateSource> {
    Ok(match upload::upload_templates(deployment).await? {
        Some(url) => TemplateSource::Url(url),
        None => TemplateSource::Body(deployment.build().body.clone()),
    })
}

/// Waits until a change set is created and returns all that the service says of it, without the
/// secrets in it.
async fn read_change_set(deployment: &Deployment<'_>, id: &str) -> Result<ChangeSet> {
    let presenter = deployment.session().presenter();
    let waiting = |since: Duration| {
        presenter.progress(&format!(
            "creating the change set · {}",
            human::clock(since)
        ));
    };
    let waited = change_set::wait_showing(deployment.service(), id, waiting).await;
    presenter.clear_progress();
    let mut change_set = waited?;
    let (build, stack) = (deployment.build(), deployment.stack());
    let deployed = deployment.deployed_model();
    if let Some(template) = deployed {
        let [then, now] = deployment.values();
        let before = Side::new(template, &then);
        let after = Side::new(&build.template, &now);
        if predict::complete(&mut change_set.changes, before, after) {
            let warning = "the service does not say which resources are replaced: stackctl predicts \
                           that from the templates";
            change_set.warnings.push(warning.to_owned());
        }
    }
    let sent = masking::from_outside(&build.parameters);
    let masked = stack.into_iter().flat_map(Stack::masked_parameters);
    let known = masking::sent(&build.template, &build.parameters);
    let templates = [deployed, Some(&build.template)];
    for secret in masking::hide(&mut change_set, templates, sent.chain(masked), &known) {
        deployment.session().presenter().mask(&secret);
    }
    Ok(change_set)
}
