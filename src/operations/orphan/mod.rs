//! Taking resources out of a stack without deleting them: what is done, and what keeps it from being done.
//!
//! Everything is decided by what is deployed. The project's files only have the characters that
//! CloudFormation lost, and say what the next plan would create again.

pub(crate) mod left;
pub(crate) mod step;
pub(crate) mod values;

use crate::aws::stack::policy;
use crate::cloudformation::orphan::{OrphanPlan, OrphanedResource};
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::StackStatus;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::error::{Error, Result};
use crate::operations::deploy::deployment::Deployment;
use crate::operations::deploy::{import, readiness};
use crate::template::evaluate::{Evaluated, Evaluator, Use};
use crate::template::orphan::{self, Literal, LostReference, Outcome};
use crate::template::policy::deletion_policy;
use crate::template::stack_policy::StackPolicy;
use crate::template::{STACK_TYPE, Template, lost};
use crate::util::suggest::{nearest, quoted};
use values::PresentValues;

/// Returns the stack, if its resources can be taken out now.
///
/// # Errors
///
/// If the stack is not deployed; refused, with the command that helps, if it accepts no change or is
/// part of another stack.
pub(crate) fn ready<'d>(deployment: &'d Deployment<'_>) -> Result<&'d Stack> {
    let session = deployment.session();
    let stack = deployment.stack().filter(|stack| stack.status.exists());
    let Some(stack) = stack else {
        return Err(session.deployed(None).err().unwrap_or_else(unreadable));
    };
    let (name, status) = (&stack.name, &stack.status);
    readiness::check(deployment)?;
    let recover = session.command("recover");
    if matches!(
        status,
        StackStatus::CreateFailed | StackStatus::UpdateFailed
    ) {
        return Err(Error::refused(format!(
            "the stack `{name}` is {status}: nothing could be rolled back if a step fails"
        ))
        .hint(format!("`{recover}` repairs the stack")));
    }
    if let Some(root) = stack.root_id.as_deref().filter(|root| *root != stack.id) {
        return Err(Error::refused(format!(
            "the stack `{name}` is nested in `{}`, which would undo the change with its next update",
            crate::cloudformation::stack::name_of(root)
        )));
    }
    Ok(stack)
}

/// Returns what takes these resources out of the stack; `None` if the stack has none of them. `given`
/// has values from the command line.
///
/// # Errors
///
/// If no template has a resource of a name; refused, at the lines of the deployed template, if a resource
/// cannot be taken out or a value is not known; if a call fails.
pub(crate) async fn plan(
    deployment: &Deployment<'_>,
    stack: &Stack,
    ids: &[String],
    given: &[(Use, Literal)],
) -> Result<Option<OrphanPlan>> {
    let template = deployed_template(deployment)?;
    let listed = deployment.service().resources();
    let listed = deployment.interrupt().guard(listed).await?;
    let ids = present_ids(deployment, &template, &listed, ids)?;
    if ids.is_empty() {
        return Ok(None);
    }
    let [values, _] = deployment.values();
    let evaluator = Evaluator::new(&template, &values);
    let resources = resources(&evaluator, &listed, &ids)?;
    if template
        .section("Resources")
        .is_some_and(|all| all.len() == ids.len())
    {
        let command = deployment.session().command("destroy --dry-run");
        return Err(Error::refused(format!(
            "nothing was done: the stack `{}` would have no resource left, which CloudFormation does \
             not accept",
            stack.name
        ))
        .hint(format!(
            "to delete the stack and keep its resources, deploy them with `DeletionPolicy: Retain`; \
             `{command}` then shows that the deletion leaves them behind"
        )));
    }
    let present = PresentValues::new(stack, &listed, &evaluator, given);
    let removal = orphan::without(&evaluator, &ids, &|used| present.get(used));
    check_given(deployment, &removal.references, given)?;
    check_known(deployment, &template, &removal.references, &ids)?;
    let to_retain = resources.iter().filter(|it| !it.is_retained);
    let to_retain: Vec<&str> = to_retain.map(|it| &*it.logical_id).collect();
    let deployed = template.source().text.clone();
    let retaining = if to_retain.is_empty() {
        deployed.clone()
    } else {
        orphan::retained(&template, &to_retain)
    };
    let source = SourceFile::new("the template of the second step", &*removal.text);
    let without =
        Template::parse_deployed(&source).map_err(|found| unreadable().with_diagnostics(found))?;
    check_outputs(stack, &template, &without, &removal, &values)?;
    let source = SourceFile::new("the template of the first step", &*retaining);
    let decoupled = Template::parse_deployed(&source)
        .map(|first| orphan::decoupled(&first, &without, &ids))
        .map_err(|found| unreadable().with_diagnostics(found))?;
    Ok(Some(OrphanPlan {
        expanded: expanded(&template, &removal.references),
        decoupled,
        resources,
        references: removal.references,
        deployed,
        retaining,
        without: removal.text,
    }))
}

