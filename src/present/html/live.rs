//! Drift in the page of a comparison: the deployed, the live and the desired value of each property, and
//! what `apply` does about it.

use super::lines;
use super::markup::{Attribute, Writer};
use super::page::{Article, Kind, Tone};
use super::value::{self, Row};
use crate::cloudformation::drift::{Drift, DriftStatus, ResourceDrift};
use crate::plan::comparison::live::{DriftEffect, LiveProperty, LiveResource};
use crate::plan::{Content, drift_properties};
use crate::present::human::drift::summary;
use crate::present::human::live::{of_deleted, of_property};

/// The highest number of characters of a value that is shown beside the others.
const SHORT: usize = 160;

/// Adds the drifted resources.
pub(super) fn write(article: &mut Article, drift: &Drift, resources: &[LiveResource<'_>]) {
    let inside = drift.drifted_inside();
    let number = resources.len() + inside.len();
    let tone = if number > 0 {
        Tone::Warning
    } else {
        Tone::Calm
    };
    article.notice(tone, &summary(drift.summary()));
    article.section("live", "Drift", Some(number), |html| {
        if number == 0 {
            return;
        }
        html.element("p", &[Attribute::Class("lead")], |html| {
            html.prose("The deployed, the live and the desired values, and what `apply` does.");
        });
        html.element("div", &[Attribute::Class("changes")], |html| {
            for resource in resources {
                let effect = resource.effect.map(of_deleted);
                write_resource(
                    html,
                    &resource.drift.logical_id,
                    resource.drift,
                    effect,
                    |html| {
                        for property in &resource.properties {
                            write_property(html, property);
                        }
                    },
                );
            }
            for (path, resource) in inside {
                write_resource(html, &path, resource, None, |html| {
                    let properties = drift_properties::properties(resource);
                    let rows = properties.iter().map(|property| Row {
                        name: property.path.clone(),
                        before: property.before.as_ref().map(|it| it.text().to_owned()),
                        after: property.after.as_ref().map(|it| it.text().to_owned()),
                        ..Row::default()
                    });
                    value::write_tree(html, &rows.collect::<Vec<_>>());
                });
            }
        });
    });
}

fn write_resource(
    html: &mut Writer<'_>,
    name: &str,
    drift: &ResourceDrift,
    effect: Option<&str>,
    inside: impl FnOnce(&mut Writer<'_>),
) {
    let is_deleted = drift.status == DriftStatus::Deleted;
    let kind = if is_deleted {
        Kind::Remove
    } else {
        Kind::Drift
    };
    let attributes = [Attribute::Class("change"), Attribute::Flag("data-find")];
    html.element("div", &attributes, |html| {
        html.element("div", &[Attribute::Class("bar")], |html| {
            html.element("span", &[], |_| {});
            kind.write(html);
            html.text(" ");
            html.element("span", &[Attribute::Class("what")], |html| {
                html.leaf("b", "", name);
                html.text(" ");
                html.leaf("span", "type", &drift.resource_type);
                if is_deleted {
                    html.text(" ");
                    html.leaf("span", "note", "is deleted");
                }
                if let Some(effect) = effect {
                    html.text(" ");
                    html.element("span", &[Attribute::Class("note")], |html| {
                        html.prose(&format!("`apply` {effect}"));
                    });
                }
            });
        });
        html.element("div", &[Attribute::Class("inside")], inside);
    });
    html.new_line();
}

fn write_property(html: &mut Writer<'_>, property: &LiveProperty) {
    let values = [&property.deployed, &property.live, &property.desired];
    let values = values.map(|value| value.as_ref().map(Content::text));
    html.element("div", &[Attribute::Class("live")], |html| {
        html.element("p", &[], |html| {
            html.leaf("span", "path", &property.path);
            html.text(" ");
            html.element("span", &[Attribute::Class("note")], |html| {
                html.prose(&format!("`apply` {}", effect(property)));
            });
        });
        html.element("dl", &[Attribute::Class("triple")], |html| {
            for (title, value) in ["Deployed", "Live", "Desired"].into_iter().zip(values) {
                html.element("div", &[], |html| {
                    html.leaf("dt", "", title);
                    html.element("dd", &[], |html| match value {
                        None => html.leaf("span", "muted", "not set"),
                        Some("") => html.leaf("code", "", "\"\""),
                        Some(value) if is_long(value) => html.leaf("span", "muted", "see below"),
                        Some(value) => html.leaf("code", "", value),
                    });
                });
            }
        });
        let [deployed, live, desired] = values;
        if [deployed, live].into_iter().flatten().any(is_long) {
            lines::write(html, deployed, live);
        }
        // With any other effect, the desired value is the deployed or the live one.
        let is_third_value =
            property.effect == DriftEffect::Overwritten || property.effect == DriftEffect::Replaced;
        if is_third_value && desired != deployed && desired.is_some_and(is_long) {
            html.leaf("p", "muted", "From the live to the desired value:");
            lines::write(html, live, desired);
        }
    });
}

/// Returns what `apply` does, without the desired value, which is already shown.
fn effect(property: &LiveProperty) -> String {
    match (property.effect, &property.desired) {
        (DriftEffect::Overwritten, Some(_)) => "sets the desired value".to_owned(),
        _ => of_property(property),
    }
}

fn is_long(value: &str) -> bool {
    value.contains('\n') || value.chars().nth(SHORT).is_some()
}
