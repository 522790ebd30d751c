//! Artifacts that several stacks share are packaged once.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use indexmap::IndexMap;

use super::{Artifact, build_each};
use crate::artifact::requirements::Packages;
use crate::config::project::{Project, artifact_files};
use crate::config::settings::{ArtifactSettings, Settings};
use crate::error::Result;

/// What was packaged in this process. Copies share it.
#[derive(Debug, Clone, Default)]
pub struct PackagedOnce(Arc<Mutex<Vec<(Key, Slot)>>>);

/// What decides the content of an artifact, as long as no file changes.
#[derive(Debug, PartialEq, Eq)]
struct Key {
    project: String,
    name: String,
    settings: ArtifactSettings,
    wheels: Vec<String>,
}

/// The artifact; `None` while nobody has built it.
type Slot = Arc<Mutex<Option<Artifact>>>;

impl PackagedOnce {
    /// Returns the artifacts of the settings by name, in the order of the manifest. Those that were not
    /// built yet are built in parallel. If another thread builds one of them, this one waits.
    ///
    /// # Errors
    ///
    /// As [`build_all`](super::build_all).
    pub fn build_all(
        &self,
        project: &Project,
        settings: &Settings,
        packages: &Packages,
    ) -> Result<IndexMap<String, Artifact>> {
        let slots: Vec<(&String, usize, Slot)> = settings
            .artifacts
            .iter()
            .map(|(name, artifact)| {
                let wheels = packages.of(name).iter();
                let (index, slot) = self.slot(Key {
                    project: settings.project.clone(),
                    name: name.clone(),
                    settings: artifact.clone(),
                    wheels: wheels.map(|wheel| wheel.file_name.clone()).collect(),
                });
                (name, index, slot)
            })
            .collect();
        // Every thread takes them in the same order, so none waits for another in a circle.
        let mut order: Vec<_> = slots.iter().collect();
        order.sort_by_key(|(_, index, _)| *index);
        let mut taken: Vec<(&String, MutexGuard<'_, Option<Artifact>>)> = order
            .into_iter()
            .map(|(name, _, slot)| (*name, slot.lock().unwrap_or_else(PoisonError::into_inner)))
            .collect();
        let is_missing = |name: &String| {
            let mut taken = taken.iter();
            taken.any(|(known, slot)| *known == name && slot.is_none())
        };
        let missing: Vec<&String> = settings
            .artifacts
            .keys()
            .filter(|it| is_missing(it))
            .collect();
        let lists = missing
            .into_iter()
            .map(|name| artifact_files(project, name, settings))
            .collect::<Result<Vec<_>>>()?;
        for artifact in build_each(&settings.project, &lists, packages)? {
            if let Some((_, slot)) = taken.iter_mut().find(|(name, _)| **name == artifact.name) {
                **slot = Some(artifact);
            }
        }
        let built = settings.artifacts.keys().filter_map(|name| {
            let (_, slot) = taken.iter().find(|(known, _)| *known == name)?;
            Some((name.clone(), (**slot).clone()?))
        });
        Ok(built.collect())
    }

    /// Returns the slot of an artifact, and its place among all.
    fn slot(&self, key: Key) -> (usize, Slot) {
        let mut slots = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = slots.iter().position(|(known, _)| *known == key);
        let index = found.unwrap_or_else(|| {
            slots.push((key, Slot::default()));
            slots.len() - 1
        });
        let slot = slots.get(index).map(|(_, slot)| Arc::clone(slot));
        (index, slot.unwrap_or_default())
    }
}
