//! What is lost in each target whose stack is deleted.

use super::access::State;
use crate::cloudformation::deletion::{ResourceDeletion, resource_deletions};
use crate::cloudformation::stack::Resource;
use crate::diagnostic::SourceFile;
use crate::operations::session::Session;
use crate::template::Template;
use crate::template::evaluate::Evaluator;

/// Returns the resources that store data and are deleted with the stack of a target, by the deployed
/// template. No target is asked.
pub(super) fn of(session: &Session<'_>, state: &State) -> Vec<ResourceDeletion> {
    let Some(set) = &state.set else {
        return Vec::new();
    };
    let text = set.template.as_deref().unwrap_or_default();
    let source = SourceFile::new("the deployed template", text);
    let Ok(template) = Template::parse_deployed(&source) else {
        return Vec::new();
    };
    let resources = template.resources().map(|resource| Resource {
        logical_id: resource.logical_id().to_owned(),
        physical_id: None,
        resource_type: resource.kind().unwrap_or_default().to_owned(),
        status: String::new(),
        reason: None,
    });
    let deployed = Evaluator::new(&template, &set.parameters);
    let types = &session.settings().stack.protected_types;
    let deletions = resource_deletions(resources.collect(), Some(&deployed), "", &[], types);
    let lost = deletions.into_iter();
    lost.filter(|it| it.outcome.is_deleted() && it.lost.is_some())
        .collect()
}
