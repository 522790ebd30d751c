//! The variables that a template reads.
//!
//! They are read off the source, so that a branch that is not taken counts too.

use std::collections::BTreeSet;

use super::code;
use super::scan::Tags;
use crate::config::origin::Origin;
use crate::config::settings::Settings;
use crate::diagnostic::Diagnostic;
use crate::util::suggest::nearest;

/// The members of `vars` that templates read.
#[derive(Debug, Clone, Default)]
pub(super) struct Reads {
    /// Whether a template reads `vars` in a way that may read any member.
    all: bool,
    /// The paths without `vars.`.
    paths: BTreeSet<String>,
}

impl Reads {
    /// Adds what the tags of a source read.
    pub(super) fn add(&mut self, text: &str, tags: &Tags) {
        for tag in &tags.tags {
            self.add_code(text.get(tag.code.clone()).unwrap_or_default());
        }
    }

    /// Notes that a template may read every variable.
    pub(super) fn add_all(&mut self) {
        self.all = true;
    }

    fn add_code(&mut self, code: &str) {
        let mut before = None;
        let mut rest = code;
        while let Some(next) = rest.chars().next() {
            if next == '"' || next == '\'' {
                let length = code::string_length(rest).unwrap_or(rest.len());
                rest = rest.get(length..).unwrap_or_default();
                before = Some(next);
            } else if code::is_word(next) {
                let word = code::word(rest);
                rest = rest.get(word.len()..).unwrap_or_default();
                // `a.vars` is another name.
                if word == "vars" && before != Some('.') {
                    rest = self.add_path(rest);
                }
                before = word.chars().next_back();
            } else {
                rest = rest.get(next.len_utf8()..).unwrap_or_default();
                if !next.is_whitespace() {
                    before = Some(next);
                }
            }
        }
    }

    /// Adds the path behind `vars`. Returns the code behind the path.
    fn add_path<'a>(&mut self, code: &'a str) -> &'a str {
        let mut names: Vec<&str> = Vec::new();
        let mut rest = code;
        loop {
            let next = rest.trim_start();
            if let Some(member) = next.strip_prefix('.') {
                let name = code::word(member.trim_start());
                if name.is_empty() {
                    break;
                }
                names.push(name);
                let end = member.len() - member.trim_start().len() + name.len();
                rest = member.get(end..).unwrap_or_default();
            } else if let Some(literal) = next.strip_prefix('[').and_then(literal_index) {
                names.push(literal.0);
                rest = literal.1;
            } else {
                break;
            }
        }
        if rest.trim_start().starts_with('(') {
            // A method.
            names.pop();
        }
        if names.is_empty() {
            self.all = true;
        } else {
            self.paths.insert(names.join("."));
        }
        rest
    }

    /// Returns whether a template reads this path, a part of it or the map around it.
    fn covers(&self, path: &str) -> bool {
        let is_inside = |inner: &str, outer: &str| {
            inner
                .strip_prefix(outer)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        };
        self.all
            || self
                .paths
                .iter()
                .any(|read| is_inside(path, read) || is_inside(read, path))
    }
}

/// Returns a warning for each variable of the settings that no template reads. `reads` are those of the
/// templates that are rendered; `file` is the name of the first template.
pub(super) fn unread(settings: &Settings, reads: &[&Reads], file: &str) -> Vec<Diagnostic> {
    let mut paths = Vec::new();
    flatten(&settings.vars, "", &mut paths);
    let set: BTreeSet<&str> = paths.iter().map(String::as_str).collect();
    let is_read = |path: &str| reads.iter().any(|it| it.covers(path));
    let unread = paths.iter().filter(|path| !is_read(path));
    let warnings = unread.filter_map(|path| {
        let key = format!("vars.{path}");
        let origin = settings.origins.get(&key);
        if *origin == Origin::Default || settings.is_of_all_stacks(&key) {
            return None;
        }
        let message = if reads.is_empty() {
            format!("nothing reads `vars.{path}`: `{file}` is not rendered")
        } else {
            format!("no template reads `vars.{path}`")
        };
        let warning = Diagnostic::warning("unread-variable", message, origin.place(""));
        let read = reads
            .iter()
            .flat_map(|it| it.paths.iter().map(String::as_str));
        Some(match nearest(path, read.filter(|it| !set.contains(it))) {
            Some(meant) => warning.help(format!("did you mean `vars.{meant}`?")),
            None if reads.is_empty() => warning.help(format!(
                "remove it, or rename the template to `{file}.j2` to have it rendered"
            )),
            None => warning,
        })
    });
    warnings.collect()
}

/// Adds the paths of all values in the table that are not tables.
fn flatten(table: &toml::Table, parent: &str, paths: &mut Vec<String>) {
    for (name, value) in table {
        let path = match parent {
            "" => name.clone(),
            parent => format!("{parent}.{name}"),
        };
        match value {
            toml::Value::Table(inner) if !inner.is_empty() => flatten(inner, &path, paths),
            _ => paths.push(path),
        }
    }
}

/// Returns the name in `"name"]` and the code behind it.
fn literal_index(code: &str) -> Option<(&str, &str)> {
    let code = code.trim_start();
    let length = code::string_length(code)?;
    let name = code.get(1..length - 1)?;
    let rest = code.get(length..)?.trim_start().strip_prefix(']')?;
    (!name.contains('\\')).then_some((name, rest))
}

#[cfg(test)]
mod tests;
