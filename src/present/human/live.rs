//! What has drifted beside what a deployment of the files would do about it, for people.

use super::drift::{heading, push_property, summary};
use super::value;
use crate::cloudformation::drift::Drift;
use crate::plan::PropertyChange;
use crate::plan::comparison::live::{LiveProperty, LiveResource, Way};
use crate::present::style::{BOLD, DIM};

/// Returns the third side of a comparison: each drifted property deployed and live, and below it what
/// `apply` does.
pub fn live(drift: &Drift, resources: &[LiveResource<'_>], width: usize) -> String {
    let mut text = format!("\n{BOLD}Live{BOLD:#}  {DIM}what was deployed → what is live{DIM:#}\n");
    for resource in resources {
        text.push_str(&heading(resource.drift));
        if let Some(way) = resource.way {
            push_way(&mut text, of_deleted(way));
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
            push_way(&mut text, &of_property(property));
        }
    }
    text.push_str(&format!("{BOLD}{}{BOLD:#}\n", summary(drift.summary())));
    text
}

fn push_way(text: &mut String, sentence: &str) {
    text.push_str(&format!("          {DIM}apply:{DIM:#} {sentence}\n"));
}

/// Returns what `apply` does about a property.
pub(in crate::present) fn of_property(property: &LiveProperty) -> String {
    match property.way {
        Way::Stays => "leaves it: the files have not changed it".to_owned(),
        Way::MayBeReset => "may set it back: its resource changes for another reason".to_owned(),
        Way::Overwritten => match &property.desired {
            Some(desired) => format!("sets it to {}", value::of_property(desired)),
            None => "overwrites it".to_owned(),
        },
        Way::Adopted => "leaves it: the files say the same by now".to_owned(),
        Way::Replaced => "replaces its resource".to_owned(),
        Way::Removed => "removes its resource".to_owned(),
        Way::Fails => "fails".to_owned(),
    }
}

/// Returns what `apply` does about a resource that is not there any more.
pub(in crate::present) fn of_deleted(way: Way) -> &'static str {
    match way {
        Way::Replaced => "makes a new one",
        Way::Removed => "takes it off the stack",
        Way::Fails => "probably fails: it updates what is not there",
        _ => "does not make it again: the files have not changed it",
    }
}
