//! The template and everything local that it names: folders, files and nested templates, to any depth.
//!
//! Two steps: [`Tree::survey`] reads the templates and finds what is wrong with their paths;
//! [`Tree::package`] builds the zips and replaces each path by a reference to S3. The children come
//! before their parents, because the text of a parent contains the digests of its children.

pub(crate) mod stacks;
mod survey;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use indexmap::IndexMap;

use super::cdk_assets::CdkAssets;
use crate::artifact::digest::Digest;
use crate::artifact::package::{self, Artifact, PlainFile};
use crate::artifact::requirements::Packages;
use crate::config::project::Project;
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::error::{Error, Result};
use crate::template::Template;
use crate::template::edits::Edit;
use crate::template::local_paths::LocalPath;
use crate::template::local_paths::reference::{self, Bucket};
use crate::template::local_paths::table::{Content, Shape};
use crate::template::render::RenderedTemplate;
pub(crate) use survey::Tree;

/// The rule of a local path that leads nowhere, or that cannot be packaged.
pub(crate) const LOCAL_PATH: &str = "local-path";

/// The model of a text, or why it is no template.
pub(crate) type Parsed = std::result::Result<Template, Vec<Diagnostic>>;

/// A template and everything local that it names, ready to be uploaded.
#[derive(Debug)]
pub(crate) struct Packaged {
    /// The template of the stack; its local paths are replaced.
    pub(crate) root: RenderedTemplate,
    /// The nested templates, each after its own children.
    pub(crate) children: Vec<ChildTemplate>,
    /// The zips by name: the manifest's artifacts first.
    pub(crate) artifacts: IndexMap<String, Artifact>,
    /// The files that are uploaded as they are.
    pub(crate) files: Vec<UploadedFile>,
    /// What a template that the AWS CDK has synthesized refers to.
    pub(crate) assets: CdkAssets,
}

/// A nested template, ready to be uploaded.
#[derive(Debug)]
pub(crate) struct ChildTemplate {
    /// The path, relative to the current folder.
    pub(crate) shown: String,
    /// The text; its local paths are replaced.
    pub(crate) rendered: RenderedTemplate,
    /// The model of that text.
    pub(crate) template: Template,
    /// What is uploaded: the text, or an ASCII form of it.
    pub(crate) body: String,
    /// The S3 key.
    pub(crate) key: String,
    /// The SHA-256 of the body.
    pub(crate) digest: Digest,
}

/// A file that is uploaded as it is.
#[derive(Debug)]
pub(crate) struct UploadedFile {
    /// The file.
    pub(crate) file: PlainFile,
    /// The path, relative to the current folder.
    pub(crate) shown: String,
    /// Whether CloudFormation reads it while it creates a change set.
    pub(crate) is_read_by_plan: bool,
}

/// What a local path leads to. Paths are relative to the manifest's folder.
#[derive(Debug, Clone)]
enum Target {
    /// An artifact of the manifest, by name.
    Artifact(String),
    /// A folder or file that becomes a zip, by its place in [`Tree::zips`].
    Zip(PathBuf),
    /// A file that is uploaded as it is.
    File(PathBuf),
    /// A nested template.
    Template(PathBuf),
}

/// The keys of what has been packaged so far.
#[derive(Debug, Default)]
struct Keys {
    zips: BTreeMap<PathBuf, String>,
    files: BTreeMap<PathBuf, String>,
    templates: BTreeMap<PathBuf, String>,
}

impl Keys {
    fn of<'a>(
        &'a self,
        target: &Target,
        artifacts: &'a IndexMap<String, Artifact>,
    ) -> Option<&'a str> {
        let key = match target {
            Target::Artifact(name) => return artifacts.get(name).map(|it| it.key.as_str()),
            Target::Zip(path) => self.zips.get(path),
            Target::File(path) => self.files.get(path),
            Target::Template(path) => self.templates.get(path),
        };
        key.map(String::as_str)
    }
}

