//! What the manifest asks a refactor to do, and a refactor that does exactly that.

use crate::artifact::digest::Digest;
use crate::aws::stack::{TemplateSource, policy, refactor};
use crate::cloudformation::refactor::{
    ExecutionStatus, Move, Refactor, RefactorStatus, deviations,
};
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::cache;
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::{import, moves, upload};
use crate::operations::refactor::{ShownRefactor, earlier};
use crate::plan::operation_record::{Record as _, RefactorRecord};
use crate::present::human;
use crate::template::{Template, lost};

/// The moves of a stack that are still to be done, and the template with them.
#[derive(Debug)]
pub(crate) struct Request {
    moves: Vec<Move>,
    template: String,
    description: String,
}

impl Request {
    /// Returns what is to be renamed in the stack; `None` if it is nothing.
    ///
    /// # Errors
    ///
    /// Refused if stack refactoring does not accept the stack or the moves; if the deployed template is
    /// not known to the character.
    pub(crate) async fn of(deployment: &Deployment<'_>, stack: &Stack) -> Result<Option<Self>> {
        let moves = moves::pending(deployment).await?;
        let Some(deployed) = deployment.deployed_model().filter(|_| !moves.is_empty()) else {
            return Ok(None);
        };
        check_status(deployment, stack)?;
        check_policy(deployment, stack, &moves).await?;
        let text = moves::text(deployed, &moves, deployment.session().presenter())?;
        let template = exact(deployment, deployed, text)?;
        let description = description(stack, &template, &moves);
        Ok(Some(Self {
            moves,
            template,
            description,
        }))
    }

    /// Returns the moves, in the order of the manifest.
    pub(crate) fn moves(&self) -> &[Move] {
        &self.moves
    }

    /// Returns the deployed template with the new ids.
    pub(crate) fn template(&self) -> &str {
        &self.template
    }

    /// Returns a refactor that can be executed and does exactly what is asked for. One that an earlier run
    /// has created for the same request is used again, since the API deletes none.
    ///
    /// # Errors
    ///
    /// If the service refuses to create it; refused if it would do anything else.
    pub(crate) async fn refactor(
        &self,
        deployment: &Deployment<'_>,
        stack: &Stack,
    ) -> Result<ShownRefactor> {
        let (service, presenter) = (deployment.service(), deployment.session().presenter());
        let interrupt = deployment.interrupt();
        let earlier = earlier::unfinished(deployment, stack, |it| {
            it.description == self.description && !it.execution.has_begun()
        });
        let id = match interrupt.guard(earlier).await? {
            Some(refactor) => refactor.id,
            None => interrupt.guard(self.create(deployment)).await?,
        };
        store(deployment, stack, &id);
        let created = refactor::wait(service, &id, |elapsed| {
            let elapsed = human::clock(elapsed);
            presenter.progress(&format!("creating the refactor · {elapsed}"));
        });
        let created = interrupt.guard(created).await;
        presenter.clear_progress();
        let created = created?;
        check_created(deployment, &created)?;
        let actions = interrupt.guard(refactor::actions(service, &id)).await?;
        let deviations = deviations(&actions, &self.moves, stack);
        if !deviations.is_empty() {
            return Err(Error::refused(format!(
                "not executed: the refactor is not what was asked for: {}",
                deviations.join("; ")
            ))
            .hint(format!(
                "nothing was changed; the refactor `{id}` has no effect"
            )));
        }
        Ok(ShownRefactor {
            refactor: created,
            moves: self.moves.clone(),
        })
    }

    async fn create(&self, deployment: &Deployment<'_>) -> Result<String> {
        let template = match upload::upload_template(deployment, &self.template).await? {
            Some(url) => TemplateSource::Url(url),
            None => TemplateSource::Body(self.template.clone()),
        };
        let service = deployment.service();
        refactor::create(service, &self.description, template, &self.moves).await
    }
}

/// Refuses a stack that accepts no refactor now.
fn check_status(deployment: &Deployment<'_>, stack: &Stack) -> Result<()> {
    let session = deployment.session();
    let (name, status) = (&stack.name, &stack.status);
    if !status.is_terminal() {
        return Err(Error::refused(format!(
            "an operation is running on the stack `{name}` ({status})"
        ))
        .hint(format!(
            "`{}` follows it to its end",
            session.command("recover")
        )));
    }
    let is_complete = status.as_str().ends_with("_COMPLETE");
    if is_complete && *status != StackStatus::RollbackComplete {
        return Ok(());
    }
    Err(Error::refused(format!(
        "the stack `{name}` is {status}, and CloudFormation refactors only stacks that are complete"
    ))
    .hint(format!(
        "`{}` shows why, and repairs the stack",
        session.command("recover")
    )))
}