/// Returns the SAM resources that contain one of the references, or have it from `Globals`.
fn expanded(template: &Template, references: &[LostReference]) -> Vec<String> {
    let refers = |id: &str| {
        let mut references = references.iter();
        references.any(|it| it.section == "Globals" || it.owner == id)
    };
    let resources = template.resources().filter(|resource| {
        let kind = resource.kind().unwrap_or_default();
        kind.starts_with("AWS::Serverless::") && refers(resource.logical_id())
    });
    resources.map(|it| it.logical_id().to_owned()).collect()
}

/// Checks that the stack policy allows both steps. If it cannot be read, a warning says so.
///
/// # Errors
///
/// Refused if the policy denies one of the updates.
pub(crate) async fn check_policy(deployment: &Deployment<'_>, plan: &OrphanPlan) -> Result<()> {
    let read = deployment
        .interrupt()
        .guard(policy::read(deployment.service()));
    let text = match read.await {
        Ok(text) => text,
        Err(error) if error.kind() == crate::error::ErrorKind::Service => {
            let presenter = deployment.session().presenter();
            presenter.warning(&format!("the stack policy is not known: {error}"));
            return Ok(());
        }
        Err(error) => return Err(error),
    };
    let source = text.map(|text| SourceFile::new("the stack policy", text));
    let Some(Ok(policy)) = source.map(|source| StackPolicy::parse(&source)) else {
        return Ok(());
    };
    let denied = plan.resources.iter().filter(|it| {
        let allows = |action| policy.allows(action, &it.logical_id, &it.resource_type);
        !allows("Update:Delete") || !it.is_retained && !allows("Update:Modify")
    });
    let denied: Vec<&str> = denied.map(|it| &*it.logical_id).collect();
    if denied.is_empty() {
        return Ok(());
    }
    Err(Error::refused(format!(
        "nothing was done: the stack policy denies what has to be done with {}",
        quoted(denied.iter().copied())
    ))
    .hint("set a stack policy that allows `Update:Modify` and `Update:Delete` of these resources first"))
}

/// Returns the deployed template, with the characters that CloudFormation lost.
fn deployed_template(deployment: &Deployment<'_>) -> Result<Template> {
    let (deployed, is_exact) = import::deployed(deployment)?.ok_or_else(unreadable)?;
    if is_exact {
        return Ok(deployed.clone());
    }
    let restored = lost::restored(deployed, &deployment.build().template).map_err(|found| {
        Error::refused("nothing was done: the deployed template is not known to the last character")
            .with_diagnostics(found)
    })?;
    match restored {
        None => Ok(deployed.clone()),
        Some(text) => {
            let source = SourceFile::new(deployed.source().name.clone(), text);
            Template::parse_deployed(&source).map_err(|found| unreadable().with_diagnostics(found))
        }
    }
}

fn unreadable() -> Error {
    Error::refused("nothing was done: the deployed template cannot be read")
}

/// Returns the ids that the deployed template has, each once. An id that only the files have is said.
fn present_ids<'i>(
    deployment: &Deployment<'_>,
    template: &Template,
    listed: &[Resource],
    ids: &'i [String],
) -> Result<Vec<&'i str>> {
    let (session, files) = (deployment.session(), &deployment.build().template);
    let mut present: Vec<&str> = Vec::new();
    for id in ids {
        if template.resource(id).is_some() {
            if !present.contains(&&**id) {
                present.push(id);
            }
        } else if listed.iter().any(|it| it.logical_id == *id) {
            return Err(Error::refused(format!(
                "nothing was done: a transform or a loop creates `{id}`, so the deployed template does \
                 not have it"
            )));
        } else if files.resource(id).is_some() {
            let name = &session.settings().stack_name;
            session
                .presenter()
                .note(&format!("The stack `{name}` does not have `{id}`."));
        } else {
            let error = Error::input(format!("the deployed template has no resource `{id}`"));
            let known = template.resources().map(|it| it.logical_id());
            return Err(match nearest(id, known) {
                Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                None => error.hint(format!(
                    "`{}` lists the resources",
                    session.command("status")
                )),
            });
        }
    }
    Ok(present)
}

