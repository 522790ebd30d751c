//! The deployed, live, and desired values as a Markdown table, with what `apply` does about each.
//!
//! A cell contains one short line. Longer values and values of several lines are below the table, as a
//! diff from deployed to live.

use super::page::{CONTEXT, Page, details, escaped, fenced, push_value};
use crate::cloudformation::drift::{Drift, DriftStatus, ResourceDrift};
use crate::plan::comparison::live::{DriftEffect, LiveProperty, LiveResource};
use crate::plan::{Content, drift_properties};
use crate::present::human::drift::summary;
use crate::present::human::live::{of_deleted, of_property};

/// The highest number of characters of a value in a cell.
const CELL: usize = 60;

const BELOW: &str = "see below";

/// Adds the drifted resources, one foldable section each.
pub(super) fn push(page: &mut Page, drift: &Drift, resources: &[LiveResource<'_>]) {
    page.push(&format!("\n<b>{}</b>\n", summary(drift.summary())), "");
    for resource in resources {
        let title = title(resource);
        let alone = format!("\n{title}\n");
        if resource.properties.is_empty() {
            page.push(&alone, "");
        } else {
            let block = details(&title, &properties(&resource.properties), true);
            page.push(&block, &alone);
        }
    }
    for (path, resource) in drift.drifted_inside() {
        let title = heading(&path, resource, "");
        let alone = format!("\n{title}\n");
        let mut lines = Vec::new();
        for property in drift_properties::properties(resource) {
            let sides = [&property.before, &property.after];
            let [deployed, live] = sides.map(|value| value.as_ref().map(Content::text));
            push_value(&mut lines, &property.path, deployed, live, CONTEXT);
        }
        if lines.is_empty() {
            page.push(&alone, "");
        } else {
            page.push(&details(&title, &fenced(&lines), true), &alone);
        }
    }
}

fn title(resource: &LiveResource<'_>) -> String {
    let effect = resource.effect.map_or(String::new(), |effect| {
        format!("; <code>apply</code> {}", escaped(of_deleted(effect)))
    });
    heading(&resource.drift.logical_id, resource.drift, &effect)
}

fn heading(name: &str, drift: &ResourceDrift, effect: &str) -> String {
    let (sign, words) = match drift.status {
        DriftStatus::Deleted => ("-", " is deleted"),
        _ => ("&#126;", ""),
    };
    format!(
        "<code>{sign}</code> <b>{}</b> {}{words}{effect}",
        escaped(name),
        escaped(&drift.resource_type)
    )
}

fn properties(properties: &[LiveProperty]) -> String {
    let mut text = "| property | deployed | live | desired | <code>apply</code> |\n\
        | --- | --- | --- | --- | --- |\n"
        .to_owned();
    let mut lines = Vec::new();
    for property in properties {
        let values = [&property.deployed, &property.live, &property.desired];
        let [deployed, live, desired] = values.map(|value| value.as_ref().map(Content::text));
        text.push_str(&format!(
            "| <code>{}</code> | {} | {} | {} | {} |\n",
            escaped(&property.path),
            cell(deployed),
            cell(live),
            cell(desired),
            escaped(&effect(property))
        ));
        if [deployed, live].into_iter().flatten().any(is_long) {
            push_value(&mut lines, &property.path, deployed, live, CONTEXT);
        }
        // With any other effect, the desired value is the deployed or the live one.
        let is_third_value =
            property.effect == DriftEffect::Overwritten || property.effect == DriftEffect::Replaced;
        if is_third_value && desired != deployed && desired.is_some_and(is_long) {
            let name = format!("{} (live, then desired)", property.path);
            push_value(&mut lines, &name, live, desired, CONTEXT);
        }
    }
    if !lines.is_empty() {
        text.push('\n');
        text.push_str(&fenced(&lines));
    }
    text
}

/// Returns what `apply` does, without the desired value, which the table already shows.
fn effect(property: &LiveProperty) -> String {
    match (property.effect, &property.desired) {
        (DriftEffect::Overwritten, Some(_)) => "sets the desired value".to_owned(),
        _ => of_property(property),
    }
}

fn cell(value: Option<&str>) -> String {
    match value {
        None => String::new(),
        Some(value) if is_long(value) => BELOW.to_owned(),
        Some(value) => format!("<code>{}</code>", escaped(value)),
    }
}

fn is_long(value: &str) -> bool {
    value.contains('\n') || value.chars().count() > CELL
}

#[cfg(test)]
mod tests {
    use super::{Page, push};
    use crate::cloudformation::drift::{Detection, Drift, DriftStatus, ResourceDrift};
    use crate::plan::Content;
    use crate::plan::comparison::live::{DriftEffect, LiveProperty, LiveResource};

    fn resource(name: &str, status: DriftStatus) -> ResourceDrift {
        ResourceDrift {
            logical_id: name.to_owned(),
            physical_id: None,
            resource_type: "AWS::SQS::Queue".to_owned(),
            status,
            reason: None,
            expected: None,
            actual: None,
            differences: Vec::new(),
            checked: None,
        }
    }

    fn property(
        path: &str,
        [deployed, live, desired]: [&str; 3],
        effect: DriftEffect,
    ) -> LiveProperty {
        let value = |text: &str| (text != "-").then(|| Content::Scalar(text.to_owned()));
        LiveProperty {
            path: path.to_owned(),
            deployed: value(deployed),
            live: value(live),
            desired: value(desired),
            effect,
        }
    }

    #[test]
    fn the_table_has_all_three_values_and_no_value_breaks_it() {
        let drift = Drift {
            detection: Detection::default(),
            resources: vec![
                resource("Queue", DriftStatus::Modified),
                resource("Gone", DriftStatus::Deleted),
            ],
            unchecked: Vec::new(),
            nested: Vec::new(),
        };
        let long = "one\n```\n|two|\n</details>";
        let properties = vec![
            property("Delay", ["1", "2", "1"], DriftEffect::Stays),
            property("Size", ["1", "2", "3"], DriftEffect::Overwritten),
            property(
                "Tags.a|b",
                ["-", "<b>x|`y`</b>", "-"],
                DriftEffect::MayBeReset,
            ),
            property("Script", ["one", long, "one"], DriftEffect::Stays),
            property("Policy", ["a\nb", "a\nc", "a\nd"], DriftEffect::Overwritten),
        ];
        let resources = [
            LiveResource {
                drift: &drift.resources[0],
                effect: None,
                properties,
            },
            LiveResource {
                drift: &drift.resources[1],
                effect: Some(DriftEffect::Stays),
                properties: Vec::new(),
            },
        ];
        let mut page = Page::new(String::new());
        push(&mut page, &drift, &resources);
        insta::assert_snapshot!(page.text, @r"
        <b>Drift: 1 modified, 1 deleted, 0 in sync, 0 not checked.</b>

        <details open><summary><code>&#126;</code> <b>Queue</b> AWS::SQS::Queue</summary>

        | property | deployed | live | desired | <code>apply</code> |
        | --- | --- | --- | --- | --- |
        | <code>Delay</code> | <code>1</code> | <code>2</code> | <code>1</code> | keeps the live value: the files have not changed it |
        | <code>Size</code> | <code>1</code> | <code>2</code> | <code>3</code> | sets the desired value |
        | <code>Tags.a&#124;b</code> |  | <code>&#60;b&#62;x&#124;&#96;y&#96;&#60;/b&#62;</code> |  | may reset it: the resource changes for another reason |
        | <code>Script</code> | <code>one</code> | see below | <code>one</code> | keeps the live value: the files have not changed it |
        | <code>Policy</code> | see below | see below | see below | sets the desired value |

        ````diff
          Script:
        -   one
        +   one
        +   ```
        +   |two|
        +   </details>
          Policy:
            a
        -   b
        +   c
          Policy (live, then desired):
            a
        -   c
        +   d
        ````

        </details>

        <code>-</code> <b>Gone</b> AWS::SQS::Queue is deleted; <code>apply</code> does not recreate it: the files have not changed it
        ");
    }
}
