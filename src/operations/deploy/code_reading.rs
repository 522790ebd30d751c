//! The code that Lambda runs, read while the rest of a deployment is still running.
//!
//! A function is read as soon as an event says that it is done, and those that the deployment does not
//! change at its beginning. So nobody waits for these answers after the deployment, unless a function was
//! its last resource. An answer that is missing or not the expected one decides nothing: `code_check` asks
//! again at the end.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::future;
use futures_util::stream::{self, Stream, StreamExt as _};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinSet;

use super::deployment::Deployment;
use crate::aws::functions::Functions;
use crate::aws::stack::StackService;
use crate::cloudformation::change_set::Change;
use crate::cloudformation::event::Event;
use crate::operations::build::Build;
use crate::operations::function_code;
use crate::template::{STACK_TYPE, Template};

/// How many functions are read at once; Lambda allows 100 such calls per second
/// (Lambda quotas, control plane `GetFunction` API requests).
pub(super) const AT_ONCE: usize = 10;

/// What is known of functions before a deployment has ended.
#[derive(Debug, Default)]
pub(super) struct CodeRead {
    /// The physical names of functions of the stack itself that the deployment does not change, by
    /// logical id.
    pub(super) names: BTreeMap<String, String>,
    /// The SHA-256 of the functions' code in Base64, by the functions' physical names.
    pub(super) digests: BTreeMap<String, String>,
}

/// The reading. It ends with this value.
#[derive(Debug)]
pub(crate) struct CodeReading(JoinSet<CodeRead>);

impl CodeReading {
    /// Begins to read the functions of a stack while these changes are made, and returns where the
    /// events of the operation are to be sent. Nothing is read if no function has an artifact.
    pub(super) fn begin(
        deployment: &Deployment<'_>,
        changes: &[Change],
    ) -> (Self, Option<UnboundedSender<Event>>) {
        let mut reading = JoinSet::new();
        let build = deployment.build();
        let paths: BTreeSet<String> = paths(&build.template, build);
        if paths.is_empty() {
            return (Self(reading), None);
        }
        let is_changed = |path: &&String| changes.iter().any(|it| it.logical_id == **path);
        let of_stack = paths.iter().filter(|path| !path.contains('/'));
        let unchanged: Vec<String> = of_stack.filter(|it| !is_changed(it)).cloned().collect();
        let functions = Functions::new(deployment.connection());
        let service = deployment.service().clone();
        let (sender, events) = mpsc::unbounded_channel();
        reading.spawn(read(functions, service, unchanged, paths, events));
        (Self(reading), Some(sender))
    }

    /// Returns what was read, once all that was begun has ended.
    pub(super) async fn end(mut self) -> CodeRead {
        let read = self.0.join_next().await;
        read.and_then(Result::ok).unwrap_or_default()
    }
}

/// Reads these unchanged functions, and those among `paths` that an event says are done. Ends when no
/// more events come.
async fn read(
    functions: Functions,
    service: StackService,
    unchanged: Vec<String>,
    paths: BTreeSet<String>,
    events: UnboundedReceiver<Event>,
) -> CodeRead {
    let listed = async {
        let mut names = BTreeMap::new();
        if !unchanged.is_empty() {
            // If they cannot be listed now, they are at the end.
            let resources = service.resources().await.unwrap_or_default();
            let resources = resources
                .into_iter()
                .filter(|it| unchanged.contains(&it.logical_id));
            names.extend(resources.filter_map(|it| Some((it.logical_id, it.physical_id?))));
        }
        let digests = digests(&functions, stream::iter(names.values().cloned())).await;
        (names, digests)
    };
    let done = stream::unfold((events, paths), |(mut events, paths)| async move {
        let event: Event = events.recv().await?;
        let is_read = is_done(&event) && paths.contains(&event.path());
        Some((is_read.then_some(event.physical_id), (events, paths)))
    });
    let done = done.filter_map(future::ready);
    let ((names, unchanged), changed) = tokio::join!(listed, digests(&functions, done));
    CodeRead {
        names,
        digests: unchanged.into_iter().chain(changed).collect(),
    }
}

/// Returns whether an event says that a function has its new code.
fn is_done(event: &Event) -> bool {
    let status = event.status.as_str();
    event.resource_type == "AWS::Lambda::Function"
        && matches!(status, "CREATE_COMPLETE" | "UPDATE_COMPLETE")
        && !event.physical_id.is_empty()
}

/// Returns the digests of the functions that can be read.
async fn digests(
    functions: &Functions,
    names: impl Stream<Item = String>,
) -> BTreeMap<String, String> {
    let read = names.map(|name| async move {
        let digest = functions.code_sha256(&name).await.ok()??;
        Some((name, digest))
    });
    let read = read.buffer_unordered(AT_ONCE);
    read.filter_map(future::ready).collect().await
}

/// Returns the logical ids of the functions of a template and its nested stacks that have an artifact,
/// each behind those of the nested stacks that it is in, such as `Network/Handler`.
fn paths(template: &Template, build: &Build) -> BTreeSet<String> {
    let functions = function_code::functions(template, &build.artifacts);
    let mut found: BTreeSet<String> = functions.iter().map(|(id, _)| (*id).to_owned()).collect();
    for (id, child) in nested(template, build) {
        found.extend(
            paths(child, build)
                .into_iter()
                .map(|it| format!("{id}/{it}")),
        );
    }
    found
}

/// Returns the nested stacks of a template whose own template is one of the files and has, at any
/// depth, a function with an artifact.
pub(super) fn nested<'b>(template: &'b Template, build: &'b Build) -> Vec<(&'b str, &'b Template)> {
    let mut nested = Vec::new();
    let resources = template.resources();
    for resource in resources.filter(|resource| resource.kind() == Some(STACK_TYPE)) {
        let url = resource.properties().and_then(|it| it.get("TemplateURL"));
        let child = url.and_then(|url| {
            let mut children = build.children.iter();
            children.find(|child| url.contains_text(&child.key))
        });
        let Some(child) = child else { continue };
        let of_child = function_code::functions(&child.template, &build.artifacts);
        let has_functions = !of_child.is_empty();
        if has_functions || !self::nested(&child.template, build).is_empty() {
            nested.push((resource.logical_id(), &child.template));
        }
    }
    nested
}
