//! The import of existing resources, which `[import]` of the manifest names.
//!
//! CloudFormation imports resources into the template that is deployed, and nothing else may change in
//! the same operation. So an import is a deployment of its own: it comes first, and what else differs is
//! a second plan.

use std::cell::OnceCell;

use indexmap::IndexMap;

use super::deployment::Deployment;
use super::stack_settings;
use crate::aws::stack::ImportedResource;
use crate::cloudformation::stack::Stack;
use crate::config::cache;
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::operations::build::Build;
use crate::operations::drift_detection;
use crate::operations::session::Session;
use crate::plan::Plan;
use crate::plan::last_deployed::LastDeployed;
use crate::present::human;
use crate::template::{Template, import};
use crate::util::suggest::nearest;

/// A deployment that does nothing but import resources.
#[derive(Debug)]
struct Import {
    settings: Settings,
    build: Build,
}

/// Returns the deployment that comes first: the import of the resources that the manifest names and the
/// stack does not have, or `deployment` if there are none. `session` holds the import's session.
///
/// # Errors
///
/// If the template has no resource of a name; if the import of a resource is not possible, at its place
/// in the template; if the deployed template cannot be read.
pub(crate) fn first<'a>(
    deployment: Deployment<'a>,
    session: &'a OnceCell<Session<'a>>,
) -> Result<Deployment<'a>> {
    let Some(Import { settings, build }) = pending(&deployment)? else {
        return Ok(deployment);
    };
    let session = session.get_or_init(|| deployment.session().with_settings(settings));
    Ok(deployment.importing(session, build))
}

/// Returns the import, or `None` if there is nothing to import.
fn pending(deployment: &Deployment<'_>) -> Result<Option<Import>> {
    let settings = deployment.session().settings();
    if settings.import.is_empty() {
        return Ok(None);
    }
    let deployed = deployed(deployment)?;
    let is_deployed = |id: &str| deployed.is_some_and(|it| it.0.resource(id).is_some());
    let imported = settings.import.iter().filter(|(id, _)| !is_deployed(id));
    let imports = resources(deployment, imported)?;
    if imports.is_empty() {
        return Ok(None);
    }
    let (template, is_exact) = deployed.map_or((None, true), |it| (Some(it.0), it.1));
    let ids: Vec<&str> = imports.iter().map(|it| &*it.logical_id).collect();
    let build = deployment.build();
    let body = import::template(template, &build.template, &ids, is_exact).map_err(|found| {
        let found = found.into_iter();
        let found = found.map(|it| build.rendered.translate(it, &settings.origins));
        Error::input("the resources cannot be imported").with_diagnostics(found.collect())
    })?;
    let stack = deployment.stack().filter(|stack| stack.status.exists());
    Ok(Some(Import {
        build: build.importing(body, imports, stack)?,
        settings: unchanged_settings(settings, stack),
    }))
}

/// Says what an import does besides what the plan shows. Does nothing for another deployment.
pub(crate) fn explain(deployment: &Deployment<'_>) {
    if deployment.build().imports.is_empty() {
        return;
    }
    deployment.session().presenter().note(
        "\nThis only imports: what else differs from the files comes with the next plan. CloudFormation \
         puts the stack's tags on imported resources, and may set properties of some types to their \
         defaults. It does not compare the properties with the template.",
    );
}

/// Shows how the imported resources differ from the template, after an import that left this stack. Does
/// nothing after another deployment.
///
/// # Errors
///
/// If the service fails.
pub(crate) async fn finish(deployment: &mut Deployment<'_>, stack: &Stack) -> Result<()> {
    if deployment.build().imports.is_empty() {
        return Ok(());
    }
    let interrupt = deployment.interrupt().clone();
    interrupt.guard(deployment.read_after(Some(stack))).await?;
    let deployment = &*deployment;
    let (session, build) = (deployment.session(), deployment.build());
    let presenter = session.presenter();
    let ids = build.imports.iter().map(|it| it.logical_id.clone());
    let only: Vec<String> = ids.collect();
    if let Some(drift) = drift_detection::detect(deployment, &build.template, &only).await? {
        drift_detection::warn_if_incomplete(session, &drift);
        let name = deployment.service().name();
        presenter.data(&human::drift::drift(name, &drift, true, presenter.width()));
    }
    presenter.hint(&format!(
        "`{}` shows what else differs from the files",
        session.command("plan")
    ));
    Ok(())
}

