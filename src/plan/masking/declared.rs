//! What templates declare as secret: the parameters with `NoEcho`, and their defaults.
//!
//! A text that is no template yet, because it is still to be rendered or has an error, is read line by
//! line: its lines may be quoted in a message.

use std::sync::Arc;

use indexmap::IndexMap;

use crate::cloudformation::stack::NO_ECHO;
use crate::config::secret::{Secret, Secrets};
use crate::config::settings::ParameterValue;
use crate::diagnostic::SourceFile;
use crate::template::{Parameter, Template};

/// What is shown in place of a default that differs from another one.
const ANOTHER: &str = "**** (another value)";

/// A parameter with `NoEcho`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Declared {
    /// The name.
    pub name: String,
    /// The default value.
    pub default: Option<Secret>,
    /// Whether the value is a list with commas.
    is_list: bool,
}

/// Returns the parameters with `NoEcho` of a template.
pub fn declared(template: &Template) -> Vec<Declared> {
    let secret = template.parameters().filter(Parameter::no_echo);
    let declared = secret.map(|parameter| Declared {
        name: parameter.entry.name.to_owned(),
        default: parameter
            .default()
            .and_then(|default| Some(Secret::new(default.scalar()?))),
        is_list: parameter.kind().is_some_and(|kind| kind.contains("List")),
    });
    declared.collect()
}

/// Returns the parameters with `NoEcho` in a text that may be no template.
pub fn declared_in(source: &Arc<SourceFile>) -> Vec<Declared> {
    if !source.text.contains("NoEcho") {
        return Vec::new();
    }
    match Template::parse_deployed(source) {
        Ok(template) => declared(&template),
        Err(_) => in_lines(&source.text),
    }
}

/// Returns the values of `TemplateURL` and `Location` in a text that may be no template: the nested
/// templates, as they are written.
pub fn nested_in(text: &str) -> Vec<String> {
    if !text.contains("TemplateURL") && !text.contains("Location") {
        return Vec::new();
    }
    let keys = ["TemplateURL", "Location"];
    let values = keys.into_iter().flat_map(|key| literals(text, key));
    values.map(|value| value.expose().to_owned()).collect()
}

/// Returns the literal values of a key in a text that may be no template.
pub fn literals(text: &str, key: &str) -> Vec<Secret> {
    let lines = text.lines().filter(|line| line.contains(key));
    let values = lines.filter_map(|line| value_of(key, line, line.contains('{')));
    let is_literal = |value: &Secret| {
        let text = value.expose();
        !text.is_empty() && !text.starts_with(['!', '{', '[', '&', '*', '|', '>'])
    };
    values.filter(is_literal).collect()
}

/// Adds the defaults of these parameters, and the plain values that `given` has for them.
pub fn learn(secrets: &Secrets, declared: &[Declared], given: &IndexMap<String, ParameterValue>) {
    for parameter in declared {
        let given = match given.get(&parameter.name) {
            Some(ParameterValue::Plain(value)) => Some(Secret::new(value.clone())),
            _ => None,
        };
        for secret in given.iter().chain(&parameter.default) {
            secrets.add(secret);
            if parameter.is_list {
                let elements = secret.expose().split(',');
                elements.for_each(|it| secrets.add(&Secret::new(it.trim())));
            }
        }
    }
}

/// Masks the defaults of parameters with `NoEcho` in two templates that are compared. Whether they
/// differ stays visible.
pub fn hide_defaults(before: &mut Template, after: &mut Template) {
    let known: IndexMap<String, Option<Secret>> = declared(before)
        .into_iter()
        .map(|it| (it.name, it.default))
        .collect();
    before.replace_no_echo_defaults(|_, _| NO_ECHO);
    after.replace_no_echo_defaults(|name, default| match known.get(name) {
        Some(Some(before)) if before.expose() != default => ANOTHER,
        _ => NO_ECHO,
    });
}

/// Returns the text of a template with masked defaults of its parameters with `NoEcho`. A text that is
/// no template is returned as it is.
pub fn without_defaults(text: &str) -> String {
    let source = SourceFile::new("the template", text);
    match Template::parse_deployed(&source) {
        Ok(template) => template.with_no_echo_defaults(NO_ECHO),
        Err(_) => text.to_owned(),
    }
}

