//! The files of other tools next to a template: `samconfig.toml` and parameter files.

use std::path::Path;

use super::draft::{Draft, Layer, Setting, Sourced, Value};
use super::parameter_file::{self, ParameterFile};
use super::sam_config::{self, SamEnvironment};
use super::source::{self, Source};
use crate::config::project;
use crate::error::{Error, Result};
use crate::operations::context::Context;
use crate::operations::init::name;
use crate::template::capability::Capability;
use crate::util::suggest::quoted;

/// Folders next to a template that often hold its parameter files.
const FOLDERS: [&str; 3] = ["parameters", "params", "config"];

/// The words in the name of a parameter file that name no environment.
const WORDS: [&str; 6] = [
    "parameters",
    "parameter",
    "params",
    "param",
    "config",
    "cfn",
];

/// The configuration of AWS SAM.
const SAM_CONFIG: &str = "samconfig.toml";

/// Reads the files next to the template into the draft, and prints what was read. `named` are the
/// parameter files that the user names; if there are none, those next to the template are looked for.
///
/// # Errors
///
/// If a file that the user names cannot be read.
pub(super) fn read(
    context: &Context,
    source: &Source,
    named: &[&Path],
    draft: &mut Draft<'_>,
) -> Result<()> {
    let report = Report {
        context,
        folder: source.shown.parent().unwrap_or(Path::new("")),
    };
    if named.is_empty() {
        find_parameter_files(&report, source, draft);
    }
    read_sam_config(&report, source, draft);
    for path in named {
        let text = project::named_text(&context.ambient().current_dir, path)?;
        let shown = path.display().to_string();
        let file = parameter_file::parse(&text.text)
            .map_err(|what| Error::input(format!("`{shown}` {what}")))?;
        take_parameter_file(&report, &shown, &file, None, draft);
    }
    Ok(())
}

/// Prints what was read.
struct Report<'a> {
    context: &'a Context,
    /// The template's folder as the user named it.
    folder: &'a Path,
}

impl Report<'_> {
    fn note(&self, text: &str) {
        self.context.presenter().note(text);
    }

    fn warning(&self, text: &str) {
        self.context.presenter().warning(text);
    }

    /// Prints what was read from a file.
    fn read(&self, shown: &str, what: &[String], environment: Option<&str>) {
        let into =
            environment.map_or_else(String::new, |name| format!(" for the environment `{name}`"));
        self.note(&format!("read {shown}: {}{into}", what.join(", ")));
    }

    /// Prints what was not taken from a file.
    fn taken(&self, shown: &str, taken: &Taken, left_out: &[String]) {
        if !taken.unknown.is_empty() {
            self.note(&format!(
                "not taken from {shown}: {}, which the template does not have",
                quoted(taken.unknown.iter().map(String::as_str))
            ));
        }
        if !left_out.is_empty() {
            self.note(&format!("not taken from {shown}: {}", left_out.join("; ")));
        }
        if !taken.secrets.is_empty() {
            self.warning(&format!(
                "{shown} contains {}, which the template declares as secret (NoEcho) and which init does not \
                 copy; keep the file out of version control",
                quoted(taken.secrets.iter().map(String::as_str))
            ));
        }
    }

    fn shown(&self, file: &str) -> String {
        self.folder.join(file).display().to_string()
    }
}

/// Reads the parameter files next to the template that have values for its parameters.
fn find_parameter_files(report: &Report<'_>, source: &Source, draft: &mut Draft<'_>) {
    let Some(template) = draft.template else {
        return;
    };
    let folder = source.file.parent().unwrap_or(Path::new(""));
    let template_name = source
        .file
        .file_name()
        .unwrap_or_default()
        .to_string_lossy();
    let files = source::files_near(&source.file, &FOLDERS);
    for file in &files {
        let environment = match purpose_of(file, &template_name) {
            Purpose::None => continue,
            Purpose::EveryEnvironment => None,
            Purpose::Environment(name) => Some(name),
        };
        // The parameters of another template in the same folder.
        let is_others = environment.as_deref().is_some_and(|name| {
            let names = [".yaml", ".yml", ".json", ".template"].map(|it| format!("{name}{it}"));
            files.iter().any(|file| names.contains(file))
        });
        let parsed = source::text(&folder.join(file)).map(|text| parameter_file::parse(&text));
        let Some(Ok(parsed)) = parsed.filter(|_| !is_others) else {
            continue;
        };
        let is_known = |(name, _): &(String, String)| template.parameter(name).is_some();
        if parsed.parameters.iter().any(is_known) {
            let shown = report.shown(file);
            take_parameter_file(report, &shown, &parsed, environment.as_deref(), draft);
        }
    }
}

/// What the name of a file says about it.
#[derive(Debug, PartialEq, Eq)]
enum Purpose {
    /// It is no parameter file.
    None,
    /// Its values hold in every environment.
    EveryEnvironment,
    /// Its values hold in this environment.
    Environment(String),
}

