//! The stacks of the project that use others, and would be left without them.

use std::collections::BTreeSet;

use futures_util::future::try_join_all;

use super::group::distinct;
use crate::aws::stack::StackService;
use crate::aws::stack_set::StackSetService;
use crate::config::manifest;
use crate::config::project::Project;
use crate::config::settings::{Selection, Target, choose};
use crate::error::{Error, Result};
use crate::operations::context::{Context, OpenedTarget, shared_interrupt};
use crate::operations::session::Session;

/// Refuses to destroy stacks while others of the project exist and use them. `chosen` are the environments
/// and the keys in `[stacks]` of those that are destroyed, `allowed` the keys of those that may be left
/// without them.
///
/// # Errors
///
/// Refused if there is such a stack; what is wrong with its settings; if it cannot be read.
pub(crate) async fn check(
    context: &Context,
    chosen: &[(String, String)],
    allowed: &[String],
    again: &dyn Fn(&[String]) -> String,
) -> Result<()> {
    let interrupt = shared_interrupt(context)?;
    let Some(project) = context.project() else {
        return Ok(());
    };
    let dependents = dependents(context, project, chosen, allowed)?.into_iter();
    let read = dependents.map(async |target| {
        let own = context.for_target(
            OpenedTarget {
                project: project.clone(),
                stack: target.stack.clone(),
                settings: target.settings.clone(),
                label: None,
            },
            context.presenter().clone(),
        );
        let session = Session::open(&own)?;
        let connection = session.connect().await?;
        let settings = session.settings();
        let exists = if let Some(set) = &settings.stack_set {
            let service = StackSetService::new(&connection, &settings.stack_name, set.call_as);
            service.describe().await?.is_some()
        } else {
            let service = StackService::new(&connection, &settings.stack_name);
            let stack = service.describe().await?;
            stack.is_some_and(|stack| stack.status.exists())
        };
        Ok::<_, Error>(exists.then_some(target))
    });
    let read = interrupt.guard(try_join_all(read)).await?;
    let found = using(read.into_iter().flatten().collect(), chosen);
    if found.is_empty() {
        return Ok(());
    }
    let sentences = found.iter().map(|(target, used)| {
        let key = target.stack.as_deref().unwrap_or_default();
        let name = &target.settings.stack_name;
        format!("`{key}` (`{name}`) uses `{used}`")
    });
    let sentences: Vec<String> = sentences.collect();
    let key = |(target, _): &'_ (Target, String)| target.stack.clone().unwrap_or_default();
    // The others keep what they use.
    let is_direct = |(target, used): &&(Target, String)| {
        let used = (target.environment.clone(), used.clone());
        chosen.contains(&used)
    };
    let direct: BTreeSet<String> = found.iter().filter(is_direct).map(key).collect();
    let allow: Vec<String> = direct
        .iter()
        .map(|key| format!("--allow-dependent {key}"))
        .collect();
    let keys: BTreeSet<String> = found.iter().map(key).collect();
    let all = chosen.iter().map(|(_, key)| key.as_str());
    let all = distinct(all.chain(keys.iter().map(String::as_str)));
    let both = context.command_for("destroy", &all, &environments(chosen));
    Err(Error::refused(format!(
        "not destroyed: {}, and is not destroyed with it",
        sentences.join("; ")
    ))
    .hint(format!("to destroy all of them: `{both}`"))
    .hint(format!("to leave them without it: `{}`", again(&allow))))
}

/// Returns the stacks of the same environments that are not destroyed and may use one that is, also through
/// others.
fn dependents(
    context: &Context,
    project: &Project,
    chosen: &[(String, String)],
    allowed: &[String],
) -> Result<Vec<Target>> {
    let environments = environments(chosen).into_iter();
    let selection = Selection {
        environments: environments.map(str::to_owned).collect(),
        ..Selection::default()
    };
    let mut overrides = context.overrides_for(None);
    overrides.stack = None;
    let manifest = manifest::parse(project.manifest());
    let mut targets = choose(&manifest, &selection, &overrides, context.ambient())?;
    targets.retain(|target| {
        let key = target.stack.as_deref().unwrap_or_default();
        let is_chosen = |(environment, stack): &(String, String)| {
            *environment == target.environment && stack == key
        };
        !chosen.iter().any(is_chosen) && !allowed.iter().any(|it| it == key)
    });
    let users = using(targets, chosen).into_iter();
    Ok(users.map(|(target, _)| target).collect())
}

/// Returns those of these stacks that use one that is destroyed, or one of each other that does, each with
/// the one that it uses.
fn using(mut stacks: Vec<Target>, chosen: &[(String, String)]) -> Vec<(Target, String)> {
    let mut gone = chosen.to_vec();
    let mut found = Vec::new();
    loop {
        let mut rest = Vec::new();
        let known = found.len();
        for target in stacks {
            match used(&target, chosen).or_else(|| used(&target, &gone)) {
                Some(used) => {
                    let key = target.stack.clone().unwrap_or_default();
                    gone.push((target.environment.clone(), key));
                    found.push((target, used));
                }
                None => rest.push(target),
            }
        }
        if found.len() == known {
            return found;
        }
        stacks = rest;
    }
}

/// Returns the one of these stacks that this one uses.
fn used(target: &Target, chosen: &[(String, String)]) -> Option<String> {
    let mut needs = target.settings.needs.iter();
    let is_chosen = |need: &String| {
        let mut chosen = chosen.iter();
        chosen.any(|(environment, key)| *environment == target.environment && key == need)
    };
    needs.find(|need| is_chosen(need)).cloned()
}

fn environments(chosen: &[(String, String)]) -> Vec<&str> {
    distinct(chosen.iter().map(|(name, _)| name.as_str()))
}
