//! New logical ids for the resources of a deployed template: the same text with nothing else changed.
//!
//! CloudFormation's stack refactoring gives a resource another logical id only if the template that is
//! sent is the deployed one apart from that. So the ids are replaced in the text, where the resources are
//! declared and wherever something refers to them; comments, layout and quotes stay. A text whose
//! references cannot all be followed is refused, and so is what stack refactoring does not accept
//! (CloudFormation user guide, "Stack refactoring considerations").

use std::ops::Range;

use indexmap::IndexMap;

use super::Template;
use super::edits::{Edit, Edits};
use super::node::{Node, Value, plain_value};
use super::reference::{Reference, ReferenceKind};
use crate::diagnostic::{Diagnostic, Severity, SourceFile};

/// The new logical ids by the old ones.
pub type Moves = IndexMap<String, String>;

/// The pseudo parameters whose values belong to one stack. A resource that reads one cannot be refactored.
const OF_THE_STACK: [&str; 3] = ["AWS::NotificationARNs", "AWS::StackId", "AWS::StackName"];

/// A template with new logical ids.
#[derive(Debug, Clone, PartialEq)]
pub struct Renamed {
    /// The text.
    pub text: String,
    /// The texts inside values that still contain an old id, which stackctl does not change. The places
    /// are in the deployed text.
    pub notes: Vec<Diagnostic>,
}

/// Returns the deployed template with the new logical ids, as stack refactoring accepts it.
///
/// # Errors
///
/// Every obstacle of [`obstacles`]; a reference that cannot be followed. The places are in the deployed
/// text.
pub fn rename(deployed: &Template, moves: &Moves) -> Result<Renamed, Vec<Diagnostic>> {
    let found = obstacles(deployed, moves);
    if found.is_empty() {
        renamed(deployed, moves)
    } else {
        Err(found)
    }
}

/// Returns why stack refactoring does not accept the new ids: a transform, which makes ids of its own; an
/// old id that the template does not have; a new id that it has already; a resource that reads a pseudo
/// parameter of its stack.
pub fn obstacles(deployed: &Template, moves: &Moves) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    if let Some(span) = first_transform(deployed) {
        let message = "a template with transforms cannot be refactored: they make logical ids";
        let problem = error("rename-transform", message, deployed, span);
        found.push(problem.help(
            "remove the entry in `[moved]`: the resource is then deleted and created, unless it is kept \
             with `DeletionPolicy: Retain` and imported under its new id",
        ));
    }
    for (old, new) in moves {
        if deployed.resource(old).is_none() {
            let message = format!("the deployed template has no resource `{old}` to rename");
            found.push(error("rename-unknown", message, deployed, 0..0));
        }
        let taken = deployed.resource(new).map(|it| it.entry.name_span);
        let taken = taken.or_else(|| Some(deployed.parameter(new)?.entry.name_span));
        if let Some(span) = taken.filter(|_| !moves.contains_key(new)) {
            let message =
                format!("`{old}` cannot become `{new}`: the deployed template has that name");
            let problem = error("rename-taken", message, deployed, span.clone());
            found.push(problem.help("choose another logical id"));
        }
    }
    for reference in deployed.references() {
        let is_moved = reference.section == "Resources" && moves.contains_key(reference.owner);
        if is_moved && OF_THE_STACK.contains(&reference.target) {
            let (owner, target) = (reference.owner, reference.target);
            let message = format!("`{owner}` reads `{target}` and cannot be refactored");
            let problem = error("rename-pseudo-parameter", message, deployed, reference.span);
            found.push(problem.help(format!(
                "deploy the value of `{target}` as text first, with the old id, or keep the id"
            )));
        }
    }
    found
}

