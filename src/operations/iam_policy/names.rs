//! The names that the resources of a stack get, as far as the template and the stack's name tell them.

use indexmap::IndexMap;

use crate::config::settings::Settings;
use crate::operations::call_targets::ResourceNames;
use crate::template::evaluate::{Evaluated, Evaluator};
use crate::template::node::Node;
use crate::template::{Resource, Template};

/// How many characters CloudFormation adds to a name that it makes: two hyphens and a random end.
const ADDED: usize = 15;

/// How many characters of the stack's name a name that CloudFormation shortens has at least.
const KEPT: usize = 20;

/// How long the name of a log group can be.
const LOG_GROUP: usize = 512;

/// A type of resources that calls name.
struct Kind {
    /// The property with the name; empty if there is no such property.
    property: &'static str,
    /// How long names can be.
    limit: usize,
    /// Where the names are collected.
    list: fn(&mut ResourceNames) -> &mut Vec<String>,
}

fn kind_of(resource_type: &str) -> Option<Kind> {
    let kind = match resource_type {
        "AWS::Lambda::Function" | "AWS::Serverless::Function" => Kind {
            property: "FunctionName",
            limit: 64,
            list: |it| &mut it.functions,
        },
        "AWS::S3::Bucket" => Kind {
            property: "BucketName",
            limit: 63,
            list: |it| &mut it.buckets,
        },
        "AWS::DynamoDB::Table" | "AWS::DynamoDB::GlobalTable" | "AWS::Serverless::SimpleTable" => {
            Kind {
                property: "TableName",
                limit: 255,
                list: |it| &mut it.tables,
            }
        }
        "AWS::CloudFormation::Stack" | "AWS::Serverless::Application" => Kind {
            property: "",
            limit: 128,
            list: |it| &mut it.stacks,
        },
        _ => return None,
    };
    Some(kind)
}

/// Returns the names of the resources of a template and of its nested templates. `*` stands for what is not known.
pub(super) fn of(
    settings: &Settings,
    template: &Template,
    values: &IndexMap<String, String>,
    children: &[&Template],
) -> ResourceNames {
    let mut names = ResourceNames::default();
    let evaluator = Evaluator::new(template, values);
    let stack = &settings.stack_name;
    for resource in template.resources() {
        let condition = resource.condition().and_then(|it| evaluator.condition(it));
        if condition != Some(false) {
            let known = |node| pattern(&evaluator.value(node));
            let made = |id: &str, limit| generated(stack, id, limit);
            add(&mut names, template, resource, known, made);
        }
    }
    for child in children {
        for resource in child.resources() {
            // The values that the nested stack gets are not evaluated.
            let known = |node: &Node| node.scalar().map_or_else(|| "*".to_owned(), Into::into);
            add(&mut names, child, resource, known, |_, _| shortened(stack));
        }
    }
    for list in [
        &mut names.stacks,
        &mut names.functions,
        &mut names.log_groups,
        &mut names.buckets,
        &mut names.tables,
    ] {
        list.sort();
        list.dedup();
    }
    names
}

/// Adds the name of a resource. `known` returns the value of a property, `made` the name that CloudFormation makes
/// for a logical id within a limit.
fn add<'t>(
    names: &mut ResourceNames,
    template: &'t Template,
    resource: Resource<'t>,
    known: impl Fn(&'t Node) -> String,
    made: impl Fn(&str, usize) -> String,
) {
    let resource_type = resource.kind().unwrap_or_default();
    let Some(kind) = kind_of(resource_type) else {
        return;
    };
    let own = template.property(resource, kind.property).map(&known);
    let mut name = own.unwrap_or_else(|| made(resource.logical_id(), kind.limit));
    if resource_type == "AWS::S3::Bucket" {
        name = name.to_lowercase();
    }
    if kind.property == "FunctionName" {
        let logging = template.property(resource, "LoggingConfig");
        let group = logging.and_then(|it| it.get("LogGroup"));
        let group = group.map(|node| match referenced(template, node) {
            Some(group) => match template.property(group, "LogGroupName") {
                Some(own) => known(own),
                None => made(group.logical_id(), LOG_GROUP),
            },
            None => known(node),
        });
        let default = || format!("/aws/lambda/{name}");
        names.log_groups.push(group.unwrap_or_else(default));
    }
    (kind.list)(names).push(name);
}

