//! The configuration of the template engine: undefined names are errors, values are printed as YAML,
//! and templates come only from the project.

use std::sync::{Arc, Mutex, PoisonError};

use minijinja::filters::tojson;
use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, ValueKind};
use minijinja::{
    AutoEscape, Environment, ErrorKind, Output, State, UndefinedBehavior, Value, escape_formatter,
};

use super::failure;
use super::line_map::{LineMap, Sources};
use super::unprintable::Unprintable;
use crate::config::project::TemplateFolder;
use crate::diagnostic::Diagnostic;

/// Renders the template. Returns the text and the map from the text to its sources.
pub(super) fn run(
    template: &TemplateFolder,
    context: &Value,
) -> Result<(String, LineMap), Diagnostic> {
    let main = Arc::clone(template.main());
    let name = main.name.clone();
    let opened = Arc::new(Mutex::new(Sources::from([(name.clone(), main.clone())])));
    let sources = || {
        opened
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    };
    let environment = environment(template, &opened);
    environment
        .template_from_named_str(&name, &main.text)
        .and_then(|compiled| compiled.render_with_spans(context.clone()))
        .map(|(text, spans)| (text, LineMap::new(&spans, &sources())))
        .map_err(|error| {
            let functions: Vec<&str> = environment.globals().map(|(name, _)| name).collect();
            failure::diagnose(&error, &main, &sources(), context, &functions)
        })
}

fn environment(template: &TemplateFolder, opened: &Arc<Mutex<Sources>>) -> Environment<'static> {
    let mut environment = Environment::new();
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
    let opened = Arc::clone(opened);
    environment.set_loader(move |name| {
        let source = folder.include(name).map_err(|error| {
            minijinja::Error::new(ErrorKind::InvalidOperation, error.to_string()).with_source(error)
        })?;
        Ok(source.map(|source| {
            opened
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .insert(name.to_owned(), Arc::clone(&source));
            source.text.clone()
        }))
    });
    environment
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

/// Returns a dynamic reference. Its double braces cannot be written in a template directly.
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
