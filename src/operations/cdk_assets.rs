//! The assets of a template that the AWS CDK has synthesized, checked before anything is sent.

use std::path::{Path, PathBuf};

use crate::config::project::Project;
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::error::Result;
use crate::template::Template;
use crate::template::cdk_assets::{self, FileAsset};

/// The files and folders that a synthesized template refers to.
#[derive(Debug, Default)]
pub(crate) struct CdkAssets {
    /// The assets; their paths are relative to the manifest's folder.
    pub(crate) files: Vec<FileAsset>,
}

impl CdkAssets {
    /// Returns the nested templates. One that cannot be read is left out: CloudFormation says what is wrong
    /// with it.
    pub(crate) fn templates(&self, project: &Project) -> Vec<Template> {
        let nested = self.files.iter().filter(|it| it.is_template());
        let nested = nested.filter_map(|asset| {
            let source = project.text(&asset.path, "the nested template").ok()?;
            Template::parse_deployed(&source).ok()
        });
        nested.collect()
    }
}

/// Returns the assets of the project's template, and what is wrong with them. A template without an
/// assets manifest beside it has none.
///
/// # Errors
///
/// If the assets manifest cannot be read.
pub(crate) fn survey(
    project: &Project,
    settings: &Settings,
) -> Result<(CdkAssets, Vec<Diagnostic>)> {
    let template = &settings.template;
    let manifest = cdk_assets::manifest_of(template);
    let Some(manifest) = manifest.filter(|path| project.root().join(path).exists()) else {
        return Ok(Default::default());
    };
    let source = project.text(&manifest, "the assets manifest")?;
    let name = template.file_name().unwrap_or_default().to_string_lossy();
    let (files, mut found) = cdk_assets::read(&source, &name);
    // Whoever has published the images says so.
    let ignored = &settings.lint.ignore;
    found
        .retain(|it| it.rule != cdk_assets::DOCKER || !ignored.iter().any(|rule| *rule == it.rule));
    let folder = manifest.parent().unwrap_or(Path::new(""));
    let mut assets = CdkAssets::default();
    for file in files {
        let path: PathBuf = folder.join(&file.path);
        let resolved = project.resolve(&path, "the asset");
        let kind = if file.is_zipped { "folder" } else { "file" };
        let problem = match resolved {
            Ok(full) if file.is_zipped && full.is_dir() => None,
            Ok(full) if !file.is_zipped && full.is_file() => None,
            Ok(_) => Some(format!("`{}` is not a {kind}", project.shown(&path))),
            Err(error) => Some(error.to_string()),
        };
        match problem {
            Some(message) => found.push(
                Diagnostic::error("missing-asset", message, file.place.clone())
                    .help("run `cdk synth` again, and keep the whole of `cdk.out`"),
            ),
            None => assets.files.push(FileAsset { path, ..file }),
        }
    }
    Ok((assets, found))
}
