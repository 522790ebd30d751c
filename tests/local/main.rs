//! The lifecycle of the local environment with the real emulator.
//!
//! All tests share one cache folder, so the emulator is installed once. Each test has its own
//! project folder and its own emulator.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;

use rustix::process::{Pid, Signal, kill_process};
use stackctl::config::ambient::Ambient;
use stackctl::emulator::{Emulator, Local, Progress};
use tempfile::TempDir;

/// A project folder. Its emulator is reset when it is dropped.
struct Project {
    folder: TempDir,
}

impl Project {
    fn new() -> Self {
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        Self { folder }
    }

    fn local(&self) -> Local {
        let variables = std::env::vars().chain([
            (
                "STACKCTL_CACHE_DIR".to_owned(),
                cache().display().to_string(),
            ),
            ("AWS_ACCESS_KEY_ID".to_owned(), "AKIAREAL".to_owned()),
            (
                "AWS_SECRET_ACCESS_KEY".to_owned(),
                "a-real-secret".to_owned(),
            ),
        ]);
        let ambient = Ambient::new(variables, self.folder.path());
        Local::new(&ambient, self.folder.path(), "local", None).unwrap()
    }

    /// Starts or finds the emulator. Returns the reported steps too.
    fn ensure(&self) -> (Emulator, Vec<Progress>) {
        let mut steps = Vec::new();
        let emulator = wait(self.local().ensure_running(|step| steps.push(step))).unwrap();
        (emulator, steps)
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = wait(self.local().reset());
    }
}

/// Returns the cache folder that all tests share.
fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulator-cache")
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
        .block_on(future)
}

/// Kills the emulator and waits until its lock is free.
fn kill(emulator: &Emulator) {
    let pid = Pid::from_raw(emulator.pid.unwrap()).unwrap();
    kill_process(pid, Signal::KILL).unwrap();
    let run = fs::File::open(emulator.log.with_file_name("run")).unwrap();
    run.lock_shared().unwrap();
}

