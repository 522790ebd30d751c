//! The renames that `[moved]` of the manifest names, as a plan shows them.
//!
//! A change set cannot rename a resource: it creates the new one and deletes the old one. So the renames
//! come first, by `stackctl refactor`, and what else would change is predicted from the deployed template
//! with the new logical ids.

use super::deployment::Deployment;
use super::{code_check, online};
use crate::cloudformation::change_set::{Action, Change, ChangeSet};
use crate::cloudformation::refactor::Move;
use crate::cloudformation::stack::Stack;
use crate::cloudformation::status::StackStatus;
use crate::config::settings::Settings;
use crate::diagnostic::{Diagnostic, Place, Severity, SourceFile};
use crate::error::{Error, Result};
use crate::operations::session::Session;
use crate::plan::Plan;
use crate::plan::moves::{MoveStates, ids, states};
use crate::plan::predict::{Side, predict};
use crate::plan::resource_graph::add_moves;
use crate::present::Presenter;
use crate::present::format::PlanFormat;
use crate::template::Template;
use crate::template::rename;
use crate::util::suggest::nearest;

/// What the plan of a deployment with pending renames is based on.
const BASIS: &str =
    "compared with the deployed template and its new logical ids; the renames come first";

/// Returns the renames that the stack does not have yet, with the physical ids.
///
/// # Errors
///
/// If a rename is not possible, at its place in the manifest; if the deployed template cannot be read;
/// if a call fails.
pub(crate) async fn pending(deployment: &Deployment<'_>) -> Result<Vec<Move>> {
    let session = deployment.session();
    if session.settings().moved.is_empty() || !is_deployed(deployment.stack()) {
        return Ok(Vec::new());
    }
    let Some(deployed) = deployment.read_deployed_model() else {
        return Ok(Vec::new());
    };
    let deployed = deployed.map_err(|found| {
        Error::refused("nothing can be renamed: the deployed template cannot be read")
            .with_diagnostics(found.to_vec())
    })?;
    let [then, _] = deployment.values();
    let side = Side::new(deployed, &then);
    let mut pending = checked(session, side, &deployment.build().template)?;
    if pending.is_empty() {
        return Ok(pending);
    }
    let resources = deployment.service().resources();
    let resources = deployment.interrupt().guard(resources).await?;
    for moved in &mut pending {
        let resource = resources.iter().find(|it| it.logical_id == moved.from);
        moved.physical_id = resource.and_then(|it| it.physical_id.clone());
    }
    // A resource of an unknown condition may not exist.
    pending.retain(|moved| moved.physical_id.is_some());
    Ok(pending)
}

/// Returns the renames that a deployed template does not have yet, and the template with the new ids;
/// `None` if there are none.
///
/// # Errors
///
/// If a rename is not possible, at its place in the manifest or the deployed template.
pub(super) fn predicted(
    session: &Session<'_>,
    deployed: Side<'_>,
    desired: &Template,
) -> Result<Option<(Vec<Move>, Template)>> {
    let moves = checked(session, deployed, desired)?;
    if moves.is_empty() {
        return Ok(None);
    }
    let source = deployed.template.source();
    let text = text(deployed.template, &moves, session.presenter())?;
    let renamed = Template::parse_deployed(&SourceFile::new(source.name.clone(), text));
    let renamed = renamed.map_err(|found| {
        Error::input("the renamed template cannot be read").with_diagnostics(found)
    })?;
    Ok(Some((moves, renamed)))
}

/// Returns the renames that a deployed template does not have yet.
///
/// # Errors
///
/// If a rename is not possible, at its place in the manifest.
fn checked(session: &Session<'_>, deployed: Side<'_>, desired: &Template) -> Result<Vec<Move>> {
    let settings = session.settings();
    let states = states(&settings.moved, deployed, desired);
    let found = mistakes(settings, &states);
    if !found.is_empty() {
        return Err(Error::input("the resources cannot be renamed").with_diagnostics(found));
    }
    let presenter = session.presenter();
    for old in &states.done {
        presenter.detail(&format!(
            "`moved.{old}` has no effect: the stack has the new id, and the line may go"
        ));
    }
    warn_of_unknown(settings, &states, deployed.template, presenter);
    Ok(states.pending)
}

