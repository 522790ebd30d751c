//! Detecting drift in nested stacks, to any depth.
//!
//! CloudFormation's detection of a stack does not look into the stacks inside it, so each of them gets a
//! detection of its own. They run concurrently. What cannot be checked in a nested stack is part of the
//! result, and does not prevent that of the other stacks.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::pin::Pin;

use futures_util::future::try_join_all;
use tokio::sync::Semaphore;

use super::reread::until_current;
use super::session::Session;
use crate::aws::stack::drift;
use crate::aws::stack::{DetectionUpdate, StackService};
use crate::cloudformation::drift::{Detection, Drift, NestedDrift, ResourceDrift};
use crate::cloudformation::stack::{Resource, Stack};
use crate::cloudformation::status::StackStatus;
use crate::diagnostic::SourceFile;
use crate::error::{Error, ErrorKind, Result};
use crate::plan::masking;
use crate::present::human;
use crate::template::{STACK_TYPE, Template};

/// The number of detections that run at once. CloudFormation limits how often it is asked.
const AT_ONCE: usize = 5;

/// The resources to check in a stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Selection {
    /// The stack's own resources; `None` selects all.
    own: Option<Vec<String>>,
    /// The resources of its nested stacks by their logical ids; `None` selects all.
    nested: Option<BTreeMap<String, Self>>,
}

impl Selection {
    /// Selects all resources, those of nested stacks included.
    pub(crate) const ALL: Self = Self {
        own: None,
        nested: None,
    };

    /// Selects the resources with these names. `Nested.Name` is a resource of a nested stack, and `Nested`
    /// selects all of them. `is_nested` returns whether a name is that of a nested stack.
    pub(crate) fn of_names(only: &[String], is_nested: impl Fn(&str) -> bool) -> Self {
        let mut own = Vec::new();
        let mut inside: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let mut nested = BTreeMap::new();
        for name in only {
            match name.split_once('.') {
                Some((stack, name)) if is_nested(stack) => {
                    let names = inside.entry(stack.to_owned()).or_default();
                    names.push(name.to_owned());
                }
                None if is_nested(name) => {
                    nested.insert(name.clone(), Self::ALL);
                }
                _ => own.push(name.clone()),
            }
        }
        for (stack, names) in inside {
            // The nested stacks among these names are known when the resources of the stack are.
            nested
                .entry(stack)
                .or_insert_with(|| Self::new(names, BTreeMap::new()));
        }
        Self::new(own, nested)
    }

    fn new(mut own: Vec<String>, nested: BTreeMap<String, Self>) -> Self {
        own.sort_unstable();
        own.dedup();
        Self {
            own: Some(own),
            nested: Some(nested),
        }
    }

    /// Returns the same selection for a stack whose nested stacks are known now.
    fn refined(self, is_nested: impl Fn(&str) -> bool) -> Self {
        match self.own {
            Some(own) => Self::of_names(&own, is_nested),
            None => self,
        }
    }

    /// Returns the selection in a nested stack; `None` if nothing in it is selected.
    fn of_nested(&self, logical_id: &str) -> Option<Self> {
        match &self.nested {
            None => Some(Self::ALL),
            Some(nested) => nested.get(logical_id).cloned(),
        }
    }

    /// Returns the stack's own resources that are selected; `None` if all are.
    pub(crate) fn own(&self) -> Option<&[String]> {
        self.own.as_deref()
    }
}

/// Looks into the nested stacks of one stack.
pub(crate) struct NestedDetection<'a> {
    session: &'a Session<'a>,
    permits: Semaphore,
    running: Cell<usize>,
}

/// A stack whose resources are known.
pub(crate) struct Level<'a> {
    pub(crate) service: &'a StackService,
    /// Its deployed template; `None` if it cannot be read.
    pub(crate) template: Option<&'a Template>,
    pub(crate) resources: Vec<Resource>,
    /// Its parameters with secret values.
    pub(crate) secret: Vec<String>,
    /// The ARNs of the stacks that contain it, and its own.
    pub(crate) above: Vec<String>,
}