/// Returns what a file is for, if it is next to a template of this name.
fn purpose_of(file: &str, template: &str) -> Purpose {
    const SEPARATORS: [char; 3] = ['.', '-', '_'];
    let (folder, name) = file.rsplit_once('/').unwrap_or(("", file));
    let Some(stem) = name.strip_suffix(".json").filter(|_| name != template) else {
        return Purpose::None;
    };
    let template_stem = template.split('.').next().unwrap_or_default();
    let rest = stem
        .strip_prefix(template_stem)
        .filter(|rest| rest.is_empty() || rest.starts_with(SEPARATORS))
        .unwrap_or(stem);
    let words: Vec<&str> = rest
        .split(SEPARATORS)
        .filter(|word| !word.is_empty())
        .collect();
    let is_name = |word: &&str| !WORDS.contains(&word.to_lowercase().as_str());
    let names: Vec<&str> = words.iter().copied().filter(is_name).collect();
    let is_parameter_file =
        !folder.is_empty() || names.len() < words.len() || rest.len() < stem.len();
    match &names[..] {
        _ if !is_parameter_file => Purpose::None,
        [] => Purpose::EveryEnvironment,
        names => Purpose::Environment(names.join("-")),
    }
}

/// Takes the values of a parameter file into the draft.
fn take_parameter_file(
    report: &Report<'_>,
    shown: &str,
    file: &ParameterFile,
    environment: Option<&str>,
    draft: &mut Draft<'_>,
) {
    let environment = environment.map(name::environment);
    let environment = environment.as_deref();
    let taken = take_parameters(shown, &file.parameters, environment, draft);
    let layer = layer(draft, environment);
    for (key, value) in &file.tags {
        let value = Sourced::new(value.clone(), shown);
        layer.tags.insert(key.clone(), value);
    }
    let mut read = vec![counted(taken.count, "parameter")];
    if !file.tags.is_empty() {
        read.push(counted(file.tags.len(), "tag"));
    }
    report.read(shown, &read, environment);
    report.taken(shown, &taken, &file.left_out);
}

/// What was taken of the values in a file.
#[derive(Default)]
struct Taken {
    count: usize,
    /// The parameters that the template lacks.
    unknown: Vec<String>,
    /// The secrets, whose values are not taken.
    secrets: Vec<String>,
}

/// Takes values of parameters into the draft.
fn take_parameters(
    shown: &str,
    parameters: &[(String, String)],
    environment: Option<&str>,
    draft: &mut Draft<'_>,
) -> Taken {
    let (project, template) = (draft.project.clone(), draft.template);
    let mut taken = Taken::default();
    for (name, value) in parameters {
        if template.is_some_and(|template| template.parameter(name).is_none()) {
            taken.unknown.push(name.clone());
            continue;
        }
        let layer = layer(draft, environment);
        match layer.set_parameter(&project, template, (name, value), shown) {
            Value::Secret(_) => taken.secrets.push(name.clone()),
            Value::Text(_) | Value::Previous => taken.count += 1,
        }
    }
    taken
}

fn read_sam_config(report: &Report<'_>, source: &Source, draft: &mut Draft<'_>) {
    let folder = sam_folder(source.file.parent().unwrap_or(Path::new("")));
    let shown = |file: &str| sam_folder(report.folder).join(file).display().to_string();
    for other in ["samconfig.yaml", "samconfig.yml"] {
        if source::text(&folder.join(other)).is_some() {
            report.warning(&format!(
                "{} is not read; only {SAM_CONFIG} is",
                shown(other)
            ));
        }
    }
    let Some(text) = source::text(&folder.join(SAM_CONFIG)) else {
        return;
    };
    let shown = shown(SAM_CONFIG);
    let environments = match sam_config::parse(&text) {
        Ok(environments) => environments,
        Err(what) => return report.warning(&format!("{shown} is not read: it {what}")),
    };
    let is_alone = environments.len() == 1;
    for environment in &environments {
        let is_default = environment.name == "default";
        let name = (!(is_alone && is_default)).then(|| name::environment(&environment.name));
        if let Some(name) = &name
            && (is_alone || is_default)
        {
            draft.environment = Some(name.clone());
        }
        take_sam_environment(report, &shown, environment, name.as_deref(), draft);
    }
    keep_defaults(&environments, &shown, draft);
}

/// Returns the folder with the configuration of AWS SAM for a template in `folder`. `sam build` writes its
/// template to `.aws-sam/build`.
fn sam_folder(folder: &Path) -> &Path {
    let mut above = folder.ancestors();
    let output = above.find(|it| it.ends_with(".aws-sam"));
    output.and_then(Path::parent).unwrap_or(folder)
}

