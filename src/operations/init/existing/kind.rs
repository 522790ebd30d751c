//! What a file is that is no CloudFormation template.

use serde_json::Value;

/// Why a file cannot be deployed, and what to do instead.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Foreign {
    /// What the file is, as the end of a sentence that begins with the file's name.
    pub(super) what: String,
    /// What to do.
    pub(super) remedy: String,
}

impl Foreign {
    fn new(what: &str, remedy: &str) -> Self {
        Self {
            what: what.to_owned(),
            remedy: remedy.to_owned(),
        }
    }
}

/// The remedy for the files of a CDK app.
pub(super) const SYNTHESIZE: &str =
    "run `cdk synth`, then `stackctl init --from cdk.out/STACK.template.json`";

/// What a file of Terraform is.
pub(super) const TERRAFORM: &str = "belongs to Terraform";

/// Returns what a file is by its name, if it is certainly no template.
pub(super) fn by_name(name: &str) -> Option<Foreign> {
    let lower = name.to_lowercase();
    let extension = lower
        .rsplit_once('.')
        .map_or("", |(_, extension)| extension);
    let foreign = match lower.as_str() {
        "cdk.json" => Foreign::new("belongs to an AWS CDK app", SYNTHESIZE),
        "samconfig.toml" | "samconfig.yaml" | "samconfig.yml" => Foreign::new(
            "is the configuration of AWS SAM",
            "name the template, such as `stackctl init --from template.yaml`; the configuration next to it is read",
        ),
        _ if lower.ends_with(".tf.json") || matches!(extension, "tf" | "tfvars" | "hcl") => {
            Foreign::new(TERRAFORM, OTHER_LANGUAGE)
        }
        _ if lower.ends_with(".assets.json") => Foreign::new(
            "lists the assets of an AWS CDK app",
            "name the template next to it, `STACK.template.json`",
        ),
        _ if matches!(extension, "ts" | "js" | "mjs" | "py" | "go" | "java" | "cs") => {
            Foreign::new(
                "is a program",
                "name a CloudFormation template in YAML or JSON; for an AWS CDK app, run `cdk synth` first and name \
             `cdk.out/STACK.template.json`",
            )
        }
        _ if extension == "bicep" => Foreign::new("is written in Bicep, for Azure", OTHER_LANGUAGE),
        _ if extension == "toml" => Foreign::new(
            "is TOML, but a template is YAML or JSON",
            "name the template, such as `stackctl init --from template.yaml`",
        ),
        _ => return None,
    };
    Some(foreign)
}

const OTHER_LANGUAGE: &str =
    "stackctl deploys CloudFormation templates and cannot convert other languages";

/// Returns what a text is by its top-level keys, if it is no template.
pub(super) fn by_content(text: &str) -> Option<Foreign> {
    let text = text.trim_start_matches('\u{feff}');
    if text.trim_start().starts_with('[') {
        return Some(Foreign::new(
            "is a list, but a template is a map with a section `Resources`",
            "a parameter file goes with its template: `stackctl init --from TEMPLATE --parameters FILE`",
        ));
    }
    let keys = top_level_keys(text)?;
    let has = |key: &str| keys.iter().any(|found| found == key);
    if has("Resources") || has("Transform") || has("Fn::Transform") {
        return None;
    }
    Some(if has("apiVersion") && has("kind") {
        Foreign::new("is a Kubernetes manifest", "deploy it with `kubectl apply`")
    } else if has("service") && (has("provider") || has("functions")) {
        Foreign::new(
            "is the configuration of the Serverless Framework",
            "run `serverless package`, then `stackctl init --from \
             .serverless/cloudformation-template-update-stack.json`",
        )
    } else if has("services") {
        Foreign::new("is a Docker Compose file", OTHER_LANGUAGE)
    } else if has("contentVersion") && has("resources") {
        Foreign::new("is a template of Azure Resource Manager", OTHER_LANGUAGE)
    } else if has("openapi") || has("swagger") {
        Foreign::new(
            "is an API's definition in OpenAPI",
            "a template refers to it: `DefinitionUri` of `AWS::Serverless::Api`, or `BodyS3Location` of \
             `AWS::ApiGateway::RestApi`",
        )
    } else if has("StartAt") && has("States") {
        Foreign::new(
            "is the definition of a state machine",
            "a template refers to it: `DefinitionUri` of `AWS::Serverless::StateMachine`, or \
             `DefinitionS3Location` of `AWS::StepFunctions::StateMachine`",
        )
    } else if has("Parameters")
        && !has("AWSTemplateFormatVersion")
        && text.trim_start().starts_with('{')
    {
        Foreign::new(
            "has parameters but no section `Resources`",
            "a parameter file goes with its template: `stackctl init --from TEMPLATE --parameters FILE`",
        )
    } else {
        Foreign::new(
            "is not a CloudFormation template: it has no section `Resources`",
            "name a template in YAML or JSON whose `Resources` section describes what to deploy",
        )
    })
}

