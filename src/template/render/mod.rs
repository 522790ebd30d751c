//! Renders the Jinja template to CloudFormation text.
//!
//! The name of a file decides whether it is rendered: only `.j2`, `.jinja` and `.jinja2` are. Any other
//! template is CloudFormation as it is, byte for byte, and an included file of any other name is
//! inserted as it is.
//!
//! The output is YAML, in which Jinja's defaults would produce wrong values: `True` is not a YAML
//! boolean, and an undefined name becomes an empty string. So rendering is strict. An undefined name
//! is an error, booleans print as `true` and `false`, and lists and maps print only with `tojson`.
//!
//! A problem in the rendered text must be fixed in the template or in the manifest. So the
//! [`RenderedTemplate`] knows the source of each byte of the text, and moves findings to it.
//!
//! A template may come from a stranger, so a rendering may take only so many steps, so much time and so
//! much memory: see `limits`.

mod bucket;
mod code;
mod comment;
mod context;
mod engine;
mod failure;
mod limits;
mod line_map;
mod names;
mod plain;
mod reads;
mod scan;
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
use line_map::Sources;
use names::file_name;
pub(crate) use names::is_rendered;
use reads::Reads;

/// The largest template that a request can contain, in bytes; a larger template is uploaded to S3
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
pub const INLINE_LIMIT: usize = 51_200;

/// The largest template that CloudFormation accepts, in bytes: 1 MB (the same page).
pub const TEMPLATE_LIMIT: usize = 1024 * 1024;

/// A rendered template, or a template that is not rendered.
#[derive(Debug, Clone)]
pub struct RenderedTemplate {
    source: Arc<SourceFile>,
    lines: LineMap,
    /// What was edited after rendering, in this order.
    edits: Vec<Edits>,
    /// The variables that it reads; `None` if it is not rendered.
    reads: Option<Reads>,
    /// The name of the template's file.
    file: String,
    /// Whether the file of a template that is not rendered starts with a byte order mark.
    has_byte_order_mark: bool,
}

/// Renders the template for the settings' environment, if the name of its file asks for that.
///
/// The template can use `project`, `environment`, `allowed_ssh_cidrs` (a list of strings) and `key_pair`
/// (both undefined if their keys are not set), `vars`, `parameters` (each name maps to itself, so a typo in
/// `!Ref {{ parameters.DbPassword }}` is an error), `artifacts.NAME.key` and `artifact_bucket`. In
/// addition to Jinja's functions, `resolve("ssm:/path")` prints a dynamic reference, and
/// `raise("message")` fails.
///
/// # Errors
///
/// If the template has an error or exceeds a limit of the rendering, or if it is not rendered but was
/// written for the template engine. The error contains a diagnostic with its places. After
/// [`timed_out`], a thread of the rendering goes on until the process ends.
pub fn render(
    template: &TemplateFolder,
    settings: &Settings,
    artifacts: &IndexMap<String, Artifact>,
) -> Result<RenderedTemplate> {
    let main = template.main();
    let failed = |diagnostics: Vec<Diagnostic>| {
        Err(Error::input(format!("cannot render `{}`", main.name)).with_diagnostics(diagnostics))
    };
    let context = context::of(settings, artifacts);
    let file = file_name(&main.name).to_owned();
    if !is_rendered(&main.name) {
        let is_ignored = settings.lint.ignore.iter().any(|it| it == plain::RULE);
        let found = plain::check(main, &context, || Template::parse(main).is_ok());
        if let Some(found) = found.filter(|_| !is_ignored) {
            return Err(
                Error::input(format!("cannot read `{}`", main.name)).with_diagnostics(vec![found])
            );
        }
        return Ok(RenderedTemplate {
            source: Arc::clone(main),
            lines: LineMap::identity(main),
            edits: Vec::new(),
            reads: None,
            file,
            has_byte_order_mark: template.has_byte_order_mark(),
        });
    }
    if let Some(found) = private_variable(settings) {
        return failed(vec![found]);
    }
    let (text, lines, sources) = match engine::run(template, &context) {
        Ok(rendered) => rendered,
        Err(found) => return failed(vec![found]),
    };
    let rendered = RenderedTemplate {
        source: SourceFile::new(format!("{} (rendered)", main.name), text),
        lines,
        edits: Vec::new(),
        reads: Some(reads(template, &sources)),
        file,
        has_byte_order_mark: false,
    };
    if settings.artifact_bucket.is_some() {
        return Ok(rendered);
    }
    match bucket::edits(rendered.source()) {
        Ok(edits) if edits.is_empty() => Ok(rendered),
        Ok(edits) => Ok(rendered.edited(edits)),
        Err(found) => {
            let origins = &settings.origins;
            let located = found.into_iter().map(|it| rendered.translate(it, origins));
            failed(located.collect())
        }
    }
}

