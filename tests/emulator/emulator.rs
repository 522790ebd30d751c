//! The emulator of a test run, and how a test uses it.
//!
//! The first test that needs the emulator starts it, and it ends with this process. Each test has
//! its own account, so the tests do not affect each other. The emulator is installed once in
//! Cargo's target folder.

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
    /// Two concurrent runs would stop each other's emulator, so one waits.
    _lock: File,
}

/// A project's access to the emulator.
pub(crate) struct Borrowed {
    /// The account, 12 digits. No other test has it.
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

/// Returns the emulator, and starts it at the first call.
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
    /// Lets the commands of the project in `root` find this emulator, with their own account.
    pub(crate) fn lend(&self, root: &Path, cache: &Path) -> Borrowed {
        let account = self.accounts.fetch_add(1, Ordering::Relaxed).to_string();
        let emulator = self.bound.publish(&local(root, cache), &account).unwrap();
        Borrowed {
            account,
            endpoint: emulator.endpoint,
        }
    }

    /// Lets the commands of the project in `root` find this emulator behind a proxy at another port.
    pub(crate) fn lend_behind(&self, root: &Path, cache: &Path, account: &str, port: u16) {
        let local = local(root, cache);
        self.bound.publish_at(&local, account, port).unwrap();
    }

    /// Returns the emulator's URL.
    pub(crate) fn endpoint(&self) -> String {
        self.bound.endpoint()
    }

    /// Returns the Python that runs the emulator; it has boto3.
    pub(crate) fn python(&self) -> &Path {
        self.bound.python()
    }

    /// Makes calls concurrently with boto3. Returns their results, or the error codes, in the same order.
    pub(crate) fn call(&self, requests: &[Value]) -> Vec<Result<Value, String>> {
        let client = self.boto3.get_or_init(|| {
            let client = Boto3Client::start(self.python(), &self.endpoint());
            Mutex::new(client)
        });
        // A test that panicked while it held the lock left the client usable.
        let mut client = client.lock().unwrap_or_else(PoisonError::into_inner);
        client.call(requests)
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
                let place = (self.account.as_str(), "us-east-1");
                request(place, service, operation, arguments)
            })
            .collect();
        shared().call(&requests)
    }
}

/// Returns a call in an account and a region. The service, the operation and the arguments have boto3's
/// names.
pub(crate) fn request(
    (account, region): (&str, &str),
    service: &str,
    operation: &str,
    arguments: &Value,
) -> Value {
    serde_json::json!({
        "account": account,
        "region": region,
        "service": service,
        "operation": operation,
        "arguments": arguments,
    })
}