/// Returns the resource that a value refers to with `Ref`.
fn referenced<'t>(template: &'t Template, node: &Node) -> Option<Resource<'t>> {
    let (function, member) = node.intrinsic()?;
    let id = member.node.scalar().filter(|_| function == "Ref")?;
    template.resource(&id)
}

/// Returns the name that CloudFormation makes of the stack's name and the logical id. It shortens both if the name
/// would be too long.
fn generated(stack: &str, logical_id: &str, limit: usize) -> String {
    if stack.len() + logical_id.len() + ADDED <= limit {
        format!("{stack}-{logical_id}-*")
    } else {
        shortened(stack)
    }
}

/// Returns the names that begin with the stack's name, which may be shortened.
fn shortened(stack: &str) -> String {
    if stack.len() <= KEPT {
        format!("{stack}-*")
    } else {
        let kept: String = stack.chars().take(KEPT).collect();
        format!("{kept}*")
    }
}

/// Returns a value with `*` for each part that is not known.
fn pattern(value: &Evaluated<'_>) -> String {
    let text = match value {
        Evaluated::Scalar(text) => return text.clone().into_owned(),
        Evaluated::Unknown(unknown) => unknown.text.as_str(),
        _ => return "*".to_owned(),
    };
    let mut pattern = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        pattern.push_str(before);
        pattern.push('*');
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    pattern + rest
}

#[cfg(test)]
mod tests {
    use indexmap::IndexMap;

    use super::{generated, of, pattern};
    use crate::config::settings::Settings;
    use crate::diagnostic::SourceFile;
    use crate::template::Template;
    use crate::template::evaluate::Evaluated;

    const TEMPLATE: &str = r"
Resources:
  Made: {Type: AWS::Lambda::Function}
  Named:
    Type: AWS::Lambda::Function
    Properties:
      FunctionName: !Sub '${AWS::StackName}-${Made}-fixed'
      LoggingConfig: {LogGroup: own}
  Logged:
    Type: AWS::Lambda::Function
    Properties: {FunctionName: logged, LoggingConfig: {LogGroup: !Ref Logs}}
  Logs: {Type: AWS::Logs::LogGroup}
  Files: {Type: AWS::S3::Bucket}
  Items: {Type: AWS::DynamoDB::Table, Properties: {TableName: items}}
  Child: {Type: AWS::CloudFormation::Stack}
";

    #[test]
    fn names_are_as_exact_as_the_template() {
        let Ok(template) = Template::parse(&SourceFile::new("template.yaml", TEMPLATE)) else {
            panic!("not a template");
        };
        let Ok(settings) = serde_json::from_value::<Settings>(serde_json::json!({
            "project": "site", "environment": "dev", "stack_name": "Site-dev",
            "template": "template.yaml", "allow_endpoint": false, "allow_world_ssh": false,
            "own_tags": true, "emulator": false,
        })) else {
            panic!("not settings");
        };
        let stack = IndexMap::from([("AWS::StackName".to_owned(), "Site-dev".to_owned())]);
        let names = of(&settings, &template, &stack, &[&template]);
        assert_eq!(
            names.functions,
            [
                "*",
                "Site-dev-*",
                "Site-dev-*-fixed",
                "Site-dev-Made-*",
                "logged"
            ]
        );
        assert_eq!(
            names.log_groups,
            [
                "/aws/lambda/Site-dev-*",
                "/aws/lambda/Site-dev-Made-*",
                "Site-dev-*",
                "Site-dev-Logs-*",
                "own"
            ]
        );
        assert_eq!(names.buckets, ["site-dev-*", "site-dev-files-*"]);
        assert_eq!(names.tables, ["items"]);
        assert_eq!(names.stacks, ["Site-dev-*", "Site-dev-Child-*"]);
    }

    #[test]
    fn a_name_that_would_be_too_long_is_shortened() {
        assert_eq!(generated("site", "Files", 63), "site-Files-*");
        let long = "a-stack-with-a-name-of-forty-characters-";
        assert_eq!(generated(long, "TheFunction", 64), "a-stack-with-a-name-*");
        assert_eq!(generated("site", &"x".repeat(60), 64), "site-*");
    }

    #[test]
    fn what_is_not_known_is_a_star() {
        let value = |text: &str| Evaluated::Scalar(text.to_owned().into());
        assert_eq!(pattern(&value("files")), "files");
        assert_eq!(pattern(&Evaluated::Nothing), "*");
    }
}
