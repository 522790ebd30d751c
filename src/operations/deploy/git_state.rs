//! The state of the project's git repository, for the record of a deployment.
//!
//! The repository may be a stranger's, and its configuration names programs: a file monitor, hooks,
//! filters of files, a command for a connection. None of them runs. Filters that the user has configured,
//! such as those of Git LFS, do.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use crate::config::ambient::Ambient;
use crate::plan::record::GitState;
use crate::util::program;

/// How long one call of git may take. The state of a repository of 100,000 files is read in a second.
const TIME_LIMIT: Duration = Duration::from_secs(5);

/// The variables that git gets, if they are set.
const KEPT: [&str; 5] = ["HOME", "PATH", "TMPDIR", "XDG_CONFIG_HOME", "LANG"];

/// Variables against programs, questions and changes.
const FIXED: [(&str, &str); 4] = [
    ("GIT_ALLOW_PROTOCOL", "none"),
    ("GIT_NO_LAZY_FETCH", "1"),
    ("GIT_OPTIONAL_LOCKS", "0"),
    ("GIT_TERMINAL_PROMPT", "0"),
];

/// Settings against programs of the repository.
const SETTINGS: [(&str, &str); 3] = [
    ("core.fsmonitor", "false"),
    ("core.hooksPath", "/dev/null"),
    ("status.submoduleSummary", "false"),
];

/// Returns git's version, such as `git version 2.47.1`; `None` if there is none.
pub(crate) fn version(folder: &Path, ambient: &Ambient) -> Option<String> {
    let path = ambient.variable("PATH").unwrap_or_default();
    let git = Git {
        program: program::find("git", path)?,
        folder,
        ambient,
    };
    let text = String::from_utf8(git.run(&["--version"], &[])?).ok()?;
    text.lines().next().map(|line| line.trim().to_owned())
}

/// Returns the state of the repository that a folder is in; `None` if there is no repository, no commit or
/// no git.
pub(crate) fn read(folder: &Path, ambient: &Ambient) -> Option<GitState> {
    let path = ambient.variable("PATH").unwrap_or_default();
    let git = Git {
        program: program::find("git", path)?,
        folder,
        ambient,
    };
    let commit = git.run(&["rev-parse", "--verify", "--quiet", "HEAD"], &[])?;
    let commit = String::from_utf8(commit).ok()?.trim().to_owned();
    let is_commit = commit.len() >= 40 && commit.bytes().all(|it| it.is_ascii_hexdigit());
    is_commit.then(|| GitState {
        dirty: git.is_dirty(),
        commit,
    })
}

struct Git<'a> {
    program: PathBuf,
    folder: &'a Path,
    ambient: &'a Ambient,
}

impl Git<'_> {
    /// Returns whether files differ from the commit; `None` if that cannot be read.
    fn is_dirty(&self) -> Option<bool> {
        let filters = self.filters()?;
        let settings: Vec<(String, &str)> = filters
            .iter()
            .flat_map(|name| {
                [("clean", ""), ("process", ""), ("required", "false")]
                    .map(|(key, value)| (format!("filter.{name}.{key}"), value))
            })
            .collect();
        let arguments = [
            "status",
            "--porcelain",
            "--untracked-files=normal",
            "--ignore-submodules=all",
        ];
        Some(!self.run(&arguments, &settings)?.is_empty())
    }

    /// Returns the names of the filters in the configuration of the repository.
    fn filters(&self) -> Option<Vec<String>> {
        let arguments = [
            "config",
            "--null",
            "--show-scope",
            "--name-only",
            "--get-regexp",
            r"^filter\.",
        ];
        let output = self.output(&arguments, &[]).ok()??;
        match output.status.code() {
            Some(0) => {}
            // There are none.
            Some(1) if output.stdout.is_empty() => return Some(Vec::new()),
            _ => return None,
        }
        let text = String::from_utf8(output.stdout).ok()?;
        let words: Vec<&str> = text.split('\0').collect();
        let mut names = Vec::new();
        for pair in words.chunks_exact(2) {
            let [scope, key] = pair else { continue };
            let name = key.strip_prefix("filter.")?.rsplit_once('.')?.0;
            if !["global", "system"].contains(scope) {
                names.push(name.to_owned());
            }
        }
        Some(names)
    }

    /// Returns what git prints; `None` if it fails.
    fn run(&self, arguments: &[&str], settings: &[(String, &str)]) -> Option<Vec<u8>> {
        let output = self.output(arguments, settings).ok()??;
        output.status.success().then_some(output.stdout)
    }

    /// Runs git with these settings. Returns `None` if it takes too long.
    fn output(
        &self,
        arguments: &[&str],
        settings: &[(String, &str)],
    ) -> io::Result<Option<Output>> {
        let kept = KEPT.iter().filter_map(|name| {
            let value = self.ambient.variable(name)?;
            Some((*name, OsString::from(value)))
        });
        let mut command = Command::new(&self.program);
        command
            .args(["--no-pager", "-C"])
            .arg(self.folder)
            .args(arguments)
            .env_clear()
            .envs(kept)
            .envs(FIXED)
            .env("LC_ALL", "C");
        let all = SETTINGS.iter().map(|(key, value)| (*key, *value));
        let all = all.chain(settings.iter().map(|(key, value)| (key.as_str(), *value)));
        let mut count = 0;
        for (key, value) in all {
            command.env(format!("GIT_CONFIG_KEY_{count}"), key);
            command.env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let child = command.spawn()?;
        program::run_at_most(child, String::new(), TIME_LIMIT)
    }
}