/// Returns the deployed template with the new logical ids, also if stack refactoring does not accept them.
///
/// # Errors
///
/// If a reference to an old id cannot be followed, at its place in the deployed text.
pub fn renamed(deployed: &Template, moves: &Moves) -> Result<Renamed, Vec<Diagnostic>> {
    let (text, edits) = edited(deployed, moves)?;
    let source = SourceFile::new(deployed.source().name.clone(), text);
    let unknown = || {
        let message = "the references to a renamed resource cannot be followed";
        vec![error("rename-reference", message, deployed, 0..0)]
    };
    let new = Template::parse_deployed(&source).map_err(|_| unknown())?;
    let mut found = declared_twice(&new, deployed, moves);
    found.extend(unfollowed(&new, deployed, moves, &edits));
    if !found.is_empty() {
        return Err(found);
    }
    // The way back leads to the same values only if nothing else was changed.
    let back = moves.iter().map(|(old, new)| (new.clone(), old.clone()));
    let back = edited(&new, &back.collect()).map_err(|_| unknown())?.0;
    let back = Template::parse_deployed(&SourceFile::new("", back)).map_err(|_| unknown())?;
    if back.root() != deployed.root() || !is_followed(deployed, &new, moves) {
        return Err(unknown());
    }
    let notes = leftover(&new, deployed, moves, &edits);
    Ok(Renamed {
        text: source.text.clone(),
        notes,
    })
}

/// Returns the text with the new ids, and the places of the edits.
fn edited(template: &Template, moves: &Moves) -> Result<(String, Edits), Vec<Diagnostic>> {
    let mut edits = Vec::new();
    let mut found = Vec::new();
    let declared = template.resources().map(|it| it.entry);
    let declared = declared.map(|entry| (entry.name, entry.name_span.clone(), false));
    let references = template.references();
    let referring = references.iter().filter(|it| names_resource(it));
    let referring = referring.map(|it| {
        let is_in_text = it.kind == ReferenceKind::Sub;
        (it.target, it.span.clone(), is_in_text)
    });
    for (old, span, is_in_text) in declared.chain(referring) {
        let Some(new) = moves.get(old) else { continue };
        match edit(&template.source().text, span.clone(), old, new, is_in_text) {
            Some(edit) => edits.push(edit),
            None => found.push(cannot_follow(template, old, span)),
        }
    }
    if found.is_empty() {
        Ok(Edits::apply(&template.source().text, edits))
    } else {
        Err(found)
    }
}

/// Returns the edit that replaces an id in this range of the text; `None` if the id is not written there
/// as it is.
fn edit(text: &str, span: Range<usize>, old: &str, new: &str, is_in_text: bool) -> Option<Edit> {
    let at = span.start + word(text.get(span.clone())?, old)?;
    let range = at..at + old.len();
    // An unquoted word such as `No` is not a string in YAML.
    let is_alone = range == span && !is_in_text && !text[range.end..].starts_with('.');
    let is_plain = matches!(plain_value(new.into()), Value::String(_));
    let text = if is_alone && !is_plain {
        format!("\"{new}\"")
    } else {
        new.to_owned()
    };
    Some(Edit { range, text })
}

