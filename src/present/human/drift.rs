//! Drift for people, with the signs of a plan: the deployed value is before, the live value after.

use indexmap::IndexMap;

use super::value;
use crate::cloudformation::drift::{Drift, DriftStatus, DriftSummary, ResourceDrift};
use crate::plan::PropertyChange;
use crate::plan::drift_properties::properties;
use crate::present::style::{BOLD, CHANGE, DIM, REMOVE, WARNING};
use crate::present::visible::one_line;
use crate::present::wrap;
use crate::template::STACK_TYPE;

/// The indentation of the resources of a nested stack.
const INDENT: &str = "    ";

/// Returns the drift of a stack. If `verbose`, the text names the resources that were not checked.
pub fn drift(stack: &str, drift: &Drift, verbose: bool, width: usize) -> String {
    let inside = if drift.is_drifted_inside() {
        ", nested stacks DRIFTED"
    } else {
        ""
    };
    let status = drift.stack_status();
    let mut text = format!("{BOLD}{stack}{BOLD:#}  {status}{inside}\n");
    if drift.is_drifted() {
        text.push_str(&format!("  {DIM}deployed → live{DIM:#}\n"));
    }
    let is_shown = |resource: &ResourceDrift| resource.status != DriftStatus::InSync;
    push_resources(&mut text, drift, is_shown, "\n", width);
    push_unchecked(&mut text, drift, verbose, width);
    text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", summary(drift.summary())));
    text
}

/// Returns the drifted resources, and how many resources have each status.
pub fn drifted_resources(drift: &Drift, width: usize) -> String {
    let mut text = String::new();
    if drift.is_drifted() {
        let sides = "deployed → live";
        text.push_str(&format!("\n{BOLD}Drift{BOLD:#}  {DIM}{sides}{DIM:#}\n"));
    }
    let is_shown = |resource: &ResourceDrift| resource.status.is_drifted();
    push_resources(&mut text, drift, is_shown, "", width);
    text.push_str(&format!("\n{BOLD}{}{BOLD:#}\n", summary(drift.summary())));
    text
}

/// Adds the resources of a stack, and those of its nested stacks below their parents. `space` is before
/// each.
fn push_resources(
    text: &mut String,
    drift: &Drift,
    is_shown: fn(&ResourceDrift) -> bool,
    space: &str,
    width: usize,
) {
    for resource in drift.resources.iter().filter(|it| is_shown(it)) {
        text.push_str(space);
        text.push_str(&heading(resource));
        for property in properties(resource) {
            push_property(text, &property, "", width);
        }
    }
    push_nested(text, drift, is_shown, space, width);
}

/// Adds the resources of the nested stacks below their parents. `space` is before each.
pub(super) fn push_nested(
    text: &mut String,
    drift: &Drift,
    is_shown: fn(&ResourceDrift) -> bool,
    space: &str,
    width: usize,
) {
    for nested in &drift.nested {
        let mut inner = String::new();
        let status = match &nested.drift {
            Ok(drift) => {
                let width = width.saturating_sub(INDENT.len());
                push_resources(&mut inner, drift, is_shown, space, width);
                if inner.is_empty() {
                    continue;
                }
                if drift.is_drifted() {
                    DriftStatus::Modified
                } else {
                    DriftStatus::Unknown
                }
            }
            Err(_) => DriftStatus::Unknown,
        };
        text.push_str(space);
        text.push_str(&heading(&ResourceDrift {
            logical_id: nested.logical_id.clone(),
            physical_id: None,
            resource_type: STACK_TYPE.to_owned(),
            status,
            reason: nested.drift.as_ref().err().cloned(),
            expected: None,
            actual: None,
            differences: Vec::new(),
            checked: None,
        }));
        for line in inner.lines() {
            let indent = if line.is_empty() { "" } else { INDENT };
            text.push_str(&format!("{indent}{line}\n"));
        }
    }
}

/// Adds the resources that were not checked, by their types. Those of nested stacks are named with their
/// path below `path`.
fn collect_unchecked<'d>(drift: &'d Drift, path: &str, types: &mut IndexMap<&'d str, Vec<String>>) {
    for resource in &drift.unchecked {
        let names = types.entry(&resource.resource_type).or_default();
        names.push(format!("{path}{}", resource.logical_id));
    }
    for (name, drift) in drift.inside() {
        collect_unchecked(drift, &format!("{path}{name}."), types);
    }
}

