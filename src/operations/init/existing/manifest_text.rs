//! Writes the manifest for a template that exists.
//!
//! The text is a valid manifest as it is. A value that nobody gave is a comment, and so is a value that
//! a manifest cannot have, with the reason.

use super::code::{Build, Code, Python};
use super::draft::{Draft, Layer, Setting, Value};
use crate::config::manifest;
use crate::diagnostic::SourceFile;
use crate::operations::init::name;
use crate::template::Parameter;
use crate::template::node::Node;

/// The longest line of a comment, in characters.
const WIDTH: usize = 100;

/// What a line has behind it if the template cannot be deployed without its value.
pub(super) const REQUIRED: &str = "# REQUIRED";

/// Returns the text of the manifest.
pub(in crate::operations::init) fn write(draft: &Draft<'_>) -> String {
    let mut text = String::new();
    for remark in &draft.remarks {
        comment(&mut text, remark);
        text.push_str("#\n");
    }
    if !draft.remarks.is_empty() {
        // The last paragraph ends without an empty line.
        text.truncate(text.len() - "#\n".len());
        text.push('\n');
    }
    text.push_str(&format!("project = {}\n", quoted(&draft.project)));
    text.push_str(&format!("template = {}\n", quoted(draft.path)));
    if let Some(environment) = &draft.environment {
        text.push_str(&format!("environment = {}\n", quoted(environment)));
    }
    layer_keys(&mut text, &draft.top, "");
    write_code(&mut text, &draft.code);
    write_parameters(&mut text, draft);
    for (name, layer) in &draft.environments {
        let prefix = format!("environments.{name}");
        let is_only_tables = layer.keys.is_empty() && !layer.is_empty();
        if !is_only_tables {
            text.push_str(&format!("\n[{prefix}]\n"));
        }
        layer_keys(&mut text, layer, &format!("{prefix}."));
        if !layer.parameters.is_empty() {
            text.push_str(&format!("\n[{prefix}.parameters]\n"));
            for (name, sourced) in &layer.parameters {
                let line = parameter_line(name, &sourced.value);
                checked(&mut text, "[parameters]", &line, &sourced.from);
            }
        }
    }
    text
}

/// Writes the keys of a layer, then its tables `tags` and `stack`.
fn layer_keys(text: &mut String, layer: &Layer, prefix: &str) {
    for (key, sourced) in &layer.keys {
        let line = format!("{key} = {}", setting(&sourced.value));
        checked(text, "", &line, &sourced.from);
    }
    if !layer.tags.is_empty() {
        text.push_str(&format!("\n[{prefix}tags]\n"));
        for (tag, sourced) in &layer.tags {
            let line = format!("{} = {}", key(tag), quoted(&sourced.value));
            checked(text, "[tags]", &line, &sourced.from);
        }
    }
    if !layer.stack.is_empty() {
        text.push_str(&format!("\n[{prefix}stack]\n"));
        for (key, sourced) in &layer.stack {
            let line = format!("{key} = {}", setting(&sourced.value));
            checked(text, "[stack]", &line, &sourced.from);
        }
    }
}

/// Returns a value as TOML writes it.
fn setting(value: &Setting) -> String {
    match value {
        Setting::Text(text) => quoted(text),
        Setting::List(list) => {
            let list: Vec<String> = list.iter().map(|item| quoted(item)).collect();
            format!("[{}]", list.join(", "))
        }
        Setting::Flag(flag) => flag.to_string(),
        Setting::Number(number) => number.to_string(),
    }
}

/// Writes a line, as a comment if it is not valid below `table`.
fn checked(text: &mut String, table: &str, line: &str, from: &str) {
    let manifest = format!("project = \"p\"\n{table}\n{line}\n");
    let parsed = manifest::parse(&SourceFile::new("", manifest));
    let from = if from.is_empty() {
        String::new()
    } else {
        format!("  # {}", one_line(from))
    };
    match parsed.diagnostics().first() {
        None => text.push_str(&format!("{line}{from}\n")),
        Some(problem) => {
            text.push_str(&format!("# {line}{from}: {}\n", one_line(&problem.message)));
        }
    }
}

