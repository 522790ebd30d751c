//! The external linter: `cfn-lint`, which reads the template from its standard input.
//!
//! A `.cfnlintrc` can name rules, which are Python files that the linter executes. Therefore it runs in
//! an empty folder with an empty configuration, unless the manifest allows the project's. Its environment
//! has no credentials and nothing that changes which Python files are imported.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde::Deserialize;
use tempfile::NamedTempFile;

use super::{Finding, Subject};
use crate::config::ambient::Ambient;
use crate::diagnostic::Severity;
use crate::error::{Error, ErrorKind, Result};
use crate::util::program;

/// The bits of the exit code for errors, warnings and notes. Any other bit is a failure.
const FOUND: i32 = 2 | 4 | 8;

/// The longest run of the linter. It does not end on some templates: 200 conditions that each use the
/// one before twice keep it busy for ever.
const TIME_LIMIT: Duration = Duration::from_mins(2);

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    rule: Rule,
    level: String,
    message: String,
    location: Location,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Rule {
    id: String,
    #[serde(default)]
    source: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Location {
    start: Position,
    end: Position,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Position {
    line_number: usize,
    column_number: usize,
}

/// The variables that the linter gets as they are.
const KEPT: [&str; 5] = ["PATH", "LANG", "LC_ALL", "LC_CTYPE", "TMPDIR"];

/// The variables that tell where installations of Python are, with their defaults below the home folder.
/// The linter has another home folder.
const BELOW_HOME: [(&str, &str); 6] = [
    ("PYTHONUSERBASE", ".local"),
    ("PYENV_ROOT", ".pyenv"),
    ("ASDF_DATA_DIR", ".asdf"),
    ("XDG_CONFIG_HOME", ".config"),
    ("XDG_DATA_HOME", ".local/share"),
    ("XDG_STATE_HOME", ".local/state"),
];

/// Runs `cfn-lint`. Returns its name and its findings, or `None` if it is not installed.
pub(super) fn run(subject: &Subject) -> Result<Option<(String, Vec<Finding>)>> {
    let path = subject.ambient.variable("PATH").unwrap_or_default();
    let Some(program) = program::find("cfn-lint", path) else {
        return Ok(None);
    };
    let failed = |error| Error::system("cannot run cfn-lint", error);
    let empty = tempfile::tempdir().map_err(failed)?;
    let configuration = empty_configuration().map_err(failed)?;
    let mut command = Command::new(program);
    command
        .args(["--format", "json"])
        .env_clear()
        .env("HOME", empty.path())
        .envs(environment(&subject.ambient));
    if subject.settings.rc {
        command.current_dir(&subject.root);
    } else {
        command
            .current_dir(empty.path())
            .arg("--config-file")
            .arg(configuration.path());
    }
    if let Some(region) = &subject.region {
        command.args(["--regions", region]);
    }
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let child = command.spawn().map_err(failed)?;
    let input = subject.source.text.clone();
    let output = program::run_at_most(child, input, TIME_LIMIT).map_err(failed)?;
    let Some(output) = output else {
        let seconds = TIME_LIMIT.as_secs();
        let message = format!("cfn-lint did not end within {seconds} seconds and was killed");
        return Err(Error::new(ErrorKind::System, message)
            .hint("conditions that each use another one twice keep it busy for ever"));
    };
    let has_run = output.status.code().is_some_and(|code| code & !FOUND == 0);
    let findings = has_run.then(|| parse(&output.stdout)).flatten();
    let Some(findings) = findings else {
        let errors = String::from_utf8_lossy(&output.stderr);
        let last = errors.lines().rfind(|line| !line.trim().is_empty());
        return Err(Error::system(
            format!("cfn-lint failed ({})", output.status),
            io::Error::other(last.unwrap_or("it printed no error").to_owned()),
        )
        .hint("run `cfn-lint --version` to check the installation"));
    };
    Ok(Some(("cfn-lint".to_owned(), findings)))
}

/// How long the linter may take to print its version.
const VERSION_LIMIT: Duration = Duration::from_secs(20);

/// Returns what `cfn-lint --version` prints, or `None` if it is not installed.
pub(super) fn version(ambient: &Ambient) -> Result<Option<String>> {
    let path = ambient.variable("PATH").unwrap_or_default();
    let Some(program) = program::find("cfn-lint", path) else {
        return Ok(None);
    };
    let failed = |error| Error::system("cannot run cfn-lint", error);
    let empty = tempfile::tempdir().map_err(failed)?;
    let mut command = Command::new(&program);
    command
        .arg("--version")
        .env_clear()
        .env("HOME", empty.path())
        .envs(environment(ambient))
        .current_dir(empty.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let child = command.spawn().map_err(failed)?;
    let output = program::run_at_most(child, String::new(), VERSION_LIMIT).map_err(failed)?;
    let output = output.filter(|output| output.status.success());
    let text = output.map(|it| String::from_utf8_lossy(&it.stdout).into_owned());
    let line = text.as_deref().and_then(|it| it.lines().next());
    match line {
        Some(line) => Ok(Some(line.trim().to_owned())),
        None => Err(Error::new(
            ErrorKind::System,
            format!("{} does not run", program.display()),
        )
        .hint("install it again: `pip install --upgrade cfn-lint`")),
    }
}

/// Returns a file with a configuration that sets nothing. If the linter gets one, it reads no other.
fn empty_configuration() -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().suffix(".yaml").tempfile()?;
    file.write_all(b"{}\n")?;
    Ok(file)
}

/// Returns the linter's variables, apart from its home folder.
fn environment(ambient: &Ambient) -> Vec<(&'static str, PathBuf)> {
    let kept = KEPT
        .iter()
        .filter_map(|name| Some((*name, ambient.variable(name)?.into())));
    let home = ambient.variable("HOME").map(PathBuf::from);
    let below_home = BELOW_HOME.iter().filter_map(|(name, default)| {
        let folder = match ambient.variable(name) {
            Some(folder) => PathBuf::from(folder),
            None => home.as_ref()?.join(default),
        };
        folder.is_absolute().then_some((*name, folder))
    });
    kept.chain(below_home).collect()
}

fn parse(output: &[u8]) -> Option<Vec<Finding>> {
    let entries: Vec<Entry> = serde_json::from_slice(output).ok()?;
    let findings = entries.into_iter().map(|entry| Finding {
        severity: match entry.level.as_str() {
            "Informational" => Severity::Note,
            "Warning" => Severity::Warning,
            _ => Severity::Error,
        },
        rule: entry.rule.id,
        message: entry.message,
        start: entry.location.start.pair(),
        end: entry.location.end.pair(),
        help: help(&entry.rule.source),
    });
    Some(findings.collect())
}

/// Returns the rule's own documentation page. Most rules only name the project's start page.
fn help(source: &str) -> Vec<String> {
    let is_a_page = source.starts_with("https://docs.");
    is_a_page
        .then(|| format!("see {source}"))
        .into_iter()
        .collect()
}

impl Position {
    const fn pair(&self) -> (usize, usize) {
        (self.line_number, self.column_number)
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use super::parse;
    use crate::diagnostic::Severity;

    #[test]
    fn json_output_is_parsed() {
        let output = r#"[{
            "Filename": null, "Level": "Informational", "Message": "Prefer this",
            "Location": {"Start": {"LineNumber": 3, "ColumnNumber": 5},
                         "End": {"LineNumber": 3, "ColumnNumber": 9}, "Path": null},
            "Rule": {"Id": "I1", "Source": "https://docs.aws.amazon.com/x"}
        }]"#;
        let found = parse(output.as_bytes()).unwrap();
        assert_eq!(found.len(), 1);
        let first = &found[0];
        assert_eq!(
            (first.rule.as_str(), first.severity),
            ("I1", Severity::Note)
        );
        assert_eq!((first.start, first.end), ((3, 5), (3, 9)));
        assert_eq!(first.help, ["see https://docs.aws.amazon.com/x"]);
        assert!(parse(b"Traceback (most recent call last)").is_none());
    }
}
