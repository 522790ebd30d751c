//! A scripted AWS on loopback, behind `AWS_ENDPOINT_URL`.
//!
//! By default it responds like an empty account ([`Account`]): buckets and change sets can be
//! created, change sets executed, stacks described and deleted. A test may script any operation
//! ([`Cloud::on`]): another body, an error, a delay, a broken connection. Every request is recorded
//! ([`Cloud::calls`]).
//!
//! It listens on its own port and ends with the test.

mod account;
mod buckets;
mod call;
mod change_sets;
mod changes;
pub(crate) mod express;
mod functions;
pub(crate) mod http;
mod operation;
mod rate;
mod recovery;
mod refactors;
mod self_test;
mod stack_sets;
mod stacks;
mod template;
mod values;
pub(crate) mod xml;

use std::collections::BTreeMap;
use std::io::{BufReader, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub(crate) use account::{Account, Progress};
pub(crate) use buckets::{Bucket, Object};
pub(crate) use call::Call;
pub(crate) use change_sets::ChangeSet;
pub(crate) use http::Response;
use rate::Rate;
pub(crate) use refactors::{Refactor, move_xml, rename};
use stackctl::aws::actions::CALLS;
pub(crate) use stacks::Deployment;

use crate::listener::Listener;
use crate::sandbox::{Running, Sandbox};

/// The account of all credentials.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of the account's buckets.
pub(crate) const REGION: &str = "eu-west-1";

/// How many seconds of a pause between calls pass in a second.
const PACE: &str = "10";

/// A running server. It stops when dropped.
pub(crate) struct Cloud {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    account: Mutex<Account>,
    rules: Mutex<Vec<Rule>>,
    rate: Mutex<Option<Rate>>,
    calls: Mutex<Vec<Call>>,
}

impl Cloud {
    /// Starts a server with an empty account.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared {
            account: Mutex::new(Account::default()),
            rules: Mutex::default(),
            rate: Mutex::default(),
            calls: Mutex::default(),
        });
        let ours = Arc::clone(&shared);
        let listener = Listener::start(move |stream| ours.serve(stream));
        Self { listener, shared }
    }

    /// Returns the calls that the table of calls (`stackctl::aws::actions`) does not have for their command.
    fn unlisted(&self) -> Vec<String> {
        let mut unlisted: Vec<String> = Vec::new();
        for call in self.calls() {
            let (service, operation) = (call.service.as_str(), call.operation.as_str());
            let is_listed = |command: &str| {
                CALLS.iter().any(|it| {
                    (it.service, it.operation) == (service, operation) && it.is_made_by(command)
                })
            };
            if let Some(command) = call.command()
                && !service.is_empty()
                && !is_listed(command)
            {
                unlisted.push(format!("{command}: {service} {operation}"));
            }
        }
        unlisted
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Returns the value for `AWS_ENDPOINT_URL`.
    pub(crate) fn endpoint(&self) -> String {
        self.listener.url()
    }

    /// Returns the locked account, to be set up before a run and read after it.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.shared.account)
    }

    /// Starts a rule for an operation. A rule applies once its last method is called:
    /// [`reply`](Script::reply), [`error`](Script::error),
    /// [`drop_connection`](Script::drop_connection), [`carry_on`](Script::carry_on). The first rule
    /// that matches a call is used.
    pub(crate) fn on(&self, operation: &str) -> Script<'_> {
        Script {
            cloud: self,
            rule: Rule {
                operation: operation.to_owned(),
                only: Box::new(|_| true),
                skip: 0,
                times: usize::MAX,
                delay: Duration::ZERO,
                action: Action::AsUsual,
            },
        }
    }

    /// Throttles the calls of CloudFormation in each region.
    pub(crate) fn limit_rate(&self, per_second: f64, burst: f64) {
        *lock(&self.shared.rate) = Some(Rate::new(per_second, burst));
    }

    /// Returns every call so far.
    pub(crate) fn calls(&self) -> Vec<Call> {
        lock(&self.shared.calls).clone()
    }

    /// Returns the calls of one operation.
    pub(crate) fn calls_of(&self, operation: &str) -> Vec<Call> {
        let mut calls = self.calls();
        calls.retain(|call| call.operation == operation);
        calls
    }

    /// Returns how often each call was sent, by its id: the SDK sends calls again that were throttled.
    pub(crate) fn attempts(&self) -> BTreeMap<String, usize> {
        let mut attempts = BTreeMap::new();
        for call in self.calls() {
            let id = call.header("amz-sdk-invocation-id").to_owned();
            *attempts.entry(id).or_default() += 1;
        }
        attempts
    }

    /// Returns the names of all operations that were called, in order.
    pub(crate) fn operations(&self) -> Vec<String> {
        self.calls()
            .into_iter()
            .map(|call| call.operation)
            .collect()
    }

    /// Forgets the calls so far, between two runs.
    pub(crate) fn forget_calls(&self) {
        lock(&self.shared.calls).clear();
    }
}

