//! The local environment: an AWS emulator on this machine, without an AWS account or Docker.
//!
//! MiniStack, a Python program, emulates AWS for each environment with `emulator = true`. The first
//! command that uses the environment installs MiniStack into a private virtual environment (`install`)
//! and starts it on a loopback port (`process`). Later commands use the running emulator. There is one
//! emulator per project root and environment. Its files are in the cache folder (`files`).
//!
//! The emulator never gets real credentials: it starts with an empty process environment, and the SDK
//! sends an account id as the access key id, from which MiniStack takes the account.
//!
//! The emulator saves its state when it ends because of `stop`, the end of the session, or a shutdown of
//! the machine. If it is killed with SIGKILL, only a part of the state is on disk, such as objects
//! without the stacks that own their buckets. The next start deletes that state and prints a warning.

mod files;
mod http;
pub mod inspection;
mod install;
mod process;

use std::path::{Path, PathBuf};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::aws::Emulation;
use crate::config::ambient::Ambient;
use crate::config::cache;
use crate::error::{Error, ErrorKind, Result};
use crate::util::shell_word::quote;

use self::files::{Files, Record, Run, short_digest};
use self::process::Process;

/// The account that stackctl uses, which is MiniStack's default account.
pub const ACCOUNT: &str = "000000000000";
/// The default region.
pub const REGION: &str = "us-east-1";
/// The secret access key from MiniStack's documentation. MiniStack accepts any.
const SECRET_ACCESS_KEY: &str = "test";

/// A running emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulator {
    /// The endpoint of all services: `http://127.0.0.1:PORT`.
    pub endpoint: String,
    /// The loopback port.
    pub port: u16,
    /// The process id, which is also the id of its process group. `None` for the emulator of a
    /// [`BoundEmulator`].
    pub pid: Option<i32>,
    /// MiniStack's version.
    pub version: String,
    /// The account id of 12 digits. It is also the access key id, from which MiniStack takes the account.
    pub account: String,
    /// The region to use.
    pub region: String,
    /// The start time in RFC 3339.
    pub started: String,
    /// The log file.
    pub log: PathBuf,
}

impl From<&Emulator> for Emulation {
    fn from(emulator: &Emulator) -> Self {
        Self {
            endpoint: emulator.endpoint.clone(),
            account: emulator.account.clone(),
            region: emulator.region.clone(),
        }
    }
}

impl Emulator {
    /// Returns the emulator for another account; `None` changes nothing.
    ///
    /// Accounts are independent of each other, like regions, except that all accounts share the names of
    /// buckets. An account exists as soon as a call has its id as the access key id.
    #[must_use]
    pub fn in_account(self, account: Option<&str>) -> Self {
        Self {
            account: account.map_or(self.account, str::to_owned),
            ..self
        }
    }
}

/// A step of starting the emulator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Creating the virtual environment: about 3 seconds, once.
    CreatingEnvironment,
    /// Downloading (about 20 MB) and installing the packages, once.
    Installing,
    /// The last emulator was killed, and its state was deleted.
    StateLost,
    /// Starting the emulator: less than a second.
    Starting,
    /// Downloading (about 4 MB) and installing the SAM translator, once.
    InstallingTranslator,
}

/// The local environment of one project root and environment.
#[derive(Debug, Clone)]
pub struct Local {
    ambient: Ambient,
    /// The folder for all emulators.
    emulators: PathBuf,
    files: Files,
    root: PathBuf,
    environment: String,
    region: String,
}

impl Local {
    /// Returns the local environment for `environment` of the project whose manifest is in `root`. Starts
    /// and writes nothing.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] if no environment variable gives a cache folder; [`ErrorKind::System`] if
    /// `root` does not exist.
    pub fn new(
        ambient: &Ambient,
        root: &Path,
        environment: &str,
        region: Option<&str>,
    ) -> Result<Self> {
        let cache = cache::root(ambient)?.ok_or_else(no_cache)?;
        Self::below(ambient, &cache, root, environment, region)
    }