/// Returns where an id stands in a text, without letters and digits around it.
fn word(text: &str, id: &str) -> Option<usize> {
    let is_part = |it: char| it.is_ascii_alphanumeric();
    let mut found = text.match_indices(id).map(|(at, _)| at);
    found.find(|at| {
        let (before, after) = (&text[..*at], &text[at + id.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

/// Returns whether a reference may name a resource.
fn names_resource(reference: &Reference<'_>) -> bool {
    match reference.kind {
        ReferenceKind::Ref
        | ReferenceKind::GetAtt
        | ReferenceKind::Sub
        | ReferenceKind::DependsOn => true,
        ReferenceKind::Condition | ReferenceKind::FindInMap => false,
    }
}

/// Returns whether each reference of the deployed template is the same in the new one, with the new ids.
fn is_followed(deployed: &Template, new: &Template, moves: &Moves) -> bool {
    let id = |id: &'_ str| moves.get(id).cloned().unwrap_or_else(|| id.to_owned());
    let (old, new) = (deployed.references(), new.references());
    let same = |(old, new): (&Reference<'_>, &Reference<'_>)| {
        let target = if names_resource(old) {
            id(old.target)
        } else {
            old.target.to_owned()
        };
        let owner = if old.section == "Resources" {
            id(old.owner)
        } else {
            old.owner.to_owned()
        };
        (old.kind, old.attribute, old.section) == (new.kind, new.attribute, new.section)
            && (&*target, &*owner) == (new.target, new.owner)
    };
    old.len() == new.len() && old.iter().zip(&new).all(same)
}

/// Returns the old ids that the text declares more than once, of which only one was renamed.
fn declared_twice(new: &Template, deployed: &Template, moves: &Moves) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for resource in new.resources() {
        let id = resource.logical_id();
        let is_left = moves.contains_key(id) && !moves.values().any(|new| new == id);
        if let Some(first) = deployed.resource(id).filter(|_| is_left) {
            let message = format!("the deployed template declares `{id}` twice");
            let span = first.entry.name_span.clone();
            let problem = error("rename-reference", message, deployed, span);
            found.push(problem.help("deploy the template with one of them first"));
        }
    }
    found
}

/// Returns the functions that still name an old id, such as a `Ref` whose argument is not a string.
fn unfollowed(
    new: &Template,
    deployed: &Template,
    moves: &Moves,
    edits: &Edits,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut check = |node: &Node| {
        let name = node.scalar().unwrap_or_default();
        let id = name.split_once('.').map_or(&*name, |it| it.0);
        if moves.contains_key(id) && !moves.values().any(|new| new == id) {
            found.push(cannot_follow(
                deployed,
                id,
                edits.original(node.span.clone()),
            ));
        }
    };
    for resource in new.resources() {
        let depends_on = resource.attribute("DependsOn");
        for node in depends_on.map(Node::elements).unwrap_or_default() {
            check(node);
        }
    }
    new.root().visit(&mut |node| match node.intrinsic() {
        Some(("Ref", argument)) => check(&argument.node),
        Some(("Fn::GetAtt", argument)) => {
            if let Some(node) = argument.node.elements().first() {
                check(node);
            }
        }
        _ => {}
    });
    found
}

/// Returns a note for each text inside a value that contains an old id as a name.
fn leftover(new: &Template, deployed: &Template, moves: &Moves, edits: &Edits) -> Vec<Diagnostic> {
    let mut notes = Vec::new();
    for resource in new.resources() {
        resource.entry.node.visit(&mut |node| {
            let text = node.as_str().unwrap_or_default();
            let named = moves.keys().find(|old| mentions(text, old));
            let Some(old) = named else { return };
            let written = new.source().text.get(node.span.clone());
            let span = match written.and_then(|it| word(it, old)) {
                Some(at) => node.span.start + at..node.span.start + at + old.len(),
                None => node.span.clone(),
            };
            let message =
                format!("this text contains `{old}`, which a refactoring does not change");
            let place = deployed.place(edits.original(span));
            let note = Diagnostic::new(Severity::Note, "rename-text", message, place);
            notes.push(note.help("if it means the resource, change it in the next deployment"));
        });
    }
    notes
}

/// Returns whether a text contains an id as a quoted word, as `${Id}`, or after an option such as
/// `--resource` of `cfn-signal`.
fn mentions(text: &str, id: &str) -> bool {
    let found = text.match_indices(id);
    found.into_iter().any(|(at, _)| {
        let (before, after) = (&text[..at], &text[at + id.len()..]);
        let is_quoted = ['"', '\'', '`']
            .into_iter()
            .any(|quote| before.ends_with(quote) && after.starts_with(quote));
        let is_variable = before.ends_with("${") && after.starts_with(['}', '.']);
        let option = before.trim_end_matches([' ', '=', '"', '\'']);
        let is_option = option.len() < before.len()
            && ["--resource", "-r"].iter().any(|it| option.ends_with(it))
            && !after.starts_with(|it: char| it.is_ascii_alphanumeric());
        is_quoted || is_variable || is_option
    })
}

/// Returns the place of the first transform or loop, of which CloudFormation makes resources.
fn first_transform(template: &Template) -> Option<Range<usize>> {
    let mut first = None;
    if let Some((_, member)) = template.root().as_map()?.get_key_value("Transform") {
        first = Some(member.key_span.clone());
    }
    template.root().visit(&mut |node| {
        for (key, member) in node.as_map().into_iter().flatten() {
            let is_call = key == "Fn::Transform" || key.starts_with("Fn::ForEach::");
            if is_call && first.is_none() {
                first = Some(member.key_span.clone());
            }
        }
    });
    first
}

fn cannot_follow(template: &Template, id: &str, span: Range<usize>) -> Diagnostic {
    let message = format!("the id `{id}` cannot be replaced here");
    let problem = error("rename-reference", message, template, span);
    problem.help("write the id as plain text, without escapes, and deploy that first")
}

fn error(
    rule: &'static str,
    message: impl Into<String>,
    template: &Template,
    span: Range<usize>,
) -> Diagnostic {
    Diagnostic::error(rule, message, template.place(span))
}

#[cfg(test)]
mod tests;
