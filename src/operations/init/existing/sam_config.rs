//! `samconfig.toml`: the settings of `sam deploy`, by environment.

use toml::{Table, Value};

/// The settings of one environment.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SamEnvironment {
    /// The name; `sam deploy` without `--config-env` uses `default`.
    pub(super) name: String,
    pub(super) stack_name: Option<String>,
    pub(super) region: Option<String>,
    pub(super) profile: Option<String>,
    pub(super) s3_bucket: Option<String>,
    pub(super) role_arn: Option<String>,
    pub(super) capabilities: Vec<String>,
    pub(super) notification_arns: Vec<String>,
    /// The values by the parameter's name, in the order of the text.
    pub(super) parameters: Vec<(String, String)>,
    pub(super) tags: Vec<(String, String)>,
    /// The keys that were read.
    pub(super) read: Vec<String>,
    /// The keys that have no counterpart in a manifest, and values that cannot be read.
    pub(super) left_out: Vec<String>,
}

/// The commands whose settings apply to a deployment, the weaker first.
const COMMANDS: [&str; 2] = ["global", "deploy"];

/// Keys that only say where other files are or how `sam` talks to its user.
const IMMATERIAL: [&str; 10] = [
    "beta_features",
    "confirm_changeset",
    "debug",
    "fail_on_empty_changeset",
    "force_upload",
    "no_progressbar",
    "resolve_s3",
    "s3_prefix",
    "template",
    "template_file",
];

/// Reads the file: the environments in the order of the text.
///
/// # Errors
///
/// What is wrong with the text, as the end of a sentence that begins with the file's name.
pub(super) fn parse(text: &str) -> Result<Vec<SamEnvironment>, String> {
    let document: Table = text
        .parse()
        .map_err(|error: toml::de::Error| format!("is not TOML: {}", error.message()))?;
    let mut environments = Vec::new();
    for (name, table) in &document {
        let Value::Table(commands) = table else {
            continue;
        };
        let mut settings = Table::new();
        for command in COMMANDS {
            let parameters = commands.get(command).and_then(|it| it.get("parameters"));
            if let Some(Value::Table(parameters)) = parameters {
                settings.extend(parameters.clone());
            }
        }
        if settings.is_empty() {
            continue;
        }
        let mut environment = SamEnvironment {
            name: name.clone(),
            ..SamEnvironment::default()
        };
        for (key, value) in &settings {
            environment.read(key, value);
        }
        environments.push(environment);
    }
    Ok(environments)
}

impl SamEnvironment {
    fn read(&mut self, key: &str, value: &Value) {
        let text = || {
            value
                .as_str()
                .map(str::to_owned)
                .filter(|text| !text.is_empty())
        };
        let words = || match value {
            Value::String(text) => text.split([' ', ',']).map(str::to_owned).collect(),
            Value::Array(list) => list
                .iter()
                .filter_map(|it| Some(it.as_str()?.to_owned()))
                .collect(),
            _ => Vec::new(),
        };
        let filled =
            |words: Vec<String>| words.into_iter().filter(|word| !word.is_empty()).collect();
        match key {
            "stack_name" => self.stack_name = text(),
            "region" => self.region = text(),
            "profile" => self.profile = text(),
            "s3_bucket" => self.s3_bucket = text(),
            "role_arn" => self.role_arn = text(),
            "capabilities" => self.capabilities = filled(words()),
            "notification_arns" => self.notification_arns = filled(words()),
            "parameter_overrides" => {
                let (pairs, others) = pairs(value);
                self.parameters = pairs;
                self.left_out.extend(others);
            }
            "tags" => {
                let (pairs, others) = pairs(value);
                self.tags = pairs;
                self.left_out.extend(others);
            }
            key if IMMATERIAL.contains(&key) => return,
            _ => {
                self.left_out.push(format!("`{key}`"));
                return;
            }
        }
        self.read.push(key.to_owned());
    }
}

