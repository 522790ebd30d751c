//! The smoke test of a deployed stack: a file is uploaded, and its item must appear in the table.

use std::error::Error as _;
use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;

use crate::aws::Connection;
use crate::aws::logs::{LogAnswer, LogQuery, LogService, PERMISSION};
use crate::aws::probe::Probe;
use crate::cloudformation::function::lines::{is_of_platform, shows_failure};
use crate::cloudformation::function::{Fault, FaultFinder, Function, LogLine};
use crate::cloudformation::stack::Stack;
use crate::config::settings::VerifySettings;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::unique_name;
use crate::operations::deployed_functions;
use crate::operations::log_permissions::{LogPermissions, lacks, may};
use crate::operations::session::Session;
use crate::present::format::Format;
use crate::present::json::verify::{Uploaded, VerifyDocument};
use crate::template::log_permission::LogPermission;
use crate::util::interrupt::Interrupt;

/// The pause between two reads of the table.
const PAUSE: Duration = Duration::from_millis(100);
/// The pause between two reads of the functions' logs; `FilterLogEvents` allows 5 calls per second.
const LOG_PAUSE: Duration = Duration::from_secs(2);
/// How long the item may still take after an invocation failed.
const GRACE: Duration = Duration::from_secs(3);
/// How many of each function's last log lines a failure shows.
const LOG_LINES: usize = 20;
/// The largest file that is uploaded, in bytes: 250 MB. It is held in memory.
const UPLOAD_LIMIT: u64 = 250 * 1024 * 1024;
/// How many logs a failure shows.
const LOG_LIMIT: usize = 5;

/// What a manifest needs for the smoke test.
const EXAMPLE: &str = "[verify]\n  \
    upload = { bucket = \"BucketName\", file = \"photo.png\" } # bucket: a stack output\n  \
    expect = { table = \"TableName\", key = \"fileName\" } # table: a stack output; key: the table's key";

/// Returns the settings of the smoke test.
///
/// # Errors
///
/// If the manifest has none. The hint shows what to add.
pub(crate) fn settings<'s>(session: &'s Session<'_>) -> Result<&'s VerifySettings> {
    session.settings().verify.as_ref().ok_or_else(|| {
        Error::input("the manifest has no `[verify]` table: there is nothing to upload")
            .hint(format!("add the smoke test to the manifest:\n  {EXAMPLE}"))
    })
}

/// Uploads the configured file under a unique key, waits for its item, shows it and deletes both again,
/// also if the item never appears or the user does not wait.
///
/// # Errors
///
/// If `[verify]` is missing or names an output that does not exist; [`ErrorKind::Deployment`] with the
/// functions' last log lines if no item appears in time.
pub(crate) async fn run(
    session: &Session<'_>,
    interrupt: &Interrupt,
    connection: &Connection,
    stack: &Stack,
    format: Format,
) -> Result<()> {
    let settings = settings(session)?;
    let bucket = stack.output_of_key("verify.upload.bucket", &[&settings.upload.bucket])?;
    let table = stack.output_of_key("verify.expect.table", &[&settings.expect.table])?;
    let account = stack.account().unwrap_or_default();
    let content = session.project().read(
        &settings.upload.file,
        "the file to verify with",
        UPLOAD_LIMIT,
    )?;
    let key = probe_key(&settings.upload.file);
    let probe = Probe::new(
        connection,
        account,
        [bucket, table],
        [&settings.expect.key, &key],
    );

    let presenter = session.presenter();
    presenter.note(&format!("Verifying: s3://{bucket}/{key} → {table} …"));
    let since = Timestamp::now();
    let version = probe
        .put(content, content_type(&settings.upload.file))
        .await?;
    let started = Instant::now();
    let functions = Functions {
        connection,
        stack: &stack.name,
        logs: LogService::new(connection),
        since,
    };
    let waited = interrupt
        .guard(wait(&probe, &functions, settings.timeout))
        .await;
    let latency = started.elapsed();
    let removed = probe.remove(version.as_deref()).await;
    let item = match (waited, removed) {
        (Ok(Waited::Item(item)), removed) => removed.map(|()| item)?,
        (waited, removed) => {
            if let Err(error) = removed {
                presenter.warning(&format!(
                    "s3://{bucket}/{key} or its item could not be deleted: {error}"
                ));
            }
            let error = match waited? {
                Waited::Failed(cause) => {
                    let error = "the function failed, and no item came";
                    let error = Error::new(ErrorKind::Deployment, error);
                    cause.into_iter().fold(error, Error::caused_by)
                }
                _ => Error::new(
                    ErrorKind::Deployment,
                    format!(
                        "no item came within {} seconds of the upload",
                        settings.timeout.as_secs()
                    ),
                ),
            };
            return Err(functions.with_logs(error).await);
        }
    };
    match format {
        Format::Json => {
            let uploaded = Uploaded {
                bucket,
                table,
                key: &key,
            };
            presenter.json(&VerifyDocument::of(uploaded, latency, &item))?;
        }
        Format::Human => {
            presenter.data(&format!("{item:#}\n"));
            presenter.note(&format!(
                "Verified: the item was there {:.2} s after the upload.",
                latency.as_secs_f64()
            ));
        }
    }
    Ok(())
}

