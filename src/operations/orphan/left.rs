//! What the project's files still say of resources that left the stack.

use crate::aws::stack::identifiers::{self, Identifier};
use crate::cloudformation::orphan::{OrphanPlan, OrphanedResource};
use crate::diagnostic::Diagnostic;
use crate::operations::deploy::deployment::Deployment;

/// Returns a warning at each resource that the project's template still has: the next plan would create
/// it again. The help says what to remove, and how to import it again.
pub(crate) async fn warnings(deployment: &Deployment<'_>, plan: &OrphanPlan) -> Vec<Diagnostic> {
    let (build, settings) = deployment.files();
    let declared = plan.resources.iter().filter_map(|resource| {
        let own = build.template.resource(&resource.logical_id)?;
        Some((resource, own.entry.name_span.clone()))
    });
    let declared: Vec<_> = declared.collect();
    if declared.is_empty() {
        return Vec::new();
    }
    let identifiers = identifiers(deployment, plan).await;
    let warnings = declared.into_iter().map(|(resource, span)| {
        let id = &resource.logical_id;
        let place = build.template.place(span);
        let is_imported = settings.import.contains_key(id);
        let message = if is_imported {
            format!("`[import]` names `{id}`: the next plan imports it again")
        } else {
            format!("the template still has `{id}`: the next plan would create it again")
        };
        let warning = Diagnostic::warning("orphaned-resource", message, place);
        let warning = warning.help(if is_imported {
            "remove the resource and its line in `[import]`, and write its values in place of the \
             references to it"
        } else {
            "remove it, and write its values in place of the references to it"
        });
        let warning = match import_line(resource, &identifiers) {
            Some(line) if !is_imported => {
                warning.help(format!("or import it again: `{line}` in `[import]`"))
            }
            _ => warning,
        };
        build.rendered.translate(warning, &settings.origins)
    });
    warnings.collect()
}

/// Returns how the types are identified; none if the service does not say.
async fn identifiers(deployment: &Deployment<'_>, plan: &OrphanPlan) -> Vec<Identifier> {
    let types = plan.resources.iter();
    let types = types.map(|it| (&*it.logical_id, &*it.resource_type));
    let read = identifiers::of_types(deployment.service(), types);
    let read = deployment.interrupt().guard(read).await;
    read.unwrap_or_default()
}

/// Returns the line that imports the resource, if one property identifies it.
fn import_line(resource: &OrphanedResource, identifiers: &[Identifier]) -> Option<String> {
    let kind = &resource.resource_type;
    let identifier = identifiers.iter().find(|it| it.resource_type == *kind)?;
    let [property] = identifier.properties.as_slice() else {
        return None;
    };
    let value = toml::Value::String(resource.physical_id.clone());
    Some(format!(
        "{} = {{ {property} = {value} }}",
        resource.logical_id
    ))
}
