//! What the connections of one run share, so that twenty stacks cost hardly more than one: HTTP clients
//! with their open connections, credentials with what STS says of them, and the limits of the calls.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use aws_config::identity::IdentityCache;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_smithy_runtime_api::client::identity::SharedIdentityCache;
use jiff::SignedDuration;
use tokio::sync::OnceCell;

use super::Identity;
use super::clock::ServerClock;
use super::credentials::{Codes, Source, Validity};
use super::http::{self, Route};
use super::limiter::Limiters;
use super::pace::Pace;
use crate::error::Result;

/// What the connections of one run share. Clones are the same pool.
#[derive(Clone, Default)]
pub struct Pool(Arc<Mutex<Shared>>);

#[derive(Default)]
struct Shared {
    clients: Vec<(Route, SharedHttpClient)>,
    clock: ServerClock,
    callers: Vec<(Credentials, Arc<Caller>)>,
    accounts: Accounts,
    pace: Pace,
}

/// The limiters of the accounts that are known.
type Accounts = Arc<Mutex<HashMap<String, Limiters>>>;

/// Which credentials a connection calls with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Credentials {
    /// Those of an emulator, by its URL and account.
    Emulated { endpoint: String, account: String },
    /// Those of a profile, which also says where STS is.
    Profile { name: String, source: Source },
}

/// What is known and remembered of some credentials.
#[derive(Debug)]
pub(super) struct Caller {
    /// Loads the credentials.
    pub(super) provider: OnceLock<SharedCredentialsProvider>,
    /// The credentials that were loaded.
    pub(super) loaded: SharedIdentityCache,
    /// The codes of the MFA devices that the credentials need.
    pub(super) codes: Codes,
    /// Until when the loaded credentials are valid.
    pub(super) validity: Validity,
    /// Held while the user is asked for the codes.
    pub(super) asking: tokio::sync::Mutex<()>,
    pub(super) limiters: Limiters,
    accounts: Accounts,
    identity: OnceCell<Identity>,
    /// Whether STS could not be asked.
    is_unknown: AtomicBool,
}

impl Pool {
    /// Returns a pool for tests, with which so many seconds of a pause between calls pass in a second.
    pub fn with_faster_pauses(seconds: u32) -> Self {
        let shared = Shared {
            pace: Pace::new(seconds),
            ..Shared::default()
        };
        Self(Arc::new(Mutex::new(shared)))
    }

    /// Returns how fast time passes for pauses.
    pub(super) fn pace(&self) -> Pace {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pace
    }

    /// Returns the HTTP client of a route.
    ///
    /// # Errors
    ///
    /// If the certificates of the route cannot be read.
    pub(super) fn client(&self, route: Route) -> Result<SharedHttpClient> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = shared.clients.iter().find(|(known, _)| *known == route) {
            return Ok(client.clone());
        }
        let client = http::client(&route, &shared.clock)?;
        shared.clients.push((route, client.clone()));
        Ok(client)
    }

    /// Returns by how much this machine's clock is ahead of those of the servers that answered, to the
    /// second; `None` if nobody has answered.
    pub fn clock_ahead(&self) -> Option<SignedDuration> {
        let shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        shared.clock.ahead()
    }

    /// Returns what is known of some credentials.
    pub(super) fn caller(&self, credentials: Credentials) -> Arc<Caller> {
        let mut shared = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut known = shared.callers.iter();
        if let Some((_, caller)) = known.find(|(known, _)| *known == credentials) {
            return Arc::clone(caller);
        }
        let accounts = match credentials {
            // The accounts of an emulator are not AWS's.
            Credentials::Emulated { .. } => Accounts::default(),
            Credentials::Profile { .. } => Arc::clone(&shared.accounts),
        };
        let caller = Arc::new(Caller {
            limiters: Limiters::at(shared.pace),
            accounts,
            ..Caller::default()
        });
        shared.callers.push((credentials, Arc::clone(&caller)));
        caller
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pool")
    }
}

impl Default for Caller {
    fn default() -> Self {
        Self {
            provider: OnceLock::new(),
            loaded: IdentityCache::lazy().build(),
            codes: Codes::default(),
            validity: Validity::default(),
            asking: tokio::sync::Mutex::default(),
            limiters: Limiters::default(),
            accounts: Accounts::default(),
            identity: OnceCell::new(),
            is_unknown: AtomicBool::new(false),
        }
    }
}

impl Caller {
    /// Returns the identity, for which `ask` is called once. If that fails, each connection asks for itself,
    /// so that its error names its own region.
    ///
    /// # Errors
    ///
    /// Those of `ask`.
    pub(super) async fn identity(
        &self,
        ask: impl AsyncFn() -> Result<Identity>,
    ) -> Result<Identity> {
        let mut failure = None;
        let asked = self.identity.get_or_try_init(async || {
            // Those that waited for the failed call do not wait for each other, too.
            if self.is_unknown.load(Ordering::Relaxed) {
                return Err(());
            }
            let asked = ask().await.map_err(|error| {
                self.is_unknown.store(true, Ordering::Relaxed);
                failure = Some(error);
            })?;
            self.share_limiters(&asked.account);
            Ok(asked)
        });
        let asked = asked.await.cloned();
        match (asked, failure) {
            (Ok(identity), _) => Ok(identity),
            (Err(()), Some(error)) => Err(error),
            (Err(()), None) => ask().await,
        }
    }