/// Writes the local paths, and the artifacts that build their code.
fn write_code(text: &mut String, code: &Code) {
    if !code.lines.is_empty() {
        text.push_str("\n# Local paths in the template. stackctl packages and uploads them.\n");
    }
    for line in &code.lines {
        text.push_str(&format!("#   {}\n", one_line(line)));
    }
    for artifact in &code.artifacts {
        text.push('\n');
        let table = format!(
            "[artifacts.{}]\npath = {}\n",
            key(&artifact.name),
            quoted(&artifact.path)
        );
        match &artifact.build {
            Build::Python(python) => write_python(text, &table, python),
            Build::None => text.push_str(&table),
            Build::Command(reason) => {
                comment(
                    text,
                    &format!(
                        "{reason}: set the command that builds the code, or run `sam build` and set template = \
                         \".aws-sam/build/template.yaml\"."
                    ),
                );
                commented(text, &format!("{table}build = [\"\"]  {REQUIRED}\n"));
            }
        }
    }
}

fn write_python(text: &mut String, table: &str, python: &Python) {
    if let Some(command) = python.lock_command() {
        comment(
            text,
            "The packages need a lock file with hashes. This command makes it:",
        );
        text.push_str(&format!("#   {}\n", one_line(&command)));
    }
    let mut keys = format!("{table}requirements = {}\n", quoted(&python.lock));
    keys.push_str(&match &python.version {
        Some(version) => format!("python = {}\n", quoted(version)),
        None => format!("python = \"\"  {REQUIRED}: the version of the function's runtime\n"),
    });
    keys.push_str(&format!("architecture = {}\n", quoted(python.architecture)));
    let parsed = manifest::parse(&SourceFile::new("", format!("project = \"p\"\n{keys}")));
    if parsed.diagnostics().is_empty() {
        text.push_str(&keys);
    } else {
        commented(text, &keys);
    }
}

/// Writes lines as comments.
fn commented(text: &mut String, lines: &str) {
    for line in lines.lines() {
        text.push_str(&format!("# {line}\n"));
    }
}

fn write_parameters(text: &mut String, draft: &Draft<'_>) {
    let Some(template) = draft.template else {
        text.push('\n');
        comment(
            text,
            "The template is rendered before it is deployed. Its parameters go into [parameters], and the \
             values that its expressions read go into [vars].",
        );
        write_values_without_template(text, draft);
        return;
    };
    if template.parameters().next().is_none() {
        return;
    }
    text.push('\n');
    let is_given = |it: Parameter<'_>| draft.top.parameters.contains_key(it.entry.name);
    let rest = if template.parameters().all(is_given) {
        String::new()
    } else {
        format!(
            " A line that is a comment shows the default: remove the `#` to set another value. A line marked \
             `{REQUIRED}` needs a value."
        )
    };
    comment(text, &format!("The template's parameters.{rest}"));
    text.push_str("[parameters]\n");
    for parameter in template.parameters() {
        text.push('\n');
        write_parameter(text, draft, &parameter);
    }
}

fn write_values_without_template(text: &mut String, draft: &Draft<'_>) {
    if draft.top.parameters.is_empty() {
        return;
    }
    text.push_str("\n[parameters]\n");
    for (name, sourced) in &draft.top.parameters {
        let line = parameter_line(name, &sourced.value);
        checked(text, "[parameters]", &line, &sourced.from);
    }
}

