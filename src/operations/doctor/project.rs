//! The project's files: the manifest, and the schema by which an editor checks it.

use std::path::Path;

use crate::config::manifest;
use crate::config::project::Project;
use crate::error::Error;
use crate::operations::context::Context;
use crate::operations::session::Session;
use crate::plan::checkup::{Check, Topic};
use crate::util::regular_file;

/// The beginning of the comment with which a TOML file names its schema (Taplo, "Using schemas").
const DIRECTIVE: &str = "#:schema";

/// The file that the remedy writes.
const SCHEMA_FILE: &str = "manifest.schema.json";

/// The largest schema that is read, in bytes. stackctl's own has some 60 KB.
const SCHEMA_LIMIT: u64 = 4 * 1024 * 1024;

/// The project, as far as it could be opened.
pub(super) struct Opened<'a> {
    /// The session. If the project could not be opened, that of an empty one; `None` if not even that is
    /// possible.
    pub(super) session: Option<Session<'a>>,
    /// Whether the session is that of the project.
    pub(super) is_real: bool,
    pub(super) checks: Vec<Check>,
}

/// Opens the project, or an empty one in its place.
pub(super) fn open(context: &Context) -> Opened<'_> {
    match Session::open(context) {
        Ok(session) => {
            let checks = vec![manifest_check(&session), schema_check(&session)];
            Opened {
                session: Some(session),
                is_real: true,
                checks,
            }
        }
        Err(error) => Opened {
            session: without_project(context),
            is_real: false,
            checks: vec![unopened(context, &error)],
        },
    }
}

fn manifest_check(session: &Session<'_>) -> Check {
    let settings = session.settings();
    let name = &session.project().manifest().name;
    let stack = match &settings.stack_set {
        Some(_) => "stack set",
        None => "stack",
    };
    let found = format!(
        "{name}: environment `{}`, {stack} `{}`",
        settings.environment, settings.stack_name
    );
    if let Err(error) = session.project().template(&settings.template) {
        return Check::of_error(Topic::Project, "manifest", &error).detail(found);
    }
    Check::ok(Topic::Project, "manifest", found)
}

/// Returns the check of a manifest that cannot be read. That there is none is only a warning: not every
/// command needs one.
fn unopened(context: &Context, error: &Error) -> Check {
    let check = Check::of_error(Topic::Project, "manifest", error);
    let folder = &context.ambient().current_dir;
    let is_missing =
        context.manifest().is_none() && Project::without_manifest(folder, None).is_some();
    if is_missing {
        check.at_most_warning()
    } else {
        check
    }
}

/// Returns the session of an empty project, so that what needs no manifest can be checked.
fn without_project(context: &Context) -> Option<Session<'_>> {
    let folder = &context.ambient().current_dir;
    let environment = context.environment().map(str::to_owned);
    let table = environment.as_deref().map(|name| {
        // A text in JSON is a key in TOML.
        let key = serde_json::Value::from(name);
        format!("[environments.{key}]\n")
    });
    let text = format!("project = \"doctor\"\n{}", table.unwrap_or_default());
    let project = Project::planned(folder, text);
    Session::of(context, project, environment).ok()
}

/// Checks that the schema by which an editor checks the manifest is that of this version.
fn schema_check(session: &Session<'_>) -> Check {
    const NAME: &str = "editor-schema";
    let project = session.project();
    let remedy = |check: Check, file: &str| {
        let path = session.project().shown(Path::new(file));
        check.remedy(format!("`stackctl schema > {path}`"))
    };
    let Some(named) = directive(&project.manifest().text) else {
        let reason = format!(
            "the manifest names no schema: a first line `{DIRECTIVE} ./{SCHEMA_FILE}` makes editors check \
             and complete its keys"
        );
        return remedy(Check::skipped(Topic::Project, NAME, reason), SCHEMA_FILE);
    };
    if named.contains("://") {
        let reason = format!("`{named}` is a URL, which was not fetched");
        return Check::skipped(Topic::Project, NAME, reason);
    }
    let path = project.root().join(named);
    let read = regular_file::read(&path, SCHEMA_LIMIT);
    let warning = |text: String| remedy(Check::warning(Topic::Project, NAME, text), named);
    match read {
        Err(error) => warning(format!("the schema `{named}` {}", error.predicate())),
        Ok(content) => {
            let found: Option<serde_json::Value> = serde_json::from_slice(&content).ok();
            let own = serde_json::to_value(manifest::schema()).ok();
            if found.is_some() && found == own {
                Check::ok(
                    Topic::Project,
                    NAME,
                    format!("{named} is that of this version"),
                )
            } else {
                warning(format!("the schema `{named}` is not that of this version"))
            }
        }
    }
}

/// Returns the schema that the first comments of a manifest name.
fn directive(text: &str) -> Option<&str> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().map(str::trim);
    let mut comments = lines
        .by_ref()
        .take_while(|line| line.is_empty() || line.starts_with('#'));
    let named = comments.find_map(|line| line.strip_prefix(DIRECTIVE))?;
    let is_word = named.starts_with(char::is_whitespace);
    Some(named.trim()).filter(|it| is_word && !it.is_empty())
}

#[cfg(test)]
mod tests {
    use super::directive;

    #[test]
    fn the_schema_is_named_in_the_first_comments() {
        for (text, expected) in [
            ("#:schema ./a.json\nproject = 1", Some("./a.json")),
            ("\u{feff}# a\n\n  #:schema  a b.json \n", Some("a b.json")),
            ("project = 1\n#:schema ./a.json\n", None),
            ("# :schema ./a.json\n", None),
            ("#:schema\n", None),
            ("#:schemas x\n", None),
            ("", None),
        ] {
            assert_eq!(directive(text), expected, "{text}");
        }
    }
}
