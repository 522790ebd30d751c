//! Every setting as a row of text, for `stackctl config show`.

use std::path::Path;

use super::{ParameterValue, Settings};
use crate::config::origin::Origin;
use crate::diagnostic::Severity;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Row {
    /// The dotted key.
    pub key: String,
    /// The value as text; `None` where it is not set. A secret's value is never in it.
    pub value: Option<String>,
    /// Where it came from, such as `manifest.toml:3` or `STACKCTL_REGION`.
    pub origin: String,
}

/// Returns every setting in the order of the manifest's description, also those that are not set.
pub fn show(settings: &Settings) -> Vec<Row> {
    let mut rows = Rows {
        settings,
        rows: Vec::new(),
    };
    let text = |value: &Option<String>| value.clone();
    let path = |path: &Path| Some(path.display().to_string());
    rows.add("project", Some(settings.project.clone()));
    rows.add("environment", Some(settings.environment.clone()));
    rows.add("required_version", text(&settings.required_version));
    rows.add("region", text(&settings.region));
    rows.add("profile", text(&settings.profile));
    rows.add("account", text(&settings.account));
    rows.add("stack_name", Some(settings.stack_name.clone()));
    rows.add("template", path(&settings.template));
    rows.add("artifact_bucket", text(&settings.artifact_bucket));
    rows.add("allow_endpoint", Some(settings.allow_endpoint.to_string()));
    rows.add("allowed_ssh_cidr", joined(&settings.allowed_ssh_cidrs));
    rows.add(
        "allow_world_ssh",
        Some(settings.allow_world_ssh.to_string()),
    );
    rows.add("key_pair", text(&settings.key_pair));
    rows.named("tags", &settings.tags, String::clone);
    for (name, artifact) in &settings.artifacts {
        rows.add(format!("artifacts.{name}.path"), path(&artifact.path));
        rows.add(
            format!("artifacts.{name}.exclude"),
            joined(&artifact.exclude),
        );
        let requirements = artifact.requirements.as_deref().and_then(path);
        rows.add(format!("artifacts.{name}.requirements"), requirements);
    }
    if settings.artifacts.is_empty() {
        rows.add("artifacts", None);
    }
    rows.named("parameters", &settings.parameters, |value| match value {
        ParameterValue::Plain(text) => text.clone(),
        ParameterValue::FromEnvironment {
            variable,
            value: Some(_),
        } => {
            format!("(secret, from {variable})")
        }
        ParameterValue::FromEnvironment {
            variable,
            value: None,
        } => {
            format!("(secret, from {variable}, which is not set)")
        }
    });
    rows.named("vars", &settings.vars, |value| match value {
        toml::Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    rows.stack();
    rows.add("lint.ignore", joined(&settings.lint.ignore));
    let severity = settings.lint.severity.map(Severity::as_str);
    rows.add("lint.severity", severity.map(str::to_owned));
    rows.add("ssh.identity_file", text(&settings.ssh.identity_file));
    rows.add("ssh.user", text(&settings.ssh.user));
    let verify = settings.verify.as_ref();
    rows.add(
        "verify.upload.bucket",
        verify.map(|it| it.upload_bucket.clone()),
    );
    rows.add(
        "verify.upload.file",
        verify.and_then(|it| path(&it.upload_file)),
    );
    rows.add(
        "verify.expect.table",
        verify.map(|it| it.expect_table.clone()),
    );
    rows.add("verify.expect.key", verify.map(|it| it.expect_key.clone()));
    rows.add(
        "verify.timeout",
        verify.map(|it| format!("{}s", it.timeout.as_secs())),
    );
    rows.add(
        "verify.after_apply",
        verify.map(|it| it.after_apply.to_string()),
    );
    rows.add("emulator", Some(settings.emulator.to_string()));
    rows.rows
}

struct Rows<'s> {
    settings: &'s Settings,
    rows: Vec<Row>,
}

impl Rows<'_> {
    fn add(&mut self, key: impl Into<String>, value: Option<String>) {
        let key = key.into();
        // What is not set comes from nowhere, even where its table stands in the manifest.
        let origin = match value {
            Some(_) => self.settings.origins.get(&key),
            None => &Origin::Default,
        };
        let origin = origin.to_string();
        self.rows.push(Row { key, value, origin });
    }

    /// Adds a row for each entry of a table with the user's own names.
    fn named<'v, T: 'v>(
        &mut self,
        table: &str,
        values: impl IntoIterator<Item = (&'v String, &'v T)>,
        show: impl Fn(&T) -> String,
    ) {
        let before = self.rows.len();
        for (name, value) in values {
            self.add(format!("{table}.{name}"), Some(show(value)));
        }
        if self.rows.len() == before {
            self.add(table, None);
        }
    }

    fn stack(&mut self) {
        let stack = &self.settings.stack;
        let number = |number: Option<u32>| number.map(|number| number.to_string());
        let capabilities = stack.capabilities.as_ref().map(|them| them.join(", "));
        self.add("stack.capabilities", capabilities);
        let protection = stack.termination_protection.map(|flag| flag.to_string());
        self.add("stack.termination_protection", protection);
        let policy = stack.policy.as_ref();
        self.add(
            "stack.policy",
            policy.map(|path| path.display().to_string()),
        );
        self.add("stack.role_arn", stack.role_arn.clone());
        self.add("stack.notification_arns", joined(&stack.notification_arns));
        self.add("stack.rollback_alarms", joined(&stack.rollback_alarms));
        let minutes = number(stack.rollback_monitoring_minutes);
        self.add("stack.rollback_monitoring_minutes", minutes);
        self.add("stack.timeout_minutes", number(stack.timeout_minutes));
        self.add("stack.protected_types", joined(&stack.protected_types));
    }
}

fn joined<T: ToString>(items: &[T]) -> Option<String> {
    let items: Vec<String> = items.iter().map(ToString::to_string).collect();
    (!items.is_empty()).then(|| items.join(", "))
}
