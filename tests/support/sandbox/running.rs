//! A running child process: its output, its terminal and the signals sent to it.

use std::fs;
use std::io::{Read, Write};
use std::process::Child;
use std::sync::{Arc, Condvar, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::finished::Finished;
use super::schema;

/// A child process.
pub(crate) struct Running {
    child: Child,
    stdout: Capture,
    stderr: Capture,
    keyboard: Option<fs::File>,
    deadline: Instant,
    base: String,
}

impl Running {
    /// Returns a child with files below `base`, which may run for `time_limit`. `keyboard` is the
    /// near end of its terminal; without one, its stderr is a pipe.
    pub(super) fn new(
        mut child: Child,
        keyboard: Option<fs::File>,
        time_limit: Duration,
        base: &str,
    ) -> Self {
        let stdout = match child.stdout.take() {
            Some(stdout) => Capture::start(stdout),
            // The terminal shows it.
            None => Capture::start(std::io::empty()),
        };
        let stderr = match &keyboard {
            Some(keyboard) => Capture::start(keyboard.try_clone().unwrap()),
            None => Capture::start(child.stderr.take().unwrap()),
        };
        Self {
            child,
            stdout,
            stderr,
            keyboard,
            deadline: Instant::now() + time_limit,
            base: base.to_owned(),
        }
    }

    /// Waits until the child has written `text` to stdout.
    pub(crate) fn wait_for_stdout(&mut self, text: &str) -> &mut Self {
        self.wait_for(text, |running| &running.stdout)
    }

    /// Waits until the child has written `text` to stderr, or to its terminal.
    pub(crate) fn wait_for_stderr(&mut self, text: &str) -> &mut Self {
        self.wait_for(text, |running| &running.stderr)
    }

    /// Waits until the child has written `text` to stderr, or to its terminal, this many times.
    pub(crate) fn wait_for_stderr_times(&mut self, text: &str, times: usize) -> &mut Self {
        while self.stderr.text().matches(text).count() < times {
            if self.child.try_wait().unwrap().is_some() || Instant::now() > self.deadline {
                self.give_up(&format!("it did not write {text:?} {times} times"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Returns what the child has written to stdout so far.
    pub(crate) fn stdout(&self) -> String {
        self.stdout.text()
    }

    /// Returns what the child has written to stderr, or to its terminal, so far.
    pub(crate) fn stderr(&self) -> String {
        self.stderr.text()
    }

    /// Returns the child's process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits until something has happened outside of the child; `what` is its name.
    pub(crate) fn wait_until(&mut self, what: &str, happened: impl Fn() -> bool) -> &mut Self {
        while !happened() {
            if self.child.try_wait().unwrap().is_some() || Instant::now() > self.deadline {
                self.give_up(&format!("{what} did not happen"));
            }
            thread::sleep(Duration::from_millis(5));
        }
        self
    }

    /// Gives the child this much time from now on.
    pub(crate) fn time_limit(&mut self, limit: Duration) -> &mut Self {
        self.deadline = Instant::now() + limit;
        self
    }

    /// Types a line on the child's terminal.
    pub(crate) fn type_line(&mut self, text: &str) -> &mut Self {
        let keyboard = self.keyboard.as_mut().expect("started on a terminal");
        keyboard.write_all(format!("{text}\n").as_bytes()).unwrap();
        self
    }

    /// Types the end of input on the child's terminal.
    pub(crate) fn type_end(&mut self) -> &mut Self {
        let keyboard = self.keyboard.as_mut().expect("started on a terminal");
        keyboard.write_all(b"\x04").unwrap();
        self
    }

    /// Returns whether the child has ended.
    pub(crate) fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    /// Sends SIGINT, as Ctrl-C does.
    pub(crate) fn interrupt(&mut self) -> &mut Self {
        self.signal(Signal::INT)
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&mut self) -> &mut Self {
        self.signal(Signal::TERM)
    }

    /// Sends SIGHUP, as a terminal that is closed does. Below `nohup`, the child ignores SIGHUP and gets
    /// SIGTERM.
    pub(crate) fn hang_up(&mut self) -> &mut Self {
        let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
        let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
        let ignored = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
        self.signal(if ignored.is_some_and(|mask| mask & 1 == 1) {
            Signal::TERM
        } else {
            Signal::HUP
        })
    }

    /// Kills the child, as `kill -9` does.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Returns the peak memory of the child so far, in bytes; `None` if it has ended, or if the
    /// system is not Linux.
    pub(crate) fn peak_memory(&mut self) -> Option<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).ok()?;
        let peak = status
            .lines()
            .find_map(|line| line.strip_prefix("VmHWM:"))?;
        let kibibytes: u64 = peak.trim().trim_end_matches(" kB").parse().ok()?;
        Some(kibibytes * 1024)
    }

    /// Gives the child this time from now on.
    pub(crate) fn within(mut self, limit: Duration) -> Self {
        self.deadline = Instant::now() + limit;
        self
    }

    /// Waits for the child's end.
    pub(crate) fn wait(mut self) -> Finished {
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            if Instant::now() > self.deadline {
                self.give_up("it did not end in time");
            }
            thread::sleep(Duration::from_millis(5));
        };
        // The near end of the terminal is closed first. Otherwise a grandchild that outlives the
        // child and has the far end open would block the reader.
        self.keyboard = None;
        let (stdout, stderr) = (self.stdout.finish(), self.stderr.finish());
        schema::check(&stdout);
        Finished::new(status, stdout, stderr, self.base.clone())
    }

    fn wait_for(&mut self, text: &str, stream: impl Fn(&Self) -> &Capture) -> &mut Self {
        if !stream(self).contains_before(text, self.deadline) {
            self.give_up(&format!("it did not write {text:?}"));
        }
        self
    }

    fn signal(&mut self, signal: Signal) -> &mut Self {
        assert!(
            self.child.try_wait().unwrap().is_none(),
            "the child ended before the signal was sent"
        );
        kill_process(Pid::from_child(&self.child), signal).unwrap();
        self
    }

    fn give_up(&mut self, reason: &str) -> ! {
        let _ = self.child.kill();
        let _ = self.child.wait();
        panic!(
            "stackctl was killed: {reason}\n--- stdout\n{}\n--- stderr\n{}",
            self.stdout.text(),
            self.stderr.text()
        );
    }
}

impl Drop for Running {
    /// Kills a child that a failed test does not wait for.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Reads a stream on its own thread, so that a full pipe does not block the child.
struct Capture {
    shared: Arc<(Mutex<Received>, Condvar)>,
    reader: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Received {
    bytes: Vec<u8>,
    ended: bool,
}

impl Capture {
    fn start(mut stream: impl Read + Send + 'static) -> Self {
        let shared = Arc::new((Mutex::new(Received::default()), Condvar::new()));
        let ours = Arc::clone(&shared);
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Reading from a pseudo-terminal with a closed far end returns an error, not the end of
            // the stream.
            while let Ok(count) = stream.read(&mut buffer) {
                let mut received = ours.0.lock().unwrap();
                received.bytes.extend_from_slice(&buffer[..count]);
                received.ended = count == 0;
                ours.1.notify_all();
                if received.ended {
                    return;
                }
            }
            ours.0.lock().unwrap().ended = true;
            ours.1.notify_all();
        });
        Self {
            shared,
            reader: Some(reader),
        }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shared.0.lock().unwrap().bytes).replace("\r\n", "\n")
    }

    fn contains_before(&self, text: &str, deadline: Instant) -> bool {
        let mut received = self.shared.0.lock().unwrap();
        loop {
            if String::from_utf8_lossy(&received.bytes).contains(text) {
                return true;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if received.ended || left.is_zero() {
                return false;
            }
            received = self.shared.1.wait_timeout(received, left).unwrap().0;
        }
    }

    fn finish(&mut self) -> String {
        if let Some(reader) = self.reader.take() {
            reader.join().unwrap();
        }
        self.text()
    }
}
