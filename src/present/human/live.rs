//! Drifted resources for people, with what a deployment of the files would do about each.

use super::drift::{heading, push_nested, push_property, summary};
use super::value;
use crate::cloudformation::drift::Drift;
use crate::plan::PropertyChange;
use crate::plan::comparison::live::{DriftEffect, LiveProperty, LiveResource};
use crate::present::style::{BOLD, DIM};

/// Returns each drifted property with its deployed and live value, and what `apply` does about it. That is
/// not predicted for the resources of nested stacks, which are below their parents.
pub fn live(drift: &Drift, resources: &[LiveResource<'_>], width: usize) -> String {
    let mut text = format!("\n{BOLD}Live{BOLD:#}  {DIM}deployed → live{DIM:#}\n");
    for resource in resources {
        text.push_str(&heading(resource.drift));
        if let Some(effect) = resource.effect {
            push_effect(&mut text, of_deleted(effect));
        }
        for property in &resource.properties {
            let change = PropertyChange {
                path: property.path.clone(),
                before: property.deployed.clone(),
                after: property.live.clone(),
                requires_recreation: None,
                cause: None,
                is_dynamic: false,
            };
            push_property(&mut text, &change, "", width);
            push_effect(&mut text, &of_property(property));
        }
    }
    push_nested(&mut text, drift, |it| it.status.is_drifted(), "", width);
    text.push_str(&format!("{BOLD}{}{BOLD:#}\n", summary(drift.summary())));
    text
}

fn push_effect(text: &mut String, sentence: &str) {
    text.push_str(&format!("          {DIM}apply:{DIM:#} {sentence}\n"));
}

/// Returns what `apply` does about a drifted property.
pub(in crate::present) fn of_property(property: &LiveProperty) -> String {
    match property.effect {
        DriftEffect::Stays => "keeps the live value: the files have not changed it".to_owned(),
        DriftEffect::MayBeReset => {
            "may reset it: the resource changes for another reason".to_owned()
        }
        DriftEffect::Overwritten => match &property.desired {
            Some(desired) => format!("sets it to {}", value::of_property(desired)),
            None => "overwrites it".to_owned(),
        },
        DriftEffect::Adopted => {
            "keeps the live value: the files now have the same value".to_owned()
        }
        DriftEffect::Replaced => "replaces the resource".to_owned(),
        DriftEffect::Removed => "removes the resource".to_owned(),
        DriftEffect::Fails => "fails".to_owned(),
    }
}

/// Returns what `apply` does about a deleted resource.
pub(in crate::present) fn of_deleted(effect: DriftEffect) -> &'static str {
    match effect {
        DriftEffect::Replaced => "creates a new one",
        DriftEffect::Removed => "removes it from the stack",
        DriftEffect::Fails => "probably fails: it updates a resource that no longer exists",
        _ => "does not recreate it: the files have not changed it",
    }
}
