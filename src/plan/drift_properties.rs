//! Drift as property changes, the form in which a plan shows properties.

use crate::cloudformation::change_set::{Change, Detail};
use crate::cloudformation::drift::{Difference, ResourceDrift};
use crate::plan::PropertyChange;
use crate::plan::model::Model;
use crate::plan::property;
use crate::template::json;
use crate::template::node::{Map, Member, Node, Value};

/// Returns the drifted properties of a resource as property changes. `before` is the deployed value
/// and `after` the live one. List elements are matched by key, and JSON inside strings is compared as
/// JSON.
pub fn properties(drift: &ResourceDrift) -> Vec<PropertyChange> {
    named_by(drift, &drift.differences)
}

/// Returns one difference of a resource as property changes.
pub fn properties_of(drift: &ResourceDrift, difference: &Difference) -> Vec<PropertyChange> {
    named_by(drift, std::slice::from_ref(difference))
}

fn named_by(drift: &ResourceDrift, differences: &[Difference]) -> Vec<PropertyChange> {
    let details = differences.iter().map(|difference| Detail {
        path: Some(format!("/Properties{}", difference.path)),
        before: difference.expected.clone(),
        after: difference.actual.clone(),
        ..Detail::default()
    });
    let change = Change {
        details: details.collect(),
        ..Change::default()
    };
    let side = |text: &Option<String>| Some(resource(json::value(text.as_deref()?)?));
    let model = Model {
        before: side(&drift.expected),
        after: side(&drift.actual),
        from_service: true,
        ..Model::default()
    };
    property::named_changes(&change, &model)
}

/// Returns a resource with these properties.
fn resource(properties: Node) -> Node {
    let member = Member {
        key_span: 0..0,
        node: properties,
    };
    Node {
        span: 0..0,
        value: Value::Map(Map::from([("Properties".to_owned(), member)])),
    }
}

#[cfg(test)]
mod tests {
    use super::properties;
    use crate::cloudformation::drift::{Difference, DriftStatus, ResourceDrift};
    use crate::plan::Content;

    #[test]
    fn only_properties_that_the_service_names_are_returned() {
        let mut one = ResourceDrift {
            logical_id: "Queue".to_owned(),
            physical_id: None,
            resource_type: "T".to_owned(),
            status: DriftStatus::Modified,
            reason: None,
            expected: None,
            actual: None,
            differences: Vec::new(),
            checked: None,
        };
        // The order of a set differs too, and the service does not count that as drift.
        one.expected = Some(
            r#"{"Tags":[{"Key":"a","Value":"1"},{"Key":"b","Value":"2"}],"Set":["x","y"],
                "Policy":"{\"Max\":3,\"Other\":1}"}"#
                .to_owned(),
        );
        one.actual = Some(
            r#"{"Tags":[{"Key":"b","Value":"3"},{"Key":"c","Value":"4"}],"Set":["y","x"],
                "Policy":"{\"Max\":5,\"Other\":1}"}"#
                .to_owned(),
        );
        let text = |value: &str| Some(value.to_owned());
        one.differences = vec![
            Difference::new("/Tags/0", "REMOVE", text(r#"{"Key":"a"}"#), text("null")),
            Difference::new("/Tags/1/Value", "NOT_EQUAL", text("2"), text("3")),
            Difference::new("/Tags/1", "ADD", text("null"), text(r#"{"Key":"c"}"#)),
            Difference::new("/Policy", "NOT_EQUAL", text("{}"), text("{}")),
            Difference::new("/Other/Name", "NOT_EQUAL", text("old"), text("null")),
        ];
        let shown: Vec<String> = properties(&one)
            .iter()
            .map(|property| {
                let side = |content: &Option<Content>| {
                    let content = content.as_ref().map(Content::text);
                    content.unwrap_or("-").to_owned()
                };
                format!(
                    "{}: {} {}",
                    property.path,
                    side(&property.before),
                    side(&property.after)
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "Tags.a: 1 -",
                "Tags.b: 2 3",
                "Tags.c: - 4",
                "Policy.Max: 3 5",
                "Other.Name: old null",
            ]
        );
    }
}
