//! Finds expressions of the template engine in a file that is not rendered.
//!
//! Double braces are common in plain templates: documents of Systems Manager, `JSONata` in state
//! machines, playbooks and dashboards all have them. So a file is refused only if its braces can mean
//! nothing else: they print a value that this project has, or they print a value by a name that
//! nothing else in the file explains, or the file is no template because of them.

use std::ops::Range;
use std::sync::Arc;

use minijinja::Value;

use super::{code, names};
use crate::diagnostic::{Diagnostic, Place, SourceFile};

/// The statements of the template engine.
const STATEMENTS: [&str; 28] = [
    "autoescape",
    "block",
    "call",
    "do",
    "elif",
    "else",
    "endautoescape",
    "endblock",
    "endcall",
    "endfilter",
    "endfor",
    "endif",
    "endmacro",
    "endraw",
    "endset",
    "endwith",
    "extends",
    "filter",
    "for",
    "from",
    "if",
    "import",
    "include",
    "macro",
    "raw",
    "set",
    "with",
    "continue",
];

/// The values of the context.
const NAMES: [&str; 8] = [
    "allowed_ssh_cidrs",
    "artifact_bucket",
    "artifacts",
    "environment",
    "key_pair",
    "parameters",
    "project",
    "vars",
];

/// The rule of the error, which the manifest may ignore.
pub(super) const RULE: &str = "template-not-rendered";

/// What the braces at one place mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// A value that this project has, such as `vars.size`.
    Value,
    /// A name of the context that may be somebody else's too, such as `project`.
    Name,
    /// A statement without a value of the project.
    Statement,
    /// Not for this engine.
    Foreign,
}

/// Returns an error if the file was written for the template engine, at the first place that shows it.
/// `is_template` says whether the text is a template as it is.
pub(super) fn check(
    source: &Arc<SourceFile>,
    context: &Value,
    is_template: impl FnOnce() -> bool,
) -> Option<Diagnostic> {
    let found = braces(&source.text, context);
    if found.is_empty() {
        return None;
    }
    let first = |meanings: &[Meaning]| {
        let mut known = found.iter().filter(|(it, _)| meanings.contains(it));
        known.next().map(|(_, span)| span.clone())
    };
    let has_foreign = found.iter().any(|(it, _)| *it == Meaning::Foreign);
    let span = first(&[Meaning::Value]).or_else(|| {
        if has_foreign {
            None
        } else if is_template() {
            first(&[Meaning::Name])
        } else {
            first(&[Meaning::Name, Meaning::Statement])
        }
    })?;
    let file = names::file_name(&source.name);
    let place = Place {
        source: Arc::clone(source),
        span,
        label: String::new(),
    };
    Some(
        Diagnostic::error(
            RULE,
            format!("`{file}` is not rendered, but it contains template expressions"),
            place,
        )
        .help(format!(
            "rename it to `{file}.j2`, and change its name where it is used: only files that end \
             in `.j2`, `.jinja` or `.jinja2` are rendered"
        ))
        .help(format!(
            "if the braces are the template's own, write `[lint] ignore = [\"{RULE}\"]` in the manifest"
        )),
    )
}

/// Returns what the double braces in a text mean, in the order of the text.
fn braces(text: &str, context: &Value) -> Vec<(Meaning, Range<usize>)> {
    let mut found = Vec::new();
    // The names that statements define or use, such as the variable of a loop.
    let mut words: Vec<&str> = vec!["loop"];
    let mut at = 0;
    while let Some(start) = text.get(at..).and_then(|rest| rest.find('{')) {
        let start = at + start;
        let rest = text.get(start..).unwrap_or_default();
        at = start + 1;
        let (is_statement, closing) = match rest.as_bytes().get(1) {
            Some(b'{') => (false, "}}"),
            Some(b'%') => (true, "%}"),
            _ => continue,
        };
        let line = rest.lines().next().unwrap_or_default();
        // Dynamic references are CloudFormation's, `${{ … }}` and `{{{ … }}}` somebody else's.
        let before = text.get(..start).unwrap_or_default();
        if rest.starts_with("{{resolve:") || rest.starts_with("{{{") || before.ends_with(['$', '{'])
        {
            at = start + 2;
            continue;
        }
        let Some(end) = line.find(closing) else {
            // JSON closes several maps at once, and opens none with two braces.
            continue;
        };
        let code = line.get(2..end).unwrap_or_default();
        let code = code.strip_prefix(['-', '+']).unwrap_or(code);
        let code = code.strip_suffix(['-', '+']).unwrap_or(code).trim();
        at = start + end + closing.len();
        if is_statement {
            words.extend(code::words(code));
            found.push((statement(code, context), start..at));
            continue;
        }
        let is_text = code.starts_with(['"', '\'']);
        let is_local = !NAMES.contains(&code::word(code)) && words.contains(&code::word(code));
        if !is_comment(before) && !is_text && !is_local {
            found.push((expression(code, text, context), start..at));
        }
    }
    found
}

