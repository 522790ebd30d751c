//! Reads a template and its nested templates, and finds their local paths.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use indexmap::IndexMap;
use indexmap::map::Entry as MapEntry;

use super::{LOCAL_PATH, Parsed, Target, needs_named_bucket, zip_name};
use crate::artifact::package::{self, Artifact};
use crate::artifact::unbuilt::unbuilt;
use crate::config::project::{
    ArtifactFiles, Entry, Project, TemplateFolder, UNZIPPED_LIMIT, entry, folder_files, lone_file,
    relative_path,
};
use crate::config::secret::Secrets;
use crate::config::settings::Settings;
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::error::{Error, Result};
use crate::plan::masking::{self, Declared};
use crate::template::local_paths::table::Content;
use crate::template::local_paths::{self, LocalPath};
use crate::template::render::{self, RenderedTemplate};
use crate::template::{Resource, Template};
use crate::util::suggest::nearest;

/// How deep templates may be nested. CloudFormation documents no limit of its own.
const DEEPEST: usize = 64;

/// The template of a stack, its nested templates, and what their local paths lead to.
#[derive(Debug)]
pub(crate) struct Tree {
    /// The template of the stack.
    pub(super) root: RenderedTemplate,
    /// Its model, or why its text is no template.
    pub(super) root_template: Parsed,
    pub(super) root_paths: Vec<(LocalPath, Target)>,
    /// The nested templates by path, each after its own children.
    pub(super) templates: IndexMap<PathBuf, SurveyedTemplate>,
    /// The folders and lone files that become zips.
    pub(super) zips: IndexMap<PathBuf, ArtifactFiles>,
    /// The files that are zips already.
    pub(super) existing_zips: IndexMap<PathBuf, Artifact>,
    /// The files that are uploaded as they are.
    pub(super) files: IndexMap<PathBuf, Content>,
    findings: Vec<Diagnostic>,
}

/// A nested template before its local paths are replaced.
#[derive(Debug)]
pub(super) struct SurveyedTemplate {
    pub(super) rendered: RenderedTemplate,
    pub(super) template: Template,
    pub(super) paths: Vec<(LocalPath, Target)>,
}

impl Tree {
    /// Reads a template and its nested templates. `folder` is the opened template, `artifacts` are those
    /// of the manifest.
    ///
    /// # Errors
    ///
    /// If the template cannot be rendered. What is wrong with its paths and with the nested templates
    /// is among the [`findings`](Self::findings).
    pub(crate) fn survey(
        project: &Project,
        settings: &Settings,
        folder: &TemplateFolder,
        artifacts: &IndexMap<String, Artifact>,
        secrets: &Secrets,
    ) -> Result<Self> {
        let parameters = &settings.parameters;
        masking::learn(secrets, &masking::declared_in(folder.main()), parameters);
        let root = render::render(folder, settings, artifacts)?;
        let root_template = Template::parse(root.source());
        masking::learn(secrets, &declared(&root_template, &root), parameters);
        let tree = Self {
            root: root.clone(),
            root_template: Err(Vec::new()),
            root_paths: Vec::new(),
            templates: IndexMap::new(),
            zips: IndexMap::new(),
            existing_zips: IndexMap::new(),
            files: IndexMap::new(),
            findings: Vec::new(),
        };
        let mut survey = Survey {
            project,
            settings,
            artifacts,
            secrets,
            open: Vec::new(),
            wrong: BTreeSet::new(),
            timed_out: false,
            tree,
        };
        let path = relative_path(Path::new(""), &settings.template.to_string_lossy());
        // A text that is no template has no paths; the checks of the template report it.
        if let (Some(path), Ok(template)) = (path, &root_template) {
            survey.tree.root_paths = survey.paths(&path, &root, template);
        }
        survey.tree.root_template = root_template;
        Ok(survey.tree)
    }

    /// Returns what is wrong with the local paths and the nested templates, at its places in the files.
    pub(crate) fn findings(&self) -> &[Diagnostic] {
        &self.findings
    }

    /// Returns the nested templates with their local paths.
    pub(crate) fn children(&self) -> impl Iterator<Item = (&RenderedTemplate, &Template)> {
        let children = self.templates.values();
        children.map(|child| (&child.rendered, &child.template))
    }