/// Returns how to revert the drift of resources for which CloudFormation cannot, or an empty text if
/// there are none. `apply` is the command line that deploys the files.
pub fn manual_steps(resources: &[ResourceDrift], apply: &str, width: usize) -> String {
    let mut text = String::new();
    for drift in resources {
        if text.is_empty() {
            text.push_str("\nTo revert manually, because CloudFormation does not revert it:\n");
        }
        text.push_str(&heading(drift));
        let steps = if drift.status == DriftStatus::Deleted {
            format!(
                "remove it and everything that refers to it from the template, run `{apply}`, restore \
                 the template, and run the same command again"
            )
        } else {
            format!(
                "undo the change where it was made, or copy the live values into the template and run \
                 `{apply}`"
            )
        };
        wrap::push(&mut text, &steps, ["      "; 2], width);
    }
    text
}

/// Returns the line of a resource: sign, logical id, type, and a note unless it was only modified.
pub(super) fn heading(resource: &ResourceDrift) -> String {
    let (style, sign) = match resource.status {
        DriftStatus::Modified | DriftStatus::InSync => (CHANGE, "~"),
        DriftStatus::Deleted => (REMOVE, "-"),
        _ => (WARNING, "?"),
    };
    let mut note = match &resource.status {
        DriftStatus::Modified | DriftStatus::InSync => None,
        DriftStatus::Deleted => Some("is deleted".to_owned()),
        DriftStatus::Unknown => Some("could not be checked".to_owned()),
        other => Some(other.as_str().to_owned()),
    };
    if let Some(reason) = &resource.reason {
        let reason = reason.replace('\n', " ");
        note = Some(note.map_or(reason.clone(), |note| format!("{note}: {reason}")));
    }
    let note = note.map_or_else(String::new, |note| format!(" {WARNING}# {note}{WARNING:#}"));
    format!(
        "{style}{sign:>3}{style:#} {BOLD}{}{BOLD:#}  {DIM}{}{DIM:#}{note}\n",
        one_line(&resource.logical_id),
        one_line(&resource.resource_type)
    )
}

/// Adds the lines of a drifted property. `note` follows its path.
pub(super) fn push_property(
    text: &mut String,
    property: &PropertyChange,
    note: &str,
    width: usize,
) {
    let values = [&property.before, &property.after];
    let values = values.map(|value| value.as_ref().map(value::of_property));
    value::push(text, &property.path, values, note, width);
}

fn push_unchecked(text: &mut String, drift: &Drift, verbose: bool, width: usize) {
    let mut types = IndexMap::new();
    collect_unchecked(drift, "", &mut types);
    if types.is_empty() {
        return;
    }
    let hint = if verbose {
        ""
    } else {
        "; -v lists the resources"
    };
    text.push_str(&format!(
        "\n{DIM}Not checked (CloudFormation does not check all types{hint}):{DIM:#}\n"
    ));
    if verbose {
        for (kind, names) in &types {
            let line = format!("{kind}: {}", names.join(", "));
            wrap::push(text, &line, ["  "; 2], width);
        }
    } else {
        let counted = types.iter().map(|(kind, names)| match names.len() {
            1 => (*kind).to_owned(),
            number => format!("{kind} ({number})"),
        });
        let counted: Vec<String> = counted.collect();
        wrap::push(text, &counted.join(", "), ["  "; 2], width);
    }
    if types.contains_key(STACK_TYPE) {
        text.push_str(
            "  To check the resources of a nested stack, detect the drift of that stack.\n",
        );
    }
}

/// Returns a sentence with the number of resources that have each status.
pub(in crate::present) fn summary(summary: DriftSummary) -> String {
    let DriftSummary {
        modified,
        deleted,
        in_sync,
        unknown,
        not_checked,
    } = summary;
    let unknown = match unknown {
        0 => String::new(),
        unknown => format!(", {unknown} unknown"),
    };
    format!(
        "Drift: {modified} modified, {deleted} deleted, {in_sync} in sync, \
         {not_checked} not checked{unknown}."
    )
}

#[cfg(test)]
mod tests {
    use super::drift;
    use crate::cloudformation::drift::{
        Detection, Difference, Drift, DriftStatus, NestedDrift, ResourceDrift,
    };
    use crate::cloudformation::stack::Resource;
    use crate::present::style;

    fn shown(drift_of: &Drift, verbose: bool) -> String {
        let text = drift("demo-dev", drift_of, verbose, 80);
        style::plain(&text)
    }

    fn resource(name: &str, kind: &str) -> Resource {
        Resource {
            logical_id: name.to_owned(),
            physical_id: None,
            resource_type: kind.to_owned(),
            status: "CREATE_COMPLETE".to_owned(),
            reason: None,
        }
    }

    fn checked(name: &str, status: &str, reason: Option<&str>) -> ResourceDrift {
        ResourceDrift {
            logical_id: name.to_owned(),
            physical_id: None,
            resource_type: "AWS::SQS::Queue".to_owned(),
            status: DriftStatus::from_wire(status),
            reason: reason.map(str::to_owned),
            expected: None,
            actual: None,
            differences: Vec::new(),
            checked: None,
        }
    }