    fn below(
        ambient: &Ambient,
        cache: &Path,
        root: &Path,
        environment: &str,
        region: Option<&str>,
    ) -> Result<Self> {
        let root = root
            .canonicalize()
            .map_err(|error| Error::system(format!("cannot open {}", root.display()), error))?;
        let emulators = cache.join("emulator");
        Ok(Self {
            ambient: ambient.clone(),
            files: Files::new(&emulators, &root, environment),
            emulators,
            root,
            environment: environment.to_owned(),
            region: region.unwrap_or(REGION).to_owned(),
        })
    }

    /// Returns the running emulator. Installs and starts it if necessary.
    ///
    /// An emulator that does not answer, or that another version of stackctl started, is replaced. A
    /// separate thread does the work, so that an interrupt can end the wait.
    ///
    /// # Errors
    ///
    /// If no usable Python is found, the installation fails, or the emulator does not start.
    pub async fn ensure_running(&self, progress: impl FnMut(Progress)) -> Result<Emulator> {
        let local = self.clone();
        on_thread(move |report| local.ensure(report), progress).await
    }

    /// Returns the emulator, or `None` if it does not run or does not answer.
    ///
    /// # Errors
    ///
    /// If its files cannot be read.
    pub fn status(&self) -> Result<Option<Emulator>> {
        let Some(record) = self.files.record() else {
            return Ok(None);
        };
        let files = Files::in_folder(&record.folder);
        let Run::Running(pid) = files.run()? else {
            return Ok(None);
        };
        let answers = process::health(record.port, &record.identity).is_some();
        Ok(answers.then(|| self.emulator(&record, pid)))
    }

    /// Ends the emulator after it has saved its state, and returns whether it was running.
    ///
    /// # Errors
    ///
    /// If the emulator does not end.
    pub async fn stop(&self) -> Result<bool> {
        let local = self.clone();
        on_thread(move |_| local.end(true), |_| {}).await
    }

    /// Ends the emulator, deletes its state, and returns whether it was running.
    ///
    /// # Errors
    ///
    /// If the emulator does not end, or its files cannot be removed.
    pub async fn reset(&self) -> Result<bool> {
        let local = self.clone();
        on_thread(move |_| local.end(false), |_| {}).await
    }

    /// Installs AWS's translator of SAM templates for the running emulator if it is missing. The
    /// emulator finds it without a restart.
    ///
    /// # Errors
    ///
    /// As for the installation of the emulator.
    pub async fn ensure_translator(&self, progress: impl FnMut(Progress)) -> Result<()> {
        let Some(record) = self.files.record() else {
            return Ok(());
        };
        let ambient = self.ambient.clone();
        let install = move |report: &mut dyn FnMut(Progress)| {
            install::ensure_translator(&record.python, &ambient, report)
        };
        on_thread(install, progress).await
    }

    /// Creates the EC2 key pair `name` on the emulator if it does not exist, and returns whether it
    /// created it. An interrupt can end the wait for an emulator that does not answer.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`] if the emulator does not answer or returns an error.
    pub async fn ensure_key_pair(emulator: &Emulator, name: &str) -> Result<bool> {
        let (emulator, name) = (emulator.clone(), name.to_owned());
        on_thread(move |_| Self::create_key_pair(&emulator, &name), |_| {}).await
    }

    fn create_key_pair(emulator: &Emulator, name: &str) -> Result<bool> {
        let header = format!(
            "Authorization: AWS4-HMAC-SHA256 Credential={}/20000101/{}/ec2/aws4_request, \
             SignedHeaders=host, Signature=none",
            emulator.account, emulator.region
        );
        let call = |action: &str, argument: &str| {
            let name = http::percent_encode(name);
            let form = format!("Action={action}&Version=2016-11-15&{argument}={name}");
            http::post_form(emulator.port, &header, &form).map_err(|error| {
                Error::new(ErrorKind::Service, "the emulator does not answer").caused_by(error)
            })
        };
        if call("DescribeKeyPairs", "KeyName.1")?.status == 200 {
            return Ok(false);
        }
        let answer = call("CreateKeyPair", "KeyName")?;
        if answer.status == 200 || answer.error_code() == Some("InvalidKeyPair.Duplicate") {
            return Ok(answer.status == 200);
        }
        let message = format!(
            "the emulator cannot create the key pair `{name}`: {}",
            answer.body.trim()
        );
        Err(Error::new(ErrorKind::Service, message))
    }