    /// Returns the template of a nested stack that another template of this tree contains; `None` if it is
    /// not one of the project, or is wrong.
    pub(crate) fn nested(&self, within: &Template, resource: Resource<'_>) -> Option<&Template> {
        let is_within = |template: &Template| std::ptr::eq(template, within);
        let paths = if self.root_template.as_ref().is_ok_and(is_within) {
            &self.root_paths
        } else {
            let mut children = self.templates.values();
            &children.find(|child| is_within(&child.template))?.paths
        };
        let span = &resource.entry.node.span;
        let inside = paths
            .iter()
            .filter(|(local, _)| span.start <= local.span.start && local.span.end <= span.end);
        let mut templates = inside.filter_map(|(_, target)| match target {
            Target::Template(path) => self.templates.get(path),
            _ => None,
        });
        templates.next().map(|child| &child.template)
    }

    /// Returns the folders and files that become zips, relative to the manifest's folder.
    pub(crate) fn zipped_paths(&self) -> Vec<PathBuf> {
        self.zips.keys().cloned().collect()
    }

    /// Returns the model of the template of the stack, or why its text is no template.
    pub(crate) fn root_template(&self) -> &Parsed {
        &self.root_template
    }

    /// Returns the template of the stack with its local paths.
    pub(crate) fn root(&self) -> &RenderedTemplate {
        &self.root
    }
}

/// Returns the secrets that a rendered template declares, also if its text is no template.
fn declared(template: &Parsed, rendered: &RenderedTemplate) -> Vec<Declared> {
    match template {
        Ok(template) => masking::declared(template),
        Err(_) => masking::declared_in(rendered.source()),
    }
}

struct Survey<'a> {
    project: &'a Project,
    settings: &'a Settings,
    artifacts: &'a IndexMap<String, Artifact>,
    /// The secrets that the templates declare are added here.
    secrets: &'a Secrets,
    /// The templates that are being read, from the root.
    open: Vec<PathBuf>,
    /// The nested templates that are wrong. What is wrong is among the findings.
    wrong: BTreeSet<PathBuf>,
    /// Whether a rendering took too long. Then no other begins, because each would take as long.
    timed_out: bool,
    tree: Tree,
}

/// Why a local path cannot be packaged, and what helps.
struct Problem {
    message: String,
    help: Vec<String>,
}

impl Problem {
    fn new(message: impl Into<String>) -> Self {
        Self {
            message: message.into(),
            help: Vec::new(),
        }
    }

    fn help(mut self, help: impl Into<String>) -> Self {
        self.help.push(help.into());
        self
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        let cause = std::error::Error::source(&error).map(|cause| format!(": {cause}"));
        Self {
            message: format!("{error}{}", cause.unwrap_or_default()),
            help: error.hints().to_vec(),
        }
    }
}

