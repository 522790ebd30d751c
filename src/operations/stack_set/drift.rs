//! Detecting what was changed in the targets outside of CloudFormation.

use super::access::{Access, State};
use super::execution::{Earlier, Operations};
use super::running;
use crate::aws::stack_set::Request;
use crate::cloudformation::stack_set::group::regions_of;
use crate::cloudformation::stack_set::operation::OperationStatus;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::reread;
use crate::operations::session::Session;
use crate::present::event_filter::EventFilter;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::stack_set::StackSetDriftDocument;

/// Detects drift in all targets and shows it. Returns whether something has drifted.
///
/// # Errors
///
/// If the stack set does not exist; refused if another operation is running; if the detection failed
/// anywhere and nothing has drifted.
pub(crate) async fn detect(session: &Session<'_>, format: Format) -> Result<bool> {
    let access = Access::open(session).await?;
    let mut state = access.read().await?;
    let name = access.name();
    let Some(set) = state.set.clone() else {
        return Err(
            Error::input(format!("the stack set `{name}` is not deployed"))
                .hint(format!("`{}` deploys it", session.command("apply"))),
        );
    };
    let presenter = session.presenter();
    let resume = session.command("drift");
    let operations = Operations::new(&access, &set.id, EventFilter::All, &resume)?;
    let earlier = operations.earlier().await?;
    if matches!(earlier, Earlier::Ended) {
        state = access.read().await?;
    }
    let ended = match earlier {
        Earlier::Running(id) => operations.follow(&id).await?,
        Earlier::Nothing | Earlier::Ended => {
            running::check(&access, &state)?;
            let targets = state.instances.iter().map(|it| &it.target);
            let regions = regions_of(targets, &access.settings.regions);
            presenter.note(&format!("Detecting drift in the targets of {name}:"));
            let request = Request::DetectDrift { regions: &regions };
            operations.run(&request).await?
        }
    };
    presenter.note("");
    let read = async || access.read().await;
    let has_result = |state: &State| {
        let drift = state.set.as_ref().and_then(|it| it.drift.as_ref());
        drift.is_some_and(|it| !it.status.is_empty())
    };
    let read = reread::until_current(read, |state| !has_result(state));
    let state = access.interrupt.guard(read).await?;
    let Some((set, drift)) = state
        .set
        .as_ref()
        .and_then(|set| Some((set, set.drift.as_ref()?)))
    else {
        return Err(Error::new(
            ErrorKind::Service,
            format!("the result of the drift detection of the stack set `{name}` is not there"),
        ));
    };
    match format {
        Format::Human => {
            let width = presenter.width();
            presenter.data(&human::stack_set::drift(
                set,
                drift,
                &state.instances,
                width,
            ));
        }
        Format::Json => {
            presenter.json(&StackSetDriftDocument::of(set, drift, &state.instances))?;
        }
    }
    let is_drifted = drift.drifted > 0
        || state
            .instances
            .iter()
            .any(|it| it.drift.as_deref() == Some("DRIFTED"));
    let problems = ended.problems();
    let is_whole = ended.operation.status == OperationStatus::Succeeded && problems.is_empty();
    if is_whole {
        return Ok(is_drifted);
    }
    let list: Vec<String> = problems
        .iter()
        .map(|it| {
            let reason = it.reason.as_deref().unwrap_or("no reason is given");
            format!("{} {}: {reason}", it.target, it.status)
        })
        .collect();
    let message = format!(
        "drift was not detected everywhere ({}): {}",
        ended.operation.status,
        list.join("; ")
    );
    if is_drifted {
        presenter.warning(&message);
        return Ok(true);
    }
    Err(Error::new(ErrorKind::Service, message))
}
