//! Whether a change set includes the nested stacks.
//!
//! A nested stack without a change gets a failed change set of its own. If the change set of its parent
//! is executed, the failed one stays and can no longer be deleted. CloudFormation refuses further change
//! sets of a stack that has too many, so before that the nested stacks are left out.

use futures_util::stream::{self, StreamExt};

use super::deployment::Deployment;
use crate::aws::stack::{StackService, listing};
use crate::cloudformation::change_set::ChangeSet;
use crate::plan::Operation;
use crate::template::{STACK_TYPE, Template};
use crate::util::suggest::quoted;

/// How many change sets may be left on a nested stack. CloudFormation does not publish its own limit.
const MOST: usize = 20;

/// How many nested stacks are looked at concurrently.
const AT_ONCE: usize = 10;

/// Returns whether the change set includes the nested stacks. If they are left out because of too many
/// change sets, a note says so.
///
/// A nested stack that cannot be read is taken for one without change sets.
pub(super) async fn are_included(deployment: &Deployment<'_>) -> bool {
    if !deployment.build().template.has_nested_stacks() {
        return false;
    }
    if deployment.operation() == Operation::Create {
        return true;
    }
    let mut level = vec![(String::new(), deployment.service().clone())];
    while !level.is_empty() {
        let found: Vec<_> = stream::iter(level)
            .map(async |(path, service)| nested(deployment, &path, &service).await)
            .buffered(AT_ONCE)
            .concat()
            .await;
        let crowded = found.iter().find(|(_, _, count)| *count > MOST);
        if let Some((path, _, count)) = crowded {
            deployment.session().presenter().note(&format!(
                "The nested stack `{path}` has {count} change sets that CloudFormation can no longer \
                 delete.\nSo this change set leaves out the nested stacks: the plan does not show what \
                 changes inside them."
            ));
            return false;
        }
        let next = found.into_iter().map(|(path, service, _)| (path, service));
        level = next.collect();
    }
    true
}

/// Warns if a change set that reverts drift changes nothing in a nested stack: it does not say whether the
/// resources in that stack have drifted.
pub(super) fn warn_of_unreached(deployment: &Deployment<'_>, set: &ChangeSet) {
    let deployed = deployment.deployed_model();
    let nested = deployed.into_iter().flat_map(Template::resources);
    let nested = nested.filter(|it| it.kind() == Some(STACK_TYPE));
    let names = nested.map(|it| it.logical_id());
    let is_reached = |name: &str| {
        let change = set.changes.iter().find(|it| it.logical_id == name);
        change.and_then(|change| set.nested_of(change)).is_some()
    };
    let unreached: Vec<&str> = names.filter(|name| !is_reached(name)).collect();
    if unreached.is_empty() {
        return;
    }
    let presenter = deployment.session().presenter();
    presenter.warning(&format!(
        "drift inside nested stacks is not reverted where the change set changes nothing in them: {}",
        quoted(unreached)
    ));
    presenter.hint(&format!(
        "`{}` shows it",
        deployment.session().command("drift")
    ));
}

/// Returns the nested stacks directly inside a stack, each with its path, which is its logical ids from
/// the root, and the number of its change sets.
async fn nested(
    deployment: &Deployment<'_>,
    path: &str,
    service: &StackService,
) -> Vec<(String, StackService, usize)> {
    let resources = service.resources().await.unwrap_or_default();
    let stacks = resources.into_iter().filter_map(|resource| {
        let id = (resource.resource_type == STACK_TYPE).then_some(resource.physical_id)??;
        let path = match path {
            "" => resource.logical_id,
            path => format!("{path}/{}", resource.logical_id),
        };
        Some((path, id))
    });
    stream::iter(stacks)
        .map(async |(path, id)| {
            let service = StackService::new(deployment.connection(), &id);
            let sets = listing::change_sets(&service, &id).await;
            (path, service, sets.map_or(0, |sets| sets.len()))
        })
        .buffered(AT_ONCE)
        .collect()
        .await
}
