//! Drift: where the world left what was deployed.
//!
//! CloudFormation compares, on request, what it deployed with what the services say at present. Its
//! answer comes resource by resource, and silence in it means two things: a resource that is not
//! named was either not asked about, or is of a type that cannot be compared. A [`Drift`] therefore
//! holds the stack's other resources too, so that "no drift" is never said of what nobody looked at.

use jiff::Timestamp;

use crate::cloudformation::stack::Resource;
use crate::template::pointer;

/// How the service writes the side of a value that is not there.
const NOTHING: [&str; 2] = ["", "null"];

/// One run of the detection.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Detection {
    /// Its id.
    pub id: String,
    /// How far it is, such as `DETECTION_COMPLETE`.
    pub status: String,
    /// Why it has that status, where the service says so.
    pub reason: Option<String>,
    /// What it found of the stack as a whole, such as `DRIFTED`.
    pub stack_status: String,
    /// When it was asked for.
    pub started: Option<Timestamp>,
}

impl Detection {
    /// Returns whether it has ended. A status that is not known is judged by its ending.
    pub fn is_terminal(&self) -> bool {
        !self.status.ends_with("_IN_PROGRESS")
    }

    /// Returns whether it could not check everything that it was to check.
    pub fn is_failed(&self) -> bool {
        self.status != "DETECTION_COMPLETE"
    }
}

/// How a resource compares with what was deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DriftStatus {
    /// It is as it was deployed.
    InSync,
    /// Properties differ.
    Modified,
    /// It is not there any more.
    Deleted,
    /// Nobody looked.
    NotChecked,
    /// The service tried to look and could not.
    Unknown,
    /// It is of a type that cannot be compared.
    Unsupported,
    /// One that this version does not know.
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

    /// Returns whether the resource is certainly not as it was deployed.
    pub fn is_drifted(&self) -> bool {
        matches!(self, Self::Modified | Self::Deleted)
    }
}

/// What the service says of one resource that it looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceDrift {
    /// Its name in the template.
    pub logical_id: String,
    /// Its name in the world.
    pub physical_id: Option<String>,
    /// Its type, such as `AWS::S3::Bucket`.
    pub resource_type: String,
    /// How it compares.
    pub status: DriftStatus,
    /// Why it has that status, where the service says so.
    pub reason: Option<String>,
    /// The properties as they were deployed, a JSON document; only those that the template sets.
    pub expected: Option<String>,
    /// The same properties as they are now, a JSON document.
    pub actual: Option<String>,
    /// What differs, in the service's order.
    pub differences: Vec<Difference>,
    /// When it was looked at.
    pub checked: Option<Timestamp>,
}

/// A property that is not as it was deployed, as the service tells it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Difference {
    /// The place below the resource's properties, such as `/Environment/Variables/LEVEL`.
    pub path: String,
    /// The deployed value; `None` where the property was added since.
    pub expected: Option<String>,
    /// The live value; `None` where the property was removed since.
    pub actual: Option<String>,
    /// `ADD`, `REMOVE` or `NOT_EQUAL`.
    pub kind: String,
}

impl Difference {
    /// Returns a difference; a side that does not exist is told by the service in several ways.
    pub fn new(
        path: impl Into<String>,
        kind: impl Into<String>,
        expected: Option<String>,
        actual: Option<String>,
    ) -> Self {
        let kind = kind.into();
        let side = |value: Option<String>, missing: bool| {
            value.filter(|value| !(missing && NOTHING.contains(&value.as_str())))
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

/// A stack's drift.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drift {
    /// The run of the detection that found it.
    pub detection: Detection,
    /// The resources that were looked at, in the service's order.
    pub resources: Vec<ResourceDrift>,
    /// Resources of the stack that nobody looked at, in the service's order.
    pub unchecked: Vec<Resource>,
}

/// How many resources have each status.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DriftSummary {
    /// Resources with properties that differ.
    pub modified: usize,
    /// Resources that are gone.
    pub deleted: usize,
    /// Resources that are as they were deployed.
    pub in_sync: usize,
    /// Resources that the service tried to look at, without a result.
    pub unknown: usize,
    /// Resources that nobody looked at.
    pub not_checked: usize,
}

impl Drift {
    /// Returns the drift of what was asked about: the resources `only`, or all where it is empty.
    ///
    /// `checked` is what the service says of resources, also from earlier runs; `resources` is what
    /// the stack has.
    pub fn of(
        detection: Detection,
        checked: Vec<ResourceDrift>,
        resources: Vec<Resource>,
        only: &[String],
    ) -> Self {
        let is_asked = |name: &String| only.is_empty() || only.contains(name);
        let is_silent = |drift: &ResourceDrift| {
            matches!(
                drift.status,
                DriftStatus::NotChecked | DriftStatus::Unsupported
            )
        };
        let checked: Vec<ResourceDrift> = checked
            .into_iter()
            .filter(|drift| is_asked(&drift.logical_id) && !is_silent(drift))
            .collect();
        let unchecked = resources.into_iter().filter(|resource| {
            let name = &resource.logical_id;
            let is_gone = resource.status == "DELETE_COMPLETE";
            is_asked(name) && !is_gone && !checked.iter().any(|drift| drift.logical_id == *name)
        });
        Self {
            unchecked: unchecked.collect(),
            detection,
            resources: checked,
        }
    }

    /// Returns the resources that are not as they were deployed.
    pub fn drifted(&self) -> impl Iterator<Item = &ResourceDrift> {
        let resources = self.resources.iter();
        resources.filter(|drift| drift.status.is_drifted())
    }

    /// Returns whether a resource is certainly not as it was deployed.
    pub fn is_drifted(&self) -> bool {
        self.drifted().next().is_some()
    }

    /// Returns how many resources have each status.
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
    fn silence_about_a_resource_is_not_taken_for_agreement() {
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
