//! The local environment: AWS on this machine, without an account and without Docker.
//!
//! An environment with `emulator = true` is served by MiniStack, a Python program. The first
//! command that touches it installs it into a private virtual environment (`install`) and starts
//! it on a loopback port (`process`); later commands find it running. There is one emulator for
//! each project root and environment, and what it keeps is under the cache folder (`files`).
//!
//! It never sees real credentials: it is started with an empty environment, and the SDK is given an
//! account id as its access key, which is how MiniStack selects the account.
//!
//! Its state survives `stop`, the end of the session and a shutdown of the machine, all of which
//! let it save. It is lost when the emulator is killed outright: what MiniStack leaves on disk then
//! is half of a state, objects without the stacks that own their buckets, so the next start drops
//! it and says so.

mod files;
mod http;
mod install;
mod process;
mod python;

use std::path::{Path, PathBuf};
use std::thread;

use tokio::sync::{mpsc, oneshot};

use crate::aws::Emulation;
use crate::config::ambient::Ambient;
use crate::error::{Error, ErrorKind, Result};
use crate::util::shell_word::quote;

use self::files::{Files, Record, Run, short_digest};
use self::process::Process;

/// MiniStack's own default account, and the one that stackctl uses.
pub const ACCOUNT: &str = "000000000000";
/// The region where neither the manifest nor a flag names one.
pub const REGION: &str = "us-east-1";
/// MiniStack accepts any secret; this is the one that its documentation uses.
const SECRET_ACCESS_KEY: &str = "test";

/// A running emulator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emulator {
    /// `http://127.0.0.1:PORT`, for every service.
    pub endpoint: String,
    /// The loopback port.
    pub port: u16,
    /// The process, which leads a process group; `None` where it is somebody else's.
    pub pid: Option<i32>,
    /// MiniStack's version.
    pub version: String,
    /// The account, 12 digits. It is also the access key id: MiniStack takes the account from that.
    pub account: String,
    /// The region to use.
    pub region: String,
    /// When it was started, RFC 3339.
    pub started: String,
    /// Where it logs.
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

