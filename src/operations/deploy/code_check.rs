//! The deployed code compared with the built code: which lines a deployment changes, and whether the
//! functions run the new code afterwards.

use std::io::Cursor;

use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::adopted_code;
use super::code_reading::{AT_ONCE, CodeRead, CodeReading, nested};
use super::deployment::Deployment;
use crate::artifact::archive;
use crate::artifact::code_diff::{self, CodeChange, FileChange};
use crate::artifact::package::Artifact;
use crate::aws::functions::Functions;
use crate::aws::stack::StackService;
use crate::aws::store::Store;
use crate::cloudformation::event::Timeline;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::function_code;

/// Returns what changes in the code of every artifact that the deployed template names under
/// another key, and that the template still uses; and in the code of functions whose code is now an
/// artifact. Nothing is downloaded for the others.
///
/// A deployed zip that cannot be read does not prevent a deployment: the result holds the reason
/// instead of the files.
pub(crate) async fn compare(deployment: &Deployment<'_>) -> Vec<CodeChange> {
    let store = deployment.store();
    let project = &deployment.session().settings().project;
    let texts = deployed_texts(deployment, &store).await;
    let mut changes = Vec::new();
    let mut new = Vec::new();
    let build = deployment.build();
    for artifact in build.artifacts.values().filter(|it| build.uses(it)) {
        let mut keys = texts
            .iter()
            .filter_map(|text| code_diff::deployed_key(text, project, &artifact.name));
        match keys.next() {
            Some(before) if before != artifact.key => {
                let files = files(&store, &before, artifact).await;
                changes.push(CodeChange {
                    artifact: artifact.name.clone(),
                    before,
                    after: artifact.key.clone(),
                    files: files.map_err(|error| error.to_string()),
                });
            }
            Some(_) => {}
            None => new.push(artifact),
        }
    }
    changes.extend(adopted_code::compare(deployment, &new).await);
    changes
}

/// Returns the text of the deployed template and, as far as an artifact is not in it, those of its
/// nested templates. Their keys are in the text of their parents. One that cannot be read is left out.
async fn deployed_texts(deployment: &Deployment<'_>, store: &Store) -> Vec<String> {
    let build = deployment.build();
    let project = &deployment.session().settings().project;
    let root = deployment.deployed_template().unwrap_or_default();
    let is_in_root =
        |artifact: &Artifact| code_diff::deployed_key(root, project, &artifact.name).is_some();
    let mut texts = vec![root.to_owned()];
    if build.children.is_empty() || build.artifacts.values().all(is_in_root) {
        return texts;
    }
    let mut known = Vec::new();
    let mut read = 0;
    while let Some(text) = texts.get(read) {
        read += 1;
        let mut keys = code_diff::template_keys(text, project);
        keys.retain(|key| !known.contains(key));
        keys.dedup();
        known.extend(keys.iter().cloned());
        let found: Vec<String> = stream::iter(&keys)
            .map(async |key| {
                if let Some(child) = build.children.iter().find(|child| child.key == *key) {
                    return Some(child.body.clone());
                }
                String::from_utf8(store.fetch(key).await.ok()??).ok()
            })
            .buffered(AT_ONCE)
            .filter_map(async |text| text)
            .collect()
            .await;
        texts.extend(found);
    }
    texts
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
    /// Its logical id, behind those of the nested stacks that it is in.
    logical_id: String,
    /// Its physical name.
    name: String,
    artifact: &'b Artifact,
}

/// Compares the code that Lambda runs in each function of the stack with the artifact that the
/// template gives it, after a deployment with the events `happened`. What `reading` has read meanwhile is
/// not read again if it is as expected. No call is made if no function has an artifact.
///
/// If the caller may not read the functions, a note says so; the deployment itself was successful.
///
/// # Errors
///
/// If functions run other code; the message names them. If a function cannot be read.
pub(crate) async fn check(
    deployment: &Deployment<'_>,
    happened: &Timeline,
    reading: CodeReading,
) -> Result<()> {
    let read = reading.end().await;
    let unread = |error: Error| {
        error.within("the stack was deployed, but the code of its functions could not be checked")
    };
    let deployed = deployed_functions(deployment, happened, &read).await;
    let deployed = deployed.map_err(unread)?;
    let functions = Functions::new(deployment.connection());
    let answers: Result<Vec<_>> = stream::iter(&deployed)
        .map(async |function| {
            let expected = function.artifact.digest.base64();
            match read.digests.get(&function.name) {
                Some(digest) if *digest == expected => Ok(Some(expected)),
                _ => functions.code_sha256(&function.name).await,
            }
        })
        .buffered(AT_ONCE)
        .try_collect()
        .await;
    let answers = answers.map_err(unread)?;
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

/// Returns the functions of the stack and its nested stacks that have an artifact. The events contain
/// the physical names of those that changed; a stack's resources are listed only for the others.
async fn deployed_functions<'b>(
    deployment: &'b Deployment<'_>,
    happened: &Timeline,
    read: &CodeRead,
) -> Result<Vec<Function<'b>>> {
    let build = deployment.build();
    let mut functions = Vec::new();
    let root = (deployment.service().clone(), &build.template, String::new());
    let mut stacks = vec![root];
    while let Some((service, template, path)) = stacks.pop() {
        let expected = function_code::functions(template, &build.artifacts);
        let nested = nested(template, build);
        // Only events of the stack itself name its resources.
        let happened = Some(happened).filter(|_| path.is_empty());
        let in_events = |logical_id: &str| {
            let happened = happened?;
            let known = || read.names.get(logical_id).map(String::as_str);
            happened.physical_id(logical_id).or_else(known)
        };
        let mut ids = expected
            .iter()
            .map(|(id, _)| id)
            .chain(nested.iter().map(|(id, _)| id));
        let listed = if ids.all(|id| in_events(id).is_some()) {
            Vec::new()
        } else {
            service.resources().await?
        };
        let physical_id = |logical_id: &str| {
            let listed = listed.iter().find(|it| it.logical_id == logical_id);
            let listed = || listed?.physical_id.as_deref();
            in_events(logical_id).or_else(listed).map(str::to_owned)
        };
        for (logical_id, artifact) in expected {
            functions.extend(physical_id(logical_id).map(|name| Function {
                logical_id: format!("{path}{logical_id}"),
                name,
                artifact,
            }));
        }
        for (logical_id, template) in nested {
            stacks.extend(physical_id(logical_id).map(|stack| {
                let service = StackService::new(deployment.connection(), stack);
                (service, template, format!("{path}{logical_id}/"))
            }));
        }
    }
    Ok(functions)
}

fn mismatch(wrong: &[(&Function<'_>, String)], bucket: &str) -> Error {
    let names: Vec<&str> = wrong
        .iter()
        .map(|(function, _)| function.logical_id.as_str())
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
