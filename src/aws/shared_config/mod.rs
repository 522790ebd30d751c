//! The shared configuration of the AWS CLI and the SDKs: `~/.aws/config` and `~/.aws/credentials`.
//!
//! stackctl reads the files itself, because the SDK ignores a file that it cannot read or understand,
//! and then reports a missing region or missing credentials. What botocore reads is read alike.

mod ini;

use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::Path;

use super::variables::Variables;
use crate::error::{Error, Result};
use crate::util::regular_file::{self, FileError};
use ini::{Section, Value};

/// The maximum size of a file that is read, in bytes. The files of large companies have a few hundred
/// kilobytes.
pub(super) const SIZE: u64 = 16 * 1024 * 1024;

/// Which of the two files a value comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SharedFile {
    /// `~/.aws/config`, or the file that `AWS_CONFIG_FILE` names.
    Config,
    /// `~/.aws/credentials`, or the file that `AWS_SHARED_CREDENTIALS_FILE` names.
    Credentials,
}

/// What both files say.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedConfig {
    profiles: BTreeMap<String, Profile>,
    sessions: BTreeMap<String, Profile>,
    services: BTreeMap<String, Profile>,
    /// The sections of the config file that are none of these, such as a profile without its prefix.
    others: BTreeSet<String>,
    /// The files that exist and cannot be opened, each with the reason.
    unopened: Vec<String>,
}

/// A profile, or another section, with its settings.
#[derive(Debug, Clone, Default)]
pub(super) struct Profile {
    settings: BTreeMap<String, Setting>,
}

/// A value and where it is.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    value: Value,
    file: SharedFile,
    place: String,
}

impl SharedFile {
    const ALL: [Self; 2] = [Self::Config, Self::Credentials];

    fn variable(self) -> &'static str {
        match self {
            Self::Config => "AWS_CONFIG_FILE",
            Self::Credentials => "AWS_SHARED_CREDENTIALS_FILE",
        }
    }

    fn default_path(self) -> &'static str {
        match self {
            Self::Config => "~/.aws/config",
            Self::Credentials => "~/.aws/credentials",
        }
    }
}

impl SharedConfig {
    /// Reads both files. A file that does not exist is empty. One that cannot be opened is too, until
    /// something is missing.
    ///
    /// # Errors
    ///
    /// If a file is not UTF-8 or cannot be understood.
    pub(super) fn load(variables: &Variables) -> Result<Self> {
        let mut config = Self::default();
        for file in SharedFile::ALL {
            let named = variables.get(file.variable())?;
            let name = named.unwrap_or_else(|| file.default_path().to_owned());
            let Some(path) = variables.expand(&name) else {
                continue;
            };
            let content = match regular_file::read(Path::new(&path), SIZE) {
                Ok(content) => content,
                Err(FileError::Io(error)) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => {
                    config
                        .unopened
                        .push(format!("`{name}` {}", error.predicate()));
                    continue;
                }
            };
            let text = String::from_utf8(content).map_err(|error| {
                let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                let line = before.split(|byte| *byte == b'\n').count();
                broken(&name, line, "the text is not UTF-8")
            })?;
            let sections = ini::parse(&text)
                .map_err(|mistake| broken(&name, mistake.line, &mistake.message))?;
            for section in sections {
                config.add(file, &name, section);
            }
        }
        Ok(config)
    }

    /// Adds a section. Of two with one name, the last one of a file counts, and values of the
    /// credentials file replace those of the config file.
    fn add(&mut self, file: SharedFile, path: &str, section: Section) {
        let settings = section.entries.into_iter().map(|(key, entry)| {
            let place = format!("{path}:{}", entry.line);
            let value = entry.value;
            (key, Setting { value, file, place })
        });
        let profile = Profile {
            settings: settings.collect(),
        };
        if file == SharedFile::Credentials {
            let known = self.profiles.entry(section.name).or_default();
            known.settings.extend(profile.settings);
            return;
        }
        let to = if section.name == "default" {
            self.profiles.insert(section.name, profile);
            return;
        } else if section.name.starts_with("profile") {
            &mut self.profiles
        } else if section.name.starts_with("sso-session") {
            &mut self.sessions
        } else if section.name.starts_with("services") {
            &mut self.services
        } else {
            self.others.insert(section.name);
            return;
        };
        let words = shlex::split(&section.name).unwrap_or_default();
        if let [_, name] = words.as_slice() {
            to.insert(name.clone(), profile);
        }
    }

    /// Returns a profile by its name.
    pub(super) fn profile(&self, name: &str) -> Option<&Profile> {
        self.profiles.get(name)
    }

    /// Returns a section `[sso-session NAME]`.
    pub(super) fn session(&self, name: &str) -> Option<&Profile> {
        self.sessions.get(name)
    }

    /// Returns a section `[services NAME]`.
    pub(super) fn services(&self, name: &str) -> Option<&Profile> {
        self.services.get(name)
    }