/// Returns the deployment as it is after these renames.
///
/// # Errors
///
/// If stack refactoring does not accept the renames, at the place in the deployed template.
pub(crate) fn renamed<'a>(deployment: Deployment<'a>, moves: &[Move]) -> Result<Deployment<'a>> {
    let Some(deployed) = deployment.deployed_model() else {
        return Ok(deployment);
    };
    let text = text(deployed, moves, deployment.session().presenter())?;
    Ok(deployment.with_deployed_template(text))
}

/// Returns the deployed template with the new ids, and prints a note at each text that still contains an
/// old one.
///
/// # Errors
///
/// If stack refactoring does not accept the renames, at the place in the deployed template.
pub(crate) fn text(deployed: &Template, moves: &[Move], presenter: &Presenter) -> Result<String> {
    let renamed = rename::rename(deployed, &ids(moves)).map_err(|found| {
        Error::refused("the resources cannot be renamed by stack refactoring")
            .with_diagnostics(found)
    })?;
    presenter.diagnostics(&renamed.notes);
    Ok(renamed.text)
}

/// Returns the plan of a deployment after these renames. No change set is made.
pub(crate) async fn plan(deployment: &Deployment<'_>, moves: Vec<Move>) -> Result<Plan> {
    let [then, now] = deployment.values();
    let build = deployment.build();
    let before = deployment.deployed_model().map(|it| Side::new(it, &then));
    let mut changes = predict(before, Side::new(&build.template, &now));
    mark_imports(&mut changes, deployment.session().settings());
    let code = async { Ok(code_check::compare(deployment).await) };
    let code = deployment.interrupt().guard(code).await?;
    let is_same =
        before.is_some_and(|it| it.template.root() == build.template.root()) && changes.is_empty();
    let change_set = ChangeSet {
        changes,
        ..ChangeSet::default()
    };
    let mut plan = Plan {
        moved: moves,
        prediction: Some(BASIS.to_owned()),
        ..online::of(deployment, Some(change_set), code)
    };
    add_moves(&mut plan.graph, &plan.moved);
    if is_same && plan.parameters.is_empty() && plan.tags.is_empty() && plan.outputs.is_empty() {
        plan.change_set = None;
    }
    Ok(plan)
}

/// Returns the pending renames, and the deployed template with the new ids, for a comparison with the
/// project's template. A rename that is not possible is left out.
pub(crate) fn to_compare(
    session: &Session<'_>,
    deployed: Side<'_>,
    desired: &Template,
) -> (Vec<Move>, Template) {
    let pending = states(&session.settings().moved, deployed, desired).pending;
    let unchanged = || (Vec::new(), deployed.template.clone());
    if pending.is_empty() {
        return unchanged();
    }
    let renamed = rename::renamed(deployed.template, &ids(&pending)).and_then(|renamed| {
        let name = deployed.template.source().name.clone();
        Template::parse_deployed(&SourceFile::new(name, renamed.text))
    });
    match renamed {
        Ok(template) => (pending, template),
        Err(found) => {
            let warnings = found.into_iter().map(|it| Diagnostic {
                severity: Severity::Warning,
                ..it
            });
            session
                .presenter()
                .diagnostics(&warnings.collect::<Vec<_>>());
            unchanged()
        }
    }
}

/// Returns names with the old ids of renamed resources, which the stack still has.
pub(crate) fn old_ids(moved: &[Move], names: &[String]) -> Vec<String> {
    let old = names.iter().map(|name| {
        let moved = moved.iter().find(|it| it.to == *name);
        moved.map_or(name, |it| &it.from).clone()
    });
    old.collect()
}

