//! The timeline of an operation, with the dependencies of the templates that the stacks have now.

use futures_util::stream::{self, StreamExt as _};
use jiff::Timestamp;

use crate::aws::stack::StackService;
use crate::aws::stack::inventory::{self, Read};
use crate::cloudformation::chart::{Chart, Dependencies};
use crate::cloudformation::event::Event;
use crate::diagnostic::SourceFile;
use crate::template::Template;

/// How many templates are read at once.
const AT_ONCE: usize = 8;

/// The timeline of an operation, and what it lacks.
pub(crate) struct OperationChart {
    /// The timeline; `None` if there are no events of resources.
    pub(crate) chart: Option<Chart>,
    /// The templates that could not be read, with the reasons.
    pub(crate) left_out: Vec<String>,
}

/// Returns the timeline of the operation on a stack with these events, oldest first. If the operation is
/// running, its bars are open until now.
///
/// A template that cannot be read makes the timeline no failure: what its resources waited for is then
/// taken from the times.
pub(crate) async fn read(
    service: &StackService,
    events: &[Event],
    is_running: bool,
) -> OperationChart {
    let mut stacks: Vec<(&str, &[String])> = Vec::new();
    for event in events.iter().filter(|event| !event.is_of_the_stack()) {
        if !stacks.iter().any(|(id, _)| *id == event.stack_id) {
            stacks.push((&event.stack_id, &event.nested_in));
        }
    }
    let reads = stacks.into_iter().map(|(id, path)| async move {
        let read = inventory::template(service, id, None, true).await;
        let template = match read {
            Ok(Read::Known(text)) => parse(text),
            Ok(Read::Missing) => Err("there is none".to_owned()),
            Ok(Read::Denied) => Err("cloudformation:GetTemplate is not allowed".to_owned()),
            Err(error) => Err(error.to_string()),
        };
        (path, template)
    });
    let reads: Vec<_> = stream::iter(reads).buffered(AT_ONCE).collect().await;
    let mut dependencies = Dependencies::default();
    let mut left_out = Vec::new();
    for (path, template) in reads {
        match template {
            Ok(template) => dependencies.add(path, &template),
            Err(reason) => {
                let stack = match path {
                    [] => "the stack".to_owned(),
                    path => format!("the nested stack `{}`", path.join("/")),
                };
                left_out.push(format!("the template of {stack} is not known: {reason}"));
            }
        }
    }
    let now = is_running.then(Timestamp::now);
    let chart = Chart::of(events, &dependencies, now);
    OperationChart {
        chart: chart.filter(|chart| !chart.bars.is_empty()),
        left_out,
    }
}

fn parse(text: String) -> Result<Template, String> {
    let source = SourceFile::new("the deployed template", text);
    let unreadable = "it cannot be read as a template".to_owned();
    Template::parse_deployed(&source).map_err(|_| unreadable)
}