    #[test]
    fn every_status_is_shown_and_unchecked_resources_are_listed() {
        let text = |value: &str| Some(value.to_owned());
        let mut changed = checked("Changed", "MODIFIED", None);
        changed.differences = vec![
            Difference::new("/DelaySeconds", "NOT_EQUAL", text("20"), text("0")),
            Difference::new(
                "/Policy",
                "NOT_EQUAL",
                text(r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"sqs:SendMessage"}]}"#),
                text(r#"{"Statement":[{"Sid":"a","Effect":"Allow","Action":"sqs:*"}]}"#),
            ),
            Difference::new(
                "/Tags/1",
                "ADD",
                text("null"),
                text(r#"{"Key":"x","Value":"y"}"#),
            ),
        ];
        let all = Drift {
            detection: Detection {
                stack_status: "DRIFTED".to_owned(),
                ..Detection::default()
            },
            resources: vec![
                changed,
                checked("Gone", "DELETED", None),
                checked("Same", "IN_SYNC", None),
                checked("Tried", "UNKNOWN", Some("no permission")),
                checked("Odd", "SOMETHING_NEW", None),
            ],
            unchecked: vec![
                resource("One", "AWS::EC2::Route"),
                resource("Two", "AWS::EC2::Route"),
                resource("Inner", "AWS::CloudFormation::Stack"),
            ],
            nested: Vec::new(),
        };
        insta::assert_snapshot!(shown(&all, false), @r#"
        demo-dev  DRIFTED
          deployed → live

          ~ Changed  AWS::SQS::Queue
              ~ DelaySeconds: "20" → "0"
              ~ Policy.Statement[a].Action: "sqs:SendMessage" → "sqs:*"
              + Tags.1
                  + Key: x
                  + Value: "y"

          - Gone  AWS::SQS::Queue # is deleted

          ? Tried  AWS::SQS::Queue # could not be checked: no permission

          ? Odd  AWS::SQS::Queue # SOMETHING_NEW

        Not checked (CloudFormation does not check all types; -v lists the resources):
          AWS::EC2::Route (2), AWS::CloudFormation::Stack
          To check the resources of a nested stack, detect the drift of that stack.

        Drift: 1 modified, 1 deleted, 1 in sync, 3 not checked, 2 unknown.
        "#);
        let verbose = shown(&all, true);
        assert!(
            verbose.contains("\n  AWS::EC2::Route: One, Two\n"),
            "{verbose}"
        );
    }

    #[test]
    fn resources_of_nested_stacks_are_below_their_parents() {
        let text = |value: &str| Some(value.to_owned());
        let inside = |name: &str, drift| NestedDrift {
            logical_id: name.to_owned(),
            stack_id: String::new(),
            drift,
        };
        let mut deep = checked("Deep", "MODIFIED", None);
        deep.differences = vec![Difference::new(
            "/DelaySeconds",
            "NOT_EQUAL",
            text("20"),
            text("0"),
        )];
        let of = |resources: Vec<ResourceDrift>, nested: Vec<NestedDrift>| Drift {
            detection: Detection {
                stack_status: "IN_SYNC".to_owned(),
                ..Detection::default()
            },
            resources,
            unchecked: vec![resource("Route", "AWS::EC2::Route")],
            nested,
        };
        let same = of(vec![checked("Same", "IN_SYNC", None)], Vec::new());
        let middle = of(
            vec![checked("Gone", "DELETED", None)],
            vec![
                inside("Inner", Ok(of(vec![deep], Vec::new()))),
                inside("Same", Ok(same)),
                inside("Broken", Err("it is DELETE_FAILED".to_owned())),
            ],
        );
        let root = of(Vec::new(), vec![inside("Middle", Ok(middle))]);
        insta::assert_snapshot!(shown(&root, true), @r#"
        demo-dev  IN_SYNC, nested stacks DRIFTED
          deployed → live

          ~ Middle  AWS::CloudFormation::Stack

              - Gone  AWS::SQS::Queue # is deleted

              ~ Inner  AWS::CloudFormation::Stack

                  ~ Deep  AWS::SQS::Queue
                      ~ DelaySeconds: "20" → "0"

              ? Broken  AWS::CloudFormation::Stack # could not be checked: it is DELETE_FAILED

        Not checked (CloudFormation does not check all types):
          AWS::EC2::Route: Route, Middle.Route, Middle.Inner.Route, Middle.Same.Route

        Drift: 1 modified, 1 deleted, 1 in sync, 4 not checked, 1 unknown.
        "#);
    }
}
