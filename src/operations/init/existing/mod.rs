//! A manifest for a template that exists.
//!
//! The template is never changed. What other tools know about the stack, in `samconfig.toml` and in
//! parameter files, is taken over. What nobody knows is asked for, or marked in the manifest.

pub(super) mod code;
pub(super) mod draft;
mod kind;
pub(super) mod manifest_text;
mod other_tools;
mod parameter_file;
mod remarks;
mod sam_config;
pub(super) mod source;

use std::path::Path;

use indexmap::{IndexMap, IndexSet};

use super::folder::Folder;
use super::name;
use crate::config::manifest;
use crate::config::project::{MANIFEST, Project};
use crate::error::{Error, Result};
use crate::operations::context::Context;
use crate::present::Presenter;
use crate::template::validate::parameters::{self, Given};
use crate::template::{Parameter, Template};
use crate::util::suggest::quoted;
use code::{Build, Code};
use draft::{Draft, Layer, Sourced, Value};

/// Writes a manifest for the template `file` to a folder. `parameters` are files with values for its
/// parameters.
///
/// # Errors
///
/// Refused, before anything is written, if the folder has a manifest. An input error if the file is no
/// template, is outside the folder, or if a parameter file cannot be read.
pub(crate) async fn write(
    context: &Context,
    folder: &Path,
    file: &Path,
    parameter_files: &[&Path],
) -> Result<()> {
    let presenter = context.presenter();
    let folder = Folder::new(context, folder)?;
    if folder.has(MANIFEST) {
        let shown = folder.shown(MANIFEST);
        let error = Error::refused(format!(
            "init would overwrite a file that exists: `{shown}`"
        ));
        return Err(error.hint(if has_stacks(context, &folder) {
            format!("to deploy one more template, add a table `[stacks.NAME]` to `{shown}`")
        } else {
            format!("to deploy another template, change `template` in `{shown}`")
        }));
    }
    let source = source::open(context, &folder, file)?;
    let mut draft = Draft {
        project: folder.project(),
        path: &source.path,
        template: source.template.as_ref(),
        environment: None,
        top: Layer::default(),
        environments: IndexMap::new(),
        code: Code::default(),
        remarks: Vec::new(),
    };
    if let Some(template) = &source.template {
        draft.code = code::read(&folder.path(""), &source.path, template);
        draft.remarks = remarks::of(template, &source.path, &draft.code.nested);
    }
    other_tools::read(context, &source, parameter_files, &mut draft)?;
    if let Some(template) = &source.template {
        ask(presenter, template, &mut draft).await?;
    }
    folder.write(MANIFEST, manifest_text::write(&draft).as_bytes())?;
    folder.report_project(&draft.project);
    report_missing(presenter, &draft);
    for remark in &draft.remarks {
        presenter.note(remark);
    }
    report_code(presenter, &draft.code);
    super::hint_first_plans(context, &folder);
    Ok(())
}

/// Returns whether the manifest of a folder has several stacks.
fn has_stacks(context: &Context, folder: &Folder) -> bool {
    let path = folder.path(MANIFEST);
    let project = Project::find(&context.ambient().current_dir, Some(&path));
    project.is_ok_and(|it| !manifest::parse(it.manifest()).stacks().is_empty())
}

/// Asks for the values of parameters that have none. Without a terminal, nothing is asked.
async fn ask(presenter: &Presenter, template: &Template, draft: &mut Draft<'_>) -> Result<()> {
    if !presenter.is_interactive() {
        return Ok(());
    }
    for parameter in without_value(template, draft) {
        let name = parameter.entry.name;
        let question = format!(
            "{name} ({}; Enter leaves it open):",
            manifest_text::constraints(&parameter)
        );
        loop {
            let answer = presenter.ask(&question, "stackctl init").await?;
            if answer.is_empty() {
                break;
            }
            if let Some(fault) = fault(template, name, &answer) {
                presenter.warning(&fault);
                continue;
            }
            let value = Sourced::new(Value::Text(answer), "");
            draft.top.parameters.insert(name.to_owned(), value);
            break;
        }
    }
    Ok(())
}

/// Returns the parameters without a default for which no file has a value. Secrets have one: they are
/// read from environment variables.
fn without_value<'t>(template: &'t Template, draft: &Draft<'_>) -> Vec<Parameter<'t>> {
    let is_open = |parameter: &Parameter<'_>| {
        let is_given = |layer: &Layer| layer.parameters.contains_key(parameter.entry.name);
        parameter.default().is_none()
            && !parameter.no_echo()
            && !is_given(&draft.top)
            && !draft.environments.values().any(is_given)
    };
    template.parameters().filter(is_open).collect()
}

/// Returns why a parameter cannot have a value.
fn fault(template: &Template, name: &str, value: &str) -> Option<String> {
    let given = Given {
        name,
        value: Some(value),
        place: None,
    };
    let found = parameters::check_values(template, &[given]);
    let fault = found.into_iter().find(|it| it.rule == "value-not-allowed");
    fault.map(|fault| fault.message)
}

/// Prints which values the manifest still needs.
fn report_missing(presenter: &Presenter, draft: &Draft<'_>) {
    let Some(template) = draft.template else {
        return;
    };
    let open = without_value(template, draft);
    if !open.is_empty() {
        let names: Vec<&str> = open.iter().map(|parameter| parameter.entry.name).collect();
        presenter.note(&format!(
            "{} in {MANIFEST}: {}",
            match names.len() {
                1 => "a parameter needs a value".to_owned(),
                count => format!("{count} parameters need a value"),
            },
            quoted(names)
        ));
    }
    let variables = secret_variables(template, draft);
    if !variables.is_empty() {
        presenter.note(&format!(
            "secrets are read from the environment; set {}",
            variables.join(", ")
        ));
    }
}

/// Prints which code has to be built, and how.
fn report_code(presenter: &Presenter, code: &Code) {
    for artifact in &code.artifacts {
        let path = &artifact.path;
        match &artifact.build {
            Build::Python(python) => {
                presenter.note(&format!(
                    "{path}: stackctl adds the packages in {}",
                    python.lock
                ));
                if let Some(command) = python.lock_command() {
                    presenter.hint(&format!("make the lock file, with hashes: `{command}`"));
                }
            }
            Build::None => {}
            Build::Command(reason) => presenter.note(&format!(
                "{path} has to be built: {reason}; see [artifacts.{}] in {MANIFEST}",
                artifact.name
            )),
        }
    }
}

/// Returns the environment variables that the manifest reads, each once.
fn secret_variables(template: &Template, draft: &Draft<'_>) -> Vec<String> {
    let from_files = std::iter::once(&draft.top)
        .chain(draft.environments.values())
        .flat_map(|layer| layer.parameters.values())
        .filter_map(|sourced| match &sourced.value {
            Value::Secret(variable) => Some(variable.clone()),
            Value::Text(_) | Value::Previous => None,
        });
    let without_default = template
        .parameters()
        .filter(|parameter| parameter.no_echo() && parameter.default().is_none())
        .map(|parameter| name::variable(parameter.entry.name, &draft.project));
    let variables: IndexSet<String> = without_default.chain(from_files).collect();
    variables.into_iter().collect()
}