/// Returns whether the text after this is in a comment.
fn is_comment(before: &str) -> bool {
    let line = before.rsplit('\n').next().unwrap_or_default();
    line.trim_start().starts_with('#') || line.contains(" # ")
}

fn expression(code: &str, text: &str, context: &Value) -> Meaning {
    let path = path(code);
    let rest = code.get(path.len()..).unwrap_or_default().trim_start();
    let continues = rest.is_empty() || rest.starts_with(['|', '~', '[', '=', '!', '+']);
    let root = path.split('.').next().unwrap_or_default();
    if matches!(path, "resolve" | "raise") && rest.starts_with("(\"")
        || matches!(path, "resolve" | "raise") && rest.starts_with("('")
    {
        return Meaning::Value;
    }
    if !NAMES.contains(&root) || !(continues || rest.starts_with("if ")) {
        return Meaning::Foreign;
    }
    if path.contains('.') {
        return if is_defined(path, context) {
            Meaning::Value
        } else if matches!(root, "vars" | "artifacts") {
            Meaning::Name
        } else {
            Meaning::Foreign
        };
    }
    // A document that declares the name itself, such as a parameter of Systems Manager, uses its own.
    if declares(text, path) {
        Meaning::Foreign
    } else {
        Meaning::Name
    }
}

fn statement(code: &str, context: &Value) -> Meaning {
    let keyword = path(code);
    if !STATEMENTS.contains(&keyword) {
        return Meaning::Foreign;
    }
    let mut meaning = Meaning::Statement;
    let mut rest = code.get(keyword.len()..).unwrap_or_default();
    while let Some(start) = rest.find(code::is_word) {
        rest = rest.get(start..).unwrap_or_default();
        let path = path(rest);
        if is_defined(path, context) && path.contains('.') {
            return Meaning::Value;
        }
        if NAMES.contains(&path) {
            meaning = Meaning::Name;
        }
        rest = rest.get(path.len()..).unwrap_or_default();
    }
    meaning
}

/// Returns the dotted path at the start of the code.
fn path(code: &str) -> &str {
    let end = code.find(|other| !code::is_word(other) && other != '.');
    code.get(..end.unwrap_or(code.len())).unwrap_or_default()
}

/// Returns whether the context has a value at this path.
fn is_defined(path: &str, context: &Value) -> bool {
    let mut value = context.clone();
    for name in path.split('.') {
        match value.get_attr(name) {
            Ok(member) if !member.is_undefined() => value = member,
            _ => return false,
        }
    }
    true
}

/// Returns whether the text has a map with this key.
fn declares(text: &str, name: &str) -> bool {
    text.match_indices(name).any(|(start, _)| {
        let before = text.get(..start).unwrap_or_default().chars().next_back();
        let after = text.get(start + name.len()..).unwrap_or_default();
        let is_whole = before.is_none_or(|it| !it.is_alphanumeric() && it != '_' && it != '-');
        let after = after.strip_prefix(['"', '\'', '\\']).unwrap_or(after);
        let after = after.strip_prefix('"').unwrap_or(after);
        is_whole && after.trim_start_matches(' ').starts_with([':', '='])
    })
}

#[cfg(test)]
mod tests;
