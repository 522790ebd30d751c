//! What the service's own checks of a change set found.
//!
//! Early validation and hooks look at a change set while it is made: a name that is taken, a bucket
//! that is not empty, a property of the wrong type. The change set itself says no more than that
//! "validation failed"; the findings are events of its own operation. Each names a resource and a
//! path in the template, so that it can be shown where the user can do something about it.

use std::ops::Range;

use jiff::Timestamp;

use crate::diagnostic::{Diagnostic, Place};
use crate::template::Template;
use crate::template::node::{Node, Value};
use crate::template::pointer;

/// What one check found about one resource.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validation {
    /// The check's name, such as `NAME_CONFLICT_VALIDATION`, or the hook's type.
    pub name: String,
    /// Whether it keeps the change set from being made: `FAIL` or `WARN`.
    pub failure_mode: Option<String>,
    /// How it ended, such as `FAILED` or `SKIPPED`.
    pub status: Option<String>,
    /// What is wrong.
    pub reason: Option<String>,
    /// The resource in the template.
    pub logical_id: Option<String>,
    /// The resource in the world.
    pub physical_id: Option<String>,
    /// The resource's type.
    pub resource_type: Option<String>,
    /// The place in the template, such as `/Resources/Bucket/Properties/BucketName`.
    pub path: Option<String>,
    /// When it was found.
    pub time: Option<Timestamp>,
}

/// A finding of the service with where it stands in the user's files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocatedValidation {
    /// The finding.
    pub validation: Validation,
    /// The logical ids of the nested stacks that lead to it; none for the stack itself.
    pub nested_in: Vec<String>,
    /// The place in the template and the manifest; none where it is in another template.
    pub places: Vec<Place>,
}

impl Validation {
    /// Returns whether it keeps the change set from being made.
    ///
    /// Only the mode says so: the names of the checks differ between what is documented and sent.
    pub fn is_fatal(&self) -> bool {
        self.failure_mode.as_deref() != Some("WARN")
    }

    /// Returns what is wrong, on one line.
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

    /// Returns the finding at its place in the template that the change set was made from; `None`
    /// where the template has no such resource.
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

    /// Returns the bytes of the deepest part of the template that the path leads to.
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
            // A scalar says more than its key: the manifest may hold what stands there.
            span = match (&next.value, key) {
                (Value::Map(_) | Value::List(_), Some(key)) => key,
                _ => next.span.clone(),
            };
        }
        Some(span)
    }
}

/// Returns a part of a node with the place of its key, where it has one.
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

    /// Returns the text that the finding points at.
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
    fn a_path_leads_to_the_deepest_part_that_the_template_has() {
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
    fn the_mode_alone_decides_whether_it_is_an_error() {
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
