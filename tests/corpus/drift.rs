//! Recorded drift: stackctl shows each difference once, and no other.

use serde_json::Value;
use stackctl::cloudformation::drift::{Difference, DriftStatus, ResourceDrift};
use stackctl::plan::{Content, drift_properties};

use crate::corpus;

fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn resource(drift: &Value) -> ResourceDrift {
    let differences = drift["PropertyDifferences"].as_array().unwrap().iter();
    let differences = differences.map(|difference| {
        Difference::new(
            difference["PropertyPath"].as_str().unwrap(),
            difference["DifferenceType"].as_str().unwrap(),
            text(&difference["ExpectedValue"]),
            text(&difference["ActualValue"]),
        )
    });
    ResourceDrift {
        logical_id: text(&drift["LogicalResourceId"]).unwrap(),
        physical_id: text(&drift["PhysicalResourceId"]),
        resource_type: text(&drift["ResourceType"]).unwrap(),
        status: DriftStatus::from_wire(drift["StackResourceDriftStatus"].as_str().unwrap()),
        reason: None,
        expected: text(&drift["ExpectedProperties"]),
        actual: text(&drift["ActualProperties"]),
        differences: differences.collect(),
        checked: None,
    }
}

#[test]
fn drift_shows_exactly_the_recorded_differences() {
    let (mut resources, mut properties) = (0, 0);
    for folder in ["localstack/responses", "docs-examples"] {
        let Some(folder) = corpus::folder(folder) else {
            return;
        };
        let files = corpus::files(&folder).into_iter();
        let is_json = |path: &std::path::PathBuf| path.extension().is_some_and(|it| it == "json");
        for path in files.filter(is_json) {
            let bytes = std::fs::read(&path).unwrap();
            if !String::from_utf8_lossy(&bytes).contains("\"PropertyDifferences\"") {
                continue;
            }
            let response = corpus::json(&path)["response"].take();
            let one = &response["StackResourceDrift"];
            let many = response["StackResourceDrifts"].as_array();
            let drifts = many.map_or(std::slice::from_ref(one), Vec::as_slice);
            for drift in drifts {
                let drift = resource(drift);
                resources += 1;
                properties += drift.differences.len();
                assert!(drift.status.is_drifted(), "{}", path.display());
                let shown: Vec<[Option<String>; 2]> = drift_properties::properties(&drift)
                    .into_iter()
                    .map(|it| [it.before, it.after])
                    .map(|sides| {
                        sides.map(|side| side.as_ref().map(|it| Content::text(it).to_owned()))
                    })
                    .collect();
                let sent = drift.differences.iter();
                let sent: Vec<[Option<String>; 2]> = sent
                    .map(|it| [it.expected.clone(), it.actual.clone()])
                    .collect();
                assert_eq!(shown, sent, "{}", path.display());
            }
        }
    }
    crate::report!("drift: {resources} resources, {properties} differences");
    corpus::expect_cases("resources", resources, 2);
    corpus::expect_cases("differences", properties, 5);
}
