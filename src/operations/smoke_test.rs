//! The smoke test of a deployed stack: a file is uploaded, and its item must appear in the table.

use std::path::Path;
use std::pin::pin;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::aws::Connection;
use crate::aws::probe::Probe;
use crate::aws::stack::StackService;
use crate::cloudformation::stack::{Resource, Stack};
use crate::config::settings::VerifySettings;
use crate::error::{Error, ErrorKind, Result};
use crate::operations::change_set_name::unique_name;
use crate::operations::function_log::{is_of_platform, shows_failure};
use crate::operations::session::Session;
use crate::present::format::Format;
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

/// `stackctl.verify/1`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    schema: &'static str,
    bucket: &'a str,
    table: &'a str,
    key: &'a str,
    latency_ms: u128,
    item: &'a Value,
}

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
        probe: &probe,
        service: StackService::new(connection, &stack.name),
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
            let message = match waited? {
                Waited::Failed => "the function failed, and no item came".to_owned(),
                _ => format!(
                    "no item came within {} seconds of the upload",
                    settings.timeout.as_secs()
                ),
            };
            let error = Error::new(ErrorKind::Deployment, message);
            return Err(functions.with_logs(error).await);
        }
    };
    match format {
        Format::Json => presenter.json(&Document {
            schema: "stackctl.verify/1",
            bucket,
            table,
            key: &key,
            latency_ms: latency.as_millis(),
            item: &item,
        })?,
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
    /// An invocation of a function failed, and no item came soon after.
    Failed,
    /// No item came in time.
    TimedOut,
}

/// Waits for the item, at most until the timeout or shortly after a function failed.
async fn wait(probe: &Probe<'_>, functions: &Functions<'_>, timeout: Duration) -> Result<Waited> {
    let wait = async {
        let mut item = pin!(wait_for_item(probe));
        tokio::select! {
            item = &mut item => return item.map(Waited::Item),
            () = functions.wait_for_failure() => {}
        }
        // Another invocation may have failed, or the function may have handled the error.
        match tokio::time::timeout(GRACE, item).await {
            Ok(item) => item.map(Waited::Item),
            Err(_) => Ok(Waited::Failed),
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

/// The functions of the stack, as far as their logs show them.
struct Functions<'p> {
    probe: &'p Probe<'p>,
    service: StackService,
    /// The time of the upload.
    since: Timestamp,
}

impl Functions<'_> {
    /// Returns as soon as a log shows a failed invocation. Does not return if no log can be read.
    async fn wait_for_failure(&self) {
        let Ok(resources) = self.service.resources().await else {
            return std::future::pending().await;
        };
        let groups = log_groups(&resources);
        loop {
            tokio::time::sleep(LOG_PAUSE).await;
            for group in groups.iter().take(LOG_LIMIT) {
                let failures = self
                    .probe
                    .log_tail(group, self.since, 1, shows_failure)
                    .await;
                if failures.is_ok_and(|failures| !failures.is_empty()) {
                    return;
                }
            }
        }
    }

    /// Returns the error with the last lines of each log as hints.
    async fn with_logs(&self, mut error: Error) -> Error {
        let resources = match self.service.resources().await {
            Ok(resources) => resources,
            Err(unread) => return error.hint(format!("the log could not be read: {unread}")),
        };
        for group in log_groups(&resources).into_iter().take(LOG_LIMIT) {
            error = error.hint(match self.last_lines(&group).await {
                Ok(Some(lines)) if lines.is_empty() => {
                    format!("the function ran, and wrote nothing to the log group `{group}`")
                }
                Ok(Some(lines)) => format!(
                    "the last lines of the log group `{group}`:\n  {}",
                    lines.join("\n  ")
                ),
                Ok(None) => {
                    format!("the log group `{group}` has no line since: the function did not run")
                }
                Err(unread) => format!("the log could not be read: {unread}"),
            });
        }
        error
    }

    /// Returns the last lines that the function wrote itself, or `None` if the log has no line at all.
    async fn last_lines(&self, group: &str) -> Result<Option<Vec<String>>> {
        let is_own = |line: &str| !is_of_platform(line);
        let lines = self
            .probe
            .log_tail(group, self.since, LOG_LINES, is_own)
            .await?;
        if !lines.is_empty() {
            // An entry of a log may have several lines.
            let lines = lines.iter().flat_map(|entry| entry.lines());
            return Ok(Some(lines.map(str::to_owned).collect()));
        }
        let any = self.probe.log_tail(group, self.since, 1, |_| true).await?;
        Ok((!any.is_empty()).then_some(lines))
    }
}

/// Returns the log groups of the stack, or the default ones of its functions if it has none of its own.
fn log_groups(resources: &[Resource]) -> Vec<String> {
    let named = |resource_type: &'static str| {
        let of_type = resources
            .iter()
            .filter(move |it| it.resource_type == resource_type);
        of_type.filter_map(|resource| resource.physical_id.clone())
    };
    let mut groups: Vec<String> = named("AWS::Logs::LogGroup").collect();
    if groups.is_empty() {
        groups = named("AWS::Lambda::Function")
            .map(|function| format!("/aws/lambda/{function}"))
            .collect();
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
