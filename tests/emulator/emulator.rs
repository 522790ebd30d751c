//! The one emulator of a test run, and how a test borrows it.
//!
//! It is started by the first test that needs it and ends with this process, however that ends. A
//! test has an account of its own there, so tests neither see nor wait for one another. It is
//! installed below Cargo's target folder, once for all test binaries and runs.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;
use stackctl::config::ambient::Ambient;
use stackctl::emulator::{BoundEmulator, Local};

use crate::boto3_client::Boto3Client;

/// A running emulator.
pub(crate) struct Emulator {
    bound: BoundEmulator,
    boto3: OnceLock<Mutex<Boto3Client>>,
    accounts: AtomicU64,
    /// Two runs at once would take each other's emulator for a forgotten one, so one waits.
    _lock: File,
}

/// A project's access to the emulator.
pub(crate) struct Borrowed {
    /// The account, 12 digits, which no other test has.
    pub(crate) account: String,
    endpoint: String,
}

/// Returns the cache folder that holds the installed emulator.
pub(crate) fn cache() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulator-cache")
}

/// Returns the local environment of the project in `root` with this cache folder.
pub(crate) fn local(root: &Path, cache: &Path) -> Local {
    let cache = ("STACKCTL_CACHE_DIR".to_owned(), cache.display().to_string());
    let ambient = Ambient::new(std::env::vars().chain([cache]), root);
    Local::new(&ambient, root, "local", None).unwrap()
}

/// Returns the emulator, starting it where this is the first call.
pub(crate) fn shared() -> &'static Emulator {
    static SHARED: OnceLock<Emulator> = OnceLock::new();
    SHARED.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("emulator-owner");
        fs::create_dir_all(&root).unwrap();
        let lock = File::create(root.join("lock")).unwrap();
        lock.lock().unwrap();
        Emulator {
            bound: local(&root, &cache()).run_bound(&mut |_| {}).unwrap(),
            boto3: OnceLock::new(),
            accounts: AtomicU64::new(100_000_000_001),
            _lock: lock,
        }
    })
}

impl Emulator {
    /// Lets the commands of the project in `root` find this emulator, as an account of their own.
    pub(crate) fn lend(&self, root: &Path, cache: &Path) -> Borrowed {
        let account = self.accounts.fetch_add(1, Ordering::Relaxed).to_string();
        let emulator = self.bound.publish(&local(root, cache), &account).unwrap();
        Borrowed {
            account,
            endpoint: emulator.endpoint,
        }
    }

    /// Returns the Python that runs the emulator; it has boto3.
    pub(crate) fn python(&self) -> &Path {
        self.bound.python()
    }
}

impl Borrowed {
    /// Returns the emulator's URL.
    pub(crate) fn endpoint(&self) -> &str {
        &self.endpoint
    }

    /// Makes calls concurrently with boto3. Each is a service, an operation and its arguments, by
    /// boto3's names.
    pub(crate) fn call_all(&self, calls: &[(&str, &str, Value)]) -> Vec<Result<Value, String>> {
        let requests: Vec<Value> = calls
            .iter()
            .map(|(service, operation, arguments)| {
                serde_json::json!({
                    "account": self.account,
                    "service": service,
                    "operation": operation,
                    "arguments": arguments,
                })
            })
            .collect();
        let client = shared().boto3.get_or_init(|| {
            let client = Boto3Client::start(shared().python(), &self.endpoint);
            Mutex::new(client)
        });
        // A test that panicked while it held the lock left the client usable.
        let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
        client.call(&requests)
    }
}
