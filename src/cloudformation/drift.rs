//! Drift: differences between the deployed and the live configuration of resources.
//!
//! On request, CloudFormation compares the deployed with the live configuration of each resource. The
//! response omits resources that were not checked and resources whose type does not support drift
//! detection. So a [`Drift`] also contains the stack's other resources, which are reported as not
//! checked.
//!
//! A detection does not look into nested stacks. Each of them has its own, which is part of the [`Drift`] of
//! the stack that contains it.

use jiff::Timestamp;

use crate::cloudformation::stack::Resource;
use crate::template::pointer;

/// The texts with which the API represents a missing value.
const MISSING: [&str; 2] = ["", "null"];

/// One run of drift detection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detection {
    /// The id; empty if no detection of this stack was needed.
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

    /// Returns whether there was a run.
    pub fn is_made(&self) -> bool {
        !self.id.is_empty()
    }

    /// Returns whether the run could not check all resources.
    pub fn is_failed(&self) -> bool {
        self.is_made() && self.status != "DETECTION_COMPLETE"
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
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Drift {
    /// The run of drift detection.
    pub detection: Detection,
    /// The resources that were checked, in the order of the API.
    pub resources: Vec<ResourceDrift>,
    /// The resources that were not checked, in the order of the API.
    pub unchecked: Vec<Resource>,
    /// The nested stacks, in the order of the API.
    pub nested: Vec<NestedDrift>,
}

/// The drift of a nested stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NestedDrift {
    /// Its logical id in the stack that contains it.
    pub logical_id: String,
    /// Its ARN.
    pub stack_id: String,
    /// What was found, or the reason why nothing was.
    pub drift: Result<Drift, String>,
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
    /// resources of the stack, and `nested` the nested stacks that were looked into.
    pub fn of(
        detection: Detection,
        checked: Vec<ResourceDrift>,
        resources: Vec<Resource>,
        only: &[String],
        nested: Vec<NestedDrift>,
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
                && !nested.iter().any(|nested| nested.logical_id == *name)
        });
        Self {
            unchecked: unchecked.collect(),
            detection,
            resources: checked,
            nested,
        }
    }

    /// Returns the drifted resources, without those of nested stacks.
    pub fn drifted(&self) -> impl Iterator<Item = &ResourceDrift> {
        let resources = self.resources.iter();
        resources.filter(|drift| drift.status.is_drifted())
    }

    /// Returns whether any resource has drifted, those of nested stacks included.
    pub fn is_drifted(&self) -> bool {
        self.drifted().next().is_some() || self.is_drifted_inside()
    }

    /// Returns the drift status of the stack itself, as CloudFormation names it.
    pub fn stack_status(&self) -> &str {
        match &*self.detection.stack_status {
            "" => "NOT_CHECKED",
            status => status,
        }
    }

    /// Returns whether a resource of a nested stack has drifted.
    pub fn is_drifted_inside(&self) -> bool {
        self.inside().any(|(_, drift)| drift.is_drifted())
    }

    /// Returns the nested stacks that were looked into, by their logical ids.
    pub fn inside(&self) -> impl Iterator<Item = (&str, &Self)> {
        let nested = self.nested.iter();
        nested.filter_map(|nested| Some((&*nested.logical_id, nested.drift.as_ref().ok()?)))
    }

    /// Returns the drifted resources of the nested stacks, each with its path, such as `Nested.Topic`.
    pub fn drifted_inside(&self) -> Vec<(String, &ResourceDrift)> {
        let mut found = Vec::new();
        for (name, drift) in self.inside() {
            let own = drift.drifted().map(|it| (it.logical_id.clone(), it));
            let all = own.chain(drift.drifted_inside());
            found.extend(all.map(|(path, it)| (format!("{name}.{path}"), it)));
        }
        found
    }

    /// Returns why the detection could not check everything, nested stacks included; empty if it could.
    pub fn failures(&self) -> Vec<String> {
        let own = self.detection.is_failed().then(|| {
            let reason = self.detection.reason.as_ref();
            reason.unwrap_or(&self.detection.status).clone()
        });
        let nested = self.nested.iter().flat_map(|nested| {
            let reasons = match &nested.drift {
                Ok(drift) => drift.failures(),
                Err(reason) => vec![reason.clone()],
            };
            reasons
                .into_iter()
                .map(|it| format!("{}: {it}", nested.logical_id))
        });
        own.into_iter().chain(nested).collect()
    }

    /// Returns the number of resources with each drift status, those of nested stacks included. A nested
    /// stack that could not be looked into counts as one unknown resource.
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
        for nested in &self.nested {
            match &nested.drift {
                Ok(drift) => summary.add(drift.summary()),
                Err(_) => summary.unknown += 1,
            }
        }
        summary
    }
}

impl DriftSummary {
    fn add(&mut self, other: Self) {
        self.modified += other.modified;
        self.deleted += other.deleted;
        self.in_sync += other.in_sync;
        self.unknown += other.unknown;
        self.not_checked += other.not_checked;
    }
}

#[cfg(test)]
mod tests {
    use super::{Detection, Drift, DriftStatus, NestedDrift, ResourceDrift};
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
            Vec::new(),
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
        let some = Drift::of(Detection::default(), checked, resources, &only, Vec::new());
        assert!(!some.is_drifted());
        assert_eq!((some.resources.len(), some.unchecked.len()), (1, 1));
    }

    #[test]
    fn nested_stacks_count_with_their_stack_at_every_depth() {
        let detection = |status: &str| Detection {
            id: "1".to_owned(),
            status: status.to_owned(),
            ..Detection::default()
        };
        let nested = |name: &str, drift| NestedDrift {
            logical_id: name.to_owned(),
            stack_id: format!("arn:{name}"),
            drift,
        };
        let complete = || detection("DETECTION_COMPLETE");
        let deepest = Drift::of(
            detection("DETECTION_FAILED"),
            vec![drift("Topic", "MODIFIED")],
            Vec::new(),
            &[],
            Vec::new(),
        );
        let inner = vec![
            nested("Deepest", Ok(deepest)),
            nested("Broken", Err("it is DELETE_FAILED".to_owned())),
        ];
        let middle = Drift::of(complete(), Vec::new(), Vec::new(), &[], inner);
        let resources = vec![
            resource("Middle", "CREATE_COMPLETE"),
            resource("Other", "CREATE_COMPLETE"),
        ];
        let checked = vec![drift("Bucket", "IN_SYNC")];
        let root = Drift::of(
            complete(),
            checked,
            resources,
            &[],
            vec![nested("Middle", Ok(middle))],
        );
        assert!(root.is_drifted() && root.drifted().next().is_none());
        let summary = root.summary();
        let counts = [
            summary.modified,
            summary.in_sync,
            summary.unknown,
            summary.not_checked,
        ];
        assert_eq!(counts, [1, 1, 1, 1]);
        assert_eq!(
            root.failures(),
            [
                "Middle: Deepest: DETECTION_FAILED",
                "Middle: Broken: it is DELETE_FAILED"
            ]
        );
    }
}
