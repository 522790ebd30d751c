//! Drift: differences between the deployed and the live configuration of resources.
//!
//! On request, CloudFormation compares the deployed with the live configuration of each resource. The
//! response omits resources that were not checked and resources whose type does not support drift
//! detection. So a [`Drift`] also contains the stack's other resources, which are reported as not
//! checked.

use jiff::Timestamp;

use crate::cloudformation::stack::Resource;
use crate::template::pointer;

/// The texts with which the API represents a missing value.
const MISSING: [&str; 2] = ["", "null"];

/// One run of drift detection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detection {
    /// The id.
    pub id: String,
    /// The status, such as `DETECTION_COMPLETE`.
    pub status: String,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
    /// The drift status of the stack, such as `DRIFTED`.
    pub stack_status: String,
    /// The time of the request.
    pub started: Option<Timestamp>,
}

impl Detection {
    /// Returns whether the run has ended. An unknown status is classified by its suffix.
    pub fn is_terminal(&self) -> bool {
        !self.status.ends_with("_IN_PROGRESS")
    }

    /// Returns whether the run could not check all resources.
    pub fn is_failed(&self) -> bool {
        self.status != "DETECTION_COMPLETE"
    }
}

/// The drift status of a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftStatus {
    /// The resource has not drifted.
    InSync,
    /// Properties differ from the deployed ones.
    Modified,
    /// The resource was deleted.
    Deleted,
    /// The resource was not checked.
    NotChecked,
    /// CloudFormation could not check the resource.
    Unknown,
    /// The resource type does not support drift detection.
    Unsupported,
    /// A status that this version does not know.
    Other(String),
}

impl DriftStatus {
    /// Returns the status by its name in the API.
    pub fn from_wire(wire: &str) -> Self {
        match wire {
            "IN_SYNC" => Self::InSync,
            "MODIFIED" => Self::Modified,
            "DELETED" => Self::Deleted,
            "NOT_CHECKED" => Self::NotChecked,
            "UNKNOWN" => Self::Unknown,
            "UNSUPPORTED" => Self::Unsupported,
            other => Self::Other(other.to_owned()),
        }
    }

    /// Returns the name in the API.
    pub fn as_str(&self) -> &str {
        match self {
            Self::InSync => "IN_SYNC",
            Self::Modified => "MODIFIED",
            Self::Deleted => "DELETED",
            Self::NotChecked => "NOT_CHECKED",
            Self::Unknown => "UNKNOWN",
            Self::Unsupported => "UNSUPPORTED",
            Self::Other(wire) => wire,
        }
    }

    /// Returns whether the resource has certainly drifted.
    pub fn is_drifted(&self) -> bool {
        matches!(self, Self::Modified | Self::Deleted)
    }
}

/// The drift of a resource that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceDrift {
    /// The logical id.
    pub logical_id: String,
    /// The physical id.
    pub physical_id: Option<String>,
    /// The resource type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// The drift status.
    pub status: DriftStatus,
    /// The reason of the status; `None` if the API gives none.
    pub reason: Option<String>,
    /// The deployed properties, a JSON document; only those that the template sets.
    pub expected: Option<String>,
    /// The live values of the same properties, a JSON document.
    pub actual: Option<String>,
    /// The differences, in the order of the API.
    pub differences: Vec<Difference>,
    /// The time of the check.
    pub checked: Option<Timestamp>,
}

/// A drifted property.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// The path below the resource's properties, such as `/Environment/Variables/LEVEL`.
    pub path: String,
    /// The deployed value; `None` if the property was added since.
    pub expected: Option<String>,
    /// The live value; `None` if the property was removed since.
    pub actual: Option<String>,
    /// `ADD`, `REMOVE` or `NOT_EQUAL`.
    pub kind: String,
}

impl Difference {
    /// Returns a difference. An empty text or `null` on the side that does not exist becomes `None`.
    pub fn new(
        path: impl Into<String>,
        kind: impl Into<String>,
        expected: Option<String>,
        actual: Option<String>,
    ) -> Self {
        let kind = kind.into();
        let side = |value: Option<String>, missing: bool| {
            value.filter(|value| !(missing && MISSING.contains(&value.as_str())))
        };
        Self {
            path: path.into(),
            expected: side(expected, kind == "ADD"),
            actual: side(actual, kind == "REMOVE"),
            kind,
        }
    }

    /// Returns the steps of the path, below the resource's properties.
    pub fn steps(&self) -> Vec<String> {
        pointer::steps(&self.path)
    }
}

/// The drift of a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The run of drift detection.
    pub detection: Detection,
    /// The resources that were checked, in the order of the API.
    pub resources: Vec<ResourceDrift>,
    /// The resources that were not checked, in the order of the API.
    pub unchecked: Vec<Resource>,
}

