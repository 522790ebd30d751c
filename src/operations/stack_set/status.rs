//! What a stack set and its targets are like now.

use super::access::Access;
use crate::error::Result;
use crate::operations::session::Session;
use crate::present::format::Format;
use crate::present::human;
use crate::present::json::stack_set::StackSetDocument;

/// How many operations are shown.
const SHOWN: usize = 5;

/// Shows the stack set, its instances and its latest operations. One that does not exist is no error.
///
/// # Errors
///
/// If a call fails.
pub(crate) async fn show(session: &Session<'_>, format: Format) -> Result<()> {
    let access = Access::open(session).await?;
    let state = access.read().await?;
    let presenter = session.presenter();
    let latest = &state.operations[..state.operations.len().min(SHOWN)];
    let mut set = state.set.clone();
    if let Some(set) = &mut set {
        session.hide_values(&mut set.parameters);
    }
    match (format, &set) {
        (Format::Json, set) => {
            let name = access.name();
            let document = StackSetDocument::of(name, set.as_ref(), &state.instances, latest);
            presenter.json(&document)?;
        }
        (Format::Human, Some(set)) => {
            let width = presenter.width();
            presenter.data(&human::stack_set::overview(
                set,
                &state.instances,
                latest,
                width,
            ));
        }
        (Format::Human, None) => {
            presenter.data(&format!("{}  not deployed (a stack set)\n", access.name()));
            presenter.hint(&format!("`{}` deploys it", session.command("apply")));
        }
    }
    Ok(())
}
