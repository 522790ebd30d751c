//! The resource graph of the project's files, and that of a plan.

use indexmap::IndexMap;

use super::build::Build;
use super::examine;
use super::package_tree::stacks::child_of;
use super::package_tree::{LOCAL_PATH, Tree};
use super::session::Session;
use super::upstream::project_stacks::values_of;
use crate::artifact::package::Artifact;
use crate::cloudformation::change_set::ChangeSet;
use crate::cloudformation::stack::pseudo_parameters;
use crate::config::settings::Settings;
use crate::diagnostic::{Diagnostic, Severity};
use crate::error::{Error, Result};
use crate::plan::resource_graph::{ResourceGraph, StackInput, StackPart, add_changes, of_template};
use crate::plan::stack_reads::StackReads;
use crate::template::evaluate::{Evaluated, Evaluator, NO_ECHO};
use crate::template::{Resource, Template};

/// Returns the graph of a plan. `values` are the values of the parameters, `deployed` is the deployed
/// template, with the new logical ids of what is renamed.
pub(crate) fn of_plan(
    build: &Build,
    values: &IndexMap<String, String>,
    settings: &Settings,
    change_set: Option<&ChangeSet>,
    deployed: Option<&Template>,
) -> ResourceGraph {
    let types = &settings.stack.protected_types;
    let nested = |_: &Template, resource: Resource<'_>| {
        child_of(resource, &build.children).map(|child| &child.template)
    };
    let mut graph = of_template(&build.template, values, &nested, types);
    if let Some(change_set) = change_set {
        add_changes(&mut graph, change_set, deployed, types);
    }
    graph
}

/// Reads the template and its nested templates as the files are. Nothing is built, nothing is sent anywhere, and no
/// code needs to be there.
///
/// # Errors
///
/// What is wrong with them.
pub(crate) fn read_files(session: &Session<'_>) -> Result<Tree> {
    let settings = session.settings();
    let names = settings.artifacts.keys();
    let artifacts = names.map(|name| {
        let artifact = Artifact::not_built(&settings.project, name)?;
        Ok((name.clone(), artifact))
    });
    let artifacts = artifacts.collect::<Result<IndexMap<_, _>>>()?;
    let secrets = session.presenter().secrets();
    let tree = examine::survey(session.project(), settings, &artifacts, secrets)?;
    // Missing code does not change the template.
    let wrong = tree.findings().iter();
    let wrong = wrong.filter(|it| it.severity == Severity::Error && it.rule != LOCAL_PATH);
    let wrong: Vec<Diagnostic> = wrong.cloned().collect();
    if !wrong.is_empty() {
        let name = settings.template.display();
        return Err(
            Error::input(format!("what `{name}` contains is not valid")).with_diagnostics(wrong)
        );
    }
    Ok(tree)
}

/// Returns the template itself.
///
/// # Errors
///
/// What is wrong with it.
pub(crate) fn root_of<'t>(session: &Session<'_>, tree: &'t Tree) -> Result<&'t Template> {
    let settings = session.settings();
    tree.root_template().as_ref().map_err(|found| {
        let name = settings.template.display();
        let found = found.iter().cloned();
        let found = found.map(|it| tree.root().translate(it, &settings.origins));
        Error::input(format!("`{name}` is not a CloudFormation template"))
            .with_diagnostics(found.collect())
    })
}

/// Returns a stack of the project as its files are.
///
/// # Errors
///
/// Those of [`read_files`] and [`root_of`].
pub(crate) fn of_files(session: &Session<'_>) -> Result<StackPart> {
    let settings = session.settings();
    let tree = read_files(session)?;
    let template = root_of(session, &tree)?;
    let values = known_values(session, template);
    let nested = |within: &Template, resource: Resource<'_>| tree.nested(within, resource);
    let types = &settings.stack.protected_types;
    let graph = of_template(template, &values, &nested, types);
    let label = session.context().label();
    Ok(part(label, settings, graph, Some((template, &values))))
}

/// Returns one of several stacks. `label` tells it apart from the others. Without its template and the
/// values of the parameters, it is not known what the stack reads of others by it.
pub(crate) fn part(
    label: &str,
    settings: &Settings,
    graph: ResourceGraph,
    template: Option<(&Template, &IndexMap<String, String>)>,
) -> StackPart {
    let evaluator = template.map(|(template, values)| Evaluator::new(template, values));
    let inputs = settings.parameters.iter().filter_map(|(name, value)| {
        let (stack, output) = value.stack_output()?;
        Some(StackInput {
            parameter: name.clone(),
            stack: stack.to_owned(),
            output: output.to_owned(),
        })
    });
    StackPart {
        label: label.to_owned(),
        key: settings.stack_key.clone(),
        environment: settings.environment.clone(),
        stack_name: settings.stack_name.clone(),
        region: settings.region.clone(),
        graph,
        needs: settings.needs.clone(),
        inputs: inputs.collect(),
        exports: evaluator.as_ref().map(exports).unwrap_or_default(),
        reads: evaluator.as_ref().map(StackReads::of).unwrap_or_default(),
        hidden: None,
    }
}

/// Returns the names of the exports that are known.
fn exports(evaluator: &Evaluator<'_>) -> Vec<String> {
    let outputs = evaluator.template().outputs();
    let names = outputs.filter_map(|output| match evaluator.value(output.export_name()?) {
        Evaluated::Scalar(name) => Some(name.into_owned()),
        _ => None,
    });
    names.collect()
}

/// Returns the values of the parameters, and of the pseudo parameters that the settings know.
pub(crate) fn known_values(session: &Session<'_>, template: &Template) -> IndexMap<String, String> {
    let settings = session.settings();
    let mut values = values_of(settings, template);
    let account = settings.account.as_deref().unwrap_or(NO_ECHO);
    let region = settings.region.as_deref().unwrap_or(NO_ECHO);
    let pseudo = pseudo_parameters(account, region, &settings.stack_name);
    values.extend(
        pseudo
            .into_iter()
            .filter(|(_, value)| !value.contains(NO_ECHO)),
    );
    values
}