/// The number of resources with each drift status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DriftSummary {
    /// The resources with properties that differ.
    pub modified: usize,
    /// The resources that were deleted.
    pub deleted: usize,
    /// The resources that have not drifted.
    pub in_sync: usize,
    /// The resources that CloudFormation could not check.
    pub unknown: usize,
    /// The resources that were not checked.
    pub not_checked: usize,
}

impl Drift {
    /// Returns the drift of the resources `only`, or of all resources if `only` is empty.
    ///
    /// `checked` are the results of the API, which may be from earlier runs. `resources` are the
    /// resources of the stack.
    pub fn of(
        detection: Detection,
        checked: Vec<ResourceDrift>,
        resources: Vec<Resource>,
        only: &[String],
    ) -> Self {
        let is_selected = |name: &String| only.is_empty() || only.contains(name);
        let is_unchecked = |drift: &ResourceDrift| {
            matches!(
                drift.status,
                DriftStatus::NotChecked | DriftStatus::Unsupported
            )
        };
        let checked: Vec<ResourceDrift> = checked
            .into_iter()
            .filter(|drift| is_selected(&drift.logical_id) && !is_unchecked(drift))
            .collect();
        let unchecked = resources.into_iter().filter(|resource| {
            let name = &resource.logical_id;
            let is_deleted = resource.status == "DELETE_COMPLETE";
            is_selected(name)
                && !is_deleted
                && !checked.iter().any(|drift| drift.logical_id == *name)
        });
        Self {
            unchecked: unchecked.collect(),
            detection,
            resources: checked,
        }
    }

    /// Returns the drifted resources.
    pub fn drifted(&self) -> impl Iterator<Item = &ResourceDrift> {
        let resources = self.resources.iter();
        resources.filter(|drift| drift.status.is_drifted())
    }

    /// Returns whether any resource has drifted.
    pub fn is_drifted(&self) -> bool {
        self.drifted().next().is_some()
    }

    /// Returns the number of resources with each drift status.
    pub fn summary(&self) -> DriftSummary {
        let mut summary = DriftSummary {
            not_checked: self.unchecked.len(),
            ..DriftSummary::default()
        };
        for drift in &self.resources {
            *match drift.status {
                DriftStatus::Modified => &mut summary.modified,
                DriftStatus::Deleted => &mut summary.deleted,
                DriftStatus::InSync => &mut summary.in_sync,
                DriftStatus::NotChecked | DriftStatus::Unsupported => &mut summary.not_checked,
                DriftStatus::Unknown | DriftStatus::Other(_) => &mut summary.unknown,
            } += 1;
        }
        summary
    }
}

#[cfg(test)]
mod tests {
    use super::{Detection, Drift, DriftStatus, ResourceDrift};
    use crate::cloudformation::stack::Resource;

    fn drift(logical_id: &str, status: &str) -> ResourceDrift {
        ResourceDrift {
            logical_id: logical_id.to_owned(),
            physical_id: None,
            resource_type: "T".to_owned(),
            status: DriftStatus::from_wire(status),
            reason: None,
            expected: None,
            actual: None,
            differences: Vec::new(),
            checked: None,
        }
    }

    fn resource(logical_id: &str, status: &str) -> Resource {
        Resource {
            logical_id: logical_id.to_owned(),
            physical_id: None,
            resource_type: "T".to_owned(),
            status: status.to_owned(),
            reason: None,
        }
    }

    #[test]
    fn a_resource_that_the_response_omits_is_not_checked() {
        let checked = [
            ("Same", "IN_SYNC"),
            ("Changed", "MODIFIED"),
            ("Gone", "DELETED"),
            ("Tried", "UNKNOWN"),
            ("New", "SOMETHING_NEW"),
            ("Never", "UNSUPPORTED"),
        ]
        .map(|(name, status)| drift(name, status))
        .to_vec();
        let mut resources: Vec<Resource> = checked
            .iter()
            .map(|drift| resource(&drift.logical_id, "CREATE_COMPLETE"))
            .collect();
        resources.push(resource("Silent", "UPDATE_COMPLETE"));
        resources.push(resource("Removed", "DELETE_COMPLETE"));

        let all = Drift::of(
            Detection::default(),
            checked.clone(),
            resources.clone(),
            &[],
        );
        let summary = all.summary();
        let counts = [
            summary.modified,
            summary.deleted,
            summary.in_sync,
            summary.unknown,
            summary.not_checked,
        ];
        assert_eq!(counts, [1, 1, 1, 2, 2]);
        assert!(all.is_drifted());

        let only = ["Same".to_owned(), "Silent".to_owned()];
        let some = Drift::of(Detection::default(), checked, resources, &only);
        assert!(!some.is_drifted());
        assert_eq!((some.resources.len(), some.unchecked.len()), (1, 1));
    }
}