/// How the wait for the item ended.
enum Waited {
    /// The item is there.
    Item(Value),
    /// A function failed, and no item came soon after. The cause is known if the configuration says it.
    Failed(Option<Cause>),
    /// No item came in time.
    TimedOut,
}

/// Why a function failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Cause(String);

/// Waits for the item, at most until the timeout or shortly after a function failed.
async fn wait(probe: &Probe<'_>, functions: &Functions<'_>, timeout: Duration) -> Result<Waited> {
    let wait = async {
        let mut item = pin!(wait_for_item(probe));
        let cause = tokio::select! {
            item = &mut item => return item.map(Waited::Item),
            cause = functions.wait_for_failure() => cause,
        };
        // Another invocation may have failed, or the function may have handled the error.
        match tokio::time::timeout(GRACE, item).await {
            Ok(item) => item.map(Waited::Item),
            Err(_) => Ok(Waited::Failed(cause)),
        }
    };
    tokio::time::timeout(timeout, wait)
        .await
        .unwrap_or(Ok(Waited::TimedOut))
}

async fn wait_for_item(probe: &Probe<'_>) -> Result<Value> {
    loop {
        if let Some(item) = probe.item().await? {
            return Ok(item);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

/// The functions of the stack, as far as their configurations and logs show them.
struct Functions<'p> {
    connection: &'p Connection,
    stack: &'p str,
    logs: LogService,
    /// The time of the upload.
    since: Timestamp,
}

impl Functions<'_> {
    /// Returns as soon as a configuration or a log shows that a function fails, with the cause if the
    /// configuration says it. Does not return if nothing can be read.
    async fn wait_for_failure(&self) -> Option<Cause> {
        let Ok(found) = deployed_functions::read(self.connection, self.stack).await else {
            return std::future::pending().await;
        };
        let functions = found.functions;
        let failure = functions.iter().find_map(failure);
        if failure.is_some() {
            return failure.map(Cause);
        }
        let groups = log_groups(&functions);
        loop {
            tokio::time::sleep(LOG_PAUSE).await;
            for (group, _) in groups.iter().take(LOG_LIMIT) {
                let failures = self.logs.tail(&self.query(group), 1, shows_failure).await;
                if matches!(failures, Ok(LogAnswer::Read(lines)) if !lines.is_empty()) {
                    return None;
                }
            }
        }
    }

    fn query(&self, group: &str) -> LogQuery {
        LogQuery {
            group: group.to_owned(),
            start: self.since.as_millisecond(),
            ..LogQuery::default()
        }
    }

    /// Returns the error with what the logs say: the cause, what helps, and the last lines of each log.
    async fn with_logs(&self, mut error: Error) -> Error {
        let found = match deployed_functions::read(self.connection, self.stack).await {
            Ok(found) => found,
            Err(unread) => return error.hint(format!("the log could not be read: {unread}")),
        };
        let mut cause: Option<(Fault, String)> = None;
        let mut hints = found.left_out;
        let remarks = found.functions.iter().filter_map(|function| {
            let configuration = function.configuration.as_ref()?;
            configuration.remark(&function.path)
        });
        hints.extend(remarks);
        let mut permissions = LogPermissions::new(self.connection);
        for (group, function) in log_groups(&found.functions).into_iter().take(LOG_LIMIT) {
            let lines = match self
                .logs
                .tail(&self.query(&group), usize::MAX, |_| true)
                .await
            {
                Ok(LogAnswer::Read(lines)) => lines,
                Ok(LogAnswer::Missing) => {
                    let permission = permissions.of(function, false).await;
                    let reason = silence(&permission, false);
                    hints.push(format!("the log group `{group}` does not exist: {reason}"));
                    continue;
                }
                Ok(LogAnswer::Denied) => {
                    hints.push(format!(
                        "the log group `{group}` could not be read: the caller lacks `{PERMISSION}`"
                    ));
                    continue;
                }
                Err(unread) => {
                    hints.push(format!("the log could not be read: {unread}"));
                    continue;
                }
            };
            let fault = FaultFinder::find(lines.iter().map(|line| line.text.as_str()));
            if let Some(fault) = fault
                && cause
                    .as_ref()
                    .is_none_or(|(known, _)| fault.kind < known.kind)
            {
                cause = Some((fault, function.path.clone()));
            }
            hints.push(if lines.is_empty() {
                let permission = permissions.of(function, true).await;
                let reason = silence(&permission, true);
                format!("the log group `{group}` has no line since: {reason}")
            } else {
                last_lines(&group, &lines)
            });
        }
        if let Some((fault, label)) = cause {
            if error.source().is_none() {
                error = error.caused_by(Cause(fault.sentence(&label)));
            }
            if let Some(remedy) = fault.remedy() {
                hints.insert(0, remedy.to_owned());
            }
        }
        hints.into_iter().fold(error, Error::hint)
    }
}

/// Returns the sentence that a function cannot run at all.
fn failure(function: &Function) -> Option<String> {
    let configuration = function.configuration.as_ref()?;
    configuration.failure(&function.path)
}

/// Returns the hint with the last lines that the functions of a log group wrote themselves.
fn last_lines(group: &str, lines: &[LogLine]) -> String {
    let own = lines.iter().filter(|line| !is_of_platform(&line.text));
    let own: Vec<&LogLine> = own.collect();
    if own.is_empty() {
        return format!("the function ran, and wrote nothing to the log group `{group}`");
    }
    let last = own.iter().skip(own.len().saturating_sub(LOG_LINES));
    // An entry of a log may have several lines.
    let last: Vec<&str> = last.flat_map(|line| line.text.lines()).collect();
    format!(
        "the last lines of the log group `{group}`:\n  {}",
        last.join("\n  ")
    )
}

/// Returns why a function has written no line to its log group.
fn silence(permission: &LogPermission, group_exists: bool) -> String {
    match permission {
        LogPermission::Lacking(missing) => lacks(missing),
        LogPermission::Granted(role) => {
            format!("the function did not run ({})", may(role.as_deref()))
        }
        LogPermission::Unknown => {
            let create = if group_exists {
                ""
            } else {
                "`logs:CreateLogGroup`, "
            };
            format!(
                "the function did not run, or its role lacks {create}`logs:CreateLogStream` and \
                 `logs:PutLogEvents`"
            )
        }
    }
}

/// Returns the log groups of functions, each with a function that writes to it.
fn log_groups(functions: &[Function]) -> Vec<(String, &Function)> {
    let mut groups: Vec<(String, &Function)> = Vec::new();
    for function in functions {
        let group = function.log_group();
        if !groups.iter().any(|(known, _)| *known == group) {
            groups.push((group, function));
        }
    }
    groups
}

/// Returns a key that nobody else uses, with the file's own name at its end.
fn probe_key(file: &Path) -> String {
    let name = file
        .file_name()
        .map(|name| name.to_string_lossy())
        .unwrap_or_default();
    format!("{}/{name}", unique_name("stackctl-verify/"))
}

/// Returns the media type of the usual images; S3 has its own default for the rest.
fn content_type(file: &Path) -> Option<&'static str> {
    match file.extension()?.to_str()?.to_ascii_lowercase().as_str() {
        "png" => Some("image/png"),
        "jpg" | "jpeg" => Some("image/jpeg"),
        "gif" => Some("image/gif"),
        "webp" => Some("image/webp"),
        "svg" => Some("image/svg+xml"),
        _ => None,
    }
}
