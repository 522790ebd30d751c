//! Checks the declarations of parameters, and the values given for them.

use std::borrow::Cow;

use super::{Checks, pattern};
use crate::config::secret::MASK;
use crate::diagnostic::{Diagnostic, Place, Severity};
use crate::template::evaluate::NO_ECHO;
use crate::template::node::Node;
use crate::template::{Parameter, Template};

const ALLOWED_PATTERN: &str = "AllowedPattern";

const ATTRIBUTES: [&str; 11] = [
    "AllowedPattern",
    "AllowedValues",
    "ConstraintDescription",
    "Default",
    "Description",
    "MaxLength",
    "MaxValue",
    "MinLength",
    "MinValue",
    "NoEcho",
    "Type",
];

/// The types of a single value in addition to `String` and `Number` ("AWS-specific parameter types"
/// in the user guide).
const AWS_TYPES: [&str; 10] = [
    "AWS::EC2::AvailabilityZone::Name",
    "AWS::EC2::Image::Id",
    "AWS::EC2::Instance::Id",
    "AWS::EC2::KeyPair::KeyName",
    "AWS::EC2::SecurityGroup::GroupName",
    "AWS::EC2::SecurityGroup::Id",
    "AWS::EC2::Subnet::Id",
    "AWS::EC2::VPC::Id",
    "AWS::EC2::Volume::Id",
    "AWS::Route53::HostedZone::Id",
];

/// The texts that stackctl and CloudFormation print in place of a secret.
const MASKS: [&str; 2] = [MASK, NO_ECHO];

/// A value for a parameter.
#[derive(Debug, Clone)]
pub struct Given<'a> {
    /// The name of the parameter.
    pub name: &'a str,
    /// The value; `None` if it is secret or not known yet. Then only its presence is checked.
    pub value: Option<&'a str>,
    /// The place that sets the value, if it is in a text.
    pub place: Option<Place>,
}

/// Returns the errors in the values for the template's parameters: values for unknown parameters,
/// missing values, and values that are not allowed.
///
/// No message contains the value of a `NoEcho` parameter.
pub fn check_values(template: &Template, given: &[Given<'_>]) -> Vec<Diagnostic> {
    let mut checks = Checks::new(template);
    let fallback = template
        .root()
        .as_map()
        .and_then(|map| map.get("Parameters"))
        .map_or(0..0, |member| member.key_span.clone());
    for value in given {
        let Some(parameter) = template.parameter(value.name) else {
            let text = format!("the template has no parameter `{}`", value.name);
            let place = value
                .place
                .clone()
                .unwrap_or_else(|| checks.place(&fallback, ""));
            let found = Diagnostic::error("unknown-parameter", text, place);
            let names = template.parameters().map(|parameter| parameter.entry.name);
            checks.push(match checks.suggestion(value.name, names) {
                Some(suggestion) => found.help(suggestion),
                None => found,
            });
            continue;
        };
        let Some(text) = value.value else { continue };
        if parameter.no_echo() && MASKS.contains(&text) {
            let message = format!(
                "the value of the parameter `{}` is the text that replaces a secret in the output",
                value.name
            );
            let declared = checks.place(&parameter.entry.node.span, "");
            let place = value.place.clone().unwrap_or(declared);
            let found = Diagnostic::error("masked-value", message, place);
            checks.push(
                found.help("a copied command or value has no secrets: give the secret itself"),
            );
            continue;
        }
        if let Some((message, node)) = violation(&parameter, text) {
            let name = value.name;
            let message = if parameter.no_echo() {
                format!("the value of the parameter `{name}` {message}")
            } else {
                format!("the value `{text}` of the parameter `{name}` {message}")
            };
            let declared = checks.place(&node.span, "declared here");
            checks.push(match &value.place {
                Some(place) => {
                    Diagnostic::error("value-not-allowed", message, place.clone()).at(declared)
                }
                None => Diagnostic::error("value-not-allowed", message, declared),
            });
        }
    }
    for parameter in template.parameters() {
        let entry = parameter.entry;
        let is_given = given.iter().any(|value| value.name == entry.name);
        if !is_given && parameter.default().is_none() {
            let text = format!(
                "the parameter `{}` has neither a value nor a default",
                entry.name
            );
            let found = checks.error("missing-parameter", text, entry.name_span);
            checks.push(found.help(format!("set it under `[parameters]`: {} = …", entry.name)));
        }
    }
    checks.found
}

/// Returns the reason and the violated constraint, if a value is not allowed.
pub(super) fn violation<'a>(parameter: &Parameter<'a>, value: &str) -> Option<(String, &'a Node)> {
    let node = parameter.entry.node;
    let is_list = parameter.kind().is_some_and(|kind| kind.contains("List"));
    if let Some(allowed) = node.get("AllowedValues") {
        let texts: Vec<Cow<'_, str>> = parameter
            .allowed_values()
            .unwrap_or_default()
            .iter()
            .filter_map(Node::scalar)
            .collect();
        let fits = |value: &str| texts.iter().any(|text| text == value);
        // A list may also be allowed as a whole.
        let is_allowed = fits(value) || is_list && value.split(',').all(|it| fits(it.trim()));
        if !is_allowed {
            let reason = format!("is not one of {}", texts.join(", "));
            return Some((reason, allowed));
        }
    }
    let limit = |name: &str| {
        let node = node.get(name)?;
        Some((node.scalar()?.parse::<f64>().ok()?, node))
    };
    if parameter.kind() == Some("Number") {
        let Ok(number) = value.trim().parse::<f64>() else {
            return Some(("is not a number".to_owned(), node));
        };
        if let Some((least, node)) = limit("MinValue").filter(|(least, _)| number < *least) {
            return Some((format!("is less than {least}"), node));
        }
        if let Some((most, node)) = limit("MaxValue").filter(|(most, _)| number > *most) {
            return Some((format!("is more than {most}"), node));
        }
    }
    if parameter.kind() == Some("String") {
        let length = u32::try_from(value.chars().count()).map_or(f64::INFINITY, f64::from);
        if let Some((least, node)) = limit("MinLength").filter(|(least, _)| length < *least) {
            return Some((format!("has fewer than {least} characters"), node));
        }
        if let Some((most, node)) = limit("MaxLength").filter(|(most, _)| length > *most) {
            return Some((format!("has more than {most} characters"), node));
        }
    }
    let allowed = node.get(ALLOWED_PATTERN);
    if let Some((node, pattern)) = allowed.and_then(|node| Some((node, node.as_str()?)))
        && matches!(parameter.kind(), Some("String" | "CommaDelimitedList"))
    {
        let whole = pattern::matches(pattern, value);
        let each = || {
            value
                .split(',')
                .map(|it| pattern::matches(pattern, it.trim()))
        };
        if whole == Some(false) && !(is_list && each().all(|it| it != Some(false))) {
            return Some((format!("does not match the pattern `{pattern}`"), node));
        }
    }
    None
}