/// Every call of a command has to be in the table from which permissions are told.
impl Drop for Cloud {
    fn drop(&mut self) {
        if !thread::panicking() {
            let unlisted = self.unlisted();
            assert!(unlisted.is_empty(), "not in `aws/actions.rs`: {unlisted:?}");
        }
    }
}

impl Sandbox {
    /// Points the child at a scripted cloud, with credentials and a region.
    pub(crate) fn cloud(self, cloud: &Cloud) -> Self {
        self.credentials()
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &cloud.endpoint())
            .env("STACKCTL_TEST_PACE", PACE)
    }
}

impl Running {
    /// Waits until the child has called an operation.
    pub(crate) fn wait_for_call(&mut self, cloud: &Cloud, operation: &str) -> &mut Self {
        self.wait_until(operation, || !cloud.calls_of(operation).is_empty())
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> std::io::Result<()> {
        stream.set_nodelay(true)?;
        let mut writer = stream.try_clone()?;
        let mut reader = BufReader::new(stream);
        while let Some(request) = http::read_request(&mut reader)? {
            let method = request.method.clone();
            let call = Call::new(request);
            lock(&self.calls).push(call.clone());
            let mut rate = lock(&self.rate);
            let is_accepted = rate.as_mut().is_none_or(|rate| rate.accepts(&call));
            drop(rate);
            let (delay, action) = if is_accepted {
                self.action(&call)
            } else {
                let (code, message) = ("Throttling".to_owned(), "Rate exceeded".to_owned());
                (Duration::ZERO, Action::Error(400, code, message))
            };
            thread::sleep(delay);
            let response = match action {
                Action::AsUsual => lock(&self.account).answer(&call),
                Action::Reply(response) => response,
                Action::Endless(result) => {
                    let number = lock(&self.calls).len();
                    let result = result + &xml::text("NextToken", &number.to_string());
                    let body = xml::query_response(&call.operation, &result);
                    Response::new(200, body).header("content-type", "text/xml")
                }
                Action::Raw(bytes) => return writer.write_all(&bytes),
                Action::Error(status, code, message) => error(&call, status, &code, &message),
                Action::Drop => return Ok(()),
                Action::LoseAnswer => {
                    lock(&self.account).answer(&call);
                    return Ok(());
                }
            };
            let response = match lock(&self.account).minutes {
                Some(minutes) => response.dated(minutes),
                None => response,
            };
            http::write_response(&mut writer, &method, &response)?;
        }
        Ok(())
    }

    fn action(&self, call: &Call) -> (Duration, Action) {
        for rule in lock(&self.rules).iter_mut() {
            if rule.operation != call.operation || !(rule.only)(call) || rule.times == 0 {
                continue;
            }
            if rule.skip > 0 {
                rule.skip -= 1;
                continue;
            }
            rule.times -= 1;
            return (rule.delay, rule.action.clone());
        }
        (Duration::ZERO, Action::AsUsual)
    }
}

struct Rule {
    operation: String,
    only: Box<dyn Fn(&Call) -> bool + Send>,
    skip: usize,
    times: usize,
    delay: Duration,
    action: Action,
}

#[derive(Clone)]
enum Action {
    AsUsual,
    Reply(Response),
    /// The XML of a result, with another token for the next page each time.
    Endless(String),
    /// The bytes of a response, after which the connection is closed.
    Raw(Vec<u8>),
    Error(u16, String, String),
    Drop,
    LoseAnswer,
}

/// A rule that is being built.
#[must_use = "a rule holds from its last word on"]
pub(crate) struct Script<'a> {
    cloud: &'a Cloud,
    rule: Rule,
}

