//! Template source → CloudFormation text.
//!
//! The template is Jinja, and what it produces is YAML, where a wrong type is a wrong deployment:
//! `True` is not a boolean, an empty string is not an error, `['a']` is not a list. So rendering is
//! strict. An undefined name is an error, booleans print as `true` and `false`, and lists and maps
//! print only through `tojson`.
//!
//! What is found later, in the rendered text, must be fixed in the template or in the manifest. The
//! [`RenderedTemplate`] therefore remembers which bytes of which file produced each byte of the
//! text, and moves findings back to where the user can change something.

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
use crate::template::{Template, emit};
use line_map::LineMap;
pub use line_map::Location;

/// The largest template that is sent inside a request, in bytes; a larger one goes through S3
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
pub const INLINE_LIMIT: usize = 51_200;

/// The largest template that CloudFormation reads from S3, in bytes: 1 MB (the same page).
pub const TEMPLATE_LIMIT: usize = 1024 * 1024;

/// A template with every value filled in.
#[derive(Debug, Clone)]
pub struct RenderedTemplate {
    source: Arc<SourceFile>,
    lines: LineMap,
}

/// Renders the template for the settings' environment.
///
/// The template sees `project`, `environment`, `allowed_ssh_cidrs` (a list of strings), `key_pair`
/// (undefined where it is not set), `vars`, `parameters` (each name maps to itself, so that
/// `!Ref {{ parameters.DbPassword }}` cannot be misspelt), `artifacts.NAME.key` and
/// `artifact_bucket`. Beside Jinja's own functions there are `resolve("ssm:/path")`, which prints a
/// dynamic reference, and `raise("message")`, which fails.
///
/// # Errors
///
/// What is wrong in the template, with its places.
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
    })
}

impl RenderedTemplate {
    /// Returns the CloudFormation text.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Returns the CloudFormation text as a source for diagnostics. [`translate`](Self::translate)
    /// moves what points into it.
    pub fn source(&self) -> &Arc<SourceFile> {
        &self.source
    }

    /// Returns what is sent to CloudFormation; `parsed` is this template's own tree.
    ///
    /// That is the text as it stands where it is pure ASCII. CloudFormation gives other characters
    /// back as `?`, so a text that has any is written anew with them escaped.
    ///
    /// # Errors
    ///
    /// Where it is over [`TEMPLATE_LIMIT`].
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

    /// Returns where a stretch of the text came from; `None` where the text is empty.
    pub fn locate(&self, rendered: Range<usize>) -> Option<Location> {
        let key_matters = self
            .source
            .text
            .get(rendered.clone())
            .is_some_and(|text| !text.contains('\n'));
        let mut location = self.lines.locate(rendered)?;
        if !key_matters {
            location.manifest_key = None;
        }
        Some(location)
    }

    /// Moves the places of a finding about the rendered text into the template, and adds where the
    /// manifest, a variable or a flag set the value that stands there.
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