/// Runs a script with the emulator's boto3 against the emulator, and returns its output.
fn boto3(emulator: &Emulator, script: &str) -> String {
    let python = fs::read_dir(cache().join("emulator"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("bin/python"))
        .find(|python| python.exists())
        .unwrap();
    let output = Command::new(python)
        .args(["-c", script])
        .env_clear()
        .env("AWS_ENDPOINT_URL", &emulator.endpoint)
        .env("AWS_ACCESS_KEY_ID", &emulator.account)
        .env("AWS_SECRET_ACCESS_KEY", "test")
        .env("AWS_DEFAULT_REGION", &emulator.region)
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn concurrent_commands_share_one_emulator() {
    let project = Project::new();
    let pids: Vec<Option<i32>> = thread::scope(|scope| {
        let starts: Vec<_> = (0..3)
            .map(|_| scope.spawn(|| project.ensure().0.pid))
            .collect();
        starts
            .into_iter()
            .map(|start| start.join().unwrap())
            .collect()
    });
    assert!(pids[0].is_some());
    assert_eq!(pids, [pids[0]; 3]);
    let (found, steps) = project.ensure();
    assert_eq!(
        (found.pid, steps),
        (pids[0], vec![]),
        "it is found, not started"
    );
    assert_eq!(project.local().status().unwrap(), Some(found));
}

/// Whatever the umask is: a function that another user can read may hold a secret.
#[test]
fn the_state_is_private() {
    let project = Project::new();
    let (emulator, _) = project.ensure();
    boto3(
        &emulator,
        "import boto3; boto3.client('s3').create_bucket(Bucket='one'); boto3.client('s3').put_object(Bucket='one', Key='k', Body=b'x')",
    );
    wait(project.local().stop()).unwrap();
    let folder = emulator.log.parent().unwrap().to_owned();
    let mut found = vec![folder];
    let mut files = 0;
    while let Some(path) = found.pop() {
        let metadata = fs::symlink_metadata(&path).unwrap();
        if metadata.is_symlink() {
            continue;
        }
        assert_eq!(metadata.mode() & 0o077, 0, "{}", path.display());
        if metadata.is_dir() {
            found.extend(fs::read_dir(path).unwrap().map(|it| it.unwrap().path()));
        } else {
            files += 1;
        }
    }
    assert!(files > 3, "{files}");
}

#[test]
fn projects_do_not_share_an_emulator() {
    let (one, other) = (Project::new(), Project::new());
    assert_ne!(one.ensure().0.port, other.ensure().0.port);
}

#[test]
fn state_survives_a_stop_but_not_a_reset() {
    let project = Project::new();
    let (emulator, _) = project.ensure();
    assert!(wait(Local::ensure_key_pair(&emulator, "my key")).unwrap());
    assert!(!wait(Local::ensure_key_pair(&emulator, "my key")).unwrap());

    assert!(wait(project.local().stop()).unwrap());
    assert!(
        !wait(project.local().stop()).unwrap(),
        "it is stopped already"
    );
    assert_eq!(project.local().status().unwrap(), None);
    let (emulator, steps) = project.ensure();
    assert!(!steps.contains(&Progress::StateLost));
    assert!(!wait(Local::ensure_key_pair(&emulator, "my key")).unwrap());

    assert!(wait(project.local().reset()).unwrap());
    let (emulator, steps) = project.ensure();
    assert!(!steps.contains(&Progress::StateLost), "it was asked for");
    assert!(wait(Local::ensure_key_pair(&emulator, "my key")).unwrap());
}

#[test]
fn killed_emulator_is_replaced_and_the_lost_state_is_reported() {
    let project = Project::new();
    let (killed, _) = project.ensure();
    assert!(wait(Local::ensure_key_pair(&killed, "key")).unwrap());
    kill(&killed);
    let (emulator, steps) = project.ensure();
    assert!(steps.contains(&Progress::StateLost));
    assert_ne!(emulator.pid, killed.pid);
    assert!(
        wait(Local::ensure_key_pair(&emulator, "key")).unwrap(),
        "it starts empty"
    );
}

#[test]
fn another_server_on_the_port_is_not_taken_for_the_emulator() {
    let project = Project::new();
    let (killed, _) = project.ensure();
    kill(&killed);
    let _thief = TcpListener::bind(("127.0.0.1", killed.port)).unwrap();
    assert_eq!(project.local().status().unwrap(), None);
    assert_ne!(project.ensure().0.port, killed.port);
}

#[test]
fn bound_emulator_serves_other_projects_until_its_owner_ends() {
    let (owner, borrower) = (Project::new(), Project::new());
    let bound = owner.local().run_bound(&mut |_| {}).unwrap();
    let lent = bound.publish(&borrower.local(), "111111111111").unwrap();
    let (found, steps) = borrower.ensure();
    assert_eq!(steps, [], "nothing is started");
    assert_eq!(
        (found.port, found.account.as_str()),
        (lent.port, "111111111111")
    );
    drop(bound);
    assert_eq!(borrower.local().status().unwrap(), None);
}

/// The root user of the account is never denied, so the script uses another user.
#[test]
fn loopback_passes_only_the_tls_policy() {
    const SCRIPT: &str = r#"
import boto3, json
statement = {"Effect": "Allow", "Action": "s3:*", "Resource": "*"}
iam, s3 = boto3.client("iam"), boto3.client("s3")
iam.create_user(UserName="user")
iam.put_user_policy(
    UserName="user", PolicyName="s3", PolicyDocument=json.dumps({"Statement": [statement]})
)
key = iam.create_access_key(UserName="user")["AccessKey"]
user = boto3.client(
    "s3", aws_access_key_id=key["AccessKeyId"], aws_secret_access_key=key["SecretAccessKey"]
)
s3.create_bucket(Bucket="files")
for action, condition in [
    ("s3:*", {"Bool": {"aws:SecureTransport": "false"}}),
    ("s3:*", {"Bool": {"aws:SecureTransport": "true"}}),
    ("s3:GetObject", {}),
    ("s3:PutObject", {}),
]:
    deny = {
        "Effect": "Deny", "Principal": "*", "Action": action, "Resource": "arn:aws:s3:::files/*",
        "Condition": condition,
    }
    s3.put_bucket_policy(Bucket="files", Policy=json.dumps({"Statement": [deny]}))
    try:
        user.put_object(Bucket="files", Key="key", Body=b"content")
        print(action, condition, "allowed")
    except user.exceptions.ClientError as error:
        print(action, condition, error.response["Error"]["Code"])
"#;
    let project = Project::new();
    let (emulator, _) = project.ensure();
    insta::assert_snapshot!(boto3(&emulator, SCRIPT), @r"
    s3:* {'Bool': {'aws:SecureTransport': 'false'}} allowed
    s3:* {'Bool': {'aws:SecureTransport': 'true'}} AccessDenied
    s3:GetObject {} allowed
    s3:PutObject {} AccessDenied
    ");
}

#[cfg(target_os = "linux")]
#[test]
fn emulator_listens_only_on_loopback_and_gets_no_credentials() {
    let project = Project::new();
    let (emulator, _) = project.ensure();
    let process = PathBuf::from(format!("/proc/{}", emulator.pid.unwrap()));
    let environment = fs::read(process.join("environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(environment.contains("GATEWAY_PORT="), "{environment:?}");
    for secret in ["a-real-secret", "AKIAREAL"] {
        assert!(!environment.contains(secret), "{environment:?}");
    }

    let sockets: Vec<String> = fs::read_dir(process.join("fd"))
        .unwrap()
        .filter_map(|entry| fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|target| {
            let target = target.to_str()?;
            Some(
                target
                    .strip_prefix("socket:[")?
                    .strip_suffix(']')?
                    .to_owned(),
            )
        })
        .collect();
    // The columns: number, local address, remote address, state (0A: listening), …, inode.
    let tables = ["tcp", "tcp6"].map(|name| fs::read_to_string(process.join("net").join(name)));
    let listening: Vec<String> = tables
        .iter()
        .flatten()
        .flat_map(|table| table.lines().skip(1))
        .map(|line| line.split_whitespace().collect::<Vec<_>>())
        .filter(|columns| columns[3] == "0A" && sockets.iter().any(|inode| inode == columns[9]))
        .map(|columns| columns[1].to_owned())
        .collect();
    assert_eq!(listening, [format!("0100007F:{:04X}", emulator.port)]);
}
