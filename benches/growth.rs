//! The time of operations that need no network, by the size of a project.
//!
//! A stack has at most 500 resources (the CloudFormation quota). `cargo bench --bench growth` prints the
//! time for 10, 100 and 500 resources, files or events, and the items per second. If the items per
//! second decrease from one row to the next, the algorithm is not linear.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first unexpected result"
)]

use std::fs;
use std::path::Path;

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use indexmap::IndexMap;
use stackctl::artifact::package;
use stackctl::cloudformation::event::{Event, Timeline};
use stackctl::cloudformation::status::ResourceStatus;
use stackctl::config::ambient::Ambient;
use stackctl::config::manifest;
use stackctl::config::project::{Project, artifact_files};
use stackctl::config::settings::{self, Overrides, Settings};
use stackctl::diagnostic::SourceFile;
use stackctl::template::Template;
use stackctl::template::render;
use stackctl::template::validate;
use tempfile::TempDir;

const SIZES: [usize; 3] = [10, 100, 500];

const MANIFEST: &str = r#"
project = "growth"
environment = "dev"
template = "stack.yaml.j2"

[artifacts.handler]
path = "handler"

"#;

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn render(bencher: Bencher<'_, '_>, size: usize) {
    let folder = project(size);
    let (project, settings) = open(folder.path());
    let template = project.template(&settings.template).unwrap();
    bencher
        .counter(ItemsCount::new(size))
        .bench(|| render::render(black_box(&template), &settings, &IndexMap::new()).unwrap());
}

#[divan::bench(args = SIZES)]
fn parse(bencher: Bencher<'_, '_>, size: usize) {
    let source = SourceFile::new("stack.yaml", rendered(size));
    bencher
        .counter(ItemsCount::new(size))
        .bench(|| Template::parse(black_box(&source)).unwrap());
}

#[divan::bench(args = SIZES)]
fn validate(bencher: Bencher<'_, '_>, size: usize) {
    let source = SourceFile::new("stack.yaml", rendered(size));
    let template = Template::parse(&source).unwrap();
    bencher
        .counter(ItemsCount::new(size))
        .bench(|| validate::validate(black_box(&template)));
}

#[divan::bench(args = SIZES)]
fn package(bencher: Bencher<'_, '_>, size: usize) {
    let folder = project(size);
    let (project, settings) = open(folder.path());
    let files = artifact_files(&project, "handler", &settings).unwrap();
    bencher
        .counter(ItemsCount::new(size))
        .bench(|| package::build("growth", black_box(&files)).unwrap());
}

/// Polls an operation after every ten events, as during a deployment.
#[divan::bench(args = SIZES)]
fn fold_events(bencher: Bencher<'_, '_>, size: usize) {
    let events = events(size);
    bencher.counter(ItemsCount::new(events.len())).bench(|| {
        let mut timeline = Timeline::of(STACK);
        for seen in (0..=events.len()).step_by(10) {
            let page: Vec<Event> = events[..seen].iter().rev().take(100).cloned().collect();
            timeline.absorb(STACK, page);
            black_box(timeline.advance());
        }
        timeline
    });
}

const STACK: &str = "arn:aws:cloudformation:eu-west-1:123456789012:stack/growth/1";

/// Returns the events of the creation of this many resources: three events each, oldest first.
fn events(resources: usize) -> Vec<Event> {
    let statuses = [
        "CREATE_IN_PROGRESS",
        "CREATE_IN_PROGRESS",
        "CREATE_COMPLETE",
    ];
    let each = (0..resources).flat_map(|number| {
        statuses
            .iter()
            .enumerate()
            .map(move |(step, status)| Event {
                id: format!("{number}-{step}"),
                stack_id: STACK.to_owned(),
                logical_id: format!("Queue{number}"),
                physical_id: format!("growth-queue-{number}"),
                resource_type: "AWS::SQS::Queue".to_owned(),
                status: ResourceStatus::from_wire(*status),
                ..Event::default()
            })
    });
    each.collect()
}

/// Returns the text of a template with this many resources.
fn rendered(size: usize) -> String {
    let folder = project(size);
    let (project, settings) = open(folder.path());
    let template = project.template(&settings.template).unwrap();
    let rendered = render::render(&template, &settings, &IndexMap::new()).unwrap();
    rendered.text().to_owned()
}

/// Returns the folder of a project with this many resources and code files.
fn project(size: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let write = |path: &str, text: String| fs::write(folder.path().join(path), text).unwrap();
    fs::create_dir(folder.path().join("handler")).unwrap();
    write("manifest.toml", MANIFEST.to_owned());
    write(
        "stack.yaml.j2",
        format!(
            "Resources:\n\
             {{% for number in range({size}) %}}\n  \
               Queue{{{{ number }}}}:\n    \
                 Type: AWS::SQS::Queue\n    \
                 Properties:\n      \
                   QueueName: !Sub \"${{AWS::StackName}}-{{{{ number }}}}\"\n      \
                   VisibilityTimeout: {{{{ number }}}}\n      \
                   Tags: [{{Key: project, Value: {{{{ project }}}}}}]\n\
             {{% endfor %}}\n"
        ),
    );
    for number in 0..size {
        let line = format!("def handle_{number}(event):\n    return event['{number}']\n");
        write(&format!("handler/file_{number}.py"), line.repeat(50));
    }
    folder
}

fn open(folder: &Path) -> (Project, Settings) {
    let ambient = Ambient::new([], folder);
    let project = Project::find(folder, None).unwrap();
    let manifest = manifest::parse(project.manifest());
    let settings = settings::resolve(&manifest, &Overrides::default(), &ambient).unwrap();
    (project, settings)
}
