//! Turns errors of the template engine into diagnostics.
//!
//! For an error inside an included template, the engine returns a chain of errors, the outermost
//! first. The diagnostic points at the innermost place and lists the includes.

use std::error::Error as StdError;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use minijinja::{Error, ErrorKind, Value};

use super::TEMPLATE_LIMIT;
use super::limits::{FUEL, LIMIT, Stopped, TIME, TIMED_OUT};
use super::line_map::Sources;
use super::scan::{LITERAL, scan};
use super::unprintable::Unprintable;
use crate::diagnostic::{Diagnostic, Place, SourceFile};
use crate::util::suggest::{nearest, quoted};

/// The filters that a template can use. minijinja lists them only in its documentation.
pub(super) const FILTERS: [&str; 46] = [
    "abs",
    "attr",
    "batch",
    "bool",
    "capitalize",
    "chain",
    "count",
    "default",
    "dictsort",
    "escape",
    "first",
    "float",
    "format",
    "groupby",
    "indent",
    "int",
    "items",
    "join",
    "last",
    "length",
    "lines",
    "list",
    "lower",
    "map",
    "max",
    "min",
    "pprint",
    "reject",
    "rejectattr",
    "replace",
    "reverse",
    "round",
    "safe",
    "select",
    "selectattr",
    "slice",
    "sort",
    "split",
    "string",
    "sum",
    "title",
    "tojson",
    "trim",
    "unique",
    "upper",
    "zip",
];

/// The tests that can follow `is`.
pub(super) const TESTS: [&str; 25] = [
    "boolean",
    "defined",
    "divisibleby",
    "endingwith",
    "even",
    "false",
    "filter",
    "float",
    "in",
    "integer",
    "iterable",
    "lower",
    "mapping",
    "none",
    "number",
    "odd",
    "safe",
    "sameas",
    "sequence",
    "startingwith",
    "string",
    "test",
    "true",
    "undefined",
    "upper",
];

/// The names that a template has only if the manifest has a key for them, each with an example of
/// the key.
const OPTIONAL: [(&str, &str); 2] = [
    ("allowed_ssh_cidrs", "allowed_ssh_cidr = \"203.0.113.7/32\""),
    ("key_pair", "key_pair = \"ops\""),
];

/// What the scan found in an included file.
#[derive(Debug)]
pub(super) struct Found(pub(super) Diagnostic);

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl StdError for Found {}

/// Returns the diagnostic for a failed rendering of `main`.
pub(super) fn diagnose(
    error: &Error,
    main: &Arc<SourceFile>,
    sources: &Sources,
    context: &Value,
    functions: &[&str],
) -> Diagnostic {
    let chain = chain(error);
    let mut places = chain.iter().rev().filter_map(|error| place(error, sources));
    let cause = chain.last().copied().unwrap_or(error);
    let primary = places.next().unwrap_or_else(|| Place {
        source: Arc::clone(main),
        span: 0..0,
        label: String::new(),
    });
    let found = cause.source().and_then(|it| it.downcast_ref::<Found>());
    let mut diagnostic = match found {
        Some(Found(found)) => {
            // The engine has no place in a file that it did not read, so this is the include.
            let mut include = primary;
            "included from here".clone_into(&mut include.label);
            found.clone().at(include)
        }
        None => explain(cause, primary, context, functions),
    };
    for mut place in places {
        "included from here".clone_into(&mut place.label);
        diagnostic = diagnostic.at(place);
    }
    diagnostic
}

/// Returns the diagnostic for a rendering of `main` that was stopped. The place inside the file is not
/// known.
pub(super) fn stopped(stopped: Stopped, main: &Arc<SourceFile>) -> Diagnostic {
    let place = beginning(main);
    match stopped {
        Stopped::TimedOut => Diagnostic::error(
            TIMED_OUT,
            format!(
                "the rendering takes longer than {} seconds",
                TIME.as_secs_f32()
            ),
            place,
        )
        .help("look for a loop or a list that grows without end"),
        Stopped::Failed => {
            Diagnostic::error("template-engine", "the template engine failed", place)
        }
    }
}

/// Returns the diagnostic for a rendered text of this many bytes.
pub(super) fn too_large(bytes: usize, main: &Arc<SourceFile>) -> Diagnostic {
    Diagnostic::error(
        LIMIT,
        format!("the rendered text has {bytes} bytes; CloudFormation accepts {TEMPLATE_LIMIT}"),
        beginning(main),
    )
    .help("look for a loop or a text that grows too much, or split the template into nested stacks")
}

fn beginning(source: &Arc<SourceFile>) -> Place {
    Place {
        source: Arc::clone(source),
        span: 0..0,
        label: String::new(),
    }
}

/// Returns the chain of the engine's errors, from the outermost to the innermost.
fn chain(error: &Error) -> Vec<&Error> {
    let mut chain = vec![error];
    let mut next = error.source();
    while let Some(inner) = next.and_then(|source| source.downcast_ref::<Error>()) {
        chain.push(inner);
        next = inner.source();
    }
    chain
}

