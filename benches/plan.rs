//! The time to print a plan, by the number of its changes.
//!
//! A stack has at most 500 resources (the CloudFormation quota). Printing a plan of 500 changes should
//! take less than 50 ms. Each change has a context of 20 properties on both sides, including a policy,
//! and four details. `cargo bench --bench plan` prints the time for 10, 100 and 500 changes. If the time
//! grows faster than the number of changes, the algorithm is not linear.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first unexpected result"
)]

use std::fmt::Write as _;

use divan::{Bencher, black_box};
use stackctl::cloudformation::change_set::{Change, ChangeSet, Detail};
use stackctl::config::secret::Redactor;
use stackctl::diagnostic::SourceFile;
use stackctl::plan::model::models;
use stackctl::plan::risk;
use stackctl::plan::{Plan, Target, masking};
use stackctl::present::json::plan::PlanDocument;
use stackctl::present::{human, markdown};
use stackctl::template::Template;

const SIZES: [usize; 3] = [10, 100, 500];

fn main() {
    divan::main();
}

#[divan::bench(args = SIZES)]
fn human(bencher: Bencher<'_, '_>, size: usize) {
    let plan = plan(size);
    bencher.bench(|| human::plan::plan(black_box(&plan), false, 100));
}

#[divan::bench(args = SIZES)]
fn json(bencher: Bencher<'_, '_>, size: usize) {
    let plan = plan(size);
    bencher.bench(|| serde_json::to_string_pretty(&PlanDocument::of(black_box(&plan))).unwrap());
}

#[divan::bench(args = SIZES)]
fn markdown(bencher: Bencher<'_, '_>, size: usize) {
    let plan = plan(size);
    bencher.bench(|| markdown::plan(black_box(&plan)));
}

/// All steps from the service's response to the text: secrets, models, risks, the text itself.
#[divan::bench(args = SIZES)]
fn response_to_text(bencher: Bencher<'_, '_>, size: usize) {
    let template = template(size);
    let changes = changes(size);
    bencher.bench(|| {
        let mut set = set(changes.clone());
        let hidden = masking::hide(&mut set, [Some(&template), Some(&template)], [], &[]);
        let text = human::plan::plan(&of_set(set, &template), false, 100);
        Redactor::new(&hidden).redact(&text)
    });
}

fn template(size: usize) -> Template {
    let mut text = "Parameters:\n  Password: {Type: String, NoEcho: true}\nResources:\n".to_owned();
    for number in 0..size {
        write!(
            text,
            "  Function{number}:\n    Type: AWS::Lambda::Function\n    Properties:\n      \
             Secret: !Ref Password\n      Name: !Sub '${{AWS::StackName}}-{number}'\n"
        )
        .unwrap();
    }
    Template::parse(&SourceFile::new("template", text)).unwrap()
}

fn changes(size: usize) -> Vec<Change> {
    let context = |side: &str| {
        let properties = (0..20).map(|number| format!("\"Property{number}\":\"{side}\""));
        let properties: Vec<String> = properties.collect();
        let policy = format!(
            "{{\\\"Statement\\\":[{{\\\"Effect\\\":\\\"Allow\\\",\\\"Action\\\":\\\"s3:{side}\\\"}}]}}"
        );
        Some(format!(
            "{{\"Properties\":{{\"Secret\":\"hunter2-{side}\",\"Policy\":\"{policy}\",{}}}}}",
            properties.join(",")
        ))
    };
    let detail = |number: usize| Detail {
        attribute: Some("Properties".to_owned()),
        name: Some(format!("Property{number}")),
        path: Some(format!("/Properties/Property{number}")),
        before: Some("before".to_owned()),
        after: Some("after".to_owned()),
        evaluation: Some("Static".to_owned()),
        ..Detail::default()
    };
    let change = |number: usize| Change {
        logical_id: format!("Function{number}"),
        resource_type: "AWS::Lambda::Function".to_owned(),
        before_context: context("before"),
        after_context: context("after"),
        details: (0..4).map(detail).collect(),
        ..Change::default()
    };
    (0..size).map(change).collect()
}

fn set(changes: Vec<Change>) -> ChangeSet {
    ChangeSet {
        changes,
        ..ChangeSet::default()
    }
}

fn plan(size: usize) -> Plan {
    of_set(set(changes(size)), &template(size))
}

fn of_set(set: ChangeSet, template: &Template) -> Plan {
    let models = models(&set.changes, Some(template), Some(template));
    Plan {
        target: Target {
            account: "123456789012".to_owned(),
            region: "eu-west-1".to_owned(),
            endpoint: "AWS".to_owned(),
            stack: "demo".to_owned(),
            environment: "dev".to_owned(),
        },
        assessment: risk::assess(&set.changes, &models, &[]),
        models,
        change_set: Some(set),
        ..Plan::default()
    }
}