impl<'a> NestedDetection<'a> {
    pub(crate) fn new(session: &'a Session<'a>) -> Self {
        Self {
            session,
            permits: Semaphore::new(AT_ONCE),
            running: Cell::new(0),
        }
    }

    /// Detects drift in a stack and in its nested stacks, and returns it without the secrets in it.
    ///
    /// # Errors
    ///
    /// If the stack itself cannot be checked, or a nested stack has no resource that is selected.
    pub(crate) fn run<'f>(
        &'f self,
        level: Level<'f>,
        selection: &'f Selection,
    ) -> Pin<Box<dyn Future<Output = Result<Drift>> + 'f>> {
        Box::pin(async move {
            let is_inside = |resource: &&Resource| {
                let id = nested_id(resource);
                id.is_some_and(|id| !level.above.iter().any(|above| above == id))
            };
            let inside = level.resources.iter().filter(is_inside);
            let inside = inside.filter_map(|resource| {
                let selection = selection.of_nested(&resource.logical_id)?;
                Some(self.inside(&level, resource, selection))
            });
            let own = self.own(&level, selection);
            let ((detection, mut checked), nested) = tokio::try_join!(own, try_join_all(inside))?;
            let given = &self.session.settings().parameters;
            let known = level
                .template
                .map(|template| masking::sent(template, given));
            let known = known.unwrap_or_default();
            for secret in masking::hide_drift(&mut checked, level.template, &level.secret, &known) {
                self.session.presenter().mask(&secret);
            }
            let only = selection.own().unwrap_or_default();
            Ok(match selection.own() {
                Some([]) => Drift {
                    nested,
                    ..Drift::default()
                },
                _ => Drift::of(detection, checked, level.resources, only, nested),
            })
        })
    }

    /// Detects the drift of the stack's own resources.
    async fn own(
        &self,
        level: &Level<'_>,
        selection: &Selection,
    ) -> Result<(Detection, Vec<ResourceDrift>)> {
        if selection.own().is_some_and(<[String]>::is_empty) {
            return Ok(Default::default());
        }
        let _permit = self.permits.acquire().await;
        let only = selection.own().unwrap_or_default();
        self.running.set(self.running.get().saturating_add(1));
        let detected = drift::detect(level.service, only, |news| self.show(&news)).await;
        self.running.set(self.running.get().saturating_sub(1));
        let detection = detected?;
        Ok((detection, drift::resource_drifts(level.service).await?))
    }

    /// Shows the progress of the detections, in one line for all of them.
    fn show(&self, news: &DetectionUpdate<'_>) {
        let stacks = match self.running.get() {
            0 | 1 => String::new(),
            count => format!(" in {count} stacks"),
        };
        self.session.presenter().progress(&match news {
            DetectionUpdate::Running(since) => {
                format!("detecting drift{stacks} · {}", human::clock(*since))
            }
            DetectionUpdate::Waiting(since) => format!(
                "waiting for another detection to end · {}",
                human::clock(*since)
            ),
            DetectionUpdate::PollError(error) => format!("{error}: trying again"),
        });
    }

    /// Detects the drift of a nested stack.
    async fn inside(
        &self,
        parent: &Level<'_>,
        resource: &Resource,
        selection: Selection,
    ) -> Result<NestedDrift> {
        let id = nested_id(resource).unwrap_or_default();
        let drift = match self.look_into(parent, resource, id, selection).await {
            Ok(drift) => Ok(drift),
            Err(error) if error.kind() == ErrorKind::Input => return Err(error),
            Err(error) => Err(error.in_one_line()),
        };
        Ok(NestedDrift {
            logical_id: resource.logical_id.clone(),
            stack_id: id.to_owned(),
            drift,
        })
    }

    async fn look_into(
        &self,
        parent: &Level<'_>,
        resource: &Resource,
        id: &str,
        selection: Selection,
    ) -> Result<Drift> {
        let service = &parent.service.of_stack(id);
        // The stack that contains it is at rest, so an answer that contradicts that is an old one.
        let read =
            async || tokio::try_join!(service.describe(), service.resources(), service.template());
        let is_old = |(stack, ..): &(Option<Stack>, _, _)| {
            stack.as_ref().is_none_or(|it| !it.status.is_terminal())
        };
        let (stack, resources, template) = until_current(read, is_old).await?;
        let Some(stack) = stack else {
            let message = format!("the service knows no stack `{id}`");
            return Err(Error::new(ErrorKind::Service, message));
        };
        if !stack.status.is_terminal() || cannot_be_checked(&stack) {
            return Err(Error::refused(format!("the stack is {}", stack.status)));
        }
        let template = template.and_then(|text| {
            Template::parse_deployed(&SourceFile::new("the deployed template", text)).ok()
        });
        let passed = parent.template.map_or_else(Vec::new, |template| {
            masking::secrets_passed_to(template, &parent.secret, &resource.logical_id)
        });
        let masked = stack.masked_parameters().cloned();
        let secret = masked.chain(passed).collect();
        let above = parent.above.iter().cloned().chain([id.to_owned()]);
        let selection = selection.refined(|name| is_nested(&resources, name));
        check_names(&resource.logical_id, &selection, &resources)?;
        let level = Level {
            service,
            template: template.as_ref(),
            resources,
            secret,
            above: above.collect(),
        };
        self.run(level, &selection).await
    }
}

