//! Functions whose code becomes an artifact: in the template, their code is a local path.

use std::ops::Range;

use super::Adopted;
use super::code::Unpacked;
use super::snapshot::Snapshot;
use crate::diagnostic::SourceFile;
use crate::error::{Error, Result};
use crate::template::Template;
use crate::template::node::{Member, Node, Value};
use crate::util::suggest::{nearest, quoted};

/// The keys of a function's code that say where the zip is (`AWS::Lambda::Function Code`, and
/// `AWS::Serverless::Function CodeUri`).
const PLACE: [&str; 6] = [
    "S3Bucket",
    "S3Key",
    "S3ObjectVersion",
    "Bucket",
    "Key",
    "Version",
];

/// Checks that these are functions of the template whose code can be a local path.
///
/// # Errors
///
/// If one is not.
pub(super) fn check(snapshot: &Snapshot, template: &Template, ids: &[String]) -> Result<()> {
    let known = || snapshot.functions.iter().map(|it| it.path.as_str());
    for id in ids {
        if snapshot.inline.contains(id) {
            return Err(Error::input(format!(
                "the code of {id} is in the template itself, so there is nothing to take"
            )));
        }
        if snapshot.resources.is_some() && !known().any(|it| it == id) {
            let error = Error::input(format!("the stack has no function `{id}` with a zip"));
            return Err(match nearest(id, known()) {
                Some(meant) => error.hint(format!("did you mean `{meant}`?")),
                None if snapshot.functions.is_empty() => error,
                None => error.hint(format!("its functions are {}", quoted(known()))),
            });
        }
        property(template, id)?;
    }
    Ok(())
}

/// Returns the template with a local path as the code of these functions.
///
/// # Errors
///
/// If the code of a function could not be read, or the text cannot be edited.
pub(super) fn take(adopted: Adopted, unpacked: &Unpacked, ids: &[String]) -> Result<Adopted> {
    if ids.is_empty() {
        return Ok(adopted);
    }
    let mut edits: Vec<(Range<usize>, String)> = Vec::new();
    for id in ids {
        unpacked.check(id)?;
        let (name, member) = property(&adopted.template, id)?;
        let text = &adopted.text.text;
        let range = value_range(text, member).ok_or_else(|| uneditable(id, name))?;
        edits.push((range, format!(" \"{}\"", Unpacked::path(id))));
    }
    edits.sort_by_key(|(range, _)| range.start);
    edits.dedup();
    let mut text = adopted.text.text.clone();
    for (range, value) in edits.iter().rev() {
        text.replace_range(range.clone(), value);
    }
    let source = SourceFile::new(adopted.text.name.clone(), text);
    let template = Template::parse_deployed(&source).map_err(|found| {
        Error::input("the template with the functions' code cannot be read").with_diagnostics(found)
    })?;
    let mut expected = adopted.template.root().clone();
    for id in ids {
        let (name, _) = property(&adopted.template, id)?;
        let path = ["Resources", id, "Properties", name];
        if let Some(node) = expected.at_mut(&path) {
            node.value = Value::String(Unpacked::path(id));
        }
        let found = template.resource(id).and_then(|it| it.properties());
        let found = found.and_then(|properties| properties.get(name));
        if found.and_then(Node::as_str) != Some(&Unpacked::path(id)) {
            return Err(uneditable(id, name));
        }
    }
    // Everything else must mean what it meant.
    if expected != *template.root() {
        let names = quoted(ids.iter().map(String::as_str));
        return Err(Error::input(format!(
            "the code of {names} cannot be taken: it cannot be edited in the text of the template"
        ))
        .hint("run init without `--take-code`, and write the paths by hand"));
    }
    Ok(Adopted {
        text: source,
        template,
        ..adopted
    })
}

/// Returns the property with the code of a function.
fn property<'t>(template: &'t Template, id: &str) -> Result<(&'static str, &'t Member)> {
    let resource = template.resource(id).ok_or_else(|| {
        Error::input(format!(
            "the code of {id} cannot be taken: the function is not in this template"
        ))
        .hint("a transform, a loop or a nested stack makes it: write its `Code` by hand")
    })?;
    let name = match resource.kind() {
        Some("AWS::Serverless::Function") => "CodeUri",
        _ => "Code",
    };
    let properties = resource.properties().and_then(Node::as_map);
    let member = properties.and_then(|it| it.get(name)).ok_or_else(|| {
        Error::input(format!(
            "the code of {id} cannot be taken: its properties have no `{name}`"
        ))
        .hint(format!(
            "write it by hand: `{name}: {}`",
            Unpacked::path(id)
        ))
    })?;
    let others = member.node.as_map().into_iter().flat_map(|map| map.keys());
    match others
        .into_iter()
        .find(|key| !PLACE.contains(&key.as_str()))
    {
        Some(key) if !key.starts_with("Fn::") && key != "Ref" => Err(Error::input(format!(
            "the code of {id} cannot be taken: `{name}` has the key `{key}`, which a local path cannot have"
        ))),
        _ => Ok((name, member)),
    }
}

/// Returns the range behind the colon of a key up to the end of its value.
fn value_range(text: &str, member: &Member) -> Option<Range<usize>> {
    let colon = text.get(member.key_span.end..)?.find(':')?;
    let start = member.key_span.end + colon + 1;
    let mut end = member.node.span.end;
    // The span of a value in brackets or quotes may end before they do.
    let rest = text.get(end..)?;
    let opens = text.get(start..)?.trim_start();
    for (open, close) in [('{', '}'), ('"', '"'), ('\'', '\'')] {
        let inner = text.get(start..end)?.trim_end();
        if opens.starts_with(open) && (!inner.ends_with(close) || inner.trim().len() == 1) {
            end += rest.find(close)? + 1;
        }
    }
    (start <= end).then_some(start..end)
}

fn uneditable(id: &str, name: &str) -> Error {
    Error::input(format!(
        "the code of {id} cannot be taken: its `{name}` cannot be edited in the text of the template"
    ))
    .hint(format!(
        "run init without `--take-code {id}`, and write it by hand: `{name}: {}`",
        Unpacked::path(id)
    ))
}