    /// Returns the path of the log file, even if the emulator does not run.
    pub fn log_path(&self) -> PathBuf {
        let own = self.files.log();
        self.files
            .record()
            .map_or(own, |record| Files::in_folder(&record.folder).log())
    }

    /// Starts an emulator for tests. It ends when the value is dropped or this process ends, even if
    /// this process is killed. [`BoundEmulator::publish`] makes it available to other commands.
    ///
    /// # Errors
    ///
    /// As [`Local::ensure_running`].
    pub fn run_bound(&self, progress: &mut dyn FnMut(Progress)) -> Result<BoundEmulator> {
        let _lock = self.files.lock()?;
        process::end(&self.files, false)?;
        self.files.delete_data()?;
        let (process, record) = self.start(progress)?;
        Ok(BoundEmulator {
            record,
            _process: process,
        })
    }

    fn ensure(&self, report: &mut dyn FnMut(Progress)) -> Result<Emulator> {
        check_platform()?;
        let _lock = self.files.lock()?;
        if let Some(record) = self.files.record()
            && record.build == build()
            && let Some(emulator) = self.status()?
        {
            return Ok(emulator);
        }
        process::end(&self.files, true)?;
        // Without a record, no command has used the killed emulator, so that it has no state.
        if self.files.record().is_some() && self.files.run()? == Run::Killed {
            self.files.delete_data()?;
            report(Progress::StateLost);
        }
        self.files.withdraw()?;
        let (process, record) = self.start(report)?;
        self.files.publish(&record)?;
        process.release()?;
        let Run::Running(pid) = self.files.run()? else {
            return Err(Error::new(
                ErrorKind::System,
                "the emulator ended immediately after its start",
            ));
        };
        Ok(self.emulator(&record, pid))
    }

    fn start(&self, report: &mut dyn FnMut(Progress)) -> Result<(Process, Record)> {
        let python = install::ensure(&self.emulators, &self.ambient, report)?;
        report(Progress::Starting);
        let path = self.ambient.variable("PATH").unwrap_or_default();
        let process = process::start(&python, &self.files, path, &self.region)?;
        let record = self.record(&process, python);
        Ok((process, record))
    }

    fn end(&self, save: bool) -> Result<bool> {
        let _lock = self.files.lock()?;
        let was_running = matches!(self.files.run()?, Run::Running(_));
        process::end(&self.files, save)?;
        if !save {
            self.files.delete_data()?;
        }
        // If the emulator was killed, its record stays, so that the next start deletes its state.
        if self.files.run()? == Run::Ended {
            self.files.withdraw()?;
        }
        Ok(was_running)
    }

    fn record(&self, process: &Process, python: PathBuf) -> Record {
        Record {
            python,
            identity: process::identity(&self.files),
            build: build(),
            version: process.version.clone(),
            port: process.port,
            account: ACCOUNT.to_owned(),
            started: jiff::Timestamp::now().to_string(),
            folder: self.files.folder().to_owned(),
            project: self.root.clone(),
            environment: self.environment.clone(),
        }
    }

    fn emulator(&self, record: &Record, pid: Option<i32>) -> Emulator {
        Emulator {
            endpoint: endpoint(record.port),
            port: record.port,
            pid,
            version: record.version.clone(),
            account: record.account.clone(),
            region: self.region.clone(),
            started: record.started.clone(),
            log: Files::in_folder(&record.folder).log(),
        }
    }
}

/// An emulator that ends when this value is dropped or this process ends.
#[derive(Debug)]
pub struct BoundEmulator {
    record: Record,
    _process: Process,
}

impl BoundEmulator {
    /// Returns the Python of the emulator's virtual environment, which contains boto3.
    pub fn python(&self) -> &Path {
        &self.record.python
    }

    /// Returns the emulator's URL.
    pub fn endpoint(&self) -> String {
        endpoint(self.record.port)
    }