/// Returns the deployed template, and whether every character of it is known; `None` if there is no
/// stack.
pub(crate) fn deployed<'d>(deployment: &'d Deployment<'_>) -> Result<Option<(&'d Template, bool)>> {
    // A stack in review has no template yet.
    let exists = deployment
        .stack()
        .is_some_and(|stack| stack.status.exists());
    let found = (deployment.deployed_template()).zip(deployment.read_deployed_model());
    let Some((text, template)) = found.filter(|_| exists) else {
        return Ok(None);
    };
    let template = template.map_err(|found| {
        Error::refused("nothing was done: the deployed template cannot be read")
            .with_diagnostics(found.to_vec())
    })?;
    Ok(Some((template, is_exact(deployment, text)?)))
}

/// Returns whether every character of the deployed template is known: `GetTemplate` returns `?` for each
/// one outside ASCII.
///
/// # Errors
///
/// If the cache folder belongs to another user.
pub(crate) fn is_exact(deployment: &Deployment<'_>, text: &str) -> Result<bool> {
    if !text.contains('?') {
        return Ok(true);
    }
    let name = &deployment.session().settings().stack_name;
    let cache = cache::root(deployment.session().context().ambient())?;
    let region = deployment.connection().region();
    let account = &deployment.identity().account;
    let sent =
        cache.and_then(|cache| LastDeployed::find(&cache, name, Some(account), Some(region)));
    Ok(sent.is_some_and(|sent| sent.template == text))
}

/// Returns the resources to import, with their types.
fn resources<'a>(
    deployment: &Deployment<'_>,
    imported: impl Iterator<Item = (&'a String, &'a IndexMap<String, String>)>,
) -> Result<Vec<ImportedResource>> {
    let (build, settings) = (deployment.build(), deployment.session().settings());
    let mut found = Vec::new();
    let mut resources = Vec::new();
    for (id, identifier) in imported {
        let kind = build.template.resource(id).and_then(|it| it.kind());
        let Some(kind) = kind else {
            found.push(unknown(settings, &build.template, id));
            continue;
        };
        resources.push(ImportedResource {
            logical_id: id.clone(),
            resource_type: kind.to_owned(),
            identifier: identifier.clone(),
        });
    }
    if found.is_empty() {
        return Ok(resources);
    }
    Err(Error::input("the resources cannot be imported").with_diagnostics(found))
}

/// Checks that the template has each resource that `[import]` names and the deployed template lacks.
///
/// # Errors
///
/// If it lacks one, at its place in the manifest.
pub(super) fn check_known(
    settings: &Settings,
    template: &Template,
    deployed: Option<&Template>,
) -> Result<()> {
    let has = |template: &Template, id: &str| template.resource(id).is_some();
    let ids = settings.import.keys();
    let missing =
        ids.filter(|id| !has(template, id) && !deployed.is_some_and(|deployed| has(deployed, id)));
    let found: Vec<Diagnostic> = missing.map(|id| unknown(settings, template, id)).collect();
    if found.is_empty() {
        return Ok(());
    }
    Err(Error::input("the resources cannot be imported").with_diagnostics(found))
}

/// Returns the error for a resource to import that the template does not have.
fn unknown(settings: &Settings, template: &Template, id: &str) -> Diagnostic {
    let origin = settings.origins.get(&format!("import.{id}"));
    let problem = Diagnostic::error(
        "unknown-resource",
        format!("the template has no resource `{id}` to import"),
        origin.place(""),
    );
    match nearest(id, template.resources().map(|it| it.logical_id())) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    }
}

/// Says that predicted imports come first, if the prediction has other changes too.
pub(crate) fn explain_prediction(session: &Session<'_>, plan: &Plan) {
    let imports = plan.summary().import;
    if imports > 0 && imports < plan.changes().len() {
        session.presenter().note(
            "\nThe import comes first, as a deployment of its own; the other changes come with the next \
             plan.",
        );
    }
}

/// Returns the settings with everything that an import must not change as it is in the stack.
pub(crate) fn unchanged_settings(settings: &Settings, stack: Option<&Stack>) -> Settings {
    let mut settings = settings.clone();
    settings.verify = None;
    let Some(stack) = stack else {
        // An import cannot add tags, not even to a new stack.
        settings.tags.clear();
        return settings;
    };
    settings.tags.clone_from(&stack.tags);
    settings.stack = stack_settings::kept(settings.stack, stack);
    settings
}