/// Returns the resources with these ids.
fn resources(
    evaluator: &Evaluator<'_>,
    listed: &[Resource],
    ids: &[&str],
) -> Result<Vec<OrphanedResource>> {
    let template = evaluator.template();
    let mut found = Vec::new();
    let mut resources = Vec::new();
    for resource in ids.iter().filter_map(|id| template.resource(id)) {
        let (id, kind) = (resource.logical_id(), resource.kind().unwrap_or_default());
        let physical_id = listed.iter().find(|it| it.logical_id == id);
        let physical_id = physical_id
            .filter(|it| it.status != "DELETE_COMPLETE")
            .and_then(|it| it.physical_id.clone());
        let problem = if kind == STACK_TYPE {
            Some("is a nested stack, which cannot leave its parent".to_owned())
        } else if kind.starts_with("AWS::Serverless::") || kind.ends_with("::MODULE") {
            Some(format!(
                "becomes several resources: a transform replaces `{kind}`"
            ))
        } else if physical_id.is_none() {
            Some("does not exist now: the stack has no physical id of it".to_owned())
        } else {
            None
        };
        if let Some(problem) = problem {
            let place = template.place(resource.entry.name_span.clone());
            let message = format!("`{id}` {problem}");
            found.push(Diagnostic::error("cannot-be-orphaned", message, place));
        }
        let node = Some(resource.entry.node);
        resources.push(OrphanedResource {
            logical_id: id.to_owned(),
            resource_type: kind.to_owned(),
            physical_id: physical_id.unwrap_or_default(),
            is_retained: deletion_policy(kind, node, Some(evaluator)).action() == Some("Retain"),
        });
    }
    if found.is_empty() {
        return Ok(resources);
    }
    Err(
        Error::refused("nothing was done: not every resource can be taken out of the stack")
            .with_diagnostics(found),
    )
}

/// Refuses values of the command line that nothing needs.
fn check_given(
    deployment: &Deployment<'_>,
    references: &[LostReference],
    given: &[(Use, Literal)],
) -> Result<()> {
    let is_needed = |used: &Use| references.iter().any(|it| it.used == *used);
    let Some((used, _)) = given.iter().find(|(used, _)| !is_needed(used)) else {
        return Ok(());
    };
    let name = written(used);
    let error = Error::input(format!(
        "`--value {name}=…`: no other resource and no output uses it"
    ));
    let known: Vec<String> = references.iter().map(|it| written(&it.used)).collect();
    Err(match nearest(&name, known.iter().map(String::as_str)) {
        Some(meant) => error.hint(format!("did you mean `{meant}`?")),
        None => error.hint(format!(
            "leave it out; `{}` shows what is replaced",
            deployment
                .session()
                .command("orphan --format json LOGICAL_ID")
        )),
    })
}

/// Refuses references whose value is not known, each at its line.
fn check_known(
    deployment: &Deployment<'_>,
    template: &Template,
    references: &[LostReference],
    ids: &[&str],
) -> Result<()> {
    let unknown = references
        .iter()
        .filter(|it| it.outcome == Outcome::Unknown);
    let unknown: Vec<&LostReference> = unknown.collect();
    if unknown.is_empty() {
        return Ok(());
    }
    let found = unknown.iter().map(|it| {
        let name = written(&it.used);
        Diagnostic::error(
            "unknown-value",
            format!(
                "`{}` uses `{name}`, whose present value is not known",
                it.owner
            ),
            template.place(it.span.clone()),
        )
        .help(format!("give it: `--value {name}=VALUE`"))
    });
    let mut words = vec!["orphan".to_owned()];
    words.extend(ids.iter().map(ToString::to_string));
    let mut names: Vec<String> = unknown.iter().map(|it| written(&it.used)).collect();
    names.sort_unstable();
    names.dedup();
    words.extend(names.iter().map(|name| format!("--value {name}=VALUE")));
    let command = deployment.session().command(&words.join(" "));
    Err(Error::refused(
        "nothing was done: the value that replaces a reference is not known, and CloudFormation does not \
         return it",
    )
    .with_diagnostics(found.collect())
    .hint(format!("look the values up, and run `{command}`")))
}

/// Refuses values with which an output of the stack would change: they are not the present ones.
fn check_outputs(
    stack: &Stack,
    template: &Template,
    after: &Template,
    removal: &orphan::Removal,
    values: &indexmap::IndexMap<String, String>,
) -> Result<()> {
    let evaluator = Evaluator::new(after, values);
    let is_touched = |name: &str| {
        let mut references = removal.references.iter();
        references.any(|it| it.section == "Outputs" && it.owner == name)
    };
    let mut found = Vec::new();
    for output in after.outputs().filter(|it| is_touched(it.entry.name)) {
        let name = output.entry.name;
        let (Some(now), Some(node)) = (stack.output(name), output.value()) else {
            continue;
        };
        let Evaluated::Scalar(then) = evaluator.value(node) else {
            continue;
        };
        let span = template.section("Outputs").and_then(|it| it.get(name));
        if let Some(member) = span.filter(|_| then != now) {
            let message = format!("the output `{name}` would change from `{now}` to `{then}`");
            let place = template.place(member.key_span.clone());
            let problem = Diagnostic::error("other-value", message, place);
            found.push(problem.help("give the present value with `--value`"));
        }
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::refused("nothing was done: a value is not the present one").with_diagnostics(found))
}

/// Returns a reference as `--value` has it.
pub(crate) fn written(used: &Use) -> String {
    match &used.attribute {
        Some(attribute) => format!("{}.{attribute}", used.resource),
        None => used.resource.clone(),
    }
}
