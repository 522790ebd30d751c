//! The code of functions that another tool has deployed, compared with the artifacts that replace it.
//!
//! The deployed template names a zip that stackctl has not uploaded, in a bucket that may be anybody's.
//! So the zip is the one that Lambda runs, which it returns for the function.

use std::io::Cursor;

use futures_util::stream::{self, StreamExt};

use super::deployment::Deployment;
use crate::artifact::archive;
use crate::artifact::code_diff::{self, CodeChange, FileChange};
use crate::artifact::package::Artifact;
use crate::aws::functions::{Code, Functions};
use crate::cloudformation::stack::Resource;
use crate::error::{Error, Result};
use crate::operations::function_code;
use crate::template::Template;
use crate::template::node::Node;

/// How many functions are read at once.
const AT_ONCE: usize = 4;

/// Returns what changes in the code of functions that now get one of these artifacts and are deployed with
/// other code. A function whose code cannot be read has the reason instead of the files.
pub(super) async fn compare(
    deployment: &Deployment<'_>,
    artifacts: &[&Artifact],
) -> Vec<CodeChange> {
    let template = &deployment.build().template;
    let Some(deployed) = deployment
        .deployed_model()
        .filter(|_| !artifacts.is_empty())
    else {
        return Vec::new();
    };
    let functions = function_code::functions(template, &deployment.build().artifacts);
    let replaced = functions.into_iter().filter_map(|(id, artifact)| {
        let is_asked = artifacts.iter().any(|it| it.key == artifact.key);
        let before = deployed_code(deployed, id).filter(|_| is_asked)?;
        Some((id, artifact, before))
    });
    let replaced: Vec<_> = replaced.collect();
    if replaced.is_empty() {
        return Vec::new();
    }
    let resources = deployment.service().resources().await;
    let resources = resources.unwrap_or_default();
    let compared = stream::iter(replaced).map(|(id, artifact, before)| {
        let resources = &resources;
        async move {
            let files = files(deployment, resources, id, artifact).await;
            CodeChange {
                artifact: artifact.name.clone(),
                before,
                after: artifact.key.clone(),
                files: files.map_err(|error| error.to_string()),
            }
        }
    });
    compared.buffered(AT_ONCE).collect().await
}

async fn files(
    deployment: &Deployment<'_>,
    resources: &[Resource],
    id: &str,
    artifact: &Artifact,
) -> Result<Vec<FileChange>> {
    let resource = resources.iter().find(|it| it.logical_id == id);
    let name = resource.and_then(|it| it.physical_id.as_deref());
    let name = name.ok_or_else(|| Error::input("the function is not in the list of resources"))?;
    let functions = Functions::new(deployment.connection());
    let zip = match functions.code(name).await? {
        None => return Err(Error::input("the caller lacks `lambda:GetFunction`")),
        Some(Code::Image(uri)) => {
            return Err(Error::input(format!("it is the container image {uri}")));
        }
        Some(Code::Zip { url, digest }) => {
            for secret in Functions::signatures(&url) {
                deployment.session().presenter().mask(&secret);
            }
            let zip = functions.download(&url, digest.as_deref());
            zip.await?
        }
    };
    let before = archive::read(Cursor::new(zip))?;
    Ok(code_diff::compare(before, artifact.content()?))
}

/// Returns the S3 key of a deployed function's code, or its logical id if the template does not say the
/// key; `None` if the template has no such function.
fn deployed_code(template: &Template, id: &str) -> Option<String> {
    let code = template.function_code(template.resource(id)?)?;
    let key = code.get("S3Key").or_else(|| code.get("Key"));
    let key = key.unwrap_or(code);
    Some(Node::as_str(key).unwrap_or(id).to_owned())
}
