//! The smallest project: a manifest of two keys and a template with one resource.

use std::borrow::Cow;
use std::path::Path;

use super::folder::Folder;
use super::{GITIGNORE, write_all};
use crate::config::project::MANIFEST;
use crate::error::Result;
use crate::operations::context::Context;

const TEMPLATE: &str = "template.yaml";

/// An SSM parameter costs nothing, holds no data and needs no permission of its own.
const TEMPLATE_TEXT: &str = r#"AWSTemplateFormatVersion: "2010-09-09"

Resources:
  Greeting:
    Type: AWS::SSM::Parameter
    Properties:
      Type: String
      Value: Hello

Outputs:
  GreetingName:
    Value: !Ref Greeting
"#;

/// Writes the smallest project to a folder.
///
/// # Errors
///
/// Refused, before anything is written, if a file exists with other content. A system error if a file
/// cannot be written.
pub(crate) fn write(context: &Context, folder: &Path) -> Result<()> {
    let folder = Folder::new(context, folder)?;
    let project = folder.project();
    let manifest = format!("project = \"{project}\"\ntemplate = \"{TEMPLATE}\"\n");
    let files = [
        (MANIFEST, Cow::Owned(manifest.into_bytes())),
        (TEMPLATE, Cow::Borrowed(TEMPLATE_TEXT.as_bytes())),
        GITIGNORE,
    ];
    let template = folder.shown(TEMPLATE);
    let remedy = if folder.has(TEMPLATE) && !folder.has(MANIFEST) {
        format!("to use the template that exists, run `stackctl init --from {template}`")
    } else {
        "name a new folder: `stackctl init --minimal DIR`".to_owned()
    };
    write_all(context, &folder, &files, &remedy)?;
    folder.report_project(&project);
    super::hint_first_plans(context, &folder);
    Ok(())
}
