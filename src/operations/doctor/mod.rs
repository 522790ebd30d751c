//! Checks whether what a deployment needs is in place, and what helps where it is not.
//!
//! Every check only reads. A check that cannot be made does not keep the others from being made: without a
//! manifest, what needs none is still checked. The calls to AWS take two round trips: first what needs the
//! stack's name alone, then what needs the account. The role of a session is one more.

mod account;
mod bucket;
mod local;
mod machine;
mod permissions;
mod project;
mod stack;

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::operations::context::Context;
use crate::operations::session::Session;
use crate::plan::checkup::{Check, Checkup, Topic};

/// How long a call may take with all its attempts. A network that is not there is found sooner.
const LIMIT: Duration = Duration::from_secs(25);

/// Makes all checks.
pub(crate) async fn examine(context: &Context) -> Checkup {
    let opened = project::open(context);
    let mut checkup = Checkup {
        checks: opened.checks,
        ..Checkup::default()
    };
    let session = opened.session.as_ref();
    if let Some(session) = session.filter(|_| opened.is_real) {
        let settings = session.settings();
        checkup.project = Some(settings.project.clone());
        checkup.environment = Some(settings.environment.clone());
        checkup.stack = Some(settings.stack_name.clone());
        checkup.region.clone_from(&settings.region);
    }
    let needs = machine::Needs::of(session.filter(|_| opened.is_real), context);
    let (machine, remote) = tokio::join!(machine::checks(needs), async {
        match session {
            Some(session) => remote(session, opened.is_real).await,
            None => Remote::default(),
        }
    });
    checkup.checks.extend(machine);
    checkup.checks.extend(remote.checks);
    checkup.account = remote.account;
    checkup.region = remote.region.or(checkup.region);
    checkup.sort();
    checkup
}

/// What was found out by calls.
#[derive(Debug, Default)]
struct Remote {
    checks: Vec<Check>,
    account: Option<String>,
    region: Option<String>,
}

/// Makes the checks that call AWS, or the emulator if it runs.
async fn remote(session: &Session<'_>, is_real: bool) -> Remote {
    let mut remote = Remote::default();
    let connection = if session.settings().emulator {
        local::connect(session, &mut remote.checks).await
    } else {
        local::skip(session, is_real, &mut remote.checks);
        account::connect(session, &mut remote.checks).await
    };
    let Some(connection) = connection else {
        skip_all(&mut remote.checks, "nothing could be asked");
        return remote;
    };
    remote.region = Some(connection.region().to_owned());
    if !is_real {
        let identity = within(connection.identity()).await;
        remote.account = identity.as_ref().ok().map(|it| it.account.clone());
        account::judge(session, &connection, &identity, &mut remote.checks);
        skip_all(&mut remote.checks, "this needs the manifest");
        return remote;
    }
    let (identity, stack) = tokio::join!(
        within(connection.identity()),
        stack::read(session, &connection)
    );
    remote.account = identity.as_ref().ok().map(|it| it.account.clone());
    account::judge(session, &connection, &identity, &mut remote.checks);
    let Ok(identity) = identity else {
        skip_all(&mut remote.checks, "this needs credentials that work");
        return remote;
    };
    stack::judge(session, &stack, &mut remote.checks);
    let (bucket, permissions) = tokio::join!(
        bucket::checks(session, &connection, &identity),
        permissions::simulate(session, &connection, &identity, &stack)
    );
    let seen = permissions::Seen {
        stack: &stack,
        bucket: &bucket,
    };
    remote
        .checks
        .extend(permissions::judge(session, permissions, &seen));
    remote.checks.extend(bucket.checks);
    remote
}

/// Adds a line for each topic that calls could have said something about.
fn skip_all(checks: &mut Vec<Check>, reason: &str) {
    for (topic, name) in [
        (Topic::Stack, "state"),
        (Topic::Bucket, "bucket"),
        (Topic::Permissions, "permissions"),
    ] {
        checks.push(Check::skipped(topic, name, reason));
    }
}

/// Waits for a call, but not too long.
async fn within<T>(call: impl Future<Output = Result<T>>) -> Result<T> {
    let limited = tokio::time::timeout(LIMIT, call).await;
    limited.unwrap_or_else(|_| {
        let seconds = LIMIT.as_secs();
        Err(Error::new(
            ErrorKind::Service,
            format!("no answer within {seconds} seconds"),
        )
        .hint("check the network, the proxy and the region's name; then run the command again"))
    })
}
