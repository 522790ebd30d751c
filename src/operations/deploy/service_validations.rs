//! The places of what the service's own checks found: in the project's files, or in the template of a
//! nested stack.
//!
//! A finding names a resource of the template from which its change set was created. For the stack
//! itself that is the rendered template, and through it a line of the project. The template of a
//! nested stack is read from the service; if it cannot be read, the nearest known place is the
//! resource that declares the nested stack.

use super::deployment::Deployment;
use crate::cloudformation::change_set::validation::{LocatedValidation, Validation};
use crate::cloudformation::change_set::{ChangeSet, failure};
use crate::cloudformation::failure_evidence::FailureEvidence;
use crate::cloudformation::service_message;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::operations::follow::failure_evidence;
use crate::template::Template;

/// Returns what the checks of a change set found, nested stacks included, each at its place.
pub(super) fn located(
    deployment: &Deployment<'_>,
    change_set: &ChangeSet,
) -> Vec<LocatedValidation> {
    findings(deployment, change_set)
        .into_iter()
        .map(|(nested_in, validation, found)| LocatedValidation {
            validation: validation.clone(),
            nested_in: nested_in.into_iter().map(str::to_owned).collect(),
            places: found.map(|found| found.places).unwrap_or_default(),
        })
        .collect()
}

/// Returns the findings whose place is known, to be shown with the quoted line.
pub(super) fn diagnostics(deployment: &Deployment<'_>, change_set: &ChangeSet) -> Vec<Diagnostic> {
    let found = findings(deployment, change_set).into_iter();
    found.filter_map(|(_, _, found)| found).collect()
}

fn findings<'s>(
    deployment: &Deployment<'_>,
    change_set: &'s ChangeSet,
) -> Vec<(Vec<&'s str>, &'s Validation, Option<Diagnostic>)> {
    let mut findings = Vec::new();
    for (path, set) in change_set.tree() {
        let template = set.template.as_deref().and_then(|text| {
            let name = format!("the template of `{}`", path.join("/"));
            Template::parse_deployed(&SourceFile::new(name, text)).ok()
        });
        for validation in &set.validations {
            let found = locate(deployment, validation, &path, template.as_ref());
            findings.push((path.clone(), validation, found));
        }
    }
    findings
}

/// Returns a finding at its place; `nested` is the template of the nested stack that it is in.
fn locate(
    deployment: &Deployment<'_>,
    validation: &Validation,
    path: &[&str],
    nested: Option<&Template>,
) -> Option<Diagnostic> {
    let build = deployment.build();
    let translate = |found| {
        let origins = &deployment.session().settings().origins;
        build.rendered.translate(found, origins)
    };
    let template = &build.template;
    let Some(outermost) = path.first() else {
        return validation.diagnostic(template).map(translate);
    };
    let inside = nested.and_then(|nested| validation.diagnostic(nested));
    let mut found = inside.or_else(|| {
        let stack = Validation {
            logical_id: Some((*outermost).to_owned()),
            path: None,
            ..validation.clone()
        };
        stack.diagnostic(template).map(translate)
    })?;
    found.message = format!(
        "nested stack `{}`: {}",
        path.join("/"),
        validation.message()
    );
    Some(found)
}

/// Returns the findings of the hooks of the account that made a change set fail, as hints; none if no
/// hook did.
pub(super) async fn hook_findings(
    deployment: &Deployment<'_>,
    change_set: &ChangeSet,
) -> Vec<String> {
    let reason = failure::reason(change_set).1.unwrap_or_default();
    if !service_message::is_about_hook(reason) {
        return Vec::new();
    }
    let (service, id) = (deployment.service(), &change_set.id);
    let read = async { Ok(failure_evidence::of_change_set(service, id).await) };
    // An interrupt ends the run after the change set is deleted.
    let evidence = deployment.interrupt().guard(read).await;
    let evidence = evidence.unwrap_or_default();
    let hints = evidence.found.iter().flat_map(FailureEvidence::hints);
    hints.chain(evidence.left_out.clone()).collect()
}
