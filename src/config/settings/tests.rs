#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::PathBuf;

use super::*;
use crate::config::ambient::Ambient;
use crate::config::manifest;
use crate::config::manifest::keys::{KEYS, Key, Kind};
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::present::diagnostic::render;

const SMALLEST: &str = r#"project = "file-metadata"
environment = "dev"
allowed_ssh_cidr = "203.0.113.7/32"
key_pair = "ops"
"#;

/// One run: a manifest, the command line and the variables around it.
pub(super) struct Run<'a> {
    manifest: String,
    overrides: Overrides,
    variables: Vec<(&'a str, &'a str)>,
}

/// Returns a run with the smallest manifest and `more` behind it.
pub(super) fn smallest<'a>(more: &str) -> Run<'a> {
    of(&format!("{SMALLEST}{more}"))
}

/// Returns a run with this manifest.
pub(super) fn of<'a>(manifest: &str) -> Run<'a> {
    Run {
        manifest: manifest.to_owned(),
        overrides: Overrides::default(),
        variables: Vec::new(),
    }
}

impl<'a> Run<'a> {
    pub(super) fn env(mut self, name: &str) -> Self {
        self.overrides.environment = Some(name.to_owned());
        self
    }

    pub(super) fn stack(mut self, name: &str) -> Self {
        self.overrides.stack = Some(name.to_owned());
        self
    }

    pub(super) fn region(mut self, name: &str) -> Self {
        self.overrides.region = Some(name.to_owned());
        self
    }

    pub(super) fn set(mut self, argument: &str) -> Self {
        self.overrides.set.push(argument.to_owned());
        self
    }

    pub(super) fn variable(mut self, name: &'a str, value: &'a str) -> Self {
        self.variables.push((name, value));
        self
    }

    pub(super) fn resolve(self) -> Result<Settings> {
        let variables = self.variables.iter();
        let ambient = Ambient::new(
            variables.map(|(name, value)| ((*name).to_owned(), (*value).to_owned())),
            PathBuf::from("/"),
        );
        let manifest = manifest::parse(&SourceFile::new("manifest.toml", self.manifest));
        super::resolve(&manifest, &self.overrides, &ambient)
    }

    pub(super) fn settings(self) -> Settings {
        self.resolve()
            .map_err(|error| render(error.diagnostics(), 80, false))
            .unwrap()
    }

    pub(super) fn error(self) -> Error {
        self.resolve().unwrap_err()
    }

    /// Returns what the user reads about the places in question.
    pub(super) fn errors(self) -> String {
        render(self.error().diagnostics(), 80, false)
    }

    /// Returns a value with its origin, as `config show` has them.
    pub(super) fn row(self, key: &str) -> String {
        let settings = self.settings();
        let rows = show(&settings).unwrap();
        let row = rows.iter().find(|row| row.key == key).unwrap();
        let value = row.value.as_deref().unwrap_or("unset");
        format!("{value} ({})", row.origin)
    }
}

#[test]
fn one_key_is_enough() {
    let settings = of("project = \"site\"\n").settings();
    assert_eq!(settings.environment, "dev");
    assert_eq!(settings.stack_name, "site-dev");
    assert_eq!(settings.template, PathBuf::from("templates/stack.yaml.j2"));
    assert_eq!(settings.allowed_ssh_cidrs, None);
    assert_eq!(settings.key_pair, None);
    assert!(settings.artifacts.is_empty());
    assert!(settings.vars.is_empty());
    assert_eq!(settings.ssh, SshSettings::default());
    assert_eq!(settings.tags["stackctl:project"], "site");
    assert_eq!(settings.tags["stackctl:environment"], "dev");
    assert_eq!(settings.verify, None);
    assert!(!settings.emulator);
}