/// Reads parameters with `NoEcho` off the lines of a text.
fn in_lines(text: &str) -> Vec<Declared> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some((before, after)) = line.split_once("NoEcho") else {
            continue;
        };
        let value = after.trim_start_matches(['"', '\'', ' ', ':']);
        if !value
            .get(..4)
            .is_some_and(|it| it.eq_ignore_ascii_case("true"))
        {
            continue;
        }
        // In braces, all is on one line; else all lines with this indentation belong together.
        if let Some((outside, start)) = before.rsplit_once('{') {
            let end = after.split('}').next().unwrap_or_default();
            found.push(Declared {
                name: name(outside),
                default: value_of("Default", &format!("{start}NoEcho{end}"), true),
                is_list: start.contains("List") || end.contains("List"),
            });
            continue;
        }
        let indentation = |line: &str| line.len() - line.trim_start().len();
        let own = indentation(line);
        let is_inside = |line: &&&str| line.trim().is_empty() || indentation(line) >= own;
        let above = lines[..number].iter().rev().take_while(is_inside).count();
        let below = lines[number..].iter().take_while(is_inside).count();
        let first = number - above;
        let inside = &lines[first..number + below];
        let of_line = |line: &&str| {
            let is_own = indentation(line) == own;
            is_own.then(|| value_of("Default", line, false)).flatten()
        };
        let default = inside.iter().enumerate().find_map(|(at, line)| {
            let default = of_line(line)?;
            if !default.expose().starts_with(['|', '>']) {
                return Some(default);
            }
            let block = inside[at + 1..].iter();
            let block = block.take_while(|line| line.trim().is_empty() || indentation(line) > own);
            let block: Vec<&str> = block.map(|line| line.trim()).collect();
            Some(Secret::new(block.join("\n").trim()))
        });
        let parent = first.checked_sub(1).and_then(|at| lines.get(at));
        found.push(Declared {
            name: parent.map_or_else(String::new, |line| name(line)),
            default,
            is_list: inside
                .iter()
                .any(|it| it.contains("Type") && it.contains("List")),
        });
    }
    found
}

/// Returns the last key of a text, such as `Name` of `  "Name": `.
fn name(text: &str) -> String {
    let text = text.trim_end_matches(['{', ' ', ':', '"', '\'', '\t']);
    let is_outside = |it: char| !it.is_ascii_alphanumeric();
    text.rsplit(is_outside)
        .next()
        .unwrap_or_default()
        .to_owned()
}

