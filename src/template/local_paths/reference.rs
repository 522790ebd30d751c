//! What stands in the place of a local path in the template that is sent: a reference to S3, in a form
//! that YAML and JSON read alike.

use std::ops::Range;

use serde_json::{Value as Json, json};

use super::table::Shape;
use crate::template::STACK_TYPE;
use crate::template::edits::Edit;
use crate::template::node::{Node, Value};
use crate::template::render::DEFAULT_BUCKET;

/// The artifact bucket in a template: the manifest's, or the default bucket as a function, so that the
/// template is the same in every account.
#[derive(Debug, Clone, Copy)]
pub struct Bucket<'a>(pub Option<&'a str>);

impl Bucket<'_> {
    fn name(&self) -> Json {
        match self.0 {
            Some(bucket) => json!(bucket),
            None => json!({ "Fn::Sub": DEFAULT_BUCKET }),
        }
    }

    fn url(&self, key: &str) -> Json {
        match self.0 {
            Some(bucket) => json!(format!("s3://{bucket}/{key}")),
            None => json!({ "Fn::Sub": format!("s3://{DEFAULT_BUCKET}/{key}") }),
        }
    }

    /// Returns the URL by which CloudFormation reads a template, in the form that is valid for every
    /// bucket: a bucket with a dot in its name has no certificate of its own.
    fn https(&self, key: &str) -> Json {
        let bucket = self.0.unwrap_or(DEFAULT_BUCKET);
        let url = format!("https://s3.${{AWS::Region}}.${{AWS::URLSuffix}}/{bucket}/{key}");
        json!({ "Fn::Sub": url })
    }
}

/// Returns the text that refers to the object `key` in the artifact bucket; `None` if the property
/// accepts only a plain text and the bucket's name is not known.
pub fn text(shape: Shape, bucket: Bucket<'_>, key: &str) -> Option<String> {
    let value = match shape {
        Shape::BucketKey => json!({ "Bucket": bucket.name(), "Key": key }),
        Shape::S3BucketS3Key => json!({ "S3Bucket": bucket.name(), "S3Key": key }),
        Shape::Url => bucket.url(key),
        Shape::PlainUrl => {
            bucket.0?;
            bucket.url(key)
        }
        Shape::Https | Shape::Application => bucket.https(key),
    };
    Some(flow(&value))
}

/// Writes a value in flow style with a space behind each colon and comma, which YAML needs.
fn flow(value: &Json) -> String {
    match value {
        Json::Object(members) => {
            let members = members
                .iter()
                .map(|(key, value)| format!("{}: {}", Json::from(key.as_str()), flow(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(", "))
        }
        Json::Array(list) => {
            let list: Vec<String> = list.iter().map(flow).collect();
            format!("[{}]", list.join(", "))
        }
        scalar => scalar.to_string(),
    }
}

/// The places of an `AWS::Serverless::Application` that change if it is written as the nested stack
/// that the transform makes of it.
#[derive(Debug, Clone)]
pub struct Application {
    kind: Range<usize>,
    location: Range<usize>,
    tags: Option<Edit>,
}

impl Application {
    /// Returns the places in a resource.
    pub(super) fn of(resource: &Node) -> Option<Self> {
        let properties = resource.get("Properties")?.as_map()?;
        let tags = properties.get("Tags").and_then(|member| {
            let tags = member.node.as_map()?;
            let list = tags
                .iter()
                .map(|(key, tag)| json!({ "Key": key, "Value": json_of(&tag.node) }));
            Some(Edit {
                range: member.node.span.clone(),
                text: flow(&list.collect()),
            })
        });
        Some(Self {
            kind: resource.get("Type")?.span.clone(),
            location: properties.get("Location")?.key_span.clone(),
            tags,
        })
    }

    /// Returns the edits, besides that of the path.
    pub fn edits(&self) -> Vec<Edit> {
        let edit = |range: &Range<usize>, text: &str| Edit {
            range: range.clone(),
            text: flow(&json!(text)),
        };
        let mut edits = vec![
            edit(&self.kind, STACK_TYPE),
            edit(&self.location, "TemplateURL"),
        ];
        edits.extend(self.tags.clone());
        edits
    }
}

/// Returns a value of a template as JSON, its functions in their long form.
fn json_of(node: &Node) -> Json {
    match &node.value {
        Value::Null => Json::Null,
        Value::Bool(value) => Json::Bool(*value),
        Value::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Value::Plain(text) | Value::String(text) => json!(text),
        Value::List(list) => list.iter().map(json_of).collect(),
        Value::Map(map) => {
            let members = map.iter().map(|(key, it)| (key.clone(), json_of(&it.node)));
            Json::Object(members.collect())
        }
    }
}
