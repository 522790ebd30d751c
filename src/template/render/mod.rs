//! Renders the Jinja template to CloudFormation text.
//!
//! The output is YAML, in which Jinja's defaults would produce wrong values: `True` is not a YAML
//! boolean, and an undefined name becomes an empty string. So rendering is strict. An undefined name
//! is an error, booleans print as `true` and `false`, and lists and maps print only with `tojson`.
//!
//! A problem in the rendered text must be fixed in the template or in the manifest. So the
//! [`RenderedTemplate`] knows the source of each byte of the text, and moves findings to it.

mod context;
mod engine;
mod failure;
mod line_map;
mod unprintable;

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use indexmap::IndexMap;

use crate::artifact::package::Artifact;
use crate::config::origin::{Origin, Origins};
use crate::config::project::TemplateFolder;
use crate::config::settings::Settings;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::error::{Error, Result};
use crate::template::edits::{Edit, Edits};
use crate::template::{Template, emit};
pub(crate) use context::DEFAULT_BUCKET;
use line_map::LineMap;
pub use line_map::Location;

/// The largest template that a request can contain, in bytes; a larger template is uploaded to S3
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
pub const INLINE_LIMIT: usize = 51_200;

/// The largest template that CloudFormation accepts, in bytes: 1 MB (the same page).
pub const TEMPLATE_LIMIT: usize = 1024 * 1024;

/// A rendered template.
#[derive(Debug, Clone)]
pub struct RenderedTemplate {
    source: Arc<SourceFile>,
    lines: LineMap,
    /// What was edited after rendering.
    edits: Edits,
}

/// Renders the template for the settings' environment.
///
/// The template can use `project`, `environment`, `allowed_ssh_cidrs` (a list of strings) and `key_pair`
/// (both undefined if their keys are not set), `vars`, `parameters` (each name maps to itself, so a typo in
/// `!Ref {{ parameters.DbPassword }}` is an error), `artifacts.NAME.key` and `artifact_bucket`. In
/// addition to Jinja's functions, `resolve("ssm:/path")` prints a dynamic reference, and
/// `raise("message")` fails.
///
/// # Errors
///
/// If the template has an error. The error contains a diagnostic with its places.
pub fn render(
    template: &TemplateFolder,
    settings: &Settings,
    artifacts: &IndexMap<String, Artifact>,
) -> Result<RenderedTemplate> {
    let context = context::of(settings, artifacts);
    let (text, lines) = engine::run(template, &context).map_err(|diagnostic| {
        Error::input(format!("cannot render `{}`", template.main().name))
            .with_diagnostics(vec![diagnostic])
    })?;
    Ok(RenderedTemplate {
        source: SourceFile::new(format!("{} (rendered)", template.main().name), text),
        lines,
        edits: Edits::default(),
    })
}

impl RenderedTemplate {
    /// Returns the template with these edits. An edit's place leads to what it replaced.
    ///
    /// A template is edited once: the ranges are those of the rendered text.
    #[must_use]
    pub fn edited(&self, edits: Vec<Edit>) -> Self {
        let (text, edits) = Edits::apply(self.text(), edits);
        Self {
            source: SourceFile::new(self.source.name.clone(), text),
            lines: self.lines.clone(),
            edits,
        }
    }

    /// Returns the CloudFormation text.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Returns the CloudFormation text as a source for diagnostics. [`translate`](Self::translate)
    /// moves these diagnostics to the template.
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.source
    }

    /// Returns the text to send to CloudFormation; `parsed` is the tree of this template.
    ///
    /// An ASCII text is returned unchanged. CloudFormation returns every other character as `?`, so any
    /// other text is rewritten with these characters escaped.
    ///
    /// # Errors
    ///
    /// If the text is larger than [`TEMPLATE_LIMIT`].
    pub fn body(&self, parsed: &Template) -> Result<Cow<'_, str>> {
        let body = if self.text().is_ascii() {
            Cow::Borrowed(self.text())
        } else {
            Cow::Owned(emit::to_yaml(parsed.root()))
        };
        if body.len() <= TEMPLATE_LIMIT {
            return Ok(body);
        }
        Err(Error::input(format!(
            "the rendered template has {} bytes, over CloudFormation's limit of {TEMPLATE_LIMIT}",
            body.len()
        ))
        .hint("split it into nested stacks"))
    }

    /// Returns the source of a range of the text; `None` if the text is empty. A range over several
    /// lines has no manifest key.
    pub fn locate(&self, rendered: Range<usize>) -> Option<Location> {
        let is_one_line = self
            .source
            .text
            .get(rendered.clone())
            .is_some_and(|text| !text.contains('\n'));
        let mut location = self.lines.locate(self.edits.original(rendered))?;
        if !is_one_line {
            location.manifest_key = None;
        }
        Some(location)
    }

    /// Moves the places of a diagnostic from the rendered text to the template. If the value comes from
    /// the manifest, a variable or a flag, adds the place that sets it.
    #[must_use]
    pub fn translate(&self, mut diagnostic: Diagnostic, origins: &Origins) -> Diagnostic {
        let mut keys: Vec<String> = Vec::new();
        for place in &mut diagnostic.places {
            if *place.source != *self.source {
                continue;
            }
            let Some(location) = self.locate(place.span.clone()) else {
                continue;
            };
            place.source = location.source;
            place.span = location.span;
            keys.extend(location.manifest_key);
        }
        for key in keys {
            match origins.get(&key) {
                Origin::Default => {}
                origin => {
                    let place = origin.place(format!("`{key}` is set here"));
                    if !diagnostic.places.contains(&place) {
                        diagnostic.places.push(place);
                    }
                }
            }
        }
        diagnostic
    }
}

#[cfg(test)]
mod tests;