/// Returns the value of a key in a line. `in_braces` tells whether other keys may follow on the line.
fn value_of(key: &str, line: &str, in_braces: bool) -> Option<Secret> {
    let (before, after) = line.split_once(key)?;
    if before.ends_with(|it: char| it.is_ascii_alphanumeric()) {
        return None;
    }
    let value = after
        .trim_start_matches(['"', '\''])
        .trim_start()
        .strip_prefix(':')?
        .trim();
    let quoted = |quote: char| {
        let inside = value.strip_prefix(quote)?;
        let mut is_escaped = false;
        let end = inside.find(|it: char| {
            let ends = it == quote && !is_escaped;
            is_escaped = it == '\\' && !is_escaped;
            ends
        });
        Some(
            inside
                .get(..end.unwrap_or(inside.len()))
                .unwrap_or_default(),
        )
    };
    if let Some(inside) = quoted('"') {
        let unescaped = serde_json::from_str::<String>(&format!("\"{inside}\""));
        return Some(Secret::new(unescaped.unwrap_or_else(|_| inside.to_owned())));
    }
    if let Some(inside) = quoted('\'') {
        return Some(Secret::new(inside));
    }
    let value = if in_braces {
        value.split([',', '}']).next().unwrap_or_default()
    } else {
        value
            .split(" #")
            .next()
            .unwrap_or_default()
            .trim_end_matches(',')
    };
    Some(Secret::new(value.trim()))
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::{declared_in, hide_defaults, learn, without_defaults};
    use crate::config::secret::Secrets;
    use crate::config::settings::ParameterValue;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;

    const YAML: &str = r#"
Parameters:
  Plain: {Type: String, Default: open}
  One:
    Type: String
    Default: "first \"secret\"" # why
    NoEcho: true
  Two: {Type: String, NoEcho: "true", Default: 'second-secret'}
  Three:
    NoEcho: True
    Type: CommaDelimitedList
    Default: third-secret,fourth-secret
  Four:
    Type: String
    NoEcho: true
    Default: |
      line-of-secret
      other-line

  None: {Type: String, NoEcho: true}
Resources: {R: {Type: 'AWS::SNS::Topic'}}
"#;
    const JSON: &str = r#"{"Parameters": {
  "One": {
    "Type": "String",
    "NoEcho": true,
    "Default": "first \"secret\""
  },
  "Two": {"Default": "second-secret", "NoEcho": "TRUE", "Type": "String"}
}, "Resources": {"R": {"Type": "AWS::SNS::Topic"}}}"#;

    fn shown(text: &str) -> Vec<(String, Option<String>)> {
        let found = declared_in(&SourceFile::new("t", text)).into_iter();
        let shown = found.map(|it| (it.name, it.default.map(|it| it.expose().trim().to_owned())));
        shown.collect()
    }

    #[test]
    fn secrets_of_a_text_are_those_of_the_template() {
        for text in [YAML, JSON] {
            let found = shown(text);
            assert!(found.len() > 1, "{found:?}");
            // The same text, as no parser accepts it.
            let broken = format!("{text}{{% if x %}}\n\t- [");
            assert!(Template::parse(&SourceFile::new("t", broken.as_str())).is_err());
            assert_eq!(shown(&broken), found);
        }
        for text in [
            "NoEcho",
            "a: NoEcho: true",
            "{NoEcho: true",
            "NoEcho: true\nDefault:",
        ] {
            shown(text);
        }
    }

    #[test]
    fn defaults_and_given_values_are_learned() {
        let secrets = Secrets::default();
        let given = [("None", "given-secret"), ("Plain", "visible-value")];
        let given: IndexMap<_, _> = given
            .map(|(name, value)| (name.to_owned(), ParameterValue::Plain(value.to_owned())))
            .into();
        learn(&secrets, &declared_in(&SourceFile::new("t", YAML)), &given);
        let text = "second-secret third-secret other-line given-secret visible-value";
        assert_eq!(
            secrets.redact(text),
            "(secret) (secret) (secret) (secret) visible-value"
        );
    }

    #[test]
    fn compared_defaults_are_masked_and_still_differ() {
        let parse = |text: &str| match Template::parse(&SourceFile::new("t", text)) {
            Ok(template) => template,
            Err(found) => panic!("{found:?}"),
        };
        let (mut before, mut after) = (parse(YAML), parse(&YAML.replace("second", "changed")));
        hide_defaults(&mut before, &mut after);
        let default = |template: &Template, name: &str| {
            let parameter = template.parameter(name);
            parameter.and_then(|it| Some(it.default()?.scalar()?.into_owned()))
        };
        let both =
            |name| [default(&before, name), default(&after, name)].map(Option::unwrap_or_default);
        assert_eq!(both("One"), ["****", "****"]);
        assert_eq!(both("Two"), ["****", "**** (another value)"]);
        assert_eq!(both("Plain"), ["open", "open"]);
    }

    #[test]
    fn a_text_without_defaults_is_the_same_template() {
        for text in [YAML, JSON] {
            let masked = without_defaults(text);
            assert!(!masked.contains("secret"), "{masked}");
            let Ok(template) = Template::parse(&SourceFile::new("t", masked.as_str())) else {
                panic!("{masked}")
            };
            let default = template
                .parameter("Two")
                .and_then(|it| it.default().cloned());
            assert_eq!(
                default.and_then(|it| Some(it.scalar()?.into_owned())),
                Some("****".to_owned())
            );
            assert!(template.resource("R").is_some());
            assert_eq!(without_defaults(&masked), masked);
        }
    }
}