    /// Shares the limiters with the other credentials of the same account: AWS counts their calls together.
    fn share_limiters(&self, account: &str) {
        let mut accounts = self.accounts.lock().unwrap_or_else(PoisonError::into_inner);
        match accounts.get(account) {
            Some(known) => self.limiters.join(known),
            None => {
                accounts.insert(account.to_owned(), self.limiters.clone());
            }
        }
    }

    /// Returns those of these MFA devices whose codes were not given yet.
    pub(super) fn without_code(&self, devices: &[String]) -> Vec<String> {
        let codes = self.codes.lock().unwrap_or_else(PoisonError::into_inner);
        let missing = devices.iter().filter(|it| !codes.contains_key(*it));
        missing.cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use futures_util::future::join_all;

    use std::sync::Arc;

    use super::{Caller, Credentials, Pool};
    use crate::aws::Identity;
    use crate::aws::credentials::Source;
    use crate::aws::http::Route;
    use crate::error::{Error, Result};

    fn identity() -> Identity {
        Identity {
            account: "123456789012".to_owned(),
            arn: "arn:aws:iam::123456789012:user/tester".to_owned(),
        }
    }

    #[tokio::test]
    async fn the_identity_is_asked_for_once() {
        let (caller, calls) = (Caller::default(), Cell::new(0));
        let ask = async || -> Result<Identity> {
            calls.set(calls.get() + 1);
            tokio::task::yield_now().await;
            Ok(identity())
        };
        for answer in join_all((0..20).map(|_| caller.identity(ask))).await {
            assert_eq!(answer.ok(), Some(identity()));
        }
        assert_eq!(calls.get(), 1);
    }

    #[tokio::test]
    async fn credentials_of_one_account_share_its_limiters() {
        let pool = Pool::default();
        let of = |name: &str| {
            pool.caller(Credentials::Profile {
                name: name.to_owned(),
                source: Source::LoginSession(String::new()),
            })
        };
        let limiter = |caller: &Caller| caller.limiters.of("eu-west-1", "cloudformation");
        let (one, other) = (of("one"), of("other"));
        // A client that was made before the account is known follows it.
        let scopes = (limiter(&one), limiter(&other));
        assert!(!Arc::ptr_eq(&scopes.0.limiter(), &scopes.1.limiter()));
        for caller in [&one, &other] {
            let answer = caller.identity(async || Ok(identity())).await;
            assert!(answer.is_ok());
        }
        assert!(Arc::ptr_eq(&scopes.0.limiter(), &scopes.1.limiter()));
        let third = of("third");
        let of_other_account = Identity {
            account: "210987654321".to_owned(),
            ..identity()
        };
        let answer = third.identity(async || Ok(of_other_account.clone()));
        assert!(answer.await.is_ok());
        assert!(!Arc::ptr_eq(
            &limiter(&third).limiter(),
            &scopes.0.limiter()
        ));
    }

    #[tokio::test]
    async fn a_failure_is_everybodys_own() {
        let (caller, running, most) = (Caller::default(), Cell::new(0), Cell::new(0));
        let fail = async || -> Result<Identity> {
            running.set(running.get() + 1);
            most.set(running.get().max(most.get()));
            tokio::task::yield_now().await;
            running.set(running.get() - 1);
            Err(Error::input("no"))
        };
        let answers = join_all((0..20).map(|_| caller.identity(fail))).await;
        assert!(answers.iter().all(Result::is_err));
        assert_eq!(most.get(), 19, "one call, and then all others at once");
        let answer = caller.identity(async || Ok(identity())).await;
        assert_eq!(answer.ok(), Some(identity()));
    }

    #[test]
    fn what_is_the_same_is_shared() -> Result<()> {
        let pool = Pool::default();
        let of = |account: &str| Credentials::Emulated {
            endpoint: "http://127.0.0.1:1".to_owned(),
            account: account.to_owned(),
        };
        let (one, same, other) = (
            pool.caller(of("1")),
            pool.caller(of("1")),
            pool.caller(of("2")),
        );
        assert!(std::sync::Arc::ptr_eq(&one, &same));
        assert!(!std::sync::Arc::ptr_eq(&one, &other));
        pool.client(Route::Loopback)?;
        pool.client(Route::Loopback)?;
        pool.client(Route::Direct)?;
        let shared = pool.0.lock().map(|shared| shared.clients.len());
        assert_eq!(shared.ok(), Some(2));
        Ok(())
    }
}
