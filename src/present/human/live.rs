//! What has drifted beside what a deployment of the files would do about it, for people.

use super::drift::{heading, push_property, summary};
use super::value;
use crate::cloudformation::drift::Drift;
use crate::plan::PropertyChange;
use crate::plan::comparison::live::{DriftEffect, LiveProperty, LiveResource};
use crate::present::style::{BOLD, DIM};

/// Returns the third side of a comparison: each drifted property deployed and live, and below it what
/// `apply` does.
pub fn live(drift: &Drift, resources: &[LiveResource<'_>], width: usize) -> String {
    let mut text = format!("\n{BOLD}Live{BOLD:#}  {DIM}what was deployed → what is live{DIM:#}\n");
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
    text.push_str(&format!("{BOLD}{}{BOLD:#}\n", summary(drift.summary())));
    text
}

fn push_effect(text: &mut String, sentence: &str) {
    text.push_str(&format!("          {DIM}apply:{DIM:#} {sentence}\n"));
}

/// Returns what `apply` does about a property.
pub(in crate::present) fn of_property(property: &LiveProperty) -> String {
    match property.effect {
        DriftEffect::Stays => "leaves it: the files have not changed it".to_owned(),
        DriftEffect::MayBeReset => {
            "may set it back: its resource changes for another reason".to_owned()
        }
        DriftEffect::Overwritten => match &property.desired {
            Some(desired) => format!("sets it to {}", value::of_property(desired)),
            None => "overwrites it".to_owned(),
        },
        DriftEffect::Adopted => "leaves it: the files say the same by now".to_owned(),
        DriftEffect::Replaced => "replaces its resource".to_owned(),
        DriftEffect::Removed => "removes its resource".to_owned(),
        DriftEffect::Fails => "fails".to_owned(),
    }
}

/// Returns what `apply` does about a resource that is not there any more.
pub(in crate::present) fn of_deleted(effect: DriftEffect) -> &'static str {
    match effect {
        DriftEffect::Replaced => "makes a new one",
        DriftEffect::Removed => "takes it off the stack",
        DriftEffect::Fails => "probably fails: it updates what is not there",
        _ => "does not make it again: the files have not changed it",
    }
}