/// Returns whether a stack at rest is in a state in which the service cannot detect drift. It can after a
/// completed creation, update, rollback of an update (the user guide, "Detect drift on an entire
/// stack") or import. Unknown states are left to the service.
pub(crate) fn cannot_be_checked(stack: &Stack) -> bool {
    matches!(
        stack.status,
        StackStatus::CreateFailed
            | StackStatus::RollbackComplete
            | StackStatus::RollbackFailed
            | StackStatus::DeleteFailed
    )
}

/// Returns whether a stack has a nested stack with this logical id.
pub(crate) fn is_nested(resources: &[Resource], logical_id: &str) -> bool {
    let mut nested = resources.iter().filter(|it| nested_id(it).is_some());
    nested.any(|resource| resource.logical_id == logical_id)
}

/// Returns the ARN of a nested stack that exists.
fn nested_id(resource: &Resource) -> Option<&str> {
    let exists = resource.resource_type == STACK_TYPE && resource.status != "DELETE_COMPLETE";
    let id = resource.physical_id.as_deref().filter(|_| exists);
    id.filter(|id| id.starts_with("arn:"))
}

fn check_names(stack: &str, selection: &Selection, resources: &[Resource]) -> Result<()> {
    let own = selection.own().unwrap_or_default().iter();
    let is_missing = |name: &&String| resources.iter().all(|it| it.logical_id != **name);
    match own.clone().find(is_missing) {
        Some(name) => Err(Error::input(format!(
            "the nested stack `{stack}` has no resource `{name}`"
        ))),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::Selection;

    #[test]
    fn names_select_resources_and_nested_stacks() {
        let selection = |only: &[&str]| {
            let only: Vec<String> = only.iter().map(|it| (*it).to_owned()).collect();
            Selection::of_names(&only, |name| name == "Nested" || name == "Whole")
        };
        let some = selection(&[
            "B",
            "A",
            "B",
            "Nested.X",
            "Nested.Deep.Y",
            "Whole",
            "Whole.Z",
        ]);
        assert_eq!(some.own(), Some(&["A".to_owned(), "B".to_owned()][..]));
        let inside = some.of_nested("Nested");
        let names = ["Deep.Y".to_owned(), "X".to_owned()];
        assert_eq!(inside.as_ref().and_then(Selection::own), Some(&names[..]));
        let refined = inside.map(|it| it.refined(|name| name == "Deep"));
        let deep = refined.and_then(|it| it.of_nested("Deep"));
        assert_eq!(
            deep.as_ref().and_then(Selection::own),
            Some(&["Y".to_owned()][..])
        );
        assert_eq!(some.of_nested("Whole"), Some(Selection::ALL));
        assert_eq!(some.of_nested("Other"), None);
        // A name with a dot whose first part is no nested stack is reported as it is.
        assert_eq!(selection(&["A.B"]).own(), Some(&["A.B".to_owned()][..]));
        assert_eq!(Selection::ALL.of_nested("Any"), Some(Selection::ALL));
    }
}