#[cfg(test)]
#[expect(
    clippy::unwrap_used,
    reason = "a failed assertion is what a test is for"
)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;
    use std::process::Command;

    use super::read;
    use crate::config::ambient::Ambient;

    fn ambient(folder: &Path) -> Ambient {
        let path = std::env::var("PATH").unwrap_or_default();
        let home = folder.join("home").display().to_string();
        let variables = [("PATH".to_owned(), path), ("HOME".to_owned(), home)];
        Ambient::new(variables, folder)
    }

    fn git(folder: &Path, arguments: &[&str]) -> bool {
        let status = Command::new("git")
            .args(["-c", "user.name=a", "-c", "user.email=a@example.com", "-C"])
            .arg(folder)
            .args(arguments)
            .env("HOME", folder)
            .output();
        status.is_ok_and(|it| it.status.success())
    }

    #[test]
    fn no_program_of_the_repository_runs() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        if !git(root, &["init", "-q"]) {
            return;
        }
        assert_eq!(read(root, &ambient(root)), None, "there is no commit");
        fs::write(root.join("a.txt"), "one\n").unwrap();
        fs::write(root.join(".gitignore"), "home\nran-*\nevil\n").unwrap();
        assert!(git(root, &["add", "."]));
        assert!(git(root, &["commit", "-q", "-m", "first"]));
        let state = read(root, &ambient(root)).unwrap();
        assert_eq!(state.dirty, Some(false), "{state:?}");

        let evil = root.join("evil");
        let script = format!("#!/bin/sh\ntouch {}/ran-$1\ncat\n", root.display());
        fs::write(&evil, script).unwrap();
        fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
        let evil = evil.display().to_string();
        for (key, value) in [
            ("core.fsmonitor", format!("{evil} fsmonitor")),
            ("filter.e=v\"i l.clean", format!("{evil} clean")),
            ("filter.e=v\"i l.process", format!("{evil} process")),
            ("filter.e=v\"i l.required", "true".to_owned()),
            ("filter.other.clean", format!("{evil} other")),
            ("core.pager", format!("{evil} pager")),
            ("core.hooksPath", root.display().to_string()),
        ] {
            assert!(git(root, &["config", key, &value]));
        }
        fs::copy(root.join("evil"), root.join("post-index-change")).unwrap();
        fs::write(root.join(".gitattributes"), "a.txt filter=other\n").unwrap();
        fs::write(root.join("a.txt"), "two\n").unwrap();
        let state = read(root, &ambient(root)).unwrap();
        assert_eq!(state.dirty, Some(true));
        assert_eq!(state.commit.len(), 40);
        let entries = fs::read_dir(root).unwrap().flatten();
        let ran: Vec<_> = entries
            .map(|entry| entry.file_name())
            .filter(|name| name.to_string_lossy().starts_with("ran-"))
            .collect();
        assert!(ran.is_empty(), "{ran:?}");
    }

    #[test]
    fn without_git_or_a_repository_there_is_no_state() {
        let folder = tempfile::tempdir().unwrap();
        let nothing = Ambient::new([("PATH".to_owned(), "/nowhere".to_owned())], folder.path());
        assert_eq!(read(folder.path(), &nothing), None);
        // The temporary folder may be in a repository; a folder that does not exist is in none.
        let missing = folder.path().join("missing");
        assert_eq!(read(&missing, &ambient(folder.path())), None);
    }
}
