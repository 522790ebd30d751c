//! Where the failures of an operation stand: in the project's template, or in that of a nested stack.
//!
//! What fails in a nested stack has its line in a template that only its author and CloudFormation
//! know. The service gives it as it was deployed. Where a file beside the project's template says the
//! same, that file is what the user will want to change; else the service's own text is quoted.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use super::Running;
use crate::cloudformation::diagnosis;
use crate::cloudformation::event::Event;
use crate::diagnostic::{Diagnostic, SourceFile};
use crate::operations::build::Build;
use crate::template::Template;

/// How many failures are shown at their places.
const PLACES: usize = 5;

impl Running<'_> {
    /// Returns the first of these failures that have a place, each at it. `build` is what was deployed.
    pub(crate) async fn places(&self, failed: &[&Event], build: &Build) -> Vec<Diagnostic> {
        let mut nested: HashMap<&str, Option<Template>> = HashMap::new();
        let mut found = Vec::new();
        for event in failed {
            let translate = |found| {
                let origins = &self.session.settings.origins;
                build.rendered.translate(found, origins)
            };
            let place = if event.nested_in.is_empty() {
                diagnosis::diagnostic(event, &build.template).map(translate)
            } else {
                let own = match nested.entry(&event.stack_id) {
                    Entry::Occupied(known) => known.into_mut(),
                    Entry::Vacant(new) => new.insert(self.nested_template(event).await),
                };
                own.as_ref()
                    .and_then(|own| diagnosis::diagnostic(event, own))
                    .or_else(|| {
                        diagnosis::diagnostic_outside(event, &build.template).map(translate)
                    })
            };
            found.extend(place);
            if found.len() == PLACES {
                break;
            }
        }
        found
    }

    /// Returns the template of the nested stack that an event belongs to; `None` where it cannot be
    /// read.
    async fn nested_template(&self, event: &Event) -> Option<Template> {
        let text = self.service.template_of_nested(&event.stack_id).await?;
        let session = self.session;
        let local = session
            .project
            .file_with_same_content(&session.settings.template, &text);
        let source = local.unwrap_or_else(|| {
            let name = format!("the template of `{}`", event.nested_in.join("/"));
            SourceFile::new(name, text)
        });
        Template::parse(&source).ok()
    }
}