/// What takes time while an emulator is made ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// A virtual environment is made; about 3 seconds, once.
    CreatingEnvironment,
    /// The packages are fetched, about 20 MB, and installed; once.
    Installing,
    /// The last emulator was killed, and its state is dropped.
    StateLost,
    /// The emulator is started; under a second.
    Starting,
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
    /// Returns the local environment of `environment` of the project whose manifest is in `root`.
    /// Nothing is started or written.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Input`] where the environment says of no cache folder; [`ErrorKind::System`]
    /// where `root` does not exist.
    pub fn new(
        ambient: &Ambient,
        root: &Path,
        environment: &str,
        region: Option<&str>,
    ) -> Result<Self> {
        let cache = ambient.cache_dir().ok_or_else(|| {
            Error::input("there is no folder for the local environment")
                .hint("set HOME or STACKCTL_CACHE_DIR")
        })?;
        let root = root
            .canonicalize()
            .map_err(|error| Error::system(format!("cannot open {}", root.display()), error))?;
        let emulators = ambient.current_dir.join(cache).join("emulator");
        Ok(Self {
            ambient: ambient.clone(),
            files: Files::new(&emulators, &root, environment),
            emulators,
            root,
            environment: environment.to_owned(),
            region: region.unwrap_or(REGION).to_owned(),
        })
    }

    /// Returns the emulator, after installing and starting it where that is needed. One that is
    /// there but does not answer, or was started by another version of stackctl, is replaced.
    ///
    /// The work is done on a thread of its own, so an interrupt can end the wait.
    ///
    /// # Errors
    ///
    /// Those of finding Python, of installing, and of starting; each says what to do.
    pub async fn ensure_running(&self, progress: impl FnMut(Progress)) -> Result<Emulator> {
        let local = self.clone();
        on_thread(move |report| local.ensure(report), progress).await
    }

    /// Returns the emulator if it runs and answers.
    ///
    /// # Errors
    ///
    /// Where its files cannot be read.
    pub fn status(&self) -> Result<Option<Emulator>> {
        let Some(record) = self.files.record() else {
            return Ok(None);
        };
        let files = Files::in_folder(&record.folder);
        let Run::Alive(pid) = files.run()? else {
            return Ok(None);
        };
        let answers = process::health(record.port, &record.identity).is_some();
        Ok(answers.then(|| self.emulator(&record, pid)))
    }

    /// Ends the emulator after it has saved its state. Returns whether one was running.
    ///
    /// # Errors
    ///
    /// Where it does not end.
    pub async fn stop(&self) -> Result<bool> {
        let local = self.clone();
        on_thread(move |_| local.end(true), |_| {}).await
    }

    /// Ends the emulator and drops its state. Returns whether one was running.
    ///
    /// # Errors
    ///
    /// Where it does not end, or its files cannot be removed.
    pub async fn reset(&self) -> Result<bool> {
        let local = self.clone();
        on_thread(move |_| local.end(false), |_| {}).await
    }

    /// Makes the EC2 key pair `name` on the emulator where it is missing. Returns whether it was.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Service`] where the emulator refuses.
    pub fn ensure_key_pair(emulator: &Emulator, name: &str) -> Result<bool> {
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
            "the emulator cannot make the key pair `{name}`: {}",
            answer.body.trim()
        );
        Err(Error::new(ErrorKind::Service, message))
    }

    /// Returns where the emulator logs, whether or not it runs.
    pub fn log_path(&self) -> PathBuf {
        let own = self.files.log();
        self.files
            .record()
            .map_or(own, |record| Files::in_folder(&record.folder).log())
    }

    /// Returns an emulator that ends when the value is dropped or this process ends, however it
    /// ends. It is for tests: [`BoundEmulator::publish`] lends it to the commands that they run.
    ///
    /// # Errors
    ///
    /// As [`Local::ensure_running`].
    pub fn run_bound(&self, progress: &mut dyn FnMut(Progress)) -> Result<BoundEmulator> {
        let _lock = self.files.lock()?;
        process::end(&self.files, false)?;
        self.files.drop_data()?;
        let process = self.start(progress)?;
        let record = self.record(&process);
        Ok(BoundEmulator {
            record,
            python: install::ensure(&self.emulators, &self.ambient, progress)?,
            _process: process,
        })
    }

    fn ensure(&self, report: &mut dyn FnMut(Progress)) -> Result<Emulator> {
        let _lock = self.files.lock()?;
        if let Some(record) = self.files.record()
            && record.build == build()
            && let Some(emulator) = self.status()?
        {
            return Ok(emulator);
        }
        process::end(&self.files, true)?;
        // One that was never published has changed nothing.
        if self.files.record().is_some() && self.files.run()? == Run::Killed {
            self.files.drop_data()?;
            report(Progress::StateLost);
        }
        self.files.withdraw()?;
        let process = self.start(report)?;
        let record = self.record(&process);
        self.files.publish(&record)?;
        process.release()?;
        let Run::Alive(pid) = self.files.run()? else {
            return Err(Error::new(
                ErrorKind::System,
                "the emulator ended just after it had started",
            ));
        };
        Ok(self.emulator(&record, pid))
    }

    fn start(&self, report: &mut dyn FnMut(Progress)) -> Result<Process> {
        let python = install::ensure(&self.emulators, &self.ambient, report)?;
        report(Progress::Starting);
        let path = self.ambient.variable("PATH").unwrap_or_default();
        process::start(&python, &self.files, path, &self.region)
    }

    fn end(&self, save: bool) -> Result<bool> {
        let _lock = self.files.lock()?;
        let was_running = matches!(self.files.run()?, Run::Alive(_));
        process::end(&self.files, save)?;
        if !save {
            self.files.drop_data()?;
        }
        // A record beside the run file of a killed emulator tells the next start to drop its state.
        if self.files.run()? == Run::Ended {
            self.files.withdraw()?;
        }
        Ok(was_running)
    }

    fn record(&self, process: &Process) -> Record {
        Record {
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
            endpoint: format!("http://127.0.0.1:{}", record.port),
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

/// An emulator that ends with this value or with this process.
#[derive(Debug)]
pub struct BoundEmulator {
    record: Record,
    python: PathBuf,
    _process: Process,
}

impl BoundEmulator {
    /// Returns the Python that it runs in, which has boto3.
    pub fn python(&self) -> &Path {
        &self.python
    }

    /// Lets the commands of `local` find this emulator running, as `account`: each account of 12
    /// digits has its own resources, but bucket names are common to all.
    ///
    /// # Errors
    ///
    /// Where the record cannot be written.
    pub fn publish(&self, local: &Local, account: &str) -> Result<Emulator> {
        let record = Record {
            account: account.to_owned(),
            ..self.record.clone()
        };
        local.files.publish(&record)?;
        Ok(local.emulator(&record, None))
    }
}

/// Returns the lines of a shell script that points the AWS CLI and boto3 at the emulator.
pub fn env_exports(emulator: &Emulator) -> String {
    let variables = [
        ("AWS_ENDPOINT_URL", emulator.endpoint.as_str()),
        ("AWS_ACCESS_KEY_ID", emulator.account.as_str()),
        ("AWS_SECRET_ACCESS_KEY", SECRET_ACCESS_KEY),
        ("AWS_REGION", emulator.region.as_str()),
        ("AWS_DEFAULT_REGION", emulator.region.as_str()),
    ];
    // A real session's token must not reach the emulator, and a profile would bring its own keys.
    let head = "unset AWS_PROFILE AWS_SESSION_TOKEN\n".to_owned();
    variables.iter().fold(head, |script, (name, value)| {
        format!("{script}export {name}={}\n", quote(value))
    })
}

/// Returns the digest of everything that decides how an emulator behaves.
fn build() -> String {
    short_digest([install::LOCK_FILE, process::LAUNCHER])
}

/// Runs blocking `work` on a thread of its own and passes on what it reports.
async fn on_thread<T: Send + 'static>(
    work: impl FnOnce(&mut dyn FnMut(Progress)) -> Result<T> + Send + 'static,
    mut progress: impl FnMut(Progress),
) -> Result<T> {
    let (reports, mut reported) = mpsc::unbounded_channel();
    let (result, done) = oneshot::channel();
    thread::spawn(move || {
        // Nobody listens any more after an interrupt.
        let outcome = work(&mut |step| {
            let _ = reports.send(step);
        });
        let _ = result.send(outcome);
    });
    while let Some(step) = reported.recv().await {
        progress(step);
    }
    done.await
        .map_err(|error| Error::system("the work on the local environment broke off", error))?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exports_are_words_of_a_shell() {
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