/// Returns the keys of a JSON object, or of a YAML map whose keys start their lines; `None` if the text
/// cannot be read that way.
fn top_level_keys(text: &str) -> Option<Vec<String>> {
    if text.trim_start().starts_with('{') {
        // A text with a syntax error is left to the parser of templates, which names the place.
        let document: Value = serde_json::from_str(text).ok()?;
        return Some(document.as_object()?.keys().cloned().collect());
    }
    let key = |line: &str| {
        let (key, rest) = line.split_once(':')?;
        let key = key.trim_end().trim_matches(['"', '\'']);
        let is_key = !key.is_empty()
            && key
                .chars()
                .all(|c| c.is_alphanumeric() || "_-$:.".contains(c))
            && rest.chars().next().is_none_or(char::is_whitespace);
        is_key.then(|| key.to_owned())
    };
    let sections = |line: &str| {
        // `Fn::Transform:` has colons of its own.
        if line.starts_with("Fn::Transform:") {
            return Some("Fn::Transform".to_owned());
        }
        key(line)
    };
    Some(text.lines().filter_map(sections).collect())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test")]

    use super::{by_content, by_name};

    #[test]
    fn templates_are_not_refused() {
        for name in [
            "template.yaml",
            "t.yml",
            "t.json",
            "t.template",
            "X.template.json",
            "t",
        ] {
            assert_eq!(by_name(name), None, "{name}");
        }
        for text in [
            "Resources:\n  A:\n    Type: AWS::SNS::Topic\n",
            "---\n# comment\n\"Resources\" :\n  A: {}\n",
            "\u{feff}{\"Resources\": {}}",
            "Transform: AWS::Serverless-2016-10-31\n",
            "Fn::Transform:\n  Name: AWS::Include\n",
            "{\"Resources\": ",
            "apiVersion: v1\nkind: Pod\nResources: {}\n",
        ] {
            assert_eq!(by_content(text), None, "{text}");
        }
    }

    #[test]
    fn other_files_are_named() {
        for (name, expected) in [
            ("main.tf", "belongs to Terraform"),
            ("main.tf.json", "belongs to Terraform"),
            ("cdk.json", "belongs to an AWS CDK app"),
            ("app.ts", "is a program"),
            ("samconfig.toml", "is the configuration of AWS SAM"),
        ] {
            assert_eq!(by_name(name).unwrap().what, expected, "{name}");
        }
        for (text, expected) in [
            (
                "apiVersion: v1\nkind: Pod\n---\napiVersion: v1\nkind: Pod\n",
                "is a Kubernetes manifest",
            ),
            (
                r#"{"apiVersion": "v1", "kind": "Pod"}"#,
                "is a Kubernetes manifest",
            ),
            (
                "service: x\nprovider:\n  name: aws\n",
                "is the configuration of the Serverless Framework",
            ),
            ("services:\n  web: {}\n", "is a Docker Compose file"),
            ("openapi: 3.0.0\n", "is an API's definition in OpenAPI"),
            (
                r#"[{"ParameterKey": "A"}]"#,
                "is a list, but a template is a map with a section `Resources`",
            ),
            (
                r#"{"Parameters": {"A": "1"}}"#,
                "has parameters but no section `Resources`",
            ),
            (
                "",
                "is not a CloudFormation template: it has no section `Resources`",
            ),
            (
                "hello\n",
                "is not a CloudFormation template: it has no section `Resources`",
            ),
            (
                "resources:\n  A: {}\n",
                "is not a CloudFormation template: it has no section `Resources`",
            ),
        ] {
            assert_eq!(by_content(text).unwrap().what, expected, "{text}");
        }
    }
}
