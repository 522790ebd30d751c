//! What a template and its nested templates are together: checks of each nested stack against its
//! template, and the number of all resources.

use std::collections::BTreeMap;

use super::{ChildTemplate, Packaged};
use crate::config::origin::Origins;
use crate::config::secret::Secret;
use crate::diagnostic::{Diagnostic, Place};
use crate::plan::masking;
use crate::template::validate::nested::check_nested;
use crate::template::{Resource, STACK_TYPE, Template};

/// The number of resources that one operation on a stack and its nested stacks may have
/// (<https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html>).
const MOST_RESOURCES: u64 = 2_500;

/// Returns what is wrong with the nested stacks, at its places in the files. `root` is the model of the
/// root template.
pub(crate) fn findings(packaged: &Packaged, root: &Template, origins: &Origins) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let children = packaged.children.iter();
    let templates = children.map(|child| (&child.rendered, &child.template));
    for (rendered, template) in templates.chain([(&packaged.root, root)]) {
        for (stack, child) in nested(template, packaged) {
            for finding in check_nested(template, &stack, &child.template) {
                let finding = rendered.translate(finding, origins);
                found.push(child.rendered.translate(finding, origins));
            }
        }
    }
    // Each child comes after its own children.
    let mut counts = BTreeMap::new();
    for child in &packaged.children {
        let count = resources(&child.template, packaged, &counts);
        counts.insert(child.key.as_str(), count);
    }
    let count = resources(root, packaged, &counts);
    if count > MOST_RESOURCES && !packaged.children.is_empty() {
        let at = Place {
            source: root.source().clone(),
            span: 0..0,
            label: String::new(),
        };
        let message = format!(
            "the stack has {count} resources with its nested stacks, and CloudFormation allows one \
             operation on {MOST_RESOURCES}"
        );
        let warning = Diagnostic::warning("too-many-resources", message, at);
        found.push(packaged.root.translate(warning, origins));
    }
    found
}

/// Returns the literal values that templates pass to parameters with `NoEcho` of their nested stacks.
pub(crate) fn passed_secrets(packaged: &Packaged, root: &Template) -> Vec<Secret> {
    let templates = packaged.children.iter().map(|child| &child.template);
    let mut secrets = Vec::new();
    for template in templates.chain([root]) {
        for (stack, child) in nested(template, packaged) {
            let passed = stack.properties().and_then(|it| it.get("Parameters"));
            let values = masking::declared(&child.template).into_iter();
            let values = values.filter_map(|declared| passed?.get(&declared.name)?.scalar());
            secrets.extend(values.map(Secret::new));
        }
    }
    secrets
}

/// Returns the number of resources of a template with its nested stacks.
fn resources(template: &Template, packaged: &Packaged, known: &BTreeMap<&str, u64>) -> u64 {
    let own = template.resources().count() as u64;
    let nested = nested(template, packaged);
    let inside = nested.filter_map(|(_, child)| known.get(child.key.as_str()));
    inside.fold(own, |sum, count| sum.saturating_add(*count))
}

/// Returns the nested stacks of a template whose own template is one of the project.
fn nested<'a>(
    template: &'a Template,
    packaged: &'a Packaged,
) -> impl Iterator<Item = (Resource<'a>, &'a ChildTemplate)> {
    let stacks = template.resources();
    let stacks = stacks.filter(|resource| resource.kind() == Some(STACK_TYPE));
    stacks.filter_map(|resource| Some((resource, child_of(resource, &packaged.children)?)))
}

/// Returns the template of a nested stack, if it is one of the project. A nested application of AWS SAM is
/// a nested stack too.
pub(crate) fn child_of<'a>(
    resource: Resource<'_>,
    children: &'a [ChildTemplate],
) -> Option<&'a ChildTemplate> {
    let property = match resource.kind()? {
        STACK_TYPE => "TemplateURL",
        "AWS::Serverless::Application" => "Location",
        _ => return None,
    };
    let location = resource.properties()?.get(property)?;
    let mut children = children.iter();
    children.find(|child| location.contains_text(&child.key))
}
