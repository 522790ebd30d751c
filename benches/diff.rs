//! The time to read and compare two templates, by the number of their resources.
//!
//! CloudFormation accepts 500 resources and 1 MB. Comparing two such templates should take less than
//! 100 ms, and the time should grow linearly with the resources. `cargo bench --bench diff` prints a
//! summary, and then the time for 50 to 500 resources of 2 kB each.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a benchmark stops at the first unexpected result and prints its results"
)]

use std::fmt::Write as _;
use std::time::{Duration, Instant};

use divan::{Bencher, black_box};
use indexmap::IndexMap;
use stackctl::diagnostic::SourceFile;
use stackctl::plan::comparison::Comparison;
use stackctl::plan::predict::Side;
use stackctl::template::Template;
use stackctl::template::diff::diff;

const SIZES: [usize; 4] = [50, 100, 250, 500];

fn main() {
    println!("resources     bytes    read both      differences      with effects");
    for size in SIZES {
        let texts = [text(size, 1), text(size, 2)];
        let [old, new] = texts.each_ref().map(|text| parse(text));
        let read = best(|| texts.each_ref().map(|text| parse(text)));
        let found = best(|| diff(&old, &new).entries.len());
        let whole = best(|| compare(&old, &new));
        println!(
            "{size:>9}  {:>8}  {read:>11.2?}  {found:>15.2?}  {whole:>16.2?}",
            texts[0].len()
        );
    }
    divan::main();
}

/// Returns the shortest of several runs.
fn best<T>(run: impl Fn() -> T) -> Duration {
    let time = |_| {
        let start = Instant::now();
        black_box(run());
        start.elapsed()
    };
    (0..10).map(time).min().unwrap()
}

#[divan::bench(args = SIZES)]
fn read_yaml(bencher: Bencher<'_, '_>, size: usize) {
    let text = text(size, 1);
    bencher.bench(|| parse(black_box(&text)));
}

#[divan::bench(args = SIZES)]
fn differences(bencher: Bencher<'_, '_>, size: usize) {
    let (old, new) = (parse(&text(size, 1)), parse(&text(size, 2)));
    bencher.bench(|| diff(black_box(&old), black_box(&new)).entries.len());
}

#[divan::bench(args = SIZES)]
fn with_effects(bencher: Bencher<'_, '_>, size: usize) {
    let (old, new) = (parse(&text(size, 1)), parse(&text(size, 2)));
    bencher.bench(|| compare(black_box(&old), black_box(&new)));
}

fn compare(old: &Template, new: &Template) -> usize {
    let unknown = IndexMap::new();
    let sides = [old, new].map(|template| Side::new(template, &unknown));
    let names = ["old", "new"].map(str::to_owned);
    Comparison::of_templates(sides[0], sides[1], None, names).count()
}

fn parse(text: &str) -> Template {
    Template::parse(&SourceFile::new("stack.yaml", text)).unwrap()
}

/// Returns a template of roles with policies, about 2 kB each. The versions differ in one statement
/// and in the first and the last tag of every resource.
fn text(size: usize, version: usize) -> String {
    let mut text = "Resources:\n".to_owned();
    for number in 0..size {
        let previous = number.saturating_sub(1);
        write!(
            text,
            "  Role{number}:\n    Type: AWS::IAM::Role\n    Properties:\n      Description: role {number} after ${{Role{previous}}}\n      \
             AssumeRolePolicyDocument:\n        Version: 2012-10-17\n        Statement:\n          - Effect: Allow\n            Principal: {{ Service: lambda.amazonaws.com }}\n            Action: sts:AssumeRole\n      Tags:\n"
        )
        .unwrap();
        for tag in version..version + 8 {
            write!(
                text,
                "        - Key: key-{tag}\n          Value: value {tag}\n"
            )
            .unwrap();
        }
        text += "      Policies:\n        - PolicyName: inline\n          PolicyDocument:\n            Version: '2012-10-17'\n            Statement:\n";
        for statement in 0..8 {
            let changed = if statement == 3 { version } else { 0 };
            write!(
                text,
                "              - Effect: Allow\n                Action: [\"s3:GetObject\", \"s3:PutObject\"]\n                Resource: !Sub 'arn:aws:s3:::bucket-{number}-{statement}-{changed}/${{AWS::Region}}/*'\n"
            )
            .unwrap();
        }
    }
    text
}
