//! The places of an operation's failures: in the project's template, or in that of a nested stack.
//!
//! The template of a nested stack is read from the service, as it was deployed. If a file next to the
//! project's template has the same content, the user will want to change that file, so it is quoted;
//! else the service's text is quoted.

use crate::aws::stack::change_set;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::RunningOperation;
use crate::cloudformation::diagnosis;
use crate::cloudformation::event::Event;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::operations::build::Build;
use crate::template::Template;

/// How many failures are shown at their places.
const PLACES: usize = 5;

/// Returns the first of these failures whose place is known, each at it. `build` is what was deployed.
pub(super) async fn locate(
    operation: &RunningOperation<'_>,
    failed: &[&Event],
    build: &Build,
) -> Vec<Diagnostic> {
    let mut nested: HashMap<&str, Option<Template>> = HashMap::new();
    let mut found = Vec::new();
    for event in failed {
        let translate = |found| {
            let origins = &operation.session().settings().origins;
            build.rendered.translate(found, origins)
        };
        let place = if event.nested_in.is_empty() {
            diagnosis::diagnostic(event, &build.template).map(translate)
        } else {
            let own = match nested.entry(&event.stack_id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(new) => new.insert(nested_template(operation, event).await),
            };
            own.as_ref()
                .and_then(|own| diagnosis::diagnostic(event, own))
                .or_else(|| diagnosis::diagnostic_outside(event, &build.template).map(translate))
        };
        found.extend(place);
        if found.len() == PLACES {
            break;
        }
    }
    found
}

/// Returns the template of the nested stack that an event belongs to; `None` if it cannot be read.
async fn nested_template(operation: &RunningOperation<'_>, event: &Event) -> Option<Template> {
    let service = operation.service();
    let text = change_set::template_of_nested(service, &event.stack_id).await?;
    let session = operation.session();
    let local = session
        .project()
        .file_with_same_content(&session.settings().template, &text);
    let source = local.unwrap_or_else(|| {
        let name = format!("the template of `{}`", event.nested_in.join("/"));
        SourceFile::new(name, text)
    });
    Template::parse_deployed(&source).ok()
}
