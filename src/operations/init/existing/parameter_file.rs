//! A file with values for the template's parameters, in the shapes that other tools read.
//!
//! | shape | read by |
//! | --- | --- |
//! | `[{"ParameterKey": "A", "ParameterValue": "1"}]` | `aws cloudformation create-stack` |
//! | `{"Parameters": {"A": "1"}, "Tags": {"a": "b"}}` | `CodePipeline`, `aws cloudformation deploy` |
//! | `{"A": "1"}`, `["A=1"]` | `aws cloudformation deploy`, `CDK` |

use serde_json::{Map, Value};

/// The contents of a parameter file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ParameterFile {
    /// The values by the parameter's name, in the order of the text.
    pub(super) parameters: Vec<(String, String)>,
    /// The stack's tags.
    pub(super) tags: Vec<(String, String)>,
    /// Why some entries have no value that can be used.
    pub(super) left_out: Vec<String>,
}

/// Reads a parameter file.
///
/// # Errors
///
/// What is wrong with the text, as the end of a sentence that begins with the file's name.
pub(super) fn parse(text: &str) -> Result<ParameterFile, String> {
    let document: Value =
        serde_json::from_str(text).map_err(|error| format!("is not JSON: {error}"))?;
    let mut file = ParameterFile::default();
    let Value::Object(map) = &document else {
        file.read_parameters(&document)?;
        return Ok(file);
    };
    match map.get("Parameters") {
        Some(parameters @ (Value::Object(_) | Value::Array(_))) => {
            file.read_parameters(parameters)?;
            match map.get("Tags") {
                Some(Value::Object(tags)) => file.read_tags(tags),
                Some(Value::Array(tags)) => {
                    let pair = |tag: &Value| Some((text_of(&tag["Key"])?, text_of(&tag["Value"])?));
                    file.tags.extend(tags.iter().filter_map(pair));
                }
                _ => {}
            }
            if map.contains_key("StackPolicy") {
                file.left_out
                    .push("`StackPolicy`: write it to a file and set `stack.policy`".to_owned());
            }
        }
        _ => file.read_parameters(&document)?,
    }
    Ok(file)
}

impl ParameterFile {
    fn read_parameters(&mut self, value: &Value) -> Result<(), String> {
        match value {
            Value::Object(map) => {
                for (name, value) in map {
                    self.add(name, value)?;
                }
                Ok(())
            }
            Value::Array(list) => list.iter().try_for_each(|entry| self.read_entry(entry)),
            _ => Err(SHAPES.to_owned()),
        }
    }

    fn read_entry(&mut self, entry: &Value) -> Result<(), String> {
        if let Value::String(text) = entry {
            let (name, value) = text
                .split_once('=')
                .ok_or_else(|| format!("has the entry `{text}`, which is not `Name=value`"))?;
            self.parameters
                .push((name.trim().to_owned(), value.to_owned()));
            return Ok(());
        }
        let Some(name) = entry["ParameterKey"].as_str() else {
            return Err(SHAPES.to_owned());
        };
        match &entry["ParameterValue"] {
            Value::Null if entry["UsePreviousValue"] == true => {
                self.left_out
                    .push(format!("`{name}`: it has `UsePreviousValue` and no value"));
                Ok(())
            }
            Value::Null => Err(format!("gives the parameter `{name}` no `ParameterValue`")),
            value => self.add(name, value),
        }
    }

    fn add(&mut self, name: &str, value: &Value) -> Result<(), String> {
        let text = match value {
            Value::Array(list) => {
                let texts: Option<Vec<String>> = list.iter().map(text_of).collect();
                texts.map(|texts| texts.join(","))
            }
            value => text_of(value),
        };
        let text = text.ok_or_else(|| {
            format!("gives the parameter `{name}` a value that is not a text, a number, a boolean or a list of them")
        })?;
        self.parameters.push((name.to_owned(), text));
        Ok(())
    }

    fn read_tags(&mut self, tags: &Map<String, Value>) {
        let pair = |(key, value): (&String, &Value)| Some((key.clone(), text_of(value)?));
        self.tags.extend(tags.iter().filter_map(pair));
    }
}

/// What a file that is none of the shapes is told.
const SHAPES: &str = "is not a parameter file: write `{\"Name\": \"value\"}`, \
     `[{\"ParameterKey\": \"Name\", \"ParameterValue\": \"value\"}]`, `[\"Name=value\"]`, or \
     `{\"Parameters\": {\"Name\": \"value\"}}`";

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::parse;

    #[test]
    fn every_shape_gives_the_same_values() {
        let expected = [
            ("Stage".to_owned(), "prod".to_owned()),
            ("Size".to_owned(), "3".to_owned()),
        ];
        for text in [
            r#"[{"ParameterKey": "Stage", "ParameterValue": "prod"}, {"ParameterKey": "Size", "ParameterValue": "3"}]"#,
            r#"{"Parameters": {"Stage": "prod", "Size": 3}}"#,
            r#"{"Parameters": [{"ParameterKey": "Stage", "ParameterValue": "prod"}, {"ParameterKey": "Size", "ParameterValue": 3}]}"#,
            r#"{"Stage": "prod", "Size": "3"}"#,
            r#"["Stage=prod", "Size=3"]"#,
        ] {
            assert_eq!(parse(text).unwrap().parameters, expected, "{text}");
        }
    }

    #[test]
    fn values_become_texts() {
        let text = r#"{"A": true, "B": ["x", 1], "C": "a=b", "D": "", "Parameters": "p"}"#;
        let found = parse(text).unwrap().parameters;
        let values: Vec<&str> = found.iter().map(|(_, value)| value.as_str()).collect();
        assert_eq!(values, ["true", "x,1", "a=b", "", "p"]);
        assert_eq!(parse(r#"["A=b=c"]"#).unwrap().parameters[0].1, "b=c");
    }

    #[test]
    fn tags_and_what_has_no_value_are_kept_apart() {
        let file = parse(r#"{"Parameters": {}, "Tags": {"a": "b"}, "StackPolicy": {}}"#).unwrap();
        assert_eq!(file.tags, [("a".to_owned(), "b".to_owned())]);
        assert_eq!(file.left_out.len(), 1);
        let file = parse(r#"[{"ParameterKey": "A", "UsePreviousValue": true}]"#).unwrap();
        assert_eq!(file.parameters, []);
        assert_eq!(
            file.left_out,
            ["`A`: it has `UsePreviousValue` and no value"]
        );
    }

    #[test]
    fn other_documents_are_errors() {
        for text in [
            "",
            "nope",
            "3",
            "[3]",
            r#"["A"]"#,
            r#"[{"ParameterKey": "A"}]"#,
            r#"{"A": null}"#,
            r#"{"A": {"b": 1}}"#,
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
