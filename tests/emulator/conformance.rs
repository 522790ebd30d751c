//! The same lifecycle of a stack on every implementation of the AWS API.
//!
//! `docs/conformance.md` lists what each implementation lacks. These tests compare the table with
//! their results. They run an implementation that installs quickly in every run, and the others on
//! request.

mod lifecycle;
mod server;
mod stack_sets;

use std::path::Path;
use std::process::Command;

use self::lifecycle::{Lacks, Life, STEPS};
use self::server::Server;
use crate::emulator;
use crate::python::{WHEELS_ONLY, environment};
use crate::sandbox::Sandbox;

const MANIFEST: &str = include_str!("conformance/manifest.toml");
const TEMPLATE: &str = include_str!("conformance/stack.yaml.j2");

#[test]
fn ministack() {
    let sandbox = project("life");
    emulator::shared().lend(&sandbox.path(""), &sandbox.cache());
    live("MiniStack", sandbox, "local", None);
}

#[test]
fn moto() {
    let python = environment("moto", "tests/emulator/packages/moto.lock", &WHEELS_ONLY);
    let command = |port: u16| {
        let mut command = Command::new(&python);
        command.args(["-I", "-m", "moto.server", "-H", "127.0.0.1", "-p"]);
        command.arg(port.to_string());
        command
    };
    live_on("moto", &Server::start(command, "/moto-api/"));
}

#[test]
#[ignore = "installs 514 MB in some minutes; cargo test --test emulator -- --ignored localstack"]
fn localstack() {
    let python = environment("localstack", "tests/emulator/packages/localstack.lock", &[]);
    let command = |_| {
        let mut command = Command::new(&python);
        command.args(["-I", "-m", "localstack.runtime.main"]);
        command
    };
    live_on("LocalStack", &Server::start(command, "/_localstack/health"));
}

#[test]
#[ignore = "cargo install fakecloud --version 0.51.0 --locked takes an hour; then: \
            cargo test --test emulator -- --ignored fakecloud"]
fn fakecloud() {
    let command = |port: u16| {
        let mut command = Command::new("fakecloud");
        command.arg("--addr").arg(format!("127.0.0.1:{port}"));
        command
    };
    live_on("fakecloud", &Server::start(command, "/_fakecloud/health"));
}

/// Returns a project of this name. Bucket names are shared by all accounts.
fn project(name: &str) -> Sandbox {
    Sandbox::new()
        .file("manifest.toml", MANIFEST.replace("PROJECT", name))
        .file("templates/stack.yaml.j2", TEMPLATE)
        .file(
            "handler/app.py",
            "def handler(event, context):\n    return 1\n",
        )
}

fn live_on(name: &str, server: &Server) {
    let sandbox = project("life")
        .credentials()
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ENDPOINT_URL", &server.endpoint);
    live(name, sandbox, "cloud", Some(server));
}

/// Runs the lifecycle and compares what was lacking with the column of this name.
#[track_caller]
fn live(name: &str, sandbox: Sandbox, environment: &'static str, server: Option<&Server>) {
    let mut life = Life {
        sandbox,
        environment,
        server,
        changes: Vec::new(),
    };
    let seen: Vec<_> = STEPS
        .iter()
        .map(|(step, live)| ((*step).to_owned(), cell(&live(&mut life))))
        .collect();
    let documented = column(name);
    assert!(seen == documented, "docs/conformance.md, {name}: {seen:#?}");
}

/// Returns a cell of the table.
fn cell(lacks: &Lacks) -> String {
    if lacks.is_empty() {
        return "yes".to_owned();
    }
    format!("without: {}", lacks.join("; "))
}

/// Returns a column of the table in the documentation, each cell with its step.
fn column(name: &str) -> Vec<(String, String)> {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/conformance.md");
    let page = std::fs::read_to_string(page).unwrap();
    let rows = page
        .lines()
        .skip_while(|line| !line.starts_with("| step |"));
    let mut rows = rows.map_while(|line| line.strip_prefix("| ")?.strip_suffix(" |"));
    let heading: Vec<&str> = rows.next().expect("a table").split(" | ").collect();
    let start = |heading: &&str| heading.starts_with(name);
    let index = heading.iter().position(start).expect(name);
    rows.filter(|row| !row.starts_with("---"))
        .map(|row| row.split(" | ").collect::<Vec<_>>())
        .map(|row| (row[0].to_owned(), row[index].to_owned()))
        .collect()
}
