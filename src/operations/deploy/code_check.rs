//! The deployed code compared with the built code: which lines a deployment changes, and whether the
//! functions run the new code afterwards.

use std::io::Cursor;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::deployment::Deployment;
use crate::artifact::archive;
use crate::artifact::code_diff::{self, CodeChange, FileChange};
use crate::artifact::package::Artifact;
use crate::aws::functions::Functions;
use crate::aws::store::Store;
use crate::cloudformation::event::Timeline;
use crate::cloudformation::stack::Resource;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::build::Build;

/// How many functions are read at once; Lambda allows 100 such calls per second
/// (Lambda quotas, control plane `GetFunction` API requests).
const AT_ONCE: usize = 10;

/// Returns what changes in the code of every artifact that the deployed template names under
/// another key. Nothing is downloaded for the others.
///
/// A deployed zip that cannot be read does not prevent a deployment: the result holds the reason
/// instead of the files.
pub(crate) async fn compare(deployment: &Deployment<'_>) -> Vec<CodeChange> {
    let store = deployment.store();
    let project = &deployment.session().settings().project;
    let deployed_template = deployment.deployed_template().unwrap_or_default();
    let mut changes = Vec::new();
    for artifact in deployment.build().artifacts.values() {
        match code_diff::deployed_key(deployed_template, project, &artifact.name) {
            Some(before) if before != artifact.key => {
                let files = files(&store, &before, artifact).await;
                changes.push(CodeChange {
                    artifact: artifact.name.clone(),
                    before,
                    after: artifact.key.clone(),
                    files: files.map_err(|error| error.to_string()),
                });
            }
            _ => {}
        }
    }
    changes
}

async fn files(store: &Store, deployed: &str, artifact: &Artifact) -> Result<Vec<FileChange>> {
    let Some(before) = store.fetch(deployed).await? else {
        return Err(Error::input(format!(
            "`{deployed}` is no longer in the bucket"
        )));
    };
    let before = archive::read(Cursor::new(before))?;
    Ok(code_diff::compare(before, artifact.content()?))
}

/// A function whose code is an artifact.
struct Function<'b> {
    logical_id: &'b str,
    /// Its physical name.
    name: String,
    artifact: &'b Artifact,
}

/// Compares the code that Lambda runs in each function of the stack with the artifact that the
/// template gives it, after a deployment with the events `happened`. No call is made if no function
/// has an artifact.
///
/// If the caller may not read the functions, a note says so; the deployment itself was successful.
///
/// # Errors
///
/// If functions run other code; the message names them.
pub(crate) async fn check(deployment: &Deployment<'_>, happened: &Timeline) -> Result<()> {
    let deployed = deployed_functions(deployment, happened).await?;
    let functions = Functions::new(deployment.connection());
    let answers: Vec<_> = stream::iter(&deployed)
        .map(|function| functions.code_sha256(&function.name))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let presenter = deployment.session().presenter();
    let mut wrong = Vec::new();
    let mut unreadable = false;
    for (function, answer) in deployed.iter().zip(answers) {
        match answer {
            None => unreadable = true,
            Some(digest) if digest == function.artifact.digest.base64() => {
                presenter.detail(&format!(
                    "{} runs the artifact `{}` ({digest})",
                    function.logical_id, function.artifact.name
                ));
            }
            Some(digest) => wrong.push((function, digest)),
        }
    }
    if unreadable {
        presenter.note(
            "Whether the functions run the artifacts could not be read: the caller lacks \
             `lambda:GetFunctionConfiguration`.",
        );
    }
    if wrong.is_empty() {
        return Ok(());
    }
    Err(mismatch(&wrong, deployment.store().bucket()))
}

/// Returns the functions of the stack that have an artifact. The events contain the physical names of
/// those that changed; the stack's resources are listed only for the others.
async fn deployed_functions<'b>(
    deployment: &'b Deployment<'_>,
    happened: &Timeline,
) -> Result<Vec<Function<'b>>> {
    let expected = expected(deployment.build());
    let is_known = |(logical_id, _): &(&str, &Artifact)| happened.physical_id(logical_id).is_some();
    let listed = if expected.iter().all(is_known) {
        Vec::new()
    } else {
        deployment.service().resources().await?
    };
    let functions = expected.into_iter().filter_map(|(logical_id, artifact)| {
        let of_it = |resource: &&Resource| resource.logical_id == logical_id;
        let listed = || listed.iter().find(of_it)?.physical_id.as_deref();
        let name = happened.physical_id(logical_id).or_else(listed)?;
        Some(Function {
            logical_id,
            name: name.to_owned(),
            artifact,
        })
    });
    Ok(functions.collect())
}

/// Returns the functions of the template by logical id, each with the artifact that is its code.
fn expected(build: &Build) -> Vec<(&str, &Artifact)> {
    let functions = build.template.resources().filter_map(|resource| {
        let code = match resource.kind()? {
            "AWS::Lambda::Function" => resource.properties()?.get("Code")?,
            _ => return None,
        };
        let mut artifacts = build.artifacts.values();
        let artifact = artifacts.find(|artifact| code.contains_text(&artifact.key))?;
        Some((resource.logical_id(), artifact))
    });
    functions.collect()
}

fn mismatch(wrong: &[(&Function<'_>, String)], bucket: &str) -> Error {
    let names: Vec<&str> = wrong
        .iter()
        .map(|(function, _)| function.logical_id)
        .collect();
    let message = match names.as_slice() {
        [name] => format!("the stack was deployed, but the function {name} runs other code"),
        names => format!(
            "the stack was deployed, but the functions {} run other code",
            names.join(", ")
        ),
    };
    let mut error = Error::new(ErrorKind::Deployment, message);
    for (function, digest) in wrong {
        let (name, artifact) = (&function.name, function.artifact);
        error = error.hint(format!(
            "{}: Lambda has CodeSha256 {digest}, the artifact `{}` is {}; find out who changed it, \
             then `aws lambda update-function-code --function-name {name} --s3-bucket {bucket} \
             --s3-key {}`",
            function.logical_id,
            artifact.name,
            artifact.digest.base64(),
            artifact.key,
        ));
    }
    error
}
