//! Ctrl-C, SIGTERM and SIGHUP.
//!
//! The first signal asks the running command to end: the command deletes its temporary change set, and
//! an operation of CloudFormation continues. The second signal ends the process at once. If the user is
//! asked and chooses to stay, the count is [reset](Interrupt::reset).
//!
//! A thread of its own waits for the signals, so that the second one ends the process even if the command
//! computes or reads without end.

use std::future::Future;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;

use tokio_util::sync::CancellationToken;

use crate::error::{Error, ErrorKind, Result};

/// The user's request to stop, which every wait of a command checks.
#[derive(Debug, Clone, Default)]
pub struct Interrupt {
    state: Arc<Mutex<State>>,
    /// Held by who asks what to do with the operations that run.
    asking: Arc<tokio::sync::Mutex<()>>,
    /// What stops one run of a command that runs again and again.
    stop: CancellationToken,
}

#[derive(Debug, Default)]
struct State {
    token: CancellationToken,
    /// Whether the signal was SIGTERM or SIGHUP, which nobody at the keyboard sent.
    is_unattended: bool,
    resume: Vec<String>,
    /// The hints for everything that runs, if several operations may run at the same time.
    resume_all: Option<Vec<String>>,
    /// The operations of CloudFormation that this process follows.
    running: Vec<String>,
    /// How often the user chose to stay.
    resets: u64,
    /// What the user decided, and how often the user had chosen to stay before.
    decided: Option<(u64, Decision)>,
}

/// What the user decided about the operations that run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// They go on, and this process ends.
    Leave,
    /// They are cancelled, and followed to their end.
    Cancel,
}

/// An operation that this process follows, until it is dropped.
#[derive(Debug)]
pub struct Running {
    interrupt: Interrupt,
    name: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let mut state = self.interrupt.state();
        if let Some(place) = state.running.iter().position(|it| *it == self.name) {
            state.running.remove(place);
        }
    }
}

/// Which signal asks the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(unix), expect(dead_code, reason = "Windows has Ctrl-C alone"))]
enum Signal {
    Interrupt,
    Terminate,
    /// The terminal was closed.
    HangUp,
}

impl Interrupt {
    /// Starts to listen. The second signal calls `end_process`, which does not return, with the hints on
    /// how to continue what runs.
    ///
    /// # Errors
    ///
    /// If the operating system refuses a signal handler.
    pub fn listen(end_process: impl Fn(&[String]) + Send + 'static) -> Result<Self> {
        let interrupt = Self::default();
        let listener = interrupt.clone();
        on_own_thread(async move |mut signals| {
            loop {
                let signal = signals.next().await;
                let mut state = listener.state();
                if state.token.is_cancelled() {
                    end_process(&state.resume);
                }
                state.is_unattended = signal != Signal::Interrupt;
                state.token.cancel();
            }
        })
        .map_err(|error| Error::system("cannot listen for Ctrl-C", error))?;
        Ok(interrupt)
    }

    /// Calls `end_process` at the next signal.
    pub fn end_process(end_process: impl Fn(&[String]) + Send + 'static) {
        // If this fails, the next signal has no effect, and the command still ends by itself.
        let _ = on_own_thread(async move |mut signals| {
            signals.next().await;
            end_process(&[]);
        });
    }

