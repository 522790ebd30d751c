//! Findings of CloudFormation's checks of a change set.
//!
//! Early validation and hooks check a change set while it is created: a name that is taken, a bucket
//! that is not empty, a property of the wrong type. The reason of the change set is only "validation
//! failed"; the findings are events of its operation. Each finding names a resource and a path in the
//! template, so that it can be printed with the lines of the template.

use std::ops::Range;

use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Place};
use crate::template::Template;
use crate::template::node::{Node, Value};
use crate::template::pointer;

/// A finding of one check about one resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validation {
    /// The check's name, such as `NAME_CONFLICT_VALIDATION`, or the hook's type.
    pub name: String,
    /// Whether the finding makes the change set fail: `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// The status of the check, such as `FAILED` or `SKIPPED`.
    pub status: Option<String>,
    /// The problem.
    pub reason: Option<String>,
    /// The logical id of the resource.
    pub logical_id: Option<String>,
    /// The physical id of the resource.
    pub physical_id: Option<String>,
    /// The type of the resource.
    pub resource_type: Option<String>,
    /// The path in the template, such as `/Resources/Bucket/Properties/BucketName`.
    pub path: Option<String>,
    /// The time of the check.
    pub time: Option<Timestamp>,
}

/// A finding with its location in the user's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedValidation {
    /// The finding.
    pub validation: Validation,
    /// The logical ids of the nested stacks that lead to it; empty for the stack itself.
    pub nested_in: Vec<String>,
    /// The places in the template and the manifest; empty if it is in another template.
    pub places: Vec<Place>,
}

impl Validation {
    /// Returns whether the finding makes the change set fail.
    ///
    /// Only the mode is reliable: the names of the checks differ between the documentation and the
    /// responses.
    pub fn is_fatal(&self) -> bool {
        self.failure_mode.as_deref() != Some("WARN")
    }

    /// Returns the problem, on one line.
    pub fn message(&self) -> String {
        let reason = self
            .reason
            .as_deref()
            .unwrap_or("the service gave no reason");
        match &self.logical_id {
            Some(id) => format!("`{id}`: {reason} ({})", self.name),
            None => format!("{reason} ({})", self.name),
        }
    }

    /// Returns the finding at its place in the change set's template; `None` if the template does not
    /// have the resource.
    pub fn diagnostic(&self, template: &Template) -> Option<Diagnostic> {
        let place = Place {
            source: template.source().clone(),
            span: self.span(template)?,
            label: String::new(),
        };
        let finding = if self.is_fatal() {
            Diagnostic::error
        } else {
            Diagnostic::warning
        };
        Some(finding("service-check", self.message(), place))
    }

    /// Returns the byte range of the deepest part of the template on the path.
    fn span(&self, template: &Template) -> Option<Range<usize>> {
        let path = self.path.as_deref().unwrap_or_default();
        let mut parts = pointer::steps(path).into_iter().peekable();
        let id = if parts.next_if(|part| part == "Resources").is_some() {
            parts.next()
        } else {
            self.logical_id.clone()
        };
        let resource = template.resource(&id?)?;
        let mut span = resource.entry.name_span.clone();
        let mut node = resource.entry.node;
        for part in parts {
            let Some((next, key)) = step(node, &part) else {
                break;
            };
            node = next;
            // For a scalar, the value is better than the key: it may be from the manifest.
            span = match (&next.value, key) {
                (Value::Map(_) | Value::List(_), Some(key)) => key,
                _ => next.span.clone(),
            };
        }
        Some(span)
    }
}

/// Returns a part of a node, with the byte range of its key if it has one.
fn step<'a>(node: &'a Node, part: &str) -> Option<(&'a Node, Option<Range<usize>>)> {
    match &node.value {
        Value::Map(map) => {
            let member = map.get(part)?;
            Some((&member.node, Some(member.key_span.clone())))
        }
        Value::List(list) => Some((list.get(part.parse::<usize>().ok()?)?, None)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::Validation;
    use crate::diagnostic::{Severity, SourceFile};
    use crate::template::Template;

    const TEMPLATE: &str = "\
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      BucketName: taken
      Tags:
        - Key: a/b
          Value: c
";

    /// Returns the text at the place of a finding.
    fn pointed_at(logical_id: &str, path: &str) -> Option<&'static str> {
        let template = Template::parse(&SourceFile::new("stack.yaml", TEMPLATE)).ok()?;
        let validation = Validation {
            logical_id: Some(logical_id.to_owned()),
            path: Some(path.to_owned()),
            ..Validation::default()
        };
        let diagnostic = validation.diagnostic(&template)?;
        TEMPLATE.get(diagnostic.places.first()?.span.clone())
    }

    #[test]
    fn a_path_selects_the_deepest_part_of_the_template() {
        for (path, expected) in [
            ("/Resources/Bucket/Properties/BucketName", "taken"),
            ("/Properties/BucketName", "taken"),
            ("/Resources/Bucket/Properties/Tags", "Tags"),
            ("/Resources/Bucket/Properties/Tags/0/Key", "a/b"),
            ("/Resources/Bucket/Properties/Missing/7", "Properties"),
            ("/Resources/Bucket/Properties/BucketName/7", "taken"),
            ("/Resources/Bucket", "Bucket"),
            ("", "Bucket"),
        ] {
            assert_eq!(pointed_at("Bucket", path), Some(expected), "{path}");
        }
        assert_eq!(pointed_at("Other", ""), None);
        assert_eq!(pointed_at("Bucket", "/Resources/Other/Properties"), None);
    }

    #[test]
    fn only_the_mode_decides_whether_a_finding_is_an_error() {
        let mut validation = Validation {
            logical_id: Some("Bucket".to_owned()),
            ..Validation::default()
        };
        let template = Template::parse(&SourceFile::new("stack.yaml", TEMPLATE));
        let template = template.unwrap_or_else(|found| panic!("{found:?}"));
        for (mode, severity) in [
            (Some("FAIL"), Severity::Error),
            (Some("WARN"), Severity::Warning),
            (Some("NEW_MODE"), Severity::Error),
            (None, Severity::Error),
        ] {
            validation.failure_mode = mode.map(str::to_owned);
            let found = validation.diagnostic(&template).map(|it| it.severity);
            assert_eq!(found, Some(severity), "{mode:?}");
        }
    }
}
