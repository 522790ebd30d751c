//! The values that the project's files name, for the environments and stacks that the command line chooses.
//!
//! Whatever cannot be read has no values: there is nobody to whom a message could be shown.

use std::collections::BTreeSet;
use std::path::PathBuf;

use indexmap::IndexMap;

use super::setting_keys::settings;
use super::{Kind, Named};
use crate::artifact::package::Artifact;
use crate::cli::global::GlobalOptions;
use crate::config::ambient::Ambient;
use crate::config::cache;
use crate::config::manifest::{self, LOCAL, Manifest};
use crate::config::project::Project;
use crate::config::settings::{self, Overrides, Selection, Settings, Target};
use crate::diagnostic::SourceFile;
use crate::plan::last_deployed::LastDeployed;
use crate::template::node::Node;
use crate::template::{Template, render};

/// The types of functions.
const FUNCTIONS: [&str; 2] = ["AWS::Lambda::Function", "AWS::Serverless::Function"];

/// The project's values.
pub(super) struct Values<'a> {
    global: GlobalOptions,
    ambient: &'a Ambient,
    /// The project with its manifest; `None` if there is none.
    project: Option<(Project, Manifest)>,
}

impl<'a> Values<'a> {
    /// Returns the values of the project that these options choose.
    pub(super) fn new(mut global: GlobalOptions, ambient: &'a Ambient) -> Self {
        let variable = |name| ambient.variable(name).map(str::to_owned);
        if global.manifest.is_none() {
            global.manifest = variable("STACKCTL_MANIFEST").map(PathBuf::from);
        }
        if global.environments.is_empty() {
            global.environments.extend(variable("STACKCTL_ENV"));
        }
        Self {
            global,
            ambient,
            project: None,
        }
    }

    /// Returns the values of a kind; `typed` is what is typed of the value.
    pub(super) fn of(&mut self, kind: Kind, typed: &str) -> Vec<Named> {
        if self.project.is_none() {
            let folder = &self.ambient.current_dir;
            let Ok(project) = Project::find(folder, self.global.manifest.as_deref()) else {
                return Vec::new();
            };
            let manifest = manifest::parse(project.manifest());
            self.project = Some((project, manifest));
        }
        let Some((project, manifest)) = &self.project else {
            return Vec::new();
        };
        match kind {
            Kind::Environment => environments(manifest),
            Kind::Stack => stacks(manifest),
            Kind::Region => texts(manifest, "region"),
            Kind::Profile => texts(manifest, "profile"),
            Kind::Setting => self.settings(project, manifest, typed),
            Kind::Resource => self.resources(project, manifest, &[], false),
            Kind::ResourceOfStack => self.resources(project, manifest, &[], true),
            Kind::Function => self.resources(project, manifest, &FUNCTIONS, false),
            Kind::Output => self.outputs(project, manifest),
        }
    }

    /// Returns the chosen stacks.
    fn targets(&self, manifest: &Manifest) -> Vec<Target> {
        let selection = Selection {
            stacks: self.global.stacks(),
            environments: self.global.environments(),
            all_environments: self.global.all_environments,
        };
        let overrides = Overrides {
            stack: None,
            environment: None,
            region: self.global.region.clone(),
            profile: self.global.profile.clone(),
            set: self.global.set.clone(),
        };
        settings::choose(manifest, &selection, &overrides, self.ambient).unwrap_or_default()
    }

    /// Returns the templates of the chosen stacks: of the files, and what was last deployed from this
    /// machine, each with its stack.
    fn templates(&self, project: &Project, manifest: &Manifest) -> Vec<(Option<String>, Template)> {
        let cache = cache::root(self.ambient).ok().flatten();
        let mut templates = Vec::new();
        for target in self.targets(manifest) {
            let settings = target.settings;
            let last = cache.as_deref().and_then(|cache| {
                let (account, region) = (settings.account.as_deref(), settings.region.as_deref());
                let last = LastDeployed::find(cache, &settings.stack_name, account, region)?;
                let source = SourceFile::new("the deployed template", last.template);
                Template::parse_deployed(&source).ok()
            });
            let of_files = of_files(project, settings);
            let found = of_files.into_iter().chain(last);
            templates.extend(found.map(|template| (target.stack.clone(), template)));
        }
        templates
    }

    /// Returns the logical ids of resources, of all types if `types` is empty. If `with_stacks`, those that
    /// several stacks have are `STACK:ID`.
    fn resources(
        &self,
        project: &Project,
        manifest: &Manifest,
        types: &[&str],
        with_stacks: bool,
    ) -> Vec<Named> {
        let templates = self.templates(project, manifest);
        let mut stacks_of: IndexMap<&str, (BTreeSet<&str>, &str)> = IndexMap::new();
        for (stack, template) in &templates {
            for resource in template.resources() {
                let kind = resource.kind().unwrap_or_default();
                if types.is_empty() || types.contains(&kind) {
                    let (stacks, _) = stacks_of
                        .entry(resource.logical_id())
                        .or_insert_with(|| (BTreeSet::new(), kind));
                    stacks.extend(stack.as_deref());
                }
            }
        }
        let mut found = Vec::new();
        for (id, (stacks, kind)) in stacks_of {
            if with_stacks && stacks.len() > 1 {
                let texts = stacks.iter().map(|stack| format!("{stack}:{id}"));
                found.extend(texts.map(|text| Named::new(&text, kind.to_owned())));
            } else {
                found.push(Named::new(id, kind.to_owned()));
            }
        }
        found
    }