/// Gives the environments other than `default` the template's defaults, because they do not inherit the
/// values of `default` in AWS SAM.
fn keep_defaults(environments: &[SamEnvironment], shown: &str, draft: &mut Draft<'_>) {
    let Some(template) = draft.template else {
        return;
    };
    let from = format!("the template's default; [default] of {shown} does not apply here");
    for environment in environments.iter().filter(|it| it.name != "default") {
        let layer = draft
            .environments
            .entry(name::environment(&environment.name))
            .or_default();
        for (parameter, sourced) in &draft.top.parameters {
            let declared = template.parameter(parameter).filter(|it| !it.no_echo());
            let default = declared.and_then(|it| it.default()?.scalar());
            if let Some(default) = default.map(|it| Value::Text(it.into_owned()))
                && sourced.value != default
                && !layer.parameters.contains_key(parameter)
                && sourced.from.contains(shown)
            {
                layer
                    .parameters
                    .insert(parameter.clone(), Sourced::new(default, &from));
            }
        }
    }
}

fn take_sam_environment(
    report: &Report<'_>,
    shown: &str,
    environment: &SamEnvironment,
    name: Option<&str>,
    draft: &mut Draft<'_>,
) {
    let source = format!("[{}] of {shown}", environment.name);
    // The local environment needs values too.
    let parameters_of = name.filter(|_| environment.name != "default");
    let taken = take_parameters(&source, &environment.parameters, parameters_of, draft);
    let derived: Vec<String> = draft.template.map_or_else(Vec::new, |template| {
        let derived = template.required_capabilities();
        derived.iter().map(ToString::to_string).collect()
    });
    let layer = layer(draft, name);
    for (key, value) in [
        ("stack_name", &environment.stack_name),
        ("region", &environment.region),
        ("profile", &environment.profile),
        ("artifact_bucket", &environment.s3_bucket),
    ] {
        if let Some(value) = value {
            let value = Setting::Text(value.clone());
            layer.keys.insert(key, Sourced::new(value, shown));
        }
    }
    for (key, value) in &environment.tags {
        layer
            .tags
            .insert(key.clone(), Sourced::new(value.clone(), shown));
    }
    // stackctl derives capabilities from the template; those that it derives need no key.
    let is_derived = |name: &&String| derived.contains(name);
    if !environment
        .capabilities
        .iter()
        .all(|name| is_derived(&name))
    {
        let more = environment
            .capabilities
            .iter()
            .filter(|name| !is_derived(name));
        let mut list: Vec<String> = derived.iter().chain(more).cloned().collect();
        if list
            .iter()
            .any(|name| name == Capability::NamedIam.as_str())
        {
            // It includes the weaker one.
            list.retain(|name| name != Capability::Iam.as_str());
        }
        layer
            .stack
            .insert("capabilities", Sourced::new(Setting::List(list), shown));
    }
    if let Some(role) = &environment.role_arn {
        layer
            .stack
            .insert("role_arn", Sourced::new(Setting::Text(role.clone()), shown));
    }
    if !environment.notification_arns.is_empty() {
        let list = Setting::List(environment.notification_arns.clone());
        layer
            .stack
            .insert("notification_arns", Sourced::new(list, shown));
    }
    if !environment.read.is_empty() {
        report.read(&source, &environment.read, name);
    }
    report.taken(&source, &taken, &environment.left_out);
}

fn layer<'d>(draft: &'d mut Draft<'_>, environment: Option<&str>) -> &'d mut Layer {
    match environment {
        None => &mut draft.top,
        Some(name) => draft.environments.entry(name.to_owned()).or_default(),
    }
}

fn counted(count: usize, noun: &str) -> String {
    match count {
        1 => format!("1 {noun}"),
        count => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::{Purpose, purpose_of, sam_folder};

    #[test]
    fn output_of_sam_build_has_its_configuration_above() {
        for (folder, expected) in [
            ("app/.aws-sam/build", "app"),
            (".aws-sam/build", ""),
            ("app", "app"),
            ("", ""),
        ] {
            assert_eq!(sam_folder(Path::new(folder)), Path::new(expected));
        }
    }

    #[test]
    fn name_of_a_parameter_file_names_the_environment() {
        for (file, expected) in [
            ("parameters.json", Some("")),
            ("params.json", Some("")),
            ("app.parameters.json", Some("")),
            ("app-params-prod.json", Some("prod")),
            ("app.prod.json", Some("prod")),
            ("parameters-eu_prod.json", Some("eu-prod")),
            ("prod.parameters.json", Some("prod")),
            ("prod-config.json", Some("prod")),
            ("parameters/prod.json", Some("prod")),
            ("config/app-prod.json", Some("prod")),
            ("package.json", None),
            ("application.json", None),
            ("app.json", None),
            ("parameters.yaml", None),
        ] {
            let expected = match expected {
                None => Purpose::None,
                Some("") => Purpose::EveryEnvironment,
                Some(name) => Purpose::Environment(name.to_owned()),
            };
            assert_eq!(purpose_of(file, "app.json"), expected, "{file}");
        }
    }
}
