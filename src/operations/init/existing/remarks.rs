//! What is worth knowing about a template before its first deployment.

use std::collections::BTreeSet;

use crate::template::capability::Capability;
use crate::template::node::{Node, Value};
use crate::template::{Parameter, Template};
use crate::util::suggest::quoted;

/// The start of the name by which a template of the AWS CDK reads the version of the bootstrap stack.
const BOOTSTRAP: &str = "/cdk-bootstrap/";

/// Returns the remarks about the template at `path`, which has these nested templates.
pub(super) fn of(template: &Template, path: &str, nested: &[Template]) -> Vec<String> {
    let mut remarks = Vec::new();
    let transforms: Vec<&str> = template.transforms().collect();
    if !transforms.is_empty() {
        let noun = if transforms.len() == 1 {
            "transform"
        } else {
            "transforms"
        };
        remarks.push(format!(
            "The template uses the {noun} {}, which CloudFormation runs in the account.",
            quoted(transforms.iter().copied())
        ));
    }
    let children = nested.iter().flat_map(Template::required_capabilities);
    let capabilities: BTreeSet<Capability> = template
        .required_capabilities()
        .into_iter()
        .chain(children)
        .collect();
    if !capabilities.is_empty() {
        let names: Vec<&str> = capabilities.iter().map(|it| it.as_str()).collect();
        remarks.push(format!(
            "CloudFormation requires {}. stackctl derives this from the template and sends it; \
             `stack.capabilities` overrides it.",
            names.join(", ")
        ));
    }
    if let Some(parameter) = bootstrap(template) {
        remarks.push(format!(
            "The AWS CDK has synthesized the template. CloudFormation reads the parameter `{}` from SSM \
             Parameter Store, where `cdk bootstrap` writes it.",
            parameter.entry.name
        ));
    }
    if let Some(bucket) = asset_bucket(template.root()) {
        remarks.push(format!(
            "The template refers to assets in the bucket `{bucket}`, which `cdk bootstrap` creates. stackctl \
             uploads the files and folders that `{path}.assets.json` lists. It publishes no Docker images: \
             `npx cdk-assets publish --path {path}.assets.json`.",
            path = path.strip_suffix(".template.json").unwrap_or("cdk.out/STACK")
        ));
    }
    remarks
}

/// Returns the parameter with the version of the CDK's bootstrap stack.
pub(super) fn bootstrap(template: &Template) -> Option<Parameter<'_>> {
    template.parameters().find(|parameter| {
        let default = parameter.default().and_then(Node::as_str);
        parameter.is_from_ssm() && default.is_some_and(|name| name.starts_with(BOOTSTRAP))
    })
}

/// Returns the name of the CDK's bucket for assets, if the template refers to it.
fn asset_bucket(node: &Node) -> Option<&str> {
    match &node.value {
        Value::String(text) | Value::Plain(text) => {
            let is_bucket = text.starts_with("cdk-") && text.contains("-assets-");
            (is_bucket && !text.contains('/')).then_some(text)
        }
        Value::List(list) => list.iter().find_map(asset_bucket),
        Value::Map(map) => map.values().find_map(|member| asset_bucket(&member.node)),
        _ => None,
    }
}