impl Tree {
    /// Builds the zips and replaces the local paths. Nothing is sent. `artifacts` are those of the
    /// manifest. The second part of the result is the model of the stack's template.
    ///
    /// # Errors
    ///
    /// If a file cannot be read, or a nested template is too large.
    pub(crate) fn package(
        self,
        project: &Project,
        settings: &Settings,
        mut artifacts: IndexMap<String, Artifact>,
    ) -> Result<(Packaged, Parsed)> {
        let mut keys = Keys::default();
        let lists: Vec<_> = self.zips.values().cloned().collect();
        let built = package::build_each(&settings.project, &lists, &Packages::default())?;
        for (path, artifact) in self.zips.into_keys().zip(built) {
            keys.zips.insert(path, artifact.key.clone());
            artifacts.insert(artifact.name.clone(), artifact);
        }
        for (path, artifact) in self.existing_zips {
            keys.zips.insert(path, artifact.key.clone());
            artifacts.insert(artifact.name.clone(), artifact);
        }
        let mut files: Vec<UploadedFile> = Vec::new();
        for (path, content) in self.files {
            let full = project.resolve(&path, "the file")?;
            let file = PlainFile::open(&settings.project, &full, &project.shown(&path))?;
            keys.files.insert(path.clone(), file.key.clone());
            let is_read_by_plan = content == Content::Include;
            // The same content under two names is one object.
            match files.iter_mut().find(|known| known.file.key == file.key) {
                Some(known) => known.is_read_by_plan |= is_read_by_plan,
                None => files.push(UploadedFile {
                    file,
                    shown: project.shown(&path),
                    is_read_by_plan,
                }),
            }
        }
        let bucket = Bucket(settings.artifact_bucket.as_deref());
        let mut children: Vec<ChildTemplate> = Vec::new();
        for (path, surveyed) in self.templates {
            let edits = surveyed.paths.iter().flat_map(|(local, target)| {
                let key = keys.of(target, &artifacts);
                key.map_or_else(Vec::new, |key| edits(local, bucket, key))
            });
            let edits = edits.collect();
            let (rendered, template) = edited(surveyed.rendered, Ok(surveyed.template), edits);
            let child = child(settings, project.shown(&path), rendered, template)?;
            keys.templates.insert(path, child.key.clone());
            if children.iter().all(|known| known.key != child.key) {
                children.push(child);
            }
        }
        let edits = self.root_paths.iter().flat_map(|(local, target)| {
            let key = keys.of(target, &artifacts);
            key.map_or_else(Vec::new, |key| edits(local, bucket, key))
        });
        let (root, root_template) = edited(self.root, self.root_template, edits.collect());
        let packaged = Packaged {
            root,
            children,
            artifacts,
            files,
            assets: CdkAssets::default(),
        };
        Ok((packaged, root_template))
    }
}

/// Returns the edits that replace a local path.
fn edits(local: &LocalPath, bucket: Bucket<'_>, key: &str) -> Vec<Edit> {
    let Some(text) = reference::text(local.row.shape, bucket, key) else {
        return Vec::new();
    };
    let application = local
        .resource
        .as_ref()
        .and_then(|it| it.application.as_ref());
    let mut edits = application.map_or_else(Vec::new, reference::Application::edits);
    edits.push(Edit {
        range: local.replaced.clone(),
        text,
    });
    edits
}

/// Returns a template with these edits, and its model. Without edits, both stay.
fn edited(
    rendered: RenderedTemplate,
    template: Parsed,
    edits: Vec<Edit>,
) -> (RenderedTemplate, Parsed) {
    if edits.is_empty() {
        return (rendered, template);
    }
    let rendered = rendered.edited(edits);
    let template = Template::parse(rendered.source());
    (rendered, template)
}

/// Returns a nested template whose local paths are replaced.
fn child(
    settings: &Settings,
    shown: String,
    rendered: RenderedTemplate,
    template: Parsed,
) -> Result<ChildTemplate> {
    let template = template.map_err(|found| {
        let found = found
            .into_iter()
            .map(|finding| rendered.translate(finding, &settings.origins));
        Error::input(format!("`{shown}` cannot be packaged")).with_diagnostics(found.collect())
    })?;
    let body = rendered
        .body(&template)
        .map_err(|error| Error::input(format!("cannot package `{shown}`")).caused_by(error))?
        .into_owned();
    let digest = Digest::of(&body);
    Ok(ChildTemplate {
        shown,
        key: template_key(&settings.project, &digest),
        rendered,
        template,
        body,
        digest,
    })
}

/// Returns the S3 key of a template with this content.
pub(crate) fn template_key(project: &str, digest: &Digest) -> String {
    format!("{project}/templates/{digest}.yaml")
}

/// Returns the name of the zip of a local path: the path, with `_` for what an S3 key should not contain.
/// Two paths never have the same name, and no path has the name of an artifact of the manifest.
fn zip_name(path: &Path, settings: &Settings) -> String {
    const LONGEST: usize = 200;
    const DIGITS: usize = 8;
    let path = path.to_string_lossy().replace('\\', "/");
    let is_safe = |it: char| it.is_ascii_alphanumeric() || "/._-".contains(it);
    let safe: String = path
        .chars()
        .map(|it| if is_safe(it) { it } else { '_' })
        .take(LONGEST)
        .collect();
    if path == "." {
        return "_root".to_owned();
    }
    if safe != path {
        let digest = Digest::of(&path).hex();
        return format!("{safe}-{}", digest.get(..DIGITS).unwrap_or_default());
    }
    if settings.artifacts.contains_key(&safe) {
        return format!("_{safe}");
    }
    safe
}

/// Returns whether the property accepts a reference to the default bucket.
fn needs_named_bucket(shape: Shape, settings: &Settings) -> bool {
    reference::text(shape, Bucket(settings.artifact_bucket.as_deref()), "").is_none()
}