fn place(error: &Error, sources: &Sources) -> Option<Place> {
    let source = sources.get(error.name()?)?;
    let span = error
        .range()
        .filter(|range| source.text.get(range.clone()).is_some())
        .or_else(|| line(source, error.line()?))?;
    Some(Place {
        source: Arc::clone(source),
        span,
        label: String::new(),
    })
}

/// Returns the byte range of a line without its indentation; `number` counts from 1.
fn line(source: &SourceFile, number: usize) -> Option<Range<usize>> {
    let mut start = 0;
    for (index, text) in source.text.split_inclusive('\n').enumerate() {
        if index + 1 == number {
            let indentation = text.len() - text.trim_start().len();
            return Some(start + indentation..start + text.trim_end().len().max(indentation));
        }
        start += text.len();
    }
    None
}

fn explain(error: &Error, place: Place, context: &Value, functions: &[&str]) -> Diagnostic {
    let detail = error.detail().unwrap_or_default();
    let expression = place
        .source
        .text
        .get(place.span.clone())
        .unwrap_or_default()
        .to_owned();
    if let Some(value) = error
        .source()
        .and_then(|source| source.downcast_ref::<Unprintable>())
    {
        return unprintable(value, &expression, place);
    }
    let refused = error
        .source()
        .is_some_and(<dyn StdError>::is::<crate::error::Error>);
    match error.kind() {
        ErrorKind::SyntaxError => syntax(detail, place),
        ErrorKind::UndefinedError => undefined(detail, &expression, place, context),
        ErrorKind::UnknownFilter => unknown("filter", detail, place, &FILTERS),
        ErrorKind::UnknownTest => unknown("test", detail, place, &TESTS),
        ErrorKind::UnknownFunction => unknown("function", detail, place, functions),
        kind if kind == ErrorKind::TemplateNotFound || refused => {
            Diagnostic::error("template-include", detail, place)
                .help("use a path relative to the template's folder, without `..`")
        }
        ErrorKind::OutOfFuel => Diagnostic::error(
            LIMIT,
            format!(
                "the rendering needs too many steps or too much memory: the limit is {FUEL} steps, \
                 and 64 bytes count as one"
            ),
            place,
        )
        .help("look for a loop, a list or a text that grows without end"),
        ErrorKind::InvalidOperation if detail.contains("recursion limit") => {
            Diagnostic::error("template-error", detail, place)
                .help("check whether a template includes itself or a macro calls itself endlessly")
        }
        ErrorKind::InvalidOperation if !detail.is_empty() => {
            Diagnostic::error("template-error", detail, place)
        }
        kind if detail.is_empty() => Diagnostic::error("template-error", kind.to_string(), place),
        kind => Diagnostic::error("template-error", format!("{kind}: {detail}"), place),
    }
}

/// Returns the diagnostic for an unknown filter, test or function.
fn unknown(what: &str, detail: &str, place: Place, known: &[&str]) -> Diagnostic {
    let name = detail
        .trim_start_matches(what)
        .trim_end_matches(" is unknown")
        .trim();
    let diagnostic = Diagnostic::error(
        match what {
            "filter" => "template-unknown-filter",
            "test" => "template-unknown-test",
            _ => "template-unknown-function",
        },
        format!("there is no {what} `{name}`"),
        place,
    );
    match nearest(name, known.iter().copied()) {
        Some(meant) => diagnostic.help(format!("did you mean `{meant}`?")),
        None => diagnostic,
    }
}

fn syntax(detail: &str, mut place: Place) -> Diagnostic {
    let source = Arc::clone(&place.source);
    let tags = scan(&source).unwrap_or_default();
    let Some(tag) = tags.around(place.span.start) else {
        return Diagnostic::error("template-syntax", format!("syntax error: {detail}"), place);
    };
    let between = source.text.get(tag.span.start..place.span.start);
    let (opening, before) = between
        .unwrap_or_default()
        .split_at_checked(2)
        .unwrap_or_default();
    let last_line = before.rsplit_once('\n').map(|(_, line)| line.trim());
    let diagnostic = if last_line == Some("") {
        // The code goes on in a new line where nothing can follow.
        let here = Place {
            label: "this is read as a part of it".to_owned(),
            ..place.clone()
        };
        let line = source
            .text
            .get(tag.span.start..)
            .unwrap_or_default()
            .lines()
            .next();
        place.span = tag.span.start..tag.span.start + line.unwrap_or_default().trim_end().len();
        Diagnostic::error(
            "template-syntax",
            format!("`{opening}` is not closed"),
            place,
        )
        .at(here)
        .help(format!(
            "close it with `{}`",
            if tag.is_statement { "%}" } else { "}}" }
        ))
    } else {
        Diagnostic::error("template-syntax", format!("syntax error: {detail}"), place)
    };
    diagnostic.help(LITERAL)
}