impl Survey<'_> {
    /// Returns the local paths of a template with their targets, and reads the nested templates.
    fn paths(
        &mut self,
        path: &Path,
        rendered: &RenderedTemplate,
        template: &Template,
    ) -> Vec<(LocalPath, Target)> {
        self.open.push(path.to_path_buf());
        let found = local_paths::find(template);
        for error in found.errors {
            self.add(error, rendered);
        }
        let mut paths = Vec::new();
        for local in found.paths {
            match self.target(path, rendered, &local) {
                Ok(Some(target)) => paths.push((local, target)),
                Ok(None) => {}
                Err(problem) => {
                    let mut error =
                        Diagnostic::error(LOCAL_PATH, problem.message, place(rendered, &local));
                    error.help = problem.help;
                    self.add(error, rendered);
                }
            }
        }
        self.open.pop();
        paths
    }

    /// Keeps the secrets that a nested template declares from being shown. Its parameters are not those
    /// of the manifest.
    fn learn(&self, declared: &[Declared]) {
        masking::learn(self.secrets, declared, &IndexMap::new());
    }

    fn add(&mut self, finding: Diagnostic, rendered: &RenderedTemplate) {
        let finding = rendered.translate(finding, &self.settings.origins);
        self.tree.findings.push(finding);
    }

    /// Returns what a local path leads to; `None` if that is a nested template that is wrong itself.
    fn target(
        &mut self,
        template: &Path,
        rendered: &RenderedTemplate,
        local: &LocalPath,
    ) -> Result<Option<Target>, Problem> {
        let text = &local.text;
        let Some(path) = relative_path(template, text) else {
            return Err(
                Problem::new(format!("`{text}` is outside the project")).help(
                    "name a file or folder inside the manifest's folder, relative to the template",
                ),
            );
        };
        if let Some(siblings) = self.project.siblings_of_missing(&path) {
            return Err(self.missing(local, &path, &siblings));
        }
        if needs_named_bucket(local.row.shape, self.settings) {
            let property = local.row.property.last().copied().unwrap_or_default();
            return Err(Problem::new(format!(
                "the transform accepts only a plain `s3://` URL as `{property}`, and the name of the \
                 default artifact bucket depends on the account"
            ))
            .help("name a bucket with the manifest's `artifact_bucket`"));
        }
        let entry = entry(self.project, &path, "the local path")?;
        match (local.row.content, entry) {
            (Content::Template | Content::StackSetTemplate | Content::Include, Entry::Folder) => {
                Err(Problem::new(format!(
                    "`{text}` is a folder, not a template"
                )))
            }
            (Content::Template, Entry::File) => {
                Ok(self.child(&path)?.then_some(Target::Template(path)))
            }
            (content @ (Content::Code | Content::File), Entry::Folder) => {
                let is_code = content == Content::Code;
                self.folder(path, rendered, local, is_code).map(Some)
            }
            (Content::Code, Entry::File) => self.lone_file(path).map(Some),
            (content, Entry::File) => {
                let known = self.tree.files.entry(path.clone()).or_insert(content);
                if content == Content::Include {
                    *known = content;
                }
                Ok(Some(Target::File(path)))
            }
        }
    }

    fn missing(&self, local: &LocalPath, path: &Path, siblings: &[String]) -> Problem {
        let text = &local.text;
        let problem = Problem::new(format!("`{text}` does not exist"));
        let wanted = path.file_name().unwrap_or_default().to_string_lossy();
        match nearest(&wanted, siblings.iter().map(String::as_str)) {
            Some(near) => {
                let near = path.with_file_name(near);
                problem.help(format!("did you mean `{}`?", self.project.shown(&near)))
            }
            None => problem.help(format!(
                "a path is relative to its template, so this one is `{}`; a URL starts with `https://` \
                 or `s3://`",
                self.project.shown(path)
            )),
        }
    }

    /// Reads a nested template. Returns whether it can be packaged.
    fn child(&mut self, path: &Path) -> Result<bool, Problem> {
        if let Some(start) = self.open.iter().position(|open| open == path) {
            let circle = self.open.iter().skip(start).map(PathBuf::as_path);
            let names: Vec<String> = circle
                .chain([path])
                .map(|it| format!("`{}`", self.project.shown(it)))
                .collect();
            return Err(Problem::new(format!(
                "these templates contain each other: {}",
                names.join(" → ")
            ))
            .help("a nested stack cannot contain the stack that it is part of"));
        }
        if self.open.len() > DEEPEST {
            return Err(Problem::new(format!(
                "templates are nested more than {DEEPEST} levels deep"
            )));
        }
        if self.tree.templates.contains_key(path) {
            return Ok(true);
        }
        if self.timed_out || self.wrong.contains(path) {
            return Ok(false);
        }
        let folder = self.project.nested_template(path)?;
        self.learn(&masking::declared_in(folder.main()));
        let rendered = match render::render(&folder, self.settings, self.artifacts) {
            Ok(rendered) => rendered,
            Err(error) if error.diagnostics().is_empty() => return Err(error.into()),
            Err(error) => {
                let found = error.diagnostics().iter().cloned();
                self.tree.findings.extend(found);
                self.timed_out = render::timed_out(&error);
                self.wrong.insert(path.to_path_buf());
                return Ok(false);
            }
        };
        let template = Template::parse(rendered.source());
        self.learn(&declared(&template, &rendered));
        let template = match template {
            Ok(template) => template,
            Err(found) => {
                for finding in found {
                    self.add(finding, &rendered);
                }
                self.wrong.insert(path.to_path_buf());
                return Ok(false);
            }
        };
        let paths = self.paths(path, &rendered, &template);
        let surveyed = SurveyedTemplate {
            rendered,
            template,
            paths,
        };
        self.tree.templates.insert(path.to_path_buf(), surveyed);
        Ok(true)
    }

    /// Returns the target of a folder: the manifest's artifact with that path, else a zip.
    fn folder(
        &mut self,
        path: PathBuf,
        rendered: &RenderedTemplate,
        local: &LocalPath,
        is_code: bool,
    ) -> Result<Target, Problem> {
        let of_manifest = self.settings.artifacts.iter().find(|(_, artifact)| {
            relative_path(Path::new(""), &artifact.path.to_string_lossy()).as_ref() == Some(&path)
        });
        if let Some((name, artifact)) = of_manifest {
            let built = self.artifacts.get(name);
            if let Some(built) =
                built.filter(|_| artifact.requirements.is_none() && artifact.build.is_empty())
            {
                let files = built.files.iter().map(|file| file.path.as_str());
                self.check_built(files, &path, rendered, local)?;
            }
            return Ok(Target::Artifact(name.clone()));
        }
        let files = match self.tree.zips.get(&path) {
            Some(files) => files.clone(),
            None => folder_files(
                self.project,
                &zip_name(&path, self.settings),
                &path,
                is_code.then_some(UNZIPPED_LIMIT),
            )?,
        };
        if is_code {
            let files = files.files.iter().map(|file| file.path.as_str());
            self.check_built(files, &path, rendered, local)?;
        }
        self.tree.zips.insert(path.clone(), files);
        Ok(Target::Zip(path))
    }

    fn lone_file(&mut self, path: PathBuf) -> Result<Target, Problem> {
        let MapEntry::Vacant(zip) = self.tree.existing_zips.entry(path.clone()) else {
            return Ok(Target::Zip(path));
        };
        let name = zip_name(&path, self.settings);
        let full = self.project.resolve(&path, "the file")?;
        let shown = self.project.shown(&path);
        let existing = package::existing_zip(&self.settings.project, &name, &full, &shown)?;
        if let Some(artifact) = existing {
            zip.insert(artifact);
        } else {
            let files = lone_file(self.project, &name, &path)?;
            self.tree.zips.insert(path.clone(), files);
        }
        Ok(Target::Zip(path))
    }

    /// Checks that the code in a folder needs no build.
    ///
    /// AWS SAM builds its functions and layers, so theirs is an error. Code of other types may contain
    /// its packages in another way.
    fn check_built<'f>(
        &mut self,
        files: impl Iterator<Item = &'f str>,
        path: &Path,
        rendered: &RenderedTemplate,
        local: &LocalPath,
    ) -> Result<(), Problem> {
        let is_output = self.open.last().is_some_and(|template| {
            let mut parts = template.components().map(Component::as_os_str);
            parts.any(|part| part == ".aws-sam")
        });
        let owner = local.resource.as_ref();
        if is_output || owner.is_some_and(|owner| owner.is_built) {
            return Ok(());
        }
        let shown = self.project.shown(path);
        let build_method = owner.and_then(|owner| owner.build_method.as_deref());
        let read = |name: &str| {
            let text = self.project.text(&path.join(name), "the file").ok()?;
            Some(text.text.clone())
        };
        let message = match (build_method, unbuilt(files, read)) {
            (Some(method), _) => format!(
                "the code in `{shown}` has to be built: the template gives `BuildMethod: {method}`"
            ),
            (None, Some(file)) => format!(
                "the code in `{shown}` has to be built: it has a `{file}`, and the packages in it are \
                 not in the folder"
            ),
            (None, None) => return Ok(()),
        };
        let is_sam = owner.is_none_or(|owner| owner.kind.starts_with("AWS::Serverless::"));
        let artifact = "let an artifact with this `path` build it: `[artifacts.NAME]` with `build` or \
                        `requirements`";
        let sam = "or run `sam build` and set `template = \".aws-sam/build/template.yaml\"`";
        if is_sam {
            return Err(Problem::new(message).help(artifact).help(sam));
        }
        let warning = Diagnostic::new(
            Severity::Warning,
            LOCAL_PATH,
            message,
            place(rendered, local),
        );
        self.add(warning.help(artifact), rendered);
        Ok(())
    }
}

/// Returns the place of a local path in the rendered text.
fn place(rendered: &RenderedTemplate, local: &LocalPath) -> Place {
    Place {
        source: rendered.source().clone(),
        span: local.span.clone(),
        label: String::new(),
    }
}