fn write_parameter(text: &mut String, draft: &Draft<'_>, parameter: &Parameter<'_>) {
    let entry = parameter.entry;
    if let Some(description) = entry.node.get("Description").and_then(Node::scalar) {
        comment(text, &description);
    }
    comment(text, &constraints(parameter));
    if let Some(sourced) = draft.top.parameters.get(entry.name) {
        let line = parameter_line(entry.name, &sourced.value);
        checked(text, "[parameters]", &line, &sourced.from);
        return;
    }
    let default = parameter.default();
    if parameter.no_echo() {
        let variable = name::variable(entry.name, &draft.project);
        let line = parameter_line(entry.name, &Value::Secret(variable));
        match default {
            None => checked(text, "[parameters]", &line, ""),
            Some(_) => text.push_str(&format!("# {line}\n")),
        }
        return;
    }
    if let Some(default) = default {
        let default = default.scalar().unwrap_or_default();
        let line = parameter_line(entry.name, &Value::Text(default.into_owned()));
        text.push_str(&format!("# {line}\n"));
        return;
    }
    let given = |layer: &Layer| layer.parameters.contains_key(entry.name);
    let environments: Vec<&str> = draft
        .environments
        .iter()
        .filter(|(_, layer)| given(layer))
        .map(|(name, _)| name.as_str())
        .collect();
    let but = if environments.is_empty() {
        String::new()
    } else {
        format!(", but for {}", environments.join(", "))
    };
    text.push_str(&format!("# {} = \"\"  {REQUIRED}{but}\n", key(entry.name)));
}

fn parameter_line(name: &str, value: &Value) -> String {
    match value {
        Value::Text(text) => format!("{} = {}", key(name), quoted(text)),
        Value::Secret(variable) => format!("{} = {{ from_env = {} }}", key(name), quoted(variable)),
        Value::Previous => format!("{} = {{ use_previous = true }}", key(name)),
    }
}

/// Returns the type of a parameter and what its values must be, as one sentence.
pub(super) fn constraints(parameter: &Parameter<'_>) -> String {
    let node = parameter.entry.node;
    let scalar = |name: &str| Some(node.get(name)?.scalar()?.into_owned());
    let mut parts = vec![parameter.kind().unwrap_or("String").to_owned()];
    if parameter.is_from_ssm() {
        parts.push("the value is the name of a parameter in SSM Parameter Store".to_owned());
    }
    if let Some(values) = parameter.allowed_values() {
        let values: Vec<String> = values
            .iter()
            .filter_map(|value| Some(quoted(&value.scalar()?)))
            .collect();
        parts.push(format!("one of {}", values.join(", ")));
    }
    let mut range = |what: &str, least: &str, most: &str| {
        let limits = match (scalar(least), scalar(most)) {
            (Some(least), Some(most)) => format!("{least} to {most}"),
            (Some(least), None) => format!("at least {least}"),
            (None, Some(most)) => format!("at most {most}"),
            (None, None) => return,
        };
        parts.push(format!("{what}{limits}"));
    };
    range("length ", "MinLength", "MaxLength");
    range("", "MinValue", "MaxValue");
    if let Some(pattern) = scalar("AllowedPattern") {
        parts.push(format!("matches the pattern {pattern}"));
    }
    if parameter.no_echo() {
        parts.push("a secret (NoEcho)".to_owned());
    }
    if let Some(description) = scalar("ConstraintDescription") {
        parts.push(description);
    }
    parts.join("; ")
}

/// Writes a text as a comment.
fn comment(text: &mut String, content: &str) {
    let mut line = String::from("#");
    for word in content.split_whitespace() {
        let word = one_line(word);
        let length = line.chars().count() + 1 + word.chars().count();
        if length > WIDTH && line.len() > 1 {
            text.push_str(&line);
            text.push('\n');
            line.truncate(1);
        }
        line.push(' ');
        line.push_str(&word);
    }
    if line.len() > 1 {
        text.push_str(&line);
        text.push('\n');
    }
}

/// Returns a text without the characters that a comment cannot contain.
fn one_line(text: &str) -> String {
    text.chars()
        .map(|it| if it.is_control() { ' ' } else { it })
        .collect()
}

/// Returns a key as TOML writes it.
fn key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !name.is_empty() && name.chars().all(is_bare) {
        name.to_owned()
    } else {
        quoted(name)
    }
}