#[test]
fn the_shipped_manifest_is_right_in_each_of_its_environments() {
    let text = include_str!("../../../manifest.toml");
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

#[test]
fn tables_merge_and_everything_else_is_replaced() {
    let settings = smallest(
        r#"
[tags]
owner = "media"
cost = "1"
[artifacts.handler]
exclude = ["a", "b"]
[vars]
nested = { one = 1, two = 2 }
[parameters]
Password = { from_env = "PASSWORD" }

[environments.prod]
allowed_ssh_cidr = ["2001:db8::/64", "10.0.0.0/8"]
tags = { owner = "ops" }
artifacts.handler.exclude = ["c"]
vars.nested.two = 3
parameters.Password = "in the open"
"#,
    )
    .env("prod")
    .settings();
    let cidrs: Vec<String> = settings
        .allowed_ssh_cidrs
        .iter()
        .flatten()
        .map(ToString::to_string)
        .collect();
    assert_eq!(cidrs, ["2001:db8::/64", "10.0.0.0/8"]);
    assert_eq!(
        (
            settings.tags["owner"].as_str(),
            settings.tags["cost"].as_str()
        ),
        ("ops", "1")
    );
    assert_eq!(settings.artifacts["handler"].exclude, ["c"]);
    assert_eq!(settings.vars["nested"].to_string(), "{ one = 1, two = 3 }");
    let plain = ParameterValue::Plain("in the open".to_owned());
    assert_eq!(settings.parameters["Password"], plain);
    assert_eq!(settings.stack_name, "file-metadata-prod");
}

#[test]
fn each_default_is_toml_and_right() {
    fn count(keys: &[Key]) -> usize {
        keys.iter()
            .map(|key| match &key.kind {
                Kind::Table(keys) => count(keys),
                _ => usize::from(key.default.is_some()),
            })
            .sum()
    }
    fn leaves(values: &toml::Table, keys: &[Key]) -> usize {
        let leaf = |key: &Key| match (&key.kind, values.get(key.name)) {
            (Kind::Table(keys), Some(toml::Value::Table(inner))) => leaves(inner, keys),
            (_, value) => usize::from(value.is_some()),
        };
        keys.iter().map(leaf).sum()
    }
    let defaults = layers::defaults(KEYS);
    let (values, problems) = manifest::read_layer(&defaults, manifest::Scope::Merged, &[]);
    assert!(problems.is_empty(), "{problems:?}");
    assert_eq!(leaves(&values, KEYS), count(KEYS));
}

#[test]
fn a_secret_is_read_from_its_variable_and_never_shown() {
    const MORE: &str = "[parameters]\nPassword = { from_env = \"DB_PASSWORD\" }\n";
    let settings = smallest(MORE).variable("DB_PASSWORD", "hunter2").settings();
    assert!(!format!("{settings:?}{:?}", show(&settings).unwrap()).contains("hunter2"));
    let ParameterValue::FromEnvironment { value, .. } = &settings.parameters["Password"] else {
        panic!("not a secret");
    };
    assert_eq!(value.as_ref().unwrap().expose(), "hunter2");
    assert_eq!(
        smallest(MORE)
            .variable("DB_PASSWORD", "hunter2")
            .row("parameters.Password"),
        "(secret, from DB_PASSWORD) (manifest.toml:6)"
    );
    assert_eq!(
        smallest(MORE).row("parameters.Password"),
        "(secret, from DB_PASSWORD, which is not set) (manifest.toml:6)"
    );
    for run in [
        smallest(MORE).variable("STACKCTL_PARAMETERS__PASSWORD", "hunter2"),
        smallest(MORE).set("parameters.Password=hunter2"),
        smallest(MORE).set("parameters={ Password = \"hunter2\" }"),
    ] {
        let errors = run.errors();
        assert!(errors.contains("secret-override"), "{errors}");
        assert!(!errors.contains("hunter2"), "{errors}");
    }
}

#[test]
fn the_place_of_a_value_is_shown_and_not_its_value() {
    const MORE: &str = "[parameters]\nImage = { from_ssm = \"/app/image:3\" }\n\
                        Password = { from_secret = \"db#password\" }\n";
    assert_eq!(
        smallest(MORE).row("parameters.Image"),
        "(not printed, from the SSM parameter `/app/image:3`) (manifest.toml:6)"
    );
    let settings = smallest(MORE).settings();
    let ParameterValue::FromService { source, value } = &settings.parameters["Password"] else {
        panic!("{:?}", settings.parameters);
    };
    let parts = (source.id(), source.key(), source.region());
    assert_eq!(parts, ("db", Some("password"), None));
    assert!(value.is_none());
    // A secret stays one; a value that only has another place may be given for once.
    let errors = smallest(MORE).set("parameters.Password=hunter2").errors();
    assert!(
        errors.contains("secret-override") && !errors.contains("hunter2"),
        "{errors}"
    );
    let settings = smallest(MORE).set("parameters.Image=plain").settings();
    let plain = ParameterValue::Plain("plain".to_owned());
    assert_eq!(settings.parameters["Image"], plain);
    let settings = smallest(MORE)
        .set("parameters.Password={ from_env = \"PW\" }")
        .settings();
    assert!(settings.parameters["Password"].is_from_outside());
}

#[test]
fn parameter_can_keep_the_value_of_the_stack() {
    const MORE: &str = "[parameters]\nA = { use_previous = true }\nB = { from_env = \"B\" }\n\
                        [environments.prod]\nparameters.A = { from_env = \"A\" }\n\
                        parameters.B = { use_previous = true }\n";
    let kept = ParameterValue::Previous { use_previous: true };
    let settings = smallest(MORE).settings();
    assert_eq!(settings.parameters["A"], kept);
    assert_eq!(
        smallest(MORE).row("parameters.A"),
        "(the value in the deployed stack) (manifest.toml:6)"
    );
    // A parameter has one source: that of the higher layer.
    let settings = smallest(MORE).env("prod").variable("A", "x").settings();
    let ParameterValue::FromEnvironment { variable, .. } = &settings.parameters["A"] else {
        panic!("{:?}", settings.parameters);
    };
    assert_eq!(variable, "A");
    assert_eq!(settings.parameters["B"], kept);
    let settings = smallest(MORE).set("parameters.A=plain").settings();
    let plain = ParameterValue::Plain("plain".to_owned());
    assert_eq!(settings.parameters["A"], plain);
}

#[test]
fn own_tags_can_be_left_out() {
    let tags = |more: &str| -> Vec<String> { smallest(more).settings().tags.into_keys().collect() };
    let all = ["a", "stackctl:project", "stackctl:environment"];
    assert_eq!(tags("tags = { a = \"b\" }\n"), all);
    assert_eq!(tags("own_tags = false\ntags = { a = \"b\" }\n"), ["a"]);
    assert!(tags("own_tags = false\n").is_empty());
    let many = |count: usize| -> String {
        let tags = (0..count).map(|it| format!("t{it} = \"x\"\n"));
        format!("[tags]\n{}", tags.collect::<String>())
    };
    assert_eq!(tags(&many(48)).len(), 50);
    assert_eq!(tags(&format!("own_tags = false\n{}", many(50))).len(), 50);
    let errors = smallest(&many(49)).errors();
    assert!(errors.contains("49 tags, and stackctl adds 2"), "{errors}");
    assert!(errors.contains("`own_tags ="), "{errors}");
}

#[test]
fn ssh_is_opened_to_the_world_only_where_that_is_written() {
    let open = |run: Run<'_>| match run.resolve() {
        Ok(settings) => settings.allow_world_ssh,
        Err(error) => {
            assert_eq!(error.diagnostics()[0].rule, "world-ssh");
            assert_eq!(error.diagnostics().len(), 1);
            false
        }
    };
    let world = || smallest("").set("allowed_ssh_cidr=0.0.0.0/0");
    assert!(!open(world()));
    assert!(open(world().set("allow_world_ssh=true")));
    assert!(!open(world().set("allow_world_ssh=false")));
    assert!(!open(
        smallest("[environments.x]\nallowed_ssh_cidr = \"::/0\"\n").set("allow_world_ssh=true")
    ));
}

