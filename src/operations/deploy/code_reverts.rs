//! Functions that run other code than the deployed template names: which they are, and giving them that
//! code again.
//!
//! CloudFormation cannot do it: for it, nothing has changed.

use futures_util::stream::{self, StreamExt};

use super::deployment::Deployment;
use super::upload;
use crate::aws::functions::{Functions, NewCode};
use crate::cloudformation::change_set::Change;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::live_code::AT_ONCE;
use crate::operations::live_code::send::Sending;
use crate::plan::deployed_code::{self, CodeRevert, deployed_codes};
use crate::plan::predict::Side;

/// Returns the functions that get the code of the deployed template again, besides these changes; none
/// unless the environment allows to change code without CloudFormation.
pub(super) fn find(deployment: &Deployment<'_>, changes: &[Change]) -> Vec<CodeRevert> {
    let (live, template) = (deployment.live_functions(), deployment.deployed_model());
    let (Some(live), Some(template)) = (live, template) else {
        return Vec::new();
    };
    let build = deployment.build();
    if !build.imports.is_empty() {
        return Vec::new();
    }
    let [then, _] = deployment.values();
    let project = &deployment.session().settings().project;
    let deployed = deployed_codes(Side::new(template, &then), project);
    deployed_code::code_reverts(&deployed, live, changes, &build.template)
}

/// Gives functions the code that the deployed template names.
///
/// # Errors
///
/// If somebody else has changed a function in the meantime, or Lambda refuses: the message names each
/// function that still runs other code.
pub(super) async fn restore(deployment: &Deployment<'_>, reverts: &[CodeRevert]) -> Result<()> {
    if reverts.is_empty() {
        return Ok(());
    }
    let artifacts = &deployment.build().artifacts;
    let mut built = artifacts.values();
    if built.any(|built| reverts.iter().any(|it| it.code.key == built.key)) {
        upload::upload_artifacts(deployment).await?;
    }
    let functions = Functions::new(deployment.connection());
    let results: Vec<Result<()>> = stream::iter(reverts)
        .map(|revert| restore_one(deployment, &functions, revert, reverts.len()))
        .buffered(AT_ONCE)
        .collect()
        .await;
    let presenter = deployment.session().presenter();
    let mut failed = Vec::new();
    for (revert, result) in reverts.iter().zip(results) {
        let id = &revert.code.logical_id;
        match result {
            Ok(()) => presenter.note(&format!("Restored the code of {id} ({}).", revert.function)),
            Err(error) => failed.push((id, error)),
        }
    }
    match failed.len() {
        0 => Ok(()),
        1 => failed.pop().map_or(Ok(()), |(id, error)| {
            Err(error.within(format!("the code of {id} was not restored")))
        }),
        _ => {
            let names: Vec<&str> = failed.iter().map(|(id, _)| id.as_str()).collect();
            let message = format!("the code of {} was not restored", names.join(", "));
            let hints = failed
                .iter()
                .map(|(id, error)| format!("{id}: {}", error.in_one_line()));
            Err(hints.fold(Error::new(ErrorKind::Deployment, message), Error::hint))
        }
    }
}

async fn restore_one(
    deployment: &Deployment<'_>,
    functions: &Functions,
    revert: &CodeRevert,
    count: usize,
) -> Result<()> {
    let live = deployment.live_functions();
    let live = live.and_then(|live| live.get(&revert.code.logical_id));
    let Some(known) = live.and_then(|live| live.code.as_ref()) else {
        return Err(Error::refused("its live code is not known"));
    };
    let store = deployment.store();
    let sending = Sending {
        functions,
        name: &revert.function,
        known,
        code: NewCode::Object {
            bucket: revert.code.bucket.as_deref().unwrap_or(store.bucket()),
            key: &revert.code.key,
        },
        sha256: &revert.code.sha256,
        at_once: count.min(AT_ONCE),
    };
    sending.send().await.map(|_| ())
}
