//! The model of a bucket and of CloudFormation.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

use jiff::Timestamp;
use stackctl::artifact::digest::Digest;
use stackctl::cloudformation::status::StackStatus;
use stackctl::plan::garbage::announcement::{self, Announcement, Concern, concern};
use stackctl::plan::garbage::{FRESH, Listing, Version};
use stackctl::plan::record::record_key;

use super::{PROJECT, ZIPS};

/// What a deployment sends: a nested template or none, and zips that the template itself names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Source {
    pub(super) child: Option<String>,
    pub(super) zips: BTreeSet<String>,
}

impl Source {
    /// Returns the text of the stack's template.
    pub(super) fn text(&self) -> String {
        let keys = self.child.iter().chain(&self.zips);
        keys.cloned().collect::<Vec<_>>().join(" ")
    }
}

/// The keys of the zips.
pub(super) static ZIP_KEYS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let digests = (0..ZIPS).map(|number| Digest::of(format!("zip {number}")));
    digests
        .map(|digest| format!("{PROJECT}/code/{digest}.zip"))
        .collect()
});

/// The nested templates, each with its key; each names the zip of the same number.
pub(super) static CHILDREN: LazyLock<Vec<(String, String)>> = LazyLock::new(|| {
    let texts = ZIP_KEYS.iter().map(|key| format!("S3Key: {key}"));
    texts
        .map(|text| {
            let key = format!("{PROJECT}/templates/{}.yaml", Digest::of(&text));
            (key, text)
        })
        .collect()
});

pub(super) fn zip(number: usize) -> String {
    ZIP_KEYS[number].clone()
}

pub(super) fn text_of(key: &str, contents: &BTreeMap<String, String>) -> String {
    let child = CHILDREN.iter().find(|(name, _)| name == key);
    let text = child.map(|it| &it.1).or_else(|| contents.get(key));
    text.cloned().unwrap_or_default()
}

/// An update that is running.
#[derive(Debug, Clone)]
pub(super) struct Running {
    pub(super) before: Option<Source>,
    pub(super) after: Source,
    /// What CloudFormation has yet to read.
    pub(super) reads: Vec<String>,
    pub(super) is_rolling_back: bool,
    pub(super) token: usize,
}

#[derive(Debug, Clone, Default)]
pub(super) struct Stack {
    pub(super) deployed: Option<Source>,
    pub(super) running: Option<Running>,
    pub(super) is_failed: bool,
    /// The template before the failed update.
    pub(super) before: Option<Source>,
    pub(super) change_sets: BTreeMap<usize, Source>,
    pub(super) updates: usize,
    pub(super) last_success: Option<usize>,
    pub(super) records: u64,
}

impl Stack {
    pub(super) fn status(&self) -> StackStatus {
        match &self.running {
            Some(running) if running.before.is_none() => StackStatus::CreateInProgress,
            Some(running) if running.is_rolling_back => StackStatus::UpdateRollbackInProgress,
            Some(_) => StackStatus::UpdateInProgress,
            None if self.is_failed => StackStatus::UpdateRollbackFailed,
            None if self.deployed.is_none() => StackStatus::ReviewInProgress,
            None => StackStatus::UpdateComplete,
        }
    }

    pub(super) fn state(&self) -> (String, usize) {
        (self.status().to_string(), self.updates)
    }
}

#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) now: i64,
    pub(super) versions: BTreeMap<String, Vec<(usize, i64, bool)>>,
    pub(super) contents: BTreeMap<String, String>,
    pub(super) stacks: Vec<Stack>,
    pub(super) made: usize,
    pub(super) failures: Vec<String>,
    /// How often each thing happened.
    pub(super) marked: usize,
    pub(super) deleted: usize,
    pub(super) executed: usize,
    pub(super) waited: usize,
}