#[test]
fn a_stack_name_is_measured_when_it_is_complete() {
    let long = "a".repeat(125);
    let error = smallest("").set(&format!("project={long}")).error();
    let problem = &error.diagnostics()[0];
    assert_eq!(problem.rule, "bad-stack-name");
    assert!(
        problem.message.ends_with("has 129 characters"),
        "{}",
        problem.message
    );
}

#[test]
fn every_key_of_the_manifest_is_shown() {
    fn leaves(schema: &serde_json::Value, path: &str, keys: &mut Vec<String>) {
        match schema.get("properties").and_then(|it| it.as_object()) {
            Some(properties) => {
                for (key, inner) in properties {
                    leaves(inner, &format!("{path}.{key}"), keys);
                }
            }
            None => keys.push(path.trim_start_matches('.').to_owned()),
        }
    }
    let settings = smallest("[stacks.only]\n").settings();
    let rows = show(&settings).unwrap();
    let mut keys = Vec::new();
    leaves(
        &manifest::layer_schema(manifest::Scope::Merged),
        "",
        &mut keys,
    );
    assert!(keys.len() > 30, "{keys:?}");
    for key in keys {
        let below = format!("{key}.");
        assert!(
            rows.iter()
                .any(|row| row.key == key || row.key.starts_with(&below)),
            "{key}"
        );
    }
    for row in rows.iter().filter(|row| row.value.is_none()) {
        assert_eq!(row.origin, "default", "{}", row.key);
    }
}

