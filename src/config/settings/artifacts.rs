//! The rules of an artifact that involve several of its keys.

use crate::config::manifest::node::{Entry, Table, Value, table};
use crate::diagnostic::Diagnostic;

/// Returns what is wrong with the artifacts of all layers together.
pub(super) fn check(merged: &Table) -> Vec<Diagnostic> {
    let Some(artifacts) = table(merged, "artifacts") else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (name, entry) in artifacts {
        if let Value::Table(artifact) = &entry.node.value {
            found.extend(check_python(name, artifact));
            found.extend(check_build(name, artifact));
        }
    }
    found
}

/// `requirements` needs `python`, and without it neither `python` nor `architecture` has an effect.
fn check_python(name: &str, artifact: &Table) -> Vec<Diagnostic> {
    if let Some(requirements) = artifact.get("requirements") {
        if artifact.contains_key("python") {
            return Vec::new();
        }
        let missing = Diagnostic::error(
            "missing-key",
            format!("`artifacts.{name}.python` is missing"),
            requirements.key.place("the packages depend on it"),
        );
        let example = "write the Python of the function's runtime, such as `python = \"3.12\"` for `python3.12`";
        return vec![missing.help(example)];
    }
    let useless = ["python", "architecture"].iter().filter_map(|key| {
        let Entry { key: origin, .. } = artifact.get(*key)?;
        let problem = Diagnostic::error(
            "missing-key",
            format!("`artifacts.{name}.{key}` has no effect without `requirements`"),
            origin.place(""),
        );
        Some(problem.help(
            "take it out, or name a lock file: `requirements = \"handler/requirements.txt\"`",
        ))
    });
    useless.collect()
}

/// The first item of `build` is a program.
fn check_build(name: &str, artifact: &Table) -> Option<Diagnostic> {
    let Value::List(items) = &artifact.get("build")?.node.value else {
        return None;
    };
    let program = items.first()?;
    match &program.value {
        Value::String(text) if text.trim().is_empty() => {
            let message = format!("`artifacts.{name}.build` names no program");
            let problem = Diagnostic::error("empty-value", message, program.origin.place(""));
            Some(problem.help("the first item is a program, such as `build = [\"make\", \"zip\"]`"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use std::path::Path;

    use crate::config::ambient::Ambient;
    use crate::config::manifest::parse;
    use crate::config::settings::{Architecture, Overrides, Settings, resolve};
    use crate::diagnostic::SourceFile;
    use crate::error::Result;

    /// Returns the settings of a manifest with this table of an artifact.
    fn settings(artifact: &str) -> Result<Settings> {
        let text = format!(
            "project = \"demo\"\nenvironment = \"dev\"\nvars.test_instance = false\n[artifacts.a]\n{artifact}\n"
        );
        let manifest = parse(&SourceFile::new("manifest.toml", text));
        resolve(&manifest, &Overrides::default(), &Ambient::default())
    }

    #[test]
    fn the_keys_of_an_artifact_are_read() {
        let text = "requirements = \"a/r.txt\"\npython = \"3.12\"\narchitecture = \"arm64\"\nbuild = [\"make\", \"\"]";
        let settings = settings(text).unwrap();
        let artifact = &settings.artifacts["a"];
        assert_eq!(artifact.requirements.as_deref(), Some(Path::new("a/r.txt")));
        assert_eq!(artifact.python.as_deref(), Some("3.12"));
        assert_eq!(artifact.architecture, Some(Architecture::Arm64));
        assert_eq!(artifact.build, ["make", ""]);
    }

    #[test]
    fn each_mistake_of_an_artifact_is_found_at_its_line() {
        for (text, line, message, help) in [
            (
                "python = 3.10",
                5,
                "`artifacts.a.python` must be a string, not a fraction",
                "write it in quotes: `\"3.10\"`",
            ),
            (
                "python = \"python3.12\"",
                5,
                "`artifacts.a.python` is not the Python of a Lambda runtime",
                "did you mean `3.12`?",
            ),
            (
                "python = \"3.12.1\"",
                5,
                "`artifacts.a.python` is not the Python of a Lambda runtime",
                "did you mean `3.12`?",
            ),
            (
                "python = \"3.8\"",
                5,
                "`artifacts.a.python` is not the Python of a Lambda runtime",
                "the versions are `3.9`, `3.10`, `3.11`, `3.12`, `3.13`, `3.14`",
            ),
            (
                "architecture = \"aarch64\"",
                5,
                "`artifacts.a.architecture` is not an architecture of Lambda",
                "did you mean `arm64`?",
            ),
            (
                "architecture = \"riscv\"",
                5,
                "`artifacts.a.architecture` is not an architecture of Lambda",
                "the architectures are `x86_64` and `arm64`",
            ),
            (
                "build = \"npm run build\"",
                5,
                "`artifacts.a.build` must be a list, not a string",
                "write it in brackets: `[\"npm run build\"]`",
            ),
            (
                "build = [\"\", \"x\"]",
                5,
                "`artifacts.a.build` names no program",
                "the first item is a program, such as `build = [\"make\", \"zip\"]`",
            ),
            (
                "build = [\"a\\u0000\"]",
                5,
                "`artifacts.a.build` has a NUL character",
                "an argument of a program cannot contain it",
            ),
            (
                "path = \"a\"\nrequirements = \"r.txt\"",
                6,
                "`artifacts.a.python` is missing",
                "write the Python of the function's runtime, such as `python = \"3.12\"` for `python3.12`",
            ),
            (
                "path = \"a\"\npython = \"3.12\"",
                6,
                "`artifacts.a.python` has no effect without `requirements`",
                "take it out, or name a lock file: `requirements = \"handler/requirements.txt\"`",
            ),
            (
                "architecture = \"arm64\"",
                5,
                "`artifacts.a.architecture` has no effect without `requirements`",
                "take it out, or name a lock file: `requirements = \"handler/requirements.txt\"`",
            ),
        ] {
            let error = settings(text).unwrap_err();
            let found = &error.diagnostics()[0];
            let place = &found.places[0];
            assert_eq!(place.source.position(place.span.start).0, line, "{text}");
            assert_eq!(found.message, message, "{text}");
            assert_eq!(found.help, [help], "{text}");
        }
    }
}
