//! A stack's outputs without the secrets in them.

use indexmap::IndexMap;

use crate::aws::stack::StackService;
use crate::cloudformation::stack::Stack;
use crate::config::secret::Secrets;
use crate::diagnostic::SourceFile;
use crate::error::Result;
use crate::plan::masking;
use crate::template::Template;

/// Masks the outputs that contain a secret, which the service does not do. This reads the stack's
/// template, and only if the stack has a secret parameter. The defaults in the template are added to
/// `secrets`.
///
/// # Errors
///
/// If the template cannot be read.
pub(crate) async fn hide_secrets(
    service: &StackService,
    stack: &mut Stack,
    secrets: &Secrets,
) -> Result<()> {
    if stack.masked_parameters().next().is_none() {
        return Ok(());
    }
    let text = service.template().await?.unwrap_or_default();
    if let Ok(template) = Template::parse_deployed(&SourceFile::new("the deployed template", text))
    {
        masking::learn(secrets, &masking::declared(&template), &IndexMap::new());
        masking::hide_outputs(stack, &template);
    }
    Ok(())
}