#[test]
fn the_local_environment_needs_no_table() {
    let local = |more: &str| smallest(more).env("local").row("emulator");
    assert_eq!(local(""), "true (default)");
    assert_eq!(
        local("[environments.local]\nvars.x = 1\n"),
        "true (default)"
    );
    assert_eq!(
        local("[environments.local]\nemulator = false\n"),
        "false (manifest.toml:6 [environments.local])"
    );
    let default = of("project = \"site\"\nenvironment = \"local\"\n").settings();
    assert!(default.emulator);
    assert!(!smallest("[environments.local]\n").settings().emulator);
}

#[test]
fn only_environments_of_the_manifest_can_be_chosen() {
    for (manifest, chosen, is_known) in [
        ("project = \"p\"\n", "dev", true),
        ("project = \"p\"\n", "local", true),
        ("project = \"p\"\n", "prod", false),
        ("project = \"p\"\nenvironment = \"test\"\n", "test", true),
        ("project = \"p\"\nenvironment = \"test\"\n", "dev", false),
        ("project = \"p\"\n[environments.prod]\n", "prod", true),
    ] {
        let resolved = of(manifest).env(chosen).resolve();
        assert_eq!(resolved.is_ok(), is_known, "{manifest} {chosen}");
    }
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
      = help: the environments are `dev`, `prod`, `local`; a new one needs a
              table `[environments.prd]`
      = help: `local` is built in: an emulator on this machine
    ");
}

#[test]
fn an_environment_chosen_by_the_variable_names_the_variable() {
    let chosen = |variable| {
        let mut run = smallest("[environments.x]\n").variable("STACKCTL_ENV", variable);
        run.overrides.environment = Some("x".to_owned());
        run.row("environment")
    };
    assert_eq!(chosen("x"), "x (STACKCTL_ENV)");
    assert_eq!(chosen("dev"), "x (--env)");
}

#[test]
fn the_emulator_ignores_profile_and_account() {
    let settings = smallest(
        "profile = \"sso\"\naccount = \"123456789012\"\n[environments.local]\nemulator = true\n",
    )
    .env("local")
    .settings();
    assert!(settings.emulator);
    assert_eq!((settings.profile, settings.account), (None, None));
}

#[test]
fn a_stack_chooses_an_account_of_the_emulator() {
    let account = |rows: &str| {
        let mut run = smallest(&format!("profile = \"sso\"\n[stacks.app]\n{rows}")).env("local");
        run.overrides.stack = Some("app".to_owned());
        let settings = run.settings();
        assert!(settings.emulator);
        assert_eq!(settings.profile, None);
        settings.account
    };
    let expected = Some("222222222222".to_owned());
    assert_eq!(account(""), None);
    assert_eq!(account("account = \"222222222222\"\n"), expected);
    assert_eq!(
        account(
            "account = \"111111111111\"\n[environments.local.stacks.app]\naccount = \"222222222222\"\n"
        ),
        expected
    );
}