impl Script<'_> {
    /// Applies only to calls of the operation that meet a condition.
    pub(crate) fn only(mut self, condition: impl Fn(&Call) -> bool + Send + 'static) -> Self {
        self.rule.only = Box::new(condition);
        self
    }

    /// Applies after this many calls.
    pub(crate) fn after(mut self, count: usize) -> Self {
        self.rule.skip = count;
        self
    }

    /// Applies to this many calls. By default, a rule applies to all calls.
    pub(crate) fn times(mut self, count: usize) -> Self {
        self.rule.times = count;
        self
    }

    /// Delays the response, in milliseconds.
    pub(crate) fn delay(mut self, milliseconds: u64) -> Self {
        self.rule.delay = Duration::from_millis(milliseconds);
        self
    }

    /// Responds as the account does.
    pub(crate) fn carry_on(self) {
        self.end(Action::AsUsual);
    }

    /// Sends this response.
    pub(crate) fn reply(self, response: Response) {
        self.end(Action::Reply(response));
    }

    /// Sends this XML with status 200.
    pub(crate) fn reply_xml(self, body: &str) {
        self.reply(Response::new(200, body).header("content-type", "text/xml"));
    }

    /// Sends the operation's result element with this XML.
    pub(crate) fn reply_result(self, result: &str) {
        let body = xml::query_response(&self.rule.operation, result);
        self.reply_xml(&body);
    }

    /// Sends the operation's result element with this XML, and with the token of a further page that no
    /// other response has.
    pub(crate) fn reply_endlessly(self, result: &str) {
        self.end(Action::Endless(result.to_owned()));
    }

    /// Sends these bytes, and closes the connection.
    pub(crate) fn reply_raw(self, bytes: impl Into<Vec<u8>>) {
        self.end(Action::Raw(bytes.into()));
    }

    /// Sends an error in the format of the called service.
    pub(crate) fn error(self, status: u16, code: &str, message: &str) {
        self.end(Action::Error(status, code.to_owned(), message.to_owned()));
    }

    /// Closes the connection without a response.
    pub(crate) fn drop_connection(self) {
        self.end(Action::Drop);
    }

    /// Executes the call and closes the connection without a response.
    pub(crate) fn lose_answer(self) {
        self.end(Action::LoseAnswer);
    }

    fn end(mut self, action: Action) {
        self.rule.action = action;
        lock(&self.cloud.shared.rules).push(self.rule);
    }
}

/// Returns an error in the format of the called service.
fn error(call: &Call, status: u16, code: &str, message: &str) -> Response {
    let json = serde_json::json!({ "__type": code, "message": message }).to_string();
    match call.service.as_str() {
        // The response to a `HEAD` has no body. The caller gets only the status.
        "s3" => Response::new(status, xml::s3_error(code, message)),
        "dynamodb" | "logs" | "secretsmanager" | "ssm" => Response::new(status, json),
        "lambda" => Response::new(status, json).header("x-amzn-errortype", code),
        _ => Response::new(status, xml::query_error(code, message)),
    }
}

/// Locks a mutex, also after another thread has panicked. That panic is reported by its test.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
