#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use super::*;
use crate::ambient::Ambient;
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::manifest;
use crate::present::diagnostic::render;

const SMALLEST: &str = r#"project = "file-metadata"
environment = "dev"
allowed_ssh_cidr = "203.0.113.7/32"
key_pair = "ops"
"#;

/// One run: a manifest, the command line and the variables around it.
struct Run<'a> {
    manifest: String,
    overrides: Overrides,
    variables: Vec<(&'a str, &'a str)>,
}

/// Returns a run with the smallest manifest and `more` behind it.
fn smallest<'a>(more: &str) -> Run<'a> {
    Run {
        manifest: format!("{SMALLEST}{more}"),
        overrides: Overrides::default(),
        variables: Vec::new(),
    }
}

impl<'a> Run<'a> {
    fn env(mut self, name: &str) -> Self {
        self.overrides.environment = Some(name.to_owned());
        self
    }

    fn set(mut self, argument: &str) -> Self {
        self.overrides.set.push(argument.to_owned());
        self
    }

    fn variable(mut self, name: &'a str, value: &'a str) -> Self {
        self.variables.push((name, value));
        self
    }

    fn resolve(self) -> Result<Settings> {
        let variables = self.variables.iter();
        let ambient = Ambient::new(
            variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
            PathBuf::from("/"),
        );
        let manifest = manifest::parse(&SourceFile::new("manifest.toml", self.manifest));
        super::resolve(&manifest, &self.overrides, &ambient)
    }

    fn settings(self) -> Settings {
        self.resolve()
            .map_err(|error| render(error.diagnostics(), 80, false))
            .unwrap()
    }

    fn error(self) -> Error {
        self.resolve().unwrap_err()
    }

    /// Returns what the user reads about the places in question.
    fn errors(self) -> String {
        render(self.error().diagnostics(), 80, false)
    }

    /// Returns a value with its origin, as `config show` has them.
    fn row(self, key: &str) -> String {
        let settings = self.settings();
        let rows = show(&settings);
        let row = rows.iter().find(|row| row.key == key).unwrap();
        let value = row.value.as_deref().unwrap_or("unset");
        format!("{value} ({})", row.origin)
    }
}

#[test]
fn the_smallest_manifest_is_enough() {
    let settings = smallest("").settings();
    assert_eq!(settings.stack_name, "file-metadata-dev");
    assert_eq!(settings.template, PathBuf::from("templates/stack.yaml.j2"));
    assert_eq!(settings.artifacts["handler"].path, PathBuf::from("handler"));
    assert_eq!(settings.vars["test_instance"], toml::Value::Boolean(true));
    assert_eq!(settings.tags["stackctl:project"], "file-metadata");
    assert_eq!(settings.tags["stackctl:environment"], "dev");
    assert_eq!(settings.verify, None);
    assert!(!settings.emulator);
}

#[test]
fn the_shipped_manifest_is_right_in_each_of_its_environments() {
    let text = include_str!("../../manifest.toml");
    let shipped = manifest::parse(&SourceFile::new("manifest.toml", text));
    for (environment, emulator) in [("dev", false), ("prod", false), ("local", true)] {
        let overrides = Overrides {
            environment: Some(environment.to_owned()),
            ..Overrides::default()
        };
        let settings = super::resolve(&shipped, &overrides, &Ambient::default())
            .map_err(|error| render(error.diagnostics(), 80, false))
            .unwrap();
        assert_eq!(settings.stack_name, format!("file-metadata-{environment}"));
        assert_eq!(settings.emulator, emulator);
        assert!(settings.verify.is_some());
    }
}

#[test]
fn each_layer_overrides_the_one_below() {
    const MANIFEST: &str = "region = \"eu-west-1\"\n[environments.prod]\nregion = \"eu-west-2\"\n";
    let run = || smallest(MANIFEST);
    let prod = || run().env("prod");
    let variable = || prod().variable("STACKCTL_REGION", "eu-west-3");
    let set = || variable().set("region=eu-north-1");
    let mut flag = set();
    flag.overrides.region = Some("us-east-1".to_owned());
    assert_eq!(smallest("").row("region"), "unset (default)");
    assert_eq!(run().row("region"), "eu-west-1 (manifest.toml:5)");
    assert_eq!(
        prod().row("region"),
        "eu-west-2 (manifest.toml:7 [environments.prod])"
    );
    assert_eq!(variable().row("region"), "eu-west-3 (STACKCTL_REGION)");
    assert_eq!(set().row("region"), "eu-north-1 (--set)");
    assert_eq!(flag.row("region"), "us-east-1 (--region)");
}

#[test]
fn an_unknown_environment_lists_the_known_ones() {
    insta::assert_snapshot!(smallest("[environments.prod]\n").env("prd").errors(), @r"
    error[unknown-environment]: the manifest has no environment `prd`
     --> --env:1:1
      |
    1 | prd
      | ^^^
      |
      = help: did you mean `prod`?
      = help: the environments are `dev`, `prod`; a new one needs a table
              `[environments.prd]`
    ");
}

#[test]
fn a_required_version_that_does_not_match_refuses_before_anything_else() {
    let error = smallest("required_version = \">=99\"\nfrom_the_future = true\n").error();
    assert_eq!(error.kind(), ErrorKind::Refused);
    insta::assert_snapshot!(render(error.diagnostics(), 80, false), @r#"
    error[required-version]: this is stackctl 0.1.0, which `>=99` does not admit
     --> manifest.toml:5:20
      |
    5 | required_version = ">=99"
      |                    ^^^^^^
    "#);
}
