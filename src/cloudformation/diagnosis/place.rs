//! Finds the place of a cause in the template: the resource, and the property in the reason.

use std::ops::Range;

use super::{Advice, advice, reason_of};
use crate::cloudformation::event::Event;
use crate::diagnostic::Diagnostic;
use crate::template::node::{Node, Value};
use crate::template::{Resource, Template};

/// The minimum length, in bytes, of a text that is searched for in a reason. Shorter texts may occur by
/// chance.
const MIN_LENGTH: usize = 5;

/// Returns a failure at its place in the template of its stack; `None` if the template does not have the
/// resource.
pub fn diagnostic(failed: &Event, template: &Template) -> Option<Diagnostic> {
    let resource = template.resource(&failed.logical_id)?;
    let span = property(failed, &resource).unwrap_or_else(|| resource.entry.name_span.clone());
    Some(at(template, failed, span))
}

/// Returns a failure inside a nested stack at the nested stack's resource in the root template. It is
/// for nested stacks whose template is not known.
pub fn diagnostic_outside(failed: &Event, template: &Template) -> Option<Diagnostic> {
    let resource = template.resource(failed.nested_in.first()?)?;
    Some(at(template, failed, resource.entry.name_span.clone()))
}

fn at(template: &Template, failed: &Event, span: Range<usize>) -> Diagnostic {
    let message = format!("`{}`: {}", failed.path(), reason_of(failed));
    Diagnostic::error("deployment-failed", message, template.place(span))
}

/// Returns the byte range of the property in the reason: a property that the reason names by its path,
/// a value that it quotes, a property that it names by a word, or the usual property for this kind of
/// failure.
fn property(failed: &Event, resource: &Resource<'_>) -> Option<Range<usize>> {
    let properties = resource.properties()?;
    let reason = failed.reason.as_deref().unwrap_or_default();
    let advice = advice(failed);
    let usual = advice.iter().flat_map(Advice::properties);
    by_path(properties, reason)
        .or_else(|| by_value(properties, reason))
        .or_else(|| by_word(properties, reason))
        .or_else(|| {
            let mut usual = usual;
            usual.find_map(|path| walk(properties, path.split('/')))
        })
        .or_else(|| {
            let is_name = advice.is_some_and(|advice| advice.category() == "already-exists");
            let name = name_property(resource.kind()?);
            is_name.then(|| walk(properties, [name.as_str()])).flatten()
        })
}

/// Returns the place of a path such as `#/Code/S3Key` or `/properties/LogGroupName` in the reason.
fn by_path(properties: &Node, reason: &str) -> Option<Range<usize>> {
    let is_end = |character: char| character.is_whitespace() || "\"'`,;:)]}".contains(character);
    reason.match_indices('/').find_map(|(start, _)| {
        let path = reason.get(start + 1..)?;
        let path = &path[..path.find(is_end).unwrap_or(path.len())];
        let path = path.trim_end_matches('.');
        let path = path
            .split_once("Properties/")
            .or_else(|| path.split_once("properties/"))
            .map_or(path, |(_, path)| path);
        walk(properties, path.split('/'))
    })
}

/// Returns the place of the longest text among the values that the reason quotes.
fn by_value(node: &Node, reason: &str) -> Option<Range<usize>> {
    let mut longest: Option<(&str, Range<usize>)> = None;
    each_text(node, &mut |text, span| {
        let longer = longest
            .as_ref()
            .is_none_or(|(longest, _)| text.len() > longest.len());
        if text.len() >= MIN_LENGTH && longer && has_word(reason, text) {
            longest = Some((text, span.clone()));
        }
    });
    longest.map(|(_, span)| span)
}

fn each_text<'a>(node: &'a Node, found: &mut impl FnMut(&'a str, &Range<usize>)) {
    match &node.value {
        Value::List(list) => list.iter().for_each(|node| each_text(node, found)),
        Value::Map(map) => {
            // The arguments of a function are names in the template, which a reason does not contain.
            if node.intrinsic().is_none() {
                map.values()
                    .for_each(|member| each_text(&member.node, found));
            }
        }
        _ => {
            if let Some(text) = node.as_str() {
                found(text, &node.span);
            }
        }
    }
}

/// Returns the place of the first property of the resource that the reason names.
fn by_word(properties: &Node, reason: &str) -> Option<Range<usize>> {
    let mut named = properties.as_map()?.keys();
    let name = named.find(|name| name.len() >= MIN_LENGTH && has_word(reason, name))?;
    walk(properties, [name.as_str()])
}

/// Returns the property with the name of a resource of this type, by AWS's naming convention.
fn name_property(kind: &str) -> String {
    match kind {
        "AWS::EC2::SecurityGroup" => "GroupName".to_owned(),
        kind => format!("{}Name", kind.rsplit("::").next().unwrap_or_default()),
    }
}

