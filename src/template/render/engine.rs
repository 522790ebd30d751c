//! The configuration of the template engine: undefined names are errors, values are printed as YAML,
//! and templates come only from the project.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::filters::tojson;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{
    AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter,
};

use super::failure::{self, Found};
use super::line_map::{LineMap, Sources};
use super::unprintable::Unprintable;
use super::{limits, names, plain, scan};
use crate::config::project::TemplateFolder;
use crate::diagnostic::{Diagnostic, SourceFile};

/// Renders the template. Returns the text, the map from the text to its sources, and the sources.
///
/// The engine sees dynamic references and the text of included plain files with hidden delimiters.
///
/// # Errors
///
/// What is wrong with the template; if the rendering exceeds one of the [`limits`].
pub(super) fn run(
    template: &TemplateFolder,
    context: &Value,
) -> Result<(String, LineMap, Sources), Diagnostic> {
    let (folder, context) = (template.clone(), context.clone());
    let rendered = limits::run(move || render(&folder, &context));
    rendered.unwrap_or_else(|stopped| Err(failure::stopped(stopped, template.main())))
}

fn render(
    template: &TemplateFolder,
    context: &Value,
) -> Result<(String, LineMap, Sources), Diagnostic> {
    let main = Arc::clone(template.main());
    let tags = scan::scan(&main)?;
    let hidden = tags.hide_references(&main.text);
    let name = main.name.clone();
    let opened = Arc::new(Mutex::new(Sources::from([(name.clone(), main.clone())])));
    let sources = || {
        opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    };
    let environment = environment(template, context, &opened);
    let (text, spans) = environment
        .template_from_named_str(&name, &hidden)
        .and_then(|compiled| compiled.render_with_spans(context.clone()))
        .map_err(|error| {
            let functions: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
            failure::diagnose(&error, &main, &sources(), context, &functions)
        })?;
    if text.len() > limits::OUTPUT {
        return Err(failure::too_large(text.len(), &main));
    }
    let sources = sources();
    let lines = LineMap::new(&spans, &sources);
    Ok((scan::reveal(text), lines, sources))
}

fn environment(
    template: &TemplateFolder,
    context: &Value,
    opened: &Arc<Mutex<Sources>>,
) -> Environment<'static> {
    let mut environment = Environment::new();
    environment.set_fuel(Some(limits::FUEL));
    environment.set_debug(true);
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|_| AutoEscape::None);
    environment.set_formatter(write);
    if let Ok(syntax) = SyntaxConfig::builder().keep_trailing_newline(true).build() {
        environment.set_syntax(syntax);
    }
    environment.add_filter("tojson", to_json);
    environment.add_function("resolve", resolve);
    environment.add_function("raise", raise);
    let folder = template.clone();
    let context = context.clone();
    let opened = Arc::clone(opened);
    environment.set_loader(move |name| {
        let source = folder.include(name).map_err(|error| {
            minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()).with_source(error)
        })?;
        let Some(source) = source else {
            return Ok(None);
        };
        opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(name.to_owned(), Arc::clone(&source));
        included(name, &source, &context)
            .map(Some)
            .map_err(|found| {
                minijinja::Error::new(ErrorKind::SyntaxError, found.message.clone())
                    .with_source(Found(found))
            })
    });
    environment
}

/// Returns the text of an included file for the engine. A file whose name does not ask for rendering
/// is inserted as it is.
fn included(name: &str, source: &Arc<SourceFile>, context: &Value) -> Result<String, Diagnostic> {
    if names::is_rendered(name) {
        let tags = scan::scan(source)?;
        return Ok(tags.hide_references(&source.text).into_owned());
    }
    if let Some(found) = plain::check(source, context, || true) {
        return Err(found);
    }
    Ok(scan::hide_all(&source.text))
}

/// Writes a value as YAML and CloudFormation read it.
fn write(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    let unprintable = match value.kind() {
        ValueKind::Bool => {
            out.write_str(if value.is_true() { "true" } else { "false" })?;
            return Ok(());
        }
        ValueKind::Number if !value.is_integer() => match f64::try_from(value.clone()) {
            Ok(number) if number.is_finite() => {
                // No exponent, and always with a decimal point, so that a float stays a float.
                let digits = number.to_string();
                let point = if digits.contains('.') { "" } else { ".0" };
                write!(out, "{digits}{point}")?;
                return Ok(());
            }
            _ => Unprintable::NotFinite,
        },
        ValueKind::None => Unprintable::None,
        ValueKind::Seq | ValueKind::Iterable => Unprintable::List,
        ValueKind::Map => Unprintable::Map,
        ValueKind::Bytes | ValueKind::Plain => Unprintable::Other,
        _ => return escape_formatter(out, state, value),
    };
    Err(
        minijinja::Error::new(ErrorKind::NonPrimitive, unprintable.to_string())
            .with_source(unprintable),
    )
}

/// Prints a value as JSON. The engine's own filter prints `null` for an undefined name.
fn to_json(
    value: &Value,
    indent: Option<Value>,
    options: Kwargs,
) -> Result<Value, minijinja::Error> {
    if value.is_undefined() {
        return Err(ErrorKind::UndefinedError.into());
    }
    tojson(value, indent, options)
}

/// The services of dynamic references.
const REFERENCES: [&str; 3] = ["ssm:", "ssm-secure:", "secretsmanager:"];

/// Returns a dynamic reference, for a reference whose parts are values.
fn resolve(reference: &str) -> Result<String, minijinja::Error> {
    let known = REFERENCES
        .iter()
        .any(|service| reference.len() > service.len() && reference.starts_with(service));
    if known && !reference.contains(['{', '}']) {
        Ok(format!("{{{{resolve:{reference}}}}}"))
    } else {
        Err(minijinja::Error::new(
            ErrorKind::InvalidOperation,
            format!(
                "`{reference}` is not a dynamic reference such as `ssm:/path`, \
                 `ssm-secure:/path` or `secretsmanager:name`"
            ),
        ))
    }
}

/// Fails with a message from the template.
fn raise(message: String) -> Result<Value, minijinja::Error> {
    Err(minijinja::Error::new(ErrorKind::InvalidOperation, message))
}