/// Refuses a stack with a stack policy (CloudFormation user guide, "Stack refactoring considerations").
async fn check_policy(deployment: &Deployment<'_>, stack: &Stack, moves: &[Move]) -> Result<()> {
    let policy = policy::read(deployment.service());
    let policy = deployment.interrupt().guard(policy).await?;
    if policy.is_none_or(|policy| policy.trim().is_empty()) {
        return Ok(());
    }
    let ids = moves.iter().map(|it| it.from.as_str());
    let orphan = format!("orphan {}", ids.collect::<Vec<_>>().join(" "));
    Err(Error::refused(format!(
        "the stack `{}` has a stack policy, and CloudFormation refactors no such stack",
        stack.name
    ))
    .hint(format!(
        "a stack policy cannot be removed; `{}` takes the resources out of the stack without deleting \
         them, and `[import]` imports them under their new ids (docs/renaming.md)",
        deployment.session().command(&orphan)
    )))
}

/// Returns the text of the renamed template with every character that `GetTemplate` lost.
fn exact(deployment: &Deployment<'_>, deployed: &Template, renamed: String) -> Result<String> {
    if import::is_exact(deployment, &deployed.source().text)? {
        return Ok(renamed);
    }
    let source = SourceFile::new(deployed.source().name.clone(), renamed);
    let unknown = |found| {
        Error::refused(
            "nothing can be renamed: the deployed template is not known to the character",
        )
        .with_diagnostics(found)
    };
    let template = Template::parse_deployed(&source).map_err(unknown)?;
    let restored = lost::restored(&template, &deployment.build().template).map_err(unknown)?;
    Ok(restored.unwrap_or_else(|| source.text.clone()))
}

/// Returns the description by which a later run recognizes a refactor of the same request.
fn description(stack: &Stack, template: &str, moves: &[Move]) -> String {
    let ids = moves.iter().map(|it| format!("{} {}\n", it.from, it.to));
    let ids: String = ids.collect();
    let updated = stack.updated.map(|it| it.to_string()).unwrap_or_default();
    let digest = Digest::of(format!("{updated}\n{ids}\n{template}")).hex();
    let digest = digest.get(..16).unwrap_or(&digest);
    format!("{}{digest}", earlier::mark(stack))
}

/// Saves the id of a refactor before it is executed.
fn store(deployment: &Deployment<'_>, stack: &Stack, id: &str) {
    let session = deployment.session();
    let record = RefactorRecord {
        stack_id: stack.id.clone(),
        refactor_id: id.to_owned(),
    };
    let stored = cache::root(session.context().ambient()).and_then(|cache| match cache {
        Some(cache) => record.store(&cache),
        None => Ok(()),
    });
    if let Err(error) = stored {
        // The description finds it too.
        session.presenter().detail(&error.to_string());
    }
}

/// Refuses a refactor that cannot be executed.
fn check_created(deployment: &Deployment<'_>, created: &Refactor) -> Result<()> {
    let (status, execution) = (&created.status, &created.execution);
    let reason = created.any_reason().unwrap_or("it gives no reason");
    match (status, execution) {
        (RefactorStatus::CreateComplete, ExecutionStatus::Available) => Ok(()),
        (RefactorStatus::CreateComplete, ExecutionStatus::Obsolete) => Err(obsolete(deployment)),
        (RefactorStatus::CreateComplete, _) => Err(Error::new(
            ErrorKind::Service,
            format!("the refactor cannot be executed ({execution}): {reason}"),
        )),
        _ => Err(Error::new(
            ErrorKind::Service,
            format!("CloudFormation does not rename the resources ({status}): {reason}"),
        )),
    }
}

/// Returns the error for a refactor of a stack that has changed since.
pub(crate) fn obsolete(deployment: &Deployment<'_>) -> Error {
    let name = deployment.service().name();
    Error::refused(format!(
        "nothing was renamed: the stack `{name}` changed since the refactor was created (OBSOLETE)"
    ))
    .hint(format!(
        "run `{}` again: it creates a new one",
        deployment.session().command("refactor")
    ))
}