/// Returns the place of a path: the value if it is a scalar, otherwise the key.
fn walk<'p>(properties: &Node, path: impl IntoIterator<Item = &'p str>) -> Option<Range<usize>> {
    let mut node = properties;
    let mut span = None;
    for part in path {
        let (next, key) = match &node.value {
            Value::Map(map) => {
                let member = map.get(part)?;
                (&member.node, Some(&member.key_span))
            }
            Value::List(list) => (list.get(part.parse::<usize>().ok()?)?, None),
            _ => break,
        };
        node = next;
        // For a scalar, the value is better than the key: it may be from the manifest.
        span = match (&next.value, key) {
            (Value::Map(_) | Value::List(_), Some(key)) => Some(key.clone()),
            _ => Some(next.span.clone()),
        };
    }
    span
}

/// Returns whether a text contains a word that is not part of a longer one.
fn has_word(text: &str, word: &str) -> bool {
    let inside = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(start, _)| {
        let before = text[..start].chars().next_back();
        let after = text[start + word.len()..].chars().next();
        !before.is_some_and(inside) && !after.is_some_and(inside)
    })
}

#[cfg(test)]
mod tests {
    use super::{Event, Template, diagnostic, diagnostic_outside};
    use crate::cloudformation::status::ResourceStatus;
    use crate::diagnostic::SourceFile;

    const TEMPLATE: &str = "Resources:\n\
        \x20 Data:\n\
        \x20   Type: AWS::S3::Bucket\n\
        \x20   Properties:\n\
        \x20     BucketName: !Sub \"${AWS::AccountId}-data\"\n\
        \x20     Tags:\n\
        \x20       - { Key: owner, Value: the-owners-name }\n\
        \x20 Handler:\n\
        \x20   Type: AWS::Lambda::Function\n\
        \x20   Properties:\n\
        \x20     Runtime: python3.6\n\
        \x20     Code: { S3Bucket: artifacts, S3Key: demo.zip }\n\
        \x20 Network:\n\
        \x20   Type: AWS::CloudFormation::Stack\n";

    /// Returns the text at the place of a failure.
    fn pointed_at(logical_id: &str, kind: &str, nested_in: &[&str], reason: &str) -> String {
        let source = SourceFile::new("t.yaml", TEMPLATE);
        let template = Template::parse(&source).unwrap_or_else(|found| panic!("{found:?}"));
        let failed = Event {
            stack_id: "arn".to_owned(),
            nested_in: nested_in.iter().map(ToString::to_string).collect(),
            logical_id: logical_id.to_owned(),
            resource_type: kind.to_owned(),
            status: ResourceStatus::from_wire("CREATE_FAILED"),
            reason: Some(reason.to_owned()),
            ..Event::default()
        };
        let found = if nested_in.is_empty() {
            diagnostic(&failed, &template)
        } else {
            diagnostic_outside(&failed, &template)
        };
        found.map_or_else(String::new, |found| {
            TEMPLATE[found.places[0].span.clone()].to_owned()
        })
    }

    #[test]
    fn the_place_is_the_property_in_the_reason() {
        let (bucket, function) = ("AWS::S3::Bucket", "AWS::Lambda::Function");
        let cases = [
            ("Data", bucket, "12-data already exists", "BucketName"),
            (
                "Data",
                bucket,
                "bad tag the-owners-name!",
                "the-owners-name",
            ),
            (
                "Data",
                bucket,
                "#/Tags/0/Value: too long",
                "the-owners-name",
            ),
            (
                "Data",
                bucket,
                "identifier '{\"/properties/BucketName\":\"x\"}'",
                "BucketName",
            ),
            (
                "Data",
                bucket,
                "is taken (/Resources/Data/Properties/BucketName)",
                "BucketName",
            ),
            ("Data", bucket, "AWS says no", "Data"),
            (
                "Handler",
                function,
                "The runtime parameter of python3.6 is no longer",
                "python3.6",
            ),
            ("Handler", function, "S3 Error Code: NoSuchKey", "demo.zip"),
            ("Handler", function, "Runtime is wrong", "python3.6"),
            ("Other", function, "Runtime is wrong", ""),
        ];
        for (logical_id, kind, reason, expected) in cases {
            let pointed = pointed_at(logical_id, kind, &[], reason);
            assert!(
                pointed.starts_with(expected) && pointed.is_empty() == expected.is_empty(),
                "{reason}: {pointed}"
            );
        }
        assert_eq!(
            pointed_at("Vpc", "AWS::EC2::VPC", &["Network", "Inner"], "no"),
            "Network"
        );
    }
}