fn unprintable(value: &Unprintable, expression: &str, place: Place) -> Diagnostic {
    let message = format!("`{expression}` {value} and cannot be printed");
    let diagnostic = Diagnostic::error("template-value", message, place);
    match value {
        Unprintable::List => diagnostic.help(format!(
            "write `{{{{ ({expression}) | tojson }}}}`, or loop over it with `{{% for … %}}`"
        )),
        Unprintable::Map => diagnostic.help(format!(
            "write `{{{{ ({expression}) | tojson }}}}`, or name a member"
        )),
        Unprintable::None => {
            diagnostic.help("guard it with `{% if … is not none %}`, or give it a value")
        }
        Unprintable::NotFinite | Unprintable::Other => diagnostic,
    }
}

fn undefined(detail: &str, expression: &str, place: Place, context: &Value) -> Diagnostic {
    let named = detail
        .split_once("` is undefined")
        .and_then(|(before, _)| before.rsplit_once('`'))
        .map(|(_, path)| path);
    let mut place = place;
    let mut path = named.unwrap_or(expression).to_owned();
    if named.is_none()
        && let Some(span) = before_filter(&place)
    {
        place.span = span;
        let text = place.source.text.get(place.span.clone());
        text.unwrap_or_default().clone_into(&mut path);
    }
    let diagnostic = Diagnostic::error(
        "template-undefined",
        format!("`{path}` is not defined"),
        narrow(place, &path),
    );
    let (parent, missing, known) = first_missing(&path, context);
    let joined = |name: &str| match parent.as_str() {
        "" => name.to_owned(),
        parent => format!("{parent}.{name}"),
    };
    let optional = OPTIONAL.iter().filter(|_| parent.is_empty());
    if let Some((name, example)) = optional.clone().find(|(name, _)| *name == missing) {
        return diagnostic
            .help(format!(
                "add `{example}` to the manifest, above the first `[table]`"
            ))
            .help(format!("or guard it with `{{% if {name} is defined %}}`"));
    }
    let all = known.iter().map(String::as_str);
    if let Some(name) = nearest(&missing, all.clone().chain(optional.map(|(name, _)| *name))) {
        return diagnostic.help(format!("did you mean `{}`?", joined(name)));
    }
    match (parent.as_str(), missing.as_str()) {
        ("", _) => diagnostic
            .help(format!("the available names are {}", quoted(all)))
            .help(LITERAL),
        ("vars", name) => diagnostic.help(format!(
            "set `{name}` under `[vars]` in the manifest, or write `{{{{ {path} | default(…) }}}}`"
        )),
        ("artifacts", name) => diagnostic.help(format!("add `[artifacts.{name}]` to the manifest")),
        ("parameters", name) => {
            diagnostic.help(format!("set `{name}` under `[parameters]` in the manifest"))
        }
        _ if known.is_empty() => diagnostic,
        _ => diagnostic.help(format!(
            "`{parent}` has {}",
            quoted(known.iter().map(String::as_str))
        )),
    }
}

/// Returns the range of the dotted path in front of a place that is a filter's name. For some filters,
/// the engine points at the name instead of the path.
fn before_filter(place: &Place) -> Option<Range<usize>> {
    let before = place.source.text.get(..place.span.start)?.trim_end();
    let before = before.strip_suffix('|')?.trim_end();
    let is_part = |letter: char| letter.is_alphanumeric() || matches!(letter, '_' | '.');
    let path = before.trim_end_matches(is_part).len()..before.len();
    (!path.is_empty()).then_some(path)
}

/// Narrows a place to the undefined path. The engine points at the whole expression, or at the text
/// after the path.
fn narrow(mut place: Place, path: &str) -> Place {
    let until_end = place.source.text.get(..place.span.end).unwrap_or_default();
    if let Some(at) = until_end.rfind(path)
        && at + path.len() >= place.span.start
    {
        place.span = at..at + path.len();
    }
    place
}

/// Follows a dotted path to its first missing name. Returns the path of the parent, the missing name
/// and the names that the parent has.
fn first_missing(path: &str, context: &Value) -> (String, String, Vec<String>) {
    let mut parent = String::new();
    let mut value = context.clone();
    let mut rest = path.split('.');
    loop {
        let known = names(&value);
        let Some(name) = rest.next() else {
            return (parent, String::new(), known);
        };
        match value.get_attr(name) {
            Ok(member) if !member.is_undefined() => value = member,
            _ => return (parent, name.to_owned(), known),
        }
        if !parent.is_empty() {
            parent.push('.');
        }
        parent.push_str(name);
    }
}

fn names(value: &Value) -> Vec<String> {
    if value.kind() != minijinja::value::ValueKind::Map {
        return Vec::new();
    }
    value
        .try_iter()
        .into_iter()
        .flatten()
        .map(|name| name.to_string())
        .collect()
}
