//! A scripted AWS on loopback, behind `AWS_ENDPOINT_URL`.
//!
//! By itself it answers like one account with nothing in it ([`Account`]): buckets can be made,
//! change sets created and executed, stacks described and deleted. On top of that a test may
//! script any operation ([`Cloud::on`]): another body, an error, a delay, a broken connection.
//! Every request is kept ([`Cloud::calls`]), so that a test can say what was sent and what was not.
//!
//! It listens on a port of its own, and ends with the test.

mod account;
mod buckets;
mod call;
mod change_sets;
mod changes;
mod http;
mod operation;
mod recovery;
mod self_test;
mod stacks;
mod template;
pub(crate) mod xml;

use std::io::BufReader;
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

pub(crate) use account::{Account, Progress};
pub(crate) use buckets::{Bucket, Object};
pub(crate) use call::Call;
pub(crate) use change_sets::ChangeSet;
pub(crate) use http::Response;
pub(crate) use stacks::Deployment;

use crate::listener::Listener;
use crate::sandbox::{Running, Sandbox};

/// The account that every credential belongs to.
pub(crate) const ACCOUNT: &str = "123456789012";
/// The region of the account's buckets.
pub(crate) const REGION: &str = "eu-west-1";

/// A running server. It stops when dropped.
pub(crate) struct Cloud {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    account: Mutex<Account>,
    rules: Mutex<Vec<Rule>>,
    calls: Mutex<Vec<Call>>,
}

impl Cloud {
    /// Starts a server with an empty account.
    pub(crate) fn start() -> Self {
        let shared = Arc::new(Shared {
            account: Mutex::new(Account::default()),
            rules: Mutex::default(),
            calls: Mutex::default(),
        });
        let ours = Arc::clone(&shared);
        let listener = Listener::start(move |stream| ours.serve(stream));
        Self { listener, shared }
    }

    /// Returns where it listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.listener.address
    }

    /// Returns the value for `AWS_ENDPOINT_URL`.
    pub(crate) fn endpoint(&self) -> String {
        self.listener.url()
    }

    /// Returns the account, locked: what is in it can be arranged before a run and read after it.
    pub(crate) fn account(&self) -> MutexGuard<'_, Account> {
        lock(&self.shared.account)
    }

    /// Begins a rule for an operation. Nothing happens until one of its last words is called:
    /// [`reply`](Script::reply), [`error`](Script::error), [`drop_connection`](Script::drop_connection),
    /// [`carry_on`](Script::carry_on). The first rule that applies wins.
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

impl Sandbox {
    /// Points the child at a scripted cloud, with credentials and a region.
    pub(crate) fn cloud(self, cloud: &Cloud) -> Self {
        self.credentials()
            .env("AWS_REGION", REGION)
            .env("AWS_ENDPOINT_URL", &cloud.endpoint())
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
            let (delay, action) = self.action(&call);
            thread::sleep(delay);
            let response = match action {
                Action::AsUsual => lock(&self.account).answer(&call),
                Action::Reply(response) => response,
                Action::Error(status, code, message) => error(&call, status, &code, &message),
                Action::Drop => return Ok(()),
                Action::LoseAnswer => {
                    lock(&self.account).answer(&call);
                    return Ok(());
                }
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
    Error(u16, String, String),
    Drop,
    LoseAnswer,
}

/// A rule in the making.
#[must_use = "a rule holds from its last word on"]
pub(crate) struct Script<'a> {
    cloud: &'a Cloud,
    rule: Rule,
}

impl Script<'_> {
    /// Applies to some calls of the operation only.
    pub(crate) fn only(mut self, condition: impl Fn(&Call) -> bool + Send + 'static) -> Self {
        self.rule.only = Box::new(condition);
        self
    }

    /// Lets this many calls pass first.
    pub(crate) fn after(mut self, count: usize) -> Self {
        self.rule.skip = count;
        self
    }

    /// Applies to this many calls; without it, to all.
    pub(crate) fn times(mut self, count: usize) -> Self {
        self.rule.times = count;
        self
    }

    /// Waits before it answers.
    pub(crate) fn delay(mut self, milliseconds: u64) -> Self {
        self.rule.delay = Duration::from_millis(milliseconds);
        self
    }

    /// Answers as the account does.
    pub(crate) fn carry_on(self) {
        self.end(Action::AsUsual);
    }

    /// Answers with this.
    pub(crate) fn reply(self, response: Response) {
        self.end(Action::Reply(response));
    }

    /// Answers with this XML and status 200.
    pub(crate) fn reply_xml(self, body: &str) {
        self.reply(Response::new(200, body).header("content-type", "text/xml"));
    }

    /// Answers with the operation's result element, which holds this XML.
    pub(crate) fn reply_result(self, result: &str) {
        let body = xml::query_response(&self.rule.operation, result);
        self.reply_xml(&body);
    }

    /// Answers with an error in the form that the called service uses.
    pub(crate) fn error(self, status: u16, code: &str, message: &str) {
        self.end(Action::Error(status, code.to_owned(), message.to_owned()));
    }

    /// Closes the connection without an answer.
    pub(crate) fn drop_connection(self) {
        self.end(Action::Drop);
    }

    /// Does what is asked, and closes the connection without an answer.
    pub(crate) fn lose_answer(self) {
        self.end(Action::LoseAnswer);
    }

    fn end(mut self, action: Action) {
        self.rule.action = action;
        lock(&self.cloud.shared.rules).push(self.rule);
    }
}

/// Returns an error in the form that the called service uses.
fn error(call: &Call, status: u16, code: &str, message: &str) -> Response {
    let json = serde_json::json!({ "__type": code, "message": message }).to_string();
    match call.service.as_str() {
        // The answer to a HEAD has no body: all that the caller learns is the status.
        "s3" => Response::new(status, xml::s3_error(code, message)),
        "dynamodb" | "logs" => Response::new(status, json),
        "lambda" => Response::new(status, json).header("x-amzn-errortype", code),
        _ => Response::new(status, xml::query_error(code, message)),
    }
}

/// Locks, also after another thread's panic: that one is reported, this one need not hide it.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