    /// Returns the same, which also ends what waits for it if `stop` is cancelled: one run of a command that
    /// runs again and again.
    #[must_use]
    pub fn or_stopped(&self, stop: CancellationToken) -> Self {
        Self {
            stop,
            ..self.clone()
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the signal was SIGTERM or SIGHUP. Then no user at the keyboard can be asked what
    /// to do.
    pub fn is_unattended(&self) -> bool {
        self.state().is_unattended
    }

    /// Treats the next signal as the first one: the user was asked and chose to stay.
    pub fn reset(&self) {
        let mut state = self.state();
        state.token = CancellationToken::new();
        state.resets += 1;
    }

    /// Keeps the hints on how to continue what runs now. The second signal prints them.
    pub fn resume_with(&self, hints: Vec<String>) {
        let mut state = self.state();
        state.resume = state.resume_all.clone().unwrap_or(hints);
    }

    /// Keeps the hints on how to continue everything that will run in this process: those that the second
    /// signal prints instead of the hints of one operation.
    pub fn resume_all_with(&self, hints: Vec<String>) {
        self.state().resume_all = Some(hints);
    }

    /// Remembers that this process follows an operation on the stack of this name.
    #[must_use]
    pub fn follow(&self, name: &str) -> Running {
        self.state().running.push(name.to_owned());
        Running {
            interrupt: self.clone(),
            name: name.to_owned(),
        }
    }

    /// Returns the stacks on which this process follows operations.
    pub fn running(&self) -> Vec<String> {
        self.state().running.clone()
    }

    /// Returns how often the user has chosen to stay, which tells one signal from the next.
    pub fn resets(&self) -> u64 {
        self.state().resets
    }

    /// Returns what the user decides about the operations that run, after a signal that came when the user
    /// had chosen to stay `resets` times. `ask` is called once for each signal. If the answer is to cancel them, the next signal is the first one again.
    ///
    /// # Errors
    ///
    /// Those of `ask`; the operations are left then.
    pub async fn decide(
        &self,
        resets: u64,
        ask: impl AsyncFnOnce(&[String]) -> Result<Decision>,
    ) -> Result<Decision> {
        let _turn = self.asking.lock().await;
        let decided = self.state().decided;
        if let Some((_, decision)) = decided.filter(|(before, _)| *before == resets) {
            return Ok(decision);
        }
        let decision = ask(&self.running()).await;
        let known = *decision.as_ref().unwrap_or(&Decision::Leave);
        self.state().decided = Some((resets, known));
        if known == Decision::Cancel {
            self.reset();
        }
        decision
    }

    /// Waits for the next signal that asks the running command to end.
    pub async fn requested(&self) {
        let token = self.state().token.clone();
        tokio::select! {
            () = token.cancelled() => {}
            () = self.stop.cancelled() => {}
        }
    }

    /// Returns whether a signal has asked the running command to end.
    pub fn is_requested(&self) -> bool {
        self.state().token.is_cancelled() || self.stop.is_cancelled()
    }

    /// Waits for `work`, or for the user to stop it.
    ///
    /// # Errors
    ///
    /// Those of `work`; [`ErrorKind::Interrupted`] if a signal arrives first.
    pub async fn guard<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        let token = self.state().token.clone();
        tokio::select! {
            biased;
            () = token.cancelled() => Err(Error::new(ErrorKind::Interrupted, "interrupted")),
            () = self.stop.cancelled() => Err(Error::new(ErrorKind::Interrupted, "stopped")),
            done = work => done,
        }
    }
}

/// Runs `listen` on a new thread. Returns after the signals have been registered.
fn on_own_thread(listen: impl AsyncFnOnce(Signals) + Send + 'static) -> io::Result<()> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let result = runtime.and_then(|runtime| {
            let signals = runtime.block_on(async { Signals::new() })?;
            Ok((runtime, signals))
        });
        match result {
            Ok((runtime, signals)) => {
                // Nobody waits any more if the command has ended.
                let _ = sender.send(Ok(()));
                runtime.block_on(listen(signals));
            }
            Err(error) => {
                let _ = sender.send(Err(error));
            }
        }
    })?;
    let died = |_| Err(io::Error::other("its thread ended"));
    receiver.recv().unwrap_or_else(died)
}

/// The signals that ask a process to end.
struct Signals {
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    /// `None` if the process ignores SIGHUP.
    #[cfg(unix)]
    hang_up: Option<tokio::signal::unix::Signal>,
}