/// Returns a text as a basic string of TOML, on one line.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            control if control.is_control() => {
                quoted.push_str(&format!("\\u{:04X}", u32::from(control)));
            }
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use indexmap::IndexMap;

    use super::{quoted, write};
    use crate::config::manifest;
    use crate::diagnostic::SourceFile;
    use crate::operations::init::existing::code::Code;
    use crate::operations::init::existing::draft::{Draft, Layer, Setting, Sourced, Value};
    use crate::template::Template;

    fn draft<'a>(template: &'a Template, path: &'a str) -> Draft<'a> {
        Draft {
            project: "shop".to_owned(),
            path,
            template: Some(template),
            environment: None,
            top: Layer::default(),
            environments: IndexMap::new(),
            code: Code::default(),
            remarks: vec!["one\u{7}two".to_owned()],
        }
    }

    fn template(text: &str) -> Template {
        Template::parse(&SourceFile::new("t", text)).unwrap()
    }

    #[track_caller]
    fn expect_valid(text: &str) {
        let parsed = manifest::parse(&SourceFile::new("manifest.toml", text));
        assert!(
            parsed.diagnostics().is_empty(),
            "{text}\n{:?}",
            parsed.diagnostics()
        );
    }

    #[test]
    fn any_text_of_a_template_stays_inside_its_comment() {
        let template = template(
            "Parameters:\n  A:\n    Type: String\n    Description: \"a\\n[stack]\\nb = 1\\u2028\\u0000\\u007f\\u0085c\"\n    \
             Default: \"x\\n[y]\\n\\u0001\\\"\"\n    AllowedPattern: \"^\\n$\"\n  B: {Type: String, Default: [1]}\n  \
             C: {Description: {a: b}}\n  odd-name: {Type: String}\n  D: 3\nResources: {}\n",
        );
        let text = write(&draft(&template, "a \"b\"\\c\n.yaml"));
        expect_valid(&text);
        let lines = text
            .lines()
            .filter(|line| !line.starts_with('#') && !line.is_empty());
        let lines: Vec<&str> = lines.collect();
        assert_eq!(
            lines,
            [
                "project = \"shop\"",
                "template = \"a \\\"b\\\"\\\\c\\n.yaml\"",
                "[parameters]"
            ]
        );
    }

    #[test]
    fn value_that_a_manifest_cannot_have_is_a_comment() {
        let template = template("Parameters: {A: {Type: String}}\nResources: {}\n");
        let mut draft = draft(&template, "t.yaml");
        let value = |text: &str| Sourced::new(text.to_owned(), "samconfig.toml");
        for (key, text) in [("region", "eu-west-1"), ("stack_name", "no_good")] {
            let setting = Setting::Text(text.to_owned());
            let sourced = Sourced::new(setting, "samconfig.toml");
            draft.top.keys.insert(key, sourced);
        }
        draft.top.tags.insert("aws:x".to_owned(), value("y"));
        draft.top.tags.insert("cost centre".to_owned(), value("y"));
        let role = Sourced::new(Setting::Text("role".to_owned()), "f");
        draft.top.stack.insert("role_arn", role);
        let parameter = Sourced::new(Value::Text("1".to_owned()), "f");
        let layer = draft.environments.entry("prod".to_owned()).or_default();
        layer.parameters.insert("A-b".to_owned(), parameter);
        let text = write(&draft);
        expect_valid(&text);
        for line in [
            "region = \"eu-west-1\"  # samconfig.toml\n",
            "# stack_name = \"no_good\"  # samconfig.toml: ",
            "# \"aws:x\" = \"y\"  # samconfig.toml: ",
            "\"cost centre\" = \"y\"  # samconfig.toml\n",
            "# role_arn = \"role\"  # f: ",
            "# A-b = \"1\"  # f: ",
        ] {
            assert!(text.contains(line), "{line}\n{text}");
        }
    }

    #[test]
    fn quoted_text_is_read_back() {
        let text: String = (0..0x300)
            .filter_map(char::from_u32)
            .chain("\u{2028}日𝄞".chars())
            .collect();
        let table: toml::Table = format!("a = {}", quoted(&text)).parse().unwrap();
        assert_eq!(table["a"].as_str(), Some(text.as_str()));
    }
}
