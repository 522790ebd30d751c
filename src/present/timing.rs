//! Prints how long each call to AWS and the whole command took.

use std::fmt::{Debug, Write as _};
use std::time::Instant;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use super::streams::Streams;
use super::style::DIM;
use crate::util::span;

/// Writes one line to stderr for each of the program's own spans when it ends.
#[derive(Debug)]
pub(super) struct Timings(pub(super) Streams);

/// The start and the fields of a span.
struct Running {
    started: Instant,
    fields: Fields,
}

/// The fields of a span by name, with their latest values.
#[derive(Default)]
struct Fields(Vec<(&'static str, String)>);

/// Returns whether a span is one of the program's own, which are printed.
pub(super) fn is_printed(metadata: &Metadata<'_>) -> bool {
    metadata.target() == span::TARGET
}

impl<S> Layer<S> for Timings
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else {
            return;
        };
        let mut fields = Fields::default();
        attributes.record(&mut fields);
        let started = Instant::now();
        span.extensions_mut().insert(Running { started, fields });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(running) = span.extensions_mut().get_mut::<Running>()
        {
            values.record(&mut running.fields);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let label = context
            .span_scope(&id)
            .and_then(|mut scope| scope.find_map(|span| label_of(&span)));
        if let Some(span) = context.span(&id)
            && let Some(running) = span.extensions_mut().remove::<Running>()
        {
            let seconds = running.started.elapsed().as_secs_f64();
            let text = match span.name() {
                span::COMMAND => running.fields.command(),
                _ => running.fields.call(),
            };
            let label = label.map_or_else(String::new, |label| format!("{label} | "));
            let line = format!("{DIM}{label}{seconds:>7.3} s  {text}{DIM:#}\n");
            self.0.message(&line);
        }
    }
}

/// Returns what tells the stack of a span apart from the others; `None` if there are no others.
fn label_of<S: for<'a> LookupSpan<'a>>(span: &SpanRef<'_, S>) -> Option<String> {
    let extensions = span.extensions();
    let label = extensions.get::<Running>()?.fields.get("label")?;
    Some(label.to_owned())
}

impl Fields {
    fn get(&self, name: &str) -> Option<&str> {
        let mut fields = self.0.iter();
        let field = fields.find(|(known, _)| *known == name);
        field.map(|(_, value)| value.as_str())
    }

    /// Returns the text for a call: `cloudformation DescribeStacks`, with the retries and the error if
    /// there were any.
    fn call(&self) -> String {
        let field = |name| self.get(name).unwrap_or_default();
        let service = field("service").to_lowercase().replace(' ', "-");
        let mut text = format!("{service} {}", field("operation"));
        match self.get("attempts") {
            None => text.push_str(", cancelled"),
            Some("0" | "1") => {}
            Some(attempts) => {
                let _ = write!(text, ", {attempts} attempts");
            }
        }
        match self.get("status") {
            None => {}
            Some("0") => text.push_str(", no answer"),
            Some(status) if status.starts_with('2') => {}
            Some(status) => {
                let _ = write!(text, ", HTTP {status}");
            }
        }
        text
    }

    /// Returns the text for a command: `apply: stack demo-dev, environment dev`.
    fn command(&self) -> String {
        let name = self.get("name").unwrap_or_default();
        match (self.get("stack"), self.get("environment")) {
            (Some(stack), Some(environment)) => {
                format!("{name}: stack {stack}, environment {environment}")
            }
            _ => name.to_owned(),
        }
    }
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.retain(|(known, _)| *known != field.name());
        self.0.push((field.name(), value.to_owned()));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

#[cfg(test)]
mod tests {
    use super::Fields;

    #[test]
    fn a_call_is_printed_with_its_retries_and_its_error() {
        let cases: [(&[(&'static str, &str)], &str); 5] = [
            (&[("attempts", "1"), ("status", "200")], "s3 PutObject"),
            (
                &[("attempts", "3"), ("status", "204")],
                "s3 PutObject, 3 attempts",
            ),
            (
                &[("attempts", "1"), ("status", "404")],
                "s3 PutObject, HTTP 404",
            ),
            (
                &[("attempts", "2"), ("status", "0")],
                "s3 PutObject, 2 attempts, no answer",
            ),
            (&[], "s3 PutObject, cancelled"),
        ];
        for (fields, expected) in cases {
            let own = [("service", "S3"), ("operation", "PutObject")];
            let all = own.iter().chain(fields);
            let fields = all
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect();
            assert_eq!(Fields(fields).call(), expected);
        }
        let logs = vec![
            ("service", "CloudWatch Logs".to_owned()),
            ("operation", "FilterLogEvents".to_owned()),
            ("attempts", "1".to_owned()),
        ];
        assert_eq!(Fields(logs).call(), "cloudwatch-logs FilterLogEvents");
    }

    #[test]
    fn a_command_names_its_stack_if_it_has_one() {
        let name = ("name", "apply".to_owned());
        assert_eq!(Fields(vec![name.clone()]).command(), "apply");
        let stack = ("stack", "demo-dev".to_owned());
        let environment = ("environment", "dev".to_owned());
        assert_eq!(
            Fields(vec![name, stack, environment]).command(),
            "apply: stack demo-dev, environment dev"
        );
    }
}