/// Checks the `Parameters` section itself.
pub(super) fn check_definitions(checks: &mut Checks<'_>) {
    let template = checks.template;
    for parameter in template.parameters() {
        let entry = parameter.entry;
        let Some(map) = entry.node.as_map() else {
            let text = format!(
                "the parameter `{}` must be a map, but is {}",
                entry.name,
                entry.node.noun()
            );
            checks.push(checks.error("wrong-shape", text, &entry.node.span));
            continue;
        };
        for (name, member) in map {
            if !ATTRIBUTES.contains(&name.as_str()) && !checks.transforms.rewrites() {
                let text = format!("a parameter has no attribute `{name}`");
                let found = checks.error("unknown-parameter-attribute", text, &member.key_span);
                checks.push(match checks.suggestion(name, ATTRIBUTES) {
                    Some(suggestion) => found.help(suggestion),
                    None => found,
                });
            }
        }
        kind(checks, &parameter);
        let Some(default) = parameter.default() else {
            continue;
        };
        let Some(value) = default.scalar() else {
            if default.intrinsic().is_none() {
                let text = format!("a default must be a string, but is {}", default.noun());
                checks.push(checks.error("wrong-shape", text, &default.span));
            }
            continue;
        };
        if let Some((reason, node)) = violation(&parameter, &value) {
            // A place is shown with its text, so a secret default must not be the place.
            let (text, span) = if parameter.no_echo() {
                (
                    format!("the default of `{}` {reason}", entry.name),
                    entry.name_span,
                )
            } else {
                (format!("the default `{value}` {reason}"), &default.span)
            };
            let mut found = checks.error("default-not-allowed", text, span);
            // Many templates have an empty default to say that the value must be given.
            if value.is_empty() && entry.node.get(ALLOWED_PATTERN) == Some(node) {
                found.severity = Severity::Warning;
            }
            checks.push(found.at(checks.place(&node.span, "declared here")));
        }
    }
}

fn kind(checks: &mut Checks<'_>, parameter: &Parameter<'_>) {
    let entry = parameter.entry;
    let Some(node) = entry.node.get("Type") else {
        let text = format!("the parameter `{}` has no `Type`", entry.name);
        return checks.push(checks.error("missing-type", text, entry.name_span));
    };
    let Some(name) = node.as_str() else {
        let text = format!(
            "the type of a parameter must be a name, but is {}",
            node.noun()
        );
        return checks.push(checks.error("invalid-parameter-type", text, &node.span));
    };
    if !is_type(name) {
        let found = if is_generic_type(name) {
            let text = format!("`{name}` is not a documented parameter type");
            checks.warning("undocumented-parameter-type", text, &node.span)
        } else {
            let text = format!("`{name}` is not a parameter type");
            checks.mistake("invalid-parameter-type", text, &node.span)
        };
        let types = ["String", "Number", "CommaDelimitedList", "List<Number>"];
        checks.push(
            match checks.suggestion(name, types.into_iter().chain(AWS_TYPES)) {
                Some(suggestion) => found.help(suggestion),
                None => found.help(
                    "use String, Number, CommaDelimitedList, List<Number>, an AWS type such as \
                 AWS::EC2::VPC::Id, a List<…> of one, or AWS::SSM::Parameter::Value<…>",
                ),
            },
        );
    }
}

/// Returns whether this is a list of something, or something from Parameter Store. CloudFormation
/// accepts more of them than it documents.
fn is_generic_type(name: &str) -> bool {
    ["List<", "AWS::SSM::Parameter::Value<"]
        .into_iter()
        .any(|start| {
            let inner = name.strip_prefix(start).and_then(|it| it.strip_suffix('>'));
            inner.is_some_and(|inner| !inner.is_empty())
        })
}

fn is_type(name: &str) -> bool {
    let inside = |prefix: &str| name.strip_prefix(prefix)?.strip_suffix('>');
    let element = |name: &str| matches!(name, "String" | "Number") || AWS_TYPES.contains(&name);
    if let Some(inner) = inside("AWS::SSM::Parameter::Value<") {
        let list = inner
            .strip_prefix("List<")
            .and_then(|inner| inner.strip_suffix('>'));
        return inner == "CommaDelimitedList" || element(list.unwrap_or(inner));
    }
    matches!(name, "CommaDelimitedList" | "AWS::SSM::Parameter::Name")
        || element(inside("List<").unwrap_or(name))
}