/// Marks the predicted resources that `[import]` names: they are not created.
pub(super) fn mark_imports(changes: &mut [Change], settings: &Settings) {
    for change in changes {
        if change.action == Action::Add && settings.import.contains_key(&change.logical_id) {
            change.action = Action::Import;
        }
    }
}

/// Refuses a deployment of a stack with pending renames, and shows its plan.
///
/// # Errors
///
/// Refused, with the command that renames; the errors of [`pending`] and [`renamed`].
pub(crate) async fn refuse_pending(deployment: Deployment<'_>) -> Result<Deployment<'_>> {
    let moves = pending(&deployment).await?;
    if moves.is_empty() {
        return Ok(deployment);
    }
    let deployment = renamed(deployment, &moves)?;
    let session = deployment.session();
    let plan = plan(&deployment, moves).await?;
    PlanFormat::Human.print(&plan, session.presenter())?;
    let names: Vec<String> = plan
        .moved
        .iter()
        .map(|it| format!("`{}`", it.from))
        .collect();
    let names = names.join(", ");
    Err(
        Error::refused(format!("not applied: {names} must be renamed first"))
            .hint(format!("run `{}`", session.command("refactor"))),
    )
}

/// Refuses to save a plan with pending renames.
///
/// # Errors
///
/// Refused, with the command that renames.
pub(crate) fn refuse_to_save(session: &Session<'_>) -> Result<()> {
    Err(
        Error::refused("a plan with renames cannot be saved: it has no change set")
            .hint(format!("run `{}` first", session.command("refactor"))),
    )
}

/// Hints at the command that renames.
pub(crate) fn advise(session: &Session<'_>) {
    session.presenter().hint(&format!(
        "`{}` renames the resources in the stack; no change set was made",
        session.command("refactor")
    ));
}

/// Returns whether a stack has resources.
fn is_deployed(stack: Option<&Stack>) -> bool {
    stack.is_some_and(|it| it.status.exists() && it.status != StackStatus::RollbackComplete)
}

/// Returns what makes renames impossible, at its place in the manifest.
fn mistakes(settings: &Settings, states: &MoveStates) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for old in &states.taken {
        let new = settings.moved.get(old).map_or("", String::as_str);
        let message = format!("`{old}` cannot become `{new}`: the stack has both");
        let problem = Diagnostic::error("move-taken", message, place(settings, old));
        found.push(problem.help(format!(
            "choose another new id, or remove the line: the next deployment then deletes `{old}`"
        )));
    }
    for (old, [kind, new_kind]) in &states.other_type {
        let new = settings.moved.get(old).map_or("", String::as_str);
        let message =
            format!("`{old}` cannot become `{new}`: its type is {kind}, and `{new}` is {new_kind}");
        let problem = Diagnostic::error("move-type", message, place(settings, old));
        found.push(problem.help("a rename keeps the type: remove the line, or correct an id"));
    }
    found
}

/// Warns of renames of which the stack has neither id.
fn warn_of_unknown(
    settings: &Settings,
    states: &MoveStates,
    deployed: &Template,
    presenter: &Presenter,
) {
    let warnings = states.unknown.iter().map(|old| {
        let new = settings.moved.get(old).map_or("", String::as_str);
        let is_conditional = deployed.resource(old).is_some();
        let message = if is_conditional {
            format!("the condition of `{old}` is false in the stack: the line has no effect")
        } else {
            format!("the stack has neither `{old}` nor `{new}`: the line has no effect")
        };
        let problem = Diagnostic::warning("move-unknown", message, place(settings, old));
        let known = deployed.resources().map(|it| it.logical_id());
        match nearest(old, known).filter(|_| !is_conditional) {
            Some(meant) => problem.help(format!("did you mean `{meant}`?")),
            None => problem,
        }
    });
    presenter.diagnostics(&warnings.collect::<Vec<_>>());
}

fn place(settings: &Settings, old: &str) -> Place {
    settings.origins.get(&format!("moved.{old}")).place("")
}
