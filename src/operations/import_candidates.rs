//! The resources of the template that the stack does not have, and how existing ones are identified.

use futures_util::stream::{self, StreamExt, TryStreamExt};
use indexmap::IndexMap;

use super::deploy::deployment::Deployment;
use crate::aws::stack::identifiers::{self, Identifier};
use crate::cloudformation::import::{Candidate, Obstacle};
use crate::error::Result;
use crate::template::Resource;
use crate::template::evaluate::{Evaluated, Evaluator};

/// How many owners are asked for at once.
const AT_ONCE: usize = 8;

/// Returns the resources that could be imported, in the order of the template.
///
/// # Errors
///
/// If a call fails.
pub(crate) async fn find(deployment: &Deployment<'_>) -> Result<Vec<Candidate>> {
    let build = deployment.build();
    let deployed = deployment.deployed_model();
    let is_new = |resource: &Resource<'_>| {
        let id = resource.logical_id();
        deployed.is_none_or(|it| it.resource(id).is_none())
    };
    let new: Vec<(Resource<'_>, &str)> = build
        .template
        .resources()
        .filter(is_new)
        .filter_map(|resource| Some((resource, resource.kind()?)))
        .collect();
    if new.is_empty() {
        return Ok(Vec::new());
    }
    let types = new.iter().map(|(it, kind)| (it.logical_id(), *kind));
    let identifiers = identifiers::of_types(deployment.service(), types).await?;
    let [_, values] = deployment.values();
    let evaluator = Evaluator::new(&build.template, &values);
    let candidates = new
        .into_iter()
        .map(|(resource, kind)| candidate(resource, kind, &identifiers, &evaluator));
    let candidates: Vec<Candidate> = candidates.collect();
    let candidates = stream::iter(candidates).map(async |mut candidate: Candidate| {
        if let Some(physical_id) = candidate.physical_id() {
            let owner = identifiers::owner(deployment.service(), physical_id).await?;
            if let Some(owner) = owner {
                candidate.obstacle = Some(Obstacle::Owned(owner));
            }
        }
        Ok(candidate)
    });
    candidates.buffered(AT_ONCE).try_collect().await
}

fn candidate<'a>(
    resource: Resource<'a>,
    kind: &str,
    identifiers: &[Identifier],
    evaluator: &Evaluator<'a>,
) -> Candidate {
    let known = identifiers.iter().find(|it| it.resource_type == kind);
    let mut identifier = IndexMap::new();
    for name in known.map(|it| &*it.properties).unwrap_or_default() {
        let node = resource.properties().and_then(|it| it.get(name));
        let value = match node.map(|node| evaluator.value(node)) {
            Some(Evaluated::Scalar(value)) => Some(value.into_owned()),
            _ => None,
        };
        identifier.insert(name.clone(), value);
    }
    let obstacle = match known {
        None if identifiers.is_empty() => Some(Obstacle::Unknown),
        None => Some(Obstacle::Unsupported),
        Some(_) if resource.attribute("DeletionPolicy").is_none() => Some(Obstacle::NoPolicy),
        Some(_) => None,
    };
    Candidate {
        logical_id: resource.logical_id().to_owned(),
        resource_type: kind.to_owned(),
        identifier,
        obstacle,
    }
}