    fn outputs(&self, project: &Project, manifest: &Manifest) -> Vec<Named> {
        let mut found: IndexMap<String, Named> = IndexMap::new();
        for (_, template) in self.templates(project, manifest) {
            for output in template.outputs() {
                let entry = output.entry;
                let description = entry.node.get("Description").and_then(|it| it.as_str());
                let named = Named::new(entry.name, description.unwrap_or_default().to_owned());
                found.entry(entry.name.to_owned()).or_insert(named);
            }
        }
        found.into_values().collect()
    }

    fn settings(&self, project: &Project, manifest: &Manifest, typed: &str) -> Vec<Named> {
        // Templates are read only for the names of parameters and their values.
        let names = |path: &[&str]| {
            let mut found = names_at(manifest, path);
            if path.last() == Some(&"parameters") {
                for (_, template) in self.templates_below(project, manifest, path) {
                    for parameter in template.parameters() {
                        let kind = parameter.kind().unwrap_or_default().to_owned();
                        let name = parameter.entry.name;
                        match found.iter_mut().find(|named| named.text == name) {
                            Some(named) => named.description = kind,
                            None => found.push(Named::new(name, kind)),
                        }
                    }
                }
            }
            found
        };
        let values = |path: &[&str]| {
            let [before @ .., "parameters", name] = path else {
                return match path {
                    ["environment"] => environments(manifest),
                    [.., key @ ("region" | "profile")] => texts(manifest, key),
                    _ => Vec::new(),
                };
            };
            let path: Vec<&str> = before.iter().copied().chain(["parameters"]).collect();
            let mut found = Vec::new();
            for (_, template) in self.templates_below(project, manifest, &path) {
                let parameter = template.parameter(name).filter(|it| !it.no_echo());
                let allowed = parameter.and_then(|it| it.allowed_values());
                let texts = allowed.into_iter().flatten().filter_map(Node::scalar);
                found.extend(texts.map(|text| Named::new(&text, String::new())));
            }
            found
        };
        settings(manifest, typed, &names, &values)
    }

    /// Returns the templates of the stacks to which a key at `path` belongs.
    fn templates_below(
        &self,
        project: &Project,
        manifest: &Manifest,
        path: &[&str],
    ) -> Vec<(Option<String>, Template)> {
        let mut templates = self.templates(project, manifest);
        if let ["stacks", name, ..] = path {
            templates.retain(|(stack, _)| stack.as_deref() == Some(*name));
        }
        templates
    }
}

/// Returns the stack's template as the files say. The keys of its artifacts are placeholders.
fn of_files(project: &Project, mut settings: Settings) -> Option<Template> {
    project.add_default_artifact(&mut settings);
    let folder = project.template(&settings.template).ok()?;
    let names = settings.artifacts.keys();
    let artifacts = names.map(|name| {
        let artifact = Artifact::not_built(&settings.project, name).ok()?;
        Some((name.clone(), artifact))
    });
    let artifacts: IndexMap<String, Artifact> = artifacts.collect::<Option<_>>()?;
    let rendered = render::render(&folder, &settings, &artifacts).ok()?;
    Template::parse(rendered.source()).ok()
}

fn environments(manifest: &Manifest) -> Vec<Named> {
    let environments = manifest.environments().into_iter().enumerate();
    let named = environments.map(|(index, name)| {
        let description = match name {
            LOCAL => "the embedded emulator",
            _ if index == 0 => "the default environment",
            _ => "",
        };
        Named::new(name, description.to_owned())
    });
    named.collect()
}

fn stacks(manifest: &Manifest) -> Vec<Named> {
    let stacks = manifest.stacks().into_iter();
    let named = stacks.map(|name| {
        let template = manifest.texts_at(&["stacks", name, "template"]).pop();
        Named::new(name, template.unwrap_or_default().to_owned())
    });
    named.collect()
}

/// Returns the texts that the manifest has for a key, of all environments and stacks.
fn texts(manifest: &Manifest, key: &str) -> Vec<Named> {
    let mut found: Vec<Named> = Vec::new();
    for text in manifest.texts_at(&[key]) {
        if found.iter().all(|named| named.text != text) {
            found.push(Named::new(text, String::new()));
        }
    }
    found
}

/// Returns the names that the manifest has in a table, of all environments and stacks.
fn names_at(manifest: &Manifest, path: &[&str]) -> Vec<Named> {
    if path == ["stacks"] {
        return stacks(manifest);
    }
    let mut found: Vec<Named> = Vec::new();
    for name in manifest.names_at(path) {
        if found.iter().all(|named| named.text != name) {
            found.push(Named::new(name, String::new()));
        }
    }
    found
}
