//! Whether the code in a folder still has to be built: whether a package manager's file names packages
//! that are not in the folder.
//!
//! Such code deploys, and fails when the function starts.

use std::path::Path;

/// Returns the file of a package manager whose packages are not among the files; `None` if the folder
/// needs no build. `read` returns the text of a file; a text that cannot be read names packages.
pub fn unbuilt<'a>(
    files: impl Iterator<Item = &'a str>,
    read: impl Fn(&str) -> Option<String>,
) -> Option<&'a str> {
    let files: Vec<&str> = files.collect();
    let any = |matches: &dyn Fn(&str) -> bool| files.iter().any(|path| matches(path));
    let names = |path: &str, has_packages: fn(&str) -> bool| {
        read(path).is_none_or(|text| has_packages(&text))
    };
    let has_bootstrap = any(&|path| path == "bootstrap");
    files.iter().copied().find(|name| match *name {
        "requirements.txt" => {
            !any(&|path| path.contains(".dist-info/")) && names(name, has_requirements)
        }
        "package.json" => {
            !any(&|path| path.contains("node_modules/")) && names(name, has_dependencies)
        }
        "Gemfile" => !any(&|path| path.starts_with("vendor/bundle/")) && names(name, has_gems),
        "go.mod" | "Cargo.toml" => !has_bootstrap,
        "pom.xml" | "build.gradle" | "build.gradle.kts" => {
            !any(&|path| has_extension(path, &["jar", "class"]))
        }
        _ => {
            let is_dotnet = has_extension(name, &["csproj", "fsproj"]);
            is_dotnet && !name.contains('/') && !any(&|path| has_extension(path, &["dll"]))
        }
    })
}

fn has_extension(path: &str, extensions: &[&str]) -> bool {
    let extension = Path::new(path).extension().and_then(|it| it.to_str());
    extension.is_some_and(|extension| extensions.contains(&extension))
}

/// Returns whether a requirements file has a line that installs something.
fn has_requirements(text: &str) -> bool {
    text.lines().map(str::trim).any(|line| {
        let installs = ["-r", "-e", "--requirement", "--editable"];
        let is_option = line.starts_with('-') && !installs.iter().any(|it| line.starts_with(it));
        !(line.is_empty() || line.starts_with('#') || is_option)
    })
}

fn has_dependencies(text: &str) -> bool {
    let Ok(package) = serde_json::from_str::<serde_json::Value>(text) else {
        return true;
    };
    let dependencies = package.get("dependencies");
    let dependencies = dependencies.and_then(serde_json::Value::as_object);
    dependencies.is_some_and(|it| !it.is_empty())
}

fn has_gems(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| line.starts_with("gem ") || line.starts_with("gemspec"))
}

#[cfg(test)]
mod tests {
    use super::unbuilt;

    #[test]
    fn packages_that_are_named_and_not_there_need_a_build() {
        for (files, expected) in [
            (&[("app.py", "")][..], None),
            (&[("requirements.txt", "\n# boto3\n")], None),
            (&[("requirements.txt", "--index-url https://x\n")], None),
            (
                &[("requirements.txt", "requests==2\n")],
                Some("requirements.txt"),
            ),
            (
                &[("requirements.txt", "-r other.txt")],
                Some("requirements.txt"),
            ),
            (&[("tests/requirements.txt", "pytest")], None),
            (
                &[
                    ("requirements.txt", "six"),
                    ("six-1.dist-info/METADATA", ""),
                ],
                None,
            ),
            (&[("package.json", "{}")], None),
            (
                &[("package.json", r#"{"devDependencies": {"a": "1"}}"#)],
                None,
            ),
            (
                &[("package.json", r#"{"dependencies": {"a": "1"}}"#)],
                Some("package.json"),
            ),
            (
                &[
                    ("node_modules/a/index.js", ""),
                    ("package.json", r#"{"dependencies": {"a": "1"}}"#),
                ],
                None,
            ),
            (&[("go.mod", "module x")], Some("go.mod")),
            (&[("bootstrap", ""), ("go.mod", "module x")], None),
            (&[("Cargo.toml", "")], Some("Cargo.toml")),
            (&[("pom.xml", "")], Some("pom.xml")),
            (&[("lib/a.jar", ""), ("pom.xml", "")], None),
            (&[("Gemfile", "source 'x'\n")], None),
            (&[("Gemfile", "gem 'x'\n")], Some("Gemfile")),
            (&[("App.csproj", "")], Some("App.csproj")),
        ] {
            let text = |path: &str| {
                let file = files.iter().find(|(known, _)| *known == path);
                file.map(|(_, text)| (*text).to_owned())
            };
            let found = unbuilt(files.iter().map(|(path, _)| *path), text);
            assert_eq!(found, expected, "{files:?}");
        }
    }
}