impl World {
    pub(super) fn time(&self) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + self.now).unwrap()
    }

    pub(super) fn next(&mut self) -> usize {
        self.made += 1;
        self.made
    }

    pub(super) fn write(&mut self, key: &str, is_marker: bool) {
        let id = self.next();
        let versions = self.versions.entry(key.to_owned()).or_default();
        versions.push((id, self.now, is_marker));
    }

    pub(super) fn delete(&mut self, version: &Version) {
        if let Some(versions) = self.versions.get_mut(&version.key) {
            versions.retain(|it| it.0.to_string() != version.id);
        }
    }

    pub(super) fn visible(&self, key: &str) -> bool {
        let newest = self.versions.get(key).and_then(|it| it.last());
        newest.is_some_and(|it| !it.2)
    }

    /// Returns whether an object is there and, with `FRESH`, young enough.
    pub(super) fn is_there(&self, key: &str, is_fresh: bool) -> bool {
        let newest = self.versions.get(key).and_then(|it| it.last());
        newest.is_some_and(|it| !it.2 && (!is_fresh || self.now - it.1 < FRESH.as_secs()))
    }

    pub(super) fn read(&mut self, key: &str, who: &str) {
        if !self.visible(key) {
            self.failures.push(format!("{who} does not find {key}"));
        }
    }

    pub(super) fn listing(&self) -> Listing {
        let versions = self.versions.iter().flat_map(|(key, versions)| {
            versions
                .iter()
                .enumerate()
                .map(|(index, (id, written, is_marker))| Version {
                    key: key.clone(),
                    id: id.to_string(),
                    modified: Timestamp::from_second(1_800_000_000 + written).ok(),
                    size: 1,
                    is_marker: *is_marker,
                    is_latest: index + 1 == versions.len(),
                })
        });
        Listing::new(PROJECT, versions)
    }

    pub(super) fn concern(&self, keys: &[String]) -> Concern {
        let prefix = announcement::prefix(PROJECT);
        let announced = self.versions.iter().filter(|it| it.0.starts_with(&prefix));
        let concerns = announced
            .filter(|it| self.visible(it.0))
            .map(|(key, versions)| {
                let written = versions.last().map_or(0, |it| it.1);
                let content = self.contents.get(key).map_or("", String::as_str);
                let keys = keys.iter().map(String::as_str);
                let modified = Timestamp::from_second(1_800_000_000 + written).ok();
                let read = Announcement::read(content.as_bytes());
                concern(read.as_ref(), modified, Some(self.time()), keys)
            });
        concerns.max().unwrap_or(Concern::Nothing)
    }

    /// CloudFormation does something.
    pub(super) fn advance(&mut self, stack: usize, choice: usize) {
        let Some(mut running) = self.stacks[stack].running.clone() else {
            return;
        };
        if let Some(key) = running.reads.pop() {
            self.read(&key, "CloudFormation");
            // Another resource fails.
            if choice.is_multiple_of(7) && !running.is_rolling_back {
                running.is_rolling_back = true;
                running.reads = keys_of(running.before.as_ref());
            }
            self.stacks[stack].running = Some(running);
            return;
        }
        let state = &mut self.stacks[stack];
        state.running = None;
        state.updates += 1;
        if running.is_rolling_back {
            state.deployed.clone_from(&running.before);
            state.before = running.before;
            state.is_failed = choice.is_multiple_of(3) && state.deployed.is_some();
            if state.is_failed {
                // CloudFormation shows the template of the failed update.
                state.deployed = Some(running.after);
            }
            return;
        }
        state.is_failed = false;
        state.deployed = Some(running.after.clone());
        state.last_success = Some(running.token);
        if !choice.is_multiple_of(4) {
            state.records += 1;
            let key = record_key(PROJECT, &format!("stack-{stack}"), state.records);
            let content = format!("token {} {}", running.token, running.after.text());
            self.contents.insert(key.clone(), content);
            self.write(&key, false);
        }
    }

    /// Continues the rollback of a failed update, which reads what the template before it needs.
    pub(super) fn recover(&mut self, stack: usize) {
        let token = self.next();
        let state = &mut self.stacks[stack];
        if !state.is_failed || state.running.is_some() {
            return;
        }
        state.is_failed = false;
        state.updates += 1;
        state.running = Some(Running {
            before: state.before.clone(),
            after: state.before.clone().unwrap_or_default(),
            reads: keys_of(state.before.as_ref()),
            is_rolling_back: true,
            token,
        });
    }
}

/// Returns every key that a template needs, those of its nested template too.
pub(super) fn keys_of(source: Option<&Source>) -> Vec<String> {
    let Some(source) = source else {
        return Vec::new();
    };
    let mut keys: Vec<String> = source.zips.iter().cloned().collect();
    for (number, (key, _)) in CHILDREN.iter().enumerate() {
        if source.child.as_ref() == Some(key) {
            keys.extend([key.clone(), zip(number)]);
        }
    }
    keys
}