    /// Returns the names of all profiles, sorted.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.profiles.keys().map(String::as_str)
    }

    /// Returns whether the config file has a section of this name that is no profile, because it lacks
    /// the word `profile`.
    pub(super) fn lacks_prefix(&self, name: &str) -> bool {
        self.others.contains(name)
    }

    /// Returns why files that exist could not be opened.
    pub(super) fn unopened(&self) -> &[String] {
        &self.unopened
    }
}

impl Profile {
    /// Returns a value; `None` if it is missing or has pairs of its own.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        match &self.settings.get(key)?.value {
            Value::Text(text) => Some(text),
            Value::Nested(_) => None,
        }
    }

    /// Returns a value as [`Self::text`] does, and its origin for messages, such as
    /// ``~/.aws/config:7: `region` ``.
    pub(super) fn text_with_origin(&self, key: &str) -> Option<(String, String)> {
        let text = self.text(key)?.to_owned();
        Some((text, format!("{}: `{key}`", self.place(key))))
    }

    /// Returns a value of the pairs below a key.
    pub(super) fn nested(&self, key: &str, inner: &str) -> Option<&str> {
        match &self.settings.get(key)?.value {
            Value::Text(_) => None,
            Value::Nested(pairs) => pairs.get(inner).map(String::as_str),
        }
    }

    /// Returns whether the profile has a key.
    pub(super) fn has(&self, key: &str) -> bool {
        self.settings.contains_key(key)
    }

    /// Returns a value if it is from this file.
    pub(super) fn text_of(&self, file: SharedFile, key: &str) -> Option<&str> {
        let setting = self.settings.get(key)?;
        (setting.file == file).then(|| self.text(key))?
    }

    /// Returns where a key is, such as `~/.aws/config:7`.
    pub(super) fn place(&self, key: &str) -> &str {
        self.settings.get(key).map_or("", |setting| &setting.place)
    }

    /// Returns the values that are one line of text.
    pub(super) fn lines(&self) -> impl Iterator<Item = (&str, &str)> {
        let keys = self.settings.keys();
        let lines = keys.filter_map(|key| Some((key.as_str(), self.text(key)?)));
        lines.filter(|(_, text)| !text.is_empty() && !text.contains('\n'))
    }
}

fn broken(path: &str, line: usize, reason: &str) -> Error {
    Error::input(format!("{path}:{line}: {reason}")).hint(format!(
        "correct line {line} of `{path}`, which holds AWS profiles"
    ))
}

/// Adds the files that could not be opened, where something is missing.
pub(super) fn explain_unopened(error: Error, unopened: &[String]) -> Error {
    unopened.iter().fold(error, Error::hint)
}

#[cfg(test)]
mod tests {
    use aws_types::os_shim_internal::Env;

    use super::*;

    fn load(files: &[(&str, &str)]) -> Result<SharedConfig> {
        let home = tempfile::tempdir().unwrap_or_else(|error| panic!("{error}"));
        for (name, text) in files {
            let folder = home.path().join(".aws");
            let written = std::fs::create_dir_all(&folder);
            let written = written.and_then(|()| std::fs::write(folder.join(name), text));
            written.unwrap_or_else(|error| panic!("{error}"));
        }
        let home = home.path().to_string_lossy().into_owned();
        SharedConfig::load(&Variables::new(Env::from_slice(&[("HOME", &home)])))
    }

    #[test]
    fn profiles_of_both_files_are_one() {
        let config = load(&[
            (
                "config",
                "[default]\nregion = a\n[profile 'b c']\nregion = b\n[sso-session s]\nx = y\n\
                 [services t]\nsts =\n  endpoint_url = u\n[other]\nz = 1\n",
            ),
            (
                "credentials",
                "[default]\nregion = c\naws_access_key_id = k\n[d]\n[profile e]\n",
            ),
        ])
        .unwrap_or_else(|error| panic!("{error}"));
        let names: Vec<&str> = config.names().collect();
        assert_eq!(names, ["b c", "d", "default", "profile e"]);
        let default = config.profile("default").cloned().unwrap_or_default();
        assert_eq!(default.text("region"), Some("c"));
        assert_eq!(default.place("region"), "~/.aws/credentials:2");
        assert_eq!(default.text_of(SharedFile::Config, "region"), None);
        let services = config.services("t").cloned().unwrap_or_default();
        assert_eq!(services.nested("sts", "endpoint_url"), Some("u"));
        assert!(config.session("s").is_some());
    }

    #[test]
    fn a_broken_file_is_named_with_its_line() {
        let error = load(&[("config", "[default]\n\n[profile x\n")]);
        let error = error.map_or_else(|error| error.to_string(), |_| String::new());
        assert!(
            error.starts_with("~/.aws/config:3: a section is"),
            "{error}"
        );
    }
}