impl Signals {
    #[cfg(unix)]
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: if ignores_hang_up() {
                None
            } else {
                Some(signal(SignalKind::hangup())?)
            },
        })
    }

    #[cfg(unix)]
    async fn next(&mut self) -> Signal {
        tokio::select! {
            _ = self.terminate.recv() => Signal::Terminate,
            _ = self.interrupt.recv() => Signal::Interrupt,
            Some(()) = received(self.hang_up.as_mut()) => Signal::HangUp,
        }
    }

    #[cfg(not(unix))]
    #[expect(clippy::unnecessary_wraps, reason = "it can fail on Unix")]
    fn new() -> io::Result<Self> {
        Ok(Self {})
    }

    #[cfg(not(unix))]
    async fn next(&mut self) -> Signal {
        // Without a handler there is nothing to wait for.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}

/// Returns the next signal; `None` if the process ignores it.
#[cfg(unix)]
async fn received(signal: Option<&mut tokio::signal::unix::Signal>) -> Option<()> {
    signal?.recv().await
}

/// Returns whether the process was started with SIGHUP ignored, as `nohup` does. Where the system does
/// not tell (it has no `/proc`), the signal is taken as not ignored.
#[cfg(unix)]
fn ignores_hang_up() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_first_signal_ignored(&status)
}

/// Returns whether the mask `SigIgn` of `/proc/PID/status` contains signal 1, which is SIGHUP (proc(5)).
#[cfg(unix)]
fn is_first_signal_ignored(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u128::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]
mod tests {
    use std::cell::Cell;

    use tokio_util::sync::CancellationToken;

    use super::{Decision, Interrupt, is_first_signal_ignored};
    use crate::error::{ErrorKind, Result};

    #[tokio::test]
    async fn the_user_decides_once_about_everything_that_runs() {
        let interrupt = Interrupt::default();
        let [_network, app] = ["network", "app"].map(|name| interrupt.follow(name));
        let asked = Cell::new(0);
        let decide = |resets| {
            interrupt.decide(resets, async |running| {
                asked.set(asked.get() + 1);
                assert_eq!(running, ["network", "app"]);
                tokio::task::yield_now().await;
                Ok(Decision::Cancel)
            })
        };
        let (one, other) = tokio::join!(decide(0), decide(0));
        assert!(
            [one, other]
                .iter()
                .all(|it| matches!(it, Ok(Decision::Cancel)))
        );
        // Another one may come late.
        assert!(decide(0).await.is_ok());
        assert_eq!(asked.get(), 1);
        // After the next signal, it is another question.
        assert!(decide(interrupt.resets()).await.is_ok());
        assert_eq!(asked.get(), 2);
        drop(app);
        assert_eq!(interrupt.running(), ["network"]);
    }

    #[tokio::test]
    async fn a_run_is_stopped_without_the_others() {
        let interrupt = Interrupt::default();
        let stop = CancellationToken::new();
        let run = interrupt.or_stopped(stop.clone());
        assert!(!run.is_requested());
        stop.cancel();
        run.requested().await;
        let ended = run.guard(std::future::pending::<Result<()>>()).await;
        assert_eq!(ended.unwrap_err().kind(), ErrorKind::Interrupted);
        assert!(run.is_requested() && !interrupt.is_requested());
        // A signal is for every run.
        let other = interrupt.or_stopped(CancellationToken::new());
        interrupt.state().token.cancel();
        other.requested().await;
    }

    #[test]
    fn the_mask_of_ignored_signals_contains_sighup() {
        let status = |mask: &str| format!("SigBlk:\tffffffffffffffff\nSigIgn:\t{mask}\n");
        assert!(is_first_signal_ignored(&status("0000000000000001")));
        assert!(is_first_signal_ignored(&status("0000000000001007")));
        assert!(!is_first_signal_ignored(&status("0000000000001006")));
        assert!(!is_first_signal_ignored(""), "the system has no such file");
    }
}