    /// Makes this emulator available to the commands of `local`, which use it as `account`.
    ///
    /// Each account of 12 digits has its own resources, but all accounts share the bucket names.
    ///
    /// # Errors
    ///
    /// If the record cannot be written.
    pub fn publish(&self, local: &Local, account: &str) -> Result<Emulator> {
        self.publish_at(local, account, self.record.port)
    }

    /// As [`Self::publish`], but at the port of a proxy in front of the emulator.
    ///
    /// # Errors
    ///
    /// If the record cannot be written.
    pub fn publish_at(&self, local: &Local, account: &str, port: u16) -> Result<Emulator> {
        let record = Record {
            account: account.to_owned(),
            port,
            ..self.record.clone()
        };
        local.files.publish(&record)?;
        Ok(local.emulator(&record, None))
    }
}

/// Returns the lines of a shell script that makes the AWS CLI and boto3 use the emulator.
pub fn env_exports(emulator: &Emulator) -> String {
    let variables = [
        ("AWS_ENDPOINT_URL", emulator.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", emulator.account.as_str()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_REGION", emulator.region.as_str()),
        ("AWS_DEFAULT_REGION", emulator.region.as_str()),
    ];
    // A real session token must not reach the emulator, and a profile would replace these keys.
    let first_line = "unset AWS_PROFILE AWS_SESSION_TOKEN\n".to_owned();
    variables.iter().fold(first_line, |script, (name, value)| {
        format!("{script}export {name}={}\n", quote(value))
    })
}

/// Returns a Python of this machine that the local environment can be installed with, as its path and its
/// version.
///
/// # Errors
///
/// [`ErrorKind::System`] if there is none.
pub fn find_python(ambient: &Ambient) -> Result<(PathBuf, String)> {
    let python = install::find_python(ambient)?;
    Ok((python.program, python.version))
}

fn no_cache() -> Error {
    Error::input("there is no cache folder for the local environment")
        .hint("set HOME or STACKCTL_CACHE_DIR")
}

/// Returns an error on Windows.
fn check_platform() -> Result<()> {
    if cfg!(unix) {
        return Ok(());
    }
    let message = "the local environment runs on Linux and macOS alone";
    Err(Error::new(ErrorKind::System, message).hint("on Windows, run stackctl in WSL"))
}

fn endpoint(port: u16) -> String {
    format!("http://127.0.0.1:{port}")
}

/// Returns the digest of the packages and the launcher, which determine the emulator's behavior.
fn build() -> String {
    let packages = [install::LOCK_FILE, install::TRANSLATOR_LOCK_FILE];
    let program = process::PROGRAM.map(|(_, text)| text);
    short_digest(packages.into_iter().chain(program))
}

/// Runs blocking `work` on a separate thread and passes its reports to `progress`.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<T> + Send + 'static,
    mut progress: impl FnMut(Progress),
) -> Result<T> {
    let (reports, mut reported) = mpsc::unbounded_channel();
    let (result, done) = oneshot::channel();
    thread::spawn(move || {
        // The sends fail after an interrupt, because the receivers no longer exist.
        let outcome = work(&mut |step| {
            let _ = reports.send(step);
        });
        let _ = result.send(outcome);
    });
    while let Some(step) = reported.recv().await {
        progress(step);
    }
    done.await.map_err(|error| {
        Error::system(
            "the thread for the local environment ended unexpectedly",
            error,
        )
    })?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exported_values_are_quoted_for_a_shell() {
        let emulator = Emulator {
            endpoint: "http://127.0.0.1:40000".to_owned(),
            port: 40_000,
            pid: None,
            version: "1.5.33".to_owned(),
            account: ACCOUNT.to_owned(),
            region: "eu-west-1; rm".to_owned(),
            started: "1970-01-01T00:00:00Z".to_owned(),
            log: PathBuf::new(),
        };
        insta::assert_snapshot!(env_exports(&emulator), @r"
        unset AWS_PROFILE AWS_SESSION_TOKEN
        export AWS_ENDPOINT_URL=http://127.0.0.1:40000
        export AWS_ACCESS_KEY_ID=000000000000
        export AWS_SECRET_ACCESS_KEY=test
        export AWS_REGION='eu-west-1; rm'
        export AWS_DEFAULT_REGION='eu-west-1; rm'
        ");
    }
}