/// Returns the pairs `Name=value` of a text, a list or a table, and what is none.
fn pairs(value: &Value) -> (Vec<(String, String)>, Vec<String>) {
    let mut pairs = Vec::new();
    let mut others = Vec::new();
    let mut add = |word: &str| match pair(word) {
        Some(pair) => pairs.push(pair),
        None => others.push(format!("`{word}`")),
    };
    match value {
        // `sam` splits a text as a shell does.
        Value::String(text) => match shlex::split(text) {
            Some(words) => words.iter().for_each(|word| add(word)),
            None => others.push(format!("`{text}`")),
        },
        Value::Array(list) => {
            for entry in list {
                match entry {
                    // The value may be in quotes, as on a command line.
                    Value::String(text) => match text.split_once('=') {
                        Some((name, value)) if value.starts_with(['"', '\'']) => {
                            let words = shlex::split(value).unwrap_or_default();
                            add(&format!("{name}={}", words.concat()));
                        }
                        _ => add(text),
                    },
                    Value::Table(table) => table.iter().for_each(|(name, value)| {
                        add(&format!("{name}={}", scalar(value)));
                    }),
                    other => add(&other.to_string()),
                }
            }
        }
        Value::Table(table) => {
            for (name, value) in table {
                add(&format!("{name}={}", scalar(value)));
            }
        }
        other => others.push(format!("`{other}`")),
    }
    (pairs, others)
}

/// Returns the name and the value of `Name=value` or `ParameterKey=Name,ParameterValue=value`.
fn pair(word: &str) -> Option<(String, String)> {
    let long = word
        .strip_prefix("ParameterKey=")
        .and_then(|rest| rest.split_once(",ParameterValue="));
    let (name, value) = long.or_else(|| word.split_once('='))?;
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

fn scalar(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(list) => list.iter().map(scalar).collect::<Vec<_>>().join(","),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::parse;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.to_owned(), value.to_owned())
    }

    #[test]
    fn every_form_of_overrides_is_read() {
        let expected = [
            pair("Stage", "prod"),
            pair("Title", "My shop"),
            pair("Empty", ""),
        ];
        for overrides in [
            r#"'Stage=prod Title="My shop" Empty='"#,
            r#"'ParameterKey=Stage,ParameterValue=prod ParameterKey=Title,ParameterValue="My shop" Empty=""'"#,
            r#"["Stage=prod", "Title=My shop", "Empty="]"#,
            r#"["Stage=\"prod\"", "Title=\"My shop\"", "Empty=\"\""]"#,
            r#"{ Stage = "prod", Title = "My shop", Empty = "" }"#,
        ] {
            let text = format!("[default.deploy.parameters]\nparameter_overrides = {overrides}\n");
            assert_eq!(parse(&text).unwrap()[0].parameters, expected, "{overrides}");
        }
    }

    #[test]
    fn environments_are_read_apart_and_global_settings_are_weaker() {
        let text = r#"
version = 0.1
[default.global.parameters]
stack_name = "shop"
region = "us-east-1"
[default.build.parameters]
cached = true
[default.deploy.parameters]
region = "eu-west-1"
capabilities = "CAPABILITY_IAM CAPABILITY_AUTO_EXPAND"
tags = "team=web cost=\"a b\""
confirm_changeset = true
image_repositories = ["a=b"]
[prod.deploy.parameters]
capabilities = ["CAPABILITY_NAMED_IAM"]
s3_bucket = "zips"
parameter_overrides = ["file://prod.json", "A=1"]
"#;
        let found = parse(text).unwrap();
        let [default, prod] = &found[..] else {
            panic!("{found:?}");
        };
        assert_eq!(default.stack_name.as_deref(), Some("shop"));
        assert_eq!(default.region.as_deref(), Some("eu-west-1"));
        assert_eq!(
            default.capabilities,
            ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
        );
        assert_eq!(default.tags, [pair("team", "web"), pair("cost", "a b")]);
        assert_eq!(default.left_out, ["`image_repositories`"]);
        assert_eq!(default.read.len(), 4);
        assert_eq!(prod.name, "prod");
        assert_eq!(prod.capabilities, ["CAPABILITY_NAMED_IAM"]);
        assert_eq!(prod.s3_bucket.as_deref(), Some("zips"));
        assert_eq!(prod.parameters, [pair("A", "1")]);
        assert_eq!(prod.left_out, ["`file://prod.json`"]);
    }

    #[test]
    fn other_texts_are_errors_or_empty() {
        assert!(parse("a = = b").unwrap_err().starts_with("is not TOML"));
        assert_eq!(parse("version = 0.1\n[default]\n").unwrap(), []);
        assert_eq!(parse("[default.deploy]\nparameters = 3\n").unwrap(), []);
    }
}