/// Returns whether the error is that a rendering took too long.
pub fn timed_out(error: &Error) -> bool {
    let mut found = error.diagnostics().iter();
    found.any(|it| it.rule == limits::TIMED_OUT)
}

/// Returns the error for a file that no project renders, but that was written for the template engine.
pub(crate) fn written_for_rendering(source: &Arc<SourceFile>) -> Option<Diagnostic> {
    let empty = minijinja::Value::from_pairs(std::iter::empty::<(&str, minijinja::Value)>());
    plain::check(source, &empty, || Template::parse(source).is_ok())
}

/// Returns a warning for each variable of the manifest, a flag or the environment that none of these
/// templates reads.
pub fn unread_variables(settings: &Settings, templates: &[&RenderedTemplate]) -> Vec<Diagnostic> {
    let files = templates.iter().map(|template| template.file.as_str());
    let rendered: Vec<&Reads> = templates
        .iter()
        .filter_map(|it| it.reads.as_ref())
        .collect();
    reads::unread(
        settings,
        &rendered,
        files.clone().next().unwrap_or_default(),
    )
}

/// Returns an error for a variable that contains a private character of the scan.
fn private_variable(settings: &Settings) -> Option<Diagnostic> {
    let (name, _) = settings
        .vars
        .iter()
        .find(|(_, value)| scan::private_character(&value.to_string()).is_some())?;
    let place = settings.origins.get(&format!("vars.{name}")).place("");
    let message = format!("`vars.{name}` contains a private control character");
    Some(Diagnostic::error("template-value", message, place).help("remove the character"))
}

/// Returns the variables that the template and the files that it may include read.
fn reads(template: &TemplateFolder, opened: &Sources) -> Reads {
    let mut reads = Reads::default();
    let mut sources = opened.clone();
    let mut waiting: Vec<String> = sources.keys().cloned().collect();
    while let Some(name) = waiting.pop() {
        let Some(source) = sources.get(&name).map(Arc::clone) else {
            continue;
        };
        if !is_rendered(&source.name) {
            continue;
        }
        let tags = scan::scan(&source).unwrap_or_default();
        reads.add(&source.text, &tags);
        for included in tags.included(&source.text) {
            if included.is_empty() {
                // The name of the file is computed.
                reads.add_all();
            }
            for name in included {
                if sources.contains_key(name) {
                    continue;
                }
                match template.include(name) {
                    Ok(Some(source)) => {
                        sources.insert(name.to_owned(), source);
                        waiting.push(name.to_owned());
                    }
                    // The literal may be a part of a computed name.
                    _ => reads.add_all(),
                }
            }
        }
    }
    reads
}

impl RenderedTemplate {
    /// Returns a template that was rendered earlier. Its places are in this text.
    pub(crate) fn finished(source: &Arc<SourceFile>) -> Self {
        Self {
            source: Arc::clone(source),
            lines: LineMap::identity(source),
            edits: Vec::new(),
            reads: None,
            file: source.name.clone(),
            has_byte_order_mark: false,
        }
    }

    /// Returns the template with these edits of its text. An edit's place leads to what it replaced.
    #[must_use]
    pub fn edited(&self, edits: Vec<Edit>) -> Self {
        let (text, edits) = Edits::apply(self.text(), edits);
        let mut edited = self.clone();
        edited.source = SourceFile::new(self.source.name.clone(), text);
        edited.edits.push(edits);
        edited
    }

    /// Returns the CloudFormation text.
    pub fn text(&self) -> &str {
        &self.source.text
    }

    /// Returns the text as `render` prints it: a template that is not rendered as it is in its file.
    pub fn printed(&self) -> Cow<'_, str> {
        if self.has_byte_order_mark {
            Cow::Owned(format!("\u{feff}{}", self.text()))
        } else {
            Cow::Borrowed(self.text())
        }
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
        let edits = self.edits.iter().rev();
        let unedited = edits.fold(rendered, |range, edits| edits.original(range));
        let mut location = self.lines.locate(unedited)?;
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
