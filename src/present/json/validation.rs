//! The `validations[]` of a plan: the results of CloudFormation's own validations.

use schemars::JsonSchema;
use serde::Serialize;

use super::findings::{PlaceEntry, place};
use crate::cloudformation::change_set::validation::LocatedValidation;

#[derive(Debug, Serialize, JsonSchema)]
pub(super) struct ValidationEntry<'a> {
    name: &'a str,
    failure_mode: Option<&'a str>,
    status: Option<&'a str>,
    reason: Option<&'a str>,
    logical_id: Option<&'a str>,
    physical_id: Option<&'a str>,
    #[serde(rename = "type")]
    resource_type: Option<&'a str>,
    path: Option<&'a str>,
    time: Option<String>,
    nested_in: &'a [String],
    places: Vec<PlaceEntry<'a>>,
}

pub(super) fn validation(located: &LocatedValidation) -> ValidationEntry<'_> {
    let validation = &located.validation;
    ValidationEntry {
        name: &validation.name,
        failure_mode: validation.failure_mode.as_deref(),
        status: validation.status.as_deref(),
        reason: validation.reason.as_deref(),
        logical_id: validation.logical_id.as_deref(),
        physical_id: validation.physical_id.as_deref(),
        resource_type: validation.resource_type.as_deref(),
        path: validation.path.as_deref(),
        time: validation.time.map(|time| time.to_string()),
        nested_in: &located.nested_in,
        places: located.places.iter().map(place).collect(),
    }
}
