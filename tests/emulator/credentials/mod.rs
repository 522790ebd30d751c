//! Credentials, regions and endpoints: stackctl does with the same files and variables what botocore
//! does, on which boto3 and the AWS CLI are built. The differences on purpose have their reason in the
//! table.

mod chain;
mod files;
mod server;
mod set_up;
mod surroundings;

use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::emulator;
use crate::matrix;
use server::Server;
use set_up::{Expected, Outcome, SetUp};

/// How many commands run concurrently.
const AT_ONCE: usize = 4;

fn script() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/emulator/credentials/botocore_calls.py")
}

/// A TLS server in front of a server. It ends when dropped.
struct Tls {
    process: Child,
    port: u16,
}

impl Tls {
    fn start(python: &Path, server: &Server) -> Self {
        let pem = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls/server.pem");
        let mut process = Command::new(python)
            .arg(script())
            .args(["--tls", &server.port().to_string()])
            .arg(pem)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut output = BufReader::new(process.stdout.take().unwrap());
        output.read_line(&mut line).unwrap();
        let port = line.trim().parse().unwrap();
        Self { process, port }
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// One server for a run, perhaps behind TLS.
struct Servers {
    server: Server,
    tls: Option<Tls>,
}

impl Servers {
    fn start(set_up: &SetUp, python: &Path) -> Self {
        let server = set_up.server();
        let tls = set_up.is_over_tls.then(|| Tls::start(python, &server));
        Self { server, tls }
    }

    fn tls(&self) -> u16 {
        self.tls.as_ref().map_or(0, |tls| tls.port)
    }
}

/// Returns what botocore does in each set-up, and its error.
fn ask_botocore(set_ups: &[SetUp], python: &Path) -> Vec<(Outcome, String)> {
    let homes = tempfile::tempdir().unwrap();
    let servers: Vec<Servers> = set_ups
        .iter()
        .map(|it| Servers::start(it, python))
        .collect();
    let requests: Vec<Value> = set_ups
        .iter()
        .zip(&servers)
        .enumerate()
        .map(|(number, (set_up, servers))| {
            let home = homes.path().join(number.to_string());
            std::fs::create_dir(&home).unwrap();
            set_up.request(&home, &servers.server, servers.tls())
        })
        .collect();
    let mut process = Command::new(python)
        .arg("-B")
        .arg(script())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut stdin = process.stdin.take().unwrap();
    write!(stdin, "{}", Value::from(requests)).unwrap();
    drop(stdin);
    let mut answers = String::new();
    let mut stdout = process.stdout.take().unwrap();
    stdout.read_to_string(&mut answers).unwrap();
    process.wait().unwrap();
    let errors: Vec<Value> = serde_json::from_str(&answers).unwrap();
    let outcomes = set_ups.iter().zip(&servers).zip(errors);
    outcomes
        .map(|((set_up, servers), error)| {
            let outcome = set_up.botocore_outcome(&error, &servers.server);
            (outcome, error.as_str().unwrap_or_default().to_owned())
        })
        .collect()
}

/// Returns what stackctl does in each set-up, and what it printed.
fn run_stackctl(set_ups: &[SetUp], python: &Path) -> Vec<(Outcome, String)> {
    matrix::map(set_ups, AT_ONCE, |set_up| {
        let servers = Servers::start(set_up, python);
        let (outcome, finished) = set_up.run_stackctl(&servers.server, servers.tls());
        (outcome, finished.stderr)
    })
}

/// Compares one set-up. Returns what is wrong.
fn compare(set_up: &SetUp, ours: &(Outcome, String), theirs: &(Outcome, String)) -> Option<String> {
    let (outcome, printed) = ours;
    let is_right = match set_up.differs {
        None => {
            *outcome == theirs.0
                && set_up
                    .says
                    .is_none_or(|words| !outcome.succeeded && printed.contains(words))
        }
        Some((Expected::Fails(words), _)) => {
            !outcome.succeeded && printed.contains(words) && *outcome != theirs.0
        }
        Some((Expected::Calls(start), _)) => {
            let called = outcome.calls.iter().any(|call| call.starts_with(start));
            called && *outcome != theirs.0
        }
    };
    // An error is in the user's words.
    let is_plain = ![
        "panicked",
        "cargo feature",
        "{ code:",
        "missing signing region",
    ]
    .iter()
    .any(|words| printed.contains(words));
    (!is_right || !is_plain).then(|| {
        format!(
            "{}\n  stackctl: {outcome:?}\n{printed}  botocore: {:?}\n{}\n",
            set_up.name, theirs.0, theirs.1
        )
    })
}

#[test]
fn credentials_regions_and_endpoints_are_those_of_botocore() {
    let mut set_ups = chain::set_ups();
    set_ups.extend(files::set_ups());
    set_ups.extend(surroundings::set_ups());
    // `SET_UP=… cargo test …` shows what the set-ups of this name do.
    let only = std::env::var("SET_UP").ok();
    set_ups.retain(|set_up| set_up.name.contains(only.as_deref().unwrap_or_default()));
    let python = emulator::shared().python();
    let theirs = ask_botocore(&set_ups, python);
    let ours = run_stackctl(&set_ups, python);
    if only.is_some() {
        for (set_up, (outcome, printed)) in set_ups.iter().zip(&ours) {
            matrix::report(&format!("{}: {outcome:?}\n{printed}", set_up.name));
        }
    }
    let wrong: Vec<String> = (0..set_ups.len())
        .filter_map(|it| compare(&set_ups[it], &ours[it], &theirs[it]))
        .collect();
    let different = set_ups.iter().filter(|it| it.differs.is_some()).count();
    let working = ours.iter().filter(|(outcome, _)| outcome.succeeded).count();
    matrix::report(&format!(
        "{} set-ups, of which {working} reach CloudFormation: {} equal to botocore, {different} different \
         on purpose, {} wrong",
        set_ups.len(),
        set_ups.len() - different - wrong.len(),
        wrong.len()
    ));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
