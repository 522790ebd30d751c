//! The announcement of a garbage collection, from which a concurrent deployment knows what to wait for.
//!
//! A garbage collection decides by what it has read and marks objects a moment later. A deployment could
//! look at its objects and execute its change set between the two, and CloudFormation would not find
//! them. So a garbage collection announces the keys first and reads after that. A deployment creates its
//! change set first and reads the announcements after that. If the deployment sees no announcement, the
//! garbage collection sees its change set; otherwise, the deployment waits and looks at its objects again.
//!
//! An announcement holds for [`LEASE`], so that nobody waits longer for a run that was killed. A garbage
//! collection stops marking long before its end ([`WORK`]).

use std::collections::BTreeSet;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result};

/// How long an announcement holds, by the bucket's clock.
pub const LEASE: SignedDuration = SignedDuration::from_mins(10);

/// How long after its announcement a garbage collection begins a further request. Each ends within two
/// minutes.
pub const WORK: Duration = Duration::from_mins(6);

/// How long before the announcements a deployment may have looked at its objects, by the bucket's clock.
/// The last mark of a garbage collection comes two minutes after [`WORK`] at the latest. So if the look was
/// before it, the announcement still holds.
pub const LOOK: SignedDuration = SignedDuration::from_mins(1);

const SCHEMA: &str = "gc-announcement/1";

/// The announcement of a garbage collection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Announcement {
    schema: String,
    /// Whether the garbage collection has ended.
    ended: bool,
    /// The keys that it may mark or delete.
    keys: BTreeSet<String>,
}

impl Announcement {
    /// Returns the announcement of a garbage collection that may mark or delete these keys.
    pub fn new<'k>(keys: impl Iterator<Item = &'k str>) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            ended: false,
            keys: keys.map(str::to_owned).collect(),
        }
    }

    /// Returns the same announcement after the end of the garbage collection.
    #[must_use]
    pub fn ended(self) -> Self {
        Self {
            ended: true,
            ..self
        }
    }

    /// Returns the announcement in an object; `None` if it cannot be read, so that it may name any key.
    pub fn read(content: &[u8]) -> Option<Self> {
        let read: Option<Self> = serde_json::from_slice(content).ok();
        read.filter(|it| it.schema == SCHEMA)
    }

    /// Returns the content of its object.
    ///
    /// # Errors
    ///
    /// If it cannot be written as JSON.
    pub fn to_json(&self) -> Result<String> {
        serde_json::to_string(self).map_err(|error| Error::system("cannot write JSON", error))
    }
}

/// What the announcements mean for a deployment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Concern {
    /// They name none of its objects.
    Nothing,
    /// A garbage collection that has ended may have marked its objects: it looks at them again.
    Ended,
    /// A garbage collection that is running may mark its objects: it waits.
    Running,
}

/// Returns what one announcement means for a deployment that needs these keys. `modified` is the time of
/// the announcement and `now` the time, both by the bucket's clock; `None` is a time that is not known.
pub fn concern<'k>(
    announcement: Option<&Announcement>,
    modified: Option<Timestamp>,
    now: Option<Timestamp>,
    mut keys: impl Iterator<Item = &'k str>,
) -> Concern {
    if !is_current(modified, now) {
        return Concern::Nothing;
    }
    let Some(announcement) = announcement else {
        return Concern::Running;
    };
    if !keys.any(|key| announcement.keys.contains(key)) {
        Concern::Nothing
    } else if announcement.ended {
        Concern::Ended
    } else {
        Concern::Running
    }
}

/// Returns whether a deployment may rely on a look at its objects if no announcement concerns them. Both
/// are asked at the same time, and a machine may sleep between the two answers. `looked` is the time of
/// the first answer about an object and `listed` that of the announcements, both by the bucket's clock;
/// `None` is a time that is not known.
pub fn is_recent(looked: Option<Timestamp>, listed: Option<Timestamp>) -> bool {
    let times = looked.zip(listed);
    times.is_some_and(|(looked, listed)| listed.duration_since(looked) <= LOOK)
}

/// Returns whether an announcement still holds.
pub fn is_current(modified: Option<Timestamp>, now: Option<Timestamp>) -> bool {
    match (modified, now) {
        (Some(modified), Some(now)) => now.duration_since(modified) < LEASE,
        _ => true,
    }
}

/// Returns the beginning of the keys of a project's announcements. No artifact has a name that begins so.
pub fn prefix(project: &str) -> String {
    format!("{project}/.gc/")
}

/// Returns the key of an announcement.
pub fn key(project: &str, id: &str) -> String {
    format!("{}{id}.json", prefix(project))
}

/// Returns whether a key is that of an announcement.
pub fn is_announcement(project: &str, key: &str) -> bool {
    let id = key.strip_prefix(&prefix(project));
    let id = id.and_then(|it| it.strip_suffix(".json"));
    id.is_some_and(|id| {
        id.starts_with("stackctl-gc-")
            && id
                .bytes()
                .all(|it| it.is_ascii_alphanumeric() || it == b'-')
    })
}
